"""The graph that ops record: nodes, what they save, their edges, and the hooks on them.

An edge is (node, which of its results), or (leaf tensor, 0), or None where no gradient is wanted. Edges point from
a result to what it was computed from. A node never refers to its own results, so graphs are freed by counting.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any

from tritonnn._tensor import Tensor
from tritonnn.recording.grad_mode import state
from tritonnn.recording.saving import metadata, saving_of
from tritonnn.recording.tracing import Trace, trace_here

if TYPE_CHECKING:
    from tritonnn.recording.saving import Saving
    from tritonnn.table import Op

_sequence = count()
Edge = Any


class Node:
    """One recorded op: how to turn the gradients of its results into those of its inputs."""

    __slots__ = (
        "__weakref__", "_hooks", "edges", "meta", "needs", "op", "plan", "saved", "seq", "tensor_hooks",
        "trace", "versions",
    )  # fmt: skip

    op: Op
    edges: list[Edge]  # one per tensor input, those of list arguments in line
    meta: tuple  # (shape, dtype, device) of each result
    saved: list | None  # what the formulas need; None once freed
    versions: list[int]
    seq: int  # when it was recorded
    plan: Saving
    _hooks: dict[str, OrderedDict[int, Callable]] | None
    tensor_hooks: dict[int, dict[int, Callable]] | None
    trace: Trace | None

    @property
    def next_functions(self) -> tuple:
        """((node, result index), ...) of the inputs; leaves appear as AccumulateGrad."""
        return tuple(
            (None, 0)
            if edge is None
            else (AccumulateGrad(edge[0]), 0)
            if isinstance(edge[0], Tensor)
            else edge
            for edge in self.edges
        )

    previous_functions = next_functions

    def name(self) -> str:
        """Such as 'MulBackward0'."""
        return node_name(self.op.name)

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

    # ---- running --------------------------------------------------------------------------------------

    def apply(self, grads: list[Tensor | None]) -> list[Tensor | None]:
        """Gradients of the inputs, one per edge (None where not wanted)."""
        if self.saved is None:
            raise RuntimeError(
                "Trying to backward through the graph a second time (or directly access saved tensors after they "
                f"have already been freed) at {self.name()}. Saved intermediate values of the graph are freed when "
                "you call .backward() or autograd.grad(). Specify retain_graph=True if you need to backward through "
                "the graph a second time or if you need to access saved tensors after calling backward."
            )
        return self.plan.run(self, grads)

    def release(self) -> None:
        """Free what was saved."""
        self.saved = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_saved_") and self.saved is not None:
            values = self.plan.unpack(self)
            if name[7:] in values:
                return values[name[7:]]
        raise AttributeError(f"'{self.name()}' object has no attribute '{name}'")


_node_notes: Any = None


def _init_notes() -> None:
    global _node_notes
    import weakref

    _node_notes = weakref.WeakKeyDictionary()


_init_notes()


def node_name(op: str) -> str:
    """The name PyTorch's users know: 'MulBackward0' for 'mul'."""
    return "".join(part[:1].upper() + part[1:] for part in op.split("_")) + "Backward0"


class AccumulateGrad:
    """The end of the graph at a leaf, as `next_functions` shows it."""

    next_functions: tuple = ()

    def __init__(self, variable: Tensor) -> None:
        self.variable = variable

    def name(self) -> str:
        """Its class name."""
        return "torch::autograd::AccumulateGrad"

    def register_hook(self, hook: Callable) -> Any:
        """Call `hook(grad_inputs, grad_outputs)` after the gradient was added to the leaf's `.grad`."""
        return self.variable.register_post_accumulate_grad_hook(lambda leaf: hook((), (leaf.grad,)) and None)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AccumulateGrad) and other.variable is self.variable

    def __hash__(self) -> int:
        return id(self.variable)

    def __repr__(self) -> str:
        return f"<AccumulateGrad object at 0x{id(self.variable):x}>"


def edge_of(tensor: Tensor) -> Edge:
    """Where gradients of `tensor` go; None when it requires none."""
    if tensor._base is not None:
        refresh_view(tensor)
    if not tensor._rg:
        return None
    node = tensor._node
    return (tensor, 0) if node is None else (node, tensor._out_nr)


def record(op: Op, args: tuple, outputs: tuple, edges: list[Edge]) -> Node:
    """Make the node of a call and point its differentiable results at it."""
    node = Node()
    node.op = op
    node.edges = edges
    node.seq = next(_sequence)
    node._hooks = None
    node.tensor_hooks = None
    node.trace = None
    needs = tuple([edge is not None for edge in edges])
    plan = None if op.list_slots else op.saving.get(needs)
    if plan is None:
        plan = saving_of(op, needs, args)
    node.plan = plan
    saved = []
    versions = []
    for place, kind in plan.fetch:
        if kind == "arg":
            value = args[place]
        elif kind == "result":
            value = outputs[place].detach()  # an alias: the node must not refer to its own result
        else:
            value = metadata(args[place], kind)
        versions.append(value._storage.version if isinstance(value, Tensor) else -1)
        saved.append(value)
    node.saved = saved
    node.versions = versions
    node.meta = tuple([(out.shape, out.dtype, out.device) for out in outputs])
    for number, out in enumerate(outputs):
        if out.dtype.kind >= 2 and number not in op.non_differentiable:
            out._node = node
            out._rg = True
            if number:
                out._out_nr = number
    if state.anomaly:
        node.trace = trace_here()
    if state.saved_hooks:
        _pack(node)
    return node


