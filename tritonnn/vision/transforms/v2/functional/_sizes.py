"""The size of a canvas after a change, and where the old one lies in it."""

from __future__ import annotations

from collections.abc import Sequence

from tritonnn.vision.transforms._tensor_geometry import parse_padding
from tritonnn.vision.transforms.functional import _compute_resized_output_size as _resized

Size = tuple[int, int]


def resized_canvas(canvas_size: Size, size: int | Sequence[int] | None, max_size: int | None = None) -> Size:
    """Height and width after a resize to a size, which may be that of the shorter edge, or None with a `max_size`."""
    sizes = [size] if isinstance(size, int) else size
    if max_size is not None and sizes is not None and len(sizes) != 1:
        raise ValueError(
            "max_size should only be passed if size is None or specifies the length of the smaller edge, "
            f"i.e. size should be an int or a sequence of length 1, got {size}"
        )
    height, width = _resized(canvas_size, sizes, max_size, allow_size_none=True)
    return height, width


def padded_canvas(canvas_size: Size, padding: int | Sequence[int]) -> tuple[int, int, Size]:
    """How far the old canvas lies from the left and from the top, and the size of the new one."""
    left, right, top, bottom = parse_padding(padding)
    return left, top, (canvas_size[0] + top + bottom, canvas_size[1] + left + right)


def centred(canvas_size: Size, output_size: int | Sequence[int]) -> tuple[int, int, int, int]:
    """Top, left, height and width of the middle of a canvas."""
    sizes = [int(output_size)] if isinstance(output_size, (int, float)) else list(output_size)
    height, width = sizes[0], sizes[-1]
    return round((canvas_size[0] - height) / 2.0), round((canvas_size[1] - width) / 2.0), height, width
