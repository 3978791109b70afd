"""The ways a convolution is carried out: which one is taken, and that each computes the plain sum."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import tritonnn as torch
from tritonnn import precision
from tritonnn.kernels.convolution import _described, _forward
from tritonnn.kernels.convolution._described import box_strides
from tritonnn.kernels.tables import convolution as tables

F = torch.nn.functional
FORMATS = {2: torch.channels_last, 3: torch.channels_last_3d}


@pytest.fixture
def roads(monkeypatch, forget_launches):
    """The roads taken, in order: 'product', 'patches', and the names of kernels that take addresses."""
    taken = []

    def spy(name, label):
        run = getattr(_forward, name)

        def noted(*args, **options):
            taken.append(label or args[0].__name__)
            return run(*args, **options)

        monkeypatch.setattr(_forward, name, noted)

    for name, label in (("run_product", "product"), ("patches_convolution", "patches"), ("launch", None)):
        spy(name, label)
    return taken


def numbers(shape, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def plain(x, w, b, stride=1, padding=0, dilation=1, groups=1):
    """The definition in float64: a sum over taps of products of the zero-padded input."""
    n = w.ndim - 2
    stride, padding, dilation = ([v] * n if isinstance(v, int) else v for v in (stride, padding, dilation))
    x, w, b = (a.astype(np.float64) for a in (x, w, b))
    wide = np.pad(x, [(0, 0), (0, 0), *[(p, p) for p in padding]])
    sizes = [
        (i - d * (k - 1) - 1) // s + 1 for i, k, s, d in zip(wide.shape[2:], w.shape[2:], stride, dilation)
    ]
    out = np.zeros((len(x), len(w), *sizes))
    each, depth = len(w) // groups, w.shape[1]
    for tap in itertools.product(*map(range, w.shape[2:])):
        window = tuple(
            slice(t * d, t * d + (o - 1) * s + 1, s) for t, d, o, s in zip(tap, dilation, sizes, stride)
        )
        for g in range(groups):
            part = wide[(slice(None), slice(g * depth, (g + 1) * depth), *window)]
            weight = w[(slice(g * each, (g + 1) * each), slice(None), *tap)]
            out[:, g * each : (g + 1) * each] += np.einsum("nc...,oc->no...", part, weight)
    return out + b.reshape(-1, *[1] * n)


def on_device(array, last, dtype=None):
    tensor = torch.from_numpy(array).to("cuda")
    tensor = tensor if dtype is None else tensor.to(dtype)
    return tensor.contiguous(memory_format=FORMATS[array.ndim - 2]) if last and array.ndim > 3 else tensor


def conv(x, w, b, *geometry):
    return getattr(F, f"conv{w.ndim - 2}d")(x, w, b, *geometry)


# x, w, padding, dilation: odd sizes, channels that are no multiple of a step, kernels as large as the input
PATCHES = [
    ((2, 16, 7, 9), (24, 16, 3, 3), 1, 1),
    ((3, 24, 5, 4), (8, 24, 3, 2), (0, 2), 1),
    ((1, 40, 9, 8), (72, 40, 3, 3), 2, 2),
    ((2, 80, 3, 3), (16, 80, 3, 3), 0, 1),
    ((2, 16, 13), (16, 16, 5), 2, 1),
    ((2, 16, 3, 4, 5), (16, 16, 2, 3, 3), 1, 1),
    ((1, 16, 1, 1), (16, 16, 3, 3), 1, 1),
]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("case", PATCHES)
def test_patches_compute_the_sum(case, last, dtype, roads, monkeypatch):
    monkeypatch.setattr(precision, "convolution_tf32", True)  # else float32 takes addresses
    x_shape, w_shape, padding, dilation = case
    x, w, b = numbers(x_shape), numbers(w_shape, seed=1), numbers(w_shape[0], seed=2)
    tensors = [on_device(x, last, dtype), on_device(w, last, dtype), on_device(b, False, dtype)]
    x, w, b = (t.cpu().float().numpy() for t in tensors)  # as rounded
    for t in tensors[:2]:
        t.requires_grad_()
    got = conv(*tensors, 1, padding, dilation)
    assert roads == ["patches"]
    wanted = plain(x, w, b, 1, padding, dilation)
    close = {"rtol": 2e-2, "atol": 0.1} if dtype is torch.bfloat16 else {"rtol": 3e-3, "atol": 0.03}
    np.testing.assert_allclose(got.detach().cpu().float().numpy(), wanted, **close)
    # <g, conv(u)> is <u, gradient>, for whole numbers, which are exact
    g = np.sign(numbers(wanted.shape, seed=3)).astype(np.float32)
    (grad,) = torch.autograd.grad(got, tensors[0], on_device(g, last, dtype))
    assert roads == ["patches", "patches" if w_shape[0] >= 16 else "correlate_kernel"]
    u = np.zeros(x_shape)
    for at in ((0,) * x.ndim, tuple(n - 1 for n in x_shape)):
        u[...] = 0
        u[at] = 1
        product = (g * plain(u, w, np.zeros(len(w)), 1, padding, dilation)).sum()
        np.testing.assert_allclose(grad.cpu().float().numpy()[at], product, **close)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("shape", [(2, 5, 3, 4), (1, 16, 1, 1), (3, 8, 2, 7), (2, 4, 9), (1, 3, 2, 3, 2)])
def test_windows_of_one_position_are_a_product(shape, last, dtype, roads):
    w_shape = (6, shape[1], *[1] * (len(shape) - 2))
    x, w, b = numbers(shape), numbers(w_shape, seed=1), numbers(6, seed=2)
    tensors = [on_device(x, last, dtype), on_device(w, last, dtype), on_device(b, False, dtype)]
    got = conv(tensors[0].requires_grad_(), *tensors[1:])
    np.testing.assert_allclose(got.detach().cpu().double().numpy(), plain(x, w, b), rtol=3e-3, atol=1e-2)
    g = numbers(got.shape, seed=3)
    (grad,) = torch.autograd.grad(got, tensors[0], on_device(g, last, dtype))
    wanted = np.einsum("no...,oc->nc...", g.astype(np.float64), w.reshape(6, -1).astype(np.float64))
    np.testing.assert_allclose(grad.cpu().double().numpy(), wanted, rtol=3e-3, atol=1e-2)
    assert roads == ["product"] * 2


def test_a_crop_has_gaps_that_no_product_has(roads):
    x, w, b = numbers((2, 8, 6, 7)), numbers((16, 8, 1, 1), seed=1), numbers(16, seed=2)
    whole, weight = on_device(x, True, torch.float64), on_device(w, True, torch.float64)
    crop = whole[:, :, 1:5, 2:6]
    got = F.conv2d(crop, weight, torch.from_numpy(b).double().to("cuda"))
    np.testing.assert_allclose(got.cpu().numpy(), plain(x[:, :, 1:5, 2:6], w, b), atol=1e-10)
    assert roads == ["correlate_kernel"]


ADDRESSES = [
    ((2, 16, 9, 8), (8, 16, 3, 3), 2, 1, 1, 1),
    ((2, 20, 7, 6), (6, 10, 3, 2), 1, (1, 0), (1, 2), 2),
    ((1, 16, 12, 6), (4, 16, 7, 5), (2, 1), 3, 1, 1),  # 35 taps: more than bits in a word
    ((2, 3, 11, 9), (5, 3, 7, 7), 2, 3, 1, 1),  # few channels: a run of (width, channel)
    ((2, 4, 9, 8), (5, 4, 3, 3), 1, 1, 2, 1),
    ((1, 6, 5, 7), (4, 6, 3, 3), 1, 1, 1, 1),
    ((2, 1, 70), (3, 1, 65), 1, 2, 1, 1),  # a run in several steps
    ((2, 8, 6, 5), (8, 4, 3, 3), 1, 1, 1, 2),
    ((1, 2, 40, 3, 2), (3, 2, 35, 2, 1), 1, 0, 1, 1),  # 70 rows of taps
    ((1, 16, 3, 4, 5), (16, 16, 2, 3, 3), (1, 2, 1), 1, 1, 1),
]


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("case", ADDRESSES)
def test_addresses_compute_the_sum(case, last, dtype, roads):
    x_shape, w_shape, *geometry = case
    x, w, b = numbers(x_shape), numbers(w_shape, seed=1), numbers(w_shape[0], seed=2)
    tensors = [on_device(x, last, dtype), on_device(w, last, dtype), on_device(b, False, dtype)]
    got = conv(*tensors, *geometry)
    np.testing.assert_allclose(got.cpu().double().numpy(), plain(x, w, b, *geometry), rtol=3e-3, atol=3e-2)
    assert roads == ["correlate_kernel"]


@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (2, 2), (1, 2), (4, 3)])
@pytest.mark.parametrize("bias", [True, False])
def test_phases_of_a_transposed_convolution_take_descriptors(kernel, stride, bias, roads):
    x, w = numbers((2, 16, 4, 5)), numbers((16, 24, kernel, kernel), seed=1)
    b = numbers(24, seed=2) if bias else np.zeros(24, np.float32)
    addend = on_device(b, False, torch.float16) if bias else None
    got = F.conv_transpose2d(
        on_device(x, True, torch.float16), on_device(w, True, torch.float16), addend, stride
    )
    wanted = np.zeros((2, 24, 3 * stride + kernel, 4 * stride + kernel)) + b.reshape(-1, 1, 1)
    for i, j in itertools.product(range(kernel), repeat=2):
        window = np.s_[:, :, i : i + 3 * stride + 1 : stride, j : j + 4 * stride + 1 : stride]
        wanted[window] += np.einsum("nchw,co->nohw", x, w[:, :, i, j])
    np.testing.assert_allclose(got.cpu().float().numpy(), wanted, rtol=5e-3, atol=5e-2)
    reached = min(kernel, stride) ** 2
    if kernel < stride:
        # the phases without a tap: one fill of everything, or launches that only write the bias
        assert roads.count("correlate_kernel") == (stride**2 - reached if bias else 0)
    assert roads.count("patches") + roads.count("product") == reached


def test_descriptors_need_the_layout_or_a_copy(roads, monkeypatch):
    copies = []
    copy = _described.padded_copy
    monkeypatch.setattr(_described, "padded_copy", lambda *args: (copies.append(args[1]), copy(*args))[1])
    w = on_device(numbers((16, 20, 3, 3), seed=1), True, torch.float16)
    x = numbers((2, 20, 5, 6))
    wanted = plain(x, w.cpu().float().numpy(), np.zeros(16), 1, 1)
    got = F.conv2d(on_device(x, True, torch.float16), w, padding=1)  # 40 bytes a position
    np.testing.assert_allclose(got.cpu().float().numpy(), wanted, rtol=5e-3, atol=5e-2)
    assert (roads, copies) == (["patches"], [1, 1])
    w = on_device(numbers((16, 24, 3, 3), seed=1), True, torch.float16)
    x = on_device(numbers((2, 32, 5, 6)), True, torch.float16)
    F.conv2d(x[:, 8:], w, padding=1)  # begins at a multiple of 16 bytes
    assert copies == [1, 1]
    F.conv2d(x[:, 4:28], w, padding=1)
    assert copies == [1, 1, 1]


def test_strides_of_boxes():
    assert box_strides((2, 5, 8), (40, 8, 1), 2) == (40, 8, 1)
    assert box_strides((2, 5, 8), (40, 8, 2), 2) is None  # elements with gaps
    assert box_strides((2, 5, 8), (0, 8, 1), 2) is None  # one image for all
    assert box_strides((2, 5, 8), (-40, 8, 1), 2) is None
    assert box_strides((2, 5, 4), (20, 4, 1), 2) is None  # 8 bytes a row
    assert box_strides((2, 5, 4), (20, 4, 1), 4) == (20, 4, 1)
    assert box_strides((1, 1, 5), (3, 7, 9), 2) is None
    assert box_strides((1, 1, 1), (3, 7, 9), 2) == (8, 8, 1)
    assert box_strides((2**31, 8), (8, 1), 2) is None


@pytest.mark.parametrize("arch", ["sm_90", "sm_100", "interpreter"])
@pytest.mark.parametrize("itemsize", [2, 4])
def test_chosen_patches(arch, itemsize):
    for sizes in ((1, 1, 1, 1), (32, 1, 7, 7), (3, 1, 1, 1000), (4, 8, 28, 28), (256, 1, 56, 56)):
        for columns, depth in itertools.product((1, 64, 65, 512), (16, 24, 64, 96, 1000)):
            tile = tables.choose_patches(sizes, columns, depth, itemsize, arch, 132)
            patch = tables.choose_patch(tile.rows, sizes)
            assert np.prod(patch) == tile.rows
            assert patch[1] == 1 or sizes[1] > 1
            assert 16 <= tile.depth <= 64
            assert tile.depth * itemsize <= 128 or arch == "interpreter"
            shared = tile.stages * tile.depth * (tile.rows + tile.columns) * itemsize
            assert shared <= 200 * 1024


def test_the_patch_that_covers_with_the_fewest():
    assert tables.choose_patch(128, (32, 1, 56, 56))[1:] == (1, 8, 8)
    images, _, height, width = tables.choose_patch(128, (32, 1, 7, 7))
    assert -(-32 // images) * -(-7 // height) * -(-7 // width) == 14  # of at least 12.25
    assert tables.choose_patch(64, (1, 1, 1, 500)) == (1, 1, 1, 64)


def test_wide_machines_take_wide_tiles():
    many = tables.choose_patches((256, 1, 14, 14), 256, 256, 2, "sm_90", 132)
    few = tables.choose_patches((8, 1, 7, 7), 512, 512, 2, "sm_90", 132)
    assert (many.columns, few.columns) == (256, 32)
    assert not tables.has_patches("sm_80") and not tables.has_patches("gfx942")
    assert not tables.has_patches("sm_120") and tables.has_patches("sm_103")
