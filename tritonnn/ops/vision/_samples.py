"""Boxes for the samples of operators on boxes and regions."""

from __future__ import annotations

from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.ops.joining.joining import cat
from tritonnn.table import Make


def boxes(make: Make, count: int, extent: float = 8.0, smallest: float = 0.5) -> Tensor:
    """(count, 4) boxes (x1, y1, x2, y2), some of which reach beyond a square of that extent."""
    corner: Any = make(count, 2, low=-1.0, high=0.7 * extent)
    size: Any = make(count, 2, low=smallest, high=0.6 * extent)
    return cat([corner, corner + size], 1)


def regions(make: Make, images: int, count: int, extent: float = 8.0) -> Tensor:
    """(count, 5) regions: the number of an image, and a box."""
    number: Any = make.int(count, 1, low=0, high=images)
    return cat([number.to(make.dtype), boxes(make, count, extent)], 1)
