"""Many tensors in one launch: tables of addresses on the device, and tensors seen as flat memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import triton
import triton.language as tl

from tritonnn.buffer import Buffer
from tritonnn.dtypes import int64
from tritonnn.kernels.device.moving import copy
from tritonnn.kernels.launch.launch import empty
from tritonnn.shape import numel

TABLES_KEPT = 16

TYPES = {
    "float16": tl.float16,
    "bfloat16": tl.bfloat16,
    "float32": tl.float32,
    "float64": tl.float64,
}

_tables: OrderedDict[tuple, Buffer] = OrderedDict()


def table(key: tuple, build: Callable[[Any], Any], like: Buffer) -> Buffer:
    """The table of `key` on the device, made when it is not known from one of the last calls.

    That of a graph being captured lives as long as the graph.
    """
    from tritonnn.runtime.interface import runtime

    graph = runtime().thread.capture
    if graph is not None:
        made = graph.constants.get((build, key))
        if made is None:
            numbers = np.asarray(build(key), np.int64)
            block = runtime().constant(numbers, graph)
            made = Buffer(block.ptr, numbers.shape, (1,), int64, like.device, block)
            graph.constants[build, key] = made
        return made
    # The stream belongs to the key: on another one the copy to the device would not be waited for.
    place = (build, like.device.index, runtime().current_stream(like.device.index), key)
    cached = _tables.get(place)
    if cached is None:
        numbers = np.asarray(build(key), np.int64)
        cached = _tables[place] = empty((len(numbers),), int64, like)
        runtime().upload(cached.ptr, numbers, like.device.index)
        if len(_tables) > TABLES_KEPT:
            _tables.popitem(last=False)
    # the order is that of use: what is dropped is what was not asked for the longest
    _tables.move_to_end(place)
    return cached


@triton.jit
def table_entry(table, chunks, WIDTH: tl.constexpr, CHUNK: tl.constexpr, BLOCK: tl.constexpr):
    """This program's row of a table, of `WIDTH` numbers, and the first element it works on."""
    # a table starts with (tensor, chunk) for every program; the tensors' rows follow
    entry = table + 2 * tl.program_id(0)
    # multiple_of: what is loaded is opaque to the compiler, which needs it for accesses of 16 bytes
    return table + 2 * chunks + WIDTH * tl.load(entry), tl.multiple_of(tl.load(entry + 1) * CHUNK, BLOCK)


@triton.jit
def memory_at(place, T: tl.constexpr, ALIGN: tl.constexpr):
    """The address that stands in a table, as a pointer to elements of type T."""
    return tl.multiple_of(tl.load(place).to(tl.pointer_type(T)), ALIGN)


def chunks_of(counts: Sequence[int] | np.ndarray, chunk: int) -> tuple[np.ndarray, np.ndarray]:
    """(tensor, chunk of it) for every program, one after another, and the first program of every tensor.

    Args:
        counts: elements of the tensors.
        chunk: elements of a program.
    """
    # an empty tensor has no program; the others' last ones may be short
    programs = -(-np.asarray(counts, np.int64) // chunk)
    first = np.cumsum(programs) - programs
    tensor = np.repeat(np.arange(len(programs)), programs)
    return np.stack((tensor, np.arange(len(tensor)) - first[tensor]), 1).reshape(-1), first


def elements(row: tuple[Buffer, ...], single: int | None = None) -> int | None:
    """Number of elements of each of a row's tensors where all can be seen as flat memory as they are; else None."""
    shape, strides = row[0].shape, row[0].strides
    count = _dense(shape, strides)
    if count is None or row[0].dtype.is_complex:
        return None
    for i, b in enumerate(row):
        if i != single and b.strides != strides:
            return None
    return count


@lru_cache(maxsize=4096)
def _dense(shape: tuple[int, ...], strides: tuple[int, ...]) -> int | None:
    """Number of elements where they lie without gaps, in any order of dimensions; else None."""
    count = numel(shape)
    expected = 1
    for stride, extent in sorted((s, n) for s, n in zip(strides, shape, strict=True) if n != 1):
        if count and stride != expected:
            return None
        expected *= extent
    return count


def flat(
    row: tuple[Buffer, ...], written: tuple[int, ...], single: int | None, back: list[tuple[Buffer, Buffer]]
) -> list[Buffer]:
    """The row as flat memory; what cannot be seen so is copied, and noted in `back` where it is written."""
    # elementwise work may follow any order of dimensions, if all tensors of the row share it
    order = sorted(range(row[0].ndim), key=lambda d: -row[0].strides[d])
    dense = all(i == single or _turned(b, order).is_contiguous() for i, b in enumerate(row))
    flattened = []
    for i, b in enumerate(row):
        if i != single and not dense and not b.is_contiguous():
            temporary = empty(b.shape, b.dtype, b)
            copy(temporary, b)
            if i in written:
                back.append((b, temporary))
            b = temporary
        parts, kind = (2, b.dtype.to_real()) if b.dtype.is_complex else (1, b.dtype)
        flattened.append(Buffer(b.ptr, (parts * b.numel,), (1,), kind, b.device, b.owner))
    return flattened


def _turned(b: Buffer, order: list[int]) -> Buffer:
    return b.as_strided(tuple(b.shape[d] for d in order), tuple(b.strides[d] for d in order))
