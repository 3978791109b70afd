"""Special functions made of others."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.ops._arguments import tensors_only, whole_number
from tritonnn.ops._definitions import elementwise as definitions
from tritonnn.ops._table import NAMESPACES, NUMERIC, REAL, Bad, Sample, composite
from tritonnn.ops.elementwise import arithmetic as ar
from tritonnn.ops.elementwise import comparison as cp
from tritonnn.ops.elementwise import elementwise as ew
from tritonnn.ops.elementwise import logic as lg
from tritonnn.ops.elementwise import powers as pw
from tritonnn.ops.elementwise import special as sf
from tritonnn.ops.elementwise.derived import finished, no_tensor
from tritonnn.table import Make
from tritonnn.table.types import Number


def _no_complex(make: Make) -> Bad:
    return Bad(
        make(2, dtype=dtypes.complex64), error=NotImplementedError, match="not implemented for complex"
    )


def _check_real(op: str, input: Tensor) -> None:
    tensors_only(op, input=input)
    if input.dtype.is_complex:
        raise fail(op, f"not implemented for {input.dtype.name}", kind=NotImplementedError, input=input)


@composite(
    api="special", dtypes=REAL, reference=definitions.entr,
    samples=lambda make: [Sample(make(3, 4, low=0.1)), Sample(make(3, low=0, high=0)).constant("input")],
    errors=lambda make: [*no_tensor(make), _no_complex(make)],
)  # fmt: skip
def entr(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """-x log(x): 0 at 0, -inf below.

    >>> import tritonnn as torch
    >>> torch.special.entr(torch.tensor([0.5, 0.]))
    tensor([0.3466, 0.0000])
    """
    _check_real("entr", input)
    # At infinity the slope is that of the logarithm alone.
    ends = lg.logical_or(cp.eq(input, 0), ew.isinf(input))
    inner = ew.choose(ends, input.detach(), input)
    zero = cp.eq(input, 0)
    value = ew.replaced(ew.neg(pw.xlogy(input, inner)), zero)
    # adds nothing (-0) but the infinite slope at 0, and at -0, which is made 0; elsewhere the root of 1, whose
    # second derivative is finite
    root = ew.sqrt(ew.choose(zero, input + 0.0, 1.0))
    value = value + ew.neg(root.detach() - root)
    return finished(ew.replaced(value, cp.lt(input, 0), -math.inf), out)


def _operand(name: str, x: Any, like: Any) -> Tensor:
    """A number as a floating tensor without dimensions beside another operand."""
    if isinstance(x, Tensor):
        return x
    if not isinstance(x, (bool, int, float)):
        raise TypeError(f"xlog1py(): argument '{name}' must be Tensor or Number, not {type(x).__name__}")
    return like.new_full((), x, dtype=like.dtype if like.dtype.kind > 1 else dtypes.get_default_dtype())


@composite(
    api="special", dtypes=REAL, reference=definitions.xlog1py,
    samples=lambda make: [
        Sample(make(3, 4), make(3, 4, low=0, high=2)), Sample(make(3, 1), make(4, low=0, high=2)),
        Sample(make(4), 0.5), Sample(2, make(4, low=0, high=2)),
    ],
    errors=lambda make: [
        Bad(1, 2, error=TypeError, match="must be Tensor, not int"), Bad(make(3), make(2), match="must match the size"),
        Bad(make(2), "a", error=TypeError, match="str"),
    ],
)  # fmt: skip
def xlog1py(input: Tensor | Number, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor:
    """input * log1p(other), and 0 where input is 0 (unless other is NaN).

    >>> import tritonnn as torch
    >>> torch.special.xlog1py(torch.tensor([0., 2.]), torch.tensor([-1., 0.]))
    tensor([0., 0.])
    """
    if not isinstance(input, Tensor):
        tensors_only("xlog1py", other=other)
    x, y = _operand("input", input, other), _operand("other", other, input)
    # only where the logarithm is not finite: elsewhere 0 times it is 0, and has a slope
    infinite = lg.logical_or(cp.le(y, -1), cp.eq(y, math.inf))
    log = ew.replaced(ew.log1p(y), lg.logical_and(cp.eq(x, 0), infinite))
    value = ar.mul(x, log)
    # 0 for -0 where x is 0; elsewhere -0 adds nothing
    return finished(value + ew.choose(cp.eq(x, 0), ew.abs(value.detach()), -0.0), out)


@composite(
    api="special", dtypes=REAL, samples=lambda make: [Sample(make(3, 4)), Sample(make(()))],
    errors=lambda make: [*no_tensor(make), _no_complex(make)], reference=definitions.normal_distribution,
)  # fmt: skip
def ndtr(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Distribution function of the standard normal distribution.

    >>> import tritonnn as torch
    >>> torch.special.ndtr(torch.tensor([0., 1.96]))
    tensor([0.5000, 0.9750])
    """
    _check_real("ndtr", input)
    return ar.mul(sf.erfc(input * -math.sqrt(0.5)), 0.5, out=out)


