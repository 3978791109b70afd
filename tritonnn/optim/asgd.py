"""ASGD."""

from __future__ import annotations

import tritonnn
from tritonnn._tensor import Tensor
from tritonnn.optim._elementwise import ElementwiseOptimizer, State, advance, decayed, new_counter
from tritonnn.optim.optimizer import Group, ParamsT

__all__ = ["ASGD"]


class ASGD(ElementwiseOptimizer):
    r"""Averaged stochastic gradient descent: SGD that also keeps the mean of the parameters it visits.

    :math:`p_t = (1 - \lambda \eta_t) p_{t-1} - \eta_t g_t` with
    :math:`\eta_t = lr / (1 + \lambda\,lr\,(t-1))^{alpha}`; from step ``t0`` on the state's ``ax`` is the mean
    of the parameters, before that it is the parameter itself.
    Source: Polyak, Juditsky, "Acceleration of Stochastic Approximation by Averaging", SIAM J. Control 30,
        1992.

    Args:
        params: parameters, named parameters, or dicts of parameter groups.
        lr: learning rate.
        lambd: decay of the parameter and of the learning rate.
        alpha: power of the decay of the learning rate.
        t0: step at which averaging starts.
        weight_decay: factor of the L2 penalty.
        foreach: True runs the formula once over all parameters of a group laid end to end.
        maximize: ascend instead of descend.
        differentiable: let autograd record the step.
        capturable: keep the counters on the device and never read them on the host.

    Example:
        >>> import tritonnn as torch
        >>> w = torch.tensor([1.0], requires_grad=True)
        >>> opt = torch.optim.ASGD([w], lr=0.25, lambd=0.0)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> w.detach()
        tensor([0.5000])
    """

    _counters = ("step", "eta", "mu")

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        defaults = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
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
            "eta": new_counter(group, p, float(group["lr"])),
            "mu": new_counter(group, p, 1.0),
            "ax": tritonnn.zeros_like(p),
        }

    def _formula(self, group: Group, p: Tensor, g: Tensor, state: State) -> None:
        lambd, lr = group["lambd"], group["lr"]
        on_device = group["capturable"]
        t = advance(group, state)
        g = decayed(group, p, g)
        eta, mu = (state[k] if on_device else state[k].item() for k in ("eta", "mu"))
        p.mul_(1 - lambd * eta)
        p.sub_(g * eta)

        mean = state["ax"]
        if on_device or mu != 1:
            mean.add_((p - mean) * mu)
        else:
            mean.copy_(p)

        next_eta = lr / (1 + lambd * lr * t) ** group["alpha"]
        if on_device:
            state["eta"].copy_(next_eta)
            state["mu"].copy_(1 / (t - group["t0"]).clamp(min=1))
        else:
            state["eta"].fill_(next_eta)
            state["mu"].fill_(1 / max(1, t - group["t0"]))
