"""Tensors in the safetensors format: data without code, readable from many libraries.

The functions have the names and arguments of the `safetensors.torch` module; files are replaced as a whole.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import safetensors as library
from safetensors import SafetensorError, deserialize, serialize, serialize_file

import tritonnn
from tritonnn._tensor import Tensor, from_array, host_array
from tritonnn.device import DeviceLike
from tritonnn.dtypes import dtype as DType
from tritonnn.serialization._files import PathLike, atomic_path

__all__ = ["load", "load_file", "load_model", "save", "save_file", "save_model"]

# Since 0.8 the library is given pointers; before, it took the bytes.
_Spec: Any = getattr(library, "TensorSpec", None)

_NAMES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
    "U16": "uint16",
    "U32": "uint32",
    "U64": "uint64",
    "BOOL": "bool",
    "C64": "complex64",
}


def save(tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> bytes:
    """The bytes of a safetensors file.

    Args:
        tensors: name -> tensor, on any device.
        metadata: text to keep beside them.

    Raises:
        RuntimeError: tensors that share memory: the format has no way to say so. ValueError: not a dict of
            tensors, or a dtype that the format does not have.

    Example:
        >>> import tritonnn as torch
        >>> from tritonnn.utils.safetensors import load, save
        >>> load(save({"a": torch.ones(2, dtype=torch.bfloat16)}))
        {'a': tensor([1., 1.], dtype=torch.bfloat16)}
    """
    with _Described(tensors) as described:
        return bytes(serialize(described, metadata=_plain(metadata)))


def save_file(
    tensors: Mapping[str, Tensor], filename: PathLike, metadata: Mapping[str, str] | None = None
) -> None:
    """Writes a safetensors file; when anything goes wrong, the old one stays.

    Args:
        tensors: name -> tensor, on any device.
        filename: path of the file.
        metadata: text to keep beside them.

    Raises:
        OSError: the file cannot be written. RuntimeError, ValueError: as of ``save``.

    Example:
        >>> import os, tempfile
        >>> import tritonnn as torch
        >>> from tritonnn.utils.safetensors import load_file, save_file
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "model.safetensors")
        ...     save_file(torch.nn.Linear(2, 1).state_dict(), path)
        ...     sorted(load_file(path))
        ['bias', 'weight']
    """
    with _Described(tensors) as described, atomic_path(filename) as name:
        try:
            serialize_file(described, name, metadata=_plain(metadata))
        except SafetensorError as error:
            # The library reports a full disk as an error of its own: ours says what became of the file.
            number = re.search(r"os error (\d+)", str(error))
            raise OSError(int(number[1]) if number else None, str(error)) from error


def load(data: bytes, device: DeviceLike = "cpu") -> dict[str, Tensor]:
    """The tensors in the bytes of a safetensors file.

    Raises:
        ValueError: the bytes are truncated, corrupted or of another format.

    Example:
        >>> import tritonnn as torch
        >>> from tritonnn.utils.safetensors import load, save
        >>> load(save({"a": torch.arange(3)}))["a"].tolist()
        [0, 1, 2]
    """
    return _tensors(data, "the given bytes", device)


def load_file(filename: PathLike, device: DeviceLike = "cpu") -> dict[str, Tensor]:
    """The tensors in a safetensors file.

    Args:
        filename: path of the file.
        device: where the tensors go.

    Raises:
        FileNotFoundError: there is no such file. ValueError: it is truncated, corrupted or of another format.

    Example:
        >>> import os, tempfile
        >>> import tritonnn as torch
        >>> from tritonnn.utils.safetensors import load_file, save_file
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "a.safetensors")
        ...     save_file({"a": torch.zeros(2, 3)}, path)
        ...     load_file(path)["a"].shape
        torch.Size([2, 3])
    """
    with open(filename, "rb") as file:
        data = file.read()
    return _tensors(data, f"'{os.fspath(filename)}'", device)


def save_model(model: Any, filename: PathLike, metadata: Mapping[str, str] | None = None) -> None:
    """Writes the state of a module; of tensors that share memory, one is kept and the others are noted.

    Example:
        >>> import os, tempfile
        >>> import tritonnn as torch
        >>> from tritonnn.utils.safetensors import load_model, save_model
        >>> model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
        >>> model[1].weight = model[0].weight
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_model(model, os.path.join(folder, "m.safetensors"))
        ...     load_model(model, os.path.join(folder, "m.safetensors"))
        (set(), [])
    """
    kept: dict[str, Tensor] = {}
    notes = dict(metadata or {})
    first: dict[Any, str] = {}
    for name, tensor in model.state_dict().items():
        same = (
            (tensor.data_ptr(), tuple(tensor.shape), tensor.stride(), tensor.device)
            if tensor.numel()
            else name
        )
        if same in first:
            notes[name] = first[same]
        else:
            first[same] = name
            kept[name] = tensor
    save_file(kept, filename, notes)


def load_model(model: Any, filename: PathLike, strict: bool = True, device: DeviceLike = "cpu") -> Any:
    """Loads what ``save_model`` wrote into a module of the same structure.

    Args:
        model: whose state to replace.
        filename: path of the file.
        strict: whether missing and unexpected names are errors.
        device: where the file's tensors are read to.

    Returns:
        (set of missing names, list of unexpected names).

    Raises:
        RuntimeError: with ``strict``, names that are missing or not expected.
    """
    state = load_file(filename, device)
    own = model.state_dict()
    by_memory: dict[Any, str] = {}
    for name in state:
        if name in own and own[name].numel():
            by_memory[own[name].data_ptr()] = name
    result = model.load_state_dict(state, strict=False)
    # A name whose memory has been loaded under another one is not missing.
    missing = {n for n in result.missing_keys if own[n].numel() == 0 or own[n].data_ptr() not in by_memory}
    unexpected = list(result.unexpected_keys)
    if strict and (missing or unexpected):
        raise RuntimeError(
            f"Error(s) in loading state_dict for {type(model).__name__}: missing keys {sorted(missing)}, "
            f"unexpected keys {sorted(unexpected)}"
        )
    return missing, unexpected


class _Described:
    """The tensors as the library takes them; their arrays live as long as the block."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        _check(tensors)
        self.tensors = tensors
        self.arrays: list[np.ndarray] = []

    def __enter__(self) -> dict[str, Any]:
        return {name: self._describe(name, tensor) for name, tensor in self.tensors.items()}

    def _describe(self, name: str, tensor: Tensor) -> Any:
        if tensor.dtype.name not in _NAMES.values():
            raise ValueError(f"save: safetensors has no dtype for {tensor.dtype} of '{name}'")
        array = np.ascontiguousarray(host_array(tensor.detach()))
        self.arrays.append(array)
        kind, shape = tensor.dtype.name, list(tensor.shape)
        if _Spec is None:
            return {"dtype": kind, "shape": shape, "data": array.tobytes()}
        return _Spec(dtype=kind, shape=shape, data_ptr=array.ctypes.data, data_len=array.nbytes)

    def __exit__(self, *exc: object) -> None:
        self.arrays.clear()


