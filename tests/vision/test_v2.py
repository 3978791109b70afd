"""transforms.v2 and tv_tensors by what has to hold: boxes go with what they are around, one draw is for all."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import PIL.Image
import pytest

import tritonnn as torch
from tritonnn.utils.data import DataLoader, default_collate
from tritonnn.vision import tv_tensors
from tritonnn.vision.transforms import v2
from tritonnn.vision.transforms.v2 import functional as F

DEVICES = pytest.mark.parametrize("device", ["cpu", "cuda"])
HEIGHT, WIDTH = 40, 56
TOP, LEFT, BOTTOM, RIGHT = 12, 20, 22, 38


def scene(device: str = "cpu", format: str = "XYXY") -> dict[str, Any]:
    """A bright rectangle: in the picture, as a mask, as a box, and its corner pixels as points."""
    inside = torch.zeros(1, HEIGHT, WIDTH, dtype=torch.uint8)
    inside[:, TOP:BOTTOM, LEFT:RIGHT] = 1
    box = torch.tensor([[LEFT, TOP, RIGHT, BOTTOM]], dtype=torch.float32)
    points = torch.tensor([[LEFT, TOP], [RIGHT - 1, BOTTOM - 1]], dtype=torch.float32)
    canvas = (HEIGHT, WIDTH)
    return {
        "image": tv_tensors.Image(inside.repeat(3, 1, 1) * 200, device=device),
        "mask": tv_tensors.Mask(inside, device=device),
        "boxes": F.convert_bounding_box_format(
            tv_tensors.BoundingBoxes(box, format="XYXY", canvas_size=canvas, device=device), new_format=format
        ),
        "points": tv_tensors.KeyPoints(points, canvas_size=canvas, device=device),
    }


def around(mask: torch.Tensor) -> np.ndarray:
    """The box around what is set, XYXY."""
    rows, columns = np.nonzero(mask.as_subclass(torch.Tensor).numpy(force=True)[0])
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], dtype=np.float64)


# ---- what is around an object stays around it ---------------------------------------------------------------

MOVES: dict[str, tuple[Callable[[], v2.Transform], float]] = {
    "flip": (lambda: v2.RandomHorizontalFlip(p=1.0), 0.0),
    "flip vertically": (lambda: v2.RandomVerticalFlip(p=1.0), 0.0),
    "crop": (lambda: v2.RandomCrop((34, 50)), 0.0),
    "pad": (lambda: v2.Pad([3, 4, 5, 6]), 0.0),
    "zoom": (lambda: v2.RandomZoomOut(p=1.0, side_range=(1.0, 2.0)), 0.0),
    "center": (lambda: v2.CenterCrop((36, 52)), 0.0),
    "resize": (lambda: v2.Resize((2 * HEIGHT, 2 * WIDTH)), 0.0),
    "resize odd": (lambda: v2.Resize((61, 33)), 1.0),
    "quarter": (lambda: v2.RandomRotation((90, 90), expand=True), 0.01),
    "rotation": (lambda: v2.RandomRotation((25, 25), expand=True), 1.5),
    "affine": (lambda: v2.RandomAffine((10, 10), (0.05, 0.05), (0.8, 0.8), shear=(5, 5)), 1.5),
    "perspective": (lambda: v2.RandomPerspective(0.3, p=1.0), 1.5),
    "resized crop": (lambda: v2.RandomResizedCrop((50, 60), scale=(0.9, 1.0), ratio=(1.3, 1.5)), 1.5),
}


@pytest.mark.parametrize("format", ["XYXY", "XYWH", "CXCYWH"])
@pytest.mark.parametrize("name", MOVES)
def test_boxes_go_with_masks_and_pictures(name: str, format: str) -> None:
    make, atol = MOVES[name]
    torch.manual_seed(3)
    output = make()(scene(format=format))
    boxes = output["boxes"]
    assert boxes.format is tv_tensors.BoundingBoxFormat[format]
    corners = F.convert_bounding_box_format(boxes, new_format="XYXY").numpy()[0]
    np.testing.assert_allclose(corners, around(output["mask"]), atol=max(atol, 1e-5))
    np.testing.assert_allclose(corners, around(output["image"] > 100), atol=atol + 1)
    size = tuple(output["image"].shape[-2:])
    assert (
        size
        == tuple(boxes.canvas_size)
        == tuple(output["points"].canvas_size)
        == tuple(output["mask"].shape[-2:])
    )


@pytest.mark.parametrize("name", ["flip", "flip vertically", "crop", "pad", "zoom", "center"])
def test_points_go_with_masks(name: str) -> None:
    """The corner pixels that two points are on are those of the mask afterwards."""
    torch.manual_seed(3)
    output = MOVES[name][0]()(scene())
    x1, y1, x2, y2 = around(output["mask"])
    points = output["points"].numpy()
    np.testing.assert_allclose([*points.min(0), *points.max(0)], [x1, y1, x2 - 1, y2 - 1])


def test_points_seen_from_aside() -> None:
    """The map leads from the result to the input: applied to moved points it gives those that were moved."""
    a, b, c, d, e, f, g, h = coefficients = [1.2, 0.1, -3.0, 0.05, 0.9, 2.0, 0.004, -0.003]
    points = torch.tensor([[3.0, 4.0], [30.0, 7.0], [50.0, 39.0]], dtype=torch.float64)
    canvas = (HEIGHT, WIDTH)
    moved = F.perspective(
        tv_tensors.KeyPoints(points, canvas_size=canvas), None, None, coefficients=coefficients
    )
    x, y = moved.numpy().T
    back = np.stack([(a * x + b * y + c) / (g * x + h * y + 1), (d * x + e * y + f) / (g * x + h * y + 1)], 1)
    np.testing.assert_allclose(back, points.numpy(), atol=1e-9)


def test_a_rotated_box_stays_rotated() -> None:
    """It keeps its size; its centre and its angle turn."""
    box = tv_tensors.BoundingBoxes([[28.0, 20.0, 10.0, 6.0, 15.0]], format="CXCYWHR", canvas_size=(40, 56))
    np.testing.assert_allclose(F.rotate(box, 30.0).numpy(), [[28, 20, 10, 6, 45]], atol=1e-4)
    moved = F.rotate(box, 30.0, center=[20.0, 20.0]).numpy()[0]
    offset = (28 - 20) * np.exp(-1j * np.radians(30))  # y points down
    np.testing.assert_allclose(moved, [20 + offset.real, 20 + offset.imag, 10, 6, 45], atol=1e-4)
    flipped = F.horizontal_flip(box).numpy()
    np.testing.assert_allclose(flipped, [[56 - 28, 20, 10, 6, -15]], atol=1e-5)


def test_canvases_grow_as_pictures_do() -> None:
    """With `expand`; one pixel more or less, and no later transform knows the size of the sample."""
    sample = scene()
    for angle in np.linspace(0, 180, 61):
        size = tuple(F.rotate(sample["image"], float(angle), expand=True).shape[-2:])
        for part in ("boxes", "points"):
            assert F.rotate(sample[part], float(angle), expand=True).canvas_size == size, angle


@pytest.mark.parametrize("mode", ["soft", "hard"])
def test_clamped_rotated_boxes(mode: str) -> None:
    """Soft: at least what was inside is covered; hard: nothing is outside. The direction stays."""
    rng = np.random.default_rng(0)
    angles = rng.uniform(10, 80, 30)
    numbers = np.stack([*rng.uniform((2, 2), (54, 38), (30, 2)).T, *rng.uniform(6, 16, (2, 30)), angles], 1)
    boxes = tv_tensors.BoundingBoxes(numbers, format="CXCYWHR", canvas_size=(40, 56), clamping_mode=mode)
    clamped = F.clamp_bounding_boxes(boxes)
    turns = (clamped.numpy()[:, 4] - angles) % 90
    assert np.minimum(turns, 90 - turns).max() < 1e-6
    corners = F.convert_bounding_box_format(clamped, new_format="XYXYXYXY").numpy().reshape(-1, 4, 2)
    if mode == "hard":
        assert (corners > -1e-6).all() and (corners < np.array([56, 40]) + 1e-6).all()
    before = F.convert_bounding_box_format(boxes, new_format="XYXYXYXY").numpy().reshape(-1, 4, 2)
    whole = ((before >= 0) & (before <= [56, 40])).all((1, 2))
    assert 5 < whole.sum() < 30
    np.testing.assert_allclose(corners[whole], before[whole], atol=1e-6)


def test_upright_rotated_boxes_are_kept() -> None:
    """A side's length is what `min_size` is about, whatever the angle."""
    boxes = torch.tensor(
        [[20.0, 20.0, 10.0, 6.0, 90.0], [20.0, 20.0, 10.0, 0.5, 45.0], [20.0, 20.0, 0.5, 9.0, 0.0]]
    )
    kept, valid = F.sanitize_bounding_boxes(boxes, "CXCYWHR", (40, 56))
    assert valid.tolist() == [True, False, False] and kept.shape == (1, 5)


