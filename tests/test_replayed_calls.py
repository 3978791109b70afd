"""Calls that once came to something else, on both devices; `tests/parity/test_replayed_calls_parity.py` has PyTorch."""

from __future__ import annotations

import math
import pickle

import pytest

import tritonnn as torch
from tritonnn.nn import functional as F

both = pytest.mark.parametrize("device", ["cpu", "cuda"])


@both
def test_sparse_gradient_of_gather(device):
    """It adds up to the dense one, and has an entry for each element that was read."""
    grads = []
    for sparse in (True, False):
        x = torch.arange(6.0, device=device).reshape(2, 3).requires_grad_()
        index = torch.tensor([[0, 2], [1, 1]], device=device)
        weights = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)
        (torch.gather(x, 1, index, sparse_grad=sparse) * weights).sum().backward()
        grads.append(x.grad)
    assert grads[0].layout is torch.sparse_coo and grads[1].layout is torch.strided
    assert grads[0]._indices().tolist() == [[0, 0, 1, 1], [0, 2, 1, 1]]
    assert grads[0]._values().tolist() == [1.0, 2.0, 3.0, 4.0]
    assert grads[0].to_dense().tolist() == grads[1].tolist() == [[1.0, 0.0, 2.0], [0.0, 7.0, 0.0]]


@both
def test_ranges_keep_the_shape_of_out(device):
    out = torch.zeros(2, 2, device=device)
    assert torch.arange(4, out=out) is out and out.tolist() == [[0.0, 1.0], [2.0, 3.0]]
    turned = torch.zeros(2, 2, device=device).t()
    torch.linspace(0, 3, 4, out=turned)
    assert turned.tolist() == [[0.0, 1.0], [2.0, 3.0]] and turned.stride() == (1, 2)
    assert torch.arange(5, out=out).shape == (5,)


@both
def test_hardtanh_of_a_type_without_sign(device):
    x = torch.tensor([0, 3, 9], dtype=torch.uint8, device=device)
    assert F.hardtanh(x, 1, 5).tolist() == [1, 3, 5]
    with pytest.raises(RuntimeError, match="unsigned type with negative limits"):
        F.hardtanh(x, -1, 5)


@both
def test_one_sample_of_scores(device):
    x = torch.tensor([0.25, 0.5, 2.0], device=device)
    for reduction in ("none", "mean", "sum"):
        assert F.nll_loss(x, torch.tensor([2], device=device), reduction=reduction).item() == -2.0


@both
def test_padding_is_at_most_half_of_the_window(device):
    """Whatever its dilation."""
    for pool, shape in ((F.max_pool1d, (8,)), (F.max_pool2d, (8, 8)), (F.max_pool3d, (8, 8, 8))):
        x = torch.ones(1, *shape, device=device)
        with pytest.raises(
            RuntimeError, match="at most half of kernel size, but got pad=2 and kernel_size=3"
        ):
            pool(x, 3, padding=2, dilation=2)
        assert pool(x, 3, 1, padding=1, dilation=2).shape == (1, *[n - 2 for n in shape])


