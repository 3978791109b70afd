"""Padding: constant, reflected, replicated and circular."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid, fail
from tritonnn.memory_format import strides_in_format
from tritonnn.ops._definitions import shape as define
from tritonnn.ops._fused import no_slope
from tritonnn.ops._numbers import as_number
from tritonnn.ops._table import ANY, Bad, Out, Sample, composite, primitive, view
from tritonnn.ops.joining.joining import cat
from tritonnn.ops.joining.repeating import flip
from tritonnn.ops.shape.parts import slice_dim
from tritonnn.ops.shape.shape import expand_as_size


def _margins(pad: Sequence[int], ndim: int) -> list[tuple[int, int]]:
    """(before, after) of each dimension; `pad` counts pairs from the last dimension."""
    if len(pad) % 2:
        raise Invalid(f"Padding length must be divisible by 2, got {list(pad)}")
    if len(pad) // 2 > ndim:
        raise Invalid(
            "Padding length should be less than or equal to two times the input dimension but got "
            f"padding length {len(pad)} and input of dimension {ndim}"
        )
    margins = [(0, 0)] * ndim
    for i in range(len(pad) // 2):
        margins[ndim - 1 - i] = (int(pad[2 * i]), int(pad[2 * i + 1]))
    return margins


def _kept(margins: list[tuple[int, int]], shape: Sequence[int]) -> list[tuple[int, int]]:
    """Margins of which none cuts off all elements: the last one in their way stays, to be repeated."""
    kept = []
    for (before, after), extent in zip(margins, shape):
        total = before + extent + after
        if extent and total > 0 and -before >= extent:
            before, after = 1 - extent, total - 1
        elif extent and total > 0 and -after >= extent:
            before, after = total - 1, 1 - extent
        kept.append((before, after))
    return kept


def _narrowed(input: Tensor, margins: list[tuple[int, int]]) -> Tensor:
    """`input` without what negative margins cut off."""
    for dim, (before, after) in enumerate(margins):
        cut, end = max(-before, 0), max(-after, 0)
        if cut or end:
            length = input.shape[dim] - cut - end
            if length < 0:
                raise Invalid(
                    f"padding {margins[dim]} leaves a negative size at dimension {dim} of {list(input.shape)}"
                )
            input = slice_dim(input, dim, cut, length, 1)
    return input


@primitive(
    float8=True,
    public="pad", alias=("constant_pad_nd",),
    dtypes=ANY, api="torch",
    grad={"input": lambda g, pad: constant_pad_nd(g, [-p for p in pad], 0)},
    samples=lambda make: [Sample(make(2, 3), (1, 2)), Sample(make(2, 3), (1, 0, 0, 2), 1.5),
                          Sample(make(2, 4), (-1, 2))],
    errors=lambda make: [Bad(make(2, 3), (1,), match="divisible by 2"),
                         Bad(make(2), (1, 1, 1, 1), match="less than or equal")],
    reference=define.constant_pad_nd,
)  # fmt: skip
def constant_pad_nd(input: Tensor, pad: Sequence[int], value: Any = 0) -> Any:
    """`input` with `value` around it; `pad` lists (before, after) from the last dimension; negative cuts off.

    >>> import tritonnn as torch
    >>> torch.pad(torch.tensor([1, 2]), (1, 2), 9)
    tensor([9, 1, 2, 9, 9])
    """
    margins = _margins(pad, len(input.shape))
    narrowed = _narrowed(input, margins)
    shape = tuple([n + max(b, 0) + max(a, 0) for n, (b, a) in zip(narrowed.shape, margins, strict=True)])
    out = Out(shape, input.dtype, strides=strides_in_format(shape, input))
    return out, (input, tuple(pad), as_number(input.dtype, value))


@view(grad={"input": no_slope}, samples=lambda make: [Sample(make(2, 3))], api="", dtypes=ANY)
def padded_part(input: Tensor) -> Any:
    """`input` as the middle of what is padded, with the graph of gradients that PyTorch's padding has."""
    return list(input.shape), list(input.stride()), input._offset


def _border(input: Tensor, dim: int, before: int, after: int, mode: str) -> Tensor:
    """One dimension extended by copies of what is inside."""
    extent = input.shape[dim]
    if mode == "reflect":
        left = flip(slice_dim(input, dim, 1, before, 1), (dim,)) if before else None
        right = flip(slice_dim(input, dim, extent - 1 - after, after, 1), (dim,)) if after else None
    elif mode == "replicate":
        wide = list(input.shape)
        wide[dim] = before
        left = expand_as_size(slice_dim(input, dim, 0, 1, 1), tuple(wide)) if before else None
        wide[dim] = after
        right = expand_as_size(slice_dim(input, dim, extent - 1, 1, 1), tuple(wide)) if after else None
    else:
        left = slice_dim(input, dim, extent - before, before, 1) if before else None
        right = slice_dim(input, dim, 0, after, 1) if after else None
    parts = [part for part in (left, input, right) if part is not None]
    return cat(parts, dim) if len(parts) > 1 else input


