"""Embeddings beyond their generated tests: what the gradient leaves out, norms, indices out of range."""

from __future__ import annotations

import numpy as np
import pytest

import tritonnn as torch
import tritonnn.nn.functional as F

DEVICES = pytest.mark.parametrize("device", ["cpu", "cuda"])


def table(rows=6, width=3, device="cpu"):
    values = np.random.default_rng(0).standard_normal((rows, width)).astype(np.float32)
    return torch.from_numpy(values).to(device).requires_grad_()


@DEVICES
def test_gradient_sums_rows_of_equal_indices(device):
    rng = np.random.default_rng(1)
    index = rng.integers(0, 5, 150)
    g = rng.standard_normal((150, 3)).astype(np.float32)
    weight = table(device=device)
    F.embedding(torch.from_numpy(index).to(device), weight).backward(torch.from_numpy(g).to(device))
    wanted = np.zeros((6, 3))
    np.add.at(wanted, index, g)
    np.testing.assert_allclose(weight.grad.cpu().numpy(), wanted, rtol=1e-5, atol=1e-5)


@DEVICES
@pytest.mark.parametrize("padding", [2, -4])
def test_padding_row_gets_no_gradient(device, padding):
    weight = table(device=device)
    F.embedding(torch.tensor([[2, 1], [2, 5]], device=device), weight, padding_idx=padding).sum().backward()
    assert weight.grad.cpu()[:, 0].tolist() == [0, 1, 0, 0, 0, 1]


@DEVICES
def test_scaling_by_frequency_averages(device):
    weight = table(device=device)
    index = torch.tensor([1, 1, 1, 1, 1, 4, 0, 0], device=device)
    F.embedding(index, weight, scale_grad_by_freq=True).sum().backward()
    assert weight.grad.cpu()[:, 0].tolist() == [1, 1, 0, 0, 1, 0]


@DEVICES
def test_max_norm_scales_looked_up_rows_in_place(device):
    weight = torch.tensor([[3.0, 4.0], [0.3, 0.4], [30.0, 40.0]], device=device)
    got = F.embedding(torch.tensor([0, 1, 0], device=device), weight, max_norm=1.0)
    np.testing.assert_allclose(got.cpu().numpy(), [[0.6, 0.8], [0.3, 0.4], [0.6, 0.8]], rtol=1e-5)
    np.testing.assert_allclose(weight.cpu().numpy(), [[0.6, 0.8], [0.3, 0.4], [30, 40]], rtol=1e-5)
    assert weight._version > 0


@DEVICES
@pytest.mark.parametrize("bad", [6, -1])
def test_index_out_of_range_is_named(device, bad):
    index = torch.tensor([0, bad], device=device)
    with pytest.raises(IndexError, match=rf"index 1 of input takes value {bad}, which is not in .* \[0, 6\)"):
        F.embedding(index, table(device=device))
    with pytest.raises(RuntimeError, match=rf"takes value {bad}"):
        F.embedding_bag(index, table(device=device), torch.tensor([0], device=device))


@DEVICES
def test_bad_offsets_are_refused(device):
    index = torch.tensor([0, 1], device=device)
    with pytest.raises(RuntimeError, match=r"offsets\[0\] has to be 0"):
        F.embedding_bag(index, table(device=device), torch.tensor([1], device=device))
    with pytest.raises(RuntimeError, match="can not be greater than input's length 2"):
        F.embedding_bag(index, table(device=device), torch.tensor([0, 3], device=device))
    for inner, last in ((-1, False), (5, False), (-1, True)):
        starts = torch.tensor([0, inner, 2], device=device)
        for mode in ("sum", "mean", "max"):
            with pytest.raises(RuntimeError, match=rf"offsets\[1\] has to be in .*\[0, 2\], but got {inner}"):
                F.embedding_bag(index, table(device=device), starts, mode=mode, include_last_offset=last)


@DEVICES
@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_empty_bags_and_padding(device, mode):
    weight = table(device=device)
    index, offsets = torch.tensor([1, 3, 3, 5], device=device), torch.tensor([0, 0, 2, 3], device=device)
    got = F.embedding_bag(index, weight, offsets, mode=mode, padding_idx=3)
    rows = weight.detach().cpu().numpy()
    np.testing.assert_allclose(
        got.detach().cpu().numpy(), [0 * rows[0], rows[1], 0 * rows[0], rows[5]], rtol=1e-6
    )
    got.sum().backward()
    assert weight.grad.cpu()[:, 0].tolist() == [0, 1, 0, 0, 0, 1]


def test_second_derivative_of_the_table():
    weight = table().double().detach().requires_grad_()
    y = F.embedding(torch.tensor([1, 1, 2]), weight)
    (first,) = torch.autograd.grad((y**3).sum(), weight, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), weight)
    counts = torch.tensor([0.0, 2, 1, 0, 0, 0], dtype=torch.float64).unsqueeze(1)
    np.testing.assert_allclose(second.numpy(), (6 * weight * counts).detach().numpy(), rtol=1e-12)


@DEVICES
def test_result_is_the_same_every_time(device):
    index = torch.from_numpy(np.random.default_rng(2).integers(0, 6, 300)).to(device)
    g = torch.from_numpy(np.random.default_rng(3).standard_normal((300, 3)).astype(np.float32)).to(device)
    grads = []
    for _ in range(2):
        weight = table(device=device)
        F.embedding(index, weight).backward(g)
        grads.append(weight.grad.cpu().numpy())
    np.testing.assert_array_equal(*grads)


@pytest.mark.parametrize("device", ("cpu", "cuda"))
def test_an_index_out_of_range_names_the_module(device):
    model = torch.nn.Sequential(torch.nn.Identity(), torch.nn.Embedding(2, 3)).to(device)
    with pytest.raises(IndexError, match=r"(?s)takes value 5.*in module '1'"):
        model(torch.tensor([5], device=device))
