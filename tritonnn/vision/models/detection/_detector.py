"""What all detectors do alike: check targets, transform images, run the backbone, give losses or detections."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import tritonnn as torch
from tritonnn import Tensor, nn
from tritonnn.vision.models.detection.image_list import ImageList

__all__ = ["Detector", "channels_of", "imagenet", "of_type"]

Target = dict[str, Tensor]
Losses = dict[str, Tensor]


class Detector(nn.Module):
    """The frame of a detector; a subclass has the modules `transform` and `backbone`, and says `detect`.

    Called with images and, in training, targets, it returns a dict of losses in training and a list of detections in
    evaluation.
    """

    transform: Any
    backbone: nn.Module

    def detect(
        self, images: ImageList, features: dict[str, Tensor], targets: list[Target] | None
    ) -> tuple[list[Target], Losses]:
        """The detections of each image in the pixels of `images`, or the losses; the other is empty."""
        raise NotImplementedError

    def eager_outputs(self, losses: Losses, detections: list[Target]) -> Losses | list[Target]:
        return losses if self.training else detections

    def forward(
        self, images: Sequence[Tensor], targets: Sequence[Target] | None = None
    ) -> Losses | list[Target]:
        if self.training:
            _check_targets(targets)
        if not len(images):
            raise IndexError(f"{type(self).__name__}: images is empty: at least one image was expected")
        if targets is not None and len(targets) < len(images):
            raise IndexError(f"{len(images)} images have {len(targets)} targets: one for each was expected")
        sizes = [_size(image) for image in images]
        batch, moved = self.transform(images, targets)
        _refuse_empty_boxes(moved or ())
        features = self.backbone(batch.tensors)
        if isinstance(features, Tensor):
            features = OrderedDict([("0", features)])
        detections, losses = self.detect(batch, features, moved)
        return self.eager_outputs(losses, self.transform.postprocess(detections, batch.image_sizes, sizes))


def _check_targets(targets: Sequence[Target] | None) -> None:
    torch._assert(targets is not None, "targets should not be none when in training mode")
    for target in targets or ():
        boxes = target["boxes"]
        torch._assert(
            isinstance(boxes, Tensor), f"Expected target boxes to be of type Tensor, got {type(boxes)}."
        )
        torch._assert(
            boxes.dim() == 2 and boxes.shape[-1] == 4,
            f"Expected target boxes to be a tensor of shape [N, 4], got {boxes.shape}.",
        )


def _size(image: Tensor) -> tuple[int, int]:
    size = image.shape[-2:]
    torch._assert(
        len(size) == 2, f"expecting the last two dimensions of the Tensor to be H and W instead got {size}"
    )
    return size[0], size[1]


def _refuse_empty_boxes(targets: Sequence[Target]) -> None:
    for i, target in enumerate(targets):
        boxes = target["boxes"]
        empty = ~(boxes[:, 2:] > boxes[:, :2]).all(dim=1)  # NaN is not larger
        if empty.any():
            torch._assert(
                False,
                "All bounding boxes should have positive height and width. "
                f"Found invalid box {boxes[empty][0].tolist()} for target at index {i}.",
            )


def channels_of(backbone: nn.Module) -> Any:
    """The `out_channels` of a backbone.

    Raises ValueError where it has none.
    """
    if not hasattr(backbone, "out_channels"):
        raise ValueError(
            "backbone should contain an attribute out_channels specifying the number of output channels "
            "(assumed to be the same for all the levels)"
        )
    return backbone.out_channels


def imagenet(mean: list[float] | None, std: list[float] | None) -> tuple[list[float], list[float]]:
    """What images are normalised with: as given, or else as classifiers of ImageNet have it."""
    return [0.485, 0.456, 0.406] if mean is None else mean, [0.229, 0.224, 0.225] if std is None else std


def of_type(name: str, value: object, kind: type) -> None:
    """Refuse an argument that is neither None nor of a type."""
    if not isinstance(value, (kind, type(None))):
        raise TypeError(f"{name} should be of type {kind.__name__} or None instead of {type(value)}")
