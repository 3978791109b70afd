"""Element types and PyTorch's promotion rules."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from tritonnn import _limits


class dtype:
    """The type of a tensor's elements; one object per type, compared by identity.

    Attributes:
        name: 'float32', 'int64', ...
        itemsize: bytes an element takes.
        np: the NumPy dtype that holds it (bfloat16 and float8 through ml_dtypes).

    >>> import tritonnn as torch
    >>> torch.float32
    torch.float32
    >>> torch.promote_types(torch.int64, torch.float16)
    torch.float16
    """

    __slots__ = ("is_complex", "is_floating_point", "is_signed", "itemsize", "kind", "name", "np", "rank")
    _all: dict[str, dtype] = {}

    name: str
    np: np.dtype
    itemsize: int
    kind: int  # category in promotion: 0 bool, 1 integer, 2 floating, 3 complex
    rank: int  # order within the category

    def __init__(self, name: str, numpy_type: type | str, kind: int, rank: int) -> None:
        self.name = name
        self.np = np.dtype(numpy_type)
        self.itemsize = self.np.itemsize
        self.kind = kind
        self.rank = rank
        self.is_floating_point = kind == 2
        self.is_complex = kind == 3
        if not name.startswith("bits"):
            self.is_signed = (kind >= 2 and not name.endswith("fnu")) or (
                kind == 1 and not name.startswith("u")
            )
        dtype._all[name] = self

    def __getattr__(self, name: str) -> bool:
        """What is asked for and not there: whether numbers have signs, of bits that stand for none."""
        if name == "is_signed":
            raise RuntimeError("Bits types are undefined")
        raise AttributeError(f"'torch.dtype' object has no attribute '{name}'")

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str | tuple:
        # By its name in `torch` where that is this library, as PyTorch does.
        return self.name if type(self).__module__ == "torch" else (_by_name, (self.name,))

    def __copy__(self) -> dtype:
        return self

    def __deepcopy__(self, memo: dict) -> dtype:
        return self

    def to_complex(self) -> dtype:
        """The complex type whose parts hold this type's numbers.

        Raises:
            RuntimeError: there is none: of whole numbers, and of 8 bits.
        """
        if self.is_complex:
            return self
        if self not in _COMPLEX_OF:
            raise RuntimeError(f"Unknown Complex ScalarType for {self.name}")
        return _COMPLEX_OF[self]

    def to_real(self) -> dtype:
        """The type of the real part."""
        return _PARTS.get(self, self)

    @property
    def abbr(self) -> str:
        """The name in short: 'f32', 'i64', 'bf16', 'c64', 'b8'."""
        if self in FEW_BITS:
            return self.name
        short = self.name.translate(_DROPPED)
        for long, letter in _LETTERS:
            if short.startswith(long):
                return letter + short[len(long) :]
        return short


def _by_name(name: str) -> dtype:
    return dtype._all[name]


bool_ = dtype("bool", np.bool_, 0, 0)
uint8 = dtype("uint8", np.uint8, 1, 0)
int8 = dtype("int8", np.int8, 1, 1)
int16 = dtype("int16", np.int16, 1, 2)
int32 = dtype("int32", np.int32, 1, 3)
int64 = dtype("int64", np.int64, 1, 4)
float8_e4m3fn = dtype("float8_e4m3fn", ml_dtypes.float8_e4m3fn, 2, 0)
float8_e5m2 = dtype("float8_e5m2", ml_dtypes.float8_e5m2, 2, 0)
float16 = dtype("float16", np.float16, 2, 1)
bfloat16 = dtype("bfloat16", ml_dtypes.bfloat16, 2, 1)
float32 = dtype("float32", np.float32, 2, 2)
float64 = dtype("float64", np.float64, 2, 3)
complex64 = dtype("complex64", np.complex64, 3, 2)
complex128 = dtype("complex128", np.complex128, 3, 3)

ALL = tuple(dtype._all.values())

# What PyTorch has for storing and exchanging, and computes little with: `table/unsigned.py` says with what.
uint16 = dtype("uint16", np.uint16, 1, 5)
uint32 = dtype("uint32", np.uint32, 1, 5)
uint64 = dtype("uint64", np.uint64, 1, 5)
UNSIGNED = (uint16, uint32, uint64)

# Two float16: what moves elements takes it, what computes does so in complex64 (`table/half_complex.py`).
complex32 = dtype("complex32", [("real", np.float16), ("imag", np.float16)], 3, 1)  # type: ignore[arg-type]
# float8 of other hardware: without infinities and -0, or the powers of 2 that blocks are scaled with.
float8_e4m3fnuz = dtype("float8_e4m3fnuz", ml_dtypes.float8_e4m3fnuz, 2, 0)
float8_e5m2fnuz = dtype("float8_e5m2fnuz", ml_dtypes.float8_e5m2fnuz, 2, 0)
float8_e8m0fnu = dtype("float8_e8m0fnu", ml_dtypes.float8_e8m0fnu, 2, 0)
# Bytes with a name and nothing that computes with them: `table/shells.py` says what moves them.
float4_e2m1fn_x2 = dtype("float4_e2m1fn_x2", np.uint8, 2, 0)
BITS = tuple(
    dtype(name, np.uint16 if name == "bits16" else np.uint8, 1, 6)
    for name in ("bits8", "bits16", "bits1x8", "bits2x4", "bits4x2")
)
FEW_BITS = tuple(
    dtype(f"{sign}int{bits}", np.int8 if sign == "" else np.uint8, 1, 6)
    for sign in ("u", "")
    for bits in range(1, 8)
)
SHELLS = (float4_e2m1fn_x2, *BITS, *FEW_BITS)

ALIASES = {
    "bool": bool_, "half": float16, "float": float32, "double": float64, "short": int16, "int": int32,
    "long": int64, "chalf": complex32, "cfloat": complex64, "cdouble": complex128,
}  # fmt: skip
# What Python's own types mean as a dtype, whatever the default dtype is.
OF_PYTHON: dict[Any, dtype] = {bool: bool_, int: int64, float: float64, complex: complex128}
FLOATING = (float16, bfloat16, float32, float64)
INTEGRAL = (uint8, int8, int16, int32, int64)
COMPLEX = (complex64, complex128)
FLOAT8 = (float8_e4m3fn, float8_e5m2, float8_e4m3fnuz, float8_e5m2fnuz, float8_e8m0fnu)
REDUCED = frozenset((float16, bfloat16, *FLOAT8))

_PARTS = {complex32: float16, complex64: float32, complex128: float64}
_COMPLEX_OF = {float16: complex32, bfloat16: complex64, float32: complex64, float64: complex128}
_DROPPED = str.maketrans("", "", "_")
_LETTERS = (
    ("bool", "b8"), ("bfloat", "bf"), ("float", "f"), ("complex", "c"), ("bits16", "b16x1"), ("bits8", "b8x1"),
    ("bits", "b"), ("uint", "u"), ("int", "i"),
)  # fmt: skip

_from_numpy = {d.np: d for d in (*ALL, *UNSIGNED, *FLOAT8)}
_default = float32


def as_dtype(value: Any, call: str, place: str) -> dtype:
    """A dtype, also where it is given as a type of Python.

    Args:
        value: what was given.
        call, place: what it was given to, and as what, for the message: "finfo", "'type' (position 1)".

    Raises:
        TypeError: it is none.
    """
    if isinstance(value, dtype):
        return value
    dtype_of_type = OF_PYTHON.get(value) if isinstance(value, type) else None
    if dtype_of_type is None:
        given = value.__name__ if isinstance(value, type) else repr(value)
        kind = type(value).__name__
        raise TypeError(f"{call}(): argument {place} must be torch.dtype, not {kind} (got {given})")
    return dtype_of_type


def from_numpy_dtype(numpy_dtype: object) -> dtype:
    """The tritonnn type with the same representation as a NumPy type.

    Raises:
        TypeError: NumPy's type has no counterpart (strings, objects, ...).
        ValueError: its bytes are in the other order.
    """
    given = np.dtype(numpy_dtype)  # type: ignore[call-overload]
    counterpart = _from_numpy.get(given)
    if counterpart is None:
        if not given.isnative:
            raise ValueError(
                "given numpy array has byte order different from the native byte order. Conversion between byte "
                f"orders is currently not supported. Hint: .astype('{given.newbyteorder('=')}') converts it"
            )
        names = ", ".join(d.name for d in ALL)
        raise TypeError(f"can't convert np.ndarray of type {numpy_dtype}. The supported types are: {names}.")
    return counterpart


def pairs_as_complex(array: np.ndarray) -> np.ndarray:
    """Elements of complex32, of which NumPy only knows that they are two float16, as complex64."""
    result = np.empty(array.shape, np.complex64)
    result.real, result.imag = array["real"], array["imag"]
    return result


def get_default_dtype() -> dtype:
    """The floating type of new tensors and of integer / integer.

    >>> import tritonnn as torch
    >>> torch.get_default_dtype()
    torch.float32
    """
    return _default


def set_default_dtype(d: dtype) -> None:
    """Set the floating type of new tensors (float16, bfloat16, float32 or float64).

    Raises:
        TypeError: another dtype.

    >>> import tritonnn as torch
    >>> torch.set_default_dtype(torch.float64)
    >>> torch.ones(1).dtype
    torch.float64
    >>> torch.set_default_dtype(torch.float32)
    """
    global _default
    if not isinstance(d, dtype) or d not in FLOATING:
        raise TypeError(f"only floating-point types are supported as the default type, got {d!r}")
    _default = d


def _promote(a: dtype, b: dtype) -> dtype:
    if a is b:
        return a
    if a.kind != b.kind:
        low, high = (a, b) if a.kind < b.kind else (b, a)
        if high.is_complex and low.is_floating_point:
            return _promote(low.to_complex(), high)
        return high
    if a.kind == 1 and uint8 in (a, b):
        other = b if a is uint8 else a
        return int16 if other is int8 else other
    if a.rank == b.rank:  # float16 with bfloat16: neither holds the other
        return float32
    return a if a.rank > b.rank else b


_COMMON = tuple(d for d in (*ALL, complex32) if d not in FLOAT8)
_promotions = {(a, b): _promote(a, b) for a in _COMMON for b in _COMMON}
_promotions |= {(d, d): d for d in (*UNSIGNED, *FLOAT8, *SHELLS)}
_WITHOUT_SIGN = (*UNSIGNED, *(d for d in FEW_BITS if not d.is_signed))
_promotions |= {
    pair: f for u in _WITHOUT_SIGN for f in (*FLOATING, float4_e2m1fn_x2) for pair in ((u, f), (f, u))
}


def promote_types(type1: dtype, type2: dtype) -> dtype:
    """The smallest type both can be converted to, by PyTorch's table.

    Raises:
        RuntimeError: float8 and another type.

    >>> import tritonnn as torch
    >>> torch.promote_types(torch.uint8, torch.int8)
    torch.int16
    """
    promoted = _promotions.get((type1, type2))
    if promoted is None:
        first = as_dtype(type1, "promote_types", "'type1' (position 1)")
        second = as_dtype(type2, "promote_types", "'type2' (position 2)")
        if (first, second) != (type1, type2):
            return promote_types(first, second)
        raise _unpromotable(type1, type2)
    return promoted


def _unpromotable(a: dtype, b: dtype) -> RuntimeError:
    if a in BITS or b in BITS:
        return RuntimeError(f"Promotion from {a.name} and {b.name} is unsupported.")
    kinds = (
        "Float8 Types" if a in FLOAT8 or b in FLOAT8
        else "uint16, uint32, uint64 types" if a in _WITHOUT_SIGN or b in _WITHOUT_SIGN
        else "types that nothing computes with"
    )  # fmt: skip
    return RuntimeError(
        f"Promotion for {kinds} is not supported, attempted to promote {a.name} and {b.name}. "
        "Hint: convert one with .to(dtype)"
    )


def counting_dtype(d: dtype) -> dtype:
    """The dtype in which elements are counted beside numbers of `d`: half precision ends at 65504, or at 256."""
    return float32 if d.is_floating_point and d.itemsize < 4 else d


def can_cast(from_: dtype, to: dtype) -> bool:
    """Whether a result of type `from_` may be written into a tensor of type `to`.

    >>> import tritonnn as torch
    >>> torch.can_cast(torch.double, torch.float), torch.can_cast(torch.float, torch.int)
    (True, False)
    """
    if from_.__class__ is not dtype or to.__class__ is not dtype:
        from_ = as_dtype(from_, "can_cast", "'from_' (position 1)")
        to = as_dtype(to, "can_cast", "'to' (position 2)")
    return from_.kind <= to.kind or (from_.kind == 2 and to in SHELLS)


def scalar_dtype(value: bool | int | float | complex | np.number | np.bool_) -> dtype:
    """The type a Python number stands for in promotion."""
    if isinstance(value, (bool, np.bool_)):
        return bool_
    if isinstance(value, (int, np.integer)):
        return int64
    if isinstance(value, (float, np.floating)):
        return _default
    return _default.to_complex()


class _Limits:
    """Shared by `finfo` and `iinfo`: numbers of a type, converted to Python's."""

    def __init__(self, type: dtype) -> None:
        self.dtype = type.name
        self.bits = type.itemsize * 8


