"""Transposed convolutions in 1 to 3 dimensions."""

from __future__ import annotations

from tritonnn._tensor import Tensor
from tritonnn.ops._definitions import windows as definitions
from tritonnn.ops._table import FLOATING_AND_COMPLEX, Sample, composite, made
from tritonnn.ops.convolution._checks import transpose_errors
from tritonnn.ops.convolution.convolution import run_convolution
from tritonnn.table.types import Count, IntOrInts


@composite(
    api="torch functional",
    dtypes=FLOATING_AND_COMPLEX,
    errors=transpose_errors(1),
    samples=lambda make: [
        Sample(make(2, 3, 4), make(3, 4, 3), make(4), stride=2, padding=1, output_padding=1),
        Sample(make(4, 5), make(4, 2, 2), groups=2),
        Sample(make(1, 2, 4), make(2, 3, 3), output_padding=1, dilation=2),
    ],
    reference=made(definitions.conv_transpose, 1),
)
def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: IntOrInts = 1,
    padding: IntOrInts = 0,
    output_padding: IntOrInts = 0,
    groups: Count = 1,
    dilation: IntOrInts = 1,
) -> Tensor:
    """Transposed convolution along one dimension: the gradient of `conv1d` in its input.

    out[n, c, i·stride + t·dilation - padding] += weight[j, c, t] · input[n, j, i], plus bias[c].
    Output length (L - 1)·stride - 2·padding + dilation·(k - 1) + output_padding + 1.

    Args:
        input: (N, C_in, L) or (C_in, L).
        weight: (C_in, C_out / groups, k).
        bias: (C_out).
        output_padding: added to the output length, to tell apart inputs that `conv1d` maps to one length.

    >>> import tritonnn as torch
    >>> torch.conv_transpose1d(torch.tensor([[[1., 2.]]]), torch.tensor([[[1., 1., 1.]]]), stride=2)
    tensor([[[1., 1., 3., 2., 2.]]])
    """
    name, way = "conv_transpose1d", (True, output_padding)
    return run_convolution(name, 1, input, weight, bias, stride, padding, dilation, groups, *way)


@composite(
    api="torch functional",
    dtypes=FLOATING_AND_COMPLEX,
    errors=transpose_errors(2),
    samples=lambda make: [
        Sample(make(2, 3, 3, 4), make(3, 4, 3, 2), make(4), stride=(2, 1), padding=1, output_padding=(1, 0)),
        Sample(make(2, 4, 3, 3), make(4, 1, 3, 3), make(4), stride=2, groups=4),
        Sample(make(4, 3, 3), make(4, 2, 2, 2), groups=2, dilation=2),
        Sample(make(1, 3, 4, 4), make(3, 2, 3, 3), padding=2),
    ],
    reference=made(definitions.conv_transpose, 2),
)
def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: IntOrInts = 1,
    padding: IntOrInts = 0,
    output_padding: IntOrInts = 0,
    groups: Count = 1,
    dilation: IntOrInts = 1,
) -> Tensor:
    """Transposed convolution over two dimensions: the gradient of `conv2d` in its input.

    See `conv_transpose1d`.

    >>> import tritonnn as torch
    >>> torch.conv_transpose2d(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 2))
    tensor([[[[1., 2., 1.],
              [2., 4., 2.],
              [1., 2., 1.]]]])
    """
    name, way = "conv_transpose2d", (True, output_padding)
    return run_convolution(name, 2, input, weight, bias, stride, padding, dilation, groups, *way)


@composite(
    api="torch functional",
    dtypes=FLOATING_AND_COMPLEX,
    errors=transpose_errors(3),
    samples=lambda make: [
        Sample(make(1, 2, 2, 3, 2), make(2, 3, 2, 2, 3), make(3), stride=(2, 1, 1), padding=(0, 1, 1)),
        Sample(make(2, 2, 2, 2), make(2, 1, 1, 2, 2), stride=2, groups=2),
    ],
    reference=made(definitions.conv_transpose, 3),
)
def conv_transpose3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: IntOrInts = 1,
    padding: IntOrInts = 0,
    output_padding: IntOrInts = 0,
    groups: Count = 1,
    dilation: IntOrInts = 1,
) -> Tensor:
    """Transposed convolution over three dimensions: the gradient of `conv3d` in its input.

    See `conv_transpose1d`.

    >>> import tritonnn as torch
    >>> torch.conv_transpose3d(torch.ones(1, 1, 1, 1, 1), torch.ones(1, 2, 2, 2, 2), stride=2).shape
    torch.Size([1, 2, 2, 2, 2])
    """
    name, way = "conv_transpose3d", (True, output_padding)
    return run_convolution(name, 3, input, weight, bias, stride, padding, dilation, groups, *way)
