"""Transforms that take a part of a picture."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import tritonnn as torch
from tritonnn.vision import transforms as _transforms
from tritonnn.vision import tv_tensors
from tritonnn.vision._types import PictureT
from tritonnn.vision.transforms._class_parts import TWO_DIMENSIONS, setup_size, uniform
from tritonnn.vision.transforms._tensor_geometry import parse_padding
from tritonnn.vision.transforms.v2 import functional as F
from tritonnn.vision.transforms.v2._augment import _PicturesOnly
from tritonnn.vision.transforms.v2._transform import Transform
from tritonnn.vision.transforms.v2._utils import (
    Fill,
    _check_padding_arg,
    _check_padding_mode_arg,
    _get_fill,
    _setup_fill_arg,
    has_any,
    query_size,
)
from tritonnn.vision.transforms.v2.functional._interpolation import Interpolation

__all__ = ["CenterCrop", "FiveCrop", "RandomCrop", "RandomResizedCrop", "TenCrop"]


class CenterCrop(Transform):
    """The middle; zeros are around a picture that is smaller.

    Args:
        size: height and width, or one number for both.
    """

    _v1_transform_cls = _transforms.CenterCrop

    def __init__(self, size: int | Sequence[int]) -> None:
        super().__init__()
        self.size = setup_size(size, error_msg=TWO_DIMENSIONS)

    def transform(self, inpt: PictureT, params: dict[str, Any]) -> PictureT:
        return self._call_kernel(F.center_crop, inpt, output_size=self.size)


class RandomResizedCrop(Transform):
    """A random part of random size and shape, resized.

    Args:
        size: height and width of the result, or one number for both.
        scale: the range of the part's area by that of the whole.
        ratio: the range of the part's width by its height.
        interpolation: an InterpolationMode or its name.
        antialias: whether each new pixel sees all old ones that it covers.
    """

    _v1_transform_cls = _transforms.RandomResizedCrop

    def __init__(
        self,
        size: int | Sequence[int],
        scale: tuple[float, float] = (0.08, 1.0),
        ratio: tuple[float, float] = (3.0 / 4.0, 4.0 / 3.0),
        interpolation: Interpolation = "bilinear",
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        self.size = setup_size(size, error_msg=TWO_DIMENSIONS)
        for name, limits in (("Scale", scale), ("Ratio", ratio)):
            if not isinstance(limits, Sequence) or len(limits) != 2:
                raise TypeError(f"{name} should be a sequence of two floats, got {limits!r}.")
        if scale[0] > scale[1] or ratio[0] > ratio[1]:
            warnings.warn("Scale and ratio should be of kind (min, max)", stacklevel=2)
        self.scale = scale
        self.ratio = ratio
        self.interpolation = interpolation
        self.antialias = antialias
        self._log_ratio = torch.log(torch.tensor(self.ratio)).tolist()

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = query_size(flat_inputs)
        for _ in range(10):
            area = height * width * uniform(self.scale[0], self.scale[1])
            ratio = math.exp(uniform(self._log_ratio[0], self._log_ratio[1]))
            w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if 0 < w <= width and 0 < h <= height:
                top = torch.randint(0, height - h + 1, size=(1,)).item()
                left = torch.randint(0, width - w + 1, size=(1,)).item()
                return {"top": top, "left": left, "height": h, "width": w}
        # the largest part in the middle that has a permitted shape
        low, high = min(self.ratio), max(self.ratio)
        h = round(width / low) if width / height < low else height
        w = round(height * high) if width / height > high else width
        return {"top": (height - h) // 2, "left": (width - w) // 2, "height": h, "width": w}

    def transform(self, inpt: PictureT, params: dict[str, Any]) -> PictureT:
        return self._call_kernel(
            F.resized_crop,
            inpt,
            **params,
            size=self.size,
            interpolation=self.interpolation,
            antialias=self.antialias,
        )


class _SeveralCrops(_PicturesOnly):
    def check_inputs(self, flat_inputs: list[Any]) -> None:
        if has_any(flat_inputs, tv_tensors.BoundingBoxes, tv_tensors.Mask):
            raise TypeError(f"BoundingBoxes'es and Mask's are not supported by {type(self).__name__}()")


class FiveCrop(_SeveralCrops):
    """The four corners and the middle, in a tuple.

    Args:
        size: height and width of each, or one number for both.
    """

    _v1_transform_cls = _transforms.FiveCrop

    def __init__(self, size: int | Sequence[int]) -> None:
        super().__init__()
        self.size = setup_size(size, error_msg=TWO_DIMENSIONS)

    def transform(self, inpt: PictureT, params: dict[str, Any]) -> PictureT | tuple[PictureT, ...]:
        return self._call_kernel(F.five_crop, inpt, self.size)


class TenCrop(_SeveralCrops):
    """The four corners and the middle, of the picture and of its mirror image, in a tuple.

    Args:
        size: height and width of each, or one number for both.
        vertical_flip: whether the mirror image has top and bottom exchanged, not left and right.
    """

    _v1_transform_cls = _transforms.TenCrop

    def __init__(self, size: int | Sequence[int], vertical_flip: bool = False) -> None:
        super().__init__()
        self.size = setup_size(size, error_msg=TWO_DIMENSIONS)
        self.vertical_flip = vertical_flip

    def transform(self, inpt: PictureT, params: dict[str, Any]) -> PictureT | tuple[PictureT, ...]:
        return self._call_kernel(F.ten_crop, inpt, self.size, vertical_flip=self.vertical_flip)


class RandomCrop(Transform):
    """A random part of a size.

    Args:
        size: height and width, or one number for both.
        padding: of the input before, as of `Pad`; None: none.
        pad_if_needed: whether an input that is smaller is padded.
        fill: the value of what is padded, or one for each channel; or by class of the input.
        padding_mode: "constant", "edge", "reflect" or "symmetric".
    """

    _v1_transform_cls = _transforms.RandomCrop

    def __init__(
        self,
        size: int | Sequence[int],
        padding: int | Sequence[int] | None = None,
        pad_if_needed: bool = False,
        fill: Fill = 0,
        padding_mode: str = "constant",
    ) -> None:
        super().__init__()
        self.size = setup_size(size, error_msg=TWO_DIMENSIONS)
        if padding is not None:
            _check_padding_arg(padding)
        if pad_if_needed or padding is not None:
            _check_padding_mode_arg(padding_mode)
        self.padding = parse_padding(padding) if padding else None
        self.pad_if_needed = pad_if_needed
        self.fill = fill
        self._fill = _setup_fill_arg(fill)
        self.padding_mode = padding_mode

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = query_size(flat_inputs)
        wanted = self.size
        left, right, top, bottom = self.padding or (0, 0, 0, 0)
        if self.pad_if_needed:
            more_x = max(wanted[1] - (width + left + right), 0)
            more_y = max(wanted[0] - (height + top + bottom), 0)
            left, right, top, bottom = left + more_x, right + more_x, top + more_y, bottom + more_y
        height, width = height + top + bottom, width + left + right
        if height < wanted[0] or width < wanted[1]:
            raise ValueError(
                f"Required crop size {tuple(wanted)} is larger than {'padded ' if self.padding is not None else ''}"
                f"input image size {(height, width)}."
            )
        spare_y, spare_x = height - wanted[0], width - wanted[1]
        return {
            "needs_crop": spare_y > 0 or spare_x > 0,
            "top": int(torch.randint(0, spare_y + 1, size=())) if spare_y else 0,
            "left": int(torch.randint(0, spare_x + 1, size=())) if spare_x else 0,
            "height": wanted[0],
            "width": wanted[1],
            "needs_pad": any((left, top, right, bottom)),
            "padding": [left, top, right, bottom],
        }

    def transform(self, inpt: PictureT, params: dict[str, Any]) -> PictureT:
        if params["needs_pad"]:
            fill = _get_fill(self._fill, type(inpt))
            inpt = self._call_kernel(
                F.pad, inpt, padding=params["padding"], fill=fill, padding_mode=self.padding_mode
            )
        if params["needs_crop"]:
            place = {name: params[name] for name in ("top", "left", "height", "width")}
            inpt = self._call_kernel(F.crop, inpt, **place)
        return inpt
