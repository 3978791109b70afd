"""tritonnn: PyTorch's interface on Triton kernels and NumPy, with no PyTorch inside.

>>> import tritonnn as torch
>>> torch.tensor([1., 2.]) * 2
tensor([2., 4.])
"""

from __future__ import annotations

import importlib
from typing import Any

from tritonnn import _overriding, _source_tree, _tensor, _tensor_methods, config
from tritonnn._tensor import Tensor
from tritonnn.determinism import (
    are_deterministic_algorithms_enabled,
    get_deterministic_debug_mode,
    is_deterministic_algorithms_warn_only_enabled,
    set_deterministic_debug_mode,
    use_deterministic_algorithms,
)
from tritonnn.device import device, get_default_device, set_default_device
from tritonnn.dispatch import result_type
from tritonnn.dtypes import (
    ALIASES,
    SHELLS,
    bfloat16,
    can_cast,
    complex32,
    complex64,
    complex128,
    dtype,
    finfo,
    float4_e2m1fn_x2,
    float8_e4m3fn,
    float8_e4m3fnuz,
    float8_e5m2,
    float8_e5m2fnuz,
    float8_e8m0fnu,
    float16,
    float32,
    float64,
    get_default_dtype,
    iinfo,
    int8,
    int16,
    int32,
    int64,
    promote_types,
    set_default_dtype,
    uint8,
    uint16,
    uint32,
    uint64,
)
from tritonnn.errors import is_warn_always_enabled, set_warn_always
from tritonnn.memory_format import (
    channels_last,
    channels_last_3d,
    contiguous_format,
    jagged,
    layout,
    memory_format,
    preserve_format,
    sparse_bsc,
    sparse_bsr,
    sparse_coo,
    sparse_csc,
    sparse_csr,
    strided,
)
from tritonnn.ops import whole as _read_all
from tritonnn.ops._namespaces import OPERATORS as ops
from tritonnn.precision import get_float32_matmul_precision, set_float32_matmul_precision
from tritonnn.recording.grad_mode import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    set_grad_enabled,
)
from tritonnn.recording.reverse_mode import no_grad
from tritonnn.shape import Size, broadcast_shapes
from tritonnn.table import NAMESPACES
from tritonnn.torch_version import __version__

_source_tree.find()

inf = float("inf")
nan = float("nan")
pi = 3.141592653589793
e = 2.718281828459045
newaxis = None

result_type = _overriding.overridable(result_type)
globals().update(ALIASES)
globals().update({shell.name: shell for shell in SHELLS})
bit = globals()["uint1"]
globals().update(NAMESPACES["torch"])

