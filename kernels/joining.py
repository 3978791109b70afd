"""Joining and mirroring.

`cat_kernel` joins up to MOST tensors by one launch: a launch costs the host as much as copying some hundred
kilobytes costs the GPU. A program copies a block of one tensor, which it finds by comparing its number with
the first programs of all. What is moved is bits of the widest type that all rows are multiples of, in
accesses of 16 bytes where the tensors lie on such a grid; transposed tensors go by tiles, in launches of
their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd
from typing import Any, NamedTuple

import triton
from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device.float8 import BITS_ALONE, NAMES, instructions
from tritonnn.kernels.device.moving import BITS, complex_parts, copy, narrow, reverse, viewed
from tritonnn.kernels.device.pointwise import COMPUTE, convert
from tritonnn.kernels.launch.launch import architecture, launch, needs_int64
from tritonnn.kernels.launch.replay import replayed
from tritonnn.kernels.tables.pointwise import flat_block
from tritonnn.shape import numel

THREADS = 128
MOST = 32  # tensors that one launch joins
WORTH_TILES = 1 << 16  # elements from which a transposed tensor is copied by tiles, in a launch of its own
WORTH_LAUNCH = 1 << 20  # bytes from which tensors on a 16-byte grid do not suffer for those that are not


def _plain(number: int) -> int:
    """A number as the kernel takes it: Triton compiles anew for numbers in tuples that are 1 or multiples of 16."""
    return 4 * number + 3


@triton.jit
def _number(plain, INT64: tl.constexpr):
    """The number that `_plain` was given."""
    return tl.cast(plain >> 2, tl.int64 if INT64 else tl.int32)


@triton.jit
def _chosen(pid, firsts, values):
    """The value of the tensor that a program belongs to."""
    chosen = values[0]
    for k in tl.static_range(len(firsts)):
        chosen = tl.where(pid >= _number(firsts[k], False), values[k + 1], chosen)
    return chosen


@triton.jit(do_not_specialize=["rest"])
def cat_kernel(
    out, ins, shifts, firsts, lengths, starts, strides, shape, out_strides, rest,
    JOINED: tl.constexpr, COMPUTE: tl.constexpr, GRID: tl.constexpr, UNIT: tl.constexpr,
    BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """Several tensors into their parts of one; a program copies elements of one of them.

    Extents of the last dimension, starts and strides along other dimensions are given in units of GRID
    elements: it is by their products that the compiler knows what they are multiples of. Numbers in tuples
    come as `_plain` makes them.

    Args:
        ins: pointers to the last multiples of 16 bytes before the tensors, which are of one type.
        shifts: the elements from there to the tensors; none where GRID is not 1, for then there are none.
        firsts: the first program of every tensor but the first.
        lengths: their extents along the joined dimension.
        starts: where in `out` they begin.
        strides: one tuple for each dimension, with the strides of all tensors along it.
        shape: extents of the merged dimensions, whatever stands at the joined one.
        rest: product of the other extents.
        JOINED: the joined dimension.
        UNIT: all strides along the last dimension are 1; they are where GRID is not 1.
    """
    RANK: tl.constexpr = len(shape)
    pid = tl.program_id(0)
    first = pid * 0
    for k in tl.static_range(len(firsts)):
        start = _number(firsts[k], False)
        # unrolled comparisons with constants in registers: a table in memory would be a dependent load
        first = tl.where(pid >= start, start, first)
    source = _chosen(pid, firsts, ins)
    if GRID == 1:
        source += _number(_chosen(pid, firsts, shifts), False)
    length = _number(_chosen(pid, firsts, lengths), INT64)
    block = pid - first
    if INT64:
        block = block.to(tl.int64)
    position = block * BLOCK + tl.arange(0, BLOCK)
    inside = position < length * rest * GRID
    target = out + _number(_chosen(pid, firsts, starts), INT64) * GRID
    for d in tl.static_range(RANK - 1, -1, -1):
        at = position
        if d > 0:
            extent = length if d == JOINED else _number(shape[d], INT64)
            if d == RANK - 1:
                extent *= GRID
            at = position % extent
            position = position // extent
        if UNIT and d == RANK - 1:
            source += at
            target += at
        else:
            source += at * (_number(_chosen(pid, firsts, strides[d]), INT64) * GRID)
            target += at * (_number(out_strides[d], INT64) * GRID)
    value = convert(convert(tl.load(source, mask=inside), COMPUTE), out.dtype.element_ty)
    tl.store(target, value, mask=inside)


class _Layout(NamedTuple):
    """Merged dimensions of a joint copy, in elements: the tensors differ in their extents along `joined`."""

    joined: int
    shape: tuple[int, ...]
    out_strides: tuple[int, ...]
    lengths: tuple[int, ...]
    strides: tuple[tuple[int, ...], ...]  # of each tensor

    def unit(self) -> bool:
        """Whether the last dimension is contiguous everywhere."""
        last = len(self.shape) - 1
        lone = last == self.joined  # an extent of 1 says nothing of its stride
        own = [(lone and n == 1) or s[-1] == 1 for n, s in zip(self.lengths, self.strides, strict=True)]
        return self.out_strides[-1] == 1 and all(own)

    def divided(self, factor: int) -> _Layout:
        """The layout in units of so many elements."""
        if factor == 1:
            return self
        last = len(self.shape) - 1
        shape, lengths = [*self.shape[:-1], self.shape[-1] // factor], self.lengths
        if last == self.joined:
            lengths = tuple([n // factor for n in lengths])
        rows = [(*[s // factor for s in row[:-1]], row[-1]) for row in (self.out_strides, *self.strides)]
        return _Layout(self.joined, tuple(shape), rows[0], lengths, tuple(rows[1:]))

    def grid(self, k: int) -> int:
        """What extents along the last dimension and the other strides are multiples of, of tensor k and of out."""
        last = len(self.shape) - 1
        extent = self.lengths[k] if last == self.joined else self.shape[last]
        return gcd(extent, *self.out_strides[:-1], *self.strides[k][:-1])


def _layout(out: Buffer, tensors: Sequence[Buffer], dim: int) -> _Layout:
    """The dimensions in the order of out's strides, neighbours merged where all tensors and out allow it."""
    wanted = [d for d in range(out.ndim) if d == dim or out.shape[d] != 1]
    shape: list[int] = []
    columns: list[list[int]] = []  # strides of out and of every tensor
    joined, lengths = -1, [t.shape[dim] for t in tensors]
    for d in sorted(wanted, key=lambda d: -abs(out.strides[d])):
        now = [out.strides[d], *[t.strides[d] for t in tensors]]
        if d == dim:
            now[1:] = [0 if n == 1 else s for n, s in zip(lengths, now[1:], strict=True)]
        extent = out.shape[d]
        before, single = (columns[-1], joined == len(shape) - 1) if shape else ([], False)
        # Along the joined dimension a tensor of extent 1 has no stride that could contradict.
        if shape and d != dim and all(
            b == s * extent or (single and k > 0 and lengths[k - 1] == 1)
            for k, (b, s) in enumerate(zip(before, now, strict=True))
        ):  # fmt: skip
            shape[-1] *= extent
            columns[-1] = now
            if single:
                lengths = [n * extent for n in lengths]
            continue
        if d == dim:
            joined = len(shape)
        shape.append(extent)
        columns.append(now)
    out_strides, *strides = zip(*columns, strict=True)
    return _Layout(joined, tuple(shape), out_strides, tuple(lengths), tuple(strides))


