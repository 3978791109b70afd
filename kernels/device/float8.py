"""Conversions to and from float8, with instructions where there are some and by integer arithmetic where not.

Values beyond the range become the largest float8_e4m3fn, which has no infinity, or an infinite float8_e5m2,
as in PyTorch; NVIDIA's instructions take the largest number in both cases. Formats: P. Micikevicius et al.,
"FP8 Formats for Deep Learning" (2022).
"""

from __future__ import annotations

from typing import Any

import triton
from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.dtypes import float8_e4m3fn, float8_e5m2, uint8

NAMES = {float8_e4m3fn: "e4m3", float8_e5m2: "e5m2"}


def instructions(arch: str) -> bool:
    """Whether an architecture multiplies and converts these float8 types; gfx942's own ones are others."""
    if arch.startswith("sm_"):
        return int(arch[3:]) >= 89
    return arch == "interpreter" or arch.startswith(("gfx95", "gfx12"))


def as_bits(buffer: Buffer) -> Buffer:
    """The same memory as whole numbers of 8 bits."""
    return Buffer(buffer.ptr, buffer.shape, buffer.strides, uint8, buffer.device, buffer.owner)


@triton.jit
def to_float8(x, dtype: tl.constexpr):
    """A float32 as float8, by the type's own conversion."""
    if dtype == tl.float8e4nv:
        # saturate, but let NaN through
        return tl.clamp(x, -448.0, 448.0, propagate_nan=tl.PropagateNan.ALL).to(dtype)
    else:
        bits = x.to(dtype).to(tl.uint8, bitcast=True)
        infinite = tl.where(x < 0, 0xFC, 0x7C).to(tl.uint8)
        # from halfway between the largest number and the next power of 2 on, as rounding to infinity would
        return tl.where(tl.abs(x) >= 61440.0, infinite, bits).to(dtype, bitcast=True)


@triton.jit
def _encode(x, MANTISSA: tl.constexpr, BIAS: tl.constexpr, LAST: tl.constexpr):
    """A float32 as the bits of a float8, rounded to the nearest, ties to even.

    Args:
        MANTISSA: bits of the fraction. BIAS: of the exponent. LAST: bits of what replaces larger values.
    """
    bits = x.to(tl.uint32, bitcast=True)
    size = bits & 0x7FFFFFFF
    SHIFT: tl.constexpr = 23 - MANTISSA
    # half a unit less one, plus the last bit that stays: ties go to even; a carry moves into the exponent
    rounded = (size + ((1 << (SHIFT - 1)) - 1) + ((size >> SHIFT) & 1)) >> SHIFT
    normal = rounded.to(tl.int32) - ((127 - BIAS) << MANTISSA)
    # Adding 2^23 leaves whole multiples of the smallest float8 in the last bits.
    steps = tl.abs(x) * (1 << (BIAS - 1 + MANTISSA)) + 8388608.0
    small = steps.to(tl.int32, bitcast=True) - 0x4B000000
    value = tl.minimum(tl.where(size < ((128 - BIAS) << 23), small, normal), LAST)
    # NaN, whose bits are above those of infinity
    value = tl.where(size > 0x7F800000, 0x7F, value)
    return (value.to(tl.uint32) | ((bits >> 24) & 0x80)).to(tl.uint8)


@triton.jit
def encode_e4m3(x):
    """The bits of a float32 as float8_e4m3fn."""
    return _encode(x, 3, 7, 0x7E)


@triton.jit
def encode_e5m2(x):
    """The bits of a float32 as float8_e5m2."""
    return _encode(x, 2, 15, 0x7C)


@triton.jit
def decode_e4m3(x):
    """The float16 of the bits of a float8_e4m3fn: moved to their places, and the exponent's bias corrected."""
    size = x.to(tl.uint16) & 0x7F
    bits = ((x.to(tl.uint16) & 0x80) << 8) | tl.where(size == 0x7F, 0x7E00, size << 7).to(tl.uint16)
    # float16's bias is 15, this type's 7: subnormals come out right as well, by the product
    return bits.to(tl.float16, bitcast=True) * 256.0


@triton.jit
def decode_e5m2(x):
    """The float16 of the bits of a float8_e5m2, which are its upper half."""
    return (x.to(tl.uint16) << 8).to(tl.float16, bitcast=True)


@triton.jit
def decoded(x, KIND: tl.constexpr):
    """`x`, or the float16 of its bits where KIND is the name of a float8 type."""
    if KIND == "e4m3":
        return decode_e4m3(x)
    elif KIND == "e5m2":
        return decode_e5m2(x)
    else:
        return x


ENCODERS: dict[Any, Any] = {float8_e4m3fn: encode_e4m3, float8_e5m2: encode_e5m2}
DECODERS: dict[Any, Any] = {float8_e4m3fn: decode_e4m3, float8_e5m2: decode_e5m2}
