"""Lazy layers and uninitialised parameters."""

from __future__ import annotations

import copy
import pickle

import pytest

import tritonnn as torch

nn = torch.nn

LAYERS = {
    "Linear": (lambda: nn.LazyLinear(4), (2, 3), nn.Linear, {"weight": (4, 3), "bias": (4,)}),
    "Conv1d": (
        lambda: nn.LazyConv1d(4, 2, groups=2),
        (2, 6, 5),
        nn.Conv1d,
        {"weight": (4, 3, 2), "bias": (4,)},
    ),
    "Conv2d": (
        lambda: nn.LazyConv2d(4, 2, 1, 0, 1, 1, False),
        (3, 5, 5),
        nn.Conv2d,
        {"weight": (4, 3, 2, 2)},
    ),
    "Conv3d": (
        lambda: nn.LazyConv3d(4, 1),
        (2, 3, 2, 2, 2),
        nn.Conv3d,
        {"weight": (4, 3, 1, 1, 1), "bias": (4,)},
    ),
    "ConvTranspose1d": (
        lambda: nn.LazyConvTranspose1d(4, 2, stride=2),
        (2, 3, 5),
        nn.ConvTranspose1d,
        {"weight": (3, 4, 2), "bias": (4,)},
    ),
    "ConvTranspose2d": (
        lambda: nn.LazyConvTranspose2d(4, 2, 1, 0, 0, 1, True, 2),
        (2, 3, 5, 5),
        nn.ConvTranspose2d,
        {"weight": (3, 4, 2, 2), "bias": (4,)},
    ),
    "ConvTranspose3d": (
        lambda: nn.LazyConvTranspose3d(4, 1, bias=False),
        (2, 3, 2, 2, 2),
        nn.ConvTranspose3d,
        {"weight": (3, 4, 1, 1, 1)},
    ),
    "BatchNorm1d": (
        lambda: nn.LazyBatchNorm1d(),
        (4, 3),
        nn.BatchNorm1d,
        {"weight": (3,), "bias": (3,), "running_mean": (3,), "running_var": (3,), "num_batches_tracked": ()},
    ),
    "BatchNorm2d": (
        lambda: nn.LazyBatchNorm2d(affine=False),
        (4, 3, 2, 2),
        nn.BatchNorm2d,
        {"running_mean": (3,), "running_var": (3,), "num_batches_tracked": ()},
    ),
    "BatchNorm3d": (
        lambda: nn.LazyBatchNorm3d(track_running_stats=False, bias=False),
        (4, 3, 2, 2, 2),
        nn.BatchNorm3d,
        {"weight": (3,)},
    ),
    "InstanceNorm1d": (
        lambda: nn.LazyInstanceNorm1d(track_running_stats=False),
        (4, 3, 2),
        nn.InstanceNorm1d,
        {"weight": (3,), "bias": (3,)},
    ),
    "InstanceNorm2d": (
        lambda: nn.LazyInstanceNorm2d(affine=False, track_running_stats=False),
        (3, 2, 2),
        nn.InstanceNorm2d,
        {},
    ),
    "InstanceNorm3d": (
        lambda: nn.LazyInstanceNorm3d(track_running_stats=False),
        (4, 3, 2, 2, 2),
        nn.InstanceNorm3d,
        {"weight": (3,), "bias": (3,)},
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_first_input_makes_the_ordinary_layer(name):
    build, shape, kind, wanted = LAYERS[name]
    layer = build()
    assert layer.has_uninitialized_params() is bool(wanted)
    layer(torch.randn(shape))
    assert type(layer) is kind and {k: tuple(v.shape) for k, v in layer.state_dict().items()} == wanted
    assert all(type(p) is nn.Parameter and p.requires_grad for p in layer.parameters())
    assert not layer._forward_pre_hooks and not layer._load_state_dict_pre_hooks


def test_uninitialised_parameters_have_no_shape():
    layer = nn.LazyLinear(2)
    assert repr(layer.weight) == "<UninitializedParameter>" and isinstance(layer.weight, nn.Parameter)
    assert repr(layer) == "LazyLinear(in_features=0, out_features=2, bias=True)"
    for action in (lambda: layer.weight.shape, lambda: layer.weight + 1, lambda: layer.share_memory()):
        with pytest.raises(RuntimeError, match="uninitialized parameter"):
            action()
    with pytest.raises(RuntimeError, match="Can't access the shape of an uninitialized parameter"):
        nn.Linear(3, 2).load_state_dict(layer.state_dict())


def test_start_values_are_those_of_the_ordinary_layer():
    layer = nn.LazyLinear(50)
    layer(torch.ones(1, 100))
    assert 0.08 < float(layer.weight.detach().abs().max()) <= 0.1


def test_casting_before_the_first_input():
    layer = nn.LazyLinear(2).double()
    assert layer.weight.dtype == torch.float64
    assert layer(torch.ones(1, 3, dtype=torch.float64)).dtype == torch.float64


def test_loading_initialises():
    layer, state = nn.LazyConv2d(2, 3), nn.Conv2d(4, 2, 3).state_dict()
    layer.load_state_dict(state)
    assert not layer.has_uninitialized_params() and layer.weight.tolist() == state["weight"].tolist()
    layer(torch.ones(1, 4, 5, 5))
    assert type(layer) is nn.Conv2d and layer.weight.tolist() == state["weight"].tolist()
    assert layer.in_channels == 4


def test_lazy_state_passes_between_lazy_layers():
    a, b = nn.LazyLinear(2), nn.LazyLinear(2)
    b.load_state_dict(a.state_dict())
    assert b.has_uninitialized_params()


def test_copies_stay_lazy():
    for other in (copy.deepcopy(nn.LazyLinear(2)), pickle.loads(pickle.dumps(nn.LazyLinear(2)))):
        assert other.has_uninitialized_params()
        assert other(torch.ones(1, 3)).shape == (1, 2) and type(other) is nn.Linear


def test_a_mixin_that_leaves_parameters_out_is_told():
    class Forgetful(nn.modules.lazy.LazyModuleMixin, nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.UninitializedParameter()

        def initialize_parameters(self, x):
            pass

        def forward(self, x):
            return x

    with pytest.raises(RuntimeError, match="module Forgetful has not been fully initialized"):
        Forgetful()(torch.ones(1))


def test_materialize():
    p = nn.UninitializedParameter(dtype=torch.float64, requires_grad=False)
    p.materialize((2, 3))
    assert type(p) is nn.Parameter and p.shape == (2, 3) and p.dtype == torch.float64 and not p.requires_grad
    b = nn.UninitializedBuffer(persistent=False)
    b.materialize((2,), dtype=torch.int64)
    assert type(b) is nn.Buffer and b.shape == (2,) and b.dtype == torch.int64 and not b.persistent
