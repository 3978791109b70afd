"""Parts along the first, second or third dimension, as NumPy names them: hsplit, vsplit, dsplit; ravel."""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.ops._table import ANY, Bad, Sample, composite
from tritonnn.ops.joining.joining import tensor_split
from tritonnn.table.types import IntOrInts


def _sections(name: str, least: int, input: Tensor, dim: int, sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` where a number of sections divides the dimension."""
    if len(input.shape) < least:
        text = f"requires a tensor with at least {least} dimension, but got a tensor with {len(input.shape)}"
        raise fail(name, f"torch.{name} {text} dimensions!", input=input)
    extent = input.shape[dim]
    if isinstance(sections, int) and (sections == 0 or extent % sections):
        text = f"attempted to split along dimension {dim}, but the size of the dimension {extent} is not divisible by "
        raise fail(name, f"torch.{name} {text}the split_size {sections}!", input=input)
    return tensor_split(input, sections, dim)


def _numpy(split: Any) -> Any:
    """The definition: NumPy's function, which takes lists for places."""
    return lambda input, indices_or_sections: tuple(split(input, indices_or_sections))


_KEYWORDS = dict.fromkeys(("indices", "sections", "split_size_or_sections"), "indices_or_sections")


def _in_line(args: tuple, kwargs: dict[str, Any]) -> tuple:
    """Places that are given one after the other."""
    places = args[1:]
    return (args[0], places) if all(isinstance(place, int) for place in places) else args


@composite(
    api="torch tensor", dtypes=ANY, keywords=_KEYWORDS, legacy=_in_line, reference=_numpy(np.hsplit),
    samples=lambda make: [Sample(make(3, 4), 2), Sample(make(6), 3), Sample(make(2, 5), (1, 3))],
    errors=lambda make: [Bad(make(()), 2, match="at least 1 dimension"), Bad(make(2, 3), 2, match="not divisible by")],
)  # fmt: skip
def hsplit(input: Tensor, indices_or_sections: IntOrInts) -> tuple[Tensor, ...]:
    """Views of parts along the second dimension, of a vector along its only one.

    >>> import tritonnn as torch
    >>> torch.hsplit(torch.arange(4), 2)
    (tensor([0, 1]), tensor([2, 3]))
    """
    return _sections("hsplit", 1, input, 0 if len(input.shape) == 1 else 1, indices_or_sections)


@composite(
    api="torch tensor", dtypes=ANY, keywords=_KEYWORDS, legacy=_in_line, reference=_numpy(np.vsplit),
    samples=lambda make: [Sample(make(4, 3), 2), Sample(make(5, 2), (1, 3))],
    errors=lambda make: [Bad(make(4), 2, match="at least 2 dimension"), Bad(make(3, 2), 2, match="not divisible by")],
)  # fmt: skip
def vsplit(input: Tensor, indices_or_sections: IntOrInts) -> tuple[Tensor, ...]:
    """Views of parts along the first dimension.

    >>> import tritonnn as torch
    >>> torch.vsplit(torch.tensor([[0, 1], [2, 3]]), 2)
    (tensor([[0, 1]]), tensor([[2, 3]]))
    """
    return _sections("vsplit", 2, input, 0, indices_or_sections)


@composite(
    api="torch tensor", dtypes=ANY, keywords=_KEYWORDS, legacy=_in_line, reference=_numpy(np.dsplit),
    samples=lambda make: [Sample(make(2, 3, 4), 2), Sample(make(1, 2, 5), (1, 3))],
    errors=lambda make: [
        Bad(make(4, 2), 2, match="at least 3 dimension"), Bad(make(2, 2, 3), 2, match="not divisible by"),
    ],
)  # fmt: skip
def dsplit(input: Tensor, indices_or_sections: IntOrInts) -> tuple[Tensor, ...]:
    """Views of parts along the third dimension.

    >>> import tritonnn as torch
    >>> [part.shape for part in torch.dsplit(torch.zeros(2, 2, 4), 2)]
    [torch.Size([2, 2, 2]), torch.Size([2, 2, 2])]
    """
    return _sections("dsplit", 3, input, 2, indices_or_sections)


@composite(
    api="torch tensor", dtypes=ANY, reference=lambda input: np.ravel(input),
    samples=lambda make: [Sample(make(2, 3)), Sample(make(())), Sample(make(3, 2).t())],
    errors=lambda make: [Bad("a", error=TypeError, match="must be Tensor")],
)  # fmt: skip
def ravel(input: Tensor) -> Tensor:
    """All elements in a row; a view where they lie so.

    >>> import tritonnn as torch
    >>> torch.ravel(torch.tensor([[1, 2], [3, 4]]))
    tensor([1, 2, 3, 4])
    """
    return input.contiguous().view(-1)
