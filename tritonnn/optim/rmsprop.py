"""RMSprop."""

from __future__ import annotations

from typing import ClassVar

from tritonnn._tensor import Tensor
from tritonnn.optim._elementwise import Array, ElementwiseOptimizer, Number, require
from tritonnn.optim._forms import functional
from tritonnn.optim.optimizer import ParamsT

__all__ = ["RMSprop", "rmsprop"]


def rmsprop_formula(
    p: Array, g: Array, square_avg: Array, momentum_buffer: Array = None, grad_avg: Array = None, *,
    lr: Number, alpha: Number, eps: Number, momentum: Number,
) -> tuple[Array, ...]:  # fmt: skip
    square_avg = square_avg * alpha + g * g * (1 - alpha)
    variance = square_avg
    if grad_avg is not None:
        grad_avg = grad_avg + (g - grad_avg) * (1 - alpha)
        variance = square_avg - grad_avg * grad_avg
    ahead = g / (variance.sqrt() + eps)
    if momentum_buffer is not None:
        ahead = momentum_buffer = momentum_buffer * momentum + ahead
    return p - ahead * lr, square_avg, momentum_buffer, grad_avg


class RMSprop(ElementwiseOptimizer):
    r"""Divides each element's gradient by the root of the running mean of its square.

    With :math:`v_t = \alpha v_{t-1} + (1-\alpha) g_t^2`: :math:`p_t = p_{t-1} - lr\,g_t / (\sqrt{v_t} +
    eps)`; ``centered`` subtracts the squared running mean of the gradient under the root, and ``momentum``
    runs the quotient through a momentum buffer.
    Source: Hinton, "Neural Networks for Machine Learning", lecture 6e; centered: Graves, arXiv:1308.0850.

    Args:
        params: parameters, named parameters, or dicts of parameter groups.
        lr: learning rate.
        alpha: decay of the running means.
        eps: added to the root.
        weight_decay: factor of the L2 penalty.
        momentum: factor of the momentum buffer, 0 for none.
        centered: normalise by the variance instead of the second moment.
        {shared}

    Raises:
        ValueError: ``lr``, ``eps``, ``weight_decay``, ``momentum`` or ``alpha`` is negative.

    Example:
        >>> import tritonnn as torch
        >>> w = torch.tensor([1.0], requires_grad=True)
        >>> opt = torch.optim.RMSprop([w], lr=0.01)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> round(w.item(), 4)
        0.9
    """

    _formula = staticmethod(rmsprop_formula)
    _state: ClassVar[dict[str, float | str]] = {"square_avg": 0, "momentum_buffer": 0, "grad_avg": 0}
    _kept_if: ClassVar[dict[str, str]] = {"momentum_buffer": "momentum", "grad_avg": "centered"}

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        require(momentum >= 0.0, "momentum value", momentum)
        require(alpha >= 0.0, "alpha value", alpha)
        options = {
            "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
            "weight_decay": weight_decay,
        }  # fmt: skip
        super().__init__(
            params, options, capturable=capturable, foreach=foreach, maximize=maximize, differentiable=differentiable,
        )  # fmt: skip


rmsprop = functional(
    "rmsprop",
    RMSprop,
    {
        "params": None,
        "grads": None,
        "square_avgs": "square_avg",
        "grad_avgs": "grad_avg",
        "momentum_buffer_list": "momentum_buffer",
        "state_steps": "step",
    },
    {"foreach": None, "maximize": False, "differentiable": False, "capturable": False, "has_complex": False},
    "lr alpha eps weight_decay momentum centered",
)
