"""x-transformers: a decoder that is trained and generates, an encoder of pictures, attention by the fused function."""

from __future__ import annotations

import io

import pytest
import torch
from torch import nn
from weights import drawn, fill
from x_transformers import AutoregressiveWrapper, Decoder, Encoder, TransformerWrapper, ViTransformerWrapper

TOKENS = torch.arange(24).view(2, 12) % 20


def _trained(expected, model, loss_of):
    optimizer = torch.optim.AdamW(fill(model).parameters(), lr=1e-2)
    losses = []
    for _ in range(3):
        optimizer.zero_grad()
        loss = loss_of(model)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    expected("losses", losses)
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    model.load_state_dict(torch.load(file))
    expected("after loading", loss_of(model.eval()))


@pytest.mark.parametrize(
    "options",
    [
        {"rotary_pos_emb": True, "ff_glu": True, "use_rmsnorm": True},
        {"attn_flash": True, "alibi_pos_bias": True, "alibi_num_heads": 1},
        {"rel_pos_bias": True, "attn_one_kv_head": True, "ff_relu_squared": True},
    ],
    ids=["rotary", "flash", "relative"],
)
def test_a_decoder(expected, options):
    layers = Decoder(dim=16, depth=2, heads=2, attn_dim_head=8, **options)
    model = AutoregressiveWrapper(TransformerWrapper(num_tokens=20, max_seq_len=16, attn_layers=layers))
    _trained(expected, model, lambda model: model(TOKENS))
    expected("generated", model.generate(TOKENS[:, :3], 5, temperature=0.0))


def test_an_encoder_of_pictures(expected):
    layers = Encoder(dim=16, depth=2, heads=2)
    model = ViTransformerWrapper(image_size=8, patch_size=4, num_classes=3, attn_layers=layers)
    pictures, classes = drawn("pictures", 2, 3, 8, 8), torch.tensor([0, 2])
    _trained(expected, model, lambda model: nn.functional.cross_entropy(model(pictures), classes))
