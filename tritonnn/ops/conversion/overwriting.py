"""Writing into existing memory: copy_, fill_, zero_."""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn import determinism, dispatch, dtypes
from tritonnn._levels import HOOKS, Batched, copied_for
from tritonnn._overriding import overridable
from tritonnn._tensor import Tensor, from_array
from tritonnn.dispatch import row_major
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import BatchedOperand, Invalid, fail
from tritonnn.ops._numbers import as_number
from tritonnn.ops._table import ANY, Bad, Out, Sample, attach, composite, expose, primitive
from tritonnn.ops.shape.shape import is_expandable_to, seen_once
from tritonnn.recording import graph
from tritonnn.recording.grad_mode import state
from tritonnn.recording.graph import register_overwriting_ops
from tritonnn.recording.refusals import check_recorded_write, is_of_leaf
from tritonnn.table.arguments import is_number, plain_number
from tritonnn.table.types import Number


@primitive(float8=True, dtypes=ANY)
def copy_values(src: Tensor) -> Out:
    """The values of `src`, broadcast and cast to the tensor written: what `x.copy_(src)` runs."""
    return Out(src.shape, src.dtype)


def _zeros(g: Tensor) -> Tensor:
    from tritonnn.ops.creation.creation import zeros_like

    return zeros_like(g)


@primitive(float8=True, dtypes=ANY, recorded=True, grad={"input": _zeros, "src": lambda g: g})
def copied_over(input: Tensor, src: Tensor) -> Out:
    """History of a tensor after `input.copy_(src)`; recorded, never run."""
    return Out(input.shape, input.dtype)


@primitive(float8=True, dtypes=ANY, recorded=True, grad={"input": _zeros})
def filled_over(input: Tensor) -> Out:
    """History of a tensor that was overwritten with constants; recorded, never run."""
    return Out(input.shape, input.dtype)


register_overwriting_ops(copied_over.op, filled_over.op)


@primitive(float8=True, dtypes=ANY)
def fill_values(value: Number) -> Any:
    """One number for every element of the tensor that is written: what `x.fill_(value)` runs."""
    raise NotImplementedError("fill_values writes into tensors that exist")


dispatch.register_copy(copy_values.op)


_WIDEST = {bool: dtypes.bool_, int: dtypes.int64, float: dtypes.float64, complex: dtypes.complex128}


def copy_(
    self: Tensor, other: Any = None, non_blocking: bool = False, broadcast: bool = True, **old: Any
) -> Tensor:
    """Overwrite with the values of `other` (also `src`), broadcast and cast; gradients flow to it.

    Args:
        other: a tensor of any device, or a number.
        non_blocking: whether a copy between devices may still run when this returns.
        broadcast: whether the shape of `other` need not be the same.

    >>> import tritonnn as torch
    >>> torch.zeros(2, dtype=torch.int64).copy_(torch.tensor(3.7))
    tensor([3, 3])
    """
    non_blocking = old.pop("async", non_blocking)
    src = old.pop("src", None) if other is None else other
    if old:
        raise TypeError(f"copy_() got an unexpected keyword argument '{next(iter(old))}'")
    if not isinstance(non_blocking, (bool, np.bool_)):
        kind = type(non_blocking).__name__
        raise TypeError(f"copy_(): argument 'non_blocking' (position 2) must be bool, not {kind}")
    if not isinstance(src, Tensor) and is_number(src):
        number = plain_number(src)
        kind = _WIDEST[type(number)]
        src = from_array(np.array(number, kind.np), kind)
    if not isinstance(src, Tensor):
        raise TypeError(f"copy_(): argument 'other' (position 1) must be Tensor, not {type(src).__name__}")
    if self is src:
        if state.enabled and self.requires_grad:
            check_recorded_write(self)
        dispatch.wrote(self, "copy_")
        return self
    refuse_shells("copy_", src.dtype, self.dtype)
    dispatch.check_inplace(copy_values.op, self, state.enabled and self.dtype.kind >= 2 and src.requires_grad)
    fits = is_expandable_to(src.shape, self.shape) if broadcast else src.shape == self.shape
    if not fits:
        text = f"The expanded size of the tensor {list(self.shape)} must match the existing size {list(src.shape)}"
        raise fail("copy_", text, self=self, src=src)
    recorded = state.enabled and self.dtype.kind >= 2 and not (state.hidden and is_of_leaf(self))
    recorded = recorded and (self.requires_grad or src.requires_grad)
    given, edge = src, graph.edge_of(src) if recorded else None
    if src._storage.block is self._storage.block and not self.is_set_to(src):
        dispatch.refuse_partial_overlap(self, (src,))
        src = row_major(src)  # NumPy and kernels may write before they read where memory overlaps
    try:
        if non_blocking and self.device is not src.device:
            from tritonnn.runtime.interface import runtime

            with runtime().non_blocking():
                dispatch.copy_into(self, src)
        else:
            dispatch.copy_into(self, src)
    except BatchedOperand:
        raise HOOKS["unbatched"]("inplace arithmetic") from None
    dispatch.wrote(self, "copy_")
    if recorded:
        graph.overwritten(self, given, edge)
    return self


