"""Operators on boxes and regions, a box, a bin and a sample at a time."""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def _iou(a: Array, b: Array) -> float:
    """The area that two boxes share over the area that they cover."""
    sides = [max(0.0, min(a[d + 2], b[d + 2]) - max(a[d], b[d])) for d in (0, 1)]
    shared = sides[0] * sides[1]
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def nms(dets: Array, scores: Array, iou_threshold: float) -> Array:
    """Whoever is best of those who are left stays, and removes whom it overlaps."""
    left = sorted(range(len(scores)), key=lambda i: -scores[i])
    kept = []
    while left:
        best = left.pop(0)
        kept.append(best)
        left = [i for i in left if not _iou(dets[best], dets[i]) > iou_threshold]
    return np.array(kept, np.int64)
