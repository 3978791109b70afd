"""How the gates of a step of a recurrent layer are divided."""

from __future__ import annotations

from typing import NamedTuple


class Step(NamedTuple):
    """Units that a program computes, and its warps."""

    block: int
    warps: int


STEPS = (Step(128, 4), Step(256, 4), Step(512, 4))


def choose_step(elements: int, processors: int) -> Step:
    """For the units of all rows of a step: small programs until each multiprocessor has two of them.

    A step is short and its programs run at once, so that what counts is how long one takes.
    """
    fitting = [step for step in STEPS if elements >= 2 * processors * step.block]
    return fitting[-1] if fitting else STEPS[0]
