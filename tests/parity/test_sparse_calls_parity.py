"""Calls with random sparse tensors of every layout, with what goes beside them, in both libraries.

A call that PyTorch refuses may be answered here, by what dense tensors give.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch as reference
from sparse_samples import KINDS, Kind, elements, layout_of, parts, same

import tritonnn as torch

pytestmark = pytest.mark.filterwarnings("ignore")
LIBRARIES = (reference, torch)
#: NotImplementedError is a RuntimeError
ERRORS = (IndexError, ValueError, TypeError, AttributeError, RuntimeError)

NAMES = (
    "add", "add_", "addmm", "angle", "any", "asin_", "bmm", "cat", "coalesce", "deg2rad_", "div", "div_", "fill",
    "fill_", "float_power", "hspmm", "index_select", "linear", "matmul", "mul", "mul_", "mv", "narrow_copy", "neg",
    "neg_", "norm", "outer", "permute", "pow", "select", "sgn", "sin", "sparse.addmm", "sparse.mm",
    "sparse.sampled_addmm", "sparse.softmax", "sparse.sum", "sparse_mask", "stack", "sum", "sum_to_size", "t_",
    "to_dense", "to_sparse", "to_sparse_csc", "transpose", "transpose_", "unbind", "unsqueeze", "__getitem__",
    "__truediv__", "__matmul__",
)  # fmt: skip

Given = Callable[[Any, Any, Kind], tuple | None]


def _beside(t: Any, kind: Kind, seed: int, *tail: int) -> Any:
    return kind.near(t, seed, (*kind.shape[:-2], *tail))


def _matrix(kind: Kind) -> bool:
    return len(kind.shape) > 1


#: what a call is given, of the sparse tensor and the kind it is of
GIVEN: dict[str, Given] = {
    "s": lambda t, s, k: (s,),
    "s, s": lambda t, s, k: (s, s),
    "s, other": lambda t, s, k: (s, k.make(t, 1)),
    "s, dense": lambda t, s, k: (s, k.near(t, 2)),
    "dense, s": lambda t, s, k: (k.near(t, 2), s),
    "s, 2": lambda t, s, k: (s, 2),
    "s, -1": lambda t, s, k: (s, -1),
    "s, 0, 1": lambda t, s, k: (s, 0, 1),
    "s, (0, 1)": lambda t, s, k: (s, (0, 1)),
    "s, dims": lambda t, s, k: (s, tuple(range(len(k.shape)))[::-1]),
    "s, 0, True": lambda t, s, k: (s, 0, True),
    "s, 0, 1, 2": lambda t, s, k: (s, 0, 1, 2),
    "s, 0, index": lambda t, s, k: (s, 0, t.tensor([1, 0, 1])),
    "s, 0-d": lambda t, s, k: (s, t.tensor(3.0)),
    "s, right": lambda t, s, k: (s, _beside(t, k, 3, k.shape[-1], 3)) if _matrix(k) else None,
    "left, s": lambda t, s, k: (_beside(t, k, 3, 3, k.shape[-2]), s) if _matrix(k) else None,
    "s, vector": lambda t, s, k: (s, k.near(t, 4, k.shape[-1:])),
    "sum, s, right": lambda t, s, k: (
        (_beside(t, k, 5, k.shape[-2], 3), s, _beside(t, k, 3, k.shape[-1], 3)) if _matrix(k) else None),
    "s, left, right": lambda t, s, k: (
        (s, _beside(t, k, 6, k.shape[-2], 3), _beside(t, k, 7, 3, k.shape[-1])) if _matrix(k) else None),
    "[s, other]": lambda t, s, k: ([s, k.make(t, 1)],),
    "[s, other], 1": lambda t, s, k: ([s, k.make(t, 1)], 1),
    "s, None": lambda t, s, k: (s, None),
    "s, (:, 0)": lambda t, s, k: (s, (slice(None), 0)),
    "s, (..., 0)": lambda t, s, k: (s, (..., 0)),
    "s, list": lambda t, s, k: (s, [0]),
}  # fmt: skip

INDEX = "indices of 32 bits stay such"
VALUES = "the values are filled, as with a number, where PyTorch refuses a tensor"
#: name, or name and what it is given, or name and kind -> why the answers differ
DIFFERENT: dict[Any, str] = {
    **dict.fromkeys(
        (("pow", "s, -1"), ("float_power", "s, -1")), "the elements that are not there would be infinite"
    ),
    ("add", "csr batch"): "PyTorch keeps as many values as the first operand has",
    **{
        (name, "csr batch"): "PyTorch keeps as many values as the first operand has"
        for name in ("add_", "__add__")
    },
    ("add_", "bsr empty"): "PyTorch's values lose the extents of their blocks",
    **{(name, "coo half"): "float16 is added up in float32" for name in ("addmm", "sparse.addmm")},
    **{(name, "s, 0-d"): VALUES for name in ("fill", "fill_")},
    **{("linear", kind): "PyTorch's columns are not sorted" for kind in ("csr square", "csc square")},
    **{(name, "csr square"): INDEX for name in ("mul", "__mul__", "sparse.sampled_addmm")},
    **{("sparse_mask", f"{layout} square"): INDEX for layout in ("csr", "csc", "bsr", "bsc")},
    **{("sparse_mask", f"{layout} empty"): "blocks by another mask are refused" for layout in ("bsr", "bsc")},
    ("sparse.mm", "csc square"): "PyTorch's product of CSC matrices has no values",
    ("sum_to_size", "coo 0-d"): "PyTorch makes it dense",
    ("any", "coo 0-d"): "PyTorch answers for a dimension of none",
    ("norm", "coo 0-d"): "PyTorch takes a tensor for a number",
}


def function(t: Any, name: str) -> Callable:
    if name.startswith("sparse."):
        return getattr(t.sparse, name.removeprefix("sparse."))
    if name == "linear":
        return t.nn.functional.linear
    return getattr(t, name, None) or (lambda s, *args: getattr(s, name)(*args))


def outcome(name: str, t: Any, kind: Kind, given: str) -> tuple[str, Any]:
    s = kind.make(t)
    args = GIVEN[given](t, s, kind)
    if args is None:
        return "left out", None
    try:
        return "answer", (function(t, name)(*args), s)
    except ERRORS as error:
        return "refused", next(k for k in ERRORS if isinstance(error, k))


def dense_answer(name: str, kind: Kind, given: str) -> Any:
    """What PyTorch has for dense tensors."""

    def dense(value: Any) -> Any:
        if isinstance(value, list):
            return [dense(v) for v in value]
        return value.to_dense() if isinstance(value, reference.Tensor) else value

    return function(reference, name)(*[dense(v) for v in GIVEN[given](reference, kind.make(reference), kind)])


def difference(name: str, kind: Kind, given: str) -> str | None:
    (how, theirs), (mine_how, mine) = (outcome(name, t, kind, given) for t in LIBRARIES)
    if how == mine_how == "answer":
        if same(parts(mine), parts(theirs)):
            return None
        if kind.twice and same(elements(mine), elements(theirs)):
            return None
        return f"{parts(mine)}\n        not {parts(theirs)}"
    if how == "answer":
        return f"refused: {mine.__name__}"
    if mine_how == "answer":
        try:
            wanted = dense_answer(name, kind, given)
        except ERRORS:
            return None
        return (
            None
            if same(elements(mine[0]), elements(wanted))
            else f"{elements(mine[0])} not {elements(wanted)}"
        )
    # Where several things are wrong, each says what it notices first; what nobody looked at is another matter.
    return f"AttributeError, not {theirs.__name__}" if mine is AttributeError is not theirs else None


def known(name: str, kind: Kind, given: str) -> bool:
    return any(key in DIFFERENT for key in (name, (name, given), (name, kind.name), (given, kind.name)))


@pytest.mark.parametrize("name", NAMES)
def test_calls(name):
    wrong = []
    for given in GIVEN:
        if name.startswith("__") and len(GIVEN[given](torch, KINDS[0].make(torch), KINDS[0])) != 2:
            continue
        if all(outcome(name, t, KINDS[0], given)[1] is TypeError for t in LIBRARIES):
            continue  # that many arguments it does not take
        for kind in KINDS:
            if not known(name, kind, given) and (text := difference(name, kind, given)):
                wrong.append(f"{name}({given}) of {kind.name}: {text}")
    assert not wrong, "\n".join(wrong)


# ---- gradients ----------------------------------------------------------------------------------------------

RECORDED = (
    "add", "addmm", "angle", "bmm", "coalesce", "div", "linear", "matmul", "mul", "mv",
    "neg", "permute", "pow", "select", "sparse.addmm", "sparse.mm", "sparse.sampled_addmm",
    "sparse.sum", "sparse_mask", "stack", "sum", "to_dense", "to_sparse", "transpose",
)  # fmt: skip
REAL = [kind for kind in KINDS if kind.dtype in ("float64", "complex128")]


def gradients(name: str, t: Any, kind: Kind, given: str) -> Any:
    """Of the sparse tensor, at its places, and of the dense ones beside it; None where something is refused."""
    s = kind.make(t).requires_grad_()
    args = GIVEN[given](t, s, kind)
    if args is None:
        return None
    dense = [a for a in args if isinstance(a, t.Tensor) and layout_of(a) == "strided"]
    dense = [a.requires_grad_() for a in dense if a.is_floating_point() or a.is_complex()]
    try:
        result = function(t, name)(*args)
        result = result if layout_of(result) == "strided" else result.to_dense()
        if not result.requires_grad:
            return None
        (result * kind.near(t, 9, tuple(result.shape)).to(result.dtype)).sum().abs().backward()
    except ERRORS:
        return None
    places = t.ones_like(s.to_dense()).detach().sparse_mask(s.detach()).to_dense() != 0
    first = None if s.grad is None else (whole(s.grad) * places).tolist()
    return [first, [None if d.grad is None else whole(d.grad).tolist() for d in dense]]


def whole(value: Any) -> Any:
    return value.detach() if layout_of(value) == "strided" else value.detach().to_dense()


@pytest.mark.parametrize("name", RECORDED)
def test_gradients(name):
    wrong, compared = [], 0
    for given in GIVEN:
        for kind in REAL:
            theirs = gradients(name, reference, kind, given)
            if theirs is None or known(name, kind, given):
                continue
            mine = gradients(name, torch, kind, given)
            compared += 1
            if not same(mine, theirs):
                wrong.append(f"{name}({given}) of {kind.name}: {mine} not {theirs}")
    assert not wrong, "\n".join(wrong)
    assert compared
