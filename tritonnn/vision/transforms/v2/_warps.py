"""Transforms that look at a picture through a map: rotated, sheared, seen from aside, bent."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Number
from typing import Any

import tritonnn as torch
from tritonnn.vision import transforms as _transforms
from tritonnn.vision._types import PictureT
from tritonnn.vision.transforms._class_parts import check_sequence_input, setup_angle, uniform
from tritonnn.vision.transforms.functional import _get_perspective_coeffs
from tritonnn.vision.transforms.v2 import functional as F
from tritonnn.vision.transforms.v2._transform import Transform, _RandomApplyTransform
from tritonnn.vision.transforms.v2._utils import (
    Fill,
    _get_fill,
    _setup_fill_arg,
    _setup_number_or_seq,
    query_size,
)
from tritonnn.vision.transforms.v2.functional._interpolation import Interpolation

__all__ = ["ElasticTransform", "RandomAffine", "RandomPerspective", "RandomRotation"]


class RandomRotation(Transform):
    """Turned by a random angle, against the clock.

    Args:
        degrees: the range of the angle, or how far it may be from 0.
        interpolation: "nearest" or "bilinear".
        expand: whether the result is so large that all of the input is in it.
        center: x and y of what stays where it is; None: the middle.
        fill: what lies outside: a number, or one for each channel; or by class of the input.
    """

    _v1_transform_cls = _transforms.RandomRotation

    def __init__(
        self,
        degrees: Number | Sequence,
        interpolation: Interpolation = "nearest",
        expand: bool = False,
        center: list[float] | None = None,
        fill: Fill = 0,
    ) -> None:
        super().__init__()
        self.degrees = setup_angle(degrees, name="degrees", req_sizes=(2,))
        self.interpolation = interpolation
        self.expand = expand
        self.fill = fill
        self._fill = _setup_fill_arg(fill)
        if center is not None:
            check_sequence_input(center, "center", req_sizes=(2,))
        self.center = center

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"angle": uniform(*self.degrees)}

    def transform(self, inpt: PictureT, params: dict[str, Any]) -> PictureT:
        return self._call_kernel(
            F.rotate,
            inpt,
            **params,
            interpolation=self.interpolation,
            expand=self.expand,
            center=self.center,
            fill=_get_fill(self._fill, type(inpt)),
        )


class RandomAffine(Transform):
    """Through a random affine map that keeps the centre, but for the translation.

    Args:
        degrees: the range of the angle, or how far it may be from 0.
        translate: how far it may be moved in x and y, by the width and height of the input; None: not.
        scale: the range of the scale; None: 1.
        shear: the range of the shear along x, and along y, in degrees, or how far it may be from 0; None: not.
        interpolation: "nearest" or "bilinear".
        fill: what lies outside: a number, or one for each channel; or by class of the input.
        center: x and y of what stays where it is; None: the middle.
    """

    _v1_transform_cls = _transforms.RandomAffine

    def __init__(
        self,
        degrees: Number | Sequence,
        translate: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        shear: float | Sequence[float] | None = None,
        interpolation: Interpolation = "nearest",
        fill: Fill = 0,
        center: list[float] | None = None,
    ) -> None:
        super().__init__()
        self.degrees = setup_angle(degrees, name="degrees", req_sizes=(2,))
        for name, value in (("translate", translate), ("scale", scale), ("center", center)):
            if value is not None:
                check_sequence_input(value, name, req_sizes=(2,))
        if translate is not None and not all(0.0 <= part <= 1.0 for part in translate):
            raise ValueError(f"translation values should be between 0 and 1, got {translate}")
        if scale is not None and min(scale) <= 0:
            raise ValueError(f"scale values should be positive, got {scale}")
        self.translate = translate
        self.scale = scale
        self.shear = None if shear is None else setup_angle(shear, name="shear", req_sizes=(2, 4))
        self.interpolation = interpolation
        self.fill = fill
        self._fill = _setup_fill_arg(fill)
        self.center = center

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = query_size(flat_inputs)
        angle = uniform(*self.degrees)
        translate = (0, 0)
        if self.translate is not None:
            farthest = float(self.translate[0] * width), float(self.translate[1] * height)
            translate = round(uniform(-farthest[0], farthest[0])), round(uniform(-farthest[1], farthest[1]))
        scale = 1.0 if self.scale is None else uniform(*self.scale)
        limits = self.shear or []
        shear = [uniform(*limits[i : i + 2]) for i in range(0, len(limits), 2)]
        return {"angle": angle, "translate": translate, "scale": scale, "shear": (*shear, 0.0, 0.0)[:2]}

    def transform(self, inpt: PictureT, params: dict[str, Any]) -> PictureT:
        return self._call_kernel(
            F.affine,
            inpt,
            **params,
            interpolation=self.interpolation,
            fill=_get_fill(self._fill, type(inpt)),
            center=self.center,
        )


class RandomPerspective(_RandomApplyTransform):
    """Seen from aside, with a probability: each corner is moved towards the middle at random.

    Args:
        distortion_scale: how far, from 0 to 1, which is the middle.
        p: the probability.
        interpolation: "nearest" or "bilinear".
        fill: what lies outside: a number, or one for each channel; or by class of the input.
    """

    _v1_transform_cls = _transforms.RandomPerspective

    def __init__(
        self,
        distortion_scale: float = 0.5,
        p: float = 0.5,
        interpolation: Interpolation = "bilinear",
        fill: Fill = 0,
    ) -> None:
        super().__init__(p=p)
        if not 0 <= distortion_scale <= 1:
            raise ValueError(
                f"Argument distortion_scale value should be between 0 and 1, got {distortion_scale}"
            )
        self.distortion_scale = distortion_scale
        self.interpolation = interpolation
        self.fill = fill
        self._fill = _setup_fill_arg(fill)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = query_size(flat_inputs)
        x = int(self.distortion_scale * (width // 2)) + 1
        y = int(self.distortion_scale * (height // 2)) + 1
        left, right, top, bottom = (0, x), (width - x, width), (0, y), (height - y, height)
        startpoints = [[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]]
        endpoints = [
            [int(torch.randint(*limits, size=(1,))) for limits in corner]
            for corner in ((left, top), (right, top), (right, bottom), (left, bottom))
        ]
        return {"coefficients": _get_perspective_coeffs(startpoints, endpoints)}

    def transform(self, inpt: PictureT, params: dict[str, Any]) -> PictureT:
        return self._call_kernel(
            F.perspective,
            inpt,
            startpoints=None,
            endpoints=None,
            fill=_get_fill(self._fill, type(inpt)),
            interpolation=self.interpolation,
            **params,
        )


class ElasticTransform(Transform):
    """Bent as if under water: every pixel is moved by smooth noise.

    Args:
        alpha: how far, in pixels, in x and y.
        sigma: how smooth the noise is, in pixels, in x and y.
        interpolation: "nearest" or "bilinear".
        fill: what lies outside: a number, or one for each channel; or by class of the input.
    """

    _v1_transform_cls = _transforms.ElasticTransform

    def __init__(
        self,
        alpha: float | Sequence[float] = 50.0,
        sigma: float | Sequence[float] = 5.0,
        interpolation: Interpolation = "bilinear",
        fill: Fill = 0,
    ) -> None:
        super().__init__()
        self.alpha = _setup_number_or_seq(alpha, "alpha")
        self.sigma = _setup_number_or_seq(sigma, "sigma")
        self.interpolation = interpolation
        self.fill = fill
        self._fill = _setup_fill_arg(fill)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = query_size(flat_inputs)
        moves = []
        for alpha, sigma, extent in zip(self.alpha, self.sigma, (width, height), strict=True):
            noise = torch.rand(1, 1, height, width) * 2 - 1
            if sigma > 0.0:
                size = int(8 * sigma + 1) // 2 * 2 + 1
                noise = self._call_kernel(F.gaussian_blur, noise, [size, size], list(self.sigma))
            moves.append(noise * alpha / extent)
        return {"displacement": torch.cat(moves, 1).permute(0, 2, 3, 1)}

    def transform(self, inpt: PictureT, params: dict[str, Any]) -> PictureT:
        fill = _get_fill(self._fill, type(inpt))
        return self._call_kernel(F.elastic, inpt, **params, fill=fill, interpolation=self.interpolation)
