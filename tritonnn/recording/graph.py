"""The graph that ops record: nodes, what they save, their edges, and the hooks on them.

An edge is (node, which of its results), or (leaf tensor, 0), or None where no gradient is wanted. Edges point from
a result to what it was computed from. A node never refers to its own results, so graphs are freed by counting.
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from tritonnn._conjugated import ConjugatedTensor, bare
from tritonnn._levels import Batched
from tritonnn._tensor import Tensor
from tritonnn.recording.grad_mode import HIDDEN, state
from tritonnn.recording.names import BY_ARGUMENTS, NO_FORMULA, node_name
from tritonnn.recording.packing import Packed, Preserved, packed
from tritonnn.recording.refusals import untraceable, version_to_save
from tritonnn.recording.saving import Several, metadata, saving_of
from tritonnn.recording.tracing import Trace, trace_here
from tritonnn.table.formulas import no_derivative

if TYPE_CHECKING:
    from tritonnn.recording.saving import Saving
    from tritonnn.table import Op

_sequence = count()
Edge = Any


class Node:
    """One recorded op: how to turn the gradients of its results into those of its inputs."""

    __slots__ = (
        "__weakref__", "_hooks", "edges", "meta", "op", "plan", "retained", "saved", "seq", "tensor_hooks",
        "trace", "versions",
    )  # fmt: skip

    kind = ""  # what users see it called: nodes of a name have a class of their own
    op: Op
    edges: list[Edge]  # one per tensor input, those of list arguments in line
    meta: tuple  # (shape, dtype, device) of each result
    saved: list | None  # what the formulas need; None once freed
    versions: list[Any]  # of the storages of saved tensors
    seq: int  # when it was recorded
    plan: Saving
    _hooks: dict[str, OrderedDict[int, Callable]] | None
    tensor_hooks: dict[int, dict[int, Callable]] | None
    retained: dict[int, Any] | None  # weakly the results that want their gradient in `.grad`, by number
    trace: Trace | None

    @property
    def next_functions(self) -> tuple:
        """((node, result index), ...) of the inputs; leaves appear as AccumulateGrad."""
        from tritonnn.recording.edges import accumulation

        return tuple(
            (None, 0) if edge is None else (accumulation(edge[0]), 0) if isinstance(edge[0], Tensor) else edge
            for edge in self.edges
        )

    previous_functions = next_functions

    def name(self) -> str:
        """Such as 'MulBackward0'."""
        return self.kind

    def __repr__(self) -> str:
        return f"<{self.name()} object at 0x{id(self):x}>"

    @property
    def metadata(self) -> dict:
        """A dict for the user's own notes on this node."""
        return _node_notes.setdefault(self, {})

    def register_hook(self, hook: Callable) -> Any:
        """Call `hook(grad_inputs, grad_outputs)` after this node has run; a returned tuple replaces grad_inputs."""
        return self._add_hook("post", hook)

    def register_prehook(self, hook: Callable) -> Any:
        """Call `hook(grad_outputs)` before this node runs; a returned tuple replaces grad_outputs."""
        return self._add_hook("pre", hook)

    def _add_hook(self, when: str, hook: Callable) -> Any:
        from tritonnn.utils.hooks import RemovableHandle

        if self._hooks is None:
            self._hooks = {"pre": OrderedDict(), "post": OrderedDict()}
        handle = RemovableHandle(self._hooks[when])
        self._hooks[when][handle.id] = hook
        return handle

    def _sequence_nr(self) -> int:
        return self.seq

    def __dir__(self) -> list[str]:
        from tritonnn.recording.saved_tensors import listed

        return sorted(
            [*super().__dir__(), *(listed(self.op) if getattr(self, "op", None) is not None else ())]
        )

    @property
    def _input_metadata(self) -> list[SimpleNamespace]:
        """Shape, dtype and device of each result, whose gradient the node is given."""
        return [
            SimpleNamespace(shape=shape, dtype=dtype, device=device) for shape, dtype, device in self.meta
        ]

    # ---- running --------------------------------------------------------------------------------------

    def __call__(self, *grads: Tensor | None) -> Any:
        """Gradients of the inputs from those of the results."""
        results = self.apply(list(grads))
        return results[0] if len(results) == 1 else tuple(results)

    def apply(self, grads: list[Tensor | None]) -> list[Tensor | None]:
        """Gradients of the inputs, one per edge (None where not wanted)."""
        return self.plan.run(self, grads)

    def release(self) -> None:
        """Free what was saved; a node that saved no tensor can run again."""
        for value in self.saved or ():
            if isinstance(value, (Tensor, Packed, Several)):
                self.saved = None
                return

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("_saved_", "_raw_saved_")):
            from tritonnn.recording.saved_tensors import saved_attribute

            return saved_attribute(self, name)
        raise AttributeError(f"'{self.name()}' object has no attribute '{name}'")


