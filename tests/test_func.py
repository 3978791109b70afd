"""Function transforms against formulas and loops, on every device: torch.func, forward-mode differentiation."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import tritonnn as torch
import tritonnn.autograd.forward_ad as fwAD
import tritonnn.nn.functional as F
from tritonnn._levels import Batched, state
from tritonnn.func import (
    debug_unwrap,
    functional_call,
    functionalize,
    grad,
    grad_and_value,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    linearize,
    vjp,
    vmap,
)

DEVICES = ("cpu", "cuda")


def normal(*shape: int, device: str = "cpu", seed: int = 0) -> torch.Tensor:
    values = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    return torch.from_numpy(values).to(device)


def close(a: torch.Tensor, b: torch.Tensor, tol: float = 1e-5) -> None:
    assert a.shape == b.shape, (a.shape, b.shape)
    assert float((a - b).abs().max()) <= tol * max(1.0, float(b.abs().max()))


# ---- gradients ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", DEVICES)
def test_grad_of_sums_and_powers(device):
    x = normal(5, device=device)
    slopes, value = grad_and_value(lambda a: (a**3).sum())(x)
    close(slopes, 3 * x**2)
    close(value, (x**3).sum())
    assert not slopes.requires_grad
    assert not value.requires_grad
    assert x.grad is None
    assert not x.requires_grad


def test_grad_of_grad():
    f = lambda a: a.sin()
    x = torch.tensor(0.7)
    close(grad(grad(grad(f)))(x), -x.cos())


@pytest.mark.parametrize("device", DEVICES)
def test_per_sample_gradients(device):
    """Those of a layer and a squared loss: 2 (w·x - y) x for each sample."""
    w, x, y = normal(3, device=device), normal(4, 3, device=device, seed=1), normal(4, device=device, seed=2)
    got = vmap(grad(lambda p, a, b: (a @ p - b) ** 2), in_dims=(None, 0, 0))(w, x, y)
    close(got, 2 * (x @ w - y)[:, None] * x)


def test_gradient_beyond_captured_tensor():
    """What a function captures is differentiated by ordinary backward, also through the transform's result."""
    w = torch.tensor([2.0, 3.0], requires_grad=True)
    x = torch.tensor([1.0, -1.0])
    slopes = grad(lambda a: (w * a**2).sum())(x)
    slopes.sum().backward()
    close(w.grad, 2 * x)


def test_input_that_requires_grad():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    grad(lambda a: (a**3).sum())(x).sum().backward()
    close(x.grad, 6 * x.detach())


def test_independent_inputs_get_zeros():
    x, y = normal(2), normal(3)
    a, b = grad(lambda a, b: a.sum(), argnums=(0, 1))(x, y)
    close(a, torch.ones(2))
    close(b, torch.zeros(3))
    close(vjp(lambda a: torch.ones(2), x)[1](x)[0], torch.zeros(2))


def test_vjp_runs_again():
    x = normal(3)
    _, pull = vjp(lambda a: a.exp(), x)
    for scale in (1.0, 2.0):
        close(pull(torch.full((3,), scale))[0], scale * x.exp())


# ---- vmap ---------------------------------------------------------------------------------------------------


def test_vmap_leaves_plain_tensors_alone():
    x = normal(3, 2)
    seen = []
    vmap(lambda a: (seen.append(type(a)), a)[1])(x)
    assert seen == [Batched]
    assert type(vmap(lambda a: a + 1)(x)) is torch.Tensor
    assert state.stack == ()


def test_stack_is_restored_after_errors():
    with pytest.raises(ZeroDivisionError):
        vmap(lambda a: 1 / 0)(torch.ones(2))
    with pytest.raises(ZeroDivisionError):
        grad(lambda a: 1 / 0)(torch.ones(2))
    assert state.stack == ()


def test_scalar_samples_promote_as_scalars():
    """A sample of no dimensions counts as such: float32 data stays float32 beside a float64 number of each sample."""
    x, s = normal(4), torch.arange(3, dtype=torch.float64)
    got = vmap(lambda b: x * b)(s)
    assert got.dtype is torch.float32
    close(got, x * s.float()[:, None])


@pytest.mark.parametrize("device", DEVICES)
def test_vmap_convolution_with_weights_of_each_sample(device):
    x, w = normal(3, 2, 6, 6, device=device), normal(3, 4, 2, 3, 3, device=device, seed=1)
    got = vmap(lambda a, b: F.conv2d(a[None], b, padding=1))(x, w)
    close(got, torch.stack([F.conv2d(a[None], b, padding=1) for a, b in zip(x, w, strict=True)]), 1e-4)


