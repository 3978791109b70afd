"""The flop counter, the tracker of modules and the profiler's schedule against PyTorch's."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch.profiler import schedule as expected_schedule
from torch.utils.flop_counter import FlopCounterMode as Expected

import tritonnn
from tritonnn.profiler import schedule
from tritonnn.utils.flop_counter import FlopCounterMode


def mlp(torch):
    nn = torch.nn
    layers = nn.Sequential(
        nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 6, bias=False), nn.Tanh(), nn.Linear(6, 3)
    )
    return layers, torch.ones(5, 4)


def batched_mlp(torch):
    return mlp(torch)[0], torch.ones(2, 5, 4)


def cnn(torch):
    nn = torch.nn
    layers = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, stride=2, groups=2),
        nn.ConvTranspose2d(8, 4, 2, bias=False), nn.Conv2d(4, 4, 2, dilation=2), nn.Flatten(), nn.Linear(16, 3),
    )  # fmt: skip
    return layers, torch.ones(2, 3, 7, 7)


def transformer(torch):
    nn = torch.nn

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.qkv, self.out = nn.LayerNorm(8), nn.Linear(8, 24), nn.Linear(8, 8, bias=False)
            self.mlp = nn.Sequential(nn.Linear(8, 32), nn.GELU(), nn.Linear(32, 8))

        def forward(self, x):
            q, k, v = self.qkv(self.norm(x)).view(2, 5, 3, 2, 4).permute(2, 0, 3, 1, 4)
            weights = (q @ k.transpose(-1, -2)).softmax(-1)
            x = x + self.out((weights @ v).transpose(1, 2).reshape(2, 5, 8))
            return x + self.mlp(x)

    layers = nn.Sequential(nn.Embedding(11, 8), Block(), Block(), nn.Linear(8, 11))
    return layers, torch.arange(10).view(2, 5)


def recurrent(torch):
    class Steps(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.step = torch.nn.Linear(6, 4)

        def forward(self, x):
            h = torch.zeros(2, 4)
            for i in range(3):
                h = torch.tanh(self.step(torch.cat([x[i], h], 1)))
            return h

    return Steps(), torch.ones(3, 2, 2)


def counted(torch, counter, build):
    model, x = build(torch)
    with counter(display=False) as mode:
        model(x).sum().backward()
    return {m: {str(op): n for op, n in row.items()} for m, row in mode.get_flop_counts().items()}


@pytest.mark.parametrize("build", [mlp, batched_mlp, cnn, transformer, recurrent])
def test_flops_by_module_and_operator(build):
    assert counted(tritonnn, FlopCounterMode, build) == counted(torch, Expected, build)


@pytest.mark.parametrize("heads", [(2, 5, 7, 8, 8), (1, 6, 3, 16, 16)])
def test_flops_of_attention(heads):
    """By PyTorch's formulas for the fused kernels of a GPU; on the CPU it counts none."""
    from torch.utils.flop_counter import sdpa_backward_flop_count, sdpa_flop_count

    b, s_q, s_k, d, d_v = heads
    shapes = (b, 3, s_q, d), (b, 3, s_k, d), (b, 3, s_k, d_v)
    q, k, v = (tritonnn.ones(*shape, requires_grad=True) for shape in shapes)
    with FlopCounterMode(display=False) as forward:
        y = tritonnn.nn.functional.scaled_dot_product_attention(q, k, v)
    with FlopCounterMode(display=False) as backward:
        y.sum().backward()
    assert forward.get_total_flops() == sdpa_flop_count(*shapes)
    assert backward.get_total_flops() == sdpa_backward_flop_count((b, 3, s_q, d_v), *shapes)


@pytest.mark.filterwarnings("ignore:Profiler won't be using warmup")
@pytest.mark.parametrize("repeat", [0, 2])
def test_schedules(repeat):
    for wait, warmup, active, skip, first in itertools.product((0, 1, 2), (0, 1), (1, 3), (0, 2), (0, 1)):
        given = {
            "wait": wait, "warmup": warmup, "active": active, "repeat": repeat, "skip_first": skip,
            "skip_first_wait": first,
        }  # fmt: skip
        ours, theirs = schedule(**given), expected_schedule(**given)
        assert [ours(i).name for i in range(20)] == [theirs(i).name for i in range(20)], given
