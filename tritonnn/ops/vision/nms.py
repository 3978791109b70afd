"""Non-maximum suppression: of boxes that overlap, the one of the highest score."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.ops._definitions import regions as define
from tritonnn.ops._fused import TYPE_NAMES
from tritonnn.ops._table import FLOATING, Bad, Out, Sample, composite, primitive
from tritonnn.ops.indexing.indexing import index_select, masked_select
from tritonnn.ops.sorting.sorting import argsort
from tritonnn.ops.vision._samples import boxes
from tritonnn.table import Make


def _rounded_down(number: float, dtype: dtypes.dtype) -> float:
    """The largest number of the type that computes which is no larger: x > number is then x > that number."""
    if dtype is dtypes.float64 or not math.isfinite(number):
        return number
    near = np.float32(number)
    return float(np.nextafter(near, np.float32(-np.inf)) if float(near) > number else near)


def _many(make: Make) -> tuple[Any, ...]:
    """Boxes in three groups, more than one block of any implementation."""
    return boxes(make, 300, 40.0), make.int(300, high=3)


@primitive(
    dtypes=FLOATING,
    samples=lambda make: [
        Sample(boxes(make, 20), None, 0.3), Sample(boxes(make, 40), make.int(40, high=3), 0.25),
        Sample(*_many(make), 0.2), Sample(make(0, 4), None, 0.5), Sample(boxes(make, 1), None, 0.0),
    ],
)  # fmt: skip
def nms_keep(boxes: Tensor, groups: Tensor | None, iou_threshold: float) -> Any:
    """Of each box whether no box before it, which is kept and of its group, overlaps it by more than the threshold.

    The overlap is the area that two boxes share over the area that they cover. What is not a number overlaps nothing.

    Args:
        boxes: (N, 4), the most important one first.
        groups: (N,) int64; None where all boxes are of one.
        iou_threshold: rounded down to the type that computes, so that float32 overlaps compare as float64 ones do.
    """
    return Out(boxes.shape[:1], dtypes.bool_), (boxes, groups, _rounded_down(iou_threshold, boxes.dtype))


def nms_in_groups(boxes: Tensor, scores: Tensor, groups: Tensor | None, iou_threshold: float) -> Tensor:
    """`nms`, with boxes of different groups indifferent to each other."""
    order = argsort(scores.detach(), 0, True, True)
    groups = groups if groups is None else index_select(groups, 0, order)
    return masked_select(order, nms_keep(index_select(boxes.detach(), 0, order), groups, iou_threshold))


@composite(
    api="torchvision",
    dtypes=FLOATING,
    no_derivative=True,
    samples=lambda make: [
        Sample(boxes(make, 30), make(30), 0.3), Sample(boxes(make, 30), make.int(30).to(make.dtype), 0.1),
        Sample(boxes(make, 4), make(4), 1.0), Sample(make(0, 4), make(0), 0.5),
    ],
    errors=lambda make: [
        Bad(make(3), make(3), 0.5, match="boxes should be a 2d tensor, got 1D"),
        Bad(make(3, 5), make(3), 0.5, match="boxes should have 4 elements in dimension 1, got 5"),
        Bad(make(3, 4), make(3, 1), 0.5, match="scores should be a 1d tensor, got 2D"),
        Bad(make(3, 4), make(4), 0.5, match="same number of elements in dimension 0, got 3 and 4"),
        Bad(make(3, 4), make.int(3), 0.5, match="dets should have the same type as scores"),
        Bad(make.int(3, 4), make.int(3), 0.5, match="not implemented for 'Long'"),
    ],
    reference=define.nms,
)  # fmt: skip
def nms(dets: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """The boxes that stay when each one, by falling score, removes those after it that it overlaps too much.

    Args:
        dets: (N, 4) boxes (x1, y1, x2, y2).
        scores: (N,), of the same type; NaN counts as the highest, and of equal ones the first box comes first.
        iou_threshold: the largest share of the area of two boxes that both may have.

    Returns:
        int64 numbers of the boxes that stay, by falling score.

    Raises:
        RuntimeError: shapes or types that do not fit.

    >>> import tritonnn as torch
    >>> boxes = torch.tensor([[0.0, 0, 4, 4], [1, 0, 5, 4], [5, 5, 9, 9]])
    >>> torch.ops.torchvision.nms(boxes, torch.tensor([0.8, 0.9, 0.1]), 0.5)
    tensor([1, 2])
    """
    check_boxes("nms", dets, scores)
    return nms_in_groups(dets, scores, None, iou_threshold)


def check_boxes(name: str, boxes: Tensor, scores: Tensor) -> None:
    """Refuse what are no boxes with their scores, in the name of a function."""

    def refused(text: str, kind: type[Exception] = RuntimeError) -> Exception:
        return fail(name, text, kind=kind, boxes=boxes, scores=scores)

    if len(boxes.shape) != 2:
        raise refused(f"boxes should be a 2d tensor, got {len(boxes.shape)}D")
    if boxes.shape[1] != 4:
        raise refused(f"boxes should have 4 elements in dimension 1, got {boxes.shape[1]}")
    if len(scores.shape) != 1:
        raise refused(f"scores should be a 1d tensor, got {len(scores.shape)}D")
    if boxes.shape[0] != scores.shape[0]:
        raise refused(
            "boxes and scores should have same number of elements in dimension 0, got "
            f"{boxes.shape[0]} and {scores.shape[0]}"
        )
    if boxes.dtype is not scores.dtype:
        raise refused("dets should have the same type as scores")
    if boxes.dtype not in FLOATING:
        raise refused(f"\"nms_kernel\" not implemented for '{TYPE_NAMES[boxes.dtype]}'")
