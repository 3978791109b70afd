"""The values of an image tensor: their type and scale, their mean and spread, and those that are erased."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

import tritonnn as torch
from tritonnn import Tensor
from tritonnn._tensor import from_array
from tritonnn.vision.transforms._tensor_checks import check_image, max_value

__all__ = ["convert_image_dtype", "erase", "normalize"]

#: Floats of [0, 1] go to integers times largest + 1 - this: so each integer has an equal part of [0, 1].
_BELOW_NEXT = 1e-3


def convert_image_dtype(image: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """In another type, scaled so that full brightness stays full brightness.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.functional.convert_image_dtype(torch.tensor([[[0, 255]]], dtype=torch.uint8))
    tensor([[[0., 1.]]])

    Raises RuntimeError where floats have fewer digits than the integers asked for.
    """
    if not isinstance(image, Tensor):
        raise TypeError(f"Input img should be Tensor Image. Got {type(image)}")
    if image.dtype == dtype:
        return image
    if image.is_floating_point():
        if dtype.is_floating_point:
            return image.to(dtype)
        unsafe = {torch.float32: (torch.int32, torch.int64), torch.float64: (torch.int64,)}
        if dtype in unsafe.get(image.dtype, ()):
            raise RuntimeError(f"The cast from {image.dtype} to {dtype} cannot be performed safely.")
        return (image * (max_value(dtype) + 1.0 - _BELOW_NEXT)).to(dtype)
    largest = max_value(image.dtype)
    if dtype.is_floating_point:
        return image.to(dtype) / largest
    wanted = max_value(dtype)
    if largest > wanted:
        return torch.div(image, (largest + 1) // (wanted + 1), rounding_mode="floor").to(dtype)
    return image.to(dtype) * ((wanted + 1) // (largest + 1))


def normalize(
    tensor: Tensor, mean: Sequence[float] | Tensor, std: Sequence[float] | Tensor, inplace: bool = False
) -> Tensor:
    """Minus the mean, divided by the standard deviation, of each channel.

    Args:
        tensor: floating point, (..., C, H, W).
        mean: a number for each channel.
        std: a number for each channel, none of them zero in the tensor's type.
        inplace: whether it is written into the tensor.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.functional.normalize(torch.ones(2, 1, 1), [1.0, 2.0], [2.0, 4.0]).flatten()
    tensor([ 0.0000, -0.2500])
    """
    centre, spread = channel_statistics(tensor, mean, std)
    # in place in either case: more means than the tensor has channels are refused, not broadcast to more channels
    return (tensor if inplace else tensor.clone()).sub_(centre).div_(spread)


def channel_statistics(
    tensor: Tensor, mean: Sequence[float] | Tensor, std: Sequence[float] | Tensor
) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of the channels of a tensor that can be normalised, to broadcast against it."""
    check_image(tensor)
    if not tensor.is_floating_point():
        raise TypeError(f"Input tensor should be a float tensor. Got {tensor.dtype}.")
    if tensor.ndim < 3:
        raise ValueError(
            f"Expected tensor to be a tensor image of size (..., C, H, W). Got tensor.size() = {tensor.size()}"
        )
    centre, _ = _of_channels(mean, tensor)
    spread, zero = _of_channels(std, tensor)
    if zero:
        raise ValueError(
            f"std evaluated to zero after conversion to {tensor.dtype}, leading to division by zero."
        )
    return centre, spread


def _of_channels(values: Sequence[float] | Tensor, like: Tensor) -> tuple[Tensor, bool]:
    """The numbers beside (C, H, W), in its type and on its device, and whether one of them is zero."""
    if type(values) in (tuple, list) and all([type(number) is float for number in values]):
        array, zero = _known(tuple(values), like.dtype)
        return from_array(array, like.dtype).to(like.device), zero
    given = torch.as_tensor(values, dtype=like.dtype, device=like.device)
    return given.reshape(-1, 1, 1) if given.ndim == 1 else given, 0.0 in given.reshape(-1).tolist()


@lru_cache(maxsize=64)
def _known(numbers: tuple[float, ...], dtype: torch.dtype) -> tuple[np.ndarray, bool]:
    """An array (C, 1, 1), which is only read: a mean is the same for all images of a data set."""
    with np.errstate(all="ignore"):  # what the type does not hold is infinite in it, or zero
        array = np.array(numbers, dtype.np).reshape(-1, 1, 1)
    return array, not array.all()


def erase(img: Tensor, i: int, j: int, h: int, w: int, v: Tensor, inplace: bool = False) -> Tensor:
    """With a rectangle at row `i` and column `j`, `h` high and `w` wide, overwritten by `v`.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.functional.erase(torch.ones(1, 2, 2), 0, 1, 2, 1, torch.zeros(1))
    tensor([[[1., 0.],
             [1., 0.]]])
    """
    check_image(img)
    result = img if inplace else img.clone()
    result[..., i : i + h, j : j + w] = v.to(img.device) if isinstance(v, Tensor) else v
    return result