# ---- saved-tensor hooks ---------------------------------------------------------------------------------


class Packed:
    """A saved tensor replaced by what a pack hook returned."""

    __slots__ = ("unpack", "value")

    def __init__(self, value: Any, unpack: Callable) -> None:
        self.value = value
        self.unpack = unpack


def _pack(node: Node) -> None:
    pack, unpack = state.saved_hooks[-1]
    assert node.saved is not None
    for i, value in enumerate(node.saved):
        if isinstance(value, Tensor):
            node.saved[i] = Packed(pack(value), unpack)
            node.versions[i] = -1


class saved_tensors_hooks:
    """Within the block, what ops save for backward goes through `pack_hook`, and back through `unpack_hook`.

    >>> import tritonnn as torch
    >>> x = torch.ones(2, requires_grad=True)
    >>> with torch.autograd.graph.saved_tensors_hooks(lambda t: t.numpy(force=True), torch.from_numpy):
    ...     y = (x * x).sum()
    >>> y.backward()
    >>> x.grad
    tensor([2., 2.])
    """

    def __init__(self, pack_hook: Callable, unpack_hook: Callable) -> None:
        self.pair = (pack_hook, unpack_hook)

    def __enter__(self) -> None:
        state.saved_hooks = (*state.saved_hooks, self.pair)

    def __exit__(self, *exc_info: object) -> None:
        state.saved_hooks = state.saved_hooks[:-1]


class save_on_cpu(saved_tensors_hooks):
    """Keep what is saved for backward in host memory."""

    def __init__(self, pin_memory: bool = False) -> None:
        def pack(tensor: Any) -> tuple:
            host = tensor.detach().cpu()
            return tensor.device, host.pin_memory() if pin_memory else host

        super().__init__(pack, lambda packed: packed[1].to(packed[0], non_blocking=pin_memory))


# ---- views ----------------------------------------------------------------------------------------------


_as_strided: Op | None = None
_view_written: Op | None = None


def register_view_ops(as_strided: Op, view_written: Op) -> None:
    """Say which ops stand in the graph for "this geometry of the base" and "the base with a view written into it"."""
    global _as_strided, _view_written
    _as_strided, _view_written = as_strided, view_written


def refresh_view(view: Tensor) -> None:
    """Bring a view's graph up to date after its base, or another view of it, was written in place."""
    version = view._storage.version
    if view._view_version == version:
        return
    view._view_version = version
    base = view._base
    assert base is not None
    if base._rg:
        regenerate_view(view)


def regenerate_view(view: Tensor) -> None:
    """Make the view's history "as_strided of its base as it is now"."""
    base = view._base
    assert base is not None and _as_strided is not None
    args = (base, tuple(view.shape), view.stride(), view._offset)
    view._out_nr = 0
    record(_as_strided, args, (view,), [edge_of(base)])


def rebase(view: Tensor, node: Node) -> None:
    """After an in-place op on a view: its base's new history is "the old base with the view written into it"."""
    base = view._base
    assert base is not None and _view_written is not None
    args = (base, view, tuple(view.shape), view.stride(), view._offset)
    edge = edge_of(base)
    base._out_nr = 0
    record(_view_written, args, (base,), [edge, (node, 0)])
    view._view_version = view._storage.version
    regenerate_view(view)


# ---- hooks on tensors -----------------------------------------------------------------------------------


def register_tensor_hook(tensor: Tensor, hook: Callable) -> Any:
    """Tensor.register_hook."""
    from tritonnn.utils.hooks import RemovableHandle

    if not tensor.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    node = tensor._node
    if node is None:
        if tensor._hooks is None:
            tensor._hooks = OrderedDict()
        hooks = tensor._hooks
    else:
        hooks = _node_hooks(node, tensor._out_nr)
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    return handle


def _node_hooks(node: Node, number: int) -> dict[int, Callable]:
    if node.tensor_hooks is None:
        node.tensor_hooks = {}
    return node.tensor_hooks.setdefault(number, OrderedDict())


def register_post_accumulate_hook(tensor: Tensor, hook: Callable) -> Any:
    """Tensor.register_post_accumulate_grad_hook."""
    from tritonnn.utils.hooks import RemovableHandle

    if not tensor.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    if tensor._node is not None:
        raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
    if tensor._post_accumulate_hooks is None:
        tensor._post_accumulate_hooks = OrderedDict()
    handle = RemovableHandle(tensor._post_accumulate_hooks)
    tensor._post_accumulate_hooks[handle.id] = hook
    return handle


def retain_grad(tensor: Tensor) -> None:
    """Let the node that made `tensor` hand it its gradient."""
    import weakref

    reference = weakref.ref(tensor)

    def keep(grad: Tensor) -> None:
        target = reference()
        if target is not None:
            target._grad = grad if target._grad is None else target._grad + grad

    node = tensor._node
    assert node is not None
    # After every hook of the user, so that what is kept is what flows on.
    _node_hooks(node, tensor._out_nr)[1 << 62] = keep


class GradientEdge(tuple):
    """(node, output_nr): a place in the graph, usable as an input of `autograd.grad`."""

    node = property(lambda self: self[0])
    output_nr = property(lambda self: self[1])


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The edge along which `tensor`'s gradient flows."""
    edge = edge_of(tensor)
    if edge is None:
        raise RuntimeError(
            "It is not possible to get the gradient edge of a Tensor that does not require gradients"
        )
    return GradientEdge((AccumulateGrad(edge[0]) if isinstance(edge[0], Tensor) else edge[0], edge[1]))
