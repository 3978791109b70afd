"""torch.autograd.Variable: what tensors were called once."""

from __future__ import annotations

from typing import Any

from tritonnn._overriding import _disabled_torch_function_impl
from tritonnn._tensor import Tensor
from tritonnn.errors import warn


class _VariableType(type(Tensor)):  # type: ignore[misc]
    """Calling `Variable` gives a plain tensor, and every tensor is an instance of it."""

    def __call__(cls, data: Any, requires_grad: bool = False, volatile: bool = False) -> Any:
        if volatile and requires_grad:
            raise ValueError("Variable can't be volatile and require_grad at the same time!")
        if volatile:
            warn("volatile was removed and now has no effect. Use `with torch.no_grad():` instead.")
        tensor = data.detach() if isinstance(data, Tensor) else data
        return tensor.requires_grad_() if requires_grad else tensor

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor)


class Variable(Tensor, metaclass=_VariableType):
    """Older name: a tensor over the memory of `data` that may require grad.

    >>> import tritonnn as torch
    >>> torch.autograd.Variable(torch.ones(1), requires_grad=True).requires_grad
    True
    """

    __torch_function__ = _disabled_torch_function_impl
