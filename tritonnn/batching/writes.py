"""Writing into what is inside `vmap`: methods that are no entries of the op table."""

from __future__ import annotations

from typing import Any

from tritonnn._levels import Batched, below
from tritonnn._tensor import Tensor
from tritonnn.batching.values import materialized, raised
from tritonnn.errors import ValueDependent
from tritonnn.shape import Size, as_size


def copy_(self: Any, other: Any = None, non_blocking: bool = False, **old: Any) -> Tensor:
    """Overwrite with the values of `other`, broadcast and cast."""
    source = old.pop("src", None) if other is None else other
    level = self.level
    if isinstance(source, Batched) and source.level > level:
        raise unbatched("inplace arithmetic")
    if isinstance(source, Batched) and source.level == level:
        rank = len(self._shape)
        if len(source._shape) > rank:
            raise RuntimeError(
                f"copy_: The expanded size of the tensor {list(self._shape)} must match the existing size "
                f"{list(source._shape)}"
            )
        with below(level + 1):
            source = materialized(source, level, self.value._shape[0])
        with below(level):
            source = raised(source, rank)
    with below(level):
        self.value.copy_(source, non_blocking, **old)
    return self


def fill_(self: Any, value: Any) -> Tensor:
    """Overwrite every element with a number, or with that of a tensor of no dimensions."""
    if isinstance(value, Tensor):
        if value._shape:
            raise RuntimeError(
                f"fill_ only supports 0-dimension value tensor but got tensor with {len(value._shape)} dimensions."
            )
        return copy_(self, value)
    with below(self.level):
        self.value.fill_(value)
    return self


def resize_(self: Any, *sizes: Any, size: Any = None, memory_format: Any = None) -> Tensor:
    """The batch of another size; elements that are new are whatever lies there."""
    shape = Size(as_size(sizes or size, "resize_"))
    with below(self.level):
        self.value.resize_((self.value._shape[0], *shape), memory_format=memory_format)
    self._shape = shape
    return self


def zero_(self: Any) -> Tensor:
    """Overwrite with zeros."""
    return fill_(self, 0)


def unbatched(name: str) -> ValueDependent:
    """What is said of a write of samples that differ into a tensor that is one for all of them.

    An op within which that happens is called with one sample at a time.
    """
    return ValueDependent(
        f"vmap: {name}(self, *extra_args) is not possible because there exists a Tensor `other` in extra_args "
        "that has more elements than `self`. This happened due to `other` being vmapped over but `self` not being "
        f"vmapped over in a vmap. Please try to use out-of-place operators instead of {name}. If said operator is "
        "being called inside the PyTorch framework, please file a bug report instead."
    )
