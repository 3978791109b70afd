"""How elementwise functions run: straight through a ufunc, or block by block in several steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any

import numpy as np

from tritonnn.cpu_fallback.common.pool import WORTH, spread
from tritonnn.cpu_fallback.common.short_rows import combine

Array = np.ndarray[Any, Any]
Operand = Any  # an ndarray or a Python number

# 256 KB of float32: of 8 K to 128 K elements the best for sigmoid, gelu and elu (1 MB of L2 cache).
BLOCK = 1 << 16


def unary(ufunc: np.ufunc) -> Callable[[Array, Array], None]:
    """The implementation of an op that is one ufunc of one operand."""

    def run(out: Array, input: Array) -> None:
        if out.size < WORTH or not _spread_flat(ufunc, out, input):
            ufunc(input, out=out)

    return run


def binary(ufunc: np.ufunc) -> Callable[[Array, Operand, Operand], None]:
    """The implementation of an op that is one ufunc of two operands, either of which may be a number."""

    def run(out: Array, input: Operand, other: Operand) -> None:
        if out.itemsize == 2:
            input, other = wide_number(input, out.dtype), wide_number(other, out.dtype)
        if out.size < WORTH or not _spread_flat(ufunc, out, input, other):
            combine(ufunc, input, other, out)

    return run


def _spread_flat(ufunc: np.ufunc, out: Array, *operands: Operand) -> bool:
    """Apply the ufunc to pieces on several threads, if all arrays are contiguous and of one shape; whether they are."""
    arrays = [x for x in operands if x.__class__ is np.ndarray]
    if not out.flags.c_contiguous or not all([x.shape == out.shape and x.flags.c_contiguous for x in arrays]):
        return False
    flat = out.reshape(-1)
    rows = [x.reshape(-1) if x.__class__ is np.ndarray else x for x in operands]

    def work(start: int) -> None:
        piece = slice(start, start + BLOCK)
        ufunc(*[x[piece] if x.__class__ is np.ndarray else x for x in rows], out=flat[piece])

    spread(work, range(0, flat.size, BLOCK), flat.size)
    return True


def comparison(ufunc: np.ufunc) -> Callable[[Array, Operand, Operand], None]:
    """As `binary` with a result that is bool: a number is first rounded to the other operand's type."""

    def run(out: Array, input: Operand, other: Operand) -> None:
        if not isinstance(other, np.ndarray):
            if input.dtype.kind == "V":  # NumPy's own types round a number by themselves
                other = input.dtype.type(other)
        elif not isinstance(input, np.ndarray) and other.dtype.kind == "V":
            input = other.dtype.type(input)
        ufunc(input, other, out=out)

    return run


def wide_number(value: Operand, dtype: np.dtype[Any]) -> Operand:
    """A number beside float16 data as float32, so that its digits are not cut before the operation.

    NumPy would round the number to float16 first; beside bfloat16 it takes a number as float32 by itself.
    """
    if dtype.char == "e" and not isinstance(value, np.ndarray):
        return np.float32(value)
    return value


