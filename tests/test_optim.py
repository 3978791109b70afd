"""Optimizers: the base class, every update against its textbook formula, and the multi-tensor steps."""

from __future__ import annotations

import numpy as np
import optimizer_formulas as textbook
import pytest

import tritonnn as torch
from tritonnn import optim
from tritonnn.ops.optimizer.optimizer import elementwise_step
from tritonnn.optim.adam import adam_formula as adam_update

DEVICES = ("cpu", "cuda")

# Each follows the formula of its name in optimizer_formulas.py.
CASES = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("Adam", {"lr": 0.1}),
    ("Adam", {"lr": 0.1, "betas": (0.5, 0.7), "eps": 0.1, "weight_decay": 0.2, "amsgrad": True}),
    ("AdamW", {"lr": 0.1}),
    ("AdamW", {"lr": 0.1, "weight_decay": 0.5, "amsgrad": True}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.3}),
    ("Adadelta", {"lr": 0.5, "rho": 0.8, "weight_decay": 0.1}),
    ("RMSprop", {"lr": 0.1}),
    ("RMSprop", {"lr": 0.1, "momentum": 0.9, "centered": True, "weight_decay": 0.1}),
    ("Rprop", {"lr": 0.1, "etas": (0.4, 1.5), "step_sizes": (0.05, 0.2)}),
    ("Adamax", {"lr": 0.1, "weight_decay": 0.1}),
    ("NAdam", {"lr": 0.1, "weight_decay": 0.1}),
    ("RAdam", {"lr": 0.1, "weight_decay": 0.1}),
    ("ASGD", {"lr": 0.1, "lambd": 0.1, "weight_decay": 0.1}),
]
IDS = [f"{name}_{i}" for i, (name, _) in enumerate(CASES)]
SHAPES = ((3, 4), (), (5,), (2, 0))
STEPS = 8


def arrays(seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.normal(size=shape)) for shape in SHAPES]


def run(
    name: str, options: dict, device: str = "cpu", dtype=torch.float64, steps: int = STEPS
) -> list[np.ndarray]:
    """The parameters after `steps` steps, with gradients from arrays(1), arrays(2), ..."""
    params = [torch.from_numpy(a.copy()).to(device, dtype).requires_grad_() for a in arrays(0)]
    optimizer = getattr(optim, name)(params, **options)
    for t in range(1, steps + 1):
        for p, g in zip(params, arrays(t), strict=True):
            p.grad = torch.from_numpy(g).to(device, dtype)
        optimizer.step()
    return [p.detach().cpu().to(torch.float64).numpy() for p in params]


def expected(name, options: dict, sign: int = 1, steps: int = STEPS) -> list[np.ndarray]:
    formula = getattr(textbook, name.lower())
    grads = [arrays(t) for t in range(1, steps + 1)]
    return [formula(p, [sign * g[i] for g in grads], **options) for i, p in enumerate(arrays(0))]


@pytest.mark.parametrize("foreach", [None, False, True])
@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_update_follows_the_formula(name, options, foreach):
    for got, wanted in zip(run(name, {**options, "foreach": foreach}), expected(name, options), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=tolerance(name))


