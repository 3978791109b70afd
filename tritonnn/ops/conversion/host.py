"""Python functions applied element by element on the CPU: slow, for programs that cannot do without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tritonnn import dispatch
from tritonnn._tensor import Tensor
from tritonnn.device import CPU
from tritonnn.errors import fail
from tritonnn.ops._table import attach, checked
from tritonnn.ops.conversion.conversion import to_copy
from tritonnn.ops.conversion.overwriting import overwritten
from tritonnn.ops.creation.from_data import as_tensor


def _apply(name: str, self: Tensor, function: Callable, others: tuple[Tensor, ...]) -> Tensor:
    dispatch.check_inplace(to_copy.op, self)
    if any(t.device is not CPU for t in (self, *others)):
        raise fail(name, f"{name} is only implemented on CPU tensors", kind=TypeError, self=self)
    rows = [
        self.detach().reshape(-1).tolist(),
        *[t.detach().expand(self.shape).reshape(-1).tolist() for t in others],
    ]
    result: Any = as_tensor([function(*values) for values in zip(*rows, strict=True)], dtype=self.dtype)
    dispatch.copy_into(self, result.reshape(self.shape))
    return overwritten(self, name)


def apply_(self: Tensor, callable: Callable[[Any], Any]) -> Tensor:
    """Overwrite each element with `callable(element)` (CPU only).

    >>> import tritonnn as torch
    >>> torch.tensor([1., 2.]).apply_(lambda v: v * v)
    tensor([1., 4.])
    """
    return _apply("apply_", self, callable, ())


def map_(self: Tensor, other: Tensor, callable: Callable[[Any, Any], Any]) -> Tensor:
    """Overwrite each element with `callable(element, element of other)` (CPU only)."""
    return _apply("map_", self, callable, (other,))


def map2_(self: Tensor, x: Tensor, y: Tensor, callable: Callable[[Any, Any, Any], Any]) -> Tensor:
    """Overwrite each element with `callable(element, element of x, element of y)` (CPU only)."""
    return _apply("map2_", self, callable, (x, y))


attach(apply_=checked(apply_), map_=checked(map_), map2_=checked(map2_))
