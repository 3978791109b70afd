"""logcumsumexp of complex numbers: values on PyTorch's branch of the logarithm, and gradients."""

from __future__ import annotations

import warnings
from math import inf, nan

import numpy as np
import pytest
import torch as reference

import tritonnn as torch

RNG = np.random.default_rng(3)
NORMAL = (RNG.normal(size=(4, 6)) + 1j * RNG.normal(size=(4, 6)) * 3) * 2
CORNERS = [
    [1 + 5j, 1 + 5j, 1 - 5j], [1 + 20j, 1 + 3j, -50 + 3j], [complex(-inf), 2 - 1j, complex(inf), 1j],
    [complex(-inf, 3), complex(-inf, 1), 2 - 1j, complex(inf, 1), 1j], [1j, complex(nan), 1j],
    [1j, complex(inf, nan), 1j], [complex(inf, 1), complex(inf, 1)], [complex(inf, 1), complex(inf, 2)],
    [complex(0, inf), 1j], [1j, complex(-inf, inf), 1j], [1j, complex(inf, inf), 1j], [complex(nan, 1)],
    [complex(-inf, inf), complex(-inf, 3), 1j],
]  # fmt: skip


def both(values, dim, dtype="complex128"):
    x = torch.tensor(values, dtype=getattr(torch, dtype))
    y = reference.tensor(values, dtype=getattr(reference, dtype))
    return torch.logcumsumexp(x, dim), reference.logcumsumexp(y, dim)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("values", CORNERS, ids=str)
def test_corners(values, dtype):
    got, wanted = both(values, 0, dtype)
    assert got.dtype is getattr(torch, dtype)
    got, wanted = got.numpy(), wanted.numpy()
    np.testing.assert_allclose(got.real, wanted.real, rtol=1e-5)
    np.testing.assert_allclose(got.imag, wanted.imag, rtol=1e-5)


@pytest.mark.parametrize("dim", [0, 1, -2])
def test_values(dim):
    got, wanted = both(NORMAL.tolist(), dim)
    np.testing.assert_allclose(got.numpy(), wanted.numpy(), rtol=1e-12)


def test_nothing_and_a_single_number():
    assert both([], 0)[0].shape == (0,)
    assert torch.tensor(1 + 9j).logcumsumexp(0).item() == 1 + 9j
    assert torch.zeros(0, 3, dtype=torch.complex64).logcumsumexp(1).shape == (0, 3)
    assert torch.zeros(2, 0, dtype=torch.complex64).logcumsumexp(1).shape == (2, 0)


@pytest.mark.parametrize("dim", [0, 1])
@pytest.mark.parametrize("create_graph", [False, True])
def test_gradients(dim, create_graph):
    grads = []
    for library in (torch, reference):
        x = library.tensor(NORMAL.tolist(), dtype=library.complex128, requires_grad=True)
        g = library.tensor((NORMAL[::-1, ::-1] + 1).tolist(), dtype=library.complex128)
        (grad,) = library.autograd.grad(library.logcumsumexp(x, dim), x, g, create_graph=create_graph)
        if create_graph:
            (grad,) = library.autograd.grad(grad, x, g)
        grads.append(np.array(grad.tolist()))
    np.testing.assert_allclose(*grads, rtol=1e-9, atol=1e-12)


def test_a_gradient_of_zero_is_zero():
    x = torch.tensor([1j, 2 + 1j, 3j], requires_grad=True)
    torch.logcumsumexp(x, 0)[0].abs().backward()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = reference.tensor([1j, 2 + 1j, 3j], requires_grad=True)
        reference.logcumsumexp(y, 0)[0].abs().backward()
    np.testing.assert_allclose(x.grad.tolist(), y.grad.tolist(), atol=1e-6)
    assert x.grad[1:].tolist() == [0, 0]
