"""Transforms of old that have better ones here."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from tritonnn import Tensor
from tritonnn.vision._pillow import is_image
from tritonnn.vision._types import PILImage
from tritonnn.vision.transforms import functional as _F
from tritonnn.vision.transforms.v2._transform import Transform

__all__ = ["ToTensor"]


class ToTensor(Transform):
    """Deprecated: `ToImage`, then `ToDtype(torch.float32, scale=True)`."""

    _transformed_types = (is_image, np.ndarray)

    def __init__(self) -> None:
        warnings.warn(
            "`ToTensor()` is deprecated: use `v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])`, "
            "whose output is the same up to float precision.",
            stacklevel=2,
        )
        super().__init__()

    def transform(self, inpt: PILImage | np.ndarray, params: dict[str, Any]) -> Tensor:
        return _F.to_tensor(inpt)
