"""Memory behind tensors: one block, shared by every view of it, with a version that in-place writes advance."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from functools import lru_cache
from itertools import count
from typing import Any

import numpy as np

from tritonnn import config
from tritonnn.buffer import Buffer
from tritonnn.device import device as Device
from tritonnn.device import runtime
from tritonnn.dtypes import dtype as DType
from tritonnn.dtypes import uint8
from tritonnn.errors import Invalid
from tritonnn.shape import contiguous_strides, numel


class _Mode(threading.local):
    first_version = 0
    birth = 0  # the first version of memory that is made within the innermost transform of functions
    inputs: tuple[Storage, ...] = ()  # memory from without that this transform was given, and lets be written


_mode = _Mode()
_inferring = (
    0  # how many blocks of inference mode, and transforms, are open in all threads: most programs have none
)
TRANSFORM = 1 << 32  # transforms are numbered in this part of a version, writes in the part below
_transforms = count(1)
_lock = threading.Lock()
resizing = threading.RLock()  # held while a block is replaced, from the look at its size on


def set_inference(inference: bool, change: int) -> None:
    """Say whether this thread is in inference mode, and how many blocks of it were opened by that."""
    global _inferring
    with _lock:
        _inferring += change
    _mode.first_version = -(1 << 62) if inference else _mode.birth


def enter_transform() -> tuple:
    """Within a transform from now on: what is made is its own; returns what was before."""
    global _inferring
    before = _mode.birth, _mode.inputs, _mode.first_version
    with _lock:
        _inferring += 1
    _mode.birth, _mode.inputs = next(_transforms) * TRANSFORM, ()
    if _mode.first_version >= 0:
        _mode.first_version = _mode.birth
    return before


def leave_transform(before: tuple) -> None:
    """The end of it."""
    global _inferring
    with _lock:
        _inferring -= 1
    _mode.birth, _mode.inputs, _mode.first_version = before


def let_write(storages: Iterable[Storage]) -> None:
    """Let memory from without be written by the innermost transform."""
    _mode.inputs = (*_mode.inputs, *storages)


def refuse_captured(storage: Storage, name: str) -> None:
    """Refuse to write memory that a function under a transform has from elsewhere than its arguments."""
    if _inferring and 0 <= storage.version < _mode.birth and storage not in _mode.inputs:
        raise RuntimeError(
            "During a grad (vjp, jvp, grad, etc) transform, the function provided attempted to call in-place operation "
            f"(aten::{name}) that would mutate a captured Tensor. This is not supported; please rewrite the function "
            "being transformed to explicitly accept the mutated Tensor(s) as inputs."
        )


class Storage:
    """A block of memory on one device.

    Attributes:
        block: an ndarray that owns the memory (cpu) or the runtime's block with a `ptr` (cuda).
        device: where it lies.
        version: number of in-place writes so far; backward compares it with the one it saved. That of memory made
            in inference mode is negative, that of memory made within a transform counts from the transform's number on.
        savers: what has to copy its elements before they are written (`recording/preserving.py`); mostly unset.
    """

    __slots__ = ("__weakref__", "_bytes", "block", "device", "savers", "version", "writer")

    version: int
    savers: Any
    writer: str  # the op that last wrote in place; unset before

    def __init__(self, block: Any, device: Device) -> None:
        self.block = block
        self.device = device
        self.version = _mode.first_version if _inferring else 0
        self._bytes: np.ndarray | None = None

    @property
    def nbytes(self) -> int:
        """Size of the block in bytes."""
        return self.block.nbytes

    def bytes(self) -> np.ndarray:
        """CPU only: the memory as a flat uint8 array that shares it."""
        if self._bytes is None:
            block = self.block
            if block.ndim != 1 or block.dtype != np.uint8:
                block = block.reshape(-1).view(np.uint8) if block.size else np.empty(0, np.uint8)
            self._bytes = block
        return self._bytes

    def ptr(self) -> int:
        """Address of the first byte."""
        return self.block.ctypes.data if self.device.type == "cpu" else self.block.ptr

    def part(self, start: int, nbytes: int) -> Storage:
        """Some of the memory, shared; `start` counts bytes."""
        if self.device.type == "cpu":
            return Storage(self.bytes()[start : start + nbytes].view(PartArray), self.device)
        return Storage(PartBlock(self.block, start, nbytes), self.device)

    @property
    def resizable(self) -> bool:
        """Whether the block may be exchanged for one of another size."""
        return getattr(self.block, "resizable", True)

    def buffer(self, shape: tuple[int, ...], strides: tuple[int, ...], offset: int, dtype: DType) -> Any:
        """The memory seen with a geometry (strides and offset in elements): what a backend is handed."""
        size = dtype.itemsize
        if self.device.type != "cpu":
            last = offset + sum([(extent - 1) * stride for extent, stride in zip(shape, strides)])
            if numel(shape) >= 2**63 // size or (
                0 not in shape and (offset < 0 or (last + 1) * size > self.block.nbytes)
            ):  # where the CPU has NumPy's own look at it
                raise self._outside(shape, strides, offset, dtype)
            return Buffer(
                self.block.ptr + offset * size, tuple(shape), tuple(strides), dtype, self.device, self.block
            )
        plain = (*shape,)  # of a subclass of tuple NumPy asks for one extent at a time
        if 0 in plain:
            return np.empty(plain, dtype.np)
        byte_strides = tuple([stride * size for stride in strides])
        memory = self._bytes if self._bytes is not None else self.bytes()
        try:
            return np.ndarray(plain, dtype.np, memory, offset * size, byte_strides)
        except (ValueError, OverflowError):
            raise self._outside(plain, strides, offset, dtype) from None

    def _outside(self, shape: tuple, strides: tuple, offset: int, dtype: DType) -> Exception:
        text = f"a view of shape {list(shape)} with strides {list(strides)} from element {offset} on"
        if len(shape) > 64:
            return Invalid(f"{text}: a tensor may have at most 64 dimensions")
        if numel(shape) >= 2**63 // dtype.itemsize:
            return Invalid(f"{text}: numel: integer multiplication overflow")
        return Invalid(f"{text} is out of bounds for storage of size {self.nbytes}")


class PartArray(np.ndarray):
    """Bytes that are part of another storage's."""

    resizable = False


