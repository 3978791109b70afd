"""Augmentations that choose among many changes of an image: AutoAugment, RandAugment, TrivialAugment and AugMix.

They take pictures of Pillow's (L or RGB) and tensors (..., 1 or 3, H, W) of type uint8.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import cast

import tritonnn as torch
from tritonnn import Tensor, nn
from tritonnn.vision._types import Fill, PictureT
from tritonnn.vision.transforms import functional as F
from tritonnn.vision.transforms._augment_ops import COLORS, Space, space
from tritonnn.vision.transforms._augment_ops import apply_op as _apply_op
from tritonnn.vision.transforms._class_parts import colors_for, described
from tritonnn.vision.transforms.functional import InterpolationMode

__all__ = ["AugMix", "AutoAugment", "AutoAugmentPolicy", "RandAugment", "TrivialAugmentWide"]

_MOVES = ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate")
_LEVELS = ("Posterize", "Solarize", "AutoContrast", "Equalize")


class AutoAugmentPolicy(Enum):
    """The data whose policy `AutoAugment` follows.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.AutoAugmentPolicy("svhn").name
    'SVHN'
    """

    IMAGENET = "imagenet"
    CIFAR10 = "cifar10"
    SVHN = "svhn"


def _one_of(choices: Space) -> tuple[str, Tensor, bool]:
    """A change that is drawn: its name, its magnitudes, whether they may be negative."""
    name = list(choices)[int(torch.randint(len(choices), (1,)).item())]
    return (name, *choices[name])


def _with_sign(magnitude: float, signed: bool) -> float:
    """It, or minus it where a draw says so."""
    return -magnitude if signed and torch.randint(2, (1,)).item() else magnitude


class AutoAugment(nn.Module):
    """Two changes, by a policy that was searched for on some data: https://arxiv.org/abs/1805.09501.

    Args:
        policy: whose policy.
        interpolation: of those that move pixels.
        fill: the value of what lies outside of the image, or one for each channel; None: zero.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.AutoAugment()(torch.zeros(3, 8, 8, dtype=torch.uint8)).shape
    torch.Size([3, 8, 8])
    """

    def __init__(
        self,
        policy: AutoAugmentPolicy = AutoAugmentPolicy.IMAGENET,
        interpolation: InterpolationMode = InterpolationMode.NEAREST,
        fill: Fill = None,
    ) -> None:
        super().__init__()
        self.policy = policy
        self.interpolation = interpolation
        self.fill = fill
        self.policies = self._get_policies(policy)

    def _get_policies(self, policy: AutoAugmentPolicy) -> list[tuple[tuple[str, float, int | None], ...]]:
        """Pairs of changes, each with its probability and the bin of its magnitude."""
        if not isinstance(policy, AutoAugmentPolicy):
            raise ValueError(
                f"The provided policy {policy} is not recognized: an AutoAugmentPolicy is expected"
            )
        text = (Path(__file__).parent / "_policies.json").read_text(encoding="utf-8")
        return [tuple(tuple(change) for change in pair) for pair in json.loads(text)[policy.value]]

    def _augmentation_space(self, num_bins: int, image_size: Sequence[int]) -> Space:
        names = (*_MOVES, *COLORS, *_LEVELS, "Invert")
        return space(num_bins, names, translate=_part_of(image_size, 150.0 / 331.0))

    @staticmethod
    def get_params(transform_num: int) -> tuple[int, Tensor, Tensor]:
        """Which pair, and for each change a number below its probability or not, and a sign."""
        policy_id = int(torch.randint(transform_num, (1,)).item())
        return policy_id, torch.rand((2,)), torch.randint(2, (2,))

    def forward(self, img: PictureT) -> PictureT:
        """The changed image."""
        _, height, width = F.get_dimensions(img)
        fill = colors_for(img, self.fill)
        pair, probabilities, signs = self.get_params(len(self.policies))
        choices = self._augmentation_space(10, (height, width))
        drawn = zip(self.policies[pair], probabilities.tolist(), signs.tolist(), strict=True)
        for (name, probability, level), chance, sign in drawn:
            if chance <= probability:
                magnitudes, signed = choices[name]
                magnitude = 0.0 if level is None else float(magnitudes[level].item())
                img = _apply_op(
                    img, name, -magnitude if signed and sign == 0 else magnitude, self.interpolation, fill
                )
        return img

    def __repr__(self) -> str:
        return described(self, "policy", "fill")


def _part_of(image_size: Sequence[int], part: float) -> tuple[float, float]:
    """A part of width and height, of (height, width)."""
    return part * image_size[1], part * image_size[0]


class RandAugment(nn.Module):
    """Some changes, all of one strength: https://arxiv.org/abs/1909.13719.

    Args:
        num_ops: how many changes.
        magnitude: the bin of their magnitudes.
        num_magnitude_bins: how many bins there are.
        interpolation: of those that move pixels.
        fill: the value of what lies outside of the image, or one for each channel; None: zero.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.RandAugment()(torch.zeros(3, 8, 8, dtype=torch.uint8)).shape
    torch.Size([3, 8, 8])
    """

    def __init__(
        self,
        num_ops: int = 2,
        magnitude: int = 9,
        num_magnitude_bins: int = 31,
        interpolation: InterpolationMode = InterpolationMode.NEAREST,
        fill: Fill = None,
    ) -> None:
        super().__init__()
        self.num_ops = num_ops
        self.magnitude = magnitude
        self.num_magnitude_bins = num_magnitude_bins
        self.interpolation = interpolation
        self.fill = fill

    def _augmentation_space(self, num_bins: int, image_size: Sequence[int]) -> Space:
        names = ("Identity", *_MOVES, *COLORS, *_LEVELS)
        return space(num_bins, names, translate=_part_of(image_size, 150.0 / 331.0))

    def forward(self, img: PictureT) -> PictureT:
        """The changed image."""
        _, height, width = F.get_dimensions(img)
        fill = colors_for(img, self.fill)
        choices = self._augmentation_space(self.num_magnitude_bins, (height, width))
        for _ in range(self.num_ops):
            name, magnitudes, signed = _one_of(choices)
            magnitude = float(magnitudes[self.magnitude].item()) if magnitudes.ndim > 0 else 0.0
            img = _apply_op(img, name, _with_sign(magnitude, signed), self.interpolation, fill)
        return img

    def __repr__(self) -> str:
        return described(self, "num_ops", "magnitude", "num_magnitude_bins", "interpolation", "fill")


class TrivialAugmentWide(nn.Module):
    """One change of any strength: https://arxiv.org/abs/2103.10158.

    Args:
        num_magnitude_bins: how many bins of magnitudes there are.
        interpolation: of those that move pixels.
        fill: the value of what lies outside of the image, or one for each channel; None: zero.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.TrivialAugmentWide()(torch.zeros(3, 8, 8, dtype=torch.uint8)).shape
    torch.Size([3, 8, 8])
    """

    def __init__(
        self,
        num_magnitude_bins: int = 31,
        interpolation: InterpolationMode = InterpolationMode.NEAREST,
        fill: Fill = None,
    ) -> None:
        super().__init__()
        self.num_magnitude_bins = num_magnitude_bins
        self.interpolation = interpolation
        self.fill = fill

    def _augmentation_space(self, num_bins: int) -> Space:
        names = ("Identity", *_MOVES, *COLORS, *_LEVELS)
        return space(
            num_bins, names, shear=0.99, translate=(32.0, 32.0), rotate=135.0, color=0.99, bits_lost=6
        )

    def forward(self, img: PictureT) -> PictureT:
        """The changed image."""
        fill = colors_for(img, self.fill)
        name, magnitudes, signed = _one_of(self._augmentation_space(self.num_magnitude_bins))
        magnitude = 0.0
        if magnitudes.ndim > 0:
            level = torch.randint(len(magnitudes), (1,), dtype=torch.long).item()
            magnitude = float(magnitudes[level].item())
        return _apply_op(img, name, _with_sign(magnitude, signed), self.interpolation, fill)

    def __repr__(self) -> str:
        return described(self, "num_magnitude_bins", "interpolation", "fill")


class AugMix(nn.Module):
    """A weighted mean of an image and of several chains of changes of it: https://arxiv.org/abs/1912.02781.

    Args:
        severity: from which of ten bins, the first ones, magnitudes are drawn.
        mixture_width: how many chains.
        chain_depth: how many changes in each; -1: one to three, drawn.
        alpha: of the Beta and Dirichlet distributions that weights are drawn from.
        all_ops: whether brightness, colour, contrast and sharpness are among the changes.
        interpolation: of those that move pixels.
        fill: the value of what lies outside of the image, or one for each channel; None: zero.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.AugMix()(torch.zeros(3, 8, 8, dtype=torch.uint8)).shape
    torch.Size([3, 8, 8])
    """

    _PARAMETER_MAX = 10

    def __init__(
        self,
        severity: int = 3,
        mixture_width: int = 3,
        chain_depth: int = -1,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: InterpolationMode = InterpolationMode.BILINEAR,
        fill: Fill = None,
    ) -> None:
        super().__init__()
        if not 1 <= severity <= self._PARAMETER_MAX:
            raise ValueError(
                f"The severity must be between [1, {self._PARAMETER_MAX}]. Got {severity} instead."
            )
        self.severity = severity
        self.mixture_width = mixture_width
        self.chain_depth = chain_depth
        self.alpha = alpha
        self.all_ops = all_ops
        self.interpolation = interpolation
        self.fill = fill

    def _augmentation_space(self, num_bins: int, image_size: Sequence[int]) -> Space:
        names = (*_MOVES, *_LEVELS, *(COLORS if self.all_ops else ()))
        return space(num_bins, names, translate=(image_size[1] / 3.0, image_size[0] / 3.0), bits=4)

    def _sample_dirichlet(self, params: Tensor) -> Tensor:
        return torch._sample_dirichlet(params)

    def _weights(self, count: int, images: int, device: torch.device) -> Tensor:
        """Of each image `count` numbers that add up to one."""
        return self._sample_dirichlet(torch.full((images, count), float(self.alpha), device=device))

    def _chain(self, img: Tensor, choices: Space, fill: Fill) -> Tensor:
        """One change after another."""
        depth = (
            self.chain_depth if self.chain_depth > 0 else int(torch.randint(low=1, high=4, size=(1,)).item())
        )
        for _ in range(depth):
            name, magnitudes, signed = _one_of(choices)
            magnitude = 0.0
            if magnitudes.ndim > 0:
                level = torch.randint(self.severity, (1,), dtype=torch.long).item()
                magnitude = float(magnitudes[level].item())
            img = _apply_op(img, name, _with_sign(magnitude, signed), self.interpolation, fill)
        return img

    def forward(self, orig_img: PictureT) -> PictureT:
        """The mixed image."""
        _, height, width = F.get_dimensions(orig_img)
        img = orig_img if isinstance(orig_img, Tensor) else F.pil_to_tensor(orig_img)
        fill = colors_for(orig_img, self.fill)
        choices = self._augmentation_space(self._PARAMETER_MAX, (height, width))
        batch = img.reshape([1] * max(4 - img.ndim, 0) + list(img.shape))
        each = [batch.shape[0]] + [1] * (batch.ndim - 1)
        shares = self._weights(2, batch.shape[0], batch.device)  # of the image, and of the chains
        weights = self._weights(self.mixture_width, batch.shape[0], batch.device) * shares[:, 1:]
        mix = shares[:, 0].reshape(each) * batch
        for index in range(self.mixture_width):
            mix += weights[:, index].reshape(each) * self._chain(batch, choices, fill)
        mixed = mix.reshape(img.shape).to(img.dtype)
        return cast(PictureT, mixed if isinstance(orig_img, Tensor) else F.to_pil_image(mixed))

    def __repr__(self) -> str:
        return described(
            self, "severity", "mixture_width", "chain_depth", "alpha", "all_ops", "interpolation", "fill"
        )
