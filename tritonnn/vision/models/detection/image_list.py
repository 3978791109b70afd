"""A batch of images that were of different sizes."""

from __future__ import annotations

from tritonnn import Tensor
from tritonnn.device import DeviceLike

__all__ = ["ImageList"]


class ImageList:
    """Images padded to one size, and the size that each has without the padding.

    Args:
        tensors: the batch, [N, C, H, W].
        image_sizes: height and width of each image in it.

    >>> import tritonnn as torch
    >>> batch = ImageList(torch.zeros(2, 3, 32, 32), [(30, 32), (32, 20)])
    >>> batch.to("cpu").image_sizes
    [(30, 32), (32, 20)]
    """

    def __init__(self, tensors: Tensor, image_sizes: list[tuple[int, int]]) -> None:
        self.tensors = tensors
        self.image_sizes = image_sizes

    def to(self, device: DeviceLike) -> ImageList:
        return ImageList(self.tensors.to(device), self.image_sizes)