_node_notes: WeakKeyDictionary[Node, dict] = WeakKeyDictionary()


def edge_of(tensor: Tensor) -> Edge:
    """Where gradients of `tensor` go; None when it requires none."""
    if tensor._base is not None:
        refresh_view(tensor)
    if not tensor._rg:
        return None
    node = tensor._node
    return (tensor, 0) if node is None else (node, tensor._out_nr)


_classes: dict[str, type[Node]] = {}


def class_of(op: Op, args: tuple) -> type[Node]:
    """The class of the node of a call."""
    namer = BY_ARGUMENTS.get(op.name)
    name = node_name(op) if namer is None else namer(args)
    kind = _classes.get(name)
    if kind is None:
        kind = type(name.rpartition(":")[2], (Node,), {"__slots__": (), "kind": name})
        _classes[name] = kind
    if namer is None:
        op.node_class = kind
    return kind


def without_derivative(node: Node) -> None:
    """Make the node of an in-place call that of an op whose derivative is not known: backward says so."""
    name = f"{node.op.public_name}_"
    kind = _classes.get(name)
    if kind is None:
        formula = no_derivative(name)
        members = {"__slots__": (), "kind": NO_FORMULA, "apply": lambda node, grads: formula(grads[0])}
        kind = _classes[name] = type("NotImplemented", (Node,), members)
    node.__class__ = kind


def record(op: Op, args: tuple, outputs: tuple, edges: list[Edge]) -> Node:
    """Make the node of a call and point its differentiable results at it."""
    node = (op.node_class or class_of(op, args))()
    node.op = op
    node.edges = edges
    node.seq = next(_sequence)
    node._hooks = None
    node.tensor_hooks = None
    node.retained = None
    node.trace = None
    needs = tuple([edge is not None for edge in edges])
    plan = None if op.list_slots else op.saving.get(needs)
    if plan is None:
        plan = saving_of(op, needs, args)
    node.plan = plan
    saved = []
    versions: list[Any] = []
    for place, kind in plan.fetch:
        if kind == "arg":
            value = args[place]
        elif kind == "result":
            value = outputs[place].detach()  # an alias: the node must not refer to its own result
        else:
            value = metadata(args[place], kind)
        if isinstance(value, Tensor):
            version = value._storage.version
            if version < 0:
                version_to_save(value)  # refuses
            versions.append(version)
        elif value.__class__ in (list, tuple) and value and _has_tensors(value):
            value = Several(value)
            versions.append([version_to_save(v) if isinstance(v, Tensor) else -1 for v in value])
        else:
            versions.append(-1)
        saved.append(value)
    node.saved = saved
    node.versions = versions
    node.meta = tuple([(out._shape, out._dtype, out._device) for out in outputs])
    for number, out in enumerate(outputs):
        if out._dtype.kind >= 2 and number not in op.non_differentiable:
            out._node = node
            out._rg = True
            if number:
                out._out_nr = number
    if state.anomaly:
        node.trace = trace_here()
    _keep(node, saved)
    return node


def _keep(node: Node, saved: list[Any]) -> None:
    """Pack what is saved, or see to it that it stays what it is now."""
    if state.hidden:
        HIDDEN.add(node)
    if state.saved_hooks:
        _pack(node)
        return
    # in forward mode, whose derivatives are taken later, everything
    for i in range(len(saved)) if state.tangents else node.plan.preserved:
        saved[i] = Preserved(saved[i]) if isinstance(saved[i], Tensor) else saved[i]


def record_refusal(op: Op, args: tuple, outputs: tuple) -> None:
    """Record a call without a derivative where it is part of a graph: its results require grad."""
    if any([out.__class__ is Batched for out in outputs]):  # their batch is what is recorded
        return
    edges = [edge_of(arg) if isinstance(arg, Tensor) else None for arg in args]
    if state.enabled and any(edge is not None for edge in edges):
        record(op, args, outputs, edges)


def _has_tensors(values: Sequence[Any]) -> bool:
    return any(isinstance(value, Tensor) for value in values)


