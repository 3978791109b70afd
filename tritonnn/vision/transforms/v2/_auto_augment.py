"""Transforms that choose from many changes of a picture or video."""

from __future__ import annotations

from typing import Any

import tritonnn as torch
from tritonnn.utils._pytree import tree_flatten, tree_unflatten
from tritonnn.vision import transforms as _transforms
from tritonnn.vision import tv_tensors
from tritonnn.vision._pillow import is_image
from tritonnn.vision._types import Picture, PictureT
from tritonnn.vision.transforms import AutoAugmentPolicy
from tritonnn.vision.transforms.v2 import functional as F
from tritonnn.vision.transforms.v2._augment_ops import AugmentationSpace, applied, augmentation_space
from tritonnn.vision.transforms.v2._transform import Transform
from tritonnn.vision.transforms.v2._utils import (
    Fill,
    _get_fill,
    _setup_fill_arg,
    check_type,
    is_pure_tensor,
)
from tritonnn.vision.transforms.v2.functional._interpolation import Interpolation

__all__ = ["AugMix", "AutoAugment", "RandAugment", "TrivialAugmentWide"]

_PICTURES = (tv_tensors.Image, is_image, is_pure_tensor, tv_tensors.Video)


class _AutoAugmentBase(Transform):
    """A sample of one picture or video, which is changed; boxes, masks and points are refused."""

    def __init__(self, *, interpolation: Interpolation = "nearest", fill: Fill = None) -> None:
        super().__init__()
        self.interpolation = interpolation
        self.fill = fill
        self._fill = _setup_fill_arg(fill)

    def forward(self, *inputs: object) -> Any:
        flat_inputs, spec = tree_flatten(inputs if len(inputs) > 1 else inputs[0])
        index = self._find(flat_inputs)
        height, width = F.get_size(flat_inputs[index])
        flat_inputs[index] = self._augmented(flat_inputs[index], height, width)
        return tree_unflatten(flat_inputs, spec)

    def _find(self, flat_inputs: list[Any]) -> int:
        found = []
        chosen = self._needs_transform_list(flat_inputs)
        for index, (inpt, needed) in enumerate(zip(flat_inputs, chosen, strict=True)):
            if needed and check_type(inpt, _PICTURES):
                found.append(index)
            elif isinstance(inpt, (tv_tensors.BoundingBoxes, tv_tensors.Mask, tv_tensors.KeyPoints)):
                raise TypeError(
                    f"Inputs of type {type(inpt).__name__} are not supported by {type(self).__name__}()"
                )
        if not found:
            raise TypeError("Found no image in the sample.")
        if len(found) > 1:
            raise TypeError(
                f"Auto augment transformations are only properly defined for a single image or video, but found "
                f"{len(found)}."
            )
        return found[0]

    def _augmented(self, image: PictureT, height: int, width: int) -> PictureT:
        raise NotImplementedError

    def _applied(
        self,
        image: PictureT,
        name: str,
        space: AugmentationSpace,
        scale: tuple[int, int, int],
        bin_: int | range | None,
    ) -> PictureT:
        """The image after a change of the strength of a bin of `scale`, which is that many bins, height and width.

        The bin is drawn of a range, and the opposite direction taken where a draw says so.
        """
        function, signed = space[name]
        magnitudes, magnitude = function(*scale), 0.0
        if magnitudes is not None:
            magnitude = float(
                magnitudes[int(torch.randint(len(bin_), ())) if isinstance(bin_, range) else bin_]
            )
        if signed and torch.rand(()) <= 0.5:
            magnitude = -magnitude
        return applied(image, name, magnitude, self.interpolation, _get_fill(self._fill, type(image)))


def _one_of(space: AugmentationSpace) -> str:
    """The name of a change that is drawn."""
    return list(space)[int(torch.randint(len(space), ()))]


class AutoAugment(_AutoAugmentBase):
    """Two changes, as a policy found by search says: "AutoAugment: Learning Augmentation Policies from Data".

    >>> import tritonnn as torch
    >>> from tritonnn.vision.transforms import v2
    >>> v2.AutoAugment(v2.AutoAugmentPolicy.CIFAR10)(torch.zeros(3, 8, 8, dtype=torch.uint8)).shape
    torch.Size([3, 8, 8])

    Args:
        policy: for which data it was found.
        interpolation: "nearest" or "bilinear".
        fill: what lies outside: a number, or one for each channel; or by class of the input.
    """

    _v1_transform_cls = _transforms.AutoAugment
    _AUGMENTATION_SPACE = augmentation_space("AutoAugment")

    def __init__(
        self,
        policy: AutoAugmentPolicy = AutoAugmentPolicy.IMAGENET,
        interpolation: Interpolation = "nearest",
        fill: Fill = None,
    ) -> None:
        super().__init__(interpolation=interpolation, fill=fill)
        self.policy = policy
        self._policies = _transforms.AutoAugment(policy).policies

    def _augmented(self, image: PictureT, height: int, width: int) -> PictureT:
        for name, probability, bin_ in self._policies[int(torch.randint(len(self._policies), ()))]:
            if torch.rand(()) <= probability:
                image = self._applied(image, name, self._AUGMENTATION_SPACE, (10, height, width), bin_)
        return image


