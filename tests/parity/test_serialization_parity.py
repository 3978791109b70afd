"""Files cross over: PyTorch reads ours with weights_only=True, and we read PyTorch's."""

from __future__ import annotations

import collections
import io
import pickle
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch as reference

import tritonnn as torch
from tritonnn.utils import safetensors as own_safetensors

DTYPES = (
    "float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "int64", "int32", "int16", "int8",
    "uint8", "bool", "complex64", "complex128",
)  # fmt: skip


def contents(library: Any) -> dict[str, Any]:
    """The same nest of things in either library."""
    base = library.arange(24.0).reshape(2, 3, 4)
    return {
        **{name: library.tensor([[1, 0, 2]]).to(getattr(library, name)) for name in DTYPES},
        "base": base,
        "view": base[1],
        "turned": base.transpose(0, 2),
        "scalar": library.tensor(2.5),
        "empty": library.zeros(0, 3),
        "leaf": library.ones(2, requires_grad=True),
        "parameter": library.nn.Parameter(library.ones(2)),
        "frozen": library.nn.Parameter(library.ones(2), requires_grad=False),
        "dtype": library.bfloat16,
        "size": library.Size([2, 3]),
        "device": library.device("cpu"),
        "layout": library.strided,
        "ordered": collections.OrderedDict(b=1, a=[2.5, None, True, "text", (1, 2), {3}]),
    }


def assert_same(got: Any, wanted: Any) -> None:
    assert list(got) == list(wanted)
    for name, value in wanted.items():
        loaded = got[name]
        if hasattr(value, "stride"):
            assert str(loaded.dtype) == str(value.dtype) and tuple(loaded.shape) == tuple(value.shape), name
            assert tuple(loaded.stride()) == tuple(value.stride()), name
            assert loaded.requires_grad == value.requires_grad, name
            assert type(loaded).__name__ == type(value).__name__, name
            assert loaded.tolist() == value.tolist(), name
        else:
            assert str(loaded) == str(value), name


FORMATS = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before 1.6"])


@FORMATS
def test_pytorch_reads_ours(tmp_path, zipped):
    torch.save(contents(torch), tmp_path / "a.pt", _use_new_zipfile_serialization=zipped)
    for options in ({}, {"mmap": True}, {"map_location": "cpu"}) if zipped else ({}, {"map_location": "cpu"}):
        got = reference.load(tmp_path / "a.pt", weights_only=True, **options)
        assert_same(got, contents(reference))
        got["view"][0, 0] = -1
        assert got["base"][1, 0, 0].item() == -1 and got["turned"][0, 0, 1].item() == -1


@FORMATS
def test_we_read_pytorchs(tmp_path, zipped):
    wanted = contents(reference)
    reference.save(wanted, tmp_path / "a.pt", _use_new_zipfile_serialization=zipped)
    for options in ({}, {"mmap": True}, {"weights_only": False}) if zipped else ({}, {"weights_only": False}):
        got = torch.load(tmp_path / "a.pt", **options)
        assert_same(got, contents(torch))
        got["view"][0, 0] = -1
        assert got["base"][1, 0, 0].item() == -1


def test_lazily_conjugated_tensors(tmp_path):
    z, w = reference.tensor([1 + 2j, 3 - 1j]), reference.tensor([1 + 2j, 3 - 1j])
    reference.save([z.conj(), w.conj().imag], tmp_path / "a.pt")
    conjugate, negative = torch.load(tmp_path / "a.pt")
    assert conjugate.tolist() == [1 - 2j, 3 + 1j] and negative.tolist() == [-2, 1]


def test_before_1_6_in_other_protocols_and_file_objects():
    wanted = contents(reference)
    for protocol in (2, 3, 4, 5):
        file = io.BytesIO(b"before it")
        file.seek(9)
        reference.save(wanted, file, pickle_protocol=protocol, _use_new_zipfile_serialization=False)
        file.write(b"behind it")
        file.seek(9)
        assert_same(torch.load(file), contents(torch))
        assert file.read() == b"behind it"


def attributed(library: Any) -> list[Any]:
    """Tensors with attributes: a number, a nest, a tensor that shares memory."""
    plain, parameter = library.arange(4.0), library.nn.Parameter(library.ones(2))
    plain.note, plain.part = [1, {"a": (2,)}], plain[1:3]
    parameter.tag = "decay"
    steps = library.nn.Buffer(library.zeros(1), persistent=False)
    return [plain, parameter, steps]