@pytest.mark.parametrize("device", DEVICES)
def test_ensemble_of_modules(device):
    nets = [
        torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.GELU(), torch.nn.Linear(4, 2)) for _ in range(3)
    ]
    nets = [net.to(device) for net in nets]
    params, buffers = torch.func.stack_module_state(nets)
    x = normal(5, 3, device=device)
    got = vmap(lambda p, b, a: functional_call(nets[0], (p, b), (a,)), (0, 0, None))(params, buffers, x)
    close(got, torch.stack([net(x) for net in nets]))


def test_batch_norm_moves_statistics_of_each_sample():
    x = normal(3, 4, 2)
    mean, var = torch.zeros(3, 2), torch.ones(3, 2)
    got = vmap(lambda a, m, v: F.batch_norm(a, m, v, training=True))(x, mean, var)
    for i in range(3):
        m, v = torch.zeros(2), torch.ones(2)
        close(got[i], F.batch_norm(x[i], m, v, training=True))
        close(mean[i], m)
        close(var[i], v)


def test_writes_reach_the_batch():
    x = normal(3, 4)
    copy = x.clone()

    def write(a):
        a[0] = 7.0
        a[1:3].mul_(2)
        return a.sum()

    got = vmap(write)(x)
    copy[:, 0] = 7.0
    copy[:, 1:3] *= 2
    close(x, copy)
    close(got, copy.sum(1))


def test_nested_levels_do_not_mix():
    """An inner vmap's samples and an outer one's stay apart, whichever comes first in a call."""
    x, y = normal(3), normal(4, seed=1)
    close(vmap(lambda a: vmap(lambda b: a - b * a)(y))(x), x[:, None] - x[:, None] * y)
    close(vmap(lambda a: vmap(lambda b: b)(y) * a, out_dims=1)(x), y[:, None] * x)
    inner = vmap(vmap(vmap(torch.mul, (None, 0)), (0, None)), (0, None))
    close(inner(normal(2, 3), y), normal(2, 3)[..., None] * y)


def test_gradient_of_mean_over_vmap():
    """Gradients outside of vmap add up over its samples."""
    w, x = normal(3), normal(4, 3, seed=1)
    close(grad(lambda p: vmap(lambda a: (a @ p).sin())(x).sum())(w), (x @ w).cos() @ x)


def test_vmap_in_threads():
    """Levels belong to a thread."""
    x = normal(3, 2)
    results = {}

    def work(i):
        results[i] = vmap(lambda a: a * i)(x)

    def outer(a):
        threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        return a

    vmap(outer)(x)
    for i in range(3):
        close(results[i], x * i)


def test_debug_unwrap():
    x = normal(3, 2)
    seen = []
    vmap(vmap(lambda a: (seen.append((debug_unwrap(a), debug_unwrap(a, recurse=False))), a)[1]))(x)
    assert seen[0][0].shape == (3, 2)
    assert seen[0][1].shape == (2,)


# ---- randomness ---------------------------------------------------------------------------------------------

DRAWS = {
    "rand": lambda a: torch.rand(5) + 0 * a, "randn": lambda a: torch.randn(5) + 0 * a, "rand_like": torch.rand_like,
    "randint": lambda a: torch.randint(0, 1000, (5,)) + 0 * a, "randperm": lambda a: torch.randperm(5) + 0 * a,
    "normal": lambda a: torch.normal(0.0, 1.0, (5,)) + 0 * a, "uniform_": lambda a: torch.zeros_like(a).uniform_(),
    "dropout": lambda a: F.dropout(a + 1), "feature": lambda a: F.alpha_dropout(a, 0.5, True),
    "exponential_": lambda a: a.clone().exponential_(), "cauchy": lambda a: a.clone().cauchy_(),
    "captured": lambda a: F.dropout(torch.ones(5)) + 0 * a,
}  # fmt: skip


@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("device", DEVICES)
def test_randomness(name, device):
    x = torch.zeros(16, 5)
    run = DRAWS[name]
    different = vmap(run, randomness="different")(x)
    assert len({tuple(row) for row in different.tolist()}) > 8
    same = vmap(run, randomness="same")(x)
    assert len({tuple(row) for row in same.tolist()}) == 1
    with pytest.raises(RuntimeError, match="called random operation while in randomness error mode"):
        vmap(run)(x)
    after = vmap(run, randomness="different")(x)
    assert (after != different).any()


def test_randomness_by_level():
    both = vmap(vmap(lambda a: torch.rand(()) + a, randomness="different"), randomness="same")(
        torch.zeros(8, 8)
    )
    assert len(set(both[0].tolist())) > 4
    assert bool((both == both[0]).all())
    other = vmap(vmap(lambda a: torch.rand(()) + a, randomness="same"), randomness="different")(
        torch.zeros(8, 8)
    )
    assert bool((other == other[:, :1]).all())
    assert len(set(other[:, 0].tolist())) > 4


