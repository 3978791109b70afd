"""Which results require grad: for every op, also of tensors of no elements and of no dimensions, those of PyTorch."""

from __future__ import annotations

import warnings

import pytest
import torch as reference
from reference_ops import counterpart, run_reference, to_reference
from support import call, leaves_of, ops, samples
from unspecified import OTHER_REQUIRES_GRAD

import tritonnn as torch
from tritonnn._tensor import Tensor

SHAPES = ((0,), (), (0, 3), (3, 0))


def flags(value, kind):
    """requires_grad of each tensor of a result."""
    if isinstance(value, kind):
        return [value.requires_grad]
    return [flag for item in value for flag in flags(item, kind)] if isinstance(value, (list, tuple)) else []


def has_tensors(value):
    return isinstance(value, Tensor) or (isinstance(value, (list, tuple)) and any(map(has_tensors, value)))


def pairs(op, dtype):
    """(how it is called, PyTorch's result, ours), where PyTorch has one."""
    for number, sample in enumerate(samples(op, "cpu", dtype)):
        leaves = leaves_of(op, sample)
        try:
            wanted = run_reference(op, leaves)[0]
        except (RuntimeError, NotImplementedError, TypeError, IndexError, ValueError):
            pass  # what PyTorch refuses is compared elsewhere; an op takes its own samples
        else:
            yield repr(sample), wanted, call(op, leaves)
        rest = sample.args[1:]
        if number > 1 or not (sample.args and isinstance(sample.args[0], Tensor)) or has_tensors(rest):
            continue
        for shape in SHAPES:
            named = {key: to_reference(value) for key, value in sample.kwargs.items()}
            x, y = (
                lib.ones(shape, dtype=getattr(lib, dtype.name), requires_grad=True)
                for lib in (reference, torch)
            )
            try:
                yield (
                    f"{shape}, {rest}",
                    counterpart(op)(x, *map(to_reference, rest), **named),
                    op.function(y, *rest, **sample.kwargs),
                )
            except (RuntimeError, NotImplementedError, TypeError, IndexError, ValueError):
                pass


def compared(op):
    return counterpart(op) is not None and op.family != "random" and op.name not in OTHER_REQUIRES_GRAD


@pytest.mark.parametrize("op", [op for op in ops() if compared(op)], ids=lambda op: op.name)
def test_what_requires_grad(op):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for dtype in (torch.float32, torch.complex64):
            if dtype in op.dtypes:
                for how, wanted, got in pairs(op, dtype):
                    assert flags(got, Tensor) == flags(wanted, reference.Tensor), how
