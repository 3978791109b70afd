"""Adamax."""

from __future__ import annotations

from typing import ClassVar

from tritonnn._tensor import Tensor
from tritonnn.optim._elementwise import Array, ElementwiseOptimizer, Number
from tritonnn.optim._forms import functional
from tritonnn.optim.optimizer import ParamsT

__all__ = ["Adamax", "adamax"]


def adamax_formula(
    p: Array, g: Array, exp_avg: Array, exp_inf: Array, *, step: Number, lr: Number, beta1: Number,
    beta2: Number, eps: Number,
) -> tuple[Array, ...]:  # fmt: skip
    exp_avg = exp_avg + (g - exp_avg) * (1 - beta1)
    exp_inf = (exp_inf * beta2).maximum(g.abs() + eps)
    return p - exp_avg / exp_inf * (lr / (1 - beta1**step)), exp_avg, exp_inf


class Adamax(ElementwiseOptimizer):
    r"""Adam with the running maximum of the gradient's size in place of its second moment.

    :math:`m_t = \beta_1 m_{t-1} + (1-\beta_1) g_t`, :math:`u_t = \max(\beta_2 u_{t-1}, |g_t| + eps)`,
    :math:`p_t = p_{t-1} - \frac{lr}{1-\beta_1^t} \frac{m_t}{u_t}`.
    Source: Kingma, Ba, "Adam: A Method for Stochastic Optimization", arXiv:1412.6980, section 7.1.

    Args:
        params: parameters, named parameters, or dicts of parameter groups.
        lr: learning rate.
        betas: decay of the mean and of the maximum.
        eps: added to the size of the gradient.
        weight_decay: factor of the L2 penalty.
        {shared}

    Raises:
        ValueError: ``lr``, ``eps`` or ``weight_decay`` is negative, or a beta not in [0, 1).

    Example:
        >>> import tritonnn as torch
        >>> w = torch.tensor([1.0], requires_grad=True)
        >>> opt = torch.optim.Adamax([w], lr=0.25)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> w.detach()
        tensor([0.7500])
    """

    _formula = staticmethod(adamax_formula)
    _state: ClassVar[dict[str, float | str]] = {"exp_avg": 0, "exp_inf": 0}

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        super().__init__(
            params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay},
            foreach=foreach, maximize=maximize, differentiable=differentiable, capturable=capturable,
        )  # fmt: skip


adamax = functional(
    "adamax",
    Adamax,
    {"params": None, "grads": None, "exp_avgs": "exp_avg", "exp_infs": "exp_inf", "state_steps": "step"},
    {"foreach": None, "maximize": False, "differentiable": False, "capturable": False, "has_complex": False},
    "eps beta1 beta2 lr weight_decay",
)
