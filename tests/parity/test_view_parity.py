"""Which results are views, which require grad and which are leaves: as in PyTorch, for every entry of the table."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from reference_ops import REFUSALS, counterpart, reference_tensors, run_reference, undefined
from support import call, leaves_of, ops, samples, tensors

import tritonnn as torch

# Counts, whose gradient PyTorch refuses at backward, require none here; PyTorch gives real numbers back as they are.
# That of detach_copy requires grad, and raises in backward.
OTHER = {"bincount", "histogram", "conj_physical", "detach_copy"}
OPS = [op for op in ops() if counterpart(op) and op.family != "random" and op.name not in OTHER]


@pytest.mark.parametrize("grad", (False, True), ids=("plain", "grad"))
@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_results_are_views_and_leaves_as_in_pytorch(op: Any, grad: bool) -> None:
    dtype = next((d for d in (torch.float64, torch.float32) if d in op.dtypes), op.dtypes[0])
    for sample in samples(op, "cpu", dtype):
        if undefined(op, sample):
            continue
        given = leaves_of(op, sample) if grad else sample
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                wanted, _ = run_reference(op, given)
            except (RuntimeError, NotImplementedError, TypeError) as error:
                if any(words in str(error) for words in (*REFUSALS, "not differentiable with respect to")):
                    continue
                raise
            result = call(op, given)
        for ours, theirs in zip(tensors(result), reference_tensors(wanted), strict=True):
            # What PyTorch composes of others may be a view of what nobody sees.
            assert theirs._is_view() or not ours._is_view(), f"a view: {sample}"
            assert ours.requires_grad == theirs.requires_grad, f"{theirs.requires_grad} expected: {sample}"
            assert ours.is_leaf == theirs.is_leaf, f"{theirs.is_leaf} expected: {sample}"
