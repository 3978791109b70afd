"""Numbers taken apart into a fraction and a power of two."""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.ops._table import FLOATING, Bad, Sample, composite
from tritonnn.ops.elementwise.elementwise import choose, isfinite
from tritonnn.ops.elementwise.powers import ldexp

# dtype -> whole numbers of its width, bits of the fraction, mask of the exponent, its value for 1, the power of 2 that
# makes subnormal numbers ordinary ones
_LAYOUTS = {
    dtypes.float32: (dtypes.int32, 23, 0xFF, 127, 25),
    dtypes.float64: (dtypes.int64, 52, 0x7FF, 1023, 54),
}


@composite(
    api="torch tensor", dtypes=FLOATING, out=True,
    samples=lambda make: [Sample(make(3, 4)), Sample(make(()))],
    errors=lambda make: [Bad(make.int(2), match="only supports floating-point dtypes")],
    reference=np.frexp,
)  # fmt: skip
def frexp(input: Tensor) -> Any:
    """(mantissa, exponent) with input = mantissa * 2^exponent and a magnitude of the mantissa from 1/2 to 1.

    0 and what is not finite are their own mantissas.

    Raises:
        RuntimeError: a dtype that is not floating.

    >>> import tritonnn as torch
    >>> m, e = torch.frexp(torch.tensor([6., 0.]))
    >>> m, e
    (tensor([0.7500, 0.0000]), tensor([3, 0], dtype=torch.int32))
    """
    from tritonnn.ops.reduction.extremes import pair

    if not input.dtype.is_floating_point:
        raise fail(
            "frexp", f"torch.frexp() only supports floating-point dtypes, got {input.dtype.name}", input=input
        )
    x = input if input.dtype in _LAYOUTS else input.to(dtypes.float32)
    whole, width, field, bias, lift = _LAYOUTS[x.dtype]
    plain = x.detach()
    ordinary = isfinite(plain) & (plain != 0)
    small = plain.abs() < dtypes.finfo(x.dtype).tiny
    bits = choose(small, plain * 2.0**lift, plain).contiguous().view(whole)
    exponent = (bits >> width) & field
    fraction = ((bits & ~(field << width)) | ((bias - 1) << width)).view(x.dtype)
    exponent = choose(ordinary, exponent - (bias - 1) - small.to(whole) * lift, 0).to(dtypes.int32)
    mantissa = choose(ordinary, fraction, plain)
    if x.requires_grad:  # adds 0, with the slope 2^-exponent
        slope = ldexp(x.new_full((), 1.0), -exponent)
        finite = choose(ordinary, x, 0.0) * choose(isfinite(slope), slope, dtypes.finfo(x.dtype).max)
        mantissa = mantissa + (finite - finite.detach())
    return pair("frexp")(mantissa.to(input.dtype), exponent)
