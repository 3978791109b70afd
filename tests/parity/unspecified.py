"""What PyTorch leaves open, gets wrong, or computes no better than is said here: data, each with its reason."""

from __future__ import annotations

EITHER = "the larger and the smaller of +0 and -0 is either; PyTorch's vector and scalar code differ"
SUMS = "a sum of zeros has the sign that its order and its start give it"
# Families and ops whose zeros may have either sign.
SIGN_OF_ZERO = {
    **dict.fromkeys(("maximum", "minimum", "fmax", "fmin", "clamp", "relu", "relu6", "hardtanh"), EITHER),
    **dict.fromkeys(("amax", "amin", "aminmax", "sorting", "pooling", "max_pool"), EITHER),
    **dict.fromkeys(("softshrink",), "PyTorch's vector code writes +0, its scalar code input * 0"),
    **dict.fromkeys(("convolution", "conv_transpose", "linalg", "reduction", "scan", "normalization"), SUMS),
    **dict.fromkeys(("einsum", "distance", "differences", "loss", "products", "attention"), SUMS),
    **dict.fromkeys(("avg_pool", "resampling", "norms", "fold", "embedding", "scatter", "counting"), SUMS),
    **dict.fromkeys(("linear_cross_entropy", "softmax", "dropout"), SUMS),
}
# Families whose indices say only which of several equal elements was found.
WHICH_OF_EQUALS = {"sorting": "a selection need not be stable"}
# op -> (how many times the dtype's own error is allowed, why it needs more than two)
LARGER_ERROR: dict[str, tuple[float, str]] = {
    "tanhshrink": (4, "x - tanh(x) cancels where x is small, in PyTorch as here"),
    "gelu": (20, "1 + erf(x / sqrt 2) cancels where x is negative, in PyTorch as here"),
    "scaled_product": (8, "its operands are float8: PyTorch has no more precise product to compare with"),
}
# Moving an input by one rounding moves their results by a step, which excuses nothing.
DISCONTINUOUS = {"floor_divide", "trunc_divide", "remainder", "fmod", "heaviside", "copysign", "nextafter", "where"}
# op -> (kinds of special numbers whose result is not compared, why)
SPECIAL: dict[str, tuple[tuple[str, ...], str]] = {
    "i0": (("infinite", "mixed"), "PyTorch's is NaN at infinity, exp(inf) / sqrt(inf); ours is the limit"),
    "i1": (("infinite", "mixed"), "PyTorch's is NaN at infinity, exp(inf) / sqrt(inf); ours is the limit"),
    "zeta": (("infinite", "mixed"), "PyTorch's is NaN at infinity; ours is the limit"),
    "signbit": (("nan", "mixed"), "the sign of a NaN"),
    "copysign": (("nan", "mixed"), "the sign of a NaN"),
    "bucketize": (("nan", "infinite"), "boundaries with NaN in them are not sorted"),
    "searchsorted": (("nan", "infinite"), "boundaries with NaN in them are not sorted"),
    "var_mean": (("infinite",), "PyTorch's running mean makes NaN of infinity, its mean does not"),
    "std_mean": (("infinite",), "PyTorch's running mean makes NaN of infinity, its mean does not"),
    "qr": (("infinite", "nan", "zeros", "ties", "smallest"), "the sign of a reflection is LAPACK's choice"),
    "gcd": (("limits",), "PyTorch's |-128| is -128"),
    "lcm": (("limits",), "PyTorch's |-128| is -128"),
    "softsign": (("limits",), "PyTorch's 1 + |127| is -128"),
}
