"""What load refuses, how damage is told, and what survives a failure while writing."""

from __future__ import annotations

import copy
import inspect
import io
import os
import pickle
import re
import zipfile

import numpy as np
import pytest

import tritonnn as torch
from tritonnn import _parameter
from tritonnn.serialization import _tensors


def through(obj, **options):
    """What comes back from a file in memory."""
    file = io.BytesIO()
    torch.save(obj, file)
    file.seek(0)
    return torch.load(file, **options)


# ---- what is refused ---------------------------------------------------------------------------------------------


class Evil:
    def __reduce__(self):
        return os.system, ("echo pwned > /tmp/pwned",)


class Point:
    def __init__(self, x):
        self.x = x


def archive_of(pickled: bytes, **records: bytes) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/version", "3")
        for name, data in records.items():
            archive.writestr(f"archive/data/{name}", data)
    file.seek(0)
    return file


@pytest.mark.parametrize("protocol", range(6))
def test_no_code_is_run(protocol):
    with pytest.raises(pickle.UnpicklingError, match=r"Unsupported global: GLOBAL (posix|nt)\.system"):
        torch.load(archive_of(pickle.dumps(Evil(), protocol=protocol)))


@pytest.mark.parametrize(
    "pickled",
    [
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"c__builtin__\neval\n(S'1'\ntR.",
        b"(S'echo'\nios\nsystem\n.",  # INST
        b"\x80\x02ctorch.nn.parameter\nParameter\n)\x81}S'data'\nK\x01sb.",  # attributes of a Parameter
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n}S'__kwdefaults__'\nK\x01sb.",  # attributes of a function
        b"\x80\x02ctorch\nTensor\n)\x81.",  # an instance without its memory
        b"\x80\x02ctorch\nfloat32\n)R.",  # calling what is no function
        b"\x80\x04\x8c\x05torch\x8c\x0eTensor.__dict__\x93.",  # a path below a known name
        b"\x80\x02X\x01\x00\x00\x00aQ.",  # an unknown persistent id
        b"\x80\x05\x97.",  # an opcode that files never hold
        b"\x82\x01.",  # an extension code
    ],
    ids=range(11),
)
def test_forged_pickles_are_refused(pickled):
    with pytest.raises((pickle.UnpicklingError, RuntimeError)):
        torch.load(archive_of(pickled))
    assert inspect.signature(_tensors.rebuild_tensor_v2).parameters["metadata"].default is None


def test_the_state_of_a_parameter_replaces_nothing_of_its_own():
    rebuild = _parameter._rebuild_parameter_with_state
    assert rebuild(torch.ones(2), True, None, {"note": "kept"}).note == "kept"
    for name in (
        "data",
        "sum",
        "shape",
        "dtype",
        "device",
        "_buf",
        "_storage",
        "_hooks",
        "__class__",
        "__array_interface__",
    ):
        with pytest.raises(RuntimeError, match=f"would replace its own '{name}'"):
            rebuild(torch.ones(2), True, None, {name: None})


def test_tensors_must_lie_inside_their_storage():
    file = io.BytesIO()
    torch.save(torch.zeros(4), file)
    pickled = zipfile.ZipFile(file).read("archive/data.pkl")
    place = re.search(rb"K\x00K\x04\x85q.K\x01\x85", pickled)  # offset 0, size (4,), stride (1,)

    def forged(*geometry):
        parts = b"".join(pickle.dumps(part, 2)[2:-1] for part in geometry)
        return archive_of(pickled[: place.start()] + parts + pickled[place.end() :], **{"0": bytes(16)})

    assert torch.load(forged(1, (3,), (1,))).shape == (3,)
    for geometry in (
        (1, (4,), (1,)),
        (0, (2, 2), (1, 3)),
        (0, (4,), (-1,)),
        (-1, (2,), (1,)),
        (0, (4,), (1, 1)),
    ):
        with pytest.raises((RuntimeError, pickle.UnpicklingError), match="does not lie inside its storage"):
            torch.load(forged(*geometry))


