"""Steps and schedules against formulas and numbers worked out by hand."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest

import tritonnn as torch

optim, S = torch.optim, torch.optim.lr_scheduler
device = pytest.mark.parametrize("device", ("cpu", "cuda"))
foreach = pytest.mark.parametrize("foreach", (None, True, False))


def parameter(*values: float, device: str = "cpu") -> torch.Tensor:
    return torch.tensor(values, device=device, dtype=torch.float64, requires_grad=True)


def step(opt: Any, p: torch.Tensor, *grad: float) -> list[float]:
    p.grad = torch.tensor(grad, device=p.device, dtype=p.dtype)
    opt.step()
    return p.tolist()


# ---- the first steps of Adam's family ---------------------------------------------------------------------

W, G, H, LR = [1.0, -2.0], [0.3, -0.001], [-0.2, 0.004], 0.1  # the parameter, two gradients, the rate


def moments(steps: int) -> tuple[np.ndarray, np.ndarray]:
    m = v = np.zeros(2)
    for g in ([G, H])[:steps]:
        m, v = 0.9 * m + 0.1 * np.array(g), 0.999 * v + 0.001 * np.square(g)
    return m, v


def adam(t: int) -> np.ndarray:
    m, v = moments(t)
    return LR * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)


def nadam(t: int) -> np.ndarray:
    mu = [0.9 * (1 - 0.5 * 0.96 ** (s * 0.004)) for s in range(1, t + 2)]
    m, v = moments(t)
    g, product = np.array([G, H][t - 1]), math.prod(mu[:t])
    root = np.sqrt(v / (1 - 0.999**t)) + 1e-8
    return LR * ((1 - mu[t - 1]) * g / (1 - product) + mu[t] * m / (1 - product * mu[t])) / root


def radam(t: int) -> np.ndarray:  # no variance yet in the first five steps: the corrected mean alone
    return LR * moments(t)[0] / (1 - 0.9**t)


def adamax(t: int) -> np.ndarray:
    largest = np.abs(G) + 1e-8
    if t == 2:
        largest = np.maximum(0.999 * largest, np.abs(H) + 1e-8)
    return LR / (1 - 0.9**t) * moments(t)[0] / largest


FAMILY = {"Adam": adam, "AdamW": adam, "NAdam": nadam, "RAdam": radam, "Adamax": adamax}


@device
@foreach
@pytest.mark.parametrize("name", FAMILY)
def test_first_steps_are_corrected_for_their_bias(name: str, foreach: bool | None, device: str) -> None:
    p = parameter(*W, device=device)
    opt = getattr(optim, name)([p], lr=LR, foreach=foreach)
    wanted = np.array(W)
    for t, grad in ((1, G), (2, H)):
        decay = 1 - LR * 0.01 if name == "AdamW" else 1
        wanted = wanted * decay - FAMILY[name](t)
        # NAdam keeps the product of its momenta in float32
        np.testing.assert_allclose(step(opt, p, *grad), wanted, rtol=1e-7 if name == "NAdam" else 1e-12)
        assert opt.state[p]["step"].item() == t


def test_the_first_step_of_adam_is_the_rate_whatever_the_gradient() -> None:
    for size in (1e3, 1.0, 1e-4):
        p = parameter(0.0, 0.0)
        np.testing.assert_allclose(step(optim.Adam([p], lr=LR), p, size, -size), [-LR, LR], rtol=1e-3)


@foreach
@pytest.mark.parametrize("name", ("Adam", "AdamW", "NAdam", "RAdam", "Adamax", "ASGD", "Adagrad", "Adadelta"))
def test_each_parameter_counts_its_own_steps(name: str, foreach: bool | None) -> None:
    """A parameter that had no gradient in some steps goes on as one that was alone in the others."""
    both, alone = [parameter(*W), parameter(*W)], parameter(*W)
    opt, other = (getattr(optim, name)(params, lr=LR, foreach=foreach) for params in (both, [alone]))
    for t in range(3):
        both[1].grad = None if t == 1 else torch.tensor(G, dtype=torch.float64)
        step(opt, both[0], *G)
        if t != 1:
            step(other, alone, *G)
    assert [opt.state[p]["step"].item() for p in both] == [3, 2]
    assert both[1].tolist() == alone.tolist() != both[0].tolist()


@pytest.mark.parametrize("name", ("Adam", "NAdam", "RAdam", "Adamax", "ASGD"))
def test_a_loaded_state_goes_on_counting(name: str) -> None:
    first, second = parameter(*W), parameter(*W)
    opt = getattr(optim, name)([first], lr=LR)
    for grad in (G, H, G):
        step(opt, first, *grad)
    with torch.no_grad():
        second.copy_(first)
    resumed = getattr(optim, name)([second], lr=1.0)
    resumed.load_state_dict(copy.deepcopy(opt.state_dict()))
    assert step(resumed, second, *H) == pytest.approx(step(opt, first, *H), rel=1e-8)
    assert resumed.state[second]["step"].item() == 4


# ---- differentiable steps ---------------------------------------------------------------------------------


@device
@pytest.mark.parametrize("name", ("Adam", "AdamW"))
@pytest.mark.parametrize("eps", (0.5, 1e-8))
def test_a_differentiable_step_knows_eps(name: str, eps: float, device: str) -> None:
    """The first step is w - lr g / (|g| + eps); with g = c w its derivative is 1 - lr c eps / (|g| + eps)^2."""
    decay = LR * 0.01 if name == "AdamW" else 0
    for c in (3.0, 1e-6):
        w = parameter(*W, device=device)
        p = w.clone()
        opt = getattr(optim, name)([p], lr=LR, eps=eps, differentiable=True)
        p.grad = w * c
        opt.step()
        p.sum().backward()
        values, g = np.array(W), c * np.array(W)
        np.testing.assert_allclose(
            p.detach().cpu().numpy(), values * (1 - decay) - LR * g / (abs(g) + eps), rtol=1e-12
        )
        np.testing.assert_allclose(
            w.grad.cpu().numpy(), 1 - decay - LR * c * eps / (abs(g) + eps) ** 2, rtol=1e-9
        )


# ---- ASGD -------------------------------------------------------------------------------------------------


@device
@foreach
def test_asgd_averages_from_t0_on(foreach: bool | None, device: str) -> None:
    p, lambd, alpha, t0 = parameter(*W, device=device), 0.01, 0.75, 3
    opt = optim.ASGD([p], lr=LR, lambd=lambd, alpha=alpha, t0=t0, foreach=foreach)
    value, average, eta, mu = np.array(W), np.zeros(2), LR, 1.0
    for t in range(1, 8):
        grad = np.array(G) * t
        value = value * (1 - lambd * eta) - eta * grad
        average = value.copy() if mu == 1 else average + mu * (value - average)
        eta, mu = LR / (1 + lambd * LR * t) ** alpha, 1 / max(1, t - t0)
        np.testing.assert_allclose(step(opt, p, *grad), value, rtol=1e-6)
        state = opt.state[p]
        np.testing.assert_allclose(state["ax"].cpu().numpy(), average, rtol=1e-6)
        assert float(state["eta"]) == pytest.approx(eta) and float(state["mu"]) == pytest.approx(mu)
    assert not np.allclose(average, value)


# ---- schedules --------------------------------------------------------------------------------------------


def rates(steps: int, **options: Any) -> list[float]:
    opt = optim.SGD([parameter(1.0)], lr=0.1)
    schedule = S.CyclicLR(opt, 0.1, 0.5, step_size_up=2, step_size_down=3, cycle_momentum=False, **options)
    values = []
    for _ in range(steps):
        values.append(opt.param_groups[0]["lr"])
        opt.step()
        schedule.step()
    return values


SHAPE = [0, 1 / 2, 1, 2 / 3, 1 / 3]  # of one cycle: two steps up, three down


@pytest.mark.parametrize(
    ("options", "scale"),
    [
        ({"mode": "triangular"}, lambda cycle, t: 1),
        ({"mode": "triangular2"}, lambda cycle, t: 1 / 2 ** (cycle - 1)),
        ({"mode": "exp_range", "gamma": 0.9}, lambda cycle, t: 0.9**t),
        ({"scale_fn": lambda cycle: 1 / cycle, "scale_mode": "cycle"}, lambda cycle, t: 1 / cycle),
        ({"scale_fn": lambda t: 1 / (1 + t), "scale_mode": "iterations"}, lambda cycle, t: 1 / (1 + t)),
    ],
)
def test_cycles(options: dict, scale: Any) -> None:
    wanted = [0.1 + 0.4 * SHAPE[t % 5] * scale(t // 5 + 1, t) for t in range(18)]
    assert rates(18, **options) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("mode", "threshold_mode", "best", "better", "worse"),
    [
        ("min", "rel", 10.0, 8.99, 9.01),  # by more than a tenth of it
        ("max", "rel", 10.0, 11.01, 10.99),
        ("min", "abs", 10.0, 9.89, 9.91),  # by more than a tenth
        ("max", "abs", 10.0, 10.11, 10.09),
        ("min", "rel", -10.0, -9.01, -8.99),  # PyTorch's rule taken literally: best * (1 - threshold)
        ("max", "rel", -10.0, -10.99, -11.01),
    ],
)
def test_what_a_plateau_counts_as_better(
    mode: str, threshold_mode: str, best: float, better: float, worse: float
) -> None:
    for value, count in ((better, 0), (worse, 1)):
        schedule = S.ReduceLROnPlateau(
            optim.SGD([parameter(1.0)], lr=1.0), mode, threshold=0.1, threshold_mode=threshold_mode
        )
        schedule.step(best)
        assert schedule.num_bad_epochs == 0 and schedule.best == best
        schedule.step(value)
        assert schedule.num_bad_epochs == count
        assert schedule.best == (best if count else value)


def test_a_plateau_leaves_out_steps_smaller_than_eps() -> None:
    opt = optim.SGD([parameter(1.0)], lr=1.0)
    schedule = S.ReduceLROnPlateau(opt, patience=0, factor=0.5, eps=0.2)
    values = []
    for _ in range(5):
        schedule.step(1.0)
        values.append(opt.param_groups[0]["lr"])
    assert values == [1, 0.5, 0.25, 0.25, 0.25]  # the next one would take away 0.125


def test_a_plateau_waits_out_patience_and_cooldown() -> None:
    opt = optim.SGD([parameter(1.0)], lr=1.0)
    schedule = S.ReduceLROnPlateau(opt, patience=2, cooldown=2, factor=0.5, min_lr=0.2)
    values = []
    for _ in range(14):
        schedule.step(1.0)
        values.append(opt.param_groups[0]["lr"])
    assert values == [1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.25, 0.2]
    assert not math.isnan(schedule.best) and schedule.best == 1
