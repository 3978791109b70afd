"""Whose memory a gradient is, how it lies, and which tensors get one."""

from __future__ import annotations

from typing import Any

import pytest

import tritonnn as torch
from tritonnn._tensor import Tensor

device = pytest.mark.parametrize("device", ("cpu", "cuda"))


def leaf(device: str) -> Tensor:
    return torch.tensor([1.0, 2.0], device=device, requires_grad=True)


# ---- what a hook keeps ------------------------------------------------------------------------------------


def on_leaf(x: Tensor, kept: list) -> Tensor:
    handle = x.register_hook(kept.append)
    x.register_post_accumulate_grad_hook(lambda _: handle.remove())
    return x * x


def on_result(x: Tensor, kept: list) -> Tensor:
    y = x.clone()
    y.register_hook(kept.append)
    return y * 3


def on_sum(x: Tensor, kept: list) -> Tensor:
    y = x.clone()
    y.register_hook(kept.append)
    return y + y * 2 + y * 3


def before_node(x: Tensor, kept: list) -> Tensor:
    y = x.clone()
    y.grad_fn.register_prehook(lambda grads: kept.append(grads[0]))
    return y * 3


def before_node_returned(x: Tensor, kept: list) -> Tensor:
    def hook(grads: tuple) -> tuple:
        kept.append(grads[0] * 2)
        return (kept[0],)

    y = x.clone()
    y.grad_fn.register_prehook(hook)
    return y * 3


def after_node(x: Tensor, kept: list) -> Tensor:
    y = x * 3
    y.grad_fn.register_hook(lambda results, grads: kept.append(results[0]))
    return y


def after_node_returned(x: Tensor, kept: list) -> Tensor:
    def hook(results: tuple, grads: tuple) -> tuple:
        kept.append(results[0] * 2)
        return (kept[0], *results[1:])

    y = x * 3
    y.grad_fn.register_hook(hook)
    return y


def returned_by_hook(x: Tensor, kept: list) -> Tensor:
    def hook(grad: Tensor) -> Tensor:
        kept.append(grad * 5)
        return kept[0]

    y = x.clone()
    y.register_hook(hook)
    return y * 1


def retained(x: Tensor, kept: list) -> Tensor:
    y = x.clone()
    y.retain_grad()
    x.register_post_accumulate_grad_hook(lambda _: kept.append(y.grad))
    return y * 7


# From d/dx of each: what the hook is shown, or returns.
KEPT = {
    on_leaf: [2.0, 4.0], on_result: [3.0, 3.0], on_sum: [6.0, 6.0], before_node: [3.0, 3.0],
    before_node_returned: [6.0, 6.0], after_node: [3.0, 3.0], after_node_returned: [6.0, 6.0],
    returned_by_hook: [5.0, 5.0], retained: [7.0, 7.0],
}  # fmt: skip


@device
@pytest.mark.parametrize("way", KEPT, ids=lambda way: way.__name__)
def test_what_a_hook_keeps_stays_as_it_was(way: Any, device: str) -> None:
    x, kept = leaf(device), []
    way(x, kept).sum().backward()
    first = x.grad.tolist()
    assert kept[0].tolist() == KEPT[way]
    (x * x).sum().backward()
    assert kept[0].tolist() == KEPT[way]
    assert x.grad.tolist() == [first[0] + 2, first[1] + 4]


@device
def test_a_gradient_that_is_given_stays_as_it_was(device: str) -> None:
    x, given = leaf(device), torch.ones(2, device=device)
    x.backward(given)
    (x * x).sum().backward()
    assert given.tolist() == [1, 1] and x.grad.tolist() == [3, 5]


@device
def test_a_gradient_that_goes_two_ways_is_not_added_to(device: str) -> None:
    x, given = leaf(device), torch.ones(2, device=device)
    (x + x * 2).backward(given)
    assert given.tolist() == [1, 1] and x.grad.tolist() == [3, 3]


