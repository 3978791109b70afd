"""RAdam."""

from __future__ import annotations

import tritonnn
from tritonnn._tensor import Tensor
from tritonnn.optim._elementwise import (
    ElementwiseOptimizer,
    State,
    advance,
    decayed_or_shrunk,
    new_counter,
    snapshot,
)
from tritonnn.optim.optimizer import Group, ParamsT

__all__ = ["RAdam"]


class RAdam(ElementwiseOptimizer):
    r"""Adam whose adaptive step is rectified while the second moment rests on few samples.

    With :math:`\rho_\infty = 2/(1-\beta_2) - 1` and
    :math:`\rho_t = \rho_\infty - 2 t \beta_2^t / (1-\beta_2^t)`: where :math:`\rho_t > 5` the bias-corrected
    Adam step is multiplied by
    :math:`\sqrt{\frac{(\rho_t-4)(\rho_t-2)\rho_\infty}{(\rho_\infty-4)(\rho_\infty-2) \rho_t}}`, before that
    the step is ``lr`` times the bias-corrected mean.
    Source: Liu et al., "On the Variance of the Adaptive Learning Rate and Beyond", arXiv:1908.03265.

    Args:
        params: parameters, named parameters, or dicts of parameter groups.
        lr: learning rate.
        betas: decay of the two moments.
        eps: added to the root.
        weight_decay: factor of the L2 penalty, or of the decay.
        decoupled_weight_decay: shrink the parameter itself (as AdamW does) instead of adding to the gradient.
        foreach: True runs the formula once over all parameters of a group laid end to end.
        maximize: ascend instead of descend.
        capturable: keep the count of steps on the device and never read it on the host.
        differentiable: let autograd record the step.

    Example:
        >>> import tritonnn as torch
        >>> w = torch.tensor([1.0], requires_grad=True)
        >>> opt = torch.optim.RAdam([w], lr=0.25)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> w.detach()
        tensor([0.5000])
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _new_state(self, group: Group, p: Tensor) -> State:
        return {
            "step": new_counter(group, p),
            "exp_avg": tritonnn.zeros_like(p),
            "exp_avg_sq": tritonnn.zeros_like(p),
        }

    def _formula(self, group: Group, p: Tensor, g: Tensor, state: State) -> None:
        beta1, beta2 = group["betas"]
        t = advance(group, state)
        g = decayed_or_shrunk(group, p, g)
        mean = snapshot(group, state["exp_avg"].lerp_(g, 1 - beta1))
        square = state["exp_avg_sq"].mul_(beta2).addcmul_(g, g, value=1 - beta2)

        left2 = 1 - beta2**t
        rho_inf = 2 / (1 - beta2) - 1
        rho = rho_inf - 2 * t * beta2**t / left2
        step = mean / (1 - beta1**t) * group["lr"]
        if group["capturable"]:
            rectified = self._rectify(rho, rho_inf) * left2**0.5 / (square.sqrt() + group["eps"])
            p.sub_(step * tritonnn.where(rho > 5.0, rectified, tritonnn.ones_like(rectified)))
        elif rho > 5.0:
            p.sub_(step * (self._rectify(rho, rho_inf) * left2**0.5) / (square.sqrt() + group["eps"]))
        else:
            p.sub_(step)

    @staticmethod
    def _rectify(rho: float, rho_inf: float) -> float:
        return ((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)) ** 0.5