@FORMATS
@pytest.mark.parametrize("weights_only", [True, False], ids=["safe", "trusted"])
def test_attributes_cross_over(tmp_path, zipped, weights_only):
    for writer, reader in ((torch, torch), (torch, reference), (reference, torch)):
        writer.save(attributed(writer), tmp_path / "a.pt", _use_new_zipfile_serialization=zipped)
        plain, parameter, steps = reader.load(tmp_path / "a.pt", weights_only=weights_only)
        assert plain.note == [1, {"a": (2,)}] and plain.part.tolist() == [1, 2]
        plain[1] = 9
        assert plain.part[0].item() == 9
        assert isinstance(parameter, reader.nn.Parameter) and parameter.tag == "decay"
        assert isinstance(steps, reader.nn.Buffer) and steps.persistent is False


def test_what_pytorch_refuses_of_a_state_we_refuse(tmp_path):
    """`shape` and `device` of a tensor cannot be set by a file, in either library."""
    for name in ("shape", "device", "dtype", "is_leaf", "T", "__class__"):
        data = reference.ones(2)
        state = reference._utils._rebuild_parameter_with_state

        class Forged:
            def __reduce__(self, state=state, data=data, name=name):
                return state, (data, True, collections.OrderedDict(), {name: (9,)})

        reference.save(Forged(), tmp_path / "a.pt")
        for library in (reference, torch):
            with pytest.raises((AttributeError, TypeError, RuntimeError)):
                library.load(tmp_path / "a.pt", weights_only=True)


@FORMATS
@pytest.mark.filterwarnings("ignore:.*retrieve source code")
def test_whole_modules_of_pytorch(tmp_path, zipped):
    model = reference.nn.Sequential(reference.nn.Linear(3, 2), reference.nn.Tanh())
    reference.save(model, tmp_path / "a.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(pickle.UnpicklingError, match=r"GLOBAL torch\.nn\.modules"):
        torch.load(tmp_path / "a.pt")
    got = torch.load(tmp_path / "a.pt", weights_only=False)
    x = np.ones((1, 3), np.float32)
    assert isinstance(got, torch.nn.Sequential)
    assert got(torch.from_numpy(x))[0].tolist() == pytest.approx(model(reference.from_numpy(x))[0].tolist())


@FORMATS
def test_training_goes_on_in_the_other_library(tmp_path, zipped):
    """Model and optimizer of PyTorch, loaded here, take the same next step, and the other way round."""

    def build(library: Any) -> tuple[Any, Any]:
        model = library.nn.Sequential(library.nn.Linear(3, 4), library.nn.Tanh(), library.nn.Linear(4, 1))
        return model, library.optim.Adam(model.parameters(), lr=0.05, weight_decay=0.01)

    def step(library: Any, model: Any, optimizer: Any) -> float:
        x = library.from_numpy(np.linspace(-1, 1, 15, dtype=np.float32).reshape(5, 3))
        loss = (model(x) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    for first, second in ((reference, torch), (torch, reference)):
        model, optimizer = build(first)
        for _ in range(3):
            step(first, model, optimizer)
        state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
        first.save(state, tmp_path / "c.pt", _use_new_zipfile_serialization=zipped)
        other, other_optimizer = build(second)
        saved = second.load(tmp_path / "c.pt", weights_only=True)
        other.load_state_dict(saved["model"])
        other_optimizer.load_state_dict(saved["optimizer"])
        for _ in range(3):
            here, there = step(second, other, other_optimizer), step(first, model, optimizer)
            assert here == pytest.approx(there, rel=1e-5)


def test_safetensors_cross_over(tmp_path):
    names = [n for n in DTYPES if n != "complex128"]
    mine = {n: torch.tensor([[1, 0, 2]]).to(getattr(torch, n)) for n in names}
    theirs = {n: reference.tensor([[1, 0, 2]]).to(getattr(reference, n)) for n in names}
    own_safetensors.save_file(mine, tmp_path / "a")
    safetensors.torch.save_file(theirs, tmp_path / "b")
    assert_same(
        dict(sorted(safetensors.torch.load_file(tmp_path / "a").items())), dict(sorted(theirs.items()))
    )
    assert_same(dict(sorted(own_safetensors.load_file(tmp_path / "b").items())), dict(sorted(mine.items())))


@FORMATS
@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")
def test_storages_cross_over(zipped: bool) -> None:
    for source, target in ((torch, reference), (reference, torch)):
        x = source.arange(4.0)
        file = io.BytesIO()
        source.save({"s": x.storage(), "x": x}, file, _use_new_zipfile_serialization=zipped)
        file.seek(0)
        got = target.load(file, weights_only=True)
        assert got["s"].tolist() == [0, 1, 2, 3] and got["s"].dtype is target.float32
        got["s"][2] = 9.0
        assert got["x"].tolist() == [0, 1, 9, 3]
