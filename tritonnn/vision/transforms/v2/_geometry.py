"""Transforms of geometry: sizes, crops, flips and warps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tritonnn as torch
from tritonnn.vision import transforms as _transforms
from tritonnn.vision._types import PictureT
from tritonnn.vision.transforms._class_parts import check_sequence_input
from tritonnn.vision.transforms.v2 import functional as F
from tritonnn.vision.transforms.v2._crops import CenterCrop, FiveCrop, RandomCrop, RandomResizedCrop, TenCrop
from tritonnn.vision.transforms.v2._iou_crop import RandomIoUCrop
from tritonnn.vision.transforms.v2._transform import Transform, _RandomApplyTransform
from tritonnn.vision.transforms.v2._utils import (
    Fill,
    _check_padding_arg,
    _check_padding_mode_arg,
    _get_fill,
    _setup_fill_arg,
    query_size,
)
from tritonnn.vision.transforms.v2._warps import (
    ElasticTransform,
    RandomAffine,
    RandomPerspective,
    RandomRotation,
)
from tritonnn.vision.transforms.v2.functional._interpolation import Interpolation

__all__ = [
    "CenterCrop", "ElasticTransform", "FiveCrop", "Pad", "RandomAffine", "RandomCrop", "RandomHorizontalFlip",
    "RandomIoUCrop", "RandomPerspective", "RandomResize", "RandomResizedCrop", "RandomRotation", "RandomShortestSize",
    "RandomVerticalFlip", "RandomZoomOut", "Resize", "ScaleJitter", "TenCrop",
]  # fmt: skip


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

    def transform(self, inpt: PictureT, params: dict[str, Any]) -> PictureT:
        return self._call_kernel(F.horizontal_flip, inpt)


class RandomVerticalFlip(_RandomApplyTransform):
    """Top and bottom exchanged, with a probability `p`."""

    _v1_transform_cls = _transforms.RandomVerticalFlip

    def transform(self, inpt: PictureT, params: dict[str, Any]) -> PictureT:
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
                raise ValueError(
                    f"max_size must be an integer when size is None, but got {max_size} instead."
                )
        elif not isinstance(size, int) and not (isinstance(size, Sequence) and len(size) in (1, 2)):
            raise ValueError(
                f"size can be an integer, a sequence of one or two integers, or None, but got {size} instead."
            )
        self.size = size if size is None else [size] if isinstance(size, int) else list(size)
        self.interpolation = interpolation
        self.max_size = max_size
        self.antialias = antialias

    def transform(self, inpt: PictureT, params: dict[str, Any]) -> PictureT:
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

    def transform(self, inpt: PictureT, params: dict[str, Any]) -> PictureT:
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


# ---- margins ------------------------------------------------------------------------------------------------


class Pad(Transform):
    """Larger on all sides.

    Args:
        padding: one number, (x, y), or (left, top, right, bottom).
        fill: the value of what is added, or one for each channel; or by class of the input.
        padding_mode: "constant", "edge", "reflect" or "symmetric"; boxes and points know the first.
    """

    _v1_transform_cls = _transforms.Pad

    def __init__(self, padding: int | Sequence[int], fill: Fill = 0, padding_mode: str = "constant") -> None:
        super().__init__()
        _check_padding_arg(padding)
        _check_padding_mode_arg(padding_mode)
        self.padding = padding if isinstance(padding, int) else list(padding)
        self.fill = fill
        self._fill = _setup_fill_arg(fill)
        self.padding_mode = padding_mode

    def transform(self, inpt: PictureT, params: dict[str, Any]) -> PictureT:
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

    def transform(self, inpt: PictureT, params: dict[str, Any]) -> PictureT:
        return self._call_kernel(F.pad, inpt, **params, fill=_get_fill(self._fill, type(inpt)))
