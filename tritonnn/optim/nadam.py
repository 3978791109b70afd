"""NAdam."""

from __future__ import annotations

import tritonnn
from tritonnn._tensor import Tensor
from tritonnn.optim._elementwise import (
    ElementwiseOptimizer,
    State,
    advance,
    decayed_or_shrunk,
    new_counter,
    require,
    snapshot,
)
from tritonnn.optim.optimizer import Group, ParamsT

__all__ = ["NAdam"]


class NAdam(ElementwiseOptimizer):
    r"""Adam with Nesterov momentum.

    With :math:`\mu_t = \beta_1 (1 - 0.5 \cdot 0.96^{t\psi})` and Adam's moments m and v:
    :math:`\hat m_t = \frac{\mu_{t+1} m_t}{1 - \prod_{i \le t+1} \mu_i} +
    \frac{(1-\mu_t) g_t}{1 - \prod_{i \le t} \mu_i}`,
    :math:`p_t = p_{t-1} - lr\,\hat m_t / (\sqrt{v_t / (1-\beta_2^t)} + eps)`.
    Source: Dozat, "Incorporating Nesterov Momentum into Adam", ICLR 2016 workshop.

    Args:
        params: parameters, named parameters, or dicts of parameter groups.
        lr: learning rate.
        betas: decay of the two moments.
        eps: added to the root.
        weight_decay: factor of the L2 penalty, or of the decay.
        momentum_decay: :math:`\psi` above.
        decoupled_weight_decay: shrink the parameter itself (as AdamW does) instead of adding to the gradient.
        foreach: True runs the formula once over all parameters of a group laid end to end.
        maximize: ascend instead of descend.
        capturable: keep the counters on the device and never read them on the host.
        differentiable: let autograd record the step.

    Example:
        >>> import tritonnn as torch
        >>> w = torch.tensor([1.0], requires_grad=True)
        >>> opt = torch.optim.NAdam([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> round(w.item(), 4)
        0.8944
    """

    _counters = ("step", "mu_product")

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        require(momentum_decay >= 0.0, "momentum_decay value", momentum_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _new_state(self, group: Group, p: Tensor) -> State:
        return {
            "step": new_counter(group, p),
            "mu_product": new_counter(group, p, 1.0),
            "exp_avg": tritonnn.zeros_like(p),
            "exp_avg_sq": tritonnn.zeros_like(p),
        }

    def _formula(self, group: Group, p: Tensor, g: Tensor, state: State) -> None:
        (beta1, beta2), lr, psi = group["betas"], group["lr"], group["momentum_decay"]
        t = advance(group, state)
        g = decayed_or_shrunk(group, p, g)
        mu = beta1 * (1.0 - 0.5 * 0.96 ** (t * psi))
        mu_next = beta1 * (1.0 - 0.5 * 0.96 ** ((t + 1) * psi))
        state["mu_product"] *= mu
        product = state["mu_product"] if group["capturable"] else state["mu_product"].item()

        mean = snapshot(group, state["exp_avg"].lerp_(g, 1 - beta1))
        square = state["exp_avg_sq"].mul_(beta2).addcmul_(g, g, value=1 - beta2)
        root = (square / (1 - beta2**t)).sqrt() + group["eps"]
        step = g * ((1.0 - mu) / (1.0 - product)) + mean * (mu_next / (1.0 - product * mu_next))
        p.sub_(step / root * lr)
