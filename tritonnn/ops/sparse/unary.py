"""Functions of one operand that keep zeros: of sparse tensors, functions of the values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tritonnn._sparse import Sparse, SparseTensor, attach, with_values
from tritonnn.ops.sparse._forms import KINDS, sparse_form
from tritonnn.ops.sparse.arithmetic import coalesce
from tritonnn.table import NAMESPACES

BOTH = "coo compressed"
# What PyTorch has for every sparse layout, in place too.
ZERO_KEEPING = (
    "abs", "absolute", "arcsin", "arcsinh", "arctan", "arctanh", "asin", "asinh", "atan", "atanh", "ceil",
    "conj_physical", "deg2rad", "erf", "erfinv", "expm1", "fix", "floor", "frac", "log1p", "negative", "neg", "rad2deg",
    "relu", "round",
    "sgn", "sign", "sin", "sinh", "sqrt", "tan", "tanh", "trunc",
)  # fmt: skip
# Those without a form in place.
RESULTS_ONLY = (
    "conj",
    "isinf",
    "isnan",
    "isneginf",
    "isposinf",
    "positive",
    "real",
    "resolve_conj",
    "signbit",
)
LINEAR = frozenset((
    "conj", "conj_physical", "neg", "negative", "positive", "real", "resolve_conj",
))  # fmt: skip


def _single(name: str, input: Sparse, args: tuple) -> Any:
    """Equal indices add up before a function is taken, unless it may come before the sum."""
    if args and name != "nan_to_num":
        raise TypeError(f"{name}() takes 1 positional argument but {1 + len(args)} were given")
    return input if name in LINEAR or not isinstance(input, SparseTensor) else coalesce(input)


def _function(name: str) -> Callable:
    return NAMESPACES["torch"][name]  # all of them are there once all families are read


def _unary(name: str) -> Callable[..., Sparse]:
    def apply(input: Sparse, *args: Any, **kwargs: Any) -> Sparse:
        single = _single(name, input, args)
        return with_values(single, _function(name)(single._entries, *args, **kwargs))

    apply.__name__ = name
    return apply


def _unary_(name: str) -> Callable[..., Any]:
    def apply_(input: Sparse, *args: Any, **kwargs: Any) -> Any:
        single = _single(name, input, args)
        if single is not input:
            raise RuntimeError(
                f"{name}_: in-place on uncoalesced tensors is not supported. Hint: .coalesce() comes before"
            )
        values = _function(name)(single._entries, *args, **kwargs)
        if values._dtype is not input._dtype:
            raise RuntimeError(
                f"{name}_: result type {values._dtype.name} can't be cast to the desired output type "
                f"{input._dtype.name}"
            )
        return input._replace(with_values(single, values))

    apply_.__name__ = f"{name}_"
    return apply_


for _name in (*ZERO_KEEPING, *RESULTS_ONLY):
    sparse_form(_name, of=BOTH)(_unary(_name))
for _name in ZERO_KEEPING:
    sparse_form(f"{_name}_", of=BOTH)(_unary_(_name))
for _name in ("nan_to_num", "square"):
    sparse_form(_name)(_unary(_name))
sparse_form("nan_to_num_")(_unary_("nan_to_num"))
sparse_form("angle", of="compressed")(_unary("angle"))
sparse_form("resolve_neg", of=BOTH)(lambda input: input)
for _name, _operator in (("neg", "__neg__"), ("abs", "__abs__"), ("positive", "__pos__")):
    sparse_form(_operator, of=BOTH)(_unary(_name))
for _cls in KINDS.values():
    attach("real", property(lambda self: _unary("real")(self)), _cls)
