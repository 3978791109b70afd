"""The one call path of every op: check, promote, allocate, run the backend's function, record the graph node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from tritonnn import config, dtypes, storage
from tritonnn.autograd import graph
from tritonnn.autograd.grad_mode import state
from tritonnn.autograd.graph import edge_of, record
from tritonnn.device import CPU
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import Invalid, complete
from tritonnn.shape import SCALAR, Size, broadcast_shapes
from tritonnn.storage import Storage
from tritonnn.tensor import Tensor, make, make_view

if TYPE_CHECKING:
    from tritonnn.ops._table import Op

_np_empty = np.empty

try:  # the switch behind np.errstate, without its cost of most of a small op
    from numpy._core.umath import _extobj_contextvar, _make_extobj

    _QUIET = _make_extobj(all="ignore")
    _quiet_set, _quiet_reset = _extobj_contextvar.set, _extobj_contextvar.reset
except ImportError:  # another NumPy keeps it elsewhere: the public, slower way

    def _quiet_set(_: Any) -> Any:
        manager = np.errstate(all="ignore")
        manager.__enter__()
        return manager

    def _quiet_reset(manager: Any) -> None:
        manager.__exit__(None, None, None)

    _QUIET = None


# ---- pointwise ------------------------------------------------------------------------------------------


def pointwise(op: Op, args: tuple, out: Tensor | None = None) -> Any:
    """Call a pointwise op; one tensor, or two that agree, or a tensor and a number take the short way."""
    first = args[0]
    slots = op.tensor_slots
    if out is None and isinstance(first, Tensor) and first.device is CPU:
        shape = first.shape
        result = op.fast.get(first.dtype)
        second = None
        if len(slots) == 2 and result is not None:
            second = args[1]
            if isinstance(second, Tensor):
                if second.dtype is not first.dtype or second.shape != shape or second.device is not CPU:
                    result = None
            elif second.__class__ is float:
                if first.dtype.kind < 2:
                    result = None
            elif second.__class__ is not int or not (
                first.dtype.kind >= 2
                or (first.dtype.kind == 1 and -128 <= second < 128 and first.dtype.is_signed)
            ):
                result = None
        elif len(slots) != 1:
            result = None
        if result is not None:
            return _short(op, args, first, second, shape, result)
    return _pointwise(op, args, out)


def _short(op: Op, args: tuple, first: Tensor, second: Any, shape: Size, result: DType) -> Tensor:
    buffer = _np_empty(shape, result.np)
    if config.NAN_POISON:
        storage.poison(buffer)
    run = op.cpu or op.implementation("cpu")
    token = _quiet_set(_QUIET)
    two = isinstance(second, Tensor)
    try:
        if second is None:
            run(buffer, first._buf, *args[1:])
        else:
            run(buffer, first._buf, second._buf if two else second, *args[2:])
    finally:
        _quiet_reset(token)
    made = make(buffer, Storage(buffer, CPU), shape, result, CPU)
    if (
        state.enabled
        and op.differentiable
        and (first._rg or first._base is not None or (two and (second._rg or second._base is not None)))
    ):
        edge = edge_of(first)
        other = edge_of(second) if two else None
        if edge is not None or other is not None:
            record(op, args, (made,), [edge] if second is None else [edge, other])
    return made


class _Plan:
    """What `_pointwise` found out before anything is touched."""

    __slots__ = ("compute", "device", "operands", "result", "shape")

    shape: Size
    compute: DType
    result: DType
    device: Any
    operands: list  # buffers and numbers at the tensor slots


def _pointwise(op: Op, args: tuple, out: Tensor | None) -> Any:
    plan = _plan_alike(op, args)
    if plan is None:
        args = _numbers(op, args)
        plan = _explained(op, _plan_pointwise, args)
    edges = _edges(op, args)
    if out is not None:
        return _into(
            op, args, out, edges, plan.shape, plan.result, lambda t: _run_pointwise(op, args, plan, t)
        )
    made = _empty(op, plan.shape, plan.result, plan.device)
    _run_pointwise(op, args, plan, made)
    if edges is not None:
        record(op, args, (made,), edges)
    return made


def _plan_alike(op: Op, args: tuple) -> _Plan | None:
    """The plan where it needs no promotion: tensors of one dtype on one device, and numbers that fit it.

    Returns None for everything else, errors included: the long way finds what is wrong.
    """
    device = dtype = shape = None
    operands = []
    for i in op.tensor_slots:
        value = args[i]
        if isinstance(value, Tensor):
            if device is None:
                device, shape = value.device, value.shape
            elif value.device is not device:
                return None
            elif value.shape != shape:
                shape = _broadcast(shape, value.shape)  # type: ignore[arg-type]
                if shape is None:
                    return None
            if i in op.promoting:
                if dtype is None:
                    dtype = value.dtype
                elif value.dtype is not dtype:
                    return None
            operands.append(value._buf)
        else:
            operands.append(value)
    result = None if dtype is None or shape is None else op.fast.get(dtype)
    if result is None:
        return None
    for number, i in enumerate(op.tensor_slots):
        value = args[i]
        kind = value.__class__
        if kind is int and dtype.kind == 2:  # type: ignore[union-attr]
            operands[number] = float(value)
        elif kind is int:
            if dtype.kind != 1 or not 0 <= value < 128:  # type: ignore[union-attr]
                return None
        elif kind is float:
            if dtype.kind != 2:  # type: ignore[union-attr]
                return None
        elif not isinstance(value, Tensor) and (value is not None or i not in op.optional_slots):
            return None
    plan = _Plan()
    plan.device, plan.shape, plan.compute, plan.result, plan.operands = device, shape, dtype, result, operands
    return plan


@lru_cache(maxsize=1024)
def _broadcast_pair(a: Size, b: Size) -> Size:
    return broadcast_shapes(a, b)


def _broadcast(a: Size, b: Size) -> Size | None:
    try:
        return _broadcast_pair(a, b)
    except Invalid:
        return None


def _numbers(op: Op, args: tuple) -> tuple:
    """NumPy scalars at tensor slots as Python numbers; anything else that is no tensor is refused."""
    for i in op.tensor_slots:
        value = args[i]
        if (
            isinstance(value, Tensor)
            or value.__class__ in _NUMBERS
            or (value is None and i in op.optional_slots)
        ):
            continue
        if isinstance(value, (np.number, np.bool_)):
            args = (*args[:i], value.item(), *args[i + 1 :])
        elif isinstance(value, (bool, int, float, complex)):  # a subclass, such as an IntEnum's member
            plain = int(value) if isinstance(value, int) else value
            args = (*args[:i], plain, *args[i + 1 :])
        else:
            raise _not_a_tensor(op, i, value)
    return args


_NUMBERS = frozenset((bool, int, float, complex))


def _not_a_tensor(op: Op, i: int, value: Any) -> TypeError:
    wanted = "Tensor or Number" if i in op.number_slots else "Tensor"
    return TypeError(
        f"{op.name}(): argument '{op.names[i]}' (position {i + 1}) must be {wanted}, not {type(value).__name__}"
    )


def _plan_pointwise(op: Op, args: tuple) -> _Plan:
    tensors = [args[i] for i in op.tensor_slots if isinstance(args[i], Tensor)]
    plan = _Plan()
    if not tensors:
        raise Invalid(f"expected at least one tensor, got {args}", kind=TypeError)
    plan.device = _common_device(op, args, tensors)
    plan.shape = tensors[0].shape if len(tensors) == 1 else broadcast_shapes(*[t.shape for t in tensors])
    for tensor in tensors:
        if tensor.dtype in op.refuse:
            raise Invalid(op.refuse[tensor.dtype])
    common = result_type(*[args[i] for i in op.promoting if args[i] is not None])
    assert op.result_rule is not None
    if common not in op.dtypes:
        given = next((t for i in op.promoting if isinstance(t := args[i], Tensor)), tensors[0])
        raise Invalid(
            f"not implemented for {common.name} (given {given.dtype.name}); implemented for "
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


def _operand(op: Op, i: int, value: Any, plan: _Plan) -> Any:
    """A tensor's buffer, in the compute dtype on the CPU (a kernel casts as it loads); numbers wrapped to fit."""
    if isinstance(value, Tensor):
        if value.device is not plan.device:  # a 0-d CPU tensor among GPU tensors counts as a number
            return value.item()
        if i in op.promoting and plan.device is CPU and value.dtype is not plan.compute:
            from tritonnn.cpu_fallback import cast

            return cast(value._buf, plan.compute.np)
        return value._buf
    if value.__class__ is int and plan.compute.kind == 1:
        bits = plan.compute.itemsize * 8
        value &= (1 << bits) - 1
        return value - (1 << bits) if plan.compute.is_signed and value >> (bits - 1) else value
    if plan.compute.kind == 2 and value.__class__ in (bool, int):
        return float(value)
    return value


