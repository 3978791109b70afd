"""Changes of clips, tensors (C, T, H, W): older programs import them; `functional` takes clips (T, C, H, W) as well."""

from __future__ import annotations

from collections.abc import Sequence

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.nn import functional

__all__ = ["center_crop", "crop", "hflip", "normalize", "resize", "resized_crop", "to_tensor"]


def _is_tensor_video_clip(clip: Tensor) -> bool:
    """True; TypeError or ValueError for what is no clip."""
    if not isinstance(clip, Tensor):
        raise TypeError(f"clip should be Tensor. Got {type(clip)}")
    if clip.ndim != 4:
        raise ValueError(f"clip should be 4D. Got {clip.ndim}D")
    return True


def crop(clip: Tensor, i: int, j: int, h: int, w: int) -> Tensor:
    """The part of that size at row `i` and column `j`."""
    if clip.ndim != 4:
        raise ValueError(f"clip should be a 4D tensor. Got {clip.ndim}D")
    return clip[..., i : i + h, j : j + w]


def resize(clip: Tensor, target_size: Sequence[int], interpolation_mode: str) -> Tensor:
    """In another size, (height, width)."""
    if len(target_size) != 2:
        raise ValueError(f"target size should be tuple (height, width), instead got {target_size}")
    return functional.interpolate(clip, size=target_size, mode=interpolation_mode, align_corners=False)


def resized_crop(
    clip: Tensor, i: int, j: int, h: int, w: int, size: Sequence[int], interpolation_mode: str = "bilinear"
) -> Tensor:
    """`crop`, then `resize`."""
    _is_tensor_video_clip(clip)
    return resize(crop(clip, i, j, h, w), size, interpolation_mode)


def center_crop(clip: Tensor, crop_size: Sequence[int]) -> Tensor:
    """The middle."""
    _is_tensor_video_clip(clip)
    rows, columns = clip.shape[-2:]
    height, width = crop_size
    if rows < height or columns < width:
        raise ValueError(
            f"height and width must be no smaller than crop_size: {(rows, columns)} and {crop_size}"
        )
    return crop(clip, round((rows - height) / 2.0), round((columns - width) / 2.0), height, width)


def to_tensor(clip: Tensor) -> Tensor:
    """A clip (T, H, W, C) of type uint8 as one (C, T, H, W) of floats from 0 to 1."""
    _is_tensor_video_clip(clip)
    if clip.dtype != torch.uint8:
        raise TypeError(f"clip tensor should have data type uint8. Got {clip.dtype}")
    return clip.float().permute(3, 0, 1, 2) / 255.0


def normalize(clip: Tensor, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> Tensor:
    """Minus the mean, divided by the standard deviation, of each channel."""
    _is_tensor_video_clip(clip)
    centre, spread = (
        torch.as_tensor(values, dtype=clip.dtype, device=clip.device)[:, None, None, None]
        for values in (mean, std)
    )
    return (clip.sub_(centre) if inplace else clip - centre).div_(spread)


def hflip(clip: Tensor) -> Tensor:
    """Left and right exchanged."""
    _is_tensor_video_clip(clip)
    return clip.flip(-1)
