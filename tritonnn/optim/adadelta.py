"""Adadelta."""

from __future__ import annotations

import tritonnn
from tritonnn._tensor import Tensor
from tritonnn.optim._elementwise import ElementwiseOptimizer, State, advance, decayed, new_counter, require
from tritonnn.optim.optimizer import Group, ParamsT

__all__ = ["Adadelta"]


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
        foreach: True runs the formula once over all parameters of a group laid end to end.
        capturable: keep the count of steps on the device and never read it on the host.
        maximize: ascend instead of descend.
        differentiable: let autograd record the step.

    Example:
        >>> import tritonnn as torch
        >>> w = torch.tensor([1.0], requires_grad=True)
        >>> opt = torch.optim.Adadelta([w])
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> round(w.item(), 4)
        0.9968
    """

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
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            "foreach": foreach,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _new_state(self, group: Group, p: Tensor) -> State:
        return {
            "step": new_counter(group, p),
            "square_avg": tritonnn.zeros_like(p),
            "acc_delta": tritonnn.zeros_like(p),
        }

    def _formula(self, group: Group, p: Tensor, g: Tensor, state: State) -> None:
        rho, eps = group["rho"], group["eps"]
        advance(group, state)
        g = decayed(group, p, g)
        square = state["square_avg"].mul_(rho).addcmul_(g, g, value=1 - rho)
        delta = (state["acc_delta"] + eps).sqrt() / (square + eps).sqrt() * g
        state["acc_delta"].mul_(rho).addcmul_(delta, delta, value=1 - rho)
        p.sub_(delta * group["lr"])
