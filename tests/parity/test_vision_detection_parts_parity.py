"""The parts of detectors, each by itself, beside torchvision's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from vision_detectors import OURS, THEIRS, permutation

import tritonnn


def flat(value: Any) -> list[np.ndarray]:
    """All numbers of a result, whatever it is made of."""
    if value is None:
        return []
    if isinstance(value, (torch.Tensor, tritonnn.Tensor)):
        return [value.detach().numpy()]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [array for one in value for array in flat(one)]
    if hasattr(value, "tensors"):
        return [*flat(value.tensors), np.array(value.image_sizes)]
    return [np.array(value)]


def boxes(rng: np.random.Generator, count: int, size: float = 60) -> np.ndarray:
    corners = np.sort(rng.uniform(-5, size, (count, 2, 2)), axis=1).reshape(count, 4)
    corners[:, 2:] += 1
    return corners.astype(np.float32)


class Given:
    """Arrays as tensors of a library, drawn alike for both."""

    def __init__(self, library: Any, seed: int) -> None:
        self.library, self.rng = library, np.random.default_rng(seed)

    def boxes(self, count: int, size: float = 60) -> Any:
        return self.library.from_numpy(boxes(self.rng, count, size))

    def normal(self, *shape: int) -> Any:
        return self.library.from_numpy(self.rng.normal(size=shape).astype(np.float32))

    def rand(self, *shape: int) -> Any:
        return self.library.from_numpy(self.rng.random(shape, dtype=np.float32))

    def ints(self, high: int, *shape: int) -> Any:
        return self.library.from_numpy(self.rng.integers(0, high, shape))


def ssd_boxes(vision: Any, **options: Any) -> Any:
    return vision.models.detection.anchor_utils.DefaultBoxGenerator([[2], [2, 3], [3]], **options)


def made(d: Any, g: Given, *shapes: tuple[int, int]) -> tuple[Any, list[Any]]:
    """A batch, and its feature maps."""
    batch = d.image_list.ImageList(g.rand(2, 3, 64, 96), [(60, 90), (64, 96)])
    return batch, [g.rand(2, 4, *shape) for shape in shapes]


def resized(d: Any, g: Given) -> Any:
    """The sizes that images get, of many sizes."""
    transform = d.transform.GeneralizedRCNNTransform(
        (53, 71), 97, [0.3] * 3, [0.7, 0.2, 1.0], size_divisible=8
    )
    shapes = [tuple(int(n) for n in g.rng.integers(20, 200, 2)) for _ in range(40)]
    out = []
    for shape in shapes:
        batch, _ = transform.eval()([g.rand(3, *shape)])
        out.append((*batch.image_sizes[0], *batch.tensors.shape[-2:]))
    return out


def targets_moved(d: Any, g: Given) -> Any:
    transform = d.transform.GeneralizedRCNNTransform(40, 64, [0.5] * 3, [0.5] * 3)
    target = {
        "boxes": g.boxes(3),
        "masks": g.ints(2, 3, 50, 70).to(g.library.uint8),
        "keypoints": g.rand(3, 4, 3),
    }
    batch, moved = transform([g.rand(3, 50, 70)], [target])
    found = [{"boxes": g.boxes(3), "masks": g.rand(3, 1, 28, 28), "keypoints": g.rand(3, 4, 3)}]
    return batch, moved, transform.eval().postprocess(found, batch.image_sizes, [(50, 70)])


def heat(d: Any, g: Given) -> Any:
    rois = g.boxes(4)
    keypoints = g.rand(4, 5, 3) * 60
    keypoints[0, 0, :2] = rois[0, 2:]
    keypoints[1, 1, :2] = rois[1, :2]
    keypoints[:, 2, 2] = 0
    return d.roi_heads.keypoints_to_heatmap(keypoints, rois, 14)


def sampled(d: Any, g: Given) -> Any:
    labels = [g.ints(4, 40) - 1, g.ints(2, 40) * 0, g.ints(2, 30) * 0 + 1, g.ints(2, 30) * 0 - 1]
    return d._utils.BalancedPositiveNegativeSampler(16, 0.3)(labels)


def box_losses(d: Any, g: Given) -> Any:
    coder = d._utils.BoxCoder((1.0, 2.0, 3.0, 4.0))
    given = coder, g.boxes(6), g.boxes(6), g.normal(6, 4)
    kinds = ("l1", "smooth_l1", "ciou", "diou", "giou")
    return [d._utils._box_loss(kind, *given, options) for kind in kinds for options in (None, {"beta": 0.1})]


def quality(g: Given) -> Any:
    """Overlaps with ties: predictions that fit two true boxes alike, and true boxes with two best predictions."""
    return g.ints(11, 6, 20) / 10


PARTS: dict[str, Callable[[Any, Given], Any]] = {
    "anchors": lambda d, g: d.anchor_utils.AnchorGenerator(((8, 13), (16, 21)), ((0.5, 1.0, 3.0),) * 2)(
        *made(d, g, (16, 24), (7, 12))
    ),
    "anchors of plain numbers": lambda d, g: [
        (a := d.anchor_utils.AnchorGenerator((8, 16), (0.5, 2.0))).num_anchors_per_location(), a.cell_anchors,
    ],
    "anchors of doubles": lambda d, g: d.anchor_utils.AnchorGenerator().generate_anchors(
        (31, 77), (0.3, 1.0), dtype=g.library.float64
    ),
    "default boxes": lambda d, g: ssd_boxes(g.vision)(*made(d, g, (8, 12), (4, 6), (2, 3))),
    "default boxes of steps": lambda d, g: ssd_boxes(
        g.vision, steps=[8, 16, 32], scales=[0.1, 0.4, 0.8, 1.3], clip=False
    )(*made(d, g, (8, 12), (4, 6), (2, 3))),
    "default boxes of one map": lambda d, g: d.anchor_utils.DefaultBoxGenerator([[2]], 0.2, 0.7)(*made(d, g, (8, 12))),
    "codes": lambda d, g: d._utils.BoxCoder((10.0, 10.0, 5.0, 5.0)).encode(
        [g.boxes(5), g.boxes(0), g.boxes(2)], [g.boxes(5), g.boxes(0), g.boxes(2)]
    ),
    "boxes of codes": lambda d, g: d._utils.BoxCoder((1.0, 2.0, 0.3, 4.0), 3.0).decode(
        g.normal(7, 12) * 3, [g.boxes(5), g.boxes(2)]
    ),
    "boxes of no codes": lambda d, g: d._utils.BoxCoder((1.0, 1.0, 1.0, 1.0)).decode(g.normal(0, 12), [g.boxes(0)]),
    "linear codes": lambda d, g: [
        d._utils.BoxLinearCoder(by_size).encode(g.boxes(5), g.boxes(5)) for by_size in (True, False)
    ],
    "boxes of linear codes": lambda d, g: [
        d._utils.BoxLinearCoder(by_size).decode(g.normal(5, 4), g.boxes(5)) for by_size in (True, False)
    ],
    "matches": lambda d, g: d._utils.Matcher(0.7, 0.3)(quality(g)),
    "matches of low quality": lambda d, g: d._utils.Matcher(0.95, 0.3, True)(quality(g)),
    "matches of equal thresholds": lambda d, g: d._utils.Matcher(0.5, 0.5)(quality(g)),
    "matches of ssd": lambda d, g: d._utils.SSDMatcher(0.8)(g.rand(6, 20)),
    "samples": sampled,
    "losses of boxes": box_losses,
    "sizes": resized,
    "targets": targets_moved,
    "heat maps": heat,
    "key points": lambda d, g: d.roi_heads.heatmaps_to_keypoints(g.normal(3, 4, 7, 7), g.boxes(3)),
    "no key points": lambda d, g: d.roi_heads.keypointrcnn_inference(g.normal(0, 4, 7, 7), [g.boxes(0)] * 2),
    "pasted masks": lambda d, g: d.roi_heads.paste_masks_in_image(g.rand(6, 1, 9, 9), g.boxes(6, 59), (60, 61)),
    "no masks": lambda d, g: d.roi_heads.paste_masks_in_image(g.rand(0, 1, 9, 9), g.boxes(0), (40, 50)),
    "masks of classes": lambda d, g: d.roi_heads.maskrcnn_inference(
        g.normal(5, 3, 4, 4), [g.ints(3, 2), g.ints(3, 0), g.ints(3, 3)]
    ),
    "masks on boxes": lambda d, g: d.roi_heads.project_masks_on_boxes(
        g.ints(2, 3, 40, 50).to(g.library.uint8), g.boxes(6), g.ints(3, 6), 7
    ),
    "expanded": lambda d, g: [
        d.roi_heads.expand_boxes(g.boxes(4), 1.3), d.roi_heads.expand_masks(g.rand(2, 1, 5, 5), 2),
    ],
    "predictions in order": lambda d, g: d.rpn.concat_box_prediction_layers(
        [g.normal(2, 3, 4, 5), g.normal(2, 3, 2, 2)], [g.normal(2, 12, 4, 5), g.normal(2, 12, 2, 2)]
    ),
    "channels": lambda d, g: d._utils.retrieve_out_channels(g.library.nn.Conv2d(3, 5, 1), (8, 4)),
}  # fmt: skip


@pytest.mark.parametrize("name", PARTS)
def test_part(name: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(torch, "randperm", permutation(torch))
    monkeypatch.setattr(tritonnn, "randperm", permutation(tritonnn))
    for seed in range(3):
        results = []
        for library, vision in (THEIRS, OURS):
            given = Given(library, seed)
            given.vision = vision
            with library.no_grad():
                results.append(flat(PARTS[name](vision.models.detection, given)))
        assert len(results[0]) == len(results[1])
        for expected, found in zip(*results):
            assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
            np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5)
