"""Numbers whose bytes lie the other way round: arrays of them are refused, files of them are read."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import STORED, array

import tritonnn as torch

OTHER = {"little": ("big", ">"), "big": ("little", "<")}[sys.byteorder]


@pytest.mark.parametrize("kind", ("f2", "f4", "f8", "i2", "i4", "i8", "c8", "c16"))
@pytest.mark.parametrize("take", (torch.from_numpy, torch.tensor, torch.as_tensor, torch.Tensor))
def test_arrays_are_refused_as_in_pytorch(take: Any, kind: str) -> None:
    values = np.arange(3).astype(OTHER[1] + kind)
    with pytest.raises(ValueError, match="byte order different from the native byte order"):
        take(values)


def test_what_has_no_order_and_lists_are_taken() -> None:
    assert torch.from_numpy(np.arange(3).astype(OTHER[1] + "u1")).tolist() == [0, 1, 2]
    values = np.arange(2).astype(OTHER[1] + "f4")
    assert torch.tensor([values, values + 1]).tolist() == [[0, 1], [1, 2]]


def test_types_without_a_counterpart_are_a_type_error() -> None:
    with pytest.raises(TypeError, match=r"can't convert np\.ndarray of type"):
        torch.from_numpy(np.array(["a"]))


def turned(data: bytes, size: int) -> bytes:
    return np.frombuffer(data, np.uint8).reshape(-1, size)[:, ::-1].tobytes()


def written_elsewhere(obj: Any, sizes: dict[str, int]) -> io.BytesIO:
    """The file as a machine of the other byte order writes it: each number's bytes reversed, and the record saying so.

    Args:
        sizes: of each storage, by its key in the archive: the bytes of a number (of its parts, if complex).
    """
    native, foreign = io.BytesIO(), io.BytesIO()
    torch.save(obj, native)
    with zipfile.ZipFile(native) as given, zipfile.ZipFile(foreign, "w") as target:
        for name in given.namelist():
            data, leaf = given.read(name), Path(name)
            if leaf.name == "byteorder":
                data = OTHER[0].encode()
            elif leaf.parent.name == "data":
                data = turned(data, sizes[leaf.name])
            target.writestr(name, data)
    foreign.seek(0)
    return foreign


@pytest.mark.parametrize("dtype", STORED)
def test_files_of_the_other_order_are_read(dtype: str) -> None:
    kind = getattr(torch, dtype)
    x = torch.tensor([1.5, -2.0, 0.25]).to(kind)
    size = kind.itemsize // (2 if kind.is_complex else 1)
    got = torch.load(written_elsewhere({"x": x}, {"0": size}))["x"]
    assert got.dtype is kind
    np.testing.assert_array_equal(array(got), array(x))


def test_storages_of_several_sizes_and_views_are_read() -> None:
    wide = torch.arange(6, dtype=torch.int64).view(2, 3)
    given = {"rows": wide, "column": wide[:, 1], "half": torch.tensor([0.5, 3.0], dtype=torch.float16)}
    got = torch.load(written_elsewhere(given, {"0": 8, "1": 2}))
    assert got["rows"].tolist() == [[0, 1, 2], [3, 4, 5]] and got["column"].tolist() == [1, 4]
    assert got["half"].tolist() == [0.5, 3.0]
    got["rows"][0, 1] = 9
    assert got["column"].tolist() == [9, 4]  # still one memory


def test_a_file_without_the_record_is_little_endian() -> None:
    native, bare = io.BytesIO(), io.BytesIO()
    torch.save(torch.tensor([1.0, 2.0]), native)
    with zipfile.ZipFile(native) as given, zipfile.ZipFile(bare, "w") as target:
        for name in given.namelist():
            if not name.endswith("byteorder"):
                target.writestr(name, given.read(name))
    bare.seek(0)
    if sys.byteorder == "little":
        assert torch.load(bare).tolist() == [1, 2]
