"""Connectionist temporal classification (Graves et al. 2006).

A target of L labels is spelled by paths over 2L + 1 states: blank, label, blank, ..., label, blank. The loss is -log
of the sum over all of them, by the paper's forward recursion; the gradient is the paper's as well, from a recursion in
each direction. It takes the scores for logarithms of probabilities that add up to 1, so it is not the derivative of
the loss as a function of any numbers: behind log_softmax, where the loss belongs, both agree.
"""

from __future__ import annotations

from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid, fail
from tritonnn.ops._definitions import class_loss as definitions
from tritonnn.ops._fused import TYPE_NAMES
from tritonnn.ops._table import Bad, Out, Sample, composite, primitive
from tritonnn.ops.creation.from_data import tensor as make_tensor
from tritonnn.ops.elementwise.elementwise import choose
from tritonnn.ops.loss.loss import REDUCTIONS
from tritonnn.table import Make
from tritonnn.table.arguments import is_ints
from tritonnn.table.formulas import no_derivative

_REFUSE = no_derivative("_ctc_loss_backward")


def _lengths_sample(make: Make, *rows: list[int]) -> Tensor:
    return make_tensor(rows, dtype=dtypes.int64, device=make.device)


def _path_samples(make: Make) -> list[Sample]:
    return [
        Sample(make(6, 2, 4), make.int(5, low=1, high=4), _lengths_sample(make, [6, 5], [3, 2], [0, 3]), 0, 7),
        Sample(make(5, 3, 4), make.int(4, low=0, high=3), _lengths_sample(make, [5, 0, 2], [0, 0, 2], [0, 0, 0]), 3, 5),
        Sample(make(9, 1, 3), make.int(8, low=1, high=3), _lengths_sample(make, [9], [4], [3]), 0, 9),
    ]  # fmt: skip


@primitive(
    public="ctc_loss", results=("result", "log_alpha"), non_differentiable=("log_alpha",), samples=_path_samples,
    dtypes=(dtypes.float32, dtypes.float64),
    grad={"log_probs": lambda g, log_probs, targets, lengths, result, log_alpha, blank, zero_infinity: ctc_backward(
        g, log_probs, targets, lengths, result, log_alpha, blank, zero_infinity)},
)  # fmt: skip
def ctc_paths(
    log_probs: Tensor, targets: Tensor, lengths: Tensor, blank: int, states: int, zero_infinity: bool = False
) -> Any:
    """-log of the probability of every target, and the log-probabilities (N, T, states) of beginnings of paths.

    `targets` has one dimension; `lengths` are, for each sequence, its frames, its labels and where those begin.
    """
    if log_probs.dtype not in (dtypes.float32, dtypes.float64):
        kind = TYPE_NAMES.get(log_probs.dtype, log_probs.dtype.name)
        raise Invalid(
            f"not implemented for '{kind}'", kind=NotImplementedError, hint="convert it with .float()"
        )
    steps, batch, _ = log_probs.shape
    return Out((batch,), log_probs.dtype), Out((batch, steps, states), log_probs.dtype)


@primitive(grad={"grad": _REFUSE, "log_probs": _REFUSE})
def ctc_backward(
    grad: Tensor, log_probs: Tensor, targets: Tensor, lengths: Tensor, loss: Tensor, log_alpha: Tensor, blank: int,
    zero_infinity: bool,
) -> Any:  # fmt: skip
    """The gradient of `ctc_paths` with respect to the scores; zeros beyond each sequence's frames."""
    return Out(log_probs.shape, log_probs.dtype)


# ---- what users call --------------------------------------------------------------------------------------


