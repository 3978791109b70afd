"""save and load: what comes back, and where it goes."""

from __future__ import annotations

import collections
import copy
import io
import pickle
import zipfile

import pytest
from support import STORED

import tritonnn as torch
from tritonnn import nn
from tritonnn.device import runtime


def through(obj, **options):
    """What comes back from a file in memory."""
    file = io.BytesIO()
    torch.save(obj, file)
    file.seek(0)
    return torch.load(file, **options)


def same_memory(a, b) -> bool:
    return a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()


# ---- what comes back ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STORED)
def test_dtypes(name):
    dtype = getattr(torch, name)
    values = torch.tensor([[0, 1, 3], [1, 2, 0]]).to(dtype)
    got = through(values)
    assert got.dtype is dtype and got.shape == (2, 3) and got.tolist() == values.tolist()


def test_nests_of_plain_things():
    nest = {
        "n": [1, 2.5, None, True, "text", b"bytes", 2**80, 1 + 2j, (1, (2,)), {3, 4}, frozenset({5})],
        "ordered": collections.OrderedDict(b=1, a=2),
        "counter": collections.Counter("aab"),
        "slice": slice(1, 2),
        "dtype": torch.bfloat16,
        "size": torch.Size([2, 3]),
        "device": torch.device("cuda", 1),
        "array bytes": bytearray(b"ab"),
    }
    got = through(nest)
    assert got == nest and type(got["ordered"]) is collections.OrderedDict and type(got["size"]) is torch.Size


def test_shapes_and_strides():
    base = torch.arange(24.0).reshape(2, 3, 4)
    for t in (
        base,
        base.transpose(0, 2),
        base[:, 1:, ::2],
        base[1, 2, 3],
        torch.zeros(0, 3),
        torch.ones(1).expand(5),
    ):
        got = through(t)
        assert got.tolist() == t.tolist() and got.stride() == t.stride() and got.shape == t.shape


def test_views_share_memory_after_loading():
    x = torch.arange(6.0)
    saved = {"x": x, "row": x[2:4], "again": x, "other": torch.arange(6.0)}
    for got in (
        through(saved),
        pickle.loads(pickle.dumps(saved)),
        pickle.loads(pickle.dumps(saved, protocol=5)),
    ):
        got["x"][3] = 99
        assert got["row"].tolist() == [2, 99] and got["again"] is got["x"] and got["other"][3].item() == 3
        assert got["row"].storage_offset() == 2 and not same_memory(got["x"], got["other"])


def test_what_requires_grad():
    leaf, p = torch.ones(2, requires_grad=True), nn.Parameter(torch.ones(2))
    frozen = nn.Parameter(torch.ones(2), requires_grad=False)
    a, b, c, d = through([leaf, p, frozen, leaf * 2])
    assert a.requires_grad and a.is_leaf and isinstance(b, nn.Parameter) and b.requires_grad
    assert isinstance(c, nn.Parameter) and not c.requires_grad
    assert d.requires_grad and d.is_leaf and d.tolist() == [2, 2]


def test_state_dicts_of_a_module_and_an_optimizer():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    opt = torch.optim.Adam(model.parameters(), lr=0.1)
    model(torch.randn(5, 3)).sum().backward()
    opt.step()
    saved = through({"model": model.state_dict(), "opt": opt.state_dict()})
    fresh = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    fresh.load_state_dict(saved["model"])
    x = torch.randn(2, 3)
    assert fresh.eval()(x).tolist() == model.eval()(x).tolist()
    other = torch.optim.Adam(fresh.parameters())
    other.load_state_dict(saved["opt"])
    assert other.state_dict()["state"][0]["step"].item() == 1 and other.param_groups[0]["lr"] == 0.1


def test_whole_modules_need_trust():
    model = nn.Linear(2, 1)
    with pytest.raises(pickle.UnpicklingError, match="weights_only=False"):
        through(model)
    got = through(model, weights_only=False)
    assert got.weight.tolist() == model.weight.tolist()


def test_meta_tensors_and_copies():
    got = through(torch.empty(2, 3, device="meta"))
    assert got.is_meta and got.shape == (2, 3)
    x = torch.arange(3.0)
    shallow, deep = copy.copy(x), copy.deepcopy(x)
    x[0] = 7
    assert shallow[0].item() == 7 and deep[0].item() == 0


