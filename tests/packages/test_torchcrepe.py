"""torchcrepe: the pitch of sounds, by the small network that the package brings."""

from __future__ import annotations

import math

import pytest
import stand_ins
import torch


@pytest.fixture
def torchcrepe(monkeypatch):
    stand_ins.put_in(monkeypatch, "librosa", "resampy", "torchaudio")
    return pytest.importorskip("torchcrepe")


def tone(hertz, seconds=0.3):
    """A tone with two overtones, at 16,000 samples a second."""
    turns = 2 * math.pi * hertz * torch.arange(int(16000 * seconds), dtype=torch.float64) / 16000
    return sum(torch.sin(k * turns) / k for k in (1, 2, 3)).float()[None]


@pytest.mark.parametrize("hertz", [110, 440, 880])
def test_the_pitch_of_a_tone(torchcrepe, expected, hertz):
    pitch, periodicity = torchcrepe.predict(
        tone(hertz), 16000, model="tiny", decoder=torchcrepe.decode.weighted_argmax, return_periodicity=True,
        batch_size=64, device="cpu",
    )  # fmt: skip
    middle = pitch[0, 5:-5]  # the ends hear silence, too
    assert (middle / hertz - 1).abs().max() < 0.02 and periodicity[0, 5:-5].min() > 0.6
    expected("periodicity", periodicity[0, 5:-5], rtol=1e-3)


def test_embeddings(torchcrepe, expected):
    embedding = torchcrepe.embed(tone(440, 0.1), 16000, model="tiny", batch_size=16, device="cpu")
    expected("mean", embedding.mean((0, 2, 3)), rtol=1e-3, atol=1e-5)
