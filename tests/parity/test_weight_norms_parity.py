"""Weight and spectral normalisation, by hooks and as parametrizations, and orthogonal weights, beside PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch as reference
from outcomes import check, close, filled, outcome, plain, sample

import tritonnn as torch

LAYERS = {
    "linear": (lambda nn: nn.Linear(4, 3), (2, 4)),
    "conv": (lambda nn: nn.Conv2d(2, 3, 2), (2, 2, 4, 4)),
    "transposed": (lambda nn: nn.ConvTranspose1d(2, 3, 2), (2, 2, 5)),
}


def trained(t: Any, layer: Any, x: Any, rounds: int = 2) -> dict[str, Any]:
    """Outputs and gradients of some steps in training, then of evaluation."""
    record: dict[str, Any] = {}
    for step in range(rounds):
        output = layer(x)
        (output * output).sum().backward()
        record[f"output {step}"] = output
    record["gradients"] = {name: p.grad for name, p in sorted(layer.named_parameters())}
    record["state"] = dict(sorted(layer.state_dict().items()))
    layer.eval()
    record["eval"] = layer(x)
    record["again"] = layer(x)
    return record


@pytest.mark.parametrize("dim", [0, 1, -1, None])
@pytest.mark.parametrize("where", ["hook", "parametrization"])
@pytest.mark.parametrize("layer", LAYERS)
def test_weight_norm(layer: str, where: str, dim: int | None) -> None:
    build, shape = LAYERS[layer]

    def program(t: Any) -> Any:
        norm = t.nn.utils.weight_norm if where == "hook" else t.nn.utils.parametrizations.weight_norm
        module = norm(filled(t, build(t.nn)), dim=dim)
        before = {name: p.shape for name, p in module.named_parameters()}
        filled(t, module, seed=3)
        return before, list(module.state_dict()), trained(t, module, sample(t, *shape))

    check(program)


@pytest.mark.parametrize("dim", [0, 1, None])
@pytest.mark.parametrize("where", ["hook", "parametrization"])
@pytest.mark.parametrize("layer", LAYERS)
def test_spectral_norm(layer: str, where: str, dim: int | None) -> None:
    build, shape = LAYERS[layer]

    def program(t: Any) -> Any:
        norm = t.nn.utils.spectral_norm if where == "hook" else t.nn.utils.parametrizations.spectral_norm
        module = norm(filled(t, build(t.nn)), dim=dim, n_power_iterations=2)
        keys = list(module.state_dict()), [name for name, _ in module.named_parameters()]
        filled(t, module, seed=3)
        return keys, str(module), module.state_dict()._metadata, trained(t, module, sample(t, *shape))

    check(program)


def test_spectral_norm_is_the_largest_singular_value() -> None:
    for norm in (torch.nn.utils.spectral_norm, torch.nn.utils.parametrizations.spectral_norm):
        layer = filled(torch, torch.nn.Linear(5, 4))
        largest = np.linalg.svd(layer.weight.detach().numpy(), compute_uv=False)[0]
        before = layer.weight.detach().clone()
        layer = norm(layer, n_power_iterations=60)
        layer(torch.ones(5))
        np.testing.assert_allclose(layer.weight.detach().numpy(), before.numpy() / largest, rtol=1e-4)


def two_names(t: Any) -> Any:
    module = t.nn.MultiheadAttention(4, 2, add_bias_kv=True)
    for name in ("in_proj_weight", "bias_k"):
        t.nn.utils.spectral_norm(module, name)
    return list(module.state_dict()), module.state_dict()._metadata


OLD = {
    "weight norm removed": lambda t: _removed(t, t.nn.utils.weight_norm, t.nn.utils.remove_weight_norm),
    "spectral norm removed": lambda t: _removed(t, t.nn.utils.spectral_norm, t.nn.utils.remove_spectral_norm),
    "twice": lambda t: t.nn.utils.weight_norm(t.nn.utils.weight_norm(t.nn.Linear(3, 2))),
    "spectral twice": lambda t: t.nn.utils.spectral_norm(t.nn.utils.spectral_norm(t.nn.Linear(3, 2))),
    "not there": lambda t: t.nn.utils.remove_weight_norm(t.nn.Linear(3, 2), "bias"),
    "spectral not there": lambda t: t.nn.utils.remove_spectral_norm(t.nn.Linear(3, 2)),
    "no name": lambda t: t.nn.utils.weight_norm(t.nn.Linear(3, 2), "x"),
    "spectral no name": lambda t: t.nn.utils.spectral_norm(t.nn.Linear(3, 2), "x"),
    "none": lambda t: t.nn.utils.spectral_norm(t.nn.Linear(3, 2, bias=False), "bias"),
    "lazy": lambda t: t.nn.utils.weight_norm(t.nn.LazyLinear(2)),
    "spectral lazy": lambda t: t.nn.utils.spectral_norm(t.nn.LazyLinear(2)),
    "no iterations": lambda t: t.nn.utils.spectral_norm(t.nn.Linear(3, 2), n_power_iterations=0),
    "dim": lambda t: t.nn.utils.weight_norm(t.nn.Linear(3, 2), dim=2),
    "bias": lambda t: list(t.nn.utils.weight_norm(t.nn.Linear(3, 2), "bias").state_dict()),
    "two names": two_names,
    "new: no name": lambda t: t.nn.utils.parametrizations.spectral_norm(t.nn.Linear(3, 2), "x"),
    "new: weight, no name": lambda t: t.nn.utils.parametrizations.weight_norm(t.nn.Linear(3, 2), "x"),
    "new: no iterations": lambda t: t.nn.utils.parametrizations.spectral_norm(t.nn.Linear(3, 2), "weight", 0),
    "new: dim": lambda t: t.nn.utils.parametrizations.spectral_norm(t.nn.Linear(3, 2), dim=5),
    "new: weight, dim": lambda t: t.nn.utils.parametrizations.weight_norm(t.nn.Linear(3, 2), dim=5),
    "orthogonal: no name": lambda t: t.nn.utils.parametrizations.orthogonal(t.nn.Linear(3, 2), "x"),
    "orthogonal: vector": lambda t: t.nn.utils.parametrizations.orthogonal(t.nn.Linear(3, 2), "bias"),
    "orthogonal: map": lambda t: t.nn.utils.parametrizations.orthogonal(t.nn.Linear(3, 2), "weight", "x"),
    "orthogonal: complex": lambda t: t.nn.utils.parametrizations.orthogonal(
        complex_matrix(t), "w", "householder"
    ),
    "orthogonal: other shape": lambda t: setattr(
        t.nn.utils.parametrizations.orthogonal(t.nn.Linear(3, 2)), "weight", t.ones(3, 3)
    ),
    "orthogonal: no base": lambda t: setattr(
        t.nn.utils.parametrizations.orthogonal(t.nn.Linear(3, 3), use_trivialization=False), "weight", t.eye(3)
    ),
}  # fmt: skip


def complex_matrix(t: Any) -> Any:
    module = t.nn.Module()
    module.w = t.nn.Parameter(t.randn(4, 3, dtype=t.complex64))
    return module


def _removed(t: Any, norm: Any, remove: Any) -> Any:
    module = filled(t, norm(filled(t, t.nn.Conv1d(2, 3, 2))), seed=2)
    x = sample(t, 1, 2, 4)
    before = module(x)
    module.eval()
    module = remove(module)
    # PyTorch leaves its hook on loading behind.
    hooks = (module._forward_pre_hooks, module._state_dict_hooks)
    return before, module(x), module.state_dict(), [len(h) for h in hooks], module.state_dict()._metadata


@pytest.mark.parametrize("name", OLD)
def test_programs(name: str) -> None:
    check(OLD[name])


def test_states_go_both_ways_and_old_ones_are_taken() -> None:
    def program(t: Any) -> Any:
        old = filled(t, t.nn.utils.weight_norm(t.nn.Linear(3, 2)))
        new = t.nn.utils.parametrizations.weight_norm(t.nn.Linear(3, 2))
        loaded = str(new.load_state_dict(old.state_dict()))
        return loaded, new.weight, new.state_dict()

    check(program)


@pytest.mark.parametrize("change", ["", "_u", "_orig", "metadata"])
def test_spectral_states_of_before_version_1(change: str) -> None:
    """They have the divided weight in place of v. Of a wide matrix, PyTorch's v would be rounding errors."""

    def program(t: Any) -> Any:
        module = t.nn.utils.spectral_norm(filled(t, t.nn.Linear(3, 4)), n_power_iterations=50)
        module(t.ones(3))
        state = {name: value.clone() for name, value in module.state_dict().items()}
        target = t.nn.utils.spectral_norm(t.nn.Linear(3, 4))
        if change != "metadata":
            state["weight"] = state["weight_orig"] / 1.7
            del state["weight_v"]
            state.pop(f"weight{change}" if change else "none", None)
        target.load_state_dict(state)
        v = target.weight_v
        return target.weight_orig, target.weight_u.abs(), v * v.sum().sign(), target.eval()(t.ones(3))

    check(program)


