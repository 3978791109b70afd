"""Elementwise ops: special functions against the standard library, block boundaries, numbers, old signatures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from support import array

import tritonnn as torch
import tritonnn.nn.functional as F
from tritonnn.cpu_fallback.common import special as _special
from tritonnn.cpu_fallback.common.pointwise import BLOCK, blockwise, pieces, select

DEVICES = ("cpu", "cuda")
BIG = BLOCK * 2 + 7  # more than two blocks, the last one short


# ---- special functions --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "function", "points"),
    [
        ("erf", math.erf, np.linspace(-6, 6, 501)),
        ("erfc", math.erfc, np.linspace(-6, 26, 501)),
        ("lgamma", math.lgamma, np.concatenate([np.linspace(0.01, 20, 501), [1e-10, 1e5, 1e15]])),
    ],
)
def test_special_function_in_float64(name: str, function: object, points: np.ndarray) -> None:
    wanted = np.array([function(float(x)) for x in points])
    result = getattr(torch, name)(torch.from_numpy(points)).numpy()
    np.testing.assert_allclose(result, wanted, rtol=3e-15, atol=1e-15)


def test_erfinv_inverts_erf() -> None:
    x = torch.linspace(-4, 4, 301, dtype=torch.float64)
    np.testing.assert_allclose(
        torch.erfinv(torch.erf(x)).numpy()[60:240], x.numpy()[60:240], rtol=1e-12, atol=1e-14
    )
    ends = torch.erfinv(torch.tensor([-1.0, 1.0, 1.5, 0.0]))
    assert str(ends) == "tensor([-inf, inf, nan, 0.])"


def test_digamma_recurrence_and_reflection() -> None:
    x = torch.linspace(0.1, 30, 300, dtype=torch.float64)
    np.testing.assert_allclose(
        (torch.digamma(x + 1) - torch.digamma(x)).numpy(), (1 / x).numpy(), rtol=2e-13, atol=1e-14
    )
    y = torch.linspace(0.05, 0.95, 19, dtype=torch.float64)
    difference = torch.digamma(1 - y) - torch.digamma(y)
    np.testing.assert_allclose(
        difference.numpy(), math.pi / np.tan(math.pi * y.numpy()), rtol=1e-12, atol=1e-13
    )
    assert torch.digamma(torch.tensor([1.0], dtype=torch.float64)).item() == pytest.approx(
        -0.5772156649015329, rel=1e-15
    )


def test_known_values() -> None:
    """Abramowitz and Stegun, tables 6.1, 9.8 and 23.3; the zeta values are pi^2 / 6 and Apery's constant."""
    one = torch.tensor(1.0, dtype=torch.float64)
    assert torch.i0(one).item() == pytest.approx(1.2660658777520084, rel=1e-15)
    assert torch.special.i1(one).item() == pytest.approx(0.5651591039924851, rel=1e-15)
    assert torch.special.zeta(2 * one, one).item() == pytest.approx(math.pi**2 / 6, rel=1e-15)
    assert torch.polygamma(2, one).item() == pytest.approx(-2 * 1.2020569031595942, rel=1e-15)
    assert torch.special.ndtri(0.975 * one).item() == pytest.approx(1.959963984540054, rel=1e-15)
    assert torch.special.log_ndtr(-40 * one).item() == pytest.approx(-804.6084420137539, rel=1e-14)


def test_erfc_keeps_relative_accuracy_in_the_tail() -> None:
    x = np.array([10.0, 20.0, 26.0])
    np.testing.assert_allclose(_special.erfc(x), [math.erfc(v) for v in x], rtol=1e-14)


@pytest.mark.parametrize("base", [2, 10])
def test_logarithm_is_exact_at_powers(base: int) -> None:
    powers = torch.tensor([float(base) ** k for k in range(8)])
    log = torch.log2 if base == 2 else torch.log10
    assert log(powers).tolist() == list(range(8))


# ---- the way of large and strided arrays --------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 1000, BLOCK, BLOCK + 1, BIG])
def test_blocks_cover_everything(size: int) -> None:
    x = torch.linspace(-4, 4, size)
    for function in (torch.sigmoid, F.gelu, torch.erf, torch.rsqrt, torch.relu, F.silu, torch.log2):
        large = function(x).numpy()
        small = np.concatenate([function(part).numpy() for part in x.split(777)])
        np.testing.assert_allclose(large, small, rtol=1e-6, atol=1e-7)