@both
@pytest.mark.parametrize("name", ["elu", "selu", "celu"])
def test_curvature_at_the_kink(name, device):
    """0 at 0, as of the side that is a line."""
    x = torch.tensor([-1.0, 0.0, 1.0], device=device, requires_grad=True)
    (first,) = torch.autograd.grad(getattr(F, name)(x).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    assert second[0] > 0 and second[1:].tolist() == [0.0, 0.0]


@both
def test_a_count_has_no_gradient(device):
    x = torch.tensor([2.0, 0.0, 3.0], device=device, requires_grad=True)
    count = torch.linalg.vector_norm(x, 0)
    count.backward()
    assert count.item() == 2 and count.requires_grad and x.grad is None
    (torch.linalg.vector_norm(x, 0) + x.sum()).backward()
    assert x.grad.tolist() == [1.0, 1.0, 1.0]


@both
def test_rates_that_are_none(device):
    with pytest.raises(RuntimeError, match="invalid Poisson rate"):
        torch.poisson(torch.tensor([1.0, math.nan], device=device))


@both
def test_directions_of_any_concentration(device):
    """The angles of a large concentration are normal; none takes forever."""
    torch.manual_seed(2)
    k = torch.tensor([1e14, 1e20, 1e38, math.inf, math.nan, 0.0], device=device)
    x = torch.distributions.VonMises(torch.zeros_like(k), k, validate_args=False).sample((200,))
    scaled = (x[:, :2].double() * k[:2].double().sqrt()).cpu()
    for column in range(2):
        assert scaled[:, column].std().item() == pytest.approx(1, abs=0.2)
    assert x[:, 2:4].abs().max().item() < 1e-15 and x[:, 4].isnan().all()
    assert x[:, 5].abs().max().item() > 2.5 and x[:, 5].mean().abs().item() < 0.5  # any direction


@both
def test_truth_values_are_no_factors(device):
    x, y = torch.ones(2, device=device), torch.ones(2, device=device)
    for call in (
        lambda: torch.add(x, y, alpha=True), lambda: x.sub(y, alpha=False), lambda: torch.rsub(x, y, alpha=True),
        lambda: x.add_(y, alpha=True), lambda: torch.addr(torch.ones(2, 2, device=device), x, y, beta=True),
    ):  # fmt: skip
        with pytest.raises(RuntimeError, match=r"Boolean (alpha|beta) only supported for Boolean results"):
            call()
    true = torch.tensor([True], device=device)
    assert torch.add(true, true, alpha=True).tolist() == [True]


@both
def test_bounds_that_the_type_has(device):
    x = torch.zeros(3, dtype=torch.float16, device=device)
    for low, high in ((0, 65520), (-65504, 1), (0, math.inf)):
        with pytest.raises(RuntimeError, match="uniform_"):
            x.uniform_(low, high)
    assert x.uniform_(0, 65504).max().item() <= 65504


def test_generators_that_move_together():
    first = torch.Generator("cuda").manual_seed(5)
    second = torch.Generator("cuda").graphsafe_set_state(first.graphsafe_get_state())
    alone = first.clone_state()
    numbers = [torch.rand(3, device="cuda", generator=g).tolist() for g in (first, second, alone, alone)]
    assert numbers[:2] == numbers[2:] and numbers[0] != numbers[1]
    assert first.get_offset() == second.get_offset() == alone.get_offset()
    with pytest.raises(NotImplementedError, match="graphsafe_get_state is not supported"):
        torch.Generator().graphsafe_get_state()
    with pytest.raises(TypeError, match="expected a Generator, but got Tensor"):
        first.graphsafe_set_state(torch.zeros(2))


@both
def test_named_results(device):
    x = torch.tensor([[1.0, 5.0], [4.0, 2.0]], device=device)
    found = x.max(1)
    assert isinstance(found, torch.return_types.max) and found == torch.return_types.max(tuple(found))
    assert str(x.cpu().max(1)) == "torch.return_types.max(\nvalues=tensor([5., 4.]),\nindices=tensor([1, 0]))"
    again = pickle.loads(pickle.dumps(x.sort()))
    assert isinstance(again, torch.return_types.sort) and again.values.tolist() == [[1.0, 5.0], [2.0, 4.0]]


@pytest.mark.parametrize("reduction", [0, 1, 2])
def test_reductions_as_numbers(reduction):
    """Of max(0, x2 - x1 + 1/2) for the differences 1, 0 and -1."""
    one, other = torch.tensor([0.0, 1.0, 2.0]), torch.ones(3)
    each = [1.5, 0.5, 0.0]
    expected = [each, sum(each) / 3, sum(each)][reduction]
    loss = torch.margin_ranking_loss(one, other, torch.ones(3), 0.5, reduction)
    assert loss.tolist() == pytest.approx(expected)
