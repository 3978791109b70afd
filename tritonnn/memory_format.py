"""Memory formats: in which order the dimensions of a new tensor lie in memory."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from tritonnn.shape import contiguous_strides, is_contiguous, is_dense


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
        return strides_in_order(shape, self.permutation)

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


CHANNELS_LAST = {4: channels_last, 5: channels_last_3d}


def strides_in_order(shape: Sequence[int], order: Sequence[int]) -> tuple[int, ...]:
    """Strides of a dense tensor whose dimensions lie in this order, from slowest to fastest."""
    strides = [0] * len(shape)
    for dim, stride in zip(order, contiguous_strides([shape[d] for d in order]), strict=True):
        strides[dim] = stride
    return tuple(strides)


Geometry = tuple[tuple[int, ...], tuple[int, ...]]  # shape, strides


@lru_cache(maxsize=4096)
def kept_strides(shape: tuple[int, ...], operands: tuple[Geometry, ...]) -> tuple[int, ...] | None:
    """Strides of the fresh result of elementwise work: dense, in the order of dimensions that the operands have.

    The first operand that tells two dimensions apart decides which of them is the slower one; a dimension along
    which it is broadcast tells nothing.

    Args:
        shape: the result's.
        operands: shape and strides of each; they broadcast to `shape`.

    Returns:
        None for row-major.
    """
    if 0 in shape:
        return None
    if all(own == shape for own, _ in operands):
        for format in (contiguous_format, channels_last):
            if all(format.matches(shape, strides) for _, strides in operands):
                return None if format is contiguous_format else format.strides(shape)
        first = operands[0][1]
        if all(strides == first for _, strides in operands) and is_dense(shape, first):
            return first
    expanded = [_broadcast_strides(*operand, shape) for operand in operands]
    order = list(range(len(shape)))  # sorted by insertion: not every pair can be told apart
    for place in range(len(shape) - 2, -1, -1):
        at = place
        for behind in range(place + 1, len(shape)):
            faster = _faster(shape, expanded, order[at], order[behind])
            if faster > 0:
                order[at], order[behind] = order[behind], order[at]
                at = behind
            elif faster < 0:
                break
    return None if order == sorted(order) else strides_in_order(shape, order)


def _broadcast_strides(
    own: tuple[int, ...], strides: tuple[int, ...], shape: tuple[int, ...]
) -> tuple[int, ...]:
    """An operand's strides along the dimensions of the result: 0 where it does not have them, or is broadcast."""
    lead = len(shape) - len(own)
    told = [
        0 if n == 1 and wanted != 1 else step
        for n, step, wanted in zip(own, strides, shape[lead:], strict=True)
    ]
    return (0,) * lead + tuple(told)


@lru_cache(maxsize=4096)
def strides_of_copy(shape: tuple[int, ...], strides: tuple[int, ...]) -> tuple[int, ...] | None:
    """Strides of a copy that keeps the layout (`preserve_format`): the same where they are dense.

    None for row-major.
    """
    return strides if is_dense(shape, strides) else kept_strides(shape, ((shape, strides),))


def _faster(shape: Sequence[int], operands: Sequence[Sequence[int]], a: int, b: int) -> int:
    """1 where dimension `a` is the faster one in memory, -1 where `b` is, 0 where no operand tells."""
    for strides in operands:
        if strides[a] and strides[b]:
            if strides[a] != strides[b]:
                return 1 if strides[a] < strides[b] else -1
            if shape[a] < shape[b]:
                return 1
    return 0


def format_of(input: Any) -> memory_format:
    """The format that work on a batch of images or volumes keeps: channels last if the strides of the input, which
    may have gaps, are in that order.
    """
    return contiguous_format if input._stride is None else _format_of(input._shape, input._stride)


def strides_in_format(shape: tuple[int, ...], *inputs: Any) -> tuple[int, ...] | None:
    """Strides of a result for a batch of images or volumes: channels last if one of the inputs is. None: row-major."""
    for input in inputs:
        if input._stride is not None:
            format = _format_of(input._shape, input._stride)
            if format is not contiguous_format:
                return format.strides(shape)
    return None


def strides_in_series(shape: tuple[int, ...], input: Any) -> tuple[int, ...] | None:
    """Strides of a result (N, C, L) in the format of series, seen as images of height 1. None: row-major."""
    if input._stride is None or len(shape) != 3 or len(input.shape) != 3:
        return None
    n, channels, length = input.shape
    step = input._stride[2]
    if _format_of((n, channels, 1, length), (*input._stride[:2], step * length, step)) is contiguous_format:
        return None
    return strides_in_order(shape, (0, 2, 1))


def strides_as(input: Any) -> tuple[int, ...] | None:
    """Strides of a fresh tensor that keeps the input's layout; None: row-major."""
    return None if input._stride is None else strides_of_copy(input._shape, input._stride)


def kept(shape: tuple[int, ...], tensors: Sequence[Any]) -> tuple[int, ...] | None:
    """`kept_strides` of tensors."""
    for tensor in tensors:
        if tensor._stride is not None:
            break
    else:
        return None
    return kept_strides(shape, tuple([(tensor._shape, tensor.stride()) for tensor in tensors]))


@lru_cache(maxsize=4096)
def _format_of(shape: tuple[int, ...], strides: tuple[int, ...]) -> memory_format:
    wanted = CHANNELS_LAST.get(len(shape))
    if wanted is None or wanted.permutation is None or strides[1] == 0 or 0 in shape:
        return contiguous_format
    least = 0
    for dim in reversed(wanted.permutation):
        # With extents of 1 both formats can fit; a batch stride like that of the channels speaks for row-major.
        if strides[dim] < least or (dim == 0 and least == strides[1]):
            return contiguous_format
        least = strides[dim] * max(shape[dim], 1)
    return wanted


class layout:
    """How elements are laid out: `torch.strided`, `torch.sparse_coo` for indices and values, or a compressed one.

    >>> import tritonnn as torch
    >>> torch.strided
    torch.strided
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name


strided = layout("strided")
sparse_coo = layout("sparse_coo")
sparse_csr = layout("sparse_csr")
sparse_csc = layout("sparse_csc")
sparse_bsr = layout("sparse_bsr")
sparse_bsc = layout("sparse_bsc")
jagged = layout("jagged")  # of nested tensors