def _length_lists(input_lengths: Any, target_lengths: Any) -> list[list[int]]:
    """Both as lists of numbers; both are tensors, or neither is."""
    lists, tensors = [], isinstance(input_lengths, Tensor) and isinstance(target_lengths, Tensor)
    for name, given in (("input_lengths", input_lengths), ("target_lengths", target_lengths)):
        if tensors:
            if given.dtype.is_floating_point or given.dtype.is_complex or given.dtype is dtypes.bool_:
                raise Invalid(f"{name} must be integral, got a tensor of {given.dtype.name}")
            lists.append(given.reshape(-1).tolist())
        elif is_ints(given):
            lists.append([int(value) for value in given])
        elif isinstance(given, Tensor):
            raise Invalid(
                "input_lengths and target_lengths must both be tensors or both be tuples of ints: "
                f"argument '{name}' is a Tensor and the other one is not", kind=TypeError,
            )  # fmt: skip
        else:
            text = f"argument '{name}' must be Tensor or tuple of ints, not {type(given).__name__}"
            if isinstance(given, (list, tuple)):
                text = f"{text} of {', '.join(dict.fromkeys(type(value).__name__ for value in given))}"
            raise Invalid(text, kind=TypeError)
    return lists


def _check(x: Tensor, targets: Tensor, inputs: list[int], labels: list[int], blank: int) -> None:
    """Refuse what does not fit together; x is (T, N, C)."""
    steps, batch, classes = x.shape
    sizes = tuple(targets.shape)
    if not 0 <= blank < classes:
        raise Invalid(f"blank must be in label range: 0 to {classes - 1}, but is {blank}")
    for name, values in (("input_lengths", inputs), ("target_lengths", labels)):
        if len(values) != batch:
            raise Invalid(f"{name} must be of size batch_size ({batch}), but has {len(values)} elements")
        for i, value in enumerate(values):
            if value < 0:
                raise Invalid(
                    f"Expected {name} to have value at least 0, but got value {value} (sequence {i})"
                )
            if name == "input_lengths" and value > steps:
                raise Invalid(
                    f"Expected {name} to have value at most {steps}, but got value {value} (sequence {i})"
                )
    wanted = sum(labels) if len(sizes) == 1 else batch
    if sizes[0] != wanted:
        what = "the target lengths add up to that" if len(sizes) == 1 else "the number of sequences"
        raise Invalid(
            f"Expected tensor to have size {wanted} at dimension 0, but got size {sizes[0]} for argument "
            f"'targets': {what}"
        )
    if len(sizes) == 2 and sizes[1] < max(labels):
        raise Invalid(
            f"Expected tensor to have size at least {max(labels)} at dimension 1, but got size {sizes[1]} "
            "for argument 'targets', of the longest target length"
        )


def _geometry(targets: Tensor, inputs: list[int], labels: list[int], x: Tensor) -> Tensor:
    """(3, N): frames of every sequence, labels of its target, and where those begin among all labels."""
    if len(targets.shape) == 2:
        starts = [i * targets.shape[1] for i in range(len(labels))]
    else:
        starts = [sum(labels[:i]) for i in range(len(labels))]
    return make_tensor([inputs, labels, starts], dtype=dtypes.int64, device=x.device)


@composite(
    api="functional", dtypes=(dtypes.float32, dtypes.float64),
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
    inputs, labels = _length_lists(input_lengths, target_lengths)
    if not x.numel():
        raise Invalid("log_probs tensor must not be empty")
    x = x if batched else x.unsqueeze(1)
    _check(x, targets, inputs, labels, blank)
    flat = targets.to(x.device, dtypes.int64).reshape(-1)
    lengths = _geometry(targets, inputs, labels, x)
    loss = ctc_paths(x, flat, lengths, blank, 2 * max(labels) + 1, zero_infinity)[0]
    if zero_infinity:
        loss = choose(loss.detach() == float("inf"), 0.0, loss)
    if reduction == "mean":
        return (loss / make_tensor([max(n, 1) for n in labels], dtype=x.dtype, device=x.device)).mean()
    if reduction == "sum":
        return loss.sum()
    return loss if batched else loss.squeeze(0)


__all__ = ["ctc_loss"]
