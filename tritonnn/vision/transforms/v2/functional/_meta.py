"""Sizes of inputs, and boxes and points in their canvas."""

from __future__ import annotations

from typing import Any

from tritonnn import Tensor
from tritonnn.vision import tv_tensors
from tritonnn.vision._types import Picture, PILImage
from tritonnn.vision.transforms.v2.functional._box_formats import as_format, converted
from tritonnn.vision.transforms.v2.functional._clamping import clamped, clamped_points
from tritonnn.vision.transforms.v2.functional._utils import (
    PICTURE,
    _register_kernel_internal,
    functional,
    is_pure_tensor,
)
from tritonnn.vision.tv_tensors import BoundingBoxes, BoundingBoxFormat, KeyPoints

# ---- sizes --------------------------------------------------------------------------------------------------


@functional
def get_dimensions(inpt: Picture) -> list[int]:
    """Channels, height and width of a picture or video, as a list."""


@functional
def get_num_channels(inpt: Picture) -> int:
    """The number of channels of a picture or video."""


@functional
def get_size(inpt: Picture) -> list[int]:
    """Height and width of an input, as a list; of boxes and points those of their canvas.

    >>> import tritonnn as torch
    >>> from tritonnn.vision.transforms.v2 import functional as F
    >>> F.get_size(torch.zeros(3, 4, 5))
    [4, 5]
    """


@functional
def get_num_frames(inpt: Tensor) -> int:
    """The number of frames of a video."""


get_image_num_channels = get_num_channels


def _trailing(image: Tensor, count: int) -> list[int]:
    if image.ndim < 2:
        raise TypeError(f"Input tensor should have at least two dimensions, but got {image.ndim}")
    extents = list(image.shape[-count:])
    return [1, *extents] if len(extents) < count else extents


def get_dimensions_image(image: Tensor) -> list[int]:
    """`get_dimensions` of a picture; without channels it has one."""
    return _trailing(image, 3)


def get_dimensions_video(video: Tensor) -> list[int]:
    """`get_dimensions` of a video."""
    return _trailing(video, 3)


def get_num_channels_image(image: Tensor) -> int:
    """`get_num_channels` of a picture; without channels it has one."""
    return _trailing(image, 3)[0]


def get_num_channels_video(video: Tensor) -> int:
    """`get_num_channels` of a video."""
    return _trailing(video, 3)[0]


def get_size_image(image: Tensor) -> list[int]:
    """`get_size` of a picture."""
    return _trailing(image, 2)


def get_size_video(video: Tensor) -> list[int]:
    """`get_size` of a video."""
    return _trailing(video, 2)


def get_size_mask(mask: Tensor) -> list[int]:
    """`get_size` of a mask."""
    return _trailing(mask, 2)


def get_size_bounding_boxes(bounding_box: BoundingBoxes) -> list[int]:
    """`get_size` of boxes: that of their canvas."""
    return list(bounding_box.canvas_size)


def get_size_keypoints(keypoints: KeyPoints) -> list[int]:
    """`get_size` of points: that of their canvas."""
    return list(keypoints.canvas_size)


def get_num_frames_video(video: Tensor) -> int:
    """`get_num_frames` of a video."""
    if video.ndim < 4:
        raise IndexError(
            f"a video has 4 dimensions or more, (..., frames, channels, height, width): got {video.ndim}"
        )
    return video.shape[-4]


def _get_dimensions_image_pil(image: PILImage) -> list[int]:
    return [len(image.getbands()), image.height, image.width]


def _get_num_channels_image_pil(image: PILImage) -> int:
    return len(image.getbands())


def _get_size_image_pil(image: PILImage) -> list[int]:
    return [image.height, image.width]


_KERNELS: dict[Any, dict[Any, Any]] = {
    get_dimensions: {
        Tensor: get_dimensions_image, tv_tensors.Image: get_dimensions_image,
        tv_tensors.Video: get_dimensions_video, PICTURE: _get_dimensions_image_pil,
    },
    get_num_channels: {
        Tensor: get_num_channels_image, tv_tensors.Image: get_num_channels_image,
        tv_tensors.Video: get_num_channels_video, PICTURE: _get_num_channels_image_pil,
    },
    get_size: {
        Tensor: get_size_image, tv_tensors.Image: get_size_image, tv_tensors.Video: get_size_video,
        tv_tensors.Mask: get_size_mask, BoundingBoxes: get_size_bounding_boxes, KeyPoints: get_size_keypoints,
        PICTURE: _get_size_image_pil,
    },
    get_num_frames: {Tensor: get_num_frames_video, tv_tensors.Video: get_num_frames_video},
}  # fmt: skip
for _functional, _kernels in _KERNELS.items():
    for _cls, _kernel in _kernels.items():
        _register_kernel_internal(_functional, _cls, tv_tensor_wrapper=False)(_kernel)


# ---- boxes and points: functionals that plain tensors tell more ---------------------------------------------


