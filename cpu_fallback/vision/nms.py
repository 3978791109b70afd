"""Non-maximum suppression, a block of boxes at a time."""

from __future__ import annotations

import numpy as np

Array = np.ndarray
BLOCK = 256  # boxes that are settled among themselves
PAIRS = 1 << 17  # overlaps that are computed at once: their temporaries stay in cache


class _Boxes:
    """Corners and areas of boxes, and their groups."""

    def __init__(self, boxes: Array, groups: Array | None) -> None:
        wide = boxes.astype(np.float32) if boxes.dtype.itemsize == 2 else boxes
        self.x1, self.y1, self.x2, self.y2 = np.ascontiguousarray(wide.T)
        self.areas = (self.x2 - self.x1) * (self.y2 - self.y1)
        self.groups = groups

    def overlap(self, some: Array, others: Array, threshold: float) -> Array:
        """(some, others): whether two boxes share more than the threshold of what they cover."""
        i = some[:, None]
        width = np.minimum(self.x2[i], self.x2[others]) - np.maximum(self.x1[i], self.x1[others])
        height = np.minimum(self.y2[i], self.y2[others]) - np.maximum(self.y1[i], self.y1[others])
        shared = np.maximum(width, 0, out=width)
        shared *= np.maximum(height, 0, out=height)
        covered = self.areas[i] + self.areas[others]
        covered -= shared
        over = np.divide(shared, covered, out=covered) > threshold
        if self.groups is not None:
            over &= self.groups[i] == self.groups[others]
        return over


def nms_keep(out: Array, boxes: Array, groups: Array | None, iou_threshold: float) -> None:
    """Of each box whether no box before it, which is kept and of its group, overlaps it by more than the threshold."""
    out[...] = False
    left = np.arange(len(boxes))
    with np.errstate(all="ignore"):
        known = _Boxes(boxes, groups)
        while len(left):
            block, left = left[:BLOCK], left[BLOCK:]
            kept = block[_settled(known.overlap(block, block, iou_threshold))]
            out[kept] = True
            step = max(1, PAIRS // len(kept))
            parts = [left[k : k + step] for k in range(0, len(left), step)]
            free = [part[~known.overlap(kept, part, iou_threshold).any(0)] for part in parts]
            left = np.concatenate(free) if free else left


def _settled(over: Array) -> Array:
    """Which boxes of a block are kept, of a matrix of who overlaps whom: only earlier ones remove."""
    over = np.triu(over, 1)
    kept = np.ones(len(over), bool)
    for i in np.flatnonzero(over.any(1)):
        if kept[i]:
            kept &= ~over[i]
    return kept
