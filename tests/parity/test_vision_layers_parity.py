"""Layers of ops.misc, stochastic depth and DropBlock, beside torchvision's."""

from __future__ import annotations

import functools
import importlib
import warnings
from typing import Any

import numpy as np
import pytest
import torch as reference
from reference_vision import torchvision
from vision_signatures import differences
from vision_weights import assert_near, twins

import tritonnn as torch
from tritonnn.vision.ops import drop_block2d, drop_block3d, misc, stochastic_depth

assert torchvision
MODULES = ("misc", "stochastic_depth", "drop_block")
PLACES = {reference: "torchvision.ops", torch: "tritonnn.vision.ops"}


def module(library: Any, name: str) -> Any:
    return importlib.import_module(f"{PLACES[library]}.{name}")


@pytest.mark.parametrize("name", MODULES)
def test_signatures(name):
    assert differences(module(torch, name), module(reference, name)) == {}


LAYERS = {
    "conv": lambda o, nn: o.Conv2dNormActivation(3, 8, stride=2),
    "conv as it is": lambda o, nn: o.Conv2dNormActivation(
        3, 8, (3, 5), 1, None, 1, None, nn.ReLU6, (2, 1), None, None
    ),
    "conv dilated": lambda o, nn: o.Conv2dNormActivation(3, 8, 5, dilation=(2, 3), activation_layer=None),
    "conv wide": lambda o, nn: o.Conv2dNormActivation(3, 6, (5, 3), groups=3, bias=True, inplace=False),
    "conv named padding": lambda o, nn: o.Conv2dNormActivation(3, 6, 3, padding="same", norm_layer=None),
    "conv general": lambda o, nn: o.ConvNormActivation(3, 6, 3, conv_layer=nn.Conv2d),
    "excitation": lambda o, nn: o.SqueezeExcitation(3, 2),
    "excitation hard": lambda o, nn: o.SqueezeExcitation(3, 2, nn.SiLU, nn.Hardsigmoid),
    "frozen": lambda o, nn: o.FrozenBatchNorm2d(3, eps=0.1),
    "mlp": lambda o, nn: o.MLP(16, [5, 4, 3], norm_layer=nn.LayerNorm, activation_layer=nn.GELU, dropout=0.3),
    "mlp in place": lambda o, nn: o.MLP(16, [5, 4], inplace=True, bias=False),
    "mlp one": lambda o, nn: o.MLP(16, [5]),
    "permute": lambda o, nn: o.Permute([0, 3, 1, 2]),
}


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer(name):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        wanted, got = twins(
            lambda o: LAYERS[name](o, (torch if o is misc else reference).nn), module(reference, "misc"), misc
        )
    assert len(caught) == (2 if name == "conv general" else 0)
    assert repr(got) == repr(wanted)
    assert getattr(got, "out_channels", None) == getattr(wanted, "out_channels", None)
    x = np.random.default_rng(3).standard_normal((2, 3, 16, 16)).astype(np.float32)
    assert_near(got.eval()(torch.from_numpy(x.copy())), wanted.eval()(reference.from_numpy(x.copy())))


def test_three_dimensions():
    wanted, got = twins(
        lambda o: o.Conv3dNormActivation(2, 4, (1, 3, 3), stride=(1, 2, 2)), module(reference, "misc"), misc
    )
    x = np.random.default_rng(3).standard_normal((1, 2, 3, 8, 8)).astype(np.float32)
    assert repr(got) == repr(wanted)
    assert_near(got.eval()(torch.from_numpy(x)), wanted.eval()(reference.from_numpy(x)))


def test_a_frozen_norm_takes_what_a_norm_saved():
    for library in (reference, torch):
        norm = library.nn.BatchNorm2d(3)
        norm.running_mean.copy_(library.tensor([1.0, 2.0, 3.0]))
        frozen = module(library, "misc").FrozenBatchNorm2d(3)
        assert frozen.load_state_dict(norm.state_dict()).missing_keys == []
        assert frozen.running_mean.tolist() == [1, 2, 3] and not list(frozen.parameters())
        assert list(frozen.state_dict()) == ["weight", "bias", "running_mean", "running_var"]