def _extensible(input: Tensor, pad: Sequence[int], mode: str) -> None:
    """Copies extend one to three dimensions behind a channel and perhaps a batch; only a batch may be empty."""
    ndim, count = len(input.shape), len(pad) // 2
    if len(pad) % 2 == 0 and not (1 <= count <= 3 and ndim - count in (1, 2)):
        raise fail(
            "pad",
            f"Padding size {len(pad)} is not supported for {ndim}D input tensor: mode {mode} pads the last dimension "
            "(2 numbers) of 2D or 3D, two (4) of 3D or 4D, three (6) of 4D or 5D input",
            kind=NotImplementedError,
            input=input,
        )
    if mode != "circular" and 0 in input.shape[ndim - count - 1 :]:
        raise fail(
            "pad",
            f"Expected {count + 1}D or {count + 2}D (batch mode) tensor with possibly 0 batch size and other non-zero "
            f"dimensions for input, but got: {list(input.shape)}",
            input=input,
        )


@composite(
    api="functional", dtypes=ANY,
    samples=lambda make: [Sample(make(2, 3), (1, 2)), Sample(make(1, 2, 3, 4), (1, 2, 2, 1), "reflect"),
                          Sample(make(1, 2, 3), (2, 1), "replicate"), Sample(make(1, 2, 3), (3, 1), "circular"),
                          Sample(make(2, 3), (0, 1), value=2.0), Sample(make(2, 5), (-1, 2), "reflect")],
    errors=lambda make: [Bad(make(1, 2, 3), (3, 1), "reflect", match="less than the corresponding input dimension"),
                         Bad(make(2, 3), (1, 1), "mirror", error=NotImplementedError,
                             match="Unrecognised padding mode"),
                         Bad(make(5), (1, 1), "circular", error=NotImplementedError,
                             match="Padding size 2 is not supported for 1D input"),
                         Bad(make(2, 0, 3), (1, 1), "reflect", match="possibly 0 batch size and other non-zero dim"),
                         Bad(make(2, 3), (1, 1), "replicate", 1.0, match="doesn't take in value argument")],
    reference=define.pad,
)  # fmt: skip
def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """`input` extended at its borders.

    Args:
        pad: (before, after) of the last dimension, then of the one before it, ...
        mode: 'constant' (fill with `value`, default 0), 'reflect', 'replicate' or 'circular'.

    >>> import tritonnn as torch, tritonnn.nn.functional as F
    >>> F.pad(torch.tensor([1, 2]), (1, 2))
    tensor([0, 1, 2, 0, 0])
    """
    if isinstance(pad, Tensor):
        pad = pad.tolist()
    if mode == "constant":
        return constant_pad_nd(input, tuple(pad), 0 if value is None else value)
    if mode not in ("reflect", "replicate", "circular"):
        raise fail(
            "pad",
            f"Unrecognised padding mode {mode}: expected constant, reflect, replicate or circular",
            kind=NotImplementedError,
        )
    if value is not None and value != 0:
        raise fail("pad", f'Padding mode "{mode}" doesn\'t take in value argument', input=input)
    _extensible(input, pad, mode)
    try:
        margins = _margins(pad, len(input.shape))
        if mode == "replicate":
            margins = _kept(margins, input.shape)
        margins_in = _narrowed(input, margins)
    except Invalid as invalid:
        raise fail("pad", str(invalid), input=input) from None
    padded = margins_in if mode == "circular" else padded_part(margins_in)
    for dim, (before, after) in enumerate(margins):
        before, after = max(before, 0), max(after, 0)
        limit = padded.shape[dim] - 1 if mode == "reflect" else padded.shape[dim]
        if mode != "replicate" and max(before, after, 0) > max(limit, 0):
            raise fail(
                "pad",
                f"Padding size should be less than the corresponding input dimension, but got: padding "
                f"({before}, {after}) at dimension {dim} of input {list(input.shape)} (mode {mode})",
                input=input,
            )
        if padded.shape[dim] == 0 and before + after:
            raise fail("pad", f"expected a non-empty dimension {dim} to extend by {mode}", input=input)
        padded = _border(padded, dim, before, after, mode)
    return padded.contiguous() if mode == "circular" else padded
