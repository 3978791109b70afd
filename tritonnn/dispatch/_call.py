"""Calling every other primitive, and views."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tritonnn import config
from tritonnn._tensor import Tensor, make, make_view
from tritonnn.buffer import Missing
from tritonnn.device import CPU
from tritonnn.device import device as Device
from tritonnn.dispatch._backend import (
    check_present,
    elsewhere,
    fresh,
    named,
    run_allocating,
    run_backend,
)
from tritonnn.dispatch._checks import (
    LIMITED,
    check_slots,
    device_of,
    edges_of,
    not_a_tensor,
)
from tritonnn.dispatch._overlap import check_shared
from tritonnn.dispatch._quiet import QUIET, quiet_reset, quiet_set
from tritonnn.dispatch._watch import ON, entered, seen, surrounded, watchers
from tritonnn.dispatch._writing import (
    EXACT,
    cast_into,
    check_out,
    copy_into,
    fit_out,
    overlaps,
    typed_by_out,
    unrecordable,
    wrote,
)
from tritonnn.errors import Invalid, complete, warn_once
from tritonnn.memory import Storage, no_room, poison
from tritonnn.recording.grad_mode import state
from tritonnn.recording.graph import edge_of, record
from tritonnn.shape import Size

if TYPE_CHECKING:
    from tritonnn.table import Op

_np_empty = np.empty


def call(op: Op, args: tuple, out: Any = None) -> Any:
    """Call a primitive: its rule checks and tells what to allocate; then the backend's function of its name runs."""
    if entered and (answer := surrounded(call, op, args, out)) is not ON:
        return answer
    for i in op.tensor_slots:
        value = args[i]
        if not isinstance(value, Tensor) or value._dtype in LIMITED:
            check_slots(op, args)
            break
    if out is not None:
        if _recorded(op, args, out):
            raise unrecordable(f"{op.public_name}(): ")
        if op.typed_by_out:
            args = typed_by_out(op, args, out)
    given = args
    try:
        planned = op.rule(*args)
    except Invalid as invalid:
        raise complete(op.public_name, op.names, args, invalid) from None
    if planned.__class__ is tuple and len(planned) == 2 and planned[1].__class__ is tuple:
        outs, args = planned
    else:
        outs = planned
    if out is None and op.plain:
        result = _short(op, args, outs)
        if result is not None:
            if watchers:
                seen(op, given, result)
            return result
    device = device_of(op, args)
    run = None
    if op.host and device is not None and device.type == "cuda":
        library, run = elsewhere(op, args)
        if library:
            return _through_host(op, args, out, device, library)
    edges = edges_of(op, args) if op.differentiable and state.enabled else None
    if out is not None:
        return call_out(op, args, out, outs, edges is not None, given, device, run)
    if op.alloc:
        results = run_allocating(op, args, device)
    elif outs.__class__ is tuple:
        results = tuple([fresh(op, s.shape, s.dtype, device or s.device or CPU, s.strides) for s in outs])
        run_backend(op, results, args, library=run)
    else:
        results = (fresh(op, outs.shape, outs.dtype, device or outs.device or CPU, outs.strides),)
        run_backend(op, results, args, library=run)
    if edges is not None:
        record(op, args, results, edges)
    if watchers:
        seen(op, given, results)
    return results[0] if len(results) == 1 else named(op, results)


def _short(op: Op, args: tuple, outs: Any) -> Any:
    """The short way of a call with all tensors on one device; None where it is another call."""
    buffers: list = [None]  # the first is the result's place
    recording = False
    device = None
    for arg in args:
        if isinstance(arg, Tensor):
            if arg._device is not device:
                if device is not None:
                    return None
                device = arg._device
            buffer = arg._buf
            if buffer.__class__ is Missing:
                check_present(op, args)
            buffers.append(buffer)
            if arg._rg or arg._base is not None:
                recording = True
        else:
            buffers.append(arg)
    several = outs.__class__ is tuple
    results: tuple = ()
    if device is CPU:
        run = op.cpu or op.implementation("cpu")
        if several:
            results = tuple([_on_cpu(op, spec) for spec in outs])
            buffers[:1] = [result._buf for result in results]
        else:
            result = _on_cpu(op, outs)
            buffers[0] = result._buf
        token = quiet_set(QUIET)
        try:
            run(*buffers)
        finally:
            quiet_reset(token)
    elif device is not None and device.type == "cuda":
        run = op.gpu or op.implementation("cuda")
        if several:
            results = tuple([fresh(op, spec.shape, spec.dtype, device, spec.strides) for spec in outs])
            buffers[:1] = [result._buf for result in results]
        else:
            result = fresh(op, outs.shape, outs.dtype, device, outs.strides)
            buffers[0] = result._buf
        run(*buffers)
    else:
        return None
    if recording and state.enabled:
        edges = edges_of(op, args)
        if edges is not None:
            record(op, args, results or (result,), edges)
    return named(op, results) if several else result


