"""Unusual shapes of every op that PyTorch has: 0-d, one element, none; where PyTorch refuses them, so do we."""

from __future__ import annotations

from typing import Any

import pytest
from reference_ops import compare, counterpart, outcome, run_reference, undefined
from special_samples import SHAPES, reshaped
from support import call, ops
from unspecified import ACCIDENTAL
from unspecified_shapes import SHAPE

import tritonnn as torch


def cases() -> Any:
    rows = []
    for op in ops():
        if op.family == "random" or counterpart(op) is None:
            continue
        dtype = torch.float32 if torch.float32 in op.dtypes else op.dtypes[-1]
        rows.append(pytest.param(op, dtype, id=f"{op.name}_cpu_{dtype.name}"))
    return pytest.mark.parametrize(("op", "dtype"), rows)


@cases()
def test_shape(op: Any, dtype: Any) -> None:
    """The result of PyTorch, or an error that the same `except` catches."""
    left = SHAPE.get(op.name, ((), ""))[0]
    for kind in SHAPES:
        if kind in left:
            continue
        for sample in reshaped(op, "cpu", dtype, kind):
            if outcome(lambda sample=sample: undefined(op, sample)) is True:
                continue
            wanted = outcome(lambda sample=sample: run_reference(op, sample)[0])
            got = outcome(lambda sample=sample: call(op, sample))
            if isinstance(wanted, Exception):
                assert isinstance(got, Exception), f"{kind}: PyTorch raises {wanted!r}\n{sample}"
                if any(words in str(wanted) for words in ACCIDENTAL):
                    continue
                assert isinstance(got, type(wanted)), (
                    f"{kind}: PyTorch raises {wanted!r}, got {got!r}\n{sample}"
                )
                continue
            assert not isinstance(got, Exception), f"{kind}: got {got!r}\n{sample}"
            try:
                compare(op, sample, got, wanted)
            except AssertionError as error:
                raise AssertionError(f"{kind}: {error}") from None
