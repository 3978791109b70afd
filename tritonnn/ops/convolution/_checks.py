"""What a convolution's arguments must be, and the size of its output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from tritonnn import dtypes
from tritonnn.errors import Invalid
from tritonnn.ops._table import Bad
from tritonnn.ops._windows import as_ints, joined, window_count
from tritonnn.shape import Size
from tritonnn.table import Make
from tritonnn.table.types import Ints


def spatial(name: str, value: Any, n: int) -> Ints:
    """One number for each of n spatial dimensions."""
    numbers = as_ints(name, value, n)
    if numbers is None:
        raise Invalid(
            f"expected {name} to be a single integer value or a list of {n} values to match the convolution "
            f"dimensions, but got {name}={list(value)}"
        )
    return numbers


def check_geometry(stride: Ints, padding: Ints, dilation: Ints, output_padding: Ints, groups: int) -> None:
    """Refuse steps and paddings without a meaning."""
    if any(p < 0 for p in padding):
        raise Invalid(f"negative padding is not supported, got padding={list(padding)}")
    if any(p < 0 for p in output_padding):
        raise Invalid(f"negative output_padding is not supported, got {list(output_padding)}")
    if any(s <= 0 for s in stride):
        raise Invalid(f"non-positive stride is not supported, got stride={list(stride)}")
    if any(d <= 0 for d in dilation):
        raise Invalid(f"dilation should be greater than zero, but got {list(dilation)}")
    if groups <= 0:
        raise Invalid(f"non-positive groups is not supported, got groups={groups}")


class Operand(NamedTuple):
    """What the checks need of a tensor; plans are remembered by it."""

    shape: Size
    dtype: dtypes.dtype


def check_operands(
    input: Operand, weight: Operand, bias: Operand | None, transposed: bool, groups: int
) -> None:
    """Refuse shapes and dtypes that do not belong together."""
    shape, given = list(weight.shape), f"Given groups={groups}"
    if len(input.shape) != len(shape):
        raise Invalid(
            f"Expected {len(shape)}-dimensional input for {len(shape)}-dimensional weight {shape}, but got "
            f"{len(input.shape)}-dimensional input of size {list(input.shape)} instead"
        )
    if shape[0] < groups:
        least = f"expected weight to be at least {groups} at dimension 0"
        raise Invalid(f"{given}, {least}, but got weight of size {shape} instead")
    if shape[0] % groups:
        least = f"expected weight to be divisible by {groups} at dimension 0"
        raise Invalid(f"{given}, {least}, but got weight of size {shape} instead")
    channels = shape[0] if transposed else shape[1] * groups
    if input.shape[1] != channels:
        given = "Given transposed=1" if transposed else given
        raise Invalid(
            f"{given}, weight of size {shape}, expected input{list(input.shape)} to have {channels} "
            f"channels, but got {input.shape[1]} channels instead"
        )
    outputs = shape[1] * groups if transposed else shape[0]
    if bias is not None and tuple(bias.shape) != (outputs,):
        prefix = "transposed=1, " if transposed else ""
        raise Invalid(
            f"Given {prefix}weight of size {shape}, expected bias to be 1-dimensional with {outputs} "
            f"elements, but got bias of size {list(bias.shape)} instead"
        )
    for name, other in (("weight", weight), ("bias", bias)):
        if other is not None and other.dtype is not input.dtype:
            raise Invalid(
                f"Input type ({input.dtype.name}) and {name} type ({other.dtype.name}) should be the same",
                hint=f"convert one of them: {name}.to(input.dtype)",
            )
    if input.dtype is dtypes.bool_:
        raise Invalid("not implemented for Bool", kind=NotImplementedError)


def output_sizes(sizes: Sequence[int], kernel: Ints, stride: Ints, padding: Ints, dilation: Ints) -> Ints:
    """Spatial sizes of a convolution's output."""
    if any(k <= 0 for k in kernel):
        raise Invalid(f"kernel size should be greater than zero, but got {list(kernel)}")
    out_sizes = tuple(window_count(*each) for each in zip(sizes, kernel, stride, padding, dilation))
    if any(o < 1 for o in out_sizes):
        padded = [i + 2 * p for i, p in zip(sizes, padding)]
        extent = [d * (k - 1) + 1 for k, d in zip(kernel, dilation)]
        raise Invalid(
            f"Calculated padded input size per channel: ({joined(padded)}). Kernel size: ({joined(extent)}). "
            "Kernel size can't be greater than actual input size"
        )
    return out_sizes


