"""Integrals and derivatives of sampled functions: trapezoid, cumulative_trapezoid, gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.ops._arguments import dimension, tensors_only
from tritonnn.ops._table import FLOATING, Bad, Sample, composite
from tritonnn.ops.joining.joining import cat
from tritonnn.ops.scan.scan import cumsum
from tritonnn.ops.shape.parts import slice_dim
from tritonnn.shape import as_dims
from tritonnn.table import Make
from tritonnn.table.arguments import is_number


def _check_samples(op: str, y: Tensor, x: Tensor | None, dx: Any) -> None:
    tensors_only(op, y=y)
    if not (dx is None or is_number(dx)):
        raise fail(op, f"argument 'dx' must be Number, not {type(dx).__name__}", kind=TypeError, y=y)
    if x is not None:
        tensors_only(op, x=x)


def _panels(op: str, y: Tensor, x: Tensor | None, dx: Any, dim: int) -> Tensor:
    """Areas of the trapezoids between neighbouring samples."""
    if x is not None and dx is not None:
        raise fail(op, "expected either x or dx, got both", kind=TypeError, y=y, x=x)
    if (
        x is not None
        and len(x.shape) != 1
        and not (len(x.shape) == len(y.shape) and x.shape[dim] in (1, y.shape[dim]))
    ):
        raise fail(op, "expected x of one dimension, or of the shape of y", y=y, x=x)
    count = y.shape[dim] - 1
    if count < 1:
        return slice_dim(y, dim, 0, 0, 1)
    total = slice_dim(y, dim, 1, count, 1) + slice_dim(y, dim, 0, count, 1)
    if x is None:
        return total * (0.5 * (1 if dx is None else dx))
    if len(x.shape) == 1:
        if x.shape[0] != count + 1:
            raise fail(
                op,
                f"There must be one `x` value for each sample point: {x.shape[0]} and {count + 1}",
                y=y,
                x=x,
            )
        step = (slice_dim(x, 0, 1, count, 1) - slice_dim(x, 0, 0, count, 1)).reshape(
            [-1 if d == dim else 1 for d in range(len(y.shape))]
        )
    else:
        step = slice_dim(x, dim - len(y.shape) + len(x.shape), 1, count, 1)
        step = step - slice_dim(x, dim - len(y.shape) + len(x.shape), 0, count, 1)
    return total * step * 0.5


def _samples(make: Make) -> list[Sample]:
    return [
        Sample(make(5)), Sample(make(3, 4), dx=0.5), Sample(make(3, 4), make(3), dim=0), Sample(make(3, 4), make(3, 4)),
        Sample(make(3, 1)),
    ]  # fmt: skip


def _errors(make: Make) -> list[Bad]:
    return [
        Bad(make(3), make(3), dx=1.0, error=TypeError, match="either x or dx"),
        Bad(make(3), make(2), match="one `x` value for each"),
        Bad("a", error=TypeError, match="'y' .*must be Tensor"),
        Bad(make(3), 1, error=TypeError, match="'x' .*must be"),
        Bad(make(3), dim=1, error=IndexError, match="Dimension out of range"),
    ]  # fmt: skip


def _cumulative(y: Any, x: Any, dx: Any, dim: int) -> Any:
    """The definition in NumPy: the integrals of every beginning."""
    y = np.moveaxis(y, dim, -1)
    x = x if x is None or x.ndim == 1 else np.moveaxis(x, dim, -1)
    ends = range(2, y.shape[-1] + 1)
    integrals = [
        np.trapezoid(y[..., :end], None if x is None else x[..., :end], 1 if dx is None else dx)
        for end in ends
    ]
    return np.moveaxis(np.stack(integrals, -1), -1, dim) if integrals else np.moveaxis(y[..., :0], -1, dim)


def _gradient(input: Any, spacing: Any, dim: Any, edge_order: Any) -> list:
    """The definition in NumPy."""
    dims = list(range(input.ndim)) if dim is None else [dim] if isinstance(dim, int) else dim
    spacing = 1 if spacing is None else spacing
    steps = spacing if isinstance(spacing, list) else [spacing] * len(dims)
    return [
        np.gradient(input, step, axis=d, edge_order=edge_order) for d, step in zip(dims, steps, strict=True)
    ]


@composite(
    api="torch",
    alias=("trapz",),
    dtypes=FLOATING,
    samples=_samples,
    errors=_errors,
    reference=lambda y, x, dx, dim: np.trapezoid(y, x, 1 if dx is None else dx, dim),
)
def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The integral of samples along `dim` by the trapezoidal rule.

    Args:
        x: where the samples were taken: a vector, or of the shape of `y`.
        dx: distance between samples, instead of `x` (default 1).

    >>> import tritonnn as torch
    >>> torch.trapezoid(torch.tensor([1., 5., 10.]))
    tensor(10.5000)
    """
    _check_samples("trapezoid", y, x, dx)
    dim = dimension("trapezoid", y, dim)
    if x is None and y.shape[dim]:  # as PyTorch adds up, to which the ends' infinities count once too often
        ends = slice_dim(y, dim, 0, 1, 1) + slice_dim(y, dim, y.shape[dim] - 1, 1, 1)
        return (y.sum(dim) - ends.sum(dim) * 0.5) * (1 if dx is None else dx)
    return _panels("trapezoid", y, x, dx, dim).sum(dim)


