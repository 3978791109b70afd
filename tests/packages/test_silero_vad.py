"""silero-vad: where somebody speaks, by the weights that the package brings as a safetensors file.

The package itself loads a TorchScript program, which there is none of here; the network it has for another library is
written down as a module, and given to the package's own search for speech.
"""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F
from weights import drawn

silero_vad = pytest.importorskip("silero_vad")
RATE, WINDOW, CONTEXT = 16000, 512, 64


class Detector(nn.Module):
    """How likely it is that each window of 512 samples is of speech; it remembers what it heard before."""

    def __init__(self):
        super().__init__()
        self.stft_conv = nn.Conv1d(1, 258, 256, stride=128, bias=False)
        self.conv1, self.conv2 = nn.Conv1d(129, 128, 3, padding=1), nn.Conv1d(128, 64, 3, 2, 1)
        self.conv3, self.conv4 = nn.Conv1d(64, 64, 3, 2, 1), nn.Conv1d(64, 128, 3, padding=1)
        self.lstm_cell, self.final_conv = nn.LSTMCell(128, 128), nn.Conv1d(128, 1, 1)
        self.reset_states()

    def reset_states(self):
        self.state, self.context = None, torch.zeros(1, CONTEXT)

    @torch.no_grad()
    def forward(self, window, rate):
        assert rate == RATE and window.numel() == WINDOW
        heard = torch.cat((self.context, window.view(1, -1)), 1)
        self.context = heard[:, -CONTEXT:]
        waves = self.stft_conv(F.pad(heard, (0, 64), "reflect")[:, None])
        x = (waves[:, :129] ** 2 + waves[:, 129:] ** 2).sqrt()
        for layer in (self.conv1, self.conv2, self.conv3, self.conv4):
            x = layer(x).relu()
        self.state = self.lstm_cell(x.squeeze(-1), self.state)
        return self.final_conv(self.state[0][..., None].relu()).sigmoid().squeeze(1)


@pytest.fixture(scope="module")
def detector():
    data = Path(importlib.util.find_spec("silero_vad").origin).parent / "data"
    detector = Detector()
    detector.load_state_dict(load_file(data / "silero_vad_16k.safetensors"))
    return detector.eval()


def vowels(seconds):
    """Something like a voice: pulses of a changing pitch that resonate at the formants of a changing vowel."""
    time = torch.arange(int(RATE * seconds), dtype=torch.float64) / RATE
    pitch = 120 + 15 * torch.sin(2 * math.pi * 3 * time)
    turns = torch.cumsum(pitch, 0) / RATE
    voice = torch.zeros_like(time)
    for k in range(1, 30):
        hertz = k * pitch
        strength = sum(
            gain / (1 + ((hertz - formant - 150 * torch.sin(2 * math.pi * 2 * time + i)) / 90) ** 2)
            for i, (formant, gain) in enumerate(((700, 1.0), (1220, 0.5), (2600, 0.25)))
        )
        voice += strength * torch.sin(2 * math.pi * k * turns)
    loudness = torch.sin(2 * math.pi * 2.2 * time).clamp(min=-0.3) + 0.5  # syllables
    return (0.1 * voice * loudness).float()


def heard():
    """A second of faint noise, two of a voice, a second of noise."""
    noise = 0.001 * drawn("noise", 4 * RATE)
    noise[RATE : 3 * RATE] += vowels(2)
    return noise


def test_probabilities(detector, expected):
    detector.reset_states()
    sound = heard()
    found = [detector(sound[i : i + WINDOW], RATE).item() for i in range(0, len(sound) - WINDOW, WINDOW)]
    assert max(found[:28]) < 0.2 and max(found[33:90]) > 0.8
    expected("probabilities", found, rtol=2e-3, atol=1e-4)


def test_where_somebody_speaks(detector):
    """By the package's own search."""
    parts = silero_vad.get_speech_timestamps(heard(), detector, sampling_rate=RATE)
    assert parts and all(0.9 * RATE < part["start"] < part["end"] < 3.4 * RATE for part in parts)
    assert sum(part["end"] - part["start"] for part in parts) > 0.8 * RATE
    assert silero_vad.get_speech_timestamps(torch.zeros(RATE), detector, sampling_rate=RATE) == []