@replayed
def cat(out: Buffer, tensors: Sequence[Buffer], dim: int) -> None:
    """out = the tensors one after another along `dim`; empty vectors among higher ranks are left out."""
    _cat(out, tensors, dim)


@replayed
def stack_contiguous(out: Buffer, tensors: Sequence[Buffer], dim: int) -> None:
    """out = the tensors, all of one shape, along the dimension `dim` of `out`."""
    rows = []
    for t in tensors:
        shape, strides = (*t.shape[:dim], 1, *t.shape[dim:]), (*t.strides[:dim], 0, *t.strides[dim:])
        rows.append(t.as_strided(shape, strides))
    _cat(out, rows, dim)


def _cat(out: Buffer, tensors: Sequence[Buffer], dim: int) -> None:
    start = 0
    groups: dict[Any, list[tuple[Buffer, int]]] = {}
    for tensor in tensors:
        if tensor.ndim == out.ndim and tensor.numel:
            if _alone(out, tensor):
                copy(narrow(out, dim, start, tensor.shape[dim]), tensor)
            else:
                groups.setdefault(tensor.dtype, []).append((tensor, start))
        start += tensor.shape[dim] if tensor.ndim == out.ndim else 0
    for parts in groups.values():
        for at in range(0, len(parts), MOST):
            _join(out, parts[at : at + MOST], dim)


