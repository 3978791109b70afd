"""Key points drawn on a picture, and the lines between them."""

from __future__ import annotations

from collections.abc import Iterable

import tritonnn as torch
from tritonnn.vision._pillow import pillow
from tritonnn.vision.utils._canvas import check_image, to_picture, to_tensor


def _visible(keypoints: torch.Tensor, visibility: torch.Tensor | None) -> list[list[bool]]:
    if keypoints.ndim != 3 or keypoints.shape[-1] != 2:
        raise ValueError(
            f"keypoints must be of shape (num_instances, K, 2), but got {tuple(keypoints.shape)}"
        )
    if visibility is None:
        return [[True] * keypoints.shape[1]] * keypoints.shape[0]
    if visibility.ndim == 3:  # as a model gives them, (num_instances, K, 1)
        visibility = visibility.squeeze(-1)
    if visibility.ndim != 2:
        raise ValueError(f"visibility must be of shape (num_instances, K). Got ndim={visibility.ndim}")
    if visibility.shape != keypoints.shape[:-1]:
        raise ValueError(
            "keypoints and visibility must have the same dimensionality for num_instances and K. "
            f"Got {visibility.shape=} and {keypoints.shape=}"
        )
    return visibility.bool().tolist()


def _check_connectivity(connectivity: Iterable[tuple[int, int]] | None, count: int) -> None:
    for pair in connectivity or ():
        if len(pair) != 2 or not all(-count <= index < count for index in pair):
            raise IndexError(f"connectivity: expected pairs of the {count} key points, but got {pair}")


@torch.no_grad()
def draw_keypoints(
    image: torch.Tensor,
    keypoints: torch.Tensor,
    connectivity: list[tuple[int, int]] | None = None,
    colors: str | tuple[int, int, int] | None = None,
    radius: int = 2,
    width: int = 3,
    visibility: torch.Tensor | None = None,
) -> torch.Tensor:
    """A copy of a picture with key points drawn on it, on the CPU.

    Args:
        image: (3, H, W), uint8 or floating-point numbers from 0 to 1.
        keypoints: (instances, K, 2), x and y in pixels.
        connectivity: pairs of numbers of key points that a white line connects, where both are visible.
        colors: of the points, a name or a triplet; without any they are left out, as Pillow does.
        radius: of the points.
        width: of the lines.
        visibility: (instances, K), what is drawn; all for None.

    >>> import tritonnn as torch
    >>> picture = torch.vision.utils.draw_keypoints(
    ...     torch.zeros(3, 5, 5, dtype=torch.uint8), torch.tensor([[[2, 2]]]), colors="lime", radius=1)
    >>> picture[1, 2].tolist()
    [0, 255, 255, 255, 0]

    Raises TypeError for what is no tensor, ValueError for other shapes and dtypes, and IndexError for a connection with
    a point that is not there.
    """
    check_image(
        image, (3,), "The image must be a tensor", "Pass an RGB image. Other Image formats are not supported"
    )
    if not isinstance(keypoints, torch.Tensor):
        raise TypeError(f"The keypoints must be a tensor, got {type(keypoints)}")
    visible = _visible(keypoints, visibility)
    _check_connectivity(connectivity, keypoints.shape[1])
    picture = to_picture(image)
    draw = pillow("torchvision.utils.draw_keypoints", "ImageDraw").Draw(picture)
    for points, shown in zip(keypoints.to(torch.int64).tolist(), visible):
        for (x, y), is_shown in zip(points, shown):
            if is_shown:
                place = [x - radius, y - radius, x + radius, y + radius]
                draw.ellipse(place, fill=colors, outline=None, width=0)
        for start, end in connectivity or ():
            if shown[start] and shown[end]:
                draw.line((tuple(points[start]), tuple(points[end])), width=width)
    return to_tensor(picture, image.dtype)
