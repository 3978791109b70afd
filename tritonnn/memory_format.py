"""Memory formats: in which order the dimensions of a new tensor lie in memory."""

from __future__ import annotations

from collections.abc import Sequence

from tritonnn.shape import contiguous_strides, is_contiguous


class memory_format:
    """An order of dimensions, from slowest to fastest.

    >>> import tritonnn as torch
    >>> x = torch.zeros(1, 3, 2, 2).contiguous(memory_format=torch.channels_last)
    >>> x.stride()
    (12, 1, 6, 3)
    """

    __slots__ = ("name", "permutation")

    def __init__(self, name: str, permutation: tuple[int, ...] | None = None) -> None:
        self.name = name
        self.permutation = permutation

    def strides(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Strides of a fresh tensor of this format, in elements."""
        if self.permutation is None:
            return contiguous_strides(shape)
        if len(shape) != len(self.permutation):
            raise RuntimeError(f"required rank {len(self.permutation)} tensor to use {self.name} format")
        ordered = contiguous_strides([shape[d] for d in self.permutation])
        strides = [0] * len(shape)
        for dim, stride in zip(self.permutation, ordered, strict=True):
            strides[dim] = stride
        return tuple(strides)

    def matches(self, shape: Sequence[int], strides: Sequence[int]) -> bool:
        """Whether a geometry is dense in this format."""
        order = self.permutation
        if order is None:
            return is_contiguous(shape, strides)
        return len(shape) == len(order) and is_contiguous(
            [shape[d] for d in order], [strides[d] for d in order]
        )

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name


contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last", (0, 2, 3, 1))
channels_last_3d = memory_format("channels_last_3d", (0, 2, 3, 4, 1))


class layout:
    """How elements are laid out; only strided tensors exist here."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name


strided = layout("strided")