def _run_pointwise(op: Op, args: tuple, plan: _Plan, made: Tensor) -> None:
    rest = [args[i] for i in range(len(args)) if i not in op.tensor_slots]
    if made.device.type == "meta":
        return
    if made.device is CPU:
        run = op.cpu or op.implementation("cpu")
        token = _quiet_set(_QUIET)
        try:
            run(made._buf, *plan.operands, *rest)
        finally:
            _quiet_reset(token)
    else:
        run = op.gpu or op.implementation("cuda")
        run(made._buf, *plan.operands, *rest, compute=plan.compute)


def result_type(*values: Any) -> DType:
    """PyTorch's promotion: tensors with dimensions, then 0-d tensors, then numbers; a later group only counts where
    its category (bool, integer, floating, complex) is higher.

    >>> import tritonnn as torch
    >>> torch.result_type(torch.tensor([1, 2]), 1.5)
    torch.float32
    """
    groups: list[DType | None] = [None, None, None]
    for value in values:
        if isinstance(value, Tensor):
            group, found = (0, value.dtype) if value.shape else (1, value.dtype)
        else:
            group, found = 2, dtypes.scalar_dtype(value)
        have = groups[group]
        groups[group] = found if have is None else dtypes.promote_types(have, found)
    common: DType | None = None
    for found_or_none in groups:
        if found_or_none is not None and (common is None or found_or_none.kind > common.kind):
            if common is not None and common.kind == 2 and found_or_none.kind == 3:
                found_or_none = common.to_complex()  # a complex number keeps the tensor's precision
            common = found_or_none
    if common is None:
        raise TypeError("result_type() needs at least one argument")
    return common


