"""Conversions and products as NVIDIA's instructions make them, for the interpreter, which asks NumPy.

The instructions are those that Triton emits for sm_90 (sm_80 has the same results); what they do is in NVIDIA's
"PTX ISA", section "Data Movement and Conversion Instructions: cvt".
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
from triton import language as tl
from triton.runtime import interpreter
from triton.runtime.interpreter import TensorHandle

# Triton's interpreter keeps these types as their bits; it truncates where hardware rounds to the nearest even,
# and multiplies the bits of bfloat16 as integers in a dot.
_STORED = {
    tl.bfloat16: ml_dtypes.bfloat16, tl.float8e4nv: ml_dtypes.float8_e4m3fn, tl.float8e5: ml_dtypes.float8_e5m2
}  # fmt: skip
# cvt.rn.satfinite.e4m3x2 and .e5m2x2 make the largest number of what lies beyond it, infinities included.
_LARGEST = {tl.float8e4nv: 448.0, tl.float8e5: 57344.0}
_ONE_NAN = {tl.float16: 0x7FFF, tl.bfloat16: 0x7FFF, tl.float8e4nv: 0x7F, tl.float8e5: 0x7F}


def numbers(handle: TensorHandle) -> np.ndarray:
    """The values of a handle, those of types kept as bits in float32."""
    stored = _STORED.get(handle.dtype.scalar)
    return (
        handle.data if stored is None else np.ascontiguousarray(handle.data).view(stored).astype(np.float32)
    )


def to_integer(values: np.ndarray, kind: np.dtype) -> np.ndarray:
    """Real numbers as whole ones, as `cvt.rzi` rounds them.

    The instruction clamps to the range of its result. It has none of 8 bits, so those are the low half of one
    of 16. NaN becomes 0, or the highest bit alone where either side of the conversion has 64 bits.
    """
    target = np.dtype(f"{kind.kind}{max(kind.itemsize, 2)}")
    info = np.iinfo(target)
    whole = np.trunc(values if values.dtype == np.float64 else values.astype(np.float32))
    with np.errstate(invalid="ignore"):
        result = whole.astype(target)
    # Limits as powers of two: float32 has no 2**31 - 1.
    result = np.where(whole >= 2.0 ** (info.bits - (target.kind == "i")), info.max, result)
    result = np.where(whole <= float(info.min), info.min, result)
    highest = values.dtype == np.float64 or target.itemsize == 8
    missing = np.array(1 << (info.bits - 1) if highest else 0, f"u{target.itemsize}").view(target)
    return np.where(np.isnan(whole), missing, result).astype(target).astype(kind)


def _to_odd(values: np.ndarray) -> np.ndarray:
    """float64 as float32 from which rounding once more gives what rounding at once would: `cvt.rn.bf16.f64`.

    S. Boldo and G. Melquiond, "Emulation of a FMA and Correctly Rounded Sums: Proved Algorithms Using Rounding
    to Odd" (2008).
    """
    near = values.astype(np.float32)
    bits = near.view(np.int32)
    below = np.where(np.abs(near.astype(np.float64)) > np.abs(values), bits - 1, bits)  # towards zero
    return np.where((near == values) | np.isnan(values), bits, below | 1).view(np.float32)


def _to_short(values: np.ndarray, kind: Any) -> np.ndarray:
    """Numbers as the bits of bfloat16 or float8, or as float16: to the nearest even, NaN as the one NaN."""
    if kind in _LARGEST:
        if values.dtype == np.float64:
            raise TypeError(
                f"Unsupported conversion from f64 to {kind}: Triton compiles none, convert to fp32 first"
            )
        values = values.astype(np.float32).clip(-_LARGEST[kind], _LARGEST[kind])
    if kind == tl.bfloat16 and values.dtype == np.float64:
        values = _to_odd(values)
    stored = np.float16 if kind == tl.float16 else _STORED[kind]
    bits = values.astype(stored).view(np.uint8 if kind in _LARGEST else np.uint16)
    nan = np.isnan(values)
    return np.where(nan, bits.dtype.type(_ONE_NAN[kind]), bits) if nan.any() else bits


def _tf32(values: np.ndarray) -> np.ndarray:
    """What a matrix unit takes of float32 where no cvt.rna comes before it: the upper 19 bits."""
    return (np.ascontiguousarray(values).view(np.uint32) & np.uint32(0xFFFFE000)).view(np.float32)


def _tf32_rounded(values: np.ndarray) -> np.ndarray:
    """`cvt.rna.tf32.f32`: to the nearest, ties away from zero."""
    bits = np.ascontiguousarray(values).view(np.uint32)
    finite = np.isfinite(values)
    return np.where(finite, _tf32((bits + np.uint32(0x1000)).view(np.float32)), values)


def convert_as_hardware(builder: Any) -> None:
    """Let conversions and dots of the interpreter's builder give what the instructions give."""
    cast, convert, dot = builder.cast_impl, builder.create_fp_to_fp, builder.create_dot

    def cast_impl(self: Any, src: TensorHandle, dst_type: Any) -> TensorHandle:
        kind, from_ = dst_type.scalar, src.dtype.scalar
        if kind in _STORED or (kind == tl.float16 and from_ != tl.int1):
            data = _to_short(numbers(src), kind)
            return TensorHandle(data.view(np.float16) if kind == tl.float16 else data, kind)
        if from_.is_floating() and kind.is_int() and kind != tl.int1:
            return TensorHandle(to_integer(numbers(src), interpreter._get_np_dtype(kind)), kind)
        if from_ in _STORED:
            return TensorHandle(numbers(src).astype(interpreter._get_np_dtype(kind)), kind)
        return cast(self, src, dst_type)

    def create_fp_to_fp(self: Any, src: TensorHandle, dst_type: Any, rounding: Any) -> TensorHandle:
        if src.dtype.scalar in _STORED or dst_type.scalar in _STORED:
            return cast_impl(self, src, dst_type)
        return convert(self, src, dst_type, rounding)

    def create_dot(
        self: Any, a: TensorHandle, b: TensorHandle, d: TensorHandle, precision: Any, *rest: Any
    ) -> TensorHandle:
        a, b = [TensorHandle(numbers(x), tl.float32) if x.dtype.scalar == tl.bfloat16 else x for x in (a, b)]
        name = getattr(precision, "name", "")
        if name not in ("TF32", "TF32x3") or a.dtype.scalar != tl.float32:
            return dot(self, a, b, d, precision, *rest)
        if name == "TF32x3":
            high = [TensorHandle(_tf32_rounded(x.data), tl.float32) for x in (a, b)]
            low = [
                TensorHandle(_tf32(x.data - h.data), tl.float32) for x, h in zip((a, b), high, strict=True)
            ]
            for x, y in ((low[0], high[1]), (high[0], low[1])):  # the small products first
                d = dot(self, x, y, d, precision, *rest)
            a, b = high
        else:
            a, b = [TensorHandle(_tf32(x.data), tl.float32) for x in (a, b)]
        return dot(self, a, b, d, precision, *rest)

    builder.cast_impl, builder.create_fp_to_fp, builder.create_dot = cast_impl, create_fp_to_fp, create_dot


def reduce_as_hardware(reductions: Any) -> None:
    """Let the interpreter's maxima and minima of nothing but NaN be NaN, without a warning of NumPy."""
    min_max = reductions.min_max
    quiet = {np.nanmax: np.fmax.reduce, np.nanmin: np.fmin.reduce}

    def without_warning(self: Any, input: Any, val_reduce_op: Any, idx_reduce_op: Any = None) -> Any:
        return min_max(self, input, quiet.get(val_reduce_op, val_reduce_op), idx_reduce_op)

    reductions.min_max = without_warning
