"""Bessel functions, and Airy's: one entry a line or two. PyTorch has no derivatives of them."""

from __future__ import annotations

from typing import Any

from tritonnn import dtypes
from tritonnn.ops._definitions import bessel as define
from tritonnn.ops._table import FLOAT, unary
from tritonnn.ops.elementwise.elementwise import example, refusals, within

TYPES = (dtypes.bool_, *dtypes.INTEGRAL, dtypes.float32, dtypes.float64)


def _entry(name: str, doc: str, shown: tuple[str, str], low: float = 0.2, high: float = 20) -> Any:
    return unary(
        name, doc + example(f"special.{name}", *shown), FLOAT, api="special", inplace=False, dtypes=TYPES,
        unrecorded=True, samples=lambda make: within(make, low, high), errors=refusals(name, TYPES, FLOAT),
        reference=getattr(define, name),
    )  # fmt: skip


bessel_j0 = _entry(
    "bessel_j0", "Bessel function of the first kind, order 0.", ("[0., 1.]", "[1.0000, 0.7652]")
)
bessel_j1 = _entry(
    "bessel_j1", "Bessel function of the first kind, order 1.", ("[0., 1.]", "[0.0000, 0.4401]")
)
bessel_y0 = _entry("bessel_y0", "Bessel function of the second kind, order 0; -inf at 0, NaN below.",
                   ("[1., 2.]", "[0.0883, 0.5104]"))  # fmt: skip
bessel_y1 = _entry("bessel_y1", "Bessel function of the second kind, order 1; -inf at 0, NaN below.",
                   ("[1., 2.]", "[-0.7812, -0.1070]"))  # fmt: skip
modified_bessel_i0 = _entry("modified_bessel_i0", "Modified Bessel function of the first kind, order 0, as `i0`.",
                            ("[0., 1.]", "[1.0000, 1.2661]"))  # fmt: skip
modified_bessel_i1 = _entry("modified_bessel_i1", "Modified Bessel function of the first kind, order 1, as `i1`.",
                            ("[0., 1.]", "[0.0000, 0.5652]"))  # fmt: skip
modified_bessel_k0 = _entry("modified_bessel_k0", "Modified Bessel function of the second kind, order 0; NaN below 0.",
                            ("[1., 2.]", "[0.4210, 0.1139]"))  # fmt: skip
modified_bessel_k1 = _entry("modified_bessel_k1", "Modified Bessel function of the second kind, order 1; NaN below 0.",
                            ("[1., 2.]", "[0.6019, 0.1399]"))  # fmt: skip
scaled_modified_bessel_k0 = _entry("scaled_modified_bessel_k0", "exp(x) times `modified_bessel_k0`.",
                                   ("[1., 2.]", "[1.1445, 0.8416]"))  # fmt: skip
scaled_modified_bessel_k1 = _entry("scaled_modified_bessel_k1", "exp(x) times `modified_bessel_k1`.",
                                   ("[1., 2.]", "[1.6362, 1.0335]"))  # fmt: skip
spherical_bessel_j0 = _entry(
    "spherical_bessel_j0", "sin(x) / x, and 1 at 0.", ("[0., 1.]", "[1.0000, 0.8415]")
)
airy_ai = _entry("airy_ai", "Airy's function of the first kind.", ("[0., 1.]", "[0.3550, 0.1353]"), -6, 6)
