"""torchvision.transforms: every class with the same draws, its signature, its text, and what it refuses."""

from __future__ import annotations

import inspect
import pickle
import random
import warnings

import numpy as np
import pytest
import torch
from reference_vision import torchvision
from vision_images import draws, outcome, pairs, plain, same, signature

import tritonnn
from tritonnn.vision import transforms

reference = torchvision.transforms
CLASSES = sorted(
    name
    for module in (reference.transforms, reference.autoaugment)
    for name, value in vars(module).items()
    if inspect.isclass(value) and value.__module__ == module.__name__
)


def test_every_class_is_there_with_its_signature() -> None:
    assert len(CLASSES) >= 41
    for name in CLASSES:
        home = "autoaugment" if hasattr(reference.autoaugment, name) and "Aug" in name else "transforms"
        ours, theirs = (getattr(getattr(library, home), name) for library in (transforms, reference))
        assert signature(ours) == signature(theirs), name
        assert ours.__module__.replace("tritonnn.vision", "torchvision") == theirs.__module__, name
        assert issubclass(ours, tritonnn.nn.Module) == issubclass(theirs, torch.nn.Module), name
        for method in ("get_params", "forward", "__call__"):
            if method in vars(theirs):
                assert signature(getattr(ours, method)) == signature(getattr(theirs, method)), (name, method)
    for module in ("transforms", "autoaugment"):
        theirs = getattr(reference, module).__all__
        assert sorted(getattr(transforms, module).__all__) == sorted(theirs)
        assert set(theirs) <= set(dir(transforms))


COLOR, BYTES = ("uint8", "float", "gray", "batch", "RGB", "L"), ("uint8", "gray", "batch", "RGB", "L")
TENSORS, FLOATS = (
    ("uint8", "float", "gray", "batch", "float batch", "double"),
    ("float", "float batch", "double"),
)
ALL = (*TENSORS, "RGB", "L")
# (class, positional arguments, keyword arguments, the images it is called with)
CALLS = [
    ("PILToTensor", (), {}, ("RGB", "L")), ("ToTensor", (), {}, ("RGB", "L")), ("Pad", ((1, 2),), {}, ALL),
    ("ToPILImage", (), {}, ("uint8", "float", "gray")), ("ToPILImage", ("RGB",), {}, ("uint8",)),
    ("ConvertImageDtype", ("float32",), {}, TENSORS), ("Pad", (1, 0, "reflect"), {}, ALL),
    ("Normalize", ([0.4], [0.3]), {}, FLOATS), ("Normalize", ((0.4,), (0.3,), True), {}, FLOATS),
    ("Resize", (9,), {}, ALL), ("Resize", ([9, 12],), {"interpolation": 3}, ALL), ("Resize", (9, 2, 11), {}, ALL),
    ("CenterCrop", (6,), {}, ALL), ("CenterCrop", ((4, 50),), {}, ALL), ("FiveCrop", (5,), {}, ALL),
    ("TenCrop", ([5, 4],), {"vertical_flip": True}, ALL),
    ("RandomCrop", (7,), {}, ALL), ("RandomCrop", ([9, 6],), {"padding": 2, "fill": 1}, ALL),
    ("RandomCrop", (33,), {"pad_if_needed": True, "padding_mode": "edge"}, ALL),
    ("RandomHorizontalFlip", (), {}, ALL), ("RandomVerticalFlip", (0.7,), {}, ALL),
    ("RandomResizedCrop", (8,), {}, ALL), ("RandomResizedCrop", ([8, 6], (0.5, 0.9), (0.2, 6.0), 0), {}, ALL),
    ("RandomResizedCrop", (8, (0.9, 1.0), (9.0, 9.5)), {}, ALL),
    ("RandomResizedCrop", (8, (1, 1), (0.1, 0.1)), {}, ALL),
    ("ColorJitter", (0.4, 0.3, 0.2, 0.1), {}, COLOR), ("ColorJitter", (), {"hue": (-0.3, 0.2)}, COLOR),
    ("ColorJitter", (), {}, COLOR), ("Grayscale", (), {}, COLOR), ("Grayscale", (3,), {}, COLOR),
    ("RandomGrayscale", (0.5,), {}, COLOR), ("RandomInvert", (), {}, COLOR), ("RandomPosterize", (3,), {}, BYTES),
    ("RandomSolarize", (0.4,), {}, COLOR), ("RandomAdjustSharpness", (1.8,), {}, COLOR),
    ("RandomAutocontrast", (), {}, COLOR), ("RandomEqualize", (0.8,), {}, BYTES),
    ("GaussianBlur", (3,), {}, ALL), ("GaussianBlur", ((3, 5), 0.7), {}, ALL),
    ("RandomRotation", (30,), {}, ALL), ("RandomRotation", ([10, 80], 2, True, None, 3), {}, ALL),
    ("RandomRotation", (30,), {"center": (2, 3), "fill": [1.0]}, TENSORS),
    ("RandomAffine", (15,), {}, ALL), ("RandomAffine", ((5, 9), (0.2, 0.1), (0.5, 1.5), 10, 2, 7, (3, 2)), {}, ALL),
    ("RandomAffine", (0,), {"shear": [1, 5, -9, 9]}, ALL),
    ("RandomPerspective", (0.6,), {}, ALL), ("RandomPerspective", (0.3, 1.0, 0), {"fill": 5}, ALL),
    ("ElasticTransform", (), {"sigma": 1.0}, ALL), ("ElasticTransform", ([9.0, 40.0], [0.6, 0.0], 0, 3), {}, ALL),
    ("RandomErasing", (), {}, TENSORS), ("RandomErasing", (1.0, (0.1, 0.4), (1, 2), "random"), {}, TENSORS),
    ("RandomErasing", (1.0,), {"value": [3]}, TENSORS), ("RandomErasing", (1.0, (0.99, 1.0)), {}, TENSORS),
    ("AutoAugment", (), {}, BYTES), ("AutoAugment", ("cifar10", 2, 5), {}, BYTES),
    ("AutoAugment", ("svhn",), {}, BYTES),
    ("RandAugment", (), {}, BYTES), ("RandAugment", (3, 4, 7, 2, [9.0]), {}, BYTES),
    ("TrivialAugmentWide", (), {}, BYTES), ("TrivialAugmentWide", (5, 2, 100), {}, BYTES),
    ("AugMix", (), {}, BYTES), ("AugMix", (7, 2, 2, 0.5, False, 0, 4), {}, BYTES),
]  # fmt: skip


