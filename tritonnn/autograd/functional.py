"""Jacobians, Hessians and products with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.autograd.api import grad


def _tuple(value: Any) -> tuple[tuple, bool]:
    return (tuple(value), True) if isinstance(value, (tuple, list)) else ((value,), False)


def _leaves(inputs: tuple, create_graph: bool) -> tuple:
    return tuple(
        t.view_as(t) if create_graph and t.requires_grad else t.detach().requires_grad_() for t in inputs
    )


def _unwrap(values: tuple, was_tuple: bool) -> Any:
    return values if was_tuple else values[0]


def _or_zeros(values: tuple, like: tuple, strict: bool) -> tuple:
    if strict and any(v is None for v in values):
        raise RuntimeError(
            "The output of the user-provided function is independent of an input. This is not allowed in strict mode."
        )
    from tritonnn.ops.creation.creation import zeros_like

    return tuple(zeros_like(t) if v is None else v for v, t in zip(values, like, strict=True))


def vjp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """(func(inputs), v^T J): the vector-Jacobian product.

    >>> import tritonnn as torch
    >>> torch.autograd.functional.vjp(lambda x: x ** 2, torch.tensor([1., 2.]), torch.ones(2))[1]
    tensor([2., 4.])
    """
    given, was_tuple = _tuple(inputs)
    leaves = _leaves(given, create_graph)
    output = func(*leaves)
    outputs, out_tuple = _tuple(output)
    weights = None if v is None else _tuple(v)[0]
    grads = grad(outputs, leaves, weights, create_graph=create_graph, allow_unused=True)
    results = outputs if create_graph else tuple(o.detach() for o in outputs)
    return _unwrap(results, out_tuple), _unwrap(_or_zeros(grads, leaves, strict), was_tuple)


def jvp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """(func(inputs), J v): the Jacobian-vector product, by differentiating the vector-Jacobian product twice."""
    given, _ = _tuple(inputs)
    leaves = _leaves(given, create_graph)
    outputs, out_tuple = _tuple(func(*leaves))
    from tritonnn.ops.creation.creation import ones_like, zeros_like

    directions = tuple(ones_like(t) for t in leaves) if v is None else _tuple(v)[0]
    dummies = tuple(zeros_like(o).requires_grad_() for o in outputs)
    grads = _or_zeros(grad(outputs, leaves, dummies, create_graph=True, allow_unused=True), leaves, strict)
    used = [(g, d) for g, d in zip(grads, directions, strict=True) if g.requires_grad]
    products = grad(
        [g for g, _ in used], dummies, [d for _, d in used], create_graph=create_graph, allow_unused=True
    )
    results = outputs if create_graph else tuple(o.detach() for o in outputs)
    return _unwrap(results, out_tuple), _unwrap(_or_zeros(products, outputs, strict), out_tuple)


def jacobian(
    func: Callable, inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:  # fmt: skip
    """The Jacobian of `func`: for each output and input a tensor (*output.shape, *input.shape).

    Args:
        vectorize, strategy: how PyTorch computes it; the result is the same, and here it is always computed row by
            row in reverse mode.
    """
    given, was_tuple = _tuple(inputs)
    leaves = _leaves(given, create_graph)
    outputs, out_tuple = _tuple(func(*leaves))
    from tritonnn.ops.joining.joining import stack

    rows = []
    for output in outputs:
        flat = output.reshape(-1)
        parts = []
        for i in range(flat.shape[0]):
            grads = (
                grad(flat[i], leaves, retain_graph=True, create_graph=create_graph, allow_unused=True)
                if flat.requires_grad
                else (None,) * len(leaves)
            )
            parts.append(_or_zeros(grads, leaves, strict))
        columns = tuple(
            stack(list(column)).reshape((*output.shape, *leaf.shape))
            for column, leaf in zip(zip(*parts, strict=True), leaves, strict=True)
        )
        rows.append(_unwrap(columns, was_tuple))
    return _unwrap(tuple(rows), out_tuple)


def hessian(
    func: Callable, inputs: Any, create_graph: bool = False, strict: bool = False, vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:  # fmt: skip
    """The Hessian of a scalar function: for each pair of inputs a tensor (*first.shape, *second.shape)."""
    _, was_tuple = _tuple(inputs)

    def slope(*args: Tensor) -> Any:
        value = func(*args)
        if value.numel() != 1:
            raise RuntimeError(f"hessian: the function must return a scalar, got shape {list(value.shape)}")
        grads = grad(value.reshape(()), args, create_graph=True, allow_unused=True)
        grads = _or_zeros(grads, args, strict)
        return grads if was_tuple else grads[0]

    return jacobian(slope, inputs, create_graph, strict)


def vhp(func: Callable, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """(func(inputs), v^T H) of a scalar function."""
    given, was_tuple = _tuple(inputs)
    leaves = _leaves(given, True)
    leaves = tuple(t if t.requires_grad else t.requires_grad_() for t in leaves)
    value = func(*leaves)
    grads = _or_zeros(grad(value, leaves, create_graph=True, allow_unused=True), leaves, strict)
    from tritonnn.ops.creation.creation import ones_like

    directions = tuple(ones_like(t) for t in leaves) if v is None else _tuple(v)[0]
    used = [(g, d) for g, d in zip(grads, directions, strict=True) if g.requires_grad]
    products = grad(
        [g for g, _ in used], leaves, [d for _, d in used], create_graph=create_graph, allow_unused=True
    )
    return (value if create_graph else value.detach()), _unwrap(
        _or_zeros(products, leaves, strict), was_tuple
    )


hvp = vhp  # the Hessian of a twice differentiable function is symmetric