MAPS = ["matrix_exp", "cayley", "householder"]


@pytest.mark.parametrize("based", [False, True])
@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 5, 3), (1, 1), (6, 1)])
@pytest.mark.parametrize("name", MAPS)
def test_orthogonal(name: str, shape: tuple[int, ...], based: bool) -> None:
    """The same map of the same numbers, with its gradients."""

    def program(t: Any) -> Any:
        module = t.nn.Module()
        module.w = t.nn.Parameter(sample(t, *shape))
        module = t.nn.utils.parametrizations.orthogonal(module, "w", name, use_trivialization=based)
        keys = list(module.state_dict())
        inside = module.parametrizations.w
        with t.no_grad():
            inside.original.copy_(sample(t, *shape, seed=5) + (3 if name == "householder" else 0))
            if based:
                inside[0].base.copy_(sample(t, *inside[0].base.shape, seed=6))
        (module.w * sample(t, *shape, seed=7)).sum().backward()
        return keys, module.w, inside.original.grad

    check(program)


@pytest.mark.parametrize("shape", [(3, 3), (5, 3), (2, 4), (2, 4, 3)])
def test_householder_of_a_given_matrix(shape: tuple[int, ...]) -> None:
    """What is assigned, orthogonal or not, is kept by its reflections, as LAPACK has them."""

    def program(t: Any) -> Any:
        module = t.nn.Module()
        module.w = t.nn.Parameter(sample(t, *shape))
        module = t.nn.utils.parametrizations.orthogonal(module, "w", "householder", use_trivialization=False)
        first = module.w, module.parametrizations.w.original
        module.w = t.eye(shape[-2], shape[-1]).expand(shape).clone()
        return first, module.w, module.parametrizations.w.original

    check(program)


