"""Adadelta."""

from __future__ import annotations

from typing import ClassVar

from tritonnn._tensor import Tensor
from tritonnn.optim._elementwise import Array, ElementwiseOptimizer, Number, require
from tritonnn.optim._forms import functional
from tritonnn.optim.optimizer import ParamsT

__all__ = ["Adadelta", "adadelta"]


def adadelta_formula(
    p: Array, g: Array, square_avg: Array, acc_delta: Array, *, lr: Number, rho: Number, eps: Number,
) -> tuple[Array, ...]:  # fmt: skip
    square_avg = square_avg * rho + g * g * (1 - rho)
    delta = (acc_delta + eps).sqrt() / (square_avg + eps).sqrt() * g
    return p - delta * lr, square_avg, acc_delta * rho + delta * delta * (1 - rho)


class Adadelta(ElementwiseOptimizer):
    r"""Scales each element's gradient by the ratio of its recent steps to its recent gradients.

    With running means of squares :math:`v_t = \rho v_{t-1} + (1-\rho) g_t^2` and
    :math:`u_t = \rho u_{t-1} + (1-\rho) \Delta_t^2`:
    :math:`\Delta_t = \sqrt{u_{t-1} + eps} / \sqrt{v_t + eps} \cdot g_t` and :math:`p_t = p_{t-1} -
    lr\,\Delta_t`.
    Source: Zeiler, "ADADELTA: An Adaptive Learning Rate Method", arXiv:1212.5701.

    Args:
        params: parameters, named parameters, or dicts of parameter groups.
        lr: factor of the step.
        rho: decay of the running means, between 0 and 1.
        eps: added under both roots.
        weight_decay: factor of the L2 penalty.
        {shared}

    Raises:
        ValueError: ``lr``, ``eps`` or ``weight_decay`` is negative, or ``rho`` not between 0 and 1.

    Example:
        >>> import tritonnn as torch
        >>> w = torch.tensor([1.0], requires_grad=True)
        >>> opt = torch.optim.Adadelta([w])
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> round(w.item(), 4)
        0.9968
    """

    _formula = staticmethod(adadelta_formula)
    _state: ClassVar[dict[str, float | str]] = {"square_avg": 0, "acc_delta": 0}

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        require(0.0 <= rho <= 1.0, "rho value", rho)
        super().__init__(
            params, {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay},
            maximize=maximize, capturable=capturable, foreach=foreach, differentiable=differentiable,
        )  # fmt: skip


adadelta = functional(
    "adadelta",
    Adadelta,
    {
        "params": None,
        "grads": None,
        "square_avgs": "square_avg",
        "acc_deltas": "acc_delta",
        "state_steps": "step",
    },
    {"capturable": False, "foreach": None, "differentiable": False, "has_complex": False},
    "lr rho eps weight_decay maximize",
)
