"""Gradients of weights, and depthwise convolutions, on the device: every road against the definition."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import tritonnn as torch
from tritonnn.kernels.tables import convolution_weight as tables
from tritonnn.kernels.tables import depthwise as depthwise_tables
from tritonnn.kernels.tables.convolution import Tile

pytestmark = pytest.mark.kernels

F = torch.nn.functional
SHARED = {"sm_80": 163 * 1024, "sm_90": 227 * 1024, "sm_100": 227 * 1024, "gfx942": 64 * 1024}


def numbers(shape, seed=0):
    """Small integers: sums of products are exact, and so are bfloat16 and float16."""
    return np.random.default_rng(seed).integers(-3, 4, shape).astype(np.float64)


def meeting(shape, out, tap, stride, padding, dilation):
    """For one tap, the outputs that exist and meet an input, and these inputs, as slices of every dimension."""
    outs, ins = [], []
    for size, o, t, s, p, d in zip(shape, out, tap, stride, padding, dilation):
        first = t * d - p
        met = [k for k in range(o) if 0 <= first + k * s < size]
        low, high = (met[0], met[-1] + 1) if met else (0, 0)
        outs.append(slice(low, high))
        ins.append(slice(first + low * s, first + (high - 1) * s + 1, s) if met else slice(0, 0))
    return tuple(outs), tuple(ins)


def of_weight(x, g, w_shape, stride, padding, dilation, groups):
    """The definition: dw[c, i, t] = sum of g[n, c, o] x[n, i, o * stride + t * dilation - padding]."""
    dw = np.zeros(w_shape)
    each, depth = w_shape[0] // groups, w_shape[1]
    for tap in itertools.product(*map(range, w_shape[2:])):
        outs, ins = meeting(x.shape[2:], g.shape[2:], tap, stride, padding, dilation)
        seen, met = x[(slice(None), slice(None), *ins)], g[(slice(None), slice(None), *outs)]
        for c in range(w_shape[0]):
            channels = slice(c // each * depth, c // each * depth + depth)
            product = met[:, c : c + 1] * seen[:, channels]
            dw[(c, slice(None), *tap)] = product.sum((0, *range(2, x.ndim)))
    return dw


def sizes_of(x_shape, w_shape, stride, padding, dilation):
    return [
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(x_shape[2:], w_shape[2:], stride, padding, dilation)
    ]


def on_device(array, dtype, last):
    t = torch.from_numpy(array).to(dtype).to("cuda")
    return t.contiguous(memory_format=torch.channels_last) if last and t.ndim == 4 else t


# x, weight, stride, padding, dilation, groups, kernels of a 16-bit and of a 64-bit type
CASES = {
    "edges": ((2, 18, 9, 10), (5, 18, 3, 3), (1, 1), (1, 1), (1, 1), 1, "weight_kernel", "weight_kernel"),
    "whole patches": ((2, 24, 8, 8), (40, 24, 3, 3), (1, 1), (1, 1), (1, 1), 1, "weight_boxes_kernel", "weight_kernel"),
    "no patch that ends": ((8, 24, 7, 7), (8, 24, 3, 3), (1, 1), (1, 1), (1, 1), 1, "weight_kernel", "weight_kernel"),
    "images": ((64, 24, 3, 5), (8, 24, 3, 3), (1, 1), (1, 1), (1, 1), 1, "weight_boxes_kernel", "weight_kernel"),
    "stride": ((2, 24, 16, 16), (8, 24, 3, 3), (2, 2), (1, 1), (1, 1), 1, "weight_boxes_kernel", "weight_kernel"),
    "strides": ((4, 24, 17, 13), (8, 24, 3, 2), (2, 3), (1, 0), (2, 1), 1, "weight_boxes_kernel", "weight_kernel"),
    "dilation": ((2, 24, 10, 9), (8, 24, 2, 3), (1, 1), (0, 2), (2, 3), 1, "weight_kernel", "weight_kernel"),
    "groups": ((1, 48, 8, 8), (16, 24, 3, 3), (1, 1), (1, 1), (1, 1), 2, "weight_boxes_kernel", "weight_kernel"),
    "odd groups": ((1, 42, 4, 8), (6, 21, 3, 3), (1, 1), (1, 1), (1, 1), 2, "weight_kernel", "weight_kernel"),
    "pointwise": ((2, 24, 5, 7), (16, 24, 1, 1), (1, 1), (0, 0), (1, 1), 1, "gemm_kernel", "gemm_kernel"),
    "pointwise, stride": ((4, 24, 7, 7), (16, 24, 1, 1), (2, 2), (0, 0), (1, 1), 1, "weight_boxes_kernel",
                          "weight_kernel"),
    "pointwise, groups": ((2, 48, 5, 7), (16, 24, 1, 1), (1, 1), (0, 0), (1, 1), 2, "weight_boxes_kernel",
                          "weight_kernel"),
    "few channels": ((2, 3, 11, 12), (8, 3, 7, 5), (2, 2), (3, 1), (1, 1), 1, "weight_kernel", "weight_kernel"),
    "one channel": ((3, 1, 9, 7), (2, 1, 3, 3), (1, 2), (1, 0), (1, 1), 1, "weight_kernel", "weight_kernel"),
    "series": ((2, 24, 21), (5, 24, 4), (3,), (2,), (2,), 1, "weight_kernel", "weight_kernel"),
    "volumes": ((2, 24, 4, 4, 4), (8, 24, 2, 3, 2), (1, 2, 1), (1, 1, 0), (1, 1, 1), 1, None, "weight_kernel"),
    "deep patches": ((1, 24, 4, 4, 4), (8, 24, 3, 3, 3), (1, 1, 1), (1, 1, 1), (1, 1, 1), 1, "weight_boxes_kernel",
                     "weight_kernel"),
    "depthwise": ((2, 16, 8, 9), (16, 1, 3, 3), (1, 1), (1, 1), (1, 1), 16, "depthwise_weight_kernel",
                  "depthwise_weight_kernel"),
    "depthwise, stride": ((2, 12, 9, 7), (12, 1, 3, 2), (2, 3), (1, 1), (1, 1), 12, "depthwise_weight_kernel",
                          "depthwise_weight_kernel"),
    "depthwise, dilation": ((1, 8, 14, 6), (8, 1, 3, 3), (3, 1), (2, 2), (2, 2), 8, "depthwise_weight_kernel",
                            "depthwise_weight_kernel"),
    "depthwise, multiplier": ((2, 5, 7, 7), (15, 1, 5, 5), (1, 1), (2, 2), (1, 1), 5, "depthwise_weight_kernel",
                              "depthwise_weight_kernel"),
    "depthwise, high": ((1, 8, 13, 5), (8, 1, 11, 2), (1, 1), (5, 1), (1, 1), 8, "depthwise_weight_kernel",
                        "depthwise_weight_kernel"),
    "depthwise, series": ((2, 6, 11), (6, 1, 4), (2,), (1,), (1,), 6, "depthwise_weight_kernel",
                          "depthwise_weight_kernel"),
    "depthwise, volumes": ((2, 8, 3, 4, 5), (8, 1, 2, 3, 2), (1, 2, 1), (1, 0, 1), (1, 1, 1), 8,
                           "depthwise_weight_kernel", "depthwise_weight_kernel"),
}  # fmt: skip


@pytest.fixture
def launched(monkeypatch, forget_launches):
    """The names of the kernels that are launched, in order."""
    from tritonnn.kernels.launch.launch import Plan

    names = []
    first = Plan._first
    monkeypatch.setattr(
        Plan, "_first", lambda self, *args: (names.append(self._run.kernel.__name__), first(self, *args))[1]
    )
    forget_launches()
    return names


@pytest.mark.parametrize("last", [False, True], ids=["nchw", "nhwc"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64], ids=["bf16", "fp64"])
@pytest.mark.parametrize("name", CASES)
def test_every_road_computes_the_sum(name, dtype, last, launched):
    x_shape, w_shape, *geometry, groups, half, double = CASES[name]
    if last and len(x_shape) != 4:
        pytest.skip("images have the layout")
    x, w = numbers(x_shape), numbers(w_shape, 1)
    g = numbers((x_shape[0], w_shape[0], *sizes_of(x_shape, w_shape, *geometry)), 2)
    tw = on_device(w, dtype, last).requires_grad_()
    out = getattr(F, f"conv{len(x_shape) - 2}d")(on_device(x, dtype, last), tw, None, *geometry, groups)
    launched.clear()
    (got,) = torch.autograd.grad(out, tw, on_device(g, dtype, last))
    wanted = of_weight(x, g, w_shape, *geometry, groups)
    np.testing.assert_allclose(
        got.double().cpu().numpy(), wanted, rtol=2**-8 if dtype == torch.bfloat16 else 0
    )
    kernel = half if dtype == torch.bfloat16 else double
    assert kernel is None or kernel in launched, launched


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    "name", ["stride", "no patch that ends", "few channels", "depthwise", "depthwise, multiplier"]
)
def test_infinite_inputs_that_no_output_meets_count_for_nothing(name, dtype):
    """Padding is zeros, and positions past the end of the output are not even that."""
    x_shape, w_shape, *geometry, groups, _, _ = CASES[name]
    x, g = numbers(x_shape), numbers((x_shape[0], w_shape[0], *sizes_of(x_shape, w_shape, *geometry)), 2) + 7
    x[..., -1, :] = np.inf  # of which some taps see nothing
    x[..., -1] = np.inf
    tw = torch.zeros(w_shape, dtype=dtype, device="cuda", requires_grad=True)
    out = getattr(F, f"conv{len(x_shape) - 2}d")(on_device(x, dtype, True), tw, None, *geometry, groups)
    (got,) = torch.autograd.grad(out, tw, on_device(g, dtype, True))
    wanted = of_weight(x, g, w_shape, *geometry, groups)
    assert np.isfinite(wanted).any() and np.isinf(wanted).any()
    np.testing.assert_array_equal(np.isfinite(got.double().cpu().numpy()), np.isfinite(wanted))


@pytest.mark.parametrize("splits", [1, 2, 5])
@pytest.mark.parametrize("boxes", [False, True])
def test_parts_add_up_whatever_the_tile(splits, boxes, monkeypatch, launched):
    from tritonnn.kernels.convolution import weight_gradient

    choice = tables.WeightChoice(Tile(16, 32, 64, 4, 1), splits, boxes)
    monkeypatch.setattr(weight_gradient, "weight_candidates", lambda *_: [choice])
    x, g, shape = numbers((12, 40, 8, 8)), numbers((12, 24, 4, 4), 1), (24, 40, 3, 3)
    w = torch.zeros(shape, dtype=torch.bfloat16, device="cuda", requires_grad=True)
    out = F.conv2d(on_device(x, torch.bfloat16, True), w, None, 2, 1)
    launched.clear()
    (got,) = torch.autograd.grad(out, w, on_device(g, torch.bfloat16, True))
    np.testing.assert_allclose(
        got.double().cpu().numpy(), of_weight(x, g, shape, (2, 2), (1, 1), (1, 1), 1), rtol=2**-8
    )
    kernel = ["weight_boxes_kernel"] * 4 if boxes else ["weight_kernel"]
    assert [name for name in launched if "weight" in name] == kernel
    assert ("sum_splits_kernel" in launched) == (splits > 1)


def test_an_empty_batch_has_a_gradient_of_zeros():
    w = torch.ones(4, 3, 3, 3, device="cuda", requires_grad=True)
    F.conv2d(torch.ones(0, 3, 5, 5, device="cuda"), w).sum().backward()
    assert w.grad.shape == w.shape and not w.grad.any()


def test_gradients_of_a_sum_and_of_transposed_operands():
    """A gradient that is one number everywhere has no strides, and a view any."""
    x, w = numbers((4, 24, 8, 8)), numbers((8, 24, 3, 3), 1)
    tx = torch.from_numpy(x.transpose(3, 1, 0, 2).copy()).to(torch.bfloat16).to("cuda").permute(2, 1, 3, 0)
    tw = torch.from_numpy(w).to(torch.bfloat16).to("cuda").requires_grad_()
    F.conv2d(tx, tw, padding=1).sum().backward()
    wanted = of_weight(x, np.ones((4, 8, 8, 8)), w.shape, (1, 1), (1, 1), (1, 1), 1)
    np.testing.assert_allclose(tw.grad.double().cpu().numpy(), wanted, rtol=2**-8)


@pytest.mark.parametrize("packing", [1, 1 << 30])
@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("depthwise")])
def test_depthwise_is_the_grouped_convolution(name, packing, monkeypatch, forget_launches):
    monkeypatch.setattr(depthwise_tables, "WORTH_PACKING", packing)
    forget_launches()
    x_shape, w_shape, *geometry, groups, _, _ = CASES[name]
    x, w, b = numbers(x_shape), numbers(w_shape, 1), numbers(w_shape[:1], 2)
    for dtype, last in itertools.product((torch.float64, torch.bfloat16), (False, True)):
        tx, tw, tb = (on_device(a, dtype, last) for a in (x, w, b))
        tx.requires_grad_()
        out = getattr(F, f"conv{len(x_shape) - 2}d")(tx, tw, tb, *geometry, groups)
        # <g, out - bias> is <w, gradient of the weight at g>
        g = numbers(out.shape, 3)
        plain = out.detach().double().cpu().numpy() - b.reshape(-1, *[1] * (x.ndim - 2))
        at_g = of_weight(x, g, w_shape, *geometry, groups)
        if dtype == torch.float64:
            assert (g * plain).sum() == (w * at_g).sum()
        (grad_x,) = torch.autograd.grad(out, tx, on_device(g, dtype, last))
        if dtype == torch.float64:
            assert (x * grad_x.cpu().numpy()).sum() == (w * at_g).sum()
            exact = plain, grad_x.cpu().numpy()
        else:
            np.testing.assert_allclose(plain, exact[0], atol=0.5)
            np.testing.assert_allclose(grad_x.double().cpu().numpy(), exact[1], rtol=2**-8)


def test_depthwise_grids_stay_within_the_limits(monkeypatch, forget_launches):
    """A grid's second and third dimensions end at 65,535."""
    from tritonnn.kernels.convolution import _weight_plan, depthwise

    grids = []
    for module in (_weight_plan, depthwise):
        monkeypatch.setattr(module, "launch", lambda kernel, grid, *_, **__: grids.append((*grid, 1, 1)[:3]))
    forget_launches()
    for shape in ((70000, 2, 1, 1), (1, 70000, 1, 1)):
        w = torch.zeros(shape[1], 1, 1, 1, device="cuda", requires_grad=True)
        x = torch.zeros(shape, device="cuda", requires_grad=True)
        F.conv2d(x, w, groups=shape[1]).sum().backward()
    assert len(grids) == 8
    for _, y, z in grids:
        assert y <= 65535 and z <= 65535
    forget_launches()


