"""Writes by index, deterministically: no float atomics.

Every write is seen as entries (positions of the index tensors), each with a key (the position it names) and a
row of values.

- To assign, entries claim their keys by an integer maximum (`claim_kernel`), so that the last of several wins
  whatever order they run in; then `write_kernel` writes what the winners hold.
- To combine, entries are sorted by key (stable, so the order of additions is fixed) and the first entry of
  each run of equal keys combines the whole run (`combine_kernel`). Atomic additions would need no sort, but
  add in varying order; and a product or a maximum that keeps NaN has no atomic instruction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import triton
from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.dtypes import bool_, int32, int64
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device.moving import moved
from tritonnn.kernels.device.pointwise import _scalar, compute_type, convert, encode
from tritonnn.kernels.device.sort import order_rows
from tritonnn.kernels.device.strided import (
    expand,
    fill,
    folded,
    merged,
    offset_of,
    parts,
    positions,
    second_program,
    wide,
)
from tritonnn.kernels.indexing import indexed_offset
from tritonnn.kernels.launch.launch import empty, i64, launch, needs_int64
from tritonnn.shape import broadcast_shapes, contiguous_strides, numel

BLOCK = 512
SUM, PROD, MAX, MIN, MEAN = 0, 1, 2, 3, 4


@triton.jit
def key_kernel(
    keys_ptr,
    indices_ptrs,
    n_entries,
    shape,
    kept_strides,
    index_strides,
    steps,
    sizes,
    BLOCK: tl.constexpr,
    INT64: tl.constexpr,
):
    """keys[i] = the position that entry i names, -1 where it is out of bounds: nothing is written there."""
    offs = positions(BLOCK, INT64)
    mask = offs < n_entries
    offset, valid = indexed_offset(offs, mask, indices_ptrs, shape, index_strides, steps, sizes, False)
    key = tl.where(valid, offset_of(offs, shape, kept_strides) + offset, -1)
    tl.store(keys_ptr + offs, key.to(keys_ptr.dtype.element_ty), mask=mask)


@triton.jit
def claim_kernel(winner_ptr, keys_ptr, n_entries, BLOCK: tl.constexpr, INT64: tl.constexpr):
    """winner[key] = the last entry with that key."""
    offs = positions(BLOCK, INT64)
    mask = offs < n_entries
    key = tl.load(keys_ptr + offs, mask=mask, other=-1)
    # of integers: its result does not depend on the order
    tl.atomic_max(winner_ptr + key, offs.to(tl.int64), mask=key >= 0)


@triton.jit
def write_kernel(
    out_ptr, source_ptr, keys_ptr, winner_ptr, numel, width, key_shape, key_strides, rest_shape,
    rest_strides, entry_shape,
    source_strides, source_rest, CLAIMED: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out[key, r] = source[entry, r] for every entry that owns its key.

    Args:
        numel: entries times width. width: values of an entry.
        key_shape: extents of the positions a key counts, with `key_strides` in the output.
        rest_shape: extents of an entry's values, with `rest_strides` in the output, `source_rest` in the
        source.
        entry_shape: extents of the entries, with `source_strides` in the source.
    """
    offs = positions(BLOCK, INT64)
    mask = offs < numel
    entry, r = offs // width, offs % width
    key = tl.load(keys_ptr + entry, mask=mask, other=-1)
    mask = mask & (key >= 0)
    if CLAIMED:
        mask = mask & (tl.load(winner_ptr + key, mask=mask, other=-1) == entry)
    x = tl.load(
        source_ptr + offset_of(entry, entry_shape, source_strides) + offset_of(r, rest_shape, source_rest),
        mask=mask,
    )
    tl.store(
        out_ptr
        + offset_of(wide(key, INT64), key_shape, key_strides)
        + offset_of(r, rest_shape, rest_strides),
        x,
        mask=mask,
    )


