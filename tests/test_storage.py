"""Storages as programs see them: bytes, elements, files, what shares memory with what."""

from __future__ import annotations

import copy
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

import tritonnn as torch

DEVICES = ("cpu", "cuda")


@pytest.mark.parametrize("device", DEVICES)
def test_bytes_are_read_and_written_through_all_views(device: str) -> None:
    tensor = torch.tensor([1, 2, 3], dtype=torch.int32, device=device)
    storage = tensor.untyped_storage()
    if sys.byteorder == "little":
        assert storage.tolist() == [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0]
    storage[0:4] = 0
    assert tensor.tolist() == [0, 2, 3]
    part = storage[4:8]
    assert part.data_ptr() == storage.data_ptr() + 4 and len(part) == 4
    part.fill_(0)
    assert tensor.tolist() == [0, 0, 3] and not part.resizable()
    with pytest.raises(RuntimeError, match="not resizable"):
        part.resize_(2)
    assert storage[-1] == 0 and storage == tensor[1:].untyped_storage() != tensor.clone().untyped_storage()
    assert len({storage, tensor.untyped_storage()}) == 1


@pytest.mark.parametrize("device", DEVICES)
def test_kinds_tell_type_and_device(device: str) -> None:
    storage = torch.ones(2, dtype=torch.float64, device=device).storage()
    names = torch.cuda if device == "cuda" else torch
    assert isinstance(storage, names.DoubleStorage) and isinstance(storage, torch.TypedStorage)
    assert not isinstance(storage, names.FloatStorage)
    assert type(names.DoubleStorage([1.5])) is torch.TypedStorage
    assert storage.type() == f"torch{'.cuda' if device == 'cuda' else ''}.DoubleStorage"
    assert storage.int().tolist() == [1, 1] and storage.double() is storage
    assert storage.type(torch.HalfStorage).dtype is torch.float16
    assert storage.type("torch.LongStorage").device.type == "cpu"
    assert storage.get_device() == (0 if device == "cuda" else -1)


@pytest.mark.parametrize(
    ("content", "order", "dtype", "expected"),
    [
        (b"\x00\x01\x00\x02", "big", torch.int16, [1, 2]),
        (b"\x00\x01\x00\x02", "little", torch.int16, [256, 512]),
        (np.array([1.5, -2], ">f8").tobytes(), "big", torch.float64, [1.5, -2]),
        (np.array([1 + 2j], ">c8").tobytes(), "big", torch.complex64, [1 + 2j]),
        (b"\x01\x00", None, torch.bool, [True, False]),
    ],
)  # fmt: skip
def test_buffers_in_both_orders_of_bytes(
    content: bytes, order: str, dtype: torch.dtype, expected: list
) -> None:
    assert torch.TypedStorage.from_buffer(content, order, dtype=dtype).tolist() == expected
    assert torch.UntypedStorage.from_buffer(content, order, dtype=dtype).nbytes() == len(content)
    last = torch.TypedStorage.from_buffer(content, order, 1, len(content) - dtype.itemsize, dtype)
    assert last.tolist() == expected[-1:]


def test_byteswap_turns_elements_round() -> None:
    storage = torch.UntypedStorage([1, 2, 3, 4, 5, 6, 7, 8])
    storage.byteswap(torch.int32)
    assert storage.tolist() == [4, 3, 2, 1, 8, 7, 6, 5]
    storage.byteswap(torch.complex32 if hasattr(torch, "complex32") else torch.int16)
    assert storage.tolist() == [3, 4, 1, 2, 7, 8, 5, 6]


def test_files_are_mapped(tmp_path: Path) -> None:
    file = tmp_path / "bytes"
    file.write_bytes(bytes(range(8)))
    own = torch.UntypedStorage.from_file(file, False, 8)
    own[0] = 99
    assert own[0] == 99 and file.read_bytes()[0] == 0 and own.filename is None
    shared = torch.UntypedStorage.from_file(str(file), shared=True, nbytes=8)
    shared[0] = 99
    assert file.read_bytes()[0] == 99 and shared.filename == str(file) and shared.is_shared()
    torch.UntypedStorage.from_file(file, True, 12)
    assert file.stat().st_size == 12
    numbers = torch.from_file(str(tmp_path / "new"), shared=True, size=2, dtype=torch.int64)
    numbers += 7
    assert np.fromfile(tmp_path / "new", np.int64).tolist() == [7, 7]
    assert torch.FloatStorage.from_file(file, size=2).size() == 2
    with pytest.raises(RuntimeError, match="not resizable"):
        shared.resize_(100)
    with pytest.raises(RuntimeError, match="smaller than the required mapping size <20>"):
        torch.UntypedStorage.from_file(file, False, 20)
    with pytest.raises(RuntimeError, match="unable to open file"):
        torch.UntypedStorage.from_file(tmp_path / "none", False, 1)
    with pytest.raises(RuntimeError, match="derived classes"):
        torch.TypedStorage.from_file(file, False, 1)
    with pytest.raises(RuntimeError, match="device=cuda"):
        torch.from_file(str(file), size=1, device="cuda")


