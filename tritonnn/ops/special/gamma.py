"""The regularised incomplete gamma functions."""

from __future__ import annotations

from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.ops._definitions import special as define
from tritonnn.ops._table import FLOATING, NAMESPACES, PROMOTE, Bad, Sample, pointwise
from tritonnn.ops.elementwise.elementwise import exp, log
from tritonnn.ops.elementwise.special import lgamma
from tritonnn.table import Make


def _slope(g: Tensor, input: Tensor, other: Tensor) -> Tensor:
    """Of the lower one by its second argument."""
    return g * exp((input - 1) * log(other) - other - lgamma(input))


def _none(g: Tensor) -> Tensor:
    raise NotImplementedError("the derivative for 'igamma: input' is not implemented.")


def _none_of_upper(g: Tensor) -> Tensor:
    raise NotImplementedError("the derivative for 'igammac: input' is not implemented.")


def _samples(make: Make) -> list[Sample]:
    shapes = [((3, 5), (3, 5)), ((4, 1), (3,)), ((), (2,))]
    return [Sample(make(*a, low=0.3, high=6), make(*b, low=0.2, high=6)).constant("input") for a, b in shapes]


def _errors(make: Make) -> list[Bad]:
    return [
        Bad("a", make(2), error=TypeError, match="must be Tensor, not str"),
        Bad(make(2), 1.0, error=TypeError, match="must be Tensor, not float"),
        Bad(make(3), make(2), match="must match the size"),
        Bad(make.int(2), make.int(2), error=NotImplementedError, match="not implemented for"),
        Bad(make(2, dtype=dtypes.complex64), make(2), error=NotImplementedError, match="not implemented for"),
    ]


_OPTIONS: dict[str, Any] = {"dtypes": FLOATING, "samples": _samples, "errors": _errors}


@pointwise(PROMOTE, reference=define.igamma, grad={"input": _none, "other": _slope}, **_OPTIONS)
def igamma(input: Tensor, other: Tensor) -> Any:
    """Lower regularised incomplete gamma function: the integral of t^(a - 1) exp(-t) from 0 to x, over Gamma(a).

    Args:
        input: a; there is no derivative by it.
        other: x.

    >>> import tritonnn as torch
    >>> torch.igamma(torch.tensor([1., 2.]), torch.tensor([1., 1.]))
    tensor([0.6321, 0.2642])
    """


@pointwise(
    PROMOTE, reference=lambda input, other: 1 - define.igamma(input, other),
    grad={"input": _none_of_upper, "other": lambda g, input, other: -_slope(g, input, other)}, **_OPTIONS,
)  # fmt: skip
def igammac(input: Tensor, other: Tensor) -> Any:
    """Upper regularised incomplete gamma function: the integral of t^(a - 1) exp(-t) from x on, over Gamma(a).

    Args:
        input: a; there is no derivative by it.
        other: x.

    >>> import tritonnn as torch
    >>> torch.igammac(torch.tensor([1., 2.]), torch.tensor([1., 1.]))
    tensor([0.3679, 0.7358])
    """


NAMESPACES["special"].update(gammainc=igamma, gammaincc=igammac)
