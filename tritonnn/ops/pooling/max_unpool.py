"""The partial inverse of max pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tritonnn import dtypes
from tritonnn._levels import every
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid, complete
from tritonnn.memory_format import format_of
from tritonnn.ops._definitions import pooling as define
from tritonnn.ops._table import Bad, Sample, composite, made
from tritonnn.ops._windows import as_ints, joined
from tritonnn.ops.pooling._checks import check_tensor
from tritonnn.table import Make
from tritonnn.table.types import IntOrInts, Ints


def _unpool_size(
    input: Tensor,
    n: int,
    kernel_size: IntOrInts,
    stride: IntOrInts | None,
    padding: IntOrInts,
    output_size: Sequence[int] | None,
) -> Ints:
    kernel = as_ints("kernel_size", kernel_size, n)
    step = kernel if stride is None else as_ints("stride", stride, n)
    pad = as_ints("padding", padding, n)
    if kernel is None or step is None or pad is None:
        raise Invalid(f"kernel_size, stride and padding must each be one int or {n} ints")
    sizes = input.shape[len(input.shape) - n :]
    default = [(i - 1) * s + k - 2 * p for i, s, k, p in zip(sizes, step, kernel, pad)]
    if output_size is None:
        return tuple(default)
    wanted = list(output_size)[2:] if len(output_size) == n + 2 else list(output_size)
    if len(wanted) != n:
        raise Invalid(
            f"output_size should be a sequence containing {n} or {n + 2} elements, but it has a length of "
            f"'{len(wanted)}'",
            kind=ValueError,
        )
    for d, (size, middle, s) in enumerate(zip(wanted, default, step)):
        if not middle - s < size < middle + s:
            raise Invalid(
                f'invalid output_size "{wanted}" (dim {d} must be between {middle - s} and {middle + s})',
                kind=ValueError,
            )
    return tuple(wanted)


def _check(name: str, n: int, input: Tensor, indices: Tensor) -> None:
    if len(input.shape) not in (n + 1, n + 2):
        raise Invalid(
            f"Input to max_unpooling{n}d should be a {n + 1}d or {n + 2}d Tensor, but got a tensor with "
            f"{len(input.shape)} dimensions."
        )
    if not isinstance(indices, Tensor):
        kind = type(indices).__name__
        raise TypeError(f"{name}(): argument 'indices' (position 2) must be Tensor, not {kind}")
    if indices.dtype is not dtypes.int64:
        raise Invalid(f"elements in indices should be type int64 but got: {indices.dtype.name}")
    if indices.shape != input.shape:
        raise Invalid(
            f"Expected shape of indices to be same as that of the input tensor ({list(input.shape)}) but got "
            f"indices tensor with shape: {list(indices.shape)}"
        )


def _check_range(indices: Tensor, size: Ints, count: int) -> None:
    """On the CPU only: on a GPU it would wait for the device."""
    if indices.device.type == "cpu" and indices.numel():
        low, high = int(every(indices).min()), int(every(indices).max())
        if low < 0 or high >= count:
            wrong = low if low < 0 else high
            raise Invalid(f"Found an invalid max index: {wrong} (output volumes are of size {joined(size)})")


def _max_unpool(
    name: str,
    n: int,
    input: Tensor,
    indices: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None,
    padding: IntOrInts,
    output_size: Sequence[int] | None,
) -> Tensor:
    check_tensor(name, input)
    try:
        _check(name, n, input, indices)
        size = _unpool_size(input, n, kernel_size, stride, padding, output_size)
        if min(size) < 0:
            raise Invalid(f"the output would have a negative size, {list(size)}", kind=ValueError)
        if 0 in input.shape[1:]:
            raise Invalid(
                f"Expected input to have non-zero size for non-batch dimensions, but got {list(input.shape)} with "
                f"dimension {list(input.shape).index(0, 1)} being empty"
            )
        count = 1
        for extent in size:
            count *= extent
        _check_range(indices, size, count)
    except Invalid as invalid:
        raise complete(name, ("input", "indices"), (input, indices), invalid) from None
    lead = len(input.shape) - n
    flat, where = input.flatten(lead), indices.flatten(lead)
    empty = input.new_zeros((*input.shape[:lead], count))
    output = empty.scatter(-1, where, flat).view((*input.shape[:lead], *size))
    return output.contiguous(format_of(input)) if n == 2 else output


def _unpool_errors(n: int) -> Any:
    def errors(make: Make) -> list[Bad]:
        x, where = make(1, 1, *[2] * n), make.int(1, 1, *[2] * n, high=1)
        return [
            Bad(x, make(1, 1, *[2] * n), 2, match="elements in indices should be type int64"),
            Bad(x, make.int(1, 1, *[1] * n), 2, match="Expected shape of indices to be same"),
            Bad(make(2), make.int(2), 2, match=f"should be a {n + 1}d or {n + 2}d Tensor"),
            Bad(make(1, 0, *[2] * n), make.int(1, 0, *[2] * n), 2, match="with dimension 1 being empty"),
            Bad(x, where, 2, output_size=[9] * n, error=ValueError, match="invalid output_size"),
            Bad(x, where, 2, output_size=[4] * (n + 1), error=ValueError, match="should be a sequence"),
        ]

    return errors


def _distinct(make: Make, *shape: int, count: int) -> Tensor:
    """Indices without repetition in each plane, as max pooling of separate windows gives them."""
    from tritonnn.ops.creation.ranges import arange

    number = 1
    for extent in shape[2:]:
        number *= extent
    step = count // number
    places = arange(0, number * step, step, device=make(1).device).view(1, 1, *shape[2:])
    return places.expand(shape).contiguous()


@composite(
    api="functional",
    errors=_unpool_errors(1),
    samples=lambda make: [
        Sample(make(2, 3, 4), _distinct(make, 2, 3, 4, count=8), 2),
        Sample(make(1, 2, 3), _distinct(make, 1, 2, 3, count=7), 2, output_size=(1, 2, 7)),
    ],
    reference=made(define.max_unpool, 1),
)
def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    padding: IntOrInts = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Maxima back at the positions that `max_pool1d` found them at, zeros elsewhere.

    Args:
        indices: from `max_pool1d` with `return_indices=True`.
        output_size: length of the output where several are possible, (L) or (N, C, L).

    >>> import tritonnn as torch
    >>> x = torch.tensor([[1., 5., 2., 3.]])
    >>> values, indices = torch.nn.functional.max_pool1d(x, 2, return_indices=True)
    >>> torch.nn.functional.max_unpool1d(values, indices, 2)
    tensor([[0., 5., 0., 3.]])
    """
    rest = (kernel_size, stride, padding, output_size)
    return _max_unpool("max_unpool1d", 1, input, indices, *rest)


