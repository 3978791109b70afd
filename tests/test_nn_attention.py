"""MultiheadAttention, transformer layers, adaptive softmax."""

from __future__ import annotations

import math

import pytest

import tritonnn as torch

nn = torch.nn


def same(a, b, tolerance=1e-5):
    return a.shape == b.shape and float((a - b).abs().max()) <= tolerance


def test_one_head_by_hand():
    layer = nn.MultiheadAttention(2, 1, bias=False)
    with torch.no_grad():
        layer.in_proj_weight.copy_(torch.eye(2).repeat(3, 1))
        layer.out_proj.weight.copy_(torch.eye(2))
    q, kv = torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[2.0, 0.0]], [[0.0, 4.0]]])
    output, weights = layer(q, kv, kv)
    share = 1 / (1 + math.exp(-2 / math.sqrt(2)))
    assert weights.flatten().tolist() == pytest.approx([share, 1 - share])
    assert output.flatten().tolist() == pytest.approx([2 * share, 4 * (1 - share)])


@pytest.mark.parametrize("batch_first", [False, True])
def test_weights_and_fused_attention_agree(batch_first):
    layer = nn.MultiheadAttention(8, 2, batch_first=batch_first)
    x = torch.randn(4, 3, 8)
    output, weights = layer(x, x, x)
    length, batch = (3, 4) if batch_first else (4, 3)
    assert weights.shape == (batch, length, length) and same(weights.sum(-1), torch.ones(batch, length))
    fused, none = layer(x, x, x, need_weights=False)
    assert none is None and same(output, fused)
    assert layer(x, x, x, average_attn_weights=False)[1].shape == (batch, 2, length, length)


def test_query_and_shared_key_value_have_projections_of_their_own():
    layer = nn.MultiheadAttention(4, 2)
    q, kv = torch.randn(3, 2, 4), torch.randn(5, 2, 4)
    assert same(layer(q, kv, kv)[0], layer(q, kv, kv.clone())[0])
    assert same(layer(q, q, q)[0], layer(q, q.clone(), q.clone())[0])


def test_masks():
    layer = nn.MultiheadAttention(4, 2)
    x = torch.randn(3, 2, 4)
    hidden = torch.tensor([[False, True, False], [False, False, True]])
    _, weights = layer(x, x, x, key_padding_mask=hidden)
    assert float(weights[0, :, 1].abs().max()) == 0 and float(weights[1, :, 2].abs().max()) == 0
    causal = nn.Transformer.generate_square_subsequent_mask(3)
    _, weights = layer(x, x, x, attn_mask=causal)
    assert bool((weights.triu(1) == 0).all())
    explicit = layer(x, x, x, attn_mask=causal, need_weights=False)[0]
    assert same(explicit, layer(x, x, x, attn_mask=causal, is_causal=True, need_weights=False)[0])
    assert same(explicit, layer(x, x, x, attn_mask=causal == -math.inf, need_weights=False)[0])
    per_head = (causal == -math.inf).expand(4, 3, 3)
    assert same(explicit, layer(x, x, x, attn_mask=per_head)[0])
    both = layer(x, x, x, attn_mask=causal == -math.inf, key_padding_mask=hidden)
    assert same(both[0], layer(x, x, x, hidden, False, causal == -math.inf)[0])


def test_unbatched():
    layer = nn.MultiheadAttention(4, 2)
    x = torch.randn(3, 4)
    output, weights = layer(x, x, x)
    batched = layer(x.unsqueeze(1), x.unsqueeze(1), x.unsqueeze(1))
    assert same(output, batched[0].squeeze(1)) and same(weights, batched[1].squeeze(0))


def test_appended_keys():
    layer = nn.MultiheadAttention(4, 2, add_bias_kv=True, add_zero_attn=True, kdim=3, vdim=5)
    output, weights = layer(torch.randn(2, 3, 4), torch.randn(6, 3, 3), torch.randn(6, 3, 5))
    assert output.shape == (2, 3, 4) and weights.shape == (3, 2, 8)
    assert list(layer.state_dict()) == [
        "q_proj_weight", "k_proj_weight", "v_proj_weight", "in_proj_bias", "bias_k", "bias_v", "out_proj.weight",
        "out_proj.bias",
    ]  # fmt: skip
    hidden = torch.ones(3, 6, dtype=torch.bool)
    _, weights = layer(
        torch.randn(2, 3, 4), torch.randn(6, 3, 3), torch.randn(6, 3, 5), key_padding_mask=hidden
    )
    assert float(weights[..., :6].abs().max()) == 0 and same(weights[..., 6:].sum(-1), torch.ones(3, 2))


