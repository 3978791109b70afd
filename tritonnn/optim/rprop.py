"""Rprop."""

from __future__ import annotations

import tritonnn
from tritonnn._tensor import Tensor
from tritonnn.optim._elementwise import ElementwiseOptimizer, State, advance, new_counter, require, snapshot
from tritonnn.optim.optimizer import Group, ParamsT

__all__ = ["Rprop"]


class Rprop(ElementwiseOptimizer):
    r"""Steps by the sign of the gradient with a size per element that adapts to sign changes.

    The size grows by ``etas[1]`` while the sign stays, and shrinks by ``etas[0]`` where it flips; after a
    flip the element rests for one step. For full batches.
    Source: Riedmiller, Braun, "A Direct Adaptive Method for Faster Backpropagation Learning", ICNN 1993.

    Args:
        params: parameters, named parameters, or dicts of parameter groups.
        lr: first size of the steps.
        etas: factors (shrink, grow), the first below 1 and the second above.
        step_sizes: smallest and largest size of a step.
        capturable: keep the count of steps on the device and never read it on the host.
        foreach: True runs the formula once over all parameters of a group laid end to end.
        maximize: ascend instead of descend.
        differentiable: let autograd record the step.

    Example:
        >>> import tritonnn as torch
        >>> w = torch.tensor([1.0, -3.0], requires_grad=True)
        >>> opt = torch.optim.Rprop([w], lr=0.5)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> w.detach()
        tensor([ 0.5000, -2.5000])
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        require(0.0 < etas[0] < 1.0 < etas[1], "eta values", f"{etas[0]}, {etas[1]}")
        defaults = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _new_state(self, group: Group, p: Tensor) -> State:
        lr = float(group["lr"])
        return {
            "step": new_counter(group, p),
            "prev": tritonnn.zeros_like(p),
            "step_size": tritonnn.full_like(p, complex(lr, lr) if p.is_complex() else lr),
        }

    def _formula(self, group: Group, p: Tensor, g: Tensor, state: State) -> None:
        shrink, grow = group["etas"]
        advance(group, state)
        agreement = g * snapshot(group, state["prev"])
        ones = tritonnn.ones_like(g)
        factor = tritonnn.where(
            agreement > 0, ones * grow, tritonnn.where(agreement < 0, ones * shrink, ones)
        )
        size = state["step_size"].mul_(factor).clamp_(*group["step_sizes"])
        g = tritonnn.where(agreement < 0, tritonnn.zeros_like(g), g)
        p.sub_(g.sign() * snapshot(group, size))
        state["prev"].copy_(g)
