"""Attention beyond its generated tests: dropout, masks, shared heads, long sequences."""

from __future__ import annotations

import numpy as np
import pytest

import tritonnn as torch
from tritonnn.nn.functional import scaled_dot_product_attention as attend

DEVICES = pytest.mark.parametrize("device", ["cpu", "cuda"])


def normal(*shape, seed=0, device="cpu"):
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape)).to(device)


def ones(*shape, device="cpu"):
    return torch.ones(*shape, dtype=torch.float64, device=device)


def reference(q, k, v, mask=None):
    scores = q @ np.swapaxes(k, -1, -2) / np.sqrt(q.shape[-1])
    if mask is not None:
        scores = scores + mask
    p = np.exp(scores - scores.max(-1, keepdims=True))
    return p / p.sum(-1, keepdims=True) @ v


@DEVICES
@pytest.mark.parametrize("length", [1, 65, 130])
def test_causal_sees_itself_and_before(device, length):
    q, k, v = (normal(1, 2, length, 8, seed=i) for i in range(3))
    hidden = np.where(np.tri(length, dtype=bool), 0, -np.inf)
    got = attend(q.to(device), k.to(device), v.to(device), is_causal=True)
    np.testing.assert_allclose(
        got.cpu().numpy(), reference(q.numpy(), k.numpy(), v.numpy(), hidden), rtol=1e-9
    )


def test_many_keys_go_in_blocks_of_queries():
    q, k, v = (normal(1, 1, 600, 8, seed=i) for i in range(3))
    np.testing.assert_allclose(attend(q, k, v).numpy(), reference(q.numpy(), k.numpy(), v.numpy()), rtol=1e-9)


def test_dropout_draws_the_same_mask_on_every_device():
    results = []
    for device in ("cpu", "cuda"):
        torch.manual_seed(3)
        q, k, v = (normal(2, 2, 9, 4, seed=i, device=device).requires_grad_() for i in range(3))
        y = attend(q, k, v, dropout_p=0.5)
        y.backward(normal(2, 2, 9, 4, seed=9, device=device))
        results.append([t.detach().cpu().numpy() for t in (y, q.grad, k.grad, v.grad)])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


@DEVICES
def test_dropout_keeps_the_expectation(device):
    torch.manual_seed(0)
    q = torch.zeros(1, 1, 40, 4, dtype=torch.float64, device=device)
    p = attend(q, torch.zeros(1, 1, 64, 4, dtype=torch.float64, device=device),
               torch.eye(64, dtype=torch.float64, device=device)[None, None], dropout_p=0.25)  # fmt: skip
    values = p.cpu().numpy()
    assert set(np.unique(np.round(values * 64 * 0.75, 12))) == {0.0, 1.0}
    assert abs((values == 0).mean() - 0.25) < 0.04
    again = attend(q, q[..., :1, :].expand(1, 1, 64, 4), torch.eye(64, dtype=torch.float64, device=device)[None, None],
                   dropout_p=0.25)  # fmt: skip
    assert not torch.equal(p, again)
    assert (attend(q, q, q + 1, dropout_p=1.0) == 0).all()


@DEVICES
def test_rows_that_see_nothing_give_zeros(device):
    mask = torch.ones(3, 4, dtype=torch.bool, device=device)
    mask[1] = False
    q, k, v = (normal(1, n, 2, seed=n, device=device).requires_grad_() for n in (3, 4, 4))
    y = attend(q, k, v, mask)
    assert (y[0, 1] == 0).all()
    y.sum().backward()
    assert (q.grad[0, 1] == 0).all()
    for leaf in (q, k, v):
        assert torch.isfinite(leaf.grad).all()


@DEVICES
def test_gradient_of_an_added_mask_sums_over_what_it_broadcasts(device):
    q, k, v = (normal(2, 3, 4, 5, seed=i, device=device) for i in range(3))
    mask = normal(4, 4, seed=3, device=device).requires_grad_()
    full = mask.detach().expand(2, 3, 4, 4).clone().requires_grad_()
    attend(q, k, v, mask).square().sum().backward()
    attend(q, k, v, full).square().sum().backward()
    np.testing.assert_allclose(mask.grad.cpu().numpy(), full.grad.sum((0, 1)).cpu().numpy(), rtol=1e-9)


