"""Masks of objects laid over a picture."""

from __future__ import annotations

import warnings

import tritonnn as torch
from tritonnn.vision.utils._canvas import check_image
from tritonnn.vision.utils._colors import _parse_colors


@torch.no_grad()
def draw_segmentation_masks(
    image: torch.Tensor,
    masks: torch.Tensor,
    alpha: float = 0.8,
    colors: list[str | tuple[int, int, int]] | str | tuple[int, int, int] | None = None,
) -> torch.Tensor:
    """A copy of a picture with masks laid over it; where several cover a pixel it is black below.

    Args:
        image: (3, H, W), uint8 or floating-point numbers from 0 to 1.
        masks: (N, H, W) or (H, W), bool.
        alpha: how much of the colour is seen, from 0 to 1.
        colors: one for all, or a list with one for each mask; names, such as 'red', or triplets. Chosen for None.

    >>> import tritonnn as torch
    >>> mask = torch.tensor([[True, False]])
    >>> torch.vision.utils.draw_segmentation_masks(torch.ones(3, 1, 2), mask, 0.5, "blue")[:, 0].tolist()
    [[0.5, 1.0], [0.5, 1.0], [1.0, 1.0]]

    Raises TypeError for what is no tensor, and ValueError for other shapes, dtypes and lists of another length.
    """
    check_image(
        image, (3,), "The image must be a tensor", "Pass an RGB image. Other Image formats are not supported"
    )
    if not isinstance(masks, torch.Tensor):
        raise TypeError(f"The masks must be a tensor, got {type(masks)}")
    if masks.ndim == 2:
        masks = masks[None]
    if masks.ndim != 3:
        raise ValueError(f"masks must be of shape (H, W) or (batch_size, H, W), but got {tuple(masks.shape)}")
    if masks.dtype != torch.bool:
        raise ValueError(f"The masks must be of dtype bool. Got {masks.dtype}")
    if masks.shape[-2:] != image.shape[-2:]:
        raise ValueError(
            "The image and the masks must have the same height and width, but got "
            f"{tuple(image.shape)} and {tuple(masks.shape)}"
        )
    count = masks.shape[0]
    if count == 0:
        warnings.warn("masks doesn't contain any mask. No mask was drawn")
        return image
    painted = image.detach().clone()
    for mask, color in zip(masks, _parse_colors(colors, num_objects=count, dtype=image.dtype)):
        ink = torch.tensor(color, dtype=image.dtype, device=image.device)
        painted = torch.where(mask, ink[:, None, None], painted)
    painted = painted.masked_fill(masks.sum(dim=0) > 1, 0)
    return (image * (1 - alpha) + painted * alpha).to(image.dtype)
