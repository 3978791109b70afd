"""What networks on top of a classifier share: which weights they and their backbone get, and where its stages are."""

from __future__ import annotations

from typing import Any

from tritonnn import nn
from tritonnn.vision.models._api import WeightsEnum
from tritonnn.vision.models._utils import _ovewrite_value_param

__all__ = ["decided", "mobilenet_stages"]


def decided(
    weights: tuple[type[WeightsEnum], Any],
    weights_backbone: tuple[type[WeightsEnum], Any],
    num_classes: int | None,
    default: int,
) -> tuple[Any, Any, int]:
    """The weights, the backbone's (none where those of the whole are there), and the number of classes.

    Args:
        weights: the enumeration of the network, and what the caller asked for.
        weights_backbone: likewise.
        num_classes: what the caller asked for.
        default: classes where nobody says how many.

    Raises ValueError where the weights have another number of classes.
    """
    whole = weights[0].verify(weights[1])
    backbone = weights_backbone[0].verify(weights_backbone[1])
    if whole is None:
        return None, backbone, default if num_classes is None else num_classes
    return whole, None, _ovewrite_value_param("num_classes", num_classes, len(whole.meta["categories"]))


def mobilenet_stages(features: nn.Sequential) -> list[int]:
    """Where the stages of a MobileNet begin: the first and the last block, and those that halve the map."""
    halving = [i for i, block in enumerate(features) if getattr(block, "_is_cn", False)]
    return [0, *halving, len(features) - 1]
