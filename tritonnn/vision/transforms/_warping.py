"""Transforms that flip, turn, shear or bend an image at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tritonnn as torch
from tritonnn import Tensor, nn
from tritonnn.vision._types import PictureT
from tritonnn.vision.transforms import functional as F
from tritonnn.vision.transforms._class_parts import (
    Sometimes,
    check_fill,
    check_sequence_input,
    colors_for,
    described,
    mode_of,
    setup_angle,
    uniform,
)
from tritonnn.vision.transforms.functional import InterpolationMode

__all__ = [
    "ElasticTransform", "RandomAffine", "RandomHorizontalFlip", "RandomPerspective", "RandomRotation",
    "RandomVerticalFlip",
]  # fmt: skip

Fill = float | Sequence[float]


class RandomHorizontalFlip(Sometimes):
    """Left and right exchanged, with a probability.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.RandomHorizontalFlip(p=1.0)(torch.tensor([[[1, 2]]]))
    tensor([[[2, 1]]])
    """

    def change(self, img: PictureT) -> PictureT:
        """Flipped."""
        return F.hflip(img)


class RandomVerticalFlip(Sometimes):
    """Top and bottom exchanged, with a probability.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.RandomVerticalFlip(p=1.0)(torch.tensor([[[1], [2]]])).flatten()
    tensor([2, 1])
    """

    def change(self, img: PictureT) -> PictureT:
        """Flipped."""
        return F.vflip(img)


class RandomPerspective(nn.Module):
    """Seen from somewhere aside, with a probability.

    Args:
        distortion_scale: how far corners move inwards, up to 1: to the middle.
        p: the probability.
        interpolation: nearest or bilinear; of pictures also bicubic.
        fill: the value of what lies outside of the image, or one for each channel.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.RandomPerspective(p=1.0)(torch.zeros(3, 8, 8)).shape
    torch.Size([3, 8, 8])
    """

    def __init__(
        self,
        distortion_scale: float = 0.5,
        p: float = 0.5,
        interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
        fill: Fill = 0,
    ) -> None:
        super().__init__()
        self.p = p
        self.interpolation = mode_of(interpolation)
        self.distortion_scale = distortion_scale
        self.fill = check_fill(fill)

    def forward(self, img: PictureT) -> PictureT:
        """The image, changed or as it is."""
        _, height, width = F.get_dimensions(img)
        fill = colors_for(img, self.fill)
        if torch.rand(1).item() >= self.p:
            return img
        corners, moved = self.get_params(width, height, self.distortion_scale)
        return F.perspective(img, corners, moved, self.interpolation, fill)

    @staticmethod
    def get_params(
        width: int, height: int, distortion_scale: float
    ) -> tuple[list[list[int]], list[list[int]]]:
        """The four corners, top left first and clockwise, and where they go."""
        reach_x, reach_y = int(distortion_scale * (width // 2)), int(distortion_scale * (height // 2))
        left, right = (0, reach_x + 1), (width - reach_x - 1, width)
        top, bottom = (0, reach_y + 1), (height - reach_y - 1, height)
        moved = [
            [int(torch.randint(low, high, (1,)).item()) for low, high in corner]
            for corner in ((left, top), (right, top), (right, bottom), (left, bottom))
        ]
        return [[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], moved

    def __repr__(self) -> str:
        return described(self, "p")


class RandomRotation(nn.Module):
    """Turned by a random angle.

    Args:
        degrees: the limits of the angle, or one number for minus and plus that.
        interpolation: nearest or bilinear; of pictures also bicubic.
        expand: whether the result is so large that all of the image is in it.
        center: (x, y) in pixels of the point that stays; None: the middle.
        fill: the value of what lies outside of the image, or one for each channel.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.RandomRotation((90, 90))(torch.tensor([[[1, 2], [3, 4]]]))
    tensor([[[2, 4],
             [1, 3]]])
    """

    def __init__(
        self,
        degrees: float | Sequence[float],
        interpolation: InterpolationMode | int = InterpolationMode.NEAREST,
        expand: bool = False,
        center: Sequence[float] | None = None,
        fill: Fill = 0,
    ) -> None:
        super().__init__()
        self.degrees = setup_angle(degrees, "degrees")
        if center is not None:
            check_sequence_input(center, "center", (2,))
        self.center = center
        self.interpolation = mode_of(interpolation)
        self.expand = expand
        self.fill = check_fill(fill)

    @staticmethod
    def get_params(degrees: Sequence[float]) -> float:
        """An angle."""
        return uniform(degrees[0], degrees[1])

    def forward(self, img: PictureT) -> PictureT:
        """The turned image."""
        fill = colors_for(img, self.fill)
        return F.rotate(
            img, self.get_params(self.degrees), self.interpolation, self.expand, self.center, fill
        )

    def __repr__(self) -> str:
        center = "" if self.center is None else f", center={self.center}"
        return (
            f"{type(self).__name__}(degrees={self.degrees}, interpolation={self.interpolation.value}, "
            f"expand={self.expand}{center}, fill={self.fill})"
        )


class RandomAffine(nn.Module):
    """Sheared, turned, scaled and moved at random.

    Args:
        degrees: the limits of the angle, or one number for minus and plus that.
        translate: how far it moves at most, in parts of width and height.
        scale: the limits of its scale.
        shear: the limits of the shear along x, or those of x and y, in degrees; or one number.
        interpolation: nearest or bilinear; of pictures also bicubic.
        fill: the value of what lies outside of the image, or one for each channel.
        center: (x, y) in pixels of the point that is turned around; None: the middle.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.RandomAffine(10, translate=(0.1, 0.1))(torch.zeros(3, 8, 8)).shape
    torch.Size([3, 8, 8])
    """

    def __init__(
        self,
        degrees: float | Sequence[float],
        translate: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        shear: float | Sequence[float] | None = None,
        interpolation: InterpolationMode | int = InterpolationMode.NEAREST,
        fill: Fill = 0,
        center: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.degrees = setup_angle(degrees, "degrees")
        if translate is not None:
            check_sequence_input(translate, "translate", (2,))
            if not all(0.0 <= part <= 1.0 for part in translate):
                raise ValueError(f"translation values should be between 0 and 1, got {translate}")
        self.translate = translate
        if scale is not None:
            check_sequence_input(scale, "scale", (2,))
            if min(scale) <= 0:
                raise ValueError(f"scale values should be positive, got {scale}")
        self.scale = scale
        self.shear = None if shear is None else setup_angle(shear, "shear", (2, 4))
        self.interpolation = mode_of(interpolation)
        self.fill = check_fill(fill)
        if center is not None:
            check_sequence_input(center, "center", (2,))
        self.center = center

    @staticmethod
    def get_params(
        degrees: Sequence[float],
        translate: Sequence[float] | None,
        scale_ranges: Sequence[float] | None,
        shears: Sequence[float] | None,
        img_size: Sequence[int],
    ) -> tuple[float, tuple[int, int], float, tuple[float, float]]:
        """Angle, translation, scale and shear, as `functional.affine` takes them; `img_size` is (width, height)."""
        angle = uniform(degrees[0], degrees[1])
        moved = (0, 0)
        if translate is not None:
            reach_x, reach_y = float(translate[0] * img_size[0]), float(translate[1] * img_size[1])
            moved = (round(uniform(-reach_x, reach_x)), round(uniform(-reach_y, reach_y)))
        scale = 1.0 if scale_ranges is None else uniform(scale_ranges[0], scale_ranges[1])
        shear_x = 0.0 if shears is None else uniform(shears[0], shears[1])
        shear_y = uniform(shears[2], shears[3]) if shears is not None and len(shears) == 4 else 0.0
        return angle, moved, scale, (shear_x, shear_y)

    def forward(self, img: PictureT) -> PictureT:
        """The changed image."""
        _, height, width = F.get_dimensions(img)
        drawn = self.get_params(self.degrees, self.translate, self.scale, self.shear, [width, height])
        return F.affine(img, *drawn, self.interpolation, colors_for(img, self.fill), self.center)

    def __repr__(self) -> str:
        shown: dict[str, Any] = {"degrees": self.degrees}
        shown |= {
            name: getattr(self, name)
            for name in ("translate", "scale", "shear")
            if getattr(self, name) is not None
        }
        if self.interpolation != InterpolationMode.NEAREST:
            shown["interpolation"] = self.interpolation.value
        if self.fill != 0:
            shown["fill"] = self.fill
        if self.center is not None:
            shown["center"] = self.center
        return f"{type(self).__name__}({', '.join(f'{name}={value}' for name, value in shown.items())})"


def _pair_of_floats(name: str, value: float | Sequence[float]) -> Sequence[float]:
    """Two floats from one or two; integers are refused, as torchvision does."""
    if not isinstance(value, (float, Sequence)):
        raise TypeError(f"{name} should be float or a sequence of floats. Got {type(value)}")
    if isinstance(value, float):
        return [value, value]
    if len(value) != 2:
        raise ValueError(f"If {name} is a sequence its length should be 2. Got {len(value)}")
    for element in value:
        if not isinstance(element, float):
            raise TypeError(f"{name} should be a sequence of floats. Got {type(element)}")
    return value


class ElasticTransform(nn.Module):
    """Bent as if seen through water.

    Args:
        alpha: how far pixels go at most, one number or those for x and y, as floats.
        sigma: how smooth the bending is, likewise.
        interpolation: nearest, bilinear or bicubic.
        fill: the value of what lies outside of the image, or one for each channel.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.ElasticTransform(sigma=1.0)(torch.zeros(3, 16, 16)).shape
    torch.Size([3, 16, 16])
    """

    def __init__(
        self,
        alpha: float | Sequence[float] = 50.0,
        sigma: float | Sequence[float] = 5.0,
        interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
        fill: Fill = 0,
    ) -> None:
        super().__init__()
        self.alpha = _pair_of_floats("alpha", alpha)
        self.sigma = _pair_of_floats("sigma", sigma)
        self.interpolation = mode_of(interpolation)
        if not isinstance(fill, (int, float, list, tuple)):
            raise TypeError(f"fill should be int or float or a list or tuple of them. Got {type(fill)}")
        self.fill = [float(value) for value in fill] if isinstance(fill, (list, tuple)) else [float(fill)]

    @staticmethod
    def get_params(alpha: Sequence[float], sigma: Sequence[float], size: Sequence[int]) -> Tensor:
        """A displacement (1, H, W, 2), as `functional.elastic_transform` takes it, for an image of (H, W)."""
        parts = []
        for reach, smoothness, extent in zip(alpha, sigma, reversed(size), strict=True):
            noise = torch.rand([1, 1, *size]) * 2 - 1
            if smoothness > 0.0:
                count = int(8 * smoothness + 1) | 1  # odd
                noise = F.gaussian_blur(noise, [count, count], list(sigma))
            parts.append(noise * reach / extent)
        return torch.cat(parts, 1).permute(0, 2, 3, 1)

    def forward(self, tensor: PictureT) -> PictureT:
        """The bent image."""
        _, height, width = F.get_dimensions(tensor)
        displacement = self.get_params(self.alpha, self.sigma, [height, width])
        return F.elastic_transform(tensor, displacement, self.interpolation, self.fill)

    def __repr__(self) -> str:
        return described(self, "alpha", "sigma", "interpolation", "fill")