# ---- every other primitive ------------------------------------------------------------------------------


def call(op: Op, args: tuple, out: Any = None) -> Any:
    """Call a primitive: its rule checks and tells what to allocate; then the backend's function of its name runs."""
    _check_slots(op, args)
    try:
        planned = op.rule(*args)
    except Invalid as invalid:
        raise complete(op.name, op.names, args, invalid) from None
    if planned.__class__ is tuple and len(planned) == 2 and planned[1].__class__ is tuple:
        outs, args = planned
    else:
        outs = planned
    device = _device(op, args)
    if op.host and device is not None and device.type == "cuda":
        return _through_host(op, args, out, device)
    edges = _edges(op, args) if op.differentiable and state.enabled else None
    if out is not None:
        return _call_out(op, args, out, outs, edges)
    if op.alloc:
        results = _run_allocating(op, args, device)
    elif outs.__class__ is tuple:
        results = tuple([_empty(op, spec.shape, spec.dtype, device or spec.device or CPU) for spec in outs])
        _run(op, results, args)
    else:
        results = (_empty(op, outs.shape, outs.dtype, device or outs.device or CPU),)
        _run(op, results, args)
    if edges is not None:
        record(op, args, results, edges)
    return results[0] if len(results) == 1 else _named(op, results)


_warned: set[str] = set()


