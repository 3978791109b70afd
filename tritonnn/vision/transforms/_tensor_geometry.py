"""Which pixels of an image tensor stay, and where: flip, crop, pad, resize. Any dimensions may precede (C, H, W)."""

from __future__ import annotations

from collections.abc import Sequence

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.nn import functional
from tritonnn.vision.transforms._tensor_checks import (
    as_batch,
    check_image,
    fill_values,
    get_dimensions,
    rounded,
)

__all__ = ["crop", "hflip", "pad", "parse_padding", "resize", "vflip"]

_PADDING_MODES = {"constant": "constant", "edge": "replicate", "reflect": "reflect", "symmetric": "symmetric"}


def hflip(img: Tensor) -> Tensor:
    """Left and right exchanged."""
    check_image(img)
    return img.flip(-1)


def vflip(img: Tensor) -> Tensor:
    """Top and bottom exchanged."""
    check_image(img)
    return img.flip(-2)


def crop(img: Tensor, top: int, left: int, height: int, width: int) -> Tensor:
    """The part of that size at that place: a view where it lies within the image, else zeros are around it."""
    _, rows, columns = get_dimensions(img)
    bottom, right = top + height, left + width
    if left >= 0 and top >= 0 and right <= columns and bottom <= rows:
        return img[..., top:bottom, left:right]
    within = img[..., max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    around = [
        max(min(right, 0) - left, 0), max(min(bottom, 0) - top, 0),
        max(right - max(columns, left), 0), max(bottom - max(rows, top), 0),
    ]  # fmt: skip
    return pad(within, around)


def parse_padding(padding: int | Sequence[int]) -> list[int]:
    """Left, right, top and bottom from one number, from (x, y) or from (left, top, right, bottom)."""
    if isinstance(padding, int):
        return [padding] * 4
    if not isinstance(padding, (tuple, list)):
        raise TypeError(
            f"Got inappropriate padding arg: an int or a sequence of them is expected, got {padding!r}"
        )
    if len(padding) not in (1, 2, 4):
        raise ValueError(
            f"Padding must be an int or a 1, 2, or 4 element tuple, not a {len(padding)} element tuple"
        )
    left, top, right, bottom = padding if len(padding) == 4 else (padding[0], padding[-1]) * 2
    return [left, right, top, bottom]


def pad(
    img: Tensor,
    padding: int | Sequence[int],
    fill: float | Sequence[float] | None = 0,
    padding_mode: str = "constant",
) -> Tensor:
    """Pixels added on all sides, or taken away where a number is negative.

    Args:
        img: the image.
        padding: as `parse_padding` reads it.
        fill: the value of new pixels, or one for each channel.
        padding_mode: "constant", "edge", "reflect" or "symmetric", which repeats the pixel at the edge.
    """
    check_image(img)
    sides = parse_padding(padding)
    if not isinstance(padding_mode, str):
        raise TypeError(f"Got inappropriate padding_mode arg: a str is expected, got {padding_mode!r}")
    if padding_mode not in _PADDING_MODES:
        raise ValueError(
            f"Padding mode should be either constant, edge, reflect or symmetric, got {padding_mode!r}"
        )
    colours = fill_values(fill)
    if len(colours) > 1:
        if padding_mode != "constant":
            raise ValueError(
                f"Padding mode '{padding_mode}' is not supported if fill is not scalar, got {fill}"
            )
        return _pad_with_colours(img, sides, colours)
    if padding_mode == "symmetric":
        return _pad_symmetric(img, sides)
    mode = _PADDING_MODES[padding_mode]
    value = float(colours[0]) if mode == "constant" else None
    padded = functional.pad(as_batch(img), sides, mode=mode, value=value)
    return padded.reshape(*img.shape[:-2], *padded.shape[-2:])


def _pad_with_colours(img: Tensor, sides: list[int], colours: list[float]) -> Tensor:
    """With a value for each channel."""
    if len(colours) != get_dimensions(img)[0]:
        raise ValueError(
            f"The number of elements in 'fill' cannot broadcast to match the number of channels of the image "
            f"({len(colours)} != {get_dimensions(img)[0]})"
        )
    colour = torch.tensor(colours, device=img.device).to(img.dtype).reshape(-1, 1, 1)
    inside = functional.pad(torch.ones(img.shape[-2:], dtype=torch.bool, device=img.device), sides, value=0.0)
    return torch.where(inside, pad(img, [sides[0], sides[2], sides[1], sides[3]]), colour)


def _pad_symmetric(img: Tensor, sides: list[int]) -> Tensor:
    left, right, top, bottom = sides
    _, rows, columns = get_dimensions(img)
    img = img[..., max(-top, 0) : rows - max(-bottom, 0), max(-left, 0) : columns - max(-right, 0)]
    for dim, before, after in ((-1, left, right), (-2, top, bottom)):
        if before > 0 or after > 0:
            img = img.index_select(
                dim, _mirrored(img.shape[dim], max(before, 0), max(after, 0)).to(img.device)
            )
    return img


def _mirrored(extent: int, before: int, after: int) -> Tensor:
    """The places that padded ones take their values from: 1 0 | 0 1 2 | 2 1."""
    if max(before, after) > extent:
        raise IndexError(
            f"symmetric padding of {max(before, after)} is larger than the image's extent of {extent}"
        )
    places = torch.arange(extent)
    return torch.cat([places[:before].flip(0), places, places[extent - after :].flip(0)])


def resize(
    img: Tensor, size: Sequence[int], interpolation: str = "bilinear", antialias: bool | None = True
) -> Tensor:
    """The whole image in another size, (height, width).

    Types other than float32 and float64 are computed in float32; integers are rounded to.

    Args:
        img: the image.
        size: height and width.
        interpolation: a mode of `interpolate`.
        antialias: whether each new pixel sees all old ones that it covers; for bilinear, bicubic and lanczos.
    """
    check_image(img)
    smooth = interpolation in ("bilinear", "bicubic", "lanczos")
    batch = as_batch(img)
    if batch.shape[0] == 0 or batch.shape[1] == 0:
        return img.new_empty((*img.shape[:-2], *size))
    computed = batch if batch.dtype in (torch.float32, torch.float64) else batch.to(torch.float32)
    resized = functional.interpolate(
        computed,
        size=list(size),
        mode=interpolation,
        align_corners=False if smooth else None,
        antialias=bool(antialias) and smooth,
    )
    if interpolation in ("bicubic", "lanczos") and img.dtype == torch.uint8:  # they reach beyond 0 and 255
        resized = resized.clamp(0, 255)
    return rounded(resized, img.dtype).reshape(*img.shape[:-2], *size)
