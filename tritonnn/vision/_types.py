"""Types of what is called a picture: Pillow's are known to type checkers alone, as Pillow need not be installed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from tritonnn import Tensor

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage
else:
    PILImage = Any  # annotations can be read at run time too

__all__ = ["Fill", "PILImage", "Picture", "PictureT", "TensorT"]

#: A picture of Pillow's or an image tensor (..., C, H, W).
Picture: TypeAlias = Tensor | PILImage
#: One of them, and the result is another of its kind.
PictureT = TypeVar("PictureT", bound=Tensor | PILImage)
TensorT = TypeVar("TensorT", bound=Tensor)
#: What lies outside of an image: one number, or one for each channel; None is zero.
Fill: TypeAlias = float | Sequence[float] | None
