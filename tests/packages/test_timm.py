"""timm: networks of its families trained a few steps, feature maps, its optimizers and schedules, what is saved."""

from __future__ import annotations

import numpy as np
import pytest
import timm
import timm.data
import timm.optim
import timm.scheduler
import timm.utils
import torch
from timm.layers import Mlp, PatchEmbed, SelectAdaptivePool2d
from weights import drawn, fill, steps

# name -> (options, side of the picture)
NETWORKS = {
    "resnet18": ({}, 32),
    "resnet26d": ({}, 32),
    "vit_tiny_patch16_224": ({"img_size": 32, "depth": 2, "embed_dim": 24}, 32),
    "deit_tiny_patch16_224": ({"img_size": 32, "depth": 2, "embed_dim": 24}, 32),
    "convnext_atto": ({"depths": (1, 1, 1, 1), "dims": (8, 8, 16, 16)}, 32),
    "mobilenetv3_small_050": ({}, 32),
    "efficientnet_lite0": ({}, 32),
    "swin_tiny_patch4_window7_224": (
        {
            "img_size": 56,
            "window_size": 7,
            "embed_dim": 12,
            "depths": (1, 1, 1, 1),
            "num_heads": (1, 2, 2, 4),
            "drop_path_rate": 0.0,
        },
        56,
    ),
    "mixer_s32_224": ({"img_size": 64}, 64),
    "regnetx_002": ({}, 32),
    "densenet121": ({"growth_rate": 8, "block_config": (1, 1, 1, 1)}, 32),
}
# Gradients of 10^5 at first, so that steps of AdamW make differences of 1e-12 large ones.
WILD = ("efficientnet_lite0", "regnetx_002")


def _network(name, classes=5):
    options, side = NETWORKS[name]
    torch.manual_seed(0)
    model = timm.create_model(name, num_classes=classes, drop_rate=0.0, **options)
    return fill(model, 0.05), drawn(f"pictures of {name}", 4, 3, side, side)


@pytest.mark.parametrize("name", NETWORKS)
def test_training(name, expected):
    model, pictures = _network(name)
    expected("parameters", sum(p.numel() for p in model.parameters()))
    expected("scores", model.eval()(pictures), rtol=2e-3, atol=2e-4)
    targets = torch.tensor([0, 3, 4, 1])
    # Batches of 4 pixels make variances near zero, which float32 would not tell from rounding.
    model, pictures = model.double(), pictures.double()
    losses, norms = steps(
        model, None, lr=1e-3, forward=lambda m: torch.nn.functional.cross_entropy(m(pictures), targets)
    )
    expected("losses", losses, rtol=1e-5 if name not in WILD else 2e-3)
    expected("norms", norms[:1], rtol=1e-6)


@pytest.mark.parametrize("name", ["resnet18", "convnext_atto"])
def test_feature_maps(name, expected):
    options, side = NETWORKS[name]
    model = fill(timm.create_model(name, features_only=True, **options), 0.05).eval()
    maps = model(drawn("picture", 1, 3, side, side))
    assert [tuple(m.shape[2:]) for m in maps] == [
        (side // r, side // r) for r in model.feature_info.reduction()
    ]
    for number, m in enumerate(maps):
        expected(f"map {number}", m.mean((2, 3)), rtol=2e-3, atol=2e-4)


def test_names_and_classifiers():
    assert "resnet50" in timm.list_models("resnet*")
    model, pictures = _network("resnet18")
    model.reset_classifier(7)
    assert model(pictures).shape == (4, 7)
    assert model.forward_features(pictures).shape == (4, 512, 1, 1)


@pytest.mark.parametrize("name", ["sgd", "adamw", "lamb", "lion", "rmsproptf", "adafactor", "nadamw", "adan"])
def test_optimizers(name, expected):
    model = fill(torch.nn.Sequential(Mlp(6, 8, 3)))
    optimizer = timm.optim.create_optimizer_v2(model, opt=name, lr=1e-2, weight_decay=0.01)
    x, y = drawn("x", 8, 6), drawn("y", 8, 3)
    losses = []
    for _ in range(4):
        optimizer.zero_grad()
        loss = (model(x) - y).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    expected("losses", losses, rtol=1e-3)


def test_a_schedule(expected):
    parameter = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([parameter], lr=0.1)
    schedule = timm.scheduler.CosineLRScheduler(optimizer, t_initial=10, warmup_t=3, warmup_lr_init=1e-3)
    rates = []
    for epoch in range(10):
        schedule.step(epoch)
        rates.append(optimizer.param_groups[0]["lr"])
    expected("rates", rates)


def test_average_of_the_weights_and_a_file(tmp_path):
    model, pictures = _network("resnet18")
    average = timm.utils.ModelEmaV3(model, decay=0.5)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(1.0)
    average.update(model)
    np.testing.assert_allclose(average.module.fc.bias.detach(), model.fc.bias.detach() - 0.5, rtol=1e-5)
    torch.save(model.state_dict(), tmp_path / "model.pt")
    again = timm.create_model("resnet18", num_classes=5, checkpoint_path=str(tmp_path / "model.pt")).eval()
    np.testing.assert_array_equal(again(pictures).detach(), model.eval()(pictures).detach())


def test_transforms_of_a_network():
    from PIL import Image

    model, _ = _network("resnet18")
    config = timm.data.resolve_data_config({}, model=model)
    picture = Image.fromarray(np.arange(300 * 260 * 3, dtype=np.uint32).astype(np.uint8).reshape(300, 260, 3))
    assert timm.data.create_transform(**config)(picture).shape == (3, 224, 224)
    training = timm.data.create_transform(
        **config, is_training=True, auto_augment="rand-m9-mstd0.5", re_prob=1.0
    )
    changed = training(picture)
    assert changed.shape == (3, 224, 224) and bool(torch.isfinite(changed).all())


def test_mixed_samples():
    mix = timm.data.Mixup(mixup_alpha=1.0, num_classes=5, label_smoothing=0.1)
    x, y = mix(drawn("x", 4, 3, 8, 8), torch.tensor([0, 1, 2, 3]))
    assert x.shape == (4, 3, 8, 8)
    np.testing.assert_allclose(y.sum(1), np.ones(4), rtol=1e-5)


def test_layers(expected):
    embed = fill(PatchEmbed(img_size=16, patch_size=8, in_chans=3, embed_dim=4))
    expected("patches", embed(drawn("picture", 1, 3, 16, 16)))
    expected("pooled", SelectAdaptivePool2d(pool_type="catavgmax", flatten=True)(drawn("maps", 1, 3, 4, 4)))
