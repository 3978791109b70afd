"""Classes of transforms.v2 against torchvision, with the same draws: what becomes of whole samples, reprs, errors."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch as theirs
from vision_v2_draws import Draws, draws  # noqa: F401
from vision_v2_inputs import HEIGHT, WIDTH, made, outcome, same, their_tv, their_v2, translated

import tritonnn as ours
from tritonnn.vision import tv_tensors as our_tv
from tritonnn.vision.transforms import v2 as our_v2

Make = Callable[[Any, Any, Any], Any]
THEIRS, OURS = (their_v2, their_tv, theirs), (our_v2, our_tv, ours)


def detection() -> tuple[dict[str, Any], dict[str, Any]]:
    """Pictures, boxes, masks, points, labels and what is none of these, in dictionaries within a dictionary."""
    parts = {"image": "image", "boxes": "boxes XYXY", "points": "points"}
    both = {name: made(kind) for name, kind in parts.items()}
    masks = np.random.default_rng(5).integers(0, 2, (12, HEIGHT, WIDTH)).astype(np.uint8)
    samples = []
    for i, (_, tv, torch) in enumerate((THEIRS, OURS)):
        target = {name: both[name][i] for name in ("boxes", "points")}
        target |= {
            "masks": tv.Mask(torch.from_numpy(masks.copy())),
            "labels": torch.arange(12),
            "name": "a",
            "id": 3,
        }
        samples.append({"image": both["image"][i], "target": target})
    return samples[0], samples[1]


def segmentation() -> tuple[Any, Any]:
    images, masks = made("image float"), made("mask")
    return (images[0], masks[0]), (images[1], masks[1])


def supplement() -> tuple[Any, Any]:
    """A plain tensor, which is the picture, and one more, which is not."""
    images = made("plain")
    return (images[0], theirs.ones(3)), (images[1], ours.ones(3))


def pillow() -> tuple[Any, Any]:
    picture, boxes = made("PIL RGB"), made("boxes CXCYWH")
    return {"p": picture[0], "b": boxes[0]}, {"p": picture[1], "b": boxes[1]}


SAMPLES: dict[str, Callable[[], tuple[Any, Any]]] = {
    "detection": detection,
    "segmentation": segmentation,
    "supplement": supplement,
    "pillow": pillow,
    "video": lambda: made("video"),
    "rotated": lambda: tuple(list(pair) for pair in zip(made("image"), made("boxes CXCYWHR"), strict=True)),  # type: ignore
    "picture": lambda: made("plain"),
    "picture of Pillow's": lambda: made("PIL RGB"),
}

MOVES: dict[str, Make] = {
    "flip": lambda v2, tv, t: v2.RandomHorizontalFlip(),
    "flip vertically": lambda v2, tv, t: v2.RandomVerticalFlip(p=0.9),
    "Resize": lambda v2, tv, t: v2.Resize(14),
    "Resize two": lambda v2, tv, t: v2.Resize((14, 40), interpolation="bicubic", antialias=True),
    "Resize max": lambda v2, tv, t: v2.Resize(None, max_size=40),
    "CenterCrop": lambda v2, tv, t: v2.CenterCrop((12, 40)),
    "RandomResizedCrop": lambda v2, tv, t: v2.RandomResizedCrop((12, 14)),
    "RandomResizedCrop narrow": lambda v2, tv, t: v2.RandomResizedCrop(9, scale=(2.0, 3.0), ratio=(3.0, 4.0)),
    "Pad": lambda v2, tv, t: v2.Pad([1, 2, 3, 4], fill={tv.Mask: 4, "others": 7}),
    "Pad named": lambda v2, tv, t: v2.Pad(2, fill={tv.Image: [7, 8, 9]}),
    "RandomZoomOut": lambda v2, tv, t: v2.RandomZoomOut(fill=3, side_range=(1.0, 2.0), p=0.8),
    "RandomRotation": lambda v2, tv, t: v2.RandomRotation(40),
    "RandomRotation expand": lambda v2, tv, t: v2.Compose(
        [v2.SetClampingMode(None), v2.RandomRotation((9, 60), "bilinear", expand=True, fill=5)]
    ),
    "RandomAffine": lambda v2, tv, t: v2.RandomAffine(30, (0.1, 0.2), (0.7, 1.2), 10, center=[3, 4]),
    "RandomAffine four": lambda v2, tv, t: v2.RandomAffine(
        (5, 9), shear=(1, 5, -4, 2), interpolation="bilinear"
    ),
    "RandomCrop": lambda v2, tv, t: v2.RandomCrop(15),
    "RandomCrop padded": lambda v2, tv, t: v2.RandomCrop(
        (20, 44), padding=[3, 2], pad_if_needed=True, fill=9
    ),
    "RandomPerspective": lambda v2, tv, t: v2.RandomPerspective(0.4, p=0.8),
    "ElasticTransform": lambda v2, tv, t: v2.ElasticTransform(alpha=30.0, sigma=2.0),
    "ElasticTransform two": lambda v2, tv, t: v2.ElasticTransform(
        alpha=(9.0, 30.0), sigma=[0.0, 2.0], fill=5
    ),
    "ScaleJitter": lambda v2, tv, t: v2.ScaleJitter((20, 30), (0.5, 1.5)),
    "RandomShortestSize": lambda v2, tv, t: v2.RandomShortestSize([10, 14, 18], max_size=22),
    "RandomResize": lambda v2, tv, t: v2.RandomResize(9, 30),
    "RandomIoUCrop": lambda v2, tv, t: v2.RandomIoUCrop(sampler_options=[0.0, 0.05, 1.0]),
    "FiveCrop": lambda v2, tv, t: v2.FiveCrop(9),
    "TenCrop": lambda v2, tv, t: v2.TenCrop((9, 8), vertical_flip=True),
}
VALUES: dict[str, Make] = {
    "Grayscale": lambda v2, tv, t: v2.Grayscale(3),
    "RandomGrayscale": lambda v2, tv, t: v2.RandomGrayscale(0.7),
    "RGB": lambda v2, tv, t: v2.RGB(),
    "ColorJitter": lambda v2, tv, t: v2.ColorJitter(0.4, (0.6, 1.4), 0.5, 0.2),
    "ColorJitter one": lambda v2, tv, t: v2.ColorJitter(hue=(-0.1, 0.3), contrast=0),
    "RandomChannelPermutation": lambda v2, tv, t: v2.RandomChannelPermutation(),
    "RandomPhotometricDistort": lambda v2, tv, t: v2.RandomPhotometricDistort(),
    "RandomEqualize": lambda v2, tv, t: v2.RandomEqualize(),
    "RandomInvert": lambda v2, tv, t: v2.RandomInvert(0.7),
    "RandomPosterize": lambda v2, tv, t: v2.RandomPosterize(3),
    "RandomSolarize": lambda v2, tv, t: v2.RandomSolarize(0.5, p=0.8),
    "RandomAutocontrast": lambda v2, tv, t: v2.RandomAutocontrast(),
    "RandomAdjustSharpness": lambda v2, tv, t: v2.RandomAdjustSharpness(1.7),
    "RandomErasing": lambda v2, tv, t: v2.RandomErasing(0.8, value=[1.0, 2.0, 3.0]),
    "RandomErasing random": lambda v2, tv, t: v2.RandomErasing(1.0, scale=(0.1, 0.5), value="random"),
    "GaussianBlur": lambda v2, tv, t: v2.GaussianBlur((5, 3)),
    "GaussianNoise": lambda v2, tv, t: v2.GaussianNoise(0.05, 0.2),
    "Identity": lambda v2, tv, t: v2.Identity(),
    "Lambda": lambda v2, tv, t: v2.Lambda(lambda x: x * 2, tv.Image, int),
    "ToDtype": lambda v2, tv, t: v2.ToDtype(t.float32, scale=True),
    "ToDtype dict": lambda v2, tv, t: v2.ToDtype(
        {tv.Image: t.float64, tv.Mask: t.int64, "others": None}, scale=True
    ),
    "ConvertImageDtype": lambda v2, tv, t: v2.ConvertImageDtype(t.float64),
    "Normalize": lambda v2, tv, t: v2.Normalize([0.5, 0.4, 0.3], [0.2, 0.3, 0.4]),
    "ToImage": lambda v2, tv, t: v2.ToImage(),
    "ToPILImage": lambda v2, tv, t: v2.ToPILImage(),
    "PILToTensor": lambda v2, tv, t: v2.PILToTensor(),
    "ToPureTensor": lambda v2, tv, t: v2.ToPureTensor(),
    "ToTensor": lambda v2, tv, t: v2.ToTensor(),
    "UniformTemporalSubsample": lambda v2, tv, t: v2.UniformTemporalSubsample(2),
    "AutoAugment": lambda v2, tv, t: v2.AutoAugment(),
    "AutoAugment cifar": lambda v2, tv, t: v2.AutoAugment(v2.AutoAugmentPolicy.CIFAR10, "bilinear", fill=9),
    "AutoAugment svhn": lambda v2, tv, t: v2.AutoAugment(v2.AutoAugmentPolicy.SVHN),
    "RandAugment": lambda v2, tv, t: v2.RandAugment(3, fill={tv.Image: 7, "others": 2}),
    "TrivialAugmentWide": lambda v2, tv, t: v2.TrivialAugmentWide(),
    "AugMix": lambda v2, tv, t: v2.AugMix(all_ops=False),
    "AugMix deep": lambda v2, tv, t: v2.AugMix(severity=5, chain_depth=2, mixture_width=2),
}
BOXES: dict[str, Make] = {
    "ConvertBoundingBoxFormat": lambda v2, tv, t: v2.ConvertBoundingBoxFormat("cxcywh"),
    "ClampBoundingBoxes": lambda v2, tv, t: v2.ClampBoundingBoxes(),
    "ClampBoundingBoxes hard": lambda v2, tv, t: v2.ClampBoundingBoxes("hard"),
    "ClampKeyPoints": lambda v2, tv, t: v2.ClampKeyPoints(),
    "SetClampingMode": lambda v2, tv, t: v2.Compose([v2.SetClampingMode(None), v2.RandomRotation(30)]),
    "SanitizeBoundingBoxes": lambda v2, tv, t: v2.SanitizeBoundingBoxes(
        min_size=4.0, min_area=20.0, labels_getter=lambda s: s["target"]["labels"]
    ),
    "SanitizeBoundingBoxes alone": lambda v2, tv, t: v2.SanitizeBoundingBoxes(labels_getter=None),
    "SanitizeKeyPoints": lambda v2, tv, t: v2.SanitizeKeyPoints(),
}
CONTAINERS: dict[str, Make] = {
    "RandomApply": lambda v2, tv, t: v2.RandomApply([v2.RandomInvert(), v2.Resize(9)], p=0.6),
    "RandomChoice": lambda v2, tv, t: v2.RandomChoice([v2.RandomInvert(), v2.Resize(9), v2.Pad(2)], p=[1, 2, 2]),
    "RandomOrder": lambda v2, tv, t: v2.RandomOrder([v2.RandomHorizontalFlip(), v2.CenterCrop(9), v2.Pad(2)]),
    "detection": lambda v2, tv, t: v2.Compose([
        v2.RandomPhotometricDistort(p=0.7),
        v2.RandomZoomOut(fill={tv.Image: (123, 117, 104), "others": 0}, side_range=(1.0, 1.5)),
        v2.RandomIoUCrop(sampler_options=[0.0, 0.1, 1.0]),
        v2.RandomHorizontalFlip(),
        v2.SanitizeBoundingBoxes(labels_getter=lambda s: s["target"]["labels"]),
        v2.Resize((20, 24)),
        v2.ToDtype({tv.Image: t.float32, "others": None}, scale=True),
    ]),
    "segmentation": lambda v2, tv, t: v2.Compose([
        v2.RandomResize(20, 30),
        v2.RandomHorizontalFlip(),
        v2.RandomCrop(18, pad_if_needed=True, fill={tv.Image: 0, tv.Mask: 255, "others": 0}),
        v2.ToDtype({tv.Image: t.float32, tv.Mask: t.int64, "others": None}, scale=True),
        v2.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ]),
}  # fmt: skip
ALL = {**MOVES, **VALUES, **BOXES, **CONTAINERS}
#: of pictures that were resized in 8 bits and are floating-point numbers afterwards: a level of these
LEVELS = {"detection": 1 / 254, "segmentation": 1 / 254 / 0.224}
#: (transform, sample) -> why ours does otherwise
DIFFERENT = {
    (
        "SanitizeBoundingBoxes alone",
        "rotated",
    ): "torchvision takes another length for the height of a rotated box, and "
    "leaves out boxes that stand upright",
    ("SanitizeBoundingBoxes", "video"): "a tensor indexed by a word is a TypeError",
    ("SanitizeBoundingBoxes", "picture"): "a tensor indexed by a word is a TypeError",
}
WARPING = ("Rotation", "Affine", "Perspective", "Elastic", "Augment", "AugMix", "SetClamping")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("name", ALL)
def test_samples(name: str, sample: str, draws: Draws) -> None:  # noqa: F811
    if (name, sample) in DIFFERENT:
        return
    atol = LEVELS.get(name)
    outliers = 0.03 if any(word in name for word in WARPING) else 0.0
    for seed in range(2):
        results = []
        for make, given in zip((THEIRS, OURS), SAMPLES[sample](), strict=True):
            draws.restart(seed)
            several = isinstance(given, tuple)
            results.append(outcome(lambda m=make, g=given, s=several: ALL[name](*m)(*(g if s else (g,)))))
        same(
            *results,
            atol,
            where=f"{name} of {sample}: {results}"[:300],
            outliers=outliers,
            canvas=int("expand" in name),
        )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ALL)
def test_repr(name: str) -> None:
    want, got = (repr(ALL[name](*which)) for which in (THEIRS, OURS))
    assert got.replace("tritonnn.vision", "torchvision") == want


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name in (*MOVES, *VALUES) if "Lambda" not in name])
def test_copied_and_pickled(name: str) -> None:
    """As a worker of a DataLoader is given it."""
    transform = ALL[name](*OURS)
    assert repr(copy.deepcopy(transform)) == repr(pickle.loads(pickle.dumps(transform))) == repr(transform)


# ---- batches ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", ["MixUp", "CutMix"])
@pytest.mark.parametrize("labels", ["indices", "probabilities", "dict", "video"])
def test_mixed_batches(cls: str, labels: str, draws: Draws) -> None:  # noqa: F811
    pixels = np.random.default_rng(0).random((4, 3, 9, 11)).astype(np.float32)
    chances = np.random.default_rng(1).random((4, 5)).astype(np.float32)
    results = []
    for v2, tv, torch in (THEIRS, OURS):
        draws.restart(7)
        images = torch.from_numpy(pixels)
        target = torch.from_numpy(chances) if labels == "probabilities" else torch.tensor([0, 3, 1, 4])
        if labels == "video":
            images = tv.Video(images[:, None])
        mix = getattr(v2, cls)(alpha=0.7, num_classes=None if labels == "probabilities" else 5)
        given = (
            {"x": images, "labels": target, "more": torch.ones(2)} if labels == "dict" else (images, target)
        )
        results.append(mix(given) if labels == "dict" else mix(*given))
    same(*results)


@pytest.mark.parametrize("cls", ["MixUp", "CutMix"])
def test_mixed_batches_are_checked(cls: str) -> None:
    def calls(v2: Any, tv: Any, torch: Any) -> list[Callable[[], Any]]:
        mix = getattr(v2, cls)(num_classes=5)
        images, labels = torch.rand(4, 3, 5, 5), torch.tensor([0, 1, 2, 3])
        return [
            lambda: mix(images, labels[:3]),
            lambda: mix(images[0], labels),
            lambda: mix(images, torch.rand(4, 3)),
            lambda: mix(images, torch.rand(4, 5, 1)),
            lambda: mix(images),
            lambda: mix(images, [1, 2]),
            lambda: getattr(v2, cls)()(images, labels),
            lambda: mix(tv.Mask(torch.ones(2, 2)), labels),
            lambda: getattr(v2, cls)(labels_getter=3),
            lambda: getattr(v2, cls)(alpha=-1.0),
        ]

    for want, got in zip(calls(*THEIRS), calls(*OURS), strict=True):
        assert outcome(got) is outcome(want), outcome(want)


# ---- arguments ----------------------------------------------------------------------------------------------

REFUSED: dict[str, Make] = {
    "Resize size": lambda v2, tv, t: v2.Resize((1, 2, 3)),
    "Resize None": lambda v2, tv, t: v2.Resize(None),
    "CenterCrop": lambda v2, tv, t: v2.CenterCrop((1, 2, 3)),
    "RandomResizedCrop scale": lambda v2, tv, t: v2.RandomResizedCrop(3, scale=0.5),
    "RandomResizedCrop ratio": lambda v2, tv, t: v2.RandomResizedCrop(3, ratio=(1.0,)),
    "Pad padding": lambda v2, tv, t: v2.Pad((1, 2, 3)),
    "Pad float": lambda v2, tv, t: v2.Pad(1.5),
    "Pad mode": lambda v2, tv, t: v2.Pad(1, padding_mode="mirror"),
    "Pad fill": lambda v2, tv, t: v2.Pad(1, fill="red"),
    "RandomZoomOut side": lambda v2, tv, t: v2.RandomZoomOut(side_range=(0.5, 2.0)),
    "RandomZoomOut three": lambda v2, tv, t: v2.RandomZoomOut(side_range=[1, 2, 3]),
    "RandomRotation negative": lambda v2, tv, t: v2.RandomRotation(-3),
    "RandomRotation center": lambda v2, tv, t: v2.RandomRotation(3, center=[1]),
    "RandomRotation str": lambda v2, tv, t: v2.RandomRotation(None),
    "RandomAffine translate": lambda v2, tv, t: v2.RandomAffine(3, translate=(1.5, 0)),
    "RandomAffine scale": lambda v2, tv, t: v2.RandomAffine(3, scale=(0.0, 1.0)),
    "RandomAffine shear": lambda v2, tv, t: v2.RandomAffine(3, shear=(1, 2, 3)),
    "RandomPerspective": lambda v2, tv, t: v2.RandomPerspective(2.0),
    "ElasticTransform": lambda v2, tv, t: v2.ElasticTransform(alpha=(1, 2, 3)),
    "ElasticTransform str": lambda v2, tv, t: v2.ElasticTransform(alpha=["a"]),
    "ElasticTransform None": lambda v2, tv, t: v2.ElasticTransform(alpha=None),
    "p": lambda v2, tv, t: v2.RandomHorizontalFlip(p=1.5),
    "ColorJitter negative": lambda v2, tv, t: v2.ColorJitter(brightness=-1),
    "ColorJitter hue": lambda v2, tv, t: v2.ColorJitter(hue=0.7),
    "ColorJitter str": lambda v2, tv, t: v2.ColorJitter(contrast="a"),
    "RandomErasing value": lambda v2, tv, t: v2.RandomErasing(value={}),
    "RandomErasing str": lambda v2, tv, t: v2.RandomErasing(value="x"),
    "RandomErasing scale": lambda v2, tv, t: v2.RandomErasing(scale=(0.1, 2)),
    "RandomErasing no sequence": lambda v2, tv, t: v2.RandomErasing(ratio=2),
    "JPEG": lambda v2, tv, t: v2.JPEG(0),
    "JPEG bool": lambda v2, tv, t: v2.JPEG(True),
    "JPEG float": lambda v2, tv, t: v2.JPEG((1.5, 20)),
    "JPEG falling": lambda v2, tv, t: v2.JPEG((50, 20)),
    "JPEG str": lambda v2, tv, t: v2.JPEG(3.0),
    "GaussianBlur even": lambda v2, tv, t: v2.GaussianBlur(4),
    "GaussianBlur sigma": lambda v2, tv, t: v2.GaussianBlur(3, sigma=-1),
    "LinearTransformation": lambda v2, tv, t: v2.LinearTransformation(t.ones(2, 3), t.ones(3)),
    "LinearTransformation mean": lambda v2, tv, t: v2.LinearTransformation(t.ones(3, 3), t.ones(2)),
    "LinearTransformation dtype": lambda v2, tv, t: v2.LinearTransformation(t.ones(3, 3), t.ones(3).double()),
    "ToDtype": lambda v2, tv, t: v2.ToDtype("float"),
    "Sanitize size": lambda v2, tv, t: v2.SanitizeBoundingBoxes(min_size=0.5),
    "Sanitize area": lambda v2, tv, t: v2.SanitizeBoundingBoxes(min_area=0),
    "Sanitize labels": lambda v2, tv, t: v2.SanitizeBoundingBoxes(labels_getter="x"),
    "SetClampingMode": lambda v2, tv, t: v2.SetClampingMode("x"),
    "AutoAugment": lambda v2, tv, t: v2.AutoAugment("imagenet"),
    "RandAugment": lambda v2, tv, t: v2.RandAugment(-1),
    "AugMix": lambda v2, tv, t: v2.AugMix(severity=11),
    "Compose": lambda v2, tv, t: v2.Compose(3),
    "Compose empty": lambda v2, tv, t: v2.Compose([]),
    "RandomApply": lambda v2, tv, t: v2.RandomApply([v2.Identity()], p=2.0),
    "RandomChoice": lambda v2, tv, t: v2.RandomChoice([v2.Identity()], p=[0.5, 0.5]),
    "RandomOrder": lambda v2, tv, t: v2.RandomOrder(()),
}


@pytest.mark.parametrize("name", REFUSED)
def test_arguments_are_refused(name: str) -> None:
    want = outcome(REFUSED[name], *THEIRS)
    assert isinstance(want, type) and outcome(REFUSED[name], *OURS) is want


def test_classic_draws_are_there() -> None:
    """Those who draw for themselves, as in older programs, find the method of the classic transform."""
    for name, cls in vars(their_v2).items():
        if isinstance(cls, type) and hasattr(cls, "get_params"):
            assert hasattr(getattr(our_v2, name), "get_params"), name
    assert our_v2.RandomCrop.get_params is ours.vision.transforms.RandomCrop.get_params


def test_linear_transformation() -> None:
    matrix = np.random.default_rng(0).random((12, 12)).astype(np.float32)
    mean, pixels = matrix[0].copy(), matrix.reshape(12, 3, 2, 2).copy()
    results = []
    for v2, tv, torch in (THEIRS, OURS):
        transform = v2.LinearTransformation(torch.from_numpy(matrix), torch.from_numpy(mean))
        results.append(
            [transform(tv.Image(torch.from_numpy(pixels))), outcome(transform, torch.ones(3, 2, 3))]
        )
        results[-1].append(outcome(transform, made("PIL RGB")[0]))
    same(*results)


def test_inputs_translate() -> None:
    """The comparison itself sees a difference of class, of metadata, and of values."""
    want, got = made("boxes XYXY")
    same(want, got)
    for wrong in (got + 1, our_tv.wrap(got, like=got, canvas_size=(1, 1)), our_tv.wrap(got + 0.01, like=got)):
        with pytest.raises(AssertionError):
            same(want, wrong)
    same(want, translated(want))
