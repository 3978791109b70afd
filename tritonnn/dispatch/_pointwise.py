"""Calling a pointwise op: shape by broadcasting, dtype by promotion."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from tritonnn import config, dtypes, memory
from tritonnn._tensor import Tensor, make
from tritonnn.buffer import Missing
from tritonnn.device import CPU
from tritonnn.device import device as Device
from tritonnn.dispatch._backend import check_present, fresh
from tritonnn.dispatch._checks import (
    common_device,
    edges_of,
    explained,
    half_complex,
    plain_numbers,
    takes_unsigned,
)
from tritonnn.dispatch._launched import launched
from tritonnn.dispatch._quiet import QUIET, quiet_reset, quiet_set
from tritonnn.dispatch._watch import ON, entered, seen, surrounded, watchers
from tritonnn.dispatch._writing import into
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import Invalid, complete
from tritonnn.memory import Storage
from tritonnn.memory_format import kept
from tritonnn.recording.grad_mode import state
from tritonnn.recording.graph import edge_of, record
from tritonnn.shape import Size, broadcast_shapes
from tritonnn.table.shells import takes_shell

if TYPE_CHECKING:
    from tritonnn.table import Op

_np_empty = np.empty


def pointwise(op: Op, args: tuple, out: Tensor | None = None) -> Any:
    """Call a pointwise op; one tensor, or two that agree, or a tensor and a number take the short way."""
    if entered and (answer := surrounded(pointwise, op, args, out)) is not ON:
        return answer
    first = args[0]
    slots = op.tensor_slots
    if out is None and isinstance(first, Tensor) and first._device is CPU:
        shape = first._shape
        result = op.fast.get(first._dtype)
        second = None
        if len(slots) == 2 and result is not None:
            second = args[1]
            if isinstance(second, Tensor):
                if second._dtype is not first._dtype or second._shape != shape or second._device is not CPU:
                    result = None
            elif 1 not in op.number_slots:
                result = None
            elif second.__class__ is float:
                if first._dtype.kind < 2:
                    result = None
            elif second.__class__ is not int or not (
                (first._dtype.kind >= 2 and -(1 << 63) <= second < 1 << 64)
                or (first._dtype.kind == 1 and -128 <= second < 128 and first._dtype.is_signed)
            ):
                result = None
        elif len(slots) != 1:
            result = None
        if result is not None:
            return _short(op, args, first, second, shape, result)
    elif out is None and isinstance(first, Tensor) and first._device.type == "cuda":
        output = launched(op, args, plan_alike)
        if output is not None:
            return output
    return _pointwise(op, args, out)


def _short(op: Op, args: tuple, first: Tensor, second: Any, shape: Size, result: DType) -> Tensor:
    two = isinstance(second, Tensor)
    if first._stride is None and (not two or second._stride is None):
        buffer = _np_empty((*shape,), result.np)  # of a subclass NumPy asks for one extent at a time
        if config.NAN_POISON:
            memory.poison(buffer)
        output = make(buffer, Storage(buffer, CPU), shape, result, CPU)
    else:
        output = fresh(op, shape, result, CPU, kept(shape, _deciding(op, args)))
        buffer = output._buf
    run = op.cpu or op.implementation("cpu")
    token = quiet_set(QUIET)
    try:
        if second is None:
            run(buffer, first._buf, *args[1:])
        else:
            run(buffer, first._buf, second._buf if two else second, *args[2:])
    except Invalid as invalid:
        raise complete(op.public_name, (), (), invalid) from None
    finally:
        quiet_reset(token)
    if (
        (first._rg or first._base is not None or (two and (second._rg or second._base is not None)))
        and state.enabled
        and op.differentiable
    ):
        edge = edge_of(first)
        other = edge_of(second) if two else None
        if edge is not None or other is not None:
            record(op, args, (output,), [edge] if second is None else [edge, other])
    if watchers:
        seen(op, args, output)
    return output


def _deciding(op: Op, args: tuple) -> Sequence[Tensor]:
    """The operands whose strides say how the result lies in memory; the first of them comes first."""
    if (order := op.options.get("order")) is not None:
        return order(*args)
    return tuple([args[i] for i in op.tensor_slots if isinstance(args[i], Tensor)])


class Plan:
    """What `_pointwise` found out before anything is touched."""

    __slots__ = ("alike", "compute", "device", "operands", "result", "shape", "strides", "tracked")

    alike: bool  # all tensors are there, of one dtype on one device
    tracked: bool  # one of them may require a gradient
    shape: Size
    compute: DType
    result: DType
    device: Device
    operands: list  # buffers and numbers at the tensor slots
    strides: tuple[int, ...] | None  # of the result


def _pointwise(op: Op, args: tuple, out: Tensor | None) -> Any:
    plan = plan_alike(op, args)
    if plan is None:
        args = plain_numbers(op, args)
        plan = explained(op, plan_pointwise, args)
    edges = edges_of(op, args) if plan.tracked else None
    if out is not None:
        return into(op, args, out, edges, plan, lambda t: run_pointwise(op, args, plan, t))
    output = fresh(op, plan.shape, plan.result, plan.device, plan.strides)
    run_pointwise(op, args, plan, output)
    if edges is not None:
        record(op, args, (output,), edges)
    if watchers:
        seen(op, args, output)
    return output


def plan_alike(op: Op, args: tuple) -> Plan | None:
    """The plan where it needs no promotion: tensors of one dtype on one device, and numbers that fit it.

    Returns None for everything else, errors included: the long way finds what is wrong.
    """
    device: Any = None
    dtype: Any = None
    shape: Any = None
    row_major = True
    tracked = False
    operands = []
    for i in op.tensor_slots:
        value = args[i]
        if isinstance(value, Tensor):
            if device is None:
                device, shape = value._device, value._shape
            elif value._device is not device:
                return None
            elif value._shape != shape:
                shape = _broadcast(shape, value._shape)
                if shape is None:
                    return None
            if i in op.promoting:
                if dtype is None:
                    dtype = value._dtype
                elif value._dtype is not dtype:
                    return None
            if value._stride is not None:
                row_major = False
            if value._rg or value._base is not None:
                tracked = True
            buffer = value._buf
            if buffer.__class__ is Missing:
                return None
            operands.append(buffer)
        elif value is not None and i not in op.number_slots:
            return None
        else:
            operands.append(value)
    result = None if dtype is None or shape is None else op.fast.get(dtype)
    if result is None:
        return None
    for number, i in enumerate(op.tensor_slots):
        value = args[i]
        kind = value.__class__
        if kind is int and dtype.kind == 2 and -(1 << 63) <= value < 1 << 64:
            operands[number] = float(value)
        elif kind is int:
            if dtype.kind != 1 or not 0 <= value < 128:
                return None
        elif kind is float:
            if dtype.kind != 2:
                return None
        elif not isinstance(value, Tensor) and (value is not None or i not in op.optional_slots):
            return None
    plan = Plan()
    plan.device, plan.shape, plan.compute, plan.result, plan.operands = device, shape, dtype, result, operands
    plan.alike, plan.tracked = True, tracked
    plan.strides = None if row_major else kept(shape, _deciding(op, args))
    return plan


@lru_cache(maxsize=1024)
def _broadcast_pair(a: Size, b: Size) -> Size:
    return broadcast_shapes(a, b)


def _broadcast(a: Size, b: Size) -> Size | None:
    try:
        return _broadcast_pair(a, b)
    except Invalid:
        return None


def plan_pointwise(op: Op, args: tuple) -> Plan:
    tensors = [args[i] for i in op.tensor_slots if isinstance(args[i], Tensor)]
    plan = Plan()
    plan.alike, plan.tracked = False, True
    if not tensors:
        wanted = "Tensor" if len(op.tensor_slots) == 1 else "a Tensor, one of them at least"
        raise Invalid(
            f"argument '{op.names[0]}' must be {wanted}, not {type(args[0]).__name__}", kind=TypeError
        )
    plan.device = common_device(op, args, tensors)
    plan.shape = tensors[0]._shape if len(tensors) == 1 else broadcast_shapes(*[t._shape for t in tensors])
    plan.strides = kept(plan.shape, _deciding(op, args))
    for tensor in tensors:
        if tensor._dtype in op.refuse:
            raise Invalid(op.refuse[tensor._dtype])
    if dtypes.bool_ in op.refuse and any(args[i] is True or args[i] is False for i in op.promoting):
        raise Invalid(op.refuse[dtypes.bool_])
    common = result_type(*[args[i] for i in op.promoting if args[i] is not None])
    assert op.result_rule is not None
    if common is dtypes.complex32:
        raise half_complex(op)
    if common not in op.dtypes and not (
        takes_unsigned(op) if common in dtypes.UNSIGNED else takes_shell(op.name, common)
    ):
        given = next((t for i in op.promoting if isinstance(t := args[i], Tensor)), tensors[0])
        raise Invalid(
            f"not implemented for {common.name} (given {given._dtype.name}); implemented for "
            f"{', '.join(d.name for d in op.dtypes)}",
            kind=NotImplementedError,
        )
    plan.compute, plan.result = op.result_rule(common)
    if plan.compute.kind == 1 and plan.result is dtypes.bool_ and not _all_fit(op, args, plan.compute):
        plan.compute = dtypes.int64  # comparing with a number wraps neither side
    plan.operands = [_operand(op, i, args[i], plan) for i in op.tensor_slots]
    return plan


def _all_fit(op: Op, args: tuple, dtype: DType) -> bool:
    """Whether every whole number among the operands is one of `dtype`."""
    bits = dtype.itemsize * 8 - dtype.is_signed
    return all(
        -(1 << bits) * dtype.is_signed <= args[i] < 1 << bits
        for i in op.promoting
        if args[i].__class__ is int
    )


#: what is computed with the digits of a second operand of no dimensions, beside data of half precision
_BY_NUMBER = frozenset(("mul", "div"))


def _operand(op: Op, i: int, value: Any, plan: Plan) -> Any:
    """A tensor's buffer, in the compute dtype on the CPU (a kernel casts as it loads); numbers wrapped to fit."""
    if isinstance(value, Tensor):
        if value._device is not plan.device:  # a 0-d CPU tensor among GPU tensors counts as a number
            return value.item()
        if i in op.promoting and plan.device is CPU and value._dtype is not plan.compute:
            if i == 1 and not value._shape and op.name in _BY_NUMBER and plan.compute.itemsize == 2:
                return value.item()  # a kernel casts it to float32 as well
            from tritonnn.cpu_fallback import cast

            token = quiet_set(QUIET)
            try:
                return cast(value._buf, plan.compute.np)
            finally:
                quiet_reset(token)
        return value._buf
    if value.__class__ is int and not -(1 << 63) <= value < 1 << 64:
        raise Invalid("an integer of more than 64 bits: int too big to convert", kind=OverflowError)
    if value.__class__ is int and plan.compute.kind == 1:
        bits = plan.compute.itemsize * 8
        value &= (1 << bits) - 1
        return value - (1 << bits) if plan.compute.is_signed and value >> (bits - 1) else value
    if plan.compute.kind == 2 and value.__class__ in (bool, int):
        return float(value)
    return value