@pytest.mark.parametrize("empty", ["XYXY", "CXCYWHR", "points"])
def test_no_boxes(empty: str) -> None:
    """A picture without objects goes through a whole pipeline, its canvas with it."""
    image = tv_tensors.Image(torch.zeros(3, 40, 56))
    if empty == "points":
        nothing: Any = tv_tensors.KeyPoints(torch.zeros(0, 2), canvas_size=(40, 56))
    else:
        columns = 5 if empty == "CXCYWHR" else 4
        nothing = tv_tensors.BoundingBoxes(torch.zeros(0, columns), format=empty, canvas_size=(40, 56))
    moves = [
        v2.RandomRotation(30, expand=True),
        v2.RandomPerspective(p=1.0),
        v2.RandomZoomOut(p=1.0),
        v2.Resize(48),
    ]
    image, nothing = v2.Compose([*moves, v2.ElasticTransform(sigma=2.0), v2.RandomAffine(9)])(image, nothing)
    assert nothing.shape[0] == 0 and tuple(nothing.canvas_size) == tuple(image.shape[-2:])


# ---- samples ------------------------------------------------------------------------------------------------


def test_any_structure_passes() -> None:
    """What is no picture is the same object afterwards; the structure is that of the input."""
    other = object()
    sample = {"a": [scene()["image"], ("text", 3, None)], "b": {"c": other, "labels": torch.ones(2)}}
    output = v2.RandomHorizontalFlip(p=1.0)(sample)
    assert list(output) == ["a", "b"] and output["a"][1] == ("text", 3, None)
    assert output["b"]["c"] is other and output["b"]["labels"] is sample["b"]["labels"]
    assert isinstance(output["a"], list) and isinstance(output["a"][1], tuple)
    assert torch.equal(output["a"][0], sample["a"][0].flip(-1))


