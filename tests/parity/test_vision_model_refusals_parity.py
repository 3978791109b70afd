"""What the newer networks refuse, in torchvision's words; and positions made to fit another size of picture."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
import torch as reference
from reference_vision import torchvision
from vision_small import SMALL
from vision_weights import assert_near, state_of, tensor_of

import tritonnn as torch
from tritonnn.vision import models as ours

theirs = torchvision.models

REFUSED: dict[str, tuple[type[Exception], Any]] = {
    "no stages": (ValueError, lambda m, t: m.EfficientNet([], 0.1)),
    "no configurations": (TypeError, lambda m, t: m.EfficientNet([(1, 3, 1, 8, 8, 1)], 0.1)),
    "arch": (ValueError, lambda m, t: m.efficientnet._efficientnet_conf("efficientnet_v9")),
    "stride": (
        ValueError,
        lambda m, t: m.EfficientNet([m.efficientnet.MBConvConfig(1, 3, 3, 8, 8, 1)], 0.1),
    ),
    "norm given twice": (TypeError, lambda m, t: m.efficientnet_v2_s(norm_layer=None)),
    "regnet": (ValueError, lambda m, t: m.regnet.BlockParams.from_init_params(4, 12, 8.0, 2.0, 8)),
    "no blocks": (ValueError, lambda m, t: m.ConvNeXt([])),
    "no block configurations": (TypeError, lambda m, t: m.ConvNeXt([(8, 16, 1)])),
    "patches": (AssertionError, lambda m, t: m.VisionTransformer(17, 4, 1, 2, 8, 8)),
    "height": (AssertionError, lambda m, t: SMALL["vit"][0](m)(t(np.zeros((1, 3, 12, 16), np.float32)))),
    "width": (AssertionError, lambda m, t: SMALL["vit"][0](m)(t(np.zeros((1, 3, 16, 12), np.float32)))),
    "tokens": (AssertionError, lambda m, t: SMALL["vit"][0](m).encoder(t(np.zeros((3, 8), np.float32)))),
    "windows": (ValueError, lambda m, t: m.swin_transformer.ShiftedWindowAttention(8, [2], [1], 2)),
    "partition": (ValueError, lambda m, t: m.MaxVit((36, 32), 8, 2, [8], [1], 4, 0.0)),
    "heads": (ValueError, lambda m, t: m.MaxVit((32, 32), 8, 2, [8], [1], 3, 0.0)),
    "partition type": (
        ValueError,
        lambda m, t: m.maxvit.PartitionAttentionLayer(8, 4, 2, "row", (8, 8), 4, None, None, 0.0, 0.0, 0.0),
    ),
    "video blocks": (
        ValueError, lambda m, t: m.video.MViT((32, 32), 4, [], False, False, False, False),
    ),
    "video dimensions": (
        ValueError, lambda m, t: SMALL["mvit"][0](m)(t(np.zeros((3, 32, 32), np.float32))),
    ),
    "video windows": (
        ValueError, lambda m, t: m.video.swin_transformer.ShiftedWindowAttention3d(8, [2, 2], [1, 1], 2),
    ),
    "classes": (ValueError, lambda m, t: m.vit_b_32(weights="DEFAULT", num_classes=7)),
    "size": (ValueError, lambda m, t: m.vit_b_32(weights="DEFAULT", image_size=32)),
    "other weights": (TypeError, lambda m, t: m.swin_t(weights=m.Swin_S_Weights.DEFAULT)),
    "absent weights": (KeyError, lambda m, t: m.maxvit_t(weights="IMAGENET1K_V7")),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    kind, call = REFUSED[name]
    messages = []
    for m, library in ((theirs, reference), (ours, torch)):
        with pytest.raises(kind) as refusal:
            call(m, library.from_numpy)
        messages.append(str(refusal.value).split("() got")[-1])
    assert messages[0] == messages[1]


def states(key: str | None = None, shape: tuple[int, ...] = ()) -> tuple[Any, Any]:
    arrays = state_of(SMALL["vit"][0](ours))
    if key is not None:
        arrays[key] = np.zeros(shape, np.float32)
    return tuple(
        OrderedDict((key, tensor_of(value, library)) for key, value in arrays.items())
        for library in (reference, torch)
    )


@pytest.mark.parametrize("mode", ["bicubic", "bilinear"])
@pytest.mark.parametrize("reset_heads", [False, True])
@pytest.mark.parametrize("image_size", [16, 24, 8])
def test_interpolated_embeddings(image_size, reset_heads, mode):
    before, mine = states()
    wanted = theirs.vision_transformer.interpolate_embeddings(image_size, 4, before, mode, reset_heads)
    got = ours.vision_transformer.interpolate_embeddings(image_size, 4, mine, mode, reset_heads)
    assert list(got) == list(wanted)
    assert (got is mine) == (wanted is before)
    for key in wanted:
        assert_near(got[key], wanted[key])
    assert mine["encoder.pos_embedding"].shape == before["encoder.pos_embedding"].shape


@pytest.mark.parametrize("shape", [(2, 17, 8), (1, 18, 8)])
def test_positions_of_no_square(shape):
    messages = []
    for m, state in zip((theirs, ours), states("encoder.pos_embedding", shape)):
        with pytest.raises(ValueError) as refusal:
            m.vision_transformer.interpolate_embeddings(24, 4, state)
        messages.append(str(refusal.value))
    assert messages[0] == messages[1]


def test_older_names_of_layers():
    """Weights from before the layers of an MLP were numbered."""
    wanted, got = SMALL["vit"][0](theirs), SMALL["vit"][0](ours)
    arrays = state_of(got)
    older = OrderedDict(
        (key.replace("mlp.0.", "mlp.linear_1.").replace("mlp.3.", "mlp.linear_2."), value)
        for key, value in arrays.items()
    )
    for library, model in ((reference, wanted), (torch, got)):
        state = OrderedDict((key, tensor_of(value, library)) for key, value in older.items())
        assert str(model.load_state_dict(state)) == "<All keys matched successfully>"
    x = np.random.default_rng(1).standard_normal((2, 3, 16, 16)).astype(np.float32)
    assert_near(got(torch.from_numpy(x)), wanted(reference.from_numpy(x)))
