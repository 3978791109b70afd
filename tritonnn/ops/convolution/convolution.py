"""Convolutions in 1 to 3 dimensions.

Convolution, transposed convolution and the gradient of the weight are each other's derivatives, so two
primitives serve every order of differentiation.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid, complete, fail
from tritonnn.memory_format import strides_in_format, strides_in_series
from tritonnn.ops._arguments import tensors_only
from tritonnn.ops._definitions import windows as definitions
from tritonnn.ops._table import FLOATING_AND_COMPLEX, Bad, Out, Sample, composite, made, primitive
from tritonnn.ops.convolution._checks import (
    Operand,
    check_geometry,
    check_operands,
    conv_errors,
    output_sizes,
    primitive_errors,
    spatial,
    transposed_size,
    transposed_sizes,
)
from tritonnn.ops.elementwise.elementwise import conjugate
from tritonnn.ops.padding import constant_pad_nd
from tritonnn.ops.shape.parts import slice_dim
from tritonnn.ops.shape.shape import permute_dims, squeeze_dims, unsqueeze
from tritonnn.shape import Size
from tritonnn.table import Make
from tritonnn.table.types import Count, IntOrInts, Ints


def _conj(x: Tensor) -> Tensor:
    return conjugate(x)


def _cropped(x: Tensor, sizes: Sequence[int]) -> Tensor:
    """Without what spatial dimensions have beyond `sizes`: output_padding can add windows to the way back."""
    for dim, size in enumerate(sizes, start=2):
        if x.shape[dim] > size:
            x = slice_dim(x, dim, 0, size, 1)
    return x


def _toward_input(
    g: Tensor,
    weight: Tensor,
    sizes: Sequence[int],
    stride: Ints,
    padding: Ints,
    dilation: Ints,
    transposed: bool,
    groups: int,
) -> Tensor:
    """The transpose of a (transposed) convolution in its input, applied to `g`; `sizes` are the input's."""
    weight, none = _conj(weight), (0,) * len(stride)
    if transposed:
        return _cropped(convolution(g, weight, None, stride, padding, dilation, False, none, groups), sizes)
    least = map(transposed_size, g.shape[2:], weight.shape[2:], stride, padding, dilation)
    extra = tuple([size - low for size, low in zip(sizes, least)])
    return convolution(g, weight, None, stride, padding, dilation, True, extra, groups)


def _toward_weight(
    g: Tensor,
    input: Tensor,
    kernel: Sequence[int],
    stride: Ints,
    padding: Ints,
    dilation: Ints,
    transposed: bool,
    groups: int,
) -> Tensor:
    """The gradient of a (transposed) convolution in its weight."""
    small, large = (_conj(input), g) if transposed else (g, _conj(input))
    return convolution_weight_grad(small, large, tuple(kernel), stride, padding, dilation, groups)


def _primitive_samples(make: Make) -> list[Sample]:
    one, cube = (1, 1), make(1, 2, 3, 3, 4)
    return [
        Sample(make(2, 3, 5, 4), make(4, 3, 3, 2), make(4), (2, 1), one, one, False, (0, 0), 1),
        Sample(make(2, 4, 3, 4), make(4, 3, 3, 2), make(6), (2, 2), one, one, True, (1, 0), 2),
        Sample(make(1, 4, 6), make(2, 2, 3), None, (1,), (2,), (2,), False, (0,), 2),
        Sample(cube, make(3, 2, 2, 1, 3), make(3), (1, 2, 1), (0, 1, 1), (1,), False, (0,), 1),
    ]


