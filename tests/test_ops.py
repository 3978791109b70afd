"""Tests generated from the op table: every entry, on every device, in every dtype it declares."""

from __future__ import annotations

import os
import warnings
from functools import partial
from typing import Any

import numpy as np
import pytest
from support import (
    along,
    array,
    assert_close,
    call,
    floating,
    leaves_of,
    mapped,
    moved,
    ops,
    permuted,
    samples,
    strided,
    tensors,
)
from widened import allowed, own_errors, wide

import tritonnn as torch
from tritonnn import kernels
from tritonnn._tensor import Tensor
from tritonnn.ops._table import IN_PLACE, OPS, Op

DEVICES = ("cpu", "cuda")
HALF = (torch.float16, torch.bfloat16)
STEPS_BREAK_TIES = {"mode"}  # moving an element changes which value is the most frequent
# the paper's gradient, which takes scores for log-probabilities; tests/test_ctc.py differentiates behind log_softmax
NO_PLAIN_DERIVATIVE = {"aten_ctc_loss", "ctc_loss", "ctc_paths"}
RANDOM = {name for name, op in OPS.items() if op.family == "random"} | {
    "gumbel_softmax", "svd_lowrank", "pca_lowrank", "lobpcg",
}  # fmt: skip


# Triton's interpreter takes about a millisecond a block operation, so the simulated device runs a part of what a
# real GPU runs: composites (made of ops that are tested themselves) in float32, and of the pointwise ops, which share
# one kernel, some in each property beside the first.
SIMULATED = os.environ.get("TRITON_INTERPRET") == "1"
SIMULATED_DTYPES = (torch.float32, torch.float16, torch.int64)
SOME_POINTWISE = {"add", "clamp", "eq", "exp", "mul", "pow", "where"}


def worth_simulating(op: Op, dtype: Any, main: bool) -> bool:
    """Whether the simulated device runs this case; `main` is the comparison of kernel and twin."""
    if dtype is not torch.float32 and (op.kind != "primitive" or not main):
        return dtype is next((d for d in SIMULATED_DTYPES if d in op.dtypes), None) and main
    if not main and (
        op.kind != "primitive" or (op.result_rule is not None and op.name not in SOME_POINTWISE)
    ):
        return False
    return dtype in SIMULATED_DTYPES


def few(device: str, dtype: Any, all_samples: list) -> list:
    """The samples themselves; on the simulated device three of them, and one in a further dtype."""
    if device != "cuda" or not SIMULATED:
        return all_samples
    return all_samples[: 3 if dtype is torch.float32 else 1]


def cases(
    dtypes: Any, devices: tuple[str, ...] = DEVICES, keep: Any = lambda op: True, main: bool = False
) -> Any:
    """Parametrisation over ops, devices and the dtypes an op declares among `dtypes`."""
    rows = []
    for op in ops():
        if op.name in RANDOM or not keep(op):
            continue
        for device in devices:
            for dtype in dtypes:
                if device == "cuda" and SIMULATED and not worth_simulating(op, dtype, main):
                    continue
                if dtype in op.dtypes:
                    # One floating type and one of whole numbers in every run, the product of all of them in CI.
                    marks = () if dtype in (dtypes[0], torch.int64) else pytest.mark.exhaustive
                    rows.append(
                        pytest.param(op, device, dtype, id=f"{op.name}_{device}_{dtype.name}", marks=marks)
                    )
    return pytest.mark.parametrize(("op", "device", "dtype"), rows)