def _alone(out: Buffer, tensor: Buffer) -> bool:
    """Whether a tensor is copied by a launch of its own: transposed, or of a type that takes more than a cast."""
    if tensor.shape == out.shape:
        return True
    if out.dtype is not tensor.dtype:
        kinds = {out.dtype, tensor.dtype}
        special = kinds & BITS_ALONE or (kinds & NAMES.keys() and not instructions(architecture()))
        return bool(special) or out.dtype.is_complex or tensor.dtype.is_complex
    inner = min(
        (d for d in range(out.ndim) if out.shape[d] > 1), key=lambda d: abs(out.strides[d]), default=0
    )
    return (
        tensor.numel >= WORTH_TILES and tensor.strides[inner] != 1
        and any(s == 1 and n >= 8 for s, n in zip(tensor.strides, tensor.shape, strict=True))
    )  # fmt: skip


def _join(out: Buffer, parts: list[tuple[Buffer, int]], dim: int) -> None:
    """Tensors of one type by one launch, or by two where only some lie on a 16-byte grid."""
    if len(parts) == 1:
        tensor, start = parts[0]
        return copy(narrow(out, dim, start, tensor.shape[dim]), tensor)
    first = parts[0][0]
    size, same = first.dtype.itemsize, first.dtype is out.dtype
    if same and size == 16:
        out, parts = complex_parts(out), [(complex_parts(t), start) for t, start in parts]
        size = 8
    layout = _layout(out, [t for t, _ in parts], dim)
    # The grid in bytes that all of a tensor's rows lie on, or for a cast those of the narrower type.
    size = min(size, out.dtype.itemsize)
    grids = [size] * len(parts)
    if layout.unit():
        steps = [gcd(layout.grid(k), start * out.strides[dim]) for k, (_, start) in enumerate(parts)]
        grids = [gcd(step * size, t.ptr, out.ptr, 16) for (t, _), step in zip(parts, steps, strict=True)]
    if min(grids) < 16 and 16 in grids and sum(t.numel * t.dtype.itemsize for t, _ in parts) >= WORTH_LAUNCH:
        for whole in (True, False):
            _join(out, [p for p, grid in zip(parts, grids, strict=True) if (grid == 16) is whole], dim)
        return
    lowest = min(grids)
    factor = min(lowest, 8) // size if same else 1  # elements of out in one that is moved
    if same:
        bits = BITS[size * factor]
        out, parts = viewed(out, bits), [(viewed(t, bits), start) for t, start in parts]
    starts = [start * out.strides[dim] // factor for _, start in parts]
    grid = 1 if lowest < 16 else 2 if same else 16 // size
    _launch(out, [t for t, _ in parts], starts, layout.divided(factor), grid)


def _launch(out: Buffer, tensors: list[Buffer], starts: list[int], layout: _Layout, grid: int) -> None:
    widest = max(out.dtype.itemsize, tensors[0].dtype.itemsize)
    block = max(flat_block(widest), THREADS * grid)
    unit, layout = layout.unit(), layout.divided(grid)
    rest = numel(layout.shape) // layout.shape[layout.joined]
    firsts = [0]
    for length in layout.lengths:
        firsts.append(firsts[-1] + triton.cdiv(length * rest * grid, block))
    count = 1 << (len(tensors) - 1).bit_length()  # a binary for each power of two

    def padded(values: Sequence[Any]) -> tuple[Any, ...]:
        return (*values, *[values[-1]] * (count - len(values)))

    def numbers(values: Sequence[int]) -> tuple[int, ...]:
        return tuple(map(_plain, values))

    shifts = [(t.ptr & 15) // t.dtype.itemsize for t in tensors]
    ins = [  # the memory from there to the tensor's end
        t.as_strided((*t.shape, 2), (*t.strides, shift), -shift)
        for t, shift in zip(tensors, shifts, strict=True)
    ]
    launch(
        cat_kernel, (firsts[-1],), out, padded(ins), numbers(padded(shifts)) if grid == 1 else (),
        numbers(padded(firsts[1:])[: count - 1]), numbers(padded(layout.lengths)),
        numbers(padded([s // grid for s in starts])),
        tuple(map(numbers, zip(*padded(layout.strides), strict=True))), numbers(layout.shape),
        numbers(layout.out_strides), rest, JOINED=layout.joined, COMPUTE=COMPUTE[tensors[0].dtype], GRID=grid,
        UNIT=unit, BLOCK=block, INT64=needs_int64(out, *tensors) or any(t.numel + block >= 2**31 for t in tensors),
        num_warps=THREADS // 32,
    )  # fmt: skip


@replayed
def flip(out: Buffer, input: Buffer, dims: Sequence[int]) -> None:
    """out = input with the order of elements reversed along `dims`."""
    copy(out, reverse(input, dims))


def COMPILE() -> list[Case]:
    """The cases of the compile check: bits of every width, casts, and ranks."""
    cases = []
    for kind, out, compute, grid, count, rank, joined in (
        ("i64", "i64", tl.int64, 2, 2, 1, 0),
        ("i64", "i64", tl.int64, 2, 2, 2, 1),
        ("i64", "i64", tl.int64, 2, 8, 2, 1),
        ("i64", "i64", tl.int64, 2, 32, 2, 1),
        ("i64", "i64", tl.int64, 2, 4, 3, 1),
        ("i64", "i64", tl.int64, 1, 2, 2, 1),
        ("i32", "i32", tl.int32, 1, 4, 2, 1),
        ("i16", "i16", tl.int16, 1, 4, 2, 1),
        ("u8", "u8", tl.uint8, 1, 4, 2, 1),
        ("bf16", "fp32", tl.float32, 8, 2, 2, 1),
        ("fp32", "bf16", tl.float32, 8, 2, 2, 1),
        ("i64", "fp32", tl.int64, 1, 2, 2, 1),
    ):
        size = {"u8": 1, "i16": 2, "bf16": 2, "i32": 4, "fp32": 4, "i64": 8}
        constants = {
            "JOINED": joined, "COMPUTE": compute, "GRID": grid, "UNIT": True,
            "BLOCK": max(flat_block(max(size[kind], size[out])), THREADS * grid), "INT64": False,
        }  # fmt: skip
        pointers, numbers = " ".join([f"*{kind}"] * count), " ".join(["i32"] * count)
        shifts = "()" if grid > 1 else f"({numbers})"
        firsts, ranks = " ".join(["i32"] * (count - 1)), " ".join(["i32"] * rank)
        strides = " ".join([f"({numbers})"] * rank)
        sizes = f"({firsts}) ({numbers}) ({numbers}) ({strides}) ({ranks}) ({ranks})"
        signature = f"*{out} ({pointers}) {shifts} {sizes} i32"
        accesses = "both" if grid > 1 else ""
        label = f"{kind}{'' if kind == out else ',' + out},{count} of rank {rank},grid={grid}"
        cases.append(Case(cat_kernel, signature, constants, label, wide=accesses))
    return cases