# Found when first asked for, so that `import tritonnn` stays fast: attribute -> module that has it.
_SUBMODULES = frozenset((
    "_C", "_VF", "__config__", "__future__", "_custom_ops", "_dynamo", "_higher_order_ops", "_inductor", "_subclasses",
    "_jit_internal", "_linalg_utils", "_lowrank", "_ops", "_prims_common", "_streambase", "_tensor_str", "_utils",
    "accelerator", "amp", "ao", "autograd", "backends", "classes", "compiler", "cpu", "cuda", "distributed",
    "distributions", "export", "fft", "func", "functional", "futures", "fx", "hub", "jit", "library", "linalg",
    "masked", "monitor", "mps", "mtia", "multiprocessing", "nested", "nn", "onnx", "optim", "overrides", "package",
    "profiler", "quantization", "quasirandom", "random", "return_types", "serialization", "signal", "sparse",
    "special", "storage", "testing", "torch_version", "types", "utils", "version", "vision", "xpu",
))  # fmt: skip
_LAZY = {
    "save": "serialization", "load": "serialization", "Generator": "random", "manual_seed": "random", "seed": "random",
    "initial_seed": "random", "get_rng_state": "random", "set_rng_state": "random", "default_generator": "random",
    "vmap": "func", "compile": "compiler", "cond": "_control_flow", "while_loop": "_control_flow",
    **dict.fromkeys(("fake_quantize_per_tensor_affine", "fake_quantize_per_channel_affine"), "_fake_quantize"),
    **dict.fromkeys(("lstsq", "solve", "matrix_rank", "classproperty", "legacy_contiguous_format"), "_removed"),
    "set_printoptions": "_printing", "UntypedStorage": "storage.untyped", "TypedStorage": "storage.typed",
    "is_storage": "storage.kinds", "from_file": "storage.kinds",
    "set_default_tensor_type": "legacy_types",
    "sparse_coo_tensor": "ops.sparse.making",
    **dict.fromkeys((
        "sparse_csr_tensor", "sparse_csc_tensor", "sparse_bsr_tensor", "sparse_bsc_tensor", "sparse_compressed_tensor",
    ), "ops.sparse.compressed"),
    **dict.fromkeys((
        "_nested_from_padded", "_nested_tensor_from_mask", "_nested_tensor_from_mask_left_aligned",
    ), "nested._padding"),
    **dict.fromkeys(("hspmm", "smm", "sspaddmm"), "ops.sparse.products"),
    "from_dlpack": "utils.dlpack", "to_dlpack": "utils.dlpack",
    "autotune": "_tuning", "OutOfMemoryError": "cuda", "AcceleratorError": "cuda",
    "set_num_threads": "threads", "get_num_threads": "threads", "set_num_interop_threads": "threads",
    "get_num_interop_threads": "threads", "verify": "_verify", "VerificationError": "_verify",
    "serve": "_run", "ScriptModule": "jit", "ScriptFunction": "jit",
    **dict.fromkeys((
        "_convert_indices_from_coo_to_csr", "_convert_indices_from_csr_to_coo",
    ), "_compressed_indices"),
    "_segment_reduce": "ops.torch_forms.segments", "PyTorchFileReader": "serialization._reader",
    "thread_safe_generator": "random", "GradScaler": "amp", "Stream": "_streams", "Event": "_streams",
    "DisableTorchFunction": "_C", "DisableTorchFunctionSubclass": "_C",
    "Future": "futures", "fork": "futures", "wait": "futures",
    **dict.fromkeys((
        "SymInt", "SymFloat", "SymBool", "sym_int", "sym_float", "sym_max", "sym_min", "sym_not", "sym_sqrt", "sym_sum",
        "sym_ite", "sym_fresh_size", "sym_constrain_range", "sym_constrain_range_for_size", "_check", "_check_with",
        "_check_is_size", "_check_index", "_check_value", "_check_type", "_check_not_implemented",
    ), "_symbolic"),
    **dict.fromkeys((
        "is_nonzero", "is_signed", "is_same_size", "is_distributed", "get_device", "resize_as_", "_is_all_true",
        "_is_any_true", "_assert", "typename", "get_device_module", "set_anomaly_enabled", "set_flush_denormal",
        "is_vulkan_available", "compiled_with_cxx11_abi", "has_lapack", "has_mkl", "has_openmp", "has_spectral",
    ), "_questions"),
    **dict.fromkeys((
        "_assert_async", "_assert_scalar", "_assert_tensor_metadata", "_check_tensor_all", "_check_tensor_all_with",
        "dsmm", "spmm",
    ), "_checks_of_tensors"),
    **dict.fromkeys(("JITException", "ScriptModule", "ScriptFunction", "CompilationUnit", "TensorType"), "_C"),
    "_import_dotted_name": "_utils", "_disable_dynamo": "_compile",
    "autocast": "amp", "is_anomaly_enabled": "autograd.anomaly", "is_anomaly_check_nan_enabled": "autograd.anomaly",
    **dict.fromkeys((
        "is_autocast_enabled", "set_autocast_enabled", "get_autocast_dtype", "set_autocast_dtype",
        "is_autocast_cache_enabled", "set_autocast_cache_enabled", "clear_autocast_cache", "autocast_increment_nesting",
        "autocast_decrement_nesting", "is_autocast_cpu_enabled", "set_autocast_cpu_enabled", "get_autocast_cpu_dtype",
        "set_autocast_cpu_dtype", "get_autocast_gpu_dtype", "set_autocast_gpu_dtype",
    ), "amp.switches"),
}  # fmt: skip
_LEGACY_SUFFIXES = ("Tensor", "Storage")


def is_tensor(obj: Any) -> bool:
    """Whether `obj` is a Tensor.

    >>> import tritonnn as torch
    >>> torch.is_tensor(torch.ones(1))
    True
    """
    return isinstance(obj, Tensor)


