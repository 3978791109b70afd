"""Transforms that leave out boxes and points that are not worth keeping, with their labels and masks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tritonnn as torch
from tritonnn.utils._pytree import tree_flatten, tree_unflatten
from tritonnn.vision import tv_tensors
from tritonnn.vision.transforms.v2._transform import Transform
from tritonnn.vision.transforms.v2._utils import _parse_labels_getter, get_bounding_boxes, get_keypoints
from tritonnn.vision.transforms.v2.functional import _misc

__all__ = ["SanitizeBoundingBoxes", "SanitizeKeyPoints"]

Getter = Callable[[Any], Any] | str | None


class _Sanitize(Transform):
    """What is left out of one tensor is left out of its labels too."""

    labels_getter: Getter
    _labels_getter: Callable[[Any], Any]

    def _subject(self, flat_inputs: list[Any]) -> torch.Tensor:
        raise NotImplementedError

    def _valid(self, subject: Any) -> torch.Tensor:
        raise NotImplementedError

    def forward(self, *inputs: object) -> Any:
        sample = inputs if len(inputs) > 1 else inputs[0]
        labels = _as_tensors(self._labels_getter(sample))
        flat_inputs, spec = tree_flatten(sample)
        subject = self._subject(flat_inputs)
        for label in labels or ():
            if label.ndim == 0 or label.shape[0] != subject.shape[0]:
                raise ValueError(
                    f"{type(self).__name__}(): the sample has {subject.shape[0]} of what is sanitized "
                    f"(shape={tuple(subject.shape)}) but labels of shape={tuple(label.shape)}: the numbers must match."
                )
        params = {"valid": self._valid(subject), "labels": labels}
        return tree_unflatten([self.transform(inpt, params) for inpt in flat_inputs], spec)


def _as_tensors(labels: object) -> tuple[torch.Tensor, ...] | None:
    if labels is None:
        return None
    several = labels if isinstance(labels, (tuple, list)) else (labels,)
    for label in several:
        if not isinstance(label, torch.Tensor):
            raise ValueError(
                f"The labels in the input to forward() must be a tensor or None, got {type(label)} instead."
            )
    return tuple(several)


def _is_label(inpt: object, params: dict[str, Any]) -> bool:
    return any([inpt is label for label in params["labels"] or ()])


class SanitizeBoundingBoxes(_Sanitize):
    """Without boxes that are too small or not within their canvas; and without their labels and masks.

    Samples of several tensors of labels name them by `labels_getter`. A mask of another number of objects stays.

    >>> import tritonnn as torch
    >>> from tritonnn.vision import tv_tensors
    >>> from tritonnn.vision.transforms import v2
    >>> boxes = tv_tensors.BoundingBoxes([[0, 0, 4, 4], [2, 2, 2, 3]], format="XYXY", canvas_size=(8, 8))
    >>> v2.SanitizeBoundingBoxes()({"boxes": boxes, "labels": torch.tensor([7, 8])})["labels"]
    tensor([7])

    Args:
        min_size: the least width and height, at least 1.
        min_area: the least area, at least 1.
        labels_getter: what finds the labels, a tensor or several, in a sample; "default": the second part of a pair, or
            what a dictionary has under "labels"; None: there are none.
    """

    def __init__(
        self, min_size: float = 1.0, min_area: float = 1.0, labels_getter: Getter = "default"
    ) -> None:
        super().__init__()
        if min_size < 1:
            raise ValueError(f"min_size must be >= 1, got {min_size}.")
        if min_area < 1:
            raise ValueError(f"min_area must be >= 1, got {min_area}.")
        self.min_size = min_size
        self.min_area = min_area
        self.labels_getter = labels_getter
        self._labels_getter = _parse_labels_getter(labels_getter)

    def _subject(self, flat_inputs: list[Any]) -> torch.Tensor:
        return get_bounding_boxes(flat_inputs)

    def _valid(self, subject: tv_tensors.BoundingBoxes) -> torch.Tensor:
        return _misc._get_sanitize_bounding_boxes_mask(
            subject, subject.format, subject.canvas_size, self.min_size, self.min_area
        )

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        valid = params["valid"]
        if isinstance(inpt, tv_tensors.BoundingBoxes):
            return tv_tensors.wrap(inpt[valid], like=inpt)
        if _is_label(inpt, params):
            return inpt[valid]
        if isinstance(inpt, tv_tensors.Mask) and inpt.shape[:1] == valid.shape:
            return tv_tensors.wrap(inpt[valid], like=inpt)
        return inpt


class SanitizeKeyPoints(_Sanitize):
    """Without points, or groups of points, that are not within their canvas; and without their labels.

    Args:
        labels_getter: what finds the labels, as of SanitizeBoundingBoxes; None: there are none.
    """

    def __init__(self, labels_getter: Getter = None) -> None:
        super().__init__()
        self.labels_getter = labels_getter
        self._labels_getter = _parse_labels_getter(labels_getter)

    def _subject(self, flat_inputs: list[Any]) -> torch.Tensor:
        return get_keypoints(flat_inputs)

    def _valid(self, subject: tv_tensors.KeyPoints) -> torch.Tensor:
        return _misc._get_sanitize_keypoints_mask(subject, subject.canvas_size)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        if isinstance(inpt, tv_tensors.KeyPoints):
            return tv_tensors.wrap(inpt[params["valid"]], like=inpt)
        return inpt[params["valid"]] if _is_label(inpt, params) else inpt
