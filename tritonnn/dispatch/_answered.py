"""A table call whose results something else makes, recorded as if its entry had made them.

What answers, a tensor's class (`__torch_dispatch__`) or a store of earlier results, stands below recording, as it does
in PyTorch: nothing of what it computes is recorded, the call itself is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.buffer import Missing
from tritonnn.dispatch._backend import named
from tritonnn.dispatch._checks import apply_rule, edges_of, explained
from tritonnn.dispatch._inplace import check_inplace
from tritonnn.dispatch._watch import TableCall
from tritonnn.dispatch._writing import wrote
from tritonnn.recording.grad_mode import state
from tritonnn.recording.graph import (
    edge_of,
    record,
    rewrite_history,
    without_derivative,
)
from tritonnn.recording.refusals import check_recorded_write

_SLOTS = ("_buf", "_device", "_dtype", "_shape", "_storage")


def answered(call: TableCall, answer: Callable[[], Any]) -> Any:
    """What a call returns whose results `answer` makes."""
    kind = call.run.__name__
    if kind in ("write", "run_into") or call.out is not None:
        return _written(call, answer)
    if kind == "inplace":
        return _in_place(call, answer)
    if kind in ("view", "views"):
        return _viewed(call, answer)
    op, args = call.op, call.args
    edges = edges_of(op, args)
    result = _unrecorded(answer)
    if edges is None:
        return result
    results = tuple([alias(part) for part in _tensors(call, result)])
    record(op, _normalized(call), results, edges)
    return results[0] if isinstance(result, Tensor) else named(op, results)


def _normalized(call: TableCall) -> tuple:
    """The arguments as the rule completes them, which is what formulas read."""
    op, args = call.op, call.args
    if op.result_rule is not None:
        return args
    planned = explained(op, apply_rule, args)
    completed = planned.__class__ is tuple and len(planned) == 2 and planned[1].__class__ is tuple
    return planned[1] if completed else args


def _tensors(call: TableCall, result: Any) -> tuple:
    parts = tuple(result) if isinstance(result, (tuple, list)) else (result,)
    if not all([isinstance(part, Tensor) for part in parts]):
        kinds = ", ".join([type(part).__name__ for part in parts])
        raise TypeError(
            f"{call.op.public_name}: __torch_dispatch__ returned {kinds} where the call is recorded; expected Tensor"
        )
    return parts


def _unrecorded(answer: Callable[[], Any]) -> Any:
    before, state.enabled = state.enabled, False
    try:
        return answer()
    finally:
        state.enabled = before


def alias(tensor: Tensor) -> Any:
    """Another tensor object of the same class, memory and attributes, outside the graph."""
    made = object.__new__(type(tensor))
    made.__dict__.update(tensor.__dict__)
    for name in (
        "_out_nr",
        "_grad",
        "_hooks",
        "_post_accumulate_hooks",
        "_retains_grad",
        "_creation",
        "_is_param",
    ):
        made.__dict__.pop(name, None)
    made._rg, made._node, made._base = False, None, None
    for name in _SLOTS:
        setattr(made, name, getattr(tensor, name))
    return made


def _viewed(call: TableCall, answer: Callable[[], Any]) -> Any:
    source = call.args[0]
    edge = edge_of(source) if state.enabled else None
    result = _unrecorded(answer)
    results = tuple([alias(part) for part in _tensors(call, result)])
    for view in results:
        if view._buf.__class__ is not Missing:
            continue  # it has memory of its own
        view._storage = source._storage  # its versions are those of what it looks into
        view._base = source if source._base is None else source._base
        view._view_version = source._storage.version
        if len(results) > 1:
            view._creation = "several"
    if edge is not None:
        record(call.op, call.args, results, [edge])
    return results[0] if isinstance(result, Tensor) else results


def _in_place(call: TableCall, answer: Callable[[], Any]) -> Any:
    op, args = call.op, call.args
    target = args[0]
    check_inplace(op, target)
    edges = edges_of(op, args)
    if edges is not None:
        check_recorded_write(target)
    _unrecorded(answer)
    wrote(target, op.name + "_")
    if edges is not None:
        node = record(op, _normalized(call), (target,), edges)
        if not op.has_derivative:
            without_derivative(node)
        rewrite_history(target, node)
    return target


def _written(call: TableCall, answer: Callable[[], Any]) -> Any:
    result = _unrecorded(answer)
    if call.run.__name__ == "run_into":  # whoever called it notes the write
        return result
    out = call.out if isinstance(call.out, (tuple, list)) else (call.out,)
    for target in call.args[0] if call.out is None and isinstance(call.args[0], (list, tuple)) else out:
        if isinstance(target, Tensor):
            wrote(target, call.op.name)
    return result if call.out is None else call.out
