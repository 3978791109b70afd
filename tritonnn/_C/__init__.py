"""What programs and packages take from `torch._C`: names of other modules, switches, and questions with fixed answers.

It is a C++ library in PyTorch. Here it is a list: `_SAME` says which names stand for what elsewhere in tritonnn.
"""

from __future__ import annotations

import importlib
from typing import Any, NoReturn

from tritonnn import _left_out, _refusals
from tritonnn._overriding import (
    DisableTorchFunction,
    DisableTorchFunctionSubclass,
    _disabled_torch_function_impl,
)
from tritonnn._subclass_dispatch import DisableTorchDispatch as _DisableTorchDispatch
from tritonnn._subclass_dispatch import _disabled_torch_dispatch_impl
from tritonnn.device import device
from tritonnn.dtypes import dtype
from tritonnn.random import Generator, default_generator
from tritonnn.shape import Size

__all__ = [
    "DisableTorchFunction", "DisableTorchFunctionSubclass", "Generator", "Size", "_DisableTorchDispatch",
    "_disabled_torch_dispatch_impl", "_disabled_torch_function_impl", "default_generator", "device", "dtype",
]  # fmt: skip

# Name -> where it stands, below tritonnn, and its name there if that is another one.
_SAME = {
    "PyTorchFileReader": "serialization._reader",
    **dict.fromkeys(("DispatchKey", "DispatchKeySet", "_ExcludeDispatchKeyGuard"), "_C._dispatch_keys"),
    "TensorBase": "_tensor Tensor", "_TensorBase": "_tensor Tensor", "layout": "memory_format",
    "memory_format": "memory_format", "Stream": "_streams", "Event": "_streams", "Future": "futures",
    "AcceleratorError": "cuda", "OutOfMemoryError": "cuda", "_OutOfMemoryError": "cuda OutOfMemoryError",
    "_LinAlgError": "linalg LinAlgError", "ScriptModule": "jit", "ScriptFunction": "jit", "JITException": "jit Error",
    "CompilationUnit": "jit", "StorageBase": "storage.untyped", "_StorageBase": "storage.untyped StorageBase",
    "_SDPAParams": "backends.cuda SDPAParams", "_SDPBackend": "nn.attention SDPBackend",
    "_show_config": "__config__ show", "_parallel_info": "__config__ parallel_info", "_cxx_flags": "__config__",
    "_from_dlpack": "utils.dlpack from_dlpack", "_to_dlpack": "utils.dlpack to_dlpack",
    "_group_tensors_by_device_and_dtype": "utils._foreach_utils", "_swap_tensor_impl": "utils._swapping swap_tensors",
    "_get_cpu_capability": "backends.cpu get_cpu_capability", "_get_cpp_backtrace": "utils._import_utils "
    "get_cpp_backtrace", "_set_grad_enabled": "recording.grad_mode set_grad_enabled",
    "_set_deterministic_algorithms": "determinism use_deterministic_algorithms",
    "_get_deterministic_algorithms": "determinism are_deterministic_algorithms_enabled",
    "_get_deterministic_algorithms_warn_only": "determinism is_deterministic_algorithms_warn_only_enabled",
    "_set_default_dtype": "dtypes set_default_dtype", "_set_warnAlways": "errors set_warn_always",
    "_get_warnAlways": "errors is_warn_always_enabled",
    "_get_float32_matmul_precision": "precision get_float32_matmul_precision",
    "_set_float32_matmul_precision": "precision set_float32_matmul_precision",
    "_get_math_sdp_allow_fp16_bf16_reduction": "backends.cuda fp16_bf16_reduction_math_sdp_allowed",
    "_set_math_sdp_allow_fp16_bf16_reduction": "backends.cuda allow_fp16_bf16_reduction_math_sdp",
    "_get_flash_sdp_enabled": "backends.cuda flash_sdp_enabled",
    "_set_sdp_use_flash": "backends.cuda enable_flash_sdp",
    "_get_math_sdp_enabled": "backends.cuda math_sdp_enabled", "_set_sdp_use_math": "backends.cuda enable_math_sdp",
    "_get_mem_efficient_sdp_enabled": "backends.cuda mem_efficient_sdp_enabled",
    "_set_sdp_use_mem_efficient": "backends.cuda enable_mem_efficient_sdp",
    "_get_cudnn_sdp_enabled": "backends.cuda cudnn_sdp_enabled",
    "_set_sdp_use_cudnn": "backends.cuda enable_cudnn_sdp",
    "_get_linalg_preferred_backend": "backends.cuda preferred_linalg_library",
    "_cuda_getDeviceCount": "cuda device_count", "_cuda_getDevice": "cuda current_device",
    "_cuda_setDevice": "cuda set_device", "_cuda_init": "cuda init", "_cuda_synchronize": "cuda synchronize",
    "_cuda_emptyCache": "cuda empty_cache", "_cuda_memoryStats": "cuda memory_stats",
    "_cuda_ipc_collect": "cuda ipc_collect", "_CUDAGraph": "cuda CUDAGraph", "_CudaStreamBase": "cuda Stream",
    "_CudaEventBase": "cuda Event", "_CudaDeviceProperties": "runtime.properties DeviceProperties",
    "_cuda_isCurrentStreamCapturing": "cuda is_current_stream_capturing",
    "_graph_pool_handle": "cuda graph_pool_handle", "_is_fwd_grad_enabled": "autograd.forward_ad",
}  # fmt: skip
# What is compiled in, and what goes on: as in PyTorch without any of it.
_FIXED = {
    "_get_tracing_state": None, "_get_value_trace": None, "_is_tracing": False, "_jit_can_fuse_on_cpu": False,
    "_jit_can_fuse_on_gpu": False, "_jit_texpr_fuser_enabled": False, "_jit_nvfuser_enabled": False,
    "_get_privateuse1_backend_name": "privateuseone", "_log_api_usage_once": None, "_log_api_usage_metadata": None,
    "_cuda_clearCublasWorkspaces": None, "_is_xnnpack_enabled": False, "_llvm_enabled": False,
}  # fmt: skip
# Switches of TorchScript's optimiser, which is not there: nothing it computes would change.
_SWITCHES = frozenset((
    "_jit_set_profiling_executor", "_jit_set_profiling_mode", "_jit_override_can_fuse_on_gpu",
    "_jit_override_can_fuse_on_cpu", "_jit_set_texpr_fuser_enabled", "_jit_set_nvfuser_enabled",
    "_jit_set_nvfuser_guard_mode", "_jit_set_bailout_depth", "_jit_set_num_profiled_runs",
    "_jit_set_fusion_strategy", "_jit_set_nvfuser_horizontal_mode", "_jit_set_nvfuser_single_node_mode",
))  # fmt: skip
_TYPES = frozenset(
    ("TensorType", *(name for name in _left_out.LEFT_OUT[_refusals.SCRIPT].split() if name[0].isupper()))
)

