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
WRONG_GRADIENT = "PyTorch's gradient of input is that of the written elements, and its own check is skipped"
NAN_GRADIENT = "PyTorch's gradient of complex numbers whose norm is that of the largest is NaN"
IMAGINARY = "PyTorch's complex64 result is off by 3e-4 where one element dominates; in complex128 both agree"
LEFT_OUT = "the gradient of a norm of degree 0 is zeros, where PyTorch has None"
EDGE = "an element on the edge of two bins: PyTorch's edges are rounded otherwise"
RANDOM_TYPES = "the refusal of an integer out= is a RuntimeError, PyTorch's a NotImplementedError"
SCALARS = "two numbers instead of a tensor and one: PyTorch's method is a slot of C"
EMPTY = "a vector of nothing, which PyTorch takes for a batch without channels: refused"
OTHER_ERROR = "a wrong call is refused with another exception type"
SINGULAR = "not implemented yet: waits for singular values"
QR = "not implemented yet: the gradient of qr"
ZETA = "not mended yet: negative arguments of the Hurwitz zeta function"
COMPLEX = "not implemented yet for complex numbers"
BOOLS = "not implemented yet: bounds of truth values"
OUT_DTYPE = (
    "an out= of another dtype, or that requires grad: written where PyTorch refuses it, or the reverse"
)
OVERLAP = "an out= that shares memory with an argument, or with itself, is written as if it did not"

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
    **dict.fromkeys(
        ("nn.functional.avg_pool3d: out", "nn.functional.gelu: out", "signbit: out", "narrow_copy: out"),
        STRIDED_OUT,
    ),
    "as_strided_scatter: gradient": WRONG_GRADIENT,
    "renorm: gradient": NAN_GRADIENT,
    "logsumexp: gradient": IMAGINARY,
    "norm: gradient": LEFT_OUT,
    **dict.fromkeys(("histogram: value", "histogram: method", "histogram: out"), EDGE),
    **dict.fromkeys(("normal: out", "nanmean: out", "nansum: out"), RANDOM_TYPES),
    **dict.fromkeys(
        ("__radd__: error", "__rand__: error", "__rmul__: error", "__ror__: error", "__rxor__: error"),
        SCALARS,
    ),
    "nn.functional.batch_norm: refused": EMPTY,
    **dict.fromkeys(
        ("empty_permuted: error", "narrow_copy: error", "nn.functional.multi_margin_loss: error"), OTHER_ERROR
    ),
    **dict.fromkeys(("norm: refused", "norm: method", "norm: out"), SINGULAR),
    "linalg.qr: gradient": QR,
    **dict.fromkeys(
        (
            "polygamma: value",
            "polygamma: method",
            "polygamma: in-place",
            "polygamma: out",
            "special.polygamma: value",
            "special.polygamma: out",
            "special.zeta: value",
            "special.zeta: out",
        ),
        ZETA,
    ),
    **dict.fromkeys(
        (
            "logaddexp: refused",
            "logaddexp: method",
            "logaddexp: out",
            "nn.functional.rms_norm: refused",
            "nn.functional.silu: refused",
            "nn.functional.silu: in-place",
            "nn.functional.softsign: refused",
            "nn.functional.tanhshrink: refused",
            "normal: refused",
            "normal: in-place",
            "uniform: refused",
            "uniform: in-place",
            "sinc: refused",
            "sinc: method",
            "sinc: in-place",
            "sinc: out",
        ),
        COMPLEX,
    ),
    **dict.fromkeys(("clamp_max: refused", "clamp_min: refused"), BOOLS),
    **dict.fromkeys(
        (
            "complex: error",
            "cumprod: out",
            "cumsum: out",
            "diff: out",
            "histc: out",
            "inner: out",
            "logsumexp: out",
            "max: out",
            "min: out",
            "scatter: out",
            "split_with_sizes_copy: out",
            "unbind_copy: out",
        ),
        OUT_DTYPE,
    ),
    **dict.fromkeys(("gather: error", "index_select: error", "take: error"), OVERLAP),
}
