"""Reductions and running sums of the elements that a mask names."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.dtypes import dtype as DType
from tritonnn.masked._filling import filled, given, greatest, least, places
from tritonnn.ops import softmax as _softmax
from tritonnn.ops.elementwise import elementwise as _ew
from tritonnn.ops.elementwise.comparison import maximum as _maximum
from tritonnn.ops.elementwise.powers import logaddexp as _logaddexp
from tritonnn.ops.reduction import extremes as _extremes
from tritonnn.ops.reduction import norms as _norms
from tritonnn.ops.reduction import reduction as _reduction
from tritonnn.ops.scan import scan as _scan
from tritonnn.ops.sorting import sorting as _sorting

Dims = int | Sequence[int] | None


def _cast(op: str, input: Tensor, mask: Tensor | None, dtype: DType | None) -> tuple[Tensor, Tensor | None]:
    if isinstance(input, Tensor) and "_masked_data" in vars(input) and mask is None:  # a MaskedTensor
        input, mask = vars(input)["_masked_data"], vars(input)["_masked_mask"]
    mask = given(op, input, mask)
    return (input if dtype is None else input.to(dtype)), mask


def sum(
    input: Tensor, dim: Dims = None, *, keepdim: bool | None = False, dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The sum of the elements where the mask is True; 0 where there are none.

    >>> import tritonnn as torch
    >>> torch.masked.sum(torch.tensor([1., 2., 3.]), mask=torch.tensor([True, False, True]))
    tensor(4.)
    """
    x, mask = _cast("sum", input, mask, dtype)
    return _reduction.sum(filled(x, mask, 0), places(x, dim), builtins.bool(keepdim), dtype=dtype)


