"""varlen_attn against attention written out for each query, its gradients, and what it refuses."""

from __future__ import annotations

import inspect
import itertools
import math
from typing import Any

import numpy as np
import pytest

import tritonnn as torch
from tritonnn.nn.attention.varlen import AuxRequest, varlen_attn, varlen_attn_out

QUERIES, KEYS = (0, 2, 2, 7, 10), (0, 3, 4, 8, 8)
WINDOWS = [(-1, -1), (-1, 0), (1, 0), (0, 2), (-1, 1), (2, -1)]


def limits(numbers: Any, device: str = "cpu") -> Any:
    return torch.tensor(numbers, dtype=torch.int32, device=device)


def data(device: str = "cpu", heads: int = 2, dtype: Any = torch.float64) -> list[Any]:
    rng = np.random.default_rng(0)
    shapes = ((QUERIES[-1], 2 * heads // 2, 4), (KEYS[-1], 2, 4), (KEYS[-1], 2, 3))
    return [torch.from_numpy(rng.normal(size=shape)).to(device, dtype) for shape in shapes]


def defined(q: Any, k: Any, v: Any, queries: Any, keys: Any, window: tuple[int, int], scale: float) -> Any:
    """One query after another, over the keys that its window leaves."""
    q, k, v = (t.detach().cpu().double().numpy() for t in (q, k, v))
    out, lse = np.zeros((*q.shape[:2], v.shape[2])), np.full(q.shape[1::-1], -np.inf)
    group = q.shape[1] // k.shape[1]
    for (a, b), (c, d) in zip(itertools.pairwise(queries), itertools.pairwise(keys)):
        for i in range(a, b):
            own = d - (b - i)  # the last query's is the last key
            seen = [
                j for j in range(c, d)
                if (window[0] < 0 or j >= own - window[0]) and (window[1] < 0 or j <= own + window[1])
            ]  # fmt: skip
            for h in range(q.shape[1] if seen else 0):
                s = k[seen, h // group] @ q[i, h] * scale
                lse[h, i] = np.log(np.exp(s).sum())
                out[i, h] = np.exp(s - lse[h, i]) @ v[seen, h // group]
    return out, lse


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("window", WINDOWS)
def test_values(window: Any, device: str) -> None:
    heads = 4 if window[0] == 1 else 2
    q, k, v = data(device, heads, torch.float32)
    scale = None if window[1] else 0.7
    out, lse = varlen_attn(
        q, k, v, limits(QUERIES, device), limits(KEYS, device), 5, 4, return_aux=AuxRequest(True), scale=scale,
        window_size=window, enable_gqa=heads == 4,
    )  # fmt: skip
    wanted, sums = defined(q, k, v, QUERIES, KEYS, window, scale or 1 / math.sqrt(4))
    np.testing.assert_allclose(out.cpu().numpy(), wanted, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(lse.cpu().numpy(), sums, rtol=1e-4, atol=1e-5)
    written = torch.zeros_like(out)
    given = (q, k, v, limits(QUERIES, device), limits(KEYS, device), 5, 4)
    assert varlen_attn_out(written, *given, window_size=window, scale=scale, enable_gqa=heads == 4) is written
    assert torch.equal(written, out)


@pytest.mark.parametrize("window", WINDOWS[:3])
def test_gradients(window: Any) -> None:
    """Those of one attention over all tokens, whose mask hides what belongs to another sequence; second ones too."""
    seen = torch.zeros(QUERIES[-1], KEYS[-1], dtype=torch.bool)
    for (a, b), (c, d) in zip(itertools.pairwise(QUERIES), itertools.pairwise(KEYS), strict=True):
        for i, j in itertools.product(range(a, b), range(c, d)):
            ahead = j - (i + d - b)
            seen[i, j] = (window[0] < 0 or -ahead <= window[0]) and (window[1] < 0 or ahead <= window[1])
    swap = lambda *given: [t.transpose(0, 1) for t in given]
    whole = lambda *given: swap(torch.nn.functional.scaled_dot_product_attention(*swap(*given), seen))[0]
    parts = lambda *given: varlen_attn(*given, limits(QUERIES), limits(KEYS), 5, 4, window_size=window)
    results = []
    for run in (whole, parts):
        inputs = [t.requires_grad_() for t in data()]
        first = torch.autograd.grad((run(*inputs) ** 2).sum(), inputs, create_graph=True)
        results.append([*first, *torch.autograd.grad(sum((g**2).sum() for g in first), inputs)])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("window", [(-1, -1), (-1, 0)])
def test_some_keys_and_pages(window: Any) -> None:
    q, k, v = data()
    used = (2, 0, 3, 0)
    got = varlen_attn(
        q, k, v, limits(QUERIES), limits(KEYS), 5, 4, seqused_k=limits(used), window_size=window
    )
    picked = [j for (a, _), n in zip(itertools.pairwise(KEYS), used) for j in range(a, a + n)]
    wanted, _ = defined(q, k[picked], v[picked], QUERIES, (0, 2, 2, 5, 5), window, 0.5)
    np.testing.assert_allclose(got.numpy(), wanted, rtol=1e-6)
    pages = [t.reshape(4, 2, 2, -1) for t in (k, v)]
    table, used = [[3, 1], [0, 0], [2, 0], [1, 1]], (3, 0, 4, 1)
    got = varlen_attn(
        q,
        *pages,
        limits(QUERIES),
        None,
        5,
        4,
        seqused_k=limits(used),
        block_table=limits(table),
        window_size=window,
    )
    picked = [2 * page + j for row, n in zip(table, used) for page in row for j in (0, 1)]
    picked = [picked[4 * i + j] for i, n in enumerate(used) for j in range(n)]
    wanted, _ = defined(q, k[picked], v[picked], QUERIES, (0, 3, 3, 7, 8), window, 0.5)
    np.testing.assert_allclose(got.numpy(), wanted, rtol=1e-6)


def test_no_sequence_at_all() -> None:
    x = torch.ones(0, 2, 3)
    out, lse = varlen_attn(x, x, x, limits([0]), limits([0]), 0, 0, return_aux=AuxRequest(lse=True))
    assert tuple(out.shape) == (0, 2, 3) and tuple(lse.shape) == (2, 0)


REFUSED: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"key": torch.ones(8, 1, 4).double(), "value": torch.ones(8, 1, 4).double()}, ValueError, "same number of heads"),
    ({"key": torch.ones(8, 3, 4).double(), "value": torch.ones(8, 3, 4).double(), "enable_gqa": True}, ValueError,
     "multiple of kv heads"),
    ({"key": torch.ones(8, 2, 5).double()}, RuntimeError, "query has 4 features but key has 5"),
    ({"key": torch.ones(8, 2, 4)}, RuntimeError, "one dtype"),
    ({"query": torch.ones(2, 4)}, RuntimeError, r"expected query \(T, H, E\)"),
    ({"query": 3}, TypeError, "query must be a Tensor, got int"),
    ({"window_size": (1, 2, 3)}, ValueError, "window_size must have length 2, got 3"),
    ({"cu_seq_q": torch.tensor(QUERIES)}, RuntimeError, "cu_seq_q must be int32"),
    ({"cu_seq_q": limits([0, 3, 2, 8, 10])}, RuntimeError, "cu_seq_q must rise from 0 to 10"),
    ({"cu_seq_k": limits([0, 3, 4, 8, 9])}, RuntimeError, "cu_seq_k must rise from 0 to 8"),
    ({"cu_seq_k": limits([0, 3, 4, 8])}, RuntimeError, "4 sequences of queries but 3 of keys"),
    ({"cu_seq_k": None}, RuntimeError, "cu_seq_k may be None only with block_table"),
    ({"max_q": 4}, RuntimeError, "cu_seq_q has a sequence of more than max_q=4"),
    ({"seqused_k": limits([2, 2, 3, 0])}, RuntimeError, r"seqused_k\[1\] is 2, of 1 keys"),
    ({"num_splits": -1}, RuntimeError, "num_splits must be a number from 0 on"),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "error", "words"), REFUSED)
def test_what_is_refused(changed: dict[str, Any], error: type[Exception], words: str) -> None:
    q, k, v = data()
    given = {
        "query": q,
        "key": k,
        "value": v,
        "cu_seq_q": limits(QUERIES),
        "cu_seq_k": limits(KEYS),
        "max_q": 5,
        "max_k": 4,
    }
    with pytest.raises(error, match=words):
        varlen_attn(**{**given, **changed})


def test_no_gradients_of_what_has_none() -> None:
    q, k, v = (t.requires_grad_() for t in data())
    with pytest.raises(RuntimeError, match="seqused_k is an inference-only parameter"):
        varlen_attn(q, k, v, limits(QUERIES), limits(KEYS), 5, 4, seqused_k=limits([1, 1, 1, 0]))
    with pytest.raises(RuntimeError, match="out must be of shape"):
        varlen_attn_out(torch.ones(2), q, k, v, limits(QUERIES), limits(KEYS), 5, 4)


def test_the_signature_of_both() -> None:
    own, written = (list(inspect.signature(f).parameters) for f in (varlen_attn, varlen_attn_out))
    assert written == ["out", *own]