@device
def test_inputs_one_above_the_other_share_no_memory(device: str) -> None:
    x = leaf(device)
    y = x.clone()
    (y * 3).sum().backward(inputs=[y, x])
    (x * x).sum().backward()
    assert y.grad.tolist() == [3, 3] and x.grad.tolist() == [5, 7]


@device
def test_a_part_of_a_larger_memory_is_copied(device: str) -> None:
    weight = torch.arange(8.0, device=device).view(4, 2)
    for w, dim in ((weight, 0), (weight.t(), 1)):  # in row-major order and in another
        x, y = (torch.ones_like(part).requires_grad_() for part in w.split(2, dim))
        assert x.stride() == w.stride()
        (torch.cat([x, y], dim) * w).sum().backward()
        assert (
            x.grad.tolist() == w.split(2, dim)[0].tolist() and y.grad.tolist() == w.split(2, dim)[1].tolist()
        )
        assert all(t.grad.untyped_storage().nbytes() == t.grad.nbytes for t in (x, y))


@device
def test_what_a_custom_function_returns_stays_as_it_was(device: str) -> None:
    class Constant(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
            return a + b

        @staticmethod
        def backward(ctx: Any, grad: Tensor) -> tuple:
            return own, own

    own = torch.ones(2, device=device)
    x, y = leaf(device), leaf(device)
    Constant.apply(x, y).sum().backward()
    (x * x).sum().backward()
    assert own.tolist() == [1, 1] and y.grad.tolist() == [1, 1] and x.grad.tolist() == [3, 5]


# ---- how gradients lie ------------------------------------------------------------------------------------


def transposed(device: str) -> Tensor:
    return torch.ones(2, 3, device=device).t().requires_grad_()


LEAVES = {
    "channels last": (
        lambda d: torch.ones(2, 3, 4, 5, device=d).to(memory_format=torch.channels_last), (60, 1, 15, 3)
    ),
    "transposed": (lambda d: torch.ones(2, 3, device=d).t(), (1, 3)),
    "permuted": (lambda d: torch.ones(2, 3, 4, device=d).permute(2, 0, 1), (1, 12, 4)),
    "expanded": (lambda d: torch.ones(3, 1, device=d).expand(3, 4), (4, 1)),
    "every second row": (lambda d: torch.ones(6, 4, device=d)[::2], (4, 1)),
    "every second row, transposed": (lambda d: torch.ones(6, 4, device=d)[::2].t(), (3, 1)),
    "row-major": (lambda d: torch.ones(3, 4, device=d), (4, 1)),
}  # fmt: skip


@device
@pytest.mark.parametrize("create", (False, True))
@pytest.mark.parametrize("name", LEAVES)
def test_a_gradient_lies_as_its_leaf(name: str, create: bool, device: str) -> None:
    make, strides = LEAVES[name]
    for loss in (lambda x: (x * 2).sum(), lambda x: (x.transpose(0, -1) * 2).sum(), lambda x: x.sum()):
        x = make(device).detach().requires_grad_()
        loss(x).backward(create_graph=create)
        assert x.grad.stride() == strides
        loss(x).backward(create_graph=create)
        assert x.grad.stride() == strides


@device
@pytest.mark.parametrize("create", (False, True))
def test_a_given_gradient_is_laid_out_as_the_leaf(create: bool, device: str) -> None:
    x = transposed(device)
    x.backward(torch.ones(3, 2, device=device), create_graph=create)
    assert x.grad.stride() == (1, 3)
    y = torch.ones(2, 3, device=device, requires_grad=True)
    y.backward(torch.ones(3, 2, device=device).t(), create_graph=create)
    assert y.grad.stride() == (3, 1)


@device
def test_a_gradient_in_another_layout_keeps_its_history(device: str) -> None:
    x = torch.tensor([[1.0, 2.0, 3.0]] * 2, device=device).t().detach().requires_grad_()
    torch.autograd.backward(x**3, torch.ones(3, 2, device=device), create_graph=True)
    given = torch.ones(2, 3, device=device, requires_grad=True)
    y = torch.ones(2, 3, device=device).t().detach().requires_grad_()
    y.backward(given.t().contiguous(), create_graph=True)
    assert x.grad.stride() == y.grad.stride() == (1, 3)
    (second,) = torch.autograd.grad(x.grad.sum(), x)
    assert second[:, 0].tolist() == [6, 12, 18]
    (back,) = torch.autograd.grad((y.grad * 5).sum(), given)
    assert back.tolist() == [[5, 5, 5]] * 2


# ---- backward(inputs=...) ---------------------------------------------------------------------------------


@device
def test_inputs_are_all_that_get_a_gradient(device: str) -> None:
    a, b = leaf(device), torch.tensor([3.0, 4.0], device=device, requires_grad=True)
    (a * 2 * b).sum().backward(inputs=[b])
    assert a.grad is None and b.grad.tolist() == [2, 4]
    c = a * 2
    (c * b).sum().backward(inputs=[c])
    assert a.grad is None and c.grad.tolist() == [3, 4] and b.grad.tolist() == [2, 4]
    c = a * 2
    (c * b).sum().backward(inputs=[c, a])  # a tensor and a leaf below it
    assert a.grad.tolist() == [6, 8] and c.grad.tolist() == [3, 4] and b.grad.tolist() == [2, 4]


@device
def test_an_input_below_is_no_input_of_the_pass(device: str) -> None:
    a, seen = leaf(device), []
    c = a * 2
    a.register_hook(seen.append)
    a.register_post_accumulate_grad_hook(seen.append)
    c.register_hook(lambda grad: grad * 10)
    (c * 3).sum().backward(inputs=c)
    assert c.grad.tolist() == [30, 30] and a.grad is None and not seen


@device
def test_an_input_is_counted_once(device: str) -> None:
    a = leaf(device)
    c = a * 2
    c.retain_grad()
    (c * 3).sum().backward(inputs=[c])
    assert c.grad.tolist() == [3, 3]
    c = a * 2
    (c * 3).sum().backward(inputs=[c, c], retain_graph=True)
    kept = c.grad
    assert kept.tolist() == [3, 3]
    (c * 3).sum().backward(inputs=[c])
    assert c.grad.tolist() == [6, 6] and kept.tolist() == [3, 3]


def test_inputs_that_are_refused() -> None:
    a = torch.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="`inputs` argument to `backward\\(\\)` cannot be empty"):
        (a * a).sum().backward(inputs=[])
    with pytest.raises(RuntimeError, match="does not require grad"):
        (a * a).sum().backward(inputs=[torch.ones(2)])
    unused = torch.ones(2, requires_grad=True)
    (a * a).sum().backward(inputs=[unused])
    assert a.grad is None and unused.grad is None


