"""Overwriting a tensor with random numbers: uniform_, normal_, random_, bernoulli_ and further distributions."""

from __future__ import annotations

from functools import cache
from typing import Any

from tritonnn import dispatch, dtypes
from tritonnn._tensor import Tensor
from tritonnn.dispatch import allocate
from tritonnn.errors import fail
from tritonnn.ops._table import checked
from tritonnn.ops.conversion.overwriting import overwritten
from tritonnn.ops.random.random import (
    _real_parts,
    draw,
    draw_integers,
    philox_bernoulli,
    philox_cauchy,
    philox_exponential,
    philox_geometric,
    philox_log_normal,
    philox_normal,
    philox_randint,
    philox_uniform,
)  # fmt: skip
from tritonnn.ops.random.sampling import draw_bernoulli
from tritonnn.random import Generator


def _refill(
    name: str,
    self: Tensor,
    fill: Any,
    *params: Any,
    generator: Generator | None,
    wide: bool = False,
    floating: bool = True,
) -> Tensor:
    dispatch.check_inplace(fill.op, self)
    if floating and not self.dtype.is_floating_point:
        raise fail(
            name, f"expected a floating tensor, got {self.dtype.name}", kind=NotImplementedError, self=self
        )
    draw(fill, self, *params, generator=generator, wide=wide, fresh=False)
    return overwritten(self, name)


def _counting(name: str, self: Tensor, can: bool) -> None:
    """Refuse a tensor whose type cannot hold what is drawn."""
    if not can:
        raise fail(name, f"not implemented for {self.dtype.name}", kind=NotImplementedError, self=self)


def _no_more(name: str, left: dict[str, Any]) -> None:
    if left:
        raise TypeError(f"{name}() got an unexpected keyword argument '{next(iter(left))}'")


@cache
def _largest(dtype: dtypes.dtype) -> float:
    return dtypes.finfo(dtype).max if dtype.kind > 1 else float("inf")


def uniform_(
    self: Tensor, from_: float = 0.0, to: float = 1.0, *, generator: Generator | None = None, **old: Any
) -> Tensor:
    """Overwrite with uniform numbers on [from, to), both parts of complex ones.

    >>> import tritonnn as torch
    >>> bool((torch.empty(100).uniform_(2, 3) >= 2).all())
    True
    """
    from_, to = old.pop("from", old.pop("a", from_)), old.pop("to", old.pop("b", to))
    _no_more("uniform_", old)
    if from_ != from_ or to != to:
        raise RuntimeError(f"uniform_: from or to is out of bounds: they are {from_} and {to}")
    largest = _largest(self.dtype)
    if max(abs(from_), abs(to)) > largest:
        raise RuntimeError(
            f"uniform_: from or to is out of bounds for {self.dtype.name}: they are {from_} and {to}"
        )
    if to - from_ > largest:
        text = f"uniform_ expects to - from to be a number of {self.dtype.name}, but found from={from_} and to={to}"
        raise RuntimeError(text)
    if from_ > to:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={from_} > to={to}")
    _refill("uniform_", _real_parts(self), philox_uniform, float(from_), float(to), generator=generator)
    return self


def normal_(
    self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """Overwrite with normal numbers; of complex ones each part has half the variance, and the real one the mean.

    >>> import tritonnn as torch
    >>> torch.empty(2).normal_(5, 0)
    tensor([5., 5.])
    """
    if not std >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    if self.dtype.is_complex:
        _refill("normal_", _real_parts(self), philox_normal, 0.0, float(std) * 0.5**0.5, generator=generator)
        return self.add_(mean) if mean else self
    return _refill("normal_", self, philox_normal, float(mean), float(std), generator=generator)


def log_normal_(
    self: Tensor, mean: float = 1.0, std: float = 2.0, *, generator: Generator | None = None
) -> Tensor:
    """Overwrite with exponentials of normal numbers of this mean and standard deviation.

    >>> import tritonnn as torch
    >>> bool((torch.empty(100).log_normal_() > 0).all())
    True
    """
    if not std > 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std}")
    return _refill("log_normal_", self, philox_log_normal, float(mean), float(std), generator=generator)


