"""Batch and group normalisation of every layout against the NumPy twins, on the simulated device."""

from __future__ import annotations

import numpy as np
import pytest
from buffers import buffer, run, strided

from tritonnn.cpu_fallback.normalization import normalization as twins
from tritonnn.kernels.normalization import batch_norm as _batch_norm


def laid_out(x: np.ndarray, layout: str) -> np.ndarray:
    """The same values, channels or positions innermost, or with gaps."""
    if layout == "channels_last":
        return np.ascontiguousarray(np.moveaxis(x, 1, -1)).transpose(0, x.ndim - 1, *range(1, x.ndim - 1))
    return strided(x) if layout == "strided" else x


def both(name, outs, args):
    """What kernel and twin write."""
    mine, theirs = [np.full_like(o, np.nan) for o in outs], [np.full_like(o, np.nan) for o in outs]
    getattr(twins, name)(*theirs, *args)
    rest = [buffer(o) for o in mine[1:]]
    run(lambda out, *a: getattr(_batch_norm, name)(out, *rest, *a), mine[0], *args)
    return mine, theirs


@pytest.mark.parametrize("layout", ["planes", "channels_last", "strided"])
@pytest.mark.parametrize(
    ("channels", "groups", "positions"), [(20, 2, (3, 5)), (6, 6, (9,)), (12, 1, (1, 1)), (8, 4, ())]
)
def test_group_norm(layout, channels, groups, positions, rng=np.random.default_rng(0)):
    shape = (3, channels, *positions)
    x = laid_out((rng.standard_normal(shape) * 3 + 100).astype("f4"), layout)
    weight, bias = rng.standard_normal((2, channels)).astype("f4")
    stats = [np.empty((3, groups), "f4")] * 2
    mine, theirs = both("native_group_norm", [np.empty(shape, "f4"), *stats], (x, groups, weight, bias, 1e-5))
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-4)
    grad = laid_out(rng.standard_normal(shape).astype("f4"), layout)
    outs = [np.empty(shape, "f4"), weight, bias]
    args = (grad, x, groups, *theirs[1:], weight, (True, True, True))
    for a, b in zip(*both("native_group_norm_backward", outs, args), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3)


def test_group_norm_whose_channels_lie_apart_in_parts(monkeypatch, forget_launches):
    """Many positions: several programs share a channel, and a group takes the parts of all its channels."""
    monkeypatch.setattr(_batch_norm, "multiprocessors", lambda like: 4)
    rng = np.random.default_rng(1)
    x = laid_out((rng.standard_normal((2, 6, 1500)) + 50).astype("f4"), "channels_last")
    outs = [np.empty(x.shape, "f4"), np.empty((2, 2), "f4"), np.empty((2, 2), "f4")]
    mine, theirs = both("native_group_norm", outs, (x, 2, None, None, 1e-5))
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-4)
