"""Joining tensors of different ranks: stacks by direction, and what raises a rank."""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.ops._arguments import not_a_tensor
from tritonnn.ops._table import ANY, Bad, Sample, composite
from tritonnn.ops.joining.joining import cat
from tritonnn.ops.shape.shape import unsqueeze, view_or_copy
from tritonnn.table.types import Tensors


def _along(name: str, axis: int) -> Any:
    def joined(tensors: Tensors, *, out: Tensor | None = None) -> Tensor:
        need = 2 if axis == 1 and name == "vstack" else 3 if name == "dstack" else 1
        if not len(tensors):
            raise fail(name, "expects a non-empty TensorList")
        rows = [_at_least(t, need) for t in tensors]
        dim = axis if name != "hstack" or len(rows[0].shape) > 1 else 0
        dim = 0 if name == "vstack" else dim
        return cat(rows, dim) if out is None else cat(rows, dim, out=out)

    joined.__name__ = name
    joined.__doc__ = (
        f"The tensors {dict(vstack='below', hstack='beside', dstack='behind')[name]} one another.\n\n"
        ">>> import tritonnn as torch\n"
        f">>> torch.{name}([torch.ones(2, 3), torch.ones(2, 3)]).shape\n"
        f"torch.Size({dict(vstack=[4, 3], hstack=[2, 6], dstack=[2, 3, 2])[name]})"
    )
    return joined


def _at_least(tensor: Tensor, ndim: int) -> Tensor:
    if not isinstance(tensor, Tensor):
        raise TypeError(f"expected Tensor, but got {type(tensor).__name__}")
    shape = tensor.shape
    if len(shape) >= ndim:
        return tensor
    last = ndim == 3 and len(shape) > 0
    for _ in range(ndim - len(shape) - last):
        tensor = unsqueeze(tensor, 0)
    return unsqueeze(tensor, -1) if last else tensor


def _stacked(samples: Any, other: tuple[int, ...], **options: Any) -> Any:
    errors = lambda make: [
        Bad([], match="non-empty TensorList"),
        Bad([make(2), make(*other)], match="Tensors must|must match"),
    ]
    return composite(api="torch", dtypes=ANY, samples=samples, errors=errors, **options)


vstack = _stacked(
    lambda make: [Sample([make(3), make(3)])], (3,), alias=("row_stack",),
    reference=lambda tensors: np.vstack(tensors),
)(_along("vstack", 1))  # fmt: skip
hstack = _stacked(
    lambda make: [Sample([make(3), make(2)]), Sample([make(2, 1), make(2, 2)])], (3, 1),
    reference=lambda tensors: np.hstack(tensors),
)(_along("hstack", 1))  # fmt: skip
dstack = _stacked(
    lambda make: [Sample([make(2, 3), make(2, 3)])], (3,), reference=lambda tensors: np.dstack(tensors)
)(_along("dstack", 2))


@composite(
    api="torch",
    dtypes=ANY,
    samples=lambda make: [Sample([make(3), make(3, 2)])],
    reference=lambda tensors: np.column_stack(tensors),
    errors=lambda make: [
        Bad([], match="non-empty TensorList"),
        Bad([make(3), make(2, 2)], match="must match except"),
    ],
)
def column_stack(tensors: Tensors, *, out: Tensor | None = None) -> Tensor:
    """The tensors beside one another, vectors as columns.

    >>> import tritonnn as torch
    >>> torch.column_stack([torch.tensor([1, 2]), torch.tensor([3, 4])])
    tensor([[1, 3],
            [2, 4]])
    """
    if not len(tensors):
        raise fail("column_stack", "expects a non-empty TensorList")
    for tensor in tensors:
        if not isinstance(tensor, Tensor):
            raise not_a_tensor("column_stack", "tensors", tensor)
    columns = [view_or_copy(t, (t.numel(), 1)) if len(t.shape) < 2 else t for t in tensors]
    return cat(columns, 1) if out is None else cat(columns, 1, out=out)


def _atleast(ndim: int) -> Any:
    def at_least(*tensors: Any) -> Any:
        if len(tensors) == 1 and isinstance(tensors[0], Tensor):
            return _at_least(tensors[0], ndim)
        items = tensors[0] if len(tensors) == 1 else tensors
        for item in items if isinstance(items, (list, tuple)) else (items,):
            if not isinstance(item, Tensor):
                raise not_a_tensor(f"atleast_{ndim}d", "tensors", item)
        return tuple(_at_least(t, ndim) for t in items)

    at_least.__name__ = f"atleast_{ndim}d"
    at_least.__doc__ = (
        f"The tensors with at least {ndim} dimensions.\n\n>>> import tritonnn as torch\n"
        f">>> torch.atleast_{ndim}d(torch.tensor(1.)).shape\ntorch.Size({[1] * ndim})"
    )
    return at_least


atleast_1d, atleast_2d, atleast_3d = (
    composite(
        api="torch", dtypes=ANY, reference=reference,
        samples=lambda make: [Sample(make(())), Sample(make(3)), Sample(make(2, 3)), Sample(make(3), make(2, 3))],
        errors=lambda make: [Bad([make(2), 3], error=TypeError, match="must be Tensor, not int")],
    )(_atleast(n))
    for n, reference in ((1, np.atleast_1d), (2, np.atleast_2d), (3, np.atleast_3d))
)  # fmt: skip
