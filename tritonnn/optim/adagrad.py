"""Adagrad."""

from __future__ import annotations

import tritonnn
from tritonnn._tensor import Tensor
from tritonnn.optim._elementwise import ElementwiseOptimizer, State, advance, decayed, new_counter, require
from tritonnn.optim.optimizer import Group, ParamsT

__all__ = ["Adagrad"]


class Adagrad(ElementwiseOptimizer):
    r"""Divides each element's step by the root of the sum of its squared gradients.

    With :math:`s_t = s_{t-1} + g_t^2`: :math:`p_t = p_{t-1} - \frac{lr}{1 + (t-1)\,lr\_decay}
    \frac{g_t}{\sqrt{s_t} + eps}`, where :math:`g_t` includes ``weight_decay * p``.
    Source: Duchi, Hazan, Singer, "Adaptive Subgradient Methods for Online Learning and Stochastic
    Optimization", JMLR 12, 2011.

    Args:
        params: parameters, named parameters, or dicts of parameter groups.
        lr: learning rate.
        lr_decay: decay of the learning rate per step.
        weight_decay: factor of the L2 penalty.
        initial_accumulator_value: value the sum of squares starts from.
        eps: added to the denominator.
        foreach, fused: True runs the formula once over all parameters of a group laid end to end.
        maximize: ascend instead of descend.
        differentiable: let autograd record the step.

    Example:
        >>> import tritonnn as torch
        >>> w = torch.tensor([1.0, 10.0], requires_grad=True)
        >>> opt = torch.optim.Adagrad([w], lr=0.5)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> w.detach()
        tensor([0.5000, 9.5000])
    """

    _sparse_hint = " in this library"

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        require(lr_decay >= 0.0, "lr_decay value", lr_decay)
        require(
            initial_accumulator_value >= 0.0, "initial_accumulator_value value", initial_accumulator_value
        )
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p].update(self._new_state(group, p))

    def share_memory(self) -> None:
        """Moves the sums of squares into memory shared between processes."""
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p]["sum"].share_memory_()

    def _new_state(self, group: Group, p: Tensor) -> State:
        start = self.defaults["initial_accumulator_value"]
        full = tritonnn.full_like(p, complex(start, start) if p.is_complex() else start)
        return {"step": new_counter(group, p), "sum": full}

    def _formula(self, group: Group, p: Tensor, g: Tensor, state: State) -> None:
        t = advance(group, state)
        g = decayed(group, p, g)
        total = state["sum"].addcmul_(g, g)
        lr = group["lr"] / (1 + (t - 1) * group["lr_decay"])
        p.sub_(g / (total.sqrt() + group["eps"]) * lr)
