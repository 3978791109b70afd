"""What transforms ask of their arguments and of their samples."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tritonnn as torch
from tritonnn.vision import tv_tensors
from tritonnn.vision._pillow import is_image
from tritonnn.vision.transforms.v2.functional import get_dimensions, get_size, is_pure_tensor
from tritonnn.vision.transforms.v2.functional._utils import _FillType

__all__ = [
    "check_type", "get_bounding_boxes", "get_dimensions", "get_keypoints", "get_size", "has_all", "has_any",
    "is_pure_tensor", "query_chw", "query_size",
]  # fmt: skip

Fill = _FillType | dict[type | str, _FillType]
Checks = tuple[type | Callable[[Any], bool], ...]
_Fills = dict[type | str, Any]

# ---- arguments ----------------------------------------------------------------------------------------------


def _setup_number_or_seq(arg: float | Sequence[float], name: str) -> list[float]:
    """One number twice, or two numbers."""
    if not isinstance(arg, (int, float, Sequence)):
        raise TypeError(f"{name} should be a number or a sequence of numbers. Got {type(arg)}")
    numbers_ = [arg] if isinstance(arg, (int, float)) else list(arg)
    if len(numbers_) not in (1, 2):
        raise ValueError(f"If {name} is a sequence its length should be 1 or 2. Got {len(numbers_)}")
    for number in numbers_:
        if not isinstance(number, (int, float)):
            raise ValueError(f"{name} should be a sequence of numbers. Got {type(number)}")
    return [float(numbers_[0]), float(numbers_[-1])]


def _setup_fill_arg(fill: Fill) -> _Fills:
    """What to fill with, by the class of the input; "others" stands for all that are not named."""
    if isinstance(fill, dict):
        return {kind: _fill_of_one(value) for kind, value in fill.items()}
    return {"others": _fill_of_one(fill)}


def _fill_of_one(fill: _FillType) -> float | list[float] | None:
    if fill is None or isinstance(fill, (int, float)):
        return fill
    if not isinstance(fill, (numbers.Number, tuple, list)):
        raise TypeError(
            f"Got inappropriate fill arg, only Numbers, tuples, lists and dicts are allowed: {type(fill)}"
        )
    return [float(value) for value in fill] if isinstance(fill, (tuple, list)) else float(fill)


def _get_fill(fills: _Fills, inpt_type: type) -> Any:
    """What to fill with for an input of a class; None, which is zero, where neither it nor "others" is named."""
    return fills[inpt_type] if inpt_type in fills else fills.get("others")


def _check_padding_arg(padding: int | Sequence[int]) -> None:
    values = [padding] if isinstance(padding, int) else padding
    if (
        not isinstance(values, (tuple, list))
        or len(values) not in (1, 2, 4)
        or not all(isinstance(value, int) for value in values)
    ):
        raise ValueError(f"Padding must be an int or a 1, 2, or 4 element of tuple or list, got {padding}.")


def _check_padding_mode_arg(padding_mode: str) -> None:
    if padding_mode not in ("constant", "edge", "reflect", "symmetric"):
        raise ValueError(
            f"Padding mode should be either constant, edge, reflect or symmetric, got {padding_mode!r}"
        )


def _check_probability(p: float) -> float:
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"`p` should be a floating point value in the interval [0.0, 1.0], got {p}.")
    return p


# ---- labels -------------------------------------------------------------------------------------------------


def _find_labels_default_heuristic(inputs: Any) -> torch.Tensor:
    """The labels of a sample: of a pair its second part, or what a dictionary has under a key that says so.

    Such a key is "labels" in any case, or else the first one with "label" in it.
    """
    if isinstance(inputs, (tuple, list)):
        inputs = inputs[1]
    if is_pure_tensor(inputs):
        return inputs
    if not isinstance(inputs, Mapping):
        raise ValueError(
            f"When using the default labels_getter, the input passed to forward must be a dictionary or a two-tuple "
            f"whose second item is a dictionary or a tensor, but got {inputs} instead."
        )
    named = [key for key in inputs if isinstance(key, str) and "label" in key.lower()]
    named.sort(key=lambda key: key.lower() != "labels")
    if not named:
        raise ValueError(
            "Could not infer where the labels are in the sample. Try passing a callable as the labels_getter. "
            "If there are no labels in the sample by design, pass labels_getter=None."
        )
    return inputs[named[0]]


def _no_labels(inputs: object) -> None:
    return None


def _parse_labels_getter(labels_getter: str | Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    if labels_getter == "default":
        return _find_labels_default_heuristic
    if labels_getter is None:
        return _no_labels
    if callable(labels_getter):
        return labels_getter
    raise ValueError(
        f"labels_getter should either be 'default', a callable, or None, but got {labels_getter}."
    )


# ---- samples ------------------------------------------------------------------------------------------------


def check_type(obj: object, types_or_checks: Checks) -> bool:
    """Whether it is of one of the types, or what one of the functions says yes to.

    >>> from tritonnn.vision.transforms.v2 import check_type
    >>> check_type(3, (str, lambda value: value == 3))
    True
    """
    return any(
        [isinstance(obj, check) if isinstance(check, type) else check(obj) for check in types_or_checks]
    )


def has_any(flat_inputs: list[Any], *types_or_checks: type | Callable[[Any], bool]) -> bool:
    """Whether one of the inputs is of one of the types."""
    return any(check_type(inpt, types_or_checks) for inpt in flat_inputs)


def has_all(flat_inputs: list[Any], *types_or_checks: type | Callable[[Any], bool]) -> bool:
    """Whether of each of the types there is an input."""
    return all(has_any(flat_inputs, check) for check in types_or_checks)


def _first(flat_inputs: list[Any], cls: type, name: str) -> Any:
    for inpt in flat_inputs:
        if isinstance(inpt, cls):
            return inpt
    raise ValueError(f"No {name} were found in the sample")


def get_bounding_boxes(flat_inputs: list[Any]) -> tv_tensors.BoundingBoxes:
    """The boxes of a sample, which has one such tensor.

    Raises ValueError where it has none.
    """
    return _first(flat_inputs, tv_tensors.BoundingBoxes, "bounding boxes")


def get_keypoints(flat_inputs: list[Any]) -> tv_tensors.KeyPoints:
    """The points of a sample, which has one such tensor.

    Raises ValueError where it has none.
    """
    return _first(flat_inputs, tv_tensors.KeyPoints, "keypoints")


_PICTURES: Checks = (is_pure_tensor, tv_tensors.Image, is_image, tv_tensors.Video)
_SIZED: Checks = (*_PICTURES, tv_tensors.Mask, tv_tensors.BoundingBoxes, tv_tensors.KeyPoints)


def _the_only(found: set[tuple[int, ...]], what: str, kinds: str) -> tuple[int, ...]:
    if not found:
        raise TypeError(f"No {kinds} was found in the sample")
    if len(found) > 1:
        raise ValueError(
            f"Found multiple {what} dimensions in the sample: {', '.join(map(str, sorted(found)))}"
        )
    return found.pop()


def query_chw(flat_inputs: list[Any]) -> tuple[int, ...]:
    """Channels, height and width of the pictures and videos of a sample, which all have the same.

    >>> import tritonnn as torch
    >>> from tritonnn.vision.transforms.v2 import query_chw
    >>> query_chw([torch.zeros(3, 4, 5), "a label"])
    (3, 4, 5)
    """
    found = {tuple(get_dimensions(inpt)) for inpt in flat_inputs if check_type(inpt, _PICTURES)}
    return _the_only(found, "CxHxW", "image or video")


def query_size(flat_inputs: list[Any]) -> tuple[int, ...]:
    """Height and width of all parts of a sample that have one, which is the same.

    >>> import tritonnn as torch
    >>> from tritonnn.vision.transforms.v2 import query_size
    >>> query_size([torch.zeros(3, 4, 5), "a label"])
    (4, 5)
    """
    found = {tuple(get_size(inpt)) for inpt in flat_inputs if check_type(inpt, _SIZED)}
    return _the_only(found, "HxW", "image, video, mask, bounding box of keypoint")
