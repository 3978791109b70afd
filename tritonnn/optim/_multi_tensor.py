"""Optimizers that step many tensors in one launch, by the name that older programs imported them under."""

from __future__ import annotations

from functools import partial

from tritonnn import optim

NAMES = (
    "ASGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "NAdam",
    "RAdam",
    "RMSprop",
    "Rprop",
    "SGD",
)
__all__ = [*NAMES]
globals().update({name: partial(getattr(optim, name), foreach=True) for name in NAMES})
