"""Bessel and Airy functions: scalar functions of the pointwise kernel, in float64.

Around 0 polynomials, with the first zeros taken out, beside which they keep their digits; farther out amplitudes of a
sine and a cosine. cos(x - pi/4) is (cos(x) + sin(x)) / sqrt(2): the angle itself would be rounded.
"""

from __future__ import annotations

import sys

import triton
from triton import language as tl

from tritonnn import bessel_coefficients as _table
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device import math as _math
from tritonnn.kernels.device import special as _special
from tritonnn.kernels.device.pointwise_cases import scalar_cases

_J0_ZEROS: tl.constexpr = tl.constexpr(tuple(part for zero in _table.J0_ZEROS for part in zero))
_J1_ZEROS: tl.constexpr = tl.constexpr(tuple(part for zero in _table.J1_ZEROS for part in zero))
_J0_SMALL: tl.constexpr = tl.constexpr(_table.J0_SMALL)
_J1_SMALL: tl.constexpr = tl.constexpr(_table.J1_SMALL)
_Y0_SMALL: tl.constexpr = tl.constexpr(_table.Y0_SMALL)
_Y1_SMALL: tl.constexpr = tl.constexpr(_table.Y1_SMALL)
_P0: tl.constexpr = tl.constexpr(_table.P0)
_Q0: tl.constexpr = tl.constexpr(_table.Q0)
_P1: tl.constexpr = tl.constexpr(_table.P1)
_Q1: tl.constexpr = tl.constexpr(_table.Q1)
_K0_SMALL: tl.constexpr = tl.constexpr(_table.K0_SMALL)
_K1_SMALL: tl.constexpr = tl.constexpr(_table.K1_SMALL)
_K0_LARGE: tl.constexpr = tl.constexpr(_table.K0_LARGE)
_K1_LARGE: tl.constexpr = tl.constexpr(_table.K1_LARGE)
_AIRY_MIDDLE: tl.constexpr = tl.constexpr(_table.AIRY_MIDDLE)
_AIRY_LARGE: tl.constexpr = tl.constexpr(_table.AIRY_LARGE)
_AIRY_P: tl.constexpr = tl.constexpr(_table.AIRY_P)
_AIRY_Q: tl.constexpr = tl.constexpr(_table.AIRY_Q)
_NAN: tl.constexpr = tl.constexpr(float("nan"))
_TWO_OVER_PI: tl.constexpr = tl.constexpr(0.6366197723675814)
_ROOT_PI: tl.constexpr = tl.constexpr(1.772453850905516)
_ROOT_2PI: tl.constexpr = tl.constexpr(2.5066282746310002)


@triton.jit
def _between_zeros(x, ZEROS: tl.constexpr):
    """(x^2 - z^2) (x^2 - w^2), for zeros given as sums of two numbers."""
    first = ((x - ZEROS[0]) - ZEROS[1]) * (x + ZEROS[0])
    return first * (((x - ZEROS[2]) - ZEROS[3]) * (x + ZEROS[2]))


@triton.jit
def _j0_near(x):
    return _between_zeros(x, _J0_ZEROS) * _special.horner(x * x / 32.0 - 1.0, _J0_SMALL, 15)


@triton.jit
def _j1_near(x):
    return x * _between_zeros(x, _J1_ZEROS) * _special.horner(x * x / 32.0 - 1.0, _J1_SMALL, 14)


@triton.jit
def _waves(x, P: tl.constexpr, P_COUNT: tl.constexpr, Q: tl.constexpr, Q_COUNT: tl.constexpr):
    """The two amplitudes, and cos(x) + sin(x) and sin(x) - cos(x), over the root of pi x; all 0 at infinity."""
    far = x < _math.INF
    r = 8.0 / x
    t = 2.0 * r * r - 1.0
    root = _ROOT_PI * _math.sqrt(x)
    # where x is not finite neither are its sine and cosine
    finite = tl.where(far, x, 0.0)
    plus = tl.where(far, (tl.cos(finite) + tl.sin(finite)) / root, 0.0)
    minus = tl.where(far, (tl.sin(finite) - tl.cos(finite)) / root, 0.0)
    return _special.horner(t, P, P_COUNT), _special.horner(t, Q, Q_COUNT) * r, plus, minus


@triton.jit
def bessel_j0(x):
    a = tl.abs(x).to(tl.float64)
    p, q, plus, minus = _waves(a, _P0, 13, _Q0, 16)
    return tl.where(a > 8.0, p * plus - q * minus, _j0_near(a))


@triton.jit
def bessel_j1(x):
    a = tl.abs(x).to(tl.float64)
    p, q, plus, minus = _waves(a, _P1, 13, _Q1, 15)
    value = tl.where(a > 8.0, p * minus + q * plus, _j1_near(a))
    return tl.where(x < 0.0, -value, value)


@triton.jit
def _positive(x, value, LIMIT: tl.constexpr):
    """The value for x > 0; LIMIT at 0, NaN below."""
    return tl.where(x > 0.0, value, tl.where(x == 0.0, LIMIT, _NAN))


