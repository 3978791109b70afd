"""Transforms of an image's size: resize, pad, crop here, at random, or at several places."""

from __future__ import annotations

import math
import numbers
import warnings
from collections.abc import Sequence

import tritonnn as torch
from tritonnn import nn
from tritonnn.vision._types import Picture, PictureT
from tritonnn.vision.transforms import functional as F
from tritonnn.vision.transforms._class_parts import (
    TWO_DIMENSIONS,
    aspect_ratio,
    check_range,
    described,
    mode_of,
    setup_size,
    uniform,
)
from tritonnn.vision.transforms.functional import InterpolationMode

__all__ = ["CenterCrop", "FiveCrop", "Pad", "RandomCrop", "RandomResizedCrop", "Resize", "TenCrop"]


class Resize(nn.Module):
    """In another size.

    Args:
        size: (height, width), or the length of the shorter edge, the ratio being kept.
        interpolation: how pixels are computed.
        max_size: that the longer edge may have where `size` gives the shorter one.
        antialias: whether each new pixel of a tensor sees all old ones that it covers; pictures are always smoothed.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.Resize(2)(torch.zeros(3, 4, 6)).shape
    torch.Size([3, 2, 3])
    """

    def __init__(
        self,
        size: int | Sequence[int],
        interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
        max_size: int | None = None,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        if not isinstance(size, (int, Sequence)):
            raise TypeError(f"Size should be int or sequence. Got {type(size)}")
        if isinstance(size, Sequence) and len(size) not in (1, 2):
            raise ValueError(f"If size is a sequence, it should have 1 or 2 values. Got {size}")
        self.size = size
        self.max_size = max_size
        self.interpolation = mode_of(interpolation)
        self.antialias = antialias

    def forward(self, img: PictureT) -> PictureT:
        """The image in its new size."""
        return F.resize(img, self.size, self.interpolation, self.max_size, self.antialias)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(size={self.size}, interpolation={self.interpolation.value}, "
            f"max_size={self.max_size}, antialias={self.antialias})"
        )


class CenterCrop(nn.Module):
    """The middle, with zeros around a smaller image.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.CenterCrop(1)(torch.arange(9).reshape(1, 3, 3))
    tensor([[[4]]])
    """

    def __init__(self, size: int | Sequence[int]) -> None:
        super().__init__()
        self.size = setup_size(size, TWO_DIMENSIONS)

    def forward(self, img: PictureT) -> PictureT:
        """The part in the middle."""
        return F.center_crop(img, self.size)

    def __repr__(self) -> str:
        return described(self, "size")


class Pad(nn.Module):
    """With pixels added on all sides.

    Args:
        padding: one number, (x, y), or (left, top, right, bottom).
        fill: the value of new pixels; of a picture also one for each channel.
        padding_mode: "constant", "edge", "reflect" or "symmetric".

    >>> import tritonnn as torch
    >>> torch.vision.transforms.Pad(1, fill=7)(torch.zeros(1, 1, 1))
    tensor([[[7., 7., 7.],
             [7., 0., 7.],
             [7., 7., 7.]]])
    """

    def __init__(
        self, padding: int | Sequence[int], fill: float | Sequence[float] = 0, padding_mode: str = "constant"
    ) -> None:
        super().__init__()
        if not isinstance(padding, (numbers.Number, tuple, list)):
            raise TypeError(f"Got inappropriate padding arg: {padding!r}")
        if not isinstance(fill, (numbers.Number, tuple, list)):
            raise TypeError(f"Got inappropriate fill arg: {fill!r}")
        if padding_mode not in ("constant", "edge", "reflect", "symmetric"):
            raise ValueError(
                f"Padding mode should be either constant, edge, reflect or symmetric, got {padding_mode!r}"
            )
        if isinstance(padding, Sequence) and len(padding) not in (1, 2, 4):
            raise ValueError(
                f"Padding must be an int or a 1, 2, or 4 element tuple, not a {len(padding)} element tuple"
            )
        self.padding = padding
        self.fill = fill
        self.padding_mode = padding_mode

    def forward(self, img: PictureT) -> PictureT:
        """The larger image."""
        return F.pad(img, self.padding, self.fill, self.padding_mode)

    def __repr__(self) -> str:
        return described(self, "padding", "fill", "padding_mode")


class RandomCrop(nn.Module):
    """A part of that size somewhere in the image.

    Args:
        size: height and width, or one number for both.
        padding: added before, as `Pad` takes it.
        pad_if_needed: whether a smaller image is padded too, on both sides by what it lacks.
        fill: of what is added.
        padding_mode: of what is added.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.RandomCrop(8, padding=4)(torch.zeros(3, 8, 8)).shape
    torch.Size([3, 8, 8])
    """

    def __init__(
        self,
        size: int | Sequence[int],
        padding: int | Sequence[int] | None = None,
        pad_if_needed: bool = False,
        fill: float | Sequence[float] = 0,
        padding_mode: str = "constant",
    ) -> None:
        super().__init__()
        self.size = tuple(setup_size(size, TWO_DIMENSIONS))
        self.padding = padding
        self.pad_if_needed = pad_if_needed
        self.fill = fill
        self.padding_mode = padding_mode

    @staticmethod
    def get_params(img: Picture, output_size: Sequence[int]) -> tuple[int, int, int, int]:
        """Row, column, height and width of a part."""
        _, rows, columns = F.get_dimensions(img)
        height, width = output_size
        if rows < height or columns < width:
            raise ValueError(
                f"Required crop size {(height, width)} is larger than input image size {(rows, columns)}"
            )
        if (rows, columns) == (height, width):
            return 0, 0, rows, columns
        i = torch.randint(0, rows - height + 1, (1,)).item()
        j = torch.randint(0, columns - width + 1, (1,)).item()
        return i, j, height, width

    def forward(self, img: PictureT) -> PictureT:
        """The part."""
        if self.padding is not None:
            img = F.pad(img, self.padding, self.fill, self.padding_mode)
        if self.pad_if_needed:
            _, rows, columns = F.get_dimensions(img)
            for missing in ([self.size[1] - columns, 0], [0, self.size[0] - rows]):
                if max(missing) > 0:
                    img = F.pad(img, missing, self.fill, self.padding_mode)
        return F.crop(img, *self.get_params(img, self.size))

    def __repr__(self) -> str:
        return described(self, "size", "padding")


class RandomResizedCrop(nn.Module):
    """A part of any size and shape somewhere in the image, then in one size.

    Args:
        size: height and width of the result, or one number for both.
        scale: which part of the image's area it has, from and to.
        ratio: its width divided by its height, from and to.
        interpolation: how pixels are computed.
        antialias: as in `Resize`.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.RandomResizedCrop(4)(torch.zeros(3, 9, 7)).shape
    torch.Size([3, 4, 4])
    """

    def __init__(
        self,
        size: int | Sequence[int],
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3.0 / 4.0, 4.0 / 3.0),
        interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        self.size = setup_size(size, TWO_DIMENSIONS)
        if not check_range(scale, ratio):
            warnings.warn("Scale and ratio should be of kind (min, max)", stacklevel=2)
        self.interpolation = mode_of(interpolation)
        self.antialias = antialias
        self.scale = scale
        self.ratio = ratio

    @staticmethod
    def get_params(img: Picture, scale: Sequence[float], ratio: Sequence[float]) -> tuple[int, int, int, int]:
        """Row, column, height and width of a part; of the middle where ten draws gave none that fits."""
        _, rows, columns = F.get_dimensions(img)
        for _ in range(10):
            area = rows * columns * uniform(scale[0], scale[1])
            aspect = aspect_ratio(ratio)
            width, height = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if 0 < width <= columns and 0 < height <= rows:
                i = torch.randint(0, rows - height + 1, (1,)).item()
                j = torch.randint(0, columns - width + 1, (1,)).item()
                return i, j, height, width
        width, height = columns, rows
        if columns / rows < min(ratio):
            height = round(columns / min(ratio))
        elif columns / rows > max(ratio):
            width = round(rows * max(ratio))
        return (rows - height) // 2, (columns - width) // 2, height, width

    def forward(self, img: PictureT) -> PictureT:
        """The part in its new size."""
        i, j, h, w = self.get_params(img, self.scale, self.ratio)
        return F.resized_crop(img, i, j, h, w, self.size, self.interpolation, antialias=self.antialias)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(size={self.size}, scale={tuple(round(s, 4) for s in self.scale)}, "
            f"ratio={tuple(round(r, 4) for r in self.ratio)}, interpolation={self.interpolation.value}, "
            f"antialias={self.antialias})"
        )


class FiveCrop(nn.Module):
    """The four corners and the middle, as a tuple.

    >>> import tritonnn as torch
    >>> [int(part) for part in torch.vision.transforms.FiveCrop(1)(torch.arange(9).reshape(1, 3, 3))]
    [0, 2, 6, 8, 4]
    """

    def __init__(self, size: int | Sequence[int]) -> None:
        super().__init__()
        self.size = setup_size(size, TWO_DIMENSIONS)

    def forward(self, img: PictureT) -> tuple[PictureT, ...]:
        """Five parts."""
        return F.five_crop(img, self.size)

    def __repr__(self) -> str:
        return described(self, "size")


class TenCrop(nn.Module):
    """`FiveCrop` of the image and of the flipped image, as a tuple.

    >>> import tritonnn as torch
    >>> [int(part) for part in torch.vision.transforms.TenCrop(1)(torch.arange(9).reshape(1, 3, 3))]
    [0, 2, 6, 8, 4, 2, 0, 8, 6, 4]
    """

    def __init__(self, size: int | Sequence[int], vertical_flip: bool = False) -> None:
        super().__init__()
        self.size = setup_size(size, TWO_DIMENSIONS)
        self.vertical_flip = vertical_flip

    def forward(self, img: PictureT) -> tuple[PictureT, ...]:
        """Ten parts."""
        return F.ten_crop(img, self.size, self.vertical_flip)

    def __repr__(self) -> str:
        return described(self, "size", "vertical_flip")
