"""Cross-entropy over vocabularies, and a linear layer with it that never holds all logits."""

from __future__ import annotations

from _entries import Entry, add
from _goals import Goal

VOCABULARY = {"cpu": [(8192, 1000)], "small": [(512, 1000)], "typical": [(8192, 131072)],
              "huge": [(16384, 131072)]}  # fmt: skip
# rows, features, vocabulary
FUSED = {"small": [(512, 256, 1000)], "typical": [(8192, 4096, 131072)], "huge": [(32768, 4096, 131072)]}


def _cross_entropy(lib, x, target):
    return lib.nn.functional.cross_entropy(x, target)


def _apart(lib, x, weight, target):
    f = lib.nn.functional
    return f.cross_entropy(f.linear(x, weight), target)


def _fused(lib, x, weight, target):
    return lib.nn.functional.linear_cross_entropy(x, weight, target)


def _fused_inputs(make, m, k, v):
    return make(m, k, low=-1, high=1), make(v, k, low=-0.02, high=0.02), make.int(m, low=0, high=v)


CROSS_ENTROPY = Entry(
    "cross entropy",
    _cross_entropy,
    lambda make, m, n: (make(m, n), make.int(m, low=0, high=n)),
    VOCABULARY,
    lambda w, m, n: w * m * n + 8 * m,
    lambda w, m, n: 2 * w * m * n + 8 * m,
    both=True,
    quick=True,
    goals={stage: Goal(ratio=3.0) for stage in ("forward", "backward", "both")},
    cpu_goals={"both": Goal(ratio=0.77)},
)

LINEAR = Entry(
    "linear_cross_entropy, against linear and cross_entropy",
    _fused,
    _fused_inputs,
    FUSED,
    lambda w, m, k, v: w * (m * k + v * k),
    lambda w, m, k, v: w * (m * k + v * k),  # two gradients written
    lambda m, k, v: 2 * m * k * v,
    lambda m, k, v: 4 * m * k * v,  # where the loss is to be differentiated, already by the forward call
    grads=(0, 1),
    both=True,
    apart=False,
    peer=_apart,
    goals={"both": Goal(ratio=1.3, memory=0.1)},
)

add(
    "loss",
    CROSS_ENTROPY,
    LINEAR,
    # PyTorch has it from 2.13 on; an older one fails here, and the row above compares with what it has.
    LINEAR.variant(name="linear_cross_entropy in both", peer=None, goals={}),
)
