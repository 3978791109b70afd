"""RAFT and its helpers beside torchvision."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
import torch as reference
from reference_vision import torchvision
from vision_weights import assert_near, twins

import tritonnn as torch
from tritonnn.vision import models as ours
from tritonnn.vision.models.optical_flow import _utils

theirs = torchvision.models
oracle = importlib.import_module("torchvision.models.optical_flow._utils")


def drawn(*shape: int) -> np.ndarray:
    return np.random.default_rng(11).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("name", ["raft_small", "raft_large"])
def test_flow_after_each_update(name):
    wanted, got = twins(lambda m: getattr(m.optical_flow, name)(), theirs, ours)
    first = drawn(1, 3, 128, 136)
    second = np.roll(first, 3, axis=3)
    flows, expected = (
        model.eval()(library.from_numpy(first), library.from_numpy(second), num_flow_updates=2)
        for library, model in ((torch, got), (reference, wanted))
    )
    assert len(flows) == len(expected) == 2
    for one, other in zip(flows, expected):
        assert_near(one, other, share=1e-4)


def test_gradients():
    """Of every part, through the lookups of two updates, which are small: so both look up the same pixels."""
    wanted, got = twins(lambda m: m.optical_flow.raft_small(), theirs, ours)
    first = drawn(1, 3, 128, 128)
    second = np.roll(first, 3, axis=3)
    for library, model in ((torch, got), (reference, wanted)):
        last = model.eval().update_block.flow_head.conv2
        last.weight = library.nn.Parameter(last.weight.detach() * 1e-3)
        flow = model(library.from_numpy(first), library.from_numpy(second), num_flow_updates=2)[-1]
        (flow * flow).mean().backward()
    largest = max(p.grad.abs().max().item() for p in wanted.parameters())
    for (key, one), other in zip(got.named_parameters(), wanted.parameters()):
        off = np.abs(np.asarray(one.grad) - other.grad.numpy()).max()
        assert off <= 1e-3 * max(other.grad.abs().max().item(), 1e-2 * largest), key


def test_parts_are_exchanged():
    for m in (ours, theirs):
        home = m.optical_flow.raft
        model = m.optical_flow.raft_small(
            corr_block=home.CorrBlock(num_levels=2, radius=2), mask_predictor=None
        )
        assert model.corr_block.radius == 2
        assert model.update_block.motion_encoder.convcorr1[0].in_channels == 2 * 25


HELPERS = {
    "grid": lambda u, t: u.make_coords_grid(2, 3, 4),
    "sample": lambda u, t: u.grid_sample(
        t(drawn(2, 1, 5, 6)), t(3 * np.abs(drawn(2, 3, 3, 2))), align_corners=True
    ),
    "sample a row": lambda u, t: u.grid_sample(
        t(drawn(1, 2, 1, 6)), t(np.abs(drawn(1, 3, 3, 2))), mode="nearest", align_corners=False
    ),
    "upsample": lambda u, t: u.upsample_flow(t(drawn(2, 2, 3, 4)), factor=4),
    "upsample by weights": lambda u, t: u.upsample_flow(t(drawn(2, 2, 3, 4)), t(drawn(2, 576, 3, 4))),
    "upsample three by weights": lambda u, t: u.upsample_flow(t(drawn(1, 3, 2, 2)), t(drawn(1, 36, 2, 2)), factor=2),
}  # fmt: skip


@pytest.mark.parametrize("name", HELPERS)
def test_helpers(name):
    assert_near(HELPERS[name](_utils, torch.from_numpy), HELPERS[name](oracle, reference.from_numpy))


REFUSED: dict[str, Any] = {
    "encoder": lambda r, t: r.FeatureEncoder(layers=(1, 2)),
    "flow layers": lambda r, t: r.MotionEncoder(in_channels_corr=2, flow_layers=(1, 2, 3)),
    "corr layers": lambda r, t: r.MotionEncoder(in_channels_corr=2, corr_layers=(1, 2, 3)),
    "padding": lambda r, t: r.RecurrentBlock(input_size=2, hidden_size=2, kernel_size=(3,)),
    "kernels": lambda r, t: r.RecurrentBlock(input_size=2, hidden_size=2, kernel_size=(3,) * 3, padding=(1,) * 3),
    "shapes": lambda r, t: r.CorrBlock().build_pyramid(t(drawn(1, 2, 16, 16)), t(drawn(1, 2, 16, 17))),
    "size": lambda r, t: r.CorrBlock().build_pyramid(t(drawn(1, 2, 16, 15)), t(drawn(1, 2, 16, 15))),
    "frames": lambda r, t: r.raft_small()(t(drawn(1, 3, 128, 128)), t(drawn(1, 3, 128, 136))),
    "eighths": lambda r, t: r.raft_small()(t(drawn(1, 3, 128, 132)), t(drawn(1, 3, 128, 132))),
    "no hidden state": lambda r, t: r.RAFT(
        feature_encoder=None, context_encoder=None, corr_block=None, update_block=None
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    messages = []
    for m, library in ((theirs, reference), (ours, torch)):
        with pytest.raises(ValueError) as refusal:
            REFUSED[name](m.optical_flow.raft, library.from_numpy)
        messages.append(str(refusal.value))
    assert messages[0] == messages[1]
