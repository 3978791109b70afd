"""Regions of images as grids of bins: means of interpolated samples in each bin."""

from __future__ import annotations

from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid
from tritonnn.memory_format import channels_last
from tritonnn.ops._definitions import regions as define
from tritonnn.ops._fused import only_floating
from tritonnn.ops._table import FLOATING, Bad, Out, Sample, primitive
from tritonnn.ops.vision._samples import regions
from tritonnn.table import Make
from tritonnn.table.types import Ints


def check_regions(input: Tensor, rois: Tensor, pooled_height: int, pooled_width: int) -> None:
    """Refuse what are no images with regions of them, and sizes that are none."""
    only_floating(input, "input")
    if len(input.shape) != 4:
        raise Invalid(f"input must have 4 dimensions (N, C, H, W), got shape {tuple(input.shape)}")
    if len(rois.shape) != 2 or rois.shape[1] != 5:
        raise Invalid(f"rois must have shape as Tensor[K, 5], got shape {tuple(rois.shape)}")
    if input.dtype is not rois.dtype:
        raise Invalid(
            f"input should have the same type as rois, but they are {input.dtype.name} and {rois.dtype.name}"
        )
    if pooled_height < 0 or pooled_width < 0:
        raise Invalid(f"a region cannot have {pooled_height} x {pooled_width} bins")
    if rois.shape[0] and not (input.shape[2] and input.shape[3]):
        raise Invalid(f"images without elements have no regions, got input of shape {tuple(input.shape)}")


def region_errors(make: Make, *rest: Any) -> list[Bad]:
    """Calls that every operator on regions refuses; `rest` follows the number of bins."""
    image, rois = make(2, 4, 6, 6), regions(make, 2, 3)
    other = dtypes.float32 if make.dtype is dtypes.float64 else dtypes.float64
    return [
        Bad(make(4, 6, 6), rois, 1.0, 2, 2, *rest, match="input must have 4 dimensions"),
        Bad(image, make(3, 4), 1.0, 2, 2, *rest, match=r"rois must have shape as Tensor\[K, 5\]"),
        Bad(image, rois.to(other), 1.0, 2, 2, *rest, match="input should have the same type as rois"),
        Bad(image, rois, 1.0, -1, 2, *rest, match="cannot have -1 x 2 bins"),
        Bad(make(2, 4, 0, 6), rois, 1.0, 2, 2, *rest, match="images without elements"),
    ]


def _samples(make: Make) -> list[Sample]:
    images = make(2, 3, 8, 9)
    rois = regions(make, 2, 5)
    calls = [
        Sample(images, rois, 1.0, 2, 3, 2, False), Sample(images, rois, 0.5, 3, 2, -1, True),
        Sample(images, rois, 1.0, 2, 2, -1, False), Sample(images, rois, 1.5, 3, 3, 1, True),
        Sample(images.to(memory_format=channels_last), rois, 1.0, 2, 2, 2, True),
        Sample(images, make(0, 5), 1.0, 2, 2, 2, True), Sample(make(2, 0, 4, 4), rois, 1.0, 2, 2, 2, True),
    ]  # fmt: skip
    return [call.constant("rois") for call in calls]


@primitive(
    grad={"grad": lambda g, rois, spatial_scale, pooled_height, pooled_width, sampling_ratio, aligned: (
        roi_align(g, rois, spatial_scale, pooled_height, pooled_width, sampling_ratio, aligned)
    )},
)  # fmt: skip
def roi_align_backward(
    grad: Tensor, rois: Tensor, spatial_scale: float, pooled_height: int, pooled_width: int, batch_size: int,
    channels: int, height: int, width: int, sampling_ratio: int, aligned: bool,
) -> Out:  # fmt: skip
    """The gradient of `roi_align` for the images."""
    return Out((batch_size, channels, height, width), grad.dtype)


def _toward_images(
    g: Tensor, rois: Tensor, scale: float, bins: tuple[int, int], shape: Ints, ratio: int, aligned: bool
) -> Tensor:
    n, channels, height, width = shape
    return roi_align_backward(g, rois, scale, *bins, n, channels, height, width, ratio, aligned)


