"""Every entry that takes complex numbers, on the simulated device: values, gradients, strides, out= and in place."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from support import ANY_PHASE, assert_close, call, leaves_of, mapped, moved, ops, samples, strided, tensors
from test_complex_gradients import floating, numbers
from test_ops import RANDOM
from widened import allowed

import tritonnn as torch
from tritonnn._tensor import Tensor
from tritonnn.ops._table import IN_PLACE, Op

DTYPE = torch.complex64
# The twin rounds pi z before its sine, the kernel does not: what is taken for exact has that error.
ROUGH_TWINS = {"sinc": 4}


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def cases(keep: Any = lambda op: True) -> Any:
    kept = [op for op in ops() if DTYPE in op.dtypes and op.name not in RANDOM and keep(op)]
    return pytest.mark.parametrize("op", [pytest.param(op, id=f"{op.name}_cuda") for op in kept])


def few(op: Op) -> list:
    kept = [s for s in samples(op, "cpu", DTYPE) if any(t.numel() for t in tensors(s))]
    return kept[:2] if op.kind != "composite" else kept[:1]


@cases()
def test_kernel_matches_twin(op: Op) -> None:
    for sample in few(op):
        wanted = call(op, sample)
        got = call(op, moved(sample, "cuda"))
        for a, b in zip(tensors(got), tensors(wanted), strict=True):
            assert a.device.type == "cuda"
            assert a.dtype is b.dtype
        assert_close(
            got, wanted, torch.float32, ROUGH_TWINS.get(op.name, 1) * allowed(op, torch.float32), repr(sample)
        )


@cases(lambda op: op.kind == "primitive" and not op.host and "as_strided" not in op.name)
def test_strided_operands(op: Op) -> None:
    for sample in few(op)[:1]:
        wanted = call(op, sample)
        got = call(op, mapped(moved(sample, "cuda"), strided))
        assert_close(
            got, wanted, torch.float32, ROUGH_TWINS.get(op.name, 1) * allowed(op, torch.float32), repr(sample)
        )


def gradients(op: Op, sample: Any) -> list[Tensor | None]:
    leaves = leaves_of(op, sample, complex=True)
    inputs = [t for t in floating(leaves) if t.requires_grad]
    results = [r for r in floating(call(op, leaves)) if r.requires_grad]
    if not results or not any(t.numel() for t in inputs):
        return []
    weights = [w.to(r.device) for w, r in zip(numbers(results, 1), results, strict=True)]
    total: Any = 0
    for result, weight in zip(results, weights, strict=True):
        terms = result * weight.conj()
        total = total + (terms.real if terms.dtype.is_complex else terms).sum()
    return list(torch.autograd.grad(total, inputs, allow_unused=True))


@cases(lambda op: op.has_derivative and op.kind == "primitive" and op.name not in ANY_PHASE)
def test_gradients(op: Op) -> None:
    for sample in few(op)[:1]:
        wanted = gradients(op, sample)
        got = gradients(op, moved(sample, "cuda"))
        assert [g is None for g in got] == [g is None for g in wanted]
        assert_close(
            got,
            wanted,
            torch.float32,
            4 * ROUGH_TWINS.get(op.name, 1) * allowed(op, torch.float32),
            repr(sample),
        )


@cases(lambda op: op.kind == "primitive" and op.out and not op.alloc and bool(op.api))
def test_out(op: Op) -> None:
    for sample in few(op)[:1]:
        sample = moved(sample, "cuda")
        results = list(tensors(call(op, sample)))
        outs = [strided(torch.zeros_like(r)) for r in results]
        call(op, sample, out=outs[0] if len(outs) == 1 else tuple(outs))
        assert_close(outs, results, torch.float32, what=repr(sample))


@cases(lambda op: f"{op.name}_" in IN_PLACE)
def test_in_place(op: Op) -> None:
    for sample in few(op)[:1]:
        sample = moved(sample, "cuda")
        wanted = call(op, sample)
        target = sample.args[0].clone()
        if wanted.shape != target.shape or wanted.dtype is not target.dtype:
            continue
        assert IN_PLACE[op.name + "_"](target, *sample.args[1:], **sample.kwargs) is target
        assert_close(target, wanted, torch.float32, what=repr(sample))


@cases(lambda op: op.kind == "primitive" and torch.complex128 in op.dtypes)
def test_complex128(op: Op) -> None:
    """Twice the digits on the device as well."""
    plain = [s for s in samples(op, "cpu", torch.complex128) if any(t.numel() for t in tensors(s))]
    for sample in plain[:1]:
        wanted = call(op, sample)
        got = call(op, moved(sample, "cuda"))
        assert_close(got, wanted, torch.float64, 4 * allowed(op, torch.float64), repr(sample))
