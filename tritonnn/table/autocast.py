"""What autocast does with each op, by device type: data, read when it is first switched on.

An op that is named nowhere computes in the types it is given. A composite that is named nowhere is seen through: the
ops that it is made of follow their own policies. Names are those of entries.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from tritonnn.dtypes import float16

LOWER = "lower precision"
FLOAT32 = "float32"
FLOAT32_RESULT = "float32 unless a dtype is given"
FLOAT32_BACK = "float32, and what it gives as the first tensor was"
WIDEST = "widest"
CLOSED = "as it is"  # for composites: what they are made of is not seen
REFUSED = "refused"

REFUSALS = {
    REFUSED: (
        "torch.nn.functional.binary_cross_entropy and torch.nn.BCELoss are unsafe to autocast.\n"
        "Many models use a sigmoid layer right before the binary cross entropy layer.\n"
        "In this case, combine the two layers using torch.nn.functional.binary_cross_entropy_with_logits\n"
        "or torch.nn.BCEWithLogitsLoss.  binary_cross_entropy_with_logits and BCEWithLogits are\n"
        "safe to autocast."
    ),
}  # fmt: skip

_PRODUCTS = """
    conv1d conv2d conv3d conv_tbc conv_transpose1d conv_transpose2d conv_transpose3d prelu public_prelu
    addmm matmul matmul_nd mm linear addbmm baddbmm bmm scaled_dot_product_attention
    lstm gru rnn_tanh rnn_relu lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell
"""
_LOSSES = """
    cosine_embedding_loss functional_nll_loss nll_loss hinge_embedding_loss kl_div l1_loss smooth_l1_loss huber_loss
    mse_loss margin_ranking_loss multilabel_margin_loss soft_margin_loss triplet_margin_loss multi_margin_loss
    poisson_nll_loss binary_cross_entropy_with_logits
"""

_DECOMPOSITIONS = """
    linalg_cholesky cholesky_ex cholesky cholesky_inverse cholesky_solve inverse inv inv_ex lu_solve
    linalg_lu_solve orgqr ormqr householder_product pinverse geqrf torch_qr torch_svd svd svdvals eig eigh
    eigvals eigvalsh lstsq solve cond matrix_rank tensorinv tensorsolve triangular_solve compact_lu lu_factor
    lu_factor_ex linalg_lu potrf potri potrs
"""
_CLOSED = """
    btrisolve btriunpack gels gesv linalg_matrix_exp lobpcg lu_unpack matrix_exp pca_lowrank pinv real_eig
    solve_ex svd_lowrank symeig
"""

# torchvision's operators; what they give has the type of the images
_REGIONS = "roi_align roi_pool ps_roi_align ps_roi_pool deform_conv2d"

_TABLE: dict[str, dict[str, str]] = {
    "cpu": {
        LOWER: _PRODUCTS + "addmm_activation vecdot",
        FLOAT32: _LOSSES + """
            cross_entropy ctc_loss binary_cross_entropy prod trace polar view_as_complex quantile nanquantile qr cdist
            avg_pool3d adaptive_avg_pool3d adaptive_max_pool3d adaptive_max_pool3d_with_indices
            max_pool3d max_unpool1d max_unpool2d max_unpool3d lp_pool3d local_response_norm pad
            fractional_max_pool2d fractional_max_pool2d_with_indices
            fractional_max_pool3d fractional_max_pool3d_with_indices grid_sampler
            nms
            fft ifft fft2 ifft2 fftn ifftn rfft irfft rfft2 irfft2 rfftn irfftn hfft ihfft stft
        """ + _DECOMPOSITIONS,
        FLOAT32_BACK: _REGIONS,
        WIDEST: "stack cat index_copy",
        CLOSED: "addmv bilinear dot vdot mv interpolate as_strided_scatter " + _CLOSED,
    },
    "cuda": {
        LOWER: _PRODUCTS + "convolution addmv addr einsum mv chain_matmul multi_dot vecdot",
        FLOAT32: _LOSSES + """
            acos asin cosh erfinv exp expm1 log log10 log2 log1p reciprocal rsqrt sinh tan pow softplus layer_norm
            functional_layer_norm aten_layer_norm nuclear_norm
            rms_norm group_norm functional_group_norm cosine_similarity dist pdist cdist renorm
            logsumexp cross_entropy square interpolate multilabel_soft_margin_loss nms
        """,
        FLOAT32_RESULT: """
            prod softmax torch_softmax functional_softmax log_softmax torch_log_softmax functional_log_softmax cumprod
            cumsum vector_norm norm sum
        """,
        FLOAT32_BACK: _REGIONS,
        WIDEST: "addcdiv addcmul atan2 bilinear cross dot grid_sampler vdot index_put tensordot scatter_add",
        REFUSED: "binary_cross_entropy",
        CLOSED: "nansum trace vander xlog1py " + _DECOMPOSITIONS + _CLOSED,
    },
}  # fmt: skip

#: (device type, op) -> of which calls the policy holds, by their arguments; of others the op is seen through
ONLY: dict[tuple[str, str], Callable[..., bool]] = {
    ("cpu", "max_pool3d"): lambda return_indices: not return_indices,
    ("cpu", "pad"): lambda mode, pad: mode == "replicate" or (mode == "reflect" and len(pad) <= 4),
    ("cpu", "local_response_norm"): lambda input: len(input.shape) > 3,
    ("cuda", "interpolate"): lambda mode: mode != "area",
    **{(device, loss): lambda weight: weight is None for device in ("cpu", "cuda") for loss in ("mse_loss", "l1_loss")},
}  # fmt: skip


def _gru_states(hx: Any, params: Any, has_biases: Any) -> tuple[Any, ...]:
    state = (
        params if isinstance(has_biases, (list, tuple)) else hx
    )  # the packed form has batch_sizes before it
    return state, state


def _lstm_states(input: Any, hx: Any, params: Any, has_biases: Any) -> tuple[Any, ...]:
    packed = isinstance(has_biases, (list, tuple))
    h, c = params if packed else hx
    if h.shape[-1:] != c.shape[-1:]:
        return None, None, c  # the projection is a product
    return (c, c, c) if packed or input.dtype is float16 else ()


#: (device type, op) -> states by the arguments; the result in the place of each is at least as wide as the state.
#: PyTorch's CPU code lowers the products of these ops alone, so that a float32 state makes the next one float32.
STATES: dict[tuple[str, str], Callable[..., tuple[Any, ...]]] = {
    ("cpu", "gru"): _gru_states,
    ("cpu", "lstm"): _lstm_states,
    ("cpu", "gru_cell"): lambda hx: (hx,),
    ("cpu", "lstm_cell"): lambda hx: (hx[1], hx[1]),
}  # fmt: skip


@cache
def _by_op() -> dict[str, dict[str, str]]:
    known: dict[str, dict[str, str]] = {}
    for device, rows in _TABLE.items():
        for policy, names in rows.items():
            for name in names.split():
                known.setdefault(name, {})[device] = policy
    return known


#: entry of another package -> device type -> what autocast does, as the entry says it
DECLARED: dict[str, dict[str, str]] = {}


def policies(name: str) -> dict[str, str]:
    """Device type -> what autocast does with the arguments of the op of that name; {} where it does nothing.

    >>> from tritonnn.table.autocast import policies
    >>> policies("matmul"), policies("relu")
    ({'cpu': 'lower precision', 'cuda': 'lower precision'}, {})
    """
    return _by_op().get(name) or DECLARED.get(name, {})