class PartBlock:
    """Part of another storage's block on a device."""

    __slots__ = ("nbytes", "ptr", "whole")
    resizable = False

    def __init__(self, whole: Any, start: int, nbytes: int) -> None:
        self.whole = whole  # kept alive
        self.ptr = whole.ptr + start
        self.nbytes = nbytes


class MetaBlock:
    """Memory that is only counted: the block of tensors on the 'meta' device."""

    __slots__ = ("nbytes", "ptr")

    def __init__(self, nbytes: int) -> None:
        self.nbytes = nbytes
        self.ptr = 0


def allocate(nbytes: int, device: Device, op: str = "") -> Any:
    """A fresh uninitialised block; `op` names who asked, for out-of-memory reports."""
    kind = device.type
    if kind == "cuda":
        return runtime().allocate(nbytes, device.index, op)
    return host_empty((nbytes,), uint8) if kind == "cpu" else MetaBlock(nbytes)


def host_empty(shape: tuple[int, ...], dtype: DType) -> np.ndarray:
    """Uninitialised host memory of a shape.

    Raises:
        RuntimeError: there is no such shape, or not that much memory.
    """
    try:
        return np.empty((*shape,), dtype.np)
    except (ValueError, OverflowError, MemoryError) as error:
        raise no_room(shape, dtype, error) from None


def no_room(shape: tuple[int, ...], dtype: DType, error: Exception) -> Invalid:
    """What is said where memory for a shape could not be had."""
    sizes = list(shape)
    if min(sizes) < 0:
        return Invalid(f"Trying to create tensor with negative dimension {min(sizes)}: {sizes}")
    nbytes = numel(shape) * dtype.itemsize
    if nbytes >= 2**63 or max(sizes) >= 2**63:
        return Invalid(f"Storage size calculation overflowed with sizes={sizes} and {dtype.name} elements")
    if isinstance(error, MemoryError):
        return Invalid(
            f"can't allocate memory: you tried to allocate {nbytes} bytes for a tensor of shape {sizes}"
        )
    return Invalid(f"a tensor may have at most 64 dimensions, got {len(sizes)}")


def empty(
    shape: tuple[int, ...],
    dtype: DType,
    device: Device,
    op: str = "",
    strides: tuple[int, ...] | None = None,
) -> tuple[Any, Storage]:
    """A fresh dense buffer and its storage, NaN-poisoned where the configuration asks for it.

    `strides` are those of a permuted row-major tensor; None for row-major.
    """
    if device.type == "cpu":
        if strides is not None:
            _, storage = empty((numel(shape),), dtype, device)
            return storage.buffer(shape, strides, 0, dtype), storage
        array = host_empty(shape, dtype)
        if config.NAN_POISON:
            poison(array)
        return array, Storage(array, device)
    plain, row_major, count = _row_major(shape)
    nbytes = count * dtype.itemsize
    if not 0 <= nbytes < 2**63:
        raise no_room(shape, dtype, MemoryError())
    block = runtime().allocate(nbytes, device.index, op) if device.type == "cuda" else MetaBlock(nbytes)
    return Buffer(block.ptr, plain, strides or row_major, dtype, device, block), Storage(block, device)


@lru_cache(maxsize=4096)
def _row_major(shape: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """A shape as a plain tuple, its strides and its number of elements: results of few shapes come again.

    The number is -1 where an extent is negative.
    """
    return tuple(shape), contiguous_strides(shape), -1 if min(shape, default=0) < 0 else numel(shape)


def poison(array: np.ndarray) -> None:
    """Fill with NaN, or with a conspicuous integer, so that an unwritten element shows."""
    array.fill(np.nan if array.dtype.kind in "fcV" else 77 if array.dtype.kind in "iu" else True)
