"""Lists of tensors in one call: their norms, scaling and clamping them in place."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import Invalid
from tritonnn.ops._table import (
    FLOATING,
    FLOATING_AND_COMPLEX,
    Bad,
    Out,
    Sample,
    composite,
    expose,
    primitive,
    writing,
)
from tritonnn.ops.joining.joining import stack
from tritonnn.ops.reduction.norms import vector_norm
from tritonnn.recording.grad_mode import is_grad_enabled
from tritonnn.shape import Size
from tritonnn.table.types import Number, Tensors

REAL_FLOATS = (dtypes.float16, dtypes.bfloat16, dtypes.float32, dtypes.float64)


def _norms(self: Any, ord: float) -> list:
    """The definition of the norms in NumPy."""
    powers = [np.abs(x).reshape(-1) for x in self]
    return [x.max() if ord == math.inf else (x**ord).sum() ** (1 / ord) for x in powers]


def _check_kinds(tensors: Tensors) -> None:
    for t in tensors:
        if t.dtype not in REAL_FLOATS or t.dtype is not tensors[0].dtype:
            names = ", ".join(dict.fromkeys(t.dtype.name for t in tensors))
            raise Invalid(f"expected tensors of one floating type, got {names}")


@primitive(
    dtypes=FLOATING,
    samples=lambda make: [Sample([make(3, 4), make(0), make(()), make(5)], 2.0), Sample([make(3), make(2, 2)], 1.0),
                          Sample([make(7), make(20000)], math.inf), Sample([make(3, 4)], 3.0),
                          Sample([make(3), make(4)], 0.0), Sample([make(3), make(4)], -math.inf),
                          Sample([make(3, positive=True), make(0), make(4, positive=True)], 0.5)],
    errors=lambda make: [Bad([], 2.0, match="at least one tensor"),
                         Bad([make(2), make.int(2)], 2.0, match="one floating type"),
                         Bad([make(0)], math.inf, match="empty tensor")],
)  # fmt: skip
def foreach_norms(tensors: Tensors, ord: float) -> Any:
    """The norm of each tensor, in one tensor; all of one floating type and one device.

    >>> import tritonnn as torch
    >>> from tritonnn.ops.optimizer.foreach import foreach_norms
    >>> foreach_norms([torch.tensor([3., 4.]), torch.ones(4)], 2.0)
    tensor([5., 2.])
    """
    if not tensors:
        raise Invalid("Tensor list must have at least one tensor.")
    _check_kinds(tensors)
    ord = float(ord)
    if (ord < 0 or ord == math.inf) and not all(t.numel() for t in tensors):
        name = "infinity" if ord == math.inf else f"{ord:g}"
        raise Invalid(
            f"cannot compute the {name} norm on an empty tensor because the operation does not have an identity"
        )
    return Out(Size((len(tensors),)), tensors[0].dtype), (list(tensors), ord)


@writing(
    dtypes=FLOATING, public="_foreach_mul_",
    errors=lambda make: [
        Bad([make(2), make.int(2)], 2.0, match="one floating type"),
        Bad([make(2)[:1].expand(3)], 2.0, match="more than one element of the written-to tensor"),
        Bad([make(2).requires_grad_()], 2.0, match="a leaf Variable that requires grad"),
    ],
)  # fmt: skip
def foreach_scale(tensors: Tensors, factor: Tensor | Number) -> Any:
    """Every tensor times a number or a tensor of one element, in place; all of one floating type.

    >>> import tritonnn as torch
    >>> from tritonnn.ops.optimizer.foreach import foreach_scale
    >>> x = torch.ones(2)
    >>> foreach_scale([x], 3.0)
    >>> x
    tensor([3., 3.])
    """
    _check_kinds(tensors)
    return tensors


@writing(dtypes=FLOATING)
def foreach_clamp(tensors: Tensors, low: float, high: float) -> Any:
    """Every element of every tensor brought into [low, high], in place; all of one floating type.

    >>> import tritonnn as torch
    >>> from tritonnn.ops.optimizer.foreach import foreach_clamp
    >>> x = torch.tensor([-3., 0.5, 2.])
    >>> foreach_clamp([x], -1.0, 1.0)
    >>> x
    tensor([-1.0000,  0.5000,  1.0000])
    """
    _check_kinds(tensors)
    return tensors


def grouped(tensors: Tensors) -> list[list[int]]:
    """Places of the tensors of each device and type."""
    groups: dict[tuple, list[int]] = {}
    for i, t in enumerate(tensors):
        groups.setdefault((t.device, t.dtype), []).append(i)
    return list(groups.values())


def _listed(name: str, tensors: Any) -> list[Tensor]:
    if not isinstance(tensors, (list, tuple)):
        raise TypeError(
            f"{name}(): argument 'self' (position 1) must be tuple of Tensors, not {type(tensors).__name__}"
        )
    for i, t in enumerate(tensors):
        if not isinstance(t, Tensor):
            raise TypeError(f"expected Tensor as element {i} in argument 0, but got {type(t).__name__}")
    if not tensors:
        raise RuntimeError("Tensor list must have at least one tensor.")
    return list(tensors)


def _recorded(tensors: Tensors) -> bool:
    return is_grad_enabled() and any(t.requires_grad for t in tensors)


def list_norms(tensors: Tensors, ord: float) -> Tensor:
    """The norms of tensors of one device and type, in one tensor."""
    if tensors[0].is_complex():
        tensors = [t.abs() for t in tensors]
    if tensors[0].dtype not in REAL_FLOATS:
        return stack([vector_norm(t, ord) for t in tensors])
    return foreach_norms(tensors, float(ord))


@composite(
    api="torch", dtypes=FLOATING_AND_COMPLEX, reference=_norms,
    samples=lambda make: [
        Sample([make(3, 4), make(5)]), Sample([make(3), make(2, 2), make(())], 1), Sample((make(7), make(0)), 2.0),
        Sample([make(3), make(4)], math.inf), Sample([make(3)], 2, dtypes.complex128 if make.dtype.is_complex
                                                     else dtypes.float64),
    ],
    errors=lambda make: [
        Bad([], match="at least one tensor"),
        Bad(make(2), error=TypeError, match="must be tuple of Tensors, not Tensor"),
        Bad([make(2), 1], error=TypeError, match="expected Tensor as element 1"),
        Bad([make.int(2)], match="floating|Long|int64"), Bad([make(0)], math.inf, match="empty tensor"),
    ],
)  # fmt: skip
def _foreach_norm(self: Tensors, ord: float = 2, dtype: DType | None = None) -> tuple[Tensor, ...]:
    """The norm of each tensor; tensors of one device and type share the launches.

    Args:
        self: floating or complex tensors, of any types and devices.
        ord: the norm's order; `inf` gives the largest absolute value.
        dtype: type to compute in and of the results, by default the tensors'.

    Raises:
        RuntimeError: the list is empty, a tensor holds integers, or it is empty and the order has no identity.

    >>> import tritonnn as torch
    >>> torch._foreach_norm([torch.tensor([3., 4.]), torch.ones(4)])
    (tensor(5.), tensor(2.))
    """
    tensors = _listed("_foreach_norm", self)
    results: list[Any] = [None] * len(tensors)
    for places in grouped(tensors):
        group = [tensors[i] for i in places]
        real = group[0].dtype.to_real() if group[0].is_complex() else group[0].dtype
        if dtype is not None or real not in REAL_FLOATS or _recorded(group):
            norms: Any = [vector_norm(t, ord, dtype=dtype) for t in group]
        else:
            norms = list_norms(group, ord).unbind()
        for i, norm in zip(places, norms, strict=True):
            results[i] = norm
    return tuple(results)


@expose("torch", of=foreach_scale)
def _foreach_mul_(self: Tensors, other: Any) -> Tensors:
    """Multiply each tensor in place; tensors of one device and type share a launch.

    Args:
        self: what is multiplied.
        other: a number, a tensor without dimensions, or a list of as many numbers or tensors.

    Raises:
        RuntimeError: lists of different length, or a result that the tensor's type cannot hold.

    >>> import tritonnn as torch
    >>> x = [torch.ones(2), torch.full((1,), 2.)]
    >>> torch._foreach_mul_(x, torch.tensor(0.5))
    [tensor([0.5000, 0.5000]), tensor([1.])]
    """
    tensors = _listed("_foreach_mul_", self)
    if isinstance(other, (list, tuple)):
        if len(other) != len(tensors):
            raise RuntimeError(
                f"Tensor lists must have the same number of tensors, got {len(tensors)} and {len(other)}"
                if any(isinstance(o, Tensor) for o in other)
                else "Tensor list must have same number of elements as scalar list."
            )
        if len({isinstance(o, Tensor) for o in other}) > 1:
            raise TypeError("_foreach_mul_(): argument 'other' must be a list of tensors, or one of numbers")
        for t, o in zip(tensors, other, strict=True):
            t.mul_(o)
        return self
    real = not isinstance(other, complex)
    if isinstance(other, Tensor):
        if other.ndim or other.numel() != 1:
            raise RuntimeError(
                f"scalar tensor expected to be 0 dim but it has {other.ndim} dimensions and {other.numel()} elements."
            )
        real = other.dtype in REAL_FLOATS
    for places in grouped(tensors):
        group = [tensors[i] for i in places]
        shared = not isinstance(other, Tensor) or other.device == group[0].device
        if real and shared and group[0].dtype in REAL_FLOATS and not _recorded([*group, *_tensors(other)]):
            foreach_scale(group, other)
        else:
            for t in group:
                t.mul_(other)
    return self


def _tensors(value: Any) -> list[Tensor]:
    return [value] if isinstance(value, Tensor) else []
