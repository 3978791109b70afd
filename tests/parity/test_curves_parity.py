"""Whole trainings: from PyTorch's weights and the same batches the loss follows PyTorch's, and a run that PyTorch saved
in the middle, model and optimizer, goes on here."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch as reference

import tritonnn as torch

STEPS = 100


class LanguageModel:
    """Two layers of LSTM over characters; Adam, clipped gradients."""

    def __init__(self, t: Any) -> None:
        nn = t.nn

        class Model(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.embedding = nn.Embedding(13, 8)
                self.lstm = nn.LSTM(8, 12, num_layers=2, batch_first=True)
                self.head = nn.Linear(12, 13)

            def forward(self, tokens: Any) -> Any:
                return self.head(self.lstm(self.embedding(tokens))[0])

        self.t, self.parts = t, {"model": Model()}
        self.optimizers = {"adam": t.optim.Adam(self.parts["model"].parameters(), lr=1e-2)}

    def step(self, rng: np.random.Generator) -> list[float]:
        tokens = self.t.from_numpy(np.cumsum(rng.integers(0, 3, (4, 10)), 1) % 13)
        scores = self.parts["model"](tokens[:, :-1])
        loss = self.t.nn.functional.cross_entropy(scores.reshape(-1, 13), tokens[:, 1:].reshape(-1))
        self.optimizers["adam"].zero_grad()
        loss.backward()
        self.t.nn.utils.clip_grad_norm_(self.parts["model"].parameters(), 1.0)
        self.optimizers["adam"].step()
        return [loss.item()]


class Translation:
    """An encoder-decoder transformer that learns to reverse; AdamW with a warm-up."""

    def __init__(self, t: Any) -> None:
        nn = t.nn

        class Model(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.tokens, self.places = nn.Embedding(11, 16), nn.Embedding(8, 16)
                self.transformer = nn.Transformer(16, 2, 1, 1, 32, dropout=0.0, batch_first=True)
                self.head = nn.Linear(16, 11)

            def forward(self, source: Any, target: Any) -> Any:
                embedded = [self.tokens(x) + self.places(t.arange(x.shape[1])) for x in (source, target)]
                mask = nn.Transformer.generate_square_subsequent_mask(target.shape[1])
                return self.head(self.transformer(*embedded, tgt_mask=mask))

        self.t, self.parts = t, {"model": Model()}
        self.optimizers = {"adamw": t.optim.AdamW(self.parts["model"].parameters(), lr=5e-3)}
        self.scheduler = t.optim.lr_scheduler.LambdaLR(
            self.optimizers["adamw"], lambda n: min(1.0, (n + 1) / 20)
        )

    def step(self, rng: np.random.Generator) -> list[float]:
        source = rng.integers(1, 11, (6, 6))
        target = np.concatenate([np.zeros((6, 1), np.int64), source[:, ::-1]], 1)
        source, target = self.t.from_numpy(source), self.t.from_numpy(target)
        scores = self.parts["model"](source, target[:, :-1])
        loss = self.t.nn.functional.cross_entropy(
            scores.flatten(0, 1), target[:, 1:].flatten(), label_smoothing=0.1
        )
        self.optimizers["adamw"].zero_grad()
        loss.backward()
        self.optimizers["adamw"].step()
        self.scheduler.step()
        return [loss.item()]


class Images:
    """A convolutional network with BatchNorm and a residual; SGD with momentum and weight decay."""

    def __init__(self, t: Any) -> None:
        nn = t.nn

        class Model(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.first = nn.Sequential(
                    nn.Conv2d(1, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.ReLU(True)
                )
                self.second = nn.Sequential(nn.Conv2d(6, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6))
                self.head = nn.Linear(6, 4)

            def forward(self, x: Any) -> Any:
                x = self.first(x)
                x = (x + self.second(x)).relu()
                return self.head(t.nn.functional.adaptive_avg_pool2d(x, 1).flatten(1))

        self.t, self.parts = t, {"model": Model()}
        self.optimizers = {
            "sgd": t.optim.SGD(self.parts["model"].parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3)
        }

    def step(self, rng: np.random.Generator) -> list[float]:
        labels = rng.integers(0, 4, 8)
        pixels = (
            rng.normal(size=(8, 1, 8, 8)) + np.cos(np.arange(8) * (labels[:, None] + 1))[:, None, None, :]
        )
        loss = self.t.nn.functional.cross_entropy(
            self.parts["model"](self.t.from_numpy(pixels.astype("float32"))), self.t.from_numpy(labels)
        )
        self.optimizers["sgd"].zero_grad()
        loss.backward()
        self.optimizers["sgd"].step()
        return [loss.item()]


class Adversarial:
    """A generator and a discriminator with spectral norm, each with its Adam."""

    def __init__(self, t: Any) -> None:
        nn = t.nn
        norm = nn.utils.parametrizations.spectral_norm
        self.t = t
        self.parts = {
            "generator": nn.Sequential(
                nn.Linear(4, 16), nn.BatchNorm1d(16), nn.LeakyReLU(0.2), nn.Linear(16, 2)
            ),
            "discriminator": nn.Sequential(norm(nn.Linear(2, 16)), nn.LeakyReLU(0.2), nn.Linear(16, 1)),
        }
        self.optimizers = {
            name: t.optim.Adam(part.parameters(), lr=2e-3, betas=(0.5, 0.999))
            for name, part in self.parts.items()
        }

    def step(self, rng: np.random.Generator) -> list[float]:
        t, F = self.t, self.t.nn.functional
        angle = rng.uniform(0, 2 * np.pi, 16)
        real = t.from_numpy(np.stack([np.cos(angle), np.sin(angle)], 1).astype("float32"))
        noise = t.from_numpy(rng.normal(size=(16, 4)).astype("float32"))
        generator, discriminator = self.parts["generator"], self.parts["discriminator"]
        fake = generator(noise)
        scores = t.cat([discriminator(real), discriminator(fake.detach())])
        truth = t.cat([t.ones(16, 1), t.zeros(16, 1)])
        first = F.binary_cross_entropy_with_logits(scores, truth)
        self.optimizers["discriminator"].zero_grad()
        first.backward()
        self.optimizers["discriminator"].step()
        second = F.binary_cross_entropy_with_logits(discriminator(fake), t.ones(16, 1))
        self.optimizers["generator"].zero_grad()
        second.backward()
        self.optimizers["generator"].step()
        return [first.item(), second.item()]


def saved(run: Any) -> io.BytesIO:
    file = io.BytesIO()
    state = {"parts": states(run.parts), "optimizers": states(run.optimizers)}
    if hasattr(run, "scheduler"):
        state["scheduler"] = run.scheduler.state_dict()
    run.t.save(state, file)
    return io.BytesIO(file.getvalue())


def states(parts: dict[str, Any]) -> dict[str, Any]:
    return {name: part.state_dict() for name, part in parts.items()}


def restore(run: Any, file: io.BytesIO) -> None:
    state = run.t.load(file, weights_only=False)
    for kind, parts in (("parts", run.parts), ("optimizers", run.optimizers)):
        assert state[kind].keys() == parts.keys()
        for name, part in parts.items():
            part.load_state_dict(state[kind][name])
    if "scheduler" in state:
        run.scheduler.load_state_dict(state["scheduler"])


@pytest.mark.parametrize(
    "kind", [LanguageModel, Translation, Images, Adversarial], ids=lambda kind: kind.__name__
)
@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_the_loss_follows(kind):
    reference.manual_seed(0)
    theirs = kind(reference)
    start = saved(theirs)
    mine, resumed = kind(torch), kind(torch)
    restore(mine, start)
    curves: dict[str, list] = {"theirs": [], "mine": [], "resumed": []}
    rng = {name: np.random.default_rng(1) for name in curves}
    for i in range(STEPS):
        if i == STEPS // 2:
            restore(resumed, saved(theirs))
            rng["resumed"] = np.random.default_rng(0)
            rng["resumed"].bit_generator.state = rng["theirs"].bit_generator.state
            curves["resumed"] = list(curves["theirs"])
        curves["theirs"] += theirs.step(rng["theirs"])
        curves["mine"] += mine.step(rng["mine"])
        if i >= STEPS // 2:
            curves["resumed"] += resumed.step(rng["resumed"])
    assert np.ptp(curves["theirs"]) > 0.02  # it trains
    np.testing.assert_allclose(curves["mine"], curves["theirs"], rtol=1e-4)
    np.testing.assert_allclose(curves["resumed"], curves["theirs"], rtol=1e-4)
    for name, part in theirs.parts.items():
        assert list(mine.parts[name].state_dict()) == list(part.state_dict())
