"""Boxes: suppression of those that overlap, conversions, areas, overlaps, boxes of masks."""

from __future__ import annotations

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.ops.vision.nms import check_boxes, nms_in_groups
from tritonnn.vision.ops import _box_convert as convert
from tritonnn.vision.ops._utils import _upcast

_ALIGNED = ("xyxy", "xywh", "cxcywh")
_ROTATED = ("xywhr", "cxcywhr", "xyxyxyxy")
#: what a conversion is made of, of pairs that there is one of; those of whole numbers are rounded after each
_STEPS = {
    ("xywh", "xyxy"): (convert._box_xywh_to_xyxy,),
    ("cxcywh", "xyxy"): (convert._box_cxcywh_to_xyxy,),
    ("xyxy", "xywh"): (convert._box_xyxy_to_xywh,),
    ("xyxy", "cxcywh"): (convert._box_xyxy_to_cxcywh,),
    ("xywh", "cxcywh"): (convert._box_xywh_to_xyxy, convert._box_xyxy_to_cxcywh),
    ("cxcywh", "xywh"): (convert._box_cxcywh_to_xyxy, convert._box_xyxy_to_xywh),
    ("cxcywhr", "xywhr"): (convert._box_cxcywhr_to_xywhr,),
    ("xywhr", "cxcywhr"): (convert._box_xywhr_to_cxcywhr,),
    ("cxcywhr", "xyxyxyxy"): (convert._box_cxcywhr_to_xywhr, convert._box_xywhr_to_xyxyxyxy),
    ("xyxyxyxy", "cxcywhr"): (convert._box_xyxyxyxy_to_xywhr, convert._box_xywhr_to_cxcywhr),
    ("xywhr", "xyxyxyxy"): (convert._box_xywhr_to_xyxyxyxy,),
    ("xyxyxyxy", "xywhr"): (convert._box_xyxyxyxy_to_xywhr,),
}


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """The boxes that stay when each one, by falling score, removes those after it that it overlaps too much.

    Args:
        boxes: (N, 4) of x1, y1, x2, y2.
        scores: (N,), of the same type; of equal ones the first box comes first, on every device.
        iou_threshold: the largest share of the area of two boxes that both may have.

    Returns int64 numbers of the boxes that stay, by falling score.

    >>> import tritonnn as torch
    >>> boxes = torch.tensor([[0.0, 0, 4, 4], [1, 0, 5, 4], [5, 5, 9, 9]])
    >>> torch.vision.ops.nms(boxes, torch.tensor([0.8, 0.9, 0.1]), 0.5)
    tensor([1, 2])
    """
    return torch.ops.torchvision.nms(boxes, scores, iou_threshold)


def batched_nms(boxes: Tensor, scores: Tensor, idxs: Tensor, iou_threshold: float) -> Tensor:
    """`nms` within each class: boxes of different classes do not remove each other.

    Args:
        boxes: (N, 4) of x1, y1, x2, y2.
        scores: (N,), of the same type.
        idxs: (N,) classes.
        iou_threshold: as of `nms`.

    Returns int64 numbers of the boxes that stay, by falling score.

    >>> import tritonnn as torch
    >>> boxes = torch.tensor([[0.0, 0, 4, 4], [1, 0, 5, 4], [1, 0, 5, 4]])
    >>> torch.vision.ops.batched_nms(boxes, torch.tensor([0.8, 0.9, 0.1]), torch.tensor([0, 0, 1]), 0.5)
    tensor([1, 2])
    """
    check_boxes("batched_nms", boxes, scores)
    if idxs.shape != scores.shape:
        raise RuntimeError(
            f"batched_nms: idxs should have one class for each of {len(scores)} boxes, got shape {tuple(idxs.shape)}"
        )
    classes = torch.unique(idxs, return_inverse=True)[1] if idxs.is_floating_point() else idxs.to(torch.int64)
    return nms_in_groups(boxes, scores, classes, iou_threshold)


def remove_small_boxes(boxes: Tensor, min_size: float) -> Tensor:
    """The numbers of the boxes (x1, y1, x2, y2) of which no side is shorter than a size.

    >>> import tritonnn as torch
    >>> torch.vision.ops.remove_small_boxes(torch.tensor([[0.0, 0, 1, 9], [0, 0, 2, 2]]), 2)
    tensor([1])
    """
    sides = boxes[..., 2:4] - boxes[..., :2]
    return torch.where((sides >= min_size).all(-1))[0]


