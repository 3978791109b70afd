"""Backward: the recorded nodes in reverse topological order, without recursion."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Sequence
from typing import Any

from tritonnn._conjugated import ConjugatedTensor, resolved
from tritonnn._overriding import state as overriding
from tritonnn._sparse import SparseTensor
from tritonnn._tensor import Tensor
from tritonnn.autograd.nested import LEVELS, on_fresh_stack
from tritonnn.dispatch import autocast
from tritonnn.recording.grad_mode import HIDDEN, apply_hidden, state
from tritonnn.recording.graph import Edge, Node
from tritonnn.recording.hooks import checked_gradient, checked_gradients, refuse_result

_LEAF_SEQ = 1 << 62  # leaves are handled as soon as their gradient is complete


def _dependencies(roots: Sequence[Edge]) -> tuple[dict[int, int], dict[int, Any]]:
    """How many edges lead to each node below the roots, and the nodes by id."""
    incoming: dict[int, int] = {}
    nodes: dict[int, Any] = {}
    stack = []
    for target, _ in roots:
        if id(target) not in nodes:
            nodes[id(target)] = target
            stack.append(target)
    while stack:
        node = stack.pop()
        if isinstance(node, Tensor):
            continue
        for edge in node.edges:
            if edge is not None:
                key = id(edge[0])
                incoming[key] = incoming.get(key, 0) + 1
                if key not in nodes:
                    nodes[key] = edge[0]
                    stack.append(edge[0])
    return incoming, nodes


def _leading_to(targets: set[int], nodes: dict[int, Any]) -> set[int]:
    """Ids of the nodes from which one of the targets can be reached."""
    parents: dict[int, list[int]] = {}
    for key, node in nodes.items():
        if not isinstance(node, Tensor):
            for edge in node.edges:
                if edge is not None:
                    parents.setdefault(id(edge[0]), []).append(key)
    reached = set(targets)
    stack = list(targets)
    while stack:
        for parent in parents.get(stack.pop(), ()):
            if parent not in reached:
                reached.add(parent)
                stack.append(parent)
    return reached


class Run:
    """One pass of backward.

    Args:
        keep: leave the graph usable for another pass.
        create: record the pass itself.
        wanted: edges whose gradients are captured; None accumulates into every leaf.
        accumulate: with `wanted`: accumulate into those leaves instead of returning.
    """

    def __init__(self, keep: bool, create: bool, wanted: Sequence[Edge] | None, accumulate: bool) -> None:
        self.keep = keep
        self.create = create
        self.accumulate = accumulate
        self.pending: dict[int, list[Tensor | None]] = {}
        # (id of a target, number) whose pending gradient is a sum that this pass made and nobody else has seen. Once
        # the target is visited, its backward may hand the sum on to several others.
        self.owned: set[tuple[int, int]] = set()
        self.given: set[int] = set()  # ids of storages that are someone's gradient already
        self.held: list[Any] = []  # keeps the objects behind those ids alive
        self.wanted = None if wanted is None else {(id(target), number) for target, number in wanted}
        self.captured: dict[tuple[int, int], Tensor] = {}
        self.nodes: dict[int, Any] = {}
        self.useful: set[int] | None = (
            None  # ids of what leads to a wanted gradient; None: everything is wanted
        )

    def __call__(self, roots: Sequence[Edge], grads: Sequence[Tensor]) -> None:
        depth = state.depth
        state.depth = depth + 1
        try:
            if depth and depth % LEVELS == 0:
                on_fresh_stack(lambda: self._run(roots, grads))
            else:
                self._run(roots, grads)
        finally:
            state.depth = depth

    def _run(self, roots: Sequence[Edge], grads: Sequence[Tensor]) -> None:
        incoming, nodes = _dependencies(roots)
        useful = None
        self.nodes = nodes
        if self.wanted is not None:
            useful = self.useful = _leading_to({key for key, _ in self.wanted if key in nodes}, nodes)
        for (target, number), grad in zip(roots, grads, strict=True):
            self._note_given(grad)
            self._add(target, number, grad)
        heap: list[tuple[int, int]] = []
        for key in {id(target) for target, _ in roots}:
            if not incoming.get(key):
                heapq.heappush(heap, (-_seq(nodes[key]), key))
        before = state.enabled, state.keeps_graph, state.current, autocast.on
        # Formulas compute in the types that the calls of forward chose.
        state.enabled, state.keeps_graph, state.current, autocast.on = self.create, self.keep, self, {}
        off = overriding.off
        overriding.off = max(off, 1)  # what was saved is computed with, whatever takes calls over
        try:
            while heap:
                node = nodes[heapq.heappop(heap)[1]]
                self._visit(node, incoming, nodes, useful, heap)
        finally:
            state.enabled, state.keeps_graph, state.current, autocast.on = before
            overriding.off = off

    def will_reach(self, target: Any) -> bool:
        """Whether a node, or a leaf, gets a gradient in this pass."""
        return id(target) in (self.nodes if self.useful is None else self.useful)

    def _visit(self, node: Any, incoming: dict, nodes: dict, useful: set[int] | None, heap: list) -> None:
        grads = self.pending.pop(id(node), None)
        if isinstance(node, Tensor):
            if grads is not None:
                self._leaf(node, grads[0])
            return
        results: Sequence[Tensor | None] = ()
        if grads is not None and (useful is None or id(node) in useful):
            results = self._node(node, grads, useful)
        for i, edge in enumerate(node.edges):
            if edge is None:
                continue
            target = edge[0]
            key = id(target)
            if results and (grad := results[i]) is not None:
                self._add(target, edge[1], _fit(grad, node, i, target, edge[1]))
            incoming[key] -= 1
            if not incoming[key]:
                heapq.heappush(heap, (-_seq(target), key))

    def _add(self, target: Any, number: int, grad: Tensor) -> None:
        """Add a contribution to what a node's result has received so far."""
        slots = self.pending.get(id(target))
        if slots is None:
            slots = self.pending[id(target)] = [None] * (
                1 if isinstance(target, Tensor) else len(target.meta)
            )
        have = slots[number]
        if have is None:
            slots[number] = grad
        elif not self.create and (id(target), number) in self.owned:
            slots[number] = _added(have, grad)
        else:
            slots[number] = _sum(have, grad)
            self.owned.add((id(target), number))

    # ---- one node -------------------------------------------------------------------------------------

    def _node(
        self, node: Node, grads: list[Tensor | None], useful: set[int] | None
    ) -> Sequence[Tensor | None]:
        if node.tensor_hooks is not None:
            for number in sorted(node.tensor_hooks):  # also of a result that nothing used: it is shown None
                grads[number] = self._run_hooks(node.tensor_hooks[number], grads[number])
        if node.retained is not None:
            self._keep(node, grads)
        if self.wanted is not None:
            for number, grad in enumerate(grads):
                if grad is not None and (id(node), number) in self.wanted:
                    self.captured[id(node), number] = grad
                    self._note_given(grad)
            if useful is not None and not any(e is not None and id(e[0]) in useful for e in node.edges):
                return ()
        if node._hooks is not None:
            for hook in list(node._hooks["pre"].values()):
                self._note_all(grads)
                replaced = hook(tuple(grads))
                if replaced is not None:
                    grads = checked_gradients(hook, grads, replaced)
                    self._note_all(grads)
        results = self._apply(node, grads)
        if node._hooks is not None:
            for hook in list(node._hooks["post"].values()):
                self._note_all([*results, *grads])
                replaced = hook(tuple(results), tuple(grads))
                if replaced is not None:
                    results = checked_gradients(hook, results, replaced)
                    self._note_all(results)
        if not self.keep:
            node.release()
        return results

    def _keep(self, node: Node, grads: list[Tensor | None]) -> None:
        """Put the gradients of results that retain them into their `.grad`, as they are after all hooks."""
        assert node.retained is not None
        for number, reference in list(node.retained.items()):
            tensor, grad = reference(), grads[number]
            # A tensor that was written in place since has another node, and is no longer this result.
            if grad is None or tensor is None or tensor._node is not node or tensor._out_nr != number:
                continue
            self._note_given(grad)
            with lock_of(tensor):
                tensor._grad = grad if tensor._grad is None else _sum(tensor._grad, grad)

    def _apply(self, node: Node, grads: list[Tensor | None]) -> Sequence[Tensor | None]:
        if HIDDEN and node in HIDDEN:
            return apply_hidden(node, grads)
        if not state.anomaly:
            return node.apply(grads)
        from tritonnn.autograd.anomaly import explain_failure, refuse_nan

        before, state.running = state.running, node  # calls are this node's from here on
        try:
            results = node.apply(grads)
            refuse_nan(node, results)
        except Exception:
            explain_failure(node)
            raise
        finally:
            state.running = before
        return results

    def _run_hooks(self, hooks: dict, grad: Any) -> Tensor | None:
        if grad is not None:
            self._note_given(grad)  # a hook may keep it
        for _, hook in sorted(hooks.items()):
            replaced = hook(grad)
            if replaced is not None:
                grad = checked_gradient(hook, grad, replaced)
                self._note_given(grad)
        return grad

    # ---- leaves ---------------------------------------------------------------------------------------

    def _leaf(self, leaf: Tensor, grad: Any) -> None:
        if self.wanted is not None and (id(leaf), 0) not in self.wanted:
            return
        if leaf._hooks:
            grad = self._run_hooks(leaf._hooks, grad)
        if self.wanted is not None:
            if not self.accumulate:
                self.captured[id(leaf), 0] = grad
                self._note_given(grad)
                return
        if not leaf._rg:  # detached in place since
            return
        hooks = leaf._accumulate_hooks
        if hooks is not None:
            for hook in list(hooks["pre"].values()):
                self._note_given(grad)
                replaced = hook((grad,))
                grad = grad if replaced is None else checked_gradients(hook, [grad], replaced)[0]
            self._note_given(grad)
        with lock_of(leaf):
            have = leaf._grad
            if have is None:
                leaf._grad = self._own(grad, leaf)
            elif self.create:
                leaf._grad = _sum(have, grad)
            else:
                leaf._grad = _added(have, grad)
        if leaf._post_accumulate_hooks:
            for hook in list(leaf._post_accumulate_hooks.values()):
                refuse_result(hook, hook(leaf), leaf)
        if hooks is not None:
            for hook in list(hooks["post"].values()):
                hook((), (grad,))

    def _own(self, grad: Tensor, leaf: Tensor) -> Tensor:
        """The gradient itself where this leaf is the only one to hold its memory, else a copy."""
        if grad.__class__ is ConjugatedTensor:
            return resolved(grad)
        if grad.__class__ is SparseTensor:
            grad = (grad if self.create else grad.detach()).clone()
            self._note_given(grad)
            return grad
        wanted = None if leaf._stride is None else _layout(leaf)
        if (
            id(grad._storage) in self.given
            or grad._stride != wanted
            or (grad._node is not None and not self.create)
            or grad._shared
            or type(grad) is not Tensor
            or grad._storage.nbytes != grad.numel() * grad._dtype.itemsize
            or ((leaf._post_accumulate_hooks or leaf._accumulate_hooks) and self._is_pending(grad))
        ):
            grad = _copied(grad if self.create else grad.detach(), wanted)
        self._note_given(grad)
        return grad

    def _is_pending(self, grad: Tensor) -> bool:
        """Whether another place still waits with the same memory, which a hook of the leaf may write."""
        return any(
            [g is not None and g._storage is grad._storage for slots in self.pending.values() for g in slots]
        )

    def _note_given(self, grad: Tensor) -> None:
        self.given.add(id(grad._storage))
        self.held.append(grad._storage)

    def _note_all(self, grads: Sequence[Any]) -> None:
        """A hook may keep what it is shown, and what it returns."""
        for grad in grads:
            if isinstance(grad, Tensor):
                self._note_given(grad)


