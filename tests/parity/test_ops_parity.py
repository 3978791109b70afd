"""Every op that PyTorch has under the same name gives what PyTorch gives: values, dtype, shape, gradients."""

from __future__ import annotations

import warnings
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
import torch as reference
from support import array, call, floating, leaves_of, ops, samples, tensors

import tritonnn as torch
from tritonnn._tensor import Tensor, host_array
from tritonnn.ops._table import Op

REFUSALS = ("not implemented for", "not supported", "does not support", "expected")
TIES = "(ties) "
NO_DERIVATIVE = {"unique", "unique_consecutive", "floor_divide"}  # PyTorch records a node that only raises
NO_DERIVATIVE |= {"histogram"}  # likewise
# PyTorch's gradient of ctc_loss is right only behind log_softmax; test_nn_parity.py compares it there.
NO_DERIVATIVE |= {"ctc_loss"}
NO_DERIVATIVE |= {"addmm_activation"}  # PyTorch has none
DTYPES = (torch.float32, torch.float64, torch.int64, torch.int32, torch.uint8, torch.bool, torch.complex64)


# Of the same name in PyTorch, but not the same call.
OTHER_CALL = {"batch_norm"}
# PyTorch's gradient of the input is that of the written elements; ours passes central differences.
OTHER_GRADIENT = {"as_strided_scatter"}
OTHER_GRADIENT |= {"vander"}  # PyTorch's raises: it computes the powers in place

# Calls whose result PyTorch leaves as the memory was: a product of nothing is never written.
UNDEFINED = {"scaled_product": lambda sample: sample.args[0].shape[1] == 0}


def counterpart(op: Op) -> Any:
    """PyTorch's function of the name, where the op is public."""
    if op.name in OTHER_CALL:
        return None
    places = {
        "functional": reference.nn.functional, "torch": reference, "tensor": reference.Tensor,
        "linalg": reference.linalg, "special": reference.special,
    }  # fmt: skip
    for place, module in places.items():
        found = getattr(module, op.public_name, None) if place in op.api.split() else None
        if found is not None:
            return found
    return None


def to_reference(value: Any) -> Any:
    """A sample's argument in PyTorch's types."""
    if isinstance(value, Tensor):
        values = host_array(value.detach())
        if values.dtype.kind == "V" or value.dtype.name.startswith(("bfloat", "float8")):
            return reference.from_numpy(values.astype(np.float32)).to(getattr(reference, value.dtype.name))
        base = reference.from_numpy(np.array(values))
        base = reference.empty_strided(tuple(value.shape), value.stride(), dtype=base.dtype).copy_(base)
        return base.requires_grad_() if value.requires_grad else base
    if isinstance(value, torch.dtype):
        return getattr(reference, value.name)
    if isinstance(value, torch.device):
        return reference.device(str(value))
    if isinstance(value, torch.nn.LinearCrossEntropyOptions):
        given = {field.name: to_reference(getattr(value, field.name)) for field in fields(value)}
        return reference.nn.LinearCrossEntropyOptions(**given)
    if isinstance(value, (list, tuple)):
        return type(value)([to_reference(item) for item in value])
    return value


def reference_tensors(value: Any) -> list:
    if isinstance(value, reference.Tensor):
        return [value]
    if isinstance(value, (list, tuple)):
        return [t for item in value for t in reference_tensors(item)]
    return []


def cases(dtypes: Any = DTYPES, keep: Any = lambda op: True) -> Any:
    rows = []
    for op in ops():
        if op.family in ("random",) or counterpart(op) is None or not keep(op):
            continue
        for dtype in dtypes:
            if dtype in op.dtypes:
                rows.append(pytest.param(op, dtype, id=f"{op.name}_cpu_{dtype.name}"))
    return pytest.mark.parametrize(("op", "dtype"), rows)


def run_reference(op: Op, sample: Any) -> Any:
    function = counterpart(op)
    args = [to_reference(arg) for arg in sample.args]
    kwargs = {key: to_reference(value) for key, value in sample.kwargs.items()}
    leaves = [
        t for t in [*reference_tensors(args), *reference_tensors(list(kwargs.values()))] if t.requires_grad
    ]
    return function(*args, **kwargs), leaves


@cases()
def test_parity(op, dtype):
    """Values, dtypes and shapes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for sample in samples(op, "cpu", dtype):
            if op.name in UNDEFINED and UNDEFINED[op.name](sample):
                continue
            try:
                wanted, _ = run_reference(op, sample)
            except (RuntimeError, NotImplementedError, TypeError) as error:
                if any(words in str(error) for words in REFUSALS):
                    continue  # PyTorch does not have this dtype here; tritonnn may
                raise
            compare(call(op, sample), wanted, dtype, (TIES if op.family == "sorting" else "") + repr(sample))


def compare(got: Any, wanted: Any, dtype: Any, what: str) -> None:
    gots, wanteds = list(tensors(got)), reference_tensors(wanted)
    assert len(gots) == len(wanteds), what
    if TIES in what and not dtype.is_floating_point:
        gots, wanteds = gots[:1], wanteds[:1]  # which of several equal elements is found is not specified
    for a, b in zip(gots, wanteds, strict=True):
        assert tuple(a.shape) == tuple(b.shape), f"{what}: shape {tuple(a.shape)}, PyTorch {tuple(b.shape)}"
        assert str(a.dtype) == str(b.dtype), f"{what}: dtype {a.dtype}, PyTorch {b.dtype}"
        values = (
            b.detach()
            .to(reference.float32 if b.dtype is reference.bfloat16 else b.dtype)
            .resolve_conj()
            .numpy()
        )
        tolerance = 1e-9 if b.dtype in (reference.float64, reference.complex128) else 2e-5
        np.testing.assert_allclose(array(a), values, rtol=tolerance, atol=tolerance, err_msg=what)


@cases((torch.float64,), lambda op: op.has_derivative and op.name not in NO_DERIVATIVE | OTHER_GRADIENT)
def test_parity_grad(op, dtype):
    """Gradients of every floating input."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for sample in samples(op, "cpu", dtype):
            leaves = leaves_of(op, sample)
            try:
                wanted, wanted_leaves = run_reference(op, leaves)
            except (RuntimeError, NotImplementedError) as error:
                if "not differentiable with respect to" in str(error) or any(
                    w in str(error) for w in REFUSALS
                ):
                    continue
                raise
            outs = [t for t in reference_tensors(wanted) if t.requires_grad and t.is_floating_point()]
            got = [t for t in floating(call(op, leaves)) if t.requires_grad]
            assert len(got) == len(outs), f"{sample}: {len(got)} differentiable results, PyTorch {len(outs)}"
            if not outs:
                continue
            try:
                sum((o * (i + 1)).sum() for i, o in enumerate(outs)).backward()
            except RuntimeError as error:
                if "invalid gradient" in str(error):  # an index smaller than its source: PyTorch has none
                    continue
                raise
            total = None
            for i, out in enumerate(got):
                term = (out * (i + 1)).sum()
                total = term if total is None else total + term
            total.backward()
            own = [t for t in floating(leaves) if t.requires_grad]
            assert len(own) == len(wanted_leaves)
            for a, b in zip(own, wanted_leaves, strict=True):
                zero = np.zeros(tuple(a.shape))
                expected = zero if b.grad is None else b.grad.numpy(force=True)
                found = zero if a.grad is None else array(a.grad)
                np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-9, err_msg=repr(sample))