@primitive(
    api="torch",
    dtypes=FLOATING_AND_COMPLEX,
    samples=_primitive_samples,
    grad={
        "input": lambda g, input_shape, weight, stride, padding, dilation, transposed, groups: (
            _toward_input(g, weight, input_shape[2:], stride, padding, dilation, transposed, groups)
            if g.shape[1]
            else g.new_zeros(input_shape)
        ),
        "weight": lambda g, input, weight_shape, stride, padding, dilation, transposed, groups: (
            _toward_weight(g, input, weight_shape[2:], stride, padding, dilation, transposed, groups)
            if g.shape[1]
            else g.new_zeros(weight_shape)
        ),
        "bias": lambda g, bias_shape: (
            g.sum((0, *range(2, len(g.shape)))) if g.shape[1] else g.new_zeros(bias_shape)
        ),
    },
    reference=definitions.convolution,
    errors=primitive_errors,
)
def convolution(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: IntOrInts,
    padding: IntOrInts,
    dilation: IntOrInts,
    transposed: bool,
    output_padding: IntOrInts,
    groups: Count,
) -> Any:
    """Convolution or transposed convolution of a batch (N, C, *spatial), in the dimensions that `weight` has.

    >>> import tritonnn as torch
    >>> x, w = torch.ones(1, 1, 4), torch.ones(1, 1, 2)
    >>> torch.convolution(x, w, None, [2], [0], [1], False, [0], 1)
    tensor([[[2., 2.]]])
    """
    operands = [None if t is None else Operand(t.shape, t.dtype) for t in (input, weight, bias)]
    geometry = (stride, padding, dilation, transposed, output_padding, groups)
    shape, geometry = _plan(*operands, *[tuple(v) if v.__class__ is list else v for v in geometry])
    # of series PyTorch looks at the weight alone
    strides = strides_in_series(shape, weight) if len(shape) == 3 else strides_in_format(shape, input, weight)
    return Out(shape, input.dtype, strides=strides), (input, weight, bias, *geometry)


@lru_cache(maxsize=1024, typed=True)
def _plan(
    input: Operand,
    weight: Operand,
    bias: Operand | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    output_padding: Any,
    groups: int,
) -> tuple[Size, tuple]:
    """Check shapes and dtypes; the shape of the output and the arguments behind the tensors, normalised."""
    before, shape = input.shape, weight.shape
    n = len(shape) - 2
    if n < 1:
        raise Invalid(f"weight should have at least three dimensions, got {list(shape)}")
    transposed, groups = bool(transposed), int(groups)
    stride, padding = spatial("stride", stride, n), spatial("padding", padding, n)
    dilation, extra = spatial("dilation", dilation, n), spatial("output_padding", output_padding, n)
    check_geometry(stride, padding, dilation, extra, groups)
    check_operands(input, weight, bias, transposed, groups)
    if transposed:
        channels = shape[1] * groups
        sizes = transposed_sizes(before[2:], tuple(shape[2:]), stride, padding, dilation, extra)
    else:
        channels = shape[0] if before[1] else 0  # of no channels PyTorch makes none
        sizes = output_sizes(before[2:], tuple(shape[2:]), stride, padding, dilation)
    return Size((before[0], channels, *sizes)), (stride, padding, dilation, transposed, extra, groups)


