"""Comparison, logic, bits, and choosing between elements."""

from __future__ import annotations

from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid, fail
from tritonnn.ops._table import ANY, BOOL, NUMERIC, REAL, Bad, Sample, expose, pointwise
from tritonnn.ops.elementwise import elementwise as ew
from tritonnn.ops.elementwise.arithmetic import misfits, pairs
from tritonnn.ops.elementwise.logic import logical_and, logical_or, ties

Number = Any


# ---- comparison ---------------------------------------------------------------------------------------


def _odd(make: Any) -> list[Sample]:
    if not make.dtype.is_floating_point:
        return ties(make)
    return [*ties(make), Sample(make(3, 4) / make(3, 4).trunc(), make(3, 4) / make(3, 4).trunc())]


@pointwise(BOOL, dtypes=(*ANY, *dtypes.FLOAT8), samples=_odd, errors=misfits)
def eq(input: Tensor | Number, other: Tensor | Number) -> Any:
    """input == other, element by element.

    >>> import tritonnn as torch
    >>> torch.tensor([1, 2]) == torch.tensor([1, 3])
    tensor([ True, False])
    """


@pointwise(BOOL, dtypes=(*ANY, *dtypes.FLOAT8), samples=_odd, errors=misfits, alias=("not_equal",))
def ne(input: Tensor | Number, other: Tensor | Number) -> Any:
    """input != other, element by element.

    >>> import tritonnn as torch
    >>> torch.tensor([1, 2]) != torch.tensor([1, 3])
    tensor([False,  True])
    """


@pointwise(BOOL, dtypes=REAL, samples=_odd, errors=misfits, alias=("less",))
def lt(input: Tensor | Number, other: Tensor | Number) -> Any:
    """input < other, element by element.

    >>> import tritonnn as torch
    >>> torch.tensor([1, 2]) < 2
    tensor([ True, False])
    """


@pointwise(BOOL, dtypes=REAL, samples=_odd, errors=misfits, alias=("less_equal",))
def le(input: Tensor | Number, other: Tensor | Number) -> Any:
    """input <= other, element by element.

    >>> import tritonnn as torch
    >>> torch.tensor([1, 3]) <= 2
    tensor([ True, False])
    """


@pointwise(BOOL, dtypes=REAL, samples=_odd, errors=misfits, alias=("greater",))
def gt(input: Tensor | Number, other: Tensor | Number) -> Any:
    """input > other, element by element.

    >>> import tritonnn as torch
    >>> torch.tensor([1, 3]) > 2
    tensor([False,  True])
    """


@pointwise(BOOL, dtypes=REAL, samples=_odd, errors=misfits, alias=("greater_equal",))
def ge(input: Tensor | Number, other: Tensor | Number) -> Any:
    """input >= other, element by element.

    >>> import tritonnn as torch
    >>> torch.tensor([1, 2]) >= 2
    tensor([False,  True])
    """