def prod(
    input: Tensor, dim: Dims = None, *, keepdim: bool | None = False, dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The product of the elements where the mask is True; 1 where there are none.

    >>> import tritonnn as torch
    >>> torch.masked.prod(torch.tensor([2., 5., 3.]), mask=torch.tensor([True, False, True]))
    tensor(6.)
    """
    x, mask = _cast("prod", input, mask, dtype)
    result = filled(x, mask, 1)
    if not x.dtype.is_floating_point and not x.dtype.is_complex and dtype is None:
        result = result.to(dtypes.int64)
    for d in reversed(places(x, dim)):
        result = _reduction.prod(result, d, builtins.bool(keepdim))
    return result


def cumsum(input: Tensor, dim: int, *, dtype: DType | None = None, mask: Tensor | None = None) -> Tensor:
    """The running sum of the elements where the mask is True.

    >>> import tritonnn as torch
    >>> torch.masked.cumsum(torch.tensor([1., 2., 3.]), 0, mask=torch.tensor([True, False, True]))
    tensor([1., 1., 4.])
    """
    x, mask = _cast("cumsum", input, mask, dtype)
    return _scan.cumsum(filled(x, mask, 0), dim).to(x.dtype if dtype is None else dtype)


def cumprod(input: Tensor, dim: int, *, dtype: DType | None = None, mask: Tensor | None = None) -> Tensor:
    """The running product of the elements where the mask is True.

    >>> import tritonnn as torch
    >>> torch.masked.cumprod(torch.tensor([2., 5., 3.]), 0, mask=torch.tensor([True, False, True]))
    tensor([2., 2., 6.])
    """
    x, mask = _cast("cumprod", input, mask, dtype)
    return _scan.cumprod(filled(x, mask, 1), dim).to(x.dtype if dtype is None else dtype)


def amax(
    input: Tensor, dim: Dims = None, *, keepdim: bool | None = False, dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The largest element where the mask is True; the least number of the type where there are none.

    >>> import tritonnn as torch
    >>> torch.masked.amax(torch.tensor([1., 5., 3.]), mask=torch.tensor([True, False, True]))
    tensor(3.)
    """
    x, mask = _cast("amax", input, mask, dtype)
    return _extremes.amax(filled(x, mask, least("amax", x.dtype)), places(x, dim), builtins.bool(keepdim))


def amin(
    input: Tensor, dim: Dims = None, *, keepdim: bool | None = False, dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The smallest element where the mask is True; the greatest number of the type where there are none.

    >>> import tritonnn as torch
    >>> torch.masked.amin(torch.tensor([3., 1., 5.]), mask=torch.tensor([True, False, True]))
    tensor(3.)
    """
    x, mask = _cast("amin", input, mask, dtype)
    return _extremes.amin(filled(x, mask, greatest("amin", x.dtype)), places(x, dim), builtins.bool(keepdim))


def argmax(
    input: Tensor, dim: int | None = None, *, keepdim: bool | None = False, dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Where the largest element stands, of those where the mask is True.

    >>> import tritonnn as torch
    >>> torch.masked.argmax(torch.tensor([1., 5., 3.]), mask=torch.tensor([True, False, True]))
    tensor(2.)
    """
    x, mask = _cast("argmax", input, mask, dtype)
    at = _extremes.argmax(filled(x, mask, least("argmax", x.dtype)), dim, builtins.bool(keepdim))
    return at.to(x.dtype)  # as PyTorch has it


def argmin(
    input: Tensor, dim: int | None = None, *, keepdim: bool | None = False, dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Where the smallest element stands, of those where the mask is True.

    >>> import tritonnn as torch
    >>> torch.masked.argmin(torch.tensor([3., 1., 5.]), mask=torch.tensor([True, False, True]))
    tensor(0.)
    """
    x, mask = _cast("argmin", input, mask, dtype)
    at = _extremes.argmin(filled(x, mask, greatest("argmin", x.dtype)), dim, builtins.bool(keepdim))
    return at.to(x.dtype)  # as PyTorch has it


def _count(x: Tensor, dims: tuple[int, ...], keepdim: bool, mask: Tensor | None) -> Tensor:
    """How many elements the mask names, in the type of what they are divided into."""
    dtype = x.dtype.to_real()
    if mask is None:
        mask = x.new_full(x.shape, True, dtype=dtypes.bool_)
    return _reduction.sum(mask, dims, keepdim).to(dtype)


def _fractions(op: str, dtype: DType) -> None:
    if not dtype.is_floating_point and not dtype.is_complex:
        text = "Could not infer output dtype. Input dtype must be either a floating point or complex dtype."
        raise ValueError(f"{op}(): {text} Got: {dtype}")


def mean(
    input: Tensor, dim: Dims = None, *, keepdim: bool | None = False, dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The mean of the elements where the mask is True; NaN where there are none.

    >>> import tritonnn as torch
    >>> torch.masked.mean(torch.tensor([1., 2., 3.]), mask=torch.tensor([True, False, True]))
    tensor(2.)
    """
    x, mask = _cast("mean", input, mask, dtype)
    _fractions("mean", x.dtype)
    dims, keep = places(x, dim), builtins.bool(keepdim)
    return _reduction.sum(filled(x, mask, 0), dims, keep) / _count(x, dims, keep, mask)


def median(
    input: Tensor,
    dim: int = -1,
    *,
    keepdim: bool = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The median of the elements where the mask is True (the lower one of two); NaN where there are none.

    >>> import tritonnn as torch
    >>> torch.masked.median(torch.tensor([1., 9., 3.]), mask=torch.tensor([True, False, True]))
    tensor(1.)
    """
    x, mask = _cast("median", input, mask, dtype)
    fraction = x.dtype.is_floating_point
    values = x if fraction else x.to(dtypes.float64)
    result = _sorting.nanmedian(filled(values, mask, float("nan")), dim, keepdim)[0]
    if fraction:
        return result
    if builtins.bool(_ew.isnan(result).any()):
        raise ValueError("median(): expects no fully masked out rows if dtype is not floating point")
    return result.to(x.dtype)


def logsumexp(
    input: Tensor,
    dim: Dims = None,
    *,
    keepdim: bool = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The logarithm of the sum of exponentials of the elements where the mask is True; -inf where there are none.

    >>> import tritonnn as torch
    >>> torch.masked.logsumexp(torch.tensor([0., 9., 0.]), 0, mask=torch.tensor([True, False, True]))
    tensor(0.6931)
    """
    x, mask = _cast("logsumexp", input, mask, dtype)
    low = float("-inf") if x.dtype.kind > 1 else least("logsumexp", x.dtype)
    return _softmax.logsumexp(filled(x, mask, low), places(x, dim), keepdim).to(x.dtype)


def logaddexp(
    input: Tensor, other: Tensor, *, dtype: DType | None = None, input_mask: Tensor | None = None,
    other_mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """log(exp(x) + exp(y)), without the summands whose masks are False.

    >>> import tritonnn as torch
    >>> torch.masked.logaddexp(torch.zeros(2), torch.zeros(2), other_mask=torch.tensor([True, False]))
    tensor([0.6931, 0.0000])
    """
    input_mask = given("logaddexp", input, input_mask, "input_mask")
    other_mask = given("logaddexp", other, other_mask, "other_mask")
    x, y = (t if dtype is None else t.to(dtype) for t in (input, other))
    low: Any = float("-inf")
    return _logaddexp(filled(x, input_mask, low), filled(y, other_mask, low))


def norm(
    input: Tensor, ord: float | None = 2.0, dim: Dims = None, *, keepdim: bool | None = False,
    dtype: DType | None = None, mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The norm of degree `ord` of the elements where the mask is True.

    >>> import tritonnn as torch
    >>> torch.masked.norm(torch.tensor([3., 9., 4.]), mask=torch.tensor([True, False, True]))
    tensor(5.)
    """
    x, mask = _cast("norm", input, mask, dtype)
    degree = 2.0 if ord is None else ord
    away = filled(x, mask, 0.0 if degree >= 0 else float("inf"))
    return _norms.vector_norm(away, degree, places(x, dim), builtins.bool(keepdim))


def _variance(
    op: str, input: Tensor, dim: Dims, unbiased: bool | None, correction: float | None, keepdim: bool | None,
    dtype: DType | None, mask: Tensor | None,
) -> Tensor:  # fmt: skip
    if unbiased is not None and correction is not None:
        raise AssertionError(f"{op}(): Only one of unbiased and correction may be given")
    x, mask = _cast(op, input, mask, dtype)
    if not x.dtype.is_floating_point and not x.dtype.is_complex:
        x = x.to(dtypes.float32)
    less = correction if correction is not None else 0 if unbiased is False else 1
    dims, keep = places(x, dim), builtins.bool(keepdim)
    middle = _reduction.sum(filled(x, mask, 0), dims, True) / _count(x, dims, True, mask)
    off = filled(x - middle, mask, 0)
    squares = off * off.conj() if x.dtype.is_complex else off * off
    total = _reduction.sum(squares.real if x.dtype.is_complex else squares, dims, keep)
    count = _count(x, dims, keep, mask) - less
    return (total / _maximum(count, count.new_full((), 0.0))).to(x.dtype)


def var(
    input: Tensor, dim: Dims = None, unbiased: bool | None = None, *, correction: int | float | None = None,
    keepdim: bool | None = False, dtype: DType | None = None, mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The variance of the elements where the mask is True: squared distances from the mean over n - correction.

    >>> import tritonnn as torch
    >>> torch.masked.var(torch.tensor([1., 9., 3.]), mask=torch.tensor([True, False, True]))
    tensor(2.)
    """
    return _variance("var", input, dim, unbiased, correction, keepdim, dtype, mask)


def std(
    input: Tensor, dim: Dims = None, unbiased: bool | None = None, *, correction: int | None = None,
    keepdim: bool | None = False, dtype: DType | None = None, mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The root of `var`.

    >>> import tritonnn as torch
    >>> torch.masked.std(torch.tensor([1., 9., 3.]), mask=torch.tensor([True, False, True]), correction=0)
    tensor(1.)
    """
    return _ew.sqrt(_variance("std", input, dim, unbiased, correction, keepdim, dtype, mask))
