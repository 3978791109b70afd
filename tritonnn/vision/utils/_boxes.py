"""Boxes drawn on a picture, upright or rotated, with labels."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sized
from typing import Any, TypeAlias

import tritonnn as torch
from tritonnn.vision._pillow import pillow
from tritonnn.vision.utils._canvas import check_image, to_picture, to_tensor
from tritonnn.vision.utils._colors import Colors, _parse_colors

#: a colour as Pillow takes it: its name, or numbers up to 255; None: nothing is drawn
Ink: TypeAlias = str | tuple[int, ...] | None
DASH = 5  # pixels of a dash, and of the space after it


def _dashed_line(
    draw: Any, start: tuple[float, float], end: tuple[float, float], fill: Ink, width: int
) -> None:
    (x, y), dash = start, True
    left = math.dist(start, end)
    while left > 0:
        step = min(left, DASH)
        angle = math.atan2(end[1] - y, end[0] - x)
        next_x, next_y = x + math.cos(angle) * step, y + math.sin(angle) * step
        if dash:
            draw.line([(x, y), (next_x, next_y)], fill, width)
        left -= step
        x, y, dash = next_x, next_y, not dash


def _rotated_box(draw: Any, box: list[int], width: int, outline: Ink, fill: Ink) -> None:
    """Four corners; the side from the first to the second, which says which way is up, is dashed."""
    corners = list(zip(box[::2], box[1::2]))
    _dashed_line(draw, corners[0], corners[1], outline, width)
    for start, end in zip(corners[1:], (*corners[2:], corners[0])):
        draw.line((start, end), width=width, fill=outline)
    draw.polygon(box, fill=fill, outline=None, width=0)


def _label(draw: Any, box: list[int], text: str, color: Ink, background: Ink, font: Any, width: int) -> None:
    """Text inside of a box's first corner; on a background that is not None."""
    place = (box[0] + width + 1, box[1] + width + 1)
    if background is not None:
        left, top, right, bottom = draw.textbbox(place, text, font=font)
        draw.rectangle((left - 1, top - 1, right + 1, bottom + 1), fill=background)
    draw.text(place, text, fill=color, font=font)


def _check(image: object, boxes: object, labels: Sized | None) -> None:
    check_image(image, (1, 3), "Tensor expected", "Only grayscale and RGB images are supported")
    if not isinstance(boxes, torch.Tensor):
        raise TypeError(f"boxes: expected a tensor, got {type(boxes)}")
    if not boxes.numel():
        return
    if boxes.dim() != 2 or boxes.shape[-1] not in (4, 8):
        raise ValueError(f"boxes: expected shape (N, 4) or (N, 8), but got {tuple(boxes.shape)}")
    if boxes.shape[-1] == 4 and (boxes[:, :2] > boxes[:, 2:]).any():
        raise ValueError(
            "Boxes need to be in (xmin, ymin, xmax, ymax) format. Use torchvision.ops.box_convert to convert them"
        )
    if labels is not None and len(labels) != boxes.shape[0]:
        raise ValueError(
            f"Number of boxes ({boxes.shape[0]}) and labels ({len(labels)}) mismatch. "
            "Please specify labels for each box."
        )


def _font(font: str | None, font_size: int | None) -> Any:
    fonts = pillow("torchvision.utils.draw_bounding_boxes", "ImageFont")
    if font is not None:
        return fonts.truetype(font=font, size=font_size or 10)
    if font_size is not None:
        warnings.warn("Argument 'font_size' will be ignored since 'font' is not set.")
    return fonts.load_default()


@torch.no_grad()
def draw_bounding_boxes(
    image: torch.Tensor,
    boxes: torch.Tensor,
    labels: list[str] | None = None,
    colors: Colors = None,
    fill: bool | None = False,
    width: int = 1,
    font: str | None = None,
    font_size: int | None = None,
    label_colors: Colors = None,
    label_background_colors: Colors = None,
    fill_labels: bool = False,
) -> torch.Tensor:
    """A copy of a picture with boxes drawn on it, on the CPU.

    Args:
        image: (C, H, W) with one or three channels, uint8 or floating-point numbers from 0 to 1.
        boxes: (N, 4), as xmin, ymin, xmax, ymax, or (N, 8), as the four corners of rotated boxes, in pixels.
        labels: a text for each box; None in the list for none.
        colors: one for all, or a list with one for each box; names, such as 'red', or triplets. Chosen for None.
        fill: put the colour over the box, too, so that the picture shows through.
        width: of the lines.
        font: a file with a TrueType font; Pillow's own for None.
        font_size: in points, 10 for None; for a font from a file.
        label_colors: as `colors`; the boxes' own for None, black on a filled label.
        label_background_colors: as `colors`; the boxes' own for None.
        fill_labels: draw labels on a background.

    >>> import tritonnn as torch
    >>> picture = torch.vision.utils.draw_bounding_boxes(
    ...     torch.zeros(3, 8, 8, dtype=torch.uint8), torch.tensor([[1, 1, 6, 4]]), colors="red")
    >>> picture[0, 0:3, 0:4].tolist()
    [[0, 0, 0, 0], [0, 255, 255, 255], [0, 255, 0, 0]]

    Raises TypeError for what is no tensor, and ValueError for boxes of negative size, another shape or dtype, and
    lists of another length.
    """
    _check(image, boxes, labels)
    count = boxes.shape[0]
    if count == 0:
        warnings.warn("boxes doesn't contain any box. No box was drawn")
        return image
    colors = _parse_colors(colors, num_objects=count)
    inks, backgrounds = colors, colors if fill_labels else [None] * count
    if label_colors or fill_labels:
        inks = _parse_colors(label_colors or "black", num_objects=count)
    if fill_labels and label_background_colors:
        backgrounds = _parse_colors(label_background_colors, num_objects=count)
    texts: Any = [None] * count if labels is None else labels
    letters = _font(font, font_size)
    picture = to_picture(image.expand(3, -1, -1))
    drawing = pillow("torchvision.utils.draw_bounding_boxes", "ImageDraw")
    draw = drawing.Draw(picture, "RGBA" if fill else None)
    rows = zip(boxes.to(torch.int64).tolist(), colors, texts, inks, backgrounds)
    for box, color, label, ink, background in rows:
        inside = (*color, 100) if fill else None
        if len(box) == 8:
            _rotated_box(draw, box, width, color, inside)
        else:
            draw.rectangle(box, width=width, outline=color, fill=inside)
        if label is not None:
            _label(draw, box, label, ink, background, letters, width)
    return to_tensor(picture, image.dtype)
