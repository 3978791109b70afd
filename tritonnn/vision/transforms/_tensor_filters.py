"""What looks at a pixel's neighbours in an image tensor: blur and sharpness."""

from __future__ import annotations

from collections.abc import Sequence

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.nn import functional
from tritonnn.vision.transforms._tensor_checks import as_batch, check_channels, check_image, rounded
from tritonnn.vision.transforms._tensor_color import blend

__all__ = ["adjust_sharpness", "gaussian_blur", "gaussian_kernel1d", "gaussian_kernel2d"]


def gaussian_kernel1d(kernel_size: int, sigma: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Weights that add up to one."""
    half = (kernel_size - 1) * 0.5
    x = torch.linspace(-half, half, steps=kernel_size, dtype=dtype, device=device)
    weights = torch.exp(-0.5 * (x / sigma).pow(2))
    return weights / weights.sum()


def gaussian_kernel2d(
    kernel_size: Sequence[int], sigma: Sequence[float], dtype: torch.dtype, device: torch.device
) -> Tensor:
    """The same in two dimensions, (height, width), from sizes and sigmas in the order (x, y)."""
    x, y = (gaussian_kernel1d(size, s, dtype, device) for size, s in zip(kernel_size, sigma, strict=True))
    return y[:, None] * x


def gaussian_blur(img: Tensor, kernel_size: Sequence[int], sigma: Sequence[float]) -> Tensor:
    """Blurred by a Gaussian along x, then along y; around the image it is reflected.

    Args:
        img: the image.
        kernel_size: odd numbers, for x and y.
        sigma: in pixels, for x and y.
    """
    check_image(img)
    if img.numel() == 0:
        return img
    dtype = img.dtype if img.is_floating_point() else torch.float32
    x, y = (gaussian_kernel1d(size, s, dtype, img.device) for size, s in zip(kernel_size, sigma, strict=True))
    half_x, half_y = kernel_size[0] // 2, kernel_size[1] // 2
    wide = functional.pad(as_batch(img).to(dtype), [half_x, half_x, half_y, half_y], mode="reflect")
    blurred = _convolved(_convolved(wide, x[None]), y[:, None])
    return rounded(blurred, img.dtype).reshape(img.shape)


def _convolved(batch: Tensor, weights: Tensor) -> Tensor:
    """Each channel for itself with the same weights, without padding."""
    planes = batch.reshape(-1, 1, *batch.shape[-2:])
    result = functional.conv2d(planes, weights[None, None])
    return result.reshape(*batch.shape[:2], *result.shape[-2:])


def adjust_sharpness(img: Tensor, sharpness_factor: float) -> Tensor:
    """0: smoothed, 1: as it is, more: sharpened. Pixels at the edge stay."""
    if sharpness_factor < 0:
        raise ValueError(f"sharpness_factor ({sharpness_factor}) is not non-negative.")
    check_image(img)
    check_channels(img)
    if img.numel() == 0 or img.shape[-1] <= 2 or img.shape[-2] <= 2:
        return img
    dtype = img.dtype if img.is_floating_point() else torch.float32
    weights = torch.ones((3, 3), dtype=dtype, device=img.device)
    weights[1, 1] = 5.0
    batch = as_batch(img).to(dtype)
    smooth = batch.clone()
    smooth[..., 1:-1, 1:-1] = rounded(_convolved(batch, weights / 13.0), img.dtype)
    return blend(img, smooth.reshape(img.shape), sharpness_factor)
