"""Gradients of every op at NaN, infinities, signed zeros, ties and subnormal numbers among its samples' numbers."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from reference_ops import outcome, reference_tensors, run_reference
from special_samples import KINDS, special_samples
from support import array, call, floating, leaves_of
from test_ops_parity import cases

import tritonnn as torch
from tritonnn.ops._table import OPS

LIMIT = "the limit, where PyTorch multiplies or divides 0 and infinity, or takes their difference"
EQUALS = "which of equal elements is taken is open"
ORDER = "which products of NaN and infinity with the zeros of the padding there are depends on the algorithm"
EXACT = "the product of the others, where PyTorch divides the product of all by the element"
FACTORS = "NaN, infinities, equal and vanishing pivots or singular values: they differ with the order of elimination"
ADJUGATE = (
    "of a singular matrix PyTorch's is 0, not the adjugate; tests/test_decompositions.py has differences"
)
TRIANGLE = "of the triangle that is read alone, where PyTorch's has both"
# op -> (the kinds of special numbers at which its gradient is another one, why)
OTHER: dict[str, tuple[str, str]] = {
    "as_strided_scatter": ("nan infinite zeros smallest ties", "PyTorch's of the input is that of what is written"),
    **dict.fromkeys(("cdist", "pdist"), ("nan", "of p = 1 the sign of NaN is 0, as in PyTorch's own norms")),
    **dict.fromkeys(("conv1d", "conv2d", "conv3d", "convolution"), ("nan infinite", ORDER)),
    **dict.fromkeys(("conv_tbc", "multi_dot"), ("infinite", ORDER)),
    "cross_entropy": ("nan infinite", "rows that are left out have none, where PyTorch multiplies NaN by 0"),
    **dict.fromkeys(("prod", "cumprod"), ("nan infinite smallest", EXACT)),
    **dict.fromkeys(("hardshrink", "softshrink"), ("nan", "PyTorch's vector code has 1 at NaN, its scalar code 0")),
    **dict.fromkeys(("i1", "i1e"), ("nan", "PyTorch's is 1/2 at NaN")),
    **dict.fromkeys(("kthvalue", "topk"), ("zeros smallest ties", EQUALS)),
    "nanmedian": ("nan", EQUALS),
    **dict.fromkeys(
        (
            "aten_binary_cross_entropy_with_logits", "binary_cross_entropy_with_logits", "i0", "ldexp", "logcumsumexp",
            "multi_margin_loss",
            "multilabel_soft_margin_loss", "polygamma_of_order", "soft_margin_loss", "zeta",
        ),
        ("infinite", LIMIT),
    ),
    **dict.fromkeys(
        ("grid_sample", "grid_sampler"),
        ("nan infinite", "places that are not finite lie outside, as in PyTorch's CUDA code"),
    ),
    "poisson_nll_loss": ("infinite zeros smallest ties", "PyTorch's of a count that is left out is 0 times NaN"),
    "scatter_reduce": (
        "nan infinite zeros smallest ties",
        "an element that is no part of the result counts as one that equals it in PyTorch",
    ),
    "aten_poisson_nll_loss": ("infinite zeros smallest ties", "PyTorch's of a count that is left out is 0 times NaN"),
    "cholesky_inverse": ("nan infinite zeros smallest ties", TRIANGLE),
    "cholesky_solve": ("nan infinite zeros smallest ties", TRIANGLE),
    "compact_lu": ("nan infinite zeros smallest", FACTORS),
    "cond": ("smallest", FACTORS),
    "det": ("infinite zeros smallest ties", ADJUGATE),
    "det_of": ("infinite zeros smallest ties", ADJUGATE),
    "eigh": ("zeros smallest", FACTORS),
    "linalg_lu": ("nan infinite zeros smallest ties", FACTORS),
    "linalg_lu_solve": ("infinite smallest ties", FACTORS),
    "lu_factor": ("nan infinite smallest", FACTORS),
    "lu_factor_ex": ("nan infinite zeros smallest", FACTORS),
    "lu_solve": ("infinite smallest", FACTORS),
    "ormqr": ("nan infinite", FACTORS),
    "pca_lowrank": ("zeros smallest ties", FACTORS),
    "qr": ("zeros smallest ties", FACTORS),
    "segment_reduce": ("nan", "made of scatter_reduce, which divides what is a NaN\'s among all"),
    "lobpcg": ("ties", "vectors have any sign, of which the gradient of their sum depends"),
    "slogdet": ("infinite zeros ties", FACTORS),
    "slogdet_of": ("infinite zeros", FACTORS),
    "solve": ("infinite", FACTORS),
    "solve_ex": ("infinite", FACTORS),
    "svd": ("zeros smallest ties", FACTORS),
    "svd_lowrank": ("zeros smallest ties", FACTORS),
    "svdvals": ("zeros", FACTORS),
    "tensorinv": ("infinite", FACTORS),
    "torch_qr": ("zeros smallest ties", FACTORS),
    "vector_norm": ("smallest", "PyTorch's power of a subnormal number does not overflow"),
}  # fmt: skip
# The sum of the largest numbers overflows wherever it first gets there; the others belong to one element.
COMPARED = [kind for kind in KINDS if kind not in ("largest", "mixed", "limits")]


def gradients(op: Any, leaves: Any) -> tuple[list, list] | None:
    """Ours and PyTorch's, of every floating input; None where PyTorch has none."""
    reached = outcome(lambda: run_reference(op, leaves))
    if isinstance(reached, Exception):
        return None
    outs = [t for t in reference_tensors(reached[0]) if t.requires_grad and t.is_floating_point()]
    total = outcome(lambda: sum((out * (i + 1)).sum() for i, out in enumerate(outs)).backward())
    if isinstance(total, Exception):
        return None
    got = [t for t in floating(call(op, leaves)) if t.requires_grad]
    torch.autograd.backward([(out * (i + 1)).sum() for i, out in enumerate(got)])
    own = [t for t in floating(leaves) if t.requires_grad]
    ours = [np.zeros(tuple(t.shape)) if t.grad is None else array(t.grad) for t in own]
    return ours, [np.zeros(t.shape) if t.grad is None else t.grad.numpy(force=True) for t in reached[1]]


