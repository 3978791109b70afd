"""An image tensor seen through a map of places: affine, rotate, perspective, elastic.

A map gives the place in the image that each pixel of the result looks at, from -1 to 1 in both directions.
"""

from __future__ import annotations

from collections.abc import Sequence

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.nn import functional
from tritonnn.vision._types import Fill
from tritonnn.vision.transforms._tensor_checks import (
    as_batch,
    check_image,
    fill_values,
    get_dimensions,
    rounded,
)

__all__ = [
    "affine", "affine_grid", "apply_grid", "elastic_transform", "identity_grid", "perspective", "perspective_grid",
    "rotate", "rotated_size",
]  # fmt: skip


def affine(img: Tensor, matrix: Sequence[float], interpolation: str = "nearest", fill: Fill = None) -> Tensor:
    """The image through a matrix of 2 x 3, row by row, which maps places of the result to those of the image.

    Args:
        img: the image.
        matrix: of places in pixels, the image's centre at (0, 0).
        interpolation: "nearest" or "bilinear".
        fill: the value, or one for each channel, of what lies outside of the image; None: zero.
    """
    return rotate(img, matrix, interpolation, False, fill)


def rotate(
    img: Tensor,
    matrix: Sequence[float],
    interpolation: str = "nearest",
    expand: bool = False,
    fill: Fill = None,
) -> Tensor:
    """As `affine`; with `expand` the result is so large that all of the image is in it."""
    check_warp(img, matrix, 6, interpolation, fill)
    height, width = img.shape[-2:]
    size = rotated_size(matrix, width, height)[::-1] if expand else (height, width)
    theta = torch.tensor(matrix, dtype=_float_of(img), device=img.device).reshape(1, 2, 3)
    return apply_grid(img, affine_grid(theta, width, height, size[1], size[0]), interpolation, fill)


def perspective(
    img: Tensor, perspective_coeffs: Sequence[float], interpolation: str = "bilinear", fill: Fill = None
) -> Tensor:
    """The image through a projective map of eight numbers: (a x + b y + c, d x + e y + f) / (g x + h y + 1)."""
    check_warp(img, perspective_coeffs, 8, interpolation, fill)
    height, width = img.shape[-2:]
    grid = perspective_grid(perspective_coeffs, width, height, _float_of(img), img.device)
    return apply_grid(img, grid, interpolation, fill)


def elastic_transform(
    img: Tensor, displacement: Tensor, interpolation: str = "bilinear", fill: Fill = None
) -> Tensor:
    """The image through a map that moves every place by its own (x, y), of (1, H, W, 2)."""
    check_image(img)
    check_fill(img, fill)
    displacement = displacement.to(img.device)
    height, width = img.shape[-2:]
    grid = identity_grid((height, width), img.device, torch.get_default_dtype()) + displacement
    return apply_grid(img, grid, interpolation, fill)


def check_warp(img: Tensor, numbers: Sequence[float], count: int, interpolation: str, fill: Fill) -> None:
    """Raise TypeError or ValueError for what `affine` and `perspective` cannot compute with."""
    check_image(img)
    name = "matrix" if count == 6 else "coeffs"
    if not isinstance(numbers, (list, tuple)):
        raise TypeError(f"Argument {name} should be a list, got {type(numbers)}")
    if len(numbers) != count:
        raise ValueError(f"Argument {name} should have {count} float values, got {len(numbers)}")
    check_fill(img, fill)
    if interpolation not in ("nearest", "bilinear"):
        raise ValueError(f"Interpolation mode '{interpolation}' is unsupported with Tensor input")


def check_fill(img: Tensor, fill: Fill) -> None:
    """Raise ValueError unless it is None, a number, or as many as the image has channels."""
    if fill is None or isinstance(fill, (int, float)):
        return
    if not isinstance(fill, (tuple, list)):
        raise ValueError(f"Argument fill should be either int, float, tuple or list, got {type(fill)}")
    channels = get_dimensions(img)[0]
    if len(fill) not in (1, channels):
        raise ValueError(
            "The number of elements in 'fill' cannot broadcast to match the number of channels of the image "
            f"({len(fill)} != {channels})"
        )


