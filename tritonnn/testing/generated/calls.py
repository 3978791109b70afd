"""Every entry of a package on every device, in every dtype it declares: results, strides, `out=`, in place, errors."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

import tritonnn as torch
from tritonnn._tensor import Tensor
from tritonnn.ops._table import IN_PLACE
from tritonnn.testing.generated.cases import DEVICES, HALF, cases, few, main_dtype
from tritonnn.testing.generated.inputs import (
    Make,
    array,
    assert_close,
    call,
    entries,
    floating,
    mapped,
    moved,
    ops,
    samples,
    strided,
    tensors,
)
from tritonnn.testing.generated.own_errors import allowed, own_errors, wide


def test_every_primitive_has_samples():
    missing = [op.name for op in entries() if op.kind != "composite" and op.api and not op.samples]
    assert not missing


def test_every_primitive_has_a_cpu_twin():
    from tritonnn.cpu_fallback import implementation

    for op in entries():
        if op.kind == "primitive" and not op.recorded:
            assert callable(implementation(op.family, op.own_name, op.package))


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


@cases(
    (torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.complex64), ("cpu",)
)
def test_declared_dtype(op, device, dtype):
    """What an entry declares runs."""
    for sample in samples(op, device, dtype):
        call(op, sample)


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
@pytest.mark.parametrize("op", [pytest.param(op, id=op.name) for op in entries() if op.errors])
@pytest.mark.filterwarnings("ignore")  # of older names, and of sizes that then are refused
def test_errors(op, device):
    """Bad input is refused with the declared type and words, the same on every device."""
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