def made(library, name, args, keywords):
    """One of a class, with what only the library itself has put in for its name or number."""
    if name == "ConvertImageDtype":
        args = (getattr(tritonnn if library is transforms else torch, args[0]),)
    if name == "AutoAugment" and args:
        args = (library.AutoAugmentPolicy(args[0]), *args[1:])
    if "Aug" in name:  # these take no numbers of Pillow's
        at = {"AutoAugment": 1, "RandAugment": 3, "TrivialAugmentWide": 1, "AugMix": 5}[name]
        mode = [library.InterpolationMode("bilinear" if n else "nearest") for n in args[at : at + 1]]
        args = (*args[:at], *mode, *args[at + 1 :])
    return getattr(library, name)(*args, **keywords)


@pytest.mark.parametrize("number", range(len(CALLS)), ids=lambda n: f"{n}-{CALLS[n][0]}")
def test_same_draws_same_image(number: int, monkeypatch) -> None:
    name, args, keywords, images = CALLS[number]
    with warnings.catch_warnings(action="ignore"):
        ours, theirs = made(transforms, name, args, keywords), made(reference, name, args, keywords)
    assert repr(ours).replace("tritonnn.", "torch.") == repr(theirs)
    # Halves, which shears by simple slopes give, are rounded by their last bit, and chains go on from there.
    unequal = 0.05 if "Aug" in name else 0.02
    exact = name in ("ToPILImage", "ToTensor", "PILToTensor", "Pad", "CenterCrop", "FiveCrop", "TenCrop", "RandomCrop",
                     "RandomHorizontalFlip", "RandomVerticalFlip", "RandomErasing", "Grayscale")  # fmt: skip
    for image, (their_image, our_image) in pairs(*images).items():
        for seed in range(4):
            with draws(torch, seed, monkeypatch):
                wanted = outcome(theirs, their_image.clone() if image in TENSORS else their_image)
            with draws(tritonnn, seed, monkeypatch):
                got = outcome(ours, our_image.clone() if image in TENSORS else our_image)
            same(got, wanted, levels=0 if exact else 1, unequal=0.0 if exact else unequal)


