"""Gradients where a function has a kink, a tie or no value: each number is the definition's."""

from __future__ import annotations

import math

import pytest

import tritonnn as torch

F = torch.nn.functional
inf, nan = math.inf, math.nan


def gradient(function, values, **options):
    x = torch.tensor(values, requires_grad=True, **options)
    y = function(x)
    (y if isinstance(y, torch.Tensor) else y[0]).sum().backward()
    return x.grad.tolist()


CASES = {
    "max of NaN": (lambda x: x.max(), [nan, 1.0], [1, 0]),
    "min of NaN": (lambda x: x.min(), [2.0, nan], [0, 1]),
    "amax of NaN": (lambda x: x.amax(0), [nan, nan, 1.0], [nan, nan, nan]),  # 0 divided by no ties, as PyTorch
    "median of infinities": (lambda x: x.median(), [inf, inf, 1.0], [0.5, 0.5, 0]),
    "median of NaN": (lambda x: x.median(), [nan, 2.0, 1.0], [1, 0, 0]),
    "clamp of NaN": (lambda x: x.clamp(0, 1), [nan, 0.0, 1.0, 2.0], [0, 1, 1, 0]),
    "atan2 at the origin": (lambda x: torch.atan2(x, x), [0.0, 2.0], [0, 0]),
    "soft margin at 0": (lambda x: F.soft_margin_loss(x, torch.ones(1)), [0.0], [-0.5]),
    "multilabel soft margin at 0": (
        lambda x: F.multilabel_soft_margin_loss(x.view(1, 2), torch.tensor([[1.0, 0.0]])), [0.0, 0.0], [-0.25, 0.25],
    ),
    "0 ** negative": (lambda x: 0**x, [-1.0, 0.0, 2.0], [-inf, 0, 0]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_gradient_at_a_kink(case):
    function, values, wanted = CASES[case]
    assert str(gradient(function, values)) == str([float(w) for w in wanted])  # as text NaN is NaN


def test_all_derivatives_of_a_square():
    x = torch.tensor([0.0, 2.0], dtype=torch.float64, requires_grad=True)
    (first,) = torch.autograd.grad((x**2).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x, create_graph=True)
    (third,) = torch.autograd.grad(second.sum(), x)
    assert (first.tolist(), second.tolist(), third.tolist()) == ([0, 4], [2, 2], [0, 0])


MANY = 70_000  # more than half precision counts to
SHARES = {
    "max": lambda x: x.max(),
    "amin": lambda x: x.amin(),
    "amax of a dimension": lambda x: x.reshape(1, -1).amax(1),
    "aminmax": lambda x: torch.aminmax(x)[0],
    "median": lambda x: x.median(),
    "largest size": lambda x: torch.linalg.vector_norm(x + 1, inf),
    "nanmean": lambda x: x.nanmean(),
    "scatter_reduce mean": lambda x: scattered(x, "mean"),
    "scatter_reduce amax": lambda x: scattered(x, "amax"),
    "embedding_bag": lambda x: F.embedding_bag(torch.arange(MANY).view(1, -1), x.view(-1, 1), mode="mean"),
}


def scattered(x, reduce):
    where = torch.zeros(MANY, dtype=torch.int64)
    return torch.zeros(1, dtype=x.dtype).scatter_reduce(0, where, x, reduce, include_self=False)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=["float16", "bfloat16"])
@pytest.mark.parametrize("case", SHARES)
def test_shares_of_many_in_half_precision(case, dtype):
    x = torch.zeros(MANY, dtype=dtype, requires_grad=True)
    SHARES[case](x).sum().backward()
    assert x.grad[5].item() == pytest.approx(1 / MANY, rel=0.01)
