"""Parts of detectors against loops that say what they mean."""

from __future__ import annotations

import math

import numpy as np
import pytest

import tritonnn as torch
from tritonnn.vision.models.detection import roi_heads
from tritonnn.vision.models.detection._utils import (
    BalancedPositiveNegativeSampler,
    BoxCoder,
    BoxLinearCoder,
    Matcher,
    SSDMatcher,
)
from tritonnn.vision.models.detection.anchor_utils import AnchorGenerator, DefaultBoxGenerator
from tritonnn.vision.models.detection.image_list import ImageList


def boxes(count: int, seed: int = 0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    corners = np.sort(rng.uniform(0, 50, (count, 2, 2)), axis=1).reshape(count, 4) + [0, 0, 1, 1]
    return torch.from_numpy(corners.astype(np.float32))


def test_codes_of_boxes() -> None:
    """(x - x_a) / w_a and log(w / w_a) of middles and sizes, and back."""
    true, anchors = boxes(8), boxes(8, 1)
    coder = BoxCoder((10.0, 10.0, 5.0, 5.0))
    codes = coder.encode_single(true, anchors)
    for (x1, y1, x2, y2), (a1, b1, a2, b2), code in zip(true.tolist(), anchors.tolist(), codes.tolist()):
        assert math.isclose(
            code[0], 10 * ((x1 + x2) / 2 - (a1 + a2) / 2) / (a2 - a1), rel_tol=1e-3, abs_tol=1e-4
        )
        assert math.isclose(code[3], 5 * math.log((y2 - y1) / (b2 - b1)), rel_tol=1e-3, abs_tol=1e-4)
    torch.testing.assert_close(coder.decode_single(codes, anchors), true, rtol=1e-4, atol=1e-3)
    linear = BoxLinearCoder()
    torch.testing.assert_close(
        linear.decode(linear.encode(anchors, true), anchors), true, rtol=1e-4, atol=1e-3
    )


def test_sizes_that_are_decoded_have_a_limit() -> None:
    wide = BoxCoder((1.0, 1.0, 1.0, 1.0)).decode_single(
        torch.tensor([[0.0, 0, 99, 0]]), torch.tensor([[0.0, 0, 16, 16]])
    )
    assert math.isclose((wide[0, 2] - wide[0, 0]).item(), 1000, rel_tol=1e-5)


@pytest.mark.parametrize("low_quality", [False, True])
@pytest.mark.parametrize("high", [0.7, 1.1])  # with 1.1 nothing fits but for being the best
def test_matcher(high: float, low_quality: bool) -> None:
    quality = np.round(np.random.default_rng(2).random((5, 40)), 1).astype(np.float32)  # with ties
    found = Matcher(high, 0.4, low_quality)(torch.from_numpy(quality)).tolist()
    for column, match in enumerate(found):
        best = quality[:, column].max()
        expected = quality[:, column].argmax() if best >= high else -2 if best >= 0.4 else -1
        if low_quality and any(quality[row, column] == quality[row].max() for row in range(5)):
            expected = quality[:, column].argmax()
        assert match == expected


def test_every_true_box_has_a_match_in_ssd() -> None:
    quality = torch.tensor([[0.1, 0.2, 0.3], [0.05, 0.0, 0.1], [0.9, 0.8, 0.2]])
    assert SSDMatcher(0.5)(quality).tolist() == [2, 2, 1]  # the later of two true boxes wins


def test_sampler_fills_up_with_negatives() -> None:
    labels = torch.tensor([1] * 10 + [0] * 30 + [-1] * 5)
    for size, fraction, expected in (
        (16, 0.5, (8, 8)),
        (32, 0.5, (10, 22)),
        (64, 0.5, (10, 30)),
        (8, 0.0, (0, 8)),
    ):
        (positive,), (negative,) = BalancedPositiveNegativeSampler(size, fraction)([labels])
        assert (int(positive.sum()), int(negative.sum())) == expected
        assert not positive[10:].any() and not negative[:10].any() and not negative[40:].any()


def test_anchors_stand_around_every_point() -> None:
    generator = AnchorGenerator(((10, 20),), ((1.0, 4.0),))
    (anchors,) = generator(ImageList(torch.zeros(1, 3, 32, 64), [(32, 64)]), [torch.zeros(1, 8, 2, 4)])
    expected = []
    for y in (0, 16):
        for x in (0, 16, 32, 48):
            for ratio in (1, 4):  # height by width
                for size in (10, 20):
                    w, h = size / math.sqrt(ratio) / 2, size * math.sqrt(ratio) / 2
                    expected.append([x + round(-w), y + round(-h), x + round(w), y + round(h)])
    assert anchors.tolist() == expected


def test_anchors_for_other_maps_are_refused() -> None:
    with pytest.raises(AssertionError, match="2 maps with 2 strides came, and there are sizes for 1"):
        AnchorGenerator()(ImageList(torch.zeros(1, 3, 8, 8), [(8, 8)]), [torch.zeros(1, 2, 4, 4)] * 2)


def test_default_boxes() -> None:
    generator = DefaultBoxGenerator([[2]], scales=[0.25, 0.81], clip=True)
    (found,) = generator(ImageList(torch.zeros(1, 3, 100, 200), [(100, 200)]), [torch.zeros(1, 8, 1, 2)])
    sizes = [(0.25, 0.25), (0.45, 0.45), (0.25 * 2**0.5, 0.25 / 2**0.5), (0.25 / 2**0.5, 0.25 * 2**0.5)]
    expected = [
        [(x - w / 2) * 200, (0.5 - h / 2) * 100, (x + w / 2) * 200, (0.5 + h / 2) * 100]
        for x in (0.25, 0.75)
        for w, h in sizes
    ]
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5)


