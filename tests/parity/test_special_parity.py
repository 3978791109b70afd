"""Special numbers in every op that PyTorch has: NaN, infinities, signed zeros, subnormal and largest numbers, ties."""

from __future__ import annotations

from typing import Any

import pytest
from reference_ops import REFUSALS, compare, counterpart, outcome, run_reference, undefined
from special_samples import KINDS, special_samples
from support import call, ops
from unspecified import LARGER_ERROR, ONLY_INPUT, ROUGH_GRADIENT, SIGN_OF_ZERO, SPECIAL, UNDEFINED
from unspecified_shapes import SHAPE

import tritonnn as torch
from tritonnn.ops._table import OPS

DTYPES = (
    torch.float32, torch.bfloat16, torch.float16, torch.float64, torch.int8, torch.int16, torch.int32, torch.int64,
    torch.uint8,
)  # fmt: skip
# The sum of numbers near the largest depends on where it first overflows; a function of one number does not.
OVERFLOWING = ("largest", "mixed")


def kinds_for(op: Any, dtype: Any) -> list[str]:
    """The special numbers that a dtype has and whose result the op defines."""
    if not dtype.is_floating_point:
        return ["limits"]
    kinds = [kind for kind in KINDS if kind != "limits"]
    return [kind for kind in kinds if op.result_rule is not None or kind not in OVERFLOWING]


def cases() -> Any:
    rows = []
    for op in ops():
        if op.family == "random" or counterpart(op) is None:
            continue
        for dtype in DTYPES:
            if dtype in op.dtypes:
                rows.append(pytest.param(op, dtype, id=f"{op.name}_cpu_{dtype.name}"))
    return pytest.mark.parametrize(("op", "dtype"), rows)


def same_kind(got: Any, wanted: Exception) -> bool:
    """Whether the exception is of PyTorch's type, or of ours of the same name."""
    return isinstance(got, type(wanted)) or type(got).__name__ == type(wanted).__name__.lstrip("_")


@cases()
def test_special(op: Any, dtype: Any) -> None:
    """NaN and infinities are where PyTorch has them, zeros have its signs, other numbers its precision."""
    for kind in kinds_for(op, dtype):
        if kind in SPECIAL.get(op.name, ((), ""))[0]:
            continue
        first_only = op.name in ONLY_INPUT and kind in ("nan", "infinite", "mixed")
        for sample in special_samples(op, "cpu", dtype, kind, first_only):
            if undefined(op, sample):
                continue
            wanted = outcome(lambda sample=sample: run_reference(op, sample)[0])
            got = outcome(lambda sample=sample: call(op, sample))
            if isinstance(wanted, Exception):
                if any(words in str(wanted) for words in REFUSALS):
                    continue  # PyTorch does not have this dtype here; tritonnn may
                assert same_kind(got, wanted), f"PyTorch raises {wanted!r}, got {got!r}\n{kind} {sample}"
                continue
            assert not isinstance(got, Exception), f"{kind}: got {got!r}\n{sample}"
            try:
                compare(op, sample, got, wanted)
            except AssertionError as error:
                raise AssertionError(f"{kind}: {error}") from None


def test_exceptions_name_ops() -> None:
    """A list of exceptions holds no op that has gone, and a reason for each."""
    families = {op.family for op in OPS.values()}
    lists = (SPECIAL, SHAPE, LARGER_ERROR, SIGN_OF_ZERO, ONLY_INPUT, ROUGH_GRADIENT, UNDEFINED)
    for name, said in [row for rows in lists for row in rows.items()]:
        assert name.split()[0] in OPS or name in families, name
        assert said if isinstance(said, str) else said[-1], name
