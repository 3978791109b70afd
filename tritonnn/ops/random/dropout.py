"""Dropout of elements and of whole channels (Srivastava et al. 2014; Klambauer et al. 2017 for the alpha form).

The mask is a pure function of the generator's seed and place, so every device drops the same elements.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn._levels import HOOKS, batching
from tritonnn._levels import state as transforms
from tritonnn._tensor import Tensor
from tritonnn.errors import fail, warn
from tritonnn.memory_format import strides_as
from tritonnn.ops._table import FLOATING, Bad, Out, Sample, composite, expose, primitive
from tritonnn.ops.creation.creation import ones_like
from tritonnn.random import generator_for
from tritonnn.table import Make

_ALPHA = -1.7580993408473766  # what SELU tends to for very negative inputs


@primitive(
    dtypes=FLOATING, results=("result", "mask"), non_differentiable=("mask",),
    grad={"input": lambda g, mask, p: g * mask * (0.0 if p == 1 else 1.0 / (1.0 - p))},
)  # fmt: skip
def native_dropout(input: Tensor, p: float, seed: int, offset: int) -> Any:
    """`input` with elements zeroed with probability p and the others scaled by 1 / (1 - p), and which were kept."""
    strides = strides_as(input)
    return Out(input.shape, input.dtype, strides=strides), Out(input.shape, dtypes.bool_, strides=strides)


def _without_chance(*shapes: tuple[int, ...]) -> Any:
    """Calls whose result no draw decides: everything is kept, or nothing."""

    def samples(make: Make) -> list[Sample]:
        calls = [Sample(make(shape), 0.4, False) for shape in shapes]
        return [*calls, Sample(make(shapes[0]), 0.0, True), Sample(make(shapes[-1]), 1.0, True)]

    return samples


def _refused(make: Make, kind: type[Exception] = ValueError) -> list[Bad]:
    x = make(2, 3, 4)
    return [
        Bad(x, 1.5, True, error=kind, match="between 0 and 1, but got 1.5"),
        Bad(x, -0.1, False, error=kind, match="between 0 and 1, but got -0.1"),
        Bad("a", 0.5, True, error=TypeError, match="'input' .* must be Tensor, not str"),
    ]


def _refused_by_torch(make: Make) -> list[Bad]:
    return _refused(make, RuntimeError)


def _all_or_nothing(input: Any, p: float, training: bool) -> Any:
    return input * (0 if training and p == 1 else 1)


def _options(name: str, api: str, *shapes: tuple[int, ...], **more: Any) -> dict[str, Any]:
    # Not of the family "random", whose ops the generated tests leave out.
    chosen = {"samples": _without_chance(*shapes), "errors": _refused, "reference": _all_or_nothing, **more}
    return dict(name=name, public=name.removeprefix("functional_"), api=api, **chosen)


def _and_ranks(*bad: tuple[int, ...], match: str, refused: Any = _refused) -> Any:
    return lambda make: [*refused(make), *[Bad(make(shape), 0.5, True, match=match) for shape in bad]]


def _check(name: str, p: float, input: Tensor, kind: type[Exception] = ValueError) -> None:
    if not isinstance(input, Tensor):
        raise TypeError(f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    if not 0 <= p <= 1:
        message = f"dropout probability has to be between 0 and 1, but got {p}"
        raise fail(name, message, kind=kind if p == p else RuntimeError, input=input)  # as PyTorch, of NaN


def _drop(input: Tensor, p: float) -> tuple[Tensor, Tensor]:
    """Dropout of one element at a time, and the mask of those kept."""
    if not input.dtype.is_floating_point:
        raise fail("dropout", f"expected a floating tensor, got {input.dtype.name}", input=input)
    times = 1
    if transforms.stack and batching() and p != 1:  # then nothing is left to chance
        input, times = HOOKS["unsure"](input)
    place = generator_for(input.device).reserve(input.numel() * times)
    return native_dropout(input, float(p), *place)


def _elements(name: str, input: Tensor, p: float, training: bool, inplace: bool) -> Tensor:
    _check(name, p, input)
    if not training or p == 0 or not input.numel():
        return input
    if inplace:
        return input.mul_(_drop(input.new_ones(input.shape), p)[0])
    return _drop(input, p)[0]


@composite(**_options("functional_dropout", "functional", (3, 4), (2, 3, 4)))
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


@composite(
    **_options(
        "functional_dropout1d",
        "functional",
        (2, 3, 4),
        (3, 4),
        errors=_and_ranks((4,), (1, 2, 3, 4), match="Expected 2D or 3D input"),
    )
)
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
    dropped = _features("dropout1d", input.unsqueeze(0), p, training, inplace)
    return input if inplace else dropped.squeeze(0)


def _odd_dimensions(name: str, input: Tensor, wanted: tuple[int, int]) -> None:
    given = len(input.shape)
    if given not in wanted:
        warn(
            f"{name}: Received a {given}-D input to {name}, which is deprecated and will result in an error in a "
            f"future release; expected {wanted[0]} or {wanted[1]} dimensions."
        )


@composite(**_options("functional_dropout2d", "functional", (2, 3, 4, 5)))
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
        warn(
            "dropout2d: Received a 3-D input to dropout2d and assuming that channel-wise 1-D dropout behavior is "
            "desired: input is interpreted as shape (N, C, L). Use dropout1d for that."
        )
    return _features("dropout2d", input, p, training, inplace)


@composite(**_options("functional_dropout3d", "functional", (2, 3, 4, 2, 2), (3, 4, 2, 2)))
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
    dropped = _features("dropout3d", input.unsqueeze(0), p, training, inplace)
    return input if inplace else dropped.squeeze(0)


# ---- alpha dropout ----------------------------------------------------------------------------------------


def _affine(input: Tensor, ones: Tensor, p: float, inplace: bool) -> Tensor:
    """Set what is dropped to SELU's limit, then restore mean and variance."""
    if p == 1:
        return input.mul_(0) if inplace else input * 0
    kept = _drop(ones, p)[1].to(input.dtype)
    scale = (_ALPHA**2 * p * (1 - p) + (1 - p)) ** -0.5
    shift = (1 - kept) * (_ALPHA * scale) + (-scale * _ALPHA * p)
    return input.mul_(kept * scale).add_(shift) if inplace else input * (kept * scale) + shift


