"""Subscripts with a number of each sample, under vmap and in the block that PyTorch's masks are computed in."""

from __future__ import annotations

import pytest

import tritonnn as torch
from tritonnn._dynamo._trace_wrapped_higher_order_op import TransformGetItemToIndex


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_vmap_takes_one_place_of_each_sample(device):
    x = torch.arange(12.0, device=device).view(3, 4).requires_grad_()
    rows, columns = torch.tensor([2, -1, 0], device=device), torch.tensor([0, 3, 1], device=device)
    chosen = torch.vmap(lambda i, j: x[i][j] + x[i, j])(rows, columns)
    assert chosen.tolist() == [16.0, 22.0, 2.0]
    chosen.sum().backward()
    assert x.grad.nonzero().tolist() == [[0, 1], [2, 0], [2, 3]]

    def write(a, i):
        a = a.clone()
        a[i] = -1.0
        return a

    assert torch.vmap(write)(x.detach(), columns).argmin(1).tolist() == columns.tolist()
    with pytest.raises(IndexError, match="out of bounds"):
        torch.vmap(lambda i: x[i])(torch.tensor([0, 3], device=device)).tolist()
    with pytest.raises(IndexError, match="tensors used as indices"):
        torch.vmap(lambda i: x[i])(torch.tensor([0.0], device=device))


def test_subscripts_gather_within_a_block():
    x = torch.arange(6.0).view(2, 3)
    one = torch.tensor(1)
    with TransformGetItemToIndex():
        found = (
            x[one],
            x[one, one],
            x[one, torch.tensor([0, 2])],
            torch.vmap(lambda i: x[i, i])(torch.arange(2)),
        )
        assert not any(value._is_view() for value in found[:2]) and x[1]._is_view() and x[:, one]._is_view()
        with pytest.raises(IndexError, match="too many"):
            x[one, one, one]
        with pytest.raises(IndexError, match="tensors used as indices"):
            x[torch.tensor(1.0)]
    assert [value.tolist() for value in found] == [[3.0, 4.0, 5.0], 4.0, [3.0, 5.0], [0.0, 4.0]]
    assert x[one]._is_view()