@expose("torch tensor")
def isclose(
    input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Tensor:
    """|input - other| <= atol + rtol * |other|, or both the same infinity (or both NaN with `equal_nan`).

    Raises:
        RuntimeError: the dtypes differ, or a tolerance is negative.

    >>> import tritonnn as torch
    >>> torch.isclose(torch.tensor([1., 2.]), torch.tensor([1. + 1e-7, 2.1]))
    tensor([ True, False])
    """
    if input.dtype is not other.dtype:
        raise fail(
            "isclose", f"{input.dtype.name} did not match {other.dtype.name}", input=input, other=other
        )
    if rtol < 0 or atol < 0:
        raise fail(
            "isclose", f"rtol and atol must be greater than or equal to zero, but got {rtol} and {atol}"
        )
    close = eq(input, other)
    if equal_nan and input.dtype.kind >= 2:
        close = logical_or(close, logical_and(ne(input, input), ne(other, other)))
    if rtol == 0 and atol == 0:
        return close
    if input.dtype.kind < 2:
        input, other = input.to(dtypes.float64), other.to(dtypes.float64)
    distance = ew.abs(input - other)
    return logical_or(close, logical_and(ew.isfinite(distance), le(distance, ew.abs(other) * rtol + atol)))


@expose("torch tensor")
def allclose(
    input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> bool:
    """Whether all elements are close; see `isclose`.

    >>> import tritonnn as torch
    >>> torch.allclose(torch.tensor([1.]), torch.tensor([1. + 1e-7]))
    True
    """
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


@expose("torch tensor")
def equal(input: Tensor, other: Tensor) -> bool:
    """Whether both have the same shape and equal elements.

    >>> import tritonnn as torch
    >>> torch.equal(torch.tensor([1, 2]), torch.tensor([1, 2]))
    True
    """
    if input.shape != other.shape:
        return False
    return bool(eq(input, other).all())


# ---- larger and smaller -------------------------------------------------------------------------------


def _shared(g: Tensor, mine: Tensor, theirs: Tensor) -> Tensor:
    """g where mine > theirs, half of it where they are equal (and all of it beside a NaN)."""
    return ew.replaced(ew.choose(mine == theirs, g / 2, g), mine < theirs)


@pointwise(
    dtypes=REAL, samples=lambda make: _odd(make)[:2] + pairs(make), errors=misfits,
    grad={
        "input": lambda g, input, other: _shared(g, input, other),
        "other": lambda g, input, other: _shared(g, other, input),
    },
)  # fmt: skip
def maximum(input: Tensor, other: Tensor) -> Any:
    """The larger of each two elements; NaN where either is. Equal elements share the gradient.

    >>> import tritonnn as torch
    >>> torch.maximum(torch.tensor([1., 5.]), torch.tensor([3., 2.]))
    tensor([3., 5.])
    """


@pointwise(
    dtypes=REAL, samples=lambda make: _odd(make)[:2] + pairs(make), errors=misfits,
    grad={
        "input": lambda g, input, other: _shared(g, -input, -other),
        "other": lambda g, input, other: _shared(g, -other, -input),
    },
)  # fmt: skip
def minimum(input: Tensor, other: Tensor) -> Any:
    """The smaller of each two elements; NaN where either is. Equal elements share the gradient.

    >>> import tritonnn as torch
    >>> torch.minimum(torch.tensor([1., 5.]), torch.tensor([3., 2.]))
    tensor([1., 2.])
    """


@pointwise(
    dtypes=REAL, samples=pairs, errors=misfits,
    grad={
        "input": lambda g, input, other: g * logical_or(input >= other, ew.isnan(other)),
        "other": lambda g, input, other: g * ew.logical_not(logical_or(input >= other, ew.isnan(other))),
    },
)  # fmt: skip
def fmax(input: Tensor, other: Tensor) -> Any:
    """The larger of each two elements; where one is NaN, the other.

    >>> import tritonnn as torch
    >>> torch.fmax(torch.tensor([1., float('nan')]), torch.tensor([3., 2.]))
    tensor([3., 2.])
    """


@pointwise(
    dtypes=REAL, samples=pairs, errors=misfits,
    grad={
        "input": lambda g, input, other: g * logical_or(input <= other, ew.isnan(other)),
        "other": lambda g, input, other: g * ew.logical_not(logical_or(input <= other, ew.isnan(other))),
    },
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


def _inside(g: Tensor, input: Tensor, min: Any, max: Any) -> Tensor:
    if min is None:
        outside = gt(input, max)
    elif max is None:
        outside = lt(input, min)
    else:
        outside = logical_or(lt(input, min), gt(input, max))
    return ew.replaced(g, outside)


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
)  # fmt: skip
def clamp(input: Tensor, min: Tensor | Number | None = None, max: Tensor | Number | None = None) -> Any:
    """min(max(input, min), max); either bound may be left out.

    >>> import tritonnn as torch
    >>> torch.clamp(torch.tensor([-2., 0.5, 2.]), -1, 1)
    tensor([-1.0000,  0.5000,  1.0000])
    """


def _one_bound(name: str, low: bool) -> None:
    def bounded(input: Tensor, bound: Tensor | Number, *, out: Tensor | None = None) -> Tensor:
        return clamp(input, bound, None, out=out) if low else clamp(input, None, bound, out=out)

    def bounded_(input: Tensor, bound: Tensor | Number) -> Tensor:
        return input.clamp_(bound, None) if low else input.clamp_(None, bound)

    bounded.__name__ = bounded.__qualname__ = name
    bounded_.__name__ = bounded_.__qualname__ = name + "_"
    bounded.__doc__ = f"`clamp` with only a{' lower' if low else 'n upper'} bound."
    bounded_.__doc__ = f"In-place version of `{name}`."
    expose("torch tensor")(bounded)
    expose("torch tensor")(bounded_)


_one_bound("clamp_min", True)
_one_bound("clamp_max", False)


def _same_type(input: Any, values: Any) -> None:
    if isinstance(values, Tensor) and input.dtype is not values.dtype:
        raise Invalid("heaviside is not yet implemented for tensors with different dtypes.")


@pointwise(
    dtypes=REAL, samples=lambda make: [*ties(make)[:2]], check=_same_type,
    errors=lambda make: [Bad(make(2), make.int(2), match="different dtypes")],
)  # fmt: skip
def heaviside(input: Tensor, values: Tensor) -> Any:
    """0 below zero, 1 above, `values` at zero.

    >>> import tritonnn as torch
    >>> torch.heaviside(torch.tensor([-1., 0., 2.]), torch.tensor([0.5]))
    tensor([0.0000, 0.5000, 1.0000])
    """


# ---- where --------------------------------------------------------------------------------------------


@expose("torch")
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


Tensor.where = _where_method  # type: ignore[attr-defined]
