"""Many pictures as one, and a picture as a file."""

from __future__ import annotations

import os
from typing import Any, BinaryIO

import numpy as np

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.vision._pillow import pillow
from tritonnn.vision._types import PILImage


def _batch(tensor: Tensor | list[Tensor]) -> torch.Tensor:
    """What `make_grid` takes, as a batch of pictures; those of one channel get three."""
    if isinstance(tensor, list):
        for item in tensor:
            if not torch.is_tensor(item):
                raise TypeError(f"tensor or list of tensors expected, got a list containing {type(item)}")
        tensor = torch.stack(tensor)
    elif not torch.is_tensor(tensor):
        raise TypeError(f"tensor or list of tensors expected, got {type(tensor)}")
    if not 2 <= tensor.dim() <= 4:
        raise ValueError(f"make_grid: expected 2 to 4 dimensions, but got shape {tuple(tensor.shape)}")
    if tensor.dim() == 2:
        tensor = tensor.unsqueeze(0)
    if tensor.dim() == 3:
        tensor = tensor.unsqueeze(0)
    return tensor.expand(-1, 3, -1, -1) if tensor.size(1) == 1 else tensor


def _normalize(image: torch.Tensor, value_range: tuple[float, float] | None) -> None:
    """Bring the range, or what there is from the smallest to the largest number, to 0 to 1; in place."""
    low, high = value_range if value_range is not None else (float(image.min()), float(image.max()))
    image.clamp_(min=low, max=high)
    image.sub_(low).div_(max(high - low, 1e-5))


@torch.no_grad()
def make_grid(
    tensor: torch.Tensor | list[torch.Tensor],
    nrow: int = 8,
    padding: int = 2,
    normalize: bool = False,
    value_range: tuple[int, int] | None = None,
    scale_each: bool = False,
    pad_value: float = 0.0,
) -> torch.Tensor:
    """Pictures of one size beside and below each other.

    Args:
        tensor: a batch (B, C, H, W), or a list of pictures. Pictures of one channel get three equal ones.
        nrow: how many stand in a row.
        padding: pixels around each.
        normalize: bring the values to 0 to 1.
        value_range: what becomes 0 and 1; the smallest and the largest value for None.
        scale_each: look for those in each picture.
        pad_value: what fills the space between.

    Returns the picture (C, H', W'); a single one comes back without space around it.

    >>> import tritonnn as torch
    >>> torch.vision.utils.make_grid(torch.rand(5, 3, 10, 10), nrow=4).shape
    torch.Size([3, 26, 50])

    Raises TypeError for what is no tensor nor a list of them, and ValueError for an empty batch.
    """
    tensor = _batch(tensor)
    count, channels, height, width = tensor.shape
    if count == 0 or nrow < 1:
        raise ValueError(
            f"make_grid: expected images and a positive nrow, but got {count} images and nrow={nrow}"
        )
    if normalize is True:
        tensor = tensor.clone(memory_format=torch.contiguous_format)  # the caller's stays as it is
        if value_range is not None and not isinstance(value_range, tuple):
            raise TypeError("value_range has to be a tuple (min, max) if specified. min and max are numbers")
        for part in tensor if scale_each is True else [tensor]:
            _normalize(part, value_range)
    if count == 1:
        return tensor.squeeze(0)
    columns = min(nrow, count)
    rows = -(-count // columns)
    height, width = height + padding, width + padding
    grid = tensor.new_full((channels, height * rows + padding, width * columns + padding), pad_value)
    for i, image in enumerate(tensor):
        y, x = i // columns * height + padding, i % columns * width + padding
        grid[:, y : y + height - padding, x : x + width - padding] = image
    return grid


@torch.no_grad()
def save_image(
    tensor: torch.Tensor | list[torch.Tensor],
    fp: str | os.PathLike[str] | BinaryIO,
    format: str | None = None,
    **kwargs: Any,
) -> None:
    """Write a picture with values from 0 to 1 into a file; a batch as a grid.

    Args:
        tensor: as of `make_grid`.
        fp: a path, or a file open for writing bytes.
        format: such as 'png'; by the path's ending for None.
        kwargs: for `make_grid`.

    >>> import tempfile
    >>> import tritonnn as torch
    >>> with tempfile.TemporaryFile() as file:
    ...     torch.vision.utils.save_image(torch.rand(3, 8, 8), file, format="png")
    """
    grid = make_grid(tensor, **kwargs)
    levels = grid.mul(255).add_(0.5).clamp_(0, 255)  # rounded by what the conversion cuts off
    array = levels.permute(1, 2, 0).to("cpu", torch.uint8).contiguous().numpy()
    pillow("torchvision.utils.save_image").fromarray(array).save(fp, format=format)


def _Image_fromarray(obj: np.ndarray, mode: str) -> PILImage:
    """An array's bytes, read as pixels of a mode of Pillow's, whatever its dtype."""
    height, width = obj.shape[0], obj.shape[1] if obj.ndim > 1 else 1
    image = pillow("torchvision.utils")
    return image.frombuffer(mode, (width, height), obj.tobytes(), "raw", mode, 0, 1)
