"""Dropout of elements and of whole channels (Srivastava et al. 2014; Klambauer et al. 2017 for the alpha form).

The mask is a pure function of the generator's seed and place, so every device drops the same elements.
"""

from __future__ import annotations

import warnings
from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.memory_format import strides_as
from tritonnn.ops._table import FLOATING, NAMESPACES, Out, primitive
from tritonnn.random import generator_for

_ALPHA = -1.7580993408473766  # what SELU tends to for very negative inputs


@primitive(
    dtypes=FLOATING, results=("result", "mask"), non_differentiable=("mask",),
    grad={"input": lambda g, mask, p: g * mask * (0.0 if p == 1 else 1.0 / (1.0 - p))},
)  # fmt: skip
def native_dropout(input: Tensor, p: float, seed: int, offset: int) -> Any:
    """`input` with elements zeroed with probability p and the others scaled by 1 / (1 - p), and which were kept."""
    strides = strides_as(input)
    return Out(input.shape, input.dtype, strides=strides), Out(input.shape, dtypes.bool_, strides=strides)


def _functional(function: Any) -> Any:
    NAMESPACES["functional"][function.__name__] = function
    return function


def _check(name: str, p: float, input: Tensor) -> None:
    if not isinstance(input, Tensor):
        raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    if not 0 <= p <= 1:
        raise fail(
            name, f"dropout probability has to be between 0 and 1, but got {p}", kind=ValueError, input=input
        )


def _drop(input: Tensor, p: float) -> tuple[Tensor, Tensor]:
    """Dropout of one element at a time, and the mask of those kept."""
    if not input.dtype.is_floating_point:
        raise fail("dropout", f"expected a floating tensor, got {input.dtype.name}", input=input)
    place = generator_for(input.device).reserve(input.numel())
    return native_dropout(input, float(p), *place)


def _elements(name: str, input: Tensor, p: float, training: bool, inplace: bool) -> Tensor:
    _check(name, p, input)
    if not training or p == 0 or not input.numel():
        return input
    if inplace:
        return input.mul_(_drop(input.new_ones(input.shape), p)[0])
    return _drop(input, p)[0]


@_functional
def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero each element with probability `p` and scale the others by 1 / (1 - p); nothing when not training.

    Raises:
        ValueError: p is outside [0, 1].

    >>> import tritonnn as torch, tritonnn.nn.functional as F
    >>> F.dropout(torch.ones(2), p=1.0)
    tensor([0., 0.])
    """
    return _elements("dropout", input, p, training, inplace)


# ---- whole channels ---------------------------------------------------------------------------------------


def _channels(name: str, input: Tensor) -> Tensor:
    """Ones for each channel of each sample, to be dropped or kept as a whole."""
    if len(input.shape) < 2:
        raise fail(name, "Feature dropout requires at least 2 dimensions in the input", input=input)
    return input.new_ones((*input.shape[:2], *[1] * (len(input.shape) - 2)))


def _features(name: str, input: Tensor, p: float, training: bool, inplace: bool) -> Tensor:
    if not training or p == 0 or not input.numel():
        return input
    scale = _drop(_channels(name, input), p)[0]
    return input.mul_(scale) if inplace else input * scale


@_functional
def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero whole channels of (N, C, L) or (C, L) with probability `p` and scale the others by 1 / (1 - p).

    >>> import tritonnn as torch, tritonnn.nn.functional as F
    >>> sorted({len(set(row)) for row in F.dropout1d(torch.ones(1, 8, 3)).squeeze(0).tolist()})
    [1]
    """
    _check("dropout1d", p, input)
    if len(input.shape) not in (2, 3):
        raise fail(
            "dropout1d", f"Expected 2D or 3D input, but received a {len(input.shape)}D input.", input=input
        )
    if len(input.shape) == 3:
        return _features("dropout1d", input, p, training, inplace)
    made = _features("dropout1d", input.unsqueeze(0), p, training, inplace)
    return input if inplace else made.squeeze(0)


def _odd_dimensions(name: str, input: Tensor, wanted: tuple[int, int]) -> None:
    given = len(input.shape)
    if given not in wanted:
        warnings.warn(
            f"{name}: Received a {given}-D input to {name}, which is deprecated and will result in an error in a "
            f"future release; expected {wanted[0]} or {wanted[1]} dimensions.",
            stacklevel=3,
        )