def convert_bounding_box_format(
    inpt: Tensor,
    old_format: BoundingBoxFormat | str | None = None,
    new_format: BoundingBoxFormat | str | None = None,
    inplace: bool = False,
) -> Tensor:
    """Boxes in another format.

    >>> import tritonnn as torch
    >>> from tritonnn.vision.transforms.v2 import functional as F
    >>> F.convert_bounding_box_format(torch.tensor([[2, 3, 6, 8]]), "XYXY", "XYWH")
    tensor([[2, 3, 4, 5]])

    Args:
        inpt: BoundingBoxes, or a tensor.
        old_format: that of a tensor; BoundingBoxes say theirs.
        new_format: that of the result.
        inplace: write the result into the input, where it has as many numbers.

    Raises TypeError without a new format, and ValueError where the old one is missing or given twice.
    """
    if new_format is None:
        raise TypeError("convert_bounding_box_format() missing 1 required argument: 'new_format'")
    new_format = as_format(new_format)
    if is_pure_tensor(inpt):
        if old_format is None:
            raise ValueError("For pure tensor inputs, `old_format` has to be passed.")
        return _convert_bounding_box_format(inpt, as_format(old_format), new_format, inplace)
    if not isinstance(inpt, BoundingBoxes):
        raise _is_no(inpt, "bounding box")
    if old_format is not None:
        raise ValueError("For bounding box tv_tensor inputs, `old_format` must not be passed.")
    output = _convert_bounding_box_format(inpt.as_subclass(Tensor), inpt.format, new_format, inplace)
    return tv_tensors.wrap(output, like=inpt, format=new_format)


def _convert_bounding_box_format(
    bounding_boxes: Tensor,
    old_format: BoundingBoxFormat,
    new_format: BoundingBoxFormat,
    inplace: bool = False,
) -> Tensor:
    output = converted(bounding_boxes, old_format, new_format)
    return bounding_boxes.copy_(output) if inplace and output.shape == bounding_boxes.shape else output


def clamp_bounding_boxes(
    inpt: Tensor,
    format: BoundingBoxFormat | str | None = None,
    canvas_size: tuple[int, int] | None = None,
    clamping_mode: str | None = "auto",
) -> Tensor:
    """Boxes brought back into their canvas.

    >>> import tritonnn as torch
    >>> from tritonnn.vision.transforms.v2 import functional as F
    >>> F.clamp_bounding_boxes(torch.tensor([[2, -3, 6, 8]]), "XYXY", (5, 5), "soft")
    tensor([[2, 0, 5, 5]])

    Args:
        inpt: BoundingBoxes, or a tensor; the latter needs the other three.
        format: that of a tensor.
        canvas_size: height and width of the canvas of a tensor.
        clamping_mode: "soft", "hard" or None, which does not clamp; "auto" is that of the BoundingBoxes.
    """
    if clamping_mode not in (None, "soft", "hard", "auto"):
        raise ValueError(f"clamping_mode must be soft, hard, auto or None, got {clamping_mode}")
    if is_pure_tensor(inpt):
        if format is None or canvas_size is None or clamping_mode == "auto":
            raise ValueError(
                "For pure tensor inputs, `format`, `canvas_size` and `clamping_mode` have to be passed."
            )
        return clamped(inpt, as_format(format), canvas_size, clamping_mode)
    if not isinstance(inpt, BoundingBoxes):
        raise _is_no(inpt, "bounding box")
    if format is not None or canvas_size is not None:
        raise ValueError("For bounding box tv_tensor inputs, `format` and `canvas_size` must not be passed.")
    mode = inpt.clamping_mode if clamping_mode == "auto" else clamping_mode
    return tv_tensors.wrap(clamped(inpt.as_subclass(Tensor), inpt.format, inpt.canvas_size, mode), like=inpt)


def clamp_keypoints(inpt: Tensor, canvas_size: tuple[int, int] | None = None) -> Tensor:
    """Points brought back onto the pixels of their canvas.

    >>> import tritonnn as torch
    >>> from tritonnn.vision.transforms.v2 import functional as F
    >>> F.clamp_keypoints(torch.tensor([[2, -3], [9, 1]]), (5, 5))
    tensor([[2, 0],
            [4, 1]])

    Args:
        inpt: KeyPoints, or a tensor.
        canvas_size: height and width of the canvas of a tensor; KeyPoints say theirs.
    """
    if is_pure_tensor(inpt):
        if canvas_size is None:
            raise ValueError("For pure tensor inputs, `canvas_size` has to be passed.")
        return clamped_points(inpt, canvas_size)
    if not isinstance(inpt, KeyPoints):
        raise _is_no(inpt, "keypoints")
    if canvas_size is not None:
        raise ValueError("For keypoints tv_tensor inputs, `canvas_size` must not be passed.")
    return tv_tensors.wrap(clamped_points(inpt.as_subclass(Tensor), inpt.canvas_size), like=inpt)


def _is_no(inpt: object, name: str) -> TypeError:
    return TypeError(
        f"Input can either be a plain tensor or a {name} tv_tensor, but got {type(inpt)} instead."
    )
