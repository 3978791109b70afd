"""The named tuples that functions return: `torch.max(x, 0)` is a `torch.return_types.max` of values and indices.

>>> import tritonnn as torch
>>> torch.max(torch.tensor([[1, 5], [4, 2]]), 1)
torch.return_types.max(
values=tensor([5, 4]),
indices=tensor([1, 0]))
>>> isinstance(torch.tensor([2, 1]).sort(), torch.return_types.sort)
True
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from typing import Any

# The function -> what it returns; of a function of linalg with its prefix.
FIELDS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("cummax", "cummin", "kthvalue", "max", "median", "min", "mode", "nanmedian", "sort", "topk"),
        ("values", "indices"),
    ),
    **dict.fromkeys(("histogram", "histogramdd"), ("hist", "bin_edges")),
    **dict.fromkeys(("linalg_eig", "linalg_eigh"), ("eigenvalues", "eigenvectors")),
    **dict.fromkeys(("linalg_lu", "lu_unpack"), ("P", "L", "U")),
    **dict.fromkeys(("linalg_qr", "qr"), ("Q", "R")),
    **dict.fromkeys(("linalg_slogdet", "slogdet"), ("sign", "logabsdet")),
    "aminmax": ("min", "max"),
    "frexp": ("mantissa", "exponent"),
    "geqrf": ("a", "tau"),
    "linalg_cholesky_ex": ("L", "info"),
    "linalg_inv_ex": ("inverse", "info"),
    "linalg_ldl_factor": ("LD", "pivots"),
    "linalg_ldl_factor_ex": ("LD", "pivots", "info"),
    "linalg_lstsq": ("solution", "residuals", "rank", "singular_values"),
    "linalg_lu_factor": ("LU", "pivots"),
    "linalg_lu_factor_ex": ("LU", "pivots", "info"),
    "linalg_solve_ex": ("result", "info"),
    "linalg_svd": ("U", "S", "Vh"),
    "svd": ("U", "S", "V"),
    "triangular_solve": ("solution", "cloned_coefficient"),
}


_tuple_class: Any = namedtuple  # whose names are told when it runs


def _made(name: str, fields: tuple[str, ...]) -> Any:
    count = len(fields)

    def new(cls: type, *values: Any) -> Any:
        if len(values) == 2 and isinstance(values[1], dict):  # of a pickle: none has fields without names
            values = values[:1]
        if len(values) == 1:  # a sequence of them, as PyTorch's are made
            if not isinstance(values[0], Sequence):
                raise TypeError("constructor requires a sequence")
            values = tuple(values[0])
        if len(values) != count:
            raise TypeError(
                f"torch.return_types.{name}() takes a {count}-sequence ({len(values)}-sequence given)"
            )
        return tuple.__new__(cls, values)

    def text(self: tuple) -> str:
        lines = [f"{field}={value!r}" for field, value in zip(fields, self, strict=True)]
        return f"torch.return_types.{name}(\n" + ",\n".join(lines) + ")"

    made = _tuple_class(name, fields, module=__name__)
    made.__new__, made.__repr__ = new, text
    made.__reduce__ = lambda self: (type(self), (tuple(self), {}))  # as PyTorch's, for files of either
    made.__doc__ = f"What `{name.replace('linalg_', 'linalg.')}` returns: {', '.join(fields)}."
    made.n_fields = made.n_sequence_fields = count
    made.n_unnamed_fields = 0
    return made


all_return_types = [_made(*row) for row in FIELDS.items()]
globals().update({kind.__name__: kind for kind in all_return_types})
# so that nothing here hides a builtin, what makes them asks for them by name
by_name: dict[str, Any] = {kind.__name__: kind for kind in all_return_types}
