"""Sizes, crops, margins and flips of pictures and image tensors (..., C, H, W): see `functional`."""

from __future__ import annotations

import numbers
import warnings
from collections.abc import Sequence
from typing import Any

from tritonnn import Tensor
from tritonnn.vision._types import Picture, PictureT
from tritonnn.vision.transforms._interpolation import (
    InterpolationMode,
    as_mode,
    functions_of,
    pil_modes_mapping,
)

__all__ = [
    "center_crop", "compute_resized_output_size", "crop", "five_crop", "get_dimensions", "get_image_num_channels",
    "get_image_size", "hflip", "pad", "resize", "resized_crop", "ten_crop", "vflip",
]  # fmt: skip


def get_dimensions(img: Picture) -> list[int]:
    """The numbers of channels, rows and columns.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.functional.get_dimensions(torch.zeros(3, 4, 5))
    [3, 4, 5]
    """
    return functions_of(img).get_dimensions(img)


def get_image_size(img: Picture) -> list[int]:
    """Width and height.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.functional.get_image_size(torch.zeros(3, 4, 5))
    [5, 4]
    """
    return functions_of(img).get_image_size(img)


def get_image_num_channels(img: Picture) -> int:
    """The number of channels.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.functional.get_image_num_channels(torch.zeros(3, 4, 5))
    3
    """
    return functions_of(img).get_image_num_channels(img)


def compute_resized_output_size(
    image_size: Sequence[int],
    size: Sequence[int] | None,
    max_size: int | None = None,
    allow_size_none: bool = False,
) -> list[int]:
    """Height and width that an image is resized to.

    Args:
        image_size: its height and width.
        size: height and width wanted, or the length of the shorter edge alone; the ratio is then kept.
        max_size: that the longer edge may have, the shorter one becoming shorter too.
        allow_size_none: whether `size` may be None, with the longer edge `max_size` long.
    """
    height, width = image_size
    short, long = sorted((height, width))
    if size is None:
        if not allow_size_none:
            raise ValueError("size should be a sequence of one or two integers, got None")
        if not isinstance(max_size, int):
            raise ValueError(f"max_size must be an integer when size is None, but got {max_size} instead.")
        new_short, new_long = int(max_size * short / long), max_size
    elif len(size) == 1:
        new_short, new_long = size[0], int(size[0] * long / short)
        if max_size is not None:
            if max_size <= new_short:
                raise ValueError(
                    f"max_size = {max_size} must be strictly greater than the requested "
                    f"size for the smaller edge size = {size}"
                )
            if new_long > max_size:
                new_short, new_long = int(max_size * new_short / new_long), max_size
    else:
        return [size[0], size[1]]
    return [new_long, new_short] if width <= height else [new_short, new_long]