def _on_cpu(op: Op, spec: Any) -> Tensor:
    """`fresh` where least is to be done."""
    if spec.strides is not None:
        return fresh(op, spec.shape, spec.dtype, CPU, spec.strides)
    try:
        buffer = _np_empty((*spec.shape,), spec.dtype.np)  # of a subclass NumPy asks for one extent at a time
    except (ValueError, OverflowError, MemoryError) as error:
        raise complete(op.public_name, (), (), no_room(spec.shape, spec.dtype, error)) from None
    if config.NAN_POISON:
        poison(buffer)
    return make(buffer, Storage(buffer, CPU), spec.shape, spec.dtype, CPU)


def _recorded(op: Op, args: tuple, out: Any) -> bool:
    """Whether a call with `out=` would have to be recorded."""
    if not state.enabled:
        return False
    targets = out if isinstance(out, (tuple, list)) else (out,)
    if any(isinstance(target, Tensor) and target.requires_grad for target in targets):
        return True
    return op.differentiable and edges_of(op, args) is not None


def type_named_by_out(op: Op, args: tuple, kwargs: dict[str, Any], out: Any) -> None:
    """Complete the arguments of a sum or product with the type of its `out=`."""
    place = op.names.index("dtype")
    kwargs["dtype"] = typed_by_out(op, (*[None] * place, kwargs.get("dtype")), out)[-1]
    recorded = state.enabled and any(isinstance(arg, Tensor) and arg.requires_grad for arg in args)
    if kwargs["dtype"] is not None:
        check_out(op.public_name, out, recorded, kwargs["dtype"], None)


def check_out_arguments(op: Op, args: tuple, kwargs: dict[str, Any], written: Any, out: Any) -> None:
    """Refuse what a composite may not write into; complete the arguments with the type of `out=` where it counts."""
    if out is not None and op.typed_by_out:
        type_named_by_out(op, args, kwargs, out)
    check_shared(op.public_name, op.names, written, args, kwargs)


def call_out(
    op: Op, args: tuple, out: Any, outs: Any, recorded: bool, given: tuple, device: Any, library: Any = None
) -> Any:
    specs = outs if outs.__class__ is tuple else (outs,)
    targets = out if isinstance(out, (tuple, list)) else (out,)
    if not op.out or op.alloc:
        check_shared(op.public_name, op.names, out, given)
        return _copy_out(op, out, call(op, args), recorded, device)
    if len(targets) != len(specs):
        raise TypeError(f"{op.name}(): out= takes {len(specs)} tensors, got {len(targets)}")
    for target, spec in zip(targets, specs, strict=True):
        check_out(op.public_name, target, recorded, spec.dtype, device, exact=op.name in EXACT)
    check_shared(op.public_name, op.names, out, given)
    direct = all(
        target._dtype is spec.dtype
        and not any(overlaps(target, (arg,)) or _is_in(target, arg) for arg in args)
        for target, spec in zip(targets, specs, strict=True)
    )
    device = targets[0]._device
    if direct:
        results = tuple(targets)
        _resize(op, targets, specs)
        run_backend(op, results, args, library=library)
    else:  # a target that is an argument is read before it is resized
        results = tuple(fresh(op, s.shape, s.dtype, device) for s in specs)
        run_backend(op, results, args, library=library)
        _resize(op, targets, specs)
    for target, result in zip(targets, results, strict=True):
        if target is not result:
            cast_into(target, result)
        wrote(target, op.name)
    if watchers:
        seen(op, given, tuple(targets))
    return out if len(targets) == 1 else named(op, tuple(targets))


