"""What classes of transforms share: reading arguments, doing something with a probability, saying what they are."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import tritonnn as torch
from tritonnn import Tensor, nn
from tritonnn.vision._types import Fill, Picture, PictureT
from tritonnn.vision.transforms import functional as F
from tritonnn.vision.transforms.functional import InterpolationMode

__all__ = [
    "TWO_DIMENSIONS", "Sometimes", "aspect_ratio", "check_fill", "check_range", "check_sequence_input", "colors_for",
    "described", "listed", "mode_of", "setup_angle", "setup_size", "uniform",
]  # fmt: skip

TWO_DIMENSIONS = "Please provide only two dimensions (h, w) for size."


def setup_size(size: Any, error_msg: str) -> Sequence[int]:
    """(height, width) of one number or two; ValueError with that text for more."""
    if isinstance(size, numbers.Number):
        return int(size), int(size)  # type: ignore[call-overload]
    if isinstance(size, Sequence) and len(size) == 1:
        return size[0], size[0]
    if len(size) != 2:
        raise ValueError(f"{error_msg} Got {size}")
    return size


def check_sequence_input(x: object, name: str, req_sizes: Sequence[int]) -> None:
    """Raise TypeError or ValueError unless it is a sequence of one of those lengths."""
    lengths = " or ".join(str(size) for size in req_sizes)
    if not isinstance(x, Sequence):
        raise TypeError(f"{name} should be a sequence of length {lengths}. Got {x!r}")
    if len(x) not in req_sizes:
        raise ValueError(f"{name} should be a sequence of length {lengths}. Got {x!r}")


def setup_angle(x: Any, name: str, req_sizes: Sequence[int] = (2,)) -> list[float]:
    """From minus the number to the number, or the given limits."""
    if isinstance(x, numbers.Number):
        if x < 0:  # type: ignore[operator]
            raise ValueError(f"If {name} is a single number, it must be positive. Got {x}")
        x = [-x, x]  # type: ignore[operator]
    else:
        check_sequence_input(x, name, req_sizes)
    return [float(angle) for angle in x]


def check_range(scale: Sequence[float], ratio: Sequence[float]) -> bool:
    """Whether both go from less to more; TypeError unless they are sequences."""
    if not isinstance(scale, Sequence):
        raise TypeError(f"Scale should be a sequence, got {scale!r}")
    if not isinstance(ratio, Sequence):
        raise TypeError(f"Ratio should be a sequence, got {ratio!r}")
    return scale[0] <= scale[1] and ratio[0] <= ratio[1]


def check_fill(fill: Fill) -> float | Sequence[float]:
    """A number or a sequence of them; None is zero."""
    if fill is None:
        return 0
    if not isinstance(fill, (Sequence, numbers.Number)):
        raise TypeError(f"Fill should be either a sequence or a number. Got {fill!r}")
    return fill


def colors_for(img: Picture, fill: Fill) -> Fill:
    """The fill that `functional` takes: a float for each channel where the image is a tensor."""
    if fill is None or not isinstance(img, Tensor):
        return fill
    if isinstance(fill, (int, float)):
        return [float(fill)] * F.get_image_num_channels(img)
    return [float(value) for value in fill]


def mode_of(interpolation: InterpolationMode | int) -> InterpolationMode:
    """A mode for Pillow's number; anything else as it is, to be checked when an image comes."""
    return F._interpolation_modes_from_int(interpolation) if isinstance(interpolation, int) else interpolation


def uniform(low: float, high: float) -> float:
    """A draw of the default generator, as `torch.empty(1).uniform_`."""
    return torch.empty(1).uniform_(float(low), float(high)).item()


@lru_cache(maxsize=16)
def _logarithms(low: float, high: float) -> tuple[float, float]:
    low, high = torch.log(torch.tensor((low, high), dtype=torch.float32)).tolist()
    return low, high


def aspect_ratio(ratio: Sequence[float]) -> float:
    """A draw whose logarithm is uniform: twice as wide is as probable as twice as high."""
    return torch.exp(torch.empty(1).uniform_(*_logarithms(float(ratio[0]), float(ratio[1])))).item()


def described(self: object, *fields: str) -> str:
    """`Name(field=..., field=...)`."""
    return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)}' for name in fields)})"


def listed(self: object, parts: Iterable[object], *head: str) -> str:
    """The name and, in a line each, the parts."""
    return "\n".join([f"{type(self).__name__}(", *(f"    {part}" for part in (*head, *parts)), ")"])


class Sometimes(nn.Module):
    """Does something to an image with the probability `p`, else nothing."""

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = p

    def change(self, img: PictureT) -> PictureT:
        """What is done."""
        raise NotImplementedError

    def forward(self, img: PictureT) -> PictureT:
        """The image, changed or as it is."""
        return self.change(img) if torch.rand(1).item() < self.p else img

    def __repr__(self) -> str:
        return described(self, "p")
