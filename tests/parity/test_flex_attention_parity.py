"""flex_attention and block masks as PyTorch: results, pictures, lists of blocks, refusals, names."""

from __future__ import annotations

import importlib
import math
from typing import Any

import numpy as np
import pytest
import torch as reference
from torch.nn.attention import flex_attention as theirs

import tritonnn as torch
from tritonnn.nn.attention import flex_attention as mine

pytestmark = pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
PAIRS = ((torch, mine), (reference, theirs))


def causal(b: Any, h: Any, q: Any, k: Any) -> Any:
    return q >= k


MASKS: dict[str, Any] = {
    "causal": causal,
    "window": lambda b, h, q, k: (q - k < 40) & (k - q < 9),
    "by head and batch": lambda b, h, q, k: (q + 30 * h >= k) | (b == 1),
    "nothing": lambda b, h, q, k: q < 0,
    "everything": lambda b, h, q, k: q >= 0,
}
SIZES: list[Any] = [
    ((2, 3, 300, 500), {}),
    ((None, None, 256, 256), {"BLOCK_SIZE": (64, 128)}),
    ((1, 1, 300, 400), {"BLOCK_SIZE": 100, "separate_full_blocks": False}),
    ((2, 1, 30, 25), {"BLOCK_SIZE": 4}),
]


def plain(part: Any) -> Any:
    return part.tolist() if hasattr(part, "tolist") else part


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize(("args", "kwargs"), SIZES)
def test_block_masks(name, args, kwargs):
    def seen(library: Any, flex: Any) -> list[Any]:
        mask = flex.create_block_mask(MASKS[name], *args, device="cpu", **kwargs)
        picked = library.tensor([0])
        parts = [
            mask,
            mask[0],
            mask[:, -1:],
            mask[0, 0, 1:3],
            mask[:, 0:1, picked],
            mask.to("cpu"),
        ]
        return [
            *(str(part) for part in parts), *(repr(part) for part in parts), mask.shape, mask.numel(), mask.sparsity(),
            mask.to_string((3, 2)), mask.to_string(-1, 2), mask.to_string(5, limit=1), plain(mask.to_dense()),
            *([plain(x) for x in part.as_tuple()[:-1]] for part in parts), len(mask.as_tuple(False)),
        ]  # fmt: skip

    for a, b in zip(seen(*PAIRS[0]), seen(*PAIRS[1]), strict=True):
        assert a == b


def test_cropped_masks():
    """What lies behind the counts of a cropped list is left open."""
    results = []
    for _, flex in PAIRS:
        mask = flex.create_block_mask(causal, 2, 1, 300, 500, "cpu")._adjust(200, 128)
        results.append(
            [
                mask.shape,
                mask.sparsity(),
                *map(plain, (mask.kv_num_blocks, mask.full_kv_num_blocks, mask.q_num_blocks)),
            ]
        )
    assert results[0] == results[1]


MODS: dict[str, Any] = {
    "none": None,
    "alibi": lambda s, b, h, q, k: s + (k - q) * (h + 1) * 0.1,
    "causal": lambda s, b, h, q, k: s.masked_fill(q < k, -math.inf),
    "capped": lambda s, b, h, q, k: (s / 3).tanh() * 3,
}


@pytest.mark.parametrize(
    ("mod", "mask", "dtype"),
    [
        ("none", None, "float32"), ("alibi", None, "float32"), ("capped", "causal", "float64"),
        ("causal", "nothing", "float32"), ("alibi", "by head and batch", "float64"), ("none", "nothing", "float64"),
    ],
)  # fmt: skip
def test_results(mod, mask, dtype):
    rng, results = np.random.default_rng(2), []
    data = [rng.normal(size=size).astype(dtype) for size in ((2, 4, 5, 8), (2, 2, 7, 8), (2, 2, 7, 3))]
    for library, flex in PAIRS:
        blocks = None if mask is None else flex.create_block_mask(MASKS[mask], 2, 4, 5, 7, "cpu")
        q, k, v = (library.from_numpy(x) for x in data)
        out, aux = flex.flex_attention(
            q, k, v, MODS[mod], blocks, 0.4, True, return_aux=flex.AuxRequest(lse=True)
        )
        results.append((out.numpy(), aux.lse.numpy()))
    for a, b in zip(*results, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


REFUSED = """
x.flex_attention(q, k[:, :2], v[:, :2])
x.flex_attention(q, k[:, :3], v[:, :3], enable_gqa=True)
x.flex_attention(q[0], k[0], v[0])
x.flex_attention(q, k[..., :8], v)
x.flex_attention(q, k, v[:, :, :4])
x.flex_attention(q[:1], k, v)
x.flex_attention(q, k[:1], v[:1])
x.flex_attention(q, k, v, block_mask=x.create_block_mask(causal, 2, 4, 300, 500, 'cpu'))
x.flex_attention(q, k, v, block_mask=x.create_block_mask(causal, 1, 1, 3, 7, 'cpu'))
x.flex_attention(q, k, v, return_lse=True, return_aux=x.AuxRequest())
x.create_mask(lambda a: a, 1, 1, 3, 4, 'cpu')
x.create_mask(lambda *a: a[0], 1, 1, 3, 4, 'cpu')
x.create_mask(lambda b, h, q, k: True, 1, 1, 3, 4, 'cpu')
x.create_mask(lambda b, h, q, k: t.ones(2)[q.item():], 1, 1, 3, 4, 'cpu')
x.create_block_mask(3, 1, 1, 3, 4, 'cpu')
x.create_block_mask(lambda s, b, h, q, k: s, 1, 1, 3, 4, 'cpu')
x.create_block_mask(causal, 1, 1, 3, 4, 'cpu', 0)
x.and_masks(causal, 3)
x.or_masks(None)
x.BlockMask.from_kv_blocks(t.ones(2).int(), t.zeros(2).int())
x.BlockMask.from_kv_blocks(t.ones(1, 1, 2).int(), t.zeros(1, 1, 2, 3).int(), t.ones(1, 1, 2).int())
"""


@pytest.mark.parametrize("call", REFUSED.strip().splitlines())
def test_refusals(call):
    raised = []
    for t, x in PAIRS:
        q, k, v = (t.ones(2, 4, n, 16) for n in (5, 7, 7))
        with pytest.raises(Exception) as error:
            eval(call, {"t": t, "x": x, "q": q, "k": k, "v": v, "causal": causal})
        raised.append(error.type)
    assert issubclass(*raised), raised


@pytest.mark.parametrize("name", ["flex_attention", "bias"])
def test_names(name):
    a, b = (
        importlib.import_module(f"{library.__name__}.nn.attention.{name}") for library in (torch, reference)
    )
    assert sorted(a.__all__) == sorted(b.__all__)
    if name == "flex_attention":
        public = {n for n in dir(b.BlockMask) if n[0] != "_"}
        assert public <= set(dir(a.BlockMask))
        assert set(a.FlexKernelOptions.__annotations__) == set(b.FlexKernelOptions.__annotations__)