@triton.jit
def _combine(a, b, KIND: tl.constexpr):
    """Two values as one; NaN wins over numbers."""
    if KIND == 1:
        return a * b
    elif KIND == 2:
        return tl.where((b > a) | (b != b), b, a)
    elif KIND == 3:
        return tl.where((b < a) | (b != b), b, a)
    else:
        return a + b


@triton.jit(do_not_specialize=["alpha"])
def combine_kernel(
    out_ptr, source_ptr, keys_ptr, order_ptr, n_entries, width, key_shape, key_strides, rest_shape,
    rest_strides, entry_shape,
    source_strides, source_rest, alpha: i64, KIND: tl.constexpr, INCLUDE: tl.constexpr, COMPUTE: tl.constexpr,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out[key, r] = combination of out[key, r] (with INCLUDE) and alpha * source[entry, r] of the key's entries.

    Args:
        keys_ptr: the keys of the entries, unsorted. order_ptr: the stable permutation that sorts them.
        Others as of `write_kernel`.
    """
    offs_m = wide(tl.program_id(0), INT64) * ROWS + tl.arange(0, ROWS)[:, None]
    offs_r = second_program(INT64) * COLUMNS + tl.arange(0, COLUMNS)[None, :]
    mask_m = offs_m < n_entries
    key = tl.load(keys_ptr + tl.load(order_ptr + offs_m, mask=mask_m, other=0), mask=mask_m, other=-1)
    has_previous = mask_m & (offs_m > 0)
    previous_key = tl.load(
        keys_ptr + tl.load(order_ptr + offs_m - 1, mask=has_previous, other=0), mask=has_previous, other=-1
    )
    # one lane owns a run, so the run's length is its loop's; the other lanes of the run are idle
    starts_run = mask_m & (key != previous_key) & (key >= 0)
    mask_r = offs_r < width
    out_ptrs = (
        out_ptr
        + offset_of(wide(key, INT64), key_shape, key_strides)
        + offset_of(offs_r, rest_shape, rest_strides)
    )
    mask = starts_run & mask_r
    source_ptrs = source_ptr + offset_of(offs_r, rest_shape, source_rest)
    factor = _scalar(alpha, COMPUTE)
    # The run's first element starts the total where the output's own does not take part.
    entry = tl.load(order_ptr + offs_m, mask=starts_run, other=0)
    first_value = (
        convert(tl.load(source_ptrs + offset_of(entry, entry_shape, source_strides), mask=mask), COMPUTE)
        * factor
    )
    if INCLUDE:
        acc = _combine(convert(tl.load(out_ptrs, mask=mask), COMPUTE), first_value, KIND)
    else:
        acc = first_value
    count = starts_run.to(tl.int32)
    j = offs_m + 1
    in_run = starts_run & (j < n_entries)
    entry = tl.load(order_ptr + j, mask=in_run, other=0)
    in_run = in_run & (tl.load(keys_ptr + entry, mask=in_run, other=-1) == key)
    # until the longest run of the tile has ended
    while tl.max(in_run.to(tl.int32)) > 0:
        x = tl.load(source_ptrs + offset_of(entry, entry_shape, source_strides), mask=in_run & mask_r)
        acc = tl.where(in_run & mask_r, _combine(acc, convert(x, COMPUTE) * factor, KIND), acc)
        count += in_run.to(tl.int32)
        j += 1
        in_run = in_run & (j < n_entries)
        entry = tl.load(order_ptr + j, mask=in_run, other=0)
        in_run = in_run & (tl.load(keys_ptr + entry, mask=in_run, other=-1) == key)
    if KIND == 4:
        acc = _mean(acc, tl.maximum(count + INCLUDE, 1).to(COMPUTE))
    tl.store(out_ptrs, convert(acc, out_ptr.dtype.element_ty), mask=mask)


@triton.jit
def _mean(acc, count):
    """The quotient, rounded down for integers."""
    if acc.dtype.is_floating():
        return acc / count
    else:
        quotient = acc // count
        # // truncates on the GPU, PyTorch rounds the mean of integers down
        return quotient - ((acc % count != 0) & (acc < 0)).to(acc.dtype)


class Entries(NamedTuple):
    """What a write by index is made of; strides in elements."""

    indices: list[Buffer]  # of the entries' shape
    shape: tuple[int, ...]  # of the entries
    kept: tuple[int, ...]  # key strides of the entries' own dimensions
    steps: tuple[int, ...]  # key strides of the index tensors' values
    sizes: tuple[int, ...]  # extents that the index tensors index
    key_shape: tuple[int, ...]
    key_strides: tuple[int, ...]  # in the output
    rest_shape: tuple[int, ...]  # of an entry's values
    rest_strides: tuple[int, ...]  # in the output
    source_strides: tuple[int, ...]  # of the entries
    source_rest: tuple[int, ...]


def along(out: Buffer, dim: int, index: Buffer, source: Buffer) -> Entries:
    """scatter: every element of the index is an entry of one value (two for complex numbers)."""
    dense = contiguous_strides(out.shape)
    kept = tuple(0 if d == dim else s for d, s in enumerate(dense))
    scale = 2 if out.dtype.is_complex else 1
    return Entries(
        [index], index.shape, kept, (dense[dim],), (out.shape[dim],), out.shape,
        tuple(scale * s for s in out.strides), (scale,), (1,), tuple(scale * s for s in source.strides), (1,),
    )  # fmt: skip


def at_dims(out: Buffer, indices: Sequence[Buffer], values: Buffer, dims: tuple[int, ...]) -> Entries:
    """Advanced indexing of `dims`: every position of the index tensors is an entry of the other dimensions."""
    common = tuple(broadcast_shapes(*[index.shape for index in indices]))
    kept = [d for d in range(out.ndim) if d not in dims]
    at = dims[0] if dims[-1] - dims[0] + 1 == len(dims) else 0
    rest_shape = tuple(out.shape[d] for d in kept)
    values = expand(values, (*rest_shape[:at], *common, *rest_shape[at:]))
    end = at + len(common)
    sizes = tuple(out.shape[d] for d in dims)
    scale = 2 if out.dtype.is_complex else 1

    def scaled(strides: Sequence[int]) -> tuple[int, ...]:
        return tuple(scale * s for s in strides)

    part = (scale,) if scale == 2 else ()
    one = (1,) if scale == 2 else ()
    return Entries(
        [expand(index, common) for index in indices], common, (0,) * len(common), contiguous_strides(sizes),
        sizes, sizes, scaled([out.strides[d] for d in dims]), rest_shape + part,
        scaled([out.strides[d] for d in kept]) + one, scaled(values.strides[at:end]),
        scaled((*values.strides[:at], *values.strides[end:])) + one,
    )  # fmt: skip


def _keys(e: Entries, like: Buffer, wide: bool) -> Buffer:
    n = numel(e.shape)
    keys = empty((n,), int64 if numel(e.key_shape) >= 1 << 31 else int32, like)
    shape, kept, *strides = merged(e.shape, e.kept, *(index.strides for index in e.indices))
    launch(
        key_kernel, (-(-n // BLOCK),), keys, tuple(e.indices), n, shape, kept, tuple(strides), e.steps,
        e.sizes,
        BLOCK=BLOCK, INT64=wide,
    )  # fmt: skip
    return keys


def _geometry(e: Entries) -> tuple[Any, ...]:
    """The arguments from key_shape on of `write_kernel` and `combine_kernel`, dimensions merged."""
    return (
        *merged(e.key_shape, e.key_strides), *merged(e.rest_shape, e.rest_strides, e.source_rest)[:2],
        *merged(e.shape, e.source_strides), merged(e.rest_shape, e.rest_strides, e.source_rest)[2],
    )  # fmt: skip


def assign(out: Buffer, e: Entries, source: Buffer, single: bool) -> None:
    """Write the entries; `single` where they all hold the same values, so that it does not matter which wins."""
    out, source = moved(out, source)
    entries, width = numel(e.shape), numel(e.rest_shape)
    if not entries * width:
        return
    wide = needs_int64(out, source, *e.indices) or entries * width >= 1 << 31
    keys = _keys(e, out, wide)
    winner = keys
    if not single:
        winner = fill(empty((numel(e.key_shape),), int64, out), 0xFF)
        launch(claim_kernel, (-(-entries // BLOCK),), winner, keys, entries, BLOCK=BLOCK, INT64=wide)
    launch(
        write_kernel, (-(-entries * width // BLOCK),), parts(out), parts(source), keys, winner,
        entries * width, width, *_geometry(e), CLAIMED=not single, BLOCK=BLOCK, INT64=wide,
    )  # fmt: skip


def combine(
    name: str, out: Buffer, e: Entries, source: Buffer, kind: int, alpha: Any = 1, include: bool = True
) -> None:
    """Combine the entries into the output."""
    entries, width = numel(e.shape), numel(e.rest_shape)
    if not entries * width:
        return
    wide = needs_int64(out, source, *e.indices)
    keys = _keys(e, out, wide or entries >= 1 << 31)
    out, source = parts(out), parts(source)
    compute = tl.int32 if out.dtype is bool_ else compute_type(name, out.dtype)
    columns = min(64, 1 << (width - 1).bit_length())
    rows = 128 // columns
    launch(
        combine_kernel, folded(-(-entries // rows), -(-width // columns)), out, source, keys,
        order_rows(keys, False), entries, width, *_geometry(e), encode(alpha, compute.is_floating()),
        KIND=kind, INCLUDE=include,
        COMPUTE=compute, ROWS=rows, COLUMNS=columns, INT64=wide,
    )  # fmt: skip


_B: dict[str, Any] = {"BLOCK": BLOCK, "INT64": False}
_GEOMETRY = "(i32) (i32) (i32) (i32=1) (i32) (i32) (i32=1)"
COMPILE = [
    Case(key_kernel, "*i32 (*i64) i32 (i32 i32) (i32 i32) ((i32 i32)) (i32) (i32)", _B),
    Case(
        key_kernel, "*i64 (*i64 *i64) i32 (i32) (i32) ((i32) (i32)) (i32 i32) (i32 i32)",
        {"BLOCK": BLOCK, "INT64": True}, label="two-int64",
    ),
    Case(claim_kernel, "*i64 *i32 i32", _B),
    *[
        Case(
            write_kernel, f"*{t} *{t} *i32 *i64 i32 i32 {_GEOMETRY}", {"CLAIMED": c, **_B}, label=f"{t}-{c}"
        )
        for t in ("fp32", "bf16", "i64", "i1") for c in (False, True)
    ],
    *[
        Case(
            combine_kernel, f"*{t} *{t} *i32 *i64 i32 i32 {_GEOMETRY} i64",
            {"KIND": kind, "INCLUDE": include, "COMPUTE": c, "ROWS": 2, "COLUMNS": 64, "INT64": False},
            label=f"{t}-{kind}-{include}",
        )
        for t, c in (("fp32", tl.float32), ("bf16", tl.float32), ("fp64", tl.float64), ("i64", tl.int64))
        for kind, include in ((SUM, True), (PROD, False), (MAX, True), (MIN, False), (MEAN, True))
    ],
    Case(
        combine_kernel, f"*fp32 *fp32 *i32 *i64 i32 i32=1 {_GEOMETRY} i64",
        {"KIND": SUM, "INCLUDE": True, "COMPUTE": tl.float32, "ROWS": 128, "COLUMNS": 1, "INT64": True},
        label="flat-int64",
    ),
]  # fmt: skip
