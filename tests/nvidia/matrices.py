"""Numbers to transform and decompose, and comparisons with NumPy's results."""

from __future__ import annotations

import numpy as np
import pytest

import tritonnn as torch

KINDS = (torch.float32, torch.float64, torch.complex64, torch.complex128)
each_kind = pytest.mark.parametrize("kind", KINDS, ids=str)


def numbers(*shape, kind=torch.float64, seed=0):
    rng = np.random.default_rng((seed, *shape))
    x = rng.standard_normal(shape)
    return (x + 1j * rng.standard_normal(shape) if kind.is_complex else x).astype(kind.np)


def gpu(x):
    return torch.from_numpy(np.array(x)).to("cuda")


def on_host(tensor):
    return tensor.detach().cpu().numpy()


def close(found, expected, kind=torch.float64, scale=1.0):
    found = on_host(found) if isinstance(found, torch.Tensor) else found
    eps = np.finfo(kind.np).eps
    size = max(1.0, float(np.abs(expected).max(initial=0)))
    assert found.shape == np.shape(expected)
    np.testing.assert_allclose(found, expected, rtol=0, atol=200 * scale * eps * size)


def adjoint(x):
    return x.swapaxes(-1, -2).conj()


def hermitian(*shape, kind):
    x = numbers(*shape, shape[-1], kind=kind)
    return (x + adjoint(x)) / 2


def positive(*shape, kind):
    x = numbers(*shape, shape[-1], kind=kind)
    return x @ adjoint(x) + np.eye(shape[-1], dtype=kind.np) * shape[-1]


def real(kind):
    return kind.to_real() if kind.is_complex else kind