@primitive(
    dtypes=FLOATING_AND_COMPLEX,
    samples=lambda make: [
        Sample(make(2, 4, 3, 5), make(2, 3, 5, 4), (3, 2), (2, 1), (1, 1), (1, 1), 1),
        Sample(make(2, 4, 3), make(2, 6, 6), (3,), (2,), (1,), (1,), 2),
    ],
    grad={
        "grad": lambda g, grad_shape, input, stride, padding, dilation, groups: _cropped(
            convolution(_conj(input), g, None, stride, padding, dilation, False, (0,), groups), grad_shape[2:]
        ),
        "input": lambda g, grad, input_shape, stride, padding, dilation, groups: _toward_input(
            _conj(grad), _conj(g), input_shape[2:], stride, padding, dilation, False, groups
        ),
    },
)
def convolution_weight_grad(
    grad: Tensor,
    input: Tensor,
    kernel_size: Ints,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
    groups: int,
) -> Any:
    """Gradient of `convolution` (not transposed) in its weight, for an output gradient `grad`."""
    shape = (grad.shape[1], input.shape[1] // groups, *kernel_size)
    return Out(shape, grad.dtype, strides=strides_in_format(shape, grad, input))


def run_convolution(
    name: str,
    n: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: IntOrInts,
    padding: str | IntOrInts,
    dilation: IntOrInts,
    groups: int,
    transposed: bool = False,
    output_padding: IntOrInts = 0,
) -> Tensor:
    """Check as `name`, the public function over n dimensions, then call the primitive."""
    try:
        batch = _batched(name, input, weight, n)
        if isinstance(padding, str) and not transposed:
            batch, padding = _named_padding(batch, weight, padding, stride, dilation)
        args: Any = (batch, weight, bias, stride, padding, dilation, transposed, output_padding, groups)
        try:
            output = convolution(*args)
        except Exception:
            convolution.op.rule(*args)  # what it refuses is to carry the name of the public function
            raise
    except Invalid as invalid:
        raise complete(name, ("input", "weight", "bias"), (input, weight, bias), invalid) from None
    return output if len(input.shape) == n + 2 else squeeze_dims(output, (0,))


def _batched(name: str, input: Tensor, weight: Tensor, n: int) -> Tensor:
    """The input with a batch dimension."""
    for label, value in (("input", input), ("weight", weight)):
        if not isinstance(value, Tensor):
            raise TypeError(f"{name}(): argument '{label}' must be Tensor, not {type(value).__name__}")
    if len(weight.shape) != n + 2:
        raise Invalid(f"Expected {n + 2}-dimensional weight, but got weight of size: {list(weight.shape)}")
    if len(input.shape) == n + 1:
        return unsqueeze(input, 0)
    if len(input.shape) != n + 2:
        raise Invalid(
            f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to {name}, but got input of size: "
            f"{list(input.shape)}"
        )
    return input


def _named_padding(
    batch: Tensor, weight: Tensor, padding: str, stride: IntOrInts, dilation: IntOrInts
) -> tuple[Tensor, Ints]:
    """Padding 'valid' (none) or 'same' (the output has the input's size); an odd rest goes to the right."""
    n = len(weight.shape) - 2
    if padding == "valid":
        return batch, (0,) * n
    if padding != "same":
        raise Invalid(f"Invalid padding string: '{padding}'", hint="use 'same', 'valid' or numbers")
    if any(s != 1 for s in spatial("stride", stride, n)):
        raise Invalid("padding='same' is not supported for strided convolutions")
    totals = [d * (k - 1) for k, d in zip(weight.shape[2:], spatial("dilation", dilation, n))]
    if any(total % 2 for total in totals):
        margins = [side for total in reversed(totals) for side in (0, total % 2)]
        batch = constant_pad_nd(batch, tuple(margins))
    return batch, tuple([total // 2 for total in totals])


@composite(
    api="torch functional",
    dtypes=FLOATING_AND_COMPLEX,
    errors=conv_errors(1),
    samples=lambda make: [
        Sample(make(2, 3, 7), make(4, 3, 3), make(4), stride=2, padding=1),
        Sample(make(4, 6), make(2, 2, 2), groups=2),
        Sample(make(1, 2, 6), make(3, 2, 4), padding="same"),
        Sample(make(0, 2, 5), make(3, 2, 2)),
    ],
    reference=made(definitions.conv, 1),
)
def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: IntOrInts = 1,
    padding: str | IntOrInts = 0,
    dilation: IntOrInts = 1,
    groups: Count = 1,
) -> Tensor:
    """Cross-correlation along one dimension.

    out[n, c, o] = bias[c] + Σ_i Σ_t weight[c, i, t] · input[n, i, o·stride + t·dilation - padding]

    Args:
        input: (N, C_in, L) or (C_in, L).
        weight: (C_out, C_in / groups, k).
        bias: (C_out).
        padding: zeros on both sides, or 'valid' (none), or 'same' (output length L, stride 1 only).
        groups: channels are split into so many groups that do not see each other.

    >>> import tritonnn as torch
    >>> torch.conv1d(torch.tensor([[[1., 2., 3., 4.]]]), torch.tensor([[[1., -1.]]]))
    tensor([[[-1., -1., -1.]]])
    """
    return run_convolution("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


@composite(
    api="torch functional",
    dtypes=FLOATING_AND_COMPLEX,
    errors=conv_errors(2),
    samples=lambda make: [
        Sample(make(2, 3, 5, 6), make(4, 3, 3, 3), make(4), padding=1),
        Sample(make(2, 4, 5, 6), make(8, 1, 3, 2), make(8), stride=(2, 1), padding=(1, 0), groups=4),
        Sample(make(3, 6, 5), make(2, 3, 2, 3), dilation=(2, 1), padding="same"),
        Sample(make(2, 5, 4, 4), make(3, 5, 1, 1), stride=2),
        Sample(make(1, 17, 9, 30), make(18, 17, 3, 3), make(18)),
        Sample(make(0, 3, 5, 5), make(4, 3, 3, 3), make(4)),
    ],
    reference=made(definitions.conv, 2),
)
def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: IntOrInts = 1,
    padding: str | IntOrInts = 0,
    dilation: IntOrInts = 1,
    groups: Count = 1,
) -> Tensor:
    """Cross-correlation over two dimensions: input (N, C_in, H, W), weight (C_out, C_in / groups, kH, kW).

    The formula is that of `conv1d`, summed over both dimensions of the kernel. Output height
    ⌊(H + 2·padding - dilation·(kH - 1) - 1) / stride⌋ + 1, and likewise the width.

    >>> import tritonnn as torch
    >>> torch.conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 3, 3), padding=1)
    tensor([[[[4., 6., 4.],
              [6., 9., 6.],
              [4., 6., 4.]]]])
    """
    return run_convolution("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


@composite(
    api="torch functional",
    dtypes=FLOATING_AND_COMPLEX,
    errors=conv_errors(3),
    samples=lambda make: [
        Sample(make(1, 2, 4, 3, 4), make(3, 2, 2, 3, 2), make(3), stride=(1, 1, 2), padding=1),
        Sample(make(4, 3, 3, 3), make(4, 2, 2, 2, 2), groups=2),
    ],
    reference=made(definitions.conv, 3),
)
def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: IntOrInts = 1,
    padding: str | IntOrInts = 0,
    dilation: IntOrInts = 1,
    groups: Count = 1,
) -> Tensor:
    """Cross-correlation over three dimensions: (N, C_in, D, H, W) with (C_out, C_in / groups, kD, kH, kW).

    >>> import tritonnn as torch
    >>> torch.conv3d(torch.ones(1, 2, 3, 4, 5), torch.ones(1, 2, 3, 4, 5))
    tensor([[[[[120.]]]]])
    """
    return run_convolution("conv3d", 3, input, weight, bias, stride, padding, dilation, groups)


@composite(
    api="torch functional",
    dtypes=FLOATING_AND_COMPLEX,
    samples=lambda make: [Sample(make(5, 2, 3), make(3, 3, 4), make(4), 1)],
    errors=lambda make: [
        Bad("a", make(3, 3, 4), make(4), error=TypeError, match="'input' .*must be Tensor, not str"),
        Bad(make(5, 2), make(3, 3, 4), make(4), match="must have 3 dims: time, batch, in_channel"),
    ],
    reference=definitions.conv_tbc,
)
def conv_tbc(input: Tensor, weight: Tensor, bias: Tensor, pad: int = 0) -> Tensor:
    """Convolution of sequences laid out (time, batch, channels), with weight (k, C_in, C_out).

    >>> import tritonnn as torch
    >>> torch.conv_tbc(torch.ones(4, 1, 1), torch.ones(2, 1, 1), torch.zeros(1)).flatten()
    tensor([2., 2., 2.])
    """
    expected = {"input": "time, batch, in_channel", "weight": "kernel, in_channel, out_channel"}
    for name, value in (("input", input), ("weight", weight)):
        tensors_only("conv_tbc", **{name: value})
        if len(value.shape) != 3:
            text = f"{name} must have 3 dims: {expected[name]}, got {len(value.shape)}D"
            raise fail("conv_tbc", text, input=input, weight=weight)
    series, kernel = permute_dims(input, (1, 2, 0)), permute_dims(weight, (2, 1, 0))
    return permute_dims(conv1d(series, kernel, bias, padding=pad), (2, 0, 1)).contiguous()
