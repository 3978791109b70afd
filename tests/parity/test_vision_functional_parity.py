"""torchvision.transforms.functional: values, types, sizes and errors of every function, on pictures and tensors."""

from __future__ import annotations

import inspect
import warnings

import numpy as np
import pytest
import torch
from reference_vision import torchvision
from vision_images import MODES, TENSORS, array, outcome, pairs, picture, plain, same, signature

import tritonnn
from tritonnn.vision.transforms import _functional_pil, _functional_tensor, functional

reference = torchvision.transforms.functional
MODE = {"ours": functional.InterpolationMode, "theirs": reference.InterpolationMode}

FUNCTIONS = sorted(
    name
    for name, value in vars(reference).items()
    if inspect.isfunction(value) and value.__module__ == reference.__name__
)


def test_every_function_is_there_with_its_signature() -> None:
    assert len(FUNCTIONS) >= 42
    for name in FUNCTIONS:
        assert signature(getattr(functional, name)) == signature(getattr(reference, name)), name


@pytest.mark.parametrize("ours", [_functional_tensor, _functional_pil], ids=["tensor", "pil"])
def test_functions_of_one_kind_of_image_are_there(ours) -> None:
    theirs = getattr(reference, "F_t" if ours is _functional_tensor else "F_pil")
    names = [n for n, v in vars(theirs).items() if inspect.isfunction(v) and v.__module__ == theirs.__name__]
    public = [name for name in names if not name.startswith("_")]
    assert [name for name in public if not hasattr(ours, name)] == []
    for name in public:
        assert signature(getattr(ours, name)) == signature(getattr(theirs, name)), name


def test_interpolation_modes() -> None:
    ours, theirs = MODE["ours"], MODE["theirs"]
    assert {m.name: m.value for m in ours} == {m.name: m.value for m in theirs}
    for number in range(6):
        assert functional._interpolation_modes_from_int(number).name == (
            reference._interpolation_modes_from_int(number).name
        )
    assert {m.name: n for m, n in functional.pil_modes_mapping.items()} == {
        m.name: n for m, n in reference.pil_modes_mapping.items()
    }