class RandAugment(_AutoAugmentBase):
    """Several changes of one strength: "RandAugment: Practical automated data augmentation".

    Args:
        num_ops: how many.
        magnitude: the strength.
        num_magnitude_bins: the number of strengths.
        interpolation: "nearest" or "bilinear".
        fill: what lies outside: a number, or one for each channel; or by class of the input.
    """

    _v1_transform_cls = _transforms.RandAugment
    _AUGMENTATION_SPACE = augmentation_space("RandAugment")

    def __init__(
        self,
        num_ops: int = 2,
        magnitude: int = 9,
        num_magnitude_bins: int = 31,
        interpolation: Interpolation = "nearest",
        fill: Fill = None,
    ) -> None:
        super().__init__(interpolation=interpolation, fill=fill)
        if not isinstance(num_ops, int) or num_ops < 0:
            raise ValueError(f"num_ops should be a non-negative integer, but got {num_ops} instead.")
        self.num_ops = num_ops
        self.magnitude = magnitude
        self.num_magnitude_bins = num_magnitude_bins

    def _augmented(self, image: PictureT, height: int, width: int) -> PictureT:
        space, scale = self._AUGMENTATION_SPACE, (self.num_magnitude_bins, height, width)
        for _ in range(self.num_ops):
            image = self._applied(image, _one_of(space), space, scale, self.magnitude)
        return image


class TrivialAugmentWide(_AutoAugmentBase):
    """One change of random strength: "TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation".

    Args:
        num_magnitude_bins: the number of strengths.
        interpolation: "nearest" or "bilinear".
        fill: what lies outside: a number, or one for each channel; or by class of the input.
    """

    _v1_transform_cls = _transforms.TrivialAugmentWide
    _AUGMENTATION_SPACE = augmentation_space("TrivialAugmentWide")

    def __init__(
        self, num_magnitude_bins: int = 31, interpolation: Interpolation = "nearest", fill: Fill = None
    ) -> None:
        super().__init__(interpolation=interpolation, fill=fill)
        self.num_magnitude_bins = num_magnitude_bins

    def _augmented(self, image: PictureT, height: int, width: int) -> PictureT:
        space, bins = self._AUGMENTATION_SPACE, self.num_magnitude_bins
        return self._applied(image, _one_of(space), space, (bins, height, width), range(bins))


class AugMix(_AutoAugmentBase):
    """A random mixture with several chains of changes: "AugMix: A Simple Data Processing Method to Improve Robustness".

    Args:
        severity: from how many of 10 strengths each is drawn.
        mixture_width: the number of chains.
        chain_depth: the number of changes in a chain; -1: from 1 to 3, which is drawn.
        alpha: of the Dirichlet distributions of the weights.
        all_ops: whether brightness, colour, contrast and sharpness are among the changes.
        interpolation: "nearest" or "bilinear".
        fill: what lies outside: a number, or one for each channel; or by class of the input.
    """

    _v1_transform_cls = _transforms.AugMix
    _AUGMENTATION_SPACE = augmentation_space("AugMix")
    _PARTIAL_AUGMENTATION_SPACE = augmentation_space("AugMix without colors")
    _PARAMETER_MAX = 10

    def __init__(
        self,
        severity: int = 3,
        mixture_width: int = 3,
        chain_depth: int = -1,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: Interpolation = "bilinear",
        fill: Fill = None,
    ) -> None:
        super().__init__(interpolation=interpolation, fill=fill)
        if not 1 <= severity <= self._PARAMETER_MAX:
            raise ValueError(
                f"The severity must be between [1, {self._PARAMETER_MAX}]. Got {severity} instead."
            )
        self.severity = severity
        self.mixture_width = mixture_width
        self.chain_depth = chain_depth
        self.alpha = alpha
        self.all_ops = all_ops

    def _sample_dirichlet(self, params: torch.Tensor) -> torch.Tensor:
        return torch._sample_dirichlet(params)

    def _weights(self, count: int, batch: torch.Tensor) -> torch.Tensor:
        """For each picture of a batch so many numbers that add up to 1."""
        alphas = torch.tensor([self.alpha] * count, device=batch.device)
        return self._sample_dirichlet(alphas.expand(batch.shape[0], -1))

    def _augmented(self, image: Picture, height: int, width: int) -> Any:
        space = self._AUGMENTATION_SPACE if self.all_ops else self._PARTIAL_AUGMENTATION_SPACE
        scale = self._PARAMETER_MAX, height, width
        tensor = image if isinstance(image, torch.Tensor) else F.pil_to_tensor(image)
        dims = 5 if isinstance(image, tv_tensors.Video) else 4
        batch = tensor.reshape([1] * max(dims - tensor.ndim, 0) + list(tensor.shape))
        each = (batch.shape[0], *[1] * (batch.ndim - 1))
        own, rest = self._weights(2, batch).unbind(1)
        weights = self._weights(self.mixture_width, batch) * rest[:, None]
        mix = own.reshape(each) * batch
        for i in range(self.mixture_width):
            mix = mix + weights[:, i].reshape(each) * self._chain(batch, space, scale)
        mix = mix.reshape(tensor.shape).to(tensor.dtype)
        if not isinstance(image, torch.Tensor):
            return F.to_pil_image(mix)
        return mix if is_pure_tensor(image) else tv_tensors.wrap(mix, like=image)

    def _chain(
        self, batch: torch.Tensor, space: AugmentationSpace, scale: tuple[int, int, int]
    ) -> torch.Tensor:
        depth = self.chain_depth if self.chain_depth > 0 else int(torch.randint(low=1, high=4, size=(1,)))
        for _ in range(depth):
            batch = self._applied(batch, _one_of(space), space, scale, range(self.severity))
        return batch
