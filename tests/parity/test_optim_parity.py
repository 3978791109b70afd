"""Optimizers and schedules take PyTorch's steps, keep PyTorch's state and load its state dicts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch as reference

import tritonnn as torch

SHAPES = ((3, 4), (), (5,), (2, 2, 2))
CASES: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "maximize": True}),
    ("Adam", {}),
    ("Adam", {"lr": 0.1, "amsgrad": True, "weight_decay": 0.1}),
    ("Adam", {"maximize": True, "weight_decay": 0.3, "betas": (0.5, 0.6), "eps": 0.1}),
    ("Adam", {"fused": True}),
    ("Adam", {"decoupled_weight_decay": True, "weight_decay": 0.2}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.1, "amsgrad": True, "weight_decay": 0.1, "maximize": True}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.3}),
    ("Adadelta", {}),
    ("Adadelta", {"lr": 0.5, "weight_decay": 0.1, "rho": 0.8, "maximize": True}),
    ("RMSprop", {}),
    ("RMSprop", {"centered": True}),
    ("RMSprop", {"momentum": 0.9, "centered": True, "weight_decay": 0.1}),
    ("Rprop", {}),
    ("Rprop", {"lr": 0.1, "etas": (0.4, 1.5), "step_sizes": (0.05, 0.2), "maximize": True}),
    ("Adamax", {}),
    ("Adamax", {"weight_decay": 0.1, "maximize": True}),
    ("NAdam", {}),
    ("NAdam", {"weight_decay": 0.1, "maximize": True}),
    ("NAdam", {"decoupled_weight_decay": True, "weight_decay": 0.1}),
    ("RAdam", {}),
    ("RAdam", {"weight_decay": 0.1, "maximize": True}),
    ("RAdam", {"decoupled_weight_decay": True, "weight_decay": 0.1}),
    ("ASGD", {}),
    ("ASGD", {"weight_decay": 0.1, "maximize": True, "t0": 2, "lambd": 0.1}),
    ("Adafactor", {}),
    (
        "Adafactor",
        {"lr": 0.3, "beta2_decay": -0.5, "eps": (1e-3, 0.1), "weight_decay": 0.1, "maximize": True},
    ),
    ("Adafactor", {"lr": 0.3, "d": 3.0, "eps": (None, 1e-5)}),
]


def run(library: Any, name: str, dtype: str, options: dict[str, Any]) -> tuple[list, Any]:
    """Eight steps with gradients that both libraries get alike; one parameter joins a step later."""
    rng = np.random.default_rng(1)

    def tensor(shape: tuple[int, ...]) -> Any:
        values = rng.normal(size=shape)
        if dtype.startswith("complex"):
            values = values + 1j * rng.normal(size=shape)
        return library.from_numpy(np.asarray(values).astype(dtype))

    params = [tensor(shape).requires_grad_() for shape in SHAPES]
    optimizer = getattr(library.optim, name)(params, **options)
    for t in range(8):
        for i, p in enumerate(params):
            p.grad = None if (i, t) == (2, 0) else tensor(SHAPES[i])
        optimizer.step()
    return params, optimizer


RUNS = [
    pytest.param(name, {**options, "foreach": foreach}, dtype, id=f"{name}_{i}_{dtype}_{foreach}")
    for i, (name, options) in enumerate(CASES)
    for dtype in ("float32", "float64", "complex128")
    for foreach in (None, False, True)
    if not (options.get("fused") and (foreach is not None or dtype == "complex128"))
    and not (name == "Adafactor" and dtype == "complex128")  # refused
]


@pytest.mark.parametrize(("name", "options", "dtype"), RUNS)
def test_steps_and_state(name, options, dtype):
    mine, my_optimizer = run(torch, name, dtype, options)
    theirs, their_optimizer = run(reference, name, dtype, options)
    # PyTorch's foreach ASGD computes its rate in float32.
    limit = 2e-5 if dtype == "float32" else 1e-7 if name == "ASGD" else 1e-10
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=limit, atol=limit)
    assert repr(my_optimizer) == repr(their_optimizer)
    assert_same_state(my_optimizer.state_dict(), their_optimizer.state_dict(), limit)


def assert_same_state(mine: dict, theirs: dict, limit: float) -> None:
    assert mine["param_groups"] == theirs["param_groups"]
    assert set(mine["state"]) == set(theirs["state"])
    for key, wanted in theirs["state"].items():
        got = mine["state"][key]
        assert list(got) == list(wanted)
        for name, value in wanted.items():
            assert str(got[name].dtype) == str(value.dtype) and tuple(got[name].shape) == tuple(value.shape)
            np.testing.assert_allclose(got[name].numpy(), value.numpy(), rtol=limit, atol=limit)


@pytest.mark.parametrize(
    "options",
    [
        {"lr": 0.01},
        {"line_search_fn": "strong_wolfe"},
        {"line_search_fn": "strong_wolfe", "history_size": 3, "max_iter": 7},
        {"lr": 0.001, "max_iter": 4, "history_size": 2},
    ],
    ids=str,
)
def test_lbfgs_takes_the_same_path(options):
    def path(library: Any) -> tuple:
        p = library.tensor([-1.5, 2.0], dtype=library.float64, requires_grad=True)
        q = library.tensor([[0.5]], dtype=library.float64, requires_grad=True)
        optimizer = library.optim.LBFGS([p, q], **options)

        def closure() -> Any:
            optimizer.zero_grad()
            x, y = p.unbind()
            loss = (1 - x) ** 2 + 100 * (y - x**2) ** 2 + ((q - 3) ** 4).sum()
            loss.backward()
            return loss

        losses = [optimizer.step(closure).item() for _ in range(6)]
        state = optimizer.state_dict()["state"][0]
        return losses, p.detach().tolist(), state["n_iter"], state["func_evals"]

    mine, theirs = path(torch), path(reference)
    assert mine[0] == pytest.approx(theirs[0], rel=1e-6)
    assert mine[1] == pytest.approx(theirs[1], rel=1e-6)
    assert mine[2:] == theirs[2:]


SCHEDULES = {
    "StepLR": lambda s, o: s.StepLR(o, 3, 0.5),
    "MultiStepLR": lambda s, o: s.MultiStepLR(o, [2, 5, 5, 9], 0.5),
    "ExponentialLR": lambda s, o: s.ExponentialLR(o, 0.9),
    "CosineAnnealingLR": lambda s, o: s.CosineAnnealingLR(o, 5, eta_min=0.01),
    "LambdaLR": lambda s, o: s.LambdaLR(o, [lambda t: 0.9**t, lambda t: 1 / (t + 1)]),
    "LinearLR": lambda s, o: s.LinearLR(o, 0.2, 0.9, 6),
    "ConstantLR": lambda s, o: s.ConstantLR(o, 0.3, 4),
    "PolynomialLR": lambda s, o: s.PolynomialLR(o, 7, 2.0),
    "MultiplicativeLR": lambda s, o: s.MultiplicativeLR(o, lambda t: 0.95),
    "OneCycleLR": lambda s, o: s.OneCycleLR(o, [1.0, 2.0], total_steps=26),
    "OneCycleLR_three": lambda s, o: s.OneCycleLR(
        o, 1.0, epochs=13, steps_per_epoch=2, three_phase=True, anneal_strategy="linear"
    ),
    "CyclicLR_triangular2": lambda s, o: s.CyclicLR(o, 0.1, 0.6, 4, 3, mode="triangular2"),
    "CyclicLR_exp_range": lambda s, o: s.CyclicLR(o, 0.1, 0.6, 4, mode="exp_range", gamma=0.9),
    "CyclicLR_scale_fn": lambda s, o: s.CyclicLR(
        o, 0.1, [0.6, 0.8], 4, scale_fn=lambda x: 0.5 * x, scale_mode="iterations"
    ),
    "CosineAnnealingWarmRestarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, 2, 0.01),
    "ReduceLROnPlateau": lambda s, o: s.ReduceLROnPlateau(o, factor=0.5, patience=1, cooldown=2),
    "ReduceLROnPlateau_max": lambda s, o: s.ReduceLROnPlateau(
        o, mode="max", threshold_mode="abs", patience=1, min_lr=[0.1, 0.05]
    ),
    "SequentialLR": lambda s, o: s.SequentialLR(
        o, [s.ConstantLR(o, 0.1, 2), s.ExponentialLR(o, 0.9), s.CosineAnnealingLR(o, 4)], [3, 8]
    ),
    "ChainedScheduler": lambda s, o: s.ChainedScheduler([s.ConstantLR(o, 0.1, 2), s.ExponentialLR(o, 0.9)]),
}
METRICS = (1, 0.9, 0.9, 0.9, 0.95, 0.5, 0.5, 0.5, 0.5, 0.5)


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.filterwarnings("ignore:Detected call")
def test_schedule(name, optimizer):
    def curve(library: Any) -> tuple[list, set]:
        a, b = (library.ones(1, requires_grad=True) for _ in range(2))
        options = {"momentum": 0.9} if optimizer == "SGD" else {}
        opt = getattr(library.optim, optimizer)(
            [{"params": [a]}, {"params": [b], "lr": 0.3}], lr=0.5, **options
        )
        scheduler = SCHEDULES[name](library.optim.lr_scheduler, opt)
        rows = []
        for t in range(25):
            opt.step()
            scheduler.step(*([METRICS[t % 10]] if name.startswith("Reduce") else []))
            for group in opt.param_groups:
                rows += [group["lr"], *(group["betas"] if "betas" in group else [group["momentum"]])]
            rows += scheduler.get_last_lr()
        return rows, set(scheduler.state_dict())

    mine, theirs = curve(torch), curve(reference)
    np.testing.assert_allclose(mine[0], theirs[0], rtol=1e-9, atol=1e-12)
    assert mine[1] >= theirs[1]


# PyTorch differentiates neither Adamax nor NAdam nor Rprop, and for the learning rate SGD and Adam alone.
@pytest.mark.parametrize("name", ["SGD", "Adam", "Adagrad", "Adadelta", "RAdam", "RMSprop"])
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_gradient_through_steps(name, device):
    """With differentiable=True: the derivatives for the start, the gradients and the learning rate."""
    rng = np.random.default_rng(2)
    arrays = [rng.normal(size=(3, 4)) for _ in range(4)]
    options = {"momentum": 0.9, "nesterov": True} if name == "SGD" else {}

    def derivatives(library: Any, place: str) -> list[np.ndarray]:
        start, *grads = (library.from_numpy(a).to(place).requires_grad_() for a in arrays)
        rate = library.tensor(0.1, dtype=library.float64, requires_grad=True)
        p = start.clone()
        lr = rate if name in ("SGD", "Adam") else 0.1
        optimizer = getattr(library.optim, name)([p], lr=lr, differentiable=True, **options)
        for g in grads:
            p.grad = g.clone()
            optimizer.step()
        (p**2).sum().backward()
        return [t.grad.cpu().numpy() for t in (start, *grads, rate) if t.grad is not None]

    mine, theirs = derivatives(torch, device), derivatives(reference, "cpu")
    assert len(mine) == len(theirs)
    # PyTorch computes the bias corrections in float32.
    limit = 1e-10 if name in ("SGD", "Adagrad", "Adadelta", "RMSprop") else 1e-4
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=limit, atol=limit)


@pytest.mark.parametrize("name", sorted({name for name, _ in CASES}))
def test_options_stand_in_pytorchs_order(name):
    groups = [
        getattr(lib.optim, name)([lib.ones(1)]).state_dict()["param_groups"][0] for lib in (torch, reference)
    ]
    assert list(groups[0]) == list(groups[1])
