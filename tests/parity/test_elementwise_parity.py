"""Small programs about elementwise ops, run on both libraries: the result or the type of the error is the same.

`x` is float32, `i` int64, `b` bool, `u` uint8, `c` complex64, `m` a matrix, `odd` has NaN, infinities and zeros.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch as reference

import tritonnn

EXPRESSIONS = """
x + np.ones(3)
x + 'a'
x == None
x != None
x == 'a'
x < None
x + [1, 2, 3]
torch.add(2, x)
torch.add(x, [1])
torch.add(i, i, alpha=1.5)
torch.add(b, b, alpha=1.5)
torch.add(x, x, alpha='a')
torch.sub(b, b)
-b
1 - b
b - 1
b * b
b / b
b // b
i // 0
i % 0
i / 0
torch.div(x, 2, rounding_mode='up')
torch.div(i, 2, rounding_mode='floor')
torch.div(x, 0.7, rounding_mode='trunc')
i ** (-1)
i ** i
b ** b
b ** 2
2 ** i
2.5 ** i
torch.pow(2, 3)
x.pow_(0.5)
i.pow_(0.5)
i.div_(2)
i.add_(1.5)
i + 1.5
u + 300
u + -1
u == -1
u < 300
i.clamp(0.5, 1.5)
i.clamp(min=0.5)
x.clamp()
torch.clamp(x, min=i)
b.clamp(0, 1)
torch.where(x > 1, x, 0)
torch.where(x > 1, 1, 0)
torch.where(x > 1, 1.0, 0)
torch.where(u, x, -x)
torch.where(x, x, -x)
torch.where(x > 1)
x.where(x > 1, 7)
torch.lerp(x, i, 0.5)
torch.lerp(x, x.double(), 0.5)
torch.lerp(x, x + 2, x)
torch.heaviside(x, i)
torch.floor(b)
torch.floor(i)
torch.round(i, decimals=1)
torch.round(m, decimals=-1)
torch.square(b)
torch.abs(b)
torch.sign(b)
torch.exp(b)
torch.sqrt(i)
torch.isclose(x, i)
torch.isclose(x, x.double())
torch.isclose(odd, odd)
torch.isclose(odd, odd, equal_nan=True)
torch.isclose(i, i + 1)
torch.allclose(x, x + 1e-09)
torch.equal(x, i.float())
torch.equal(x, i)
torch.equal(x, m)
torch.logical_and(x, i)
torch.bitwise_and(x, x)
torch.bitwise_and(i, b)
torch.bitwise_and(i, 3)
torch.bitwise_and(3, i)
i << 1
1 << i
~x
~b
~u
torch.logical_not(x)
torch.nan_to_num(i)
torch.nan_to_num(odd)
odd.clone().nan_to_num_(1, 2, 3)
torch.copysign(i, -1)
torch.copysign(x, -0.0)
torch.atan2(i, i)
torch.hypot(i, i)
torch.gcd(i, i)
torch.gcd(x, x)
torch.float_power(i, 2)
torch.float_power(x, 2)
torch.float_power(2, i)
torch.float_power(c, 2)
torch.ldexp(i, i)
torch.ldexp(x, i)
torch.xlogy(i, 2)
torch.xlogy(2, i)
torch.sigmoid(i)
F.relu(i)
F.relu(b)
F.gelu(i)
F.gelu(x, approximate='x')
F.leaky_relu(i)
F.elu(x, alpha='a')
F.prelu(x, torch.ones(2))
F.prelu(torch.ones(2, 3), torch.ones(3))
F.prelu(torch.tensor(1.0), torch.ones(3))
F.prelu(torch.tensor(-1.0), torch.tensor(0.5))
F.prelu(m, torch.tensor([0.1, 0.2]))
F.glu(x)
F.glu(torch.ones(4))
F.glu(m, 0)
F.glu(torch.tensor(1.0))
F.hardtanh(x, 1, -1)
F.hardtanh(i, 0, 1)
F.softplus(x, beta=0)
F.celu(x, alpha=0.0)
F.rrelu(-x)
F.rrelu(-x, 0.1, 0.3)
F.threshold(i, 1, 2)
F.threshold(x, 1, 2)
F.threshold(x, 1, 2, True)
torch.real(x)
torch.imag(x)
torch.angle(x - 1)
torch.conj(x)
torch.isreal(x)
torch.isreal(c)
torch.real(c)
torch.imag(c)
torch.angle(c)
torch.abs(c)
c.real
c.imag
c.conj()
c + 1
c * x[:2]
c / 2
c == c
torch.view_as_real(c)
torch.view_as_complex(m)
torch.polar(x, x)
torch.complex(x, x)
torch.sgn(torch.tensor([1 + 1j]))
torch.special.xlog1py(x, x)
torch.special.entr(x)
torch.special.ndtr(m)
torch.special.log_ndtr(m * 8)
torch.special.expit(m)
torch.special.ndtri(x / 3)
torch.special.erfcx(m)
torch.special.i0e(m)
torch.special.i1(m)
torch.special.i1e(m)
torch.special.zeta(x + 1, m[:, :1] + 3)
torch.special.zeta(2, x + 1)
torch.special.polygamma(1, x + 1)
torch.special.psi(x + 1)
torch.special.gammaln(x + 1)
torch.special.multigammaln(x + 3, 2)
torch.special.logit(x / 3)
torch.special.log1p(x)
torch.special.exp2(x)
torch.special.round(m)
torch.add(x, x, out=i)
torch.add(x, x, foo=1)
torch.add(x)
x.add(1, 2)
torch.add(x, 2, x)
torch.sub(x, 2, x)
torch.addcmul(x, 2, x, x)
x.addcmul(2, x, x)
torch.addcdiv(x, 2, x, x + 1)
x.addcdiv_(2, x, x + 1)
torch.addcdiv(i, i, i)
torch.addcmul(i, i, i, value=2)
torch.polygamma(-1, x)
torch.mvlgamma(x + 3, 2)
torch.lgamma(b)
torch.erf(i)
x.__rsub__(1)
1 / i
1 // i
1 // (i + 1)
1 % (i + 1)
2 % x
2.5 // (x + 1)
divmod(x, 2)
x.__pow__('a')
torch.tensor(3) + torch.tensor([1.5])
torch.tensor(3.5) + torch.tensor([1])
torch.tensor([1], dtype=torch.int8) + torch.tensor(1000)
torch.tensor([1], dtype=torch.float16) + 10000000000.0
torch.tensor([1.0, 2.5], dtype=torch.bfloat16) * 0.1
torch.tensor([1.0, 2.5], dtype=torch.float16) * 1e-07
torch.tensor([0.1], dtype=torch.bfloat16) == 0.1
torch.tensor([0.1], dtype=torch.float16) == 0.1
x + 1j
i + 1j
torch.eq(x, 'a')
x.isneginf()
torch.isposinf(torch.tensor([1j]))
torch.tensor([1j]) < torch.tensor([1j])
torch.true_divide(i, 2)
torch.rsub(x, 1)
torch.fix(m)
torch.clip(x, 0, 1)
torch.clamp_min(x, 1)
torch.clamp_max(x, i)
torch.clamp_min(x, torch.tensor(1.0))
torch.sinc(i)
torch.logit(i)
torch.positive(b)
torch.signbit(odd)
torch.frac(i)
torch.frac(m)
torch.relu_(m.clone())
F.logsigmoid(x)
F.softsign(i)
F.tanhshrink(i)
F.hardsigmoid(i)
F.silu(i)
torch.maximum(x, i)
torch.minimum(x, odd[:3])
torch.fmax(x, odd[:3])
torch.fmin(x, odd[:3])
torch.multiply(x, x)
torch.subtract(x, x)
torch.divide(x, 2)
torch.negative(x)
torch.absolute(m)
torch.arcsin(x / 3)
torch.arctan2(x, x)
torch.greater(x, 1)
torch.less_equal(x, 1)
torch.not_equal(x, 1)
x.greater_equal(1)
x.sigmoid()
x.erf().erfinv()
x.logaddexp(x)
torch.logaddexp2(x, x)
torch.logaddexp(i, i)
x.lgamma()
x.digamma()
x.polygamma(1)
x.mvlgamma(1)
torch.bitwise_not(i)
torch.bitwise_left_shift(i, 2)
torch.logical_xor(x, x)
torch.deg2rad(i)
torch.rad2deg(x)
torch.isfinite(odd)
torch.isnan(i)
torch.isinf(b)
x.float_power(2)
x.arctanh()
x.ldexp(i)
abs(m)
+m
round(m)
m.round(decimals=1)
x.abs_()
i.sqrt_()
i.sigmoid_()
torch.nextafter(x, m.flatten()[:3])
torch.nextafter(i, i)
torch.remainder(m, -0.7)
torch.fmod(m, -0.7)
torch.remainder(-7, i + 2)
torch.floor_divide(m, 0.7)
torch.floor_divide(-7, i + 2)
torch.tensor([5.0]) // 0.0
torch.tensor([1.0, -1.0]) % float('inf')
torch.exp(torch.tensor([]))
torch.tensor([]) + 1
torch.ones(0, 3) * torch.ones(1, 3)
torch.ones(2, 0) + torch.ones(3)
torch.add(x, m)
torch.add(torch.tensor(2), torch.tensor(2.5, dtype=torch.float64))
torch.tensor(2, dtype=torch.int32) * torch.tensor([1], dtype=torch.int8)
torch.tensor(2.0) * torch.tensor([1], dtype=torch.float16)
torch.tensor([True]) + True
torch.tensor([True]) + 1
torch.tensor([True]) * 2.5
True + i
i == True
x > True
torch.square(c)
torch.reciprocal(c)
torch.exp(c)
torch.log(c)
torch.tanh(c)
torch.sqrt(c)
c ** 2
c ** c
2 ** c
torch.rsqrt(c)
torch.sigmoid(c)
torch.neg(c)
torch.floor(c)
torch.clamp(c, 0)
torch.isnan(c)
torch.logical_not(c)
torch.hardshrink(x)
torch.selu(x)
torch.celu(x)
torch.prelu(m, torch.tensor([0.1]))
torch.rrelu(-x)
torch.threshold(x, 1, 5)
F.gelu(x, approximate='tanh')
F.hardswish(m)
F.mish(m)
F.elu(m, 2.0)
F.selu(m)
F.celu(m, 2.0)
F.relu6(m * 4)
F.softshrink(m, 0.3)
F.softshrink(m, -0.3)
F.softplus(m, 2, 3)
F.sigmoid(m)
F.tanh(m)
F.leaky_relu(m, negative_slope=0.2, inplace=False)
F.hardtanh(m, min_val=-0.5, max_val=0.5)
F.hardtanh(u)
""".strip().splitlines()

# Their result is `r`.
PROGRAMS = """
y = m.clone(); F.relu(y, inplace=True); r = y
y = m.clone(); F.leaky_relu_(y, 0.1); r = y
y = m.clone(); y += 1; y *= 2; y -= 0.5; y /= 3; r = y
y = i.clone(); y //= 2; y <<= 1; y |= 5; r = y
y = m.clone(); y **= 2; y %= 3; r = y
y = i.clone(); y += 1.5; r = y
y = i.clone(); y /= 2; r = y
y = m.clone(); y += 'a'; r = y
y = x.clone(); y.add_(x, alpha=2); y.sub_(1, x); r = y
y = x.clone(); y.clamp_(0, 1); r = y
y = x.clone(); y.clamp_min_(1); y.eq_(1); r = y
y = x.clone(); y.copysign_(-1).exp_().neg_(); r = y
y = x.clone(); y.add_(m); r = y
y = torch.ones(1).expand(3); y.add_(1); r = y
o = torch.empty(0); torch.mul(x, x, out=o); r = o
o = torch.empty(3, dtype=torch.float64); torch.mul(x, x, out=o); r = o
o = torch.empty(3, dtype=torch.int64); torch.exp(x, out=o); r = o
o = torch.empty(3); torch.div(x, 2, rounding_mode='floor', out=o); r = o
o = torch.empty(3); torch.where(x > 1, x, 2 * x, out=o); r = o
o = torch.empty(3); torch.clamp(x, 1, out=o); r = o
""".strip().splitlines()


def names(torch: Any) -> dict[str, Any]:
    """What the programs refer to."""
    inf, nan = float("inf"), float("nan")
    return {
        "torch": torch,
        "F": torch.nn.functional,
        "np": np,
        "x": torch.arange(3.0),
        "i": torch.arange(3),
        "b": torch.tensor([True, False, True]),
        "u": torch.arange(3, dtype=torch.uint8),
        "m": torch.tensor([[-1.5, 2.0], [0.0, 3.0]]),
        "c": torch.tensor([1 + 2j, -3.5j]),
        "odd": torch.tensor([nan, inf, -inf, 0.0, -0.0]),
    }


def outcome(torch: Any, code: str, result: str | None) -> Any:
    """The value of an expression or of the variable `result` after a program; or the exception."""
    space = names(torch)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if result is None:
                return eval(code, space)
            exec(code, space)
            return space[result]
        except Exception as error:
            return error


def same(got: Any, wanted: Any) -> None:
    """Equal values, dtypes and shapes; for errors, one that the same `except` catches."""
    if isinstance(wanted, Exception):
        assert isinstance(got, Exception), f"PyTorch raises {wanted!r}"
        assert isinstance(got, type(wanted)), f"PyTorch raises {wanted!r}, got {got!r}"
    elif isinstance(wanted, reference.Tensor):
        assert isinstance(got, tritonnn.Tensor), f"got {got!r}"
        assert str(got.dtype) == str(wanted.dtype)
        assert tuple(got.shape) == tuple(wanted.shape)
        values = wanted.float() if wanted.dtype is reference.bfloat16 else wanted
        result = got.float() if got.dtype is tritonnn.bfloat16 else got
        result, values = result.resolve_conj(), values.resolve_conj()
        np.testing.assert_allclose(result.numpy(), values.numpy(), rtol=1e-5, atol=1e-6)
    elif isinstance(wanted, tuple):
        assert len(got) == len(wanted)
        for a, b in zip(got, wanted, strict=True):
            same(a, b)
    else:
        assert not isinstance(got, Exception), repr(got)
        assert got == wanted or got is wanted


@pytest.mark.parametrize("code", EXPRESSIONS)
def test_expression(code: str) -> None:
    same(outcome(tritonnn, code, None), outcome(reference, code, None))


@pytest.mark.parametrize("code", PROGRAMS)
def test_program(code: str) -> None:
    same(outcome(tritonnn, code, "r"), outcome(reference, code, "r"))
