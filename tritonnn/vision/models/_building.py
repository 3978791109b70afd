"""What builders of classifiers share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from tritonnn import nn
from tritonnn.vision.models._api import WeightsEnum
from tritonnn.vision.models._utils import _ovewrite_named_param, load_weights

Network = TypeVar("Network", bound=nn.Module)


def classifier(
    network: Callable[..., Network], weights: WeightsEnum | None, progress: bool, *args: Any, **kwargs: Any
) -> Network:
    """network(*args, **kwargs); with weights it has as many classes as they have, and holds them.

    A `num_classes` among kwargs that is not that number is a ValueError.
    """
    if weights is not None:
        _ovewrite_named_param(kwargs, "num_classes", len(weights.meta["categories"]))
    return load_weights(network(*args, **kwargs), weights, progress)
