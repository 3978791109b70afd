"""A tensor as a picture that can be drawn on, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

import tritonnn as torch
from tritonnn.vision._pillow import pillow
from tritonnn.vision._types import PILImage


def check_image(image: object, channels: tuple[int, ...], no_tensor: str, other_channels: str) -> None:
    """Whether it is one picture of bytes or of numbers from 0 to 1.

    Raises:
        TypeError: no tensor. ValueError: another dtype, a batch, another number of channels.
    """
    if not isinstance(image, torch.Tensor):
        raise TypeError(f"{no_tensor}, got {type(image)}")
    if image.dtype != torch.uint8 and not image.is_floating_point():
        raise ValueError(f"The image dtype must be uint8 or float, got {image.dtype}")
    if image.dim() != 3:
        raise ValueError(f"Pass individual images, not batches: got shape {tuple(image.shape)}")
    if image.size(0) not in channels:
        raise ValueError(f"{other_channels}: got {image.size(0)} channels")


def to_picture(image: torch.Tensor) -> Any:
    """The tensor of three channels as a picture of Pillow's."""
    if image.is_floating_point():
        # 1 becomes 255, and each level has an equal share of the numbers below
        image = image.mul(256 - 1e-3).to(torch.uint8)
    return pillow("torchvision.utils").fromarray(image.permute(1, 2, 0).cpu().contiguous().numpy())


def to_tensor(picture: PILImage, dtype: torch.dtype) -> torch.Tensor:
    """The picture as a tensor on the CPU, from 0 to 1 for a dtype of floating-point numbers."""
    image = torch.from_numpy(np.array(picture)).permute(2, 0, 1).contiguous()
    return image.to(dtype).mul_(1 / 255) if dtype.is_floating_point else image
