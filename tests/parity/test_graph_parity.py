"""torch.autograd.graph: what nodes have saved, hooks on it, edges, hooks of several tensors, and their refusals."""

from __future__ import annotations

import re
import warnings
from typing import Any

import pytest
import torch as reference
from graph_cases import SAVED, hooks_not_callable, identity, leaf

import tritonnn

# ---- nodes, edges and their hooks ------------------------------------------------------------------------


def edges(lib):
    x = leaf(lib, 1.0)
    edge, end = (lib.autograd.graph.get_gradient_edge(t) for t in (x * 2, x))
    return (
        type(edge).__name__,
        edge._fields,
        edge.output_nr,
        edge.node.name(),
        end.node.name(),
        end.node.variable is x,
    )


def edge_of_constant(lib):
    lib.autograd.graph.get_gradient_edge(lib.ones(1))


def gradients_by_edge(lib):
    a = leaf(lib, 2.0)
    b = a * 3
    c = b * b
    edge, end, root = (lib.autograd.graph.get_gradient_edge(t) for t in (b, a, c))
    first = lib.autograd.grad(c, edge, retain_graph=True)
    second = lib.autograd.grad((root,), (end,), (lib.ones(1),), retain_graph=True)
    lib.autograd.backward(root, lib.ones(1))
    return first, second, a.grad


def kinds(lib):
    x = leaf(lib, 1.0)
    node = lib.autograd.graph.Node
    return isinstance((x * 2).grad_fn, node), isinstance(lib.autograd.graph.get_gradient_edge(x).node, node), \
        isinstance(3, node)  # fmt: skip


def classes(lib):
    x = leaf(lib, 1.0, 2.0)
    return [type(t.grad_fn).__name__ for t in (x * 2, x.sum(), x.exp(), x**2, x[:1], x.view(1, 2))]


def notes(lib):
    x = leaf(lib, 2.0)
    node = (x * 3).grad_fn
    node.metadata["a"] = 1
    end = node.next_functions[0][0]
    end.metadata["b"] = 2
    other = x * 4
    return node.metadata, other.grad_fn.next_functions[0][0].metadata, end is node.next_functions[0][0]


def hooks_of_ends(lib):
    a, seen = leaf(lib, 2.0), []
    b = a * 3
    end = b.grad_fn.next_functions[0][0]

    def before(grads):
        seen.append(("before", grads[0].tolist()))
        return (grads[0] * 2,)

    handle = end.register_prehook(before)
    end.register_hook(lambda ins, outs: seen.append(("after", ins, outs[0].tolist(), a.grad.tolist())))
    a.register_hook(lambda g: seen.append(("tensor", g.tolist())))
    b.backward()
    (a * 4).backward()
    lib.autograd.grad(a * 7, a)  # does not end there
    handle.remove()
    (a * 5).backward()
    return seen, a.grad


def hooks_of_unwanted_leaves(lib):
    a, b, seen = leaf(lib, 1.0), leaf(lib, 2.0), []
    a.register_hook(lambda g: seen.append("a"))
    b.register_hook(lambda g: seen.append("b"))
    (a * b).backward(inputs=(a,))
    lib.autograd.grad(a * b, a)
    return seen


def hooks_of_several(lib):
    a, b, seen = leaf(lib, 1.0), leaf(lib, 2.0), []
    c, d = (a * b for _ in range(2))
    note = lambda grads: seen.append([grad is not None for grad in grads])
    handle = lib.autograd.graph.register_multi_grad_hook((a, b, c, d), note)
    (c * 1).backward(retain_graph=True)
    (c * 1).backward(inputs=(a,), retain_graph=True)
    (d * 1).backward(retain_graph=True)
    (c + d).backward(retain_graph=True)
    handle.remove()
    (c * 1).backward()
    return seen


def hooks_of_any(lib):
    a, b, seen = leaf(lib, 1.0), leaf(lib, 2.0), []
    c, d = (a * b for _ in range(2))
    handle = lib.autograd.graph.register_multi_grad_hook(
        (a, c, d), lambda g: seen.append(g.tolist()), mode="any"
    )
    (c * 1).backward(retain_graph=True)
    (c + d).backward(retain_graph=True)
    handle.remove()
    (c * 1).backward()
    return seen


