"""Attention's gradients: every way that their operands come, every option, the choice between them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from buffers import buffer

from tritonnn.kernels.attention import gradient
from tritonnn.kernels.attention._layout import describable, tiles
from tritonnn.kernels.tables.attention import (
    FOR_KEYS,
    FOR_QUERIES,
    MOST_QUERIES,
    TABLES,
    choose,
    choose_backward,
    heads_together,
    rows_of_delta,
)

HALF, SINGLE, DOUBLE = np.float16, np.float32, np.float64
SCALE = 0.3


def normal(*shape, seed=0, dtype=HALF):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def probabilities(q, k, mask, seen, softcap):
    """p, d score / d (q k^T scale), and the logsumexp."""
    scores = q @ np.swapaxes(k, -1, -2) * SCALE
    slope = np.ones_like(scores)
    if softcap:
        slope = 1 - np.tanh(scores / softcap) ** 2
        scores = softcap * np.tanh(scores / softcap)
    if mask is not None:
        scores = scores + (np.where(mask, 0, -np.inf) if mask.dtype == bool else mask.astype(DOUBLE))
    if seen is not None:
        scores = np.where(seen, scores, -np.inf)
    top = scores.max(-1, keepdims=True)
    top = np.where(np.isinf(top), 0, top)
    p = np.exp(scores - top)
    total = p.sum(-1, keepdims=True)
    with np.errstate(divide="ignore"):
        lse = np.log(total) + top
    return p / np.where(total == 0, 1, total), slope, lse[..., 0]


def expected(q, k, v, g, mask=None, seen=None, softcap=0.0):
    """Result, logsumexp and the three gradients, in float64 and in full."""
    q, k, v, g = (x.astype(DOUBLE) for x in (q, k, v, g))
    group = q.shape[1] // k.shape[1]
    shared = k.shape
    k, v = (np.repeat(x, group, 1) for x in (k, v))
    p, slope, lse = probabilities(q, k, mask, seen, softcap)
    out = p @ v
    dp = g @ np.swapaxes(v, -1, -2)
    ds = p * (dp - (g * out).sum(-1, keepdims=True)) * slope * SCALE
    dk, dv = np.swapaxes(ds, -1, -2) @ q, np.swapaxes(p, -1, -2) @ g
    dk, dv = (x.reshape(*shared[:2], group, *x.shape[2:]).sum(2) for x in (dk, dv))
    return out, lse, (ds @ k, dk, dv)


def gradients(q, k, v, g, out, lse, mask=None, causal=False, options=gradient.Options()):
    """dq, dk and dv of the kernels, into memory full of NaN."""
    results = [np.full(x.shape, np.nan, x.dtype) for x in (q, k, v)]
    saved = lse.astype(DOUBLE if q.dtype == DOUBLE else SINGLE)
    given = [
        None if x is None else buffer(x) for x in (*results, g, q, k, v, mask, out.astype(q.dtype), saved)
    ]
    gradient.compute(tuple(given), 0.0, 0, 0, causal, SCALE, options)
    return results


def check(q, k, v, g, mask=None, causal=False, seen=None, options=gradient.Options()):
    if causal:
        seen = np.tri(q.shape[2], k.shape[2], dtype=bool)
    out, lse, wanted = expected(q, k, v, g, mask, seen, options.softcap)
    got = gradients(q, k, v, g, out, lse, mask, causal, options)
    tolerance = {HALF: 6e-3, SINGLE: 2e-5, DOUBLE: 1e-9}[q.dtype.type]
    for name, a, b in zip("qkv", got, wanted, strict=True):
        np.testing.assert_allclose(
            a.astype(DOUBLE), b, atol=tolerance * max(1, np.abs(b).max()), rtol=tolerance, err_msg=f"d{name}"
        )


def sample(lengths, heads=(2, 2), width=16, width_v=16, batch=1, dtype=HALF):
    (length, keys), (h, hk) = lengths, heads
    return (
        normal(batch, h, length, width, dtype=dtype), normal(batch, hk, keys, width, seed=1, dtype=dtype),
        normal(batch, hk, keys, width_v, seed=2, dtype=dtype), normal(batch, h, length, width_v, seed=3, dtype=dtype),
    )  # fmt: skip


LENGTHS = [(1, 1), (1, 40), (17, 31), (32, 64), (33, 70), (70, 33)]


@pytest.mark.parametrize(
    ("lengths", "dtype"),
    [*[(n, HALF) for n in LENGTHS], *[(n, t) for n in [(1, 1), (33, 40)] for t in (SINGLE, DOUBLE)]],
)
@pytest.mark.parametrize("causal", [False, True])
def test_lengths_and_the_diagonal(lengths, causal, dtype):
    """16 bits come through descriptors, the others through pointers."""
    check(*sample(lengths, (4, 2), 24, 16, 2, dtype), causal=causal)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("lengths", [(33, 70), (70, 33)])
def test_16_bits_through_pointers(lengths, causal):
    """Rows of 12 features begin at multiples of 8 bytes only."""
    operands = sample(lengths, (4, 2), 12, 12, 2)
    assert not any(describable("interpreter", buffer(x)) for x in operands)
    check(*operands, causal=causal)


@pytest.mark.parametrize("dtype", [HALF, SINGLE])
@pytest.mark.parametrize("kind", [bool, HALF])
def test_masks_and_their_strides(dtype, kind):
    q, k, v, g = sample((40, 70), (4, 2), batch=2, dtype=dtype)
    for shape in ((2, 4, 40, 70), (1, 4, 1, 70), (2, 1, 40, 1)):
        mask = normal(*shape, seed=5, dtype=dtype)
        mask[..., :1, :] = -np.inf  # a query that sees nothing, or all of them
        if kind is bool:
            mask = mask > -0.5
        check(q, k, v, g, np.broadcast_to(mask, (2, 4, 40, 70)))


def test_heads_side_by_side_and_gradients_of_any_strides():
    """(B, L, H, D) as a projection leaves them; gradients that are expanded, reversed, or with gaps."""
    q, k, v, g = sample((33, 70), (4, 2), batch=2)
    aside = [np.ascontiguousarray(x.swapaxes(1, 2)).swapaxes(1, 2) for x in (q, k, v, g)]
    assert all(describable("interpreter", buffer(x)) for x in aside)
    check(*aside)
    one = g[:1, :1, :1, :1]
    wide = np.zeros((2, 4, 33, 32), HALF)
    wide[..., ::2] = g
    for strange in (np.broadcast_to(one, g.shape), np.broadcast_to(g[:, :, :1], g.shape), wide[..., ::2]):
        assert not describable("interpreter", buffer(strange))
        check(q, k, v, strange, causal=True)


def visible(length, keys, behind, ahead, shift=0):
    distance = np.arange(keys) - np.arange(length)[:, None] - shift
    return (distance >= (-behind if behind >= 0 else -999)) & (distance <= (ahead if ahead >= 0 else 999))


WINDOWS = [(0, 0), (5, 0), (0, 9), (40, 3), (-1, 0), (3, -1)]


@pytest.mark.parametrize("dtype", [HALF, DOUBLE])
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("lengths", [(40, 40), (33, 70), (70, 33)])
def test_windows(lengths, window, dtype):
    check(
        *sample(lengths, (2, 1), dtype=dtype),
        seen=visible(*lengths, *window),
        options=gradient.Options(*window),
    )


@pytest.mark.parametrize("dtype", [HALF, SINGLE])
@pytest.mark.parametrize("window", [(-1, -1), (-1, 0), (5, 2)])
def test_packed_sequences(window, dtype):
    """An empty sequence, one without keys, and single tokens beside longer ones; what lies beyond is NaN."""
    lengths, keys = (33, 0, 1, 20, 5), (40, 3, 1, 9, 0)
    firsts = [np.cumsum([0, *n]).astype(np.int32) for n in (lengths, keys)]
    total, total_keys = firsts[0][-1], firsts[1][-1]
    q, g = normal(total, 4, 24, dtype=dtype), normal(total, 4, 16, seed=3, dtype=dtype)
    k, v = normal(total_keys, 2, 24, seed=1, dtype=dtype), normal(total_keys, 2, 16, seed=2, dtype=dtype)
    out, lse = np.zeros(g.shape, dtype), np.full((4, total), -np.inf, SINGLE)
    wanted = [np.zeros(x.shape) for x in (q, k, v)]
    for (a, b), (c, d) in zip(pairwise(firsts[0]), pairwise(firsts[1]), strict=True):
        if a == b or c == d:
            continue
        parts = [x[None].swapaxes(1, 2) for x in (q[a:b], k[c:d], v[c:d], g[a:b])]
        seen = visible(b - a, d - c, *window, d - c - (b - a))
        o, part_lse, grads = expected(*parts, seen=seen, softcap=2.0)
        out[a:b], lse[:, a:b] = o[0].swapaxes(0, 1), part_lse[0]
        for whole, grad, at in zip(wanted, grads, (slice(a, b), slice(c, d), slice(c, d)), strict=True):
            whole[at] = grad[0].swapaxes(0, 1)
    results = [np.full(x.shape, np.nan, dtype) for x in (q, k, v)]
    given = [buffer(x) for x in (*results, g, q, k, v, out, lse, *firsts)]
    gradient.attention_packed_backward(*given, max(lengths), max(keys), *window, 2.0, SCALE)
    for name, got, right in zip("qkv", results, wanted, strict=True):
        np.testing.assert_allclose(
            got.astype(DOUBLE), right, atol=0.02 if dtype is HALF else 1e-4, err_msg=f"d{name}"
        )


@pytest.mark.parametrize("dtype", [HALF, SINGLE, DOUBLE])
@pytest.mark.parametrize("causal", [False, True])
def test_capped_scores(causal, dtype):
    check(*sample((33, 40), dtype=dtype), causal=causal, options=gradient.Options(softcap=1.5))


@pytest.mark.parametrize("dtype", [HALF, SINGLE])
def test_very_negative_scores_do_not_meet_what_lies_beyond_the_keys(dtype):
    """p of a key of zeros would be infinite where all scores are below -128, and infinity times 0 is NaN."""
    q, k, v, g = sample((20, 21), dtype=dtype)
    q, k = np.full_like(q, 8), np.full_like(k, -8)  # scores of -307
    check(q, k, v, g)


def test_gradients_are_the_same_bits_again():
    q, k, v, g = sample((70, 70), (4, 2))
    out, lse, _ = expected(q, k, v, g)
    first, second = (gradients(q, k, v, g, out, lse) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        assert a.tobytes() == b.tobytes()


# ---- choices


def test_what_descriptors_can_fetch():
    x = np.zeros((2, 3, 8, 16), HALF)
    fits = buffer(x)
    assert describable("sm_90", fits) and describable("sm_100", fits, fits)
    assert not describable("sm_80", fits) and not describable("gfx942", fits)
    assert not describable("sm_90", fits, buffer(x.astype(SINGLE)))
    assert not describable("sm_90", buffer(x[..., 1:]))  # starts at 2 bytes
    assert not describable("sm_90", buffer(x[..., ::2])) and not describable(
        "sm_90", buffer(x.swapaxes(2, 3))
    )
    assert not describable("sm_90", buffer(np.broadcast_to(x[:1], x.shape)))
    assert not describable("sm_90", buffer(x[:0]))
    assert describable("sm_90", buffer(x[:1].swapaxes(0, 1)[:, :, :, :8]))
    single = buffer(np.zeros((1, 1, 5, 24), HALF)[:, :, ::2])
    assert describable("sm_90", single)
    assert tiles(single, 32, 32).strides == [8, 8, 48, 1]


def test_tiles_fit_what_rows_are_padded_to():
    for architecture, kind in TABLES:
        for width in (16, 64, 128, 256, 512):
            for stage in (FOR_KEYS, FOR_QUERIES):
                for plain in (False, True):
                    tile = choose_backward(architecture, kind, width, stage, plain)
                    assert MOST_QUERIES % tile.queries == 0
                    if not plain:
                        assert tile == choose(architecture, kind, width, stage)
    assert choose_backward("sm_90", "half", 128, FOR_KEYS, True).queries == 64
    for width in (16, 64, 128, 512, 1024):
        assert MOST_QUERIES % rows_of_delta(width) == 0


def test_heads_that_share_the_cache_start_together():
    assert heads_together(False, 64, 1 << 20) == 1
    assert heads_together(True, 64, 1 << 20) == 16
    assert heads_together(True, 8, 1 << 20) == 8
    assert heads_together(True, 8, 1 << 30) == 1
    assert heads_together(True, 8, 0) == 8


@pytest.mark.parametrize(("heads", "together"), [(5, 2), (6, 6), (3, 1), (4, 3)])
def test_every_block_of_every_head_has_one_program(heads, together, monkeypatch):
    """Groups of heads need not divide the heads: what a program missed would stay NaN."""
    monkeypatch.setattr(gradient, "heads_together", lambda causal, all_heads, size: together)
    check(*sample((70, 70), (heads, heads)), causal=True)


def test_a_call_is_three_launches_and_one_workspace(monkeypatch):
    calls = []
    for name in ("launch", "empty"):
        original = getattr(gradient, name)
        monkeypatch.setattr(
            gradient, name, lambda *a, _n=name, _f=original, **k: (calls.append(_n), _f(*a, **k))[1]
        )
    check(*sample((20, 20)))
    assert sorted(calls) == ["empty", "launch", "launch", "launch"]
