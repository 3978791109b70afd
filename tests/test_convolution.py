"""Convolution: every layout of the CPU against a plain sum, the tiling of the kernels, what users rely on."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import tritonnn as torch
from tritonnn.cpu_fallback.convolution import _correlate, _winograd
from tritonnn.kernels.tables import convolution as configs

F = torch.nn.functional


def plain(x, w, b, stride, padding, dilation, groups):
    """The definition: a sum over taps and channels of the zero-padded input."""
    n = w.ndim - 2
    wide = np.pad(x, [(0, 0), (0, 0), *[(p, p) for p in padding]])
    sizes = [
        (i - d * (k - 1) - 1) // s + 1 for i, k, s, d in zip(wide.shape[2:], w.shape[2:], stride, dilation)
    ]
    out = np.zeros((x.shape[0], w.shape[0], *sizes))
    each, depth = w.shape[0] // groups, w.shape[1]
    for c in range(w.shape[0]):
        channels = slice(c // each * depth, c // each * depth + depth)
        for tap in itertools.product(*[range(k) for k in w.shape[2:]]):
            window = tuple(
                slice(t * d, t * d + (o - 1) * s + 1, s) for t, d, o, s in zip(tap, dilation, sizes, stride)
            )
            factors = w[(c, slice(None), *tap)].reshape(-1, *[1] * n)
            out[:, c] += (wide[(slice(None), channels, *window)] * factors).sum(1)
    return out + b.reshape(-1, *[1] * n)


CASES = [
    ((2, 8, 9, 30), (4, 8, 3, 3), (1, 1), (1, 1), (1, 1), 1),
    ((3, 9, 26, 5), (6, 3, 3, 2), (1, 2), (2, 0), (2, 1), 3),
    ((5, 8, 4, 4), (6, 8, 2, 3), (1, 1), (1, 1), (1, 1), 1),
    ((2, 4, 7, 8), (8, 1, 3, 2), (2, 1), (1, 1), (1, 2), 4),
    ((2, 3, 11), (4, 3, 4), (3,), (2,), (1,), 1),
    ((1, 2, 5, 6, 7), (3, 2, 2, 3, 2), (1, 2, 1), (1, 0, 1), (1, 1, 2), 1),
    ((2, 6, 5, 5), (4, 6, 1, 1), (2, 2), (0, 0), (1, 1), 1),
]


def numbers(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def layouts(case):
    """The layouts that can hold a case; None is the one that is chosen."""
    x_shape, w_shape, stride = case[:3]
    shifts = stride[0] == 1 and len(x_shape) > 3 and w_shape[2] > 1
    return [None, "first", "last", *(["stacked"] if shifts else [])]


@pytest.mark.parametrize("block", [1 << 20, 1 << 11])
@pytest.mark.parametrize(("case", "layout"), [(case, layout) for case in CASES for layout in layouts(case)])
def test_every_layout_computes_the_sum(case, block, layout, monkeypatch):
    x_shape, w_shape, stride, padding, dilation, groups = case
    if layout is not None:
        monkeypatch.setattr(_correlate, "_layout", lambda *_: layout)
    monkeypatch.setattr(_correlate, "BLOCK_BYTES", block)
    monkeypatch.setattr(_correlate, "IMAGE_BYTES", block)
    x, w, b = numbers(x_shape), numbers(w_shape, 1), numbers(w_shape[0], 2)
    tx, tw, tb = (torch.from_numpy(a).requires_grad_() for a in (x, w, b))
    conv = getattr(F, f"conv{len(x_shape) - 2}d")
    out = conv(tx, tw, tb, stride, padding, dilation, groups)
    wanted = plain(x, w, b, stride, padding, dilation, groups)
    np.testing.assert_allclose(out.detach().numpy(), wanted, atol=1e-12)
    # <g, conv(u, w)> is <u, gradient>: the gradients are the transposes of the two linear maps
    g, u, v = numbers(out.shape, 3), numbers(x_shape, 4), numbers(w_shape, 5)
    grad_x, grad_w, grad_b = torch.autograd.grad(out, (tx, tw, tb), torch.from_numpy(g))
    zero = np.zeros(len(b))
    args = (stride, padding, dilation, groups)
    assert (grad_x.numpy() * u).sum() == pytest.approx((g * plain(u, w, zero, *args)).sum())
    assert (grad_w.numpy() * v).sum() == pytest.approx((g * plain(x, v, zero, *args)).sum())
    np.testing.assert_allclose(grad_b.numpy(), g.sum((0, *range(2, g.ndim))))


@pytest.mark.parametrize("shape", [(2, 6, 9, 8), (1, 4, 8, 11), (3, 4, 13, 7)])
@pytest.mark.parametrize("padding", [(1, 1), (0, 2), (2, 0)])
@pytest.mark.parametrize("groups", [1, 2])
def test_winograd_computes_the_sum(shape, padding, groups, monkeypatch):
    for limit in ("CHANNELS", "CHANNELS_BY_SIZE", "SIZE", "TILES"):
        monkeypatch.setattr(_winograd, limit, 1)
    x, w, b = numbers(shape), numbers((4, shape[1] // groups, 3, 3), 1), numbers(4, 2)
    wanted = plain(x, w, b, (1, 1), padding, (1, 1), groups)
    taken = []
    monkeypatch.setattr(_correlate, "winograd", lambda *args: (taken.append(args), _winograd.winograd(*args)))
    tensors = [torch.from_numpy(a.astype(np.float32)) for a in (x, w, b)]
    got = F.conv2d(*tensors, padding=padding, groups=groups).numpy()
    assert taken and np.abs(got - wanted).max() < 4e-6
    # an image with an infinity is summed plainly, the others are not
    x[0, 0, 4, 4] = np.inf
    tensors[0] = torch.from_numpy(x.astype(np.float32))
    got = F.conv2d(*tensors, padding=padding, groups=groups).numpy()
    np.testing.assert_array_equal(
        np.isfinite(got), np.isfinite(plain(x, w, b, (1, 1), padding, (1, 1), groups))
    )


def test_winograd_is_for_single_precision_and_many_channels():
    w = numbers((128, 128, 3, 3)).astype(np.float32)
    window = _correlate.Window((3, 3), (-1, -1), (1, 1), (1, 1))
    x = np.zeros((4, 128, 28, 28), np.float32)
    assert _winograd.suits(x, (28, 28), w, window, 1, x.dtype)
    double = x.astype(np.float64)
    assert not _winograd.suits(double, (28, 28), w, window, 1, double.dtype)
    assert not _winograd.suits(x[:, :40], (28, 28), w[:, :40], window, 1, x.dtype)
    assert not _winograd.suits(x, (11, 28), w, window, 1, x.dtype)
    assert not _winograd.suits(x, (28, 28), w, window._replace(stride=(2, 2)), 1, x.dtype)


@pytest.mark.parametrize("depth", [3, 16])  # taps and channels in one sum, and tap by tap
def test_kernels_keep_the_dimensions_apart(depth):
    x, w, b = numbers((2, depth, 7, 9)), numbers((4, depth, 3, 2), 1), numbers(4, 2)
    geometry = (2, 1), (1, 2), (1, 3)
    got = F.conv2d(*[torch.from_numpy(a).to("cuda") for a in (x, w, b)], *geometry)
    np.testing.assert_allclose(got.cpu().numpy(), plain(x, w, b, *geometry, 1), atol=1e-12)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize(
    ("stride", "kernel", "dilation"), [(2, 3, 1), (3, 2, 1), (2, 3, 2), (4, 3, 2), (3, 3, 3)]
)
def test_transposed_convolution_is_the_gradient(device, stride, kernel, dilation):
    x = torch.from_numpy(numbers((2, 2, 13))).to(device).requires_grad_()
    w = torch.from_numpy(numbers((4, 2, kernel), 1)).to(device)
    out = torch.conv1d(x, w, None, stride, 1, dilation)
    g = torch.from_numpy(numbers(tuple(out.shape), 2)).to(device)
    (wanted,) = torch.autograd.grad(out, x, g)
    extra = 13 - ((out.shape[2] - 1) * stride - 2 + dilation * (kernel - 1) + 1)
    got = torch.conv_transpose1d(g, w, None, stride, 1, extra, 1, dilation)
    np.testing.assert_allclose(got.cpu().numpy(), wanted.cpu().numpy(), atol=1e-12)


def test_output_padding_beyond_the_stride_has_a_gradient():
    x = torch.from_numpy(numbers((1, 2, 4))).requires_grad_()
    w = torch.from_numpy(numbers((2, 3, 3), 1)).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda a, b: torch.conv_transpose1d(a, b, output_padding=1, dilation=2), (x, w)
    )


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@pytest.mark.parametrize("groups", [1, 2, 16])
def test_wide_offsets_change_nothing(groups, dtype, offsets_of_width):
    from tritonnn.kernels.convolution import _forward, _weight_plan, depthwise

    last = torch.channels_last if groups > 1 else torch.contiguous_format
    x, w = (
        torch.from_numpy(numbers(shape)).to(dtype).to("cuda").contiguous(memory_format=last).requires_grad_()
        for shape in ((2, 48 if groups < 3 else 16, 5, 7), (16, 48 // groups if groups < 3 else 1, 3, 2))
    )

    def results():
        out = F.conv2d(x, w, None, (2, 1), 1, 1, groups)
        return out, *torch.autograd.grad(out.sum(), (x, w))

    modules = (_forward, _weight_plan, depthwise)
    halves = (offsets_of_width(modules, wide, results) for wide in (False, True))
    for narrow, wide_one in zip(*halves, strict=True):
        np.testing.assert_array_equal(
            narrow.detach().double().cpu().numpy(), wide_one.detach().double().cpu().numpy()
        )


def test_nothing_spreads_from_padding_or_other_images():
    x = torch.ones(2, 1, 4, 4)
    x[0, 0, 0, 0] = float("nan")
    out = F.conv2d(x, torch.ones(1, 1, 3, 3), padding=1)
    assert torch.isnan(out).sum() == 4
    assert torch.isnan(out[1]).sum() == 0


def test_half_precision_sums_in_single():
    x = torch.full((1, 4096, 1, 1), 1.0, dtype=torch.float16)
    assert F.conv2d(x, torch.ones(1, 4096, 1, 1, dtype=torch.float16)).item() == 4096
    small = torch.full((1, 1, 4096), 2.0**-12, dtype=torch.bfloat16)
    assert torch.conv1d(small, torch.ones(1, 1, 4096, dtype=torch.bfloat16)).item() == 1


def test_fold_of_unfold_counts_the_blocks():
    x = torch.from_numpy(numbers((2, 3, 6, 7)))
    there = lambda t: F.fold(F.unfold(t, 3, padding=1, stride=2), (6, 7), 3, padding=1, stride=2)
    np.testing.assert_allclose(there(x).numpy(), (there(torch.ones_like(x)) * x).numpy())


def test_unfold_and_a_product_are_a_convolution():
    x, w = torch.from_numpy(numbers((1, 3, 10, 12))), torch.from_numpy(numbers((2, 3, 4, 5), 1))
    columns = F.unfold(x, (4, 5)).transpose(1, 2).matmul(w.view(2, -1).t()).transpose(1, 2)
    np.testing.assert_allclose(F.fold(columns, (7, 8), (1, 1)).numpy(), F.conv2d(x, w).numpy(), atol=1e-12)


@pytest.mark.parametrize("arch", ["sm_80", "sm_90", "sm_100", "gfx942", "interpreter"])
@pytest.mark.parametrize("itemsize", [2, 4, 8])
def test_chosen_tiles_fit(arch, itemsize):
    for rows, columns, depth in itertools.product((1, 100, 10**6), (1, 16, 17, 64, 512), (1, 3, 64, 1000)):
        tile = configs.choose_forward(rows, columns, depth, itemsize, arch)
        assert min(tile.rows, tile.columns, tile.depth) >= 16 or arch == "interpreter"
        assert all(size & (size - 1) == 0 for size in tile[:3])
        shared = tile.stages * tile.depth * (tile.rows + tile.columns) * itemsize
        assert shared <= (64 if arch == "gfx942" else 163) * 1024 or arch == "interpreter"


def test_few_channels_take_narrow_tiles():
    assert configs.choose_forward(10**6, 8, 64, 2, "sm_90").columns == 16
    assert configs.choose_forward(10**6, 512, 512, 2, "sm_90")[:2] == (128, 128)
    assert configs.choose_forward(49, 512, 512, 2, "sm_90").rows < 128