def test_safe_globals():
    with pytest.raises(pickle.UnpicklingError, match=r"add_safe_globals\(\[Point\]\)"):
        through(Point(3))
    with torch.serialization.safe_globals([Point]):
        assert through(Point(torch.ones(1))).x.item() == 1
    assert torch.serialization.get_safe_globals() == []
    torch.serialization.add_safe_globals([(Point, f"{__name__}.Point")])
    assert torch.serialization.get_safe_globals() == [Point] and through([Point(2)])[0].x == 2
    torch.serialization.clear_safe_globals()
    with pytest.raises(pickle.UnpicklingError):
        through(Point(3))
    assert through(Point(4), weights_only=False).x == 4


def test_one_memory_as_two_dtypes_is_refused():
    x = torch.zeros(4)
    with pytest.raises(RuntimeError, match="view the same data as different types"):
        through([x, x.view(torch.int32)])


def test_arguments_are_honoured_or_refused(tmp_path):
    with pytest.raises(ValueError, match="pickle_module"):
        torch.save(1, io.BytesIO(), pickle_module=copy)
    with pytest.raises(ValueError, match="zip format"):
        torch.save(1, io.BytesIO(), _disable_byteorder_record=True)
    with pytest.raises(TypeError, match="unexpected keyword argument 'nonsense'"):
        through(1, nonsense=2)
    with pytest.raises(AttributeError, match="path or a file object"):
        torch.save(1, 3)
    with pytest.raises(AttributeError, match="seekable"):
        torch.load(object())
    with pytest.raises(FileNotFoundError, match="missing"):
        torch.load(tmp_path / "missing.pt")
    with pytest.raises(RuntimeError, match=r"Parent directory .*no does not exist"):
        torch.save(1, tmp_path / "no" / "a.pt")
    for protocol in (2, 3, 4, 5):
        file = io.BytesIO()
        torch.save({"x": torch.ones(2)}, file, pickle_protocol=protocol)
        file.seek(0)
        assert torch.load(file)["x"].tolist() == [1, 1]


# ---- damage ------------------------------------------------------------------------------------------------------


def test_truncated_files_are_told():
    file = io.BytesIO()
    torch.save({"x": torch.arange(100.0), "y": torch.ones(3)}, file)
    raw = file.getvalue()
    for length in (*range(0, len(raw), 61), len(raw) - 1):
        with pytest.raises(RuntimeError, match="truncated, corrupted or not a file"):
            torch.load(io.BytesIO(raw[:length]))


def test_flipped_bits_never_give_wrong_values():
    x = torch.arange(50.0)
    file = io.BytesIO()
    torch.save(x, file)
    raw = bytearray(file.getvalue())
    rng = np.random.default_rng(0)
    refused = 0
    for place in rng.integers(0, len(raw), 400):
        broken = raw.copy()
        broken[place] ^= 1 << int(rng.integers(8))
        try:
            assert torch.load(io.BytesIO(broken)).tolist() == x.tolist()
        except (RuntimeError, pickle.UnpicklingError):
            refused += 1
    assert refused > 100


def test_other_archives_and_lengths():
    with pytest.raises(RuntimeError, match=r"holds no data\.pkl"):
        empty = io.BytesIO()
        zipfile.ZipFile(empty, "w").close()
        torch.load(empty)
    file = io.BytesIO()
    torch.save(torch.zeros(4), file)
    pickled = zipfile.ZipFile(file).read("archive/data.pkl")
    with pytest.raises(RuntimeError, match="storage 0 has 12 bytes, not 16"):
        torch.load(archive_of(pickled, **{"0": bytes(12)}))
    with pytest.raises(RuntimeError, match="record 'data/0' is missing"):
        torch.load(archive_of(pickled))


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(
    "wrong", [3, [1], True, {"cpu": 3}, *[lambda s, l, r=r: r for r in (3, "cpu", torch.ones(2))]]
)
def test_a_map_location_that_says_no_place(wrong, zipped):
    file = io.BytesIO()
    torch.save(torch.ones(2), file, _use_new_zipfile_serialization=zipped)
    for weights_only in (True, False):
        file.seek(0)
        with pytest.raises(TypeError, match=r"map_location must .*, got (int|list|bool|str|Tensor)"):
            torch.load(file, map_location=wrong, weights_only=weights_only)
