"""Resemblyzer: an LSTM that tells voices apart; its file was saved on a GPU, with the optimizer of its training."""

from __future__ import annotations

from pathlib import Path

import pytest
import stand_ins
import torch
from weights import drawn


@pytest.fixture
def resemblyzer(monkeypatch):
    stand_ins.put_in(monkeypatch, "librosa", "webrtcvad")
    return pytest.importorskip("resemblyzer")


def test_embeddings(resemblyzer, expected):
    encoder = resemblyzer.VoiceEncoder("cpu", verbose=False)
    mels = drawn("mels", 3, 160, 40).abs() * torch.tensor([1e-3, 1e-2, 1e-1])[:, None, None]
    with torch.no_grad():
        embeddings = encoder(mels)
    assert torch.allclose(embeddings.norm(dim=1), torch.ones(3)) and embeddings.min() >= 0
    expected("alike", embeddings @ embeddings.T, rtol=1e-4)
    expected("first", embeddings[0, :32], rtol=1e-3, atol=1e-5)


def test_what_the_file_holds(resemblyzer, expected):
    checkpoint = torch.load(Path(resemblyzer.__file__).parent / "pretrained.pt", map_location="cpu")
    assert sorted(checkpoint) == ["model_state", "optimizer_state", "step"]
    moments = checkpoint["optimizer_state"]["state"]
    assert {t.device.type for state in moments.values() for t in state.values() if torch.is_tensor(t)} == {
        "cpu"
    }
    expected("step", checkpoint["step"])
    total = [float(state["exp_avg_sq"].double().sum()) for state in moments.values()]
    expected("moments", sorted(total), rtol=1e-5)


def test_training_goes_on(resemblyzer, expected):
    """One step of Adam, with its moments from the file."""
    encoder = resemblyzer.VoiceEncoder("cpu", verbose=False)
    checkpoint = torch.load(Path(resemblyzer.__file__).parent / "pretrained.pt", map_location="cpu")
    extra = [
        torch.nn.Parameter(checkpoint["model_state"][n]) for n in ("similarity_weight", "similarity_bias")
    ]
    optimizer = torch.optim.Adam([*extra, *encoder.parameters()], lr=1e-4)  # the order of the training
    optimizer.load_state_dict(checkpoint["optimizer_state"])
    loss = (encoder(drawn("mels", 2, 20, 40).abs() * 1e-2) * drawn("target", 2, 256)).sum()
    loss.backward()
    optimizer.step()
    expected("loss", loss, rtol=1e-3, atol=1e-5)
    expected("weight", encoder.linear.weight[:4, :8], rtol=1e-4, atol=1e-6)
