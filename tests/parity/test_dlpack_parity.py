"""PyTorch and tritonnn look at each other's memory."""

from __future__ import annotations

import pytest
import torch as reference

import tritonnn as torch

DTYPES = ("float32", "bfloat16", "float8_e4m3fn", "float8_e5m2", "float16", "int64", "bool", "complex64")


@pytest.mark.parametrize("name", DTYPES)
def test_both_ways(name):
    own = torch.tensor([[0.0, 1.0, 2.0]]).to(getattr(torch, name)).t()
    other = reference.from_dlpack(own)
    assert other.dtype is getattr(reference, name)
    assert (other.data_ptr(), other.stride()) == (own.data_ptr(), own.stride())
    assert other.to(reference.complex64).tolist() == own.to(torch.complex64).tolist()
    back = torch.from_dlpack(other)
    assert (back.data_ptr(), back.dtype) == (own.data_ptr(), own.dtype)
    capsule = reference.utils.dlpack.to_dlpack(reference.arange(3))
    assert torch.utils.dlpack.from_dlpack(capsule).tolist() == [0, 1, 2]
