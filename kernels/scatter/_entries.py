"""Writes by index, deterministically: no float atomics.

Every write is seen as entries (positions of the index tensors), each with a key (the position it names) and a
row of values. To assign, entries claim their keys by an integer maximum, so that the last of several wins. To
combine, entries are sorted by key (stable, so the order of additions is fixed) and the first entry of each run
of equal keys combines the whole run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import triton
from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.dtypes import bool_, int32, int64
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device.pointwise import _scalar, compute_type, convert, encode
from tritonnn.kernels.device.sort import order_rows
from tritonnn.kernels.device.strided import expand, fill, merged, offset_of, parts, positions, wide
from tritonnn.kernels.indexing import indexed_offset
from tritonnn.kernels.launch.launch import empty, i64, launch, needs_int64
from tritonnn.shape import broadcast_shapes, contiguous_strides

BLOCK = 512
SUM, PROD, MAX, MIN, MEAN = 0, 1, 2, 3, 4


@triton.jit
def key_kernel(
    keys,
    indices,
    n,
    shape,
    kept_strides,
    index_strides,
    steps,
    sizes,
    BLOCK: tl.constexpr,
    INT64: tl.constexpr,
):
    """keys[i] = the position that entry i names, -1 where it is out of bounds: nothing is written there."""
    i = positions(BLOCK, INT64)
    mask = i < n
    offset, valid = indexed_offset(i, mask, indices, shape, index_strides, steps, sizes, False)
    key = tl.where(valid, offset_of(i, shape, kept_strides) + offset, -1)
    tl.store(keys + i, key.to(keys.dtype.element_ty), mask=mask)


@triton.jit
def claim_kernel(winner, keys, n, BLOCK: tl.constexpr, INT64: tl.constexpr):
    """winner[key] = the last entry with that key."""
    i = positions(BLOCK, INT64)
    mask = i < n
    key = tl.load(keys + i, mask=mask, other=-1)
    tl.atomic_max(winner + key, i.to(tl.int64), mask=key >= 0)


@triton.jit
def write_kernel(
    out, source, keys, winner, total, width, key_shape, key_strides, rest_shape, rest_strides, entry_shape,
    source_strides, source_rest, CLAIMED: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out[key, r] = source[entry, r] for every entry that owns its key.

    Args:
        total: entries times width. width: values of an entry.
        key_shape: extents of the positions a key counts, with `key_strides` in the output.
        rest_shape: extents of an entry's values, with `rest_strides` in the output, `source_rest` in the source.
        entry_shape: extents of the entries, with `source_strides` in the source.
    """
    i = positions(BLOCK, INT64)
    mask = i < total
    entry, r = i // width, i % width
    key = tl.load(keys + entry, mask=mask, other=-1)
    mask = mask & (key >= 0)
    if CLAIMED:
        mask = mask & (tl.load(winner + key, mask=mask, other=-1) == entry)
    x = tl.load(
        source + offset_of(entry, entry_shape, source_strides) + offset_of(r, rest_shape, source_rest),
        mask=mask,
    )
    tl.store(
        out + offset_of(wide(key, INT64), key_shape, key_strides) + offset_of(r, rest_shape, rest_strides),
        x,
        mask=mask,
    )


@triton.jit
def _combine(a, b, KIND: tl.constexpr):
    if KIND == 1:
        return a * b
    elif KIND == 2:
        return tl.where((b > a) | (b != b), b, a)
    elif KIND == 3:
        return tl.where((b < a) | (b != b), b, a)
    else:
        return a + b


