"""Convolutions of complex numbers: those of real ones with twice the channels, the two parts beside each other."""

from __future__ import annotations

from collections.abc import Callable

from tritonnn.buffer import Buffer
from tritonnn.kernels.complex_functions import conj_physical, turned, turned_conjugate
from tritonnn.kernels.device.complex_pointwise import complex_pointwise
from tritonnn.kernels.device.math import minus, plus
from tritonnn.kernels.device.moving import copy, imaginary_part, real_part
from tritonnn.kernels.device.pointwise import pointwise
from tritonnn.kernels.device.strided import contiguous, permute
from tritonnn.kernels.launch.launch import empty

Ints = tuple[int, ...]
_conj, _turn, _turn_conj = (complex_pointwise(f) for f in (conj_physical, turned, turned_conjugate))
_plus, _minus = pointwise(plus), pointwise(minus)


def complex_convolution(
    run: Callable[..., None], out: Buffer, input: Buffer, weight: Buffer, bias: Buffer | None, stride: Ints,
    padding: Ints, dilation: Ints, transposed: bool, output_padding: Ints, groups: int,
) -> None:  # fmt: skip
    """`convolution` of complex numbers by `run`, that of real ones."""
    result = _channels_innermost(out, False)
    if bias is not None:
        bias = real_part(contiguous(bias)).as_strided((2 * bias.shape[0],), (1,))
    real = as_real(_channels_innermost(input, True))
    blocks = _weight(weight, transposed)
    run(as_real(result), real, blocks, bias, stride, padding, dilation, transposed, output_padding, groups)
    if result is not out:
        copy(out, result)


def complex_weight_grad(
    run: Callable[..., None], out: Buffer, grad: Buffer, input: Buffer, *rest: object
) -> None:
    """`convolution_weight_grad` of complex numbers by `run`, that of real ones."""
    real = out.dtype.to_real()
    channels, depth, *taps = out.shape
    # by the parts of the gradient and those of the input
    blocks = empty((2 * channels, 2 * depth, *taps), real, like=out)
    grad, input = (as_real(_channels_innermost(b, True)) for b in (grad, input))
    run(blocks, grad, input, *rest)
    strides = (2 * blocks.strides[0], 2 * blocks.strides[1], *blocks.strides[2:])

    def part(k: int, j: int) -> Buffer:
        start = k * blocks.strides[0] + j * blocks.strides[1] if out.numel else 0
        return blocks.as_strided(out.shape, strides, start)

    _minus(real_part(out), part(0, 0), part(1, 1), compute=real)
    _plus(imaginary_part(out), part(0, 1), part(1, 0), compute=real)


def as_real(buffer: Buffer) -> Buffer:
    """A complex buffer whose channels lie densely as a real one with twice as many."""
    real = real_part(buffer)
    batch, channels, *sizes = real.shape
    return real.as_strided((batch, 2 * channels, *sizes), (real.strides[0], 1, *real.strides[2:]))


def _channels_innermost(buffer: Buffer, filled: bool) -> Buffer:
    """The buffer where its channels lie densely; else memory in which they do, with its elements if `filled`."""
    if buffer.shape[1] == 1 or buffer.strides[1] == 1:
        return buffer
    dense = empty((buffer.shape[0], *buffer.shape[2:], buffer.shape[1]), buffer.dtype, like=buffer)
    dense = permute(dense, (0, dense.ndim - 1, *range(1, dense.ndim - 1)))
    if filled:
        copy(dense, buffer)
    return dense


def _weight(weight: Buffer, transposed: bool) -> Buffer:
    """The real weight with twice the channels in and out.

    Each output's parts, c + di times x + yi, are cx - dy and dx + cy. So the rows of what belongs to one of them are
    (c, -d) and (d, c); of a transposed convolution, whose first dimension is the input's, (c, d) and (-d, c).
    """
    first, second, *taps = weight.shape
    whole = empty((first, 2, *taps, second), weight.dtype, like=weight)
    strides = (whole.strides[0], 1, *whole.strides[2:-1])
    rows = [
        whole.as_strided(weight.shape, strides, k * whole.strides[1] if weight.numel else 0) for k in (0, 1)
    ]
    if transposed:
        copy(rows[0], weight)
        _turn(rows[1], weight, compute=weight.dtype)
    else:
        _conj(rows[0], weight, compute=weight.dtype)
        _turn_conj(rows[1], weight, compute=weight.dtype)
    real = real_part(whole)
    return real.as_strided((2 * first, 2 * second, *taps), (real.strides[1], 1, *real.strides[2:-1]))
