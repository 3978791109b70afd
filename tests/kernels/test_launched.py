"""Pointwise calls by their geometries: each combination has its own, and what stands between is asked every time."""

from __future__ import annotations

import pytest

import tritonnn as torch
from tritonnn.ops._table import OPS
from tritonnn.table.between import stand_between


@pytest.fixture
def x():
    return torch.tensor([[0.5, -1.0, 2.0], [3.0, 0.25, -4.0]], device="cuda")


def combinations(op):
    return len(OPS[op].launches)


def test_geometries_types_and_numbers_are_told_apart(x):
    OPS["mul"].launches.clear()
    half, whole = x.half(), x.int()
    views = [x, x.t(), x[:, ::2], x[0], half, whole]
    for _ in range(2):
        for a in views:
            for b in (a, 3, 2.5, a.clone(), 5):
                expected = a.cpu() * (b.cpu() if isinstance(b, torch.Tensor) else b)
                result = a * b
                assert result.dtype is expected.dtype and result.stride() == expected.stride()
                torch.testing.assert_close(result.cpu(), expected)
        # numbers of a kind share a combination; whole numbers times 2.5 are another type's, found the long way
        assert combinations("mul") <= 3 * len(views) + 3
    before = combinations("mul")
    x * 4, x * 100, x * 7.25
    assert combinations("mul") == before
    assert (whole * 300).cpu().tolist() == (whole.cpu() * 300).tolist()
    assert (x * True).cpu().tolist() == x.cpu().tolist()


def test_negative_zero_is_no_other_number(x):
    for zero in (0.0, -0.0, 0.0):
        assert torch.equal((x * 0 + zero).cpu().signbit(), (x.cpu() * 0 + zero).signbit())


def test_a_combination_that_is_known_is_recorded(x):
    for _ in range(2):
        leaf = x.clone().requires_grad_()
        (leaf.exp() * leaf).sum().backward()
        torch.testing.assert_close(leaf.grad.cpu(), (x.exp() * (1 + x)).cpu())
        with torch.no_grad():
            assert not leaf.exp().requires_grad


def test_what_stands_between_is_called_after_the_combination_is_known(x):
    seen = []

    def noting(op, kind, function):
        def run(*args, **options):
            seen.append(op.name)
            return function(*args, **options)

        run.__dict__.update(function.__dict__)  # as functools.wraps does
        return run

    x.exp()
    try:
        stand_between(noting)
        x.exp(), x.exp()
        assert seen == ["exp", "exp"]
    finally:
        stand_between(None)
    x.exp()
    assert seen == ["exp", "exp"]


def test_memory_that_is_gone_is_refused(x):
    y = x.clone()
    y.exp()
    y.untyped_storage().resize_(0)
    with pytest.raises(RuntimeError):
        y.exp()


def test_operands_on_two_devices_are_refused(x):
    with pytest.raises(RuntimeError, match="same device"):
        x * x.cpu()
    assert (x * torch.tensor(2.0)).cpu().tolist() == (x.cpu() * 2).tolist()