@composite(api="torch", dtypes=FLOATING, samples=_samples, errors=_errors, reference=_cumulative)
def cumulative_trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The running integral of samples along `dim` by the trapezoidal rule, one element shorter than `y`.

    >>> import tritonnn as torch
    >>> torch.cumulative_trapezoid(torch.tensor([1., 5., 10.]))
    tensor([ 3.0000, 10.5000])
    """
    _check_samples("cumulative_trapezoid", y, x, dx)
    dim = dimension("cumulative_trapezoid", y, dim)
    return cumsum(_panels("cumulative_trapezoid", y, x, dx, dim), dim)


def _edge(ys: Sequence[Tensor], h0: Any, h1: Any) -> Tensor:
    """The derivative at the first of three samples, of second order."""
    a, b, c = ys
    return -(2 * h0 + h1) / (h0 * (h0 + h1)) * a + (h0 + h1) / (h0 * h1) * b - h0 / (h1 * (h0 + h1)) * c


def _uneven(a: Tensor, b: Tensor, c: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """The derivative in the middle of three samples at distances `left` and `right`."""
    ends = c * (left / (right * (left + right))) - a * (right / (left * (left + right)))
    return ends + b * ((right - left) / (left * right))


def _along(input: Tensor, dim: int, spacing: Any, edge_order: int) -> Tensor:
    n = input.shape[dim]

    def part(start: int, length: int, source: Tensor = input, d: int = dim) -> Tensor:
        return slice_dim(source, d, start, length, 1)

    if not (isinstance(spacing, Tensor) or is_number(spacing)):
        text = (
            f"argument 'spacing' must be a number, a Tensor or a list of them, not {type(spacing).__name__}"
        )
        raise fail("gradient", text, kind=TypeError, input=input)
    if isinstance(spacing, Tensor) and spacing.shape:
        if spacing.shape != (n,):
            raise fail(
                "gradient", f"expected {n} coordinates for dimension {dim}", input=input, spacing=spacing
            )
        shape = [-1 if d == dim else 1 for d in range(len(input.shape))]
        steps = (part(1, n - 1, spacing, 0) - part(0, n - 1, spacing, 0)).reshape(shape)
        left, right = part(0, n - 2, steps), part(1, n - 2, steps)
        first, last = (
            (part(0, 1, steps), part(min(1, n - 2), 1, steps)),
            (part(n - 2, 1, steps), part(max(n - 3, 0), 1, steps)),
        )
    else:
        left = right = spacing
        first = last = (spacing, spacing)
    if left is right:  # the sample in the middle has no part in it, so that its NaN stays where it is
        inner = (part(2, n - 2) - part(0, n - 2)) / (2 * left)
    else:
        inner = _uneven(part(0, n - 2), part(1, n - 2), part(2, n - 2), left, right)
    if edge_order == 1:
        begin, end = (part(1, 1) - part(0, 1)) / first[0], (part(n - 1, 1) - part(n - 2, 1)) / last[0]
    else:
        begin = _edge([part(k, 1) for k in (0, 1, 2)], *first)
        end = -_edge([part(n - 1 - k, 1) for k in (0, 1, 2)], *last)
    return cat([begin, inner, end], dim)


@composite(
    api="torch", dtypes=FLOATING,
    samples=lambda make: [
        Sample(make(5)), Sample(make(4, 5), spacing=0.5), Sample(make(4, 5), dim=0, edge_order=2),
        Sample(make(4, 5), spacing=(2.0, 0.5)),
    ],
    errors=lambda make: [
        Bad(make(5), edge_order=3, match="edge_order"), Bad(make(2), edge_order=2, match="at least edge_order"),
    ],
    reference=_gradient,
)  # fmt: skip
def gradient(input: Tensor, *, spacing: Any = None, dim: Any = None, edge_order: int = 1) -> list[Tensor]:
    """The derivative along each dimension by second-order differences, one tensor per dimension.

    Args:
        spacing: the distance between samples, one number for all dimensions or a list of numbers or of
            vectors of coordinates, one for each.
        dim: the dimensions; default: all.
        edge_order: 1 or 2, the order of the differences at the ends.

    >>> import tritonnn as torch
    >>> torch.gradient(torch.tensor([1., 4., 9., 16.]))
    [tensor([3., 4., 6., 7.])]
    """
    if edge_order not in (1, 2):
        raise fail(
            "gradient",
            f"torch.gradient only supports edge_order=1 and edge_order=2, got {edge_order}",
            input=input,
        )
    chosen = range(len(input.shape)) if dim is None else as_dims(dim)
    dims = [dimension("gradient", input, d) for d in chosen]
    spacing = 1 if spacing is None else spacing
    several = isinstance(spacing, (list, tuple))
    if several and len(spacing) != len(dims):
        raise fail(
            "gradient",
            f"expected spacing for each of {len(dims)} dimensions, got {len(spacing)}",
            input=input,
        )
    if input.dtype.kind < 2:
        input = input.to(dtypes.get_default_dtype())
    derivatives = []
    for position, d in enumerate(dims):
        if input.shape[d] < edge_order + 1:
            raise fail("gradient", "expected each dimension size to be at least edge_order+1", input=input)
        derivatives.append(_along(input, d, spacing[position] if several else spacing, edge_order))
    return derivatives
