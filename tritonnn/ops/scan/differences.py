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
from tritonnn.table.arguments import is_number, plain_number
from tritonnn.table.types import Dims, Number


def _check_samples(op: str, y: Tensor, x: Tensor | None, dx: Any) -> None:
    tensors_only(op, y=y)
    if not (dx is None or is_number(dx)):
        raise fail(op, f"argument 'dx' must be Number, not {type(dx).__name__}", kind=TypeError, y=y)
    if x is not None:
        tensors_only(op, x=x)
    for name, tensor in (("y", y), ("x", x)):
        if tensor is not None and tensor.dtype is dtypes.bool_:
            raise fail(op, f"received a bool input for `{name}`, but bool is not supported", y=y, x=x)
    if isinstance(dx, (bool, complex)):
        raise fail(op, f"dx must be a real number, got {dx}", y=y)


def _panels(op: str, y: Tensor, x: Tensor | None, dx: Any, dim: int) -> Tensor:
    """Areas of the trapezoids between neighbouring samples."""
    if x is not None and dx is not None:
        raise fail(op, "expected either x or dx, got both", kind=TypeError, y=y, x=x)
    count = y.shape[dim] - 1
    if count < 1:
        none = slice_dim(y, dim, 0, 0, 1) * 0.5
        return none if x is None else none.to(dtypes.promote_types(none.dtype, x.dtype))
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
    else:  # of coordinates that broadcast to those of y
        if len(x.shape) < len(y.shape):
            x = x.reshape((1,) * (len(y.shape) - len(x.shape)) + tuple(x.shape))
        between = max(x.shape[dim] - 1, 0)
        step = slice_dim(x, dim, min(1, x.shape[dim]), between, 1) - slice_dim(x, dim, 0, between, 1)
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
def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Number | None = None, dim: int = -1) -> Tensor:
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
    if not y.shape[dim]:
        return y.sum(dim, dtype=y.dtype)
    if x is None:  # as PyTorch adds up, to which the ends' infinities count once too often
        ends = slice_dim(y, dim, 0, 1, 1) + slice_dim(y, dim, y.shape[dim] - 1, 1, 1)
        return (y.sum(dim) - ends.sum(dim) * 0.5) * (1 if dx is None else dx)
    return _panels("trapezoid", y, x, dx, dim).sum(dim)


@composite(api="torch", dtypes=FLOATING, samples=_samples, errors=_errors, reference=_cumulative)
def cumulative_trapezoid(
    y: Tensor, x: Tensor | None = None, *, dx: Number | None = None, dim: int = -1
) -> Tensor:
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


def _steps(input: Tensor, spacing: Any, dims: Sequence[int]) -> list[Any]:
    """The distance of samples along each of the dimensions: a number, or a vector of coordinates."""
    if not isinstance(spacing, (list, tuple)):
        spacing = 1 if spacing is None else spacing
        if not is_number(spacing):
            text = f"argument 'spacing' must be Number or tuple of Numbers or Tensors, not {type(spacing).__name__}"
            raise fail("gradient", text, kind=TypeError, input=input, spacing=spacing)
        return [plain_number(spacing)] * len(dims)
    for place, step in enumerate(spacing):
        if not (isinstance(step, Tensor) or is_number(step)):
            wanted = "argument 'spacing' must be Number or tuple of Numbers or Tensors"
            text = f"{wanted}, but found element of type {type(step).__name__} at pos {place}"
            raise fail("gradient", text, kind=TypeError, input=input)
    if len(spacing) != len(dims):
        text = f"expected spacing for each of {len(dims)} dimensions, got {len(spacing)}"
        raise fail("gradient", text, input=input)
    for d, step in zip(dims, spacing, strict=True):
        if isinstance(step, Tensor) and step.shape and tuple(step.shape) != (input.shape[d],):
            text = f"spacing of dim {d} must have one coordinate for each of its {input.shape[d]} samples"
            raise fail("gradient", f"{text}, got shape {list(step.shape)}", input=input, spacing=step)
    return [step if isinstance(step, Tensor) else plain_number(step) for step in spacing]


def _along(input: Tensor, dim: int, spacing: Any, edge_order: int) -> Tensor:
    n = input.shape[dim]

    def part(start: int, length: int, source: Tensor = input, d: int = dim) -> Tensor:
        return slice_dim(source, d, start, length, 1)

    if isinstance(spacing, Tensor) and spacing.shape:
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
def gradient(
    input: Tensor, *, spacing: Any = None, dim: Dims = None, edge_order: int = 1
) -> tuple[Tensor, ...]:
    """The derivative along each dimension by second-order differences, one tensor per dimension.

    Args:
        spacing: the distance between samples, one number for all dimensions or a list of numbers or of
            vectors of coordinates, one for each.
        dim: the dimensions; default: all.
        edge_order: 1 or 2, the order of the differences at the ends.

    >>> import tritonnn as torch
    >>> torch.gradient(torch.tensor([1., 4., 9., 16.]))
    (tensor([3., 4., 6., 7.]),)
    """
    if edge_order not in (1, 2):
        raise fail(
            "gradient",
            f"torch.gradient only supports edge_order=1 and edge_order=2, got {edge_order}",
            input=input,
        )
    chosen = range(len(input.shape)) if dim is None else as_dims(dim)
    dims = [dimension("gradient", input, d) for d in chosen]
    if len(set(dims)) != len(dims):
        raise fail("gradient", f"a dim appears multiple times in {tuple(chosen)}", input=input)
    if input.dtype in (dtypes.uint8, dtypes.bool_):
        raise fail("gradient", f"does not support {input.dtype.name} input", input=input)
    steps = _steps(input, spacing, dims)
    if input.dtype.kind < 2:
        input = input.to(dtypes.get_default_dtype())
    derivatives = []
    for d, step in zip(dims, steps, strict=True):
        if input.shape[d] < edge_order + 1:
            raise fail("gradient", "expected each dimension size to be at least edge_order+1", input=input)
        derivatives.append(_along(input, d, step, edge_order))
    return tuple(derivatives)
