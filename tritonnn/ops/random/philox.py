"""Fills: primitives without tensor arguments, run on an existing tensor, one for each distribution."""

from __future__ import annotations

from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.ops._table import FLOATING, REAL, Out, primitive


def _fill_only(*args: Any) -> Any:
    raise AssertionError("a fill runs on an existing tensor")


@primitive(dtypes=FLOATING)
def philox_uniform(low: float, high: float, seed: int, offset: int) -> Any:
    """Uniform on [low, high)."""
    return _fill_only()


@primitive(dtypes=FLOATING)
def philox_normal(mean: float, std: float, seed: int, offset: int) -> Any:
    """Normal."""
    return _fill_only()


@primitive(dtypes=FLOATING)
def philox_log_normal(mean: float, std: float, seed: int, offset: int) -> Any:
    """exp of a normal."""
    return _fill_only()


@primitive(dtypes=FLOATING)
def philox_exponential(rate: float, seed: int, offset: int) -> Any:
    """Exponential."""
    return _fill_only()


@primitive(dtypes=FLOATING)
def philox_cauchy(median: float, sigma: float, seed: int, offset: int) -> Any:
    """Cauchy."""
    return _fill_only()


@primitive(dtypes=REAL)
def philox_geometric(p: float, seed: int, offset: int) -> Any:
    """Number of trials up to the first success."""
    return _fill_only()


@primitive(dtypes=REAL)
def philox_randint(low: int, high: int, seed: int, offset: int) -> Any:
    """Integers uniform on [low, high)."""
    return _fill_only()


@primitive(dtypes=REAL)
def philox_bernoulli(p: Any, seed: int, offset: int) -> Any:
    """One with probability p, a number or a buffer."""
    return _fill_only()


@primitive(dtypes=FLOATING)
def philox_poisson(rate: Tensor, seed: int, offset: int) -> Any:
    """Poisson with the rates of a tensor."""
    return Out(rate.shape, rate.dtype)
