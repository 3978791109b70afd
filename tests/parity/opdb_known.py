"""What PyTorch's op database shows to differ, and why; the names that are not there yet are in `opdb_missing.txt`."""

from __future__ import annotations

# Entries of operators that PyTorch documents nowhere, and of what only CUDA or a compiler has.
INTERNAL = frozenset((
    "_batch_norm_with_update", "_chunk_cat", "_native_batch_norm_legit", "_segment_reduce.lengths",
    "_segment_reduce.offsets", "_softmax_backward_data", "_unsafe_masked_index", "_unsafe_masked_index_put_accumulate",
    "_upsample_bilinear2d_aa", "jiterator_2inputs_2outputs", "jiterator_4inputs_with_extra_args", "jiterator_binary",
    "jiterator_binary_return_by_ref", "jiterator_unary", "native_batch_norm", "native_dropout_backward",
    "native_group_norm", "native_layer_norm", "slice", "torch._scaled_mm", "torch._scaled_mm_v2",
    "torch.ops.aten._efficient_attention_forward", "torch.ops.aten._flash_attention_forward",
    "torch.ops.aten._safe_softmax.default", "bmm.triton_optimized", "max_pool2d_with_indices_backward",
))  # fmt: skip

# Calls of these may draw: what is drawn is compared in shape and dtype.
RANDOM = frozenset((
    "bernoulli", "cauchy", "exponential", "geometric", "log_normal", "multinomial", "nn.functional.alpha_dropout",
    "nn.functional.dropout", "nn.functional.dropout2d", "nn.functional.dropout3d",
    "nn.functional.feature_alpha_dropout", "nn.functional.fractional_max_pool2d",
    "nn.functional.fractional_max_pool3d", "nn.functional.multi_head_attention_forward", "nn.functional.rrelu",
    "nn.functional.scaled_dot_product_attention", "normal", "pca_lowrank", "rand_like", "randint", "randint_like",
    "randn", "randn_like", "svd_lowrank", "uniform",
))  # fmt: skip

# Results of these are whatever lies in memory.
UNWRITTEN = frozenset(
    ("empty", "empty_like", "empty_permuted", "empty_strided", "new_empty", "new_empty_strided")
)

# Why a name differs.
TIES = "of equal elements, PyTorch does not say which index comes; ours is the first"
STEPS = "PyTorch rounds to bfloat16 between the steps of one op, ours computes in float32 and rounds once"
STRIDED_OUT = "PyTorch leaves an out= of other strides as it was, or writes it in the wrong order"
UNWRITTEN_OUT = "PyTorch leaves the out= of a transform over several dimensions unwritten"
WRONG_GRADIENT = "PyTorch's gradient of input is that of the written elements, and its own check is skipped"
NAN_GRADIENT = "PyTorch's gradient of complex numbers whose norm is that of the largest is NaN"
NAN = "PyTorch's result in bfloat16 is NaN; ours is computed in float32 and rounded once"
IMAGINARY = "PyTorch's complex64 result is off by 3e-4 where one element dominates; in complex128 both agree"
LEFT_OUT = "where a gradient is of nothing, PyTorch has None"
REAL_DIAGONAL = (
    "a factor's diagonal is real: the sign of what the gradient has as imaginary part says nothing"
)
WINDOW = "the gradient of a window, which PyTorch leaves out"
UNREAD = "PyTorch gives a gradient to the triangle of the factor that is not read; the one that is read has the same"
EDGE = "an element on the edge of two bins: PyTorch's edges are rounded otherwise"
NARROW = "the refusal of a dimension is narrow's IndexError, PyTorch's an assertion of its own"
UNCHECKED = "PyTorch refuses an out= of another type only where nothing is to be computed (n=0)"
TRUTH_OUT = "a sum of whole numbers is not written as a truth value"
STD_SHAPE = "an empty out= is resized, which PyTorch does only where the mean is a tensor"
REAL_OUT = "a complex result is not written into a real out=, where PyTorch drops its imaginary part"
RESIZED = "an out= of too few elements is given memory of its own, which the argument then does not share"
VECTORS = "eigenvectors are determined but for a factor of magnitude 1, and eigenvalues but for their order"
BESSEL = "PyTorch's coefficients are good for 6 digits; ours agrees with SciPy to 13"

# "name: kind" -> the reason.
KNOWN: dict[str, str] = {
    **dict.fromkeys(
        (
            "argsort: value",
            "kthvalue: value",
            "kthvalue: method",
            "kthvalue: out",
            "mode: value",
            "sort: value",
            "topk: value",
            "topk: method",
            "topk: out",
        ),
        TIES,
    ),
    **dict.fromkeys(
        (
            "div: value",
            "grid_sampler_2d: value",
            "grid_sampler_3d: value",
            "nn.functional.grid_sample: value",
        ),
        STEPS,
    ),
    "matrix_exp: value": NAN,
    **dict.fromkeys(
        ("nn.functional.avg_pool3d: out", "nn.functional.gelu: out", "signbit: out", "narrow_copy: out"),
        STRIDED_OUT,
    ),
    "fft.ihfftn: out": UNWRITTEN_OUT,
    "as_strided_scatter: gradient": WRONG_GRADIENT,
    "renorm: gradient": NAN_GRADIENT,
    "logsumexp: gradient": IMAGINARY,
    "linalg.householder_product: gradient": LEFT_OUT,
    "__rdiv__: error": "of a number that is no tensor, Python names the method, PyTorch's a missing attribute",
    "cdist: gradient": "of p = 0, which has no gradient, PyTorch has zeros",
    "sparse.sampled_addmm: gradient": "the gradient of a sparse leaf stays at the leaf's places",
    "sparse.sampled_addmm: out": "there is no out=",
    "cholesky: gradient": REAL_DIAGONAL,
    "istft: gradient": WINDOW,
    **dict.fromkeys(("cholesky_inverse: gradient", "cholesky_solve: gradient"), UNREAD),
    **dict.fromkeys(("histogram: value", "histogram: method", "histogram: out"), EDGE),
    "narrow_copy: error": NARROW,
    "diff: out": UNCHECKED,
    "logsumexp: out": REAL_OUT,
    "nansum: out": TRUTH_OUT,
    "normal: out": STD_SHAPE,
    "gather: error": RESIZED,
    **dict.fromkeys(
        ("linalg.eig: value", "linalg.eig: out", "linalg.eigh: out", "linalg.eigvals: value"), VECTORS
    ),
    **dict.fromkeys(
        ("special.bessel_j0: value", "special.bessel_j1: value", "special.bessel_y1: value"), BESSEL
    ),
}