def test_key_points_go_through_heat_maps() -> None:
    """What a head that is right says comes back, within half a cell."""
    rois = boxes(6)
    rng = np.random.default_rng(4)
    inside = torch.from_numpy(rng.uniform(0.05, 0.95, (6, 3, 2)).astype(np.float32))
    points = torch.cat(
        (rois[:, None, :2] + inside * (rois[:, None, 2:] - rois[:, None, :2]), torch.ones(6, 3, 1)), 2
    )
    places, valid = roi_heads.keypoints_to_heatmap(points, rois, 56)
    assert valid.all()
    axis = torch.arange(56)
    distance = (axis - places[..., None] // 56)[..., None] ** 2 + (axis - places[..., None] % 56)[
        ..., None, :
    ] ** 2
    maps = torch.exp(-distance / 50.0)
    found, scores = roi_heads.heatmaps_to_keypoints(maps, rois)
    room = ((rois[:, 2:] - rois[:, :2]) / 56 + 1)[:, None]
    assert ((found[..., :2] - points[..., :2]).abs() <= room).all()
    assert found[..., 2].eq(1).all() and (scores > 0).all()


def test_key_points_that_do_not_count() -> None:
    roi = torch.tensor([[10.0, 10, 20, 30]])
    points = torch.tensor([[[10.0, 10, 1], [20, 30, 1], [15, 20, 0], [9, 20, 1], [15, 31, 1]]])
    places, valid = roi_heads.keypoints_to_heatmap(points, roi, 8)
    assert valid.tolist() == [[1, 1, 0, 0, 0]]
    assert places.tolist() == [[0, 63, 0, 0, 0]]


def test_a_mask_fills_its_box_and_nothing_outside() -> None:
    corners = torch.tensor(
        [[4.0, 6, 16, 20], [-6, -8, 3, 5], [30, 30, 60, 70], [50, 2, 60, 9], [-9, 1, -5, 4]]
    )
    pasted = roi_heads.paste_masks_in_image(torch.ones(5, 1, 28, 28), corners, (40, 48))
    assert pasted.shape == (5, 1, 40, 48)
    for (x1, y1, x2, y2), mask in zip(corners.tolist(), pasted[:, 0]):
        rows, columns = np.mgrid[:40, :48]
        deep = (rows > y1) & (rows < y2) & (columns > x1) & (columns < x2)
        near = (rows > y1 - 3) & (rows < y2 + 3) & (columns > x1 - 3) & (columns < x2 + 3)
        assert (mask.numpy()[deep] > 0.5).all()
        assert (mask.numpy()[~near] == 0).all()


def test_of_a_mask_that_begins_outside_the_rest_is_seen() -> None:
    """A ramp from 0 to 1, in a box whose first half is left of the image, begins with 0.5."""
    ramp = torch.linspace(0, 1, 29)[:-1].expand(1, 1, 28, 28)
    pasted = roi_heads.paste_masks_in_image(ramp, torch.tensor([[-20.0, 4, 20, 16]]), (20, 30))
    np.testing.assert_allclose(pasted[0, 0, 10, :18].numpy(), 0.5 + np.arange(18) / 40, atol=0.05)


def test_true_masks_are_cut_out_for_the_loss() -> None:
    mask = torch.zeros(1, 20, 20, dtype=torch.uint8)
    mask[0, :, 10:] = 1
    found = roi_heads.project_masks_on_boxes(mask, torch.tensor([[0.0, 0, 20, 20]]), torch.tensor([0]), 4)
    assert (found[0, :, :1] == 0).all() and (found[0, :, 3:] == 1).all()


def test_no_positive_proposal_still_gives_gradients() -> None:
    logits = torch.randn(0, 3, 4, 4, requires_grad=True)
    none = [torch.zeros(0, dtype=torch.int64)]
    mask = torch.ones(1, 8, 8, dtype=torch.uint8)
    loss = roi_heads.maskrcnn_loss(logits, [torch.zeros(0, 4)], [mask], [torch.tensor([1])], none)
    points = roi_heads.keypointrcnn_loss(logits, [torch.zeros(0, 4)], [torch.ones(1, 3, 3)], none)
    (loss + points).backward()
    assert loss == 0 == points and logits.grad is not None
