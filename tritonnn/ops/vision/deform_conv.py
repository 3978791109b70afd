"""Convolutions whose taps are moved: products of the weight with a matrix of the elements below the taps."""

from __future__ import annotations

from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid, complete
from tritonnn.ops._definitions import regions as define
from tritonnn.ops._table import FLOATING, Bad, Out, Sample, composite, primitive
from tritonnn.ops.vision import _deform_formula as formula
from tritonnn.recording.grad_mode import state
from tritonnn.table import Make
from tritonnn.table.types import Ints


def _column_samples(make: Make) -> list[Sample]:
    def offset(*shape: int) -> Tensor:
        return make(*shape, low=-2.5, high=2.5)

    return [
        Sample(make(2, 4, 3, 4), offset(2, 8, 3, 3), None, (1, 2), (1, 1), (0, 0), (1, 1), 2),
        Sample(make(1, 3, 5, 4), offset(1, 8, 3, 2), make(1, 4, 3, 2), (2, 2), (2, 2), (1, 1), (1, 2), 1),
        Sample(make(0, 2, 3, 3), offset(0, 2, 3, 3), None, (1, 1), (1, 1), (0, 0), (1, 1), 1),
    ]  # fmt: skip


def _toward_places(
    g: Tensor, input: Tensor, offset: Tensor, mask: Tensor | None, how: formula.How
) -> tuple[Tensor, Tensor | None]:
    """The gradients of offset and mask."""
    if state.enabled:
        return formula.places_gradient(g, input, offset, mask, how)
    return deform_columns_backward(g, input, offset, mask, *how)


def _backward(
    g: Tensor, input: Tensor, offset: Tensor, mask: Tensor | None, kernel_size: Ints, stride: Ints, padding: Ints,
    dilation: Ints, offset_groups: int, needs: tuple[bool, ...],
) -> tuple[Tensor | None, ...]:  # fmt: skip
    how = kernel_size, stride, padding, dilation, offset_groups
    found: list[Tensor | None] = [None] * 8
    if needs[0]:
        found[0] = formula.input_gradient(g, input.shape, offset, mask, how)
    if needs[1] or needs[2]:
        found[1], masked = _toward_places(g, input, offset, mask, how)
        found[2] = masked if needs[2] else None
    return tuple(found)


@primitive(results=("offset_grad", "mask_grad"))
def deform_columns_backward(
    grad: Tensor, input: Tensor, offset: Tensor, mask: Tensor | None, kernel_size: Ints, stride: Ints,
    padding: Ints, dilation: Ints, offset_groups: int,
) -> Any:  # fmt: skip
    """The gradients of `deform_columns` for offset and mask; nothing for a mask that is absent."""
    return Out(offset.shape, offset.dtype), Out((0,) if mask is None else mask.shape, offset.dtype)


@primitive(
    dtypes=FLOATING,
    samples=_column_samples,
    backward=_backward,
)
def deform_columns(
    input: Tensor, offset: Tensor, mask: Tensor | None, kernel_size: Ints, stride: Ints, padding: Ints,
    dilation: Ints, offset_groups: int,
) -> Any:  # fmt: skip
    """(C * taps, N, oH, oW): of each channel and tap the input where the tap is moved to, times the mask.

    Between elements it is interpolated, outside it is 0. Channels fall into so many groups, whose taps move together.
    """
    taps = kernel_size[0] * kernel_size[1]
    return Out((input.shape[1] * taps, input.shape[0], *offset.shape[2:]), input.dtype)


def _samples(make: Make) -> list[Sample]:
    image = make(2, 4, 4, 5)
    moved, mask = make(2, 8, 3, 2, low=-2.5, high=2.5), make(2, 4, 3, 2)
    plain = Sample(
        image, make(2, 4, 1, 1), make(2, 2, 4, 5), make(2, 1), make(2), 1, 1, 0, 0, 1, 1, 1, 1, False
    )
    return [
        Sample(image, make(4, 2, 1, 2), moved, mask, make(4), 2, 2, 1, 0, 2, 2, 2, 2, True), plain.constant("mask"),
    ]  # fmt: skip


def _errors(make: Make) -> list[Bad]:
    image, weight, offset, bias = make(1, 4, 5, 5), make(6, 4, 3, 3), make(1, 18, 3, 3), make(6)
    mask, how = make(1, 9, 3, 3), (1, 1, 0, 0, 1, 1, 1, 1, True)
    return [
        Bad(make(4, 5, 5), weight, offset, mask, bias, *how, match="input must have 4 dimensions"),
        Bad(image, make(6, 4, 3), offset, mask, bias, *how, match="weight must have 4 dimensions"),
        Bad(image, weight, offset, mask, bias, 0, *how[1:], match="stride must be positive, got 0, 1"),
        Bad(image, weight, offset, mask, bias, 1, 1, -1, *how[3:], match="padding must not be negative, got -1, 0"),
        Bad(image, weight, offset, mask, bias, *how[:4], 0, *how[5:], match="dilation must be positive, got 0, 1"),
        Bad(image, make(6, 3, 3, 3), offset, mask, bias, *how, match="weight has 3 input channels in 1 groups"),
        Bad(image, weight, make(1, 20, 3, 3), mask, bias, *how, match="got: 20 expected: 18"),
        Bad(image, weight, offset, make(1, 8, 3, 3), bias, *how, match="got: 8 expected: 9"),
        Bad(image, weight, make(2, 18, 3, 3), mask, bias, *how, match="invalid batch size of offset"),
        Bad(image, weight, make(1, 18, 3, 4), mask, bias, *how, match="offset output dims"),
        Bad(image, weight, offset, mask, make(5), *how, match="bias must have shape"),
        Bad(image, make.int(6, 4, 3, 3), offset, mask, bias, *how, match="same type"),
    ]  # fmt: skip


