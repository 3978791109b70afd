"""L-BFGS and the schedules of the learning rate."""

from __future__ import annotations

import math
import warnings
import weakref

import pytest

import tritonnn as torch
from tritonnn import optim
from tritonnn.optim import lr_scheduler


def leaf(*values: float) -> torch.Tensor:
    return torch.tensor(list(values), requires_grad=True)


# ---- L-BFGS ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_lbfgs_finds_the_valley_of_rosenbrock(search):
    p = torch.tensor([-1.5, 2.0], dtype=torch.float64, requires_grad=True)
    opt = optim.LBFGS([p], lr=1 if search else 1e-3, max_iter=40, line_search_fn=search)
    calls = 0

    def closure():
        nonlocal calls
        calls += 1
        opt.zero_grad()
        x, y = p.unbind()
        loss = (1 - x) ** 2 + 100 * (y - x * x) ** 2
        loss.backward()
        return loss

    first = float(opt.step(closure))
    for _ in range(4):
        opt.step(closure)
    assert first == pytest.approx(12.5) and opt.state[p]["func_evals"] == calls
    assert float(closure()) < (1e-9 if search else first)


def test_lbfgs_checks():
    with pytest.raises(ValueError, match="parameter groups"):
        optim.LBFGS([{"params": [leaf(1.0)]}, {"params": [leaf(1.0)]}])
    opt = optim.LBFGS([leaf(1.0)], line_search_fn="armijo")
    with pytest.raises(TypeError, match="closure"):
        opt.step()
    with pytest.raises(RuntimeError, match="only 'strong_wolfe'"):
        opt.step(lambda: 0)


# ---- schedules ---------------------------------------------------------------------------------------------------


def rates(build, steps: int = 6, lr: float = 1.0, **options) -> list[float]:
    """The learning rate at the start and after every step."""
    opt = optim.SGD([leaf(1.0)], lr=lr, **options)
    scheduler = build(opt)
    values = [opt.param_groups[0]["lr"]]
    for _ in range(steps):
        opt.step()
        scheduler.step()
        assert scheduler.get_last_lr() == [opt.param_groups[0]["lr"]]
        values.append(opt.param_groups[0]["lr"])
    return values


S = lr_scheduler
CURVES = {
    "StepLR": (lambda o: S.StepLR(o, 2, 0.5), [1, 1, 0.5, 0.5, 0.25, 0.25, 0.125]),
    "MultiStepLR": (lambda o: S.MultiStepLR(o, [1, 4, 4], 0.5), [1, 0.5, 0.5, 0.5, 0.125, 0.125, 0.125]),
    "ExponentialLR": (lambda o: S.ExponentialLR(o, 0.5), [0.5**t for t in range(7)]),
    "ConstantLR": (lambda o: S.ConstantLR(o, 0.5, 3), [0.5, 0.5, 0.5, 1, 1, 1, 1]),
    "LinearLR": (lambda o: S.LinearLR(o, 0.5, 1.0, 4), [0.5, 0.625, 0.75, 0.875, 1, 1, 1]),
    "PolynomialLR": (lambda o: S.PolynomialLR(o, 4, 2.0), [1, 0.5625, 0.25, 0.0625, 0, 0, 0]),
    "LambdaLR": (lambda o: S.LambdaLR(o, lambda t: 1 / (1 + t)), [1 / (1 + t) for t in range(7)]),
    "MultiplicativeLR": (lambda o: S.MultiplicativeLR(o, lambda t: 0.5), [0.5**t for t in range(7)]),
    "CosineAnnealingLR": (
        lambda o: S.CosineAnnealingLR(o, 4, 0.2),
        [0.2 + 0.8 * (1 + math.cos(math.pi * t / 4)) / 2 for t in range(7)],
    ),
    "CosineAnnealingWarmRestarts": (
        lambda o: S.CosineAnnealingWarmRestarts(o, 2, 2),
        [1, 0.5, 1, (1 + math.cos(math.pi / 4)) / 2, 0.5, (1 + math.cos(3 * math.pi / 4)) / 2, 1],
    ),
    "CyclicLR": (
        lambda o: S.CyclicLR(o, 0.2, 1.0, 2, cycle_momentum=False),
        [0.2, 0.6, 1, 0.6, 0.2, 0.6, 1],
    ),
    "OneCycleLR": (
        lambda o: S.OneCycleLR(
            o,
            1.0,
            total_steps=7,
            pct_start=3 / 7,
            anneal_strategy="linear",
            div_factor=2,
            cycle_momentum=False,
        ),
        [0.5, 0.75, 1, *(1 + (0.5e-4 - 1) * t / 4 for t in range(1, 5))],
    ),
    "SequentialLR": (
        lambda o: S.SequentialLR(o, [S.ConstantLR(o, 0.5, 9), S.ExponentialLR(o, 0.5)], [3]),
        [0.5, 0.5, 0.5, 1, 0.5, 0.25, 0.125],
    ),
    "ChainedScheduler": (
        lambda o: S.ChainedScheduler([S.ConstantLR(o, 0.5, 2), S.ExponentialLR(o, 0.5)]),
        [0.5, 0.25, 0.25, 0.125, 0.0625, 0.03125, 0.015625],
    ),
}


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.filterwarnings("ignore:Detected call")
def test_schedule(name):
    build, wanted = CURVES[name]
    assert rates(build) == pytest.approx(wanted)


@pytest.mark.parametrize("name", [n for n in CURVES if n not in ("SequentialLR", "ChainedScheduler")])
def test_schedule_resumes_from_its_state(name):
    build, wanted = CURVES[name]
    first = optim.SGD([leaf(1.0)], lr=1.0)
    scheduler = build(first)
    for _ in range(3):
        first.step()
        scheduler.step()
    second = optim.SGD([leaf(1.0)], lr=1.0)
    resumed = build(second)
    resumed.load_state_dict(scheduler.state_dict())
    second.load_state_dict(first.state_dict())
    second.step()
    resumed.step()
    assert second.param_groups[0]["lr"] == pytest.approx(wanted[4])