@DEVICES
def test_shared_heads_equal_repeated_ones(device):
    q = normal(2, 6, 5, 4, device=device).requires_grad_()
    k, v = (normal(2, 2, 7, 4, seed=i, device=device).requires_grad_() for i in (1, 2))
    shared = attend(q, k, v, enable_gqa=True)
    repeated = attend(q, k.repeat_interleave(3, 1), v.repeat_interleave(3, 1))
    np.testing.assert_allclose(shared.detach().cpu().numpy(), repeated.detach().cpu().numpy(), rtol=1e-9)
    g = normal(2, 6, 5, 4, seed=5, device=device)
    for a, b in zip(
        torch.autograd.grad(shared, (q, k, v), g), torch.autograd.grad(repeated, (q, k, v), g), strict=True
    ):
        np.testing.assert_allclose(a.cpu().numpy(), b.cpu().numpy(), rtol=1e-8, atol=1e-12)


@DEVICES
def test_no_keys_give_zeros(device):
    assert (
        attend(ones(1, 3, 4, device=device), ones(1, 0, 4, device=device), ones(1, 0, 2, device=device)) == 0
    ).all()
    assert attend(
        ones(0, 3, 4, device=device), ones(0, 5, 4, device=device), ones(0, 5, 2, device=device)
    ).shape == (0, 3, 2)


@DEVICES
def test_half_precision_computes_in_float32(device):
    q, k, v = (normal(1, 2, 33, 16, seed=i).float() for i in range(3))
    wanted = reference(q.numpy(), k.numpy(), v.numpy())
    got = attend(*(t.to(device, torch.bfloat16) for t in (q, k, v))).float().cpu().numpy()
    assert np.abs(got - wanted).max() < 0.03


@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_gradients_are_those_of_float64(dtype, dropout):
    """Through descriptors; heads shared, and side by side in memory as a projection leaves them."""
    results = []
    for device, kind in (("cpu", torch.float64), ("cuda", dtype)):
        torch.manual_seed(7)
        q, k, v = (
            normal(2, 33, heads, 16, seed=i).to(dtype).to(device, kind).transpose(1, 2).requires_grad_()
            for i, heads in enumerate((4, 2, 2))
        )
        g = normal(2, 4, 33, 16, seed=9).to(dtype).to(device, kind)
        y = attend(q, k, v, dropout_p=dropout, enable_gqa=True)
        results.append([t.to("cpu", torch.float64).numpy() for t in torch.autograd.grad(y, (q, k, v), g)])
    tolerance = 0.05 if dtype is torch.bfloat16 else 0.008
    for wanted, got in zip(*results, strict=True):
        assert np.abs(got - wanted).max() < tolerance * np.abs(wanted).max()


@DEVICES
def test_second_derivative_with_dropout(device):
    torch.manual_seed(5)
    q, k, v = (normal(1, 1, 3, 2, seed=i, device=device).requires_grad_() for i in range(3))
    y = attend(q, k, v, dropout_p=0.4)
    (first,) = torch.autograd.grad(y.square().sum(), q, create_graph=True)
    (plain,) = torch.autograd.grad(y.square().sum(), q, retain_graph=True)
    np.testing.assert_allclose(first.detach().cpu().numpy(), plain.cpu().numpy(), rtol=1e-9, atol=1e-12)
    assert torch.isfinite(torch.autograd.grad(first.sum(), k)[0]).all()


def test_tiles_follow_architecture_kind_and_width():
    from tritonnn.kernels.tables.attention import FOR_KEYS, FOR_QUERIES, FORWARD, TABLES, choose

    for stage in (FORWARD, FOR_KEYS, FOR_QUERIES):
        for architecture, kind in TABLES:
            narrow, wide = choose(architecture, kind, 16, stage), choose(architecture, kind, 1024, stage)
            assert narrow.queries * narrow.keys >= wide.queries * wide.keys
            assert min(wide.queries, wide.keys) >= 16  # what a matrix instruction takes
    assert choose("sm_90", "half", 64, FORWARD) != choose("sm_80", "half", 256, FORWARD)
    assert choose("sm_75", "half", 64, FORWARD) == choose("sm_80", "half", 64, FORWARD)


@DEVICES
def test_no_features_attend_alike(device):
    """All scores are 0: every key has the same share, in forward and in the values' gradient."""
    q, k = ones(1, 2, 2, 0, device=device).requires_grad_(), ones(1, 2, 3, 0, device=device).requires_grad_()
    v = normal(1, 2, 3, 4, device=device).requires_grad_()
    out = attend(q, k, v)
    np.testing.assert_allclose(
        out.detach().cpu().numpy(), v.detach().cpu().numpy().mean(-2, keepdims=True).repeat(2, 2)
    )
    out.sum().backward()
    np.testing.assert_allclose(v.grad.cpu().numpy(), np.full((1, 2, 3, 4), 2 / 3))
    assert q.grad.shape == q.shape and k.grad.shape == k.shape
