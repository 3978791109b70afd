"""Backward: the recorded nodes in reverse topological order, without recursion."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any

from tritonnn.autograd.grad_mode import state
from tritonnn.autograd.graph import AccumulateGrad, Edge, Node, edge_of
from tritonnn.tensor import Tensor

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
        self.owned: set[int] = set()  # ids of sums this pass made and may add to in place
        self.given: set[int] = set()  # ids of storages that are someone's gradient already
        self.held: list[Any] = []  # keeps the objects behind those ids alive
        self.wanted = None if wanted is None else {(id(target), number) for target, number in wanted}
        self.captured: dict[tuple[int, int], Tensor] = {}

    def __call__(self, roots: Sequence[Edge], grads: Sequence[Tensor]) -> None:
        incoming, nodes = _dependencies(roots)
        useful = None
        if self.wanted is not None:
            useful = _leading_to({key for key, _ in self.wanted if key in nodes}, nodes)
        for (target, number), grad in zip(roots, grads, strict=True):
            self._note_given(grad)
            self._add(target, number, grad)
        heap: list[tuple[int, int]] = []
        for key in {id(target) for target, _ in roots}:
            if not incoming.get(key):
                heapq.heappush(heap, (-_seq(nodes[key]), key))
        before = state.enabled
        state.enabled = self.create
        try:
            while heap:
                node = nodes[heapq.heappop(heap)[1]]
                self._visit(node, incoming, nodes, useful, heap)
        finally:
            state.enabled = before

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
        elif not self.create and id(have) in self.owned:
            have.add_(grad)
        else:
            total = slots[number] = have + grad
            self.owned.add(id(total))
            self.held.append(total)

    # ---- one node -------------------------------------------------------------------------------------

    def _node(
        self, node: Node, grads: list[Tensor | None], useful: set[int] | None
    ) -> Sequence[Tensor | None]:
        if node.tensor_hooks is not None:
            for number in sorted(node.tensor_hooks):
                if grads[number] is not None:
                    grads[number] = self._run_hooks(node.tensor_hooks[number], grads[number])
        if self.wanted is not None:
            for number, grad in enumerate(grads):
                if grad is not None and (id(node), number) in self.wanted:
                    self.captured[id(node), number] = grad
                    self._note_given(grad)
            if useful is not None and not any(e is not None and id(e[0]) in useful for e in node.edges):
                return ()
        if node._hooks is not None:
            for hook in list(node._hooks["pre"].values()):
                replaced = hook(tuple(grads))
                if replaced is not None:
                    grads = list(replaced) if isinstance(replaced, (tuple, list)) else [replaced]
        results = self._apply(node, grads)
        if node._hooks is not None:
            for hook in list(node._hooks["post"].values()):
                replaced = hook(tuple(results), tuple(grads))
                if replaced is not None:
                    results = list(replaced) if isinstance(replaced, (tuple, list)) else [replaced]
        if not self.keep:
            node.release()
        return results

    def _apply(self, node: Node, grads: list[Tensor | None]) -> Sequence[Tensor | None]:
        if not state.anomaly:
            return node.apply(grads)
        from tritonnn.autograd.anomaly import explain_failure, refuse_nan

        with explain_failure(node):
            results = node.apply(grads)
            refuse_nan(node, results)
            return results

    def _run_hooks(self, hooks: dict, grad: Any) -> Tensor:
        self._note_given(grad)  # a hook may keep it
        for _, hook in sorted(hooks.items()):
            replaced = hook(grad)
            if replaced is not None:
                if not isinstance(replaced, Tensor):
                    raise TypeError(
                        f"expected the hook to return a Tensor or None, got {type(replaced).__name__}"
                    )
                if replaced.shape != grad.shape:
                    raise RuntimeError(
                        f"hook '{getattr(hook, '__name__', hook)}' has changed the size of value: "
                        f"{tuple(grad.shape)} became {tuple(replaced.shape)}"
                    )
                grad = replaced
                self._note_given(grad)
        return grad

    # ---- leaves ---------------------------------------------------------------------------------------

    def _leaf(self, leaf: Tensor, grad: Any) -> None:
        if leaf._hooks:
            grad = self._run_hooks(leaf._hooks, grad)
        if self.wanted is not None:
            if (id(leaf), 0) not in self.wanted:
                return
            if not self.accumulate:
                self.captured[id(leaf), 0] = grad
                self._note_given(grad)
                return
        have = leaf._grad
        if have is None:
            leaf._grad = self._own(grad, leaf)
        elif self.create:
            leaf._grad = have + grad
        else:
            have.add_(grad)
        if leaf._post_accumulate_hooks:
            for hook in list(leaf._post_accumulate_hooks.values()):
                hook(leaf)

    def _own(self, grad: Tensor, leaf: Tensor) -> Tensor:
        """The gradient itself where this leaf is the only one to hold its memory, else a copy."""
        if self.create:
            return grad if id(grad._storage) not in self.given else grad.clone()
        if (
            id(grad._storage) in self.given
            or grad._stride is not None
            or grad._node is not None
            or type(grad) is not Tensor
            or grad._storage.nbytes != grad.numel() * grad.dtype.itemsize
        ):
            grad = grad.detach().clone(memory_format=_contiguous())
        self._note_given(grad)
        return grad

    def _note_given(self, grad: Tensor) -> None:
        self.given.add(id(grad._storage))
        self.owned.discard(id(grad))
        self.held.append(grad._storage)


def _contiguous() -> Any:
    from tritonnn.memory_format import contiguous_format

    return contiguous_format


def _seq(node: Any) -> int:
    return _LEAF_SEQ if isinstance(node, Tensor) else node.seq


def _fit(grad: Tensor, node: Node, place: int, target: Any, number: int) -> Tensor:
    """The gradient in the shape, dtype and on the device of what it belongs to: broadcasting is undone here."""
    if isinstance(target, Tensor):
        shape, dtype, device = target.shape, target.dtype, target.device
    else:
        shape, dtype, device = target.meta[number]
    if grad.shape != shape:
        from tritonnn.ops.shape import is_expandable_to, sum_to_size

        if not is_expandable_to(shape, grad.shape):
            raise RuntimeError(
                f"Function {node.name()} returned an invalid gradient at index {place} - got {list(grad.shape)} "
                f"but expected shape compatible with {list(shape)}"
            )
        grad = sum_to_size(grad, shape)
    if grad.dtype is not dtype:
        grad = grad.real if grad.dtype.is_complex and not dtype.is_complex else grad
        grad = grad.to(dtype)
    if grad.device is not device:
        if grad.shape:
            raise RuntimeError(
                f"Function {node.name()} returned an invalid gradient at index {place} - expected device {device} "
                f"but got {grad.device}"
            )
        grad = grad.to(device)
    return grad


# ---- entry points ---------------------------------------------------------------------------------------


def _as_tuple(value: Any) -> tuple:
    if value is None:
        return ()
    return (value,) if isinstance(value, (Tensor, tuple)) and _is_one(value) else tuple(value)


def _is_one(value: Any) -> bool:
    from tritonnn.autograd.graph import GradientEdge

    return isinstance(value, (Tensor, GradientEdge))


def _root_grads(tensors: Sequence[Tensor], grads: Sequence[Tensor | None]) -> list[Tensor]:
    """The gradients to start from: ones for scalars, what the user gave otherwise, checked."""
    from tritonnn.ops.creation import ones_like

    made = []
    for tensor, grad in zip(tensors, grads, strict=True):
        if grad is None:
            if tensor.numel() != 1:
                raise RuntimeError("grad can be implicitly created only for scalar outputs")
            if not tensor.dtype.is_floating_point:
                raise RuntimeError(
                    f"grad can be implicitly created only for real scalar outputs but got {tensor.dtype}"
                )
            grad = ones_like(tensor)
            grad._rg = False
        elif not isinstance(grad, Tensor):
            raise TypeError(f"gradients can be either Tensors or None, but got {type(grad).__name__}")
        elif grad.shape != tensor.shape:
            raise RuntimeError(
                f"Mismatch in shape: grad_output[{len(made)}] has a shape of {grad.shape} and output[{len(made)}] has "
                f"a shape of {tensor.shape}."
            )
        elif grad.dtype is not tensor.dtype:
            grad = grad.to(tensor.dtype)
        made.append(grad)
    return made


def _root_edges(tensors: Sequence[Tensor]) -> list[Edge]:
    edges = []
    for i, tensor in enumerate(tensors):
        if not isinstance(tensor, Tensor):
            raise TypeError(f"element {i} of tensors is not a Tensor but {type(tensor).__name__}")
        edge = edge_of(tensor)
        if edge is None:
            raise RuntimeError(f"element {i} of tensors does not require grad and does not have a grad_fn")
        edges.append(edge)
    return edges


def _input_edge(value: Any) -> Edge:
    if isinstance(value, Tensor):
        edge = edge_of(value)
        if edge is None:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
        return edge
    node = value[0]
    return (node.variable, 0) if isinstance(node, AccumulateGrad) else (node, value[1])


def backward(
    tensors: Any = None,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Any = None,
    inputs: Any = None,
    *,
    variables: Any = None,
    retain_variables: bool | None = None,
) -> None:
    """Accumulate into the leaves' `.grad` the gradients of `tensors`.

    Args:
        tensors: one tensor or a sequence.
        grad_tensors: the gradient of each, shaped like it; None for scalars.
        retain_graph: keep what is saved for another pass (default: `create_graph`).
        create_graph: record the pass, for higher derivatives.
        grad_variables, variables, retain_variables: older names.
        inputs: accumulate into these only.

    Raises:
        RuntimeError: nothing requires grad, a non-scalar without gradient, a freed graph, or a saved tensor that
            was modified in place.

    >>> import tritonnn as torch
    >>> x = torch.tensor([1., 2.], requires_grad=True)
    >>> torch.autograd.backward((x ** 2).sum())
    >>> x.grad
    tensor([2., 4.])
    """
    roots = _as_tuple(tensors if variables is None else variables)
    given = _as_tuple(grad_tensors if grad_variables is None else grad_variables) or (None,) * len(roots)
    if len(given) != len(roots):
        raise RuntimeError(f"got {len(roots)} tensors and {len(given)} gradients")
    if retain_graph is None:
        retain_graph = create_graph if retain_variables is None else retain_variables
    wanted = None
    if inputs is not None:
        wanted = [_input_edge(value) for value in _as_tuple(inputs)]
        if not wanted:
            raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    edges = _root_edges(roots)
    run = Run(bool(retain_graph), create_graph, wanted, accumulate=True)
    run(edges, _root_grads(roots, given))
    if wanted is not None:
        _accumulate_captured(run, _as_tuple(inputs))


def _accumulate_captured(run: Run, inputs: tuple) -> None:
    """`backward(inputs=...)` also fills `.grad` of tensors that are not leaves."""
    for tensor in inputs:
        if isinstance(tensor, Tensor) and tensor._node is not None:
            grad = run.captured.get((id(tensor._node), tensor._out_nr))
            if grad is not None:
                tensor._grad = grad if tensor._grad is None else tensor._grad + grad


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple:
    """The gradients of `outputs` with respect to `inputs`, without touching any `.grad`.

    Args:
        outputs, inputs: one tensor or a sequence.
        grad_outputs: the gradient of each output; None for scalars.
        retain_graph, create_graph: as in `backward`.
        only_inputs: older flag; only True is meaningful.
        allow_unused: return None for inputs that the outputs do not depend on, instead of raising.
        is_grads_batched: the first dimension of each grad_output counts independent gradients.
        materialize_grads: return zeros instead of None.

    >>> import tritonnn as torch
    >>> x = torch.tensor(3., requires_grad=True)
    >>> torch.autograd.grad(x ** 2, x)
    (tensor(6.),)
    """
    if not only_inputs:
        raise ValueError(
            "only_inputs=False is not supported: pass every tensor whose gradient you want in `inputs`"
        )
    if is_grads_batched:
        return _batched_grad(outputs, inputs, grad_outputs, create_graph, allow_unused, materialize_grads)
    if materialize_grads and allow_unused is False:
        raise ValueError("Expected allow_unused to be True or not passed when materialize_grads=True")
    roots, wanted_values = _as_tuple(outputs), _as_tuple(inputs)
    given = _as_tuple(grad_outputs) or (None,) * len(roots)
    if len(given) != len(roots):
        raise RuntimeError(f"got {len(roots)} tensors and {len(given)} gradients")
    edges = _root_edges(roots)
    wanted = [_input_edge(value) for value in wanted_values]
    run = Run(create_graph if retain_graph is None else retain_graph, create_graph, wanted, accumulate=False)
    run(edges, _root_grads(roots, given))
    results = [run.captured.get((id(edge[0]), edge[1])) for edge in wanted]
    if any(result is None for result in results) and not (allow_unused or materialize_grads):
        raise RuntimeError(
            "One of the differentiated Tensors appears to not have been used in the graph. Set allow_unused=True if "
            "this is the desired behavior."
        )
    if materialize_grads:
        from tritonnn.ops.creation import zeros_like

        results = [zeros_like(v) if r is None else r for r, v in zip(results, wanted_values, strict=True)]
    return tuple(results)


def _batched_grad(
    outputs: Any, inputs: Any, grad_outputs: Any, create: bool, unused: Any, fill: bool
) -> tuple:
    from tritonnn.ops.shape import stack

    batches = _as_tuple(grad_outputs)
    rows = [
        grad(outputs, inputs, [batch[i] for batch in batches], True, create, True, unused, False, fill)
        for i in range(batches[0].shape[0])
    ]
    return tuple(None if column[0] is None else stack(column) for column in zip(*rows, strict=True))
