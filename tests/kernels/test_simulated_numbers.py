"""Conversions and products on the simulated device give what NVIDIA's instructions give."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
import triton
from buffers import buffer
from triton import language as tl

import tritonnn as torch
from tritonnn.kernels.launch.launch import launch

INF, NAN = np.inf, np.nan


@triton.jit
def cast_kernel(out, x, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(out + i, tl.load(x + i, mask=i < n).to(out.dtype.element_ty), mask=i < n)


def cast(values, from_, to):
    x = np.array(values, from_)
    out = np.zeros(x.shape, to)
    launch(cast_kernel, (1,), buffer(out), buffer(x), len(x), BLOCK=64)
    return out


S32, S64 = 2**31, 2**63


@pytest.mark.parametrize(
    "from_, to, values, wanted",
    [
        # cvt.rzi.s32.f32: towards zero, clamped; NaN is 0
        ("f4", "i4", [1.9, -1.9, 3e9, -3e9, 2.0**31, INF, NAN], [1, -1, S32 - 1, -S32, S32 - 1, S32 - 1, 0]),
        ("f2", "i4", [65504, INF, NAN], [65504, S32 - 1, 0]),
        (ml_dtypes.bfloat16, "i4", [-1.5, 1e30, NAN], [-1, S32 - 1, 0]),
        # with 64 bits on either side NaN is the highest bit alone
        ("f4", "i8", [2.0**62, 1e30, -1e30, NAN], [2**62, S64 - 1, -S64, -S64]),
        ("f8", "i4", [2147483646.9, 3e9, -3e9, NAN], [2147483646, S32 - 1, -S32, -S32]),
        ("f8", "i8", [2.0**53 + 2, 2.0**63, -(2.0**63), NAN], [2**53 + 2, S64 - 1, -S64, -S64]),
        # cvt.rzi.s16.f32 and u16: the low half of 16 bits
        ("f4", "i1", [127, 128, 300, -300, 1e6, -1e6, NAN], [127, -128, 44, -44, -1, 0, 0]),
        ("f4", "u1", [255, 256, 300, -1, -300, 1e6, NAN], [255, 0, 44, 0, 0, 255, 0]),
        ("f8", "i1", [300, NAN], [44, 0]),
        ("f4", "i2", [32768, -32769, NAN], [32767, -32768, 0]),
    ],
)  # fmt: skip
def test_real_to_whole_numbers(from_, to, values, wanted):
    assert cast(values, from_, to).tolist() == wanted


def bits(array):
    return array.view(f"u{array.itemsize}").tolist()


def test_float16_and_bfloat16_round_once_to_the_nearest_even():
    half = 1 + 2.0**-11  # in the middle of two float16
    assert cast([half, half + 2.0**-10, half + 2.0**-40], "f8", "f2").tolist() == [
        1,
        1 + 2.0**-9,
        1 + 2.0**-10,
    ]
    assert cast([65519, 65520, 1e6, -INF, 2.0**-25], "f4", "f2").tolist() == [65504, INF, INF, -INF, 0]
    short = 1 + 2.0**-8
    near = [short, -(short + 2.0**-40), short - 2.0**-40, 1e300, -INF]  # float32 would lose what decides
    wanted = [1, -(1 + 2.0**-7), 1, INF, -INF]
    assert [float(v) for v in cast(near, "f8", ml_dtypes.bfloat16)] == wanted
    assert cast([2049 * 2**4 + 1], "i8", "f2").tolist() == [2050 * 2**4]
    for kind in ("f2", ml_dtypes.bfloat16):
        assert bits(cast([NAN, -NAN], "f4", kind)) == [0x7FFF, 0x7FFF]


@pytest.mark.parametrize(
    "kind, largest", [(ml_dtypes.float8_e4m3fn, 448.0), (ml_dtypes.float8_e5m2, 57344.0)]
)
@pytest.mark.parametrize("from_", ["f4", "f2", ml_dtypes.bfloat16])
def test_float8_takes_the_largest_number_for_what_is_larger(kind, largest, from_):
    got = cast([largest, 1.2 * largest if from_ == "f4" else 65000, INF, -INF, NAN, -NAN], from_, kind)
    assert [float(v) for v in got[:4]] == [largest, largest, largest, -largest]
    assert bits(got[4:]) == [0x7F, 0x7F]


def test_float8_is_not_made_of_float64():
    with pytest.raises(Exception, match="Unsupported conversion from f64 to fp8e4nv"):
        cast([1.0], "f8", ml_dtypes.float8_e4m3fn)


@triton.jit
def dot_kernel(out, x, y, P: tl.constexpr, N: tl.constexpr):
    i = tl.arange(0, N)
    at = i[:, None] * N + i[None, :]
    tl.store(out + at, tl.dot(tl.load(x + at), tl.trans(tl.load(y + at)), input_precision=P))


@pytest.mark.parametrize(
    "precision, least, most", [("ieee", 0, 1e-6), ("tf32x3", 0, 2e-6), ("tf32", 1e-4, 5e-3)]
)
def test_dots_take_of_float32_what_the_units_take(precision, least, most):
    rng = np.random.default_rng(0)
    x, y = rng.uniform(1, 2, (2, 16, 16)).astype(np.float32)
    out = np.zeros((16, 16), np.float32)
    launch(dot_kernel, (1,), buffer(out), buffer(x), buffer(y), P=precision, N=16)
    exact = x.astype(np.float64) @ y.astype(np.float64).T
    assert least <= np.abs(out / exact - 1).max() <= most
    if precision == "tf32":
        assert (out < exact).all()  # the last 13 bits are not looked at


def test_dots_shorter_than_the_units_are_refused():
    x = buffer(np.zeros((8, 8), np.float32))
    with pytest.raises(Exception, match="K >= 16"):
        launch(dot_kernel, (1,), x, x, x, P="ieee", N=8)


@triton.jit
def product_kernel(out, a, b):
    tl.store(out, a * b)


def test_numbers_of_more_than_31_bits_are_multiplied_in_64():
    out = np.zeros(1, np.int64)
    launch(product_kernel, (1,), buffer(out), 2**31, 2**32 - 1)
    assert out[0] == 2**31 * (2**32 - 1)


def test_the_precision_of_convolutions_can_be_changed_between_two_of_a_kind():
    rng = np.random.default_rng(0)
    x, w = (torch.from_numpy(rng.uniform(1, 2, s).astype(np.float32)) for s in ((1, 4, 6, 6), (4, 4, 3, 3)))
    exact = torch.nn.functional.conv2d(x, w).numpy()

    def error(allow):
        torch.backends.cudnn.allow_tf32 = allow
        return np.abs(torch.nn.functional.conv2d(x.cuda(), w.cuda()).cpu().numpy() / exact - 1).max()

    assert error(True) > 1e-4 > 1e-6 > error(False)
    assert error(True) > 1e-4


def test_the_precision_of_products_can_be_changed_between_two_of_a_kind():
    rng = np.random.default_rng(0)
    x, y = (torch.from_numpy(rng.uniform(1, 2, (32, 32)).astype(np.float32)) for _ in range(2))
    exact = (x.double() @ y.double()).numpy()

    def error(precision):
        torch.set_float32_matmul_precision(precision)
        return np.abs((x.cuda() @ y.cuda()).cpu().numpy() / exact - 1).max()

    try:
        assert error("highest") < 1e-6 and error("high") < 3e-6
        assert error("medium") > 1e-4 and error("highest") < 1e-6
    finally:
        torch.set_float32_matmul_precision("highest")
