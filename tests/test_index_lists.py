"""Lists of indices and NumPy arrays without dimensions as subscripts, read as PyTorch reads them."""

from __future__ import annotations

import numpy as np
import pytest

import tritonnn as torch

DEVICES = ("cpu", "cuda")


@pytest.mark.parametrize("device", DEVICES)
def test_a_list_of_indices_is_a_tuple(device):
    x = torch.arange(12, device=device).reshape(3, 4)
    places = torch.where(x > 8)
    for key in ([[0, 2], [3, 1]], list(places), [slice(1, 3), 0], [None, 1], [..., 2], [np.array([1]), 3]):
        with pytest.warns(UserWarning, match="indexes as a tuple"):
            got = x[key]
        assert torch.equal(got, x[tuple(key)])
    with pytest.warns(UserWarning, match="indexes as a tuple"):
        x[list(places)] = 0
    assert x.max() == 8 and x.sum() == 36
    assert x[[[0]] * 32].shape == (32, 1, 4)  # too long to mean one index per dimension


@pytest.mark.parametrize("device", DEVICES)
def test_numpy_scalars_as_arrays(device):
    x = torch.arange(12, device=device).reshape(3, 4)
    assert torch.equal(x[np.array(1)], x[1]) and x[np.array(-1), 0] == 8 and x[0, np.array(2)] == 2
    assert torch.equal(x[np.array(1), [0, 1]], x[1, :2]) and x[np.array(True)].shape == (1, 3, 4)
    assert torch.equal(x[np.array([2], dtype=np.uint64)], x[2:]) and x[np.array([])].shape == (0, 4)
    x[np.array(1), 0] = 50
    assert x.flatten().tolist() == [0, 1, 2, 3, 50, *range(5, 12)]


@pytest.mark.parametrize("device", ("cpu", "cuda"))
def test_masked_copy_is_an_older_name(device: str) -> None:
    x = torch.zeros(3, device=device)
    got = x.masked_copy_(
        torch.tensor([True, False, True], device=device), torch.tensor([1.0, 2.0, 9.0], device=device)
    )
    assert got is x and x.tolist() == [1, 0, 2]