def test_which_plain_tensor_is_the_picture() -> None:
    first, second = torch.rand(3, 4, 4), torch.rand(3, 4, 4)
    flip = v2.RandomHorizontalFlip(p=1.0)
    got = flip({"x": first, "y": second})
    assert torch.equal(got["x"], first.flip(-1)) and got["y"] is second
    image = tv_tensors.Image(second)
    got = flip(first, image)
    assert got[0] is first and torch.equal(got[1], image.flip(-1))


def test_several_sizes_are_refused() -> None:
    sample = (tv_tensors.Image(torch.zeros(3, 4, 5)), tv_tensors.Mask(torch.zeros(5, 4)))
    with pytest.raises(ValueError, match=r"multiple HxW dimensions in the sample: \(4, 5\), \(5, 4\)"):
        v2.RandomCrop(3)(*sample)
    with pytest.raises(TypeError, match="No image"):
        v2.RandomChannelPermutation()("text")
    with pytest.raises(ValueError, match=r"crop size \(9, 9\) is larger than input image size \(4, 5\)"):
        v2.RandomCrop(9)(sample[0])


def test_a_transform_of_ones_own() -> None:
    class Shift(v2.Transform):
        def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
            return {"by": int(torch.randint(1, 3, ())), "size": v2.query_size(flat_inputs)}

        def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
            left = -params["by"]
            return self._call_kernel(F.crop, inpt, top=0, left=left, height=HEIGHT, width=WIDTH)

    output = Shift()(scene())
    np.testing.assert_allclose(output["boxes"].numpy()[0], around(output["mask"]))
    with pytest.raises(NotImplementedError, match="transform"):
        v2.Transform()(torch.zeros(1, 2, 2))


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_loses_what_a_file_does(channels: int) -> None:
    """A picture, a batch and a video as Pillow writes and reads them; less quality loses more."""
    y, x = np.mgrid[:32, :48]
    smooth = (127 + 100 * np.sin(x / 9) * np.cos(y / 7)).astype(np.uint8)
    picture = PIL.Image.fromarray(smooth).convert("RGB" if channels == 3 else "L")
    image = F.to_image(picture)
    errors = []
    for quality in (95, 10):
        want = F.pil_to_tensor(F.jpeg(picture, quality)).int()
        got = F.jpeg(image, quality)
        assert type(got) is tv_tensors.Image and (got.int() - want).abs().max() <= 2
        video = F.jpeg(tv_tensors.Video(torch.stack([image, image])), quality)
        assert type(video) is tv_tensors.Video and torch.equal(video[1], got + 0)
        errors.append((got.int() - image.int()).abs().float().mean())
    assert errors[0] < errors[1]
    assert v2.JPEG((10, 20))(image).shape == image.shape


