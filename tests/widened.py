"""Which of the library's ops may be off by more than others, and why: rows of `testing/generated/own_errors.py`."""

from __future__ import annotations

from tritonnn.testing.generated.own_errors import (
    AT_LEAST,
    DISCONTINUOUS,
    LARGER_ERROR,
    NOT_WIDENED,
    allowed,
    own_errors,
    seeds,
    whole_operands,
    wide,
)

__all__ = [
    "AT_LEAST", "DISCONTINUOUS", "LARGER_ERROR", "NOT_WIDENED", "allowed", "own_errors", "seeds", "whole_operands",
    "wide",
]  # fmt: skip

# Moving an input by one rounding moves their results by a step, which excuses nothing.
DISCONTINUOUS |= {
    "floor_divide",
    "trunc_divide",
    "remainder",
    "fmod",
    "heaviside",
    "copysign",
    "nextafter",
    "where",
}
# Ops that compute something else in float64.
NOT_WIDENED |= {"rms_norm": "its default eps is the dtype's", "scaled_product": "its operands are float8"}
# op, or op and dtype -> (how many times the own error is allowed, why it needs more than two)
PRODUCTS = "BLAS adds one product after another, each rounding of a sum that has grown"
SHIFTED = "the exponential of a difference multiplies the difference's rounding"
FOURIER = [
    *[kind + along for kind in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft") for along in ("", "2", "n")],
    *("fft_c2c", "fft_r2c", "fft_c2r", "stft", "istft"),
]
LARGER_ERROR |= {
    "conv2d": (16, "Winograd's transforms add up larger numbers than they give"),
    **dict.fromkeys(("sum", "mean"), (5, "across memory NumPy adds up one after another, here 32 at a time")),
    **dict.fromkeys(("fractional_max_pool", "log_softmax", "logcumsumexp"), (4, "the order of a few terms")),
    "ctc_paths": (6, "every step rounds sums that have grown by the steps before"),
    **dict.fromkeys(("elu", "softplus"), (3, "the kernel's exponential")),
    **dict.fromkeys(
        ("adaptive_avg_pool3d", "max_pool_with_indices_backward"), (3, "the order of a few terms")
    ),
    **dict.fromkeys(("addmm", "matmul_nd", "linear", "conv1d", "conv3d", "convolution"), (8, PRODUCTS)),
    **dict.fromkeys(("addmm_activation", "baddbmm", "bilinear", "einsum", "conv_transpose2d"), (8, PRODUCTS)),
    **dict.fromkeys(("convolution_weight_grad", "cdist"), (10, PRODUCTS)),
    **dict.fromkeys(
        ("convolution_relu", "cudnn_convolution_relu", "cudnn_convolution_add_relu"), (8, PRODUCTS)
    ),
    **dict.fromkeys(("softmax", "softmax_backward", "log_softmax_backward"), (4, SHIFTED)),
    **dict.fromkeys(("attention", "attention_packed", "scaled_dot_product_attention"), (4, SHIFTED)),
    "attention_blocks": (6, SHIFTED),
    **dict.fromkeys(
        ("vector_norm", "p_norm", "triplet_margin_with_distance_loss", "aten_triplet_margin_loss"),
        (3, "sums of squares"),
    ),
    "tensorinv": (4, "eliminations whose sums are in another order"),
    **dict.fromkeys(
        (f"{net}{form}" for net in ("lstm", "gru", "rnn_tanh", "rnn_relu") for form in ("", "_cell")),
        (8, PRODUCTS),
    ),
    **dict.fromkeys(("lstm_layer", "gru_layer", "rnn_layer"), (8, PRODUCTS)),
    "native_group_norm": (6, "the deviation of few numbers from their mean, divided by it"),
    "aten_batch_norm": (3, "the deviation of few numbers from their mean, divided by it"),
    "aten_group_norm": (6, "the deviation of few numbers from their mean, divided by it"),
    "aten_layer_norm": (6, "the deviation of few numbers from their mean, divided by it"),
    "native_layer_norm": (6, "the deviation of few numbers from their mean, divided by it"),
    "nanquantile": (6, "the place between two numbers is one of their dtype"),
    "erf float32": (3, "the vectorised formula, tanh of an odd polynomial"),
    "gelu_backward": (4, "the sum of two functions"),
}
# op -> (the magnitude whose rounding its error is at least, why)
AT_LEAST |= {
    "cross_entropy": (1.0, "a small loss is the logarithm of a sum near 1 and has the sum's error"),
    "linear_cross_entropy": (1.0, "a small loss is the logarithm of a sum near 1 and has the sum's error"),
    "interpolate": (1.0, "the weights' errors are of 1, whatever they sum up to"),
    **dict.fromkeys(
        ("grid_sample", "grid_sampler", "grid_gradient"),
        (16.0, "the rounding of a coordinate of up to 4, times the image's slope of up to 4"),
    ),
    **dict.fromkeys(
        ("deform_columns", "deform_conv2d"),
        (32.0, "the rounding of a coordinate of up to 8, times the image's slope of up to 4"),
    ),
    "tanhshrink": (1.0, "x - tanh(x) has the error of tanh(x)"),
    "gelu": (1.0, "1 + erf(x / sqrt 2) has the error of erf"),
    "gelu_backward": (1.0, "1 + erf(x / sqrt 2) has the error of erf"),
    "logit": (1.0, "the logarithm of a quotient near 1 has the quotient's error"),
    "sinc": (1.0, "sin(pi x) has the error of pi x"),
    **dict.fromkeys(
        [f"{name}_window" for name in ("bartlett", "blackman", "hamming", "hann", "kaiser")],
        (1.0, "a difference of numbers of about 1"),
    ),
    **dict.fromkeys(FOURIER, (4.0, "a sum that cancels has the rounding of its terms")),
}