has_lapack, has_mkl, has_openmp, has_spectral, _has_mkldnn, _has_cudnn = (
    True,
    False,
    False,
    True,
    False,
    False,
)
_has_distributed, _has_mps, _has_xpu, _has_mtia, _has_cuda = False, False, False, False, True
_GLIBCXX_USE_CXX11_ABI = True
_TensorMeta = type


def _get_default_device() -> str:
    """The kind of device that new tensors are made on."""
    from tritonnn.device import get_default_device

    return get_default_device().type


def _get_accelerator() -> device:
    """The kind of the machine's accelerator, or the CPU."""
    from tritonnn import accelerator

    return accelerator.current_accelerator() or device("cpu")


def _cuda_getCurrentRawStream(index: int) -> int:
    """The driver's handle of a GPU's current stream, which kernels of a program's own are launched on."""
    from tritonnn import cuda

    return cuda.current_stream(index).cuda_stream


def _cuda_isInBadFork() -> bool:
    """Whether this process was forked from one that uses the GPU, and so cannot use it."""
    from tritonnn.runtime.interface import runtime

    return bool(getattr(runtime(), "_forked", False))


def _set_tracing_state(state: object) -> NoReturn:
    """Refused: nothing is traced."""
    raise NotImplementedError(f"torch._C._set_tracing_state: {_refusals.SCRIPT}")


def _are_functorch_transforms_active() -> bool:
    """Whether a transform of torch.func is running, such as `vmap` or `grad`."""
    from tritonnn._levels import state

    return bool(state.whole)


def _infer_size(a: Size, b: Size) -> Size:
    """The shape that two shapes broadcast to."""
    from tritonnn.shape import broadcast_shapes

    return broadcast_shapes(a, b)


def _made(name: str) -> Any:
    if name in _SAME:
        module, _, other = _SAME[name].partition(" ")
        return getattr(importlib.import_module(f"tritonnn.{module}"), other.strip() or name)
    if name in _FIXED:
        return lambda *args, **kwargs: _FIXED[name]
    if name in _SWITCHES:
        return lambda *args, **kwargs: False
    if name in _TYPES:
        return _refusals.refusing_class(f"torch._C.{name}", _refusals.SCRIPT)
    if name in ("_VariableFunctions", "_VariableFunctionsClass"):
        return importlib.import_module("tritonnn._VF")
    if name in ("_functorch", "_nn"):
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"tritonnn has no torch._C.{name}{_left_out.reason(name)}")


def __getattr__(name: str) -> Any:
    made = globals()[name] = _made(name)
    return made