def test_blocks_of_strided_and_broadcast_operands() -> None:
    x = torch.linspace(-2, 2, 700 * 300).view(700, 300)
    column, row = torch.linspace(0, 1, 700).view(700, 1), torch.linspace(1, 2, 300)
    for a, b in ((x, column), (x.t().contiguous().t(), row), (column, row)):
        wanted = np.logaddexp(a.numpy(), b.numpy())
        np.testing.assert_allclose(torch.logaddexp(a, b).numpy(), wanted, rtol=1e-6, atol=1e-6)
        chosen = torch.where(a > b, a, b).numpy()
        np.testing.assert_array_equal(chosen, np.maximum(a.numpy(), b.numpy()))


def test_pieces_cut_any_shape() -> None:
    for shape in ((), (3,), (5, 7), (2, 3, 5), (1, 40), (40, 1)):
        seen = np.zeros(shape, int)
        for index in pieces(shape, 8):
            seen[index] += 1
            assert seen[index].size <= 8
        assert (seen == 1).all()


def test_blockwise_computes_short_types_in_float32() -> None:
    def formula(out: np.ndarray, x: np.ndarray) -> None:
        assert x.dtype == out.dtype == np.float32
        np.multiply(x, 3, out=out)

    out = np.empty(3, np.float16)
    blockwise(formula, out, np.array([1, 2, 3], np.float16))
    assert out.tolist() == [3, 6, 9]


@pytest.mark.parametrize("dtype", [np.bool_, np.int8, np.float16, np.float32, np.float64, np.complex128])
@pytest.mark.parametrize("size", [5, 5000])
def test_select_may_write_into_an_operand(dtype: type, size: int) -> None:
    rng = np.random.default_rng(0)
    condition = rng.uniform(size=size) > 0.5
    a, b = rng.integers(0, 100, (2, size)).astype(dtype)
    wanted = np.where(condition, a, b)
    for target in range(2):
        operands = [a.copy(), b.copy()]
        select(operands[target], condition, *operands)
        np.testing.assert_array_equal(operands[target], wanted)


# ---- numbers beside tensors ---------------------------------------------------------------------------


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_number_keeps_its_digits_beside_half_precision(device: str, dtype: torch.dtype) -> None:
    x = torch.tensor([20000.0], dtype=dtype, device=device)
    assert (x * 1e-7).item() == pytest.approx(0.002, rel=1e-2)  # 1e-7 is 1.19e-7 in float16


@pytest.mark.parametrize("device", DEVICES)
def test_comparison_with_a_number_out_of_range(device: str) -> None:
    x = torch.tensor([0, 255], dtype=torch.uint8, device=device)
    assert (x == -1).tolist() == [False, False]
    assert (x < 300).tolist() == [True, True]
    assert (x + 300).tolist() == [44, 43]


def test_comparison_rounds_the_number_to_the_tensor() -> None:
    for dtype in (torch.bfloat16, torch.float16, torch.float32):
        assert (torch.tensor([0.1], dtype=dtype) == 0.1).item() is True


def test_numpy_numbers_and_arrays_as_operands() -> None:
    x = torch.tensor([1.0, 2.0])
    assert (x + np.float64(1)).dtype is torch.float32
    assert (x * np.int64(2)).tolist() == [2, 4]
    assert (x + np.array([1.0, 2.0])).tolist() == [2, 4]


@pytest.mark.parametrize("exponent", [-2, -1, -0.5, 0, 0.5, 1, 2, 3, 4, 2.5, 7])
def test_short_ways_of_pow_agree_with_the_long_one(exponent: float) -> None:
    x = torch.tensor([0.5, 1.0, 1.7, 30.0], dtype=torch.float64)
    np.testing.assert_allclose((x**exponent).numpy(), np.power(x.numpy(), exponent), rtol=1e-15)
    np.testing.assert_allclose(
        (x.float() ** exponent).numpy(), np.power(x.float().numpy(), np.float64(exponent)), rtol=2e-7
    )


def test_float32_remainder_is_exact() -> None:
    rng = np.random.default_rng(0)
    x = (rng.normal(size=20000) * 10.0 ** rng.integers(-3, 6, 20000)).astype(np.float32)
    y = (rng.normal(size=20000) * 10.0 ** rng.integers(-1, 3, 20000)).astype(np.float32)
    a, b = torch.from_numpy(x), torch.from_numpy(y)
    wide = np.fmod(x.astype(np.float64), y.astype(np.float64))
    np.testing.assert_array_equal(torch.fmod(a, b).numpy(), wide.astype(np.float32))
    np.testing.assert_array_equal(torch.floor_divide(a, b).numpy(), np.floor_divide(x, y))