@composite(**_options("functional_alpha_dropout", "functional", (3, 4), (5,)))
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


@composite(
    **_options(
        "functional_feature_alpha_dropout",
        "functional",
        (3, 4),
        (2, 3, 4),
        errors=_and_ranks((4,), match="at least 2 dimensions"),
    )
)
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


@composite(
    name="public_native_dropout", public="native_dropout", api="torch", errors=_refused_by_torch,
    samples=_without_chance((3, 4)),
    reference=lambda input, p, train: (_all_or_nothing(input, p, train), np.full(input.shape, p < 1 or not train)),
)  # fmt: skip
def _native_dropout(input: Tensor, p: float, train: bool | None) -> tuple[Tensor, Tensor]:
    """The result of dropout and the mask of the elements kept.

    >>> import tritonnn as torch
    >>> result, kept = torch.native_dropout(torch.ones(2), 0.0, True)
    >>> result, kept
    (tensor([1., 1.]), tensor([True, True]))
    """
    _check("native_dropout", p, input, RuntimeError)
    if train is False:
        return input.clone(), ones_like(input, dtype=dtypes.bool_)
    result, mask = _drop(input, p)
    return result, mask


def _torch_names() -> None:
    chosen = {
        "dropout": _elements, "feature_dropout": _features,
        "alpha_dropout": lambda name, *args: alpha_dropout(*args),
        "feature_alpha_dropout": lambda name, *args: feature_alpha_dropout(*args),
    }  # fmt: skip
    for name, function in chosen.items():
        options = _options(
            name, "torch", (2, 3), (2, 3, 4), reference=_torch_reference, errors=_refused_by_torch
        )
        if "feature" in name:
            options["errors"] = _and_ranks((4,), match="at least 2 dimensions", refused=_refused_by_torch)
        entry = composite(**options)(_named(name, function, False))
        in_place = _named(name + "_", function, True)
        in_place.__module__ = entry.__module__
        expose("torch", of=entry)(in_place)


def _torch_reference(input: Any, p: float, train: bool) -> Any:
    return _all_or_nothing(input, p, train)


def _named(name: str, function: Any, inplace: bool) -> Any:
    def public(input: Tensor, p: float, train: bool) -> Tensor:
        _check(name, p, input, RuntimeError)
        return function(name, input, p, train, inplace)

    public.__name__ = public.__qualname__ = name
    public.__doc__ = (
        f"`nn.functional.{name.rstrip('_')}`{' in place' if inplace else ''}, with p and train required.\n\n"
        f">>> import tritonnn as torch\n>>> torch.{name}(torch.ones(1, 2), 0.5, False)\ntensor([[1., 1.]])"
    )
    return public


_torch_names()