CALLS = {
    "depth p": lambda o, x: o("stochastic_depth").stochastic_depth(x, 1.5, "row"),
    "depth mode": lambda o, x: o("stochastic_depth").stochastic_depth(x, 0.5, "column"),
    "depth mode when not training": lambda o, x: o("stochastic_depth").stochastic_depth(x, 0.5, "", False),
    "depth 0": lambda o, x: o("stochastic_depth").stochastic_depth(x, 0.0, "row"),
    "depth 1": lambda o, x: o("stochastic_depth").stochastic_depth(x, 1.0, "row"),
    "depth scalar": lambda o, x: o("stochastic_depth").stochastic_depth(x.sum(), 1.0, "batch"),
    "depth off": lambda o, x: o("stochastic_depth").stochastic_depth(x, 0.5, "batch", training=False),
    "depth layer": lambda o, x: o("stochastic_depth").StochasticDepth(1.0, "batch")(x),
    "depth layer off": lambda o, x: o("stochastic_depth").StochasticDepth(0.7, "batch").eval()(x),
    "block p": lambda o, x: o("drop_block").drop_block2d(x, -0.5, 3),
    "block rank": lambda o, x: o("drop_block").drop_block2d(x[0], 0.5, 3),
    "block rank 3": lambda o, x: o("drop_block").drop_block3d(x, 0.5, 3),
    "block even": lambda o, x: o("drop_block").drop_block2d(x, 0.5, 2),
    "block even by the picture": lambda o, x: o("drop_block").drop_block2d(x, 0.5, 9),
    "block off": lambda o, x: o("drop_block").drop_block2d(x, 0.5, 3, training=False),
    "block 0": lambda o, x: o("drop_block").DropBlock2d(0.0, 3)(x),
    "block layer off": lambda o, x: o("drop_block").DropBlock2d(0.5, 3).eval()(x),
    "block whole": lambda o, x: o("drop_block").drop_block2d(x[..., :3, :3], 1.0, 3),
    "block whole in place": lambda o, x: o("drop_block").DropBlock2d(1.0, 3, inplace=True)(x[..., :3, :3]),
    "block 3d whole": lambda o, x: o("drop_block").DropBlock3d(1.0, 3)(x[None, ..., :3, :3]),
}


def outcome(run: Any, library: Any) -> Any:
    x = library.arange(2 * 3 * 4 * 5, dtype=library.float32).reshape(2, 3, 4, 5)
    try:
        return run(lambda name: module(library, name), x).tolist(), x.tolist()
    except Exception as error:
        return type(error)


@pytest.mark.parametrize("name", CALLS)
def test_calls_without_chance(name):
    assert outcome(CALLS[name], torch) == outcome(CALLS[name], reference)


class TestChance:
    """What is drawn at random has the right share and stays right in the mean."""

    def test_rows(self):
        x = torch.ones(4000, 2, 3)
        out = stochastic_depth(x, 0.25, "row")
        rows = out.reshape(4000, -1)
        assert ((rows == 0).all(1) | torch.isclose(rows, torch.tensor(4 / 3)).all(1)).all()
        assert abs((rows[:, 0] == 0).float().mean().item() - 0.25) < 6 * (0.25 * 0.75 / 4000) ** 0.5

    def test_a_batch_is_one_draw(self):
        drawn = [stochastic_depth(torch.ones(5, 2), 0.5, "batch") for _ in range(40)]
        assert {tuple(x.flatten().unique().tolist()) for x in drawn} == {(0.0,), (2.0,)}

    @pytest.mark.parametrize("rank", [2, 3])
    def test_blocks(self, rank):
        torch.manual_seed(0)
        drop = drop_block2d if rank == 2 else drop_block3d
        size, gamma = 9, 0.1 * 9**rank / (3**rank * 7**rank)
        x = torch.ones(16, 32, *[size] * rank)
        out = drop(x, 0.1, 3)
        zeros = (out == 0).float()
        # How many of the 7 centres in each direction have a block over a place; that one is left is (1 - gamma)^n.
        over = functools.reduce(
            np.multiply.outer, [np.minimum(3, np.minimum(np.arange(1, 10), np.arange(9, 0, -1)))] * rank
        )
        np.testing.assert_allclose(
            np.asarray(zeros.mean((0, 1))), 1 - (1 - gamma) ** over, atol=6 * (0.1 / 512) ** 0.5
        )
        assert abs(zeros.mean().item() - (1 - (1 - gamma) ** over).mean()) < 0.01
        assert abs(out.mean().item() - 1) < 1e-4
        # Every zero lies in a block of zeros: opening (erosion, then dilation) changes nothing.
        pool = torch.nn.functional.max_pool2d if rank == 2 else torch.nn.functional.max_pool3d
        eroded = 1 - pool(1 - zeros, 3, 1)
        opened = pool(torch.nn.functional.pad(eroded, [2] * (2 * rank)), 3, 1)
        assert (opened == zeros).all()

    def test_in_place(self):
        x = torch.ones(2, 3, 9, 9)
        assert drop_block2d(x, 0.5, 3, inplace=True) is x and (x == 0).any()
        leaf = torch.ones(1, 1, 9, 9, requires_grad=True)
        out = drop_block2d(leaf, 0.3, 3)
        out.sum().backward()
        assert ((leaf.grad == 0) == (out == 0)).all()