# ---- create_graph -----------------------------------------------------------------------------------------


@device
def test_create_graph_leaves_the_old_gradient_alone(device: str) -> None:
    x = leaf(device)
    (x**3).sum().backward()
    old = x.grad
    (x**3).sum().backward(create_graph=True)
    assert old is not x.grad and old.tolist() == [3, 12] and not old.requires_grad
    assert x.grad.tolist() == [6, 24] and x.grad.requires_grad
    (second,) = torch.autograd.grad(x.grad.sum(), x)  # of the second pass alone: 6 x
    assert second.tolist() == [6, 12]


@device
def test_create_graph_adds_up_contributions_with_history(device: str) -> None:
    x = leaf(device)
    y = x.clone()
    (y * y + y * x + x * x * y).sum().backward(create_graph=True)  # x^3 + 2 x^2
    assert x.grad.tolist() == [3 + 4, 12 + 8]
    (second,) = torch.autograd.grad(x.grad.sum(), x)
    assert second.tolist() == [6 + 4, 12 + 4]


# ---- results of a custom function that got no gradient ----------------------------------------------------


@device
@pytest.mark.parametrize("materialize", (None, True, False))
def test_gradients_that_did_not_arrive(materialize: bool | None, device: str) -> None:
    seen: list[tuple] = []

    class Two(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> tuple:
            if materialize is not None:
                ctx.set_materialize_grads(materialize)
            return x * 2, x.double()[:, None] * 3

        @staticmethod
        def backward(ctx: Any, a: Any, b: Any) -> Any:
            seen.append((a, b))
            return a if b is None else 3 * b[:, 0].float()

    x = leaf(device)
    for used in (0, 1):
        Two.apply(x)[used].sum().backward()
    (first, no_second), (no_first, second) = seen
    assert first.tolist() == [1, 1] and second.tolist() == [[1], [1]] and second.dtype is torch.float64
    if materialize is False:
        assert no_first is None and no_second is None and x.grad.tolist() == [4, 4]
    else:
        assert no_first.tolist() == [0, 0] and no_first.dtype is torch.float32
        assert no_second.tolist() == [[0], [0]] and no_second.dtype is torch.float64
        assert no_first.device == no_second.device == x.device


SHARED = {
    "plus": (lambda a, b: a + b, (10.0, 5.0)),
    "minus": (lambda a, b: a - b, (10.0, -5.0)),
    "through views": (lambda a, b: (a.view(2, 1) + b.view(2, 1)).view(2), (10.0, 5.0)),
}


@pytest.mark.parametrize("name", SHARED)
@device
def test_a_sum_of_gradients_that_several_receive_is_added_to_for_one_only(name, device):
    """What z receives is a sum; its operands get the same memory, and one of them more than that."""
    combine, wanted = SHARED[name]
    x, y = (torch.ones(2, device=device).requires_grad_() for _ in range(2))
    a, b = x * 1, y * 1
    more = a * 5
    z = combine(a, b)
    (z * 2 + z * 3 + more).sum().backward()
    assert (x.grad.tolist(), y.grad.tolist()) == ([wanted[0]] * 2, [wanted[1]] * 2)


def test_second_derivatives_of_what_is_used_several_times():
    def steepness(*points):
        a, b, c = points
        loss = torch.linalg.vector_norm(a - b, dim=-1) - torch.linalg.vector_norm(a - c, dim=-1)
        slopes = torch.autograd.grad((loss * loss).sum(), points, create_graph=True)
        return sum((slope * slope).sum() for slope in slopes)

    points = [torch.randn(2, 3, dtype=torch.float64).requires_grad_() for _ in range(3)]
    found = torch.autograd.grad(steepness(*points), points)
    for point, slopes in zip(points, found, strict=True):
        for place in range(6):
            ends = []
            for step in (1e-5, -1e-5):
                point.data.view(-1)[place] += step
                ends.append(float(steepness(*points)))
                point.data.view(-1)[place] -= step
            numeric = (ends[0] - ends[1]) / 2e-5
            assert abs(float(slopes.view(-1)[place]) - numeric) < 1e-6 * max(1, abs(numeric))


def test_a_hook_may_write_the_gradient_of_its_leaf():
    """An optimizer in backward clears it while others still wait for the same memory."""
    for register in (
        lambda leaf: leaf.register_post_accumulate_grad_hook(lambda t: (t.grad.zero_(), None)[1]),
        lambda leaf: torch.autograd.graph.get_gradient_edge(leaf).node.register_hook(
            lambda inputs, outputs: (leaf.grad.zero_(), None)[1]
        ),
    ):
        x, y = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
        register(x)
        z = x + y * 1
        (z * 2 + z * 3).sum().backward()
        assert (x.grad.tolist(), y.grad.tolist()) == ([0, 0], [5, 5])


def test_what_a_post_accumulate_hook_returns_is_refused():
    x = torch.ones(2, requires_grad=True)
    x.register_post_accumulate_grad_hook(lambda t: t.grad)
    with pytest.raises(RuntimeError, match="post accumulate grad hooks should return None"):
        x.sum().backward()
