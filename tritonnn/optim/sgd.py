"""Stochastic gradient descent with momentum."""

from __future__ import annotations

from typing import Any

import tritonnn
from tritonnn._tensor import Tensor
from tritonnn.optim._elementwise import ElementwiseOptimizer, State, decayed, require, snapshot
from tritonnn.optim.optimizer import Group, ParamsT

__all__ = ["SGD"]


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
        maximize: ascend instead of descend.
        foreach: None or True updates all parameters of a group by one multi-tensor operation, False one by
            one.
        differentiable: let autograd record the step.
        fused: True as ``foreach=True``, for floating point parameters only.

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

    _counters = ()

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
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)

    def _new_state(self, group: Group, p: Tensor) -> State:
        return {}

    def _step_group(self, group: Group, params: list[Tensor]) -> None:
        if group["differentiable"] or self._keeps_graph(group):
            for p in params:
                self._apply(group, p, p.grad, self.state[p] if group["momentum"] != 0 else {})  # type: ignore[arg-type]
            return
        buffers: dict[bool, list[Tensor]] = {True: [], False: params}
        if group["momentum"] != 0:
            # A checkpoint may hold None for a buffer that was never filled.
            new = [p for p in params if self.state[p].get("momentum_buffer") is None]
            for p in new:
                self.state[p]["momentum_buffer"] = tritonnn.empty_like(p)
            known = set(new)
            buffers = {True: new, False: [p for p in params if p not in known]}
        for fresh, members in buffers.items():
            for batch in [members] if group["foreach"] is not False else [[p] for p in members]:
                if batch:
                    self._multi_tensor(group, batch, fresh)

    def _multi_tensor(self, group: Group, params: list[Tensor], fresh: bool) -> None:
        from tritonnn.ops.optimizer.optimizer import sgd_step

        momentum = group["momentum"]
        sgd_step(
            params,
            [p.grad for p in params],
            [self.state[p]["momentum_buffer"] for p in params] if momentum else [],
            lr=float(group["lr"]),
            weight_decay=float(group["weight_decay"]),
            momentum=momentum,
            dampening=group["dampening"],
            nesterov=group["nesterov"],
            maximize=group["maximize"],
            fresh=fresh,
        )

    def _formula(self, group: Group, p: Tensor, g: Tensor, state: State) -> None:
        g = decayed(group, p, g)
        if group["momentum"] != 0:
            buffer = state.get("momentum_buffer")
            if buffer is None:
                buffer = state["momentum_buffer"] = g.detach().clone()
            else:
                buffer.mul_(group["momentum"]).add_(g, alpha=1 - group["dampening"])
            g = g.add(buffer, alpha=group["momentum"]) if group["nesterov"] else snapshot(group, buffer)
        p.sub_(g * group["lr"])

    @staticmethod
    def _keeps_graph(group: Group) -> bool:
        values: tuple[Any, ...] = (group["lr"], group["weight_decay"])
        return any(isinstance(v, Tensor) and v.requires_grad for v in values)