@composite(
    api="torchvision", dtypes=FLOATING, samples=_samples, errors=_errors, reference=define.deform_conv2d
)
def deform_conv2d(
    input: Tensor, weight: Tensor, offset: Tensor, mask: Tensor, bias: Tensor, stride_h: int, stride_w: int,
    pad_h: int, pad_w: int, dilation_h: int, dilation_w: int, groups: int, offset_groups: int, use_mask: bool,
) -> Tensor:  # fmt: skip
    """A convolution whose taps are moved by offsets, and weighted by a mask, at each place of the result.

    Args:
        input: (N, C, H, W).
        weight: (O, C / groups, kH, kW).
        offset: (N, 2 * offset_groups * kH * kW, oH, oW): of each tap down and across.
        mask: (N, offset_groups * kH * kW, oH, oW).
        bias: (O,).
        stride_h: elements between places downwards.
        stride_w: the same across.
        pad_h: zeros above and below.
        pad_w: zeros at both sides.
        dilation_h: elements between taps downwards.
        dilation_w: the same across.
        groups: of channels, which each have outputs of their own.
        offset_groups: of channels, whose taps move together.
        use_mask: without it the mask is left out.

    Returns:
        (N, O, oH, oW). Between elements the input is interpolated; outside it is 0.

    Raises:
        RuntimeError: shapes or types that do not fit.

    Source: Dai et al., "Deformable Convolutional Networks", arXiv:1703.06211; with a mask Zhu et al., arXiv:1811.11168.

    >>> import tritonnn as torch
    >>> x, w, zeros = torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2), torch.zeros(1, 8, 2, 2)
    >>> how = (1, 1, 0, 0, 1, 1, 1, 1, False)
    >>> torch.ops.torchvision.deform_conv2d(x, w, zeros, torch.zeros(1, 1), torch.zeros(1), *how)
    tensor([[[[4., 4.],
              [4., 4.]]]])
    """
    how = (tuple(weight.shape[2:]), (stride_h, stride_w), (pad_h, pad_w), (dilation_h, dilation_w))
    given = {
        "input": input,
        "weight": weight,
        "offset": offset,
        "bias": bias,
        **({"mask": mask} if use_mask else {}),
    }
    wrong = _wrong(given, *how, groups, offset_groups)
    if wrong:
        raise complete("deform_conv2d", tuple(given), tuple(given.values()), Invalid(wrong))
    columns: Any = deform_columns(input, offset, mask if use_mask else None, *how, offset_groups)
    n, height, width = columns.shape[1:]
    outputs, depth = weight.shape[0] // groups, weight.shape[1] * weight.shape[2] * weight.shape[3]
    result = weight.reshape(groups, outputs, depth) @ columns.reshape(groups, depth, n * height * width)
    result = result.reshape(weight.shape[0], n, height, width).transpose(0, 1)
    return (result + bias.reshape(1, -1, 1, 1)).contiguous()


def _wrong(
    given: dict[str, Tensor], kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, groups: int,
    offset_groups: int,
) -> str:  # fmt: skip
    """What is wrong with a call; '' if nothing is."""
    input, weight = given["input"], given["weight"]
    for name, tensor in given.items():
        if name != "bias" and len(tensor.shape) != 4:
            return f"{name} must have 4 dimensions, got shape {tuple(tensor.shape)}"
        if tensor.dtype is not input.dtype or tensor.dtype not in FLOATING:
            kinds = ", ".join(sorted({t.dtype.name for t in given.values()}))
            return f"all tensors must have the same type, a floating one, got {kinds}"
    for name, pair, least in (("stride", stride, 1), ("padding", padding, 0), ("dilation", dilation, 1)):
        if min(pair) < least:
            return f"{name} must {'be positive' if least else 'not be negative'}, got {pair[0]}, {pair[1]}"
    n, channels, *size = input.shape
    if groups < 1 or weight.shape[1] * groups != channels or weight.shape[0] % groups:
        return (
            f"weight has {weight.shape[1]} input channels in {groups} groups for {weight.shape[0]} outputs, but input "
            f"has {channels} channels"
        )
    if offset_groups < 1 or channels % offset_groups:
        return f"{channels} channels do not fall into {offset_groups} groups of offsets"
    if tuple(given["bias"].shape) != (weight.shape[0],):
        return f"bias must have shape ({weight.shape[0]},), got {tuple(given['bias'].shape)}"
    out = [
        (length + 2 * p - d * (k - 1) - 1) // s + 1
        for length, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True)
    ]
    for name, factor in (("offset", 2), ("mask", 1)):
        if name not in given:
            continue
        tensor, expected = given[name], factor * offset_groups * kernel[0] * kernel[1]
        if tensor.shape[1] != expected:
            return f"{name}.shape[1] is not valid: got: {tensor.shape[1]} expected: {expected}"
        if tensor.shape[0] != n:
            return f"invalid batch size of {name}"
        if list(tensor.shape[2:]) != out:
            return f"{name} output dims: {tuple(tensor.shape[2:])} - computed output dims: {tuple(out)}"
    return "" if min(out) > 0 else f"Calculated output size too small - out_h: {out[0]} out_w: {out[1]}"
