"""Moving elements: strided copies with cast and broadcast, fills, and other views of the same memory.

Everything is the pointwise kernel with the identity: contiguous copies go in 16-byte accesses, transposing
ones by tiles. Where the type stays the same, the bits are moved as integers of that width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tritonnn.buffer import Buffer
from tritonnn.dtypes import SHELLS, bool_, complex128, float32, int16, int32, int64, uint8
from tritonnn.kernels.device.float8 import BITS_ALONE, DECODED, DECODERS, ENCODERS, as_bits, instructions
from tritonnn.kernels.device.math import either, identity
from tritonnn.kernels.device.pointwise import pointwise
from tritonnn.kernels.launch.launch import architecture, empty
from tritonnn.kernels.tables.pointwise import broadcast_strides

# What elements of so many bytes are moved as; 16 have no integer type and go by their two parts.
BITS = {1: uint8, 2: int16, 4: int32, 8: int64, 16: complex128}


_move = pointwise(identity)
_either = pointwise(either)
_NARROW = DECODED.keys()
_MOVED_AS_BITS = frozenset((*BITS_ALONE, *SHELLS))
_encode = {dtype: pointwise(function) for dtype, function in ENCODERS.items()}
_decode = {dtype: pointwise(function) for dtype, function in DECODERS.items()}


def copy(out: Buffer, input: Buffer) -> None:
    """out = input, broadcast and cast (floats truncate, complex numbers drop the imaginary part but for bool)."""
    if input.shape != out.shape:
        input = input.as_strided(out.shape, broadcast_strides(input, out.shape))
    if out.dtype is input.dtype:
        # whatever the bits stand for: one binary serves all types of a width
        bits = BITS[out.dtype.itemsize]
        out, input = viewed(out, bits), viewed(input, bits)
    kinds = {out.dtype, input.dtype}
    if kinds & BITS_ALONE or (kinds & _NARROW and not instructions(architecture())):
        return copy_float8(out, input)
    # Triton has no complex numbers: they go part by part
    if not (out.dtype.is_complex or input.dtype.is_complex):
        _move(out, input, compute=input.dtype)
    elif out.dtype is bool_:
        _either(out, real_part(input), imaginary_part(input), compute=input.dtype.to_real())
    elif not out.dtype.is_complex:
        copy(out, real_part(input))
    elif input.dtype.is_complex:
        copy(complex_parts(out), complex_parts(input))
    else:
        copy(real_part(out), input)
        fill(imaginary_part(out), 0.0)


def copy_float8(out: Buffer, input: Buffer) -> None:
    """`copy` from or to float8 where the hardware does not know that type."""
    if input.dtype in _NARROW:
        if out.dtype in _NARROW or out.dtype.is_complex:
            held = empty(input.shape, DECODED[input.dtype], like=out)
            copy_float8(held, input)
            return copy(out, held)
        return _decode[input.dtype](out, as_bits(input), compute=uint8)
    if input.dtype.is_complex:
        input = real_part(input)
    _encode[out.dtype](as_bits(out), input, compute=float32)


def moved(*buffers: Buffer) -> list[Buffer]:
    """The same memory for a kernel that only moves elements: of types that no kernel knows as whole numbers."""
    return [viewed(b, BITS[b.dtype.itemsize]) if b.dtype in _MOVED_AS_BITS else b for b in buffers]


def truth(buffer: Buffer) -> Buffer:
    """Which complex numbers are not 0, in memory of its own; a real buffer as it is, but for types no kernel knows."""
    if not buffer.dtype.is_complex and buffer.dtype not in BITS_ALONE:
        return buffer
    marks = empty(buffer.shape, bool_, like=buffer)
    copy(marks, buffer)
    return marks


def fill(out: Buffer, value: Any) -> None:
    """Every element of out = value, a Python number."""
    if out.dtype in SHELLS:
        out = viewed(out, BITS[out.dtype.itemsize])
    if out.dtype.is_complex:
        fill(real_part(out), complex(value).real)
        fill(imaginary_part(out), complex(value).imag)
    elif out.dtype is bool_:
        _move(out, bool(value), compute=bool_)
    elif out.dtype in BITS_ALONE or (out.dtype in _NARROW and not instructions(architecture())):
        _encode[out.dtype](as_bits(out), float(value), compute=float32)
    elif out.dtype.is_floating_point:
        _move(out, float(value), compute=out.dtype)
    else:
        # whole numbers stay whole: float64 has no room for all of int64
        _move(out, int(value), compute=out.dtype)


def narrow(buffer: Buffer, dim: int, start: int, length: int, step: int = 1) -> Buffer:
    """`length` elements of `dim` from `start`, every `step`-th."""
    shape, strides = list(buffer.shape), list(buffer.strides)
    # an empty part has no first element to point at
    offset = start * strides[dim] if length else 0
    shape[dim] = length
    strides[dim] *= step
    return buffer.as_strided(tuple(shape), tuple(strides), offset)


def reverse(buffer: Buffer, dims: Sequence[int]) -> Buffer:
    """The same elements with the order along `dims` reversed, by negative strides."""
    if buffer.numel == 0:
        return buffer
    offset = sum((buffer.shape[d] - 1) * buffer.strides[d] for d in dims)
    strides = tuple([-s if d in dims else s for d, s in enumerate(buffer.strides)])
    return buffer.as_strided(buffer.shape, strides, offset)


def real_part(buffer: Buffer) -> Buffer:
    """The real numbers of a complex buffer, in place."""
    return _component(buffer, 0)


def imaginary_part(buffer: Buffer) -> Buffer:
    """The imaginary numbers of a complex buffer, in place."""
    return _component(buffer, 1)


def _component(buffer: Buffer, k: int) -> Buffer:
    real = buffer.dtype.to_real()
    strides = tuple([2 * s for s in buffer.strides])
    return Buffer(buffer.ptr + k * real.itemsize, buffer.shape, strides, real, buffer.device, buffer.owner)


def complex_parts(buffer: Buffer) -> Buffer:
    """Both as a last dimension of extent 2."""
    first = _component(buffer, 0)
    return first.as_strided((*first.shape, 2), (*first.strides, 1))


def viewed(buffer: Buffer, dtype: Any) -> Buffer:
    """The same memory as elements of another type of the same size."""
    if buffer.dtype is dtype:
        return buffer
    return Buffer(buffer.ptr, buffer.shape, buffer.strides, dtype, buffer.device, buffer.owner)