def test_draws_follow_the_seed() -> None:
    transform = v2.Compose(
        [v2.RandomResizedCrop(20), v2.ColorJitter(0.3, 0.3, 0.3, 0.1), v2.TrivialAugmentWide()]
    )
    image = tv_tensors.Image(torch.randint(0, 256, (3, 40, 56), dtype=torch.uint8))
    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append(transform(image))
    assert torch.equal(results[0], results[1]) and not torch.equal(results[0], results[2])


# ---- batches ------------------------------------------------------------------------------------------------


class Squares(torch.utils.data.Dataset):
    """Pictures of one brightness each, which is their class by 10."""

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return torch.full((3, 8, 8), index / 10.0), index


@pytest.mark.parametrize("cls", [v2.MixUp, v2.CutMix])
def test_batches_are_mixed_as_labels_say(cls: type) -> None:
    """As collate function of a loader: the mean brightness of a picture is that of its labels."""
    mix = cls(num_classes=10, alpha=1.0)
    loader = DataLoader(Squares(), batch_size=4, collate_fn=lambda samples: mix(*default_collate(samples)))
    for images, labels in loader:
        assert images.shape == (4, 3, 8, 8) and labels.shape == (4, 10)
        torch.testing.assert_close(labels.sum(1), torch.ones(4))
        wanted = (labels * torch.arange(10) / 10.0).sum(1)
        torch.testing.assert_close(images.mean((1, 2, 3)), wanted, atol=1e-5, rtol=0)


# ---- tensors that say what they are -------------------------------------------------------------------------


def test_classes_survive_copies_and_files() -> None:
    """Deep copies, pickles and saved files keep class, metadata and what requires a gradient."""
    boxes = scene()["boxes"].requires_grad_()
    file = io.BytesIO()
    torch.save(boxes, file)
    file.seek(0)
    saved = torch.load(file, weights_only=False)
    for other in (copy.deepcopy(boxes), pickle.loads(pickle.dumps(boxes)), saved):
        assert type(other) is tv_tensors.BoundingBoxes and other.requires_grad and other.is_leaf
        assert (other.format, other.canvas_size, other.clamping_mode) == (
            boxes.format,
            (HEIGHT, WIDTH),
            "soft",
        )
        assert torch.equal(other, boxes) and other.data_ptr() != boxes.data_ptr()


def test_gradients_flow_through_transforms() -> None:
    leaf = torch.rand(3, 8, 8, requires_grad=True)
    output = v2.Compose([v2.RandomHorizontalFlip(p=1.0), v2.Normalize([0.5] * 3, [0.25] * 3), v2.Pad(1)])(
        tv_tensors.Image(leaf)
    )
    output.as_subclass(torch.Tensor).sum().backward()
    torch.testing.assert_close(leaf.grad, torch.full((3, 8, 8), 4.0))


def test_a_subclass_keeps_its_metadata() -> None:
    class Scored(tv_tensors.BoundingBoxes):
        _metadata = (*tv_tensors.BoundingBoxes._metadata, "score")

    scored = torch.ones(2, 4).as_subclass(Scored)
    scored.format, scored.canvas_size, scored.clamping_mode, scored.score = "XYXY", (3, 3), None, 0.5
    assert type(scored.clone()) is Scored and scored.clone().score == 0.5


# ---- devices ------------------------------------------------------------------------------------------------

