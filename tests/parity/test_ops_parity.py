"""Every op that PyTorch has under the same name gives what PyTorch gives: values, dtype, shape, gradients."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from reference_ops import REFUSALS, compare, counterpart, reference_tensors, run_reference, undefined
from support import array, call, floating, leaves_of, ops, samples
from unspecified import ROUGH_GRADIENT

import tritonnn as torch

NO_DERIVATIVE = {"unique", "unique_consecutive", "floor_divide"}  # PyTorch records a node that only raises
NO_DERIVATIVE |= {"histogram"}  # likewise
NO_DERIVATIVE |= {"addmm_activation"}  # PyTorch has none
DTYPES = (
    torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
    torch.uint8, torch.bool, torch.complex64,
)  # fmt: skip


# PyTorch's gradient of the input is that of the written elements; ours passes central differences.
OTHER_GRADIENT = {"as_strided_scatter"}
OTHER_GRADIENT |= {"vander"}  # PyTorch's raises: it computes the powers in place
# Vectors have any sign, so that the sum of their elements is another number; tests/parity/test_linalg_parity.py has
# losses that are not.
OTHER_GRADIENT |= {"eig", "eigh", "svd", "torch_svd", "svd_lowrank", "pca_lowrank", "lobpcg"}
OTHER_GRADIENT |= {"cond"}  # PyTorch's raises: it writes infinity over a result in place
# PyTorch's is that of a factor whose other triangle is read as well, which it is not.
OTHER_GRADIENT |= {"cholesky_inverse", "cholesky_solve"}


def cases(dtypes: Any = DTYPES, keep: Any = lambda op: True) -> Any:
    rows = []
    for op in ops():
        if op.family in ("random",) or counterpart(op) is None or not keep(op):
            continue
        for dtype in dtypes:
            if dtype in op.dtypes:
                rows.append(pytest.param(op, dtype, id=f"{op.name}_cpu_{dtype.name}"))
    return pytest.mark.parametrize(("op", "dtype"), rows)


@cases()
def test_parity(op, dtype):
    """Values, dtypes and shapes, to within twice the error that the dtype has of its own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for sample in samples(op, "cpu", dtype):
            if undefined(op, sample):
                continue
            try:
                wanted, _ = run_reference(op, sample)
            except (RuntimeError, NotImplementedError, TypeError) as error:
                if any(words in str(error) for words in REFUSALS):
                    continue  # PyTorch does not have this dtype here; tritonnn may
                raise
            compare(op, sample, call(op, sample), wanted)


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
                # An index smaller than its source, a mask without dimensions: PyTorch has none.
                if "invalid gradient" in str(error) or "report a bug to PyTorch" in str(error):
                    continue
                raise
            rtol = ROUGH_GRADIENT.get(op.name, (1e-11,))[0]
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
                grad = zero if a.grad is None else array(a.grad)
                np.testing.assert_allclose(grad, expected, rtol=rtol, atol=rtol / 10, err_msg=repr(sample))
