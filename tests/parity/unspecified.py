"""What PyTorch leaves open, gets wrong, or computes no better than is said here: data, each with its reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from widened import FOURIER

EITHER = "the larger and the smaller of +0 and -0 is either; PyTorch's vector and scalar code differ"
SUMS = "a sum of zeros has the sign that its order and its start give it"
_CHEBYSHEV = [f"{shifted}chebyshev_polynomial_{kind}" for shifted in ("", "shifted_") for kind in "tuvw"]
POLYNOMIALS = [
    *_CHEBYSHEV, "hermite_polynomial_h", "hermite_polynomial_he", "laguerre_polynomial_l", "legendre_polynomial_p",
]  # fmt: skip
WINDOWS = [f"{name}_window" for name in ("bartlett", "blackman", "hamming", "hann", "kaiser")]
# Families and ops whose zeros may have either sign.
SIGN_OF_ZERO = {
    **dict.fromkeys(
        (
            "maximum",
            "minimum",
            "fmax",
            "fmin",
            "clamp",
            "clamp_min",
            "clamp_max",
            "relu",
            "relu6",
            "hardtanh",
        ),
        EITHER,
    ),
    **dict.fromkeys(("amax", "amin", "aminmax", "sorting", "pooling"), EITHER),
    "lerp": "the sign of what underflows",
    "nextafter": "PyTorch's float16 code gives the first of equal numbers, its other code the second",
    **dict.fromkeys(("softshrink",), "PyTorch's vector code writes +0, its scalar code input * 0"),
    **dict.fromkeys(WINDOWS, "a difference of equal numbers, which rounding may have made a negative one"),
    **dict.fromkeys(("convolution", "linalg", "reduction", "scan", "normalization", "fft"), SUMS),
    **dict.fromkeys(("einsum", "attention", "grid_sample", "grid_sampler", "scatter"), SUMS),
}
# Families whose indices say only which of several equal elements was found.
WHICH_OF_EQUALS = {"sorting": "a selection need not be stable"}
# op, or op and dtype of the result -> (how many times the own error is allowed, why it needs more than two)
LARGER_ERROR: dict[str, tuple[float, str]] = {
    **dict.fromkeys(
        ("scaled_product", "scaled_mm"),
        (300, "its sums cancel, and of float8 PyTorch has no more precise product to compare with"),
    ),
    "conv2d": (10, "Winograd's transforms add up larger numbers than they give"),
    "erf float32": (3, "the vectorised formula, tanh of an odd polynomial"),
    "digamma float64": (5, "the recurrence adds up ten reciprocals"),
    "interpolate float64": (3, "cubic weights: PyTorch's are no more exact than ours"),
    "cdist float32": (4, "distances of many rows are by products of matrices, in PyTorch as here"),
    **dict.fromkeys(
        ("addmm complex64", "conv1d complex64"), (4, "BLAS adds complex products in another order")
    ),
    **dict.fromkeys(
        [
            f"{name} float64"
            for name in ("modified_bessel_k0", "scaled_modified_bessel_k0", "igamma", "igammac")
        ],
        (40, "series and asymptotic expansions of other lengths"),
    ),
    **dict.fromkeys(
        [f"{name} {kind}" for name in POLYNOMIALS for kind in ("float64", "float32")],
        (16, "each degree rounds what the one before has rounded"),
    ),
    **dict.fromkeys(WINDOWS, (30, "computed in float64; PyTorch rounds every step to the window's dtype")),
    "log1p complex64": (4, "the logarithm of a magnitude near 1 cancels"),
    "scaled_dot_product_attention": (3, "the softmax is summed block by block"),
    **dict.fromkeys(
        ("lstm", "gru", "rnn_tanh", "rnn_relu"), (4, "each step rounds what the one before has rounded")
    ),
    "lstsq": (8, "by singular values, PyTorch's by reflections"),
    **dict.fromkeys(
        ("linalg_matrix_exp", "matrix_exp"), (30, "the squarings multiply the first approximation's rounding")
    ),
    "var_mean": (3, "PyTorch's CPU code adds up in float64"),
}
# op -> (whether PyTorch has no result of a call to compare with, why)
UNDEFINED: dict[str, tuple[Callable[[Any], bool], str]] = {
    **dict.fromkeys(
        ("airy_ai", "bessel_j0", "bessel_j1", "bessel_y0", "bessel_y1"),
        (
            lambda call: True,
            "PyTorch's is off by up to 2e-6 beyond 5; test_special_functions_parity.py compares with SciPy",
        ),
    ),
    "scaled_product": (lambda call: call.args[0].shape[1] == 0, "a product of nothing is never written"),
    **dict.fromkeys(
        ("eig", "eigh", "svd", "torch_svd", "svd_lowrank", "pca_lowrank", "lobpcg"),
        (lambda call: True, "vectors have any sign: tests/parity/test_linalg_parity.py"),
    ),
    "aten_embedding_bag": (
        lambda call: True,
        "PyTorch leaves out what its way of computing the rows does not need: test_torch_forms_parity.py",
    ),
    "empty_like": (lambda call: True, "the values are what the memory was"),
    **dict.fromkeys(
        ("standard_gamma_grad", "dirichlet_grad"),
        (lambda call: True, "PyTorch's are approximations to 3 digits: tests/test_variates.py"),
    ),
    "gumbel_softmax": (lambda call: True, "draws random numbers"),
    "polygamma_of_order": (
        lambda call: call.args[0] == 1 and call.args[1].dtype.name == "float64",
        "PyTorch's trigamma breaks its series off after six terms",
    ),
    "public_div": (
        lambda call: (
            call.args[0].dtype.name in ("int32", "int64") and call.kwargs.get("rounding_mode") == "trunc"
        ),
        "the least number divided by -1 ends PyTorch's process",
    ),
}
# Ops whose first tensor only takes special numbers that are not finite.
ONLY_INPUT = dict.fromkeys(
    (
        "conv1d",
        "conv2d",
        "conv3d",
        "convolution",
        "conv_tbc",
        "conv_transpose1d",
        "conv_transpose2d",
        "conv_transpose3d",
    ),
    "whether a weight that is not finite meets the zeros of the padding depends on the algorithm",
)
REACHED = "which elements what is not finite reaches depends on the order of LAPACK's sums, and on its blocks"
TINY = "quotients of numbers below the smallest normal ones have no digits left"
# op -> (kinds of special numbers whose result is not compared, why)
SPECIAL: dict[str, tuple[tuple[str, ...], str]] = {
    "aten_batch_norm": (("zeros", "smallest"), "signs of zero; the deviation of few numbers"),
    "aten_group_norm": (
        (
            "infinite",
            "zeros",
            "smallest",
        ),
        "signs of zero, and the deviation of what is not finite",
    ),
    "aten_layer_norm": (("infinite",), "the deviation of what is not finite"),
    "hash_tensor": (("nan",), "of NaN, whose bits differ"),
    "inv": (("nan",), "what NaN spreads to differs with the order of elimination"),
    "nuclear_norm": (("infinite",), "infinities have no singular values"),
    "segment_reduce": (
        (
            "zeros",
            "ties",
        ),
        "the sign of a sum of zeros",
    ),
    "tensorinv": (("infinite",), "what NaN and infinity spread to differs with the order of elimination"),
    **dict.fromkeys(
        FOURIER,
        (
            ("nan", "infinite", "mixed", "limits", "largest"),
            "which sums a special number enters, and what cancels beside large ones, depends on the factorisation",
        ),
    ),
    **dict.fromkeys(
        ("grid_sample", "grid_sampler"),
        (
            ("nan", "infinite", "mixed", "largest", "limits"),
            "a place that is not finite, or beyond all indices, lies outside, as in PyTorch's CUDA code; its CPU code "
            "multiplies by weights of NaN",
        ),
    ),
    **dict.fromkeys(
        ("modified_bessel_i0", "modified_bessel_i1"),
        (("infinite", "mixed"), "PyTorch's is NaN at infinity, exp(inf) / sqrt(inf); ours is the limit"),
    ),
    **dict.fromkeys(
        POLYNOMIALS,
        (
            ("nan", "infinite", "mixed", "largest", "limits"),
            "PyTorch's loop ends at a NaN with a value that it never set; degrees near the largest take it minutes",
        ),
    ),
    **dict.fromkeys(
        ("igamma", "igammac"),
        (("smallest", "mixed", "largest"), "PyTorch breaks off where its logarithms leave float64's range"),
    ),
    "i0": (("infinite", "mixed"), "PyTorch's is NaN at infinity, exp(inf) / sqrt(inf); ours is the limit"),
    "i1": (("infinite", "mixed"), "PyTorch's is NaN at infinity, exp(inf) / sqrt(inf); ours is the limit"),
    "zeta": (("infinite", "mixed", "largest"), "PyTorch's is NaN at infinity; ours is the limit"),
    "polygamma_of_order": (
        ("infinite", "limits"),
        "as zeta, of which it is a multiple; at poles PyTorch's is 1 / sin^2 of a multiple of pi, large but finite",
    ),
    "fractional_max_pool3d_with_indices": (
        ("smallest",),
        "PyTorch's CPU code places windows in float16, its CUDA code in float32",
    ),
    "addcdiv": (
        ("largest",),
        "PyTorch's CPU code multiplies by the value before it divides, its CUDA code after",
    ),
    "std_mean": (("infinite",), "PyTorch's running mean makes NaN of infinity, its mean does not"),
    "scaled_dot_product_attention": (
        ("infinite",),
        "PyTorch's flash code gives 0 where its plain code gives NaN",
    ),
    **dict.fromkeys(
        ("scaled_product", "scaled_mm"),
        (("infinite",), "PyTorch's CPU code scales before it multiplies, its CUDA code after"),
    ),
    "signbit": (("nan", "mixed"), "the sign of a NaN"),
    "var_mean": (("infinite",), "PyTorch's running mean makes NaN of infinity, its mean does not"),
    **dict.fromkeys(
        ("qr", "torch_qr"),
        (("infinite", "nan", "zeros", "ties", "smallest"), "the sign of a reflection is LAPACK's choice"),
    ),
    **dict.fromkeys(
        (
            "cholesky_ex",
            "cholesky_inverse",
            "householder_product",
            "inv_ex",
            "inverse",
            "ldl_factor",
            "ldl_factor_ex",
            "orgqr",
            "ormqr",
            "solve",
            "solve_ex",
        ),
        (("nan", "infinite"), REACHED),
    ),
    **dict.fromkeys(
        ("compact_lu", "ldl_solve", "linalg_lu", "linalg_lu_solve", "lu_factor", "lu_factor_ex"),
        (("nan", "infinite", "smallest"), f"{REACHED}; {TINY}"),
    ),
    **dict.fromkeys(
        ("det", "det_of", "slogdet", "slogdet_of"),
        (
            ("infinite", "smallest"),
            f"{REACHED}; {TINY}, and NumPy's determinant goes by way of its logarithm",
        ),
    ),
    "cond": (("infinite", "smallest"), f"{REACHED}; whether the inverse of tiny numbers overflows"),
    "eigvals": (("nan", "infinite"), "end PyTorch's process"),
    "lstsq": (
        ("infinite", "zeros", "smallest", "ties"),
        "singular values do not converge, as NumPy says and PyTorch does not; a first column of zeros, or next to it, "
        "is rank 0 to PyTorch; a rank that is full by rounding alone is no error to it",
    ),
    **dict.fromkeys(
        ("matrix_norm", "matrix_rank", "pinv", "pinverse", "svdvals"),
        (
            ("infinite",),
            "PyTorch's singular values without vectors are NaN, those with vectors are refused, as ours",
        ),
    ),
    "geqrf": (("infinite", "nan", "zeros"), "the sign of a reflection is LAPACK's choice"),
    "gcd": (("limits",), "PyTorch's |-128| is -128"),
    "lcm": (("limits",), "PyTorch's |-128| is -128"),
}
# Errors of PyTorch that come from code which reads a size, or computes, before it checks: of these words the type is
# not compared. Ours names the argument.
ACCIDENTAL = (
    "tensor has no dimensions", "tuple index out of range", "select(): index 0 out of range", "setStorage: sizes",
    "Input dimension should be at least", "but got -2)", "weight must be one-dimensional", "out of DATA bounds",
    "is out of bounds for dimension 1 with size 1", "exceeds dimension size", "modulo by zero", "step must be nonzero",
    "padding_idx must be within", "number of offset should be", "Invalid scaling configuration",
)  # fmt: skip
# op -> (how far gradients in float64 may be off, why)
ROUGH_GRADIENT = dict.fromkeys(
    ("digamma", "polygamma_of_order"), (1e-8, "PyTorch's trigamma breaks its series off after six terms")
)
NOT_SAVED = (
    "is not needed here, or copied, so that a write leaves the gradient right: accepted, PyTorch refuses"
)
_NOT_SAVED = """
    addbmm angle aten_layer_norm cdist cholesky_inverse cholesky_solve combinations cond conv_tbc cross cummax
    cummin cumprod dist functional_layer_norm gather householder_product index_add index_copy layer_norm ldexp
    linalg_cross linalg_lu linalg_lu_solve linear_cross_entropy log_ndtr masked_select multi_margin_loss
    multilabel_margin_loss multilabel_soft_margin_loss mvlgamma nanmean nansum norm_except_dim orgqr ormqr pdist
    prod public_div put rnn_relu_cell rnn_tanh_cell scaled_dot_product_attention segment_reduce soft_margin_loss
    std std_mean take take_along_dim triangular_solve vander xlog1py
"""
# op -> why a write in place before backward is accepted where PyTorch refuses it; the reverse there is not
OTHER_SAVED = dict.fromkeys(_NOT_SAVED.split(), NOT_SAVED)
# op -> why other results of it require grad than PyTorch's
OTHER_REQUIRES_GRAD: dict[str, str] = {
    "detach_copy": "PyTorch's requires grad, and raises in backward",
    "matrix_norm": "of nothing PyTorch makes a zero of its own",
    "combinations": "more elements than there are: no element of the input is in the result",
    "trapezoid": "of nothing PyTorch makes a zero of its own",
}
