"""An op's call in float64, and how exact its result can be in the call's own precision."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from support import array, floating, mapped, tensors
from tolerance import ALLOWED, moved, own_error, parts, sizes

import tritonnn as torch
from tritonnn._tensor import Tensor, host_array
from tritonnn.ops._table import FLOAT, Op, Sample

# Moving an input by one rounding moves their results by a step, which excuses nothing.
DISCONTINUOUS = {
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
NOT_WIDENED = {"rms_norm": "its default eps is the dtype's", "scaled_product": "its operands are float8"}
# op, or op and dtype -> (how many times the own error is allowed, why it needs more than two)
PRODUCTS = "BLAS adds one product after another, each rounding of a sum that has grown"
SHIFTED = "the exponential of a difference multiplies the difference's rounding"
FOURIER = [
    *[kind + along for kind in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft") for along in ("", "2", "n")],
    *("fft_c2c", "fft_r2c", "fft_c2r", "stft", "istft"),
]
LARGER_ERROR: dict[str, tuple[float, str]] = {
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
    **dict.fromkeys(("softmax", "softmax_backward", "log_softmax_backward"), (4, SHIFTED)),
    **dict.fromkeys(("attention", "scaled_dot_product_attention"), (4, SHIFTED)),
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
AT_LEAST: dict[str, tuple[float, str]] = {
    "cross_entropy": (1.0, "a small loss is the logarithm of a sum near 1 and has the sum's error"),
    "linear_cross_entropy": (1.0, "a small loss is the logarithm of a sum near 1 and has the sum's error"),
    "interpolate": (1.0, "the weights' errors are of 1, whatever they sum up to"),
    **dict.fromkeys(
        ("grid_sample", "grid_sampler", "grid_gradient"),
        (16.0, "the rounding of a coordinate of up to 4, times the image's slope of up to 4"),
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


def allowed(op: Op, dtype: Any) -> float:
    """How many times its own error a result in a dtype may be off."""
    return LARGER_ERROR.get(f"{op.name} {dtype.name}", LARGER_ERROR.get(op.name, (ALLOWED,)))[0]


def seeds(op: Op, several: Sequence[int]) -> Sequence[int | None]:
    """Of the runs in float64: None for the inputs themselves, then those to move them by.

    Moved inputs excuse nothing where an element depends on one number, or jumps.
    """
    single = op.result_rule is not None and len(op.tensor_slots) == 1
    return (None,) if single or op.name in DISCONTINUOUS else (None, *several)


def whole_operands(op: Op, sample: Sample, fractions: Sequence[bool]) -> bool:
    """Whether whole numbers become fractions: in all results of an elementwise function of nothing else."""
    if op.family == "fft":
        return True
    if op.family != "elementwise" or op.result_rule is not None:
        return op.result_rule is FLOAT
    return all(fractions) and all(t.dtype.kind < 2 for t in tensors(sample))


def wide(op: Op, sample: Sample, seed: int | None = None, whole: bool = False) -> Sample:
    """The sample in float64; with a seed every number moved by one rounding of what it was.

    Args:
        op: the op.
        sample: the call.
        seed: of the moves.
        whole: whether whole numbers are operands, not places or truth values.
    """

    number = itertools.count()

    def change(t: Tensor) -> Tensor:
        if t.dtype.kind < 2 and not whole:
            return t.cpu()
        to = torch.complex128 if t.dtype.is_complex else torch.float64
        values = host_array(t.detach().to(to))
        if seed is not None and t.dtype.kind >= 2:
            values = moved(values, t.dtype.np, (seed, next(number)))
        laid = torch.empty_strided(tuple(t.shape), t.stride(), dtype=to)
        return laid.copy_(torch.from_numpy(np.ascontiguousarray(values).reshape(values.shape)))

    return mapped(sample, change)


def own_errors(
    op: Op, run: Callable[[Sample], Any], sample: Sample, low: Any, trusted: bool
) -> list[tuple[np.ndarray, np.ndarray]] | None:
    """By floating result its exact values and the own error of each; None where the op has no float64.

    Args:
        op: the op.
        run: what is computed of a sample, on the CPU: the op's results, or gradients.
        sample: the call in its own precision.
        low: its results.
        trusted: whether their errors are errors that the precision has of its own.
    """
    if torch.float64 not in op.dtypes or op.name in NOT_WIDENED:
        return None
    results = floating(low)
    whole = whole_operands(op, sample, [t.dtype.is_floating_point for t in tensors(low)])
    runs = [floating(run(wide(op, sample, seed, whole))) for seed in seeds(op, (1, 2))]
    if any([t.shape for t in r] != [t.shape for t in results] for r in runs):
        return None
    errors = []
    for i, result in enumerate(results):
        exact, *moves = [parts(array(r[i])) for r in runs]
        others = [parts(array(result))] if trusted else []
        size = np.maximum(sizes(array(runs[0][i])), AT_LEAST.get(op.name, (0.0,))[0])
        errors.append((exact, own_error(exact, moves, others, result.dtype.np, size)))
    return errors