def hooks_of_an_unknown_mode(lib):
    lib.autograd.graph.register_multi_grad_hook((leaf(lib, 1.0),), identity, mode="some")


def hooks_of_a_constant(lib):
    lib.autograd.graph.register_multi_grad_hook((lib.ones(1),), identity)


# ---- in-place writes by custom functions, and of what has no derivative ---------------------------------------


def dirty(lib, wrong=None, several=False):
    class Double(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.mark_dirty(x)
            x.mul_(2)
            return x + 1 if wrong else (x, x + 1) if several else x

        @staticmethod
        def backward(ctx, *grads):
            return grads[0] * 2

    return Double.apply


def dirty_view(lib):
    a = leaf(lib, 1.0, 2.0)
    b = a.clone()
    view, other = b[:1], b[1:]
    result = dirty(lib)(view)
    names = [t.grad_fn.name() for t in (view, result, b, other)]
    b.sum().backward()
    return result is view, names, a.grad


def dirty_leaf(lib):
    dirty(lib)(leaf(lib, 1.0))


def dirty_not_returned(lib):
    dirty(lib, wrong=True)(leaf(lib, 1.0) * 1)


def dirty_view_of_several(lib):
    dirty(lib, several=True)((leaf(lib, 1.0, 2.0) * 1)[:1])


def written(name, *args):
    def case(lib):
        x = leaf(lib, 3.0, 5.0)
        y = x.clone()
        getattr(y, name)(*[lib.tensor(arg) if isinstance(arg, list) else arg for arg in args])
        node = y.grad_fn.name()
        try:
            y.sum().backward()
        except Exception as error:
            return node, type(error).__name__, str(error)
        return node, x.grad

    case.__name__ = name
    return case


def without_derivative(lib):
    x = leaf(lib, 3.0, 5.0)
    counts, ends = lib.histogram(x, 2)
    weighted = lib.bincount(lib.tensor([0, 1]), x)
    floor = x // 2
    step = lib.heaviside(x, lib.ones(2))
    found = []
    for out in (counts, ends, weighted, floor, step):
        try:
            out.sum().backward()
        except Exception as error:
            found.append((out.requires_grad, out.grad_fn.name(), type(error).__name__, str(error)))
    return found


def returned_by_post_accumulate_hooks(lib):
    found = []
    for hook in (identity, lambda t: t.grad, lambda t: 3):
        x = leaf(lib, 1.0)
        x.register_post_accumulate_grad_hook(hook)
        try:
            (x * 1).backward()
        except Exception as error:
            found.append((type(error).__name__, str(error)))
    return found


CASES = [
    *SAVED,
                    edges, edge_of_constant, gradients_by_edge,
    kinds, classes, notes, hooks_of_ends, hooks_of_unwanted_leaves, hooks_of_several, hooks_of_any,
    hooks_of_an_unknown_mode, hooks_of_a_constant, dirty_view, dirty_leaf, dirty_not_returned, dirty_view_of_several,
    written("floor_divide_", 2.0), written("floor_divide_", [2.0, 1.0]), written("heaviside_", [2.0, 1.0]),
    written("fmod_", 2.0), written("remainder_", 2.0), written("square_"), written("clamp_", 4.0),
    without_derivative, returned_by_post_accumulate_hooks,
]  # fmt: skip
# words in which messages differ: ours say more
WORDS = 6


def plain(value: Any) -> Any:
    """Results of both libraries in the same types."""
    if isinstance(value, (tritonnn.Tensor, reference.Tensor)):
        return plain(value.tolist()), value.requires_grad
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return round(value, 5)
    return value


def outcome(case: Any, lib: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return plain(case(lib))
        except Exception as error:
            return type(error).__name__, re.split(r"[\s:]+", str(error))[:WORDS]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_graph(case):
    wanted, got = outcome(case, reference), outcome(case, tritonnn)
    if case is hooks_not_callable:  # PyTorch lists the types of its arguments
        wanted, got = wanted[0], got[0]
    assert got == wanted
