"""In-place forms: which are functions as well as methods, and what they say of themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tritonnn.table.op import Op

#: the ops whose in-place form is a function as well, as torch.exp_
_FUNCTIONS_IN_PLACE = """
    abs acos acosh addmv arccos arccosh arcsin arcsinh arctan arctanh asin asinh atan atanh ceil celu clamp clamp_max
    clamp_min clip conj_physical cos cosh deg2rad erf erfc exp exp2 expm1 fix floor frac gcd i0 index_put lcm ldexp log
    log10 log1p log2 logit nan_to_num neg negative rad2deg reciprocal relu round rsqrt selu sigmoid sin sinc sinh sqrt
    square tan tanh threshold trunc xlogy
"""
FUNCTIONS_IN_PLACE = frozenset(_FUNCTIONS_IN_PLACE.split())


def doc_in_place(op: Op, published: bool) -> str:
    """What the in-place form says; where it is a function as the op is, the op's example with the other name."""
    text = f"In-place version of `{op.name}`."
    _, start, example = op.doc.partition(">>> import")
    call = f".{op.public_name}("
    if not published or call not in example:
        return text
    return f"{text}\n\n    {start}{example.replace(call, f'.{op.name}_(')}"
