"""Transforms of clips, tensors (C, T, H, W): older programs import them; today's classes take clips (T, C, H, W)."""

from __future__ import annotations

import random
from collections.abc import Sequence

from tritonnn import Tensor
from tritonnn.vision.transforms import RandomCrop, RandomResizedCrop
from tritonnn.vision.transforms import _functional_video as F
from tritonnn.vision.transforms._class_parts import described

__all__ = [
    "CenterCropVideo", "NormalizeVideo", "RandomCropVideo", "RandomHorizontalFlipVideo", "RandomResizedCropVideo",
    "ToTensorVideo",
]  # fmt: skip


class RandomCropVideo(RandomCrop):
    """A part of that size somewhere in the clip."""

    def __init__(self, size: int | Sequence[int]) -> None:
        super().__init__(size)

    def forward(self, clip: Tensor) -> Tensor:  # type: ignore[override]
        """The part."""
        return F.crop(clip, *self.get_params(clip, self.size))

    def __repr__(self) -> str:
        return described(self, "size")


class RandomResizedCropVideo(RandomResizedCrop):
    """A part of any size and shape somewhere in the clip, then in one size."""

    def __init__(
        self,
        size: int | tuple[int, int],
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3.0 / 4.0, 4.0 / 3.0),
        interpolation_mode: str = "bilinear",
    ) -> None:
        if isinstance(size, tuple) and len(size) != 2:
            raise ValueError(f"size should be tuple (height, width), instead got {size}")
        super().__init__(size, scale, ratio)
        self.interpolation_mode = interpolation_mode

    def forward(self, clip: Tensor) -> Tensor:  # type: ignore[override]
        """The part in its new size."""
        i, j, h, w = self.get_params(clip, self.scale, self.ratio)
        return F.resized_crop(clip, i, j, h, w, self.size, self.interpolation_mode)

    def __repr__(self) -> str:
        return described(self, "size", "interpolation_mode", "scale", "ratio")


class CenterCropVideo:
    """The middle of the clip."""

    def __init__(self, crop_size: int | Sequence[int]) -> None:
        self.crop_size = (crop_size, crop_size) if isinstance(crop_size, int) else crop_size

    def __call__(self, clip: Tensor) -> Tensor:
        """The part in the middle."""
        return F.center_crop(clip, self.crop_size)

    def __repr__(self) -> str:
        return described(self, "crop_size")


class NormalizeVideo:
    """Minus the mean, divided by the standard deviation, of each channel."""

    def __init__(self, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> None:
        self.mean = mean
        self.std = std
        self.inplace = inplace

    def __call__(self, clip: Tensor) -> Tensor:
        """The clip with mean 0 and standard deviation 1, if it had those."""
        return F.normalize(clip, self.mean, self.std, self.inplace)

    def __repr__(self) -> str:
        return described(self, "mean", "std", "inplace")


class ToTensorVideo:
    """A clip (T, H, W, C) of type uint8 as one (C, T, H, W) of floats from 0 to 1."""

    def __init__(self) -> None:
        pass

    def __call__(self, clip: Tensor) -> Tensor:
        """The clip of floats."""
        return F.to_tensor(clip)

    def __repr__(self) -> str:
        return type(self).__name__


class RandomHorizontalFlipVideo:
    """Left and right exchanged, with a probability that is drawn with Python's `random`."""

    def __init__(self, p: float = 0.5) -> None:
        self.p = p

    def __call__(self, clip: Tensor) -> Tensor:
        """The clip, flipped or as it is."""
        return F.hflip(clip) if random.random() < self.p else clip

    def __repr__(self) -> str:
        return described(self, "p")
