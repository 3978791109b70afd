"""Special numbers in every primitive: the kernel on the simulated device gives what the NumPy twin gives."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from special_samples import special_samples
from support import array, assert_close, call, mapped, ops, samples, tensors
from unspecified_kernels import NOT_COMPARED, SIGN_OF_ZERO
from widened import allowed, own_errors

import tritonnn as torch
from tritonnn.ops._table import Op


def cases(dtype: Any) -> Any:
    kept = [
        op
        for op in ops("primitive")
        if op.family != "random" and (callable(op.host) or not op.host) and dtype in op.dtypes
    ]
    return pytest.mark.parametrize("op", [pytest.param(op, id=f"{op.name}_cuda_{dtype.name}") for op in kept])


def kinds(op: Op) -> tuple[str, ...]:
    """Of a function of numbers all at once; elsewhere one NaN would be in every sum."""
    return ("mixed",) if op.result_rule is not None else ("nan", "infinite")


@cases(torch.float32)
def test_special(op: Op) -> None:
    """NaN, infinities and the signs of zeros are where the twin has them."""
    for kind in kinds(op):
        if kind in NOT_COMPARED.get(op.name, ((), ""))[0]:
            continue
        sample = special_samples(op, "cpu", torch.float32, kind)[0]
        wanted = call(op, sample)
        got = call(op, mapped(sample, lambda t: t.to("cuda")))
        errors = own_errors(op, partial(call, op), sample, wanted, trusted=True)
        assert_close(got, wanted, torch.float32, allowed(op, torch.float32), f"{kind} {sample}", errors)
        if op.result_rule is None or op.name in SIGN_OF_ZERO:
            continue
        for a, b in zip(tensors(got), tensors(wanted), strict=True):
            x, y = array(a), array(b)
            zeros = (x == 0) & (y == 0)
            same = x.dtype.kind != "f" or (np.signbit(x)[zeros] == np.signbit(y)[zeros]).all()
            assert same, f"{kind}: zeros of another sign: {sample}"


@cases(torch.float64)
def test_float64(op: Op) -> None:
    """float64 on the device is no less precise than on the CPU."""
    sample = min(
        samples(op, "cpu", torch.float64), key=lambda s: sum(t.numel() for t in tensors(s)) or 1 << 30
    )
    wanted = call(op, sample)
    got = call(op, mapped(sample, lambda t: t.to("cuda")))
    errors = own_errors(op, partial(call, op), sample, wanted, trusted=True)
    assert_close(got, wanted, torch.float64, 2 * allowed(op, torch.float64), repr(sample), errors)
