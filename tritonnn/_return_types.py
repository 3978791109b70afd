"""The named tuples that ops with several results return: `torch.return_types.max`, ...

They are records as Python's own in C: made of one sequence, compared as tuples, with an attribute for each place.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from typing import Any

_TABLE = """
    _lu_with_info: LU pivots info
    aminmax: min max
    cummax: values indices
    cummin: values indices
    frexp: mantissa exponent
    geqrf: a tau
    histogram: hist bin_edges
    histogramdd: hist bin_edges
    kthvalue: values indices
    linalg_cholesky_ex: L info
    linalg_eig: eigenvalues eigenvectors
    linalg_eigh: eigenvalues eigenvectors
    linalg_inv_ex: inverse info
    linalg_ldl_factor: LD pivots
    linalg_ldl_factor_ex: LD pivots info
    linalg_lstsq: solution residuals rank singular_values
    linalg_lu: P L U
    linalg_lu_factor: LU pivots
    linalg_lu_factor_ex: LU pivots info
    linalg_qr: Q R
    linalg_slogdet: sign logabsdet
    linalg_solve_ex: result info
    linalg_svd: U S Vh
    lu_unpack: P L U
    max: values indices
    median: values indices
    min: values indices
    mode: values indices
    nanmedian: values indices
    qr: Q R
    slogdet: sign logabsdet
    sort: values indices
    svd: U S V
    topk: values indices
    triangular_solve: solution cloned_coefficient
"""
#: name -> the fields, in order
FIELDS: dict[str, tuple[str, ...]] = {
    name: tuple(fields.split())
    for name, fields in (line.strip().split(": ") for line in _TABLE.strip().split("\n"))
}
_made: dict[str, Any] = {}


def _new(cls: Any, sequence: Iterable[Any], dict: Any = None) -> Any:
    # The second argument, fields without a place in the sequence, is what pickles of PyTorch's give: an empty one.
    if dict:
        raise TypeError(f"torch.return_types.{cls.__name__}() has no fields {', '.join(map(str, dict))}")
    try:
        values = tuple(sequence)
    except TypeError:
        raise TypeError("constructor requires a sequence") from None
    if len(values) != cls.n_fields:
        raise TypeError(
            f"torch.return_types.{cls.__name__}() takes a {cls.n_fields}-sequence ({len(values)}-sequence given)"
        )
    return tuple.__new__(cls, values)


def _shown(self: Any) -> str:
    places = zip(FIELDS[type(self).__name__], self, strict=True)
    return (
        f"torch.return_types.{type(self).__name__}(\n" + ",\n".join([f"{f}={v!r}" for f, v in places]) + ")"
    )


def _reduced(self: Any) -> tuple:
    return type(self), (tuple(self),)


def record(name: str) -> Any:
    """The class of a name of `FIELDS`, made when first needed."""
    made = _made.get(name)
    if made is None:
        fields = FIELDS[name]
        made = _made[name] = type(
            name,
            (tuple,),
            {
                "__module__": "tritonnn.return_types", "__slots__": (), "__new__": _new, "__repr__": _shown,
                "__reduce__": _reduced, "__match_args__": fields, "__doc__": f"What `{name}` returns.",
                "n_fields": len(fields), "n_sequence_fields": len(fields), "n_unnamed_fields": 0,
                **{field: property(itemgetter(place)) for place, field in enumerate(fields)},
            },
        )  # fmt: skip
    return made
