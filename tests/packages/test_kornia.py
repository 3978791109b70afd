"""kornia: filters, colours, geometry, losses and augmentations on batches of pictures, with gradients."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip("kornia")

import kornia
from weights import drawn


@pytest.fixture
def pictures():
    return torch.sigmoid(drawn("pictures", 2, 3, 20, 24)).requires_grad_()


OPERATIONS = {
    "gaussian_blur2d": lambda x: kornia.filters.gaussian_blur2d(x, (5, 5), (1.5, 1.5)),
    "sobel": lambda x: kornia.filters.sobel(x),
    "median_blur": lambda x: kornia.filters.median_blur(x, (3, 3)),
    "rgb_to_lab": lambda x: kornia.color.rgb_to_lab(x),
    "rgb_to_hsv": lambda x: kornia.color.rgb_to_hsv(x),
    "rotate": lambda x: kornia.geometry.rotate(x, torch.tensor([30.0, 10.0])),
    "resize": lambda x: kornia.geometry.resize(x, (12, 12), antialias=True),
    "dilation": lambda x: kornia.morphology.dilation(x, torch.ones(3, 3)),
    "harris_response": lambda x: kornia.feature.harris_response(x),
    "ssim_loss": lambda x: kornia.losses.ssim_loss(x, x.detach() * 0.9, 5),
    "focal_loss": lambda x: kornia.losses.focal_loss(x, torch.ones(2, 20, 24).long(), 0.5, 2.0, "mean"),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations(name, pictures, expected):
    result = OPERATIONS[name](pictures)
    (result * torch.linspace(0, 1, result.numel()).view_as(result)).sum().backward()
    expected("sum", result.sum(), rtol=1e-3)
    expected("gradient", pictures.grad[0, :, 7, 9], rtol=2e-3, atol=1e-4)


def test_augmented_together():
    """Picture and mask go the same way."""
    augment = kornia.augmentation.AugmentationSequential(
        kornia.augmentation.RandomHorizontalFlip(p=1.0), data_keys=["input", "mask"]
    )
    picture, mask = torch.sigmoid(drawn("picture", 1, 3, 8, 8)), (drawn("mask", 1, 1, 8, 8) > 0).float()
    flipped = augment(picture, mask)
    torch.testing.assert_close(flipped[0], picture.flip(-1))
    torch.testing.assert_close(flipped[1], mask.flip(-1))
