"""What hooks give back is checked: gradients of another dtype, device, shape or number, and what is no tensor."""

from __future__ import annotations

from typing import Any

import pytest

import tritonnn as torch


def _backward_with(where: str, hook: Any) -> None:
    a = torch.ones(3, requires_grad=True)
    b = a * 2
    {"leaf": a, "inner": b}[where].register_hook(hook)
    b.sum().backward()


@pytest.mark.parametrize("where", ["leaf", "inner"])
def test_what_a_tensor_hook_returns_is_checked(where):
    wrongs = (
        (
            lambda g: g.double(),
            r"hook 'hook' has changed the type of value \(was torch.FloatTensor got torch.Double",
        ),
        (lambda g: g.to("meta"), "hook 'hook' has changed the type of value"),
        (lambda g: g[:2], "hook 'hook' has changed the size of value"),
    )
    for wrong, words in wrongs:

        def hook(grad: Any, wrong: Any = wrong) -> Any:
            return wrong(grad)

        with pytest.raises(RuntimeError, match=words):
            _backward_with(where, hook)
    with pytest.raises(TypeError, match="expected Variable, but hook returned 'int'"):
        _backward_with(where, lambda g: 3)


@pytest.mark.parametrize("before", [True, False])
def test_what_a_hook_of_a_node_returns_is_checked(before):
    for wrong, kind, words in (
        (lambda g: (g[0].double(), *g[1:]), RuntimeError, "has changed the type of value"),
        (lambda g: (g[0][:2], *g[1:]), RuntimeError, "has changed the size of value"),
        (lambda g: (3, *g[1:]), TypeError, "expected Variable, but hook returned 'int'"),
        (lambda g: (*g, g[0]), RuntimeError, "incorrect number of values"),
        (lambda g: g[0], TypeError, "expected tuple, but hook returned 'Tensor'"),
        (lambda g: list(g), TypeError, "expected tuple, but hook returned 'list'"),
    ):
        b = torch.ones(3, requires_grad=True) * 2
        if before:
            b.grad_fn.register_prehook(wrong)
        else:
            b.grad_fn.register_hook(lambda grads, _, wrong=wrong: wrong(grads))
        with pytest.raises(kind, match=words):
            b.sum().backward()


@pytest.mark.parametrize("value", [3, None, "x"])
def test_an_unpack_hook_returns_a_tensor(value):
    a = torch.ones(3, requires_grad=True)
    indices = torch.tensor([0, 1])
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda _: value):
        results = a.exp(), a.index_select(0, indices)
    for result in results:
        with pytest.raises(
            TypeError, match=f"unpack_hook expected .* got result of type {type(value).__name__}"
        ):
            result.sum().backward()
