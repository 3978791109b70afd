"""Stochastic gradient descent with momentum."""

from __future__ import annotations

from typing import Any, ClassVar

import tritonnn
from tritonnn._sparse import SparseTensor
from tritonnn._tensor import Tensor
from tritonnn.optim._elementwise import Array, ElementwiseOptimizer, Number, State, require
from tritonnn.optim._forms import functional
from tritonnn.optim.optimizer import Group, ParamsT

__all__ = ["SGD", "sgd"]


def sgd_formula(
    p: Array, g: Array, momentum_buffer: Array = None, *, lr: Number, momentum: Number, dampening: Number,
    nesterov: bool, fresh: bool,
) -> tuple[Array, ...]:  # fmt: skip
    if momentum_buffer is None:
        return p - g * lr, None
    new = g * (1 - dampening) if dampening else g
    momentum_buffer = g.detach() if fresh else momentum_buffer * momentum + new
    ahead = g + momentum_buffer * momentum if nesterov else momentum_buffer
    return p - ahead * lr, momentum_buffer


class SGD(ElementwiseOptimizer):
    r"""Stochastic gradient descent, optionally with momentum.

    :math:`b_t = \mu b_{t-1} + (1 - dampening)\,g_t` (:math:`b_1 = g_1`), :math:`p_t = p_{t-1} - lr\,b_t`, or
    :math:`p_t = p_{t-1} - lr\,(g_t + \mu b_t)` with Nesterov momentum; :math:`g_t` includes ``weight_decay *
    p``.
    Source: Sutskever et al., "On the importance of initialization and momentum in deep learning", ICML 2013.

    Args:
        params: parameters, named parameters, or dicts of parameter groups.
        lr: learning rate.
        momentum: factor of the momentum buffer, 0 for none.
        dampening: the gradient enters the buffer multiplied by 1 - dampening.
        weight_decay: factor of the L2 penalty.
        nesterov: look ahead by one momentum step; needs a momentum and no dampening.
        {shared}

    Raises:
        ValueError: an option is negative, or Nesterov momentum without momentum or with dampening.

    Example:
        >>> import tritonnn as torch
        >>> w = torch.tensor([1.0, -2.0], requires_grad=True)
        >>> opt = torch.optim.SGD([w], lr=0.25, momentum=0.9)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> w.detach()
        tensor([ 0.5000, -1.0000])
    """

    _formula = staticmethod(sgd_formula)
    _counters: ClassVar[dict[str, float | str]] = {}
    _state: ClassVar[dict[str, float | str]] = {"momentum_buffer": 0}
    _kept_if: ClassVar[dict[str, str]] = {"momentum_buffer": "momentum"}

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float | Tensor = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        require(momentum >= 0.0, "momentum value", momentum)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        options = {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov,
        }  # fmt: skip
        super().__init__(
            params, options, maximize=maximize, foreach=foreach, differentiable=differentiable, fused=fused,
        )  # fmt: skip

    def _new_state(self, group: Group, p: Tensor) -> State:
        return {}  # see _numbers

    def _check_sparse(self, group: Group) -> None:
        if group["fused"]:
            raise RuntimeError("`_fused_sgd` does not support sparse gradients")

    def _step_sparse(self, group: Group, p: Tensor) -> None:
        grad: Any = -p.grad if group["maximize"] else p.grad  # type: ignore[operator]
        if group["weight_decay"] != 0:
            grad = grad.add(p, alpha=group["weight_decay"])  # refuses: the decay of every row is not sparse
        if momentum := group["momentum"]:
            buffer: Any = self.state[p].get("momentum_buffer")
            if buffer is None:
                buffer = grad.detach().clone()
            else:
                buffer.mul_(momentum).add_(grad, alpha=1 - group["dampening"])
            if isinstance(buffer, SparseTensor):
                buffer = buffer.coalesce()  # or it would grow with every step
            self.state[p]["momentum_buffer"] = buffer
            grad = grad.add(buffer, alpha=momentum) if group["nesterov"] else buffer
        p.add_(grad, alpha=-float(group["lr"]))

    def _numbers(self, group: Group, p: Tensor, state: State) -> dict[str, Any]:
        # A checkpoint may hold None for a buffer that was never filled.
        fresh = bool(group["momentum"]) and state.get("momentum_buffer") is None
        if fresh:
            # zeros: where a scaler leaves the first step out, they are what the next one finds
            state["momentum_buffer"] = tritonnn.zeros_like(p) if group["fused"] else tritonnn.empty_like(p)
        return {"fresh": fresh}


sgd = functional(
    "sgd",
    SGD,
    {"params": None, "d_p_list": None, "momentum_buffer_list": "momentum_buffer"},
    {"has_sparse_grad": False, "foreach": None, "fused": None, "grad_scale": None, "found_inf": None},
    "weight_decay momentum lr dampening nesterov maximize",
)
