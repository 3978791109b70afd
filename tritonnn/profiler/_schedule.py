"""Which steps of a program a profiler records."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from tritonnn.errors import warn


class ProfilerAction(Enum):
    """What a profiler does in a step."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


class ProfilerActivity(Enum):
    """What a profiler looks at: the host, or GPUs."""

    CPU = 0
    CUDA = 2


def schedule(
    *,
    wait: int,
    warmup: int,
    active: int,
    repeat: int = 0,
    skip_first: int = 0,
    skip_first_wait: int = 0,
) -> Callable[[int], ProfilerAction]:
    """What a profiler does in each step: in cycles of steps that it waits, warms up and records.

    Args:
        wait, warmup, active: how many steps of a cycle it does which; at the end of the last it is saved.
        repeat: how many cycles; without end for 0.
        skip_first: how many steps come before all cycles.
        skip_first_wait: whether the first cycle does not wait.

    >>> import tritonnn as torch
    >>> plan = torch.profiler.schedule(wait=1, warmup=1, active=2, repeat=1)
    >>> [plan(step).name for step in range(5)]
    ['NONE', 'WARMUP', 'RECORD', 'RECORD_AND_SAVE', 'NONE']
    """
    given = {"wait": wait, "warmup": warmup, "repeat": repeat, "skip_first": skip_first}
    for name, value in given.items():
        if value < 0:
            raise AssertionError(
                f"Invalid profiler schedule arguments: {name} must not be negative, got {value}"
            )
    if active < 1:
        raise AssertionError(f"Invalid profiler schedule arguments: active must be at least 1, got {active}")
    if warmup == 0:
        warn("Profiler won't be using warmup, this can skew profiler results")

    def plan(step: int) -> ProfilerAction:
        if step < 0:
            raise AssertionError(f"Step number must be non-negative, got {step}")
        if step < skip_first:
            return ProfilerAction.NONE
        step -= skip_first
        length = wait + warmup + active
        if skip_first_wait:
            step += wait
        if repeat and step // length >= repeat:
            return ProfilerAction.NONE
        place = step % length
        if place < wait:
            return ProfilerAction.NONE
        if place < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD if place < length - 1 else ProfilerAction.RECORD_AND_SAVE

    return plan
