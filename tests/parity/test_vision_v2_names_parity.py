"""Names and signatures of transforms.v2 and of tv_tensors are torchvision's."""

from __future__ import annotations

import importlib
import inspect
import pickle
from typing import Any

import pytest
from vision_v2_inputs import their_tv, their_v2, translated

from tritonnn.vision import tv_tensors as our_tv
from tritonnn.vision.transforms import v2 as our_v2

MODULES = {
    "v2": (their_v2, our_v2),
    "functional": (their_v2.functional, our_v2.functional),
    "tv_tensors": (their_tv, our_tv),
}
#: private names that other packages take from torchvision's modules
PRIVATE = {
    "transforms.v2._utils": [
        "_check_padding_arg", "_check_padding_mode_arg", "_find_labels_default_heuristic", "_get_fill",
        "_parse_labels_getter", "_setup_fill_arg", "_setup_number_or_seq", "check_type", "get_bounding_boxes",
        "get_keypoints", "has_all", "has_any", "is_pure_tensor", "query_chw", "query_size",
    ],
    "transforms.v2._transform": ["Transform", "_RandomApplyTransform"],
    "transforms.v2._container": ["Compose", "RandomApply", "RandomChoice", "RandomOrder"],
    "transforms.v2._geometry": ["RandomIoUCrop", "RandomAffine", "RandomCrop", "ElasticTransform"],
    "transforms.v2._misc": ["SanitizeBoundingBoxes", "Normalize"],
    "transforms.v2.functional._utils": [
        "_get_kernel", "_register_kernel_internal", "is_pure_tensor", "register_kernel",
    ],
    "transforms.v2.functional._meta": ["_convert_bounding_box_format", "get_size", "clamp_bounding_boxes"],
    "transforms.v2.functional._geometry": ["_check_interpolation", "_parse_pad_padding", "resize_image"],
    "transforms.v2.functional._misc": ["_get_sanitize_bounding_boxes_mask", "normalize_image"],
    "tv_tensors._bounding_boxes": ["BoundingBoxes", "BoundingBoxFormat", "is_rotated_bounding_format"],
    "tv_tensors._tv_tensor": ["TVTensor"],
}  # fmt: skip


def public(module: Any) -> list[str]:
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and not inspect.ismodule(value) and hasattr(value, "__module__")
    ]


def _plain(value: Any) -> Any:
    """A default, comparable between the libraries."""
    value = translated(value) if value is not inspect.Parameter.empty else "none"
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)


def signature(function: Any) -> list[tuple[str, Any, Any]]:
    """Names, kinds and defaults of parameters; of a class those of what makes its objects."""
    if isinstance(function, type):
        function = (
            function.__new__
            if "__new__" in dir(function) and "TVTensor" in str(function.__mro__)
            else function
        )
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # written in C
        return []
    return [(p.name, p.kind, _plain(p.default)) for p in parameters]


NAMES = [(key, name) for key, (theirs, _) in MODULES.items() for name in public(theirs)]


@pytest.mark.parametrize(("key", "name"), NAMES)
def test_signature(key: str, name: str) -> None:
    theirs, ours = (getattr(module, name) for module in MODULES[key])
    assert theirs.__name__ == ours.__name__
    owner = theirs.__init__ if isinstance(theirs, type) else theirs
    if isinstance(theirs, type) and "__init__" not in vars(theirs) and "__new__" not in vars(theirs):
        assert "__init__" not in vars(ours) or signature(ours) == signature(owner)
        return
    if (
        isinstance(theirs, type)
        and "__init__" in vars(theirs)
        and list(inspect.signature(owner).parameters) == ["self"]
    ):
        assert list(inspect.signature(ours).parameters) == []
        return
    assert signature(ours) == signature(theirs)


@pytest.mark.parametrize("key", MODULES)
def test_all_is_listed(key: str) -> None:
    theirs, ours = MODULES[key]
    assert {*public(theirs)} <= {*ours.__all__}, {*public(theirs)} - {*ours.__all__}
    assert {*ours.__all__} <= {*dir(theirs)}, {*ours.__all__} - {*dir(theirs)}


@pytest.mark.parametrize("module", PRIVATE)
def test_private_names(module: str) -> None:
    ours, theirs = (importlib.import_module(f"{top}.{module}") for top in ("tritonnn.vision", "torchvision"))
    for name in PRIVATE[module]:
        assert hasattr(theirs, name) and hasattr(ours, name), name


@pytest.mark.parametrize("name", [n for n in vars(their_v2) if isinstance(getattr(their_v2, n), type)])
def test_classes_above(name: str) -> None:
    """What is derived from what, as far as it is public, and what passes through."""
    theirs, ours = getattr(their_v2, name), getattr(our_v2, name)
    for above in ("Transform", "_RandomApplyTransform"):
        bases = [getattr(module._transform, above) for module in (their_v2, our_v2)]
        assert issubclass(theirs, bases[0]) == issubclass(ours, bases[1])


def test_aliases() -> None:
    for alias, name in (
        ("hflip", "horizontal_flip"), ("vflip", "vertical_flip"), ("elastic_transform", "elastic"),
        ("to_grayscale", "rgb_to_grayscale"), ("get_image_num_channels", "get_num_channels"),
    ):  # fmt: skip
        for functional in (their_v2.functional, our_v2.functional):
            assert getattr(functional, alias) is getattr(functional, name)


@pytest.mark.parametrize("name", our_v2.functional.__all__)
def test_functions_are_found_by_their_name(name: str) -> None:
    """As pickles find them, and with them what workers of a DataLoader are given."""
    function = getattr(our_v2.functional, name)
    assert pickle.loads(pickle.dumps(function)) is function
