"""The graph: recording, backward, hooks, in-place writes, views, deep chains."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest
from support import leaf

import tritonnn as torch
from tritonnn.autograd import grad, gradcheck, gradgradcheck


def test_backward_accumulates():
    x = leaf(1, 2)
    (x * x).sum().backward()
    (x * x).sum().backward()
    assert x.grad.tolist() == [4, 8]


def test_shared_subgraph_is_visited_once():
    x = leaf(2)
    calls = []
    y = x * 3
    y.register_hook(lambda g: calls.append(g.item()))
    (y + y * y).sum().backward()
    assert calls == [13.0]
    assert x.grad.tolist() == [39.0]


@pytest.mark.parametrize("length", [20_000])
def test_deep_chain(length):
    x = leaf(1)
    y = x
    for _ in range(length):
        y = y + 1
    y.sum().backward()
    assert x.grad.tolist() == [1]
    del y
    gc.collect()


def test_graph_is_freed_by_counting():
    gc.disable()
    try:
        x = leaf(1)
        y = x.exp()
        node = weakref.ref(y.grad_fn)
        del y
        assert node() is None
    finally:
        gc.enable()


def test_second_backward_needs_retain_graph():
    x = leaf(1)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    with pytest.raises(RuntimeError, match=r"second time.*retain_graph=True"):
        y.backward()
    assert x.grad.tolist() == [4]


def test_non_scalar_needs_gradient():
    x = leaf(1, 2)
    with pytest.raises(RuntimeError, match="implicitly created only for scalar outputs"):
        (x * 2).backward()
    with pytest.raises(RuntimeError, match="shape"):
        (x * 2).backward(torch.ones(3, dtype=torch.float64))
    (x * 2).backward(torch.tensor([1.0, 10.0], dtype=torch.float64))
    assert x.grad.tolist() == [2, 20]


def test_nothing_requires_grad():
    with pytest.raises(RuntimeError, match="does not require grad and does not have a grad_fn"):
        torch.ones(1).sum().backward()


def test_grad_leaves_other_leaves_alone():
    x, w = leaf(2), leaf(3)
    (gx,) = grad((x * w).sum(), x)
    assert gx.tolist() == [3]
    assert x.grad is None and w.grad is None


def test_grad_unused():
    x, w = leaf(2), leaf(3)
    with pytest.raises(RuntimeError, match="allow_unused=True"):
        grad(x.sum(), w)
    assert grad(x.sum(), w, allow_unused=True) == (None,)
    assert grad(x.sum(), w, materialize_grads=True)[0].tolist() == [0]


def test_grad_of_intermediate_and_inputs_argument():
    x = leaf(2)
    y = x * x
    z = y * 3
    assert grad(z.sum(), y, retain_graph=True)[0].tolist() == [3]
    w = leaf(1)
    (z * w).sum().backward(inputs=[w])
    assert w.grad.tolist() == [12] and x.grad is None


def test_double_and_triple_backward():
    x = leaf(2)
    y = (x**4).sum()
    (first,) = grad(y, x, create_graph=True)
    (second,) = grad(first.sum(), x, create_graph=True)
    (third,) = grad(second.sum(), x)
    assert [first.item(), second.item(), third.item()] == [32, 48, 48]


def test_gradcheck_functions():
    x = torch.rand(3, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda t: t.exp() * t, (x,))
    assert gradgradcheck(lambda t: t.exp() * t, (x,))
    bad = lambda t: t.detach() * t
    assert not gradcheck(bad, (x,), raise_exception=False)
    with pytest.raises(RuntimeError, match="Jacobian mismatch"):
        gradcheck(bad, (x,))


def test_broadcast_gradients_are_summed():
    a = torch.ones(3, 1, requires_grad=True)
    b = torch.ones(4, requires_grad=True)
    (a * b).sum().backward()
    assert a.grad.tolist() == [[4], [4], [4]]
    assert b.grad.tolist() == [3, 3, 3, 3]


def test_leaves_do_not_share_gradient_memory():
    a, b = leaf(1), leaf(1)
    (a + b).sum().backward()
    a.grad.add_(1)
    assert b.grad.tolist() == [1]
    c = leaf(1, 1)
    given = torch.ones(2, dtype=torch.float64)
    (c + 0).backward(given)
    c.grad.zero_()
    assert given.tolist() == [1, 1]


# ---- recording ---------------------------------------------------------------------------------------------


def test_no_grad_as_context_decorator_and_on_generators():
    x = leaf(1)
    with torch.no_grad():
        assert not (x * 2).requires_grad
        with torch.enable_grad():
            assert (x * 2).requires_grad

    @torch.no_grad()
    def plain():
        return x * 2

    @torch.no_grad()
    def numbers():
        yield torch.is_grad_enabled()
        yield torch.is_grad_enabled()

    assert not plain().requires_grad
    seen = []
    for flag in numbers():
        seen.append((flag, torch.is_grad_enabled()))
    assert seen == [(False, True), (False, True)]


def test_set_grad_enabled_takes_effect_when_called():
    torch.set_grad_enabled(False)
    assert not torch.is_grad_enabled()
    torch.set_grad_enabled(True)
    with torch.inference_mode():
        assert torch.is_inference_mode_enabled() and not torch.is_grad_enabled()


def test_grad_mode_is_per_thread():
    seen = []
    with torch.no_grad():
        thread = threading.Thread(target=lambda: seen.append(torch.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_integers_never_require_grad():
    with pytest.raises(RuntimeError, match="floating point and complex"):
        torch.tensor([1], requires_grad=True)
    x = leaf(1)
    with pytest.raises(RuntimeError, match="leaf variables"):
        (x * 1).requires_grad_(False)


# ---- in-place ----------------------------------------------------------------------------------------------


def test_leaf_refuses_inplace():
    x = leaf(1)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        x.add_(1)
    with pytest.raises(RuntimeError, match="a view of a leaf Variable"):
        x[0:1].add_(1)
    with torch.no_grad():
        x.add_(1)
    assert x.tolist() == [2]


def test_version_check_names_both_ops():
    x = leaf(1, 2)
    y = x * 1
    z = y * y
    y.add_(1)
    with pytest.raises(
        RuntimeError, match=r"modified by an inplace operation: '(input|other)' of mul.*modified by add_"
    ):
        z.sum().backward()


def test_inplace_rewrites_history():
    x = leaf(1, 2)
    y = x * 2
    y.mul_(y)
    y.exp_()
    y.sum().backward()
    expected = [8 * v * torch.tensor(4 * v * v, dtype=torch.float64).exp().item() for v in (1, 2)]
    assert x.grad.tolist() == pytest.approx(expected)


def test_inplace_on_view_reaches_base():
    x = leaf(1, 2, 3, 4)
    y = x * 1
    view = y[1:3]
    view.mul_(10)
    assert y.tolist() == [1, 20, 30, 4]
    y.sum().backward()
    assert x.grad.tolist() == [1, 10, 10, 1]


def test_inplace_on_base_reaches_view():
    x = leaf(1, 2, 3, 4)
    y = x * 1
    view = y.view(2, 2)
    y.mul_(3)
    view.sum().backward()
    assert x.grad.tolist() == [3, 3, 3, 3]


def test_inplace_on_transposed_and_nested_views():
    x = torch.arange(6, dtype=torch.float64).reshape(2, 3).requires_grad_()
    y = x * 1
    y.t()[1].mul_(5)
    y[0][2].add_(1)
    (y * y).sum().backward()
    expected = torch.tensor([[0.0, 2 * 25 * 1, 2 * 3], [6, 2 * 25 * 4, 10]], dtype=torch.float64)
    assert x.grad.tolist() == expected.tolist()


def test_write_into_constant_makes_it_part_of_the_graph():
    w = leaf(5, 6)
    buffer = torch.zeros(4, dtype=torch.float64)
    buffer[1:3] = w * 2
    buffer.sum().backward()
    assert w.grad.tolist() == [2, 2]


def test_inplace_gradgrad():
    def f(x):
        y = x * 1
        y.mul_(x)
        y[0:1].exp_()
        return y

    x = torch.rand(3, dtype=torch.float64, requires_grad=True)
    assert gradcheck(f, (x,))
    assert gradgradcheck(f, (x,))


def test_detach_shares_version_and_data_does_not():
    x = leaf(2)
    y = x * 1
    z = y * y
    y.data.zero_()
    z.sum().backward(retain_graph=True)
    y.detach().zero_()
    with pytest.raises(RuntimeError, match="inplace"):
        z.sum().backward()


def test_overlapping_write_is_refused():
    x = torch.ones(1).expand(3)
    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor"):
        x.add_(1)


# ---- hooks -------------------------------------------------------------------------------------------------


def test_tensor_hooks_change_and_remove():
    x = leaf(1)
    handle = x.register_hook(lambda g: g * 2)
    (x * 3).sum().backward()
    assert x.grad.tolist() == [6]
    handle.remove()
    x.grad = None
    (x * 3).sum().backward()
    assert x.grad.tolist() == [3]


def test_hook_of_intermediate_and_retain_grad():
    x = leaf(1)
    y = x * 2
    y.register_hook(lambda g: g + 1)
    y.retain_grad()
    (y * 3).sum().backward()
    assert y.grad.tolist() == [4] and x.grad.tolist() == [8]
    with pytest.raises(RuntimeError, match="doesn't require gradient"):
        torch.ones(1).register_hook(print)


def test_node_and_post_accumulate_hooks():
    x = leaf(1)
    y = x * 2
    seen = []
    y.grad_fn.register_prehook(lambda grads: seen.append("pre"))
    y.grad_fn.register_hook(lambda inputs, outputs: seen.append("post"))
    x.register_post_accumulate_grad_hook(lambda t: seen.append(t.grad.item()))
    y.sum().backward()
    assert seen == ["pre", "post", 2.0]


def test_graph_is_walkable():
    x = leaf(1)
    y = (x * 2).exp()
    assert y.grad_fn.name() == "ExpBackward0"
    ((mul, number),) = y.grad_fn.next_functions
    assert mul.name() == "MulBackward0" and number == 0
    assert mul.next_functions[0][0].variable is x
    assert x.grad_fn is None and x.is_leaf and not y.is_leaf


def test_saved_tensor_hooks_and_save_on_cpu():
    x = leaf(1, 2)
    packed = []

    def pack(t):
        packed.append(t)
        return t.tolist()

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda v: torch.tensor(v, dtype=torch.float64)):
        y = (x * x).sum()
    assert packed
    y.backward()
    assert x.grad.tolist() == [2, 4]


def test_volatile_variables_are_what_they_are_in_pytorch() -> None:
    with pytest.warns(UserWarning, match="volatile was removed and now has no effect"):
        assert not torch.autograd.Variable(torch.ones(1), volatile=True).requires_grad
    with pytest.raises(ValueError, match="volatile and require_grad"):
        torch.autograd.Variable(torch.ones(1), requires_grad=True, volatile=True)
