"""Dropout of elements and of whole channels (Srivastava et al. 2014; Klambauer et al. 2017 for the alpha form)."""

from __future__ import annotations

from typing import Any

from tritonnn import dtypes
from tritonnn.errors import fail
from tritonnn.ops._table import FLOATING, NAMESPACES, Out, primitive
from tritonnn.random import generator_for
from tritonnn.tensor import Tensor

FAMILY = "random"
_ALPHA = -1.7580993408473766  # what SELU tends to for very negative inputs


@primitive(
    dtypes=FLOATING, results=("result", "mask"), non_differentiable=("mask",),
    grad={"input": lambda g, mask, p: g * mask * (0.0 if p == 1 else 1.0 / (1.0 - p))},
)  # fmt: skip
def native_dropout(input: Tensor, p: float, seed: int, offset: int) -> Any:
    """`input` with elements zeroed with probability p and the others scaled by 1 / (1 - p), and which were kept."""
    return Out(input.shape, input.dtype), Out(input.shape, dtypes.bool_)


def _functional(function: Any) -> Any:
    NAMESPACES["functional"][function.__name__] = function
    return function


def _check(name: str, p: float, input: Tensor) -> None:
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    if not isinstance(input, Tensor):
        raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")


def _keep(input: Tensor, p: float) -> Tensor:
    """Dropout of one element at a time."""
    if not input.dtype.is_floating_point:
        raise fail("dropout", f"expected a floating tensor, got {input.dtype.name}", input=input)
    place = generator_for(input.device).reserve(input.numel())
    return native_dropout(input, float(p), *place)[0]


@_functional
def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero each element with probability `p` and scale the others by 1 / (1 - p); nothing when not training.

    >>> import tritonnn as torch, tritonnn.nn.functional as F
    >>> F.dropout(torch.ones(2), p=1.0)
    tensor([0., 0.])
    """
    _check("dropout", p, input)
    if not training or p == 0:
        return input
    if inplace:
        return input.mul_(_keep(input.detach() * 0 + 1, p))
    return _keep(input, p)


NAMESPACES["torch"]["dropout"] = lambda input, p, train: dropout(input, p, train)


def _channels(input: Tensor) -> Tensor:
    """Ones for each channel of each sample, to be dropped or kept as a whole."""
    shape = (*input.shape[:2], *[1] * (len(input.shape) - 2))
    return input.new_ones(shape)


def _channelwise(name: str, ndim: int) -> Any:
    def function(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        _check(name, p, input)
        if len(input.shape) not in (ndim + 1, ndim + 2):
            raise fail(
                name,
                f"expected {ndim + 1} (one sample) or {ndim + 2} dimensions (N, C, ...), got {len(input.shape)}",
                input=input,
            )
        if not training or p == 0:
            return input
        batch = input if len(input.shape) == ndim + 2 else input.unsqueeze(0)
        scale = _keep(_channels(batch), p)
        scale = scale if batch is input else scale[0]
        return input.mul_(scale) if inplace else input * scale

    function.__name__ = name
    function.__doc__ = f"Zero whole channels of (N, C, {', '.join('LHD'[:ndim])}) with probability `p` and scale the others by 1 / (1 - p)."
    return _functional(function)


dropout1d, dropout2d, dropout3d = (_channelwise(f"dropout{n}d", n) for n in (1, 2, 3))


def _affine(input: Tensor, ones: Tensor, p: float, inplace: bool) -> Tensor:
    """Set what is dropped to SELU's limit, then restore mean and variance."""
    if p == 1:
        return input.mul_(0) if inplace else input * 0
    kept = (_keep(ones, p) != 0).to(input.dtype)
    scale = (_ALPHA**2 * p * (1 - p) + (1 - p)) ** -0.5
    shift = (1 - kept) * (_ALPHA * scale) + (-scale * _ALPHA * p)
    return input.mul_(kept * scale).add_(shift) if inplace else input * (kept * scale) + shift


@_functional
def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Dropout that keeps zero mean and unit variance, for networks with SELU."""
    _check("alpha_dropout", p, input)
    if not training or p == 0:
        return input
    return _affine(input, input.new_ones(input.shape), p, inplace)


@_functional
def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """`alpha_dropout` of whole channels of (N, C, ...)."""
    _check("feature_alpha_dropout", p, input)
    if not training or p == 0:
        return input
    return _affine(input, _channels(input), p, inplace)
