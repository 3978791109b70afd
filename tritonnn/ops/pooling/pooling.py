"""The primitives of pooling: they work on the last dimensions of their input, as many as the window has.

Public functions check and normalise the arguments; see max_pool.py and avg_pool.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import Invalid
from tritonnn.memory_format import strides_in_format, strides_in_series
from tritonnn.ops._fused import no_slope
from tritonnn.ops._table import FLOATING, NUMERIC, Out, Sample, primitive
from tritonnn.ops.pooling._checks import check_dtype, window_counts
from tritonnn.table import Make
from tritonnn.table.types import Ints

AVERAGED = (*FLOATING, dtypes.int64)


def _gather(g: Tensor, indices: Tensor, n: int) -> Tensor:
    """The elements of planes, (..., *spatial), at flat positions in each plane."""
    split = len(g.shape) - n
    flat, where = g.flatten(split), indices.flatten(split)
    return flat.gather(-1, where).view(indices.shape)


def _pooled(
    input: Tensor,
    sizes: Sequence[int],
    dtype: DType | None = None,
    volumes: bool = False,
    series: bool = True,
) -> Out:
    """Planes of other sizes, in the input's memory format.

    That of volumes only maxima over windows keep; that of series all but maxima without their places.
    """
    shape = (*input.shape[: len(input.shape) - len(sizes)], *sizes)
    strides = strides_in_format(shape, input) if volumes or len(sizes) == 2 else None
    if len(sizes) == 1 and series:
        strides = strides_in_series(shape, input)
    return Out(shape, dtype or input.dtype, strides=strides)


# ---- maximum --------------------------------------------------------------------------------------------


def _max_samples(make: Make) -> list[Sample]:
    return [
        Sample(make(2, 3, 5, 6), (2, 3), (2, 1), (1, 1), (1, 1), False),
        Sample(make(1, 2, 7), (3,), (2,), (1,), (2,), True),
        Sample(make(2, 3, 4, 5), (2, 2, 2), (1, 2, 2), (0, 1, 0), (1, 1, 1), True),
        Sample(make(2, 40, 8, 8), (2, 2), (2, 2), (0, 0), (1, 1), False),
    ]


@primitive(
    dtypes=NUMERIC,
    samples=_max_samples,
    grad={
        "input": lambda g, input, result, kernel_size, stride, padding, dilation, ceil_mode: _max_pool_grad(
            g, input, result, kernel_size, stride, padding, dilation, ceil_mode
        )
    },
    renewable=True,
)
def max_pool(
    input: Tensor, kernel_size: Ints, stride: Ints, padding: Ints, dilation: Ints, ceil_mode: bool
) -> Any:
    """Maximum of every window."""
    check_dtype(input, NUMERIC)
    sizes = window_counts(input.shape, kernel_size, stride, padding, dilation, ceil_mode)
    return _pooled(input, sizes, volumes=True, series=False)


def _max_pool_grad(g: Tensor, input: Tensor, result: Tensor | None, *window: Any) -> Tensor:
    result = max_pool(input, *window) if result is None else result
    return no_slope(max_pool_backward(g, input, result, *window), input)


@primitive(
    samples=lambda make: [
        Sample(make(*max_pool(*sample.args).shape), sample.args[0], max_pool(*sample.args), *sample.args[1:])
        for sample in _max_samples(make)
    ],
    # Where the maxima are does not change with small steps: the op is linear in `grad` alone.
    grad={
        "grad": lambda g, input, kernel_size, stride, padding, dilation, ceil_mode: _gather(
            g,
            max_pool_with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)[1],
            len(kernel_size),
        )
    },
)
def max_pool_backward(
    grad: Tensor,
    input: Tensor,
    result: Tensor,
    kernel_size: Ints,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
    ceil_mode: bool,
) -> Any:
    """Gradient of `max_pool`: each window gives its gradient to the position that holds its maximum."""
    return Out(input.shape, grad.dtype, strides=strides_in_format(input.shape, input))


@primitive(
    dtypes=NUMERIC,
    results=("values", "indices"),
    non_differentiable=("indices",),
    samples=_max_samples,
    grad={
        "input": lambda g, input, indices, kernel_size, stride, padding, dilation: no_slope(
            max_pool_with_indices_backward(
                g, indices, tuple(input.shape[-len(stride) :]), kernel_size, stride, padding, dilation
            ),
            input,
        )
    },
)
def max_pool_with_indices(
    input: Tensor, kernel_size: Ints, stride: Ints, padding: Ints, dilation: Ints, ceil_mode: bool
) -> Any:
    """Maximum of every window, and its flat position in its plane (int64)."""
    check_dtype(input, NUMERIC)
    sizes = window_counts(input.shape, kernel_size, stride, padding, dilation, ceil_mode)
    return _pooled(input, sizes, volumes=True), _pooled(input, sizes, dtypes.int64, volumes=True)


def _indices_samples(make: Make) -> list[Sample]:
    samples = []
    for sample in _max_samples(make):
        input, window = sample.args[0], sample.args[1:5]
        indices = max_pool_with_indices(*sample.args)[1]
        samples.append(Sample(make(*indices.shape), indices, tuple(input.shape[-len(window[0]) :]), *window))
    return samples


@primitive(
    samples=_indices_samples,
    grad={"grad": lambda g, indices, input_size: _gather(g, indices, len(input_size))},
)
def max_pool_with_indices_backward(
    grad: Tensor,
    indices: Tensor,
    input_size: Ints,
    kernel_size: Ints,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
) -> Any:
    """Gradient of `max_pool_with_indices`: sums of `grad` by index."""
    return _pooled(grad, input_size)


@primitive(
    results=("values", "indices"),
    non_differentiable=("indices",),
    samples=lambda make: [
        Sample(make(2, 3, 5, 7), (3, 4)),
        Sample(make(2, 6), (3,)),
        Sample(make(2, 3, 4, 5), (2, 3, 1)),
    ],
    grad={
        "input": lambda g, input, indices, output_size: no_slope(
            adaptive_max_pool_backward(g, indices, tuple(input.shape[-len(output_size) :])), input
        )
    },
)
def adaptive_max_pool(input: Tensor, output_size: Ints) -> Any:
    """Maximum of every bin, and its flat position in its plane (int64)."""
    check_dtype(input, FLOATING)
    return _pooled(input, output_size), _pooled(input, output_size, dtypes.int64)


def _adaptive_samples(make: Make) -> list[Sample]:
    samples = []
    for shape, size in (((2, 3, 5, 7), (3, 4)), ((2, 6), (3,))):
        indices = adaptive_max_pool(make(*shape), size)[1]
        samples.append(Sample(make(*indices.shape), indices, shape[len(shape) - len(size) :]))
    return samples


@primitive(
    samples=_adaptive_samples,
    grad={"grad": lambda g, indices, input_size: _gather(g, indices, len(input_size))},
)
def adaptive_max_pool_backward(grad: Tensor, indices: Tensor, input_size: Ints) -> Any:
    """Gradient of `adaptive_max_pool`: sums of `grad` by index."""
    return _pooled(grad, input_size)


def _check_fractional(input: Tensor, kernel: Ints, size: Ints, samples: Tensor) -> None:
    n = len(kernel)
    batch = [1] * (n + 2 - len(input.shape)) + list(input.shape[: len(input.shape) - n])
    if list(samples.shape) != [*batch, n]:
        raise Invalid(f"Expect _random_samples of size {[*batch, n]}; got {list(samples.shape)}.")
    if samples.dtype is not input.dtype:
        raise Invalid(f"Expect _random_samples to have the same dtype as input: got {samples.dtype.name}")
    for i, (length, k, o) in enumerate(zip(input.shape[len(input.shape) - n :], kernel, size)):
        most = length if n == 2 else length - 1  # PyTorch's bound in three dimensions is one lower
        if o + k - 1 > most:
            axis = ("time", "height", "width")[3 - n + i]
            raise Invalid(f"pool {axis} {k} too large relative to input {axis} {length}")


@primitive(
    results=("values", "indices"),
    non_differentiable=("indices",),
    samples=lambda make: [
        Sample(make(2, 3, 6, 7), (2, 3), (3, 4), make(2, 3, 2, low=0, high=0.99)),
        Sample(make(3, 5, 6, 7), (2, 1, 3), (2, 4, 3), make(1, 3, 3, low=0, high=0.99)),
    ],
    grad={
        "input": lambda g, input, indices, kernel_size, samples: no_slope(
            fractional_max_pool_backward(
                g, indices, tuple(input.shape[-len(kernel_size) :]), kernel_size, samples
            ),
            input,
        )
    },
)
def fractional_max_pool(input: Tensor, kernel_size: Ints, output_size: Ints, samples: Tensor) -> Any:
    """Maxima of windows whose starts are spread at random, and their flat positions in their planes.

    Source: Graham, "Fractional Max-Pooling", 2014, overlapping windows.
    """
    check_dtype(input, FLOATING)
    _check_fractional(input, kernel_size, output_size, samples)
    shape = (*input.shape[: len(input.shape) - len(output_size)], *output_size)
    return Out(shape, input.dtype), Out(shape, dtypes.int64)  # row-major, as PyTorch's


@primitive(grad={"grad": lambda g, indices, input_size: _gather(g, indices, len(input_size))})
def fractional_max_pool_backward(
    grad: Tensor, indices: Tensor, input_size: Ints, kernel_size: Ints, samples: Tensor
) -> Any:
    """Gradient of `fractional_max_pool`: sums of `grad` by index."""
    return _pooled(grad, input_size)


# ---- mean -----------------------------------------------------------------------------------------------


def _avg_samples(make: Make) -> list[Sample]:
    return [
        Sample(make(2, 3, 5, 6), (2, 3), (2, 1), (1, 1), False, True, None),
        Sample(make(2, 3, 5, 6), (3, 3), (2, 2), (1, 1), True, False, None),
        Sample(make(1, 2, 7), (3,), (2,), (1,), True, True, None),
        Sample(make(2, 3, 4, 5), (2, 2, 2), (1, 2, 2), (0, 1, 0), True, True, 3),
    ]


def _avg_grad(
    g: Tensor,
    input: Tensor,
    kernel_size: Ints,
    stride: Ints,
    padding: Ints,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Tensor:
    size = tuple(input.shape[-len(stride) :])
    rest = (ceil_mode, count_include_pad, divisor_override)
    return no_slope(avg_pool_backward(g, size, kernel_size, stride, padding, *rest), input)


@primitive(dtypes=AVERAGED, samples=_avg_samples, grad={"input": _avg_grad})
def avg_pool(
    input: Tensor,
    kernel_size: Ints,
    stride: Ints,
    padding: Ints,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Any:
    """Sum of every window, divided by the size of the window or by `divisor_override`."""
    check_dtype(input, AVERAGED)
    one = (1,) * len(kernel_size)
    return _pooled(input, window_counts(input.shape, kernel_size, stride, padding, one, ceil_mode))


@primitive(
    samples=lambda make: [
        Sample(
            make(*avg_pool(*sample.args).shape),
            tuple(sample.args[0].shape[-len(sample.args[1]) :]),
            *sample.args[1:],
        )
        for sample in _avg_samples(make)
    ],
    grad={
        "grad": lambda g, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override: (
            avg_pool(g, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
        )
    },
)
def avg_pool_backward(
    grad: Tensor,
    input_size: Ints,
    kernel_size: Ints,
    stride: Ints,
    padding: Ints,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Any:
    """Gradient of `avg_pool`: each window spreads its share evenly."""
    return _pooled(grad, input_size)


def _adaptive_avg_grad(g: Tensor, input: Tensor, output_size: Ints) -> Tensor:
    grad = adaptive_avg_pool_backward(g, tuple(input.shape[-len(output_size) :]))
    # the mean of all is linear in PyTorch's graph too
    return grad if set(output_size) == {1} else no_slope(grad, input)


@primitive(
    samples=lambda make: [
        Sample(make(2, 3, 5, 7), (3, 4)),
        Sample(make(2, 6), (3,)),
        Sample(make(2, 3, 4, 5), (2, 3, 1)),
        Sample(make(2, 3, 4, 5), (1, 1)),
    ],
    grad={"input": _adaptive_avg_grad},
)
def adaptive_avg_pool(input: Tensor, output_size: Ints) -> Any:
    """Mean of every bin."""
    check_dtype(input, FLOATING)
    return _pooled(input, output_size)


@primitive(
    samples=lambda make: [Sample(make(2, 3, 3, 4), (5, 7)), Sample(make(2, 3), (6,))],
    grad={
        "grad": lambda g, grad_shape, input_size: adaptive_avg_pool(g, tuple(grad_shape[-len(input_size) :]))
    },
)
def adaptive_avg_pool_backward(grad: Tensor, input_size: Ints) -> Any:
    """Gradient of `adaptive_avg_pool`: each bin spreads its share evenly."""
    return _pooled(grad, input_size)
