"""`backward` and `grad`: what users call to run the engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tritonnn._levels import state as transforms
from tritonnn._overriding import overridable
from tritonnn._sparse import Sparse
from tritonnn._tensor import Tensor
from tritonnn.autograd.engine import Run, lock_of
from tritonnn.ops.sparse.leaves import as_gradient, of_whole, values_at, wholes_of
from tritonnn.recording.edges import AccumulateGrad, GradientEdge
from tritonnn.recording.graph import Edge, edge_of


def _as_tuple(value: Any) -> tuple:
    if value is None:
        raise TypeError("expected a Tensor or a sequence of Tensors, got None")
    return (value,) if isinstance(value, (Tensor, GradientEdge)) else tuple(value)


def _gradients(value: object, count: int) -> tuple:
    """The gradients that a pass starts from, None for those that are not given."""
    return (None,) * count if value is None else _as_tuple(value)


def _root_grads(tensors: Sequence[Tensor], grads: Sequence[Tensor | None]) -> list[Tensor]:
    """The gradients to start from: ones for scalars, what the user gave otherwise, checked."""
    from tritonnn.ops.creation.creation import ones_like

    root_grads: list[Tensor] = []
    for tensor, grad in zip(tensors, grads, strict=True):
        if isinstance(tensor, GradientEdge):
            tensor = _like_result(tensor)
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
                f"Mismatch in shape: grad_output[{len(root_grads)}] has a shape of {grad.shape} and "
                f"output[{len(root_grads)}] has a shape of {tensor.shape}."
            )
        elif grad.dtype.is_complex is not tensor.dtype.is_complex:
            raise RuntimeError(
                "For complex Tensors, both grad_output and output are required to have the same dtype. Mismatch in "
                f"dtype: grad_output[{len(root_grads)}] has a dtype of {grad.dtype} and output[{len(root_grads)}] has "
                f"a dtype of {tensor.dtype}."
            )
        elif grad.dtype is not tensor.dtype:
            grad = grad.to(tensor.dtype)
        root_grads.append(values_at(tensor, grad) if isinstance(tensor, Sparse) else grad)
    return root_grads


def _like_result(edge: GradientEdge) -> Tensor:
    """Something of the shape, dtype and device of the result at an edge."""
    from tritonnn.ops.creation.creation import empty

    target, number = _input_edge(edge)
    if isinstance(target, Tensor):
        return target
    shape, dtype, device = target.meta[number]
    return empty(shape, dtype=dtype, device=device)


def _root_edges(tensors: Sequence[Tensor]) -> list[Edge]:
    edges = []
    for i, tensor in enumerate(tensors):
        if isinstance(tensor, GradientEdge):
            edges.append(_input_edge(tensor))
            continue
        if not isinstance(tensor, Tensor):
            raise TypeError(f"element {i} of tensors is not a Tensor but {type(tensor).__name__}")
        edge = edge_of(tensor._entries if isinstance(tensor, Sparse) else tensor)
        if edge is None:
            raise RuntimeError(f"element {i} of tensors does not require grad and does not have a grad_fn")
        edges.append(edge)
    return edges


def _input_edge(value: object) -> Edge:
    if isinstance(value, Tensor):
        edge = edge_of(value._entries if isinstance(value, Sparse) else value)
        if edge is None:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
        return edge
    if not isinstance(value, GradientEdge):
        raise RuntimeError(f"all inputs have to be Tensors or GradientEdges, but got {type(value).__name__}")
    node = value[0]
    return (node.variable, 0) if isinstance(node, AccumulateGrad) else (node, value[1])


@overridable
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
    if transforms.stack:
        raise RuntimeError(
            "backward() called inside a functorch transform. This is not supported, please use functorch.grad or "
            "functorch.vjp instead or call backward() outside of functorch transforms."
        )
    roots = _as_tuple(tensors if variables is None else variables)
    given = _gradients(grad_tensors if grad_variables is None else grad_variables, len(roots))
    if len(given) != len(roots):
        raise RuntimeError(f"got {len(roots)} tensors and {len(given)} gradients")
    if retain_graph is None:
        retain_graph = create_graph if retain_variables is None else retain_variables
    wanted = None
    if inputs is not None:
        values = _as_tuple(inputs)
        wanted = [
            _input_edge(value) for value in (*values, *[d for value in values for d in wholes_of(value)])
        ]
        if not wanted:
            raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    edges = _root_edges(roots)
    run = Run(bool(retain_graph), create_graph, wanted, accumulate=True)
    run(edges, _root_grads(roots, given))
    if wanted is not None:
        _accumulate_captured(run, _as_tuple(inputs))


def _accumulate_captured(run: Run, inputs: tuple) -> None:
    """`backward(inputs=...)` also fills `.grad` of tensors that are not leaves, once where they retain it anyway."""
    for tensor in {id(value): value for value in inputs}.values():
        if isinstance(tensor, Tensor) and tensor._node is not None and not tensor._retains_grad:
            grad = run.captured.get((id(tensor._node), tensor._out_nr))
            if grad is not None:
                with lock_of(tensor):
                    tensor._grad = grad if tensor._grad is None else tensor._grad + grad


def _make_sparse(results: list, wanted: Sequence[Any], wholes: Sequence[tuple[int, Tensor | None]]) -> None:
    """Make what sparse tensors have received sparse: their values, and their dense forms (number of the tensor, it)."""
    for i, value in enumerate(wanted):
        if isinstance(value, Sparse) and (received := results[i]) is not None:
            results[i] = as_gradient(value, received)
    for i, received in wholes:
        if received is not None:
            more = of_whole(wanted[i], received)
            results[i] = more if results[i] is None else results[i] + more


@overridable
def grad(
    outputs: object,
    inputs: object,
    grad_outputs: object = None,
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
    if not wanted_values:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    given = _gradients(grad_outputs, len(roots))
    if len(given) != len(roots):
        raise RuntimeError(f"got {len(roots)} tensors and {len(given)} gradients")
    edges = _root_edges(roots)
    wanted = [_input_edge(value) for value in wanted_values]
    wholes = [(i, _input_edge(dense)) for i, value in enumerate(wanted_values) for dense in wholes_of(value)]
    sought = [*wanted, *[edge for _, edge in wholes]]
    run = Run(create_graph if retain_graph is None else retain_graph, create_graph, sought, accumulate=False)
    run(edges, _root_grads(roots, given))
    results: list[Tensor | None] = [run.captured.get((id(edge[0]), edge[1])) for edge in wanted]
    _make_sparse(results, wanted_values, [(i, run.captured.get((id(e[0]), e[1]))) for i, e in wholes])
    if any(result is None for result in results) and not (allow_unused or materialize_grads):
        raise RuntimeError(
            "One of the differentiated Tensors appears to not have been used in the graph. Set allow_unused=True if "
            "this is the desired behavior."
        )
    if materialize_grads:
        from tritonnn.ops.creation.creation import zeros_like

        results = [
            zeros_like(value, requires_grad=create_graph) if result is None else result
            for result, value in zip(results, wanted_values, strict=True)
        ]
    return tuple(results)


def _batched_grad(
    outputs: Any, inputs: Any, grad_outputs: object, create: bool, unused: Any, fill: bool
) -> tuple:
    from tritonnn.autograd.tracked import batched_gradients

    return batched_gradients(grad, outputs, inputs, _as_tuple(grad_outputs), create, unused, fill)
