"""Weights that are normalised, pruned or otherwise computed, on both devices and by formulas of their own."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import tritonnn as torch
from tritonnn.nn.utils import parametrizations, parametrize, prune

nn = torch.nn
utils = nn.utils
DEVICES = ("cpu", "cuda")


def layer(device="cpu", shape=(3, 4)):
    """A linear layer of given numbers."""
    rng = np.random.default_rng(0)
    made = nn.Linear(shape[1], shape[0], device=device)
    with torch.no_grad():
        for p in made.parameters():
            p.copy_(torch.tensor(rng.normal(size=tuple(p.shape)).tolist()))
    return made


def values(tensor):
    return tensor.detach().cpu().numpy().astype(np.float64)


@pytest.mark.parametrize("device", DEVICES)
def test_weight_norm_is_length_times_direction(device):
    made = parametrizations.weight_norm(layer(device))
    parts = made.parametrizations.weight
    with torch.no_grad():
        parts.original0.copy_(torch.tensor([[1.0], [2.0], [3.0]]))
    weight, v = values(made.weight), values(parts.original1)
    np.testing.assert_allclose(
        weight, [[1], [2], [3]] * v / np.linalg.norm(v, axis=1, keepdims=True), rtol=1e-5
    )
    made(torch.ones(4, device=device)).sum().backward()
    # Along its own direction a vector's length does not matter, so its gradient is perpendicular to it.
    np.testing.assert_allclose((values(parts.original1.grad) * v).sum(1), 0, atol=1e-6)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("norm", [utils.spectral_norm, parametrizations.spectral_norm])
def test_spectral_norm_divides_by_the_largest_singular_value(norm, device):
    made = layer(device)
    matrix = values(made.weight)
    made = norm(made, n_power_iterations=2)
    left, sigma, right = np.linalg.svd(matrix)
    with torch.no_grad():  # not far from where the iteration ends
        for vector, exact in zip(made.buffers(), (left[:, 0], right[0])):
            vector.copy_(torch.tensor((exact + 1e-3).tolist()))
    made(torch.ones(4, device=device)).sum().backward()
    made.eval()
    np.testing.assert_allclose(values(made.weight), matrix / sigma[0], rtol=1e-4)
    vectors = {name: values(b) for name, b in made.named_buffers()}
    made(torch.ones(4, device=device))
    assert all((values(b) == vectors[name]).all() for name, b in made.named_buffers())


@pytest.mark.parametrize("name", ["matrix_exp", "cayley", "householder"])
@pytest.mark.parametrize("shape", [(3, 3), (5, 2), (2, 5)])
def test_orthogonal(shape, name):
    made = parametrizations.orthogonal(layer(shape=shape), "weight", name)
    with torch.no_grad():
        made.parametrizations.weight.original += 0.3 * torch.randn(shape).tril(
            -1 if name == "householder" else 0
        )
    w = values(made.weight) if shape[0] <= shape[1] else values(made.weight).T
    np.testing.assert_allclose(w @ w.T, np.eye(min(shape)), atol=1e-5)


def test_orthogonal_maps_on_the_gpu():
    from tritonnn.nn.utils import _orthogonal as maps

    x = torch.tensor(np.random.default_rng(2).normal(size=(4, 3)).tolist())
    for function in maps.MAPS.values():
        np.testing.assert_allclose(values(function(x.to("cuda"))), values(function(x)), atol=1e-5)


def test_exponential_of_large_and_small_matrices():
    from tritonnn.nn.utils._orthogonal import matrix_exp

    turn = torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=torch.float64)
    for angle in (0.0, 1e-3, 1.0, 50.0):
        wanted = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        np.testing.assert_allclose(values(matrix_exp(angle * turn)), wanted, atol=1e-12)


@pytest.mark.parametrize("device", DEVICES)
def test_pruning_the_smallest(device):
    made = layer(device)
    weight = values(made.weight)
    prune.l1_unstructured(made, "weight", 5)
    kept = np.abs(weight) > np.sort(np.abs(weight).ravel())[4]
    assert (values(made.weight_mask) == kept).all() and kept.sum() == 7
    prune.ln_structured(made, "weight", 1, 2, 0)
    norms = np.linalg.norm(weight * kept, axis=1)
    kept[norms.argmin()] = False
    np.testing.assert_array_equal(values(made.weight), np.float32(weight * kept))
    made(torch.ones(4, device=device)).sum().backward()
    np.testing.assert_array_equal(values(made.weight_orig.grad), kept)
    before = values(made.weight)
    prune.remove(made, "weight")
    assert (values(made.weight) == before).all() and not prune.is_pruned(made)


@pytest.mark.parametrize("device", DEVICES)
def test_pruning_again_takes_the_next(device):
    made = layer(device)
    weight = np.abs(values(made.weight))
    prune.l1_unstructured(made, "weight", 3)
    prune.l1_unstructured(made, "weight", 4)
    assert (values(made.weight_mask) == (weight > np.sort(weight.ravel())[6])).all()


@pytest.mark.parametrize("device", DEVICES)
def test_global_pruning_takes_the_smallest_of_all(device):
    a, b = layer(device), layer(device, (2, 3))
    both = np.concatenate([values(a.weight).ravel(), values(b.weight).ravel()])
    prune.global_unstructured([(a, "weight"), (b, "weight")], prune.L1Unstructured, amount=0.5)
    kept = np.concatenate([values(a.weight_mask).ravel(), values(b.weight_mask).ravel()])
    assert (kept == (np.abs(both) > np.sort(np.abs(both))[8])).all()


def test_a_parametrization_is_computed_again_at_each_use_but_not_inside_cached():
    calls = []

    class Count(nn.Module):
        def forward(self, x):
            calls.append(1)
            return x

    made = parametrize.register_parametrization(layer(), "weight", Count(), unsafe=True)
    made(torch.ones(4)), made(torch.ones(4))
    assert len(calls) == 2
    with parametrize.cached():
        made(torch.ones(4)), made(torch.ones(4))
    assert len(calls) == 3
    with parametrize.cached():
        made(torch.ones(4))
    assert len(calls) == 4


def test_copies_and_pickles():
    made = parametrizations.weight_norm(layer())
    other = copy.deepcopy(made)
    parametrize.remove_parametrizations(made, "weight")
    assert torch.equal(made.weight, other.weight) and parametrize.is_parametrized(other)
    with pytest.raises(RuntimeError, match=r"only supported through state_dict"):
        pickle.dumps(other)
    assert type(made) is nn.Linear and torch.equal(pickle.loads(pickle.dumps(made)).weight, made.weight)


def test_refusals_name_what_is_wrong():
    with pytest.raises(ValueError, match="does not have a parameter, a buffer, or a parametrized element"):
        parametrizations.weight_norm(layer(), "x")
    with pytest.raises(ValueError, match="may not change the shape"):
        parametrize.register_parametrization(layer(), "weight", nn.Flatten(0))
    with pytest.raises(NotImplementedError, match="use_trivialization=False"):
        parametrizations.orthogonal(layer(shape=(3, 3)), use_trivialization=False).weight = torch.eye(3)
    with pytest.raises(ValueError, match="has to be pruned before"):
        prune.remove(layer(), "weight")
    with pytest.warns(FutureWarning, match="weight_norm` is deprecated"):
        assert list(utils.weight_norm(layer()).state_dict()) == ["bias", "weight_g", "weight_v"]


@pytest.mark.parametrize("device", DEVICES)
def test_functional_call_leaves_the_module_as_it_was(device):
    made = nn.Sequential(layer(device), nn.BatchNorm1d(3, device=device))
    weight, before = torch.ones(3, 4, device=device, requires_grad=True), made[0].weight
    state = {"0.weight": weight, "1.running_mean": torch.zeros(3, device=device)}
    torch.func.functional_call(made, state, torch.randn(5, 4, device=device)).square().sum().backward()
    assert made[0].weight is before and before.grad is None and weight.grad is not None
    assert made[1].running_mean.abs().sum() == 0 < state["1.running_mean"].abs().sum()


@pytest.mark.parametrize("device", DEVICES)
def test_padding_is_left_out_of_a_transformer_in_inference(device):
    encoder_layer = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True, activation=nn.GELU(), device=device)
    net = nn.TransformerEncoder(encoder_layer, 2).eval()
    assert all(isinstance(part.activation, nn.GELU) for part in net.layers)
    x = torch.randn(2, 3, 4, device=device)
    pad = torch.tensor([[False, False, True], [False, False, False]], device=device)
    with torch.no_grad():
        output, short = net(x, src_key_padding_mask=pad), net(x[:1, :2])
    assert output[0, 2].abs().sum() == 0
    np.testing.assert_allclose(values(output[0, :2]), values(short[0]), rtol=1e-4, atol=1e-5)
    assert net(x, src_key_padding_mask=pad)[0, 2].abs().sum() != 0
