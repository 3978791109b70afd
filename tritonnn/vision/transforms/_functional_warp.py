"""Pictures and image tensors turned, sheared, seen from aside or bent: see `functional`."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import cast

import numpy as np

from tritonnn import Tensor
from tritonnn.errors import LinAlgError
from tritonnn.vision._pillow import is_image
from tritonnn.vision._types import Fill, Picture, PictureT
from tritonnn.vision.transforms import _functional_tensor
from tritonnn.vision.transforms._conversion import pil_to_tensor, to_pil_image
from tritonnn.vision.transforms._functional_geometry import get_dimensions
from tritonnn.vision.transforms._interpolation import (
    InterpolationMode,
    as_mode,
    functions_of,
    pil_modes_mapping,
)

__all__ = [
    "affine", "elastic_transform", "get_inverse_affine_matrix", "get_perspective_coeffs", "perspective", "rotate",
]  # fmt: skip


def get_inverse_affine_matrix(
    center: Sequence[float],
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: Sequence[float],
    inverted: bool = True,
) -> list[float]:
    """The matrix of 2 x 3, row by row, that takes places of the result back to those of the image.

    An image is turned by `angle` degrees around `center` after it was sheared (first along x, then along y, in
    degrees), is scaled and moved. With `inverted=False` it is the matrix of that, not its inverse.
    """
    turn, (shear_x, shear_y) = math.radians(angle), (math.radians(s) for s in shear)
    a = math.cos(turn - shear_y) / math.cos(shear_y)
    b = -a * math.tan(shear_x) - math.sin(turn)
    c = math.sin(turn - shear_y) / math.cos(shear_y)
    d = -c * math.tan(shear_x) + math.cos(turn)
    (center_x, center_y), (moved_x, moved_y) = center, (center[0] + translate[0], center[1] + translate[1])
    if inverted:  # the determinant is one
        a, b, c, d = d / scale, -b / scale, -c / scale, a / scale
        (from_x, from_y), (to_x, to_y) = (moved_x, moved_y), (center_x, center_y)
    else:
        a, b, c, d = a * scale, b * scale, c * scale, d * scale
        (from_x, from_y), (to_x, to_y) = (center_x, center_y), (moved_x, moved_y)
    return [a, b, to_x - a * from_x - b * from_y, c, d, to_y - c * from_x - d * from_y]


def _center_from_middle(img: Picture, center: Sequence[float] | None) -> list[float]:
    """A place in pixels as seen from the image's middle."""
    if center is None:
        return [0.0, 0.0]
    _, height, width = get_dimensions(img)
    return [center[0] - width * 0.5, center[1] - height * 0.5]


def _check_center(center: object) -> None:
    if center is not None and not isinstance(center, (list, tuple)):
        raise TypeError(f"Argument center should be a sequence, got {center!r}")


def _check_angle(angle: object) -> None:
    if not isinstance(angle, (int, float)):
        raise TypeError(f"Argument angle should be int or float, got {angle!r}")


def rotate(
    img: PictureT,
    angle: float,
    interpolation: InterpolationMode | int = InterpolationMode.NEAREST,
    expand: bool = False,
    center: Sequence[float] | None = None,
    fill: Fill = None,
) -> PictureT:
    """Turned counter-clockwise.

    Args:
        img: the image.
        angle: in degrees.
        interpolation: nearest or bilinear; of pictures also bicubic.
        expand: whether the result is so large that all of the image is in it.
        center: (x, y) in pixels of the point that stays; None: the middle.
        fill: the value of what lies outside of the image, or one for each channel; None: zero.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.functional.rotate(torch.tensor([[[1, 2], [3, 4]]]), 90)
    tensor([[[2, 4],
             [1, 3]]])
    """
    mode = as_mode(interpolation)
    _check_angle(angle)
    _check_center(center)
    if not isinstance(img, Tensor):
        return functions_of(img).rotate(img, angle, pil_modes_mapping[mode], expand, center, fill)
    matrix = get_inverse_affine_matrix(_center_from_middle(img, center), -angle, [0.0, 0.0], 1.0, [0.0, 0.0])
    return functions_of(img).rotate(img, matrix, mode.value, expand, fill)


def affine(
    img: PictureT,
    angle: float,
    translate: Sequence[int],
    scale: float,
    shear: float | Sequence[float],
    interpolation: InterpolationMode | int = InterpolationMode.NEAREST,
    fill: Fill = None,
    center: Sequence[float] | None = None,
) -> PictureT:
    """Sheared, turned clockwise, scaled and moved, in its size.

    Args:
        img: the image.
        angle: in degrees.
        translate: to the right and down, in pixels.
        scale: larger than zero.
        shear: along x, or along x and y, in degrees.
        interpolation: nearest or bilinear; of pictures also bicubic.
        fill: the value of what lies outside of the image, or one for each channel; None: zero.
        center: (x, y) in pixels of the point that is turned around; None: the middle.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.functional.affine(torch.tensor([[[1, 2], [3, 4]]]), 0, [1, 0], 1.0, 0)
    tensor([[[0, 1],
             [0, 3]]])
    """
    mode = as_mode(interpolation)
    _check_angle(angle)
    if not isinstance(translate, (list, tuple)):
        raise TypeError(f"Argument translate should be a sequence, got {translate!r}")
    if len(translate) != 2:
        raise ValueError(f"Argument translate should be a sequence of length 2, got {translate}")
    if scale <= 0.0:
        raise ValueError(f"Argument scale should be positive, got {scale}")
    shears = _two_shears(shear)
    _check_center(center)
    if isinstance(img, Tensor):
        matrix = get_inverse_affine_matrix(_center_from_middle(img, center), angle, translate, scale, shears)
        return functions_of(img).affine(img, matrix, mode.value, fill)
    _, height, width = get_dimensions(img)
    middle = [width * 0.5, height * 0.5] if center is None else center
    matrix = get_inverse_affine_matrix(middle, angle, translate, scale, shears)
    return functions_of(img).affine(img, matrix, pil_modes_mapping[mode], fill)