ON_DEVICES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "flip": lambda s: v2.RandomHorizontalFlip(p=1.0)(s),
    "crop and resize": lambda s: v2.Compose([v2.CenterCrop((30, 30)), v2.Resize((20, 24))])(s),
    "rotation": lambda s: F.rotate(s["boxes"], 33.0, expand=True),
    "rotated picture": lambda s: F.rotate(s["image"], 33.0, fill=[3.0]),
    "perspective": lambda s: F.perspective(
        s["points"], None, None, coefficients=[1.1, 0.1, 2, 0, 0.9, 1, 0.001, 0]
    ),
    "elastic": lambda s: F.elastic(s["points"], torch.full((1, HEIGHT, WIDTH, 2), 0.1)),
    "clamp rotated": lambda s: F.clamp_bounding_boxes(
        torch.tensor([[2.0, 3.0, 20.0, 9.0, 30.0]], device=s["image"].device), "CXCYWHR", (40, 56), "hard"
    ),
    "values": lambda s: v2.Compose(
        [v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5, 0.4, 0.3], [0.2, 0.3, 0.4])]
    )(s["image"]),
    "sanitize": lambda s: v2.SanitizeBoundingBoxes(labels_getter=None)(s),
}


@DEVICES
@pytest.mark.parametrize("name", ON_DEVICES)
def test_devices(name: str, device: str) -> None:
    want, got = (torch.utils._pytree.tree_leaves(ON_DEVICES[name](scene(which))) for which in ("cpu", device))
    for one, other in zip(want, got, strict=True):
        assert other.device.type == device and type(one) is type(other)
        plain = one.as_subclass(torch.Tensor), other.as_subclass(torch.Tensor).cpu()
        torch.testing.assert_close(*plain, atol=1 if one.dtype == torch.uint8 else 1e-4, rtol=1e-4)


@pytest.mark.parametrize("size", [(5, 6), (1, 34), (8, 8), (13, 4)])
@pytest.mark.parametrize("angle", [90, 180.0, -90, 270, 450, 30])
def test_the_canvas_of_what_is_turned_is_the_picture(size: tuple[int, int], angle: float) -> None:
    boxes = tv_tensors.BoundingBoxes([[0, 0, 1, 1]], format="CXCYWH", canvas_size=size, dtype=torch.float32)
    points = tv_tensors.KeyPoints([[0.0, 0.0]], canvas_size=size)
    turned = F.rotate(tv_tensors.Image(torch.ones(1, *size)), angle, expand=True).shape[-2:]
    assert (
        F.rotate(boxes, angle, expand=True).canvas_size
        == F.rotate(points, angle, expand=True).canvas_size
        == turned
    )


def test_of_pictures() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (9, 7, 3), dtype=np.uint8)
    picture = PIL.Image.fromarray(noise)
    assert F.permute_channels(picture.convert("P"), [0]).mode == "L"
    turned = F.permute_channels(picture, [2, 1, 0])
    assert turned.mode == "RGB" and np.array_equal(np.array(turned), noise[..., ::-1])
    with pytest.warns(UserWarning, match="antialias is ignored"):
        v2.RandomResizedCrop((4, 3), antialias=False)(picture)
    with pytest.warns(UserWarning, match="antialias is ignored"):
        F.resized_crop(picture, 0, 0, 3, 3, [2, 2], antialias=False)


@DEVICES
def test_a_grey_picture_and_means_of_colours(device: str) -> None:
    grey = torch.full((1, 2, 2), 0.5, device=device)
    result = v2.Normalize([0.1, 0.2, 0.3], [0.5, 1.0, 2.0])(grey)
    assert torch.allclose(result[:, 0, 0].cpu(), torch.tensor([0.8, 0.3, 0.1])) and result.shape == (3, 2, 2)
    with pytest.raises(RuntimeError, match="shape"):
        v2.Normalize([0.1, 0.2, 0.3], [0.5], inplace=True)(grey)


def test_changes_of_a_subclass_of_an_augmentation() -> None:
    class Solarized(v2.TrivialAugmentWide):
        _AUGMENTATION_SPACE = {"Solarize": (lambda bins, height, width: torch.full((bins,), 0.5), False)}

    class Inverted(v2.RandAugment):
        _AUGMENTATION_SPACE = {"Invert": (lambda bins, height, width: None, False)}

    image = tv_tensors.Image(torch.tensor([[[0, 100, 200]]], dtype=torch.uint8))
    assert Solarized()(image).flatten().tolist() == [0, 100, 55]
    assert Inverted(num_ops=1)(image).flatten().tolist() == [255, 155, 55]
    magnitudes, signed = v2.RandAugment._AUGMENTATION_SPACE["ShearX"]
    assert magnitudes(3, 10, 10).tolist() == pytest.approx([0.0, 0.15, 0.3]) and signed