def _through_host(op: Op, args: tuple, out: Any, device: Any) -> Any:
    """Run an op that is declared to run on the host on GPU tensors: copy there, compute, copy back."""
    if op.name not in _warned:
        import warnings

        _warned.add(op.name)
        warnings.warn(f"{op.name} runs through LAPACK on the host: its tensors are copied there and back", stacklevel=5)
    made = call(op, tuple([arg.cpu() if isinstance(arg, Tensor) else arg for arg in args]))
    results = made if isinstance(made, tuple) else (made,)
    moved = tuple([result.to(device) for result in results])
    if out is not None:
        for target, result in zip(out if isinstance(out, (tuple, list)) else (out,), moved, strict=True):
            check_out(op, target, None, result.dtype)
            if target.shape != result.shape:
                resize_out(op, target, result.shape)
            copy_into(target, result)
            wrote(target, op.name)
        return out
    return moved[0] if len(moved) == 1 else _named(op, moved)


def _check_slots(op: Op, args: tuple) -> None:
    """Refuse what is no tensor where one belongs."""
    for i in op.tensor_slots:
        value = args[i]
        if not isinstance(value, Tensor):
            _tensors(op, args)
            return


def _device(op: Op, args: tuple) -> Any:
    """The one device of all tensor arguments; None where there is no tensor."""
    device = None
    for i in op.tensor_slots:
        value = args[i]
        if isinstance(value, Tensor):
            if device is None:
                device = value.device
            elif value.device is not device:
                break
        elif value is not None:
            break
    else:
        return device
    tensors = _tensors(op, args)
    return _explained(op, _common_device, args, tensors) if tensors else None


def _plan(op: Op, args: tuple) -> Any:
    return op.rule(*args)


def _explained(op: Op, step: Callable, args: tuple, *more: Any) -> Any:
    try:
        return step(op, args, *more)
    except Invalid as invalid:
        raise complete(op.name, op.names, args, invalid) from None


def _tensors(op: Op, args: tuple) -> list[Tensor]:
    found = []
    for i in op.tensor_slots:
        value = args[i]
        if isinstance(value, Tensor):
            found.append(value)
        elif i in op.list_slots and isinstance(value, (list, tuple)):
            for place, item in enumerate(value):
                if not isinstance(item, Tensor):
                    raise TypeError(
                        f"{op.name}(): argument '{op.names[i]}' must be tuple of Tensors, but found element of type "
                        f"{type(item).__name__} at pos {place}"
                    )
            found += value
        elif not (value is None and i in op.optional_slots) and not (
            i in op.number_slots and _is_number(value)
        ):
            raise _not_a_tensor(op, i, value)
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, (bool, int, float, complex, np.number))


def _common_device(op: Op, args: tuple, tensors: Sequence[Tensor]) -> Any:
    device = tensors[0].device
    for tensor in tensors:
        if tensor.device is not device:
            if op.result_rule is not None and not tensor.shape and tensor.device is CPU:
                continue
            if op.result_rule is not None and device is CPU and not tensors[0].shape:
                return _common_device(op, args, [t for t in tensors if t.shape or t.device is not CPU])
            raise Invalid(
                f"Expected all tensors to be on the same device, but found at least two devices, {device} and "
                f"{tensor.device}!",
                hint="move one of them with .to(device)",
            )
    return device


def _run(op: Op, results: tuple, args: tuple, device: Any = None) -> None:
    device = device or results[0].device
    if device is CPU:
        run = op.cpu or op.implementation("cpu")
        token = _quiet_set(_QUIET)
        try:
            run(*[result._buf for result in results], *_buffers(op, args))
        finally:
            _quiet_reset(token)
    elif device.type != "meta":
        run = op.gpu or op.implementation("cuda")
        run(*[result._buf for result in results], *_buffers(op, args))


