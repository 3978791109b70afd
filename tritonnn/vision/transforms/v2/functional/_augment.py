"""Functionals that damage pictures: a rectangle is erased, details are lost as in a JPEG file."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.vision._pillow import pillow
from tritonnn.vision._types import PictureT, PILImage
from tritonnn.vision.transforms import functional as _F
from tritonnn.vision.transforms.v2.functional._utils import (
    PICTURE,
    functional,
    image_kernel,
    kernel_of,
    video_kernel,
)
from tritonnn.vision.tv_tensors import Image, Video

__all__ = ["erase", "erase_image", "erase_video", "jpeg", "jpeg_image", "jpeg_video"]


@functional
def erase(inpt: PictureT, i: int, j: int, h: int, w: int, v: Tensor, inplace: bool = False) -> PictureT:
    """With a rectangle overwritten.

    >>> import tritonnn as torch
    >>> from tritonnn.vision.transforms.v2 import functional as F
    >>> F.erase(torch.ones(1, 2, 3), 0, 1, 2, 2, torch.tensor(0.0))
    tensor([[[1., 0., 0.],
             [1., 0., 0.]]])

    Args:
        inpt: the input.
        i: the rectangle's first row.
        j: its first column.
        h: its height.
        w: its width.
        v: what it is overwritten by, which has to fit.
        inplace: whether a tensor is overwritten itself.
    """


@functional
def jpeg(image: PictureT, quality: int) -> PictureT:
    """As it is after it was written to a JPEG file of a quality from 1 to 100, and read."""


erase_image = image_kernel(_F.erase)


def _erase_image_pil(image: PILImage, i: int, j: int, h: int, w: int, v: Tensor) -> PILImage:
    return _F.to_pil_image(_F.erase(_F.pil_to_tensor(image), i, j, h, w, v), image.mode)


def jpeg_image(image: Tensor, quality: int) -> Tensor:
    """`jpeg` of a picture, or of all of a batch."""
    from tritonnn.vision import io

    write: Callable[..., Any] = io.encode_jpeg
    read: Callable[..., Any] = io.decode_jpeg
    if image.numel() == 0:
        return image.clone()
    pictures = image.reshape(-1, *image.shape[-3:])
    return torch.stack([read(write(picture, quality)) for picture in pictures]).reshape(image.shape)


def _jpeg_image_pil(image: PILImage, quality: int) -> PILImage:
    file = BytesIO()
    image.save(file, format="JPEG", quality=quality)
    return (
        pillow("torchvision.transforms.v2.functional.jpeg").open(file).copy()
    )  # a picture, not a file of one


erase_video = video_kernel(erase_image)
jpeg_video = video_kernel(jpeg_image)

kernel_of(erase, Tensor, Image)(erase_image)
kernel_of(erase, PICTURE)(_erase_image_pil)
kernel_of(erase, Video)(erase_video)
kernel_of(jpeg, Tensor, Image)(jpeg_image)
kernel_of(jpeg, PICTURE)(_jpeg_image_pil)
kernel_of(jpeg, Video)(jpeg_video)
