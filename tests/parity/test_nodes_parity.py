"""Of every op: what the nodes of its results are called, whether a freed graph is refused, second derivatives."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import torch as reference
from reference_ops import counterpart, reference_tensors, run_reference, undefined
from support import call, floating, leaves_of, ops, samples, tensors

import tritonnn as torch

MADE_OF_OTHERS = "one op of PyTorch's is made of others here, or the reverse: the last of them is seen"
_OTHER_NAMES = """
    _foreach_norm adaptive_avg_pool1d adaptive_avg_pool2d adaptive_max_pool1d adaptive_max_pool1d_with_indices
    addbmm addmm_activation addmv addr affine_grid aminmax angle as_strided_scatter atleast_1d atleast_2d atleast_3d
    avg_pool1d bilinear block_diag cdist chain_matmul channel_shuffle clamp_max clamp_min combinations conv_tbc cov
    cross cross_entropy cumulative_trapezoid deg2rad diag diag_embed diagflat diagonal_scatter dist einsum entr fold
    frexp functional_instance_norm functional_unfold glu gru gru_cell index_put index_reduce instance_norm
    interpolate kron ldexp linear_cross_entropy log_ndtr lp_pool1d lstm lstm_cell margin_ranking_loss matmul max
    max_pool1d max_pool1d_with_indices max_unpool1d max_unpool2d max_unpool3d min multi_dot multi_margin_loss
    cudnn_convolution_add_relu cudnn_convolution_relu
    multilabel_margin_loss multilabel_soft_margin_loss mvlgamma nanmedian nanquantile nansum ndtr norm pad
    pairwise_distance pdist pixel_shuffle pixel_unshuffle public_div quantile rad2deg renorm reshape rnn_relu
    rnn_relu_cell rnn_tanh rnn_tanh_cell roll rot90 rrelu scaled_dot_product_attention select_scatter slice_scatter
    soft_margin_loss squeeze std std_mean t tile to torch_adaptive_max_pool1d trace trapezoid triplet_margin_loss
    upsample upsample_bilinear upsample_nearest vander var_mean vdot xlog1py cholesky cholesky_inverse
    cholesky_solve cond householder_product linalg_cross linalg_lu linalg_lu_solve linalg_matmul linalg_matrix_power
    linalg_norm logdet lstsq lu_solve lu_unpack matrix_norm matrix_power orgqr ormqr solve solve_ex tensorinv
    triangular_solve vecdot affine_grid_generator alias_copy linear frobenius_norm norm_except_dim
    nuclear_norm segment_reduce slice_copy fftshift ifftshift aten_margin_ranking_loss aten_triplet_margin_loss
"""
OTHER_NAMES = dict.fromkeys(_OTHER_NAMES.split(), MADE_OF_OTHERS)
LESS = "nothing is saved here that backward needs, so that it can run again; or the reverse"
_OTHER_FREED = """
    adaptive_avg_pool2d affine_grid affine_grid_generator as_strided_scatter
    interpolate linalg_matrix_power linear_cross_entropy matrix_power mul pad public_div true_divide upsample
    upsample_bilinear
    upsample_nearest
"""
OTHER_FREED = dict.fromkeys(_OTHER_FREED.split(), LESS)
# op -> why its second derivatives are others than PyTorch's
OTHER_SECOND = {
    **dict.fromkeys(
        ("cholesky_inverse", "cholesky_solve"),
        "PyTorch's are of a factor whose other triangle is read as well",
    ),
    "as_strided_scatter": "PyTorch's differ from finite differences of its first, ours do not",
    "linear_cross_entropy": "PyTorch's are wrong where it works chunk by chunk: they differ from finite differences",
}


def cases() -> list[Any]:
    return [op for op in ops() if op.has_derivative and counterpart(op) is not None and op.family != "random"]


def recorded(outs: list) -> list:
    return [out for out in outs if out.requires_grad and out.dtype.is_floating_point]


def results(op: Any, dtype: Any) -> Any:
    """(run of PyTorch, ours), each giving results that require grad, and the leaves; of every sample."""
    for sample in samples(op, "cpu", dtype):
        if undefined(op, sample):
            continue

        def theirs(sample: Any = sample) -> Any:
            result, leaves = run_reference(op, leaves_of(op, sample))
            return recorded(reference_tensors(result)), leaves

        def ours(sample: Any = sample) -> Any:
            leaves = leaves_of(op, sample)
            return recorded(floating(call(op, leaves))), [t for t in tensors(leaves) if t.requires_grad]

        yield theirs, ours


def total(outs: list) -> Any:
    return sum(((out * out).sum() for out in outs[1:]), (outs[0] * outs[0]).sum())


def node_names(run: Any) -> list[str] | None:
    try:
        return [out.grad_fn.name() for out in run()[0]]
    except Exception:
        return None


def runs_again(run: Any) -> bool | None:
    """Whether a second backward through the same results is let run; None where the first is not."""
    try:
        outs, _ = run()
        loss = sum((out.sum() for out in outs[1:]), outs[0].sum())
        loss.backward()
    except Exception:
        return None
    try:
        loss.backward()
    except RuntimeError as error:
        assert "backward through the graph a second time" in str(error)
        return False
    return True


def second(run: Any, lib: Any) -> list[np.ndarray] | None:
    """The gradients of the sum of the squares of the gradients; None where there are none."""
    try:
        outs, leaves = run()
        firsts = lib.autograd.grad(total(outs), leaves, create_graph=True, allow_unused=True)
        firsts = [g for g in firsts if g is not None and g.requires_grad]
        grads = lib.autograd.grad(total(firsts), leaves, allow_unused=True)
    except Exception:
        return None
    return [
        np.zeros(tuple(t.shape)) if g is None else g.detach().numpy()
        for g, t in zip(grads, leaves, strict=True)
    ]


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("op", cases(), ids=lambda op: op.name)
def test_names(op):
    if torch.float32 not in op.dtypes:
        pytest.skip("not of float32")
    differing = set()
    for theirs, ours in results(op, torch.float32):
        wanted, got = node_names(theirs), node_names(ours)
        if wanted and got and got != wanted:
            differing.add((*got, "PyTorch", *wanted))
    assert bool(differing) == (op.name in OTHER_NAMES), differing


@pytest.mark.parametrize("op", cases(), ids=lambda op: op.name)
def test_backward_through_a_freed_graph(op):
    if torch.float64 not in op.dtypes:
        pytest.skip("not of float64")
    differing = []
    for theirs, ours in results(op, torch.float64):
        wanted, got = runs_again(theirs), runs_again(ours)
        if wanted is not None and wanted is not got:
            differing.append(got)
    assert bool(differing) == (op.name in OTHER_FREED), differing


@pytest.mark.parametrize("op", cases(), ids=lambda op: op.name)
def test_second_derivatives(op):
    if torch.float64 not in op.dtypes:
        pytest.skip("not of float64")
    differing = []
    for theirs, ours in results(op, torch.float64):
        wanted = second(theirs, reference)
        if wanted is None:
            continue
        got = second(ours, torch)
        assert got is not None
        differing += [
            np.abs(a - b).max()
            for a, b in zip(got, wanted, strict=True)
            if not np.allclose(a, b, 1e-6, 1e-6, equal_nan=True)
        ]
    assert bool(differing) == (op.name in OTHER_SECOND), differing
