"""Sparse tensors of every layout beside PyTorch: what is computed, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch as reference
from sparse_calls import ALL, LAYOUTS, sparse, unsorted

import tritonnn as torch

pytestmark = pytest.mark.filterwarnings("ignore:Sparse", "ignore:The use of `x.T`", "ignore:.*beta state")
LIBRARIES = (reference, torch)
KINDS = (
    IndexError,
    ValueError,
    TypeError,
    AttributeError,
    RuntimeError,
)  # NotImplementedError is a RuntimeError

#: layout, or "" for all, and call -> why the answers differ
DIFFERENT: dict[tuple[str, str], str] = {
    **dict.fromkeys((("coo", "linear"), ("unsorted", "linear")), "a bias is added"),
    ("csc", "sparse.mm ss"): "PyTorch's result has no values",
    **{(layout, name): "PyTorch refuses slices of blocks, or not" for layout in ("bsr", "bsc") for name in (
        "unbind", "iter", *(("unbind 1",) if layout == "bsr" else ()))},
}  # fmt: skip
#: layouts with which PyTorch does little: what it refuses, and is computed here, must be what dense tensors give
LITTLE = ("csc", "bsr", "bsc")


def parts(value: Any, loose: bool = False) -> Any:
    """The type, shape, layout and numbers of a result; loosely, in whatever order and however often they are there."""
    if isinstance(value, (list, tuple)):
        return [parts(v, loose) for v in value]
    if not isinstance(value, (torch.Tensor, reference.Tensor)):
        return value
    head = repr(value.layout), str(value.dtype), tuple(value.shape)
    if loose and value.is_sparse:
        return (*head, value.to_dense().tolist())
    names = {
        "coo": ("_indices", "_values", "is_coalesced"), "csr": ("crow_indices", "col_indices", "values"),
        "bsr": ("crow_indices", "col_indices", "values"), "csc": ("ccol_indices", "row_indices", "values"),
        "bsc": ("ccol_indices", "row_indices", "values"),
    }.get(repr(value.layout)[-3:])  # fmt: skip
    if names is None:
        return (*head, value.detach().tolist())
    return (*head, *[parts(getattr(value, name)()) for name in names])


def outcome(call: Any, library: Any, make: Any, loose: bool = False) -> Any:
    try:
        return parts(call(library, make(library)), loose)
    except KINDS as error:
        return next(k for k in KINDS if isinstance(error, k)).__name__


def same(a: Any, b: Any) -> bool:
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, (float, complex)) and isinstance(b, (float, complex)):
        return bool(np.isclose(a, b, rtol=1e-5, atol=1e-6, equal_nan=True))
    return a == b and type(a) is type(b)


def more(call: Any, mine: Any, make: Any) -> bool:
    """Whether what PyTorch refuses is the result that dense tensors have."""
    got = call(torch, make(torch))
    if "sparse_mask" in call.__code__.co_names:
        return True
    wanted = call(reference, make(reference).to_dense())
    got = got.to_dense() if got.layout is not torch.strided else got
    return same(got.tolist(), wanted.tolist())


@pytest.mark.parametrize("group", ALL)
@pytest.mark.parametrize("layout", [*LAYOUTS, "unsorted"])
def test_calls(layout, group):
    make = unsorted if layout == "unsorted" else lambda t: sparse(t, layout)
    wrong = []
    for name, call in ALL[group].items():
        theirs, mine = (outcome(call, t, make, layout == "unsorted") for t in LIBRARIES)
        known = next((DIFFERENT[k] for k in ((layout, name), ("", name)) if k in DIFFERENT), None)
        if known is None and layout in LITTLE and theirs == "RuntimeError" and isinstance(mine, tuple):
            if more(call, mine, make):
                continue
        if same(mine, theirs) == (known is not None):
            wrong.append(f"{name}: {known or ''}\n    mine   {mine}\n    theirs {theirs}")
    assert not wrong, "\n".join(wrong)
