"""Max pooling over windows, adaptive bins and random windows, and its partial inverse."""

from __future__ import annotations

from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid, complete
from tritonnn.ops._definitions import pooling as define
from tritonnn.ops._table import NUMERIC, Bad, OpSignature, Sample, composite, made
from tritonnn.ops._windows import as_ints
from tritonnn.ops.pooling._checks import (
    adaptive_errors,
    adaptive_size,
    check_tensor,
    pool_errors,
    pooling_window,
)
from tritonnn.ops.pooling.pooling import (
    adaptive_max_pool,
    fractional_max_pool,
    max_pool,
    max_pool_with_indices,
)
from tritonnn.table import Make
from tritonnn.table.types import IntOrInts, Ints, OptionalSize, Pooled


def _max_pool(
    name: str,
    n: int,
    input: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None,
    padding: IntOrInts,
    dilation: IntOrInts,
    ceil_mode: bool,
    return_indices: bool,
) -> Any:
    window = pooling_window(name, n, input, kernel_size, stride, padding, dilation, ceil_mode, NUMERIC)
    return tuple(max_pool_with_indices(input, *window)) if return_indices else max_pool(input, *window)


@composite(
    api="torch functional",
    dtypes=NUMERIC,
    errors=pool_errors(1, True),
    samples=lambda make: [
        Sample(make(2, 3, 7), 3, 2, 1),
        Sample(make(3, 8), 2, return_indices=True),
        Sample(make(2, 3, 7), 2, 3, dilation=2, ceil_mode=True),
        Sample(make(0, 3, 7), 2),
    ],
    reference=made(define.max_pool, 1),
)
def max_pool1d(
    input: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    padding: IntOrInts = 0,
    dilation: IntOrInts = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Pooled:
    """Maximum of every window along one dimension: (N, C, L) or (C, L).

    Padding counts as minus infinity; NaN wins; of equal values the first wins.

    Args:
        stride: step between windows, by default `kernel_size`.
        ceil_mode: also take windows that reach past the end.
        return_indices: also return the positions of the maxima, for `max_unpool1d`.

    >>> import tritonnn as torch
    >>> torch.max_pool1d(torch.tensor([[1., 5., 2., 3.]]), 2)
    tensor([[5., 3.]])
    """
    rest = (stride, padding, dilation, ceil_mode, return_indices)
    return _max_pool("max_pool1d", 1, input, kernel_size, *rest)


@composite(
    api="torch functional",
    dtypes=NUMERIC,
    errors=pool_errors(2, True),
    samples=lambda make: [
        Sample(make(2, 3, 6, 7), 2),
        Sample(make(2, 5, 6), (3, 2), (2, 1), (1, 1)),
        Sample(make(2, 3, 5, 6), 2, 1, dilation=(2, 1), ceil_mode=True, return_indices=True),
        Sample(make(0, 3, 4, 4), 2),
    ],
    reference=made(define.max_pool, 2),
)
def max_pool2d(
    input: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    padding: IntOrInts = 0,
    dilation: IntOrInts = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Pooled:
    """Maximum of every window over two dimensions, (N, C, H, W) or (C, H, W); see `max_pool1d`.

    Indices are positions in the flattened plane, H · W.

    >>> import tritonnn as torch
    >>> torch.max_pool2d(torch.arange(16.).view(1, 1, 4, 4), 2)
    tensor([[[[ 5.,  7.],
              [13., 15.]]]])
    """
    rest = (stride, padding, dilation, ceil_mode, return_indices)
    return _max_pool("max_pool2d", 2, input, kernel_size, *rest)


@composite(
    api="torch functional",
    dtypes=NUMERIC,
    errors=pool_errors(3, True),
    samples=lambda make: [
        Sample(make(1, 2, 4, 3, 5), 2),
        Sample(make(2, 3, 4, 3), (2, 3, 1), 1, (1, 1, 0), return_indices=True),
    ],
    reference=made(define.max_pool, 3),
)
def max_pool3d(
    input: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    padding: IntOrInts = 0,
    dilation: IntOrInts = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Pooled:
    """Maximum of every window over three dimensions, (N, C, D, H, W) or (C, D, H, W); see `max_pool1d`.

    >>> import tritonnn as torch
    >>> torch.max_pool3d(torch.arange(8.).view(1, 2, 2, 2), 2)
    tensor([[[[7.]]]])
    """
    rest = (stride, padding, dilation, ceil_mode, return_indices)
    return _max_pool("max_pool3d", 3, input, kernel_size, *rest)


def _rank(pool: Any) -> int:
    """The number in the name: max_pool2d -> 2."""
    return int(pool.__name__[-2])


def _with_indices(pool: Any, place: int, samples: Any, api: str, public: str = "", name: str = "") -> Any:
    """The variant of an entry that returns indices in any case; `place` is where it takes the question."""

    def with_indices(*args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        if len(args) > place:
            args = (*args[:place], True, *args[place + 1 :])
        else:
            kwargs["return_indices"] = True
        return pool(*args, **kwargs)

    with_indices.__name__ = with_indices.__qualname__ = name or f"{pool.__name__}_with_indices"
    where = "torch" if "torch" in api else "torch.nn.functional"
    x = f"torch.rand(1, 2, {', '.join('4' * _rank(pool))})"
    option = ", output_ratio=0.5" if "fractional" in pool.__name__ else ""
    with_indices.__doc__ = (
        f"`{pool.__name__}` with its indices: (values, indices).\n\n>>> import tritonnn as torch\n"
        f">>> values, indices = {where}.{public or with_indices.__name__}({x}, 2{option})\n"
        f">>> values.shape == indices.shape\nTrue"
    )
    with_indices.__signature__ = OpSignature(pool.op, result="tuple[Tensor, Tensor]")  # type: ignore[attr-defined]
    return composite(
        api=api, public=public or None, dtypes=pool.op.dtypes, samples=samples, errors=pool.op.errors,
        reference=made(lambda: define.with_indices(pool.op.reference)),
    )(with_indices)  # fmt: skip


max_pool1d_with_indices = _with_indices(
    max_pool1d, 6, lambda make: [Sample(make(2, 3, 7), 3, 2, 1), Sample(make(3, 8), 2)], "torch functional"
)
max_pool2d_with_indices = _with_indices(
    max_pool2d, 6, lambda make: [Sample(make(2, 5, 6), (3, 2), (2, 1), (1, 1), ceil_mode=True)], "functional"
)
max_pool3d_with_indices = _with_indices(
    max_pool3d, 6, lambda make: [Sample(make(1, 2, 4, 3, 5), 2)], "functional"
)


# ---- adaptive -------------------------------------------------------------------------------------------


def _adaptive(name: str, n: int, input: Tensor, output_size: OptionalSize, return_indices: bool) -> Any:
    values, indices = adaptive_max_pool(input, adaptive_size(name, n, input, output_size))
    return (values, indices) if return_indices else values


@composite(
    api="functional",
    errors=adaptive_errors(1),
    samples=lambda make: [Sample(make(2, 3, 7), 3), Sample(make(3, 6), 2, True), Sample(make(0, 3, 6), 2)],
    reference=made(define.adaptive_max_pool, 1),
)
def adaptive_max_pool1d(input: Tensor, output_size: IntOrInts, return_indices: bool = False) -> Pooled:
    """Maximum over `output_size` bins of (N, C, L) or (C, L).

    Bin i holds the positions from ⌊i·L / size⌋ to ⌈(i + 1)·L / size⌉ - 1; bins may share positions.

    >>> import tritonnn as torch
    >>> torch.nn.functional.adaptive_max_pool1d(torch.tensor([[1., 5., 2., 3., 4.]]), 2)
    tensor([[5., 4.]])
    """
    return _adaptive("adaptive_max_pool1d", 1, input, output_size, return_indices)


@composite(
    api="functional",
    errors=adaptive_errors(2),
    samples=lambda make: [
        Sample(make(2, 3, 5, 7), (3, 2)),
        Sample(make(3, 4, 6), 2, return_indices=True),
        Sample(make(1, 2, 4, 5), (None, 3)),
    ],
    reference=made(define.adaptive_max_pool, 2),
)
def adaptive_max_pool2d(input: Tensor, output_size: OptionalSize, return_indices: bool = False) -> Pooled:
    """Maximum over a grid of bins of (N, C, H, W) or (C, H, W); None keeps a dimension.

    See `adaptive_max_pool1d`.

    >>> import tritonnn as torch
    >>> torch.nn.functional.adaptive_max_pool2d(torch.arange(12.).view(1, 3, 4), (1, 2))
    tensor([[[ 9., 11.]]])
    """
    return _adaptive("adaptive_max_pool2d", 2, input, output_size, return_indices)


@composite(
    api="functional",
    errors=adaptive_errors(3),
    samples=lambda make: [
        Sample(make(1, 2, 3, 5, 4), (2, 3, 2)),
        Sample(make(2, 4, 3, 2), (2, None, 1), return_indices=True),
    ],
    reference=made(define.adaptive_max_pool, 3),
)
def adaptive_max_pool3d(input: Tensor, output_size: OptionalSize, return_indices: bool = False) -> Pooled:
    """Maximum over a grid of bins of (N, C, D, H, W) or (C, D, H, W); see `adaptive_max_pool1d`.

    >>> import tritonnn as torch
    >>> torch.nn.functional.adaptive_max_pool3d(torch.arange(8.).view(1, 2, 2, 2), 1)
    tensor([[[[7.]]]])
    """
    return _adaptive("adaptive_max_pool3d", 3, input, output_size, return_indices)


adaptive_max_pool1d_with_indices = _with_indices(
    adaptive_max_pool1d, 2, lambda make: [Sample(make(2, 3, 7), 3), Sample(make(3, 6), 2)], "functional"
)
adaptive_max_pool2d_with_indices = _with_indices(
    adaptive_max_pool2d, 2, lambda make: [Sample(make(1, 2, 4, 5), (None, 3))], "functional"
)
adaptive_max_pool3d_with_indices = _with_indices(
    adaptive_max_pool3d, 2, lambda make: [Sample(make(2, 4, 3, 2), (2, None, 1))], "functional"
)
# torch.adaptive_max_pool1d always returns the indices, F.adaptive_max_pool1d where they are asked for.
torch_adaptive_max_pool1d = _with_indices(
    adaptive_max_pool1d, 2, lambda make: [Sample(make(2, 3, 7), 3)], "torch", "adaptive_max_pool1d",
    "torch_adaptive_max_pool1d",
)  # fmt: skip


# ---- fractional -----------------------------------------------------------------------------------------


def _fractional(
    name: str,
    n: int,
    input: Tensor,
    kernel_size: Any,
    output_size: Any,
    output_ratio: Any,
    return_indices: bool,
    samples: Tensor | None,
) -> Any:
    check_tensor(name, input)
    if output_size is None and output_ratio is None:
        raise ValueError(f"{name} requires specifying either an output_size or an output_ratio")
    spatial = input.shape[len(input.shape) - n :]
    try:
        if len(input.shape) not in (n + 1, n + 2) or 0 in input.shape[len(input.shape) - n - 1 :]:
            raise Invalid(f"Expected non-empty {n + 1}D or {n + 2}D input, but got {list(input.shape)}")
        kernel = as_ints("kernel_size", kernel_size, n)
        if output_size is None:
            ratios = (output_ratio,) * n if isinstance(output_ratio, (int, float)) else output_ratio
            numbers = isinstance(ratios, (list, tuple)) and all(isinstance(r, (int, float)) for r in ratios)
            if not numbers or len(ratios) != n or not all(0 < r < 1 for r in ratios):
                text = f"output_ratio must be {n} numbers between 0 and 1, got {ratios!r}"
                raise Invalid(text, kind=ValueError if numbers else TypeError)
            output_size = [int(length * ratio) for length, ratio in zip(spatial, ratios, strict=True)]
        size = as_ints("output_size", output_size, n)
        if kernel is None or size is None:
            raise Invalid(f"kernel_size and output_size must be one int or {n} ints")
        if min(kernel) < 1 or min(size) < 1:
            raise Invalid(
                f"kernel_size and output_size must be positive, got {list(kernel)} and {list(size)}"
            )
        if min(size) < 0:
            raise Invalid(f"Trying to create tensor with negative dimension {min(size)}: {list(size)}")
        if samples is None:
            batch = (1,) * (n + 2 - len(input.shape)) + tuple(input.shape[: len(input.shape) - n])
            samples = _uniform((*batch, n), input)
        values, indices = fractional_max_pool(input, kernel, size, samples)
    except Invalid as invalid:
        raise complete(name, ("input",), (input,), invalid) from None
    return (values, indices) if return_indices else values


def _uniform(shape: Ints, like: Tensor) -> Tensor:
    from tritonnn.ops.random.random import rand

    return rand(*shape, dtype=like.dtype, device=like.device)


def _fractional_errors(n: int) -> Any:
    def errors(make: Make) -> list[Bad]:
        x = make(1, 2, *[6] * n)
        return [
            Bad(x, 2, error=ValueError, match="requires specifying either an output_size or an output_ratio"),
            Bad(x, 2, 6, match="too large relative to input"),
            Bad(x, 2, 3, _random_samples=make(1, 2, n + 1, low=0, high=1), match="Expect _random_samples"),
            Bad(make(6), 2, 3, match="Expected non-empty"),
        ]

    return errors


@composite(
    api="functional",
    errors=_fractional_errors(2),
    samples=lambda make: [
        Sample(make(2, 3, 7, 6), 2, (3, 4), _random_samples=make(2, 3, 2, low=0, high=0.99)),
        Sample(make(3, 8, 7), (2, 3), None, (0.5, 0.7), True, make(1, 3, 2, low=0, high=0.99)),
    ],
    reference=made(define.fractional_max_pool, 2),
)
def fractional_max_pool2d(
    input: Tensor,
    kernel_size: IntOrInts,
    output_size: IntOrInts | None = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Pooled:
    """Maximum over windows at random steps, so that any output size can be reached.

    Source: Graham, "Fractional Max-Pooling", 2014.

    Args:
        input: (N, C, H, W) or (C, H, W).
        output_size: height and width of the output; or
        output_ratio: their proportion to the input's, between 0 and 1.

    >>> import tritonnn as torch
    >>> torch.nn.functional.fractional_max_pool2d(torch.rand(1, 3, 9, 9), 2, output_size=(5, 4)).shape
    torch.Size([1, 3, 5, 4])
    """
    rest = (output_size, output_ratio, return_indices, _random_samples)
    return _fractional("fractional_max_pool2d", 2, input, kernel_size, *rest)


@composite(
    api="functional",
    errors=_fractional_errors(3),
    samples=lambda make: [
        Sample(make(1, 2, 4, 6, 5), 2, (2, 3, 3), _random_samples=make(1, 2, 3, low=0, high=0.99)),
    ],
    reference=made(define.fractional_max_pool, 3),
)
def fractional_max_pool3d(
    input: Tensor,
    kernel_size: IntOrInts,
    output_size: IntOrInts | None = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Pooled:
    """Maximum over windows at random steps over three dimensions; see `fractional_max_pool2d`.

    >>> import tritonnn as torch
    >>> torch.nn.functional.fractional_max_pool3d(torch.rand(1, 2, 6, 6, 6), 2, output_ratio=0.5).shape
    torch.Size([1, 2, 3, 3, 3])
    """
    rest = (output_size, output_ratio, return_indices, _random_samples)
    return _fractional("fractional_max_pool3d", 3, input, kernel_size, *rest)


fractional_max_pool2d_with_indices = _with_indices(
    fractional_max_pool2d, 4, fractional_max_pool2d.op.samples, "functional"
)
fractional_max_pool3d_with_indices = _with_indices(
    fractional_max_pool3d, 4, fractional_max_pool3d.op.samples, "functional"
)