@pytest.fixture(autouse=True)
def _quiet_and_runnable(request):
    """Warnings of single samples (var of one element, ...) are tested by hand; a missing kernel is named."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def main_dtype(op: Op) -> Any:
    return torch.float64 if torch.float64 in op.dtypes else op.dtypes[-1]


def test_every_primitive_has_samples():
    missing = [op.name for op in OPS.values() if op.kind != "composite" and op.api and not op.samples]
    assert not missing


def test_every_primitive_has_a_cpu_twin():
    from tritonnn.cpu_fallback import implementation

    for op in OPS.values():
        if op.kind == "primitive" and not op.recorded:
            assert callable(implementation(op.family, op.name))


@cases((torch.float32, *HALF), ("cpu",))
def test_reference(op, device, dtype):
    """Low precision agrees with float64 to within a few roundings."""
    if torch.float64 not in op.dtypes:
        pytest.skip("the op has no float64 to compare with")
    for sample in samples(op, device, dtype):
        got = call(op, sample)
        errors = own_errors(op, partial(call, op), sample, got, trusted=False)
        wanted = call(op, wide(op, sample))
        # Indices may differ where rounding makes ties.
        assert_close(floating(got), floating(wanted), dtype, allowed(op, dtype), repr(sample), errors)


@cases(
    (torch.float32, torch.float64, *HALF, torch.int64, torch.int32, torch.uint8, torch.bool),
    ("cuda",),
    main=True,
)
def test_kernel_matches_twin(op, device, dtype):
    """The GPU kernel gives what the NumPy twin gives."""
    for sample in few(device, dtype, samples(op, "cpu", dtype)):
        if "device" not in sample.kwargs and not list(tensors(sample)):
            continue  # it makes tensors on the host alone
        wanted = call(op, sample)
        got = call(op, moved(sample, device))
        for a, b in zip(tensors(got), tensors(wanted), strict=True):
            assert a.device.type == "cuda"
            assert a.dtype is b.dtype
        errors = own_errors(op, partial(call, op), sample, wanted, trusted=True)
        assert_close(got, wanted, dtype, allowed(op, dtype), repr(sample), errors)


@cases(
    (torch.float32, torch.float16, torch.int64),
    keep=lambda op: op.kind != "view" and "as_strided" not in op.name,
)
def test_noncontiguous(op, device, dtype):
    """Strided inputs give what contiguous ones give."""
    for sample in few(device, dtype, samples(op, device, dtype)):
        wanted = call(op, sample)
        errors = own_errors(op, partial(call, op), sample, wanted, trusted=True)
        assert_close(
            call(op, mapped(sample, strided)), wanted, dtype, allowed(op, dtype), repr(sample), errors
        )


@cases((torch.float32,), keep=lambda op: op.kind != "view" and "as_strided" not in op.name)
def test_layouts(op, device, dtype):
    """Inputs that lie densely in another order give what row-major ones give; so do their gradients."""
    for sample in few(device, dtype, samples(op, device, dtype)):
        # The simulated device takes those whose channels can lie last: `test_noncontiguous` has the others.
        if all(len(t.shape) < (4 if device == "cuda" and SIMULATED else 2) for t in tensors(sample)):
            continue
        wanted = call(op, sample)
        errors = own_errors(op, partial(call, op), sample, wanted, trusted=True)
        assert_close(
            call(op, mapped(sample, permuted)), wanted, dtype, allowed(op, dtype), repr(sample), errors
        )
        if op.kind != "primitive" or not op.has_derivative or op.result_rule is not None:
            continue
        rows, row_leaves, row_results = differentiable(op, sample)
        other = mapped(rows, permuted)
        results = [r for r in floating(call(op, other)) if r.requires_grad]
        leaves = [t for t in floating(other) if t.requires_grad]
        if row_results:
            weights = [permuted(w).to(dtype) for w in directions(results, 3)]
            grads = torch.autograd.grad(weighted(results, weights), leaves, allow_unused=True)
            expected = torch.autograd.grad(weighted(row_results, weights), row_leaves, allow_unused=True)
            pairs = [(a, b) for a, b in zip(grads, expected, strict=True) if b is not None]
            assert_close([a for a, _ in pairs], [b for _, b in pairs], dtype, what=f"gradients of {sample}")


@cases(
    (torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.complex64), ("cpu",)
)
def test_declared_dtype(op, device, dtype):
    """What an entry declares runs."""
    for sample in samples(op, device, dtype):
        call(op, sample)


def directions(inputs: list[Tensor], seed: int) -> list[Tensor]:
    rng = np.random.default_rng(seed)
    return [torch.from_numpy(np.asarray(rng.standard_normal(tuple(t.shape)))).to(t.device) for t in inputs]


def weighted(results: list[Tensor], weights: list[Tensor]) -> Tensor:
    total = None
    for result, weight in zip(results, weights, strict=True):
        term = (result * weight).sum()
        total = term if total is None else total + term
    return total


def differentiable(op: Op, sample: Any) -> tuple[Any, list[Tensor], list[Tensor]]:
    """The sample with leaves that require grad, those leaves that matter, and the results that depend on them."""
    leaves = leaves_of(op, sample)
    results = [r for r in floating(call(op, leaves)) if r.requires_grad]
    return leaves, [t for t in floating(leaves) if t.requires_grad], results


@cases((torch.float64,), ("cpu",), keep=lambda op: op.has_derivative and op.name not in NO_PLAIN_DERIVATIVE)
def test_grad(op, device, dtype):
    """The first derivative along a random direction agrees with central differences."""
    if op.name in STEPS_BREAK_TIES:
        pytest.skip("central differences break ties; tests/parity compares the gradient")
    for sample in samples(op, device, dtype):
        leaves, inputs, results = differentiable(op, sample)
        if not results or not any(t.numel() for t in inputs):  # no element to move
            continue
        weights = directions(results, 1)
        grads = torch.autograd.grad(weighted(results, weights), inputs, allow_unused=True)
        used = [(t, g) for t, g in zip(inputs, grads, strict=True) if g is not None]
        steps = along(op, sample, directions([t for t, _ in used], 2))
        analytic = sum(float((g * u).sum()) for (_, g), u in zip(used, steps, strict=True))
        numeric = central_difference(op, leaves, [t for t, _ in used], steps, weights)
        assert analytic == pytest.approx(numeric, rel=2e-5, abs=2e-6), repr(sample)


def central_difference(
    op: Op, leaves: Any, inputs: list[Tensor], steps: list[Tensor], weights: list[Tensor]
) -> float:
    eps = 1e-6
    values = []
    which = [r.requires_grad for r in floating(call(op, leaves))]
    with torch.no_grad():
        for sign in (1, -1):
            for t, u in zip(inputs, steps, strict=True):
                t.data = t.data + sign * eps * u
            results = [r for r, recorded in zip(floating(call(op, leaves)), which, strict=True) if recorded]
            values.append(float(weighted(results, weights)))
            for t, u in zip(inputs, steps, strict=True):
                t.data = t.data - sign * eps * u
    return (values[0] - values[1]) / (2 * eps)


def slope(op, leaves, inputs, weights) -> Tensor | None:
    """The gradients of the inputs, weighted along a random direction."""
    results = [r for r in floating(call(op, leaves)) if r.requires_grad]
    grads = torch.autograd.grad(weighted(results, weights), inputs, create_graph=True, allow_unused=True)
    used = [g for g in grads if g is not None]
    return weighted(used, directions(used, 3)) if used else None


@cases((torch.float64,), ("cpu",), keep=lambda op: op.has_derivative and op.name not in NO_PLAIN_DERIVATIVE)
def test_grad_of_grad(op, device, dtype):
    """The second derivative along random directions agrees with central differences of the first."""
    for sample in samples(op, device, dtype)[:4]:
        leaves, inputs, results = differentiable(op, sample)
        if not results:
            continue
        weights = directions(results, 1)
        first = slope(op, leaves, inputs, weights)
        if first is None or not first.requires_grad:
            continue
        grads = torch.autograd.grad(first, inputs, allow_unused=True)
        pairs = [(t, g) for t, g in zip(inputs, grads, strict=True) if g is not None]
        steps = along(op, sample, directions([t for t, _ in pairs], 4))
        analytic = sum(float((g * u).sum()) for (_, g), u in zip(pairs, steps, strict=True))
        eps, values = 1e-6, []
        for sign in (1, -1):
            for (t, _), u in zip(pairs, steps, strict=True):
                t.data = t.data + sign * eps * u
            values.append(float(slope(op, leaves, inputs, weights)))
            for (t, _), u in zip(pairs, steps, strict=True):
                t.data = t.data - sign * eps * u
        numeric = (values[0] - values[1]) / (2 * eps)
        assert analytic == pytest.approx(numeric, rel=1e-4, abs=1e-5), repr(sample)


@cases((torch.float32,), ("cuda",), keep=lambda op: op.has_derivative)
def test_grad_on_kernel(op, device, dtype):
    """Gradients on the GPU agree with those on the CPU."""
    run = partial(weighted_grads, op)
    for sample in few(device, dtype, samples(op, "cpu", dtype))[:2]:
        wanted = run(sample)
        if not wanted:
            continue
        got = run(moved(sample, device))
        assert [g is None for g in got] == [g is None for g in wanted]
        errors = own_errors(op, run, sample, wanted, trusted=True)
        assert_close(got, wanted, dtype, allowed(op, dtype), repr(sample), errors)


def weighted_grads(op: Op, sample: Any) -> list[Tensor | None]:
    """The gradients of a sample's inputs, the results weighted along a random direction."""
    _, inputs, results = differentiable(op, sample)
    if not results:
        return []
    weights = [w.float().to(r.dtype) for w, r in zip(directions(results, 1), results, strict=True)]
    return list(torch.autograd.grad(weighted(results, weights), inputs, allow_unused=True))


