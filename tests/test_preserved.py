"""Operands and results that may be written before backward, though the gradient is computed from them."""

from __future__ import annotations

import numpy as np
import pytest
from support import call, floating, leaves_of, mapped, samples, tensors

import tritonnn as torch
from tritonnn.ops._table import OPS, Sample

DEVICES = ("cpu", "cuda")
# entry -> which of its floating arguments may be written; and whether its results may
WRITTEN = {
    "cross_entropy": ((0,), True),
    "functional_instance_norm": ((1,), False),
    "kron": ((0, 1), True),
    "l1_loss": ((0, 1), True),
    "ldexp": ((0,), True),
    "linear_cross_entropy": ((0, 1), True),
    "scaled_dot_product_attention": ((0, 1, 2), True),
    "tanhshrink": ((0,), True),
}


def gradients(name: str, sample: Sample, write: bool, second: bool) -> list[np.ndarray | None]:
    """The gradients of the leaves behind a call, or of the sum of their squares."""
    op = OPS[name]
    leaves = leaves_of(op, sample)
    copied = mapped(leaves, lambda t: t * 1 if t.requires_grad else t.clone())
    outs = [out for out in floating(call(op, copied)) if out.requires_grad]
    wanted = [t for t in tensors(leaves) if t.requires_grad]
    total = sum((out.sum() for out in outs), torch.zeros((), device=outs[0].device, dtype=outs[0].dtype))
    if write:
        places, results = WRITTEN[name]
        operands = [t for t in tensors(copied) if t.dtype.is_floating_point]
        for t in [*[operands[i] for i in places if i < len(operands)], *(outs if results else ())]:
            t.detach().mul_(-3)
    grads = torch.autograd.grad(total, wanted, create_graph=second, allow_unused=True)
    if second:
        squares = sum((g * g).sum() for g in grads if g is not None and g.requires_grad)
        if not isinstance(squares, torch.Tensor):
            return []
        grads = torch.autograd.grad(squares, wanted, allow_unused=True)
    return [None if g is None else g.cpu().numpy() for g in grads]


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize("second", (False, True), ids=("first", "second"))
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", WRITTEN)
def test_gradients_are_those_of_what_was_there_before(name, device, second):
    # the last samples of linear_cross_entropy are of a linear layer and another loss
    for sample in samples(OPS[name], device, torch.float32)[: 2 if device == "cuda" else 7]:
        kept, written = (gradients(name, sample, write, second) for write in (False, True))
        for before, after in zip(kept, written, strict=True):
            np.testing.assert_array_equal(after, before)


def test_an_operand_that_is_a_leaf_has_its_second_derivatives():
    def slopes(write):
        x = torch.tensor([[0.5, -1.0, 2.0]], dtype=torch.float64, requires_grad=True)
        loss = torch.nn.functional.cross_entropy(x, torch.tensor([1]))
        if write:
            with torch.no_grad():
                x.mul_(10)
        (first,) = torch.autograd.grad(loss, x, create_graph=True)
        (second,) = torch.autograd.grad(first[0, 0], x)
        return first.tolist(), second.tolist()

    assert slopes(True) == slopes(False)


def test_nothing_is_copied_before_something_is_written():
    x = torch.randn(4, 5, requires_grad=True) * 1
    losses = [torch.nn.functional.cross_entropy(x, torch.arange(4)) for _ in range(3)]
    held = [loss.grad_fn._saved_self for loss in losses]
    assert all(value is x for value in held)
    x.detach().zero_()
    copies = {id(loss.grad_fn.saved[0].value) for loss in losses}
    assert len(copies) == 1  # one for all of them
    x.detach().zero_()
    assert {id(loss.grad_fn.saved[0].value) for loss in losses} == copies


def test_what_is_freed_is_not_copied():
    x = torch.randn(4, 5, requires_grad=True) * 1
    loss = torch.nn.functional.cross_entropy(x, torch.arange(4))
    assert len(x._storage.savers) == 1
    loss.backward()
    assert len(x._storage.savers) == 0
    del loss


def test_writes_through_data_and_out_and_views():
    for write in (
        lambda x: x.data.zero_(),
        lambda x: x.detach()[:1].zero_(),
        lambda x: torch.zeros(2, 3, out=x.detach()),
        lambda x: torch.exp(torch.ones(2, 3), out=x.detach()),
        lambda x: x.detach().copy_(torch.ones(2, 3)),
        lambda x: x.detach().uniform_(),
    ):
        given = torch.tensor([[1.0, 2.0, 3.0], [3.0, 1.0, 0.0]], requires_grad=True)
        x = given * 1
        loss = torch.nn.functional.cross_entropy(x, torch.tensor([0, 2]))
        write(x)
        loss.backward()
        after, given.grad = given.grad, None
        torch.nn.functional.cross_entropy(given, torch.tensor([0, 2])).backward()
        assert after.tolist() == given.grad.tolist()


def test_a_write_that_is_not_announced_is_refused():
    x = torch.randn(4, 5, requires_grad=True) * 1
    loss = torch.nn.functional.cross_entropy(x, torch.arange(4))
    torch.autograd.graph.increment_version(x)
    with pytest.raises(RuntimeError, match=r"'input' of fused_cross_entropy.*modified by increment_version"):
        loss.backward()