def test_paths_file_objects_and_mmap(tmp_path):
    x = torch.arange(1000.0)
    torch.save(x, tmp_path / "a.pt")
    torch.save(x, str(tmp_path / "b"))
    for path in (tmp_path / "a.pt", str(tmp_path / "b")):
        assert torch.load(path).tolist() == x.tolist()
    mapped = torch.load(tmp_path / "a.pt", mmap=True)
    mapped[0] = 5
    assert mapped.tolist()[:2] == [5, 1] and torch.load(tmp_path / "a.pt")[0].item() == 0
    with open(tmp_path / "a.pt", "rb") as file:
        assert torch.load(file)[-1].item() == 999
        file.seek(0)
        with pytest.raises(ValueError, match="must be a file path"):
            torch.load(file, mmap=True)
    with zipfile.ZipFile(tmp_path / "a.pt") as archive:
        names = archive.namelist()
        offsets = [archive.getinfo(n).header_offset for n in names]
    assert (
        names[:2] == ["a/data.pkl", "a/data/0"]
        and {"a/byteorder", "a/version"} < set(names)
        and offsets[0] == 0
    )


def test_data_is_aligned_in_the_file(tmp_path):
    torch.save([torch.ones(n) for n in (1, 7, 300)], tmp_path / "a.pt")
    raw = (tmp_path / "a.pt").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.pt") as archive:
        for info in archive.infolist():
            at = info.header_offset
            start = at + 30 + int.from_bytes(raw[at + 26 : at + 28], "little") + int.from_bytes(
                raw[at + 28 : at + 30], "little")  # fmt: skip
            assert start % 64 == 0 and raw[start : start + info.file_size] == archive.read(info)


# ---- where it goes -----------------------------------------------------------------------------------------------


@pytest.mark.kernels
def test_map_location():
    x = torch.arange(3.0)
    on_gpu = x.to("cuda")
    assert through(on_gpu).device == torch.device("cuda", 0)
    for where in ("cpu", torch.device("cpu"), {"cuda:0": "cpu"}, lambda storage, location: storage):
        got = through([on_gpu, on_gpu[1:]], map_location=where)
        assert got[0].device.type == "cpu" and got[0].tolist() == [0, 1, 2] and same_memory(*got)
    for where in (
        "cuda",
        {"cpu": "cuda:0"},
        lambda storage, location: storage.cuda() if location == "cpu" else None,
    ):
        got = through([x, x[1:]], map_location=where)
        assert got[1].device == torch.device("cuda", 0) and got[1].tolist() == [1, 2] and same_memory(*got)
    assert through(x, map_location=lambda storage, location: None).device.type == "cpu"


@pytest.mark.kernels
def test_locations_that_are_not_there(monkeypatch):
    file = io.BytesIO()
    torch.save(torch.ones(2, device="cuda"), file)
    file.seek(0)
    with pytest.raises(RuntimeError, match=r"don't know how to restore data location.*tagged with mps"):
        through(torch.ones(1), map_location={"cpu": "mps"})
    with pytest.raises(RuntimeError, match=r"CUDA device 7 but torch\.cuda\.device_count\(\) is"):
        through(torch.ones(1), map_location="cuda:7")
    monkeypatch.setattr(runtime(), "is_available", lambda: False)
    with pytest.raises(RuntimeError, match=r"is_available\(\) is False.*map_location"):
        torch.load(file)


@pytest.mark.parametrize("zipped", (True, False))
@pytest.mark.parametrize("device", ("cpu", "cuda"))
def test_storages_and_layouts(device: str, zipped: bool) -> None:
    """They are saved as PyTorch saves them, and share their memory with the tensors beside them again."""
    x = torch.arange(4.0, device=device)
    held = {"typed": x.storage(), "x": x, "layout": torch.strided, "half": [x[:2]]}
    bytes_ = torch.arange(3, dtype=torch.int32, device=device).untyped_storage()
    for content in (held, bytes_):
        file = io.BytesIO()
        torch.save(content, file, _use_new_zipfile_serialization=zipped)
        for weights_only in (True, False):
            file.seek(0)
            got = torch.load(file, weights_only=weights_only)
            if content is bytes_:
                assert got.tolist() == [0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0] and got.device.type == device
                assert isinstance(got, torch.UntypedStorage if zipped else torch.TypedStorage)
                continue
            kind = torch.cuda.FloatStorage if device == "cuda" else torch.FloatStorage
            assert isinstance(got["typed"], kind) and got["layout"] is torch.strided
            assert got["typed"].tolist() == [0, 1, 2, 3] and got["typed"].device.type == device
            got["typed"][1] = 7.0
            assert got["x"].tolist() == [0, 7, 2, 3] and got["half"][0].tolist() == [0, 7]
    with pytest.raises(RuntimeError, match="view the same data as different types"):
        torch.save([x, x.untyped_storage()], io.BytesIO(), _use_new_zipfile_serialization=zipped)
