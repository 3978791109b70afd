"""Floating numbers as fraction and exponent: frexp."""

from __future__ import annotations

import math

import numpy as np

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.ops._table import FLOATING, Bad, Sample, composite
from tritonnn.ops.elementwise.comparison import where
from tritonnn.ops.elementwise.powers import ldexp

# Of a type: the integers of its size, the bits of its fraction, the bias of its exponent.
_LAYOUTS = {
    dtypes.float16: (dtypes.int16, 10, 15), dtypes.bfloat16: (dtypes.int16, 7, 127),
    dtypes.float32: (dtypes.int32, 23, 127), dtypes.float64: (dtypes.int64, 52, 1023),
}  # fmt: skip


def _exponent(x: Tensor) -> Tensor:
    """e of |x| = m · 2^e with 1/2 <= m < 1, for normal numbers."""
    whole, fraction, bias = _LAYOUTS[x.dtype]
    return ((x.view(whole) >> fraction) & (2 * bias + 1)).to(dtypes.int32) - (bias - 1)


@composite(
    api="torch tensor", dtypes=FLOATING, out=True,
    reference=lambda input: np.frexp(input),
    samples=lambda make: [Sample(make(3, 4)), Sample(make(()))],
    errors=lambda make: [
        Bad(make.int(2), match="only supports floating-point dtypes"),
        Bad("a", error=TypeError, match="must be Tensor"),
    ],
)  # fmt: skip
def frexp(input: Tensor) -> tuple[Tensor, Tensor]:
    """(mantissa, exponent): input = mantissa · 2^exponent with 1/2 <= |mantissa| < 1, or both 0.

    >>> import tritonnn as torch
    >>> torch.frexp(torch.tensor([5., 0.25])).exponent
    tensor([ 3, -1], dtype=torch.int32)
    """
    if input.dtype not in _LAYOUTS:
        raise fail("frexp", "torch.frexp() only supports floating-point dtypes", input=input)
    x = input.detach()
    bits = _LAYOUTS[x.dtype][1] + 1
    tiny = x.abs() < dtypes.finfo(x.dtype).tiny
    exponent = where(tiny, _exponent(x * 2.0**bits) - bits, _exponent(x))
    exponent = where((x == 0) | ~(x.abs() < math.inf), 0, exponent)  # lies in memory as the input does
    from tritonnn.ops.reduction.extremes import pair  # which needs elementwise ops

    return pair("frexp")(ldexp(input, -exponent), exponent)
