"""torch.testing on both devices; tests/parity compares it with PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest

import tritonnn as torch
from tritonnn.testing import assert_allclose, assert_close, make_tensor

DEVICES = pytest.mark.parametrize("device", ["cpu", "cuda"])


@DEVICES
def test_words_of_a_difference(device):
    a = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)
    with pytest.raises(AssertionError) as raised:
        assert_close({"w": [a]}, {"w": [a + torch.tensor([[0.0, 0.0], [0.5, 0.25]], device=device)]})
    assert str(raised.value) == (
        "Tensor-likes are not close!\n\nMismatched elements: 2 / 4 (50.0%)\n"
        "Greatest absolute difference: 0.5 at index (1, 0) (up to 1e-05 allowed)\n"
        "Greatest relative difference: 0.1428571492433548 at index (1, 0) (up to 1.3e-06 allowed)\n\n"
        "The failure occurred for item ['w'][0]"
    )


@pytest.mark.parametrize(
    "name, rtol, atol",
    [("float16", 1e-3, 1e-5), ("bfloat16", 1.6e-2, 1e-5), ("float32", 1.3e-6, 1e-5), ("float64", 1e-7, 1e-7)],
)
def test_default_tolerances(name, rtol, atol):
    """|actual - expected| <= atol + rtol |expected|: a pair within and a pair beyond."""
    dtype = getattr(torch, name)
    expected = torch.tensor([64.0], dtype=dtype)
    allowed = atol + rtol * 64
    step = max(
        allowed,
        2 * float(np.spacing(np.float16(64)) if name == "float16" else 0.5 if name == "bfloat16" else 0),
    )
    assert_close(torch.tensor([64 + 0.9 * allowed], dtype=dtype), expected)
    with pytest.raises(AssertionError, match=f"up to {rtol} allowed"):
        assert_close(torch.tensor([64 + 2 * step], dtype=dtype), expected)


@DEVICES
def test_across_devices(device):
    a, b = torch.ones(2), torch.ones(2, device=device)
    if device == "cuda":
        with pytest.raises(AssertionError, match="attribute 'device' do not match: cpu != cuda:0"):
            assert_close(a, b)
    assert_close(a, b, check_device=False)


def test_gradients_do_not_matter_and_are_not_recorded():
    a = torch.ones(2, requires_grad=True)
    assert_close(a * 1, torch.ones(2))
    assert a.grad is None


def test_message_of_another_type():
    with pytest.raises(TypeError, match="'msg' must be str or a function, not int"):
        assert_close(1, 1, msg=3)


def test_deprecated_form():
    with pytest.warns(FutureWarning, match="assert_allclose.* is deprecated"):
        assert_allclose([1.0], [1.00005])


@DEVICES
@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.bfloat16, torch.int64, torch.uint8, torch.bool, torch.complex64]
)
def test_made_tensors(device, dtype):
    x = make_tensor(3, 4, dtype=dtype, device=device, noncontiguous=True)
    assert x.dtype is dtype and x.device.type == device and x.stride() == (8, 2)
    values = np.asarray(x.cpu().to(torch.complex64 if dtype.is_complex else torch.float64).tolist())
    low, high = {torch.bool: (0, 2), torch.uint8: (0, 10), torch.int64: (-9, 10)}.get(dtype, (-9, 9))
    parts = np.stack([values.real, values.imag]) if dtype.is_complex else values
    assert (parts >= low).all() and (parts < high).all() and len(np.unique(parts)) > 1


def test_extremes_of_a_dtype():
    whole = make_tensor(1000, dtype=torch.int64, device="cpu", low=-(2**63), high=2**63)
    assert int(whole.min()) < -(2**62) and int(whole.max()) > 2**62
    half = make_tensor(1000, dtype=torch.int64, device="cpu", low=-5, high=float("inf"))
    assert int(half.min()) >= -5 and int(half.max()) > 2**62
    wide = make_tensor(1000, dtype=torch.float32, device="cpu", low=float("-inf"), high=float("inf"))
    assert bool(wide.isfinite().all()) and float(wide.abs().max()) > 1e38


def test_zeros_are_left_out():
    for dtype, least in (
        (torch.int8, 1),
        (torch.float32, torch.finfo(torch.float32).tiny),
        (torch.bool, True),
    ):
        x = make_tensor(
            50,
            dtype=dtype,
            device="cpu",
            low=0,
            high=1 if dtype is not torch.float32 else 1e-45,
            exclude_zero=True,
        )
        assert set(x.tolist()) == {least}


@pytest.mark.parametrize("dtype", [torch.uint16, torch.uint32, torch.uint64])
def test_wide_unsigned_numbers_that_differ(dtype):
    a, b = torch.tensor([1, 2, 3], dtype=dtype), torch.tensor([1, 5, 3], dtype=dtype)
    with pytest.raises(
        AssertionError, match=r"1 / 3 \(33.3%\)\nGreatest absolute difference: 3 at index \(1,\)"
    ):
        torch.testing.assert_close(a, b)
    with pytest.raises(AssertionError, match=r"Greatest absolute difference: 3 at index \(1,\)"):
        torch.testing.assert_close(a, b.to(torch.int64), check_dtype=False)
    torch.testing.assert_close(a, a.to(torch.int64), check_dtype=False)


def test_unsigned_numbers_beyond_int64_that_differ():
    a, b = torch.tensor([2**64 - 1, 0], dtype=torch.uint64), torch.tensor([0, 1], dtype=torch.uint64)
    with pytest.raises(AssertionError, match=r"absolute difference: 18446744073709551615 at index \(0,\)"):
        torch.testing.assert_close(a, b)
