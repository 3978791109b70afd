"""ASGD."""

from __future__ import annotations

from typing import Any, ClassVar

from tritonnn._tensor import Tensor
from tritonnn.optim._elementwise import Array, ElementwiseOptimizer, Number, State, choose, read, write
from tritonnn.optim._forms import functional
from tritonnn.optim.optimizer import Group, ParamsT

__all__ = ["ASGD", "asgd"]


def asgd_formula(
    p: Array, g: Array, ax: Array, *, lambd: Number, eta: Number, mu: Number,
) -> tuple[Array, ...]:  # fmt: skip
    p = p * (1 - lambd * eta) - g * eta
    return p, choose(mu == 1, p, ax + (p - ax) * mu)


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
        {shared}

    Raises:
        ValueError: ``lr`` or ``weight_decay`` is negative.

    Example:
        >>> import tritonnn as torch
        >>> w = torch.tensor([1.0], requires_grad=True)
        >>> opt = torch.optim.ASGD([w], lr=0.25, lambd=0.0)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> w.detach()
        tensor([0.5000])
    """

    _formula = staticmethod(asgd_formula)
    _counters: ClassVar[dict[str, float | str]] = {"step": 0, "eta": "lr", "mu": 1}
    _state: ClassVar[dict[str, float | str]] = {"ax": 0}

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
        super().__init__(
            params, {"lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay},
            foreach=foreach, maximize=maximize, differentiable=differentiable, capturable=capturable,
        )  # fmt: skip

    def _numbers(self, group: Group, p: Tensor, state: State) -> dict[str, Any]:
        numbers = {name: read(group, state[name]) for name in ("eta", "mu")}
        step, lr, lambd = read(group, state["step"]), group["lr"], group["lambd"]
        write(state["eta"], lr / (1 + lambd * lr * step) ** group["alpha"])
        after = step - group["t0"]
        write(state["mu"], 1 / (after.clamp(min=1) if isinstance(after, Tensor) else max(1, after)))
        return numbers


asgd = functional(
    "asgd",
    ASGD,
    {"params": None, "grads": None, "axs": "ax", "mus": "mu", "etas": "eta", "state_steps": "step"},
    {"foreach": None, "maximize": False, "differentiable": False, "capturable": False, "has_complex": False},
    "lambd lr t0 alpha weight_decay",
)
