"""Connectionist temporal classification: the sums over all alignments, a step in time for all sequences at once.

A target of L labels has 2L + 1 states: blank, label, blank, ..., label, blank. A path stays in a state, goes on by one,
or by two where that skips a blank between different labels. alpha[t, s] is the log-probability of all beginnings of
paths that are in state s at time t. Read from its end, a target is a target again: beta is the same sum over the
reversed sequence.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]
MINUS_INFINITY = -np.inf


class _States(NamedTuple):
    """Classes (N, S) of the states of every sequence, which of those there are, and into which two steps lead."""

    classes: Array
    inside: Array
    skips: Array


def _states(targets: Array, lengths: Array, blank: int, count: int, reverse: bool) -> _States:
    _, labels, starts = lengths[:, :, None]
    state = np.arange(count)
    inside = state <= 2 * labels
    own = inside & (state % 2 == 1)
    number = labels - 1 - state // 2 if reverse else state // 2
    classes = np.where(own, targets[np.where(own, starts + number, 0)] if targets.size else blank, blank)
    skips = np.zeros(classes.shape, bool)
    skips[:, 2:] = own[:, 2:] & (classes[:, 2:] != classes[:, :-2])
    return _States(classes, inside, skips)


def _log_sum(a: Array, b: Array, c: Array | float) -> Array:
    """log(exp(a) + exp(b) + exp(c))."""
    high = np.maximum(np.maximum(a, b), c)
    high[high == MINUS_INFINITY] = 0  # -inf - -inf would be NaN
    return np.log(np.exp(a - high) + np.exp(b - high) + np.exp(c - high)) + high


def _walk(out: Array, log_probs: Array, steps: Array, states: _States, reverse: bool) -> None:
    """out[n, t, s] = log-probability of the beginnings that are in state s after t steps, of `reverse` from the end."""
    sequences, last = np.arange(len(steps)), steps - 1
    before = np.full((len(steps), out.shape[2] + 2), MINUS_INFINITY, out.dtype)
    for t in range(out.shape[1]):
        frames = log_probs[np.maximum(last - t, 0), sequences] if reverse else log_probs[t]
        spelled = np.take_along_axis(frames, states.classes, 1)
        if t == 0:
            now = np.where(np.arange(out.shape[2]) < 2, spelled, MINUS_INFINITY)
        else:
            two = np.where(states.skips, before[:, :-2], MINUS_INFINITY)
            now = _log_sum(before[:, 2:], before[:, 1:-1], two) + spelled
        before[:, 2:] = np.where(states.inside & (t <= last)[:, None], now, MINUS_INFINITY)
        out[:, t] = before[:, 2:]


@np.errstate(all="ignore")
def ctc_paths(
    out: Array, log_alpha: Array, log_probs: Array, targets: Array, lengths: Array, blank: int, states: int,
    zero_infinity: bool,
) -> None:  # fmt: skip
    """-log of the probability of every target, and alpha."""
    kinds = _states(targets, lengths, blank, states, False)
    wrong = (kinds.classes < 0) | (kinds.classes >= log_probs.shape[2])
    if wrong.any():
        raise IndexError(
            f"ctc_loss: Target {kinds.classes[wrong][0]} is out of bounds: the input has "
            f"{log_probs.shape[2]} classes"
        )
    steps, labels, _ = lengths
    _walk(log_alpha, log_probs, steps, kinds, False)
    final = log_alpha[np.arange(len(steps)), np.maximum(steps - 1, 0)]
    ends = np.take_along_axis(final, 2 * labels[:, None], 1)
    labelled = np.take_along_axis(final, np.maximum(2 * labels - 1, 0)[:, None], 1)
    labelled[labels == 0] = MINUS_INFINITY
    total = _log_sum(ends, labelled, MINUS_INFINITY)[:, 0]
    # no frames spell nothing, with certainty
    np.negative(np.where(steps > 0, total, np.where(labels > 0, MINUS_INFINITY, 0)), out=out)


@np.errstate(all="ignore")
def ctc_backward(
    out: Array, grad: Array, log_probs: Array, targets: Array, lengths: Array, loss: Array, log_alpha: Array,
    blank: int, zero_infinity: bool,
) -> None:  # fmt: skip
    """exp(log_probs) less the share of each class in the probability of all alignments, times what a loss receives."""
    steps, labels, _ = lengths
    batch, _, count = log_alpha.shape
    classes = log_probs.shape[2]
    log_beta = np.empty_like(log_alpha)
    _walk(log_beta, log_probs, steps, _states(targets, lengths, blank, count, True), True)
    kinds = _states(targets, lengths, blank, count, False)
    sequences, mirrored = np.arange(batch)[:, None], np.maximum(2 * labels[:, None] - np.arange(count), 0)
    place = (sequences * classes + kinds.classes).reshape(-1)
    known, dropped = loss[:, None] < np.inf, zero_infinity & (loss == np.inf)
    for t, frames in enumerate(log_probs):
        at_end = log_beta[sequences, np.maximum(steps - 1 - t, 0)[:, None], mirrored]
        # both sums have the frame's own probability in them
        joint = log_alpha[:, t] + at_end - np.take_along_axis(frames, kinds.classes, 1)
        shares = np.where(kinds.inside, np.exp(joint + loss[:, None]), 0)
        share = np.bincount(place, shares.reshape(-1), batch * classes).reshape(batch, classes)
        # what a sum of logarithms would give for all classes of an impossible target, or for an impossible class
        share[~(known & (frames > MINUS_INFINITY))] = np.nan
        slope = (np.exp(frames) - share) * grad[:, None]
        out[t] = np.where(((t < steps) & ~dropped)[:, None], slope, 0)
