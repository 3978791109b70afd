"""RAdam."""

from __future__ import annotations

from typing import ClassVar

from tritonnn._tensor import Tensor
from tritonnn.optim._elementwise import Array, ElementwiseOptimizer, Number, choose
from tritonnn.optim._forms import functional
from tritonnn.optim.optimizer import ParamsT

__all__ = ["RAdam", "radam"]


def radam_formula(
    p: Array, g: Array, exp_avg: Array, exp_avg_sq: Array, *, step: Number, lr: Number, beta1: Number,
    beta2: Number, eps: Number,
) -> tuple[Array, ...]:  # fmt: skip
    exp_avg = exp_avg + (g - exp_avg) * (1 - beta1)
    exp_avg_sq = exp_avg_sq * beta2 + g * g * (1 - beta2)
    rest = 1 - beta2**step
    top = 2 / (1 - beta2) - 1
    rho = top - 2 * step * beta2**step / rest
    ahead = exp_avg * (lr / (1 - beta1**step))
    if top > 5:
        # abs keeps the root real where it is not used, that is, while rho is small
        factor = (abs((rho - 4) * (rho - 2) / rho) * (top / ((top - 4) * (top - 2))) * rest) ** 0.5
        ahead = choose(rho > 5, ahead / (exp_avg_sq.sqrt() + eps) * factor, ahead)
    return p - ahead, exp_avg, exp_avg_sq


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
        {shared}

    Raises:
        ValueError: ``lr``, ``eps`` or ``weight_decay`` is negative, or a beta not in [0, 1).

    Example:
        >>> import tritonnn as torch
        >>> w = torch.tensor([1.0], requires_grad=True)
        >>> opt = torch.optim.RAdam([w], lr=0.25)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> w.detach()
        tensor([0.5000])
    """

    _formula = staticmethod(radam_formula)
    _state: ClassVar[dict[str, float | str]] = {"exp_avg": 0, "exp_avg_sq": 0}

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
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(
            params, options, maximize=maximize, foreach=foreach, capturable=capturable,
            decoupled_weight_decay=decoupled_weight_decay, differentiable=differentiable,
        )  # fmt: skip


radam = functional(
    "radam",
    RAdam,
    {
        "params": None,
        "grads": None,
        "exp_avgs": "exp_avg",
        "exp_avg_sqs": "exp_avg_sq",
        "state_steps": "step",
    },
    {
        "decoupled_weight_decay": False,
        "foreach": None,
        "differentiable": False,
        "capturable": False,
        "has_complex": False,
        "maximize": False,
    },
    "beta1 beta2 lr weight_decay eps",
)