def tolerance(name: str) -> float:
    """NAdam and ASGD keep a running number per parameter in float32."""
    return 1e-6 if name in ("NAdam", "ASGD") else 1e-12


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_maximize_climbs(name, options):
    for got, wanted in zip(
        run(name, {**options, "maximize": True}), expected(name, options, -1), strict=True
    ):
        np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=tolerance(name))


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_update_on_the_gpu(name, options):
    got = run(name, options, "cuda", torch.float32, steps=3)
    for a, b in zip(got, expected(name, options, steps=3), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize(("name", "options"), CASES[:7], ids=IDS[:7])
def test_half_precision_rounds_once_a_step(name, options, dtype, device):
    got = run(name, options, device, dtype, steps=3)
    for a, b in zip(got, expected(name, options, steps=3), strict=True):
        np.testing.assert_allclose(a, b, rtol=0.05, atol=0.05 if dtype is torch.bfloat16 else 0.01)


@pytest.mark.parametrize(
    "options", [{"fused": True}, {"decoupled_weight_decay": True, "weight_decay": 0.1}], ids=str
)
def test_adam_variants(options):
    known = {"decoupled": True, "weight_decay": 0.1} if "weight_decay" in options else {}
    for got, wanted in zip(run("Adam", options), expected("Adam", known), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-6 if "fused" in options else 1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["Adam", "NAdam", "RAdam", "RMSprop", "Adadelta", "Adamax", "ASGD", "Rprop"])
def test_capturable_agrees_and_keeps_its_counters_on_the_gpu(name):
    options = {"ASGD": {"lambd": 0.5, "t0": 1}, "RAdam": {"betas": (0.6, 0.9)}}.get(name, {})
    plain, on_device, with_tensor = (
        run(name, {**options, **more}, "cuda", torch.float32, 6 if name == "RAdam" else 3)
        for more in (
            {"lr": 0.1},
            {"lr": 0.1, "capturable": True},
            {"lr": torch.tensor(0.1, device="cuda"), "capturable": True},  # read by nobody on the host
        )
    )
    for a, b, c in zip(plain, on_device, with_tensor, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(c, a, rtol=1e-5, atol=1e-5)
    p = torch.ones(2, device="cuda", requires_grad=True)
    opt = getattr(optim, name)([p], capturable=True)
    p.grad = torch.ones(2, device="cuda")
    opt.step()
    assert opt.state[p]["step"].device.type == "cuda"
    with pytest.raises(AssertionError, match="supported devices"):
        run(name, {"capturable": True}, steps=1)


@pytest.mark.parametrize("name", ["SGD", "Adam", "RAdam"])
def test_steps_in_a_graph_go_on_with_every_replay(name):
    def build():
        params = [torch.full((3,), float(i), device="cuda", requires_grad=True) for i in range(2)]
        for p in params:
            p.grad = torch.linspace(-1, 1, 3, device="cuda")
        options = {"momentum": 0.9} if name == "SGD" else {"capturable": True}
        optimizer = getattr(optim, name)(params, lr=0.1, **options)
        optimizer.step()  # state and kernels are made before the capture
        return params, optimizer

    params, optimizer = build()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        optimizer.step()
    for _ in range(3):
        graph.replay()
    eager, other = build()
    for _ in range(3):
        other.step()
    for a, b in zip(params, eager, strict=True):
        np.testing.assert_allclose(a.detach().cpu().numpy(), b.detach().cpu().numpy(), rtol=1e-6)


def test_a_count_on_the_host_cannot_be_captured():
    p = torch.ones(2, device="cuda", requires_grad=True)
    p.grad = torch.ones(2, device="cuda")
    opt = optim.Adam([p])
    opt.step()
    with pytest.raises(RuntimeError, match="capturable is False"), torch.cuda.graph(torch.cuda.CUDAGraph()):
        opt.step()


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "Adagrad", "RMSprop", "NAdam"])
def test_complex_parameters_are_pairs_of_real_ones(name):
    z = torch.tensor([1 + 2j, -3 + 0.5j], dtype=torch.complex128, requires_grad=True)
    x = torch.tensor([[1.0, 2.0], [-3.0, 0.5]], dtype=torch.float64, requires_grad=True)
    options = {"lr": 0.1, **({"momentum": 0.9} if name == "SGD" else {})}
    a, b = getattr(optim, name)([z], **options), getattr(optim, name)([x], **options)
    for _ in range(3):
        z.grad = torch.tensor([0.5 - 1j, 2 + 1j], dtype=torch.complex128)
        x.grad = torch.tensor([[0.5, -1.0], [2.0, 1.0]], dtype=torch.float64)
        a.step()
        b.step()
    got = z.detach().numpy()
    np.testing.assert_allclose(np.stack([got.real, got.imag], -1), x.detach().numpy(), rtol=1e-12)


# ---- the multi-tensor steps --------------------------------------------------------------------------------


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_layouts_make_no_difference(name, device):
    """Transposed, sliced and blocked memory, and gradients laid out differently from their parameter."""
    rng = np.random.default_rng(0)
    value, grad = rng.normal(size=(6, 4)), rng.normal(size=(6, 4))
    results = []
    for p_like, g_like in (
        ("plain", "plain"),
        ("turned", "turned"),
        ("turned", "plain"),
        ("sliced", "turned"),
    ):
        p, g = (_laid_out(a, how, device) for a, how in ((value, p_like), (grad, g_like)))
        p.requires_grad_()
        p.grad = g
        opt = getattr(optim, name)([p], lr=0.1, **({"momentum": 0.9} if name == "SGD" else {}))
        opt.step()
        opt.step()
        results.append(p.detach().cpu().numpy())
    for other in results[1:]:
        np.testing.assert_allclose(other, results[0], rtol=1e-12)


