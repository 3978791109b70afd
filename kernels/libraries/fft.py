"""Discrete Fourier transforms by cuFFT.

A transform is planned for numbers at equal distances along up to three dimensions, and repeated at equal distances.
What lies otherwise is copied first. `norm` belongs to the direction, as in the NumPy twins.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from tritonnn.buffer import Buffer
from tritonnn.dtypes import uint8
from tritonnn.kernels.complex_functions import conj_physical
from tritonnn.kernels.device.complex_pointwise import complex_pointwise
from tritonnn.kernels.device.moving import complex_parts, copy, fill, imaginary_part, narrow
from tritonnn.kernels.device.pointwise import pointwise
from tritonnn.kernels.device.strided import merged, permute
from tritonnn.kernels.elementwise import mul, neg
from tritonnn.kernels.launch.launch import empty
from tritonnn.kernels.libraries._loading import call
from tritonnn.kernels.libraries._plans import Geometry, Side, plans
from tritonnn.runtime.interface import runtime
from tritonnn.shape import contiguous_strides

FORWARD, INVERSE = -1, 1
LARGEST_RANK = 3
# (whether the input is complex, whether the output is, bytes of a real number) -> cufftType and what executes it
KINDS = {
    (False, True, 4): (0x2A, "exec_r2c"), (True, False, 4): (0x2C, "exec_c2r"), (True, True, 4): (0x29, "exec_c2c"),
    (False, True, 8): (0x6A, "exec_d2z"), (True, False, 8): (0x6C, "exec_z2d"), (True, True, 8): (0x69, "exec_z2z"),
}  # fmt: skip
_scale, _negate, _conjugate = pointwise(mul), pointwise(neg), complex_pointwise(conj_physical)


def fft_c2c(out: Buffer, input: Buffer, dims: tuple[int, ...], norm: str, inverse: bool) -> None:
    """out = the transform of all frequencies."""
    if not out.numel:
        return
    if not (input.dtype.is_complex and dims):
        copy(out, input)
        input = out
    direction = INVERSE if inverse else FORWARD
    for some in _groups(dims):
        _transform(out, input, some, direction)
        input = out
    _normalise(out, [out.shape[d] for d in dims], norm, inverse)


def fft_r2c(out: Buffer, input: Buffer, dims: tuple[int, ...], norm: str, inverse: bool) -> None:
    """out = the transform of real numbers: along the last of `dims` only the frequencies that are not negative."""
    if not out.numel:
        return
    *rest, last = _groups(dims)
    _transform(out, input, last, FORWARD)
    for some in rest:
        _transform(out, out, some, FORWARD)
    _normalise(out, [input.shape[d] for d in dims], norm, inverse)
    if inverse:
        imaginary = imaginary_part(out)
        _negate(imaginary, imaginary, compute=imaginary.dtype)


def fft_c2r(out: Buffer, input: Buffer, dims: tuple[int, ...], norm: str, inverse: bool, length: int) -> None:
    """out = the real numbers whose frequencies that are not negative are given; `length` along the last of `dims`."""
    if not out.numel:
        return
    given = _frequencies(input, dims, length // 2 + 1, not inverse)  # memory of our own: cuFFT writes into it
    *rest, last = _groups(dims)
    for some in rest:
        _transform(given, given, some, INVERSE)
    _transform(out, given, last, INVERSE)
    _normalise(out, [out.shape[d] for d in dims], norm, inverse)


def _frequencies(input: Buffer, dims: Sequence[int], count: int, conjugated: bool) -> Buffer:
    """A copy of the first frequencies, with zeros for those that are missing; its transformed dimensions innermost."""
    last = dims[-1]
    order = [*[d for d in range(input.ndim) if d not in dims], *dims]
    shape = [count if d == last else extent for d, extent in enumerate(input.shape)]
    dense = empty(tuple([shape[d] for d in order]), input.dtype, like=input)
    result = permute(dense, [order.index(d) for d in range(input.ndim)])
    there = min(count, input.shape[last])
    if there < count:
        fill(result, 0)
    target, source = narrow(result, last, 0, there), narrow(input, last, 0, there)
    if conjugated:
        _conjugate(target, source, compute=input.dtype)
    else:
        copy(target, source)
    return result


def _groups(dims: Sequence[int]) -> list[tuple[int, ...]]:
    """The dimensions in groups that one plan can transform, the last group as full as can be."""
    first = len(dims) % LARGEST_RANK
    ends = [*([first] if first else []), *range(first + LARGEST_RANK, len(dims) + 1, LARGEST_RANK)]
    return [tuple(dims[max(0, end - LARGEST_RANK) : end]) for end in ends]


def _normalise(out: Buffer, sizes: Sequence[int], norm: str, inverse: bool) -> None:
    """cuFFT adds up and divides by nothing."""
    count = prod(sizes)
    if norm == "ortho":
        factor = count**-0.5
    elif (norm == "backward") == inverse:
        factor = 1 / count
    else:
        return
    numbers = complex_parts(out) if out.dtype.is_complex else out
    _scale(numbers, numbers, factor, compute=numbers.dtype)


# ---- one plan ------------------------------------------------------------------------------------------------


def _transform(out: Buffer, input: Buffer, dims: tuple[int, ...], direction: int) -> None:
    """out = the transform of input along up to three dimensions; both may be the same memory."""
    others = sorted([d for d in range(out.ndim) if d not in dims], key=lambda d: -out.strides[d])
    order = [*others, *dims]
    source, target = permute(input, order), permute(out, order)
    rank = len(dims)
    sides = _sides(source, target, rank)
    if sides is None:  # in rows of their own, in the same order
        if input is not out:
            source = _dense(source, filled=True)
            sides = _sides(source, target, rank)
        if sides is None:
            target = _dense(target, filled=input is out)
            source = target if input is out else source
            sides = _sides(source, target, rank)
    assert sides is not None, "rows that lie one after another can be planned"
    kind, execute = KINDS[input.dtype.is_complex, out.dtype.is_complex, out.dtype.to_real().itemsize]
    wide = (
        target if input.dtype.is_complex else source
    )  # real numbers are all there, their frequencies a half
    sizes, batch = wide.shape[-rank:], prod(wide.shape[:-rank])
    _execute(Geometry(tuple(sizes), *sides, kind, batch), execute, source, target, direction)
    if target.ptr != out.ptr:
        copy(permute(out, order), target)


def _execute(geometry: Geometry, execute: str, source: Buffer, target: Buffer, direction: int) -> None:
    index = source.device.index
    turned = (direction,) if execute in ("exec_c2c", "exec_z2z") else ()
    with plans(index).use(geometry) as (plan, nbytes):
        workspace = empty((max(nbytes, 1),), uint8, like=source)
        call("cufft", "set_stream", plan, runtime().current_stream(index))
        call("cufft", "set_work_area", plan, workspace.ptr)
        call("cufft", execute, plan, source.ptr, target.ptr, *turned)


def _dense(buffer: Buffer, filled: bool) -> Buffer:
    result = empty(buffer.shape, buffer.dtype, like=buffer)
    if filled:
        copy(result, buffer)
    return result


def _sides(source: Buffer, target: Buffer, rank: int) -> tuple[Side, Side] | None:
    """How input and output lie; None where cuFFT has no words for it."""
    batch = source.shape[: source.ndim - rank]
    extents, *steps = merged(batch, source.strides[: len(batch)], target.strides[: len(batch)])
    if len(extents) > 1:
        return None
    result = []
    for buffer, (step,) in zip((source, target), steps):
        side = _side(buffer, rank, step, extents[0])
        if side is None:
            return None
        result.append(side)
    return result[0], result[1]


def _side(buffer: Buffer, rank: int, step: int, batch: int) -> Side | None:
    shape, strides = buffer.shape[-rank:], [*buffer.strides[-rank:]]
    pair = buffer.dtype.itemsize if buffer.dtype.is_complex else 2 * buffer.dtype.itemsize
    if buffer.ptr % pair:  # real numbers are read in pairs too
        return None
    embed = [shape[0]]
    for i in range(rank - 1, -1, -1):
        if shape[i] == 1:  # nothing is ever that far away
            strides[i] = strides[i + 1] * shape[i + 1] if i + 1 < rank else 1
        if strides[i] <= 0:
            return None
    for i in range(1, rank):
        extent, left = divmod(strides[i - 1], strides[i])
        if left or extent < shape[i]:
            return None
        embed.append(extent)
    span = contiguous_strides((embed[0], *embed[1:]))[0] * embed[0] * strides[-1]
    if batch == 1:
        step = span
    return Side(tuple(embed), strides[-1], step) if step > 0 else None