def test_momentum_moves_against_the_rate():
    opt = optim.Adam([leaf(1.0)], lr=1.0, betas=(0.5, 0.7))
    scheduler = S.CyclicLR(opt, 0.1, 1.0, 2, base_momentum=0.8, max_momentum=0.9)
    assert opt.param_groups[0]["betas"] == (0.9, 0.7)
    for wanted in (0.85, 0.8, 0.85):
        opt.step()
        scheduler.step()
        assert opt.param_groups[0]["betas"] == (pytest.approx(wanted), 0.7)
    with pytest.raises(ValueError, match="must support momentum"):
        S.OneCycleLR(optim.Adagrad([leaf(1.0)]), 1.0, total_steps=3)


def test_a_tensor_rate_keeps_its_identity():
    lr = torch.tensor(1.0)
    opt = optim.SGD([leaf(1.0)], lr=lr)
    scheduler = S.ExponentialLR(opt, 0.5)
    opt.step()
    scheduler.step()
    assert opt.param_groups[0]["lr"] is lr and lr.item() == 0.5 and scheduler.base_lrs[0].item() == 1.0


def test_plateau(capsys):
    opt = optim.SGD([leaf(1.0)], lr=1.0)
    scheduler = S.ReduceLROnPlateau(opt, factor=0.5, patience=1, cooldown=1, min_lr=0.2, verbose=True)
    rates_seen = []
    for loss in (1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0):
        scheduler.step(loss)
        rates_seen.append(opt.param_groups[0]["lr"])
    assert rates_seen == [1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.2, 0.2]
    assert "reducing learning rate of group 0 to 5.0000e-01" in capsys.readouterr().out
    best = S.ReduceLROnPlateau(opt, mode="max", threshold=0.1, threshold_mode="abs", patience=0)
    best.step(torch.tensor(1.0))
    best.step(1.05)
    assert opt.param_groups[0]["lr"] == pytest.approx(0.02) and best.best == 1.0


@pytest.mark.parametrize(
    ("build", "error", "match"),
    [
        (lambda o: S.StepLR(3, 1), TypeError, "int is not an Optimizer"),
        (lambda o: S.StepLR(o, 1, last_epoch=2), KeyError, "initial_lr"),
        (lambda o: S.LambdaLR(o, [lambda t: 1] * 2), ValueError, "Expected 1 lr_lambdas, but got 2"),
        (lambda o: S.ConstantLR(o, 2.0), ValueError, "between 0 and 1"),
        (lambda o: S.LinearLR(o, 0.0), ValueError, "greater than 0"),
        (lambda o: S.CosineAnnealingWarmRestarts(o, 0), ValueError, "positive integer T_0"),
        (lambda o: S.OneCycleLR(o, 1.0), ValueError, "total_steps OR"),
        (lambda o: S.OneCycleLR(o, 1.0, total_steps=3, anneal_strategy="x"), ValueError, "'cos' or 'linear'"),
        (lambda o: S.CyclicLR(o, 0.1, 1.0, mode="x"), ValueError, "mode is invalid"),
        (lambda o: S.ReduceLROnPlateau(o, factor=1.0), ValueError, "Factor should be"),
        (lambda o: S.ReduceLROnPlateau(o, mode="x"), ValueError, "mode x is unknown"),
        (lambda o: S.SequentialLR(o, [], []), ValueError, "at least one scheduler"),
        (lambda o: S.SequentialLR(o, [S.StepLR(o, 1)], [1]), ValueError, "one more than"),
        (lambda o: S.ChainedScheduler([S.ReduceLROnPlateau(o)]), ValueError, "does not support"),
    ],
)
def test_schedules_check_their_arguments(build, error, match):
    with pytest.raises(error, match=match):
        build(optim.SGD([leaf(1.0)], lr=1.0, momentum=0.9))


def test_schedules_warn_of_a_wrong_order():
    opt = optim.SGD([leaf(1.0)], lr=1.0)
    scheduler = S.ExponentialLR(opt, 0.5)
    with pytest.warns(UserWarning, match="before `optimizer.step"):
        scheduler.step()
    with pytest.warns(UserWarning, match="epoch parameter"):
        scheduler.step(5)
    assert opt.param_groups[0]["lr"] == pytest.approx(0.5**5)
    with pytest.warns(UserWarning, match="get_last_lr"):
        scheduler.get_lr()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        opt.step()
        scheduler.step()


class Around(optim.Optimizer):
    """Hands its steps to another optimizer, whose groups it shows; it is not initialised as one."""

    def __init__(self, inside):
        self.inside = inside

    @property
    def param_groups(self):
        return self.inside.param_groups

    def step(self, closure=None):
        self.inside.step(closure)


@pytest.mark.parametrize("replaced", [False, True])
def test_steps_of_an_optimizer_around_another_count(replaced):
    inside = optim.SGD([leaf(1.0)], lr=1.0)
    opt, calls = Around(inside), []
    if replaced:
        opt.step = lambda: calls.append(inside.step())
    gone = weakref.ref(opt)
    scheduler = S.ExponentialLR(opt, 0.5)
    with pytest.warns(UserWarning, match="before `optimizer.step"):
        scheduler.step()
    other = S.ExponentialLR(opt, 0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        opt.step()
        other.step()
    assert len(calls) == replaced and opt.param_groups[0]["lr"] == 0.25
    del opt, scheduler, other
    assert gone() is None  # without the cycle collector
