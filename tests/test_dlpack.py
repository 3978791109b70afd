"""Memory shared with other libraries: DLPack both ways."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import tritonnn as torch
from tritonnn import dtypes
from tritonnn.utils import dlpack

SHARED_BY_NUMPY = (
    "bool",
    "uint8",
    "int8",
    "int16",
    "int32",
    "int64",
    "float16",
    "float32",
    "float64",
    "complex64",
)


@pytest.mark.parametrize("name", SHARED_BY_NUMPY)
def test_numpy_sees_our_memory_and_we_see_its(name):
    dtype = getattr(torch, name)
    x = torch.tensor([[0, 1, 1], [1, 0, 0]]).to(dtype)
    array = np.from_dlpack(x)
    np.testing.assert_array_equal(array, x.numpy())
    assert array.dtype == dtype.np
    array[0, 0] = 1
    assert x[0, 0].item() == 1
    own = np.array([[1, 0], [0, 1]], dtype.np)
    y = torch.from_dlpack(own)
    assert y.dtype is dtype
    y[0, 1] = 1
    assert own[0, 1] == 1


@pytest.mark.parametrize("dtype", dtypes.ALL, ids=lambda d: d.name)
def test_round_trip_of_every_dtype(dtype):
    x = torch.tensor([0, 1, 3]).to(dtype)
    y = torch.from_dlpack(x)
    assert y.dtype is dtype
    assert y.data_ptr() == x.data_ptr()
    assert y.tolist() == x.tolist()


def test_geometry_is_kept():
    x = torch.arange(24.0).view(2, 3, 4)[:, ::2].transpose(0, 2)
    y = torch.from_dlpack(x)
    assert (y.shape, y.stride(), y.data_ptr()) == (x.shape, x.stride(), x.data_ptr())
    np.testing.assert_array_equal(np.from_dlpack(x), x.numpy())
    column = np.arange(6.0).reshape(2, 3).T
    assert torch.from_dlpack(column).stride() == (1, 3)
    for shape in ((), (0,), (2, 0, 3)):
        assert torch.from_dlpack(torch.ones(shape)).shape == shape
        assert np.from_dlpack(torch.ones(shape)).shape == shape


def test_in_place_work_and_views_of_what_was_taken_over():
    array = np.arange(6.0)
    y = torch.from_dlpack(array)
    y.view(2, 3)[1].mul_(10)
    assert array.tolist() == [0, 1, 2, 30, 40, 50]
    y.requires_grad_().sum().backward()
    assert y.grad.tolist() == [1] * 6


def test_memory_lives_as_long_as_somebody_looks():
    lent = len(dlpack._lent)
    array = np.from_dlpack(torch.arange(4))
    view = array[1:]
    del array
    gc.collect()
    assert len(dlpack._lent) == lent + 1
    assert view.tolist() == [1, 2, 3]
    del view
    gc.collect()
    assert len(dlpack._lent) == lent
    array = np.arange(4)
    theirs = weakref.ref(array)
    tail = torch.from_dlpack(array)[2:]
    del array
    gc.collect()
    assert theirs() is not None and tail.tolist() == [2, 3]
    del tail
    gc.collect()
    assert theirs() is None


def test_an_offset_counts_from_the_address():
    capsule = torch.to_dlpack(torch.arange(4)[1:])
    managed = next(reversed(dlpack._lent.values()))[0]
    managed.view.data, managed.view.byte_offset = managed.view.data - 8, 8
    assert torch.from_dlpack(capsule).tolist() == [1, 2, 3]


def test_capsules_are_for_one_taker():
    lent = len(dlpack._lent)
    capsule = torch.to_dlpack(torch.ones(2))
    assert torch.from_dlpack(capsule).tolist() == [1, 1]
    with pytest.raises(RuntimeError, match="only once"):
        torch.from_dlpack(capsule)
    del capsule
    torch.to_dlpack(torch.ones(2))  # nobody takes it over
    gc.collect()
    assert len(dlpack._lent) == lent


def test_copies():
    x = torch.ones(2)
    assert torch.from_dlpack(x, copy=True).data_ptr() != x.data_ptr()
    assert torch.from_dlpack(x, copy=False).data_ptr() == x.data_ptr()
    assert np.from_dlpack(x, copy=True).tolist() == [1, 1]
    assert torch.from_dlpack(x, device="cpu").data_ptr() == x.data_ptr()
    assert torch.from_dlpack(x, device="cuda").device.type == "cuda"
    with pytest.raises(ValueError, match="without a copy"):
        torch.from_dlpack(x, device="cuda", copy=False)


def test_refusals():
    with pytest.raises(BufferError, match="require gradient"):
        np.from_dlpack(torch.ones(2, requires_grad=True))
    with pytest.raises(BufferError, match=r"simulated GPU .* use tensor.cpu\(\)"):
        np.from_dlpack(torch.ones(2, device="cuda"))
    with pytest.raises(BufferError, match="meta"):
        np.from_dlpack(torch.ones(2, device="meta"))
    with pytest.raises(BufferError, match="negative strides"):
        torch.from_dlpack(np.arange(3)[::-1])
    with pytest.raises(TypeError, match="expected an object with __dlpack__ or a capsule, got list"):
        torch.from_dlpack([1])
    with pytest.raises(BufferError, match="DLPack device"):
        torch.ones(2).__dlpack__(dl_device=(2, 0))
    fixed = np.ones(2)
    fixed.flags.writeable = False
    with pytest.warns(UserWarning, match="read-only"):
        torch.from_dlpack(fixed)
    assert torch.ones(2).__dlpack_device__() == (1, 0)
    assert not hasattr(torch.ones(2), "__cuda_array_interface__")
