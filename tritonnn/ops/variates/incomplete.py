"""The incomplete gamma functions, the distribution function of gamma variates and what is left of it to 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid
from tritonnn.ops._definitions import variates as define
from tritonnn.ops._table import FLOATING, NAMESPACES, Bad, Sample, pointwise
from tritonnn.ops.elementwise.elementwise import exp, log
from tritonnn.ops.elementwise.special import lgamma
from tritonnn.table import Make


def _density(input: Tensor, other: Tensor) -> Tensor:
    return exp((input - 1) * log(other) - other - lgamma(input))


def _check(input: Tensor, other: Tensor) -> None:
    if not (input.dtype.is_floating_point or other.dtype.is_floating_point):
        raise Invalid(
            f"not implemented for {input.dtype.name}", kind=NotImplementedError, hint="input.float()"
        )


def _samples(make: Make) -> list[Sample]:
    calls = [
        Sample(make(3, 4, low=0.2, high=9), make(4, low=0.2, high=9)),
        Sample(make(5, low=20, high=40), make(5, low=20, high=40)),
        Sample(make((), positive=True), make((), positive=True)),
    ]
    # there is no derivative with respect to the first
    return [call.constant("input") for call in calls]


def _errors(make: Make) -> list[Bad]:
    return [
        Bad(make(2, positive=True), make(3, positive=True), match="must match the size"),
        Bad(make.int(2), make.int(2), error=NotImplementedError, match="not implemented for int64"),
        Bad(make(2, dtype=dtypes.complex128), make(2), error=NotImplementedError, match="for complex128"),
        Bad(make(2), 3, error=TypeError, match="must be Tensor, not int"),
    ]


def _options(reference: Callable[..., Any]) -> dict[str, Any]:
    return dict(
        api="torch tensor",
        dtypes=FLOATING,
        check=_check,
        samples=_samples,
        errors=_errors,
        reference=reference,
    )


@pointwise(**_options(define.igamma), grad={"other": lambda g, input, other: g * _density(input, other)})
def igamma(input: Tensor, other: Tensor) -> Any:
    """P(a, x): the integral of t^(a - 1) exp(-t) from 0 to x = `other`, over Gamma(a), a = `input`.

    >>> import tritonnn as torch
    >>> torch.igamma(torch.tensor([1., 2.]), torch.tensor([1., 2.]))
    tensor([0.6321, 0.5940])
    """


@pointwise(**_options(define.igammac), grad={"other": lambda g, input, other: -g * _density(input, other)})
def igammac(input: Tensor, other: Tensor) -> Any:
    """Q(a, x) = 1 - P(a, x), accurate where it is small.

    >>> import tritonnn as torch
    >>> torch.igammac(torch.tensor([1., 2.]), torch.tensor([1., 2.]))
    tensor([0.3679, 0.4060])
    """


NAMESPACES["special"].update(gammainc=igamma, gammaincc=igammac)