# ---- the pure functions that choose


@pytest.mark.parametrize("arch", ["sm_80", "sm_90", "sm_100", "gfx942", "interpreter"])
@pytest.mark.parametrize("itemsize", [2, 4, 8])
def test_weight_tiles_fit(arch, itemsize):
    for rows, channels, taps, positions in itertools.product(
        (1, 64, 2048), (3, 24, 64, 512), (1, 9), (1, 49, 10**6)
    ):
        for boxes in {False, tables.has_boxes(arch, itemsize)}:
            found = tables.weight_candidates(rows, channels, taps, positions, itemsize, arch, 132, 1, boxes)
            assert len(set(found)) == len(found) > 0
            for tile, splits, road in found:
                assert road == boxes and all(size >= 16 and size & (size - 1) == 0 for size in tile[:3])
                assert arch == "interpreter" or tables.shared_bytes(tile, itemsize) <= SHARED[arch]
                assert 1 <= splits <= max(1, positions // tile.depth)


def test_sums_are_split_while_there_are_few_tiles():
    def splits(*problem):
        return tables.weight_candidates(*problem, 2, "sm_90", 132, 1, True)[0].splits

    assert splits(64, 64, 9, 100352) > 8
    assert splits(2048, 2048, 9, 4096) == 1
    assert splits(64, 64, 1, 64) == 1
    wide = tables.weight_candidates(512, 512, 9, 25088, 2, "sm_90", 132, 1, True)[0].tile
    assert wide.columns == 256
    assert tables.weight_candidates(64, 64, 9, 10**6, 2, "sm_90", 132, 1, True)[0].tile[:2] == (64, 64)


@pytest.mark.parametrize("positions", [16, 32, 64])
def test_patches_cover_and_end_where_they_must(positions):
    for n, d, h, w in itertools.product((1, 3, 64), (1, 5), (1, 7, 28), (1, 9, 56)):
        free = tables.choose_patch(positions, (n, d, h, w), (False, False, False), True)
        assert np.prod(free) == positions
        flat = tables.choose_patch(positions, (n, d, h, w), (False, False, False), False)
        assert flat[1] == 1
        ended = tables.choose_patch(positions, (n, d, h, w), (True, True, True), True)
        assert not any(size % extent for size, extent in zip((d, h, w), ended[1:]))
        counts = [tables.patches_of((n, d, h, w), patch) for patch in (free, ended, flat)]
        assert counts[0] == min(counts) and counts[0] * positions >= n * d * h * w


def test_phases_are_the_taps_that_meet_the_same_inputs():
    from tritonnn.kernels.convolution._weight_plan import phases

    for taps, padding, stride, dilation in itertools.product(
        (1, 2, 3, 7), (0, 1, 3), (1, 2, 3, 4), (1, 2, 3)
    ):
        met = {}
        for axis in phases(taps, -padding, stride, dilation):
            assert axis.taps > 0 and 0 <= axis.phase < stride
            for k in range(axis.taps):
                for o in range(3):
                    met[axis.first + k * axis.step, o] = axis.phase + stride * (
                        axis.begin + o + k * axis.spread
                    )
        assert met == {
            (t, o): -padding + o * stride + t * dilation for t in range(taps) for o in range(3)
        }  # fmt: skip


def test_depthwise_tiles_hold_what_registers_hold():
    sizes = (1, 2, 7, 13, 56)
    for channels, height, width, last, gradient, itemsize in itertools.product(
        (2, 3, 96, 1024), sizes, sizes, (False, True), (False, True), (2, 4, 8)
    ):
        shape = (channels, height, width, last, gradient, itemsize)
        tile = depthwise_tables.choose_depthwise(*shape)
        assert tile.height * tile.width * tile.channels <= 1024
        for candidate in (tile, *depthwise_tables.depthwise_candidates(*shape)):
            assert not gradient or height % candidate.rows == 0
            assert all(n & (n - 1) == 0 for n in (candidate.height, candidate.width, candidate.channels))


def test_a_program_sums_at_most_nine_taps_and_all_are_summed():
    for height, width in itertools.product(range(1, 40), range(1, 40)):
        high, wide = depthwise_tables.choose_taps(height, width)
        assert high * wide <= depthwise_tables.MOST_TAPS and high <= height and wide <= width


@pytest.mark.parametrize("last", [False, True])
def test_depthwise_fuses_what_comes_after_it(last, launched):
    x, w, b, z = (
        numbers((2, 16, 7, 9)),
        numbers((16, 1, 3, 3), 1),
        numbers((16,), 2),
        numbers((2, 16, 7, 9), 3),
    )
    tx, tw, tb, tz = (on_device(a, torch.float32, last) for a in (x, w, b, z))
    plain = F.conv2d(tx, tw, tb, padding=1, groups=16).cpu().numpy()
    launched.clear()
    got = torch.cudnn_convolution_add_relu(tx, tw, tz, 0.5, tb, (1, 1), (1, 1), (1, 1), 16)
    assert [name for name in launched if "epthwise" in name] == ["depthwise_kernel"] == launched
    np.testing.assert_array_equal(got.cpu().numpy(), np.maximum(plain + 0.5 * z, 0))
    # a residual of another layout
    got = torch.cudnn_convolution_add_relu(
        tx, tw, on_device(z, torch.float32, not last), -1.0, tb, 1, 1, 1, 16
    )
    np.testing.assert_array_equal(got.cpu().numpy(), np.maximum(plain - z, 0))
