"""Pooling: which element wins, what padding and ceil_mode mean, and the way back."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import tritonnn as torch

F = torch.nn.functional
DEVICES = ["cpu", "cuda"]
NAN, INF = float("nan"), float("inf")


def numbers(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def windows(x, kernel, stride, padding, dilation, ceil_mode):
    """Flat positions of the elements of every window of a 2-d plane, as (rows, columns, elements) with -1 outside."""
    sizes = []
    for i, k, s, p, d in zip(x.shape, kernel, stride, padding, dilation):
        count = (i + 2 * p - d * (k - 1) - 1 + (s - 1 if ceil_mode else 0)) // s + 1
        sizes.append(count - 1 if ceil_mode and (count - 1) * s >= i + p else count)
    taps = np.full((*sizes, kernel[0] * kernel[1]), -1)
    for a, b in np.ndindex(*sizes):
        for t, (u, v) in enumerate(itertools.product(range(kernel[0]), range(kernel[1]))):
            i = a * stride[0] - padding[0] + u * dilation[0]
            j = b * stride[1] - padding[1] + v * dilation[1]
            if 0 <= i < x.shape[0] and 0 <= j < x.shape[1]:
                taps[a, b, t] = i * x.shape[1] + j
    return taps


def scan(plane, places):
    """What replacing the maximum by greater values and by NaN ends with: (value, index)."""
    best, where = -INF, -1
    for place in places[places >= 0]:
        value = plane.reshape(-1)[place]
        if value > best or value != value or where < 0:
            best, where = value, place
    return best, where


CASES = [
    ((2, 2), (2, 2), (0, 0), (1, 1), False),
    ((3, 2), (2, 1), (1, 1), (1, 1), True),
    ((2, 3), (1, 2), (1, 0), (2, 2), False),
    ((3, 3), (3, 3), (1, 1), (1, 1), True),
    ((1, 4), (2, 3), (0, 2), (1, 1), False),
]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("case", CASES)
def test_a_scan_decides(case, device):
    x = np.random.default_rng(0).integers(-2, 3, (2, 2, 8, 9)).astype(np.float64)  # many ties
    x[0, 0, ::3, ::2] = NAN
    x[1, 1, :4] = -INF
    kernel, stride, padding, dilation, ceil_mode = case
    places = windows(x[0, 0], *case)
    source = torch.from_numpy(x).to(device).requires_grad_()
    values, indices = F.max_pool2d(source, kernel, stride, padding, dilation, ceil_mode, True)
    plain = F.max_pool2d(source, kernel, stride, padding, dilation, ceil_mode)
    g = numbers(values.shape, 1)
    wanted_grad = np.zeros((2, 2, 72))
    for n, c in np.ndindex(2, 2):
        for a, b in np.ndindex(*places.shape[:2]):
            value, where = scan(x[n, c], places[a, b])
            np.testing.assert_equal(values[n, c, a, b].item(), value)
            assert indices[n, c, a, b].item() == where
            wanted_grad[n, c, where] += g[n, c, a, b]
    np.testing.assert_array_equal(plain.detach().cpu().numpy(), values.detach().cpu().numpy())
    upstream = torch.from_numpy(g).to(device)
    for result in (values, plain):
        (grad,) = torch.autograd.grad(result, source, upstream)
        np.testing.assert_allclose(grad.cpu().numpy(), wanted_grad.reshape(x.shape), atol=1e-12)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("with_padding", [True, False])
@pytest.mark.parametrize("divisor", [None, 5])
@pytest.mark.parametrize("case", [c for c in CASES if c[3] == (1, 1)])
def test_means_count_what_they_should(case, divisor, with_padding, device):
    kernel, stride, padding, dilation, ceil_mode = case
    padding = tuple(min(p, k // 2) for p, k in zip(padding, kernel))
    x = numbers((1, 1, 8, 9))
    places = windows(x[0, 0], kernel, stride, padding, dilation, ceil_mode)
    source = torch.from_numpy(x).to(device)
    got = F.avg_pool2d(source, kernel, stride, padding, ceil_mode, with_padding, divisor).cpu().numpy()
    for a, b in np.ndindex(*places.shape[:2]):
        inside = places[a, b][places[a, b] >= 0]
        reach = [
            min(o * s - p + k, i + p) - (o * s - p)
            for o, s, p, k, i in zip((a, b), stride, padding, kernel, (8, 9))
        ]
        count = divisor or (reach[0] * reach[1] if with_padding else len(inside))
        assert got[0, 0, a, b] == pytest.approx(x.reshape(-1)[inside].sum() / count)


@pytest.mark.parametrize("device", DEVICES)
def test_infinite_gradients_go_to_the_maximum_only(device):
    x = torch.tensor([[[1.0, 2.0, 4.0, 3.0]]], device=device).requires_grad_()
    F.max_pool1d(x, 2).backward(torch.tensor([[[INF, NAN]]], device=device))
    grad = x.grad.cpu().numpy().reshape(-1)
    np.testing.assert_array_equal(grad, [0, INF, NAN, 0])


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
@pytest.mark.parametrize("device", DEVICES)
def test_whole_numbers(dtype, device):
    x = torch.arange(16, dtype=dtype, device=device).view(1, 1, 4, 4)
    assert F.max_pool2d(x, 2).flatten().tolist() == [5, 7, 13, 15]
    values, indices = F.max_pool2d(x, 3, 2, 1, return_indices=True)
    assert values.dtype is dtype and indices.flatten().tolist() == [5, 7, 13, 15]


@pytest.mark.parametrize("device", DEVICES)
def test_means_of_whole_numbers_round_toward_zero(device):
    x = torch.tensor([[[1, 2, -1, -2]]], device=device)
    assert F.avg_pool1d(x, 2).flatten().tolist() == [1, -1]


def test_ceil_mode_leaves_out_windows_that_start_in_the_padding_behind():
    assert F.max_pool1d(torch.ones(1, 1, 5), 2, 2, 1, ceil_mode=True).shape == (1, 1, 3)
    assert F.max_pool1d(torch.ones(1, 1, 5), 2, 2, ceil_mode=True).shape == (1, 1, 3)
    assert F.max_pool1d(torch.ones(1, 1, 5), 2, 2).shape == (1, 1, 2)


@pytest.mark.parametrize("device", DEVICES)
def test_adaptive_bins_overlap(device):
    x = torch.arange(7.0, device=device).view(1, 1, 7)
    assert F.adaptive_avg_pool1d(x, 3).flatten().tolist() == [1, 3, 5]
    values, indices = F.adaptive_max_pool1d(x, 3, return_indices=True)
    assert values.flatten().tolist() == [2, 4, 6] and indices.flatten().tolist() == [2, 4, 6]
    assert F.adaptive_avg_pool1d(x, 9).flatten().tolist() == [0, 0.5, 1.5, 2.5, 3, 3.5, 4.5, 5.5, 6]


def test_adaptive_sizes():
    x = torch.ones(1, 64, 8, 9)
    assert F.adaptive_avg_pool2d(x, (5, 7)).shape == (1, 64, 5, 7)
    assert F.adaptive_max_pool2d(x, (None, 7)).shape == (1, 64, 8, 7)
    assert F.adaptive_avg_pool2d(x, (0, 2)).shape == (1, 64, 0, 2)


@pytest.mark.parametrize("device", DEVICES)
def test_unpooling_puts_maxima_back(device):
    x = torch.from_numpy(numbers((2, 3, 6, 8))).to(device).requires_grad_()
    values, indices = F.max_pool2d(x, 2, return_indices=True)
    back = F.max_unpool2d(values, indices, 2)
    held = back != 0
    assert held.sum().item() == values.numel()
    np.testing.assert_array_equal(back[held].detach().cpu().numpy(), x[held].detach().cpu().numpy())
    wide = F.max_unpool2d(values, indices, 2, output_size=(7, 9))
    assert wide.shape == (2, 3, 7, 9)


def test_unpooling_names_a_wrong_index():
    with pytest.raises(RuntimeError, match="Found an invalid max index: 99"):
        F.max_unpool1d(torch.ones(1, 2), torch.tensor([[0, 99]]), 2)


def test_power_average_of_zeros_has_no_gradient():
    x = torch.zeros(1, 1, 4, requires_grad=True)
    F.lp_pool1d(x, 2, 2).sum().backward()
    assert x.grad.tolist() == [[[0, 0, 0, 0]]]


@pytest.mark.parametrize("device", DEVICES)
def test_random_windows_end_with_the_input(device):
    x = torch.arange(99.0, device=device).view(1, 1, 9, 11).requires_grad_()
    values, indices = F.fractional_max_pool2d(x, 2, output_size=(4, 5), return_indices=True)
    rows, columns = indices // 11, indices % 11
    assert (rows[0, 0, :, 0].diff() >= 1).all() and (columns[0, 0, 0].diff() >= 1).all()
    assert values[0, 0, -1, -1].item() == 98
    values.sum().backward()
    assert x.grad.sum().item() == 20


@pytest.mark.parametrize("device", DEVICES)
def test_whole_plane_means_are_exact_enough(device):
    x = torch.full((1, 2, 64, 64), 0.1, device=device)
    assert (F.adaptive_avg_pool2d(x, 1) - 0.1).abs().max().item() < 3e-8


def test_wide_offsets_change_nothing(offsets_of_width):
    from tritonnn.kernels.pooling import pooling as kernels

    x = torch.from_numpy(numbers((1, 2, 6, 5))).to("cuda").requires_grad_()
    samples = torch.full((1, 2, 2), 0.6, dtype=x.dtype, device="cuda")
    calls = (
        lambda: F.max_pool2d(x, 3, 2, 1), lambda: F.avg_pool2d(x, 3, 2, 1), lambda: F.adaptive_avg_pool2d(x, (4, 2)),
        lambda: F.max_pool2d(x, 2, 1, return_indices=True)[0], lambda: F.adaptive_max_pool2d(x, (4, 2)),
        lambda: F.fractional_max_pool2d(x, 2, (3, 2), _random_samples=samples),
    )  # fmt: skip

    def results(call):
        out = call()
        return out, torch.autograd.grad(out.sin().sum(), x)[0]

    for call in calls:
        halves = (offsets_of_width(kernels, wide, lambda call=call: results(call)) for wide in (False, True))
        for narrow, wide_one in zip(*halves, strict=True):
            np.testing.assert_array_equal(narrow.detach().cpu().numpy(), wide_one.detach().cpu().numpy())
