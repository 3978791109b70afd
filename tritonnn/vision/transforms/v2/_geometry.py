"""Transforms of geometry: sizes, crops, flips and warps."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import tritonnn as torch
from tritonnn.vision import transforms as _transforms
from tritonnn.vision import tv_tensors
from tritonnn.vision.transforms._class_parts import TWO_DIMENSIONS, check_sequence_input, setup_size, uniform
from tritonnn.vision.transforms.functional import InterpolationMode
from tritonnn.vision.transforms.v2 import functional as F
from tritonnn.vision.transforms.v2._augment import _PicturesOnly
from tritonnn.vision.transforms.v2._transform import Transform, _RandomApplyTransform
from tritonnn.vision.transforms.v2._utils import (
    _check_padding_arg,
    _check_padding_mode_arg,
    _get_fill,
    _setup_fill_arg,
    has_any,
    query_size,
)
from tritonnn.vision.transforms.v2.functional._utils import _FillType

__all__ = [
    "CenterCrop", "FiveCrop", "Pad", "RandomCrop", "RandomHorizontalFlip", "RandomResize", "RandomResizedCrop",
    "RandomShortestSize", "RandomVerticalFlip", "RandomZoomOut", "Resize", "ScaleJitter", "TenCrop",
]  # fmt: skip

Interpolation = str | InterpolationMode | int
Fill = _FillType | dict[type | str, _FillType]


class RandomHorizontalFlip(_RandomApplyTransform):
    """Left and right exchanged, with a probability `p`.

    >>> import tritonnn as torch
    >>> from tritonnn.vision import tv_tensors
    >>> from tritonnn.vision.transforms import v2
    >>> image = tv_tensors.Image(torch.zeros(3, 4, 8))
    >>> boxes = tv_tensors.BoundingBoxes([[0, 0, 2, 4]], format="XYXY", canvas_size=(4, 8))
    >>> v2.RandomHorizontalFlip(p=1.0)(image, boxes)[1].tolist()
    [[6, 0, 8, 4]]
    """

    _v1_transform_cls = _transforms.RandomHorizontalFlip

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.horizontal_flip, inpt)


class RandomVerticalFlip(_RandomApplyTransform):
    """Top and bottom exchanged, with a probability `p`."""

    _v1_transform_cls = _transforms.RandomVerticalFlip

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.vertical_flip, inpt)


# ---- sizes --------------------------------------------------------------------------------------------------


class Resize(Transform):
    """In another size.

    Args:
        size: height and width, or that of the shorter edge alone, or None with a `max_size` for the longer one.
        interpolation: an InterpolationMode or its name; masks take the nearest pixel in any case.
        max_size: which the longer edge is not to exceed.
        antialias: whether each new pixel sees all old ones that it covers; Pillow's pictures always do.
    """

    _v1_transform_cls = _transforms.Resize

    def __init__(
        self,
        size: int | Sequence[int] | None,
        interpolation: Interpolation = "bilinear",
        max_size: int | None = None,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        if size is None:
            if not isinstance(max_size, int):
                raise ValueError(f"max_size must be an integer when size is None, but got {max_size} instead.")
        elif not isinstance(size, int) and not (isinstance(size, Sequence) and len(size) in (1, 2)):
            raise ValueError(
                f"size can be an integer, a sequence of one or two integers, or None, but got {size} instead."
            )
        self.size = size if size is None else [size] if isinstance(size, int) else list(size)
        self.interpolation = interpolation
        self.max_size = max_size
        self.antialias = antialias

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(
            F.resize,
            inpt,
            self.size,
            interpolation=self.interpolation,
            max_size=self.max_size,
            antialias=self.antialias,
        )


class _RandomResize(Transform):
    """A resize to a size that is drawn."""

    interpolation: Interpolation
    antialias: bool | None

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(
            F.resize, inpt, size=params["size"], interpolation=self.interpolation, antialias=self.antialias
        )


class ScaleJitter(_RandomResize):
    """Scaled by a random factor of the scale at which the input just fits into a size.

    Args:
        target_size: that size.
        scale_range: the range of the factor.
        interpolation: an InterpolationMode or its name.
        antialias: whether each new pixel sees all old ones that it covers.
    """

    def __init__(
        self,
        target_size: tuple[int, int],
        scale_range: tuple[float, float] = (0.1, 2.0),
        interpolation: Interpolation = "bilinear",
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        self.target_size = target_size
        self.scale_range = scale_range
        self.interpolation = interpolation
        self.antialias = antialias

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = query_size(flat_inputs)
        low, high = self.scale_range
        scale = low + torch.rand(1) * (high - low)
        r = min(self.target_size[1] / height, self.target_size[0] / width) * scale
        return {"size": (int(height * r), int(width * r))}


class RandomShortestSize(_RandomResize):
    """The shorter edge of a random length.

    Args:
        min_size: the lengths to choose from.
        max_size: which the longer edge is not to exceed.
        interpolation: an InterpolationMode or its name.
        antialias: whether each new pixel sees all old ones that it covers.
    """

    def __init__(
        self,
        min_size: list[int] | tuple[int] | int,
        max_size: int | None = None,
        interpolation: Interpolation = "bilinear",
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        self.min_size = [min_size] if isinstance(min_size, int) else list(min_size)
        self.max_size = max_size
        self.interpolation = interpolation
        self.antialias = antialias

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = query_size(flat_inputs)
        r = self.min_size[int(torch.randint(len(self.min_size), ()))] / min(height, width)
        if self.max_size is not None:
            r = min(r, self.max_size / max(height, width))
        return {"size": (int(height * r), int(width * r))}


class RandomResize(_RandomResize):
    """The shorter edge of a random length.

    Args:
        min_size: the least length.
        max_size: the largest, less one.
        interpolation: an InterpolationMode or its name.
        antialias: whether each new pixel sees all old ones that it covers.
    """

    def __init__(
        self,
        min_size: int,
        max_size: int,
        interpolation: Interpolation = "bilinear",
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        self.min_size = min_size
        self.max_size = max_size
        self.interpolation = interpolation
        self.antialias = antialias

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"size": [int(torch.randint(self.min_size, self.max_size, ()))]}


# ---- crops --------------------------------------------------------------------------------------------------


class CenterCrop(Transform):
    """The middle; zeros are around a picture that is smaller.

    Args:
        size: height and width, or one number for both.
    """

    _v1_transform_cls = _transforms.CenterCrop

    def __init__(self, size: int | Sequence[int]) -> None:
        super().__init__()
        self.size = setup_size(size, error_msg=TWO_DIMENSIONS)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
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
        self._log_ratio = torch.log(torch.tensor(self.ratio))

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

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
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

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
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

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
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
        self.padding = F._geometry._parse_pad_padding(padding) if padding else None
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

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        if params["needs_pad"]:
            fill = _get_fill(self._fill, type(inpt))
            inpt = self._call_kernel(
                F.pad, inpt, padding=params["padding"], fill=fill, padding_mode=self.padding_mode
            )
        if params["needs_crop"]:
            place = {name: params[name] for name in ("top", "left", "height", "width")}
            inpt = self._call_kernel(F.crop, inpt, **place)
        return inpt


# ---- margins ------------------------------------------------------------------------------------------------


class Pad(Transform):
    """Larger on all sides.

    Args:
        padding: one number, (x, y), or (left, top, right, bottom).
        fill: the value of what is added, or one for each channel; or by class of the input.
        padding_mode: "constant", "edge", "reflect" or "symmetric"; boxes and points know the first.
    """

    _v1_transform_cls = _transforms.Pad

    def __init__(
        self, padding: int | Sequence[int], fill: Fill = 0, padding_mode: str = "constant"
    ) -> None:
        super().__init__()
        _check_padding_arg(padding)
        _check_padding_mode_arg(padding_mode)
        self.padding = padding if isinstance(padding, int) else list(padding)
        self.fill = fill
        self._fill = _setup_fill_arg(fill)
        self.padding_mode = padding_mode

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        fill = _get_fill(self._fill, type(inpt))
        return self._call_kernel(F.pad, inpt, padding=self.padding, fill=fill, padding_mode=self.padding_mode)


class RandomZoomOut(_RandomApplyTransform):
    """At a random place of a larger canvas, with a probability.

    Args:
        fill: the value of what is added, or one for each channel; or by class of the input.
        side_range: the range of the canvas's sides by those of the input, from 1 on.
        p: the probability.
    """

    def __init__(self, fill: Fill = 0, side_range: Sequence[float] = (1.0, 4.0), p: float = 0.5) -> None:
        super().__init__(p=p)
        self.fill = fill
        self._fill = _setup_fill_arg(fill)
        check_sequence_input(side_range, "side_range", req_sizes=(2,))
        self.side_range = side_range
        if side_range[0] < 1.0 or side_range[0] > side_range[1]:
            raise ValueError(f"Invalid side range provided {side_range}.")

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = query_size(flat_inputs)
        low, high = self.side_range
        r = low + torch.rand(1) * (high - low)
        spare_x, spare_y = int(width * r) - width, int(height * r) - height
        r = torch.rand(2)
        left, top = int(spare_x * r[0]), int(spare_y * r[1])
        return {"padding": [left, top, spare_x - left, spare_y - top]}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return self._call_kernel(F.pad, inpt, **params, fill=_get_fill(self._fill, type(inpt)))
