"""Padding and packing beside PyTorch's: what is taken, what comes out, and what is refused with which exception."""

from __future__ import annotations

from typing import Any

import pytest
from outcomes import check, sample


def batch(t: Any) -> Any:
    return sample(t, 4, 3, 2)


def packed(t: Any, lengths: Any, **options: Any) -> Any:
    return t.nn.utils.rnn.pack_padded_sequence(batch(t), lengths, **options)


def padded(t: Any, sizes: Any, **options: Any) -> Any:
    """Four elements, by given numbers of sequences at each step."""
    return t.nn.utils.rnn.pad_packed_sequence(
        t.nn.utils.rnn.PackedSequence(sample(t, 4, 2), t.tensor(sizes)), **options
    )


def stacked(*pick: Any, **options: Any) -> Any:
    """`pad_sequence` of parts of one batch."""
    return lambda t: t.nn.utils.rnn.pad_sequence([part(batch(t)) for part in pick], **options)


SAME: dict[str, Any] = {
    "packed": lambda t: list(packed(t, [4, 3, 1])),
    "packed tensor": lambda t: list(packed(t, t.tensor([4, 3, 1], dtype=t.int32))),
    "packed, any order": lambda t: list(packed(t, [3, 4, 1], enforce_sorted=False)),
    "packed, batch first": lambda t: list(packed(t, (3, 3, 2, 1), batch_first=True)),
    "padded": lambda t: padded(t, [2, 1, 1]),
    "padded, longer": lambda t: padded(t, [3, 1], total_length=4, padding_value=-1.0, batch_first=True),
    "sequences": stacked(lambda x: x[:, 0], lambda x: x[:2, 1]),
    "sequences from the left": stacked(lambda x: x[:, 0], lambda x: x[:2, 1], batch_first=True, padding_side="left"),
    "sequences of types": stacked(lambda x: x[:, 0], lambda x: x[:2, 1].double()),
    "sequences of types, the first double": stacked(lambda x: x[:1, 0].double(), lambda x: x[:2, 1]),
    "sequences of whole numbers": stacked(lambda x: (9 * x[:1, 0]).long(), lambda x: x[:2, 1] * 9),
    "sequences that broadcast": stacked(lambda x: x[:, 0], lambda x: x[:2, 1, :1]),
    "unpadded": lambda t: t.nn.utils.rnn.unpad_sequence(batch(t), t.tensor([4, 2, 1])),
    "unpacked": lambda t: t.nn.utils.rnn.unpack_sequence(packed(t, [3, 4, 1], enforce_sorted=False)),
    "pair": lambda t: list(t.nn.utils.rnn.PackedSequence((sample(t, 3), t.tensor([2, 1])))),
}  # fmt: skip
REFUSED: dict[str, Any] = {
    "length of 0": lambda t: packed(t, [4, 3, 0]),
    "not sorted": lambda t: packed(t, [3, 4, 1]),
    "too many lengths": lambda t: packed(t, [4, 4, 3, 1]),
    "lengths of two dimensions": lambda t: packed(t, t.tensor([[4, 3, 1]])),
    "a number of lengths": lambda t: packed(t, 4),
    "no lengths": lambda t: packed(t, None),
    "no sequences": lambda t: t.nn.utils.rnn.pack_padded_sequence(batch(t)[:, :0], []),
    "no tensor": lambda t: t.nn.utils.rnn.pack_padded_sequence(1, [1]),
    "one dimension": lambda t: t.nn.utils.rnn.pack_padded_sequence(sample(t, 3), [3]),
    "no dimension": lambda t: t.nn.utils.rnn.pack_padded_sequence(t.tensor(1.0), [1]),
    "too short": lambda t: padded(t, [2, 1, 1], total_length=2),
    "no batch sizes": lambda t: padded(t, []),
    "batch sizes that increase": lambda t: padded(t, [1, 3]),
    "floating batch sizes": lambda t: padded(t, [2.0, 2.0]),
    "packed of a tensor": lambda t: t.nn.utils.rnn.PackedSequence(batch(t)),
    "packed of a list": lambda t: t.nn.utils.rnn.PackedSequence(batch(t), [1]),
    "pad a number": lambda t: t.nn.utils.rnn.pad_sequence(1),
    "pad numbers": lambda t: t.nn.utils.rnn.pad_sequence([1, 2]),
    "pad nothing": lambda t: t.nn.utils.rnn.pad_sequence([]),
    "pad single numbers": lambda t: t.nn.utils.rnn.pad_sequence([t.tensor(1.0)]),
    "pad to a side": lambda t: t.nn.utils.rnn.pad_sequence([batch(t)], padding_side="x"),
    "unpad fewer": lambda t: t.nn.utils.rnn.unpad_sequence(batch(t), t.tensor([4, 3])),
    "unpad more": lambda t: t.nn.utils.rnn.unpad_sequence(batch(t), t.tensor([4, 3, 1, 1])),
    "clip to a word": lambda t: t.nn.utils.clip_grad_norm_([batch(t)], "a"),
}


@pytest.mark.parametrize("name", SAME)
def test_same(name: str) -> None:
    check(SAME[name])


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    check(REFUSED[name], same_words=False)