def _check(tensors: Mapping[str, Tensor]) -> None:
    if not isinstance(tensors, Mapping):
        raise ValueError(f"Expected a dict of [str, Tensor] but received {type(tensors).__name__}")
    memory: dict[int, list[str]] = {}
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor):
            raise ValueError(f"Key `{name}` is invalid, expected Tensor but received {type(tensor).__name__}")
        if tensor.numel():
            memory.setdefault(id(tensor._storage.block), []).append(name)
    shared = [names for names in memory.values() if len(names) > 1]
    if shared:
        raise RuntimeError(
            f"Some tensors share memory, which the format cannot express: {shared}. Use save_model, which "
            "keeps one of each, or clone() them."
        )


def _plain(metadata: Mapping[str, str] | None) -> dict[str, str] | None:
    return None if metadata is None else dict(metadata)


def _tensors(data: bytes, label: str, device: DeviceLike | None) -> dict[str, Tensor]:
    try:
        entries = deserialize(data)
    except SafetensorError as error:
        raise ValueError(
            f"load: {label} is truncated, corrupted or not in the safetensors format: {error}"
        ) from None
    found = {}
    for name, entry in entries:
        dtype: DType | None = getattr(tritonnn, _NAMES.get(entry["dtype"], ""), None)
        if dtype is None:
            raise ValueError(f"load: tensor '{name}' of {label} has the unknown dtype {entry['dtype']}")
        array = np.frombuffer(bytearray(entry["data"]), np.uint8).view(dtype.np).reshape(entry["shape"])
        found[name] = from_array(array, dtype).to(device)
    return found