@cases((torch.float64,), ("cpu",), keep=lambda op: op.kind == "primitive" and op.has_derivative)
def test_strided_incoming_grad(op, device, dtype):
    """Backward takes gradients of any stride."""
    for sample in samples(op, device, dtype)[:3]:
        _, inputs, results = differentiable(op, sample)
        if not results:
            continue
        weights = directions(results, 1)
        dense = torch.autograd.grad(results, inputs, weights, retain_graph=True, allow_unused=True)
        gaps = torch.autograd.grad(results, inputs, [strided(w) for w in weights], allow_unused=True)
        assert_close(
            [g for g in gaps if g is not None], [g for g in dense if g is not None], dtype, what=repr(sample)
        )


@cases((torch.float32,), keep=lambda op: op.kind == "primitive" and op.out and not op.alloc and bool(op.api))
def test_out(op, device, dtype):
    """`out=` receives what the call returns, also through strides and where it must be resized."""
    for sample in samples(op, device, dtype)[:2]:
        wanted = call(op, sample)
        results = list(tensors(wanted))
        outs = [strided(torch.zeros_like(r)) for r in results]
        call(op, sample, out=outs[0] if len(outs) == 1 else tuple(outs))
        assert_close(outs, results, dtype, what=repr(sample))
        fresh = [torch.empty(0, dtype=r.dtype, device=device) for r in results]
        call(op, sample, out=fresh[0] if len(fresh) == 1 else tuple(fresh))
        assert_close(fresh, results, dtype, what=repr(sample))


