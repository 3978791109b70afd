"""Gradients where central differences say nothing: at zeros, at ties, at bounds; the values are PyTorch's."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable

import pytest

import tritonnn as torch

F = torch.nn.functional
INF = math.inf

CASES: dict[str, tuple[Callable, list[float], list[float]]] = {
    "prod of one zero": (lambda x: x.prod(), [2, 0, 3], [0, 6, 0]),
    "prod of two zeros": (lambda x: x.prod(), [0, 0, 3], [0, 0, 0]),
    "prod along a dimension": (lambda x: x.view(2, 2).prod(1), [0, 5, 2, 4], [5, 0, 4, 2]),
    "cumprod through a zero": (lambda x: x.cumprod(0), [2, 0, 3], [1, 8, 0]),
    "amax of a tie": (lambda x: x.amax(), [1, 3, 3, 2], [0, 0.5, 0.5, 0]),
    "amin of a tie": (lambda x: x.view(2, 2).amin(1), [1, 1, 3, 2], [0.5, 0.5, 0, 1]),
    "max of a tie": (lambda x: x.max(), [1, 3, 3], [0, 0.5, 0.5]),
    "max along a dimension": (lambda x: x.max(0)[0], [1, 3, 3], [0, 1, 0]),
    "maximum of equals": (lambda x: torch.maximum(x, torch.tensor(1.0, device=x.device)), [0, 1, 2], [0, 0.5, 1]),
    "minimum of equals": (lambda x: torch.minimum(x, torch.tensor(1.0, device=x.device)), [0, 1, 2], [1, 0.5, 0]),
    "norm of zeros": (lambda x: x.norm(), [0, 0], [0, 0]),
    "max of NaN": (lambda x: x.max(), [math.nan, 1, math.nan], [0.5, 0, 0.5]),
    "min of NaN": (lambda x: x.min(), [2, math.nan], [0, 1]),
    "max of NaN along a dimension": (lambda x: x.max(0)[0], [math.nan, 1], [1, 0]),
    "median of infinities": (lambda x: x.median(), [1, INF, INF], [0, 0.5, 0.5]),
    "median of the largest": (lambda x: x.median(), [1, 3e38, 3e38], [0, 0.5, 0.5]),
    "1-norm of zeros": (lambda x: x.norm(1), [0, 2], [0, 1]),
    "3-norm of zeros": (lambda x: x.norm(3), [0, 0], [0, 0]),
    "half norm of a zero": (lambda x: x.norm(0.5), [0, 4], [0, 1]),
    "inf-norm of a tie": (lambda x: x.norm(INF), [-2, 2, 1], [-0.5, 0.5, 0]),
    "std of a constant": (lambda x: x.std(), [2, 2], [0, 0]),
    "abs at zero": (lambda x: x.abs(), [-1, 0, 1], [-1, 0, 1]),
    "relu at zero": (lambda x: x.relu(), [-1, 0, 1], [0, 0, 1]),
    "clamp at its bounds": (lambda x: x.clamp(-1, 1), [-2, -1, 0, 1, 2], [0, 1, 1, 1, 0]),
    "hardtanh at its bounds": (F.hardtanh, [-2, -1, 0, 1, 2], [0, 0, 1, 0, 0]),
    "relu6 at its bounds": (F.relu6, [-1, 0, 3, 6, 7], [0, 0, 1, 0, 0]),
    "leaky_relu at zero": (lambda x: F.leaky_relu(x, 0.25), [-1, 0, 1], [0.25, 0.25, 1]),
    "softshrink at its bounds": (lambda x: F.softshrink(x, 1), [-2, -1, 0, 1, 2], [1, 0, 0, 0, 1]),
    "hardshrink at its bounds": (lambda x: F.hardshrink(x, 1), [-2, -1, 0, 1, 2], [1, 0, 0, 0, 1]),
    "l1_loss of equals": (lambda x: F.l1_loss(x, x.detach() * 0), [0, -2], [0, -0.5]),
    "pow of zero": (lambda x: x**2, [0, 1], [0, 2]),
    "pow with exponent zero": (lambda x: x**0, [0, 1], [0, 0]),
    "xlogy at zero": (lambda x: torch.xlogy(x, torch.ones(2, device=x.device)), [0, 2], [0, 0]),
    "std along a dimension": (lambda x: x.view(2, 2).std(1, False), [1, 1, 0, 2], [0, 0, -0.5, 0.5]),
    "logsumexp of minus infinity": (lambda x: torch.logsumexp(x, 0), [-INF, 0], [0, 1]),
    "softmax of minus infinity": (lambda x: x.softmax(0)[1:], [-INF, 0], [0, 0]),
    "where of the other branch": (lambda x: torch.where(x > 0, x, x * 3), [0, 1], [3, 1]),
    "scatter_reduce of a tie": (
        lambda x: torch.zeros(1, device=x.device).scatter_reduce(
            0, torch.tensor([0, 0], device=x.device), x, "amax", include_self=False
        ),
        [2, 2],
        [0.5, 0.5],
    ),
}  # fmt: skip


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("name", CASES)
def test_gradients_at_special_values(name: str, device: str) -> None:
    function, values, wanted = CASES[name]
    x = torch.tensor(values, dtype=torch.float32, device=device, requires_grad=True)
    function(x).sum().backward()
    assert x.grad.tolist() == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_second_derivative_of_a_product_with_zeros(device: str) -> None:
    x = torch.tensor([2.0, 0.0, 3.0], device=device, requires_grad=True)
    (first,) = torch.autograd.grad(x.prod(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    assert second.tolist() == [3, 5, 2]


MANY = 70000  # beyond the largest number of half precision
_first = lambda x: torch.zeros(MANY, dtype=torch.int64, device=x.device)
_one = lambda x: torch.zeros(1, dtype=x.dtype, device=x.device)
COUNTED: dict[str, tuple[Callable, float]] = {
    "max": (lambda x: x.max(), 1),
    "amin along a dimension": (lambda x: x.reshape(1, -1).amin(1), 1),
    "aminmax": (lambda x: torch.aminmax(x)[0], 1),
    "inf-norm": (lambda x: torch.linalg.vector_norm(x, INF), 1),
    "median": (lambda x: x.median(), 1),
    "nanmean": (lambda x: x.nanmean(), 1),
    "scatter_reduce amax": (lambda x: _one(x).scatter_reduce(0, _first(x), x, "amax", include_self=False), 1),
    "scatter_reduce mean": (lambda x: _one(x).scatter_reduce(0, _first(x), x, "mean", include_self=False), 1),
    "index_reduce mean": (lambda x: _one(x).index_reduce(0, _first(x), x, "mean", include_self=False), 1),
    "mean": (lambda x: x.mean(), 1),
    "embedding_bag": (lambda x: F.embedding_bag(_first(x)[None], x[:1, None]), MANY),
}


@pytest.mark.parametrize(
    ("name", "device"),
    [
        *((name, "cpu") for name in COUNTED),
        *((name, "cuda") for name in ("max", "amin along a dimension", "nanmean")),
    ],
)  # of the simulated device what is fast there
def test_counts_in_half_precision(name: str, device: str) -> None:
    """A share of 1 / 70000 is not 0, though 70000 is beyond float16."""
    function, times = COUNTED[name]
    x = torch.full((MANY,), 0.5, dtype=torch.float16, device=device, requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # index_reduce is in beta
        function(x).sum().backward()
    assert x.grad[0].item() == pytest.approx(times / MANY, abs=1.5e-7 * times)


@pytest.mark.parametrize("dtype", ("uint8", "int64", "bool"))
@pytest.mark.parametrize("device", ("cpu", "cuda"))
def test_minimum_and_maximum_beside_another_type(device: str, dtype: str) -> None:
    """The gradient goes to the floating operand where it is the result: negated, an unsigned number is a large one."""
    one = torch.tensor(1, device=device).to(getattr(torch, dtype))
    for function, wanted in ((torch.minimum, [1, 0.5, 0]), (torch.maximum, [0, 0.5, 1])):
        x = torch.tensor([0.5, 1.0, 4.0], device=device, requires_grad=True)
        function(one, x).sum().backward()
        assert x.grad.tolist() == wanted