def difference(op: Any, kind: str) -> str:
    for sample in special_samples(op, "cpu", torch.float64, kind):
        leaves = leaves_of(op, sample)
        for k, (a, b) in enumerate(zip(*(gradients(op, leaves) or ((), ())), strict=True)):
            with np.errstate(all="ignore"):
                close = np.abs(a - b) <= 1e-7 * np.maximum(np.abs(b), 1e-3)
            wrong = np.argwhere(~((np.isnan(a) & np.isnan(b)) | (a == b) | close))
            if len(wrong):
                place = tuple(wrong[0])
                return f"{kind}, tensor {k} at {place}: {a[place]}, PyTorch {b[place]}\n{sample}"
    return ""


# Matrices without a decomposition are refused here, where PyTorch's libraries return something for some.
REFUSED = {"lstsq", "matrix_norm", "nuclear_norm", "pinv", "pinverse", "torch_svd"}


# PyTorch reads past the end of the lengths of ctc_loss; its gradient of unique only raises.
@cases((torch.float64,), lambda op: op.has_derivative and op.name not in ("ctc_loss", *REFUSED))
@pytest.mark.filterwarnings("ignore")
def test_special_gradients(op: Any, dtype: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        different = {kind: words for kind in COMPARED if (words := difference(op, kind))}
    other = OTHER.get(op.name, ("", ""))[0].split()
    assert set(different) == set(other), f"{different}\nlisted: {other}"


def test_rows_are_of_ops() -> None:
    assert set(OTHER) <= set(OPS) and all(kinds and why for kinds, why in OTHER.values())
