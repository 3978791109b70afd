"""Functionals of the classic transforms that have better ones here."""

from __future__ import annotations

import warnings

import numpy as np

from tritonnn import Tensor
from tritonnn.vision._types import Picture, PILImage
from tritonnn.vision.transforms import functional as _F

__all__ = ["get_image_size", "to_tensor"]


def to_tensor(inpt: PILImage | np.ndarray) -> Tensor:
    """Deprecated: `to_image`, then `to_dtype` with `scale=True`."""
    warnings.warn(
        "`to_tensor(...)` is deprecated: use `to_image(...)`, then `to_dtype(..., dtype=torch.float32, scale=True)`.",
        stacklevel=2,
    )
    return _F.to_tensor(inpt)


def get_image_size(inpt: Picture) -> list[int]:
    """Deprecated: `get_size`, which returns height and width, not width and height."""
    warnings.warn(
        "`get_image_size(...)` is deprecated: use `get_size(...)`, which returns `[h, w]` instead of `[w, h]`.",
        stacklevel=2,
    )
    return _F.get_image_size(inpt)
