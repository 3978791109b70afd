"""Schedules of the learning rate: `scheduler.step()` after `optimizer.step()`, or after every epoch."""

from __future__ import annotations

from tritonnn.optim.lr_scheduler._base import LRScheduler, _LRScheduler
from tritonnn.optim.lr_scheduler._compose import ChainedScheduler, SequentialLR
from tritonnn.optim.lr_scheduler._cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts
from tritonnn.optim.lr_scheduler._cycle import CyclicLR, OneCycleLR
from tritonnn.optim.lr_scheduler._decay import (
    ConstantLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)
from tritonnn.optim.lr_scheduler._plateau import ReduceLROnPlateau

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
    "_LRScheduler",
]