def _is_in(target: Tensor, arg: Any) -> bool:
    return arg is target or (isinstance(arg, (list, tuple)) and any(item is target for item in arg))


def _resize(op: Op, targets: Any, specs: tuple) -> None:
    for target, spec in zip(targets, specs, strict=True):
        fit_out(op.public_name, target, spec.shape)


def _copy_out(op: Op, out: Any, returned: Any, recorded: bool, device: Device | None) -> Any:
    """Copy what a call returned into the tensors given as `out=`."""
    targets = out if isinstance(out, (tuple, list)) else (out,)
    results = returned if isinstance(returned, tuple) else (returned,)
    for target, result in zip(targets, results, strict=True):
        check_out(op.public_name, target, recorded, result._dtype, device)
        fit_out(op.public_name, target, result._shape)
        copy_into(target, result)
        wrote(target, op.name)
    return out


def _through_host(op: Op, args: tuple, out: Any, device: Device | None, library: str) -> Any:
    """Run an op that is declared to run on the host on GPU tensors: copy there, compute, copy back."""
    from tritonnn.kernels.libraries import hint

    text = f"{op.name} runs through {library} on the host: its tensors are copied there and back"
    warn_once(op.name, text + hint(op.family, op.name))
    returned = call(op, tuple([arg.cpu() if isinstance(arg, Tensor) else arg for arg in args]))
    results = returned if isinstance(returned, tuple) else (returned,)
    moved = tuple([result.to(device) for result in results])
    if out is not None:
        return _copy_out(op, out, moved, False, device)
    return moved[0] if len(moved) == 1 else named(op, moved)


def view(op: Op, args: tuple) -> Tensor:
    """Another geometry over the same storage; no data moves."""
    if entered and (answer := surrounded(view, op, args)) is not ON:
        return answer
    source = args[0]
    if not isinstance(source, Tensor):
        raise not_a_tensor(op, 0, args)
    try:
        shape, stride, offset, *dtype = op.rule(*args)
    except Invalid as invalid:
        raise complete(op.public_name, op.names, args, invalid) from None
    result = make_view(source, shape if shape.__class__ is Size else Size(shape), (*stride,), offset, *dtype)
    base = source._base
    version = source._storage.version
    if version >= 0:  # nothing follows the views of what was made in inference mode
        result._base = source if base is None else base
        if version:
            result._view_version = version
        if base is not None and (creation := source._creation) is not None:
            result._creation = creation
        if not state.enabled:
            _unrecorded(result, source)
        elif source._rg or base is not None:
            edge = edge_of(source)
            if edge is not None:
                record(op, args, (result,), [edge])
    if watchers:
        seen(op, args, result)
    return result


def views(op: Op, args: tuple) -> tuple[Tensor, ...]:
    """Several geometries over the same storage, the results of one node."""
    if entered and (answer := surrounded(views, op, args)) is not ON:
        return answer
    source = args[0]
    if not isinstance(source, Tensor):
        raise not_a_tensor(op, 0, args)
    try:
        places = op.rule(*args)
    except Invalid as invalid:
        raise complete(op.public_name, op.names, args, invalid) from None
    results = tuple([make_view(source, Size(shape), (*stride,), offset) for shape, stride, offset in places])
    base = source._base
    version = source._storage.version
    if version >= 0:
        creation = source._creation
        for result in results:
            result._base = source if base is None else base
            result._view_version = version
            if state.enabled:
                result._creation = creation or "several"
            else:
                result._creation = creation
                _unrecorded(result, source)
        if state.enabled and (edge := edge_of(source)) is not None:
            record(op, args, results, [edge])
    if watchers:
        seen(op, args, results)
    return results


def _unrecorded(result: Tensor, source: Tensor) -> None:
    """Mark a view that is made while nothing is recorded."""
    if result._creation is None:
        result._creation = "inference" if state.inference else "no_grad"
    if result._dtype.kind >= 2 and source.requires_grad:
        result._rg = True
