"""Comparison, logic, bits, and choosing between elements."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid, fail
from tritonnn.ops._numbers import hold
from tritonnn.ops._table import (
    ANY,
    BOOL,
    NUMERIC,
    REAL,
    Bad,
    Sample,
    attach,
    composite,
    expose,
    named,
    pointwise,
)
from tritonnn.ops.elementwise import elementwise as ew
from tritonnn.ops.elementwise.arithmetic import misfits, pairs, with_number
from tritonnn.ops.elementwise.logic import logical_and, logical_or, ties
from tritonnn.table import Make
from tritonnn.table.types import Number

# ---- comparison ---------------------------------------------------------------------------------------


def _odd(make: Make) -> list[Sample]:
    if not make.dtype.is_floating_point:
        return ties(make)
    return [*ties(make), Sample(make(3, 4) / make(3, 4).trunc(), make(3, 4) / make(3, 4).trunc())]


@pointwise(BOOL, dtypes=(*ANY, *dtypes.FLOAT8), samples=_odd, errors=misfits, reference=np.equal)
def eq(input: Tensor, other: Tensor | Number) -> Any:
    """input == other, element by element.

    >>> import tritonnn as torch
    >>> torch.tensor([1, 2]) == torch.tensor([1, 3])
    tensor([ True, False])
    """


@pointwise(
    BOOL,
    dtypes=(*ANY, *dtypes.FLOAT8),
    samples=_odd,
    errors=misfits,
    alias=("not_equal",),
    reference=np.not_equal,
)
def ne(input: Tensor, other: Tensor | Number) -> Any:
    """input != other, element by element.

    >>> import tritonnn as torch
    >>> torch.tensor([1, 2]) != torch.tensor([1, 3])
    tensor([False,  True])
    """


@pointwise(BOOL, dtypes=REAL, samples=_odd, errors=misfits, alias=("less",), reference=np.less)
def lt(input: Tensor, other: Tensor | Number) -> Any:
    """input < other, element by element.

    >>> import tritonnn as torch
    >>> torch.tensor([1, 2]) < 2
    tensor([ True, False])
    """


@pointwise(BOOL, dtypes=REAL, samples=_odd, errors=misfits, alias=("less_equal",), reference=np.less_equal)
def le(input: Tensor, other: Tensor | Number) -> Any:
    """input <= other, element by element.

    >>> import tritonnn as torch
    >>> torch.tensor([1, 3]) <= 2
    tensor([ True, False])
    """


@pointwise(BOOL, dtypes=REAL, samples=_odd, errors=misfits, alias=("greater",), reference=np.greater)
def gt(input: Tensor, other: Tensor | Number) -> Any:
    """input > other, element by element.

    >>> import tritonnn as torch
    >>> torch.tensor([1, 3]) > 2
    tensor([False,  True])
    """


@pointwise(
    BOOL, dtypes=REAL, samples=_odd, errors=misfits, alias=("greater_equal",), reference=np.greater_equal
)
def ge(input: Tensor, other: Tensor | Number) -> Any:
    """input >= other, element by element.

    >>> import tritonnn as torch
    >>> torch.tensor([1, 2]) >= 2
    tensor([False,  True])
    """


# ---- larger and smaller -------------------------------------------------------------------------------


def _shared(g: Tensor, mine: Tensor, theirs: Tensor, smallest: bool = False) -> Tensor:
    """g where mine is the larger (or the smaller) one, half of it where they are equal, all of it beside a NaN."""
    beaten = mine > theirs if smallest else mine < theirs
    return ew.replaced(ew.choose(mine == theirs, g / 2, g), beaten)


@pointwise(
    inplace=False, dtypes=REAL, samples=lambda make: _odd(make)[:2] + pairs(make), errors=misfits,
    grad={
        "input": lambda g, input, other: _shared(g, input, other),
        "other": lambda g, input, other: _shared(g, other, input),
    },
    reference=np.maximum,
)  # fmt: skip
def maximum(input: Tensor, other: Tensor) -> Any:
    """The larger of each two elements; NaN where either is. Equal elements share the gradient.

    >>> import tritonnn as torch
    >>> torch.maximum(torch.tensor([1., 5.]), torch.tensor([3., 2.]))
    tensor([3., 5.])
    """


@pointwise(
    inplace=False, dtypes=REAL, samples=lambda make: _odd(make)[:2] + pairs(make), errors=misfits,
    grad={
        "input": lambda g, input, other: _shared(g, input, other, smallest=True),
        "other": lambda g, input, other: _shared(g, other, input, smallest=True),
    },
    reference=np.minimum,
)  # fmt: skip
def minimum(input: Tensor, other: Tensor) -> Any:
    """The smaller of each two elements; NaN where either is. Equal elements share the gradient.

    >>> import tritonnn as torch
    >>> torch.minimum(torch.tensor([1., 5.]), torch.tensor([3., 2.]))
    tensor([1., 2.])
    """


@pointwise(
    inplace=False, dtypes=REAL, samples=pairs, errors=misfits,
    grad={
        "input": lambda g, input, other: g * logical_or(input >= other, ew.isnan(other)),
        "other": lambda g, input, other: g * ew.logical_not(logical_or(input >= other, ew.isnan(other))),
    },
    reference=np.fmax,
)  # fmt: skip
def fmax(input: Tensor, other: Tensor) -> Any:
    """The larger of each two elements; where one is NaN, the other.

    >>> import tritonnn as torch
    >>> torch.fmax(torch.tensor([1., float('nan')]), torch.tensor([3., 2.]))
    tensor([3., 2.])
    """


@pointwise(
    inplace=False, dtypes=REAL, samples=pairs, errors=misfits,
    grad={
        "input": lambda g, input, other: g * logical_or(input <= other, ew.isnan(other)),
        "other": lambda g, input, other: g * ew.logical_not(logical_or(input <= other, ew.isnan(other))),
    },
    reference=np.fmin,
)  # fmt: skip
def fmin(input: Tensor, other: Tensor) -> Any:
    """The smaller of each two elements; where one is NaN, the other.

    >>> import tritonnn as torch
    >>> torch.fmin(torch.tensor([1., float('nan')]), torch.tensor([3., 2.]))
    tensor([1., 2.])
    """


def _check_bounds(input: Tensor, min: Any, max: Any) -> None:
    if min is None and max is None:
        raise Invalid("At least one of 'min' or 'max' must not be None")
    hold((min, max), input, min, max)


def _inside(g: Tensor, input: Tensor, min: Any, max: Any) -> Tensor:
    if min is None:
        inside = le(input, max)
    elif max is None:
        inside = ge(input, min)
    else:
        inside = logical_and(ge(input, min), le(input, max))
    return ew.choose(inside, g, 0.0)


def _below(g: Tensor, input: Tensor, min: Tensor, max: Any) -> Tensor:
    below = lt(input, min)
    return g * (below if max is None else logical_and(below, lt(min, max)))


def _above(g: Tensor, input: Tensor, min: Any, max: Tensor) -> Tensor:
    above = gt(input, max)
    return g * (above if min is None else logical_or(above, gt(min, max)))


@pointwise(
    dtypes=NUMERIC, alias=("clip",), check=_check_bounds,
    grad={
        "input": lambda g, input, min, max: _inside(g, input, min, max),
        "min": lambda g, input, min, max: _below(g, input, min, max),
        "max": lambda g, input, min, max: _above(g, input, min, max),
    },
    samples=lambda make: [
        Sample(make(3, 4), 0, 1), Sample(make(3, 4), 1), Sample(make(3, 4), max=1),
        Sample(make(3, 4), make(3, 1, low=0, high=1), make(4, low=1, high=2)), Sample(make(3, 4), make(3, 4)),
    ],
    errors=lambda make: [Bad(make(3), match="At least one of 'min' or 'max' must not be None")],
    reference=lambda input, min, max: np.clip(input, min, max),
)  # fmt: skip
def clamp(input: Tensor, min: Tensor | Number | None = None, max: Tensor | Number | None = None) -> Any:
    """min(max(input, min), max); either bound may be left out.

    >>> import tritonnn as torch
    >>> torch.clamp(torch.tensor([-2., 0.5, 2.]), -1, 1)
    tensor([-1.0000,  0.5000,  1.0000])
    """


def _bound_errors(make: Make) -> list[Bad]:
    return [
        Bad(make(2), "a", error=TypeError, match="must be Tensor or Number, not str"),
        Bad(make(2), None, error=TypeError, match="must be Tensor or Number, not NoneType"),
        Bad(make(2), make(3), match="must match the size"),
        Bad(make(2, dtype=dtypes.complex64), 1, error=NotImplementedError, match="not implemented for"),
    ]


def _both_bool(input: Tensor, bound: Any) -> bool:
    """Whether it is a bound of truth values that is a tensor; a bool is none to PyTorch."""
    return isinstance(bound, Tensor) and input.dtype is bound.dtype is dtypes.bool_


_BOUND: Any = dict(api="torch tensor", dtypes=NUMERIC, samples=with_number, errors=_bound_errors)


@composite(**_BOUND, reference=lambda input, min: np.maximum(input, min))
def clamp_min(input: Tensor, min: Tensor | Number, *, out: Tensor | None = None) -> Tensor:
    """`clamp` with only a lower bound.

    >>> import tritonnn as torch
    >>> torch.clamp_min(torch.tensor([1, 5]), 3)
    tensor([3, 5])
    """
    if _both_bool(input, min):
        return maximum(input, min, out=out)
    return clamp(input, _given("clamp_min", "min", min), None, out=out)


@composite(**_BOUND, reference=lambda input, max: np.minimum(input, max))
def clamp_max(input: Tensor, max: Tensor | Number, *, out: Tensor | None = None) -> Tensor:
    """`clamp` with only an upper bound.

    >>> import tritonnn as torch
    >>> torch.clamp_max(torch.tensor([1, 5]), 3)
    tensor([1, 3])
    """
    if _both_bool(input, max):
        return minimum(input, max, out=out)
    return clamp(input, None, _given("clamp_max", "max", max), out=out)


@expose("torch tensor", of=clamp_min)
def clamp_min_(input: Tensor, min: Tensor | Number) -> Tensor:
    """In-place version of `clamp_min`.

    >>> import tritonnn as torch
    >>> torch.tensor([1, 5]).clamp_min_(3)
    tensor([3, 5])
    """
    if _both_bool(input, min):
        return input.logical_or_(cast(Tensor, min))
    return input.clamp_(_given("clamp_min_", "min", min), None)


@expose("torch tensor", of=clamp_max)
def clamp_max_(input: Tensor, max: Tensor | Number) -> Tensor:
    """In-place version of `clamp_max`.

    >>> import tritonnn as torch
    >>> torch.tensor([1, 5]).clamp_max_(3)
    tensor([1, 3])
    """
    if _both_bool(input, max):
        return input.logical_and_(cast(Tensor, max))
    return input.clamp_(None, _given("clamp_max_", "max", max))


def _given(op: str, name: str, bound: Any) -> Any:
    if bound is None:
        raise TypeError(f"{op}(): argument '{name}' must be Tensor or Number, not NoneType")
    return bound


def _same_type(input: Any, values: Any) -> None:
    if isinstance(values, Tensor) and input.dtype is not values.dtype:
        raise Invalid("heaviside is not yet implemented for tensors with different dtypes.")


@pointwise(
    dtypes=REAL, samples=lambda make: [*ties(make)[:2]], check=_same_type,
    errors=lambda make: [Bad(make(2), make.int(2), match="different dtypes")],
    reference=np.heaviside,
)  # fmt: skip
def heaviside(input: Tensor, values: Tensor) -> Any:
    """0 below zero, 1 above, `values` at zero.

    >>> import tritonnn as torch
    >>> torch.heaviside(torch.tensor([-1., 0., 2.]), torch.tensor([0.5]))
    tensor([0.0000, 0.5000, 1.0000])
    """


# ---- where --------------------------------------------------------------------------------------------


@composite(
    name="public_where", public="where", api="torch", dtypes=ANY,
    samples=lambda make: [
        Sample(make.bool(3, 4), make(3, 4), make(4)), Sample(make.bool(3, 1), make(3, 4), 1),
        Sample(make.bool(3), 1, make(2, 1)), Sample(make.bool(3, 4)),
    ],
    errors=lambda make: [
        Bad(make(2), make(2), 1, match="expected condition to be a boolean tensor"),
        Bad("a", make(2), 1, error=TypeError, match="'condition' .*must be Tensor, not str"),
        Bad(make.bool(2), make(3), 1, match="must match the size"),
        Bad(make.bool(2), make(2), error=TypeError, match="'other' .* must be Tensor or Number, not NoneType"),
        Bad(make.bool(2), "a", make(2), error=TypeError, match="'input' .* must be Tensor or Number, not str"),
    ],
    reference=lambda condition, input, other: np.nonzero(condition) if input is None else np.where(
        condition, input, other),
)  # fmt: skip
def where(
    condition: Tensor,
    input: Tensor | Number | None = None,
    other: Tensor | Number | None = None,
    *,
    out: Tensor | None = None,
) -> Any:
    """`input` where the condition holds, `other` elsewhere; with the condition alone, its nonzero indices.

    Raises:
        RuntimeError: the condition is not a bool tensor.

    >>> import tritonnn as torch
    >>> x = torch.tensor([-1., 2.])
    >>> torch.where(x > 0, x, 0.)
    tensor([0., 2.])
    """
    if input is None and other is None:
        return condition.nonzero(as_tuple=True)
    if condition.dtype is not dtypes.bool_:
        condition = _as_condition(condition)
    try:
        hold((input, other), input, other, strict=False)
    except Invalid as invalid:
        raise fail("where", str(invalid), kind=invalid.kind, condition=condition) from None
    return ew.choose(condition, input, other, out=out)


def _as_condition(condition: Tensor) -> Tensor:
    if condition.dtype is not dtypes.uint8:
        raise fail(
            "where",
            f"expected condition to be a boolean tensor, but got a tensor with dtype {condition.dtype.name}",
            condition=condition,
        )
    import warnings

    warnings.warn(
        "where received a uint8 condition tensor. This behavior is deprecated. Use a boolean condition instead."
    )
    return condition != 0


def _where_method(self: Tensor, condition: Tensor, other: Tensor | Number) -> Tensor:
    """`where(condition, self, other)`."""
    return where(condition, self, other)


attach(where=named("where", _where_method))