def test_bernoulli_has_its_probabilities():
    p = torch.tensor([0.0, 0.25, 1.0])
    got = vmap(lambda a: torch.bernoulli(a.expand(4000)), randomness="different")(p).mean(1)
    close(got, p, 0.05)


# ---- forwards -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", DEVICES)
def test_jacobians_and_hessians(device):
    a, x = normal(4, 3, device=device), normal(3, device=device, seed=1)
    f = lambda v: (a @ v).tanh()
    wanted = (1 - (a @ x).tanh() ** 2)[:, None] * a
    close(jacrev(f)(x), wanted)
    close(jacfwd(f)(x), wanted)
    close(jacfwd(f, chunk_size=2)(x), wanted)
    quadratic = a[:3] + a[:3].T
    close(hessian(lambda v: v @ quadratic @ v / 2)(x), quadratic)


def test_jvp_of_captured_samples():
    """A direction of each sample beside a function of each sample gives the sample's own derivative."""
    x, c, v = normal(3), normal(4, 3, seed=1), normal(4, 3, seed=2)
    got = vmap(lambda s, t: jvp(lambda a: (a * s).sin(), (x,), (t,))[1])(c, v)
    close(got, (x * c).cos() * c * v)


def test_linearize_runs_once():
    calls = []

    def f(a):
        calls.append(1)
        return a**3

    x = normal(3)
    _, push = linearize(f, x)
    close(push(torch.ones(3)), 3 * x**2)
    close(push(x), 3 * x**3)
    assert len(calls) == 1


def test_dual_numbers():
    x, t = normal(3), normal(3, seed=1)
    with fwAD.dual_level():
        dual = fwAD.make_dual(x, t)
        primal, tangent = fwAD.unpack_dual(dual * dual)
        close(primal, x * x)
        close(tangent, 2 * x * t)
        assert not primal.requires_grad
        assert fwAD.unpack_dual(x).tangent is None
        assert fwAD.unpack_dual(dual > 0).tangent is None
        with pytest.raises(RuntimeError, match="Nested forward mode AD is not supported"):
            fwAD.enter_dual_level()
        with pytest.raises(
            RuntimeError, match=r"is of size \[3\] while the given forward gradient is of size \[2\]"
        ):
            fwAD.make_dual(x, t[:2])
        with pytest.raises(ValueError, match="Expected tangent to be floating point or complex"):
            fwAD.make_dual(x, torch.ones(3, dtype=torch.int64))
        with fwAD._set_fwd_grad_enabled(False):
            assert fwAD.unpack_dual(fwAD.make_dual(x, t)).tangent is None
    assert fwAD.unpack_dual(dual).tangent is None


def test_dual_parameters_of_a_module():
    layer = torch.nn.Linear(3, 2)
    x = normal(4, 3)
    with fwAD.dual_level():
        for name, p in list(layer.named_parameters()):
            delattr(layer, name)
            setattr(layer, name, fwAD.make_dual(p.detach(), torch.ones_like(p)))
        tangent = fwAD.unpack_dual(layer(x)).tangent
    close(tangent, (x.sum(1) + 1)[:, None].expand(4, 2))


# ---- others -------------------------------------------------------------------------------------------------


def test_functionalize_is_the_function():
    x = normal(3)

    def f(a):
        b = a.clone()
        b.view(-1).mul_(2)
        return b

    close(functionalize(f)(x), 2 * x)
    close(vmap(functionalize(f, remove="mutations_and_views"))(x), 2 * x)


def test_no_loop_where_there_is_a_rule(recwarn):
    """Common programs run no op sample by sample."""
    image, q = normal(2, 3, 8, 8), normal(2, 2, 4, 6)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU(),
                              torch.nn.MaxPool2d(2), torch.nn.Flatten(), torch.nn.Linear(36, 5)).eval()  # fmt: skip
    params = {name: p.detach() for name, p in net.named_parameters()}
    loss = lambda p, a: F.cross_entropy(functional_call(net, p, (a[None],)), torch.tensor([1]))
    got = vmap(grad(loss), (None, 0))(params, image)
    for name, p in params.items():
        wanted = torch.stack([grad(loss)(params, a)[name] for a in image])
        assert wanted.shape[1:] == p.shape
        close(got[name], wanted, 1e-4)
    vmap(lambda a: F.scaled_dot_product_attention(a, a, a, is_causal=True))(q)
    jacrev(lambda a: F.layer_norm(a, (6,)).softmax(-1).sum(0))(q[0])
    assert not [w for w in recwarn if "performance drop" in str(w.message)]


def test_loop_says_so(monkeypatch):
    from tritonnn import errors

    monkeypatch.setattr(errors, "_warned", set())
    with pytest.warns(
        UserWarning, match="performance drop because we have not yet implemented the batching rule"
    ):
        vmap(lambda a: torch.histc(a, 3, 0, 1))(normal(2, 5))
