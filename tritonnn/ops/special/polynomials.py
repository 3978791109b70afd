"""Orthogonal polynomials by degree. PyTorch has no derivatives of them."""

from __future__ import annotations

from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.ops._definitions import polynomials as define
from tritonnn.ops._table import FLOAT, Bad, Sample, pointwise
from tritonnn.ops.elementwise.elementwise import example
from tritonnn.ops.special.bessel import TYPES
from tritonnn.table import Make
from tritonnn.table.types import Number


def _samples(low: float, high: float) -> Any:
    def samples(make: Make) -> list[Sample]:
        degrees = make.int(5, low=0, high=12)
        return [
            Sample(make(3, 5, low=low, high=high), degrees),
            Sample(make(4, low=low, high=high), 3),
            Sample(make((), low=low, high=high), make.int((), low=0, high=5)),
        ]

    return samples


def _errors(make: Make) -> list[Bad]:
    return [
        Bad("a", 1, error=TypeError, match="must be Tensor or Number, not str"),
        Bad(1, 2, error=TypeError, match="must be a Tensor, one of them at least, not int"),
        Bad(make(3), make(2), match="must match the size"),
        Bad(make(2, dtype=dtypes.complex64), 1, error=NotImplementedError, match="not implemented for"),
    ]


def _entry(name: str, doc: str, shown: str, low: float = -1.5, high: float = 1.5) -> Any:
    def entry(x: Tensor | Number, n: Tensor | Number) -> Any: ...

    entry.__name__ = entry.__qualname__ = name
    entry.__doc__ = (
        f"{doc} of degree n, the whole part of a number; 0 for degrees below 0.\n\nArgs:\n    x: where.\n    n: the "
        "degree." + example(f"special.{name}", "[0.5, 1.5]), torch.tensor([2, 3]", shown)
    )  # fmt: skip
    decorate = pointwise(
        FLOAT, api="special", inplace=False, dtypes=TYPES, unrecorded=True,
        samples=_samples(low, high), errors=_errors,
        reference=getattr(define, name),
    )  # fmt: skip
    return decorate(entry)


chebyshev_polynomial_t = _entry("chebyshev_polynomial_t", "Chebyshev polynomial of the first kind",
                                "[-0.5000,  9.0000]")  # fmt: skip
chebyshev_polynomial_u = _entry(
    "chebyshev_polynomial_u", "Chebyshev polynomial of the second kind", "[ 0., 21.]"
)
chebyshev_polynomial_v = _entry(
    "chebyshev_polynomial_v", "Chebyshev polynomial of the third kind", "[-1., 13.]"
)
chebyshev_polynomial_w = _entry(
    "chebyshev_polynomial_w", "Chebyshev polynomial of the fourth kind", "[ 1., 29.]"
)
shifted_chebyshev_polynomial_t = _entry("shifted_chebyshev_polynomial_t",
    "Chebyshev polynomial of the first kind, of 2 x - 1,", "[-1., 26.]", -0.3, 1.3)  # fmt: skip
shifted_chebyshev_polynomial_u = _entry("shifted_chebyshev_polynomial_u",
    "Chebyshev polynomial of the second kind, of 2 x - 1,", "[-1., 56.]", -0.3, 1.3)  # fmt: skip
shifted_chebyshev_polynomial_v = _entry("shifted_chebyshev_polynomial_v",
    "Chebyshev polynomial of the third kind, of 2 x - 1,", "[-1., 41.]", -0.3, 1.3)  # fmt: skip
shifted_chebyshev_polynomial_w = _entry("shifted_chebyshev_polynomial_w",
    "Chebyshev polynomial of the fourth kind, of 2 x - 1,", "[-1., 71.]", -0.3, 1.3)  # fmt: skip
hermite_polynomial_h = _entry("hermite_polynomial_h", "Physicists' Hermite polynomial", "[-1.,  9.]", -3, 3)
hermite_polynomial_he = _entry(
    "hermite_polynomial_he", "Probabilists' Hermite polynomial", "[-0.7500, -1.1250]", -3, 3
)
laguerre_polynomial_l = _entry("laguerre_polynomial_l", "Laguerre polynomial", "[ 0.1250, -0.6875]", 0, 8)
legendre_polynomial_p = _entry("legendre_polynomial_p", "Legendre polynomial", "[-0.1250,  6.1875]")