def working(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type to compute in: float32 for shorter floating types, else the type itself."""
    return np.dtype(np.float32) if dtype.itemsize < 4 and dtype.kind in "fV" else dtype


def pieces(shape: tuple[int, ...], size: int = BLOCK) -> Iterator[tuple[Any, ...]]:
    """Index tuples that cut an array of `shape` into parts of at most about `size` elements."""
    if prod(shape) <= size:
        yield (Ellipsis,)
        return
    # whole rows where several fit into a part, else parts of one row
    row = prod(shape[1:])
    if row > size:
        for i in range(shape[0]):
            for piece in pieces(shape[1:], size):
                yield (i, *piece)
        return
    count = size // max(row, 1)
    for low in range(0, shape[0], count):
        yield (slice(low, low + count),)


def formula(step: Callable[..., None], dtype: np.dtype[Any] | None = None) -> Callable[..., None]:
    """The implementation of an op as a formula that runs block by block; see `blockwise`."""

    def run(out: Array, input: Operand, *rest: Operand) -> None:
        kind = out.dtype
        if (
            dtype is None
            and kind.char in "fd"
            and 0 < out.size <= BLOCK
            and out.ndim
            and all([x.__class__ is not np.ndarray or (x.dtype is kind and x.ndim) for x in (input, *rest)])
        ):
            step(out, input, *rest)  # the whole is one block of the right type
        else:
            blockwise(step, out, input, *rest, dtype=dtype)

    return run


_FLOAT64 = np.dtype(np.float64)


def in_float64(function: Callable[..., Array], operands: int = 1) -> Callable[..., None]:
    """The implementation of an op as a function of so many float64 arrays of one dimension, and its other arguments."""

    def step(out: Array, *args: Any) -> None:
        flat = [np.broadcast_to(np.asarray(x, _FLOAT64), out.shape).reshape(-1) for x in args[:operands]]
        out[...] = function(*flat, *args[operands:]).reshape(out.shape)

    return formula(step, _FLOAT64)


def blockwise(
    formula: Callable[..., None], out: Array, *operands: Operand, dtype: np.dtype[Any] | None = None
) -> None:
    """`formula(out, *operands)` in blocks that stay in the cache, computed in `dtype`.

    The formula gets arrays that broadcast to its `out`, or numbers. It may use its `out` as workspace only
    after it has read all operands, since they can be the same memory.

    Args:
        dtype: the type to compute in; by default the output's, or float32 where that is shorter.
    """
    dtype = working(out.dtype) if dtype is None else dtype
    if out.size <= BLOCK:
        if out.size == 0:
            return
        _piece(formula, out, operands, dtype)
        return
    arrays = [x for x in operands if isinstance(x, np.ndarray)]
    if out.flags.c_contiguous and all(x.flags.c_contiguous and x.shape == out.shape for x in arrays):
        out = out.reshape(-1)
        operands = tuple([x.reshape(-1) if isinstance(x, np.ndarray) else x for x in operands])
    else:
        operands = tuple(
            # views: what is broadcast is not spread out in memory
            [np.broadcast_to(x, out.shape) if isinstance(x, np.ndarray) else x for x in operands]
        )

    def work(index: tuple[Any, ...]) -> None:
        _piece(formula, out[index], [x[index] if isinstance(x, np.ndarray) else x for x in operands], dtype)

    spread(work, list(pieces(out.shape)), out.size)


def _piece(formula: Callable[..., None], out: Array, operands: Any, dtype: np.dtype[Any]) -> None:
    cast = [_prepared(x, dtype) if isinstance(x, np.ndarray) else x for x in operands]
    out = out if out.ndim else out.reshape(1)
    if out.dtype == dtype:
        formula(out, *cast)
        return
    result = np.empty(out.shape, dtype)
    formula(result, *cast)
    out[...] = result


def _prepared(x: Array, dtype: np.dtype[Any]) -> Array:
    """In the type to compute in; with a dimension: arithmetic of 0-d arrays gives scalars, not arrays."""
    x = x if x.dtype == dtype else x.astype(dtype)
    return x if x.ndim else x.reshape(1)


_MASK_TYPES: dict[int, np.dtype[Any]] = {size: np.dtype(f"i{size}") for size in (1, 2, 4, 8)}


# Below this size one slow pass costs less than three fast ones.
_FEW = 1 << 10


def select(out: Array, condition: Array, input: Operand, other: Operand) -> None:
    """out = condition ? input : other, on the bits: six times as fast as `np.where`.

    `condition` is bool, the operands are of out's type; all broadcast to `out`, which may be one of them.
    """
    integer = _MASK_TYPES.get(out.itemsize)
    if integer is None or out.size < _FEW:
        out[...] = np.where(condition, input, other)
        return
    # True is 1 and its negative all ones, so that other ^ ((input ^ other) & mask) is one or the other
    mask = np.negative(condition.view(np.int8)).astype(integer)
    bits = np.asarray(other, out.dtype).view(integer)
    change = np.asarray(input, out.dtype).view(integer) ^ bits
    change = np.bitwise_and(change, mask, out=change) if change.shape == out.shape != () else change & mask
    np.bitwise_xor(change, bits, out=out.view(integer))


def complex_log_add(a: Array, b: Array) -> Array:
    """log(e**a + e**b), of equal real parts from b on; of two that are -inf, a."""
    later = a.real <= b.real
    high, low = np.where(later, b, a), np.where(later, a, b)
    result = high + np.log1p(np.exp(low - high))
    ends = np.isinf(low.real) & (low.real == high.real)  # where the difference says nothing
    result = np.where(ends, np.where(low.real < 0, low, np.log(np.exp(low) + np.exp(high))), result)
    return np.where(np.isnan(a) | np.isnan(b), complex(np.nan, np.nan), result)