@_functional
def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero whole channels of (N, C, H, W) with probability `p` and scale the others by 1 / (1 - p).

    Three dimensions are taken as (N, C, L), with a warning, as PyTorch does.

    >>> import tritonnn as torch
    >>> import tritonnn.nn.functional as F
    >>> F.dropout2d(torch.ones(1, 2, 1, 2), p=1.0).tolist()
    [[[[0.0, 0.0]], [[0.0, 0.0]]]]
    """
    _check("dropout2d", p, input)
    _odd_dimensions("dropout2d", input, (3, 4))
    if len(input.shape) == 3:
        warnings.warn(
            "dropout2d: Received a 3-D input to dropout2d and assuming that channel-wise 1-D dropout behavior is "
            "desired: input is interpreted as shape (N, C, L). Use dropout1d for that.",
            stacklevel=2,
        )
    return _features("dropout2d", input, p, training, inplace)


@_functional
def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero whole channels of (N, C, D, H, W) or (C, D, H, W) with probability `p`, scale the others by 1 / (1 - p).

    >>> import tritonnn as torch
    >>> import tritonnn.nn.functional as F
    >>> F.dropout3d(torch.ones(1, 1, 1, 1, 2), p=1.0).flatten()
    tensor([0., 0.])
    """
    _check("dropout3d", p, input)
    _odd_dimensions("dropout3d", input, (4, 5))
    if len(input.shape) == 5:
        return _features("dropout3d", input, p, training, inplace)
    made = _features("dropout3d", input.unsqueeze(0), p, training, inplace)
    return input if inplace else made.squeeze(0)


# ---- alpha dropout ----------------------------------------------------------------------------------------


def _affine(input: Tensor, ones: Tensor, p: float, inplace: bool) -> Tensor:
    """Set what is dropped to SELU's limit, then restore mean and variance."""
    if p == 1:
        return input.mul_(0) if inplace else input * 0
    kept = _drop(ones, p)[1].to(input.dtype)
    scale = (_ALPHA**2 * p * (1 - p) + (1 - p)) ** -0.5
    shift = (1 - kept) * (_ALPHA * scale) + (-scale * _ALPHA * p)
    return input.mul_(kept * scale).add_(shift) if inplace else input * (kept * scale) + shift


@_functional
def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Dropout that keeps zero mean and unit variance, for networks with SELU.

    >>> import tritonnn as torch, tritonnn.nn.functional as F
    >>> y = F.alpha_dropout(torch.randn(10000), 0.3, training=True)
    >>> bool(abs(y.mean()) < 0.1 and abs(y.std() - 1) < 0.1)
    True
    """
    _check("alpha_dropout", p, input)
    if not training or p == 0 or not input.numel():
        return input
    return _affine(input, input.new_ones(input.shape), p, inplace)


@_functional
def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """`alpha_dropout` of whole channels of (N, C, ...).

    >>> import tritonnn as torch
    >>> import tritonnn.nn.functional as F
    >>> F.feature_alpha_dropout(torch.ones(2, 3), training=False)
    tensor([[1., 1., 1.],
            [1., 1., 1.]])
    """
    _check("feature_alpha_dropout", p, input)
    if not training or p == 0 or not input.numel():
        return input
    return _affine(input, _channels("feature_alpha_dropout", input), p, inplace)


# ---- names of the torch namespace, with their own argument order --------------------------------------------


def _native_dropout(input: Tensor, p: float, train: bool | None) -> tuple[Tensor, Tensor]:
    """The result of dropout and the mask of the elements kept."""
    _check("native_dropout", p, input)
    if train is False:
        return input.clone(), input.new_ones(input.shape, dtype=dtypes.bool_)
    result, mask = _drop(input, p)
    return result, mask


def _torch_names() -> None:
    names = NAMESPACES["torch"]
    names["native_dropout"] = _native_dropout
    chosen = {
        "dropout": _elements, "feature_dropout": lambda name, input, p, train, inplace: (
            _check(name, p, input), _features(name, input, p, train, inplace))[1],  # type: ignore[func-returns-value]
        "alpha_dropout": lambda name, *args: alpha_dropout(*args),
        "feature_alpha_dropout": lambda name, *args: feature_alpha_dropout(*args),
    }  # fmt: skip
    for name, function in chosen.items():
        for suffix, inplace in (("", False), ("_", True)):
            names[name + suffix] = _named(name + suffix, function, inplace)


def _named(name: str, function: Any, inplace: bool) -> Any:
    def public(input: Tensor, p: float, train: bool) -> Tensor:
        return function(name, input, p, train, inplace)

    public.__name__ = public.__qualname__ = name
    public.__doc__ = (
        f"`nn.functional.{name.rstrip('_')}`{' in place' if inplace else ''}, with p and train required."
    )
    return public


_torch_names()