@triton.jit
def bessel_y0(x):
    x = x.to(tl.float64)
    p, q, plus, minus = _waves(x, _P0, 13, _Q0, 16)
    smooth = _special.horner(x * x / 32.0 - 1.0, _Y0_SMALL, 17)
    near = smooth + _TWO_OVER_PI * tl.log(x) * _j0_near(x)
    return _positive(x, tl.where(x > 8.0, p * minus + q * plus, near), -_math.INF)


@triton.jit
def bessel_y1(x):
    x = x.to(tl.float64)
    p, q, plus, minus = _waves(x, _P1, 13, _Q1, 15)
    smooth = x * _special.horner(x * x / 32.0 - 1.0, _Y1_SMALL, 17)
    near = smooth + _TWO_OVER_PI * (tl.log(x) * _j1_near(x) - 1.0 / x)
    return _positive(x, tl.where(x > 8.0, q * minus - p * plus, near), -_math.INF)


@triton.jit
def modified_bessel_i0(x):
    x = x.to(tl.float64)
    return _special.unscaled(tl.abs(x), _special.i0e(x))


@triton.jit
def modified_bessel_i1(x):
    x = x.to(tl.float64)
    return _special.unscaled(tl.abs(x), _special.i1e(x))


@triton.jit
def _k0_near(x):
    i0 = _special.i0e(x) * tl.exp(x)
    return _special.horner(x * x * 0.5 - 1.0, _K0_SMALL, 10) - tl.log(x * 0.5) * i0


@triton.jit
def _k1_near(x):
    i1 = _special.i1e(x) * tl.exp(x)
    return _special.horner(x * x * 0.5 - 1.0, _K1_SMALL, 11) / x + tl.log(x * 0.5) * i1


@triton.jit
def _k_far(x, COEFFICIENTS: tl.constexpr):
    """exp(x) K(x)."""
    return _special.horner(4.0 / x - 1.0, COEFFICIENTS, 24) / _math.sqrt(x)


@triton.jit
def modified_bessel_k0(x):
    x = x.to(tl.float64)
    near = _k0_near(_math.minimum(x, 2.0))
    return _positive(x, tl.where(x > 2.0, tl.exp(-x) * _k_far(x, _K0_LARGE), near), _math.INF)


@triton.jit
def modified_bessel_k1(x):
    x = x.to(tl.float64)
    near = _k1_near(_math.minimum(x, 2.0))
    return _positive(x, tl.where(x > 2.0, tl.exp(-x) * _k_far(x, _K1_LARGE), near), _math.INF)


@triton.jit
def scaled_modified_bessel_k0(x):
    x = x.to(tl.float64)
    low = _math.minimum(x, 2.0)
    return _positive(x, tl.where(x > 2.0, _k_far(x, _K0_LARGE), tl.exp(low) * _k0_near(low)), _math.INF)


@triton.jit
def scaled_modified_bessel_k1(x):
    x = x.to(tl.float64)
    low = _math.minimum(x, 2.0)
    return _positive(x, tl.where(x > 2.0, _k_far(x, _K1_LARGE), tl.exp(low) * _k1_near(low)), _math.INF)


@triton.jit
def spherical_bessel_j0(x):
    x = x.to(tl.float64)
    tiny = tl.abs(x) < 1e-8
    far = tl.abs(x) == _math.INF
    ordinary = tl.where(tiny | far, 1.0, x)
    return tl.where(tiny, 1.0, tl.where(far, 0.0, tl.sin(ordinary) / ordinary))


@triton.jit
def _airy_far(x):
    root = _math.sqrt(x)
    z = x * root * (2.0 / 3.0)
    value = _special.horner((4.0 / 3.0) / z - 1.0, _AIRY_LARGE, 39) * tl.exp(-z)
    return tl.where(x == _math.INF, 0.0, value / (_math.sqrt(root) * (2.0 * _ROOT_PI)))


@triton.jit
def _airy_waves(a):
    """Ai(-a)."""
    root = _math.sqrt(a)
    z = a * root * (2.0 / 3.0)
    t = (512.0 / 9.0) / z / z - 1.0
    p, q = _special.horner(t, _AIRY_P, 18), _special.horner(t, _AIRY_Q, 22) / z
    known = z < _math.INF
    angle = tl.where(known, z, 0.0)
    plus, minus = tl.cos(angle) + tl.sin(angle), tl.sin(angle) - tl.cos(angle)
    return tl.where(known, (p * plus + q * minus) / (_math.sqrt(root) * _ROOT_2PI), _NAN)


@triton.jit
def airy_ai(x):
    x = x.to(tl.float64)
    middle = _special.horner((x + 1.5) / 2.5, _AIRY_MIDDLE, 30)
    return tl.where(x < -4.0, _airy_waves(-x), tl.where(x > 1.0, _airy_far(x), middle))


def COMPILE() -> list[Case]:
    """Every op's function; tables of the sines of large angles, and loops, take local memory."""
    spills = dict.fromkeys(("bessel_j0", "bessel_j1", "spherical_bessel_j0"), 48)
    spills |= dict.fromkeys(("bessel_y0", "bessel_y1", "airy_ai"), 512)
    return scalar_cases(sys.modules[__name__], spills=spills, public=True)