def _two_shears(shear: float | Sequence[float]) -> Sequence[float]:
    if isinstance(shear, (int, float)):
        return [shear, 0.0]
    if not isinstance(shear, (list, tuple)):
        raise TypeError(f"Shear should be either a single value or a sequence of two values, got {shear!r}")
    if len(shear) not in (1, 2):
        raise ValueError(f"Shear should be a sequence containing two values. Got {shear}")
    return [shear[0], shear[-1]]


def get_perspective_coeffs(
    startpoints: Sequence[Sequence[int]], endpoints: Sequence[Sequence[int]]
) -> list[float]:
    """The eight numbers of the projective map that takes four end points back to their start points."""
    if len(startpoints) != 4 or len(endpoints) != 4:
        raise ValueError(
            f"Please provide exactly four corners, got {len(startpoints)} startpoints and {len(endpoints)} endpoints."
        )
    rows = []
    for (x, y), (start_x, start_y) in zip(endpoints, startpoints, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -start_x * x, -start_x * y])
        rows.append([0, 0, 0, x, y, 1, -start_y * x, -start_y * y])
    wanted = np.array(startpoints, np.float64).reshape(8)
    solution, _, rank, _ = np.linalg.lstsq(np.array(rows, np.float64), wanted, rcond=None)
    if rank < len(rows):
        raise LinAlgError(
            f"perspective: no map takes endpoints {endpoints} to startpoints {startpoints}, whose {rank} "
            f"equations of {len(rows)} are independent: three of the points lie on a line, or two are the same"
        )
    return solution.astype(np.float32).tolist()


def perspective(
    img: PictureT,
    startpoints: Sequence[Sequence[int]],
    endpoints: Sequence[Sequence[int]],
    interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
    fill: Fill = None,
) -> PictureT:
    """Seen from aside, so that four points of the image come to lie on four others.

    Args:
        img: the image.
        startpoints: four (x, y) in the image.
        endpoints: where they are in the result.
        interpolation: nearest or bilinear; of pictures also bicubic.
        fill: the value of what lies outside of the image, or one for each channel; None: zero.

    >>> import tritonnn as torch
    >>> corners, moved = [[0, 0], [2, 0], [2, 2], [0, 2]], [[1, 0], [3, 0], [3, 2], [1, 2]]
    >>> torch.vision.transforms.functional.perspective(torch.ones(1, 2, 3), corners, moved, fill=5.0).round()
    tensor([[[5., 1., 1.],
             [5., 1., 1.]]])
    """
    coeffs = get_perspective_coeffs(startpoints, endpoints)
    mode = as_mode(interpolation)
    if isinstance(img, Tensor):
        return functions_of(img).perspective(img, coeffs, mode.value, fill)
    return functions_of(img).perspective(img, coeffs, pil_modes_mapping[mode], fill)


def elastic_transform(
    img: PictureT,
    displacement: Tensor,
    interpolation: InterpolationMode | int = InterpolationMode.BILINEAR,
    fill: Fill = None,
) -> PictureT:
    """With every pixel looking elsewhere.

    Args:
        img: the image.
        displacement: (1, H, W, 2): for each pixel how far off it looks in x and y, in halves of the image's extent.
        interpolation: nearest, bilinear or bicubic.
        fill: the value of what lies outside of the image, or one for each channel; None: zero.

    >>> import tritonnn as torch
    >>> right = torch.tensor([1.0, 0.0]).expand(1, 2, 2, 2)
    >>> torch.vision.transforms.functional.elastic_transform(torch.tensor([[[1., 2.], [3., 4.]]]), right)
    tensor([[[2., 0.],
             [4., 0.]]])
    """
    if isinstance(interpolation, int):
        warnings.warn(
            "Argument interpolation should be of type InterpolationMode instead of int. "
            "Please, use InterpolationMode enum.",
            stacklevel=2,
        )
    mode = as_mode(interpolation)
    if not isinstance(displacement, Tensor):
        raise TypeError(f"Argument displacement should be a Tensor, got {type(displacement)}")
    if not isinstance(img, Tensor) and not is_image(img):
        raise TypeError(f"img should be PIL Image or Tensor. Got {type(img)}")
    _, height, width = get_dimensions(img)
    if displacement.shape != (1, height, width, 2):
        raise ValueError(
            f"Argument displacement shape should be {(1, height, width, 2)}, but given {tuple(displacement.shape)}"
        )
    if isinstance(img, Tensor):
        return functions_of(img).elastic_transform(img, displacement, mode.value, fill)
    bent = _functional_tensor.elastic_transform(pil_to_tensor(img), displacement, mode.value, fill)
    return cast(PictureT, to_pil_image(bent, img.mode))
