"""Writes in place: what they do to the graph, to retained gradients and to views; what is refused."""

from __future__ import annotations

import pytest
from support import leaf

import tritonnn as torch
from tritonnn.autograd import Function, gradcheck

INDEX = [0, 1]
OVERWRITES = {
    "zero_": lambda b: b.zero_(),
    "fill_": lambda b: b.fill_(2),
    "fill_ tensor": lambda b: b.fill_(torch.tensor(2.0)),
    "copy_": lambda b: b.copy_(torch.ones(2)),
    "slice": lambda b: b.__setitem__(slice(None), 1.0),
    "ellipsis": lambda b: b.__setitem__(..., torch.ones(2)),
    "index": lambda b: b.__setitem__(torch.tensor(INDEX), 1.0),
    "mask": lambda b: b.__setitem__(torch.tensor([True, True]), 1.0),
    "index_fill_": lambda b: b.index_fill_(0, torch.tensor(INDEX), 2.0),
    "index_copy_": lambda b: b.index_copy_(0, torch.tensor(INDEX), torch.ones_like(b)),
    "masked_fill_": lambda b: b.masked_fill_(torch.tensor([True, True]), 2.0),
    "scatter_": lambda b: b.scatter_(0, torch.tensor(INDEX), 1.0),
    "a view": lambda b: b.view(2, 1).zero_(),
    "normal_": lambda b: b.normal_(),
    "uniform_": lambda b: b.uniform_(),
    "bernoulli_": lambda b: b.bernoulli_(),
    "random_": lambda b: b.random_(),
    "geometric_": lambda b: b.geometric_(0.5),
    "eq_": lambda b: b.eq_(1),
    "lt_": lambda b: b.lt_(1),
}


@pytest.mark.parametrize("write", OVERWRITES)
def test_what_was_overwritten_has_a_gradient_of_zeros(write):
    a = leaf(1, 2)
    b = a * 3
    OVERWRITES[write](b)
    assert b.requires_grad
    b.sum().backward()
    assert a.grad.tolist() == [0, 0]


def test_the_source_of_an_overwrite_gets_the_gradient():
    a, c = leaf(1, 2), leaf(3, 4)
    b = a * 3
    b.copy_(c * 2)
    (b * torch.tensor([5.0, 7.0])).sum().backward()
    assert a.grad.tolist() == [0, 0] and c.grad.tolist() == [10, 14]


def test_a_view_copied_onto_its_neighbour():
    a = leaf(1, 2)
    b = a * 3
    b[0].copy_(b[1])
    (b * torch.tensor([5.0, 7.0])).sum().backward()
    assert b.tolist() == [6, 6] and a.grad.tolist() == [0, 36]


# ---- retain_grad ----------------------------------------------------------------------------------------


def test_retain_grad_keeps_that_of_the_present_value():
    x = leaf(1, 1)
    y = x * 2
    y.retain_grad()
    y.mul_(3)
    y.sum().backward()
    assert y.grad.tolist() == [1, 1] and x.grad.tolist() == [6, 6]


def test_retain_grad_of_what_is_turned_in_place():
    x = leaf(1, 1).reshape(1, 2) * 1
    x.retain_grad()
    x.t_()
    (x * torch.tensor([[2.0], [3.0]])).sum().backward()
    assert x.grad.tolist() == [[2], [3]]


def test_the_gradient_of_a_product_of_nothing_is_recorded():
    x = torch.zeros(2, 0, dtype=torch.float64, requires_grad=True)
    product = x.prod()
    (grad,) = torch.autograd.grad(product * product, x, create_graph=True)
    assert grad.requires_grad and grad.shape == (2, 0)


def test_a_leaf_that_was_detached_gets_nothing_of_several_uses():
    x = torch.ones(3, requires_grad=True)
    y, z = torch.ones(4, 1) * x, x * 1
    x.detach_()
    (y.sum() + z.sum()).backward()
    assert x.grad is None


def test_retain_grad_of_a_base_whose_view_is_written():
    x = leaf(1, 1)
    y = x * 2
    y.retain_grad()
    y[0] = 5.0
    (y * torch.tensor([2.0, 3.0])).sum().backward()
    assert y.grad.tolist() == [2, 3] and x.grad.tolist() == [0, 6]


