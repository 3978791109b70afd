"""In-place methods, and what they do to the graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.dispatch._autocast import without_autocast
from tritonnn.dispatch._backend import fresh, run_backend
from tritonnn.dispatch._checks import (
    apply_rule,
    common_device,
    edges_of,
    explained,
    plain_numbers,
    tensor_arguments,
)
from tritonnn.dispatch._overlap import check_apart, is_expanded, refuse_expanded, refuse_partial_overlap
from tritonnn.dispatch._pointwise import plan_alike, plan_pointwise, run_pointwise
from tritonnn.dispatch._watch import ON, entered, seen, surrounded, watchers
from tritonnn.dispatch._writing import (
    before_write,
    cast_into,
    overlaps,
    typed_by_out,
    wrote,
)
from tritonnn.dtypes import dtype as DType
from tritonnn.recording.grad_mode import state
from tritonnn.recording.graph import (
    overwritten,
    record,
    rewrite_history,
    without_derivative,
)
from tritonnn.recording.refusals import check_recorded_write, is_of_leaf
from tritonnn.recording.saving import saving_of
from tritonnn.shape import Size
from tritonnn.table.rules import BOOL

if TYPE_CHECKING:
    from tritonnn.table import Op


def check_inplace(op: Op, target: Any, recorded: bool = False) -> None:
    """Refuse in-place writes that would lose a gradient or overwrite one element twice.

    Args:
        recorded: whether another argument of the call requires grad.
    """
    if not isinstance(target, Tensor):
        raise TypeError(f"{op.name}_(): the first argument must be Tensor, not {type(target).__name__}")
    before_write(target, f"{op.public_name}_")
    if state.enabled and (recorded or target._rg or (target._base is not None and target.requires_grad)):
        if not _is_left_alone(target):
            check_recorded_write(target)
    refuse_expanded(target)


def _is_left_alone(target: Tensor) -> bool:
    """Whether a leaf is written in `no_grad`, which within forward mode records: it stays one."""
    return state.hidden and is_of_leaf(target)


def inplace(op: Op, args: tuple) -> Tensor:
    """`x.op_(...)`: compute into x's memory, and make the result x's history."""
    if entered and (answer := surrounded(inplace, op, args)) is not ON:
        return answer
    target = args[0]
    elsewhere = op.options.get("overlapping")
    if elsewhere is not None and isinstance(target, Tensor) and is_expanded(target):
        return elsewhere(*args)
    check_inplace(op, target)
    constant = _is_constant(op, target)
    tracked = True
    if op.result_rule is not None:
        plan = plan_alike(op, args)
        if plan is None:
            args = plain_numbers(op, args)
            plan = explained(op, plan_pointwise, args)
        shape, dtype, tracked = plan.shape, plan.result, plan.tracked
        compute: Callable[[Tensor], None] = lambda output: run_pointwise(op, args, plan, output)
        if shared := overlaps(target, args):
            refuse_partial_overlap(target, args)
        direct = dtype is target._dtype and not shared
    else:
        planned = explained(op, apply_rule, typed_by_out(op, args, target) if op.typed_by_out else args)
        check_apart(op, target, args)
        if planned.__class__ is tuple:
            planned, args = planned
        shape, dtype = planned.shape, planned.dtype
        direct = op.aliasing and dtype is target._dtype and not overlaps(target, args)
        compute = lambda output: run_backend(op, (output,), args)
    _check_fits(op, target, shape, dtype)
    edges = edges_of(op, args) if tracked and not _is_left_alone(target) else None
    if edges is not None:
        check_recorded_write(target)
        args = _protect(op, args, edges, target)
    if direct:
        compute(target)
    else:
        output = fresh(op, shape, dtype, target._device)
        compute(output)
        cast_into(target, output)
    wrote(target, op.name + "_")
    if edges is not None:
        node = record(op, args, (target,), edges)
        if not op.has_derivative:
            without_derivative(node)
        rewrite_history(target, node)
    elif constant:
        overwritten(target)
    if watchers:
        seen(op, (target, *args[1:]), target)
    return target


def _is_constant(op: Op, target: Tensor) -> bool:
    """Whether the write ends the target's history: what it writes depends on nothing, as that of a comparison."""
    constant = state.enabled and not op.differentiable and target.requires_grad and not _is_left_alone(target)
    if constant and op.result_rule is not BOOL:
        raise NotImplementedError(f"derivative for aten::{op.name}_ is not implemented")
    return constant


def write(op: Op, args: tuple) -> None:
    """Call an op that writes into tensors it is given and has no result; its rule returns those tensors."""
    if entered and (answer := surrounded(write, op, args)) is not ON:
        return answer
    tensors = tensor_arguments(op, args)
    written = explained(op, apply_rule, args)
    if not tensors:
        return
    device = explained(op, common_device, args, tensors)
    for tensor in written:
        check_inplace(op, tensor)
    run_backend(op, (), args, device)
    for tensor in written:
        wrote(tensor, op.name)
    if watchers:
        seen(op, args, tuple(written))


def _check_fits(op: Op, target: Tensor, shape: Size, dtype: DType) -> None:
    if shape != target._shape:
        raise RuntimeError(
            f"{op.name}_: output with shape {list(target._shape)} doesn't match the broadcast shape {list(shape)}"
        )
    if dtype.is_floating_point and target._dtype.is_complex:
        raise RuntimeError(f"{op.name}_: In-place {op.name} is not supported for complex tensors.")
    if not dtypes.can_cast(dtype, target._dtype):
        raise RuntimeError(
            f"{op.name}_: result type {dtype.name} can't be cast to the desired output type {target._dtype.name}"
        )


def _protect(op: Op, args: tuple, edges: list, target: Tensor) -> tuple:
    """Copies of the arguments that backward needs and the write would destroy."""
    kept = saving_of(op, tuple([edge is not None for edge in edges]), args).kept_args
    return tuple(
        arg.clone()  # with history, for second derivatives
        if i in kept and isinstance(arg, Tensor) and arg._storage.block is target._storage.block
        else arg
        for i, arg in enumerate(args)
    )


def inplace_composite(op: Op, body: Callable) -> Callable:
    """The in-place method of a composite: compute from a copy of what will be overwritten, then write."""
    run = without_autocast(body)

    def in_place(*args: Any, **kwargs: Any) -> Tensor:
        if not args:
            op.rename(kwargs)
            if op.names[0] not in kwargs:
                body(**kwargs)  # says what is missing
            args = (kwargs.pop(op.names[0]),)
        target = args[0]
        check_inplace(op, target)
        check_apart(op, target, [*args, *[kwargs.get(name) for name in op.names[len(args) :]]])
        source = target.clone() if state.enabled and target.requires_grad else target
        result = run(source, *args[1:], **kwargs)
        _check_fits(op, target, result.shape, result.dtype)
        return target.copy_(result)

    in_place.__name__ = in_place.__qualname__ = body.__name__ + "_"
    in_place.__doc__ = f"In-place version of `{body.__name__}`."
    return in_place