@pytest.mark.parametrize("name", [None, *MAPS])
@pytest.mark.parametrize("shape", [(4, 4), (6, 3), (3, 6)])
def test_orthogonal_keeps_what_is_orthogonal(shape: tuple[int, int], name: str | None) -> None:
    layer = torch.nn.utils.parametrizations.orthogonal(torch.nn.Linear(shape[1], shape[0]), "weight", name)
    matrix = torch.nn.init.orthogonal_(torch.empty(shape))
    layer.weight = matrix
    torch.testing.assert_close(layer.weight, matrix, atol=1e-5, rtol=0)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.5)
    for _ in range(3):
        layer(torch.ones(shape[1])).square().sum().backward()
        optimizer.step()
    w = layer.weight if shape[0] <= shape[1] else layer.weight.mT
    torch.testing.assert_close(w @ w.mT, torch.eye(min(shape)), atol=1e-5, rtol=0)
    assert not torch.allclose(layer.weight, matrix, atol=1e-3)


def test_orthogonal_complex() -> None:
    module = torch.nn.utils.parametrizations.orthogonal(complex_matrix(torch), "w")
    with torch.no_grad():
        module.parametrizations.w.original.copy_(torch.randn(4, 3, dtype=torch.complex64))
    np.testing.assert_allclose((module.w.mH @ module.w).detach().numpy(), np.eye(3), atol=1e-5)


def test_inverse_has_second_derivatives() -> None:
    from tritonnn.nn.utils._orthogonal import inverse

    matrix = (sample(torch, 3, 3) + 3 * torch.eye(3)).double().requires_grad_()
    np.testing.assert_allclose(inverse(matrix).detach().numpy(), np.linalg.inv(matrix.detach().numpy()))
    assert torch.autograd.gradcheck(inverse, (matrix,))
    assert torch.autograd.gradgradcheck(inverse, (matrix,))


def test_a_copy_is_independent() -> None:
    import copy

    layer = torch.nn.utils.parametrizations.weight_norm(torch.nn.Linear(3, 2))
    other = copy.deepcopy(layer)
    torch.nn.utils.parametrize.remove_parametrizations(layer, "weight")
    close(plain(other.weight), plain(layer.weight))
    assert outcome(torch, lambda t: other(t.ones(3)))[0] == "value"


@pytest.mark.parametrize("used", ("mean", "rstd", "both", "all"))
def test_gradients_of_statistics(used):
    """Mean and 1 / deviation of groups have gradients, and those have gradients."""
    x = np.random.default_rng(0).standard_normal((2, 6, 5))
    w = np.random.default_rng(1).standard_normal((3, 2, 3))
    found = []
    for library in (reference, torch):
        X = library.tensor(x.tolist(), dtype=library.float64, requires_grad=True)
        weights = library.tensor(w.tolist(), dtype=library.float64)
        result, mean, rstd = library.native_group_norm(X, None, None, 2, 6, 5, 3, 1e-5)
        loss = {"mean": 0 * rstd.sum(), "rstd": 0 * mean.sum()}.get(
            used, (result**3).sum() if used == "all" else 0
        )
        loss = loss + (0 if used == "rstd" else (weights[0] * mean**2).sum())
        loss = loss + (0 if used == "mean" else (weights[1] * rstd**2).sum())
        (plain,) = library.autograd.grad(loss, X, retain_graph=True)
        (first,) = library.autograd.grad(loss, X, create_graph=True)
        (second,) = library.autograd.grad((first**2).sum(), X)
        found.append([part.detach().numpy() for part in (plain, first, second)])
    # of the deviation alone PyTorch's second derivative is -1/3 of what differences give; ours is held to those
    for a, b in list(zip(*found))[: 2 if used == "rstd" else 3]:
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-10)
    X = torch.tensor(x.tolist(), dtype=torch.float64, requires_grad=True)
    statistics = lambda X: torch.native_group_norm(X, None, None, 2, 6, 5, 3, 1e-5)[1:]
    assert torch.autograd.gradcheck(statistics, (X,)) and torch.autograd.gradgradcheck(statistics, (X,))