# (function, arguments, levels that integers may be off by, part of them that may be off at all)
GEOMETRY = [
    ("get_dimensions", ()), ("get_image_size", ()), ("get_image_num_channels", ()),
    ("hflip", ()), ("vflip", ()),
    ("crop", (2, 3, 5, 6)), ("crop", (-2, -3, 50, 6)), ("crop", (0, 0, 9, 12)), ("crop", (4, 8, 30, 30)),
    ("center_crop", (8,)), ("center_crop", ([7, 10],)), ("center_crop", ([5],)), ("center_crop", ((40, 9),)),
    ("center_crop", ([41, 50],)),
    ("pad", (2,)), ("pad", ([1],)), ("pad", ([1, 2],)), ("pad", ((1, 2, 3, 4), 7)), ("pad", ([1, -2, 0, 3],)),
    ("pad", (3, 0, "edge")), ("pad", ([3, 2], 0, "reflect")), ("pad", ([3, 2, 1, 4], 0, "symmetric")),
    ("pad", ([3, -2, -1, 4], 0, "symmetric")), ("pad", (2, None)),
    ("five_crop", (6,)), ("five_crop", ([5, 7],)), ("ten_crop", ([5],)), ("ten_crop", ([5, 7], True)),
]  # fmt: skip
COLOR = [
    ("adjust_brightness", (0.0,)), ("adjust_brightness", (1.7,)), ("adjust_contrast", (0.3,)),
    ("adjust_contrast", (1.8,)), ("adjust_saturation", (0.0,)), ("adjust_saturation", (1.5,)),
    ("adjust_hue", (0.2,)), ("adjust_hue", (-0.5,)), ("adjust_hue", (0.5,)), ("adjust_gamma", (2.2, 0.9)),
    ("adjust_gamma", (0.4,)), ("invert", ()), ("rgb_to_grayscale", ()), ("rgb_to_grayscale", (3,)),
    ("adjust_sharpness", (0.0,)), ("adjust_sharpness", (2.3,)), ("autocontrast", ()),
]  # fmt: skip
BYTES = [
    ("posterize", (3,)), ("posterize", (0,)), ("posterize", (8,)), ("equalize", ()), ("solarize", (128,)),
    ("solarize", (0,)), ("solarize", (255,)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args"), GEOMETRY)
def test_geometry(name: str, args: tuple) -> None:
    for theirs, ours in pairs().values():
        same(plain(getattr(functional, name)(ours, *args)), plain(getattr(reference, name)(theirs, *args)))


@pytest.mark.parametrize(("name", "args"), COLOR)
def test_color(name: str, args: tuple) -> None:
    for theirs, ours in pairs().values():
        same(plain(getattr(functional, name)(ours, *args)), plain(getattr(reference, name)(theirs, *args)))


@pytest.mark.parametrize(("name", "args"), BYTES)
def test_bytes(name: str, args: tuple) -> None:
    for theirs, ours in pairs("uint8", "gray", "batch").values():
        same(plain(getattr(functional, name)(ours, *args)), plain(getattr(reference, name)(theirs, *args)))
    for mode in ("RGB", "L"):  # Pillow refuses to posterize to no bits
        got = outcome(getattr(functional, name), picture(mode), *args)
        same(got, outcome(getattr(reference, name), picture(mode), *args))


def test_equalize_and_autocontrast_of_few_values() -> None:
    for values in ([5] * 12, [0, 255] * 6, [1, 1, 1, 2, 2, 9, 9, 9, 9, 9, 9, 9], list(range(12))):
        image = np.array(values, np.uint8).reshape(1, 3, 4).repeat(90, 1)
        for name in ("equalize", "autocontrast"):
            ours = getattr(functional, name)(tritonnn.from_numpy(image))
            same(plain(ours), plain(getattr(reference, name)(torch.from_numpy(image))))


@pytest.mark.parametrize(
    "mode", ["NEAREST", "NEAREST_EXACT", "BILINEAR", "BICUBIC", "BOX", "HAMMING", "LANCZOS"]
)
def test_resize(mode: str) -> None:
    tensors = mode not in ("BOX", "HAMMING", "LANCZOS")
    for name, (theirs, ours) in pairs(*TENSORS, "RGB", "L", "F", "RGBA", "P").items():
        if not tensors and not isinstance(theirs, type(picture("RGB"))):
            continue
        for size in (9, [12], (9, 25), [40, 33]):
            for antialias in (True, False, None):
                with warnings.catch_warnings(action="ignore"):
                    got = functional.resize(ours, size, MODE["ours"][mode], None, antialias)
                    expected = reference.resize(theirs, size, MODE["theirs"][mode], None, antialias)
                same(plain(got), plain(expected), levels=1 if tensors and name in ("uint8", "gray", "batch") else 0,
                     unequal=0.02)  # fmt: skip


def test_resized_output_size() -> None:
    for image in ((10, 20), (20, 10), (7, 7), (375, 500)):
        for size, max_size in (([5], None), ([5], 8), ([224], 256), ([3, 4], None), ([50], 51)):
            assert functional._compute_resized_output_size(image, size, max_size) == (
                reference._compute_resized_output_size(image, size, max_size)
            )
        assert functional._compute_resized_output_size(image, None, 9, True) == (
            reference._compute_resized_output_size(image, None, 9, True)
        )


def test_resize_to_the_same_size_is_the_image() -> None:
    for _, ours in pairs("uint8", "RGB").values():
        assert functional.resize(ours, [20, 31]) is ours


@pytest.mark.parametrize("name", ["uint8", "float", "batch", "gray", "double", "RGB", "L"])
@pytest.mark.parametrize("mode", ["NEAREST", "BILINEAR", "BICUBIC"])
def test_warps(name: str, mode: str) -> None:
    theirs, ours = pairs()[name]
    corners = [[0, 0], [30, 0], [30, 19], [0, 19]]
    calls = [
        ("rotate", (35.0,), {}), ("rotate", (35,), {"expand": True}), ("rotate", (90,), {"expand": True}),
        ("rotate", (-17.5,), {"center": (3, 4), "fill": 9.0}), ("rotate", (180,), {}), ("rotate", (0,), {}),
        ("affine", (10, [3, -2], 1.2, [5.0, -3.0]), {}), ("affine", (0.0, (0, 0), 0.5, 12), {"fill": [100.0]}),
        ("affine", (-30.0, [0, 1], 1.0, [7.0]), {"center": [0, 0]}),
        ("perspective", (corners, [[2, 1], [27, 3], [29, 18], [1, 15]]), {}),
        ("perspective", (corners, [[2, 1], [27, 3], [29, 18], [1, 15]]), {"fill": 0.5}),
    ]  # fmt: skip
    for function, args, keywords in calls:
        got = outcome(
            getattr(functional, function), ours, *args, interpolation=MODE["ours"][mode], **keywords
        )
        wanted = outcome(
            getattr(reference, function), theirs, *args, interpolation=MODE["theirs"][mode], **keywords
        )
        same(got, wanted, levels=0 if mode == "NEAREST" or name in ("RGB", "L") else 1, unequal=0.02)


def test_fill_of_each_channel() -> None:
    theirs, ours = pairs()["uint8"]
    for fill in ([1.0, 2.0, 3.0], (4.0,)):
        for mode in ("NEAREST", "BILINEAR"):
            same(
                plain(functional.rotate(ours, 40.0, MODE["ours"][mode], fill=fill)),
                plain(reference.rotate(theirs, 40.0, MODE["theirs"][mode], fill=fill)),
                levels=1,
                unequal=0.01,
            )
    for mode in ("RGB", "L", "RGBA", "F"):
        fill = [1, 2, 3, 4][: len(picture(mode).getbands())]
        same(
            plain(functional.rotate(picture(mode), 40, fill=fill)),
            plain(reference.rotate(picture(mode), 40, fill=fill)),
        )
        same(
            plain(functional.pad(picture(mode), 3, fill=fill)),
            plain(reference.pad(picture(mode), 3, fill=tuple(fill))),
        )


def test_helpers_of_warps() -> None:
    for inverted in (True, False):
        args = ([3.0, 4.0], 25.0, [1.0, -2.0], 1.3, [5.0, -8.0], inverted)
        same(
            plain(functional._get_inverse_affine_matrix(*args)),
            plain(reference._get_inverse_affine_matrix(*args)),
        )
    points = ([[0, 0], [30, 0], [30, 19], [0, 19]], [[2, 1], [27, 3], [29, 18], [1, 15]])
    same(
        plain(functional._get_perspective_coeffs(*points)), plain(reference._get_perspective_coeffs(*points))
    )


@pytest.mark.parametrize("mode", ["NEAREST", "BILINEAR"])
def test_elastic(mode: str) -> None:
    rng = np.random.default_rng(3)
    for theirs, ours in pairs().values():
        _, height, width = functional.get_dimensions(ours)
        moved = rng.uniform(-0.2, 0.2, (1, height, width, 2)).astype(np.float32)
        if plain(theirs)[0] == "float64":
            moved = moved.astype(np.float64)
        for fill in (None, 0.5, [0.25]):
            got = functional.elastic_transform(ours, tritonnn.from_numpy(moved), MODE["ours"][mode], fill)
            wanted = reference.elastic_transform(theirs, torch.from_numpy(moved), MODE["theirs"][mode], fill)
            same(plain(got), plain(wanted), levels=1, unequal=0.02)


@pytest.mark.parametrize(("size", "sigma"), [(3, None), ([5, 3], 0.8), ((1, 7), (0.3, 2.0)), (9, [1.5])])
def test_gaussian_blur(size, sigma) -> None:
    for theirs, ours in pairs().values():
        same(
            plain(functional.gaussian_blur(ours, size, sigma)),
            plain(reference.gaussian_blur(theirs, size, sigma)),
            levels=1,
            unequal=0.01,
        )


@pytest.mark.parametrize("mode", MODES)
def test_conversions_of_pictures(mode: str) -> None:
    same(plain(functional.to_tensor(picture(mode))), plain(reference.to_tensor(picture(mode))))
    same(plain(functional.pil_to_tensor(picture(mode))), plain(reference.pil_to_tensor(picture(mode))))


@pytest.mark.parametrize(
    "dtype", ["uint8", "int16", "int32", "float32", "float64", "int64", "bool", "float16"]
)
@pytest.mark.parametrize(
    "shape", [(5, 6), (5, 6, 1), (5, 6, 2), (5, 6, 3), (5, 6, 4), (5, 6, 5), (4,), (2, 2, 2, 2)]
)
def test_conversions_of_arrays(dtype: str, shape: tuple[int, ...]) -> None:
    values = (np.random.default_rng(0).random(shape) * (255 if dtype == "uint8" else 1)).astype(dtype)
    same(outcome(functional.to_tensor, values), outcome(reference.to_tensor, values))
    for mode in (None, "L", "RGB", "HSV", "CMYK", "LA", "I", "F", "nonsense"):
        if (
            mode is not None
            and len(shape) == 3
            and 1 < shape[2] < 5
            and dtype not in ("uint8", "float32", "float64")
        ):
            continue  # torchvision reads the bytes of wider integers as if they were colours
        got, wanted = (
            outcome(functional.to_pil_image, values, mode),
            outcome(reference.to_pil_image, values, mode),
        )
        if mode == "F" and dtype != "float32":
            continue
        same(got, wanted)
    if len(shape) == 3:
        planes = np.ascontiguousarray(values.transpose(2, 0, 1))
        got = outcome(functional.to_pil_image, tritonnn.from_numpy(planes))
        same(got, outcome(reference.to_pil_image, torch.from_numpy(planes)))


DTYPES = ["uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]


@pytest.mark.parametrize("source", DTYPES)
def test_convert_image_dtype(source: str) -> None:
    largest = np.iinfo(source).max if source[0] in "ui" else 1
    values = np.array([0, 0.1, 0.25, 0.5, 0.7, 0.999, 1.0])
    image = np.minimum(values * largest, np.nextafter(float(largest), 0) if source == "int64" else largest)
    image = image.astype(source).reshape(1, 1, -1)
    for wanted in DTYPES:
        same(
            outcome(functional.convert_image_dtype, tritonnn.from_numpy(image), getattr(tritonnn, wanted)),
            outcome(reference.convert_image_dtype, torch.from_numpy(image), getattr(torch, wanted)),
        )


def test_normalize_and_erase() -> None:
    for theirs, ours in pairs("float", "double", "float batch").values():
        channels = theirs.shape[-3]
        for mean, std in (([0.4] * channels, [0.2] * channels), ([0.1], [0.3])):
            same(plain(functional.normalize(ours, mean, std)), plain(reference.normalize(theirs, mean, std)))
        theirs, ours = theirs.clone(), ours.clone()
        assert functional.normalize(ours, [0.5], [0.25], inplace=True) is ours
        same(plain(ours), plain(reference.normalize(theirs, [0.5], [0.25], inplace=True)))
        noise = array("float")[:1, :4, :5].astype(plain(theirs)[2].dtype)
        for inplace in (False, True):
            got = functional.erase(ours, 2, 3, 4, 5, tritonnn.from_numpy(noise), inplace)
            assert (got is ours) == inplace
            same(plain(got), plain(reference.erase(theirs, 2, 3, 4, 5, torch.from_numpy(noise), inplace)))


def test_strided_and_empty_images() -> None:
    strided = (lambda t: t.permute(0, 2, 1), lambda t: t[:, ::2, 1:], lambda t: t.flip(-1))
    for theirs, ours in pairs("uint8", "float").values():
        for view in strided:
            for name, args in (("resize", ([7, 9],)), ("adjust_hue", (0.1,)), ("equalize", ()), ("pad", (2,)),
                               ("gaussian_blur", (3,)), ("rotate", (20,)), ("autocontrast", ())):  # fmt: skip
                got = outcome(getattr(functional, name), view(ours), *args)
                same(got, outcome(getattr(reference, name), view(theirs), *args), levels=1, unequal=0.02)
    empty = np.zeros((0, 3, 8, 9), np.float32)
    for name, args in (("hflip", ()), ("crop", (1, 1, 4, 4)), ("resize", ([4, 4],)), ("adjust_brightness", (1.5,)),
                       ("invert", ()), ("normalize", ([0.5], [0.5])), ("pad", (2,))):  # fmt: skip
        got = plain(getattr(functional, name)(tritonnn.from_numpy(empty), *args))
        same(got, plain(getattr(reference, name)(torch.from_numpy(empty), *args)))


# What torchvision refuses: each call with what the message has to name.
BAD = [
    ("resize", ("float", [1, 2, 3]), "3"), ("resize", ("float", 5, "bilinear"), "bilinear"),
    ("resize", ("float", [4], 2, 3), "3"), ("resize", ("float", [4, 4], 2, 9), "4"),
    ("resize", ("float", 5, 1), "LANCZOS"), ("resize", ("uint8", 5, 4), "box"), ("resize", ("float", 5, 5), "hamming"),
    ("rotate", ("uint8", 5, 1), "lanczos"),
    ("crop", ([1, 2], 0, 0, 1, 1), "list"), ("hflip", (None,), "None"), ("hflip", ("vector",), ""),
    ("pad", ("float", "x"), "x"), ("pad", ("float", [1, 2, 3]), "3"), ("pad", ("float", 1, 0, "wrap"), "wrap"),
    ("pad", ("float", 1, [1, 2, 3]), "[1, 2, 3]"), ("pad", ("RGB", 1, (1, 2)), "2"), ("pad", ("RGB", 1, "x"), "x"),
    ("pad", ("RGB", [1, 2, 3]), "3"), ("pad", ("RGB", 1, 0, 3), "3"), ("pad", ("float", 1, 0, 3), "3"),
    ("five_crop", ("float", 99), "99"), ("five_crop", ("float", [1, 2, 3]), "3"), ("ten_crop", ("RGB", 99), "99"),
    ("adjust_brightness", ("float", -1), "-1"), ("adjust_contrast", ("float", -1), "-1"),
    ("adjust_saturation", ("float", -2), "-2"), ("adjust_hue", ("float", 0.6), "0.6"),
    ("adjust_hue", ("RGB", -0.6), "-0.6"), ("adjust_gamma", ("float", -1), "-1"), ("adjust_gamma", ("RGB", -1), "-1"),
    ("adjust_sharpness", ("float", -1), "-1"), ("adjust_brightness", ("two channels", 1.0), "2"),
    ("adjust_contrast", ("two channels", 1.0), "2"), ("adjust_hue", ("two channels", 0.1), "2"),
    ("adjust_saturation", ("two channels", 1.0), "2"), ("adjust_gamma", ("two channels", 1.0), "2"),
    ("adjust_sharpness", ("two channels", 1.0), "2"), ("autocontrast", ("two channels",), "2"),
    ("invert", ("two channels",), "2"), ("invert", ("matrix",), "2"), ("solarize", ("matrix", 0.5), "2"),
    ("solarize", ("float", 1.5), "1.5"), ("posterize", ("float", 2), "float32"), ("posterize", ("uint8", 9), "9"),
    ("posterize", ("matrix", 2), ""), ("equalize", ("float",), "float32"), ("equalize", ("matrix",), "2"),
    ("autocontrast", ("matrix",), "2"), ("rgb_to_grayscale", ("two channels",), "2"),
    ("rgb_to_grayscale", ("float", 2), "2"), ("rgb_to_grayscale", ("RGB", 2), "2"),
    ("rgb_to_grayscale", ("matrix",), "2"), ("to_grayscale", ("float",), "Tensor"),
    ("gaussian_blur", ("float", 2), "2"), ("gaussian_blur", ("float", [3, 3, 3]), "3"),
    ("gaussian_blur", ("float", "x"), "str"), ("gaussian_blur", ("float", 3, -1), "-1"),
    ("gaussian_blur", ("float", 3, [1.0, 2.0, 3.0]), "3"), ("gaussian_blur", ("float", 3, "x"), "str"),
    ("gaussian_blur", (None, 3), "None"),
    ("rotate", ("float", "x"), "x"), ("rotate", ("float", 3, "nearest"), "nearest"),
    ("rotate", ("float", 3, 0, False, 4), "4"), ("rotate", ("float", 3, 0, False, None, [1.0, 2.0]), "2"),
    ("rotate", ("float", 3, 3), "bicubic"), ("rotate", ("RGB", 3, 0, False, None, [1, 2]), "2"),
    ("affine", ("float", 0, 1, 1.0, 0), "1"), ("affine", ("float", 0, [1], 1.0, 0), "1"),
    ("affine", ("float", 0, [1, 1], 0.0, 0), "0.0"), ("affine", ("float", 0, [1, 1], 1.0, "x"), "x"),
    ("affine", ("float", 0, [1, 1], 1.0, [1, 2, 3]), "3"), ("affine", ("float", "x", [1, 1], 1.0, 0), "x"),
    ("perspective", ("float", [[0, 0]] * 3, [[0, 0]] * 3), "3"),
    ("to_tensor", ("float",), "Tensor"), ("pil_to_tensor", ("float",), "Tensor"), ("to_pil_image", (3,), "int"),
    ("to_pil_image", ("float", "L"), "L"), ("to_pil_image", ("five channels",), "5"),
    ("to_pil_image", ("vector",), "1"), ("convert_image_dtype", ("RGB",), "Image"),
    ("normalize", ("uint8", [0.5], [0.5]), "uint8"), ("normalize", ("float", [0.5], [0.0]), "float32"),
    ("normalize", ("matrix", [0.5], [0.5]), "20"), ("normalize", ("RGB", [0.5], [0.5]), "Image"),
    ("erase", ("RGB", 1, 1, 1, 1, 0), "Image"), ("get_dimensions", ([1],), "list"),
    ("elastic_transform", ("float", None), "None"), ("elastic_transform", ("float", "float"), "20"),
    ("center_crop", ("float", [1, 2, 3]), ""),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "named"), BAD)
def test_bad_input(name: str, args: tuple, named: str) -> None:
    special = {"two channels": (2, 8, 9), "five channels": (5, 8, 9), "matrix": (20, 31), "vector": (7,)}

    def image(what, library, index):
        if isinstance(what, str) and what in special:
            dtype = np.uint8 if name in ("posterize", "equalize") else np.float32
            return library.from_numpy(np.zeros(special[what], dtype))
        return pairs()[what][index] if isinstance(what, str) and what in pairs() and what != "L" else what

    def converted(library, index):
        first, *rest = args
        return [
            image(first, library, index),
            *(image(a, library, index) if a == "float" else a for a in rest),
        ]

    expected = outcome(getattr(reference, name), *converted(torch, 0))
    assert isinstance(expected, type), f"torchvision takes it and gives {expected}"
    with pytest.raises(expected) as caught:
        getattr(functional, name)(*converted(tritonnn, 1))
    assert named in str(caught.value)
