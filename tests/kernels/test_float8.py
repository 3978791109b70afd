"""Float8: by the types' own conversions, and by integer arithmetic as on hardware without them."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from buffers import run

from tritonnn.kernels.device import float8 as _float8
from tritonnn.kernels.device.moving import copy, copy_float8

KINDS = [ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2]
COPIES = pytest.mark.parametrize("way", [copy, copy_float8], ids=["instructions", "integers"])


def hard_cases(kind):
    """Every value, every midpoint of two neighbours, both sides of those, and what lies beyond the range."""
    values = np.arange(256, dtype=np.uint8).view(kind).astype(np.float32)
    finite = np.sort(values[np.isfinite(values)])
    middle = (finite[1:] + finite[:-1]) / 2
    top = finite[-1]
    beyond = np.array(
        [top * 1.03, top * 1.04, top * 1.125, top * 2, 3e38, np.inf, -np.inf, np.nan, 1e-30, 1e-42]
    )
    return np.concatenate(
        [values, middle, np.nextafter(middle, np.inf), np.nextafter(middle, -np.inf), beyond, -beyond]
    ).astype(np.float32)


def wanted(values, kind):
    if kind is ml_dtypes.float8_e4m3fn:
        values = np.clip(values, -448, 448)
    return values.astype(kind).astype(np.float32)


@COPIES
@pytest.mark.parametrize("kind", KINDS)
def test_to_float8(way, kind):
    values = hard_cases(kind)
    got = run(way, np.empty(values.shape, kind), values).astype(np.float32)
    np.testing.assert_array_equal(got, wanted(values, kind))
    np.testing.assert_array_equal(np.signbit(got[~np.isnan(got)]), np.signbit(values[~np.isnan(got)]))


@COPIES
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("out", [np.float32, np.float16, np.float64, np.int32])
def test_from_float8(way, kind, out):
    values = np.arange(256, dtype=np.uint8).view(kind)
    if out is np.int32:
        values = values[np.isfinite(values.astype(np.float32))]
    got = run(way, np.empty(values.shape, out), values)
    np.testing.assert_array_equal(got, values.astype(np.float32).astype(out))


@pytest.mark.parametrize("source", [ml_dtypes.float8_e5m2, np.complex64, np.float64, np.int64, np.bool_])
def test_other_sources_by_integers(source):
    kind = ml_dtypes.float8_e4m3fn
    values = np.array([0, 1, 3, 500, 17]).astype(source)
    real = values.real if source is np.complex64 else values
    got = run(copy_float8, np.empty(5, kind), values)
    np.testing.assert_array_equal(got.astype(np.float32), wanted(real.astype(np.float32), kind))


def test_which_hardware_has_instructions():
    have = {
        arch: _float8.instructions(arch)
        for arch in ("sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "gfx942", "gfx950")
    }
    assert have == {
        "sm_80": False,
        "sm_86": False,
        "sm_89": True,
        "sm_90": True,
        "sm_100": True,
        "gfx942": False,
        "gfx950": True,
    }
