"""A training run saved in the middle by one library goes on in the other to the same numbers; averages of models;
Muon, which computes in bfloat16."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch as reference

import tritonnn as torch

#: every optimizer, with options that make it keep all of its state
OPTIMIZERS: dict[str, dict[str, Any]] = {
    "SGD": {"lr": 0.05, "momentum": 0.9, "nesterov": True},
    "Adam": {"lr": 0.05, "amsgrad": True},
    "AdamW": {"lr": 0.05, "amsgrad": True},
    "Adagrad": {"lr": 0.1, "lr_decay": 0.1},
    "Adadelta": {"lr": 0.5},
    "RMSprop": {"centered": True, "momentum": 0.5},
    "Rprop": {"lr": 0.05},
    "Adamax": {"lr": 0.05},
    "NAdam": {"lr": 0.05},
    "RAdam": {"lr": 0.05},
    "ASGD": {"lr": 0.05, "t0": 3, "lambd": 0.1},
    "Adafactor": {"lr": 0.05},
    "Muon": {"lr": 0.05},
    "LBFGS": {"lr": 0.1, "max_iter": 3, "history_size": 2},
    "LBFGS_line_search": {"lr": 0.1, "max_iter": 3, "line_search_fn": "strong_wolfe"},
}
#: what changes the learning rate meanwhile
SCHEDULES = {
    "StepLR": lambda s, o: s.StepLR(o, 3, 0.5),
    "LambdaLR": lambda s, o: s.LambdaLR(o, lambda t: 0.9**t),
    "MultiplicativeLR": lambda s, o: s.MultiplicativeLR(o, lambda t: 0.95),
    "MultiStepLR": lambda s, o: s.MultiStepLR(o, [2, 5, 5, 9], 0.5),
    "ExponentialLR": lambda s, o: s.ExponentialLR(o, 0.9),
    "LinearLR": lambda s, o: s.LinearLR(o, 0.2, 0.9, 6),
    "ConstantLR": lambda s, o: s.ConstantLR(o, 0.3, 7),
    "PolynomialLR": lambda s, o: s.PolynomialLR(o, 11, 2.0),
    "CosineAnnealingLR": lambda s, o: s.CosineAnnealingLR(o, 4),
    "CosineAnnealingWarmRestarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, 2),
    "OneCycleLR": lambda s, o: s.OneCycleLR(o, 0.3, total_steps=13),
    "CyclicLR": lambda s, o: s.CyclicLR(o, 0.1, 0.3, 3, mode="triangular2"),
    "ReduceLROnPlateau": lambda s, o: s.ReduceLROnPlateau(o, patience=1),
    "SequentialLR": lambda s, o: s.SequentialLR(o, [s.ConstantLR(o, 0.1, 2), s.ExponentialLR(o, 0.9)], [4]),
    "ChainedScheduler": lambda s, o: s.ChainedScheduler([s.ConstantLR(o, 0.1, 7), s.ExponentialLR(o, 0.9)]),
}


class Run:
    """A regression trained by one library, from weights and batches that both get alike."""

    def __init__(self, library: Any, optimizer: str, options: dict[str, Any], schedule: str | None) -> None:
        self.library = library
        rng = np.random.default_rng(3)
        shapes = ((4, 3), (2, 4)) if optimizer == "Muon" else ((4, 3), (4,), (2, 4))
        self.params = [self.tensor(rng.normal(size=s)).requires_grad_() for s in shapes]
        self.x, self.y = self.tensor(rng.normal(size=(8, 3))), self.tensor(rng.normal(size=(8, 2)))
        self.optimizer = getattr(library.optim, optimizer.removesuffix("_line_search"))(
            self.params, **options
        )
        scheduler = SCHEDULES[schedule] if schedule else None
        self.scheduler = scheduler(library.optim.lr_scheduler, self.optimizer) if scheduler else None

    def tensor(self, array: np.ndarray) -> Any:
        return self.library.from_numpy(array)

    def loss(self) -> Any:
        self.optimizer.zero_grad()
        first, last = self.params[0], self.params[-1]
        hidden = self.x @ first.T
        if len(self.params) == 3:
            hidden = hidden + self.params[1]
        loss = ((hidden.tanh() @ last.T - self.y) ** 2).mean()
        loss.backward()
        return loss

    def steps(self, count: int) -> list[float]:
        losses = []
        for _ in range(count):
            loss = self.optimizer.step(self.loss)
            losses.append(loss.item())
            if self.scheduler is not None:
                plateau = type(self.scheduler).__name__ == "ReduceLROnPlateau"
                self.scheduler.step(*([1.0] if plateau else []))
        return losses

    def saved(self) -> io.BytesIO:
        file = io.BytesIO()
        state = {"params": self.params, "optimizer": self.optimizer.state_dict()}
        if self.scheduler is not None:
            state["scheduler"] = self.scheduler.state_dict()
        self.library.save(state, file)
        return io.BytesIO(file.getvalue())

    def resume(self, file: io.BytesIO) -> None:
        state = self.library.load(file, weights_only=self.scheduler is None)
        for p, value in zip(self.params, state["params"], strict=True):
            p.data.copy_(value)
        self.optimizer.load_state_dict(state["optimizer"])
        if self.scheduler is not None:
            self.scheduler.load_state_dict(state["scheduler"])


ways = pytest.mark.parametrize(
    ("first", "second"), [(reference, torch), (torch, reference), (torch, torch)], ids=("from", "to", "own")
)


@pytest.mark.parametrize("name", OPTIMIZERS)
@ways
def test_a_saved_run_goes_on(name, first, second):
    """Losses of a run from start to end, and of one saved after five steps and resumed in the other library."""
    options = OPTIMIZERS[name]
    straight = Run(reference, name, options, None)
    wanted = straight.steps(10)
    start, end = Run(first, name, options, None), Run(second, name, options, None)
    losses = start.steps(5)
    end.resume(start.saved())
    losses += end.steps(5)
    # Muon's update is computed in bfloat16, whose rounding differs between implementations of the product.
    limit = 2e-2 if name == "Muon" else 1e-5 if name in ("NAdam", "Adafactor") else 1e-7
    np.testing.assert_allclose(losses, wanted, rtol=limit)


@pytest.mark.parametrize("name", SCHEDULES)
@ways
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_schedule_goes_on(name, first, second):
    options = {"lr": 0.1, "momentum": 0.9}
    straight = Run(reference, "SGD", options, name)
    straight.steps(5)
    start, end = Run(first, "SGD", options, name), Run(second, "SGD", options, name)
    start.steps(5)
    end.resume(start.saved())
    for _ in range(6):
        assert straight.steps(1) == pytest.approx(end.steps(1), rel=1e-7)
        rates = [run.optimizer.param_groups[0]["lr"] for run in (straight, end)]
        assert rates[0] == pytest.approx(rates[1], rel=1e-9)


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5), (1, 7), (0, 3)])
@pytest.mark.parametrize(
    "options",
    [{}, {"nesterov": False, "weight_decay": 0.0}, {"adjust_lr_fn": "match_rms_adamw", "ns_steps": 3}],
    ids=str,
)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_muon(shape, options, device):
    rng = np.random.default_rng(4)
    start, *grads = (rng.normal(size=shape).astype("float32") for _ in range(5))

    def run(library: Any, place: str) -> tuple[np.ndarray, Any]:
        p = library.from_numpy(start.copy()).to(place).requires_grad_()
        optimizer = library.optim.Muon([p], lr=0.1, **options)
        for g in grads:
            p.grad = library.from_numpy(g).to(place)
            optimizer.step()
        state = optimizer.state[p]["momentum_buffer"]
        return p.detach().cpu().numpy(), state.cpu().numpy()

    mine, theirs = run(torch, device), run(reference, "cpu")
    # four steps of 0.1 or more with singular values near 1, each rounded to 8 bits several times
    np.testing.assert_allclose(mine[0], theirs[0], atol=0.02)
    np.testing.assert_allclose(mine[1], theirs[1], rtol=1e-5, atol=1e-6)


# ---- averages of models -----------------------------------------------------------------------------------


def averaged(library: Any, kind: str, use_buffers: bool) -> dict[str, np.ndarray]:
    swa = library.optim.swa_utils
    how = {
        "mean": {},
        "swa": {"avg_fn": swa.get_swa_avg_fn()},
        "swa_multi": {"multi_avg_fn": swa.get_swa_multi_avg_fn()},
        "ema": {"avg_fn": swa.get_ema_avg_fn(0.8)},
        "ema_multi": {"multi_avg_fn": swa.get_ema_multi_avg_fn(0.8)},
        "own": {"avg_fn": lambda average, value, n: average * 0.5 + value * (n + 1)},
    }[kind]
    model = library.nn.Sequential(library.nn.Linear(3, 4), library.nn.BatchNorm1d(4), library.nn.PReLU())
    model.double()
    result = swa.AveragedModel(model, use_buffers=use_buffers, **how)
    rng = np.random.default_rng(5)
    with library.no_grad():
        for _ in range(4):
            for p in model.parameters():
                p.copy_(library.from_numpy(rng.normal(size=tuple(p.shape))))
            model(library.from_numpy(rng.normal(size=(5, 3))))
            result.update_parameters(model)
        batches = [library.from_numpy(rng.normal(size=(5, 3))) for _ in range(3)]
        before = {f"before.{k}": v.numpy().copy() for k, v in result.state_dict().items()}
        swa.update_bn([(b, None) for b in batches] if use_buffers else batches, result)
        after = {k: v.numpy() for k, v in result.state_dict().items()}
    assert result.training and result.module[1].momentum == 0.1
    return before | after


@pytest.mark.parametrize(
    ("kind", "use_buffers"),
    # PyTorch divides whole numbers by addcdiv there, which it refuses.
    [
        (k, b)
        for k in ("mean", "swa", "swa_multi", "ema", "ema_multi", "own")
        for b in (False, True)
        if (k, b) != ("swa_multi", True)
    ],
)
def test_average_of_models(kind, use_buffers):
    mine, theirs = averaged(torch, kind, use_buffers), averaged(reference, kind, use_buffers)
    assert list(mine) == list(theirs)
    for name, wanted in theirs.items():
        # PyTorch has the weight 1 / (n + 1) of this one in float32.
        limit = 1e-6 if kind == "swa_multi" else 1e-12
        np.testing.assert_allclose(mine[name], wanted, rtol=limit, err_msg=name)


@pytest.mark.parametrize(
    "options", [{}, {"anneal_strategy": "linear", "anneal_epochs": 3}, {"anneal_epochs": 0}]
)
@pytest.mark.parametrize("rates", [0.05, [0.05, 0.3]])
def test_swalr(options, rates):
    def curve(library: Any) -> list:
        a, b = (library.ones(1, requires_grad=True) for _ in range(2))
        opt = library.optim.SGD([{"params": [a]}, {"params": [b], "lr": 0.3}], lr=0.5)
        schedule = library.optim.lr_scheduler.ExponentialLR(opt, 0.9)
        swa = library.optim.swa_utils.SWALR(opt, rates, **options)
        rows = []
        for t in range(14):
            opt.step()
            (schedule if t < 4 else swa).step()
            rows += [group["lr"] for group in opt.param_groups]
        return [*rows, sorted(swa.state_dict())]

    mine, theirs = curve(torch), curve(reference)
    np.testing.assert_allclose(mine[:-1], theirs[:-1], rtol=1e-12)
    assert mine[-1] == theirs[-1]


def parameter(library: Any, *shape: int, dtype: str = "float32") -> Any:
    return library.ones(*shape, dtype=getattr(library, dtype), requires_grad=True)


def complex_step(library: Any, name: str) -> None:
    p = parameter(library, 2, 2, dtype="complex64")
    p.grad = library.ones_like(p)
    getattr(library.optim, name)([p]).step()


def with_nothing(library: Any) -> Any:
    return library.nn.Linear(2, 2)


BAD = {
    "adafactor_lr": lambda t: t.optim.Adafactor([parameter(t, 2)], lr=-1),
    "adafactor_lr_tensor": lambda t: t.optim.Adafactor([parameter(t, 2)], lr=t.ones(2)),
    "adafactor_decay": lambda t: t.optim.Adafactor([parameter(t, 2)], beta2_decay=0.1),
    "adafactor_eps": lambda t: t.optim.Adafactor([parameter(t, 2)], eps=(-1.0, 1e-3)),
    "adafactor_eps2": lambda t: t.optim.Adafactor([parameter(t, 2)], eps=(None, -1.0)),
    "adafactor_d": lambda t: t.optim.Adafactor([parameter(t, 2)], d=0.5),
    "adafactor_weight_decay": lambda t: t.optim.Adafactor([parameter(t, 2)], weight_decay=-1.0),
    "adafactor_complex": lambda t: complex_step(t, "Adafactor"),
    "muon_complex": lambda t: complex_step(t, "Muon"),
    "muon_dims": lambda t: t.optim.Muon([parameter(t, 2)]),
    "muon_dims_3": lambda t: t.optim.Muon([parameter(t, 2, 2, 2)]),
    "muon_lr": lambda t: t.optim.Muon([parameter(t, 2, 2)], lr=-1),
    "muon_momentum": lambda t: t.optim.Muon([parameter(t, 2, 2)], momentum=-1),
    "muon_weight_decay": lambda t: t.optim.Muon([parameter(t, 2, 2)], weight_decay=-1),
    "muon_rate": lambda t: t.optim.Muon([parameter(t, 2, 2)], adjust_lr_fn="largest"),
    "ema_decay": lambda t: t.optim.swa_utils.get_ema_avg_fn(2),
    "ema_multi_decay": lambda t: t.optim.swa_utils.get_ema_multi_avg_fn(-0.1),
    "both_averages": lambda t: t.optim.swa_utils.AveragedModel(
        with_nothing(t), avg_fn=lambda a, b, n: a, multi_avg_fn=lambda a, b, n: None
    ),
    "swalr_strategy": lambda t: t.optim.swa_utils.SWALR(
        t.optim.SGD([parameter(t, 1)], lr=1.0), 0.1, anneal_strategy="steps"
    ),
    "swalr_epochs": lambda t: t.optim.swa_utils.SWALR(
        t.optim.SGD([parameter(t, 1)], lr=1.0), 0.1, anneal_epochs=-1
    ),
    "swalr_rates": lambda t: t.optim.swa_utils.SWALR(t.optim.SGD([parameter(t, 1)], lr=1.0), [0.1, 0.2]),
}


@pytest.mark.parametrize("name", BAD)
def test_refusals(name):
    with pytest.raises(Exception) as theirs:
        BAD[name](reference)
    with pytest.raises(theirs.type, match=str(theirs.value).split()[0]):
        BAD[name](torch)
