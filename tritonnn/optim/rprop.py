"""Rprop."""

from __future__ import annotations

from typing import ClassVar

from tritonnn._tensor import Tensor
from tritonnn.optim._elementwise import Array, ElementwiseOptimizer, Number, choose, require
from tritonnn.optim._forms import functional
from tritonnn.optim.optimizer import ParamsT

__all__ = ["Rprop", "rprop"]


def rprop_formula(
    p: Array, g: Array, prev: Array, step_size: Array, *, eta1: Number, eta2: Number, step_size1: Number,
    step_size2: Number,
) -> tuple[Array, ...]:  # fmt: skip
    agreement = g * prev
    changed = choose(agreement > 0, step_size * eta2, choose(agreement < 0, step_size * eta1, step_size))
    step_size = changed.clamp(step_size1, step_size2)
    g = choose(agreement < 0, g * 0.0, g)
    return p - g.sign() * step_size, g, step_size


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
        {shared}

    Raises:
        ValueError: ``lr`` is negative, or ``etas`` are not 0 < shrink < 1 < grow.

    Example:
        >>> import tritonnn as torch
        >>> w = torch.tensor([1.0, -3.0], requires_grad=True)
        >>> opt = torch.optim.Rprop([w], lr=0.5)
        >>> (w * w).sum().backward()
        >>> opt.step()
        >>> w.detach()
        tensor([ 0.5000, -2.5000])
    """

    _formula = staticmethod(rprop_formula)
    _state: ClassVar[dict[str, float | str]] = {"prev": 0, "step_size": "lr"}

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
        super().__init__(
            params, {"lr": lr, "etas": etas, "step_sizes": step_sizes},
            foreach=foreach, maximize=maximize, differentiable=differentiable, capturable=capturable,
        )  # fmt: skip


rprop = functional(
    "rprop",
    Rprop,
    {"params": None, "grads": None, "prevs": "prev", "step_sizes": "step_size", "state_steps": "step"},
    {"foreach": None, "capturable": False, "maximize": False, "differentiable": False, "has_complex": False},
    "step_size_min step_size_max etaminus etaplus",
)