def refuse_shells(name: str, source: DType, target: DType) -> None:
    """Refuse to convert bytes that stand for no numbers, and to copy those of few bits at all.

    Raises:
        NotImplementedError: that is asked for.
    """
    if source in _SHELLS or target in _SHELLS:
        if source is not target or source in dtypes.FEW_BITS:
            raise NotImplementedError(
                f"{name}: not implemented from {source.name} to {target.name}. Hint: .view(torch.uint8) shows the bytes"
            )


_SHELLS = frozenset(dtypes.SHELLS)
attach(copy_=overridable(copy_))


@composite(
    api="torch",
    dtypes=ANY,
    samples=lambda make: [Sample(make(2, 3), 2)],
    reference=lambda input, value: np.full_like(input, value),
    errors=lambda make: [
        Bad(make(2), make(2), match="only supports 0-dimension value tensor"),
        Bad(make(2), "a", error=TypeError, match="expected a number, but got str"),
    ],
)
def fill(input: Tensor, value: Any) -> Tensor:
    """`value` in the shape and dtype of `input`.

    >>> import tritonnn as torch
    >>> torch.fill(torch.ones(2), 7)
    tensor([7., 7.])
    """
    return filled(copied_for(input, value), value, "fill")


def fill_(input: Tensor, value: Tensor | Number) -> Tensor:
    """Overwrite every element with a number or a 0-d tensor.

    Raises:
        RuntimeError: a number that the dtype cannot hold. As in PyTorch, a single element of 16 or 8 bits is
            converted instead, and what is too large becomes infinite, or float8_e4m3fn's largest number.
        OverflowError: an integer of more than 64 bits.

    >>> import tritonnn as torch
    >>> torch.empty(2).fill_(3)
    tensor([3., 3.])
    """
    if not isinstance(input, Tensor):
        raise TypeError(f"fill_(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    return filled(input, value, "fill_")


def filled(input: Tensor, value: Tensor | Number, name: str) -> Tensor:
    """`fill_` for a call that errors give another name."""
    if input.__class__ is Batched:
        return input.fill_(value)
    if isinstance(value, Tensor):
        if value.shape:
            raise fail(
                name,
                f"only supports 0-dimension value tensor but got tensor with {len(value.shape)} dimensions.",
                value=value,
            )
        return copy_(input, value)
    if dispatch.is_expanded(input):  # each element of memory once
        filled(seen_once(input), value, name)
        return input
    dispatch.check_inplace(copy_values.op, input)
    if input.dtype in _SHELLS:
        raise _unfilled(name, input.dtype)
    try:
        value = as_number(input.dtype, value, strict=input.numel() != 1)
    except Invalid as invalid:
        raise fail(name, str(invalid), kind=invalid.kind, input=input) from None
    except TypeError as error:
        raise TypeError(f"{name}(): {error}") from None
    dispatch.run_into(fill_values.op, input, (value,))
    return overwritten(input, "fill_")


def fill_fresh(fresh: Tensor, value: Any, name: str) -> Tensor:
    """Fill memory that nobody has seen yet, so without looking at graphs and versions; errors call it `name`."""
    if fresh._dtype in _SHELLS and "zeros" not in name:
        raise _unfilled(name, fresh._dtype)
    try:
        value = as_number(fresh._dtype, value, strict=fresh.numel() != 1)
    except Invalid as invalid:
        raise fail(name, str(invalid), kind=invalid.kind, result=fresh) from None
    dispatch.run_into(fill_values.op, fresh, (value,))
    return fresh


def _unfilled(name: str, dtype: DType) -> NotImplementedError:
    return NotImplementedError(
        f"{name}: not implemented for {dtype.name}, whose elements are no numbers. "
        "Hint: .view(torch.uint8) shows its bytes"
    )


def uninitialised(fresh: Tensor) -> Tensor:
    """Memory that a program is given as it is: filled where deterministic algorithms are asked for."""
    if not determinism.fills() or fresh.dtype in _SHELLS:
        return fresh
    return fill_fresh(fresh, conspicuous(fresh.dtype), "empty")


def conspicuous(dtype: DType) -> Number:
    """NaN, the largest whole number, or True: what shows that an element was never written."""
    if dtype.kind >= 2:
        return float("nan")
    return dtypes.iinfo(dtype).max if dtype.kind else True


def overwritten(self: Tensor, op: str) -> Tensor:
    """Note that every element was replaced by a constant: no gradient reaches what was there before."""
    dispatch.wrote(self, op)
    if (self._rg or self._base is not None) and state.enabled and self.requires_grad:
        if state.hidden and is_of_leaf(self):
            return self
        graph.overwritten(self)
    return self


_ZERO: tuple[Number, ...] = (False, 0, 0.0, 0j)  # by kind of dtype


def zero_(input: Tensor) -> Tensor:
    """Overwrite every element with 0.

    >>> import tritonnn as torch
    >>> torch.zero_(torch.ones(2))
    tensor([0., 0.])
    """
    if input.__class__ is Batched:
        return input.zero_()
    if dispatch.is_expanded(input):
        zero_(seen_once(input))
        return input
    dispatch.check_inplace(copy_values.op, input)
    dispatch.run_into(fill_values.op, input, (_ZERO[input.dtype.kind],))
    return overwritten(input, "zero_")


for _overwrite in (fill_, zero_):
    expose("torch tensor", of=fill)(_overwrite)