# ---- errors and old signatures ------------------------------------------------------------------------


def test_division_of_integers_by_zero() -> None:
    x = torch.tensor([1, 2])
    for divide in (lambda: x // 0, lambda: x % torch.tensor([1, 0]), lambda: torch.fmod(x, 0)):
        with pytest.raises(RuntimeError, match="ZeroDivisionError"):
            divide()
    # The failed call has put NumPy's error state back.
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        np.divide(1.0, 0.0)
    assert (x / 0).tolist() == [math.inf, math.inf]


def test_old_positional_numbers() -> None:
    x, y = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])
    assert torch.add(x, 10, y).tolist() == [31, 42]
    assert x.sub(10, y).tolist() == [-29, -38]
    assert torch.addcmul(x, 2, x, y).tolist() == [7, 18]
    assert x.clone().addcdiv_(2, y, x).tolist() == [7, 6]


def test_unknown_operand_is_left_to_the_other_side() -> None:
    class Other:
        def __radd__(self, left: object) -> str:
            return "radd"

        def __eq__(self, left: object) -> bool:
            return True

        __hash__ = None

    x = torch.ones(2)
    assert x + Other() == "radd"
    assert (x == Other()) is True
    assert (x == None) is False  # noqa: E711
    with pytest.raises(TypeError, match="unsupported operand"):
        torch.neg(x - "a")
    with pytest.raises(TypeError, match="unsupported operand"):
        x += [1]


@pytest.mark.parametrize("device", DEVICES)
def test_refusals_say_why(device: str) -> None:
    b = torch.tensor([True], device=device)
    with pytest.raises(RuntimeError, match="Negation, the `-` operator"):
        torch.neg(b)
    with pytest.raises(RuntimeError, match="use the `~` or `logical_not"):
        1 - b
    with pytest.raises(RuntimeError, match="Integers to negative integer powers"):
        torch.tensor([2], device=device) ** -1
    with pytest.raises(RuntimeError, match=r"size of tensor a \(2\) must match the size of tensor b \(3\)"):
        torch.ones(2, device=device) + torch.ones(3, device=device)
    with pytest.raises(
        RuntimeError, match="rounding_mode to be one of None, 'trunc', or 'floor' but found 'up'"
    ):
        torch.div(b, b, rounding_mode="up")


# ---- activations --------------------------------------------------------------------------------------


def test_functional_inplace() -> None:
    x = torch.tensor([-1.0, 2.0])
    assert F.relu(x) is not x
    assert F.relu(x, True) is x
    assert x.tolist() == [0, 2]
    assert F.leaky_relu(torch.tensor([-1.0]), 0.5, inplace=True).item() == -0.5
    assert F.elu_(torch.tensor([-1.0])).item() == pytest.approx(math.expm1(-1))


def test_rrelu_draws_slopes_in_training_only() -> None:
    x = torch.full((1000,), -1.0)
    np.testing.assert_allclose(F.rrelu(x, 0.1, 0.3).numpy(), -0.2, rtol=1e-6)
    drawn = array(F.rrelu(x, 0.1, 0.3, training=True))
    assert drawn.min() >= -0.3
    assert drawn.max() <= -0.1
    assert len(set(drawn.tolist())) > 900
    with pytest.raises(RuntimeError, match="Lower bound should be less"):
        F.rrelu(x, 0.3, 0.1, training=True)


def test_prelu_refuses_other_channel_counts() -> None:
    with pytest.raises(RuntimeError, match="parameter numbers = 2 and channel size = 3"):
        F.prelu(torch.ones(2, 3), torch.ones(2))


def test_gelu_in_float32_is_close_to_float64() -> None:
    x = torch.linspace(-8, 8, 10001)
    for approximate in ("none", "tanh"):
        wide = F.gelu(x.double(), approximate=approximate)
        assert (F.gelu(x, approximate=approximate).double() - wide).abs().max().item() < 1e-6


def test_complex_parts_are_views() -> None:
    z = torch.tensor([1 + 2j, 3 - 4j])
    z.imag.mul_(2)
    assert z.tolist() == [1 + 4j, 3 - 8j]
    z.real = 0.0
    assert z.tolist() == [4j, -8j]
    x = torch.ones(3, 2, requires_grad=True)
    torch.view_as_complex(x).imag.sum().backward()
    assert x.grad.tolist() == [[0, 1]] * 3


