"""Adam."""

from __future__ import annotations

from typing import ClassVar

from tritonnn._tensor import Tensor
from tritonnn.optim._elementwise import Array, ElementwiseOptimizer, Number
from tritonnn.optim._forms import functional
from tritonnn.optim.optimizer import Group, ParamsT, one_element

__all__ = ["Adam", "adam"]


def adam_formula(
    p: Array, g: Array, exp_avg: Array, exp_avg_sq: Array, max_exp_avg_sq: Array = None, *, step: Number,
    lr: Number, beta1: Number, beta2: Number, eps: Number,
) -> tuple[Array, ...]:  # fmt: skip
    exp_avg = exp_avg + (g - exp_avg) * (1 - beta1)
    largest = exp_avg_sq = exp_avg_sq * beta2 + g * g * (1 - beta2)
    if max_exp_avg_sq is not None:
        largest = max_exp_avg_sq = max_exp_avg_sq.maximum(exp_avg_sq)
    # The bias correction sqrt(1 - beta2^t) is taken out of the root: it costs two numbers, not a pass.
    root = (1 - beta2**step) ** 0.5
    rate = lr / (1 - beta1**step) * root
    return p - exp_avg / (largest.sqrt() + eps * root) * rate, exp_avg, exp_avg_sq, max_exp_avg_sq


class Adam(ElementwiseOptimizer):
    r"""Steps by the running mean of the gradient over the root of the running mean of its square.

    :math:`m_t = \beta_1 m_{t-1} + (1-\beta_1) g_t`, :math:`v_t = \beta_2 v_{t-1} + (1-\beta_2) g_t^2`,
    :math:`p_t = p_{t-1} - lr \frac{m_t / (1-\beta_1^t)}{\sqrt{v_t / (1-\beta_2^t)} + eps}`.
    Source: Kingma, Ba, "Adam: A Method for Stochastic Optimization", arXiv:1412.6980; AMSGrad: Reddi, Kale,
    Kumar, "On the Convergence of Adam and Beyond", ICLR 2018.

    Args:
        params: parameters, named parameters, or dicts of parameter groups.
        lr: learning rate; a 1-element Tensor is allowed.
        betas: decay of the two running means; two floats or two 1-element Tensors.
        eps: added to the root.
        weight_decay: factor of the L2 penalty, or of the decay.
        amsgrad: divide by the largest second moment so far.
        decoupled_weight_decay: shrink the parameter itself (as AdamW does) instead of adding to the gradient.
        {shared}

    Raises:
        ValueError: ``lr``, ``eps`` or ``weight_decay`` is negative, or a beta not in [0, 1).

    Example:
        >>> import tritonnn as torch
        >>> w = torch.tensor([1.0, -2.0], requires_grad=True)
        >>> opt = torch.optim.Adam([w], lr=0.25)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> w.detach()
        tensor([ 0.7500, -1.7500])
    """

    _formula = staticmethod(adam_formula)
    _state: ClassVar[dict[str, float | str]] = {"exp_avg": 0, "exp_avg_sq": 0, "max_exp_avg_sq": 0}
    _kept_if: ClassVar[dict[str, str]] = {"max_exp_avg_sq": "amsgrad"}

    def _check_sparse(self, group: Group) -> None:
        raise RuntimeError("Adam does not support sparse gradients, please consider SparseAdam instead")

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        _check_tensors(lr, betas, bool(foreach), capturable)
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad}
        super().__init__(
            params, options, maximize=maximize, foreach=foreach, capturable=capturable,
            differentiable=differentiable, fused=fused, decoupled_weight_decay=decoupled_weight_decay,
        )  # fmt: skip


def _check_tensors(lr: float | Tensor, betas: tuple, foreach: bool, capturable: bool) -> None:
    if len({isinstance(beta, Tensor) for beta in betas}) != 1:
        raise ValueError("betas must be either both floats or both Tensors")
    for name, value in (("lr", lr), ("betas[0]", betas[0]), ("betas[1]", betas[1])):
        if not isinstance(value, Tensor):
            continue
        if foreach and not capturable:
            raise ValueError(f"{name} as a Tensor is not supported for capturable=False and foreach=True")
        one_element(name, value)


adam = functional(
    "adam",
    Adam,
    {
        "params": None,
        "grads": None,
        "exp_avgs": "exp_avg",
        "exp_avg_sqs": "exp_avg_sq",
        "max_exp_avg_sqs": "max_exp_avg_sq",
        "state_steps": "step",
    },
    {
        "foreach": None,
        "capturable": False,
        "differentiable": False,
        "fused": None,
        "grad_scale": None,
        "found_inf": None,
        "has_complex": False,
        "decoupled_weight_decay": False,
    },
    "amsgrad beta1 beta2 lr weight_decay eps maximize",
)