@_overriding.overridable
def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype of `input` is a floating one.

    >>> import tritonnn as torch
    >>> torch.is_floating_point(torch.ones(1)), torch.is_floating_point(torch.tensor(1))
    (True, False)
    """
    if not isinstance(input, Tensor):
        raise _tensor.wrong("is_floating_point", "input", "Tensor", input)
    return input.dtype.is_floating_point


@_overriding.overridable
def is_complex(input: Tensor) -> bool:
    """Whether the dtype of `input` is a complex one.

    >>> import tritonnn as torch
    >>> torch.is_complex(torch.tensor([1j])), torch.is_complex(torch.ones(1))
    (True, False)
    """
    if not isinstance(input, Tensor):
        raise _tensor.wrong("is_complex", "input", "Tensor", input)
    return input.dtype.is_complex


@_overriding.overridable
def is_conj(input: Tensor) -> bool:
    """Whether a tensor is conjugated when it is read: a view that `conj()` made.

    >>> import tritonnn as torch
    >>> torch.is_conj(torch.tensor([1j])), torch.is_conj(torch.tensor([1j]).conj())
    (False, True)
    """
    if not isinstance(input, Tensor):
        raise _tensor.wrong("is_conj", "input", "Tensor", input)
    return input.is_conj()


@_overriding.overridable
def is_neg(input: Tensor) -> bool:
    """Whether a tensor is negated when it is read: the imaginary part of what `conj()` made.

    >>> import tritonnn as torch
    >>> torch.is_neg(torch.tensor([1j])), torch.is_neg(torch.tensor([1j]).conj().imag)
    (False, True)
    """
    if not isinstance(input, Tensor):
        raise _tensor.wrong("is_neg", "input", "Tensor", input)
    return input.is_neg()


@_overriding.overridable
def is_inference(input: Tensor) -> bool:
    """Whether the memory of `input` was made in inference mode.

    >>> import tritonnn as torch
    >>> torch.is_inference(torch.ones(2))
    False
    """
    if not isinstance(input, Tensor):
        raise _tensor.wrong("is_inference", "input", "Tensor", input)
    return input.is_inference()


@_overriding.overridable
def detach(input: Tensor) -> Tensor:
    """The memory of `input` outside the graph.

    >>> import tritonnn as torch
    >>> torch.detach(torch.ones(2, requires_grad=True)).requires_grad
    False
    """
    if not isinstance(input, Tensor):
        raise _tensor.wrong("detach", "input", "Tensor", input)
    return input.detach()


@_overriding.overridable
def detach_(input: Tensor) -> Tensor:
    """Cut `input` from the graph, in place.

    >>> import tritonnn as torch
    >>> torch.detach_(torch.ones(2, requires_grad=True)).requires_grad
    False
    """
    if not isinstance(input, Tensor):
        raise _tensor.wrong("detach_", "input", "Tensor", input)
    return input.detach_()


@_overriding.overridable
def numel(input: Tensor) -> int:
    """Number of elements of `input`.

    >>> import tritonnn as torch
    >>> torch.numel(torch.ones(2, 3))
    6
    """
    if not isinstance(input, Tensor):
        raise _tensor.wrong("numel", "input", "Tensor", input)
    return input.numel()


def _whole() -> None:
    """Have all that the op table publishes here, families that are imported late among them."""
    _read_all()
    for name, function in NAMESPACES["torch"].items():
        globals().setdefault(name, function)


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        return importlib.import_module(f"tritonnn.{name}")
    module = _LAZY.get(name)
    if module is None and name.endswith(_LEGACY_SUFFIXES):
        module = "legacy_types" if name.endswith("Tensor") else "storage.kinds"
    if module is not None:
        imported = importlib.import_module(f"tritonnn.{module}")
        if hasattr(imported, name):
            value = globals()[name] = getattr(imported, name)
            return value
    if name == "__all__":
        return _public_names()
    if not name.startswith("__"):
        _whole()
        if name in globals():
            return globals()[name]
    why = importlib.import_module("tritonnn._left_out").reason(name)
    raise AttributeError(f"tritonnn has no torch.{name}{why}")


def __dir__() -> list[str]:
    """What users may ask for; not what this file and those it imports are made of."""
    _whole()
    own = {
        name for name, value in globals().items() if not isinstance(value, type(importlib)) or name == "ops"
    }
    names = {*own, "__all__", *_SUBMODULES, *_LAZY, *_LEGACY} - {
        "ALIASES",
        "Any",
        "NAMESPACES",
        "SHELLS",
        "annotations",
    }
    return sorted(name for name in names if not name.startswith("_") or name.endswith("__"))


_LEGACY = [
    kind + suffix
    for kind in (
        "BFloat16", "Bool", "Byte", "Char", "ComplexDouble", "ComplexFloat", "Double", "Float", "Half", "Int", "Long",
        "Short",
    )
    for suffix in _LEGACY_SUFFIXES
    if not (kind.startswith("Complex") and suffix == "Tensor")
]  # fmt: skip


def _public_names() -> list[str]:
    """What `from torch import *` takes: all but modules and what this file itself needs."""
    return [
        name for name in __dir__() if not name.startswith("_") and name not in _SUBMODULES and name != "ops"
    ]


if config.VERIFY:  # for the whole program
    __getattr__("verify")().__enter__()