def clip_boxes_to_image(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Boxes (x1, y1, x2, y2) within an image of a size (height, width).

    >>> import tritonnn as torch
    >>> torch.vision.ops.clip_boxes_to_image(torch.tensor([[-1.0, 2, 9, 9]]), (5, 7))
    tensor([[0., 2., 7., 5.]])
    """
    height, width = size
    x, y = boxes[..., 0::2].clamp(min=0, max=width), boxes[..., 1::2].clamp(min=0, max=height)
    return torch.stack((x, y), dim=boxes.dim()).reshape(boxes.shape)


def box_convert(boxes: Tensor, in_fmt: str, out_fmt: str) -> Tensor:
    """Boxes in another format.

    Args:
        boxes: (..., K).
        in_fmt: 'xyxy' (two corners), 'xywh' (a corner and sides), 'cxcywh' (centre and sides), and rotated ones,
            'xywhr' and 'cxcywhr', with an angle in degrees counter-clockwise, or 'xyxyxyxy', four corners.
        out_fmt: another one; rotated boxes stay rotated.

    >>> import tritonnn as torch
    >>> torch.vision.ops.box_convert(torch.tensor([1.0, 2, 3, 6]), "xyxy", "cxcywh")
    tensor([2., 4., 2., 4.])

    Raises ValueError for an unknown format and NotImplementedError between rotated boxes and others.
    """
    pair = in_fmt, out_fmt
    words = f"Unsupported Bounding Box Conversions for given in_fmt {in_fmt} and out_fmt {out_fmt}"
    if not {*pair} <= {*_ALIGNED, *_ROTATED}:
        raise ValueError(words)
    if in_fmt == out_fmt:
        return boxes.clone()
    if pair not in _STEPS:
        raise NotImplementedError(words)
    for step in _STEPS[pair]:
        boxes = step(boxes)
    return boxes


def box_area(boxes: Tensor, fmt: str = "xyxy") -> Tensor:
    """The area of boxes (..., 4) of a format: 'xyxy', 'xywh' or 'cxcywh'.

    >>> import tritonnn as torch
    >>> torch.vision.ops.box_area(torch.tensor([[0, 0, 2, 3]]))
    tensor([6])

    Raises ValueError for another format.
    """
    if fmt not in _ALIGNED:
        raise ValueError(f"Unsupported Bounding Box area for given format {fmt}")
    a, b, c, d = _upcast(boxes).unbind(-1)
    return (c - a) * (d - b) if fmt == "xyxy" else c * d


def _borders(boxes: Tensor, fmt: str) -> list[tuple[Tensor, Tensor]]:
    """First and last coordinates of x, then of y, in the boxes' own type."""
    pairs = list(zip(boxes[..., :2].unbind(-1), boxes[..., 2:].unbind(-1)))
    if fmt == "xyxy":
        return pairs
    if fmt == "xywh":
        return [(first, first + side) for first, side in pairs]
    return [(middle - side / 2, middle + side / 2) for middle, side in pairs]


def _box_inter_union(boxes1: Tensor, boxes2: Tensor, fmt: str = "xyxy") -> tuple[Tensor, Tensor]:
    """The areas (..., N, M) that pairs share and cover."""
    area1, area2 = box_area(boxes1, fmt=fmt), box_area(boxes2, fmt=fmt)
    sides = []
    for (first1, last1), (first2, last2) in zip(_borders(boxes1, fmt), _borders(boxes2, fmt)):
        low = torch.max(first1[..., None], first2[..., None, :])
        high = torch.min(last1[..., None], last2[..., None, :])
        sides.append(_upcast(high - low).clamp(min=0))
    shared = sides[0] * sides[1]
    return shared, area1[..., None] + area2[..., None, :] - shared


def box_iou(boxes1: Tensor, boxes2: Tensor, fmt: str = "xyxy") -> Tensor:
    """The share of the area of two boxes that both have, of all pairs.

    Args:
        boxes1: (..., N, K).
        boxes2: (..., M, K).
        fmt: of both, as of `box_convert`.

    Returns (..., N, M).

    >>> import tritonnn as torch
    >>> torch.vision.ops.box_iou(torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[1.0, 0, 3, 2], [4, 4, 5, 5]]))
    tensor([[0.3333, 0.0000]])

    Raises ValueError for an unknown format.
    """
    if fmt in _ALIGNED:
        shared, covered = _box_inter_union(boxes1, boxes2, fmt=fmt)
        return shared / covered
    if fmt not in _ROTATED:
        raise ValueError(
            f"Unsupported format '{fmt}'. Supported axis-aligned formats: {_ALIGNED}. "
            f"Supported rotated formats: {_ROTATED}."
        )
    if fmt != "cxcywhr":
        boxes1, boxes2 = (box_convert(boxes, in_fmt=fmt, out_fmt="cxcywhr") for boxes in (boxes1, boxes2))
    return torch.ops.torchvision.box_iou_rotated(boxes1, boxes2)


def _hull(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """Sides (..., N, M, 2) of the smallest box around two."""
    low = torch.min(boxes1[..., None, :2], boxes2[..., None, :, :2])
    high = torch.max(boxes1[..., None, 2:], boxes2[..., None, :, 2:])
    return _upcast(high - low).clamp(min=0)


def generalized_box_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """`box_iou` of boxes (..., N, 4) and (..., M, 4), less the share of the box around two that neither has.

    >>> import tritonnn as torch
    >>> torch.vision.ops.generalized_box_iou(torch.tensor([[0.0, 0, 1, 1]]), torch.tensor([[2.0, 0, 3, 1]]))
    tensor([[-0.3333]])

    Source: https://arxiv.org/abs/1902.09630.
    """
    shared, covered = _box_inter_union(boxes1, boxes2)
    width, height = _hull(boxes1, boxes2).unbind(-1)
    around = width * height
    return shared / covered - (around - covered) / around


def _box_diou_iou(boxes1: Tensor, boxes2: Tensor, eps: float = 1e-7) -> tuple[Tensor, Tensor]:
    """`box_iou`, less the squared distance of centres in squared diagonals of the box around both; and it as it is."""
    iou = box_iou(boxes1, boxes2)
    diagonal = (_hull(boxes1, boxes2) ** 2).sum(-1) + eps
    centres1, centres2 = ((boxes[..., :2] + boxes[..., 2:]) / 2 for boxes in (boxes1, boxes2))
    distance = (_upcast(centres1[..., None, :] - centres2[..., None, :, :]) ** 2).sum(-1)
    return iou - distance / diagonal, iou


def complete_box_iou(boxes1: Tensor, boxes2: Tensor, eps: float = 1e-7) -> Tensor:
    """`distance_box_iou`, less a term for sides of different proportions.

    Args:
        boxes1: (..., N, 4) of x1, y1, x2, y2.
        boxes2: (..., M, 4).
        eps: added to what is divided by.

    >>> import tritonnn as torch
    >>> torch.vision.ops.complete_box_iou(torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[0.0, 0, 2, 1]]))
    tensor([[0.4655]])

    Source: https://arxiv.org/abs/1911.08287.
    """
    boxes1, boxes2 = _upcast(boxes1), _upcast(boxes2)
    diou, iou = _box_diou_iou(boxes1, boxes2, eps)
    angles = [torch.atan(torch.div(*(b[..., 2:] - b[..., :2]).unbind(-1))) for b in (boxes1, boxes2)]
    v = 4 / torch.pi**2 * (angles[0][..., None] - angles[1][..., None, :]) ** 2
    with torch.no_grad():
        alpha = v / (1 - iou + v + eps)
    return diou - alpha * v


def distance_box_iou(boxes1: Tensor, boxes2: Tensor, eps: float = 1e-7) -> Tensor:
    """`box_iou`, less a term for centres that lie apart.

    Args:
        boxes1: (..., N, 4) of x1, y1, x2, y2.
        boxes2: (..., M, 4).
        eps: added to what is divided by.

    >>> import tritonnn as torch
    >>> torch.vision.ops.distance_box_iou(torch.tensor([[0.0, 0, 1, 1]]), torch.tensor([[1.0, 0, 2, 1]]))
    tensor([[-0.2000]])

    Source: https://arxiv.org/abs/1911.08287.
    """
    return _box_diou_iou(_upcast(boxes1), _upcast(boxes2), eps=eps)[0]


def masks_to_boxes(masks: Tensor) -> Tensor:
    """The boxes (N, 4) of x1, y1, x2, y2 around what is not zero in masks (N, H, W); zeros for an empty mask.

    >>> import tritonnn as torch
    >>> torch.vision.ops.masks_to_boxes(torch.tensor([[[0, 0, 0], [0, 1, 1]]]))
    tensor([[1., 1., 2., 1.]])
    """
    if masks.numel() == 0:
        return torch.zeros((0, 4), device=masks.device, dtype=torch.float)
    _, height, width = masks.shape
    there = masks.bool()
    rows, columns = there.any(dim=2), there.any(dim=1)
    y, x = (torch.arange(n, device=masks.device) for n in (height, width))
    first = [torch.where(hit, at, n).amin(1) for hit, at, n in ((columns, x, width), (rows, y, height))]
    last = [torch.where(hit, at, -1).amax(1) for hit, at in ((columns, x), (rows, y))]
    boxes = torch.stack([*first, *last], dim=1).float()
    return torch.where(rows.any(1)[:, None], boxes, 0.0)