def resize(
    img: PictureT,
    size: int | Sequence[int],
    interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> PictureT:
    """In another size; pictures by Pillow, which always smooths, tensors by `interpolate`.

    Args:
        img: the image.
        size: (height, width), or the length of the shorter edge, the ratio being kept.
        interpolation: how pixels are computed.
        max_size: that the longer edge may have where `size` gives the shorter one.
        antialias: whether each new pixel sees all old ones that it covers.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.functional.resize(torch.zeros(3, 4, 6), 2).shape
    torch.Size([3, 2, 3])
    """
    mode = as_mode(interpolation)
    if isinstance(size, (list, tuple)):
        if len(size) not in (1, 2):
            raise ValueError(
                f"Size must be an int or a 1 or 2 element tuple/list, not a {len(size)} element tuple/list"
            )
        if max_size is not None and len(size) != 1:
            raise ValueError(
                "max_size should only be passed if size specifies the length of the smaller edge, i.e. size should "
                f"be an int or a sequence of length 1, got size = {size}"
            )
    old = get_dimensions(img)[1:]
    new = compute_resized_output_size(old, [size] if isinstance(size, int) else size, max_size)
    if new == old:
        return img
    if isinstance(img, Tensor):
        if mode is InterpolationMode.LANCZOS:
            raise ValueError(
                "InterpolationMode.LANCZOS is of pictures here; transforms.v2 resizes tensors by it"
            )
        return functions_of(img).resize(img, new, mode.value, antialias)
    if antialias is False:
        warnings.warn(
            "Anti-alias option is always applied for PIL Image input. Argument antialias is ignored.",
            stacklevel=2,
        )
    return functions_of(img).resize(img, new, pil_modes_mapping[mode])


def pad(
    img: PictureT,
    padding: int | Sequence[int],
    fill: float | Sequence[float] | None = 0,
    padding_mode: str = "constant",
) -> PictureT:
    """With pixels added on all sides, or taken away where a number is negative.

    Args:
        img: the image.
        padding: one number, (x, y), or (left, top, right, bottom).
        fill: the value of new pixels; of a picture also one for each channel.
        padding_mode: "constant", "edge", "reflect" or "symmetric", which repeats the pixel at the edge.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.functional.pad(torch.zeros(3, 4, 6), [1, 2]).shape
    torch.Size([3, 8, 8])
    """
    if isinstance(img, Tensor) and fill is not None and not isinstance(fill, (int, float)):
        raise TypeError(f"Got inappropriate fill arg: a number is expected for a tensor, got {fill!r}")
    return functions_of(img).pad(img, padding, fill, padding_mode)


def crop(img: PictureT, top: int, left: int, height: int, width: int) -> PictureT:
    """The part of that size at that place; what lies outside of the image is zero.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.functional.crop(torch.arange(12).reshape(1, 3, 4), 1, 1, 2, 2)
    tensor([[[ 5,  6],
             [ 9, 10]]])
    """
    return functions_of(img).crop(img, top, left, height, width)


def _two(size: Any) -> Sequence[int]:
    """(height, width) of one number or two."""
    if isinstance(size, numbers.Number):
        return (int(size), int(size))  # type: ignore[call-overload]
    if isinstance(size, (tuple, list)) and len(size) == 1:
        return (size[0], size[0])
    if len(size) != 2:
        raise ValueError(f"Please provide only two dimensions (h, w) for size, got {size}.")
    return size


def center_crop(img: PictureT, output_size: int | Sequence[int]) -> PictureT:
    """The part of that size in the middle, with zeros around a smaller image.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.functional.center_crop(torch.arange(12).reshape(1, 3, 4), [1, 2])
    tensor([[[5, 6]]])
    """
    height, width = _two(output_size)
    _, rows, columns = get_dimensions(img)
    if width > columns or height > rows:
        missing_x, missing_y = max(width - columns, 0), max(height - rows, 0)
        img = pad(img, [missing_x // 2, missing_y // 2, (missing_x + 1) // 2, (missing_y + 1) // 2])
        rows, columns = max(rows, height), max(columns, width)
    return crop(img, round((rows - height) / 2), round((columns - width) / 2), height, width)


def resized_crop(
    img: PictureT,
    top: int,
    left: int,
    height: int,
    width: int,
    size: int | Sequence[int],
    interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
    antialias: bool | None = True,
) -> PictureT:
    """`crop`, then `resize`.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.functional.resized_crop(torch.zeros(3, 9, 9), 1, 1, 4, 4, [2, 2]).shape
    torch.Size([3, 2, 2])
    """
    return resize(crop(img, top, left, height, width), size, interpolation, antialias=antialias)


def hflip(img: PictureT) -> PictureT:
    """Left and right exchanged.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.functional.hflip(torch.tensor([[[1, 2], [3, 4]]]))
    tensor([[[2, 1],
             [4, 3]]])
    """
    return functions_of(img).hflip(img)


def vflip(img: PictureT) -> PictureT:
    """Top and bottom exchanged.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.functional.vflip(torch.tensor([[[1, 2], [3, 4]]]))
    tensor([[[3, 4],
             [1, 2]]])
    """
    return functions_of(img).vflip(img)


def five_crop(img: PictureT, size: int | Sequence[int]) -> tuple[PictureT, ...]:
    """The parts of that size at the four corners, top left first, and in the middle.

    >>> import tritonnn as torch
    >>> corners = torch.vision.transforms.functional.five_crop(torch.arange(9).reshape(1, 3, 3), 1)
    >>> [int(part) for part in corners]
    [0, 2, 6, 8, 4]
    """
    height, width = _two(size)
    _, rows, columns = get_dimensions(img)
    if width > columns or height > rows:
        raise ValueError(
            f"Requested crop size {tuple(_two(size))} is bigger than input size {(rows, columns)}"
        )
    corners = ((0, 0), (0, columns - width), (rows - height, 0), (rows - height, columns - width))
    parts = [crop(img, top, left, height, width) for top, left in corners]
    return (*parts, center_crop(img, [height, width]))


def ten_crop(img: PictureT, size: int | Sequence[int], vertical_flip: bool = False) -> tuple[PictureT, ...]:
    """`five_crop` of the image and of the flipped image.

    >>> import tritonnn as torch
    >>> parts = torch.vision.transforms.functional.ten_crop(torch.arange(9).reshape(1, 3, 3), 1)
    >>> [int(part) for part in parts]
    [0, 2, 6, 8, 4, 2, 0, 8, 6, 4]
    """
    return five_crop(img, size) + five_crop(vflip(img) if vertical_flip else hflip(img), size)