@composite(
    api="special", dtypes=REAL, samples=lambda make: [Sample(make(3, 4)), Sample(make(()))],
    errors=lambda make: [*no_tensor(make), _no_complex(make)],
    reference=lambda input: np.log(definitions.normal_distribution(input)),
)  # fmt: skip
def log_ndtr(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Logarithm of `ndtr`, accurate far below 0.

    >>> import tritonnn as torch
    >>> torch.special.log_ndtr(torch.tensor([-10., 0.]))
    tensor([-53.2313,  -0.6931])
    """
    _check_real("log_ndtr", input)
    scaled = input * -math.sqrt(0.5)
    low = cp.lt(input, -1)
    far = ew.choose(low, scaled, 1.0)
    tail = ew.log(sf.erfcx(far) * 0.5) - far * far
    near = ew.log1p(sf.erfc(ew.choose(low, 0.0, -scaled)) * -0.5)
    return finished(ew.choose(low, tail, near), out)


@composite(
    api="torch tensor", alias=("multigammaln",), dtypes=NUMERIC, inplace=True, reference=definitions.mvlgamma,
    samples=lambda make: [Sample(make(3, 4, low=2.5, high=6), 3), Sample(make(3, low=2.5, high=6), 1)],
    errors=lambda make: [
        Bad("a", 1, error=TypeError, match="must be Tensor, not str"), Bad(make(2), 0, match="p has to be greater"),
        Bad(make(2), "a", error=TypeError, match="'p' .*must be int, not str"),
    ],
)  # fmt: skip
def mvlgamma(input: Tensor, p: int, *, out: Tensor | None = None) -> Tensor:
    """Logarithm of the multivariate gamma function of dimension `p`.

    Raises:
        RuntimeError: p is below 1.

    >>> import tritonnn as torch
    >>> torch.mvlgamma(torch.tensor([3.]), 2)
    tensor([1.5502])
    """
    whole_number("mvlgamma", "p", p)
    if p < 1:
        raise fail("mvlgamma", f"p has to be greater than or equal to 1, got {p}", input=input)
    from tritonnn.ops.creation.ranges import arange
    from tritonnn.ops.shape.shape import unsqueeze

    dtype = input.dtype if input.dtype.is_floating_point else dtypes.get_default_dtype()
    halves = arange(p, dtype=dtype, device=input.device) / 2
    total = sf.lgamma(unsqueeze(input, -1) - halves).sum(-1)
    return ar.add(total, p * (p - 1) / 4 * math.log(math.pi), out=out)


NAMESPACES["special"].update(
    expit=ew.sigmoid, exp2=ew.exp2, expm1=ew.expm1, log1p=ew.log1p, psi=sf.digamma, gammaln=sf.lgamma,
    sinc=ew.sinc, round=ew.round, multigammaln=mvlgamma,
)  # fmt: skip
