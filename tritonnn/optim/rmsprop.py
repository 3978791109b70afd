"""RMSprop."""

from __future__ import annotations

import tritonnn
from tritonnn._tensor import Tensor
from tritonnn.optim._elementwise import (
    ElementwiseOptimizer,
    State,
    advance,
    decayed,
    new_counter,
    require,
    snapshot,
)
from tritonnn.optim.optimizer import Group, ParamsT

__all__ = ["RMSprop"]


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
        capturable: keep the count of steps on the device and never read it on the host.
        foreach: True runs the formula once over all parameters of a group laid end to end.
        maximize: ascend instead of descend.
        differentiable: let autograd record the step.

    Example:
        >>> import tritonnn as torch
        >>> w = torch.tensor([1.0], requires_grad=True)
        >>> opt = torch.optim.RMSprop([w], lr=0.01)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> round(w.item(), 4)
        0.9
    """

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
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _new_state(self, group: Group, p: Tensor) -> State:
        state = {"step": new_counter(group, p), "square_avg": tritonnn.zeros_like(p)}
        if group["momentum"] > 0:
            state["momentum_buffer"] = tritonnn.zeros_like(p)
        if group["centered"]:
            state["grad_avg"] = tritonnn.zeros_like(p)
        return state

    def _formula(self, group: Group, p: Tensor, g: Tensor, state: State) -> None:
        alpha, lr = group["alpha"], group["lr"]
        advance(group, state)
        g = decayed(group, p, g)
        square = state["square_avg"].mul_(alpha).addcmul_(g, g, value=1 - alpha)
        if group["centered"]:
            mean = snapshot(group, state["grad_avg"].lerp_(g, 1 - alpha))
            square = square - mean.square()
        step = g / (square.sqrt() + group["eps"])
        if group["momentum"] > 0:
            step = snapshot(group, state["momentum_buffer"].mul_(group["momentum"]).add_(step))
        p.sub_(step * lr)