class finfo(_Limits):
    """Numerical properties of a floating type: bits, eps, max, min, tiny, smallest_normal, resolution.

    >>> import tritonnn as torch
    >>> torch.finfo(torch.float32).eps
    1.1920928955078125e-07
    """

    def __init__(self, type: dtype | None = ...) -> None:  # type: ignore[assignment]  # None is no dtype
        type = _default if type is ... else as_dtype(type, "finfo", "'type' (position 1)")
        if type.kind < 2:
            raise TypeError(
                f"torch.finfo() requires a floating point input type. Use torch.iinfo to handle '{type}'"
            )
        type = type.to_real()
        super().__init__(type)
        if type is float4_e2m1fn_x2:
            return
        self.__dict__.update(_limits.of_floats(type.np))

    def __getattr__(self, name: str) -> float:
        """What is asked for and not there: the properties of bytes that are two numbers each."""
        if name in ("eps", "max", "min", "tiny", "smallest_normal", "resolution"):
            raise NotImplementedError(f"finfo: {name} is not implemented for {self.dtype}")
        raise AttributeError(f"'torch.finfo' object has no attribute '{name}'")

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, eps={self.eps:g}, "
            f"smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, dtype={self.dtype})"
        )


class iinfo(_Limits):
    """Numerical properties of an integer type: bits, max, min.

    >>> import tritonnn as torch
    >>> torch.iinfo(torch.int8).max
    127
    """

    max: int
    min: int

    def __init__(self, type: dtype) -> None:
        type = as_dtype(type, "iinfo", "'type' (position 1)")
        if type.kind >= 2 or type in SHELLS:
            raise TypeError(
                f"torch.iinfo() requires an integer input type. Use torch.finfo to handle '{type}'"
            )
        if type is bool_:
            raise TypeError("torch.bool is not supported by torch.iinfo")
        super().__init__(type)
        self.__dict__.update(_limits.of_integers(type.np))

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"
