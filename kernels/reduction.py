"""Reductions over one, several or all dimensions; the kernels are in `device/reduce.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.dtypes import float32, float64, int32, int64
from tritonnn.kernels.check.case import Case, by_warp
from tritonnn.kernels.complex_scan import complex_product
from tritonnn.kernels.device import reduce as _reduce_kernels
from tritonnn.kernels.device.math import plus
from tritonnn.kernels.device.moving import imaginary_part, real_part, truth
from tritonnn.kernels.device.pointwise import pointwise
from tritonnn.kernels.launch.launch import (
    Plan,
    Slot,
    empty,
    multiprocessors,
    needs_int64,
    planned,
    threads_of_a_warp,
)
from tritonnn.kernels.tables.reduction import Reduction, choose_reduction, merge, power_of_2, shared
from tritonnn.shape import contiguous_strides, numel

_sum_of_two = pointwise(plus)
TRITON = {float32: tl.float32, float64: tl.float64, int32: tl.int32, int64: tl.int64}


class Problem(NamedTuple):
    """A reduction with its dimensions merged: extents and strides of the two sides."""

    kept: tuple[int, ...]
    kept_in: tuple[int, ...]
    kept_out: tuple[int, ...]
    red: tuple[int, ...]
    red_in: tuple[int, ...]
    results: int
    elements: int


def sum(out: Buffer, input: Buffer, dim: Sequence[int], keepdim: bool, dtype: Any) -> None:
    """out = sum of input over dim."""
    _reduce_parts(out, input, tuple(dim), None)


def mean(out: Buffer, input: Buffer, dim: Sequence[int], keepdim: bool, dtype: Any) -> None:
    """out = arithmetic mean of input over dim."""
    _reduce_parts(out, input, tuple(dim), numel([input.shape[d] for d in dim]))


def prod_dims(out: Buffer, input: Buffer, dim: Sequence[int], keepdim: bool, dtype: Any) -> None:
    """out = product of input over dim."""
    if out.dtype.is_complex:
        return complex_product(out, input, dim)
    _reduce(out, input, tuple(dim), "prod", None, False, None)


def amax(out: Buffer, input: Buffer, dim: Sequence[int], keepdim: bool) -> None:
    """out = largest element over dim; NaN wins."""
    _reduce(out, input, tuple(dim), "max", None, True, None)


def amin(out: Buffer, input: Buffer, dim: Sequence[int], keepdim: bool) -> None:
    """out = smallest element over dim; NaN wins."""
    _reduce(out, input, tuple(dim), "min", None, True, None)


max_dims = amax  # of its entry the gradient differs where there is NaN
min_dims = amin


def any(out: Buffer, input: Buffer, dim: Sequence[int], keepdim: bool) -> None:
    """out = whether an element over dim is not 0."""
    _reduce(out, truth(input), tuple(dim), "max", None, False, int32)


def all(out: Buffer, input: Buffer, dim: Sequence[int], keepdim: bool) -> None:
    """out = whether no element over dim is 0."""
    _reduce(out, truth(input), tuple(dim), "min", None, False, int32)


def count_nonzero(out: Buffer, input: Buffer, dim: Sequence[int]) -> None:
    """out = number of elements over dim that are not 0."""
    _reduce(out, truth(input), tuple(dim), "sum", None, False, int64)


def p_norm(out: Buffer, input: Buffer, p: float, dim: Sequence[int], keepdim: bool) -> None:
    """out = (sum of |input|^p)^(1/p) over dim; with p = 0 the number of elements that are not 0."""
    if p == 0:
        return _reduce(out, input, tuple(dim), "sum", None, False, int64)
    norm = {1.0: "absolute", 2.0: "square"}.get(p, "power")
    _reduce(out, input, tuple(dim), "sum", None, False, None, norm, p)


def max_dim(values: Buffer, indices: Buffer, input: Buffer, dim: int, keepdim: bool) -> None:
    """values, indices = largest element along dim and where it stands first; NaN wins."""
    _extreme(values, indices, input, dim, "max")


def min_dim(values: Buffer, indices: Buffer, input: Buffer, dim: int, keepdim: bool) -> None:
    """values, indices = smallest element along dim and where it stands first; NaN wins."""
    _extreme(values, indices, input, dim, "min")


def argmax(out: Buffer, input: Buffer, dim: int | None, keepdim: bool) -> None:
    """out = where the largest element along dim (None: of all, row-major) stands first; NaN wins."""
    _extreme(None, out, input, dim, "max")


def argmin(out: Buffer, input: Buffer, dim: int | None, keepdim: bool) -> None:
    """out = where the smallest element along dim (None: of all, row-major) stands first; NaN wins."""
    _extreme(None, out, input, dim, "min")


def var_dims(out: Buffer, input: Buffer, dim: Sequence[int], correction: float, keepdim: bool) -> None:
    """out = sum((input - mean)^2) / max(count - correction, 0) over dim; of complex numbers that of both parts."""
    if not input.dtype.is_complex:
        return _variance(out, input, tuple(dim), correction)
    both = [empty(out.shape, out.dtype, like=out) for _ in range(2)]
    for part, view in zip(both, (real_part(input), imaginary_part(input)), strict=True):
        _variance(part, view, tuple(dim), correction)
    _sum_of_two(out, *both, compute=out.dtype)


@planned
def _variance(out: Buffer, input: Buffer, dims: tuple[int, ...], correction: float) -> Callable[..., None]:
    p = problem(out, input, dims)
    tiling, int64_offsets = _tiling(p, input)
    acc = float64 if input.dtype is float64 else float32
    degrees_of_freedom = float(p.elements - correction if p.elements > correction else 0.0)
    options = {"ACC": TRITON[acc], "BLOCK_K": tiling.kept, "num_warps": tiling.warps}
    first = Plan(
        _reduce_kernels.moments_kernel, (-(-p.results // tiling.kept), tiling.splits), Slot(0), Slot(1),
        Slot(2), *p, tiling.chunk, degrees_of_freedom, PARTS=tiling.splits > 1, BLOCK_R=tiling.reduced,
        INT64=int64_offsets, **options,
    )  # fmt: skip
    if tiling.splits == 1:
        return lambda out, input: first(out, out, input)
    second = Plan(
        _reduce_kernels.merge_moments_kernel, (-(-p.results // tiling.kept),), Slot(0), Slot(1), p.kept,
        p.kept_out, p.results, p.elements, tiling.chunk, tiling.splits, degrees_of_freedom,
        BLOCK_R=power_of_2(tiling.splits), **options,
    )  # fmt: skip

    def run(out: Buffer, input: Buffer) -> None:
        partials = empty((tiling.splits, 2, p.results), acc, like=input)
        first(out, partials, input)
        second(out, partials)

    return run


@planned
def logsumexp(out: Buffer, input: Buffer, dims: tuple[int, ...]) -> Callable[..., None]:
    """out = log(sum(exp(input))) over dims."""
    p = problem(out, input, dims)
    tiling, int64_offsets = _tiling(p, input)
    acc = float64 if input.dtype is float64 else float32
    split = tiling.splits > 1
    along_rows = abs(p.red_in[-1]) <= abs(p.kept_in[-1]) or p.results == 1
    first = Plan(
        _reduce_kernels.logsumexp_kernel, (-(-p.results // tiling.kept), tiling.splits), Slot(0), Slot(1),
        Slot(2), *p, tiling.chunk, ACC=TRITON[acc], PARTS=split, INT64=int64_offsets,
        **shared(tiling, along_rows, input.dtype.itemsize, threads_of_a_warp()),
    )  # fmt: skip
    if not split:
        return lambda out, input: first(out, out, input)
    problem_2, tiling_2 = _second(p, tiling.splits)
    second = Plan(
        _reduce_kernels.logsumexp_kernel, (-(-p.results // tiling_2.kept), 1), Slot(0), Slot(0), Slot(1),
        *problem_2, tiling_2.chunk, ACC=TRITON[acc], PARTS=False, INT64=int64_offsets,
        **shared(tiling_2, p.results == 1, acc.itemsize, threads_of_a_warp()),
    )  # fmt: skip

    def run(out: Buffer, input: Buffer) -> None:
        partials = empty((tiling.splits, p.results), acc, like=input)
        first(out, partials, input)
        second(out, partials)

    return run


def problem(out: Buffer, input: Buffer, dims: Sequence[int], ordered: bool = False) -> Problem:
    """The two sides of a reduction with neighbouring dimensions merged.

    Args:
        out: the results, with or without the reduced dimensions (of extent 1).
        input: what is reduced.
        dims: the dimensions to reduce.
        ordered: keep the reduced dimensions in row-major order, where positions along them matter.
    """
    kept, kept_in, (kept_out,) = _kept((out,), input, dims)
    red, red_in = merge([(input.shape[d], input.strides[d]) for d in sorted(dims)], 2, sort=not ordered)
    return Problem(kept, kept_in, kept_out, red, red_in, numel(kept), numel(red))


def _kept(
    outs: tuple[Buffer, ...], input: Buffer, dims: Sequence[int]
) -> tuple[tuple[int, ...], tuple[int, ...], list[tuple[int, ...]]]:
    """Extents of the results' dimensions, their strides in the input and in each of `outs`."""
    kept = [d for d in range(input.ndim) if d not in dims]
    sides: list[tuple[int, ...]] = [(input.shape[d], input.strides[d]) for d in kept]
    for out in outs:
        strides = out.strides if out.ndim == len(kept) else [out.strides[d] for d in kept]
        sides = [(*side, stride) for side, stride in zip(sides, strides, strict=True)]
    shape, from_input, *to_outs = merge(sides, 2 + len(outs))
    return shape, from_input, to_outs


