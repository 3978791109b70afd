"""Layouts that kernels meet rarely: strides of 0, memory off the 16-byte grid, gradients expanded from one element."""

from __future__ import annotations

import warnings
from functools import partial

import pytest
from support import assert_close, call, floating, leaves_of, mapped, samples, tensors
from widened import allowed, own_errors

import tritonnn as torch
from tritonnn.kernels.device.strided import merged
from tritonnn.ops._table import OPS

PRIMITIVES = [
    op
    for _, op in sorted(OPS.items())
    if op.kind == "primitive" and op.samples and (callable(op.host) or not op.host)
]
DERIVED = [op for op in PRIMITIVES if op.differentiable and op.has_derivative]


@pytest.fixture(autouse=True)
def quiet():
    """Single samples may warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize(
    ("shape", "strides", "wanted"),
    [
        ((4, 4), [(4, 1)], ((16,), (1,))),
        ((4, 4), [(1, 4)], ((4, 4), (1, 4))),  # a square that is transposed
        ((2, 3, 4), [(12, 4, 1), (0, 4, 1)], ((2, 12), (12, 1), (0, 1))),
        ((2, 1, 3), [(3, 9, 1)], ((6,), (1,))),
        ((1, 1), [(5, 5)], ((1,), (1,))),
    ],
)
def test_dimensions_merge_where_all_operands_go_on(shape, strides, wanted):
    assert merged(shape, *strides) == wanted


def the_dtype(op):
    return next((d for d in (torch.float32, torch.float64, torch.int64) if d in op.dtypes), op.dtypes[0])


def repeated(tensor):
    """The first entry of the first dimension at every place of it, by a stride of 0."""
    if not tensor.dtype.is_floating_point or not tensor.shape or tensor.numel() == 0:
        return tensor
    return tensor[:1].expand(tensor.shape)


def shifted(tensor):
    """The same values, contiguous, one element after an aligned address."""
    wide = torch.empty(tensor.numel() + 1, dtype=tensor.dtype, device=tensor.device)
    view = wide[1:].view(tensor.shape)
    view.copy_(tensor.detach())
    assert tensor.dtype.itemsize == 16 or tensor.numel() == 0 or view.data_ptr() % 16
    return view.detach()


def agree(op, sample, change):
    """The kernel on changed inputs gives what the twin gives on them."""
    dtype = the_dtype(op)
    changed = mapped(sample, lambda t: change(t).contiguous())
    wanted = call(op, changed)
    got = call(op, mapped(sample, lambda t: change(t.to("cuda"))))
    assert all(t.device.type == "cuda" for t in tensors(got))
    errors = own_errors(op, partial(call, op), changed, wanted, trusted=True)
    assert_close(got, wanted, dtype, allowed(op, dtype), repr(sample), errors)


# Places of maxima come from the regions that they are given with: other regions contradict them.
TOGETHER = ("roi_pool_backward",)


@pytest.mark.parametrize("op", [op for op in PRIMITIVES if op.name not in TOGETHER], ids=lambda op: op.name)
def test_strides_of_zero(op):
    for sample in samples(op, "cpu", the_dtype(op))[:2]:
        agree(op, sample, repeated)


@pytest.mark.parametrize("op", PRIMITIVES, ids=lambda op: op.name)
def test_misaligned_memory(op):
    for sample in samples(op, "cpu", the_dtype(op))[:2]:
        agree(op, sample, shifted)


@pytest.mark.parametrize("op", DERIVED, ids=lambda op: op.name)
def test_gradients_expanded_from_one_element(op):
    dtype = the_dtype(op)
    for sample in samples(op, "cpu", dtype)[:1]:
        wanted = expanded_grads(op, sample)
        got = expanded_grads(op, mapped(sample, lambda t: t.to("cuda")))
        assert [g is None for g in got] == [g is None for g in wanted]
        errors = own_errors(op, partial(expanded_grads, op), sample, wanted, trusted=True)
        assert_close(got, wanted, dtype, allowed(op, dtype), repr(sample), errors)


def expanded_grads(op, sample):
    """The gradients of a sample's inputs, every result's an element repeated."""
    leaves = leaves_of(op, sample)
    outs = [t for t in floating(call(op, leaves)) if t.requires_grad]
    inputs = [t for t in floating(leaves) if t.requires_grad]
    given = [torch.ones((), dtype=t.dtype, device=t.device).expand(t.shape) for t in outs]
    return torch.autograd.grad(outs, inputs, given, allow_unused=True) if outs else ()
