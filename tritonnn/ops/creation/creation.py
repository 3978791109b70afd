"""Making tensors filled with one value or with none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tritonnn import dispatch, dtypes
from tritonnn import shape as shapes
from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike, resolve
from tritonnn.dispatch import allocate
from tritonnn.dtypes import dtype as DType
from tritonnn.memory_format import channels_last, memory_format, preserve_format, strided, strides_as
from tritonnn.memory_format import layout as Layout
from tritonnn.ops._arguments import whole_number
from tritonnn.ops._table import ANY, NAMESPACES, Bad, Sample, composite
from tritonnn.ops.conversion.overwriting import fill_fresh, filled, uninitialised
from tritonnn.ops.creation._outputs import agreed, into
from tritonnn.shape import Size, by_name
from tritonnn.table import Make
from tritonnn.table.types import Count, Number

torch_names = NAMESPACES["torch"]


def _public(function: Any) -> Any:
    torch_names[function.__name__] = function
    return function


def _finish(
    tensor: Tensor, requires_grad: bool, pin_memory: bool = False, layout: Layout | None = None
) -> Tensor:
    if layout not in (None, strided):
        raise NotImplementedError(
            f"only torch.zeros and torch.empty make tensors of layout {layout} here: ones without values. Hint: "
            ".to_sparse() makes others of dense ones"
        )
    if pin_memory:
        tensor = tensor.pin_memory()
    return tensor.requires_grad_() if requires_grad else tensor


def _defined(sizes: Any, size: Sequence[int] | None = None, **options: Any) -> Any:
    return sizes[0] if sizes and isinstance(sizes[0], list) else sizes or size


def _sizes(make: Make, *sizes: Any) -> list[Sample]:
    sizes = sizes or ((2, 3), ((3, 2),), ((),), (0, 2))
    options = {"dtype": make.dtype, "device": make.device}
    return [*[Sample(*size, **options) for size in sizes], Sample(size=(3, 0), **options)]


def _size_errors(make: Make) -> list[Bad]:
    return [
        Bad(2, -3, match="negative dimension -3"), Bad("a", error=TypeError, match="tuple of ints.* str"),
        Bad(error=TypeError, match="missing 1 required positional argument"),
        Bad(2, dtype="float32", error=TypeError, match="'dtype' .*must be torch.dtype, not str"),
        Bad(2, device="gpu", match="Expected one of cpu, cuda, meta device type"),
        Bad(2, dtype=dtypes.int64, requires_grad=True, match="floating point and complex dtype can require"),
    ]  # fmt: skip


def _like_samples(make: Make) -> list[Sample]:
    return [Sample(make(2, 3)), Sample(make(2, 3).transpose(0, 1), dtype=dtypes.float64), Sample(make(()))]


def _like_errors(make: Make) -> list[Bad]:
    return [
        Bad(1, error=TypeError, match="'input' .*must be Tensor, not int"),
        Bad(make(2), dtype=1, error=TypeError, match="'dtype' .*must be torch.dtype, not int"),
        Bad(make(2), memory_format=channels_last, match="required rank 4 tensor"),
    ]


@composite(
    api="torch", dtypes=ANY, samples=lambda make: _sizes(make, (0,), ((2, 0, 3),)), errors=_size_errors,
    reference=lambda *sizes, **named: np.empty(_defined(sizes, **named)),
)  # fmt: skip
def empty(
    *sizes: int | Sequence[int], size: Sequence[int] | None = None, out: Tensor | None = None,
    dtype: DType | None = None, layout: Layout | None = None, device: DeviceLike | None = None,
    requires_grad: bool = False, pin_memory: bool = False, memory_format: memory_format | None = None,
) -> Tensor:  # fmt: skip
    """An uninitialised tensor.

    >>> import tritonnn as torch
    >>> torch.empty(2, 3).shape
    torch.Size([2, 3])
    """
    shape = Size(shapes.as_size(sizes or by_name("empty", "size", size), "empty"))
    agreed("empty", out, dtype)
    if layout not in (None, strided) and out is None and memory_format is None:
        return sparse_nothing("empty", shape, dtype, layout, device, requires_grad, pin_memory)
    if out is not None:
        return uninitialised(into(out, shape, out.dtype, out.device))
    strides = memory_format.strides(shape) if memory_format is not None else None
    tensor = allocate(shape, dtype or dtypes.get_default_dtype(), resolve(device), strides)
    return _finish(uninitialised(tensor), requires_grad, pin_memory, layout)


def sparse_nothing(
    name: str, shape: Size, dtype: DType | None, layout: Layout, device: DeviceLike | None, grad: bool, pin: bool
) -> Tensor:  # fmt: skip
    """A tensor of a sparse layout without values."""
    from tritonnn.ops.sparse.likes import nothing

    made = nothing(name, shape, dtype or dtypes.get_default_dtype(), resolve(device), layout)
    return _finish(made, grad, pin)


def _filled(
    name: str, value: Any, size: Any, out: Any, dtype: DType | None, layout: Layout | None,
    device: DeviceLike | None, requires_grad: bool, pin: bool,
) -> Tensor:  # fmt: skip
    shape = Size(shapes.as_size(size, name))
    agreed(name, out, dtype)
    if layout not in (None, strided) and out is None and name == "zeros":
        return sparse_nothing(name, shape, dtype, layout, device, requires_grad, pin)
    if out is not None:
        return filled(into(out, shape, out.dtype, out.device), value, name)
    fresh = allocate(shape, dtype or dtypes.get_default_dtype(), resolve(device))
    tensor = fill_fresh(fresh, value, name)
    return _finish(tensor, requires_grad, pin, layout)


@composite(
    api="torch", dtypes=ANY, samples=_sizes, errors=_size_errors,
    reference=lambda *sizes, **named: np.zeros(_defined(sizes, **named)),
)  # fmt: skip
def zeros(
    *sizes: int | Sequence[int], size: Sequence[int] | None = None, out: Tensor | None = None,
    dtype: DType | None = None, layout: Layout | None = None, device: DeviceLike | None = None,
    requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """A tensor of zeros.

    >>> import tritonnn as torch
    >>> torch.zeros(2, dtype=torch.int64)
    tensor([0, 0])
    """
    given = sizes or by_name("zeros", "size", size)
    return _filled("zeros", 0, given, out, dtype, layout, device, requires_grad, pin_memory)


@composite(
    api="torch", dtypes=ANY, samples=_sizes, errors=_size_errors,
    reference=lambda *sizes, **named: np.ones(_defined(sizes, **named)),
)  # fmt: skip
def ones(
    *sizes: int | Sequence[int], size: Sequence[int] | None = None, out: Tensor | None = None,
    dtype: DType | None = None, layout: Layout | None = None, device: DeviceLike | None = None,
    requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """A tensor of ones.

    >>> import tritonnn as torch
    >>> torch.ones(2)
    tensor([1., 1.])
    """
    given = sizes or by_name("ones", "size", size)
    return _filled("ones", 1, given, out, dtype, layout, device, requires_grad, pin_memory)


@composite(
    api="torch", dtypes=ANY, reference=lambda size, fill_value: np.full(size, fill_value),
    samples=lambda make: [
        Sample((2, 3), value, dtype=make.dtype, device=make.device).constant("fill_value")
        for value in (1, True, make(()))
    ],
    errors=lambda make: [
        Bad((-1,), 1, match="negative dimension -1"), Bad((2.5,), 1, error=TypeError, match="tuple of ints"),
        Bad((2,), "a", error=TypeError, match="'fill_value' .*must be Number, not str"),
        Bad((2,), make(2), error=TypeError, match="'fill_value' .*must be Number, not Tensor"),
        Bad((2,), 300, dtype=dtypes.uint8, match="cannot be converted to type uint8_t without overflow"),
        Bad((2,), 1j, dtype=dtypes.float64, match="cannot be converted to type double without overflow"),
    ],
)  # fmt: skip
def full(
    size: Sequence[int], fill_value: Number, *, out: Tensor | None = None, dtype: DType | None = None,
    layout: Layout | None = None, device: DeviceLike | None = None, requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """A tensor filled with one value, of the dtype the value stands for.

    >>> import tritonnn as torch
    >>> torch.full((2,), 7)
    tensor([7, 7])
    """
    value = _one_number("full", fill_value)
    kind = dtype if dtype or out is not None else dtypes.scalar_dtype(value)
    return _filled("full", value, (size,), out, kind, layout, device, requires_grad, pin_memory)


def _one_number(op: str, value: Any, name: str = "fill_value") -> Any:
    """A number to fill with, also where it is a tensor without dimensions."""
    if value.__class__ is float or value.__class__ is int:
        return value
    if isinstance(value, Tensor) and not value.shape:
        return value.item()
    if not isinstance(value, (bool, int, float, complex, np.generic)):
        raise TypeError(f"{op}(): argument '{name}' must be Number, not {type(value).__name__}")
    return value


def _like(
    input: Tensor, dtype: DType | None, layout: Layout | None, device: DeviceLike | None,
    format: memory_format | None, pin: bool = False, op: str = "rand_like",
) -> Tensor:  # fmt: skip
    if op != "rand_like":
        _ = input._buf  # what has no memory of its own is refused: of a sample, the batch has one like it
    dtype = dtype or input._dtype
    target = input._device if device is None else resolve(device)
    strides: tuple[int, ...] | None
    if format is None or format is preserve_format:
        strides = strides_as(input)
    else:
        strides = format.strides(input.shape)
    return _finish(allocate(input._shape, dtype, target, strides), False, pin, layout)


@composite(
    api="torch", dtypes=ANY, samples=lambda make: [Sample(make(0, 3)), Sample(make(3, 0), dtype=dtypes.int8)],
    errors=_like_errors, reference=lambda input: np.empty(input.shape),
)  # fmt: skip
def empty_like(
    input: Tensor, *, dtype: DType | None = None, layout: Layout | None = None,
    device: DeviceLike | None = None, requires_grad: bool = False, pin_memory: bool = False,
    memory_format: memory_format | None = None,
) -> Tensor:  # fmt: skip
    """An uninitialised tensor of the shape, dtype and device of `input`.

    >>> import tritonnn as torch
    >>> torch.empty_like(torch.ones(2, 3), dtype=torch.int64).shape
    torch.Size([2, 3])
    """
    fresh = _like(input, dtype, layout, device, memory_format, pin_memory, "empty_like")
    return _finish(uninitialised(fresh), requires_grad)


@composite(
    api="torch",
    dtypes=ANY,
    samples=_like_samples,
    errors=_like_errors,
    reference=lambda input: np.zeros_like(input),
)
def zeros_like(
    input: Tensor, *, dtype: DType | None = None, layout: Layout | None = None,
    device: DeviceLike | None = None, requires_grad: bool = False, pin_memory: bool = False,
    memory_format: memory_format | None = None,
) -> Tensor:  # fmt: skip
    """Zeros of the shape, dtype and device of `input`.

    >>> import tritonnn as torch
    >>> torch.zeros_like(torch.ones(2))
    tensor([0., 0.])
    """
    return _finish(
        fill_fresh(
            _like(input, dtype, layout, device, memory_format, pin_memory, "zeros_like"), 0, "zeros_like"
        ),
        requires_grad,
    )


@composite(
    api="torch",
    dtypes=ANY,
    samples=_like_samples,
    errors=_like_errors,
    reference=lambda input: np.ones_like(input),
)
def ones_like(
    input: Tensor, *, dtype: DType | None = None, layout: Layout | None = None,
    device: DeviceLike | None = None, requires_grad: bool = False, pin_memory: bool = False,
    memory_format: memory_format | None = None,
) -> Tensor:  # fmt: skip
    """Ones of the shape, dtype and device of `input`.

    >>> import tritonnn as torch
    >>> torch.ones_like(torch.tensor([3, 4]))
    tensor([1, 1])
    """
    return _finish(
        fill_fresh(
            _like(input, dtype, layout, device, memory_format, pin_memory, "ones_like"), 1, "ones_like"
        ),
        requires_grad,
    )


@composite(
    api="torch", dtypes=ANY, reference=lambda input, fill_value: np.full(input.shape, fill_value),
    samples=lambda make: [Sample(sample.args[0], 1, **sample.kwargs) for sample in _like_samples(make)],
    errors=lambda make: [
        Bad(1, 1, error=TypeError, match="'input' .*must be Tensor, not int"),
        Bad(make(2), "a", error=TypeError, match="'fill_value' .*must be Number, not str"),
        Bad(make(2, dtype=dtypes.float32), 1j, match="cannot be converted to type float without overflow"),
    ],
)  # fmt: skip
def full_like(
    input: Tensor, fill_value: Number, *, dtype: DType | None = None, layout: Layout | None = None,
    device: DeviceLike | None = None, requires_grad: bool = False, pin_memory: bool = False,
    memory_format: memory_format | None = None,
) -> Tensor:  # fmt: skip
    """One value in the shape, dtype and device of `input`.

    >>> import tritonnn as torch
    >>> torch.full_like(torch.ones(2), 7)
    tensor([7., 7.])
    """
    tensor = _like(input, dtype, layout, device, memory_format, pin_memory, "full_like")
    return _finish(fill_fresh(tensor, _one_number("full_like", fill_value), "full_like"), requires_grad)


@composite(
    api="torch", dtypes=ANY, reference=lambda size: np.empty(size),
    samples=lambda make: [Sample((0, 3), (3, 1), dtype=make.dtype, device=make.device)],
    errors=lambda make: [
        Bad((2, 3), (1,), match="mismatch in length of strides and shape"),
        Bad((-2,), (1,), match="negative dimension -2"), Bad((2,), (-1,), match="negative strides"),
        Bad(2, 1, error=TypeError, match="'size' .*must be tuple of ints, not int"),
    ],
)  # fmt: skip
def empty_strided(
    size: Sequence[int], stride: Sequence[int], *, dtype: DType | None = None, layout: Layout | None = None,
    device: DeviceLike | None = None, requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """An uninitialised tensor with the given strides, in elements.

    >>> import tritonnn as torch
    >>> torch.empty_strided((2, 3), (1, 2)).stride()
    (1, 2)
    """
    if len(size) != len(stride):
        raise RuntimeError(f"mismatch in length of strides and shape: {list(size)}, {list(stride)}")
    tensor = allocate(Size(size), dtype or dtypes.get_default_dtype(), resolve(device), tuple(stride))
    return _finish(uninitialised(tensor), requires_grad, pin_memory, layout)


@composite(
    api="torch", dtypes=ANY, reference=lambda n, m: np.eye(n, m),
    samples=lambda make: [Sample(*size, dtype=make.dtype, device=make.device) for size in ((3,), (2, 4), (0, 3))],
    errors=lambda make: [
        Bad(-1, match="must be greater or equal to 0"), Bad(2, -1, match="must be greater or equal to 0"),
        Bad(1.5, error=TypeError, match="'n' .*must be int, not float"),
    ],
)  # fmt: skip
def eye(
    n: Count, m: Count | None = None, *, out: Tensor | None = None, dtype: DType | None = None,
    layout: Layout | None = None, device: DeviceLike | None = None, requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """The identity matrix, n rows and m columns (default n).

    >>> import tritonnn as torch
    >>> torch.eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    m = n if m is None else m
    whole_number("eye", "n", n)
    whole_number("eye", "m", m)
    if n < 0 or m < 0:
        raise RuntimeError(f"n and m must be greater or equal to 0, got {n} and {m}")
    if dtype in dtypes.UNSIGNED or dtype is dtypes.complex32:
        dispatch.check_limited(eye.op, dtype)
    agreed("eye", out, dtype)
    matrix = zeros(n, m, out=out, dtype=dtype, device=device)
    matrix.diagonal().fill_(1)
    return _finish(matrix, requires_grad, pin_memory, layout)
