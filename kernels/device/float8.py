"""Conversions to and from float8, with instructions where there are some and by integer arithmetic where not.

Values beyond the range become the largest float8_e4m3fn, which has no infinity, or an infinite float8_e5m2,
as in PyTorch; NVIDIA's instructions take the largest number in both cases. Formats: P. Micikevicius et al.,
"FP8 Formats for Deep Learning" (2022); those whose names end in fnuz, which have no infinity, no -0 and one NaN,
into which all beyond the range is converted: B. Noune et al., "8-bit Numerical Formats for Deep Neural Networks"
(2022); float8_e8m0fnu, powers of 2: "OCP Microscaling Formats Specification" (2023).
"""

from __future__ import annotations

from typing import Any

import triton
from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.dtypes import (
    float8_e4m3fn,
    float8_e4m3fnuz,
    float8_e5m2,
    float8_e5m2fnuz,
    float8_e8m0fnu,
    float16,
    float32,
    uint8,
)

NAMES = {float8_e4m3fn: "e4m3", float8_e5m2: "e5m2"}
# The types that kernels are given as bits, whatever the hardware.
BITS_ALONE = frozenset((float8_e4m3fnuz, float8_e5m2fnuz, float8_e8m0fnu))
# What holds every number of a type: `decode_...` gives it.
DECODED = {
    float8_e4m3fn: float16, float8_e5m2: float16, float8_e4m3fnuz: float32, float8_e5m2fnuz: float32,
    float8_e8m0fnu: float32,
}  # fmt: skip


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
def _encoded_size(x, size, MANTISSA: tl.constexpr, BIAS: tl.constexpr):
    """The bits of |x| as a float8 whose exponent has no end, rounded to the nearest, ties to even.

    Args:
        x: float32.
        size: its bits without the sign.
        MANTISSA: bits of the fraction. BIAS: of the exponent.
    """
    SHIFT: tl.constexpr = 23 - MANTISSA
    # half a unit less one, plus the last bit that stays: ties go to even; a carry moves into the exponent
    rounded = (size + ((1 << (SHIFT - 1)) - 1) + ((size >> SHIFT) & 1)) >> SHIFT
    normal = rounded.to(tl.int32) - ((127 - BIAS) << MANTISSA)
    # Adding 2^23 leaves whole multiples of the smallest float8 in the last bits.
    steps = tl.abs(x) * (1 << (BIAS - 1 + MANTISSA)) + 8388608.0
    small = steps.to(tl.int32, bitcast=True) - 0x4B000000
    return tl.where(size < ((128 - BIAS) << 23), small, normal)


@triton.jit
def _encode(x, MANTISSA: tl.constexpr, BIAS: tl.constexpr, LAST: tl.constexpr):
    """A float32 as the bits of a float8; LAST: bits of what replaces larger values."""
    bits = x.to(tl.uint32, bitcast=True)
    size = bits & 0x7FFFFFFF
    value = tl.minimum(_encoded_size(x, size, MANTISSA, BIAS), LAST)
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
def _encode_fnuz(x, MANTISSA: tl.constexpr, BIAS: tl.constexpr):
    """A float32 as the bits of a float8 whose code of -0 is NaN, and what all beyond the range becomes."""
    bits = x.to(tl.uint32, bitcast=True)
    size = bits & 0x7FFFFFFF
    value = _encoded_size(x, size, MANTISSA, BIAS)
    # infinity and NaN are beyond the range as well
    nothing = (value > 0x7F) | (size >= 0x7F800000)
    signed = tl.where(value == 0, 0, value | ((bits >> 24) & 0x80).to(tl.int32))
    return tl.where(nothing, 0x80, signed).to(tl.uint8)


@triton.jit
def encode_e4m3fnuz(x):
    """The bits of a float32 as float8_e4m3fnuz."""
    return _encode_fnuz(x, 3, 8)


@triton.jit
def encode_e5m2fnuz(x):
    """The bits of a float32 as float8_e5m2fnuz."""
    return _encode_fnuz(x, 2, 16)


@triton.jit
def encode_e8m0(x):
    """The bits of a float32's size as float8_e8m0fnu: the exponent of the nearest power of 2, of ties the larger."""
    size = x.to(tl.uint32, bitcast=True) & 0x7FFFFFFF
    # all above the smallest power, which is a subnormal number, are rounded to the next
    up = tl.where(size < 0x00800000, (size > 0x00400000).to(tl.uint32), (size >> 22) & 1)
    return tl.where(size >= 0x7F800000, 0xFF, (size >> 23) + up).to(tl.uint8)


@triton.jit
def _decode_fnuz(x, MANTISSA: tl.constexpr, BIAS: tl.constexpr):
    """The float32 of the bits of such a float8: as float32 counts, and the exponent's bias corrected."""
    size = (x & 0x7F).to(tl.uint32)
    bits = (size << (23 - MANTISSA)) | ((x & 0x80).to(tl.uint32) << 24)
    # a product, so that subnormal numbers come out right as well, in two factors that float32 holds
    value = bits.to(tl.float32, bitcast=True) * 18446744073709551616.0 * (1 << (63 - BIAS))
    return tl.where(x == 0x80, 0x7F800001, value.to(tl.uint32, bitcast=True)).to(tl.float32, bitcast=True)


@triton.jit
def decode_e4m3fnuz(x):
    """The float32 of the bits of a float8_e4m3fnuz."""
    return _decode_fnuz(x, 3, 8)


@triton.jit
def decode_e5m2fnuz(x):
    """The float32 of the bits of a float8_e5m2fnuz."""
    return _decode_fnuz(x, 2, 16)


@triton.jit
def decode_e8m0(x):
    """The float32 of the bits of a float8_e8m0fnu, which are its exponent; the smallest is subnormal."""
    bits = tl.where(x == 0, 0x00400000, x.to(tl.uint32) << 23)
    return tl.where(x == 0xFF, 0x7F800001, bits).to(tl.uint32).to(tl.float32, bitcast=True)


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


ENCODERS: dict[Any, Any] = {
    float8_e4m3fn: encode_e4m3, float8_e5m2: encode_e5m2, float8_e4m3fnuz: encode_e4m3fnuz,
    float8_e5m2fnuz: encode_e5m2fnuz, float8_e8m0fnu: encode_e8m0,
}  # fmt: skip
DECODERS: dict[Any, Any] = {
    float8_e4m3fn: decode_e4m3, float8_e5m2: decode_e5m2, float8_e4m3fnuz: decode_e4m3fnuz,
    float8_e5m2fnuz: decode_e5m2fnuz, float8_e8m0fnu: decode_e8m0,
}  # fmt: skip