def test_entropy_slope_at_its_ends():
    x = torch.tensor([0.0, 0.5, math.inf], dtype=torch.float64, requires_grad=True)
    torch.special.entr(x).sum().backward()
    assert x.grad.tolist() == pytest.approx([math.inf, -1 - math.log(0.5), -math.inf])


def test_angle_of_real_numbers_has_the_derivative_zero():
    x = torch.tensor([-1.0, 0.0, 2.0, math.nan], requires_grad=True)
    result = torch.angle(x)
    result.sum().backward()
    assert result.tolist()[:3] == pytest.approx([math.pi, 0, 0])
    assert x.grad.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("make", [torch.zeros, torch.ones, torch.empty])
def test_size_by_name(make):
    assert make(size=(2, 3)).shape == (2, 3)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize(
    ("dtype", "step", "largest"), [("float16", 2**-10, 65504.0), ("bfloat16", 2**-7, 3.3895e38)]
)
def test_next_number_of_half_precision(dtype: str, step: float, largest: float, device: str) -> None:
    x = torch.tensor([1.0, -1.0, largest, 0.0], dtype=getattr(torch, dtype), device=device)
    after = torch.nextafter(x, torch.full_like(x, math.inf))
    assert (after - x)[:2].tolist() == [step, step / 2] and after[2].item() == math.inf
    assert after[3].item() > 0 and (after[3] / 2).item() == 0


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", ["float32", "float64", "int32", "int64", "bfloat16", "float16"])
def test_negative_numbers_at_every_step(name: str, device: str) -> None:
    """`np.negative` takes wrong elements at some steps; so in place, into a diagonal, and as `out=`."""
    dtype = getattr(torch, name)
    for step in range(1, 10):
        numbers = torch.arange(1, 6 * step + 1, device=device).to(dtype)
        wanted = [-v for v in numbers.tolist()[::step]]
        numbers[::step].neg_()
        assert numbers.tolist()[::step] == wanted
        room = torch.zeros(12, device=device, dtype=dtype)
        torch.neg(numbers[::step], out=room[::2])
        assert room.tolist() == [v for w in wanted for v in (-w, 0)]
    table = torch.arange(12, device=device).to(dtype).view(4, 3)
    table.diagonal().neg_()
    assert table.tolist() == [[0, 1, 2], [3, -4, 5], [6, 7, -8], [9, 10, 11]]


def test_magnitude_of_complex_numbers_is_not_written_over_them() -> None:
    with pytest.raises(RuntimeError, match="In-place abs is not supported for complex tensors"):
        torch.ones(2, dtype=torch.complex64).abs_()


@pytest.mark.parametrize(
    "shape", [(70, 90, 3), (2, 9, 400, 3), (20_003, 1, 2), (3, 2, 1500, 4), (7000, 3)], ids=str
)
@pytest.mark.parametrize("name", ["add", "sub", "mul", "div"])
def test_an_operand_repeated_over_short_rows(name: str, shape: tuple[int, ...]) -> None:
    """A number for each of few channels that lie last, which is computed several rows at a time."""
    random = np.random.default_rng(0)
    values = random.random(shape, np.float32)
    ufunc = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide}[name]
    for outer in (1, shape[0]):  # the same channels everywhere, or others in each part
        factors = random.random((outer, *[1] * (len(shape) - 2), shape[-1]), np.float32) + 1
        wanted, turned = np.empty_like(values), np.empty_like(values)
        for i in range(shape[0]):
            for c in range(shape[-1]):
                factor = factors[min(i, outer - 1), ..., c]
                wanted[i, ..., c] = ufunc(values[i, ..., c], factor)
                turned[i, ..., c] = ufunc(factor, values[i, ..., c])
        x, y = torch.from_numpy(values.copy()), torch.from_numpy(factors)
        function, order = getattr(torch, name), (-1, *range(len(shape) - 1))
        np.testing.assert_array_equal(function(x, y).numpy(), wanted)
        np.testing.assert_array_equal(function(y, x).numpy(), turned)
        planes = function(x.permute(order), y.permute(order))  # channels first, in the same memory
        np.testing.assert_array_equal(planes.numpy(), wanted.transpose(order))
        np.testing.assert_array_equal(getattr(x, f"{name}_")(y).numpy(), wanted)
