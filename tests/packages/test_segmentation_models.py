"""segmentation-models-pytorch: decoders on backbones of timm and torchvision learn a mask."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip("segmentation_models_pytorch")

import segmentation_models_pytorch as smp
from weights import drawn, fill


@pytest.mark.parametrize("architecture", ["Unet", "UnetPlusPlus", "FPN", "DeepLabV3Plus", "Linknet"])
def test_masks_of_every_pixel(architecture, expected):
    model = fill(getattr(smp, architecture)("resnet18", encoder_weights=None, classes=2), 0.02).eval()
    masks = model(drawn("picture", 1, 3, 64, 64))
    assert masks.shape == (1, 2, 64, 64)
    masks.pow(2).mean().backward()
    expected("masks", masks[0, :, 20, 30], rtol=1e-3)
    expected("gradient", model.encoder.conv1.weight.grad.norm(), rtol=2e-3)


@pytest.mark.parametrize("loss", ["DiceLoss", "JaccardLoss", "TverskyLoss", "LovaszLoss", "FocalLoss"])
def test_losses(loss, expected):
    logits = drawn("logits", 2, 1, 9, 9).requires_grad_()
    value = getattr(smp.losses, loss)("binary")(logits, (drawn("mask", 2, 1, 9, 9) > 0).float())
    value.backward()
    expected("loss", value)
    expected("gradient", logits.grad[0, 0, 4], atol=1e-6)


def test_training(expected):
    model = fill(smp.Unet("mobilenet_v2", encoder_weights=None, classes=1), 0.05)
    pictures, mask = drawn("pictures", 2, 3, 64, 64), torch.zeros(2, 1, 64, 64)
    mask[:, :, 16:40, 20:50] = 1
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    losses = []
    for _ in range(8):
        loss = smp.losses.DiceLoss("binary")(model(pictures), mask)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 0.03
    expected("first loss", losses[0], rtol=1e-3)
