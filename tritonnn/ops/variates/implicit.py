"""Derivatives of gamma and Dirichlet variates with respect to their parameters, with PyTorch's private names."""

from __future__ import annotations

from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid
from tritonnn.ops._definitions import variates as define
from tritonnn.ops._table import FLOAT, FLOATING, Bad, Sample, pointwise
from tritonnn.table import Make


def _same(*names: str) -> Any:
    def check(*tensors: Tensor) -> None:
        for name, tensor in zip(names, tensors, strict=True):
            if not tensor.dtype.is_floating_point:
                raise Invalid(
                    f"not implemented for {tensor.dtype.name}: {name} must be floating",
                    kind=NotImplementedError,
                )
            if tensor.dtype is not tensors[0].dtype:
                raise Invalid(
                    f"expected {name} to have the dtype of {names[0]}, {tensors[0].dtype.name}, "
                    f"but it has {tensor.dtype.name}"
                )

    return check


def _gamma_samples(make: Make) -> list[Sample]:
    return [
        Sample(make(3, 4, low=0.1, high=5), make(4, low=0.1, high=5)),
        Sample(make(5, low=20, high=60), make(5, low=20, high=60)),
        Sample(make((), positive=True), make((), positive=True)),
    ]


@pointwise(
    FLOAT, api="torch", public="_standard_gamma_grad", inplace=False, dtypes=FLOATING, samples=_gamma_samples,
    check=_same("self", "output"), order=lambda self, output: (), reference=define.standard_gamma_grad,
    errors=lambda make: [
        Bad(make(2, positive=True), make(3, positive=True), match="must match the size"),
        Bad(make.int(2), make.int(2), error=NotImplementedError, match="not implemented for int64"),
        Bad(3, make(2), error=TypeError, match="must be Tensor, not int"),
    ],
)  # fmt: skip
def standard_gamma_grad(self: Tensor, output: Tensor) -> Any:
    """How a variate `output` of the gamma distribution of concentration `self` and rate 1 moves with `self`.

    -(dP/da) / p at it, P being the distribution function and p the density: "Implicit reparameterization gradients",
    M. Figurnov, S. Mohamed and A. Mnih, 2018.

    >>> import tritonnn as torch
    >>> torch._standard_gamma_grad(torch.tensor([2.]), torch.tensor([1.3]))
    tensor([0.8677])
    """


def _dirichlet_samples(make: Make) -> list[Sample]:
    return [
        Sample(make(3, 4, low=0.1, high=0.9), make(4, low=0.1, high=5), make(3, 1, low=6, high=9)),
        Sample(make(5, low=0.3, high=0.7), make(5, low=10, high=20), make(5, low=25, high=40)),
        Sample(make((), low=0.1, high=0.9), make((), low=0.5, high=2), make((), low=3, high=4)),
    ]


@pointwise(
    FLOAT, api="torch", public="_dirichlet_grad", inplace=False, dtypes=FLOATING, samples=_dirichlet_samples,
    check=_same("x", "alpha", "total"), order=lambda x, alpha, total: (), reference=define.dirichlet_grad,
    errors=lambda make: [
        Bad(make(2, positive=True), make(3, positive=True), make(2, positive=True), match="must match the size"),
        Bad(make.int(2), make.int(2), make.int(2), error=NotImplementedError, match="not implemented for int64"),
        Bad(3, make(2), make(2), error=TypeError, match="must be Tensor, not int"),
    ],
)  # fmt: skip
def dirichlet_grad(x: Tensor, alpha: Tensor, total: Tensor) -> Any:
    """How an element x of a Dirichlet variate moves with its concentration, over 1 - x.

    -(dF/da) / (f (1 - x)) for the distribution function F and the density f of Beta(alpha, total - alpha), which x
    has: the gradient of a loss is then this times what is left of its gradient without its mean under x.

    >>> import tritonnn as torch
    >>> torch._dirichlet_grad(torch.tensor([0.3]), torch.tensor([2.]), torch.tensor([5.]))
    tensor([0.1993])
    """
