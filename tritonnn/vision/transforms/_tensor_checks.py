"""What all changes of image tensors ask first: is it one, how large, of how many channels, up to which value."""

from __future__ import annotations

import math
from collections.abc import Sequence

import tritonnn as torch
from tritonnn import Tensor

__all__ = [
    "as_batch", "check_channels", "check_image", "fill_values", "get_dimensions", "get_image_num_channels",
    "get_image_size", "max_value", "rounded",
]  # fmt: skip

_INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.uint16, torch.int32, torch.int64)


def check_image(img: Tensor) -> None:
    """Raise TypeError unless it is a tensor (..., H, W)."""
    if not isinstance(img, Tensor):
        raise TypeError(f"img should be Tensor. Got {type(img)}")
    if img.ndim < 2:
        raise TypeError(f"Tensor is not a torch image: expected (..., H, W), got shape {tuple(img.shape)}")


def check_channels(img: Tensor, permitted: Sequence[int] = (1, 3)) -> None:
    """Raise TypeError unless the image has one of the numbers of channels."""
    channels = get_dimensions(img)[0]
    if channels not in permitted:
        raise TypeError(
            f"Input image tensor permitted channel values are {list(permitted)}, but found {channels}"
        )


def get_dimensions(img: Tensor) -> list[int]:
    """Channels, height and width."""
    check_image(img)
    return [1 if img.ndim == 2 else img.shape[-3], *img.shape[-2:]]


def get_image_size(img: Tensor) -> list[int]:
    """Width and height."""
    return get_dimensions(img)[:0:-1]


def get_image_num_channels(img: Tensor) -> int:
    """The number of channels."""
    return get_dimensions(img)[0]


def max_value(dtype: torch.dtype) -> int:
    """What stands for full brightness: 255 in uint8, 1 in floating point."""
    return torch.iinfo(dtype).max if dtype in _INTEGERS else 1


def fill_values(fill: float | Sequence[float] | None) -> list[float]:
    """One number for all channels, or one for each."""
    if fill is None:
        return [0]
    return [fill] if isinstance(fill, (int, float)) else list(fill)


def as_batch(img: Tensor) -> Tensor:
    """It as (N, C, H, W), whatever stands before its channels."""
    channels, height, width = get_dimensions(img)
    return img.reshape(math.prod(img.shape[:-3]), channels, height, width)


def rounded(img: Tensor, dtype: torch.dtype) -> Tensor:
    """Computed values, which may be overwritten, in the type of the image that they are of; integers are rounded to."""
    if img.dtype == dtype:
        return img
    return (img.round_() if dtype in _INTEGERS else img).to(dtype)
