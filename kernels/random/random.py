"""Random fills from Philox 4x32-10, the same stream as `cpu_fallback/random.py` draws; kernels in `_philox.py`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from tritonnn import dtypes
from tritonnn.buffer import Buffer
from tritonnn.kernels.device.strided import expand, fill, merged, read
from tritonnn.kernels.launch.launch import Plan, Slot, empty, launch, needs_int64, planned
from tritonnn.kernels.random._philox import (
    _below,
    _cauchy,
    _exponential,
    _geometric,
    _log_normal,
    _normal,
    _uniform,
    bernoulli_kernel,
    dropout_kernel,
    fill_kernel,
    fill_warps,
    poisson_kernel,
    randint_kernel,
    start,
    words,
)  # fmt: skip

__all__ = [
    "native_dropout", "philox_bernoulli", "philox_cauchy", "philox_exponential", "philox_geometric",
    "philox_log_normal", "philox_normal", "philox_poisson", "philox_randint", "philox_uniform", "place", "start",
    "words",
]  # fmt: skip

BLOCK = 256


def _signed(value: int) -> int:
    """A 64-bit pattern as the signed number that has it."""
    value &= 0xFFFFFFFFFFFFFFFF
    return value - (1 << 64) if value >> 63 else value


def place(seed: int, offset: int) -> tuple[int, int, Buffer | None]:
    """Seed, first counter and state as kernels take them, of what a generator reserved."""
    # an offset counts words, of which a counter gives four
    return _signed(int(seed)), offset >> 2, getattr(seed, "state", None)


def _filler(function: Any, values: int = 0) -> Callable[..., None]:
    """What fills a buffer with numbers that `function` makes: given it, two parameters, seed and offset."""

    @planned(numbers=5)
    def plan(out: Buffer, stateful: bool, *numbers: Any) -> Plan:
        # without fused multiply-adds below: NumPy rounds every product, and the numbers are to be the same
        each = values or (2 if out.dtype is dtypes.float64 else 4)
        n = out.numel
        return Plan(
            fill_kernel, (-(-n // (BLOCK * each)),), Slot(0), *merged(out.shape, out.strides), n,
            *map(Slot, range(1, 6)), FN=function, VALUES=each, BLOCK=BLOCK, INT64=needs_int64(out),
            num_warps=fill_warps(function), enable_fp_fusion=False,
        )  # fmt: skip

    def fill(out: Buffer, a: float, b: float, seed: int, offset: int) -> None:
        plan(out, hasattr(seed, "state"), float(a), float(b), *place(seed, offset))

    return fill


_fill_uniform, _fill_normal, _fill_log_normal = map(_filler, (_uniform, _normal, _log_normal))
_fill_exponential, _fill_cauchy, _fill_geometric = map(_filler, (_exponential, _cauchy, _geometric))
_fill_below = _filler(_below, 4)


def philox_uniform(out: Buffer, low: float, high: float, seed: int, offset: int) -> None:
    """Uniform on [low, high)."""
    _fill_uniform(out, high - low, low, seed, offset)


def philox_normal(out: Buffer, mean: float, std: float, seed: int, offset: int) -> None:
    """Normal with this mean and standard deviation."""
    _fill_normal(out, mean, std, seed, offset)


def philox_log_normal(out: Buffer, mean: float, std: float, seed: int, offset: int) -> None:
    """exp of a normal with this mean and standard deviation."""
    _fill_log_normal(out, mean, std, seed, offset)


def philox_exponential(out: Buffer, rate: float, seed: int, offset: int) -> None:
    """Exponential: -log(u) / rate, above zero."""
    _fill_exponential(out, -1.0 / rate, 0.0, seed, offset)


def philox_cauchy(out: Buffer, median: float, sigma: float, seed: int, offset: int) -> None:
    """Cauchy: median + sigma * tan(pi * (u - 1/2))."""
    _fill_cauchy(out, median, sigma, seed, offset)


def philox_geometric(out: Buffer, p: float, seed: int, offset: int) -> None:
    """Number of trials up to the first success: ceil(log(u) / log(1 - p)), at least one."""
    _fill_geometric(out, 1.0 / math.log1p(-p) if p < 1 else 0.0, 0.0, seed, offset)


def philox_randint(out: Buffer, low: int, high: int, seed: int, offset: int) -> None:
    """Integers uniform on [low, high), by multiplication up to 2**32 values and by remainder above."""
    n, span = out.numel, high - low
    wide = span > 1 << 32
    shape, strides = merged(out.shape, out.strides)
    launch(
        randint_kernel, (-(-n // (BLOCK * (2 if wide else 4))),), out, shape, strides, n, _signed(low),
        _signed(span), *place(seed, offset), WIDE=wide, BLOCK=BLOCK, INT64=needs_int64(out),
    )  # fmt: skip


def philox_bernoulli(out: Buffer, p: Buffer | float, seed: int, offset: int) -> None:
    """One with probability p (a number or a buffer broadcast to the output), else zero.

    Raises:
        RuntimeError: a probability is outside [0, 1].
    """
    if not isinstance(p, Buffer):
        _fill_below(out, p, 0.0, seed, offset)
        return
    flag = _flag(out)
    p = expand(p, out.shape)
    shape, strides, p_strides = merged(out.shape, out.strides, p.strides)
    launch(
        bernoulli_kernel, (-(-out.numel // (BLOCK * 4)),), out, p, flag, shape, strides, p_strides, out.numel,
        *place(seed, offset), BLOCK=BLOCK, INT64=needs_int64(out, p),
    )  # fmt: skip
    if _found(flag, seed):
        raise RuntimeError("bernoulli: Expected p_in >= 0 && p_in <= 1 to be true, but got false.")


def _flag(like: Buffer) -> Buffer:
    """A zero that a kernel sets where its data is wrong."""
    return fill(empty((1,), dtypes.int32, like), 0)


def _found(flag: Buffer, seed: int) -> bool:
    """Whether a kernel set the flag. While a graph is captured, as a seed with a state tells, nothing is read back."""
    return not hasattr(seed, "state") and bool(read(flag)[0])


def native_dropout(out: Buffer, mask: Buffer, input: Buffer, p: float, seed: int, offset: int) -> None:
    """Zero with probability p and scale the rest by 1 / (1 - p); `mask` says what was kept."""
    threshold = 1 << 32 if p == 1 else min(round(p * 2.0**32), 0xFFFFFFFF)
    scale = 1.0 if p == 1 else 1.0 / (1.0 - p)
    _drop(out, mask, input, hasattr(seed, "state"), threshold, scale, *place(seed, offset))


@planned(numbers=5)
def _drop(out: Buffer, mask: Buffer, input: Buffer, stateful: bool, *numbers: Any) -> Plan:
    n = out.numel
    return Plan(
        dropout_kernel, (-(-n // (BLOCK * 4)),), Slot(0), Slot(1), Slot(2),
        *merged(out.shape, out.strides, mask.strides, input.strides), n, *map(Slot, range(3, 8)), BLOCK=BLOCK,
        INT64=needs_int64(out, mask, input),
    )  # fmt: skip


def philox_poisson(out: Buffer, rate: Buffer, seed: int, offset: int) -> None:
    """Poisson with these rates; element i draws from counter offset / 4 + i alone.

    Raises:
        RuntimeError: a rate is negative.
    """
    flag, n = _flag(out), out.numel
    shape, strides, rate_strides = merged(out.shape, out.strides, rate.strides)
    launch(
        poisson_kernel, (-(-n // BLOCK),), out, rate, flag, shape, strides, rate_strides, n,
        *place(seed, offset), BLOCK=BLOCK, INT64=needs_int64(out, rate),
    )  # fmt: skip
    if _found(flag, seed):
        raise RuntimeError("poisson: invalid Poisson rate, expected rate to be non-negative")
