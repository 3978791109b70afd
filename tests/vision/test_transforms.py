"""Transforms against Pillow, NumPy and the standard library; what classes draw; devices; gradients."""

from __future__ import annotations

import colorsys
import math
import random
import warnings
from collections import Counter

import numpy as np
import PIL.Image
import PIL.ImageEnhance
import PIL.ImageOps
import pytest

import tritonnn as torch
from tritonnn.vision import transforms as T
from tritonnn.vision.transforms import functional as F

MODES = T.InterpolationMode
INNER = np.s_[:, 7:17, 10:23]  # at an edge Pillow does not mix in what is outside


def pixels(height: int = 24, width: int = 33) -> np.ndarray:
    """A photograph-like array (H, W, 3): waves and noise."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:height, :width]
    waves = np.stack([np.sin(x / 3), np.cos(y / 4), np.sin((x + y) / 5)], -1)
    return np.clip(127 + 90 * waves + rng.integers(-30, 30, (height, width, 3)), 0, 255).astype(np.uint8)


PICTURE = PIL.Image.fromarray(pixels())


def image() -> torch.Tensor:
    return F.pil_to_tensor(PICTURE)


def off(tensor: torch.Tensor, picture: PIL.Image.Image) -> int:
    """By how many levels a tensor differs from a picture at most."""
    return int(np.abs(tensor.numpy().astype(int) - F.pil_to_tensor(picture).numpy().astype(int)).max())


def test_conversions() -> None:
    assert np.array_equal(F.pil_to_tensor(PICTURE).numpy(), pixels().transpose(2, 0, 1))
    scaled = F.to_tensor(PICTURE)
    assert scaled.dtype == torch.float32 and scaled.is_contiguous()
    np.testing.assert_allclose(scaled.numpy(), pixels().transpose(2, 0, 1) / 255, atol=1e-7)
    assert np.array_equal(np.asarray(F.to_pil_image(scaled)), pixels())
    assert np.array_equal(np.asarray(F.to_pil_image(pixels())), pixels())
    assert F.to_pil_image(pixels(), "HSV").mode == "HSV"
    values = pixels()
    F.to_tensor(values).zero_()
    F.pil_to_tensor(PICTURE).zero_()
    assert np.array_equal(values, pixels()) and np.array_equal(np.asarray(PICTURE), pixels())


def test_to_tensor_follows_the_default_dtype() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        assert F.to_tensor(PICTURE).dtype == torch.float64
        assert F.to_tensor(PICTURE)[0, 0, 0].item() == pixels()[0, 0, 0] / 255
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("size", [(12, 15), (48, 60), (7, 50), (120, 99)])
def test_antialiased_resize_is_pillows(size: tuple[int, int]) -> None:
    for mode, number in ((MODES.BILINEAR, 2), (MODES.BICUBIC, 3)):
        wanted = PICTURE.resize(size[::-1], number)
        assert off(F.resize(image(), size, mode), wanted) <= 1
        assert np.array_equal(np.asarray(F.resize(PICTURE, size, mode)), np.asarray(wanted))
    assert off(F.F_t.resize(image(), size, "lanczos"), PICTURE.resize(size[::-1], 1)) <= 1
    nearest = PICTURE.resize(size[::-1], 0)
    assert off(F.resize(image(), size, MODES.NEAREST_EXACT), nearest) == 0


def test_resize_keeps_the_ratio() -> None:
    assert F.resize(PICTURE, 12).size == (16, 12)
    assert F.resize(image(), [12]).shape == (3, 12, 16)
    assert F.resize(image().transpose(1, 2), 12, max_size=14).shape == (3, 14, 10)
    assert F.resize(image()[None, None], [5, 6]).shape == (1, 1, 3, 5, 6)
    assert F.resize(torch.zeros(0, 3, 8, 8), [4, 4]).shape == (0, 3, 4, 4)


def test_crops_and_padding() -> None:
    values = image().numpy()
    zeros = np.pad(values, ((0, 0), (5, 7), (6, 8)))
    for top, left, height, width in (
        (0, 0, 24, 33),
        (2, 3, 4, 5),
        (-5, -6, 36, 47),
        (20, 30, 9, 9),
        (-4, 2, 3, 4),
    ):
        wanted = zeros[:, top + 5 : top + 5 + height, left + 6 : left + 6 + width]
        assert np.array_equal(F.crop(image(), top, left, height, width).numpy(), wanted)
        assert off(F.crop(image(), top, left, height, width), F.crop(PICTURE, top, left, height, width)) == 0
    for ours, numpys in (("edge", "edge"), ("reflect", "reflect"), ("symmetric", "symmetric")):
        wanted = np.pad(values, ((0, 0), (2, 4), (1, 3)), numpys)
        assert np.array_equal(F.pad(image(), [1, 2, 3, 4], 0, ours).numpy(), wanted)
        assert off(F.pad(image(), [1, 2, 3, 4], 0, ours), F.pad(PICTURE, [1, 2, 3, 4], 0, ours)) == 0
    assert np.array_equal(
        F.pad(image(), [-1, 2]).numpy(), np.pad(values[:, :, 1:-1], ((0, 0), (2, 2), (0, 0)))
    )
    colors = F.F_t.pad(image(), [1, 0, 0, 2], [7, 8, 9])
    assert colors[:, 3, 0].tolist() == colors[:, -1, 5].tolist() == [7, 8, 9]
    assert np.array_equal(colors[:, :-2, 1:].numpy(), values)
    view = F.crop(image(), 1, 1, 2, 2)
    assert view.is_contiguous() is False  # no copy was made


def test_a_picture_with_a_palette_keeps_it() -> None:
    palette = PICTURE.convert("P", palette=PIL.Image.Palette.ADAPTIVE)
    for mode in ("constant", "edge"):
        padded = F.pad(palette, 2, 0, mode)
        assert padded.mode == "P"
        inner = padded.convert("RGB").crop((2, 2, 35, 26))
        assert np.array_equal(np.asarray(inner), np.asarray(palette.convert("RGB")))


def test_turning_by_right_angles_is_exact() -> None:
    square = image()[:, :, :24]
    for turns in range(4):
        wanted = np.rot90(square.numpy(), turns, (1, 2))
        assert np.array_equal(F.rotate(square, 90.0 * turns).numpy(), wanted)
    assert np.array_equal(F.rotate(image(), 180).numpy(), image().numpy()[:, ::-1, ::-1])


def test_affine_moves_scales_and_fills() -> None:
    moved = F.affine(image(), 0, [4, -2], 1.0, 0, fill=[9.0])
    assert np.array_equal(moved.numpy()[:, :-2, 4:], image().numpy()[:, 2:, :-4])
    assert set(moved.numpy()[:, :, :4].ravel()) == {9}
    double = F.affine(image(), 0, [0, 0], 2.0, 0)
    assert np.array_equal(double.numpy()[:, ::2, ::2], image().numpy()[:, 6:18, 8:25])
    for mode in (MODES.NEAREST, MODES.BILINEAR):
        ours, pillows = (F.affine(one, 20, [2, 1], 1.1, [4, 0], mode) for one in (image(), PICTURE))
        assert np.abs(ours.numpy().astype(int) - np.asarray(pillows).transpose(2, 0, 1))[INNER].max() <= 1


def test_perspective_takes_corners_to_corners() -> None:
    corners = [[0, 0], [32, 0], [32, 23], [0, 23]]
    moved = [[3, 2], [29, 5], [31, 20], [2, 22]]
    a, b, c, d, e, f, g, h = F._get_perspective_coeffs(corners, moved)
    for (x, y), (start_x, start_y) in zip(moved, corners, strict=True):
        depth = g * x + h * y + 1
        assert (a * x + b * y + c) / depth == pytest.approx(start_x, abs=1e-4)
        assert (d * x + e * y + f) / depth == pytest.approx(start_y, abs=1e-4)
    ours, pillows = F.perspective(image(), corners, moved), F.perspective(PICTURE, corners, moved)
    assert np.abs(ours.numpy().astype(int) - np.asarray(pillows).transpose(2, 0, 1))[INNER].max() <= 1


def test_elastic_moves_by_halves_of_the_extent() -> None:
    right = torch.zeros(1, 24, 33, 2)
    right[..., 0] = 2 * 5 / 33
    assert np.array_equal(F.elastic_transform(image(), right).numpy()[:, :, :-5], image().numpy()[:, :, 5:])
    assert np.array_equal(np.asarray(F.elastic_transform(PICTURE, right))[:, :-5], pixels()[:, 5:])


def test_colors_are_pillows() -> None:
    for factor in (0.0, 0.6, 1.0, 1.9):
        for name, enhancer in (("brightness", "Brightness"), ("contrast", "Contrast"), ("saturation", "Color"),
                               ("sharpness", "Sharpness")):  # fmt: skip
            wanted = getattr(PIL.ImageEnhance, enhancer)(PICTURE).enhance(factor)
            change = getattr(F, f"adjust_{name}")
            assert np.array_equal(np.asarray(change(PICTURE, factor)), np.asarray(wanted))
            assert off(change(image(), factor), wanted) <= 2
    for name, args in (("invert", ()), ("posterize", (3,)), ("solarize", (99,)), ("equalize", ())):
        wanted = getattr(PIL.ImageOps, name)(PICTURE, *args)
        assert off(getattr(F, name)(image(), *args), wanted) == 0
        assert np.array_equal(np.asarray(getattr(F, name)(PICTURE, *args)), np.asarray(wanted))
    assert off(F.autocontrast(image()), PIL.ImageOps.autocontrast(PICTURE)) <= 1
    assert off(F.rgb_to_grayscale(image()), PICTURE.convert("L")) <= 1
    assert off(F.adjust_gamma(image(), 0.7, 0.9), F.adjust_gamma(PICTURE, 0.7, 0.9)) <= 1


def test_hue_is_the_standard_librarys() -> None:
    values = F.to_tensor(PICTURE)[:, :6, :6]
    for factor in (0.0, 0.25, -0.4):
        ours = F.adjust_hue(values, factor).permute(1, 2, 0).reshape(-1, 3).tolist()
        for rgb, got in zip(values.permute(1, 2, 0).reshape(-1, 3).tolist(), ours, strict=True):
            h, s, v = colorsys.rgb_to_hsv(*rgb)
            assert got == pytest.approx(colorsys.hsv_to_rgb((h + factor) % 1.0, s, v), abs=2e-5)
    gray = torch.full((3, 2, 2), 0.4)
    assert (
        torch.equal(F.adjust_hue(gray, 0.3), gray)
        and not torch.isnan(F.adjust_hue(torch.zeros(3, 1, 1), 0.1)).any()
    )


def test_blur_is_a_weighted_mean() -> None:
    dot = torch.zeros(1, 9, 11, dtype=torch.float64)
    dot[0, 4, 5] = 1.0
    y, x = np.mgrid[-3:4, -2:3]
    weights = np.exp(-(x**2) / (2 * 0.8**2) - y**2 / (2 * 1.5**2))
    got = F.gaussian_blur(dot, [5, 7], [0.8, 1.5])[0, 1:8, 3:8].numpy()
    np.testing.assert_allclose(got, weights / weights.sum(), atol=1e-12)
    flat = torch.full((2, 3, 8, 8), 77, dtype=torch.uint8)
    assert torch.equal(F.gaussian_blur(flat, 5), flat)


def test_values() -> None:
    scaled = F.convert_image_dtype(image())
    assert torch.equal(F.convert_image_dtype(scaled, torch.uint8), image())
    assert F.convert_image_dtype(torch.tensor([255], dtype=torch.uint8), torch.int16).item() == 255 * 128
    with pytest.raises(RuntimeError, match="cannot be performed safely"):
        F.convert_image_dtype(scaled, torch.int32)
    wanted = (scaled.numpy() - np.array([0.1, 0.2, 0.3])[:, None, None]) / np.array([0.5, 0.6, 0.7])[
        :, None, None
    ]
    np.testing.assert_allclose(
        F.normalize(scaled, (0.1, 0.2, 0.3), (0.5, 0.6, 0.7)).numpy(), wanted, atol=1e-6
    )
    before = scaled.clone()
    F.normalize(scaled, [0.5], [0.5])
    F.erase(scaled, 0, 0, 2, 2, torch.zeros(1))
    assert torch.equal(scaled, before)
    assert (
        F.erase(scaled, 0, 0, 2, 2, torch.zeros(1), inplace=True) is scaled and scaled[:, :2, :2].sum() == 0
    )


@pytest.mark.parametrize("make", [
    lambda: T.RandomHorizontalFlip(0.3), lambda: T.RandomVerticalFlip(0.3), lambda: T.RandomInvert(0.3),
    lambda: T.RandomApply([T.RandomInvert(1.0)], 0.3), lambda: T.RandomSolarize(0.0, 0.3),
    lambda: T.RandomErasing(0.3, (0.3, 0.4), (1.0, 1.0)), lambda: T.RandomPerspective(0.5, 0.3),
])  # fmt: skip
def test_probabilities(make) -> None:
    transform, before = make(), torch.arange(64.0).reshape(1, 8, 8) / 100 + 0.1
    changed = sum(not torch.equal(transform(before), before) for _ in range(300))
    assert abs(changed / 300 - 0.3) < 4 * math.sqrt(0.3 * 0.7 / 300)


def test_random_crops_reach_every_place() -> None:
    places = Counter(T.RandomCrop.get_params(torch.zeros(1, 5, 6), (4, 4))[:2] for _ in range(300))
    assert set(places) == {(i, j) for i in range(2) for j in range(3)} and min(places.values()) > 20
    assert T.RandomCrop.get_params(PICTURE, (24, 33)) == (0, 0, 24, 33)


def test_random_resized_crops_have_the_area_and_ratio() -> None:
    for _ in range(50):
        i, j, h, w = T.RandomResizedCrop.get_params(torch.zeros(1, 200, 300), (0.2, 0.4), (1.2, 2.0))
        assert 0.19 < h * w / 60000 < 0.41 and 1.15 < w / h < 2.05 and i + h <= 200 and j + w <= 300
        i, j, h, w, _ = T.RandomErasing.get_params(torch.zeros(1, 200, 300), (0.2, 0.4), (1.2, 2.0), [0.0])
        assert 0.19 < h * w / 60000 < 0.41 and 1.15 < h / w < 2.05 and i + h <= 200 and j + w <= 300
    assert T.RandomResizedCrop.get_params(torch.zeros(1, 10, 100), (1.0, 1.0), (0.5, 2.0)) == (0, 40, 10, 20)


def test_seeds_repeat() -> None:
    steps = [T.RandomResizedCrop(9), T.ColorJitter(0.3, 0.3, 0.3, 0.2), T.RandomAffine(20, (0.2, 0.2), (0.8, 1.2), 10),
             T.RandomChoice([T.RandomInvert(0.5), T.GaussianBlur(3)]), T.RandAugment(), T.AugMix()]  # fmt: skip
    for picture in (PICTURE, image()):
        results = []
        for _ in range(2):
            torch.manual_seed(3)
            random.seed(3)
            results.append(np.asarray(T.Compose(steps)(picture)).copy())
        assert np.array_equal(*results)


def test_old_names() -> None:
    with pytest.warns(UserWarning, match="Resize"):
        assert T.Scale(12)(PIL.Image.new("RGB", (10, 20))).size == (12, 24)
    with pytest.warns(UserWarning, match="RandomResizedCrop"):
        assert T.RandomSizedCrop(7)(PIL.Image.new("RGB", (20, 20))).size == (7, 7)
    with pytest.raises(TypeError, match="int or sequence"), warnings.catch_warnings(action="ignore"):
        T.Scale(1.5)


CALLS = [
    ("hflip", ()), ("crop", (-2, 3, 9, 60)), ("pad", ([1, 2, 3, 4], 0, "symmetric")), ("pad", ([1, 2], 7)),
    ("resize", ([9, 7],)), ("adjust_contrast", (0.3,)), ("adjust_hue", (0.2,)), ("adjust_sharpness", (1.7,)),
    ("autocontrast", ()), ("equalize", ()), ("gaussian_blur", ([5, 3],)), ("posterize", (2,)),
    ("rotate", (30.0, MODES.BILINEAR, True, None, [1.0, 2.0, 3.0])), ("affine", (10, [1, 2], 1.1, 3)),
    ("perspective", ([[0, 0], [11, 0], [11, 9], [0, 9]], [[1, 0], [11, 2], [10, 9], [0, 7]])),
    ("elastic_transform", (torch.full((1, 10, 12, 2), 0.1),)), ("erase", (1, 2, 3, 4, torch.zeros(3, 1, 1))),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args"), CALLS, ids=lambda value: value if isinstance(value, str) else "")
def test_any_dimensions_may_come_first(name: str, args: tuple) -> None:
    small = image()[:, :10, :12]
    batch = torch.stack([small, 255 - small, small.flip(-1), small // 2]).reshape(2, 2, 3, 10, 12)
    change = getattr(F, name)
    if name == "equalize":  # which refuses clips, but knows batches
        assert torch.equal(change(batch[0])[1], change(batch[0, 1]))
        return
    together = change(batch, *args)
    for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
        assert torch.equal(together[i, j], change(batch[i, j], *args))


@pytest.mark.parametrize(("name", "args"), CALLS, ids=lambda value: value if isinstance(value, str) else "")
@pytest.mark.parametrize("device", ["cuda"])
def test_a_gpu_computes_the_same(device: str, name: str, args: tuple) -> None:
    small = image()[:, :10, :12]
    here, there = getattr(F, name)(small, *args), getattr(F, name)(small.to(device), *args)
    assert there.device.type == device and there.dtype == here.dtype
    assert (here.to(torch.int32) - there.cpu().to(torch.int32)).abs().max() <= 1


@pytest.mark.parametrize("device", ["cuda"])
def test_classes_on_a_gpu(device: str) -> None:
    steps = T.Compose([
        T.RandomCrop(9), T.RandomHorizontalFlip(), T.ColorJitter(0.1, 0.1), T.AugMix(7, 2, 1, all_ops=False),
        T.ConvertImageDtype(torch.float32), T.Normalize([0.5] * 3, [0.5] * 3), T.RandomErasing(1.0, value="random"),
    ])  # fmt: skip
    result = steps(image()[:, :10, :12].to(device))
    assert result.device.type == device and result.shape == (3, 9, 9) and torch.isfinite(result).all()


def test_gradients_flow_through_tensors() -> None:
    rng = np.random.default_rng(0)
    start = torch.from_numpy(rng.uniform(0.2, 0.8, (1, 3, 4, 5)))
    calls = [
        ("resize", ([3, 3],)), ("rotate", (20.0, MODES.BILINEAR)), ("gaussian_blur", (3,)), ("adjust_contrast", (0.7,)),
        ("adjust_saturation", (0.7,)), ("adjust_gamma", (1.5,)), ("adjust_sharpness", (0.5,)), ("hflip", ()),
        ("normalize", ([0.5], [0.2])), ("pad", (1, 0, "reflect")), ("autocontrast", ()),
    ]  # fmt: skip
    for name, args in calls:
        leaf = start.clone().requires_grad_()
        assert torch.autograd.gradcheck(lambda x, f=getattr(F, name), a=args: f(x, *a), (leaf,), atol=1e-4), (
            name
        )


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("inplace", [False, True])
def test_more_means_than_channels_are_refused(device: str, inplace: bool) -> None:
    grey = torch.full((1, 2, 2), 0.5, device=device)
    with pytest.raises(RuntimeError, match="shape"):
        F.normalize(grey, [0.1, 0.2, 0.3], [0.5] * 3, inplace)
    with pytest.raises(RuntimeError, match="shape"):
        T.Normalize([0.1, 0.2, 0.3], [0.5], inplace)(grey)
    assert F.normalize(grey.expand(3, 2, 2), [0.1, 0.2, 0.3], [0.5]).shape == (3, 2, 2)


@pytest.mark.parametrize("seen", [PICTURE, image()], ids=["picture", "tensor"])
def test_points_that_no_perspective_takes_there(seen: object) -> None:
    corners = [[0, 0], [9, 0], [9, 9], [0, 9]]
    for points in ([[3, 3]] * 4, [[0, 0], [4, 4], [8, 8], [0, 9]], [[0, 0], [9, 0], [9, 9], [9, 9]]):
        with pytest.raises(torch.linalg.LinAlgError, match=r"perspective.*endpoints"):
            F.perspective(seen, corners, points)


def test_normalize_by_numbers_and_by_tensors() -> None:
    """Numbers are remembered by their type and values; what the type does not hold is infinite, or zero."""
    for dtype in (torch.float64, torch.float32, torch.float16):
        values = torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=dtype).reshape(2, 1, 2)
        for mean, std in (((0.1, 0.7), (0.3, 4.0)), ((0.7, 0.1), (4.0, 0.3)), ((0, 1), (2, True))):
            wanted = (values.numpy() - np.array(mean, dtype.np).reshape(2, 1, 1)) / np.array(
                std, dtype.np
            ).reshape(2, 1, 1)
            for of in (tuple, list, torch.DoubleTensor):
                for image in (values, values.clone(memory_format=torch.contiguous_format)):
                    made = F.normalize(image, of(mean), of(std), inplace=image is not values)
                    np.testing.assert_allclose(made.numpy(), wanted, rtol=3 * torch.finfo(dtype).eps)
                    assert (made is image) == (image is not values)
    assert F.normalize(torch.ones(1, 1, 1), [1e300], [1.0]).item() == -float("inf")
    for std in ([1.0, 1e-60], torch.tensor([1.0, 0.0])):
        with pytest.raises(ValueError, match="std evaluated to zero"):
            F.normalize(torch.ones(2, 1, 1), [0.5, 0.5], std)