def test_retain_grad_of_a_view_whose_base_is_written():
    x = leaf(1, 1) * 1
    v = x[:1]
    v.retain_grad()
    x.mul_(3)
    (v * 5).sum().backward()
    assert v.grad.tolist() == [5]


def test_hooks_stay_with_the_value_they_were_registered_on():
    x, seen = leaf(1), []
    y = x * 2
    y.register_hook(lambda g: seen.append(("before", g.item())))
    y.mul_(3)
    y.register_hook(lambda g: seen.append(("after", g.item())))
    y.sum().backward()
    assert seen == [("after", 1), ("before", 3)]


# ---- leaves and views that are refused -------------------------------------------------------------------


def test_a_view_that_is_a_leaf_is_not_written():
    x = torch.ones(2, 2)[0].requires_grad_()
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad is being used"):
        x.add_(1)
    assert x.is_leaf and x.tolist() == [1, 1]
    with torch.no_grad():
        x.add_(1)
    assert x.is_leaf and x.requires_grad and x.tolist() == [2, 2]


def test_a_view_requires_grad_when_its_base_does():
    base = torch.ones(2)
    view = base[:1]
    base.requires_grad_()
    assert view.requires_grad and (view * 2).requires_grad


class Looking(Function):
    @staticmethod
    def forward(ctx, x):
        return x.view(-1)

    @staticmethod
    def backward(ctx, g):
        return g * 3


class Passing(Looking):
    @staticmethod
    def forward(ctx, x):
        return x


class Two(Function):
    @staticmethod
    def forward(ctx, x):
        return x.view(-1), x[:1]

    @staticmethod
    def backward(ctx, g, h):
        return g


def without_recording(b, switch=torch.no_grad):
    with switch():
        return b[:1]


AMBIGUOUS = "Given that this use case is ambiguous and error-prone, it is forbidden"
SEVERAL = r"This view is the output of a function that returns multiple views\. Such functions do not allow"
CUSTOM = "This view was created inside a custom Function"
NO_PLACE = {
    "no_grad": (without_recording, "A view was created in no_grad mode", AMBIGUOUS),
    "inference": (
        lambda b: without_recording(b, torch.inference_mode), "A view was created in inference mode", AMBIGUOUS,
    ),
    "function": (Looking.apply, "Output 0 of Looking is a view", CUSTOM),
    "returned": (Passing.apply, "Output 0 of Passing is a view", CUSTOM),
    "two": (lambda b: Two.apply(b)[1], "Output 1 of Two is a view", SEVERAL),
    "unbind": (lambda b: b.unbind()[1], "Output 1 of Unbind is a view", SEVERAL),
    "iteration": (lambda b: list(b)[1], "Output 1 of Unbind is a view", SEVERAL),
    "chunk": (lambda b: b.chunk(2)[0], "Output 0 of Split is a view", SEVERAL),
    "split": (lambda b: b.split(1)[1], "Output 1 of Split is a view", SEVERAL),
    "split sizes": (lambda b: b.split([1, 1])[1], "Output 1 of SplitWithSizes is a view", SEVERAL),
}  # fmt: skip


@pytest.mark.parametrize("how", NO_PLACE)
def test_a_view_that_its_base_cannot_follow_is_not_written(how):
    make, view, why = NO_PLACE[how]
    with pytest.raises(RuntimeError, match=f"{view}.* and is being modified inplace.*{why}"):
        make(leaf(1, 2) * 1).add_(1)
    with pytest.raises(RuntimeError, match=why):
        make(leaf(1, 2) * 1).view(-1).add_(1)
    written = make(leaf(1, 2) * 1)
    with torch.no_grad():
        written.add_(1)
    with pytest.raises(RuntimeError, match=f"{view}.* its base or another view of its base has been.*{why}"):
        written * 2
    base = leaf(1, 2) * 1
    stale = make(base)
    base.add_(1)
    assert stale.requires_grad
    with pytest.raises(RuntimeError, match=f"its base or another view of its base has been modified.*{why}"):
        stale * 2


