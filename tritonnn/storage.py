"""Memory behind tensors: one block, shared by every view of it, with a version that in-place writes advance."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Any

import numpy as np

from tritonnn import config
from tritonnn.buffer import Buffer
from tritonnn.device import device as Device
from tritonnn.device import runtime
from tritonnn.dtypes import dtype as DType
from tritonnn.shape import contiguous_strides, numel


class _Mode(threading.local):
    first_version = 0


_mode = _Mode()
_inferring = 0  # how many blocks of inference mode are open in all threads: most programs have none
_lock = threading.Lock()


def set_inference(inference: bool, change: int) -> None:
    """Say whether this thread is in inference mode, and how many blocks of it were opened by that."""
    global _inferring
    with _lock:
        _inferring += change
    _mode.first_version = -(1 << 62) if inference else 0


class Storage:
    """A block of memory on one device.

    Attributes:
        block: an ndarray that owns the memory (cpu) or the runtime's block with a `ptr` (cuda).
        device: where it lies.
        version: number of in-place writes so far; backward compares it with the one it saved. That of memory made
            in inference mode is negative.
    """

    __slots__ = ("__weakref__", "_bytes", "block", "device", "version", "writer")

    version: int
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

    def buffer(self, shape: tuple[int, ...], strides: tuple[int, ...], offset: int, dtype: DType) -> Any:
        """The memory seen with a geometry (strides and offset in elements): what a backend is handed."""
        size = dtype.itemsize
        if self.device.type != "cpu":
            return Buffer(
                self.block.ptr + offset * size, tuple(shape), tuple(strides), dtype, self.device, self.block
            )
        plain = (*shape,)  # of a subclass of tuple NumPy asks for one extent at a time
        if 0 in plain:
            return np.empty(plain, dtype.np)
        byte_strides = tuple([stride * size for stride in strides])
        return np.ndarray(
            plain,
            dtype.np,
            self._bytes if self._bytes is not None else self.bytes(),
            offset * size,
            byte_strides,
        )


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
        block = runtime().allocate(nbytes, device.index)
        block.op = op
        return block
    return np.empty(nbytes, np.uint8) if kind == "cpu" else MetaBlock(nbytes)


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
        array = np.empty((*shape,), dtype.np)
        if config.NAN_POISON:
            poison(array)
        return array, Storage(array, device)
    plain, row_major, count = _row_major(shape)
    block = allocate(count * dtype.itemsize, device, op)
    return Buffer(block.ptr, plain, strides or row_major, dtype, device, block), Storage(block, device)


@lru_cache(maxsize=4096)
def _row_major(shape: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """A shape as a plain tuple, its strides and its number of elements: results of few shapes come again."""
    return tuple(shape), contiguous_strides(shape), numel(shape)


def poison(array: np.ndarray) -> None:
    """Fill with NaN, or with a conspicuous integer, so that an unwritten element shows."""
    array.fill(np.nan if array.dtype.kind in "fcV" else 77 if array.dtype.kind in "iu" else True)
