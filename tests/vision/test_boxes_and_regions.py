"""Operators on boxes and regions: what the tests that entries make do not show."""

from __future__ import annotations

import numpy as np
import pytest

import tritonnn as torch
from tritonnn.vision import ops

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.kernels)]
on_devices = pytest.mark.parametrize("device", DEVICES)
REGIONS = ("roi_align", "roi_pool", "ps_roi_align", "ps_roi_pool")


def _boxes(count: int, extent: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    corner, size = rng.uniform(0, extent, (count, 2)), rng.uniform(1, extent / 3, (count, 2))
    return np.concatenate([corner, corner + size], 1).astype(np.float32)


# ---- suppression --------------------------------------------------------------------------------------------


def _kept(boxes: np.ndarray, scores: np.ndarray, threshold: float) -> list[int]:
    """One box after another, in float64."""
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    kept: list[int] = []
    for i in order:
        a = boxes[i].astype(float)
        for j in kept:
            b = boxes[j].astype(float)
            shared = max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
            areas = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
            if shared / (areas - shared) > threshold:
                break
        else:
            kept.append(i)
    return kept


@on_devices
@pytest.mark.parametrize("count", [1, 31, 32, 33, 130, 600])
def test_nms_of_any_number_of_boxes(count, device):
    """Around blocks of 32 on kernels and of 256 on the CPU; the threshold is a number of float32."""
    boxes = np.round(_boxes(count, 30))
    scores = np.random.default_rng(1).integers(0, 50, count).astype(np.float32)
    got = ops.nms(torch.from_numpy(boxes).to(device), torch.from_numpy(scores).to(device), 0.25)
    assert got.tolist() == _kept(boxes, scores, 0.25) and got.dtype is torch.int64


@on_devices
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_an_overlap_of_the_threshold_stays(dtype, device):
    """Two boxes of which each covers a third of both, and thresholds around that in the type that computes."""
    boxes = torch.tensor([[0, 0, 2, 2], [1, 0, 3, 2]], dtype=dtype, device=device)
    scores = torch.tensor([1, 0], dtype=dtype, device=device)
    third = 1 / 3 if dtype is torch.float64 else float(np.float32(1) / np.float32(3))
    assert len(ops.nms(boxes, scores, third)) == 2
    assert len(ops.nms(boxes, scores, float(np.nextafter(third, 0)))) == 1
    assert len(ops.nms(boxes, scores, float(np.nextafter(third, 1)))) == 2


@on_devices
def test_what_is_not_a_number_overlaps_nothing(device):
    nan = float("nan")
    boxes = torch.tensor(
        [[0, 0, 2, 2], [nan, 0, 2, 2], [0, 0, 2, 2], [1, 1, 1, 1], [1, 1, 1, 1]], device=device
    )
    scores = torch.tensor([0.5, 0.9, 0.5, nan, 0.1], device=device)
    assert ops.nms(boxes, scores, 0.5).tolist() == [3, 1, 0, 4]
    assert ops.nms(boxes, scores, nan).tolist() == [3, 1, 0, 2, 4]


@on_devices
def test_classes_do_not_remove_each_other(device):
    """Also with coordinates below zero, of which torchvision's sums with offsets of classes know nothing."""
    boxes, scores = _boxes(90, 20) - 30, np.random.default_rng(2).permutation(90).astype(np.float32)
    for classes in (np.arange(90) % 4, np.arange(90) % 4 + 0.5):
        wanted = [i for c in np.unique(classes) for i in np.flatnonzero(classes == c)[_kept(
            boxes[classes == c], scores[classes == c], 0.2)]]  # fmt: skip
        given = [torch.from_numpy(x).to(device) for x in (boxes, scores, classes)]
        got = ops.batched_nms(*given, 0.2).tolist()
        assert got == sorted(wanted, key=lambda i: -scores[i])
    with pytest.raises(RuntimeError, match="one class for each of 90 boxes"):
        ops.batched_nms(*given[:2], torch.zeros(3), 0.2)
    assert ops.batched_nms(torch.empty(0, 4), torch.empty(0), torch.empty(0), 0.5).shape == (0,)


# ---- regions ------------------------------------------------------------------------------------------------


def _call(name: str, image: torch.Tensor, rois: torch.Tensor) -> torch.Tensor:
    return getattr(ops, name)(image, rois, 2)


@on_devices
@pytest.mark.parametrize("name", REGIONS)
@pytest.mark.parametrize("number", [-1.0, 2.0, float("nan")])
def test_a_region_of_no_image_is_refused(name, number, device):
    image = torch.rand(2, 4, 5, 5, device=device)
    rois = torch.tensor([[0, 0, 0, 2, 2], [number, 0, 0, 2, 2]], device=device)
    with pytest.raises(
        IndexError,
        match=rf"{name}: region 1 is of image {number:g}, which is not in the valid range \[0, 2\)",
    ):
        _call(name, image, rois)


@on_devices
@pytest.mark.parametrize("name", REGIONS)
def test_regions_far_larger_than_their_image_take_no_time(name, device):
    """About one sample an element would be 10**18 of them."""
    image = torch.rand(1, 4, 5, 5, device=device, requires_grad=True)
    far = torch.tensor([[0, -1e9, -1e9, 1e9, 1e9], [0, 1e9, 1e9, 2e9, 2e9]], device=device)
    result = _call(name, image, far)
    result.sum().backward()
    assert result.isfinite().all() and image.grad.isfinite().all()


@on_devices
@pytest.mark.parametrize("name", REGIONS)
def test_what_is_not_finite_stays_where_it_is(name, device):
    """An element in a corner reaches the bin that it is in, and a gradient the elements that its bin is made of."""
    image = torch.rand(1, 4, 9, 9, device=device)
    image[0, :, 1, 1] = torch.tensor(
        [float("inf"), -float("inf"), float("inf"), -float("inf")], device=device
    )
    image[0, :, 7, 7] = float("nan")
    image.requires_grad_()
    rois = torch.tensor([[0, 0, 0, 8.0, 8.0]], device=device)
    result = _call(name, image, rois)
    assert result[0, :, 0, 1].isfinite().all() and result[0, :, 1, 0].isfinite().all()
    if name == "roi_align":
        assert result[0, :, 0, 0].tolist() == [float("inf"), -float("inf")] * 2
        assert result[0, :, 1, 1].isnan().all()
    result[0, :, 0, 0].sum().mul(float("nan")).backward()
    assert image.grad.isnan().any() and image.grad[0, :, 6:, 6:].isfinite().all()


@on_devices
@pytest.mark.parametrize("name", REGIONS)
def test_gradients_do_not_depend_on_chance(name, device):
    """Many regions over the same elements, twice; nothing of it is refused where that is asked for."""
    rng = np.random.default_rng(3)
    image = rng.normal(size=(1, 4, 6, 6)).astype(np.float32)
    rois = np.concatenate([np.zeros((12, 1)), _boxes(12, 6)], 1).astype(np.float32)
    found = []
    torch.use_deterministic_algorithms(True)
    try:
        for _ in range(2):
            x = torch.from_numpy(image).to(device).requires_grad_()
            (_call(name, x, torch.from_numpy(rois).to(device)) * 0.1).sum().backward()
            found.append(x.grad.cpu().numpy())
    finally:
        torch.use_deterministic_algorithms(False)
    np.testing.assert_array_equal(*found)


def test_means_of_a_plane_are_its_values():
    """Interpolation of a linear function is exact, so that the mean of a bin is the value at its centre."""
    y, x = np.mgrid[:12, :14].astype(np.float64)
    image = torch.from_numpy((3 * x - 2 * y + 1)[None, None])
    rois = torch.tensor([[0, 2.0, 1.5, 9.0, 7.5]], dtype=torch.float64)
    got = ops.roi_align(image, rois, (3, 2), aligned=True)[0, 0].numpy()
    wanted = [
        [3 * (2 + 7 * (j + 0.5) / 2 - 0.5) - 2 * (1.5 + 6 * (i + 0.5) / 3 - 0.5) + 1 for j in (0, 1)]
        for i in range(3)
    ]
    np.testing.assert_allclose(got, wanted, rtol=1e-12)


# ---- convolutions, namespace ----------------------------------------------------------------------------------


@on_devices
def test_taps_that_do_not_move_are_a_convolution(device):
    x, w, bias = torch.rand(2, 4, 7, 6), torch.rand(6, 2, 3, 2), torch.rand(6)
    wanted = torch.nn.functional.conv2d(x, w, bias, 2, (1, 2), (1, 2), 2)
    offset, mask = (
        torch.zeros(2, 2 * 2 * 6, *wanted.shape[2:]),
        torch.full((2, 2 * 6, *wanted.shape[2:]), 0.5),
    )
    given = [t.to(device) for t in (x, offset, w, bias)]
    got = ops.deform_conv2d(*given, stride=2, padding=(1, 2), dilation=(1, 2))
    torch.testing.assert_close(got.cpu(), wanted)
    half = ops.deform_conv2d(*given[:3], None, 2, (1, 2), (1, 2), mask.to(device))
    torch.testing.assert_close(half.cpu(), (wanted - bias.reshape(-1, 1, 1)) / 2)


def test_gradients_of_moved_taps():
    layer = ops.DeformConv2d(2, 4, (1, 2), groups=2).double()
    x, offset = (
        torch.rand(1, 2, 2, 3, dtype=torch.float64),
        torch.rand(1, 8, 2, 2, dtype=torch.float64) * 1.6 - 0.8,
    )
    mask = torch.rand(1, 4, 2, 2, dtype=torch.float64)
    inputs = [t.requires_grad_() for t in (x, offset, mask)]
    assert torch.autograd.gradcheck(layer, inputs)
    recorded = [
        torch.autograd.grad(layer(*inputs).exp().sum(), inputs, create_graph=way) for way in (False, True)
    ]
    torch.testing.assert_close(*recorded)
    assert torch.autograd.gradgradcheck(lambda *given: layer(*given).sin(), inputs)


def test_operators_by_name():
    operator = torch.ops.torchvision.nms
    assert str(operator) == "torchvision.nms" and operator.default.name() == "torchvision::nms"
    assert not hasattr(torch, "nms") and not hasattr(torch.nn.functional, "roi_align")
    with pytest.raises(AttributeError, match="'torchvision' object has no attribute 'other'"):
        _ = torch.ops.torchvision.other


def test_a_block_that_adds_nothing_says_so():
    from tritonnn.vision.ops.feature_pyramid_network import ExtraFPNBlock

    with pytest.raises(NotImplementedError, match="a subclass says what is added"):
        ExtraFPNBlock()([], [], [])


@on_devices
def test_autocast_computes_in_float32_and_gives_the_type_of_the_images(device):
    image = torch.rand(1, 4, 5, 5, device=device).bfloat16()
    rois = torch.tensor([[0, 0.3, 0.7, 3.1, 4.2]], device=device)
    with torch.autocast(device, torch.bfloat16):
        for name in REGIONS:
            result = _call(name, image, rois)  # types that differ are refused elsewhere
            wanted = _call(name, image.float(), rois).bfloat16()
            assert result.dtype is torch.bfloat16 and torch.equal(result, wanted)
        places = torch.ops.torchvision.roi_pool(image, rois, 1.0, 2, 2)[1]
        assert places.dtype is torch.int32
        assert ops.nms(rois[:, 1:].bfloat16(), rois[:, 0], 0.5).tolist() == [0]
        weight = torch.rand(2, 4, 1, 1, device=device)
        assert (
            ops.deform_conv2d(image, torch.zeros(1, 2, 5, 5, device=device), weight).dtype is torch.bfloat16
        )