def apply_grid(img: Tensor, grid: Tensor, mode: str, fill: Fill) -> Tensor:
    """What a map (1, H, W, 2) shows of an image.

    A channel of ones that goes through the map as the image does tells how much of each pixel is outside.
    """
    batch = as_batch(img).to(grid.dtype)
    shape = (*img.shape[:-2], *grid.shape[1:3])
    if img.numel() == 0:
        return img.reshape(shape)
    seen = _sampled(batch, grid.expand(batch.shape[0], -1, -1, -1), mode)
    if fill is not None and (
        mode != "nearest" or any(fill_values(fill))
    ):  # the nearest outside is zero already
        inside = _sampled(batch.new_ones((1, 1, *batch.shape[-2:])), grid, mode)
        colour = torch.tensor(fill_values(fill), dtype=seen.dtype, device=seen.device).reshape(1, -1, 1, 1)
        if mode == "nearest":
            seen = torch.where(inside < 0.5, colour, seen)
        else:
            seen = seen * inside + (1.0 - inside) * colour
    return rounded(seen, img.dtype).reshape(shape)


def _sampled(img: Tensor, grid: Tensor, mode: str) -> Tensor:
    return functional.grid_sample(img, grid, mode=mode, padding_mode="zeros", align_corners=False)


def _float_of(img: Tensor) -> torch.dtype:
    return img.dtype if img.is_floating_point() else torch.float32


def _places(
    w: int, h: int, first_x: float, first_y: float, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """(x, y, 1) of each pixel, row by row.

    A product of matrices takes them through a map as torchvision does. Where a map looks exactly between two pixels,
    the last bit says which one is nearest, so sums in another order would show another one.
    """
    x = torch.linspace(first_x, first_x + w - 1.0, steps=w, dtype=torch.float32, device=device).to(dtype)
    y = torch.linspace(first_y, first_y + h - 1.0, steps=h, dtype=torch.float32, device=device).to(dtype)
    rows, columns = torch.meshgrid(y, x, indexing="ij")
    return torch.stack([columns, rows, torch.ones_like(rows)], -1).reshape(h * w, 3)


def affine_grid(theta: Tensor, w: int, h: int, ow: int, oh: int) -> Tensor:
    """The map of a matrix (1, 2, 3) for a result of (oh, ow) pixels that looks at an image of (h, w)."""
    dtype, device = theta.dtype, theta.device
    scaled = theta[0] / torch.tensor([[0.5 * w], [0.5 * h]], dtype=dtype, device=device)
    return (_places(ow, oh, 0.5 - 0.5 * ow, 0.5 - 0.5 * oh, dtype, device) @ scaled.T).reshape(1, oh, ow, 2)


def rotated_size(matrix: Sequence[float], w: int, h: int) -> tuple[int, int]:
    """Width and height of what holds all corners after a matrix; in float32, cut off at 1e-4, as torchvision."""
    corners = torch.tensor(
        [[-0.5 * w, -0.5 * h], [-0.5 * w, 0.5 * h], [0.5 * w, 0.5 * h], [0.5 * w, -0.5 * h]]
    )
    theta = torch.tensor(matrix, dtype=torch.float32).reshape(2, 3)
    half = torch.tensor([0.5 * w, 0.5 * h])
    moved = corners @ theta[:, :2].T + theta[:, 2] + half
    cut = (moved / 1e-4).trunc() * 1e-4
    size = cut.amax(0).ceil() - cut.amin(0).floor()
    return int(size[0]), int(size[1])


def perspective_grid(
    coeffs: Sequence[float], ow: int, oh: int, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """The map of eight numbers for a result as large as the image, (oh, ow)."""
    numbers = torch.tensor([*coeffs, 1.0], dtype=dtype, device=device).reshape(3, 3)
    scale = torch.tensor([[0.5 * ow], [0.5 * oh], [1.0]], dtype=dtype, device=device)
    seen = _places(ow, oh, 0.5, 0.5, dtype, device) @ (numbers / scale).T
    return (seen[:, :2] / seen[:, 2:] - 1.0).reshape(1, oh, ow, 2)


def identity_grid(
    size: Sequence[int], device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> Tensor:
    """The map through which an image looks as it is, (1, H, W, 2)."""
    y, x = (torch.linspace((1 - s) / s, (s - 1) / s, s, dtype=dtype, device=device) for s in size)
    return torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], -1)[None]
