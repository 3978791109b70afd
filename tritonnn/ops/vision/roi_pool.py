"""Regions of images as grids of bins: maxima of each bin, and means in channels of the bin's own."""

from __future__ import annotations

from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.ops._definitions import regions as define
from tritonnn.ops._table import FLOATING, Bad, Out, Sample, primitive
from tritonnn.ops.indexing.indexing import gather
from tritonnn.ops.vision._samples import regions
from tritonnn.ops.vision.roi_align import check_groups, check_regions, region_errors
from tritonnn.table import Make


def _picked(g: Tensor, rois: Tensor, places: Tensor) -> Tensor:
    """The elements of images that were the maxima of bins; 0 of an empty bin."""
    planes = g.index_select(0, rois[:, 0].to(dtypes.int64)).flatten(2)
    picked: Any = gather(planes, 2, places.to(dtypes.int64).clamp(min=0).flatten(2))
    return picked.reshape(places.shape).masked_fill(places < 0, 0)


def _found_samples(make: Make) -> list[Sample]:
    """Gradients of maxima that were found in images."""
    calls = []
    for call in _samples(make):
        places = roi_pool(*call.args)[1]
        grad = make(*places.shape)
        calls.append(Sample(grad, call.args[1], places, call.args[2], *call.args[0].shape).constant("rois"))
    return calls


@primitive(
    samples=_found_samples,
    grad={"grad": lambda g, rois, places: _picked(g, rois, places)},
)
def roi_pool_backward(
    grad: Tensor, rois: Tensor, places: Tensor, spatial_scale: float, batch_size: int, channels: int, height: int,
    width: int,
) -> Out:  # fmt: skip
    """The gradient of `roi_pool` for the images."""
    return Out((batch_size, channels, height, width), grad.dtype)


def _samples(make: Make) -> list[Sample]:
    images, rois = make(2, 3, 6, 7), regions(make, 2, 4)
    calls = [
        Sample(images, rois, 1.0, 2, 3), Sample(images, rois, 0.5, 3, 2), Sample(images, rois, 2.0, 1, 2),
        Sample(images, make(0, 5), 1.0, 2, 2), Sample(make(2, 0, 4, 4), rois, 1.0, 2, 2),
    ]  # fmt: skip
    return [call.constant("rois") for call in calls]


@primitive(
    api="torchvision",
    dtypes=FLOATING,
    results=("output", "argmax"),
    non_differentiable=("argmax",),
    samples=_samples,
    errors=region_errors,
    reference=define.roi_pool,
    grad={"input": lambda g, input_shape, rois, argmax, spatial_scale: (
        roi_pool_backward(g, rois, argmax, spatial_scale, *input_shape)
    )},
)  # fmt: skip
def roi_pool(input: Tensor, rois: Tensor, spatial_scale: float, pooled_height: int, pooled_width: int) -> Any:
    """The maximum of each bin of regions, from one element to another, both of which belong to them.

    Args:
        input: (N, C, H, W) images.
        rois: (K, 5), of the input's type: the number of the image, x1, y1, x2, y2. They have no gradient.
        spatial_scale: elements of the image for one of the boxes' units.
        pooled_height: bins of a region downwards.
        pooled_width: bins of a region across.

    Returns:
        (K, C, pooled_height, pooled_width), 0 where a bin lies outside, and int32 places of the maxima, row by row in
        their planes, -1 where there is none. What is not a number is no maximum.

    Raises:
        RuntimeError: shapes or types that do not fit. IndexError: no such image.

    Source: Girshick, "Fast R-CNN", arXiv:1504.08083.

    >>> import tritonnn as torch
    >>> image = torch.arange(16.0).reshape(1, 1, 4, 4)
    >>> output, argmax = torch.ops.torchvision.roi_pool(image, torch.tensor([[0.0, 1, 1, 2, 2]]), 1.0, 1, 1)
    >>> output.item(), argmax.item()
    (10.0, 10)
    """
    check_regions(input, rois, pooled_height, pooled_width)
    shape = rois.shape[0], input.shape[1], pooled_height, pooled_width
    return Out(shape, input.dtype), Out(shape, dtypes.int32)


# ---- a channel of its own for each bin ----------------------------------------------------------------------


@primitive(
    grad={"grad": lambda g, rois, spatial_scale, pooled_height, pooled_width: (
        ps_roi_pool(g, rois, spatial_scale, pooled_height, pooled_width)[0]
    )},
)  # fmt: skip
def ps_roi_pool_backward(
    grad: Tensor, rois: Tensor, spatial_scale: float, pooled_height: int, pooled_width: int, batch_size: int,
    channels: int, height: int, width: int,
) -> Out:  # fmt: skip
    """The gradient of `ps_roi_pool` for the images."""
    return Out((batch_size, channels, height, width), grad.dtype)


def _position_samples(make: Make) -> list[Sample]:
    images, rois = make(2, 12, 6, 7), regions(make, 2, 5)
    calls = [
        Sample(images, rois, 1.0, 2, 3), Sample(images, rois, 0.5, 3, 2), Sample(images, rois, 2.0, 2, 2),
        Sample(images, make(0, 5), 1.0, 2, 2), Sample(make(2, 0, 4, 4), rois, 1.0, 2, 2),
    ]  # fmt: skip
    return [call.constant("rois") for call in calls]


@primitive(
    api="torchvision",
    dtypes=FLOATING,
    results=("output", "channel_mapping"),
    non_differentiable=("channel_mapping",),
    samples=_position_samples,
    errors=lambda make: [
        *region_errors(make),
        Bad(make(2, 5, 6, 6), regions(make, 2, 3), 1.0, 2, 2, match="must be a multiple of pooling height"),
    ],
    reference=define.ps_roi_pool,
    grad={"input": lambda g, input_shape, rois, spatial_scale, pooled_height, pooled_width: (
        ps_roi_pool_backward(g, rois, spatial_scale, pooled_height, pooled_width, *input_shape)
    )},
)  # fmt: skip
def ps_roi_pool(
    input: Tensor, rois: Tensor, spatial_scale: float, pooled_height: int, pooled_width: int
) -> Any:
    """The mean of each bin, in channels of its own, of regions whose borders are rounded to whole elements.

    Args:
        input: (N, C * pooled_height * pooled_width, H, W) images, whose last row and column are left out.
        rois: (K, 5), of the input's type: the number of the image, x1, y1, x2, y2. They have no gradient.
        spatial_scale: elements of the image for one of the boxes' units.
        pooled_height: bins of a region downwards.
        pooled_width: bins of a region across.

    Returns:
        (K, C, pooled_height, pooled_width), 0 where a bin lies outside, and int32 numbers of the channels.

    Raises:
        RuntimeError: shapes or types that do not fit. IndexError: no such image.

    Source: Dai et al., "R-FCN", arXiv:1605.06409.

    >>> import tritonnn as torch
    >>> image = torch.arange(16.0).reshape(1, 2, 2, 4)
    >>> torch.ops.torchvision.ps_roi_pool(image, torch.tensor([[0.0, 0, 0, 2, 1]]), 1.0, 2, 1)[0]
    tensor([[[[0.5000],
              [8.5000]]]])
    """
    check_regions(input, rois, pooled_height, pooled_width)
    shape = rois.shape[0], check_groups(input, pooled_height, pooled_width), pooled_height, pooled_width
    return Out(shape, input.dtype), Out(shape, dtypes.int32)
