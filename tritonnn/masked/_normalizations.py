"""Functions along a dimension that take part of the elements alone."""

from __future__ import annotations

from tritonnn._tensor import Tensor
from tritonnn.dtypes import dtype as DType
from tritonnn.masked._filling import filled
from tritonnn.masked._reductions import _cast, norm
from tritonnn.ops import softmax as _softmax
from tritonnn.ops.elementwise.comparison import maximum as _maximum


def softmax(input: Tensor, dim: int, *, dtype: DType | None = None, mask: Tensor | None = None) -> Tensor:
    """The softmax of the elements where the mask is True, 0 elsewhere; NaN where there are none.

    >>> import tritonnn as torch
    >>> torch.masked.softmax(torch.tensor([0., 9., 0.]), 0, mask=torch.tensor([True, False, True]))
    tensor([0.5000, 0.0000, 0.5000])
    """
    x, mask = _cast("softmax", input, mask, dtype)
    return _softmax.torch_softmax(filled(x, mask, float("-inf")) if mask is not None else x, dim)


def log_softmax(input: Tensor, dim: int, *, dtype: DType | None = None, mask: Tensor | None = None) -> Tensor:
    """The logarithm of `softmax`.

    >>> import tritonnn as torch
    >>> torch.masked.log_softmax(torch.tensor([0., 9., 0.]), 0, mask=torch.tensor([True, False, True]))
    tensor([-0.6931,    -inf, -0.6931])
    """
    x, mask = _cast("log_softmax", input, mask, dtype)
    return _softmax.torch_log_softmax(filled(x, mask, float("-inf")) if mask is not None else x, dim)


def softmin(input: Tensor, dim: int, *, dtype: DType | None = None, mask: Tensor | None = None) -> Tensor:
    """`softmax` of -x.

    >>> import tritonnn as torch
    >>> torch.masked.softmin(torch.tensor([0., -9., 0.]), 0, mask=torch.tensor([True, False, True]))
    tensor([0.5000, 0.0000, 0.5000])
    """
    x, mask = _cast("softmin", input, mask, dtype)
    return _softmax.torch_softmax(-(filled(x, mask, float("inf")) if mask is not None else x), dim)


def normalize(
    input: Tensor,
    ord: float,
    dim: int,
    *,
    eps: float = 1e-12,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The elements where the mask is True over their norm, 0 elsewhere; `eps` is the least that they are divided by.

    >>> import tritonnn as torch
    >>> torch.masked.normalize(torch.tensor([3., 9., 4.]), 2., 0, mask=torch.tensor([True, False, True]))
    tensor([0.6000, 0.0000, 0.8000])
    """
    x, mask = _cast("normalize", input, mask, dtype)
    size = norm(x, ord, dim, keepdim=True, mask=mask)
    return filled(x, mask, 0) / _maximum(size, size.new_full((), eps))
