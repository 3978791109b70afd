"""Overlaps of rotated boxes."""

from __future__ import annotations

from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.ops._definitions import regions as define
from tritonnn.ops._fused import TYPE_NAMES
from tritonnn.ops._table import Bad, Sample, composite
from tritonnn.ops.elementwise.elementwise import cos, sin
from tritonnn.ops.elementwise.powers import atan2
from tritonnn.ops.joining.joining import cat, stack
from tritonnn.ops.sorting.sorting import argsort
from tritonnn.table import Make

_EPS = 1e-5  # of an edge: what counts as on it
_SMALLEST = 1e-14  # an area that counts as one


def _cross(a: Tensor, b: Tensor) -> Tensor:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def _offsets(boxes: Tensor) -> Tensor:
    """(N, 4, 2): from the centre to the corners."""
    _, _, w, h, degrees = boxes.unbind(-1)
    angle = degrees * (3.141592653589793 / 180)
    # counter-clockwise in a picture, whose y points down
    across = stack([cos(angle) * w, -sin(angle) * w], -1) / 2
    along = stack([sin(angle) * h, cos(angle) * h], -1) / 2
    return stack([-across - along, across - along, across + along, along - across], -2)


def _within(points: Tensor, box: Tensor) -> Tensor:
    """Which points (..., 4, 2) lie in a box of these corners (..., 4, 2)."""
    origin = box[..., :1, :]
    found = points[..., 0] == points[..., 0]
    for side in (box[..., 1:2, :] - origin, box[..., 3:, :] - origin):
        share = ((points - origin) * side).sum(-1)
        length = (side * side).sum(-1)
        found = (share >= -_EPS * length) & (share <= (1 + _EPS) * length) & found
    return found


def _crossings(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """The points (..., 16, 2) where edges of two boxes cross, and whether they do."""
    p, q = a[..., :, None, :], b[..., None, :, :]
    r, s = a.roll(-1, -2)[..., :, None, :] - p, b.roll(-1, -2)[..., None, :, :] - q
    turn = _cross(r, s)
    crossing = turn.abs() > _SMALLEST
    turn = turn.where(crossing, 1.0)
    t, u = _cross(q - p, s) / turn, _cross(q - p, r) / turn
    for place in (t, u):
        crossing = crossing & (place >= -_EPS) & (place <= 1 + _EPS)
    return (p + t[..., None] * r).flatten(-3, -2), crossing.flatten(-2)


def _area(points: Tensor, there: Tensor) -> Tensor:
    """The area of the convex figure around points (..., K, 2), of those that are there: sorted by their direction."""
    count = there.sum(-1, keepdim=True).clamp(min=1)
    middle = points.where(there[..., None], 0.0).sum(-2, keepdim=True) / count[..., None]
    first = there.to(dtypes.int64).argmax(-1)[..., None, None].expand(*points.shape[:-2], 1, 2)
    # what is not there stands where the first point is, and adds no area
    spread = points.where(there[..., None], points.gather(-2, first)) - middle
    held = spread.detach()
    order: Any = argsort(atan2(held[..., 1], held[..., 0]), -1)
    spread = spread.gather(-2, order[..., None].expand(spread.shape))
    area = _cross(spread, spread.roll(-1, -2)).sum(-1) / 2
    return area.where(there.any(-1), 0.0)


def _samples(make: Make) -> list[Sample]:
    def boxes(count: int) -> Tensor:
        return cat([make(count, 2), make(count, 2, low=0.5, high=3), make(count, 1, low=-180, high=180)], 1)

    some = boxes(3)
    return [Sample(some, boxes(4)), Sample(some.detach(), boxes(2)), Sample(boxes(1), make(0, 5))]


@composite(
    api="torchvision",
    dtypes=(dtypes.float32, dtypes.float64),
    samples=_samples,
    errors=lambda make: [
        Bad(make(5), make(2, 5), match="boxes1 should be a 2d tensor, got 1D"),
        Bad(make(2, 5), make(2, 4), match="boxes2 should have 5 elements in dimension 1, got 4"),
        Bad(make(2, 5), make.int(2, 5), match="boxes1 and boxes2 must have the same dtype"),
        Bad(make.int(2, 5), make.int(2, 5), match="not implemented for 'Long'"),
    ],
    reference=define.box_iou_rotated,
)
def box_iou_rotated(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """The share of the area of two rotated boxes that both have, of all pairs.

    Args:
        boxes1: (N, 5): centre x and y, width, height, and an angle in degrees, counter-clockwise as y points down.
        boxes2: (M, 5).

    Returns:
        (N, M). A box without area overlaps nothing.

    Raises:
        RuntimeError: shapes or types that do not fit.

    >>> import tritonnn as torch
    >>> torch.ops.torchvision.box_iou_rotated(torch.tensor([[0.0, 0, 2, 2, 0]]), torch.tensor([[0.0, 0, 2, 2, 45]]))
    tensor([[0.7071]])
    """
    one, two = boxes1, boxes2
    for name, boxes in (("boxes1", one), ("boxes2", two)):
        wrong = ""
        if len(boxes.shape) != 2:
            wrong = f"{name} should be a 2d tensor, got {len(boxes.shape)}D"
        elif boxes.shape[1] != 5:
            wrong = f"{name} should have 5 elements in dimension 1, got {boxes.shape[1]}"
        elif boxes1.dtype is not boxes2.dtype:
            wrong = "boxes1 and boxes2 must have the same dtype"
        elif boxes.dtype not in (dtypes.float32, dtypes.float64):
            wrong = (
                f"\"box_iou_rotated\" not implemented for '{TYPE_NAMES.get(boxes.dtype, boxes.dtype.name)}'"
            )
        if wrong:
            raise fail("box_iou_rotated", wrong, boxes1=boxes1, boxes2=boxes2)
    # about the middle between two centres, so that boxes far out lose nothing
    apart = ((one[:, None, :2] - two[None, :, :2]) / 2)[:, :, None]
    a, b = apart + _offsets(one)[:, None], _offsets(two)[None] - apart
    crossings, crossing = _crossings(a, b)
    points = cat([crossings, a, b], -2)
    shared = _area(points, cat([crossing, _within(a, b), _within(b, a)], -1))
    area1, area2 = (boxes[:, 2] * boxes[:, 3] for boxes in (one, two))
    real = (area1[:, None] >= _SMALLEST) & (area2 >= _SMALLEST)
    covered = (area1[:, None] + area2 - shared).where(real, 1.0)
    return (shared / covered).where(real, 0.0)