@cases((torch.float32,), keep=lambda op: op.inplace)
def test_inplace(op, device, dtype):
    """`x.op_()` leaves in x what `op(x)` returns, and the same gradient."""
    method = IN_PLACE[op.name + "_"]
    for sample in samples(op, device, dtype):
        first = sample.args[0]
        if not isinstance(first, Tensor):
            continue
        wanted = call(op, sample)
        if wanted.shape != first.shape or wanted.dtype is not first.dtype:
            continue
        target = first.clone()
        assert method(target, *sample.args[1:], **sample.kwargs) is target
        assert target._version == 1
        assert_close(target, wanted, dtype, what=repr(sample))
        if device == "cpu" and wanted.dtype.is_floating_point:
            plain, moved = first.clone().requires_grad_(), first.clone().requires_grad_()
            result = op.function(plain, *sample.args[1:], **sample.kwargs)
            if result.requires_grad and op.has_derivative and op.names[0] not in sample.constants:
                result.sum().backward()
                method(moved * 1, *sample.args[1:], **sample.kwargs).sum().backward()
                assert_close(moved.grad, plain.grad, dtype, what=repr(sample))


@cases((torch.float32,), keep=lambda op: op.result_rule is not None)
def test_zero_size(op, device, dtype):
    """Pointwise ops of empty tensors are empty."""
    for sample in samples(op, device, dtype)[:1]:
        empty = mapped(sample, lambda t: t.new_empty((0, 3)))
        result = call(op, empty)
        assert result.shape == (0, 3)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("op", [pytest.param(op, id=op.name) for op in OPS.values() if op.errors])
def test_errors(op, device):
    """Bad input is refused with the declared type and words, the same on every device."""
    from support import Make

    for bad in op.errors(Make(op.name, device, main_dtype(op))):
        with pytest.raises(bad.error, match=bad.match) as caught:
            call(op, bad)
        assert str(caught.value)


@pytest.mark.parametrize("op", [pytest.param(op, id=op.name) for op in ops() if op.kind == "primitive"])
def test_inputs_untouched(op):
    """An op writes nothing but its result."""
    dtype = torch.float32 if torch.float32 in op.dtypes else op.dtypes[0]
    for sample in samples(op, "cpu", dtype):
        before = [array(t).copy() for t in tensors(sample)]
        call(op, sample)
        for t, values in zip(tensors(sample), before, strict=True):
            np.testing.assert_array_equal(array(t), values)


def test_missing_kernel_is_named():
    with pytest.raises(
        NotImplementedError, match=r"no_such_op has no GPU kernel: add no_such_op to kernels/shape\.py"
    ):
        kernels.implementation("shape", "no_such_op")
