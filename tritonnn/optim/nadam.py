"""NAdam."""

from __future__ import annotations

from typing import Any, ClassVar

from tritonnn._tensor import Tensor
from tritonnn.optim._elementwise import Array, ElementwiseOptimizer, Number, State, read, require
from tritonnn.optim._forms import functional
from tritonnn.optim.optimizer import Group, ParamsT

__all__ = ["NAdam", "nadam"]


def nadam_formula(
    p: Array, g: Array, exp_avg: Array, exp_avg_sq: Array, *, step: Number, lr: Number, beta1: Number,
    beta2: Number, eps: Number, mu: Number, mu_next: Number, mu_product: Number,
) -> tuple[Array, ...]:  # fmt: skip
    exp_avg = exp_avg + (g - exp_avg) * (1 - beta1)
    exp_avg_sq = exp_avg_sq * beta2 + g * g * (1 - beta2)
    ahead = g * ((1 - mu) / (1 - mu_product)) + exp_avg * (mu_next / (1 - mu_product * mu_next))
    root = (1 - beta2**step) ** 0.5
    return p - ahead / (exp_avg_sq.sqrt() + eps * root) * (lr * root), exp_avg, exp_avg_sq


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
        {shared}

    Raises:
        ValueError: ``lr``, ``eps``, ``weight_decay`` or ``momentum_decay`` is negative, or a beta not in [0, 1).

    Example:
        >>> import tritonnn as torch
        >>> w = torch.tensor([1.0], requires_grad=True)
        >>> opt = torch.optim.NAdam([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> round(w.item(), 4)
        0.8944
    """

    _formula = staticmethod(nadam_formula)
    _counters: ClassVar[dict[str, float | str]] = {"step": 0, "mu_product": 1}
    _state: ClassVar[dict[str, float | str]] = {"exp_avg": 0, "exp_avg_sq": 0}

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
        options = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "momentum_decay": momentum_decay,
        }  # fmt: skip
        super().__init__(
            params, options, decoupled_weight_decay=decoupled_weight_decay, maximize=maximize, foreach=foreach,
            capturable=capturable, differentiable=differentiable,
        )  # fmt: skip

    def _numbers(self, group: Group, p: Tensor, state: State) -> dict[str, Any]:
        numbers = super()._numbers(group, p, state)
        step, beta1, psi = numbers["step"], group["betas"][0], group["momentum_decay"]
        mu, mu_next = (beta1 * (1.0 - 0.5 * 0.96 ** (t * psi)) for t in (step, step + 1))
        state["mu_product"] *= mu
        return numbers | {"mu": mu, "mu_next": mu_next, "mu_product": read(group, state["mu_product"])}


nadam = functional(
    "nadam",
    NAdam,
    {
        "params": None,
        "grads": None,
        "exp_avgs": "exp_avg",
        "exp_avg_sqs": "exp_avg_sq",
        "mu_products": "mu_product",
        "state_steps": "step",
    },
    {
        "decoupled_weight_decay": False,
        "foreach": None,
        "capturable": False,
        "differentiable": False,
        "has_complex": False,
        "maximize": False,
    },
    "beta1 beta2 lr weight_decay momentum_decay eps",
)