@pytest.mark.parametrize(
    ("shapes", "options", "error", "text"),
    [
        (
            ((3, 2, 6), (3, 2, 4), (3, 2, 4)),
            {},
            AssertionError,
            "expecting embedding dimension of 4, but got 6",
        ),
        (((3, 2, 4), (3, 4), (3, 4)), {}, AssertionError, "expected `key` and `value` to be 3-D"),
        (((4,), (4,), (4,)), {}, AssertionError, "unbatched 2D or batched 3D tensor but received 1-D"),
        (((3, 2, 4), (5, 2, 4), (4, 2, 4)), {}, AssertionError, "does not match value shape"),
        (
            ((3, 2, 4),) * 3,
            {"attn_mask": (2, 3)},
            RuntimeError,
            "shape of the 2D attn_mask is .* but should be",
        ),
        (((3, 2, 4),) * 3, {"attn_mask": (2, 3, 3)}, RuntimeError, "shape of the 3D attn_mask"),
        (
            ((3, 2, 4),) * 3,
            {"key_padding_mask": (3, 3)},
            AssertionError,
            r"Expected key_padded_mask.shape\[0\] to be 2, but got 3",
        ),
        (
            ((3, 2, 4),) * 3,
            {"is_causal": True},
            RuntimeError,
            "Need attn_mask if specifying the is_causal hint",
        ),
    ],
)
def test_shapes_that_do_not_fit(shapes, options, error, text):
    layer = nn.MultiheadAttention(4, 2)
    options = {k: torch.zeros(v) if isinstance(v, tuple) else v for k, v in options.items()}
    with pytest.raises(error, match=text):
        layer(*[torch.ones(shape) for shape in shapes], **options)


# ---- transformer ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("norm_first", [False, True])
def test_encoder_layer_is_made_of_its_parts(norm_first):
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, norm_first=norm_first)
    x = torch.randn(5, 3, 8)

    def attend(y):
        return layer.self_attn(y, y, y)[0]

    def feed(y):
        return layer.linear2(layer.linear1(y).relu())

    if norm_first:
        y = x + attend(layer.norm1(x))
        wanted = y + feed(layer.norm2(y))
    else:
        y = layer.norm1(x + attend(x))
        wanted = layer.norm2(y + feed(y))
    assert same(layer(x), wanted)


def test_stacks_are_independent_copies():
    layer = nn.TransformerEncoderLayer(8, 2, 16)
    stack = nn.TransformerEncoder(layer, 2, nn.LayerNorm(8))
    assert len(list(stack.parameters())) == 2 * len(list(layer.parameters())) + 2
    assert stack.layers[0].linear1.weight is not stack.layers[1].linear1.weight
    assert stack(torch.ones(5, 3, 8)).shape == (5, 3, 8)


def test_causal_mask_hides_the_future():
    model = nn.Transformer(8, 2, 1, 1, 16, dropout=0.0)
    source, target = torch.randn(3, 1, 8), torch.randn(4, 1, 8)
    mask = model.generate_square_subsequent_mask(4)
    whole = model(source, target, tgt_mask=mask)
    start = model(source, target[:2], tgt_mask=mask[:2, :2])
    assert same(whole[:2], start, 1e-4)
    assert same(whole, model(source, target, tgt_mask=mask, tgt_is_causal=True), 1e-4)


def test_batch_first_transposes():
    model = nn.Transformer(8, 2, 1, 1, 16, dropout=0.0)
    other = nn.Transformer(8, 2, 1, 1, 16, dropout=0.0, batch_first=True)
    other.load_state_dict(model.state_dict())
    source, target = torch.randn(3, 2, 8), torch.randn(4, 2, 8)
    wanted = model(source, target).transpose(0, 1)
    assert same(other(source.transpose(0, 1), target.transpose(0, 1)), wanted)


def test_transformer_refuses():
    model = nn.Transformer(8, 2, 1, 1, 16)
    with pytest.raises(RuntimeError, match="batch number of src and tgt must be equal"):
        model(torch.ones(3, 2, 8), torch.ones(3, 1, 8))
    with pytest.raises(RuntimeError, match="feature number of src and tgt must be equal to d_model"):
        model(torch.ones(3, 2, 8), torch.ones(3, 2, 4))
    with pytest.raises(RuntimeError, match="activation should be relu/gelu, not tanh"):
        nn.TransformerEncoderLayer(8, 2, activation="tanh")


# ---- adaptive softmax -----------------------------------------------------------------------------------


def test_adaptive_softmax_is_a_distribution():
    model = nn.AdaptiveLogSoftmaxWithLoss(8, 12, [3, 7], div_value=2.0, head_bias=True)
    x, y = torch.randn(6, 8), torch.tensor([0, 2, 3, 6, 7, 11])
    output, loss = model(x, y)
    table = model.log_prob(x)
    assert table.shape == (6, 12) and same(table.exp().sum(1), torch.ones(6))
    assert same(output, table.gather(1, y.unsqueeze(1)).squeeze(1))
    assert same(loss, -output.mean())
    assert model.predict(x).tolist() == table.argmax(1).tolist()
    assert same(model(x[0], y[0]).output, output[0])
    loss.backward()
    assert all(p.grad is not None for p in model.parameters())


@pytest.mark.parametrize(
    ("x", "y", "text"),
    [
        ((3, 8), [0, 1], "same size in the batch dimension"),
        ((8,), [0], "same size in the batch|expects 2D input"),
        ((3, 8), [0, 1, 12], r"should be in \[0, 11\], but values in range \[0, 12\]"),
        ((3, 8), [[0], [1], [2]], "0D or 1D target tensor expected"),
    ],
)
def test_adaptive_softmax_refuses(x, y, text):
    with pytest.raises(RuntimeError, match=text):
        nn.AdaptiveLogSoftmaxWithLoss(8, 12, [3, 7], 2.0)(torch.randn(x), torch.tensor(y))
