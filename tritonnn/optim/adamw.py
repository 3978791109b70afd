"""AdamW."""

from __future__ import annotations

from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.optim._forms import functional
from tritonnn.optim.adam import Adam
from tritonnn.optim.optimizer import ParamsT

__all__ = ["AdamW", "adamw"]


class AdamW(Adam):
    r"""Adam with the weight decay decoupled from the gradient: :math:`p \leftarrow (1 - lr \lambda)\,p` each
    step.

    Source: Loshchilov, Hutter, "Decoupled Weight Decay Regularization", arXiv:1711.05101.

    Args:
        params: parameters, named parameters, or dicts of parameter groups.
        lr: learning rate; a 1-element Tensor is allowed.
        betas: decay of the two running means; two floats or two 1-element Tensors.
        eps: added to the root.
        weight_decay: factor of the decay.
        amsgrad: divide by the largest second moment so far.
        {shared}

    Raises:
        ValueError: ``lr``, ``eps`` or ``weight_decay`` is negative, or a beta not in [0, 1).

    Example:
        >>> import tritonnn as torch
        >>> w = torch.tensor([1.0, -2.0], requires_grad=True)
        >>> opt = torch.optim.AdamW([w], lr=0.25, weight_decay=0.5)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> w.detach()
        tensor([ 0.6250, -1.5000])
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        # Whatever a checkpoint says: decoupled is what makes it AdamW.
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True


adamw = functional(
    "adamw",
    AdamW,
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
    },
    "amsgrad beta1 beta2 lr weight_decay eps maximize",
)