def _laid_out(a: np.ndarray, how: str, device: str):
    t = torch.from_numpy(a).to(device)
    if how == "turned":
        return t.t().contiguous().t()
    if how == "sliced":
        wide = torch.zeros(6, 8, dtype=t.dtype, device=device)
        view = wide.narrow(1, 2, 4)
        view.copy_(t)
        return view
    return t.clone()


def test_large_parameters_go_in_blocks():
    from tritonnn.cpu_fallback.optimizer import optimizer as backend

    size = backend.BLOCK + 17
    p = torch.linspace(-1, 1, size, dtype=torch.float64).requires_grad_()
    before = p.detach().numpy().copy()
    p.grad = torch.linspace(1, 2, size, dtype=torch.float64)
    opt = optim.Adam([p], lr=0.1)
    opt.step()
    np.testing.assert_allclose(
        p.detach().numpy(), textbook.adam(before, [p.grad.numpy()], lr=0.1), atol=1e-12
    )


def test_steps_check_their_lists():
    a, b = torch.ones(2), torch.ones(3)
    step = lambda p, g, states=(), counts=(): elementwise_step(
        [p], [g], list(states), list(counts), adam_update, ("exp_avg", "exp_avg_sq"), {"lr": 0.1}
    )
    with pytest.raises(RuntimeError, match=r"grads\[0\] has shape \(3,\)"):
        step(a, b)
    with pytest.raises(RuntimeError, match="states has 1 tensors: expected 2 for each of 1 params"):
        step(a, a, [a])
    with pytest.raises(RuntimeError, match=r"exp_avg_sq\[0\] has shape \(3,\) but params\[0\] has \(2,\)"):
        step(a, a, [a, b])
    with pytest.raises(RuntimeError, match="steps has 2 tensors for 1 params"):
        step(a, a, [a, a], [a, a])
    with pytest.raises(RuntimeError, match="same device"):
        step(a, a.to("cuda"), [a, a])
    with pytest.raises(RuntimeError, match="single memory location"):
        step(torch.ones(1).expand(4), torch.ones(4), [torch.ones(4), torch.ones(4)])


def test_a_step_is_seen_by_the_version_check():
    p = torch.ones(2, requires_grad=True)
    loss = (p * p).sum()
    p.grad = torch.ones(2)
    optim.SGD([p], lr=0.1).step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


# ---- through autograd ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["SGD", "Adam", "AdamW", "Adagrad", "RMSprop", "Adamax", "NAdam", "Adadelta"]
)
def test_differentiable_steps_carry_the_gradient_of_the_learning_rate(name):
    options = {"momentum": 0.9} if name in ("SGD", "RMSprop") else {}

    def final(rate):
        start = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
        p = start.clone()
        opt = getattr(optim, name)([p], lr=rate, differentiable=True, **options)
        for _ in range(3):
            p.grad = torch.tensor([0.3, -0.8], dtype=torch.float64)
            opt.step()
        return (p * p).sum()

    lr = torch.tensor(0.1, dtype=torch.float64, requires_grad=True)
    final(lr).backward()
    with torch.no_grad():
        h = 1e-6
        slope = (final(torch.tensor(0.1 + h, dtype=torch.float64)) - final(
            torch.tensor(0.1 - h, dtype=torch.float64))).item() / (2 * h)  # fmt: skip
    assert lr.grad.item() == pytest.approx(slope, rel=1e-6)


def test_differentiable_refuses_what_it_cannot_do():
    p = torch.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="`fused` does not support `differentiable`"):
        optim.Adam([p], fused=True, differentiable=True)
    with pytest.raises(RuntimeError, match="cannot be `True` together"):
        optim.SGD([p], fused=True, foreach=True)
    p.grad = torch.ones(2)
    with pytest.raises(AssertionError, match="does not support autograd"):
        optim.RMSprop([p], foreach=True, differentiable=True).step()
    index = torch.ones(2, dtype=torch.complex64, requires_grad=True)
    index.grad = torch.ones(2, dtype=torch.complex64)
    with pytest.raises(RuntimeError, match="floating point"):
        optim.Adam([index], fused=True).step()
