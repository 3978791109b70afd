"""Tensors in the safetensors format: data without code, readable from many libraries.

The functions have the names and arguments of the `safetensors.torch` module; files are replaced as a whole.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from safetensors import SafetensorError, deserialize

import tritonnn
from tritonnn._tensor import Tensor, from_array, host_array
from tritonnn.device import DeviceLike
from tritonnn.dtypes import dtype as DType
from tritonnn.serialization._files import PathLike, atomic_write, refuse_devices
from tritonnn.serialization._tensors import truth

__all__ = ["load", "load_file", "load_model", "save", "save_file", "save_model"]

# In the order in which the tensors stand in a file: no type needs a wider alignment than one before it.
_NAMES = {
    "U64": "uint64",
    "I64": "int64",
    "F64": "float64",
    "C64": "complex64",
    "F32": "float32",
    "U32": "uint32",
    "I32": "int32",
    "BF16": "bfloat16",
    "F16": "float16",
    "U16": "uint16",
    "I16": "int16",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "I8": "int8",
    "U8": "uint8",
    "F4": "float4_e2m1fn_x2",
    "BOOL": "bool",
}
_TWO = "F4"  # of which a file counts the numbers, and a tensor the bytes, which hold two each
_KINDS = {name: (rank, kind) for rank, (kind, name) in enumerate(_NAMES.items())}


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
    return b"".join(_parts(tensors, metadata))


def save_file(
    tensors: Mapping[str, Tensor], filename: PathLike, metadata: Mapping[str, str] | None = None
) -> None:
    """Writes a safetensors file; when anything goes wrong, the old one stays.

    Args:
        tensors: name -> tensor, on any device.
        filename: path of the file.
        metadata: text to keep beside them.

    Raises:
        OSError: the file cannot be written, or is a device or a pipe. RuntimeError, ValueError: as of ``save``.

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
    refuse_devices(filename, "save_file")
    parts = _parts(tensors, metadata)
    with atomic_write(filename) as file:
        for part in parts:
            file.write(part)


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
    refuse_devices(filename, "load_file")
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


def _parts(tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None) -> Iterator[Any]:
    """The bytes of a file, piece by piece: the length of the header, the header, each tensor's values.

    What can be wrong with the tensors is found before the first piece is asked for.
    """
    _check(tensors, metadata)
    header: dict[str, Any] = {} if metadata is None else {"__metadata__": dict(sorted(metadata.items()))}
    order = sorted(tensors, key=lambda name: (_KINDS[tensors[name].dtype.name][0], name))
    end = 0
    for name in order:
        tensor = tensors[name]
        start, end = end, end + tensor.nbytes
        kind = _KINDS[tensor.dtype.name][1]
        shape = list(tensor.shape)
        if kind == _TWO:
            shape[-1] *= 2
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)

    def pieces() -> Iterator[Any]:
        yield struct.pack("<Q", len(text)) + text
        for name in order:
            array = np.ascontiguousarray(host_array(tensors[name].detach()))
            yield memoryview(array.reshape(-1).view(np.uint8))

    return pieces()


def _check(tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None) -> None:
    if not isinstance(tensors, Mapping):
        raise ValueError(f"Expected a dict of [str, Tensor] but received {type(tensors).__name__}")
    memory: dict[int, list[str]] = {}
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor):
            raise ValueError(f"Key `{name}` is invalid, expected Tensor but received {type(tensor).__name__}")
        if not isinstance(name, str) or name == "__metadata__":
            raise ValueError(
                f"save: expected names of tensors to be text other than '__metadata__', got {name!r}"
            )
        if tensor.dtype.name not in _KINDS:
            raise ValueError(f"save: safetensors has no dtype for {tensor.dtype} of '{name}'")
        if _KINDS[tensor.dtype.name][1] == _TWO and not tensor.shape:
            raise ValueError(
                f"save: '{name}', a single {tensor.dtype}, is two numbers, which need a dimension"
            )
        if tensor.numel():
            memory.setdefault(id(tensor._storage.block), []).append(name)
    shared = [names for names in memory.values() if len(names) > 1]
    if shared:
        raise RuntimeError(
            f"Some tensors share memory, which the format cannot express: {shared}. Use save_model, which "
            "keeps one of each, or clone() them."
        )
    for key, value in (metadata or {}).items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(f"save: metadata is text by text, but got {key!r}: {value!r}")


def _tensors(data: bytes, label: str, device: DeviceLike | None) -> dict[str, Tensor]:
    try:
        entries = deserialize(data)
    except SafetensorError as error:
        raise ValueError(
            f"load: {label} is truncated, corrupted or not in the safetensors format: {error}"
        ) from None
    return {name: _tensor(name, entry, label).to(device) for name, entry in entries}


def _tensor(name: str, entry: Mapping[str, Any], label: str) -> Tensor:
    dtype: DType | None = getattr(tritonnn, _NAMES.get(entry["dtype"], ""), None)
    if dtype is None:
        raise ValueError(f"load: tensor '{name}' of {label} has the unknown dtype {entry['dtype']}")
    try:
        raw = truth(np.frombuffer(bytearray(entry["data"]), np.uint8), dtype)
        shape = entry["shape"]
        if entry["dtype"] == _TWO:
            shape = [*shape[:-1], shape[-1] // 2]
        return from_array(raw.view(dtype.np).reshape(shape), dtype)
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"load: tensor '{name:.200}' of {label} is corrupted: {error}") from None
