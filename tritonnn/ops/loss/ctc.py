"""Connectionist temporal classification (Graves et al. 2006).

A target of S labels is spelled by paths over 2S+1 states: blank, label, blank, ..., label, blank. A path stays, goes
on by one, or by two where that skips a blank between different labels. alpha holds the log-probability of all paths
that have reached a state; one step of the recursion is a logsumexp over those three, for all states and sequences at
once. The gradient is that of the recursion itself: of a function of any numbers, not only of log-probabilities. Behind
log_softmax, where it belongs, it agrees with the formula of the paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike
from tritonnn.errors import Invalid, fail
from tritonnn.ops._definitions import class_loss as definitions
from tritonnn.ops._table import Bad, Sample, composite
from tritonnn.ops.creation.creation import full
from tritonnn.ops.creation.from_data import tensor as make_tensor
from tritonnn.ops.creation.ranges import arange
from tritonnn.ops.elementwise.elementwise import choose
from tritonnn.ops.joining.joining import cat, stack
from tritonnn.ops.loss.loss import REDUCTIONS
from tritonnn.table.arguments import is_ints

# Stands for log 0: infinite values would make NaN out of differences in the gradient.
_LOW = -1e30


def _lengths(name: str, given: Tensor | Sequence[int], batch: int, longest: int) -> list[int]:
    if isinstance(given, Tensor):
        if given.dtype.kind != 1:
            raise Invalid(f"{name} must be integral, got a tensor of {given.dtype.name}")
        values = given.reshape(-1).tolist()
    elif is_ints(given):
        values = list(given)
    else:
        text = f"argument '{name}' must be Tensor or tuple of ints, not {type(given).__name__}"
        if isinstance(given, (list, tuple)):
            text = f"{text} of {', '.join(dict.fromkeys(type(value).__name__ for value in given))}"
        raise Invalid(text, kind=TypeError)
    if len(values) != batch:
        raise Invalid(f"{name} must be of size batch_size ({batch}), but has {len(values)} elements")
    for i, value in enumerate(values):
        if not 0 <= value <= longest:
            raise Invalid(
                f"Expected {name} to have value at most {longest}, but got value {value} (sequence {i})"
            )
    return [int(value) for value in values]


def _padded(targets: Any, lengths: list[int], device: DeviceLike | None) -> Any:
    """Targets as (N, S) on the device, whatever form they came in."""
    if targets.ndim == 2:
        return targets.to(device)
    longest, start, rows = max(lengths, default=0), 0, []
    flat = targets.tolist()
    for length in lengths:
        rows.append(flat[start : start + length] + [0] * (longest - length))
        start += length
    return make_tensor(rows, dtype=dtypes.int64, device=device).reshape(len(lengths), longest)


def _logsumexp(a: Any, b: Any, c: Any) -> Any:
    high = a.maximum(b).maximum(c).detach()
    return ((a - high).exp() + (b - high).exp() + (c - high).exp()).log() + high


def _negative_log_likelihood(
    log_probs: Any, labels: Any, inputs: list[int], lengths: list[int], blank: int
) -> Any:
    """(N): -log of the probability of each target."""
    steps, batch, _ = log_probs.shape
    device, dtype = log_probs.device, log_probs.dtype
    count = 2 * labels.shape[1] + 1
    blanks = full((batch, labels.shape[1]), blank, dtype=dtypes.int64, device=device)
    states = cat(
        [stack([blanks, labels.to(dtypes.int64)], 2).flatten(1), blanks.new_full((batch, 1), blank)], 1
    )
    may_skip = cat(
        [
            states.new_zeros((batch, min(2, count)), dtype=dtypes.bool_),
            states[:, 2:] != states[:, : max(count - 2, 0)],
        ],
        1,
    )
    low = full((batch, 2), _LOW, dtype=dtype, device=device)
    emit = log_probs.gather(2, states.unsqueeze(0).expand(steps, batch, count))
    first = arange(count, device=device) < 2
    alpha = choose(first.unsqueeze(0), emit[0], _LOW)
    lasting = make_tensor(inputs, device=device)
    for t in range(1, steps):
        one = cat([low[:, :1], alpha[:, :-1]], 1)
        two = choose(may_skip, cat([low, alpha], 1)[:, :count], _LOW)
        moved = _logsumexp(alpha, one, two) + emit[t]
        alpha = choose((lasting > t).unsqueeze(1), moved, alpha)
    ends = make_tensor(lengths, dtype=dtypes.int64, device=device).unsqueeze(1) * 2
    last = alpha.gather(1, ends)
    before = choose(ends > 0, alpha.gather(1, (ends - 1).clamp_min(0)), _LOW)
    total = _logsumexp(last, before, low[:, :1]).squeeze(1)
    return choose(lasting > 0, -total, choose(ends.squeeze(1) > 0, -_LOW, 0.0))


@composite(
    api="functional torch", dtypes=(dtypes.float32, dtypes.float64),
    samples=lambda make: [
        Sample(make(6, 2, 4), make.int(2, 3, low=1, high=4), (6, 5), (3, 2)),
        Sample(make(6, 2, 4), make.int(5, low=1, high=4), (6, 5), (3, 2), 0, "sum"),
        Sample(make(5, 4), make.int(2, low=0, high=3), (5,), (2,), 3, "none"),
        Sample(make(2, 1, 4), make.int(1, 3, low=1, high=4), (2,), (3,), 0, "mean", True),
    ],
    errors=lambda make: [
        Bad(make(6, 2, 4), make.int(2, 3, low=1), (6,), (3, 2), match="batch_size"),
        Bad(make(6, 2, 4), make.int(2, 3, low=1), (6, 7), (3, 2), match="value at most 6, but got value 7"),
        Bad(make(6, 2, 4), make.int(2, 3, low=1), (6, 6), (3, 2), 4, match="blank must be in label range"),
        Bad(make(6, 2, 4), make.int(2, 3), (6, 6), (3, 2), 0, "avg", error=ValueError, match="not a valid value"),
    ],
    reference=definitions.ctc_loss,
)  # fmt: skip
def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """-log of the total probability of all alignments that spell the target.

    Args:
        log_probs: (T, N, C) or (T, C) log-probabilities.
        targets: (N, S), or all of them joined in one dimension; labels other than `blank`.
        input_lengths, target_lengths: of each sequence; tensors, lists or tuples.
        blank: the class that spells nothing.
        reduction: 'mean' (each loss divided by its target's length, then averaged), 'sum' or 'none'.
        zero_infinity: 0 instead of infinity where an input is too short for its target.

    Raises:
        RuntimeError: lengths that do not fit. ValueError: an unknown reduction.

    >>> import tritonnn as torch
    >>> p = torch.tensor([[[0.4, 0.6]], [[0.7, 0.3]]]).log()
    >>> torch.nn.functional.ctc_loss(p, torch.tensor([[1]]), (2,), (1,))
    tensor(0.3285)
    """
    if reduction not in REDUCTIONS:
        raise ValueError(f"{reduction} is not a valid value for reduction: use 'none', 'mean' or 'sum'")
    x: Any = log_probs
    batched = x.ndim == 3
    if x.ndim not in (2, 3) or not 1 <= len(targets.shape) <= 2:
        text = "log_probs must be (T, N, C) or (T, C), and targets (N, S) or (sum of the lengths)"
        kind = RuntimeError if x.ndim else IndexError
        raise fail("ctc_loss", text, kind=kind, log_probs=log_probs, targets=targets)
    if not x.numel():
        raise fail("ctc_loss", "log_probs tensor must not be empty", log_probs=log_probs, targets=targets)
    x = x if batched else x.unsqueeze(1)
    steps, batch, classes = x.shape
    try:
        if not 0 <= blank < classes:
            raise Invalid(f"blank must be in label range: 0 to {classes - 1}, but is {blank}")
        inputs = _lengths("input_lengths", input_lengths, batch, steps)
        longest = targets.shape[1] if batched and len(targets.shape) == 2 else targets.shape[-1]
        lengths = _lengths("target_lengths", target_lengths, batch, longest)
        if batched and len(targets.shape) == 1 and sum(lengths) > longest:
            raise Invalid(f"the target lengths add up to {sum(lengths)}, more than the {longest} targets")
    except Invalid as invalid:
        raise fail(
            "ctc_loss", str(invalid), kind=invalid.kind, log_probs=log_probs, targets=targets
        ) from None
    labels = _padded(targets if batched else targets.unsqueeze(0), lengths, x.device)
    loss = _negative_log_likelihood(x, labels, inputs, lengths, blank)
    impossible = loss.detach() > -_LOW / 2
    loss = choose(impossible, 0.0 if zero_infinity else float("inf"), loss)
    if reduction == "mean":
        return (loss / make_tensor([max(n, 1) for n in lengths], dtype=x.dtype, device=x.device)).mean()
    if reduction == "sum":
        return loss.sum()
    return loss if batched else loss.squeeze(0)


__all__ = ["ctc_loss"]