def test_draws_are_consumed_alike(monkeypatch) -> None:
    """What follows in a pipeline sees the same numbers: nothing is drawn in another order, or left undrawn."""
    steps = ("RandomResizedCrop", "RandomHorizontalFlip", "ColorJitter", "RandomAffine", "RandomPerspective")

    def pipeline(library):
        return library.Compose([
            library.RandomResizedCrop(16), library.RandomApply([library.RandomRotation(20)], p=0.6),
            library.RandomOrder([library.RandomHorizontalFlip(), library.ColorJitter(0.2, 0.2)]),
            library.RandomChoice([library.RandomVerticalFlip(), library.RandomInvert()], p=[1, 2]),
            library.RandomAffine(10, (0.1, 0.1), (0.9, 1.1), 5), library.RandomErasing(0.9),
        ])  # fmt: skip

    assert repr(pipeline(transforms)) == repr(pipeline(reference)) and all(step in CLASSES for step in steps)
    theirs, ours = pairs("float")["float"]
    for seed in range(6):
        with draws(torch, seed, monkeypatch):
            wanted = plain(pipeline(reference)(theirs))
        with draws(tritonnn, seed, monkeypatch):
            got = plain(pipeline(transforms)(ours))
        left, right = got[2], wanted[2]
        assert (np.abs(left - right) > 1e-4).mean() < 0.02


def test_linear_transformation() -> None:
    matrix, mean = np.random.default_rng(0).random((12, 12)), np.random.default_rng(1).random(12)
    image = np.random.default_rng(2).random((2, 3, 2, 2)).astype(np.float32)
    made = [
        library.LinearTransformation(of(matrix.astype(np.float32)), of(mean.astype(np.float32)))
        for library, of in ((transforms, tritonnn.from_numpy), (reference, torch.from_numpy))
    ]
    same(plain(made[0](tritonnn.from_numpy(image))), plain(made[1](torch.from_numpy(image))))
    assert repr(made[0]) == repr(made[1])