def _buffers(op: Op, args: tuple) -> list:
    """The arguments as a backend takes them: buffers for tensors, everything else as it is."""
    if op.list_slots:
        return [
            arg._buf if isinstance(arg, Tensor) else [t._buf for t in arg] if i in op.list_slots else arg
            for i, arg in enumerate(args)
        ]
    if op.rule_only:
        args = tuple([arg for i, arg in enumerate(args) if i not in op.rule_only])
    return [arg._buf if isinstance(arg, Tensor) else arg for arg in args]


def _run_allocating(op: Op, args: tuple, device: Any) -> tuple:
    """Run an op whose result sizes depend on data; it allocates through what it is given."""
    made: dict[int, Tensor] = {}

    def alloc(shape: tuple[int, ...], dtype: DType) -> Any:
        tensor = _empty(op, Size(shape), dtype, device)
        made[id(tensor._buf)] = tensor
        return tensor._buf

    if device.type == "meta":
        raise NotImplementedError(
            f"{op.name}: the size of the result depends on data, which meta tensors do not have"
        )
    buffers = [arg._buf if isinstance(arg, Tensor) else arg for arg in args]
    run = op.implementation(device.type)
    token = _quiet_set(_QUIET)
    try:
        outs = run(alloc, *buffers)
    finally:
        _quiet_reset(token)
    return tuple(made[id(buf)] for buf in (outs if isinstance(outs, tuple) else (outs,)))


def _empty(op: Op, shape: Size, dtype: DType, device: Any) -> Tensor:
    buffer, block = storage.empty(shape, dtype, device, op.name)
    return make(buffer, block, shape, dtype, device)


def _named(op: Op, results: tuple) -> Any:
    if op.tuple_type is None:
        from collections import namedtuple

        op.tuple_type = namedtuple(op.name, op.results)  # type: ignore[misc]
    return op.tuple_type(*results)


def _edges(op: Op, args: tuple) -> list | None:
    """Where the gradients of the tensor arguments go; None when nothing is to be recorded."""
    if not state.enabled or not op.differentiable:
        return None
    edges = []
    for i in op.tensor_slots:
        value = args[i]
        if isinstance(value, Tensor):
            edges.append(edge_of(value))
        elif i in op.list_slots:
            edges += [edge_of(item) for item in value]
        else:
            edges.append(None)
    return edges if any([edge is not None for edge in edges]) else None


# ---- out= and in-place ----------------------------------------------------------------------------------


def _into(
    op: Op, args: tuple, out: Tensor, edges: list | None, shape: Size, dtype: DType, run: Callable
) -> Tensor:
    """Write a result into `out`, resizing it where needed."""
    check_out(op, out, edges, dtype)
    if out.shape != shape:
        resize_out(op, out, shape)
    if out.dtype is dtype and not _overlaps(out, args):
        run(out)
    else:
        made = _empty(op, shape, dtype, out.device)
        run(made)
        copy_into(out, made)
    wrote(out, op.name)
    return out


def check_out(op: Op, out: Any, edges: list | None, dtype: DType) -> None:
    """Refuse an `out=` that cannot take the result, before anything is computed."""
    if not isinstance(out, Tensor):
        raise TypeError(f"{op.name}(): argument 'out' must be Tensor, not {type(out).__name__}")
    if edges is not None or (state.enabled and out.requires_grad):
        raise RuntimeError(
            f"{op.name}(): functions with out=... arguments don't support automatic differentiation, but one of the "
            "arguments requires grad."
        )
    if not dtypes.can_cast(dtype, out.dtype):
        raise RuntimeError(
            f"result type {dtype.name} can't be cast to the desired output type {out.dtype.name}"
        )


def resize_out(op: Op, out: Tensor, shape: Size) -> None:
    """Give `out` the result's shape, with PyTorch's warning where it held something else."""
    if out.numel():
        import warnings

        warnings.warn(
            f"An output with one or more elements was resized since it had shape {list(out.shape)}, which does not "
            f"match the required output shape {list(shape)}. This behavior is deprecated.",
            stacklevel=5,
        )
    out.resize_(shape)