# Several threads may run backward into the same leaves. A lock of each would cost every tensor its memory.
_LOCKS = tuple([threading.RLock() for _ in range(64)])


def lock_of(leaf: Tensor) -> threading.RLock:
    """What is held while something is added to a tensor's `.grad`."""
    return _LOCKS[id(leaf) >> 4 & 63]


def _sum(have: Tensor, grad: Tensor) -> Tensor:
    """have + grad; a dense one comes first, as sums with sparse ones want it."""
    if have.__class__ is SparseTensor and grad.__class__ is not SparseTensor:
        have, grad = grad, have
    return have + grad


def _added(have: Tensor, grad: Tensor) -> Tensor:
    """`_sum` in the memory of `have`, but for a dense gradient on top of a sparse one, which it makes dense."""
    if have.__class__ is SparseTensor and grad.__class__ is not SparseTensor:
        return grad + have
    return have.add_(grad)


def _layout(leaf: Tensor) -> tuple[int, ...] | None:
    """The strides a leaf's gradient gets: its own where they are dense, else row-major (None)."""
    from tritonnn.shape import is_dense

    return leaf._stride if is_dense(leaf.shape, leaf.stride()) and not leaf.is_contiguous() else None


def _copied(grad: Tensor, strides: tuple[int, ...] | None) -> Tensor:
    from tritonnn.ops.conversion.conversion import copied

    return copied(grad, grad._dtype, grad._device, strides)