BAD = [
    ("Resize", ("xyz",), {}), ("Resize", (1.5,), {}), ("Resize", ([1, 2, 3],), {}), ("CenterCrop", ([1, 2, 3],), {}),
    ("Pad", ("x",), {}), ("Pad", (1, "x"), {}), ("Pad", (1, 0, "wrap"), {}), ("Pad", ([1, 2, 3],), {}),
    ("Lambda", (3,), {}), ("RandomOrder", (3,), {}), ("RandomChoice", ([], 3), {}), ("RandomCrop", ([1, 2, 3],), {}),
    ("RandomResizedCrop", (3, 1), {}), ("RandomResizedCrop", (3, (0, 1), 1), {}), ("FiveCrop", ([1, 2, 3],), {}),
    ("ColorJitter", (-1,), {}), ("ColorJitter", ("x",), {}), ("ColorJitter", ((2, 1),), {}),
    ("ColorJitter", (), {"hue": 0.7}), ("ColorJitter", (), {"hue": (-0.7, 0)}), ("ColorJitter", ((1, 2, 3),), {}),
    ("RandomRotation", (-1,), {}), ("RandomRotation", ([1],), {}), ("RandomRotation", ("x",), {}),
    ("RandomRotation", (1, 0, False, [1]), {}), ("RandomRotation", (1,), {"fill": {}}),
    ("RandomRotation", (1, 9), {}), ("RandomAffine", (-1,), {}), ("RandomAffine", (1, 3), {}),
    ("RandomAffine", (1, (2, 0)), {}), ("RandomAffine", (1, None, (0, 1)), {}), ("RandomAffine", (1, None, (1,)), {}),
    ("RandomAffine", (1, None, None, [1, 2, 3]), {}), ("RandomAffine", (1,), {"fill": {}}),
    ("RandomAffine", (1,), {"center": 1}), ("RandomPerspective", (), {"fill": {}}), ("GaussianBlur", (2,), {}),
    ("GaussianBlur", ([3, 3, 3],), {}), ("GaussianBlur", (3, -1), {}), ("GaussianBlur", (3, (2, 1)), {}),
    ("GaussianBlur", (3, "xyz"), {}), ("RandomErasing", (2,), {}), ("RandomErasing", (0.5, 1), {}),
    ("RandomErasing", (0.5, (0.1, 2)), {}), ("RandomErasing", (0.5, (0.1, 0.2), 1), {}),
    ("RandomErasing", (), {"value": "x"}), ("RandomErasing", (), {"value": {}}), ("ElasticTransform", (1,), {}),
    ("ElasticTransform", ([1.0],), {}), ("ElasticTransform", ([1.0, 2],), {}), ("ElasticTransform", (1.0, 3), {}),
    ("ElasticTransform", (), {"fill": {}}), ("AugMix", (11,), {}), ("AutoAugment", (3,), {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "keywords"), BAD)
def test_bad_arguments(name: str, args: tuple, keywords: dict) -> None:
    expected = outcome(getattr(reference, name), *args, **keywords)
    assert isinstance(expected, type), f"torchvision takes it and gives {expected}"
    with pytest.raises(expected):
        getattr(transforms, name)(*args, **keywords)


BAD_CALLS = [
    ("RandomCrop", (50,), {}, "uint8"), ("RandomErasing", (1.0,), {"value": [1, 2]}, "uint8"),
    ("RandomPosterize", (3, 1.0), {}, "float"), ("Normalize", ([0.5], [0.0]), {}, "float"),
    ("Normalize", ([0.5], [0.5]), {}, "uint8"), ("FiveCrop", (50,), {}, "uint8"), ("ToTensor", (), {}, "uint8"),
    ("RandomRotation", (5,), {"fill": [1, 2]}, "uint8"), ("RandAugment", (8,), {}, "float"),
    ("Resize", (5, "bilinear"), {}, "uint8"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "keywords", "image"), BAD_CALLS)
def test_bad_images(name: str, args: tuple, keywords: dict, image: str, monkeypatch) -> None:
    theirs, ours = pairs(image)[image]
    with draws(torch, 0, monkeypatch):
        expected = outcome(getattr(reference, name)(*args, **keywords), theirs)
    assert isinstance(expected, type), f"torchvision takes it and gives {expected}"
    with draws(tritonnn, 0, monkeypatch), pytest.raises(expected):
        getattr(transforms, name)(*args, **keywords)(ours)


def test_warnings() -> None:
    for make in (lambda t: t.RandomResizedCrop(3, (1.0, 0.5)), lambda t: t.RandomErasing(0.5, (0.3, 0.2))):
        for library in (transforms, reference):
            with pytest.warns(UserWarning, match="min, max"):
                make(library)
    for library in (transforms, reference):
        with pytest.warns(UserWarning, match="Anti-alias"):
            library.functional.resize(pairs("RGB")["RGB"][0], 5, antialias=False)


def test_policies_and_spaces() -> None:
    for policy in reference.AutoAugmentPolicy:
        ours = transforms.AutoAugment(transforms.AutoAugmentPolicy(policy.value)).policies
        assert ours == [tuple(pair) for pair in reference.AutoAugment(policy).policies]
    for name, args in (("AutoAugment", (10, (30, 50))), ("RandAugment", (31, (30, 50))), ("AugMix", (10, (30, 50))),
                       ("TrivialAugmentWide", (31,))):  # fmt: skip
        ours, theirs = (
            getattr(library, name)()._augmentation_space(*args) for library in (transforms, reference)
        )
        assert list(ours) == list(theirs)
        for change, (magnitudes, signed) in theirs.items():
            assert ours[change][1] == signed
            same(plain(ours[change][0]), plain(magnitudes))


def test_transforms_of_clips() -> None:
    with warnings.catch_warnings(action="ignore"):
        theirs = __import__("torchvision.transforms._transforms_video", fromlist=["_"])
        ours = __import__("tritonnn.vision.transforms._transforms_video", fromlist=["_"])
    clip = (np.random.default_rng(0).random((3, 4, 9, 8)) * 255).astype(np.uint8)
    scaled = clip.astype(np.float32) / 255
    calls = [
        ("RandomCropVideo", (5,), scaled), ("RandomResizedCropVideo", (5,), scaled), ("CenterCropVideo", (4,), scaled),
        ("CenterCropVideo", ((3, 5),), scaled), ("NormalizeVideo", ([0.4] * 3, [0.2] * 3), scaled),
        ("ToTensorVideo", (), clip.transpose(1, 2, 3, 0)), ("RandomHorizontalFlipVideo", (0.5,), scaled),
    ]  # fmt: skip
    assert sorted(ours.__all__) == sorted(theirs.__all__)
    for name, args, value in calls:
        one, other = getattr(ours, name)(*args), getattr(theirs, name)(*args)
        assert signature(type(one)) == signature(type(other))
        assert repr(one) == repr(other) or name == "RandomResizedCropVideo"
        monkeypatch = pytest.MonkeyPatch()
        with draws(torch, 3, monkeypatch):
            wanted = plain(other(torch.from_numpy(value.copy())))
        with draws(tritonnn, 3, monkeypatch):
            same(plain(one(tritonnn.from_numpy(value.copy()))), wanted)
    for name, value in (("ToTensorVideo", scaled), ("CenterCropVideo", scaled[0])):
        args = (4,) if name == "CenterCropVideo" else ()
        wanted = outcome(getattr(theirs, name)(*args), torch.from_numpy(value.copy()))
        assert isinstance(wanted, type)
        with pytest.raises(wanted):
            getattr(ours, name)(*args)(tritonnn.from_numpy(value.copy()))


def test_pickled() -> None:
    for name, args, keywords, _ in CALLS:
        with warnings.catch_warnings(action="ignore"):
            one = made(transforms, name, args, keywords)
        assert repr(pickle.loads(pickle.dumps(one))) == repr(one)
    random.seed(0)