STALE = {
    "int": lambda v: v.int().tolist(), "bool": lambda v: v.bool().int().mul(6).tolist(),
    "type": lambda v: v.type(torch.int64).tolist(), "compared": lambda v: (v == 6).int().mul(6).tolist(),
    "copied": lambda v: torch.zeros(1, dtype=torch.int64, device=v.device).copy_(v).tolist(),
}  # fmt: skip


@pytest.mark.parametrize("device", ("cpu", "cuda"))
@pytest.mark.parametrize("how", STALE)
def test_what_has_no_gradient_reads_such_a_view(how, device):
    base = torch.tensor([1.0, 2.0], device=device, requires_grad=True) * 1
    stale = base.split(1)[1]
    base *= 3
    assert STALE[how](stale) == [6]


def test_such_a_view_is_compared_assigned_and_printed():
    base = leaf(1, 2) * 1
    stale = base.split(1)[1]
    base *= 3
    whole, same = torch.zeros(1, dtype=torch.int64), torch.zeros(1)
    whole[:] = stale
    assert whole.tolist() == [6] and torch.allclose(stale, stale)
    assert repr(stale) == "tensor([6.], dtype=torch.float64, grad_fn=<Invalid>)"
    with pytest.raises(RuntimeError, match="modified inplace"):
        same[:] = stale


def test_views_of_a_base_that_was_detached_follow_what_is_written():
    a = leaf(1, 2)
    base = a * 1
    view, part = base.view(2), base.unbind()[1]
    base.detach_()
    assert part.grad_fn.name() == "UnbindBackward0"
    base.mul_(2)
    assert view.requires_grad and view.grad_fn.name() == "AsStridedBackward0"
    (view * 3).sum().backward()
    assert a.grad is None
    with pytest.raises(RuntimeError, match=f"modified inplace.*{SEVERAL}"):
        part * 1


@pytest.mark.parametrize("how", ["no_grad", "unbind", "split"])
def test_such_a_view_is_written_where_nothing_is_recorded(how):
    make = NO_PLACE[how][0]
    base = torch.zeros(2)
    make(base).add_(1)
    assert base.sum().item() == 1
    with pytest.raises(
        RuntimeError, match="A view was created in no_grad mode and is being modified inplace"
    ):
        make(base).add_(leaf(1)[0])


def test_parts_of_tensor_split_are_written():
    a = leaf(1, 2)
    b = a * 1
    b.tensor_split(2)[0].mul_(5)
    b.sum().backward()
    assert a.grad.tolist() == [5, 1]


# ---- views of another dtype ------------------------------------------------------------------------------


def test_writes_into_the_parts_of_complex_numbers():
    def real(z):
        z = z * 1
        torch.view_as_real(z)[1].mul_(3)
        return torch.view_as_real(z * z)

    def imag(z):
        z = (z * 1).t()
        z.imag[0] *= z.real[0].detach() * 0 + 5
        return torch.view_as_real(z * z)

    def joined(x):
        x = x * 1
        z = torch.view_as_complex(x)
        z[0] *= 2j
        return x * x

    z = torch.randn(3, 2, dtype=torch.complex128, requires_grad=True)
    x = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    assert gradcheck(real, (z,)) and gradcheck(imag, (z,)) and gradcheck(joined, (x,))


def test_a_resize_is_a_write():
    x = torch.ones(4)
    x.resize_(2)
    assert x._version == 1
    x.resize_(2)
    assert x._version == 1
    y = leaf(1, 2) * x
    x.resize_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


@pytest.mark.parametrize("device", ("cpu", "cuda"))
def test_a_view_of_a_sum_of_contributions_stays_as_it_was(device: str) -> None:
    x = torch.tensor([1.0, 2.0], device=device, requires_grad=True)
    y = x.repeat_interleave(2)
    seen = y.view_as(y)
    least = y.min(0).values
    y += seen
    (y.sum() + seen.sum() + least).backward()
    assert x.grad.tolist() == [9, 8]


@pytest.mark.parametrize("device", ("cpu", "cuda"))
def test_a_leaf_that_was_detached_may_take_another_shape(device: str) -> None:
    x, z = (torch.ones(2, device=device, requires_grad=True) for _ in range(2))
    y = x + z
    x.detach_()
    x.unsqueeze_(0)
    y.sum().backward()
    assert x.grad is None and z.grad.tolist() == [1, 1]
