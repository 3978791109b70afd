"""Convolutions with what often follows them, a residual and a ReLU, in the same kernel.

They appear under the names that PyTorch has for them, those of the library that it calls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid
from tritonnn.ops._definitions import windows as definitions
from tritonnn.ops._table import FLOATING, Bad, Out, Sample, composite, primitive
from tritonnn.ops.activation.backward import threshold_backward
from tritonnn.ops.convolution.convolution import convolution
from tritonnn.table import Make
from tritonnn.table.types import Count, IntOrInts, Number


def _backward(
    g: Tensor, input: Tensor, weight: Tensor, bias_shape: Any, alpha: Number, stride: Any, padding: Any,
    dilation: Any, groups: int, result: Tensor, needs: tuple,
) -> tuple:  # fmt: skip
    """Of all arguments: those of the convolution, for the gradient behind the ReLU."""
    g = threshold_backward(g, result, 0)
    formulas, none = convolution.op.grad, (0,) * len(stride)
    given: dict[str, Any] = dict(
        input=input, input_shape=input.shape, weight=weight, weight_shape=weight.shape,
        bias_shape=bias_shape, stride=stride, padding=padding, dilation=dilation,
        transposed=False, output_padding=none, groups=groups,
    )  # fmt: skip

    def of(name: str) -> Tensor:
        formula: Callable = formulas[name]
        names = formula.__code__.co_varnames[1 : formula.__code__.co_argcount]
        return formula(g, *[given[n] for n in names])

    grads = [of(name) if needed else None for name, needed in zip(("input", "weight", "bias"), needs)]
    return (*grads, g * alpha if needs[3] else None, *[None] * 5)


def _defined(input: Any, weight: Any, bias: Any, z: Any, alpha: Any, *geometry: Any) -> Any:
    """The definition in NumPy."""
    total = definitions.convolved(weight.ndim - 2, input, weight, bias, *geometry)
    return np.maximum(total if z is None else total + alpha * z, 0)


def _samples(make: Make) -> list[Sample]:
    one = (1, 1)
    return [
        Sample(make(2, 3, 5, 4), make(4, 3, 3, 2), make(4), make(2, 4, 3, 5), 0.5, (2, 1), one, one, 1),
        Sample(make(1, 4, 6), make(2, 2, 3), None, None, 1, (1,), (2,), (2,), 2),
        Sample(make(2, 2, 4, 4), make(4, 1, 3, 3), None, make(2, 4, 4, 4), 1, one, one, one, 2),
    ]


@primitive(
    dtypes=FLOATING, samples=_samples, backward=_backward,
    reference=lambda input, weight, bias, z, alpha, stride, padding, dilation, groups: (
        _defined(input, weight, bias, z, alpha, stride, padding, dilation, groups)
    ),
)  # fmt: skip
def convolution_relu(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    z: Tensor | None,
    alpha: Number,
    stride: IntOrInts,
    padding: IntOrInts,
    dilation: IntOrInts,
    groups: Count,
) -> Any:
    """relu(convolution + bias + alpha z), rounded once."""
    out, args = convolution.op.rule(input, weight, bias, stride, padding, dilation, False, 0, groups)
    if z is not None:
        if z.shape != out.shape or z.dtype is not out.dtype:
            raise Invalid(
                f"expected z to be {out.dtype.name} of size {list(out.shape)}, as the convolution's result, but got "
                f"{z.dtype.name} of size {list(z.shape)}"
            )
    stride, padding, dilation, _, _, groups = args[3:]
    strides = None if out.strides is None else out.strides
    if isinstance(alpha, complex):
        raise Invalid(f"expected alpha to be a real number, but got {alpha}")
    arguments = (input, weight, bias, z, float(alpha), stride, padding, dilation, groups)
    return Out(out.shape, out.dtype, strides=strides), arguments


def _errors(make: Make) -> list[Bad]:
    x, w, one, zero = make(1, 3, 5, 5), make(4, 3, 3, 3), (1, 1), (0, 0)
    few, large = make(4, 2, 3, 3), make(4, 3, 7, 7)
    return [
        Bad(x, few, None, one, zero, one, 1, match="to have 2 channels, but got 3"),
        Bad(x, large, None, one, zero, one, 1, match="Kernel size can't be greater than actual input size"),
        Bad(x, w, make(5), one, zero, one, 1, match="expected bias to be 1-dimensional with 4 elements"),
    ]


@composite(
    api="torch",
    dtypes=FLOATING,
    samples=lambda make: [
        Sample(make(2, 3, 5, 4), make(4, 3, 3, 2), make(4), (2, 1), (1, 1), (1, 1), 1),
        Sample(make(1, 4, 3, 6), make(2, 2, 1, 1), None, (1, 1), (0, 0), (1, 1), 2),
    ],
    reference=lambda input, weight, bias, stride, padding, dilation, groups: _defined(
        input, weight, bias, None, 1, stride, padding, dilation, groups
    ),
    errors=_errors,
)
def cudnn_convolution_relu(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: IntOrInts,
    padding: IntOrInts,
    dilation: IntOrInts,
    groups: Count,
) -> Tensor:
    """relu of a convolution of (N, C, *spatial), in one kernel on a GPU; on every device, with gradients.

    >>> import tritonnn as torch
    >>> x, w = torch.ones(1, 1, 1, 3), torch.tensor([[[[1., -3.]]]])
    >>> torch.cudnn_convolution_relu(x, w, torch.tensor([1.]), [1, 1], [0, 1], [1, 1], 1)[0, 0]
    tensor([[0., 0., 0., 2.]])
    """
    return convolution_relu(input, weight, bias, None, 1.0, stride, padding, dilation, groups)


@composite(
    api="torch",
    dtypes=FLOATING,
    samples=lambda make: [
        Sample(make(2, 3, 5, 4), make(4, 3, 3, 2), make(2, 4, 3, 5), 0.5, make(4), (2, 1), (1, 1), (1, 1), 1),
        Sample(make(1, 4, 3, 6), make(2, 2, 1, 1), make(1, 2, 3, 6), None, None, (1, 1), (0, 0), (1, 1), 2),
    ],
    reference=lambda input, weight, z, alpha, bias, stride, padding, dilation, groups: _defined(
        input, weight, bias, z, 1 if alpha is None else alpha, stride, padding, dilation, groups
    ),
    errors=lambda make: [
        Bad(
            make(1, 3, 5, 5), make(4, 3, 3, 3), make(1, 4, 5, 5), 1, None, (1, 1), (0, 0), (1, 1), 1,
            match=r"expected z to be .* of size \[1, 4, 3, 3\]",
        )
    ],
)  # fmt: skip
def cudnn_convolution_add_relu(
    input: Tensor,
    weight: Tensor,
    z: Tensor,
    alpha: Number | None,
    bias: Tensor | None,
    stride: IntOrInts,
    padding: IntOrInts,
    dilation: IntOrInts,
    groups: Count,
) -> Tensor:
    """relu(convolution + bias + alpha z), as residual blocks end, in one kernel on a GPU; alpha None is 1.

    >>> import tritonnn as torch
    >>> x, w, z = torch.ones(1, 1, 1, 2), torch.ones(1, 1, 1, 1), torch.tensor([[[[-3., 3.]]]])
    >>> torch.cudnn_convolution_add_relu(x, w, z, 1, None, [1, 1], [0, 0], [1, 1], 1)
    tensor([[[[0., 4.]]]])
    """
    factor = 1.0 if alpha is None else alpha
    return convolution_relu(input, weight, bias, z, factor, stride, padding, dilation, groups)
