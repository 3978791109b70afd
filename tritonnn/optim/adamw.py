"""AdamW."""

from __future__ import annotations

from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.optim.adam import Adam
from tritonnn.optim.optimizer import ParamsT

__all__ = ["AdamW"]


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
        maximize: ascend instead of descend.
        foreach: None or True updates all parameters of a group by one multi-tensor operation, False one by
            one.
        capturable: keep the count of steps on the device and never read it on the host; CUDA parameters only.
        differentiable: let autograd record the step.
        fused: True as ``foreach=True``, with the count of steps on the device; floating point parameters
            only.

    Raises:
        ValueError: an option is out of its range.

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
