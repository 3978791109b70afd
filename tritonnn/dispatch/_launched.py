"""Pointwise calls on a GPU, by what an earlier call with the same geometries found out.

What a call computes in, the shape and strides of its result and the plan of its launch depend on the geometries of its
tensors and on little else. The first call of a combination finds them the long way; later ones look them up at once.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from tritonnn._tensor import Tensor
from tritonnn.buffer import Buffer
from tritonnn.dispatch._backend import fresh
from tritonnn.dispatch._checks import edges_of
from tritonnn.dispatch._watch import seen, watchers
from tritonnn.dtypes import dtype as DType
from tritonnn.recording.grad_mode import state
from tritonnn.recording.graph import record
from tritonnn.shape import Size

if TYPE_CHECKING:
    from collections.abc import Callable

    from tritonnn.table import Op

LARGEST_CACHE = 4096  # shapes that never come back must not fill memory


class _Found(NamedTuple):
    """What calls of one combination share."""

    run: Any  # the implementation that it was asked of
    launch: Callable[..., None]  # called with the result's buffer, those of the tensors, and numbers
    shape: Size
    result: DType
    strides: tuple[int, ...] | None
    floats: tuple[int, ...]  # where whole numbers are taken as floating ones


def launched(op: Op, args: tuple, plan_alike: Callable[[Op, tuple], Any]) -> Tensor | None:
    """The result of a call with all tensors on one GPU; None where it is another call, which goes the long way."""
    tracked = False
    device: Any = None
    parts: list[Any] = []
    operands: list[Any] = []
    for arg in args:
        if isinstance(arg, Tensor):
            buffer = arg._buf
            if buffer.__class__ is not Buffer:
                return None
            if device is None:
                device = arg._device
            elif arg._device is not device:
                return None
            parts += (buffer.shape, buffer.strides, buffer.dtype)
            if arg._rg or arg._base is not None:
                tracked = True
            operands.append(buffer)
        else:
            kind = arg.__class__
            if kind is float or (kind is int and 0 <= arg < 128):
                parts.append(kind)  # which value it has makes no difference
            elif arg is None or kind is str:
                parts.append(arg)
            else:
                return None
            operands.append(arg)
    parts.append(device)
    key = tuple(parts)
    found = op.launches.get(key)
    if found is None or found.run is not op.gpu:
        found = _find(op, args, key, operands, plan_alike)
        if found is None:
            return None
    for at in found.floats:
        operands[at] = float(operands[at])
    output = fresh(op, found.shape, found.result, device, found.strides)
    found.launch(output._buf, *operands)
    if tracked and state.enabled and (edges := edges_of(op, args)) is not None:
        record(op, args, (output,), edges)
    if watchers:
        seen(op, args, output)
    return output


def _find(
    op: Op, args: tuple, key: tuple, operands: list, plan_alike: Callable[[Op, tuple], Any]
) -> _Found | None:
    """What calls like this one have in common; None where the long way has to be gone every time."""
    slots = op.tensor_slots
    plan = plan_alike(op, args) if slots == tuple(range(len(slots))) else None
    if plan is None or 0 in plan.shape:
        return None
    run = op.gpu or op.implementation("cuda")
    floats = tuple([i for i in slots if args[i].__class__ is int and plan.operands[i].__class__ is float])
    planned = getattr(run, "planned", None)
    if planned is not None and planned.serves is run:
        output = fresh(op, plan.shape, plan.result, plan.device, plan.strides)
        given = (*plan.operands, *operands[len(slots) :])
        launch = planned(output._buf, *given, compute=plan.compute)
    else:
        launch = partial(run, compute=plan.compute)
    if len(op.launches) >= LARGEST_CACHE:
        op.launches.clear()
    found = op.launches[key] = _Found(run, launch, plan.shape, plan.result, plan.strides, floats)
    return found
