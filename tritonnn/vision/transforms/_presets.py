"""What an input goes through before a network whose weights were trained so: `weights.transforms()` makes one."""

from __future__ import annotations

from collections.abc import Sequence

import tritonnn as torch
from tritonnn import Tensor, nn
from tritonnn.vision._types import Picture
from tritonnn.vision.transforms import functional as F
from tritonnn.vision.transforms._interpolation import InterpolationMode

__all__ = [
    "ImageClassification",
    "ObjectDetection",
    "OpticalFlow",
    "SemanticSegmentation",
    "VideoClassification",
]

IMAGES = "Takes PIL.Image, or torch.Tensor of shape (C, H, W) or (B, C, H, W)."


def _as_float(img: Picture) -> Tensor:
    """A tensor with values from 0 to 1."""
    return F.convert_image_dtype(img if isinstance(img, Tensor) else F.pil_to_tensor(img), torch.float)


class _Preset(nn.Module):
    """Has the settings that `shown` names as its attributes and in its text."""

    shown: tuple[str, ...] = ()

    def __repr__(self) -> str:
        lines = "".join(f"\n    {name}={getattr(self, name)}" for name in self.shown)
        return f"{type(self).__name__}({lines}\n)" if lines else f"{type(self).__name__}()"


class ObjectDetection(_Preset):
    """To a tensor with values from 0 to 1."""

    def forward(self, img: Picture) -> Tensor:
        """Convert a picture."""
        return _as_float(img)

    def describe(self) -> str:
        """What is done, in words."""
        return f"{IMAGES} Values become 0.0 to 1.0."


class ImageClassification(_Preset):
    """Resized, cut to the middle, to a tensor, normalised."""

    shown = ("crop_size", "resize_size", "mean", "std", "interpolation")

    def __init__(
        self,
        *,
        crop_size: int,
        resize_size: int = 256,
        mean: tuple[float, ...] = (0.485, 0.456, 0.406),
        std: tuple[float, ...] = (0.229, 0.224, 0.225),
        interpolation: InterpolationMode = InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        self.crop_size = [crop_size]
        self.resize_size = [resize_size]
        self.mean = list(mean)
        self.std = list(std)
        self.interpolation = interpolation
        self.antialias = antialias

    def forward(self, img: Picture) -> Tensor:
        """Convert a picture."""
        img = F.resize(img, self.resize_size, interpolation=self.interpolation, antialias=self.antialias)
        return F.normalize(_as_float(F.center_crop(img, self.crop_size)), mean=self.mean, std=self.std)

    def describe(self) -> str:
        """What is done, in words."""
        return (
            f"{IMAGES} Resized to resize_size={self.resize_size} with interpolation={self.interpolation}, cut to the "
            f"middle crop_size={self.crop_size}. Values become 0.0 to 1.0, minus mean={self.mean}, by std={self.std}."
        )


class VideoClassification(_Preset):
    """Frames resized, cut to the middle, normalised; channels before time."""

    shown = ImageClassification.shown

    def __init__(
        self,
        *,
        crop_size: tuple[int, int],
        resize_size: tuple[int] | tuple[int, int],
        mean: tuple[float, ...] = (0.43216, 0.394666, 0.37645),
        std: tuple[float, ...] = (0.22803, 0.22145, 0.216989),
        interpolation: InterpolationMode = InterpolationMode.BILINEAR,
    ) -> None:
        super().__init__()
        self.crop_size = list(crop_size)
        self.resize_size = list(resize_size)
        self.mean = list(mean)
        self.std = list(std)
        self.interpolation = interpolation

    def forward(self, vid: Tensor) -> Tensor:
        """Convert (T, C, H, W) or (B, T, C, H, W) to (C, T, H, W) or (B, C, T, H, W)."""
        # The weights were trained without antialiasing.
        frames = F.resize(
            vid.flatten(0, -4), self.resize_size, interpolation=self.interpolation, antialias=False
        )
        frames = F.normalize(_as_float(F.center_crop(frames, self.crop_size)), mean=self.mean, std=self.std)
        return frames.unflatten(0, vid.shape[:-3]).transpose(-4, -3)

    def describe(self) -> str:
        """What is done, in words."""
        return (
            "Takes torch.Tensor of shape (T, C, H, W) or (B, T, C, H, W). Frames are resized to "
            f"resize_size={self.resize_size} with interpolation={self.interpolation}, cut to the middle "
            f"crop_size={self.crop_size}. Values become 0.0 to 1.0, minus mean={self.mean}, by std={self.std}. "
            "The result has the shape (..., C, T, H, W)."
        )


class SemanticSegmentation(_Preset):
    """Resized, to a tensor, normalised."""

    shown = ("resize_size", "mean", "std", "interpolation")

    def __init__(
        self,
        *,
        resize_size: int | None,
        mean: tuple[float, ...] = (0.485, 0.456, 0.406),
        std: tuple[float, ...] = (0.229, 0.224, 0.225),
        interpolation: InterpolationMode = InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        self.resize_size = [resize_size] if resize_size is not None else None
        self.mean = list(mean)
        self.std = list(std)
        self.interpolation = interpolation
        self.antialias = antialias

    def forward(self, img: Picture) -> Tensor:
        """Convert a picture."""
        if self.resize_size is not None:
            img = F.resize(img, self.resize_size, interpolation=self.interpolation, antialias=self.antialias)
        return F.normalize(_as_float(img), mean=self.mean, std=self.std)

    def describe(self) -> str:
        """What is done, in words."""
        return (
            f"{IMAGES} Resized to resize_size={self.resize_size} with interpolation={self.interpolation}. "
            f"Values become 0.0 to 1.0, minus mean={self.mean}, by std={self.std}."
        )


class OpticalFlow(_Preset):
    """Two pictures to tensors with values from -1 to 1."""

    def forward(self, img1: Picture, img2: Picture) -> tuple[Tensor, Tensor]:
        """Convert the two pictures."""
        return self._one(img1), self._one(img2)

    @staticmethod
    def _one(img: Picture) -> Tensor:
        half: Sequence[float] = [0.5, 0.5, 0.5]
        return F.normalize(_as_float(img), mean=half, std=half).contiguous()

    def describe(self) -> str:
        """What is done, in words."""
        return f"{IMAGES} Values become -1.0 to 1.0."
