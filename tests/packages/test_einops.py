"""einops: rearranged, reduced and repeated tensors, products by names of axes, packed lists, and the layers."""

from __future__ import annotations

import einops
import pytest
import torch
from einops.layers.torch import EinMix, Rearrange, Reduce
from torch import nn
from weights import drawn, fill, steps


@pytest.mark.parametrize(
    "pattern, lengths",
    [
        ("b h w c -> b c h w", {}),
        ("b (h p) (w q) c -> b (h w) (p q c)", {"p": 2, "q": 3}),
        ("b h w c -> (b c) h 1 w", {}),
    ],
)
def test_rearranged(expected, pattern, lengths):
    x = drawn("x", 2, 4, 6, 3).requires_grad_()
    y = einops.rearrange(x, pattern, **lengths)
    (y * drawn("grad", *y.shape)).sum().backward()
    expected("y", y)
    expected("grad", x.grad)


@pytest.mark.parametrize("kind", ["mean", "sum", "max", "min", "prod"])
def test_reduced(expected, kind):
    x = drawn("x", 2, 4, 6, 3).requires_grad_()
    y = einops.reduce(x, "b (h p) w c -> b h c", kind, p=2)
    (y * drawn("grad", *y.shape)).sum().backward()
    expected("y", y)
    expected("grad", x.grad)


def test_repeated_multiplied_and_packed(expected):
    x, w = drawn("x", 2, 3), drawn("w", 3, 4)
    expected("repeated", einops.repeat(x, "a b -> a n b", n=2))
    expected("product", einops.einsum(x, w, "batch into, into out -> batch out"))
    packed, shapes = einops.pack([drawn("p", 2, 4, 3), drawn("q", 2, 3), drawn("r", 2, 2, 2, 3)], "b * c")
    expected("packed", packed)
    parts = einops.unpack(packed, shapes, "b * c")
    assert [tuple(part.shape) for part in parts] == [(2, 4, 3), (2, 3), (2, 2, 2, 3)]
    assert torch.equal(parts[1], drawn("q", 2, 3))
    assert einops.parse_shape(packed, "b _ c") == {"b": 2, "c": 3}
    with pytest.raises(einops.EinopsError, match="Wrong shape"):
        einops.rearrange(packed, "a b -> b a")


def test_layers_train(expected):
    model = fill(
        nn.Sequential(
            Rearrange("b c (h p) (w q) -> b (h w) (p q c)", p=2, q=2),
            EinMix("b t c -> b t d", weight_shape="c d", bias_shape="d", c=12, d=8),
            nn.GELU(),
            Reduce("b t d -> b d", "mean"),
            nn.Linear(8, 3),
        )
    )
    x, y = drawn("images", 4, 3, 4, 4), torch.arange(4) % 3
    losses, norms = steps(model, None, 4, forward=lambda m: nn.functional.cross_entropy(m(x), y))
    expected("losses", losses, rtol=1e-5)
    expected("norms", norms)
    scripted = torch.jit.script(model)
    expected("scripted", scripted(x))