def test_copies_keep_what_shares_memory() -> None:
    tensor = torch.arange(3.0)
    parts = {"a": tensor, "b": tensor.untyped_storage(), "c": tensor.storage()}
    copies = copy.deepcopy(parts)
    assert copies["a"].data_ptr() == copies["b"].data_ptr() == copies["c"].data_ptr() != tensor.data_ptr()
    assert copy.copy(parts["c"]).data_ptr() != tensor.data_ptr()
    again = pickle.loads(pickle.dumps((tensor.storage(), torch.UntypedStorage([1, 2]))))
    assert again[0].tolist() == [0, 1, 2] and again[1].tolist() == [1, 2]


def test_tensors_look_into_storages() -> None:
    storage = torch.arange(4.0).untyped_storage()
    assert torch.FloatTensor(storage).tolist() == [0, 1, 2, 3]
    assert torch.empty(0).set_(storage, 1, (2,), (1,)).tolist() == [1, 2]
    with pytest.raises(RuntimeError, match="float32 to a tensor of type int32"):
        torch.empty(0, dtype=torch.int32).set_(torch.ones(1).storage())


_UNTYPED = torch.UntypedStorage(8)
_FLOATS = torch.FloatStorage([1, 2])


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: torch.UntypedStorage(2, 3), TypeError, "one sequence of integers"),
        (lambda: torch.UntypedStorage(-1), RuntimeError, "negative dimension -1"),
        (lambda: torch.UntypedStorage([1, "a"]), RuntimeError, "items was of type str"),
        (lambda: _UNTYPED[9], IndexError, "index 9 out of range for storage of size 8"),
        (lambda: _UNTYPED[::2], RuntimeError, "step of 2"),
        (lambda: _UNTYPED[1.5], TypeError, "float"),
        (lambda: _UNTYPED.__setitem__(0, "a"), RuntimeError, "got str"),
        (lambda: _UNTYPED.fill_(2.5), RuntimeError, "got float"),
        (lambda: _UNTYPED.resize_("a"), RuntimeError, "got str"),
        (lambda: _UNTYPED.copy_(torch.UntypedStorage(4)), RuntimeError, "was 8 bytes but src was 4 bytes"),
        (lambda: _UNTYPED.copy_(3), TypeError, "must be a storage, not int"),
        (lambda: _UNTYPED.type("torch.FloatStorage"), ValueError, "FloatStorage"),
        (lambda: torch.UntypedStorage(3).byteswap(torch.int16), RuntimeError, "3 bytes"),
        (lambda: torch.UntypedStorage(3, device="meta").tolist(), NotImplementedError, "'meta'"),
        (lambda: _FLOATS[0:1], RuntimeError, "slices are only supported"),
        (lambda: _FLOATS[5], IndexError, "index 5 out of range for storage of size 2"),
        (lambda: _FLOATS.fill_("a"), TypeError, "can't assign a str"),
        (lambda: _FLOATS.copy_(torch.FloatStorage(3)), RuntimeError, "2 elements but src has 3"),
        (lambda: _FLOATS.type("torch.WideStorage"), ValueError, "WideStorage"),
        (lambda: torch.FloatStorage(2, dtype=torch.int8), RuntimeError, "told by the name"),
        (lambda: torch.FloatStorage(_UNTYPED), TypeError, "UntypedStorage"),
        (lambda: torch.TypedStorage(wrap_storage=_UNTYPED), RuntimeError, "'dtype'"),
        (lambda: torch.TypedStorage(wrap_storage=3, dtype=torch.int8), TypeError, "but got int"),
        (lambda: torch.FloatStorage.from_buffer(b"1234"), RuntimeError, "byte_order"),
        (lambda: torch.FloatStorage.from_buffer(b"1234", "x"), ValueError, "'x'"),
        (lambda: torch.FloatStorage.from_buffer(b"12345", "big"), ValueError, "multiple of element size"),
        (lambda: torch.FloatStorage.from_buffer(b"1234", "big", 2), ValueError, "only 1 elements"),
        (lambda: torch.FloatStorage.from_buffer(b"1234", "big", 0, 9), ValueError, "no greater than buffer length"),
        (lambda: torch.FloatStorage.from_buffer(3, "big"), TypeError, "bytes-like"),
        (lambda: torch.UntypedStorage.from_file("x", True, -1), RuntimeError, "-1 bytes"),
    ],
)  # fmt: skip
def test_refusals(call: object, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        call()