def transposed_size(size: int, kernel: int, stride: int, padding: int, dilation: int, extra: int = 0) -> int:
    """Size of a transposed convolution's output in one dimension."""
    return (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1 + extra


def transposed_sizes(
    sizes: Sequence[int], kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, output_padding: Ints
) -> Ints:
    """Spatial sizes of a transposed convolution's output."""
    if any(k <= 0 for k in kernel):
        raise Invalid(f"kernel size should be greater than zero, but got {list(kernel)}")
    if any(o >= s and o >= d for o, s, d in zip(output_padding, stride, dilation)):
        raise Invalid(
            "output padding must be smaller than either stride or dilation, but got output_padding="
            f"{list(output_padding)}, stride={list(stride)}, dilation={list(dilation)}"
        )
    out_sizes = tuple(map(transposed_size, sizes, kernel, stride, padding, dilation, output_padding))
    if any(o < 1 for o in out_sizes):
        raise Invalid(
            f"Given input size per channel: ({joined(sizes)}). Calculated output size per channel: "
            f"({joined(out_sizes)}). Output size is too small"
        )
    return out_sizes


def primitive_errors(make: Make) -> list[Bad]:
    """What `torch.convolution` refuses, which has an argument more than the named ones."""
    x, w, one, zero = make(1, 3, 5), make(4, 3, 3), (1,), (0,)
    return [
        Bad(x, make(4, 2, 3), None, one, zero, one, False, zero, 1, match="to have 2 channels, but got 3"),
        Bad(make(3, 5), w, None, one, zero, one, False, zero, 1, match="Expected 3-dimensional input"),
        Bad(x, make(4, 3), None, one, zero, one, False, zero, 1, match="at least three dimensions"),
        Bad(x, w, None, zero, zero, one, False, zero, 1, match="non-positive stride is not supported"),
        Bad(x, w, None, (1, 1), zero, one, False, zero, 1, match="expected stride to be a single integer"),
        Bad(
            x,
            w,
            1,
            one,
            zero,
            one,
            False,
            zero,
            1,
            error=TypeError,
            match="'bias' .* must be Tensor, not int",
        ),
    ]


def conv_errors(n: int) -> Any:
    """What every convolution over n dimensions refuses."""

    def errors(make: Make) -> list[Bad]:
        x, w = make(1, 3, *[5] * n), make(4, 3, *[3] * n)
        few, large = make(4, 2, *[3] * n), make(4, 3, *[7] * n)
        half = make(4, 3, *[3] * n, dtype=dtypes.float16)
        return [
            Bad(x, few, match=r"groups=1, weight of size \[4, 2, .*to have 2 channels, but got 3"),
            Bad(make(3), w, match=rf"{n + 1}D \(unbatched\) or {n + 2}D \(batched\) input to conv{n}d"),
            Bad(x, make(4, 3), match="dimensional weight"),
            Bad(x, large, match="Kernel size can't be greater than actual input size"),
            Bad(x, w, make(5), match="expected bias to be 1-dimensional with 4 elements"),
            Bad(x, w, padding=-1, match="negative padding is not supported"),
            Bad(x, w, stride=0, match="non-positive stride is not supported"),
            Bad(x, w, dilation=0, match="dilation should be greater than zero"),
            Bad(x, w, groups=0, match="non-positive groups is not supported"),
            Bad(x, w, groups=3, match="expected weight to be divisible by 3 at dimension 0"),
            Bad(x, w, stride=[1] * (n + 1), match="expected stride to be a single integer value or a list"),
            Bad(x, w, stride=1.5, error=TypeError, match=r"'stride' .*must be tuple of ints, not float"),
            Bad(x, w, padding="same", stride=2, match="not supported for strided convolutions"),
            Bad(x, w, padding="full", match="Invalid padding string: 'full'"),
            Bad(x, half, match="weight type .* should be the same"),
            Bad(1, w, error=TypeError, match="argument 'input' .*must be Tensor, not int"),
        ]

    return errors


def transpose_errors(n: int) -> Any:
    """What every transposed convolution over n dimensions refuses."""

    def errors(make: Make) -> list[Bad]:
        x, w, other = make(1, 3, *[4] * n), make(3, 4, *[3] * n), make(4, 3, *[3] * n)
        small = "output padding must be smaller than either stride or dilation"
        return [
            Bad(x, other, match=r"Given transposed=1, weight of size .* to have 4 channels, but got 3"),
            Bad(x, w, make(3), match="expected bias to be 1-dimensional with 4 elements"),
            Bad(x, w, output_padding=1, match=small),
            Bad(x, w, stride=2, output_padding=-1, match="negative output_padding is not supported"),
            Bad(x, w, padding=9, match="Output size is too small"),
            Bad(x, w, groups=2, match="expected weight to be divisible by 2 at dimension 0"),
            Bad(x, w, padding="same", error=TypeError, match=r"'padding' .*must be tuple of ints, not str"),
            Bad(make(3), w, match="input to conv_transpose"),
        ]

    return errors
