"""Adamax."""

from __future__ import annotations

import tritonnn
from tritonnn._tensor import Tensor
from tritonnn.optim._elementwise import ElementwiseOptimizer, State, advance, decayed, new_counter, snapshot
from tritonnn.optim.optimizer import Group, ParamsT

__all__ = ["Adamax"]


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
        foreach: True runs the formula once over all parameters of a group laid end to end.
        maximize: ascend instead of descend.
        differentiable: let autograd record the step.
        capturable: keep the count of steps on the device and never read it on the host.

    Example:
        >>> import tritonnn as torch
        >>> w = torch.tensor([1.0], requires_grad=True)
        >>> opt = torch.optim.Adamax([w], lr=0.25)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> w.detach()
        tensor([0.7500])
    """

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
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _new_state(self, group: Group, p: Tensor) -> State:
        return {
            "step": new_counter(group, p),
            "exp_avg": tritonnn.zeros_like(p),
            "exp_inf": tritonnn.zeros_like(p),
        }

    def _formula(self, group: Group, p: Tensor, g: Tensor, state: State) -> None:
        beta1, beta2 = group["betas"]
        t = advance(group, state)
        g = decayed(group, p, g)
        mean = state["exp_avg"].lerp_(g, 1 - beta1)
        largest = tritonnn.maximum(state["exp_inf"] * beta2, g.abs() + group["eps"])
        state["exp_inf"].copy_(largest)
        p.sub_(snapshot(group, mean) / largest * (group["lr"] / (1 - beta1**t)))