def run_pointwise(op: Op, args: tuple, plan: Plan, output: Tensor) -> None:
    slots = op.tensor_slots
    rest = [args[i] for i in range(len(args)) if i not in slots] if len(args) > len(slots) else ()
    device = output._device
    if device.type == "meta":
        return
    if device is CPU:
        run = op.cpu or op.implementation("cpu")
        token = quiet_set(QUIET)
        try:
            run(output._buf, *plan.operands, *rest)
        except Invalid as invalid:
            raise complete(op.public_name, (), (), invalid) from None
        finally:
            quiet_reset(token)
    else:
        if not plan.alike:
            check_present(op, args)
        run = op.gpu or op.implementation("cuda")
        run(output._buf, *plan.operands, *rest, compute=plan.compute)


_SCALARS = (bool, int, float, complex, np.number, np.bool_)
_PAIR = ("tensor", "other", "scalar", "scalar1", "scalar2")


def result_type(*values: Any, **named: Any) -> DType:
    """PyTorch's promotion: tensors with dimensions, then 0-d tensors, then numbers; a later group only counts where
    its category (bool, integer, floating, complex) is higher.

    >>> import tritonnn as torch
    >>> torch.result_type(torch.tensor([1, 2]), 1.5)
    torch.float32
    """
    for name in named:
        if name not in _PAIR:
            raise TypeError(f"result_type() got an unexpected keyword argument '{name}'")
    values = (*values, *named.values())
    groups: list[DType | None] = [None, None, None]
    for value in values:
        if isinstance(value, Tensor):
            group, dtype = (0, value._dtype) if value._shape else (1, value._dtype)
        else:
            if not isinstance(value, _SCALARS):
                raise TypeError(
                    f"result_type(): arguments must be Tensor or Number, not {type(value).__name__}"
                )
            group, dtype = 2, dtypes.scalar_dtype(value)
        have = groups[group]
        groups[group] = dtype if have is None else dtypes.promote_types(have, dtype)
    common: DType | None = None
    for group_dtype in groups:
        if group_dtype is not None and (common is None or group_dtype.kind > common.kind):
            if common in dtypes.SHELLS and group_dtype.kind == 2:
                group_dtype = dtypes.promote_types(common, group_dtype)
            if common is not None and common.kind == 2 and group_dtype.kind == 3:
                group_dtype = common.to_complex()  # a complex number keeps the tensor's precision
            common = group_dtype
    if common is None:
        raise TypeError("result_type() needs at least one argument")
    return common
