"""What segmentation networks share: heads on feature maps, their output resized to the image."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from tritonnn import Tensor, nn
from tritonnn.nn import functional as F
from tritonnn.vision.models._api import WeightsEnum
from tritonnn.vision.models._utils import _ovewrite_value_param

__all__: list[str] = []


class _SimpleSegmentationModel(nn.Module):
    """A head on the backbone's map "out", and perhaps one for training on its map "aux".

    Args:
        backbone: returns a dict of maps.
        classifier: gives scores of classes on "out".
        aux_classifier: likewise on "aux"; None where there is none.

    It returns such scores, [N, classes, height, width], as "out" and "aux".
    """

    __constants__ = ["aux_classifier"]

    def __init__(
        self, backbone: nn.Module, classifier: nn.Module, aux_classifier: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.classifier = classifier
        self.aux_classifier = aux_classifier

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        size = x.shape[-2:]
        features = self.backbone(x)
        result = OrderedDict(out=resized(self.classifier(features["out"]), size))
        if self.aux_classifier is not None:
            result["aux"] = resized(self.aux_classifier(features["aux"]), size)
        return result


def resized(maps: Tensor, size: Sequence[int]) -> Tensor:
    return F.interpolate(maps, size=size, mode="bilinear", align_corners=False)


def with_aux(weights: WeightsEnum | None, aux_loss: bool | None) -> bool | None:
    """Whether there is a second head: all weights have one."""
    return aux_loss if weights is None else _ovewrite_value_param("aux_loss", aux_loss, True)


def nothing_left(builder: str, kwargs: dict[str, Any]) -> None:
    """Refuse further keyword arguments."""
    if kwargs:
        raise TypeError(f"{builder}() got an unexpected keyword argument '{next(iter(kwargs))}'")
