"""What users see nodes called: PyTorch's names, for its calls that are one op here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tritonnn._tensor import Tensor

NO_FORMULA = "torch::autograd::NotImplemented"
#: entry -> name of its nodes, where that is not made of the name the op appears under
_NAMES = {
    "col2im": "Col2ImBackward0", "constant_pad_nd": "ConstantPadNdBackward0", "copied_over": "CopyBackwards",
    "bincount_of": NO_FORMULA, "histogram_of": NO_FORMULA,
    "erfcx": "SpecialErfcxBackward0", "expand_as_size": "ExpandBackward0", "fft_c2r": "FftC2RBackward0",
    "fft_r2c": "FftR2CBackward0", "filled_over": "FillBackward0",
    "exponential": "LinalgMatrixExpBackward0", "least_squares": "LinalgLstsqBackward0",
    "floor_quotient": "DivBackward2", "fused_rms_norm": "MulBackward0", "i0e": "SpecialI0EBackward0",
    "i1": "SpecialI1Backward0", "i1e": "SpecialI1EBackward0", "im2col": "Im2ColBackward0", "log1p": "Log1PBackward0",
    "logsigmoid": "LogSigmoidBackward0", "max_dim": "MaxBackward0", "min_dim": "MinBackward0",
    "native_batch_norm": "NativeBatchNormBackward0", "native_group_norm": "NativeGroupNormBackward0",
    "native_layer_norm": "NativeLayerNormBackward0", "ndtri": "SpecialNdtriBackward0",
    "p_norm": "LinalgVectorNormBackward0", "prelu": "PreluKernelBackward0",
        "scatter_src": "ScatterBackward0", "scatter_value": "ScatterBackward1", "selu": "EluBackward0",
    "softsign": "DivBackward0", "split_by_sizes": "SplitWithSizesBackward0", "split_evenly": "SplitBackward0",
    "square": "PowBackward0", "tanhshrink": "SubBackward0", "trunc_divide": "DivBackward2",
    "unbind_dim": "UnbindBackward0", "view_as_size": "ViewBackward0", "view_written": "torch::autograd::CopySlices",
}  # fmt: skip


def _is_tensor(place: int, yes: str, no: str) -> Callable[[tuple], str]:
    return lambda args: yes if isinstance(args[place], Tensor) else no


def _dims(place: int, before: str, after: str = "") -> Callable[[tuple], str]:
    """By how many dimensions the sizes at a place are for."""
    return lambda args: f"{before}{len(args[place])}D{after}Backward0"


def _all_dims(args: tuple) -> str:
    return "Backward0" if len(args[1]) == len(args[0].shape) else "Backward1"


def _linear(args: tuple) -> str:
    if len(args[0].shape) == 2:
        return "MmBackward0" if args[2] is None else "AddmmBackward0"
    return "UnsafeViewBackward0" if args[2] is None else "ViewBackward0"


def _clamp(args: tuple) -> str:
    return (
        "ClampBackward0" if isinstance(args[1], Tensor) or isinstance(args[2], Tensor) else "ClampBackward1"
    )


def _power(args: tuple) -> str:
    if not isinstance(args[1], Tensor):
        return "PowBackward0"
    return "PowBackward1" if isinstance(args[0], Tensor) else "PowBackward2"


def _xlogy(args: tuple) -> str:
    if not isinstance(args[1], Tensor):
        return "XlogyBackward2"
    return "XlogyBackward0" if isinstance(args[0], Tensor) else "XlogyBackward1"


def _copy(args: tuple) -> str:
    source, dtype, device = args[:3]
    return "CloneBackward0" if (source.dtype, source.device) == (dtype, device) else "ToCopyBackward0"


def _drawn(args: tuple) -> str:
    mean, std = args
    return f"NormalBackward{1 if std is None else 2 if mean is None else 3}"


_NLL: Callable[[tuple], str] = lambda args: (
    "NllLoss2DBackward0" if len(args[0].shape) > 3 else "NllLossBackward0"
)
_MEDIAN: Callable[[tuple], str] = lambda args: "NanmedianBackward1" if args[3] else "MedianBackward1"
_L1 = {"mean": "MeanBackward0", "sum": "SumBackward0", "none": "AbsBackward0"}
#: entry -> name of the node of a call with these arguments
BY_ARGUMENTS: dict[str, Callable[[tuple], str]] = {
    "adaptive_avg_pool": _dims(1, "AdaptiveAvgPool"), "adaptive_max_pool": _dims(1, "AdaptiveMaxPool"),
    "avg_pool": _dims(1, "AvgPool"), "clamp": _clamp,
    "copysign": _is_tensor(1, "CopysignBackward0", "CopysignBackward1"),
    "fft_c2c": lambda args: f"Fft{'C' if args[0].dtype.is_complex or len(args[1]) > 1 else 'R'}2CBackward0",
    "fmod": _is_tensor(1, "FmodBackward1", "FmodBackward0"),
    "fused_cross_entropy": lambda args: "AddBackward0" if args[4] else _NLL(args),
    "grid_sampler": lambda args: f"GridSampler{len(args[0].shape) - 2}DBackward0",
    "index_fill": _is_tensor(3, "IndexFillBackward1", "IndexFillBackward0"), "l1_reduced": lambda args: _L1[args[2]],
    "lerp": _is_tensor(2, "LerpBackward1", "LerpBackward0"), "linear": _linear,
    "masked_fill": _is_tensor(2, "MaskedFillBackward1", "MaskedFillBackward0"),
    "matmul_nd": lambda args: "MmBackward0" if len(args[0].shape) == 2 == len(args[1].shape) else "BmmBackward0",
    "max_pool": _dims(1, "MaxPool", "WithIndices"), "max_pool_with_indices": _dims(1, "MaxPool", "WithIndices"),
    "mean": lambda args: "Mean" + _all_dims(args), "median_dim": _MEDIAN, "nll_loss": _NLL,
    "normal_drawn": _drawn, "pow": _power,
    "prod_dims": lambda args: "Prod" + _all_dims(args),
    "remainder": _is_tensor(1, "RemainderBackward1", "RemainderBackward0"),
    "round": lambda args: "RoundBackward1" if args[1] else "RoundBackward0",
    "rsub": _is_tensor(1, "RsubBackward0", "RsubBackward1"),
    "squeeze_dims": lambda args: "SqueezeBackward1" if len(args[1]) == 1 else "SqueezeBackward2",
    "sum": lambda args: "Sum" + _all_dims(args), "to_copy": _copy, "xlogy": _xlogy,
    "zeta": lambda args: f"SpecialZetaBackward{0 if all(isinstance(a, Tensor) for a in args) else 1}",
}  # fmt: skip


def node_name(op: Any) -> str:
    """What nodes of an op are called, where all have one name: such as 'MulBackward0' for 'mul'."""
    if not op.has_derivative:
        return NO_FORMULA
    words = [*(("linalg",) if op.api == "linalg" else ()), *op.public_name.replace(".", "_").split("_")]
    return _NAMES.get(op.name) or "".join([word[:1].upper() + word[1:] for word in words]) + "Backward0"
