"""Where points of a picture go when the picture is warped. A tensor of points is (N, 2), x and y in pixels.

A picture is warped through a map from places of the result to those of the input; its points go the opposite way.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Number

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.vision.transforms._tensor_warp import identity_grid, rotated_size
from tritonnn.vision.transforms.functional import _get_inverse_affine_matrix, _get_perspective_coeffs

Size = tuple[int, int]


def affine(
    points: Tensor,
    canvas_size: Size,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: float | Sequence[float],
    center: Sequence[float] | None = None,
    expand: bool = False,
) -> tuple[Tensor, Size]:
    """Turned by an angle in degrees, with the clock, about a centre, which is that of the canvas unless given.

    With `expand` the canvas becomes so large that it holds all of the old one; the second result is its size.
    """
    _check_affine(angle, translate, scale, shear, center)
    height, width = canvas_size
    about = [width * 0.5, height * 0.5] if center is None else [float(c) for c in center]
    shears = [float(shear), 0.0] if isinstance(shear, (int, float)) else [float(s) for s in shear]
    shears = shears * 2 if len(shears) == 1 else shears
    how = (float(angle), list(translate), scale, shears)
    matrix = torch.tensor(
        _get_inverse_affine_matrix(about, *how, inverted=False), dtype=points.dtype, device=points.device
    ).reshape(2, 3)
    moved = points @ matrix[:, :2].T + matrix[:, 2]
    if not expand:
        return moved, canvas_size
    corners = matrix.new_tensor([[0, 0], [0, height], [width, height], [width, 0]])
    least = (corners @ matrix[:, :2].T + matrix[:, 2]).amin(0)
    quarters, rest = divmod(angle % 360, 90)
    if center is None and rest == 0:  # pictures are then turned without a grid, whose size may be one larger
        return moved - least, (height, width) if quarters % 2 == 0 else (width, height)
    from_middle = [about[0] - width * 0.5, about[1] - height * 0.5]  # as of pictures, whose size it has to be
    new_width, new_height = rotated_size(_get_inverse_affine_matrix(from_middle, *how), width, height)
    return moved - least, (new_height, new_width)


def _check_affine(angle: object, translate: object, scale: float, shear: object, center: object) -> None:
    if not isinstance(angle, (int, float)):
        raise TypeError(f"Argument angle should be int or float, got {type(angle)}")
    if not isinstance(translate, (list, tuple)):
        raise TypeError(f"Argument translate should be a sequence, got {type(translate)}")
    if len(translate) != 2:
        raise ValueError(f"Argument translate should be a sequence of length 2, got {translate}")
    if scale <= 0.0:
        raise ValueError(f"Argument scale should be positive, got {scale}")
    if not isinstance(shear, (Number, list, tuple)):
        raise TypeError(
            f"Shear should be either a single value or a sequence of two values, got {type(shear)}"
        )
    if isinstance(shear, (list, tuple)) and len(shear) not in (1, 2):
        raise ValueError(f"Shear should be a sequence containing two values. Got {shear}")
    if center is not None and not isinstance(center, (list, tuple)):
        raise TypeError(f"Argument center should be a sequence, got {type(center)}")


def perspective_coefficients(
    startpoints: Sequence[Sequence[int]] | None,
    endpoints: Sequence[Sequence[int]] | None,
    coefficients: Sequence[float] | None,
) -> list[float]:
    """The eight numbers of the map, which are given, or follow from four points of the input and of the result.

    Raises ValueError where neither or both are given.
    """
    if coefficients is not None:
        if startpoints is not None and endpoints is not None:
            raise ValueError(
                "The startpoints/endpoints and the coefficients shouldn't be defined concurrently."
            )
        if len(coefficients) != 8:
            raise ValueError(f"Argument coefficients should have 8 float values, got {len(coefficients)}")
        return list(coefficients)
    if startpoints is None or endpoints is None:
        raise ValueError("Either the startpoints/endpoints or the coefficients must have non `None` values.")
    return _get_perspective_coeffs(startpoints, endpoints)


def perspective(points: Tensor, coefficients: Sequence[float]) -> Tensor:
    """Through the inverse of a projective map, (a x + b y + c, d x + e y + f) / (g x + h y + 1).

    Raises RuntimeError where the map has none.
    """
    a, b, c, d, e, f, g, h = coefficients
    if a * e - b * d == 0:
        raise RuntimeError(
            f"Provided perspective_coeffs {list(coefficients)} can not be inverted to transform points"
        )
    inverse = [
        [e - f * h, c * h - b, b * f - c * e],
        [f * g - d, a - c * g, c * d - a * f],
        [d * h - e * g, b * g - a * h, a * e - b * d],
    ]
    dtype = points.dtype if points.is_floating_point() else torch.float32
    matrix = torch.tensor(inverse, dtype=torch.float64) / (a * e - b * d)
    matrix = matrix.to(device=points.device, dtype=dtype)
    moved = points.to(dtype) @ matrix[:, :2].T + matrix[:, 2]
    return moved[:, :2] / moved[:, 2:]


def check_displacement(displacement: Tensor, canvas_size: Size) -> None:
    """Raise TypeError or ValueError unless it has an (x, y) for each pixel of the canvas."""
    expected = (1, *canvas_size, 2)
    if not isinstance(displacement, Tensor):
        raise TypeError(f"Argument displacement should be a Tensor, got {type(displacement)}")
    if displacement.shape != expected:
        raise ValueError(f"Argument displacement shape should be {expected}, but given {displacement.shape}")


def elastic(points: Tensor, canvas_size: Size, displacement: Tensor) -> Tensor:
    """Moved against the displacement at the pixel that they are on.

    The displacement says what a pixel of the result looks at. Against it is near to the inverse, if it is smooth.
    """
    dtype = points.dtype if points.is_floating_point() else torch.float32
    height, width = canvas_size
    column, row = points[:, 0].long().clamp(0, width - 1), points[:, 1].long().clamp(0, height - 1)
    device = points.device
    looked_at = identity_grid(canvas_size, device, dtype)[0] - displacement[0].to(device=device, dtype=dtype)
    extents = torch.tensor([width, height], dtype=dtype, device=device)
    return (looked_at[row, column] + 1) * (0.5 * extents) - 0.5
