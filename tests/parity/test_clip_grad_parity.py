"""Clipping gradients and the norms of lists of tensors give PyTorch's results on both devices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch as reference

import tritonnn as torch

ORDERS = (2.0, 1.0, math.inf, 0.0, 3.0, -math.inf)
# PyTorch's own float32 sum of 20,000 magnitudes is 1e-6 from the exact one.
TOLERANCES = {"float16": 2e-3, "bfloat16": 1e-2, "float32": 1e-5, "float64": 1e-12}
SHAPES = ((3, 4), (), (5,), (40, 500))


def gradients(
    library: Any, dtypes: tuple[str, ...], device: str = "cpu", bad: float | None = None
) -> list[Any]:
    """Parameters with gradients that both libraries get alike: dense, transposed, and one without."""
    rng = np.random.default_rng(3)
    params = []
    for i, shape in enumerate(SHAPES):
        values = np.asarray(rng.normal(size=shape))
        if bad is not None and i == 2:
            values[1] = bad
        g = library.from_numpy(values).to(device=device, dtype=getattr(library, dtypes[i % len(dtypes)]))
        if len(shape) == 2:
            g = g.t() if i else library.cat([g, g], 1)[:, ::2]
        p = library.nn.Parameter(library.zeros_like(g))
        p.grad = g
        params.append(p)
    return [*params, library.nn.Parameter(library.zeros(2, device=device))]


def assert_alike(mine: Any, theirs: Any, tolerance: float) -> None:
    assert str(mine.dtype) == str(theirs.dtype) and tuple(mine.shape) == tuple(theirs.shape)
    a, b = mine.detach().cpu().double().numpy(), theirs.detach().double().numpy()
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def assert_clipped_alike(dtypes, device, foreach, order, bad=None):
    mine, theirs = gradients(torch, dtypes, device, bad), gradients(reference, dtypes, bad=bad)
    total = torch.nn.utils.clip_grad_norm_(mine, 0.5, order, foreach=foreach)
    wanted = reference.nn.utils.clip_grad_norm_(theirs, 0.5, order, foreach=foreach)
    tolerance = max(TOLERANCES[name] for name in dtypes)
    assert total.device.type == device
    assert_alike(total, wanted, tolerance)
    assert mine[-1].grad is None
    for a, b in zip(mine[:-1], theirs[:-1], strict=True):
        assert_alike(a.grad, b.grad, tolerance)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("foreach", [None, True, False])
@pytest.mark.parametrize("dtypes", [("float32",), ("float64",), ("bfloat16", "float32"), ("float16",)])
def test_clipping_by_norm(dtypes, foreach, order):
    assert_clipped_alike(dtypes, "cpu", foreach, order)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("dtypes", [("float32",), ("bfloat16", "float64")])
def test_clipping_by_norm_on_the_device(dtypes, order):
    assert_clipped_alike(dtypes, "cuda", None, order)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("bad", [math.inf, math.nan])
@pytest.mark.parametrize("order", [2.0, math.inf])
def test_norms_that_are_not_finite(order, bad, device):
    assert_clipped_alike(("float32",), device, None, order, bad)
    with pytest.raises(RuntimeError, match="is non-finite"):
        torch.nn.utils.clip_grad_norm_(gradients(torch, ("float32",), device, bad), 1.0, order, True)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("foreach", [None, False])
def test_clipping_by_value(foreach, device):
    for dtypes in (("float32",), ("float16", "float64")):
        mine, theirs = gradients(torch, dtypes, device, math.nan), gradients(reference, dtypes, bad=math.nan)
        torch.nn.utils.clip_grad_value_(mine, 0.3, foreach)
        reference.nn.utils.clip_grad_value_(theirs, 0.3, foreach)
        for a, b in zip(mine[:-1], theirs[:-1], strict=True):
            assert_alike(a.grad, b.grad, 1e-7)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_lists(device):
    for library in (torch, reference):
        with pytest.raises(RuntimeError, match="at least one tensor"):
            library._foreach_norm([])
        with pytest.raises(RuntimeError, match="scalar tensor expected to be 0 dim"):
            library._foreach_mul_([library.ones(2)], library.ones(2))
        with pytest.raises(RuntimeError, match="leaf Variable"):
            library._foreach_mul_([library.ones(2, requires_grad=True)], 2.0)
        with pytest.raises(RuntimeError, match="empty tensor"):
            library._foreach_norm([library.ones(0)], math.inf)
    mine = [p.grad for p in gradients(torch, ("float32", "float16"), device)[:-1]]
    theirs = [p.grad for p in gradients(reference, ("float32", "float16"))[:-1]]
    factors = (
        (2.0, 2.0),
        (torch.tensor(0.3, device=device), reference.tensor(0.3)),
        ([1, 2, 3, 4], [1, 2, 3, 4]),
    )
    for a, b in factors:
        assert torch._foreach_mul_(mine, a) is mine
        reference._foreach_mul_(theirs, b)
        for x, y in zip(mine, theirs, strict=True):
            assert_alike(x, y, 2e-3 if "16" in str(x.dtype) else 1e-6)
    for a, b in zip(torch._foreach_norm(mine, 1), reference._foreach_norm(theirs, 1), strict=True):
        assert_alike(a, b, 2e-3)


def test_norms_keep_the_graph():
    x = torch.tensor([3.0, 4.0], requires_grad=True)
    torch._foreach_norm([x])[0].backward()
    np.testing.assert_allclose(x.grad.numpy(), [0.6, 0.8], rtol=1e-6)


def test_meta_tensors_are_taken_one_by_one():
    for library in (torch, reference):
        p = library.nn.Parameter(library.ones(2, device="meta"))
        p.grad = library.ones(2, device="meta")
        assert library.nn.utils.clip_grad_norm_(p, 1.0).shape == ()
        with pytest.raises(RuntimeError, match="can't use the foreach API on meta tensors"):
            library.nn.utils.clip_grad_norm_(p, 1.0, foreach=True)
        with pytest.warns(UserWarning, match="empty generator"):
            library.nn.utils.clip_grad_norm_((q for q in []), 1.0)
