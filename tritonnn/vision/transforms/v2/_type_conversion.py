"""Transforms between pictures of Pillow, arrays and tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

import tritonnn as torch
from tritonnn.vision import tv_tensors
from tritonnn.vision._pillow import is_image
from tritonnn.vision._types import Picture, PILImage
from tritonnn.vision.transforms.v2 import functional as F
from tritonnn.vision.transforms.v2._transform import Transform
from tritonnn.vision.transforms.v2._utils import is_pure_tensor

__all__ = ["PILToTensor", "ToImage", "ToPILImage", "ToPureTensor"]


class PILToTensor(Transform):
    """Pictures of Pillow's as tensors of their type and values."""

    _transformed_types = (is_image,)

    def transform(self, inpt: PILImage, params: dict[str, Any]) -> torch.Tensor:
        return F.pil_to_tensor(inpt)


class ToImage(Transform):
    """Tensors, arrays of (height, width, channels) and pictures of Pillow's as Images; values stay as they are.

    >>> import numpy
    >>> from tritonnn.vision.transforms import v2
    >>> v2.ToImage()(numpy.zeros((4, 5, 3))).shape
    torch.Size([3, 4, 5])
    """

    _transformed_types = (is_pure_tensor, is_image, np.ndarray)

    def transform(self, inpt: Picture | np.ndarray, params: dict[str, Any]) -> tv_tensors.Image:
        return F.to_image(inpt)


class ToPILImage(Transform):
    """Tensors and arrays as pictures of Pillow's.

    Args:
        mode: of the picture; None: what the type and the number of channels suggest.
    """

    _transformed_types = (is_pure_tensor, tv_tensors.Image, np.ndarray)

    def __init__(self, mode: str | None = None) -> None:
        super().__init__()
        self.mode = mode

    def transform(self, inpt: torch.Tensor | np.ndarray, params: dict[str, Any]) -> PILImage:
        return F.to_pil_image(inpt, mode=self.mode)


class ToPureTensor(Transform):
    """Tensors that no longer say what they are, which cost less to compute with."""

    _transformed_types = (tv_tensors.TVTensor,)

    def transform(self, inpt: torch.Tensor, params: dict[str, Any]) -> torch.Tensor:
        return inpt.as_subclass(torch.Tensor)