@triton.jit
def combine_kernel(
    out, source, keys, order, entries, width, key_shape, key_strides, rest_shape, rest_strides, entry_shape,
    source_strides, source_rest, alpha: i64, KIND: tl.constexpr, INCLUDE: tl.constexpr, COMPUTE: tl.constexpr,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out[key, r] = combination of out[key, r] (with INCLUDE) and alpha * source[entry, r] of the key's entries.

    Args:
        keys: the keys of the entries, unsorted. order: the stable permutation that sorts them.
        Others as of `write_kernel`.
    """
    m = wide(tl.program_id(0), INT64) * ROWS + tl.arange(0, ROWS)[:, None]
    r = wide(tl.program_id(1), INT64) * COLUMNS + tl.arange(0, COLUMNS)[None, :]
    inside = m < entries
    key = tl.load(keys + tl.load(order + m, mask=inside, other=0), mask=inside, other=-1)
    follows = inside & (m > 0)
    before = tl.load(keys + tl.load(order + m - 1, mask=follows, other=0), mask=follows, other=-1)
    active = inside & (key != before) & (key >= 0)
    column = r < width
    target = (
        out + offset_of(wide(key, INT64), key_shape, key_strides) + offset_of(r, rest_shape, rest_strides)
    )
    written = active & column
    values = source + offset_of(r, rest_shape, source_rest)
    factor = _scalar(alpha, COMPUTE)
    # The run's first element starts the total where the output's own does not take part.
    entry = tl.load(order + m, mask=active, other=0)
    first = (
        convert(tl.load(values + offset_of(entry, entry_shape, source_strides), mask=written), COMPUTE)
        * factor
    )
    if INCLUDE:
        total = _combine(convert(tl.load(target, mask=written), COMPUTE), first, KIND)
    else:
        total = first
    count = active.to(tl.int32)
    j = m + 1
    open_ = active & (j < entries)
    entry = tl.load(order + j, mask=open_, other=0)
    open_ = open_ & (tl.load(keys + entry, mask=open_, other=-1) == key)
    while tl.max(open_.to(tl.int32)) > 0:
        x = tl.load(values + offset_of(entry, entry_shape, source_strides), mask=open_ & column)
        total = tl.where(open_ & column, _combine(total, convert(x, COMPUTE) * factor, KIND), total)
        count += open_.to(tl.int32)
        j += 1
        open_ = open_ & (j < entries)
        entry = tl.load(order + j, mask=open_, other=0)
        open_ = open_ & (tl.load(keys + entry, mask=open_, other=-1) == key)
    if KIND == 4:
        total = _mean(total, tl.maximum(count + INCLUDE, 1).to(COMPUTE))
    tl.store(target, convert(total, out.dtype.element_ty), mask=written)


@triton.jit
def _mean(total, count):
    """The quotient, rounded down for integers."""
    if total.dtype.is_floating():
        return total / count
    else:
        quotient = total // count
        return quotient - ((total % count != 0) & (total < 0)).to(total.dtype)


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
        [expand(index, common) for index in indices], common, (0,) * len(common), contiguous_strides(sizes), sizes,
        sizes, scaled([out.strides[d] for d in dims]), rest_shape + part,
        scaled([out.strides[d] for d in kept]) + one, scaled(values.strides[at:end]),
        scaled((*values.strides[:at], *values.strides[end:])) + one,
    )  # fmt: skip


def _count(shape: Sequence[int]) -> int:
    total = 1
    for extent in shape:
        total *= extent
    return total


def _keys(e: Entries, like: Buffer, wide: bool) -> Buffer:
    n = _count(e.shape)
    keys = empty((n,), int64 if _count(e.key_shape) >= 1 << 31 else int32, like)
    shape, kept, *strides = merged(e.shape, e.kept, *(index.strides for index in e.indices))
    launch(
        key_kernel, (-(-n // BLOCK),), keys, tuple(e.indices), n, shape, kept, tuple(strides), e.steps, e.sizes,
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
    entries, width = _count(e.shape), _count(e.rest_shape)
    if not entries * width:
        return
    wide = needs_int64(out, source, *e.indices) or entries * width >= 1 << 31
    keys = _keys(e, out, wide)
    winner = keys
    if not single:
        winner = fill(empty((_count(e.key_shape),), int64, out), 0xFF)
        launch(claim_kernel, (-(-entries // BLOCK),), winner, keys, entries, BLOCK=BLOCK, INT64=wide)
    launch(
        write_kernel, (-(-entries * width // BLOCK),), parts(out), parts(source), keys, winner, entries * width,
        width, *_geometry(e), CLAIMED=not single, BLOCK=BLOCK, INT64=wide,
    )  # fmt: skip


def combine(
    name: str, out: Buffer, e: Entries, source: Buffer, kind: int, alpha: Any = 1, include: bool = True
) -> None:
    """Combine the entries into the output."""
    entries, width = _count(e.shape), _count(e.rest_shape)
    if not entries * width:
        return
    wide = needs_int64(out, source, *e.indices)
    keys = _keys(e, out, wide or entries >= 1 << 31)
    out, source = parts(out), parts(source)
    compute = tl.int32 if out.dtype is bool_ else compute_type(name, out.dtype)
    columns = min(64, 1 << (width - 1).bit_length())
    rows = 128 // columns
    launch(
        combine_kernel, (-(-entries // rows), -(-width // columns)), out, source, keys, order_rows(keys, False),
        entries, width, *_geometry(e), encode(alpha, compute.is_floating()), KIND=kind, INCLUDE=include,
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
