"""Between images and the columns of their sliding blocks: unfold (im2col) and fold (col2im)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid, complete
from tritonnn.ops._definitions import windows as definitions
from tritonnn.ops._table import NUMERIC, Bad, Out, Sample, composite, primitive
from tritonnn.ops._windows import as_ints, window_count
from tritonnn.ops.shape.shape import squeeze_dims, unsqueeze
from tritonnn.table.types import IntOrInts, Ints


@primitive(
    dtypes=NUMERIC,
    grad={
        "input": lambda g, input_shape, kernel_size, dilation, padding, stride: col2im(
            g, tuple(input_shape[2:]), kernel_size, dilation, padding, stride
        )
    },
    samples=lambda make: [
        Sample(make(2, 3, 5, 4), (2, 3), (1, 1), (0, 1), (2, 1)),
        Sample(make(1, 2, 5, 6), (2, 2), (2, 1), (1, 1), (1, 2)),
    ],
)
def im2col(input: Tensor, kernel_size: Ints, dilation: Ints, padding: Ints, stride: Ints) -> Any:
    """Windows of (N, C, H, W) as columns (N, C · kH · kW, windows)."""
    counts = [window_count(*each) for each in zip(input.shape[2:], kernel_size, stride, padding, dilation)]
    rows = input.shape[1] * kernel_size[0] * kernel_size[1]
    return Out((input.shape[0], rows, counts[0] * counts[1]), input.dtype)


@primitive(
    dtypes=NUMERIC,
    grad={
        "input": lambda g, kernel_size, dilation, padding, stride: im2col(
            g, kernel_size, dilation, padding, stride
        )
    },
    samples=lambda make: [
        Sample(make(2, 12, 8), (4, 5), (2, 2), (1, 1), (0, 0), (2, 1)),
        Sample(make(1, 8, 20), (5, 6), (2, 2), (2, 1), (1, 1), (1, 2)),
    ],
)
def col2im(
    input: Tensor, output_size: Ints, kernel_size: Ints, dilation: Ints, padding: Ints, stride: Ints
) -> Any:
    """Columns (N, C · kH · kW, windows) summed into (N, C, *output_size)."""
    channels = input.shape[1] // (kernel_size[0] * kernel_size[1])
    return Out((input.shape[0], channels, *output_size), input.dtype)


def _pair(name: str, value: Any, least: int) -> Ints:
    pair = as_ints(name, value, 2)
    if pair is None:
        raise Invalid(f"It is expected {name} equals to 2, but got size {len(value)}")
    if min(pair) < least:
        bound = "greater than zero" if least else "non-negative"
        raise Invalid(f"{name} should be {bound}, but got {pair[0]} and {pair[1]}")
    return pair


def _blocks(
    kernel_size: IntOrInts, dilation: IntOrInts, padding: IntOrInts, stride: IntOrInts
) -> tuple[Ints, Ints, Ints, Ints]:
    """The checked arguments that unfold and fold share, as pairs."""
    kernel, spread = _pair("kernel_size", kernel_size, 1), _pair("dilation", dilation, 1)
    return kernel, spread, _pair("padding", padding, 0), _pair("stride", stride, 1)


def _check_image(shape: Sequence[int], blocks: tuple[Ints, Ints, Ints, Ints]) -> None:
    kernel, spread, pad, step = blocks
    if len(shape) not in (3, 4) or 0 in shape[len(shape) - 3 :]:
        raise Invalid(
            "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions "
            f"for input, but got: {list(shape)}"
        )
    counts = tuple(window_count(*each) for each in zip(shape[-2:], kernel, step, pad, spread))
    if min(counts) < 1:
        raise Invalid(
            f"Given input with spatial size {tuple(shape[-2:])}, kernel_size={kernel}, dilation={spread}, "
            f"padding={pad}, calculated shape of the array of sliding blocks as {counts}, but its components "
            "must be at least one."
        )


def _check_columns(shape: Sequence[int], size: Ints, blocks: tuple[Ints, Ints, Ints, Ints]) -> None:
    kernel, spread, pad, step = blocks
    if len(shape) not in (2, 3) or 0 in shape[len(shape) - 2 :]:
        raise Invalid(
            "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero "
            f"dimensions for input, but got: {list(shape)}"
        )
    if shape[-2] % (kernel[0] * kernel[1]):
        raise Invalid(
            "Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got "
            f"input.size(1)={shape[-2]} and kernel_size={kernel}."
        )
    high, wide = (window_count(*each) for each in zip(size, kernel, step, pad, spread))
    if min(high, wide) < 1 or shape[-1] != high * wide:
        raise Invalid(
            f"Given output_size={size}, kernel_size={kernel}, dilation={spread}, padding={pad}, "
            f"stride={step}, expected size of input's dimension 2 to match the calculated number of "
            f"sliding blocks {high} * {wide} = {high * wide}, but got input.size(2)={shape[-1]}."
        )


@composite(
    api="functional",
    public="unfold",
    dtypes=NUMERIC,
    samples=lambda make: [
        Sample(make(1, 2, 4, 5), 2),
        Sample(make(2, 5, 4), (2, 3), padding=1, stride=(2, 1)),
        Sample(make(0, 2, 4, 4), 2),
    ],
    errors=lambda make: [
        Bad(make(3, 3), 2, match="Expected 3D or 4D"),
        Bad(make(1, 1, 3, 3), 4, match="its components must be at least one"),
        Bad(make(1, 1, 3, 3), 2, stride=0, match="stride should be greater than zero"),
        Bad(make(1, 1, 3, 3), 2, padding=-1, match="padding should be non-negative"),
        Bad(make(1, 1, 3, 3), (2, 2, 2), match="expected kernel_size equals to 2"),
    ],
    reference=definitions.unfold,
)
def functional_unfold(
    input: Tensor,
    kernel_size: IntOrInts,
    dilation: IntOrInts = 1,
    padding: IntOrInts = 0,
    stride: IntOrInts = 1,
) -> Tensor:
    """The sliding blocks of images as columns (im2col): (N, C, H, W) to (N, C · kH · kW, blocks).

    >>> import tritonnn as torch
    >>> x = torch.arange(6.).view(1, 1, 2, 3)
    >>> torch.nn.functional.unfold(x, (2, 2))[0]
    tensor([[0., 1.],
            [1., 2.],
            [3., 4.],
            [4., 5.]])
    """
    try:
        blocks = _blocks(kernel_size, dilation, padding, stride)
        _check_image(tuple(input.shape), blocks)
    except Invalid as invalid:
        raise complete("unfold", ("input",), (input,), invalid) from None
    if len(input.shape) == 4:
        return im2col(input, *blocks)
    return squeeze_dims(im2col(unsqueeze(input, 0), *blocks), (0,))


@composite(
    api="functional",
    dtypes=NUMERIC,
    samples=lambda make: [
        Sample(make(1, 8, 12), (4, 5), 2),
        Sample(make(12, 24), (3, 4), (2, 3), padding=(2, 1)),
        Sample(make(0, 4, 4), 3, 2),
    ],
    errors=lambda make: [
        Bad(make(1, 5, 4), (3, 3), 2, match="divisible by the product of kernel_size"),
        Bad(make(1, 4, 5), (3, 3), 2, match="expected size of input's dimension 2 to match the calculated"),
        Bad(make(4), (3, 3), 2, match="Expected 2D or 3D"),
    ],
    reference=definitions.fold,
)
def fold(
    input: Tensor,
    output_size: IntOrInts,
    kernel_size: IntOrInts,
    dilation: IntOrInts = 1,
    padding: IntOrInts = 0,
    stride: IntOrInts = 1,
) -> Tensor:
    """Columns of blocks added up into images (col2im), the transpose of `unfold`.

    `fold(unfold(x))` is x times `fold(unfold(ones))`, the number of blocks that hold each element.

    >>> import tritonnn as torch
    >>> torch.nn.functional.fold(torch.ones(1, 4, 4), (3, 3), (2, 2))
    tensor([[[[1., 2., 1.],
              [2., 4., 2.],
              [1., 2., 1.]]]])
    """
    try:
        blocks = _blocks(kernel_size, dilation, padding, stride)
        size = _pair("output_size", output_size, 1)
        _check_columns(tuple(input.shape), size, blocks)
    except Invalid as invalid:
        raise complete("fold", ("input",), (input,), invalid) from None
    if len(input.shape) == 3:
        return col2im(input, size, *blocks)
    return squeeze_dims(col2im(unsqueeze(input, 0), size, *blocks), (0,))