@primitive(
    api="torchvision",
    dtypes=FLOATING,
    samples=_samples,
    errors=lambda make: region_errors(make, -1, False),
    reference=define.roi_align,
    grad={"input": lambda g, input_shape, rois, spatial_scale, pooled_height, pooled_width, sampling_ratio, aligned: (
        _toward_images(g, rois, spatial_scale, (pooled_height, pooled_width), input_shape, sampling_ratio, aligned)
    )},
)  # fmt: skip
def roi_align(
    input: Tensor, rois: Tensor, spatial_scale: float, pooled_height: int, pooled_width: int, sampling_ratio: int,
    aligned: bool,
) -> Any:  # fmt: skip
    """The mean of each bin of regions: samples on a grid within the bin, interpolated between elements.

    Args:
        input: (N, C, H, W) images.
        rois: (K, 5), of the input's type: the number of the image, x1, y1, x2, y2. They have no gradient.
        spatial_scale: elements of the image for one of the boxes' units.
        pooled_height: bins of a region downwards.
        pooled_width: bins of a region across.
        sampling_ratio: samples of a bin along each dimension; 0 or less for about one an element.
        aligned: the centre of the first element is at 0.5; else at 0, and regions are at least one element large.

    Returns:
        (K, C, pooled_height, pooled_width). Up to one element outside an image its edge goes on, further out are zeros.

    Raises:
        RuntimeError: shapes or types that do not fit. IndexError: no such image.

    Source: He et al., "Mask R-CNN", arXiv:1703.06870.

    >>> import tritonnn as torch
    >>> image = torch.arange(16.0).reshape(1, 1, 4, 4)
    >>> torch.ops.torchvision.roi_align(image, torch.tensor([[0.0, 1, 1, 3, 3]]), 1.0, 1, 1, 2, True)
    tensor([[[[7.5000]]]])
    """
    check_regions(input, rois, pooled_height, pooled_width)
    return Out((rois.shape[0], input.shape[1], pooled_height, pooled_width), input.dtype)


# ---- a channel of its own for each bin ----------------------------------------------------------------------


@primitive(
    grad={"grad": lambda g, rois, spatial_scale, pooled_height, pooled_width, sampling_ratio: (
        ps_roi_align(g, rois, spatial_scale, pooled_height, pooled_width, sampling_ratio)[0]
    )},
)  # fmt: skip
def ps_roi_align_backward(
    grad: Tensor, rois: Tensor, spatial_scale: float, pooled_height: int, pooled_width: int, sampling_ratio: int,
    batch_size: int, channels: int, height: int, width: int,
) -> Out:  # fmt: skip
    """The gradient of `ps_roi_align` for the images."""
    return Out((batch_size, channels, height, width), grad.dtype)


def check_groups(input: Tensor, pooled_height: int, pooled_width: int) -> int:
    """The channels of a position-sensitive result: a multiple of the number of bins falls into so many groups."""
    bins = pooled_height * pooled_width
    if not bins or input.shape[1] % bins:
        raise Invalid(
            f"input channels must be a multiple of pooling height * pooling width, got {input.shape[1]} channels for "
            f"{pooled_height} x {pooled_width} bins"
        )
    return input.shape[1] // bins


def _position_samples(make: Make) -> list[Sample]:
    images, rois = make(2, 12, 6, 7), regions(make, 2, 5)
    calls = [
        Sample(images, rois, 1.0, 2, 3, 2), Sample(images, rois, 0.5, 3, 2, -1), Sample(images, rois, 1.0, 2, 2, 0),
        Sample(images, make(0, 5), 1.0, 2, 2, 2), Sample(make(2, 0, 4, 4), rois, 1.0, 2, 2, 2),
    ]  # fmt: skip
    return [call.constant("rois") for call in calls]


@primitive(
    api="torchvision",
    dtypes=FLOATING,
    results=("output", "channel_mapping"),
    non_differentiable=("channel_mapping",),
    samples=_position_samples,
    errors=lambda make: [
        *region_errors(make, -1),
        Bad(make(2, 5, 6, 6), regions(make, 2, 3), 1.0, 2, 2, -1, match="must be a multiple of pooling height"),
    ],
    reference=define.ps_roi_align,
    grad={"input": lambda g, input_shape, rois, spatial_scale, pooled_height, pooled_width, sampling_ratio: (
        ps_roi_align_backward(g, rois, spatial_scale, pooled_height, pooled_width, sampling_ratio, *input_shape)
    )},
)  # fmt: skip
def ps_roi_align(
    input: Tensor,
    rois: Tensor,
    spatial_scale: float,
    pooled_height: int,
    pooled_width: int,
    sampling_ratio: int,
) -> Any:
    """`roi_align`, aligned, where each bin has channels of its own.

    Args:
        input: (N, C * pooled_height * pooled_width, H, W) images.
        rois: (K, 5), of the input's type: the number of the image, x1, y1, x2, y2. They have no gradient.
        spatial_scale: elements of the image for one of the boxes' units.
        pooled_height: bins of a region downwards.
        pooled_width: bins of a region across.
        sampling_ratio: samples of a bin along each dimension; 0 or less for about one an element.

    Returns:
        (K, C, pooled_height, pooled_width), and int32 numbers of the channels that they are of. A bin that has no
        samples, of a region without extent, is NaN.

    Raises:
        RuntimeError: shapes or types that do not fit. IndexError: no such image.

    Source: Li et al., "Light-Head R-CNN", arXiv:1711.07264.

    >>> import tritonnn as torch
    >>> image = torch.arange(16.0).reshape(1, 2, 2, 4)
    >>> torch.ops.torchvision.ps_roi_align(image, torch.tensor([[0.0, 0, 0, 2, 2]]), 1.0, 2, 1, 1)[0]
    tensor([[[[ 0.5000],
              [12.5000]]]])
    """
    check_regions(input, rois, pooled_height, pooled_width)
    shape = rois.shape[0], check_groups(input, pooled_height, pooled_width), pooled_height, pooled_width
    return Out(shape, input.dtype), Out(shape, dtypes.int32)
