"""EfficientNet, RegNet, ConvNeXt, transformers, videos and flow: published numbers, parts by definition."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

import tritonnn as torch
from tritonnn.vision import models
from tritonnn.vision.models import _windows
from tritonnn.vision.models._patch_merging import _patch_merging_pad
from tritonnn.vision.models.optical_flow import _utils as flow_utils
from tritonnn.vision.models.video import _mvit_attention

COUNTED = (
    "convnext_tiny", "convnext_small", "convnext_base", "convnext_large", "efficientnet_b0", "efficientnet_b1",
    "efficientnet_b2", "efficientnet_b3", "efficientnet_b4", "efficientnet_b5", "efficientnet_b6", "efficientnet_b7",
    "efficientnet_v2_s", "efficientnet_v2_m", "efficientnet_v2_l", "maxvit_t", "mc3_18", "mvit_v1_b", "mvit_v2_s",
    "r2plus1d_18", "r3d_18", "raft_large", "raft_small", "regnet_x_400mf", "regnet_x_800mf", "regnet_x_1_6gf",
    "regnet_x_3_2gf", "regnet_x_8gf", "regnet_x_16gf", "regnet_x_32gf", "regnet_y_400mf", "regnet_y_800mf",
    "regnet_y_1_6gf", "regnet_y_3_2gf", "regnet_y_8gf", "regnet_y_16gf", "regnet_y_32gf", "regnet_y_128gf", "s3d",
    "swin3d_t", "swin3d_s", "swin3d_b", "swin_t", "swin_s", "swin_b", "swin_v2_t", "swin_v2_s", "swin_v2_b",
    "vit_b_16", "vit_b_32", "vit_l_16", "vit_l_32", "vit_h_14",
)  # fmt: skip
#: The numbers of these two are of weights for pictures of 518 pixels, and for 384.
SIZES = {"vit_h_14": {"image_size": 518}}


@pytest.mark.parametrize("name", COUNTED)
def test_as_many_parameters_as_published(name):
    """The metadata of the weights has the number."""
    with torch.device("meta"):
        model = models.get_model(name, **SIZES.get(name, {}))
    assert (
        sum(p.numel() for p in model.parameters())
        == models.get_model_weights(name).DEFAULT.meta["num_params"]
    )


def drawn(*shape: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(5).standard_normal(shape))


@pytest.mark.parametrize("window", [(2, 3), (1, 4), (2, 1, 3)])
def test_windows_are_joined_again(window):
    sizes = [2 * inner if axis else inner for axis, inner in enumerate(window)]
    grid = drawn(2, *sizes, 5)
    parts = _windows.split(grid, window)
    assert parts.shape == (2, 2 ** (len(window) - 1), math.prod(window), 5)
    assert (_windows.join(parts, window, sizes) == grid).all()
    first = grid[(slice(None), *(slice(inner) for inner in window))]
    assert (parts[:, 0] == first.reshape(2, -1, 5)).all()


def attended(
    x: np.ndarray,
    weights: dict[str, np.ndarray],
    window: tuple[int, ...],
    shift: tuple[int, ...],
    heads: int,
    scale: np.ndarray | None,
) -> np.ndarray:
    """Attention of each token of a grid with those of its window, token by token."""
    padded = [size + -size % inner for size, inner in zip(x.shape[:-1], window)]
    grid = np.pad(x, [(0, size - extent) for size, extent in zip(padded, x.shape)] + [(0, 0)])
    qkv = grid @ weights["qkv"].T + weights["qkv_bias"]
    channels = x.shape[-1]
    query, key, value = (part.reshape(*padded, heads, -1) for part in np.split(qkv, 3, axis=-1))
    out = np.zeros((*x.shape[:-1], heads, channels // heads))
    home = {
        place: tuple((p - s) // w for p, s, w in zip(place, shift, window))
        for place in itertools.product(*map(range, padded))
    }
    for place in itertools.product(*map(range, x.shape[:-1])):
        others = [other for other in home if home[other] == home[place]]
        for head in range(heads):
            scores = []
            for other in others:
                q, k = query[place][head], key[other][head]
                if scale is None:
                    score = q @ k / math.sqrt(channels // heads)
                else:
                    lengths = max(np.linalg.norm(q), 1e-12) * max(np.linalg.norm(k), 1e-12)
                    score = q @ k / lengths * min(math.exp(scale[head]), 100)
                row = 0
                for p, o, w in zip(place, other, window):
                    row = row * (2 * w - 1) + p - o + w - 1
                scores.append(score + weights["table"][row, head])
            exponentials = np.exp(np.array(scores) - max(scores))
            out[place][head] = exponentials @ [value[o][head] for o in others] / exponentials.sum()
    return out.reshape(x.shape) @ weights["proj"].T + weights["proj_bias"]


@pytest.mark.parametrize("cosine", [False, True])
@pytest.mark.parametrize(
    "sizes, window, shift",
    [
        ((5, 4), (2, 2), (0, 0)),
        ((5, 4), (2, 2), (1, 1)),
        ((4, 6), (2, 3), (0, 1)),
        ((3, 4, 4), (2, 2, 4), (1, 1, 0)),
    ],
)
def test_attention_token_by_token(sizes, window, shift, cosine):
    heads, channels = 2, 4
    rng = np.random.default_rng(3)
    weights = {
        "qkv": rng.standard_normal((3 * channels, channels)), "qkv_bias": rng.standard_normal(3 * channels),
        "proj": rng.standard_normal((channels, channels)), "proj_bias": rng.standard_normal(channels),
        "table": rng.standard_normal((math.prod(2 * w - 1 for w in window), heads)),
    }  # fmt: skip
    # A score is at most 100, and that of tokens apart 100 less: only one far below keeps them apart.
    scale = np.array([0.5, 3.0 if any(shift) else 6.0]) if cosine else None
    if cosine:
        weights["qkv_bias"][channels : 2 * channels] = 7.0  # which is not used
    x = rng.standard_normal((2, *sizes, channels))
    t = torch.from_numpy
    bias = _windows.looked_up(t(weights["table"]), _windows.bias_index(window))
    got = _windows.attention(
        t(x), t(weights["qkv"]), t(weights["proj"]), bias, window, heads, shift, 0.0, 0.0, t(weights["qkv_bias"]),
        t(weights["proj_bias"]), None if scale is None else t(scale.reshape(heads, 1, 1)), True,
    )  # fmt: skip
    if cosine:
        weights["qkv_bias"][channels : 2 * channels] = 0.0
    for one, grid in zip(got, x):
        np.testing.assert_allclose(
            np.asarray(one), attended(grid, weights, window, shift, heads, scale), atol=1e-9
        )


def test_merged_patches():
    """A column of two tokens is one behind the other; what is missing is zero."""
    x = drawn(2, 3, 4, 5)
    merged = np.asarray(_patch_merging_pad(x)).reshape(2, 2, 2, 4, 5)
    for i, (row, column) in enumerate(((0, 0), (1, 0), (0, 1), (1, 1))):
        np.testing.assert_array_equal(merged[:, 0, 1, i], np.asarray(x)[:, row, 2 + column])
    assert (merged[:, 1, :, 1] == 0).all() and (merged[:, 1, :, 3] == 0).all()


@pytest.mark.parametrize("queries, keys", [(4, 4), (4, 2), (2, 6), (1, 3)])
def test_relative_positions_of_pooled_tokens(queries, keys):
    """Distances are counted in the finer of the two grids."""
    table = drawn(2 * max(queries, keys) - 1, 3)
    got = np.asarray(_mvit_attention._relative(table, queries, keys))
    for q, k in itertools.product(range(queries), range(keys)):
        row = q * max(keys // queries, 1) - (k - keys + 1) * max(queries // keys, 1)
        np.testing.assert_array_equal(got[q, k], np.asarray(table)[row])


def test_lookups_of_flow_at_whole_pixels():
    """What is found around a place are products of features, averaged over 2 x 2 at the second size."""
    block = models.optical_flow.raft.CorrBlock(num_levels=2, radius=1)
    one, other = drawn(1, 4, 4, 6).float(), drawn(1, 4, 4, 6).float() + 1
    block.build_pyramid(one, other)
    found = np.asarray(block.index_pyramid(flow_utils.make_coords_grid(1, 4, 6)))[0]
    products = np.einsum("cyx,cvu->yxvu", np.asarray(one)[0], np.asarray(other)[0]) / 2
    coarse = products.reshape(4, 6, 2, 2, 3, 2).mean(axis=(3, 5))
    for i, (dx, dy) in enumerate(itertools.product((-1, 0, 1), (-1, 0, 1))):
        assert found[i, 1, 2] == pytest.approx(products[1, 2, 1 + dy, 2 + dx], rel=1e-4)
        place = (1 + dy, 1 + dx)
        if place[0] < 2:
            assert found[9 + i, 2, 2] == pytest.approx(coarse[2, 2, place[0], place[1]], rel=1e-4)


def test_enlarged_flow_of_one_neighbour():
    """Where all weight is on the left neighbour the flow is that, times the factor."""
    flow = drawn(1, 2, 3, 4).float()
    mask = torch.zeros(1, 9, 4, 3, 4)
    mask[:, 3] = 1e4
    got = np.asarray(flow_utils.upsample_flow(flow, mask.reshape(1, 36, 3, 4), factor=2))
    left = np.pad(np.asarray(flow), [(0, 0), (0, 0), (0, 0), (1, 0)])[..., :-1]
    np.testing.assert_allclose(got, 2 * left.repeat(2, axis=2).repeat(2, axis=3), rtol=1e-6)


def test_widths_of_regnet_follow_the_line():
    """The published widths and depths of RegNetY-400MF and RegNetX-3.2GF."""
    params = models.regnet.BlockParams.from_init_params(16, 48, 27.89, 2.09, 8)
    assert (params.widths, params.depths) == ([48, 104, 208, 440], [1, 3, 6, 6])
    params = models.regnet.BlockParams.from_init_params(25, 88, 26.31, 2.25, 48)
    assert (params.widths, params.depths) == ([96, 192, 432, 1008], [2, 6, 15, 2])


def test_convnext_refuses_what_it_does_not_know():
    with pytest.raises(TypeError, match="colour"):
        models.convnext_tiny(colour="red")


def small_networks() -> dict[str, Any]:
    conf = models.video.mvit.MSBlockConfig
    kernel, once = [3, 3, 3], [1, 1, 1]
    blocks = [conf(1, 4, 8, kernel, kernel, once, [1, 2, 2]), conf(2, 8, 8, kernel, kernel, [1, 2, 2], once)]
    swin = models.swin_transformer
    v2 = {"block": swin.SwinTransformerBlockV2, "downsample_layer": swin.PatchMergingV2}
    return {
        "swin": (lambda: models.SwinTransformer([2, 2], 4, [2, 1], [1, 2], [2, 2], num_classes=3), (1, 3, 8, 6)),
        "swin v2": (lambda: models.SwinTransformer([2, 2], 4, [2], [2], [2, 2], num_classes=3, **v2), (1, 3, 8, 6)),
        "mvit": (
            lambda: models.video.MViT((16, 16), 4, blocks, True, False, True, True, num_classes=3),
            (1, 3, 4, 16, 16),
        ),
        "vit": (lambda: models.VisionTransformer(8, 4, 1, 2, 8, 8, num_classes=3), (1, 3, 8, 8)),
    }  # fmt: skip


@pytest.mark.parametrize("device", ["cuda"])
@pytest.mark.parametrize(
    "name",
    ["vit", *(pytest.param(name, marks=pytest.mark.exhaustive) for name in ("swin", "swin v2", "mvit"))],
)
def test_networks_on_the_gpu(name, device):
    build, shape = small_networks()[name]
    torch.manual_seed(3)
    model = build().eval()
    x = drawn(*shape).float()
    wanted = model(x)
    wanted.sum().backward()
    gradients = [None if p.grad is None else np.asarray(p.grad) for p in model.parameters()]
    model.zero_grad()
    got = model.to(device)(x.to(device))
    np.testing.assert_allclose(
        np.asarray(got.detach().cpu()), np.asarray(wanted.detach()), rtol=1e-3, atol=1e-5
    )
    got.sum().backward()
    for (key, p), gradient in zip(model.named_parameters(), gradients):
        if gradient is not None:
            largest = max(np.abs(gradient).max(), 1e-3)
            assert np.abs(np.asarray(p.grad.cpu()) - gradient).max() < 1e-3 * largest, key


@pytest.mark.parametrize("name", models.list_models(include="efficientnet*"))
def test_dropout_of_an_efficientnet_can_be_chosen(name):
    with torch.device("meta"):
        assert models.get_model(name, dropout=0.45).classifier[0].p == 0.45


@pytest.mark.parametrize("name", ["raft_large", "raft_small"])
@pytest.mark.parametrize(
    "part", ["feature_encoder", "context_encoder", "corr_block", "update_block", "mask_predictor"]
)
def test_parts_of_raft_can_be_chosen(name, part):
    with torch.device("meta"):
        usual = models.get_model(name)
        chosen = getattr(models.get_model("raft_large"), part)
        assert getattr(models.get_model(name, **{part: chosen}), part) is chosen
        kept = getattr(models.get_model(name, **{part: None}), part)
    assert type(kept) is type(getattr(usual, part))
