"""Which in-place forms are functions as well as methods."""

from __future__ import annotations

#: the ops whose in-place form is a function as well, as torch.exp_
_FUNCTIONS_IN_PLACE = """
    abs acos acosh addmv arccos arccosh arcsin arcsinh arctan arctanh asin asinh atan atanh ceil celu clamp clamp_max
    clamp_min clip conj_physical cos cosh deg2rad erf erfc exp exp2 expm1 fix floor frac gcd i0 index_put lcm ldexp log
    log10 log1p log2 logit nan_to_num neg negative rad2deg reciprocal relu round rsqrt selu sigmoid sin sinc sinh sqrt
    square tan tanh threshold trunc xlogy
"""
FUNCTIONS_IN_PLACE = frozenset(_FUNCTIONS_IN_PLACE.split())