def _overlaps(out: Tensor, args: tuple) -> bool:
    """Whether an argument shares memory with `out` other than element for element."""
    for arg in args:
        for tensor in arg if isinstance(arg, (list, tuple)) else (arg,):
            if (
                isinstance(tensor, Tensor)
                and tensor._storage.block is out._storage.block
                and tensor is not out
            ):
                return True
    return False


def _call_out(op: Op, args: tuple, out: Any, outs: Any, edges: list | None) -> Any:
    specs = outs if outs.__class__ is tuple else (outs,)
    targets = out if isinstance(out, (tuple, list)) else (out,)
    if not op.out or op.alloc:
        made = call(op, args)
        results = made if isinstance(made, tuple) else (made,)
        for target, result in zip(targets, results, strict=True):
            check_out(op, target, edges, result.dtype)
            if target.shape != result.shape:
                resize_out(op, target, result.shape)
            copy_into(target, result)
            wrote(target, op.name)
        return out
    if len(targets) != len(specs):
        raise TypeError(f"{op.name}(): out= takes {len(specs)} tensors, got {len(targets)}")
    for target, spec in zip(targets, specs, strict=True):
        check_out(op, target, edges, spec.dtype)
    direct = all(
        target.dtype is spec.dtype and not any(_overlaps(target, (arg,)) or arg is target for arg in args)
        for target, spec in zip(targets, specs, strict=True)
    )
    for target, spec in zip(targets, specs, strict=True):
        if target.shape != spec.shape:
            resize_out(op, target, spec.shape)
    device = targets[0].device
    results = tuple(targets) if direct else tuple(_empty(op, s.shape, s.dtype, device) for s in specs)
    _run(op, results, args)
    for target, result in zip(targets, results, strict=True):
        if target is not result:
            copy_into(target, result)
        wrote(target, op.name)
    return out if len(targets) == 1 else _named(op, tuple(targets))


def copy_into(out: Tensor, source: Tensor) -> None:
    """Copy values with cast and broadcast; no graph, no version."""
    if out.device.type == "meta":
        return
    if out.device is not source.device:
        from tritonnn.ops.conversion import to_device

        source = to_device(source, out.device)
    if out.device is CPU:
        from tritonnn.cpu_fallback.shape import copy

        token = _quiet_set(_QUIET)
        copy(out._buf, source._buf)
        _quiet_reset(token)
    else:
        from tritonnn.kernels.shape import copy as copy_kernel

        buffer = source._buf
        if source.shape != out.shape:
            from tritonnn.shape import expanded_strides

            buffer = buffer.as_strided(
                tuple(out.shape), expanded_strides(source.shape, source.stride(), out.shape)
            )
        copy_kernel(out._buf, buffer)


def wrote(tensor: Tensor, op: str) -> None:
    """Note an in-place write."""
    block = tensor._storage
    block.version += 1
    block.writer = op


def check_inplace(op: Op, target: Any) -> None:
    """Refuse in-place writes that would lose a gradient or overwrite one element twice."""
    if not isinstance(target, Tensor):
        raise TypeError(f"{op.name}_(): the first argument must be Tensor, not {type(target).__name__}")
    if state.enabled:
        if target._rg and target._node is None and target._base is None:
            raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
        base = target._base
        if base is not None and base._rg and base._node is None:
            raise RuntimeError(
                "a view of a leaf Variable that requires grad is being used in an in-place operation."
            )
    if target._stride is not None and any(
        stride == 0 and extent > 1 for stride, extent in zip(target._stride, target.shape, strict=True)
    ):
        raise RuntimeError(
            "unsupported operation: more than one element of the written-to tensor refers to a single memory "
            "location. Please clone() the tensor before performing the operation."
        )


