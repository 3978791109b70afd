"""Flatten and Unflatten."""

from __future__ import annotations

from collections.abc import Sequence

from tritonnn._tensor import Tensor
from tritonnn.nn.module import Module

__all__ = ["Flatten", "Unflatten"]


class Flatten(Module):
    """Merges the dimensions start_dim..end_dim into one; by default all but the batch.

    >>> import tritonnn as torch
    >>> torch.nn.Flatten()(torch.ones(8, 2, 5, 5)).shape
    torch.Size([8, 50])
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Tensor) -> Tensor:
        return input.flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Splits one dimension into several.

    Args:
        dim: the dimension to split.
        unflattened_size: its new extents, one of which may be -1.

    >>> import tritonnn as torch
    >>> torch.nn.Unflatten(1, (2, 5, 5))(torch.ones(8, 50)).shape
    torch.Size([8, 2, 5, 5])
    """

    def __init__(self, dim: int | str, unflattened_size: Sequence[int] | Sequence[tuple[str, int]]) -> None:
        super().__init__()
        if not isinstance(dim, int):
            raise TypeError(
                f"dim must be an int (tensors have no named dimensions), but found type {type(dim).__name__}"
            )
        if not isinstance(unflattened_size, (tuple, list)):
            raise TypeError(
                f"unflattened_size must be a tuple of ints, but found type {type(unflattened_size).__name__}"
            )
        for place, extent in enumerate(unflattened_size):
            if not isinstance(extent, int):
                raise TypeError(
                    "unflattened_size must be tuple of ints, but found element of type "
                    f"{type(extent).__name__} at pos {place}"
                )
        self.dim = dim
        self.unflattened_size = unflattened_size

    def forward(self, input: Tensor) -> Tensor:
        return input.unflatten(self.dim, self.unflattened_size)

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