def _pack(node: Node) -> None:
    hooks = state.saved_hooks[-1]
    assert node.saved is not None
    for i, value in enumerate(node.saved):
        if isinstance(value, Tensor):
            edge = edge_of(value) if node.plan.fetch[i][1] == "arg" else None
            node.saved[i] = packed(value, hooks, edge)
            node.versions[i] = -1
        elif value.__class__ is Several:
            node.saved[i] = Several([packed(v, hooks) if isinstance(v, Tensor) else v for v in value])
            node.versions[i] = [-1] * len(value)


def restored(packed: Packed) -> Tensor:
    """What an unpack hook returns, in the place of the tensor that was saved."""
    value = packed.tensor()
    if packed.edge is None or not state.enabled:
        return value
    tensor = value.detach()
    target, number = packed.edge
    if isinstance(target, Node):
        tensor._node, tensor._rg, tensor._out_nr = target, True, number
    else:  # a leaf: of another tensor the way there is that of a copy
        assert _copied_over is not None
        record(_copied_over, (tensor, target), (tensor,), [None, packed.edge])
    return tensor


# ---- views ----------------------------------------------------------------------------------------------


_as_strided: Op | None = None
_view_written: Op | None = None
_copied_over: Op | None = None
_filled_over: Op | None = None


reading: list[Callable[[Tensor, Any], None]] = []  # records what is conjugated or negated when it is read


def register_view_ops(as_strided: Op, view_written: Op) -> None:
    """Say which ops stand in the graph for "this geometry of the base" and "the base with a view written into it"."""
    global _as_strided, _view_written
    _as_strided, _view_written = as_strided, view_written


def register_overwriting_ops(copied_over: Op, filled_over: Op) -> None:
    """Say which ops stand in the graph for "the values of another tensor instead" and "constants instead"."""
    global _copied_over, _filled_over
    _copied_over, _filled_over = copied_over, filled_over


def refresh_view(view: Tensor) -> None:
    """Bring a view's graph up to date after its base, or another view of it, was written in place."""
    base = view._base
    assert base is not None
    if base._rg and not view._rg and view._dtype.kind >= 2:
        view._rg = True
    version = view._storage.version
    if view._view_version == version:
        return
    if base._rg or view._node is not None:  # a base that was detached leaves views with a history
        if view._creation is not None:
            raise RuntimeError(untraceable(view, "its base or another view of its base has been"))
        view._view_version = version
        regenerate_view(view)
    else:
        view._view_version = version


def regenerate_view(view: Tensor) -> None:
    """Make the view's history "as_strided of its base as it is now"."""
    base = view._base
    assert base is not None and _as_strided is not None
    args = (base, tuple(view._shape), view.stride(), view._offset)
    view._out_nr = 0
    plain = bare(view) if view.__class__ is ConjugatedTensor else view
    record(_as_strided, args, (plain,), [edge_of(base)])
    if plain is not view:
        reading[0](plain, view)
    if view._retains_grad:
        retain(view)


def view_of(tensor: Tensor) -> Tensor:
    """The same memory and geometry as a view, outside the graph."""
    alias = tensor.detach()
    base = tensor._base
    alias._base = tensor if base is None else base
    alias._view_version = tensor._storage.version
    return alias


def rewrite_history(target: Tensor, node: Node) -> None:
    """After an in-place op whose node `target` now points at: bring its base and retained gradients along.

    The new history of the base of a view is "the old base with the view written into it".
    """
    target._out_nr = 0
    base = target._base
    if base is not None:
        assert _view_written is not None
        args = (base, target, tuple(target._shape), target.stride(), target._offset)
        edge = edge_of(base)
        base._out_nr = 0
        record(_view_written, args, (base,), [edge, (node, 0)])
        if base._retains_grad:
            retain(base)
        target._view_version = target._storage.version
        regenerate_view(target)
    elif target._retains_grad:
        retain(target)


def overwritten(target: Tensor, source: Tensor | None = None, edge: Edge = None) -> None:
    """After every element of `target` was replaced by constants, or by `source`, whose edge was `edge` before.

    What was there before gets a gradient of zeros.
    """
    assert _copied_over is not None and _filled_over is not None
    # What a base held before has an edge of its own.
    before = edge_of(target) if target._base is None else None
    if source is None:
        node = record(_filled_over, (target,), (target,), [before])
    else:
        node = record(_copied_over, (target, source), (target,), [before, edge])
    rewrite_history(target, node)


def retain(tensor: Tensor) -> None:
    """Have the node that made `tensor` put its gradient into `.grad`."""
    node = tensor._node
    if node is not None:
        if node.retained is None:
            node.retained = {}
        node.retained[tensor._out_nr] = weakref.ref(tensor)
