"""The autograd function by which module hooks see gradients; imported when the first such hook runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.autograd.function import Function


class BackwardHookFunction(Function):
    """Identity on tensors; backward hands their gradients to `visit`, whose result goes on instead.

    The name is what users read where they write into a result in place.
    """

    @staticmethod
    def forward(ctx: Any, visit: Callable[[tuple], tuple], *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.visit = visit
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(*[t for t in tensors if not t.requires_grad])
        return tensors

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple:
        return None, *ctx.visit(grads)
