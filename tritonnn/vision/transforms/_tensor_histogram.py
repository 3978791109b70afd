"""What spreads the values that each channel of an image tensor has over all that its type has room for."""

from __future__ import annotations

import math

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.vision.transforms._tensor_checks import check_channels, check_image, max_value
from tritonnn.vision.transforms._tensor_values import convert_image_dtype

__all__ = ["autocontrast", "equalize"]


def autocontrast(img: Tensor) -> Tensor:
    """Each channel stretched so that its darkest value is 0 and its brightest the largest there is."""
    check_image(img)
    check_channels(img)
    if img.numel() == 0:
        return img
    bound = max_value(img.dtype)
    dtype = img.dtype if img.is_floating_point() else torch.float32
    lowest = img.amin(dim=(-2, -1), keepdim=True).to(dtype)
    scale = (img.amax(dim=(-2, -1), keepdim=True).to(dtype) - lowest).reciprocal() * bound
    stretched = torch.isfinite(scale)  # but for channels of one value
    lowest, scale = torch.where(stretched, lowest, 0.0), torch.where(stretched, scale, 1.0)
    return ((img - lowest) * scale).clamp_(0, bound).to(img.dtype)


def equalize(img: Tensor) -> Tensor:
    """Each channel's values mapped so that all are about equally frequent; in 256 levels, whatever its type.

    The map is Pillow's: a value goes to how many pixels are darker, in steps of 1/255 of all pixels but the brightest.
    """
    check_image(img)
    if img.numel() == 0:
        return img
    levels = convert_image_dtype(img, torch.uint8)
    count = math.prod(img.shape[:-2])
    first = 256 * torch.arange(count, device=img.device)[:, None]
    planes = levels.reshape(count, -1)
    places = planes + first  # in a row of tables, one for each channel of each image
    histogram = torch.bincount(places.reshape(-1), minlength=256 * count).reshape(count, 256)
    brightest = histogram.gather(1, planes.amax(1, keepdim=True).to(torch.int64))
    step = torch.div(planes.shape[1] - brightest, 255, rounding_mode="floor")
    darker = histogram.cumsum(1) - histogram
    table = torch.div(
        darker + torch.div(step, 2, rounding_mode="floor"), step.clamp(min=1), rounding_mode="floor"
    )
    table = torch.where(step == 0, torch.arange(256, device=img.device), table.clamp(0, 255)).to(torch.uint8)
    return convert_image_dtype(table.reshape(-1)[places].reshape(img.shape), img.dtype)