def inplace(op: Op, args: tuple) -> Tensor:
    """`x.op_(...)`: compute into x's memory, and make the result x's history."""
    target = args[0]
    check_inplace(op, target)
    if state.enabled and target.requires_grad and not op.differentiable:
        raise NotImplementedError(f"the derivative for '{op.name}_' is not implemented")
    if op.result_rule is not None:
        plan = _plan_alike(op, args)
        if plan is None:
            args = _numbers(op, args)
            plan = _explained(op, _plan_pointwise, args)
        shape, dtype = plan.shape, plan.result
        compute: Callable[[Tensor], None] = lambda made: _run_pointwise(op, args, plan, made)
        direct = dtype is target.dtype and not _overlaps(target, args)
    else:
        planned = _explained(op, _plan, args)
        if planned.__class__ is tuple:
            planned, args = planned
        shape, dtype = planned.shape, planned.dtype
        direct = op.aliasing and dtype is target.dtype and not _overlaps(target, args)
        compute = lambda made: _run(op, (made,), args)
    _check_fits(op, target, shape, dtype)
    edges = _edges(op, args)
    if edges is not None:
        args = _protect(op, args, edges, target)
    if direct:
        compute(target)
    else:
        made = _empty(op, shape, dtype, target.device)
        compute(made)
        copy_into(target, made)
    wrote(target, op.name + "_")
    if edges is not None:
        rewrite_history(target, record(op, args, (target,), edges))
    return target


def write(op: Op, args: tuple) -> None:
    """Call an op that writes into tensors it is given and has no result; its rule returns those tensors."""
    tensors = _tensors(op, args)
    written = _explained(op, _plan, args)
    if not tensors:
        return
    device = _explained(op, _common_device, args, tensors)
    for tensor in written:
        check_inplace(op, tensor)
    _run(op, (), args, device)
    for tensor in written:
        wrote(tensor, op.name)


def _check_fits(op: Op, target: Tensor, shape: Size, dtype: DType) -> None:
    if shape != target.shape:
        raise RuntimeError(
            f"{op.name}_: output with shape {list(target.shape)} doesn't match the broadcast shape {list(shape)}"
        )
    if not dtypes.can_cast(dtype, target.dtype):
        raise RuntimeError(
            f"{op.name}_: result type {dtype.name} can't be cast to the desired output type {target.dtype.name}"
        )


def _protect(op: Op, args: tuple, edges: list, target: Tensor) -> tuple:
    """Copies of the arguments that backward needs and the write would destroy."""
    kept = op.saving(tuple([edge is not None for edge in edges]), args).kept_args
    return tuple(
        arg.clone()  # with history, for second derivatives
        if i in kept and isinstance(arg, Tensor) and arg._storage.block is target._storage.block
        else arg
        for i, arg in enumerate(args)
    )


def rewrite_history(target: Tensor, node: Any) -> None:
    """After `record` pointed an in-place result at its node: bring the base of a view along."""
    target._out_nr = 0
    if target._base is not None:
        graph.rebase(target, node)


def inplace_composite(body: Callable) -> Callable:
    """The in-place method of a composite: compute from a copy of what will be overwritten, then write."""

    def in_place(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        source = self.clone() if state.enabled and self.requires_grad else self
        return self.copy_(body(source, *args, **kwargs))

    in_place.__name__ = in_place.__qualname__ = body.__name__ + "_"
    in_place.__doc__ = f"In-place version of `{body.__name__}`."
    return in_place


# ---- views ----------------------------------------------------------------------------------------------


def view(op: Op, args: tuple) -> Tensor:
    """Another geometry over the same storage; no data moves."""
    source = args[0]
    if not isinstance(source, Tensor):
        raise _not_a_tensor(op, 0, source)
    shape, stride, offset, *dtype = _explained(op, _plan, args)
    made = make_view(source, shape if shape.__class__ is Size else Size(shape), tuple(stride), offset, *dtype)
    if state.enabled:
        edge = edge_of(source)
        base = source._base
        made._base = source if base is None else base
        made._view_version = source._storage.version
        if edge is not None:
            record(op, args, (made,), [edge])
    return made


__all__ = ["SCALAR", "call", "inplace", "pointwise", "result_type", "view"]