def _seq(node: Any) -> int:
    return _LEAF_SEQ if isinstance(node, Tensor) else node.seq


def _fit(grad: Tensor, node: Node, place: int, target: Any, number: int) -> Tensor:
    """The gradient in the shape, dtype and on the device of what it belongs to: broadcasting is undone here."""
    detached = False
    if isinstance(target, Tensor):
        detached = not target._rg  # since, and perhaps of another shape
        shape, dtype, device = target._shape, target._dtype, target._device
        if target._grad_dtype is not ...:
            dtype = target._grad_dtype or grad._dtype
    else:
        shape, dtype, device = target.meta[number]
    if grad._shape != shape:
        from tritonnn.ops.shape.shape import is_expandable_to, sum_to_size

        if not is_expandable_to(shape, grad._shape):
            if detached:
                return grad
            raise RuntimeError(
                f"Function {node.name()} returned an invalid gradient at index {place} - got {list(grad._shape)} "
                f"but expected shape compatible with {list(shape)}"
            )
        grad = sum_to_size(grad, shape)
    if detached:
        return grad
    if grad._dtype is not dtype:
        grad = grad.real if grad._dtype.is_complex and not dtype.is_complex else grad
        grad = grad.to(dtype)
    if grad._device is not device:
        if grad._shape:
            raise RuntimeError(
                f"Function {node.name()} returned an invalid gradient at index {place} - expected device {device} "
                f"but got {grad._device}"
            )
        grad = grad.to(device)
    return grad