def _tiling(p: Problem, input: Buffer) -> tuple[Reduction, bool]:
    along_rows = abs(p.red_in[-1]) <= abs(p.kept_in[-1]) or p.results == 1
    tiling = choose_reduction(p.results, p.elements, along_rows, multiprocessors(input))
    reach = max(p.elements + tiling.chunk, p.results * (tiling.splits + 1) * 2)
    return tiling, needs_int64(input) or reach >= 2**31


def _reduce_parts(out: Buffer, input: Buffer, dims: tuple[int, ...], divisor: int | None) -> None:
    """A sum; of complex numbers part by part."""
    if out.dtype.is_complex:
        _reduce(real_part(out), real_part(input), dims, "sum", divisor, False, None)
        _reduce(imaginary_part(out), imaginary_part(input), dims, "sum", divisor, False, None)
    else:
        _reduce(out, input, dims, "sum", divisor, False, None)


def _accumulator(out: Any, input: Any, extreme: bool) -> Any:
    # extrema need no wider type than their elements'; sums of integers count in 64 bits
    kind = input if extreme else out
    if kind.is_floating_point:
        return float64 if kind is float64 else float32
    if extreme:
        return int64 if kind is int64 else int32
    return int64


@planned
def _reduce(
    out: Buffer, input: Buffer, dims: tuple[int, ...], op: str, divisor: int | None, extreme: bool,
    truth: Any,
    norm: str = "", order: float = 0.0,
) -> Callable[..., None]:  # fmt: skip
    """A plan of `reduce_kernel`.

    Args:
        extreme: accumulate in the input's type.
        truth: the type to count in.
        norm: what is added up for a norm of that order.
    """
    p = problem(out, input, dims)
    tiling, int64_offsets = _tiling(p, input)
    acc = truth or _accumulator(out.dtype, input.dtype, extreme)
    final = tiling.splits == 1
    problem_1 = p if final else p._replace(kept_out=contiguous_strides(p.kept))
    divided, number = divisor is not None, float(divisor or order)
    first = Plan(
        _reduce_kernels.reduce_kernel, (-(-p.results // tiling.kept), tiling.splits), Slot(0), Slot(1),
        *problem_1, tiling.chunk, p.results, number, OP=op, TRUTH=truth is not None, ACC=TRITON[acc],
        DIVIDED=final and divided, BLOCK_K=tiling.kept, BLOCK_R=tiling.reduced, INT64=int64_offsets, MAP=norm,
        ROOT=norm if final else "", num_warps=tiling.warps,
    )  # fmt: skip
    if final:
        return first
    problem_2, tiling_2 = _second(p, tiling.splits)
    second = Plan(
        _reduce_kernels.reduce_kernel, (-(-p.results // tiling_2.kept), 1), Slot(0), Slot(1), *problem_2,
        tiling_2.chunk, 0, number, OP=op, TRUTH=False, ACC=TRITON[acc], DIVIDED=divided,
        BLOCK_K=tiling_2.kept, BLOCK_R=tiling_2.reduced,
        INT64=int64_offsets, ROOT=norm, num_warps=tiling_2.warps,
    )  # fmt: skip

    def run(out: Buffer, input: Buffer) -> None:
        partials = empty((tiling.splits, p.results), acc, like=input)
        first(partials, input)
        second(out, partials)

    return run


def _second(p: Problem, splits: int) -> tuple[Problem, Reduction]:
    """The second stage of a reduction: over partial results laid out as (chunk, result)."""
    q = Problem(p.kept, contiguous_strides(p.kept), p.kept_out, (splits,), (p.results,), p.results, splits)
    return q, choose_reduction(p.results, splits, p.results == 1, 1)


@planned
def _extreme(
    values: Buffer | None, indices: Buffer, input: Buffer, dim: int | None, op: str
) -> Callable[..., None]:
    """A plan of `extreme_kernel`, called with values (where they are wanted), indices and input."""
    shape, strides = input.shape or (1,), input.strides or (1,)
    if not input.shape:
        input, dim = input.as_strided(shape, strides), None
    dims = range(input.ndim) if dim is None else (dim,)
    kept, kept_in, (value_strides, index_strides) = _kept((values or indices, indices), input, dims)
    red, red_in = merge([(shape[d], strides[d]) for d in dims], 2, sort=False)
    p = Problem(kept, kept_in, index_strides, red, red_in, numel(kept), numel(red))
    tiling, int64_offsets = _tiling(p, input)
    acc = _accumulator(None, input.dtype, True)
    split = tiling.splits > 1
    out_strides = (contiguous_strides(kept),) * 2 if split else (value_strides, index_strides)
    first = Plan(
        _reduce_kernels.extreme_kernel, (-(-p.results // tiling.kept), tiling.splits), Slot(0), Slot(1),
        Slot(2), Slot(1), kept, kept_in, *out_strides, red, red_in, p.results, p.elements, tiling.chunk,
        p.results if split else 0,
        OP=op, ACC=TRITON[acc], SECOND=False, VALUES=values is not None or split, BLOCK_K=tiling.kept,
        BLOCK_R=tiling.reduced, INT64=int64_offsets, num_warps=tiling.warps,
    )  # fmt: skip
    if not split:
        return first if values is not None else lambda indices, input: first(indices, indices, input)
    problem_2, tiling_2 = _second(p, tiling.splits)
    second = Plan(
        _reduce_kernels.extreme_kernel, (-(-p.results // tiling_2.kept), 1), Slot(0), Slot(1), Slot(2),
        Slot(3), kept, problem_2.kept_in, value_strides, index_strides, problem_2.red, problem_2.red_in,
        p.results, problem_2.elements, tiling_2.chunk, 0,
        OP=op, ACC=TRITON[acc], SECOND=True, VALUES=values is not None, BLOCK_K=tiling_2.kept,
        BLOCK_R=tiling_2.reduced, INT64=int64_offsets, num_warps=tiling_2.warps,
    )  # fmt: skip

    def run(*buffers: Buffer) -> None:
        *outs, input = buffers
        best = empty((tiling.splits, p.results), acc, like=input)
        positions = empty((tiling.splits, p.results), int64, like=input)
        first(best, positions, input)
        second(outs[0], outs[-1], best, positions)

    return run


def _cases(kind: str, acc: Any, kept: int, reduced: int, along_rows: bool) -> list[Case]:
    """All kernels on one tiling: rows or columns of a matrix, or one long row."""
    tiling = choose_reduction(kept, reduced, along_rows, 132)
    kept_in, red_in = ("(i32:16)", "(i32=1)") if along_rows else ("(i32=1)", "(i32:16)")
    sides = f"(i32:16) {kept_in} (i32=1) (i32:16) {red_in}"
    options = {"ACC": acc, "BLOCK_K": tiling.kept, "BLOCK_R": tiling.reduced, "INT64": False}
    label = f"{kind},{kept}x{reduced}{'' if along_rows else ',columns'}"
    case = partial(Case, num_warps=tiling.warps, wide="loads")
    numbers = "i32:16 i32:16 i32:16"

    def reduce(op: str, norm: str = "") -> Case:
        constants = {"OP": op, "TRUTH": False, "DIVIDED": op == "sum" and not norm, **options}
        if norm:
            constants |= {"MAP": norm, "ROOT": norm}
        return case(
            _reduce_kernels.reduce_kernel, f"*{kind} *{kind} {sides} {numbers} i32:16 fp64", constants,
            label=f"{norm or op},{label}",
        )  # fmt: skip

    return [
        reduce("sum"), reduce("max"), reduce("prod"), reduce("sum", "square"), reduce("sum", "absolute"),
        reduce("sum", "power"),
        case(_reduce_kernels.extreme_kernel,
             f"*{kind} *i64 *{kind} *i64 (i32:16) {kept_in} (i32=1) (i32=1) (i32:16) {red_in} {numbers} i32:16",
             {"OP": "max", "SECOND": False, "VALUES": True, **options}, label=label),
        case(_reduce_kernels.moments_kernel, f"*{kind} *fp32 *{kind} {sides} {numbers} fp64",
             {"PARTS": False, **options}, label=label),
        *by_warp(case(_reduce_kernels.logsumexp_kernel, f"*{kind} *fp32 *{kind} {sides} {numbers}",
                      {"PARTS": False, **options}, label=label), along_rows, 2 if kind == "bf16" else 4),
    ]  # fmt: skip


LARGE = 1 << 20


def _tilings() -> list[Case]:
    """A sum by every tiling of problems that are large on either side."""
    problems = [(n, LARGE) for n in (1 << k for k in range(21))] + [(LARGE, 1 << k) for k in range(21)]
    tilings: dict[tuple[int, int, int], tuple[int, bool]] = {}
    for kept, reduced in problems:
        for along in (True, False):
            tilings.setdefault(choose_reduction(kept, reduced, along, 132)[:3], (reduced, along))
    cases = []
    for (rows, columns, warps), (reduced, along) in tilings.items():
        inner = f"i32:16 {'i32:16' if reduced % 16 == 0 else 'i32'}"
        kept_in, red_in = ("(i32:16)", "(i32=1)") if along else ("(i32=1)", "(i32:16)")
        cases.append(Case(
            _reduce_kernels.reduce_kernel,
            f"*fp32 *fp32 (i32) {kept_in} (i32=1) (i32) {red_in} {inner} i32 i32:16 fp64",
            {"OP": "sum", "TRUTH": False, "DIVIDED": False, "ACC": tl.float32, "BLOCK_K": rows, "BLOCK_R": columns,
             "INT64": False}, label=f"sum,tile {rows}x{columns}", num_warps=warps,
        ))  # fmt: skip
    return cases


def COMPILE() -> list[Case]:
    """Rows, columns and one long row; sums by every tiling."""
    cases = _cases("fp32", tl.float32, 8192, 1024, True) + _cases("bf16", tl.float32, 1, 1 << 26, True)
    cases.append(Case(
        _reduce_kernels.merge_moments_kernel, "*fp32 *fp32 (i32:16) (i32=1) i32 i32 i32 i32 fp64",
        {"ACC": tl.float32, "BLOCK_K": 16, "BLOCK_R": 64}, label="fp32",
    ))  # fmt: skip
    return cases + _cases("fp32", tl.float32, 1024, 8192, False) + _tilings()
