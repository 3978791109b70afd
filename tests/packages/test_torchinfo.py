"""torchinfo: what a summary counts and prints."""

from __future__ import annotations

import torch
import torchinfo
from torch import nn


class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.left, self.right = nn.Conv2d(8, 4, 1), nn.Conv2d(8, 4, 3, padding=1, groups=4)
        self.head = nn.Linear(8, 5)
        self.head.bias.requires_grad_(False)

    def forward(self, x):
        x = self.stem(x)
        x = torch.cat([self.left(x), self.right(x)], 1)
        return self.head(x.mean((2, 3)))


def _counts(result):
    return [
        result.total_params, result.trainable_params, result.total_mult_adds, result.total_output_bytes,
        result.total_param_bytes,
    ]  # fmt: skip


def test_a_network_with_branches(expected):
    result = torchinfo.summary(Branches(), input_size=(2, 3, 8, 8), verbose=0, depth=3)
    expected("counts", _counts(result))
    expected("sizes", [info.output_size[-1] for info in result.summary_list])
    lines = [line.split() for line in str(result).splitlines()]
    assert ["├─Conv2d:", "1-2", "[2,", "4,", "8,", "8]", "36"] in lines
    assert ["Trainable", "params:", "392"] in lines


def test_given_data_dtypes_and_recurrent_layers(expected):
    lstm = nn.LSTM(4, 6, 2, batch_first=True)
    expected("lstm", _counts(torchinfo.summary(lstm, input_data=[torch.zeros(2, 5, 4)], verbose=0)))
    embedding = nn.Sequential(nn.Embedding(10, 4), nn.Flatten(), nn.Linear(12, 2))
    result = torchinfo.summary(
        embedding,
        input_size=(2, 3),
        dtypes=[torch.long],
        verbose=0,
        col_names=("input_size", "output_size", "num_params"),
    )
    expected("embedding", _counts(result))
    transformer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    expected("transformer", _counts(torchinfo.summary(transformer, input_size=(2, 5, 8), verbose=0)))
    assert not nn.Linear(2, 2)._forward_hooks