@composite(
    api="functional",
    errors=_unpool_errors(2),
    samples=lambda make: [
        Sample(make(2, 3, 2, 3), _distinct(make, 2, 3, 2, 3, count=24), 2),
        Sample(make(2, 2, 2), _distinct(make, 1, 2, 2, 2, count=25).squeeze(0), 2, output_size=(5, 5)),
    ],
    reference=made(define.max_unpool, 2),
)
def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    padding: IntOrInts = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Maxima back at the positions that `max_pool2d` found them at, zeros elsewhere; see `max_unpool1d`.

    >>> import tritonnn as torch
    >>> values, where = torch.tensor([[[[4., 3.]]]]), torch.tensor([[[[5, 2]]]])
    >>> torch.nn.functional.max_unpool2d(values, where, 2)
    tensor([[[[0., 0., 3., 0.],
              [0., 4., 0., 0.]]]])
    """
    rest = (kernel_size, stride, padding, output_size)
    return _max_unpool("max_unpool2d", 2, input, indices, *rest)


@composite(
    api="functional",
    errors=_unpool_errors(3),
    samples=lambda make: [Sample(make(1, 2, 2, 1, 2), _distinct(make, 1, 2, 2, 1, 2, count=32), 2)],
    reference=made(define.max_unpool, 3),
)
def max_unpool3d(
    input: Tensor,
    indices: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    padding: IntOrInts = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Maxima back at the positions that `max_pool3d` found them at, zeros elsewhere; see `max_unpool1d`.

    >>> import tritonnn as torch
    >>> values, where = torch.tensor([[[[4.]]]]), torch.tensor([[[[7]]]])
    >>> torch.nn.functional.max_unpool3d(values, where, 2).flatten()
    tensor([0., 0., 0., 0., 0., 0., 0., 4.])
    """
    rest = (kernel_size, stride, padding, output_size)
    return _max_unpool("max_unpool3d", 3, input, indices, *rest)