def exponential_(self: Tensor, lambd: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Overwrite with exponential numbers of rate `lambd`.

    >>> import tritonnn as torch
    >>> bool((torch.empty(100).exponential_() > 0).all())
    True
    """
    if not lambd > 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd}")
    return _refill("exponential_", self, philox_exponential, float(lambd), generator=generator)


def cauchy_(
    self: Tensor, median: float = 0.0, sigma: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """Overwrite with Cauchy numbers.

    >>> import tritonnn as torch
    >>> torch.empty(3).cauchy_().shape
    torch.Size([3])
    """
    if not sigma > 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma}")
    return _refill("cauchy_", self, philox_cauchy, float(median), float(sigma), generator=generator)


def geometric_(self: Tensor, p: float, *, generator: Generator | None = None) -> Tensor:
    """Overwrite with numbers of trials up to the first success of probability `p`.

    >>> import tritonnn as torch
    >>> bool((torch.empty(100).geometric_(0.5) >= 1).all())
    True
    """
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p}")
    if self.dtype.is_floating_point:
        return _refill("geometric_", self, philox_geometric, float(p), generator=generator)
    dispatch.check_inplace(philox_geometric.op, self)
    _counting("geometric_", self, self.dtype.kind == 1)
    wide = allocate(self.shape, dtypes.float32, self.device)
    return self.copy_(draw(philox_geometric, wide, float(p), generator=generator))


def random_(self: Tensor, *bounds: Any, generator: Generator | None = None, **named: Any) -> Tensor:
    """Overwrite with integers uniform on [from, to): `random_()`, `random_(to)`, `random_(from, to)`.

    Without bounds: all values of an integer dtype from 0 on, or those a floating dtype counts exactly.

    >>> import tritonnn as torch
    >>> torch.empty(2, dtype=torch.int64).random_(4, 5)
    tensor([4, 4])
    """
    if len(bounds) > 2:
        raise TypeError(f"random_() takes from and to, but {len(bounds)} numbers were given")
    low, high = (0, None) if len(bounds) < 2 else bounds
    high = bounds[0] if len(bounds) == 1 else high
    low, high = named.pop("from", low), named.pop("to", high)
    _no_more("random_", named)
    dispatch.check_inplace(philox_randint.op, self)
    _counting("random_", self, not self.dtype.is_complex)
    if high is None or self.dtype not in dtypes.UNSIGNED:  # those take bounds alone
        dispatch.check_limited(philox_randint.op, self.dtype)
    if high is None:
        digits = {dtypes.float16: 11, dtypes.bfloat16: 8, dtypes.float32: 24, dtypes.float64: 53}
        high = (
            (1 << digits[self.dtype]) + 1
            if self.dtype in digits
            else 2
            if self.dtype.kind == 0
            else dtypes.iinfo(self.dtype).max + (self.dtype is not dtypes.int64)
        )
    draw_integers(self, low, high, generator)
    return overwritten(self, "random_")


def bernoulli_(self: Tensor, p: Tensor | float = 0.5, *, generator: Generator | None = None) -> Tensor:
    """Overwrite with 1 of probability `p` (a number or a tensor), else 0.

    >>> import tritonnn as torch
    >>> torch.empty(2).bernoulli_(1.0)
    tensor([1., 1.])
    """
    dispatch.check_inplace(philox_bernoulli.op, self)
    draw_bernoulli(self, p, generator)
    return overwritten(self, "bernoulli_")


for _method in (uniform_, normal_, log_normal_, exponential_, cauchy_, geometric_, random_, bernoulli_):
    setattr(Tensor, _method.__name__, checked(_method))
