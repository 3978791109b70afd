"""Optical flow as colours: the direction is the hue, the speed how strong it is.

The wheel of colours is that of Baker et al., "A Database and Evaluation Methodology for Optical Flow" (2007).
"""

from __future__ import annotations

import math

import tritonnn as torch

#: Hues between two colours: how many, the channel that stays at 255, the one that changes, whether it rises.
_ARCS = (
    (15, 0, 1, True),
    (6, 1, 0, False),
    (4, 1, 2, True),
    (11, 2, 1, False),
    (13, 2, 0, True),
    (6, 0, 2, False),
)


def _make_colorwheel() -> torch.Tensor:
    """55 hues as rows of red, green and blue, from 0 to 255.

    >>> _make_colorwheel()[[0, 15, 25]].tolist()
    [[255.0, 0.0, 0.0], [255.0, 255.0, 0.0], [0.0, 255.0, 255.0]]
    """
    wheel = []
    for count, full, changing, rises in _ARCS:
        for i in range(count):
            part = 255 * i // count
            hue = [0.0, 0.0, 0.0]
            hue[full], hue[changing] = 255.0, float(part if rises else 255 - part)
            wheel.append(hue)
    return torch.tensor(wheel)


@torch.no_grad()
def flow_to_image(flow: torch.Tensor) -> torch.Tensor:
    """Optical flow as pictures: white where nothing moves, strong colours where it is fastest.

    Args:
        flow: (N, 2, H, W) or (2, H, W), float32: how far each pixel moves to the right and down.

    Returns pictures of uint8, (N, 3, H, W) or (3, H, W).

    >>> import tritonnn as torch
    >>> flow = torch.tensor([1.0, -1.0]).view(1, 1, 2).repeat(2, 1, 1)
    >>> torch.vision.utils.flow_to_image(flow).shape
    torch.Size([3, 1, 2])

    Raises ValueError for another dtype or shape.
    """
    if flow.dtype != torch.float:
        raise ValueError(f"Flow should be of dtype torch.float, got {flow.dtype}.")
    batch = flow[None] if flow.ndim == 3 else flow
    if batch.ndim != 4 or batch.shape[1] != 2:
        raise ValueError(f"Input flow should have shape (2, H, W) or (N, 2, H, W), got {tuple(flow.shape)}.")
    fastest = batch.pow(2).sum(dim=1).sqrt().max()
    picture = _normalized_flow_to_image(batch / (fastest + torch.finfo(batch.dtype).eps))
    return picture[0] if flow.ndim == 3 else picture


@torch.no_grad()
def _normalized_flow_to_image(normalized_flow: torch.Tensor) -> torch.Tensor:
    """Pictures of flow whose speed is at most 1, (N, 2, H, W)."""
    wheel = _make_colorwheel().to(normalized_flow.device)
    last = wheel.shape[0] - 1
    wheel = wheel / 255.0
    speed = normalized_flow.pow(2).sum(dim=1).sqrt()
    turn = torch.atan2(-normalized_flow[:, 1], -normalized_flow[:, 0]) / math.pi  # -1 to 1
    place = (turn + 1) / 2 * last
    before = torch.floor(place).to(torch.long)
    after = torch.where(before == last, 0, before + 1)
    share = (place - before)[..., None]
    hue = (1 - share) * wheel[before] + share * wheel[after]
    color = 1 - speed[..., None] * (1 - hue)
    return torch.floor(255 * color).to(torch.uint8).permute(0, 3, 1, 2).contiguous()
