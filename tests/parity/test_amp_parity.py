"""torch.amp beside PyTorch's: the scale over a run, saved states, training under autocast, blocks and their names."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import numpy as np
import pytest
import torch as reference
from programs import hold

import tritonnn

BOTH = (tritonnn, reference)
#: factors of the losses of a run: those that are not finite leave their step out
FACTORS = (1, 2, np.inf, 1, 1, 1, np.nan, -np.inf, 3, 1, 1, 1, 1, 1e38, 1, 1, 1)


def scaled_run(library: Any, seed: int, **options: Any) -> list[Any]:
    """Scale, tracker and parameters after each step of two optimizers, whose gradients are sometimes not finite."""
    rng = np.random.default_rng(seed)
    scaler = library.amp.GradScaler("cpu", **options)
    params = [library.tensor(rng.normal(size=3).astype(np.float32), requires_grad=True) for _ in range(2)]
    optimizers = [library.optim.SGD([p], lr=0.1) for p in params]
    seen = []
    for i, factor in enumerate(FACTORS):
        weights = rng.normal(size=3).astype(np.float32)
        losses = [(p * library.tensor(weights)).sum() for p in params]
        losses[i % 2] = losses[i % 2] * factor
        for optimizer, loss in zip(optimizers, losses, strict=True):
            optimizer.zero_grad()
            scaler.scale(loss).backward()
            if i % 3 == 0:
                scaler.unscale_(optimizer)
            scaler.step(optimizer)
        scaler.update(None if i != 11 else 512.0)
        seen.append((scaler.get_scale(), scaler._get_growth_tracker(), *[p.tolist() for p in params]))
    return seen, scaler


@pytest.mark.parametrize(
    "options",
    [
        {}, {"init_scale": 8.0, "growth_interval": 2},
        {"init_scale": 2.0**120, "growth_interval": 1, "growth_factor": 1e3, "backoff_factor": 0.3},
        {"init_scale": 3.0, "growth_factor": 1.1, "backoff_factor": 0.7, "growth_interval": 3},
    ],
)  # fmt: skip
def test_the_scale_over_a_run(options: dict[str, Any]) -> None:
    (got, ours), (wanted, theirs) = (scaled_run(library, 0, **options) for library in BOTH)
    for step, (a, b) in enumerate(zip(got, wanted, strict=True)):
        assert a[:2] == b[:2], f"step {step}"
        np.testing.assert_allclose(np.array(a[2:]), np.array(b[2:]), rtol=1e-6, atol=1e-7)
    assert ours.state_dict() == theirs.state_dict() and list(ours.state_dict()) == list(theirs.state_dict())


@pytest.mark.parametrize(("source", "target"), [BOTH, BOTH[::-1]], ids=["to PyTorch", "from PyTorch"])
def test_states_go_over(source: Any, target: Any) -> None:
    _, scaler = scaled_run(source, 1, init_scale=32.0, growth_interval=3)
    other = target.amp.GradScaler("cpu")
    other.load_state_dict(scaler.state_dict())
    assert other.state_dict() == scaler.state_dict()
    other.scale(target.ones(1))
    assert other.state_dict() == scaler.state_dict()


@pytest.mark.parametrize("unscaled", [False, True])
@pytest.mark.parametrize(
    ("name", "options"),
    [("SGD", {}), ("SGD", {"momentum": 0.9}), ("Adam", {"amsgrad": True}), ("AdamW", {}), ("Adagrad", {})],
)
def test_fused_steps(name: str, options: dict[str, Any], unscaled: bool) -> None:
    """Parameters, unscaled gradients and states; some steps are left out, but for the first, of which PyTorch's SGD
    keeps uninitialised memory as momentum."""

    def run(library: Any) -> list[Any]:
        rng, seen = np.random.default_rng(0), []
        p = library.tensor(rng.normal(size=(3, 4)).astype(np.float32), requires_grad=True)
        optimizer = getattr(library.optim, name)([p], lr=0.1, fused=True, **options)
        assert optimizer._step_supports_amp_scaling
        scaler = library.amp.GradScaler("cpu", init_scale=3.0, growth_interval=2)
        for factor in (1, np.nan, 2, np.inf, 3):
            optimizer.zero_grad()
            scaler.scale((p * p * factor).sum()).backward()
            if unscaled:
                scaler.unscale_(optimizer)
            scaler.step(optimizer)
            scaler.update()
            seen += [
                scaler.get_scale(),
                p.tolist(),
                *[v.tolist() for v in optimizer.state[p].values() if v is not None],
            ]
            if np.isfinite(factor):
                seen.append(p.grad.tolist())
        return seen

    for got, wanted in zip(*map(run, BOTH), strict=True):
        np.testing.assert_allclose(np.array(got), np.array(wanted), rtol=1e-5, atol=1e-6)


LINES = (
    "torch._amp_update_scale_(torch.tensor([4.]), n(1), torch.zeros(1), 2., .5, 2)",
    "torch._amp_update_scale_(torch.tensor([4.]), n(1), torch.ones(1), 2., .5, 2)",
    "torch._amp_update_scale_(torch.tensor([3.]), n(0), torch.zeros(1), 1.1, .7, 1)",
    "torch._amp_update_scale_(torch.tensor([3.]), n(0), torch.ones(1), 1.1, .7, 1)",
    "torch._amp_update_scale_(torch.tensor(3e38), n(1), torch.tensor(0.), 2., .5, 2)",
    "[torch._amp_update_scale_(torch.tensor(3e38), k := n(1), torch.tensor(0.), 2., .5, 2), k]",
    "[torch._amp_update_scale_(torch.tensor([4.]), k := n(9), torch.zeros(1), 2., .5, 2), k]",
    "[torch._amp_update_scale_(torch.tensor([4.]), k := n(9), torch.tensor([nan]), 2., .5, 2), k]",
    "torch._amp_update_scale_(torch.ones(2), n(1), torch.zeros(1), 2., .5, 2)",
    "torch._amp_update_scale_(torch.ones(1), n(1).long(), torch.zeros(1), 2., .5, 2)",
    "torch._amp_update_scale_(torch.ones(1), n(1), torch.zeros(1).double(), 2., .5, 2)",
    *[
        f"[unscale([g := torch.tensor({values}).to(torch.{kind})], f := torch.zeros(1), torch.tensor([{by}])), g, f]"
        for values in ("[3e38, inf, nan, 1.]", "[6e4, 1e-7, -2.]", "[1., -inf]", "[]")
        for kind in ("float32", "float64", "float16", "bfloat16")
        for by in (0.5, 4.0, 1.0)
    ],
    "unscale([torch.ones(2).int()], torch.zeros(1), torch.ones(1))",
    "unscale([torch.ones(2)], torch.zeros(2), torch.ones(1))",
    "unscale([torch.ones(2)], torch.zeros(1), torch.ones(1).double())",
    "unscale(torch.ones(2), torch.zeros(1), torch.ones(1))",
    "unscale([torch.ones(1).expand(3)], torch.zeros(1), torch.ones(1))",
    "unscale([], torch.zeros(1), torch.ones(1))",
    "torch.is_autocast_enabled()", "torch.is_autocast_enabled('cpu')", "torch.is_autocast_enabled('gpu')",
    "torch.is_autocast_enabled(1)", "torch.set_autocast_enabled('cpu')", "torch.set_autocast_enabled(False)",
    "torch.set_autocast_enabled('cpu', 1)", "torch.is_autocast_cache_enabled()", "torch.get_autocast_dtype('meta')",
    "[torch.autocast_increment_nesting(), torch.autocast_decrement_nesting()]", "torch.clear_autocast_cache()",
    "[torch.amp.is_autocast_available(d) for d in ('cpu', 'cuda', 'meta')]", "torch.amp.is_autocast_available('gpu')",
    "torch.amp.is_autocast_available(torch.device('cpu'))", "torch.autocast('meta')", "torch.autocast('gpu')",
    "torch.autocast(1)", "torch.autocast()", "torch.autocast('cpu')(3)", "torch.amp.custom_fwd(lambda: 0)",
    "torch.amp.custom_bwd(lambda: 0)", "torch.amp.custom_fwd(device_type=1)",
    "torch.amp.GradScaler('cpu', growth_factor=1)", "torch.amp.GradScaler('cpu', backoff_factor=1)",
    "torch.amp.GradScaler('cpu').state_dict()", "torch.amp.GradScaler('cpu', enabled=False).state_dict()",
    "torch.amp.GradScaler('cpu').load_state_dict({})", "torch.amp.GradScaler('cpu').load_state_dict({'scale': 1})",
    "torch.amp.GradScaler('cpu').update()", "torch.amp.GradScaler('cpu', enabled=False).scale(3)",
    "torch.amp.GradScaler('cpu', init_scale=4.).scale([torch.ones(2), (torch.ones(1).half(),)])",
)  # fmt: skip


def names(library: Any) -> dict[str, Any]:
    return {
        "n": lambda value: library.tensor([value], dtype=library.int32).reshape((1,)),
        "unscale": library._amp_foreach_non_finite_check_and_unscale_,
    }


@pytest.mark.parametrize("line", LINES)
def test_lines(line: str) -> None:
    hold(line, names, "cpu")


@pytest.mark.parametrize(
    "path",
    [
        "amp.autocast", "amp.GradScaler", "amp.custom_fwd", "amp.custom_bwd", "amp.is_autocast_available",
        "cuda.amp.autocast", "cuda.amp.GradScaler", "cuda.amp.custom_fwd", "cuda.amp.custom_bwd", "cpu.amp.autocast",
        "cpu.amp.GradScaler", "amp.autocast_mode.autocast_decorator", "amp.GradScaler.scale", "amp.GradScaler.unscale_",
        "amp.GradScaler.step", "amp.GradScaler.update", "amp.GradScaler.load_state_dict",
    ],
)  # fmt: skip
def test_signatures(path: str) -> None:
    ours, theirs = BOTH
    for name in path.split("."):
        ours, theirs = getattr(ours, name), getattr(theirs, name)
    shown = [
        [(p.name, p.kind, str(p.default)) for p in inspect.signature(function).parameters.values()]
        for function in (ours, theirs)
    ]
    assert shown[0] == shown[1]


def test_names() -> None:
    for place in ("amp", "cuda.amp", "cpu.amp", "amp.autocast_mode", "amp.grad_scaler"):
        ours, theirs = BOTH
        for name in place.split("."):
            ours, theirs = getattr(ours, name), getattr(theirs, name)
        assert not set(getattr(theirs, "__all__", ())) - set(dir(ours)), place
    here = {name for name in dir(reference) if "autocast" in name}
    others = {name for name in here if "_ipu_" in name or "_xla_" in name}  # devices that are not here
    assert not here - others - set(dir(tritonnn))


# ---- values and gradients -----------------------------------------------------------------------------------------


def arrays(seed: int, *shapes: tuple[int, ...]) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype(np.float32) for shape in shapes]


CALLS = {
    "linear": (lambda t, x, w: t.nn.functional.linear(x, w), (4, 8), (3, 8)),
    "matmul twice": (lambda t, x, w: x @ w @ w, (4, 8), (8, 8)),
    "conv2d": (lambda t, x, w: t.nn.functional.conv2d(x, w, padding=1), (2, 3, 6, 6), (4, 3, 3, 3)),
    "attention": (
        lambda t, x, w: t.nn.functional.scaled_dot_product_attention(x, w, w),
        (2, 5, 8),
        (2, 5, 8),
    ),
    "loss": (lambda t, x, w: t.nn.functional.mse_loss(x @ w, (w @ w)[:4]), (4, 8), (8, 8)),
    "einsum": (lambda t, x, w: t.einsum("ij,kj->ik", x, w), (4, 8), (3, 8)),
    "cat": (lambda t, x, w: t.cat([x @ w, x]), (4, 8), (8, 8)),
    "island": (lambda t, x, w: island(t, x @ w, w) @ w, (4, 8), (8, 8)),
}


def island(library: Any, x: Any, w: Any) -> Any:
    with library.autocast("cpu", enabled=False):
        return x.float() @ w


@pytest.mark.parametrize("lower", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", CALLS)
def test_values_and_gradients(name: str, lower: str) -> None:
    function, *shapes = CALLS[name]
    seen = []
    for library in BOTH:
        x, w = (library.tensor(a, requires_grad=True) for a in arrays(0, *shapes))
        with library.autocast("cpu", dtype=getattr(library, lower)):
            y = function(library, x, w)
        (y.float() ** 2).sum().backward()
        seen.append((str(y.dtype), *[t.detach().float().tolist() for t in (y, x.grad, w.grad)]))
    (kind, *got), (other, *wanted) = seen
    assert kind == other
    eps = 2.0**-8 if lower == "bfloat16" else 2.0**-11
    for a, b in zip(got, wanted, strict=True):
        size = np.sqrt(np.mean(np.square(b)))
        np.testing.assert_allclose(a, b, rtol=4 * eps, atol=4 * eps * float(size))


# ---- training -------------------------------------------------------------------------------------------------------


def convolutional(nn: Any) -> Any:
    return nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 8, 3), nn.GELU(),
        nn.Flatten(), nn.LayerNorm(32), nn.Linear(32, 4),
    )  # fmt: skip


def transformer(nn: Any) -> Any:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Linear(8, 16)
            self.attend = nn.MultiheadAttention(16, 2, batch_first=True)
            self.norms = nn.ModuleList([nn.LayerNorm(16), nn.LayerNorm(16)])
            self.feed = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16))
            self.head = nn.Linear(16, 4)

        def forward(self, x: Any) -> Any:
            x = self.embed(x.flatten(1).reshape(x.shape[0], -1, 8))
            y = self.norms[0](x)
            x = x + self.attend(y, y, y, need_weights=False)[0]
            x = x + self.feed(self.norms[1](x))
            return self.head(x.mean(1))

    return Model()


def curve(library: Any, build: Any, lower: str, state: dict[str, np.ndarray], steps: int) -> list[float]:
    """The loss at each step."""
    model = build(library.nn)
    model.load_state_dict({name: library.tensor(value) for name, value in state.items()})
    optimizer = library.optim.AdamW(model.parameters(), lr=1e-3)
    scaler = library.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=20, enabled=lower == "float16")
    x = library.tensor(arrays(1, (32, 1, 8, 8))[0])
    y = library.tensor(np.random.default_rng(2).integers(0, 4, 32))
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        with library.autocast("cpu", dtype=getattr(library, lower)):
            loss = library.nn.functional.cross_entropy(model(x), y)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        library.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("lower", ["bfloat16", "float16"])
@pytest.mark.parametrize("build", [convolutional, transformer])
def test_training_follows_the_curve(build: Any, lower: str) -> None:
    reference.manual_seed(0)
    state = {name: value.numpy() for name, value in build(reference.nn).state_dict().items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        got, wanted = (np.array(curve(library, build, lower, state, 100)) for library in BOTH)
    assert wanted[-1] < 0.6 * wanted[0]
    np.testing.assert_allclose(got, wanted, rtol=0.02)
