"""Written by `python -m tritonnn.ops stubs`, from the op table."""

from builtins import bool as _bool
from builtins import float as _float
from builtins import int as _int
from collections.abc import Sequence
from typing import Any, Literal, overload

import numpy as np

from tritonnn import _C as _C
from tritonnn import _VF as _VF
from tritonnn import __config__ as __config__
from tritonnn import __future__ as __future__
from tritonnn import _custom_ops as _custom_ops
from tritonnn import _dynamo as _dynamo
from tritonnn import _higher_order_ops as _higher_order_ops
from tritonnn import _inductor as _inductor
from tritonnn import _jit_internal as _jit_internal
from tritonnn import _linalg_utils as _linalg_utils
from tritonnn import _lowrank as _lowrank
from tritonnn import _ops as _ops
from tritonnn import _prims_common as _prims_common
from tritonnn import _streambase as _streambase
from tritonnn import _subclasses as _subclasses
from tritonnn import _tensor_str as _tensor_str
from tritonnn import _utils as _utils
from tritonnn import accelerator as accelerator
from tritonnn import amp as amp
from tritonnn import ao as ao
from tritonnn import autograd as autograd
from tritonnn import backends as backends
from tritonnn import classes as classes
from tritonnn import compiler as compiler
from tritonnn import cpu as cpu
from tritonnn import cuda as cuda
from tritonnn import distributed as distributed
from tritonnn import distributions as distributions
from tritonnn import export as export
from tritonnn import fft as fft
from tritonnn import func as func
from tritonnn import functional as functional
from tritonnn import futures as futures
from tritonnn import fx as fx
from tritonnn import hub as hub
from tritonnn import jit as jit
from tritonnn import library as library
from tritonnn import linalg as linalg
from tritonnn import masked as masked
from tritonnn import monitor as monitor
from tritonnn import mps as mps
from tritonnn import mtia as mtia
from tritonnn import multiprocessing as multiprocessing
from tritonnn import nested as nested
from tritonnn import nn as nn
from tritonnn import onnx as onnx
from tritonnn import optim as optim
from tritonnn import overrides as overrides
from tritonnn import package as package
from tritonnn import profiler as profiler
from tritonnn import quantization as quantization
from tritonnn import quasirandom as quasirandom
from tritonnn import random as random
from tritonnn import return_types as return_types
from tritonnn import serialization as serialization
from tritonnn import signal as signal
from tritonnn import sparse as sparse
from tritonnn import special as special
from tritonnn import storage as storage
from tritonnn import testing as testing
from tritonnn import torch_version as torch_version
from tritonnn import types as types
from tritonnn import utils as utils
from tritonnn import version as version
from tritonnn import vision as vision
from tritonnn import xpu as xpu
from tritonnn._C import CompilationUnit as CompilationUnit
from tritonnn._C import DisableTorchFunction as DisableTorchFunction
from tritonnn._C import DisableTorchFunctionSubclass as DisableTorchFunctionSubclass
from tritonnn._C import JITException as JITException
from tritonnn._C import ScriptFunction as ScriptFunction
from tritonnn._C import ScriptModule as ScriptModule
from tritonnn._C import TensorType as TensorType
from tritonnn._checks_of_tensors import _assert_async as _assert_async
from tritonnn._checks_of_tensors import _assert_scalar as _assert_scalar
from tritonnn._checks_of_tensors import _assert_tensor_metadata as _assert_tensor_metadata
from tritonnn._checks_of_tensors import _check_tensor_all as _check_tensor_all
from tritonnn._checks_of_tensors import _check_tensor_all_with as _check_tensor_all_with
from tritonnn._checks_of_tensors import dsmm as dsmm
from tritonnn._checks_of_tensors import spmm as spmm
from tritonnn._compile import _disable_dynamo as _disable_dynamo
from tritonnn._compressed_indices import _convert_indices_from_coo_to_csr as _convert_indices_from_coo_to_csr
from tritonnn._compressed_indices import _convert_indices_from_csr_to_coo as _convert_indices_from_csr_to_coo
from tritonnn._control_flow import cond as cond
from tritonnn._control_flow import while_loop as while_loop
from tritonnn._fake_quantize import fake_quantize_per_channel_affine as fake_quantize_per_channel_affine
from tritonnn._fake_quantize import fake_quantize_per_tensor_affine as fake_quantize_per_tensor_affine
from tritonnn._methods import (
    Aminmax,
    Cummax,
    Cummin,
    Geqrf,
    Histogram,
    Histogramdd,
    Kthvalue,
    Max,
    Median,
    Min,
    Mode,
    Nanmedian,
    Pstrf,
    Sort,
    Topk,
)
from tritonnn._printing import set_printoptions as set_printoptions
from tritonnn._questions import _assert as _assert
from tritonnn._questions import _is_all_true as _is_all_true
from tritonnn._questions import _is_any_true as _is_any_true
from tritonnn._questions import compiled_with_cxx11_abi as compiled_with_cxx11_abi
from tritonnn._questions import get_device as get_device
from tritonnn._questions import get_device_module as get_device_module
from tritonnn._questions import has_lapack as has_lapack
from tritonnn._questions import has_mkl as has_mkl
from tritonnn._questions import has_openmp as has_openmp
from tritonnn._questions import has_spectral as has_spectral
from tritonnn._questions import is_distributed as is_distributed
from tritonnn._questions import is_nonzero as is_nonzero
from tritonnn._questions import is_same_size as is_same_size
from tritonnn._questions import is_signed as is_signed
from tritonnn._questions import is_vulkan_available as is_vulkan_available
from tritonnn._questions import resize_as_ as resize_as_
from tritonnn._questions import set_anomaly_enabled as set_anomaly_enabled
from tritonnn._questions import set_flush_denormal as set_flush_denormal
from tritonnn._questions import typename as typename
from tritonnn._removed import classproperty as classproperty
from tritonnn._removed import legacy_contiguous_format as legacy_contiguous_format
from tritonnn._removed import lstsq as lstsq
from tritonnn._removed import matrix_rank as matrix_rank
from tritonnn._removed import solve as solve
from tritonnn._run import serve as serve
from tritonnn._streams import Event as Event
from tritonnn._streams import Stream as Stream
from tritonnn._symbolic import SymBool as SymBool
from tritonnn._symbolic import SymFloat as SymFloat
from tritonnn._symbolic import SymInt as SymInt
from tritonnn._symbolic import _check as _check
from tritonnn._symbolic import _check_index as _check_index
from tritonnn._symbolic import _check_is_size as _check_is_size
from tritonnn._symbolic import _check_not_implemented as _check_not_implemented
from tritonnn._symbolic import _check_type as _check_type
from tritonnn._symbolic import _check_value as _check_value
from tritonnn._symbolic import _check_with as _check_with
from tritonnn._symbolic import sym_constrain_range as sym_constrain_range
from tritonnn._symbolic import sym_constrain_range_for_size as sym_constrain_range_for_size
from tritonnn._symbolic import sym_float as sym_float
from tritonnn._symbolic import sym_fresh_size as sym_fresh_size
from tritonnn._symbolic import sym_int as sym_int
from tritonnn._symbolic import sym_ite as sym_ite
from tritonnn._symbolic import sym_max as sym_max
from tritonnn._symbolic import sym_min as sym_min
from tritonnn._symbolic import sym_not as sym_not
from tritonnn._symbolic import sym_sqrt as sym_sqrt
from tritonnn._symbolic import sym_sum as sym_sum
from tritonnn._tensor import Tensor as Tensor
from tritonnn._tuning import autotune as autotune
from tritonnn._utils import _import_dotted_name as _import_dotted_name
from tritonnn._verify import VerificationError as VerificationError
from tritonnn._verify import verify as verify
from tritonnn.amp import GradScaler as GradScaler
from tritonnn.amp import autocast as autocast
from tritonnn.amp.switches import autocast_decrement_nesting as autocast_decrement_nesting
from tritonnn.amp.switches import autocast_increment_nesting as autocast_increment_nesting
from tritonnn.amp.switches import clear_autocast_cache as clear_autocast_cache
from tritonnn.amp.switches import get_autocast_cpu_dtype as get_autocast_cpu_dtype
from tritonnn.amp.switches import get_autocast_dtype as get_autocast_dtype
from tritonnn.amp.switches import get_autocast_gpu_dtype as get_autocast_gpu_dtype
from tritonnn.amp.switches import is_autocast_cache_enabled as is_autocast_cache_enabled
from tritonnn.amp.switches import is_autocast_cpu_enabled as is_autocast_cpu_enabled
from tritonnn.amp.switches import is_autocast_enabled as is_autocast_enabled
from tritonnn.amp.switches import set_autocast_cache_enabled as set_autocast_cache_enabled
from tritonnn.amp.switches import set_autocast_cpu_dtype as set_autocast_cpu_dtype
from tritonnn.amp.switches import set_autocast_cpu_enabled as set_autocast_cpu_enabled
from tritonnn.amp.switches import set_autocast_dtype as set_autocast_dtype
from tritonnn.amp.switches import set_autocast_enabled as set_autocast_enabled
from tritonnn.amp.switches import set_autocast_gpu_dtype as set_autocast_gpu_dtype
from tritonnn.autograd.anomaly import is_anomaly_check_nan_enabled as is_anomaly_check_nan_enabled
from tritonnn.autograd.anomaly import is_anomaly_enabled as is_anomaly_enabled
from tritonnn.compiler import compile as compile
from tritonnn.cuda import AcceleratorError as AcceleratorError
from tritonnn.cuda import OutOfMemoryError as OutOfMemoryError
from tritonnn.determinism import are_deterministic_algorithms_enabled as are_deterministic_algorithms_enabled
from tritonnn.determinism import get_deterministic_debug_mode as get_deterministic_debug_mode
from tritonnn.determinism import (
    is_deterministic_algorithms_warn_only_enabled as is_deterministic_algorithms_warn_only_enabled,
)
from tritonnn.determinism import set_deterministic_debug_mode as set_deterministic_debug_mode
from tritonnn.determinism import use_deterministic_algorithms as use_deterministic_algorithms
from tritonnn.device import DeviceLike
from tritonnn.device import device as device
from tritonnn.device import get_default_device as get_default_device
from tritonnn.device import set_default_device as set_default_device
from tritonnn.dispatch import result_type as result_type
from tritonnn.dtypes import bfloat16 as bfloat16
from tritonnn.dtypes import can_cast as can_cast
from tritonnn.dtypes import complex32 as complex32
from tritonnn.dtypes import complex64 as complex64
from tritonnn.dtypes import complex128 as complex128
from tritonnn.dtypes import dtype as DType
from tritonnn.dtypes import dtype as dtype
from tritonnn.dtypes import finfo as finfo
from tritonnn.dtypes import float4_e2m1fn_x2 as float4_e2m1fn_x2
from tritonnn.dtypes import float8_e4m3fn as float8_e4m3fn
from tritonnn.dtypes import float8_e4m3fnuz as float8_e4m3fnuz
from tritonnn.dtypes import float8_e5m2 as float8_e5m2
from tritonnn.dtypes import float8_e5m2fnuz as float8_e5m2fnuz
from tritonnn.dtypes import float8_e8m0fnu as float8_e8m0fnu
from tritonnn.dtypes import float16 as float16
from tritonnn.dtypes import float32 as float32
from tritonnn.dtypes import float64 as float64
from tritonnn.dtypes import get_default_dtype as get_default_dtype
from tritonnn.dtypes import iinfo as iinfo
from tritonnn.dtypes import int8 as int8
from tritonnn.dtypes import int16 as int16
from tritonnn.dtypes import int32 as int32
from tritonnn.dtypes import int64 as int64
from tritonnn.dtypes import promote_types as promote_types
from tritonnn.dtypes import set_default_dtype as set_default_dtype
from tritonnn.dtypes import uint8 as uint8
from tritonnn.dtypes import uint16 as uint16
from tritonnn.dtypes import uint32 as uint32
from tritonnn.dtypes import uint64 as uint64
from tritonnn.errors import is_warn_always_enabled as is_warn_always_enabled
from tritonnn.errors import set_warn_always as set_warn_always
from tritonnn.func import vmap as vmap
from tritonnn.futures import Future as Future
from tritonnn.futures import fork as fork
from tritonnn.futures import wait as wait
from tritonnn.legacy_types import set_default_tensor_type as set_default_tensor_type
from tritonnn.memory_format import channels_last as channels_last
from tritonnn.memory_format import channels_last_3d as channels_last_3d
from tritonnn.memory_format import contiguous_format as contiguous_format
from tritonnn.memory_format import jagged as jagged
from tritonnn.memory_format import layout as Layout
from tritonnn.memory_format import layout as layout
from tritonnn.memory_format import memory_format as MemoryFormat
from tritonnn.memory_format import memory_format as memory_format
from tritonnn.memory_format import preserve_format as preserve_format
from tritonnn.memory_format import sparse_bsc as sparse_bsc
from tritonnn.memory_format import sparse_bsr as sparse_bsr
from tritonnn.memory_format import sparse_coo as sparse_coo
from tritonnn.memory_format import sparse_csc as sparse_csc
from tritonnn.memory_format import sparse_csr as sparse_csr
from tritonnn.memory_format import strided as strided
from tritonnn.nested._padding import _nested_from_padded as _nested_from_padded
from tritonnn.nested._padding import _nested_tensor_from_mask as _nested_tensor_from_mask
from tritonnn.nested._padding import (
    _nested_tensor_from_mask_left_aligned as _nested_tensor_from_mask_left_aligned,
)
from tritonnn.ops._namespaces import Operators as _Operators
from tritonnn.ops.sparse.compressed import sparse_bsc_tensor as sparse_bsc_tensor
from tritonnn.ops.sparse.compressed import sparse_bsr_tensor as sparse_bsr_tensor
from tritonnn.ops.sparse.compressed import sparse_compressed_tensor as sparse_compressed_tensor
from tritonnn.ops.sparse.compressed import sparse_csc_tensor as sparse_csc_tensor
from tritonnn.ops.sparse.compressed import sparse_csr_tensor as sparse_csr_tensor
from tritonnn.ops.sparse.making import sparse_coo_tensor as sparse_coo_tensor
from tritonnn.ops.sparse.products import hspmm as hspmm
from tritonnn.ops.sparse.products import smm as smm
from tritonnn.ops.sparse.products import sspaddmm as sspaddmm
from tritonnn.ops.torch_forms.segments import _segment_reduce as _segment_reduce
from tritonnn.precision import get_float32_matmul_precision as get_float32_matmul_precision
from tritonnn.precision import set_float32_matmul_precision as set_float32_matmul_precision
from tritonnn.random import Generator as Generator
from tritonnn.random import default_generator as default_generator
from tritonnn.random import get_rng_state as get_rng_state
from tritonnn.random import initial_seed as initial_seed
from tritonnn.random import manual_seed as manual_seed
from tritonnn.random import seed as seed
from tritonnn.random import set_rng_state as set_rng_state
from tritonnn.random import thread_safe_generator as thread_safe_generator
from tritonnn.recording.grad_mode import enable_grad as enable_grad
from tritonnn.recording.grad_mode import inference_mode as inference_mode
from tritonnn.recording.grad_mode import is_grad_enabled as is_grad_enabled
from tritonnn.recording.grad_mode import is_inference_mode_enabled as is_inference_mode_enabled
from tritonnn.recording.grad_mode import set_grad_enabled as set_grad_enabled
from tritonnn.recording.reverse_mode import no_grad as no_grad
from tritonnn.serialization import load as load
from tritonnn.serialization import save as save
from tritonnn.serialization._reader import PyTorchFileReader as PyTorchFileReader
from tritonnn.shape import Size as Size
from tritonnn.shape import broadcast_shapes as broadcast_shapes
from tritonnn.storage.kinds import from_file as from_file
from tritonnn.storage.kinds import is_storage as is_storage
from tritonnn.storage.typed import TypedStorage as TypedStorage
from tritonnn.storage.untyped import UntypedStorage as UntypedStorage
from tritonnn.table.types import Dims, IntOrInts, Ints, Number, Tensors
from tritonnn.threads import get_num_interop_threads as get_num_interop_threads
from tritonnn.threads import get_num_threads as get_num_threads
from tritonnn.threads import set_num_interop_threads as set_num_interop_threads
from tritonnn.threads import set_num_threads as set_num_threads
from tritonnn.torch_version import __version__ as __version__
from tritonnn.utils.dlpack import from_dlpack as from_dlpack
from tritonnn.utils.dlpack import to_dlpack as to_dlpack

ops: _Operators

def is_tensor(obj: Any) -> _bool: ...
def is_floating_point(input: Tensor) -> _bool: ...
def is_complex(input: Tensor) -> _bool: ...
def is_conj(input: Tensor) -> _bool: ...
def is_neg(input: Tensor) -> _bool: ...
def is_inference(input: Tensor) -> _bool: ...
def detach(input: Tensor) -> Tensor: ...
def detach_(input: Tensor) -> Tensor: ...
def numel(input: Tensor) -> _int: ...

inf: _float
nan: _float
pi: _float
e: _float
newaxis: None
bool: DType
half: DType
float: DType
double: DType
short: DType
int: DType
long: DType
chalf: DType
cfloat: DType
cdouble: DType
bits8: DType
bits16: DType
bits1x8: DType
bits2x4: DType
bits4x2: DType
uint1: DType
uint2: DType
uint3: DType
uint4: DType
uint5: DType
uint6: DType
uint7: DType
int1: DType
int2: DType
int3: DType
int4: DType
int5: DType
int6: DType
int7: DType
bit: DType

class BFloat16Storage(TypedStorage): ...
class BFloat16Tensor(Tensor): ...
class BoolStorage(TypedStorage): ...
class BoolTensor(Tensor): ...
class ByteStorage(TypedStorage): ...
class ByteTensor(Tensor): ...
class CharStorage(TypedStorage): ...
class CharTensor(Tensor): ...
class ComplexDoubleStorage(TypedStorage): ...
class ComplexDoubleTensor(Tensor): ...
class ComplexFloatStorage(TypedStorage): ...
class ComplexFloatTensor(Tensor): ...
class DoubleStorage(TypedStorage): ...
class DoubleTensor(Tensor): ...
class FloatStorage(TypedStorage): ...
class FloatTensor(Tensor): ...
class HalfStorage(TypedStorage): ...
class HalfTensor(Tensor): ...
class IntStorage(TypedStorage): ...
class IntTensor(Tensor): ...
class LongStorage(TypedStorage): ...
class LongTensor(Tensor): ...
class ShortStorage(TypedStorage): ...
class ShortTensor(Tensor): ...

Storage = FloatStorage

def _addmm_activation(
    input: Tensor,
    mat1: Tensor,
    mat2: Tensor,
    *,
    beta: Number = 1,
    alpha: Number = 1,
    use_gelu: _bool = False,
    out: Tensor | None = None,
) -> Tensor: ...
def _amp_foreach_non_finite_check_and_unscale_(
    self: Tensors, found_inf: Tensor, inv_scale: Tensor
) -> None: ...
def _amp_update_scale_(
    self: Tensor,
    growth_tracker: Tensor,
    found_inf: Tensor,
    scale_growth_factor: _float,
    scale_backoff_factor: _float,
    growth_interval: _int,
) -> Tensor: ...
def _dirichlet_grad(x: Tensor, alpha: Tensor, total: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def _foreach_abs(self: Any) -> Any: ...
def _foreach_abs_(self: Any) -> Any: ...
def _foreach_acos(self: Any) -> Any: ...
def _foreach_acos_(self: Any) -> Any: ...
def _foreach_add(self: Any, *other: Any, alpha: Any = None, **named: Any) -> Any: ...
def _foreach_add_(self: Any, *other: Any, alpha: Any = None, **named: Any) -> Any: ...
def _foreach_addcdiv(self: Any, tensor1: Any, tensor2: Any, *value: Any, **named: Any) -> Any: ...
def _foreach_addcdiv_(self: Any, tensor1: Any, tensor2: Any, *value: Any, **named: Any) -> Any: ...
def _foreach_addcmul(self: Any, tensor1: Any, tensor2: Any, *value: Any, **named: Any) -> Any: ...
def _foreach_addcmul_(self: Any, tensor1: Any, tensor2: Any, *value: Any, **named: Any) -> Any: ...
def _foreach_asin(self: Any) -> Any: ...
def _foreach_asin_(self: Any) -> Any: ...
def _foreach_atan(self: Any) -> Any: ...
def _foreach_atan_(self: Any) -> Any: ...
def _foreach_ceil(self: Any) -> Any: ...
def _foreach_ceil_(self: Any) -> Any: ...
def _foreach_clamp_max(self: Any, *other: Any, alpha: Any = None, **named: Any) -> Any: ...
def _foreach_clamp_max_(self: Any, *other: Any, alpha: Any = None, **named: Any) -> Any: ...
def _foreach_clamp_min(self: Any, *other: Any, alpha: Any = None, **named: Any) -> Any: ...
def _foreach_clamp_min_(self: Any, *other: Any, alpha: Any = None, **named: Any) -> Any: ...
def _foreach_clone(self: Any, *, memory_format: Any = None) -> Any: ...
def _foreach_copy_(self: Any, src: Any, non_blocking: _bool = False) -> Any: ...
def _foreach_cos(self: Any) -> Any: ...
def _foreach_cos_(self: Any) -> Any: ...
def _foreach_cosh(self: Any) -> Any: ...
def _foreach_cosh_(self: Any) -> Any: ...
def _foreach_div(self: Any, *other: Any, alpha: Any = None, **named: Any) -> Any: ...
def _foreach_div_(self: Any, *other: Any, alpha: Any = None, **named: Any) -> Any: ...
def _foreach_erf(self: Any) -> Any: ...
def _foreach_erf_(self: Any) -> Any: ...
def _foreach_erfc(self: Any) -> Any: ...
def _foreach_erfc_(self: Any) -> Any: ...
def _foreach_exp(self: Any) -> Any: ...
def _foreach_exp_(self: Any) -> Any: ...
def _foreach_expm1(self: Any) -> Any: ...
def _foreach_expm1_(self: Any) -> Any: ...
def _foreach_floor(self: Any) -> Any: ...
def _foreach_floor_(self: Any) -> Any: ...
def _foreach_frac(self: Any) -> Any: ...
def _foreach_frac_(self: Any) -> Any: ...
def _foreach_lerp(self: Any, tensors1: Any, *weight: Any, **named: Any) -> Any: ...
def _foreach_lerp_(self: Any, tensors1: Any, *weight: Any, **named: Any) -> Any: ...
def _foreach_lgamma(self: Any) -> Any: ...
def _foreach_lgamma_(self: Any) -> Any: ...
def _foreach_log(self: Any) -> Any: ...
def _foreach_log10(self: Any) -> Any: ...
def _foreach_log10_(self: Any) -> Any: ...
def _foreach_log1p(self: Any) -> Any: ...
def _foreach_log1p_(self: Any) -> Any: ...
def _foreach_log2(self: Any) -> Any: ...
def _foreach_log2_(self: Any) -> Any: ...
def _foreach_log_(self: Any) -> Any: ...
def _foreach_max(self: Any) -> Any: ...
def _foreach_maximum(self: Any, *other: Any, alpha: Any = None, **named: Any) -> Any: ...
def _foreach_maximum_(self: Any, *other: Any, alpha: Any = None, **named: Any) -> Any: ...
def _foreach_minimum(self: Any, *other: Any, alpha: Any = None, **named: Any) -> Any: ...
def _foreach_minimum_(self: Any, *other: Any, alpha: Any = None, **named: Any) -> Any: ...
def _foreach_mm(self: Any, mat2: Any) -> Any: ...
def _foreach_mul(self: Any, *other: Any, alpha: Any = None, **named: Any) -> Any: ...
def _foreach_mul_(self: Tensors, other: Any) -> Tensors: ...
def _foreach_neg(self: Any) -> Any: ...
def _foreach_neg_(self: Any) -> Any: ...
def _foreach_norm(self: Tensors, ord: _float = 2, dtype: DType | None = None) -> tuple[Tensor, ...]: ...
def _foreach_pow(self: Any, *other: Any, alpha: Any = None, **named: Any) -> Any: ...
def _foreach_pow_(self: Any, *other: Any, alpha: Any = None, **named: Any) -> Any: ...
def _foreach_powsum(self: Any, ord: _float = 2, dtype: Any = None) -> Any: ...
def _foreach_reciprocal(self: Any) -> Any: ...
def _foreach_reciprocal_(self: Any) -> Any: ...
def _foreach_round(self: Any) -> Any: ...
def _foreach_round_(self: Any) -> Any: ...
def _foreach_rsqrt(self: Any) -> Any: ...
def _foreach_rsqrt_(self: Any) -> Any: ...
def _foreach_sigmoid(self: Any) -> Any: ...
def _foreach_sigmoid_(self: Any) -> Any: ...
def _foreach_sign(self: Any) -> Any: ...
def _foreach_sign_(self: Any) -> Any: ...
def _foreach_sin(self: Any) -> Any: ...
def _foreach_sin_(self: Any) -> Any: ...
def _foreach_sinh(self: Any) -> Any: ...
def _foreach_sinh_(self: Any) -> Any: ...
def _foreach_sqrt(self: Any) -> Any: ...
def _foreach_sqrt_(self: Any) -> Any: ...
def _foreach_sub(self: Any, *other: Any, alpha: Any = None, **named: Any) -> Any: ...
def _foreach_sub_(self: Any, *other: Any, alpha: Any = None, **named: Any) -> Any: ...
def _foreach_tan(self: Any) -> Any: ...
def _foreach_tan_(self: Any) -> Any: ...
def _foreach_tanh(self: Any) -> Any: ...
def _foreach_tanh_(self: Any) -> Any: ...
def _foreach_trunc(self: Any) -> Any: ...
def _foreach_trunc_(self: Any) -> Any: ...
def _foreach_zero_(self: Any) -> Any: ...
def _sample_dirichlet(self: Tensor, generator: Generator | None = None) -> Tensor: ...
def _scaled_mm(
    input: Tensor,
    mat2: Tensor,
    scale_a: Tensor,
    scale_b: Tensor,
    bias: Tensor | None = None,
    scale_result: Tensor | None = None,
    out_dtype: DType | None = None,
    use_fast_accum: _bool = False,
    *,
    out: Tensor | None = None,
) -> Tensor: ...
def _standard_gamma(self: Tensor, generator: Generator | None = None) -> Tensor: ...
def _standard_gamma_grad(self: Tensor, output: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def abs(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def abs_(input: Tensor) -> Tensor: ...
def absolute(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def acos(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def acos_(input: Tensor) -> Tensor: ...
def acosh(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def acosh_(input: Tensor) -> Tensor: ...
def adaptive_avg_pool1d(input: Tensor, output_size: IntOrInts) -> Tensor: ...
def adaptive_max_pool1d(
    input: Tensor, output_size: IntOrInts, return_indices: _bool = False
) -> tuple[Tensor, Tensor]: ...
def add(
    input: Tensor | Number, other: Tensor | Number, *, alpha: Number = 1, out: Tensor | None = None
) -> Tensor: ...
def addbmm(
    input: Tensor,
    batch1: Tensor,
    batch2: Tensor,
    *,
    beta: Number = 1,
    alpha: Number = 1,
    out: Tensor | None = None,
) -> Tensor: ...
def addcdiv(
    input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1, out: Tensor | None = None
) -> Tensor: ...
def addcmul(
    input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1, out: Tensor | None = None
) -> Tensor: ...
def addmm(
    input: Tensor,
    mat1: Tensor,
    mat2: Tensor,
    *,
    beta: Number = 1,
    alpha: Number = 1,
    out: Tensor | None = None,
) -> Tensor: ...
def addmv(
    input: Tensor, mat: Tensor, vec: Tensor, *, beta: Number = 1, alpha: Number = 1, out: Tensor | None = None
) -> Tensor: ...
def addmv_(input: Tensor, mat: Tensor, vec: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor: ...
def addr(
    input: Tensor,
    vec1: Tensor,
    vec2: Tensor,
    *,
    beta: Number = 1,
    alpha: Number = 1,
    out: Tensor | None = None,
) -> Tensor: ...
def adjoint(input: Tensor) -> Tensor: ...
def affine_grid_generator(theta: Tensor, size: Ints, align_corners: _bool) -> Tensor: ...
def alias_copy(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def all(input: Tensor, dim: Dims = None, keepdim: _bool = False, *, out: Tensor | None = None) -> Tensor: ...
def allclose(
    input: Tensor, other: Tensor, rtol: _float = 1e-05, atol: _float = 1e-08, equal_nan: _bool = False
) -> _bool: ...
def alpha_dropout(input: Tensor, p: _float, train: _bool) -> Tensor: ...
def alpha_dropout_(input: Tensor, p: _float, train: _bool) -> Tensor: ...
def amax(input: Tensor, dim: Dims = ..., keepdim: _bool = False, *, out: Tensor | None = None) -> Tensor: ...
def amin(input: Tensor, dim: Dims = ..., keepdim: _bool = False, *, out: Tensor | None = None) -> Tensor: ...
def aminmax(
    input: Tensor, *, dim: _int | None = None, keepdim: _bool = False, out: tuple[Tensor, ...] | None = None
) -> Aminmax: ...
def angle(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def any(input: Tensor, dim: Dims = None, keepdim: _bool = False, *, out: Tensor | None = None) -> Tensor: ...
@overload
def arange(
    end: Tensor | _float,
    *,
    out: Tensor | None = None,
    dtype: DType | None = None,
    layout: Layout | None = None,
    device: DeviceLike | None = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
@overload
def arange(
    start: Tensor | _float,
    end: Tensor | _float,
    step: Tensor | _float = 1,
    *,
    out: Tensor | None = None,
    dtype: DType | None = None,
    layout: Layout | None = None,
    device: DeviceLike | None = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def arccos(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def arccos_(input: Tensor) -> Tensor: ...
def arccosh(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def arccosh_(input: Tensor) -> Tensor: ...
def arcsin(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def arcsin_(input: Tensor) -> Tensor: ...
def arcsinh(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def arcsinh_(input: Tensor) -> Tensor: ...
def arctan(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def arctan2(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def arctan_(input: Tensor) -> Tensor: ...
def arctanh(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def arctanh_(input: Tensor) -> Tensor: ...
def argmax(
    input: Tensor, dim: _int | None = None, keepdim: _bool = False, *, out: Tensor | None = None
) -> Tensor: ...
def argmin(
    input: Tensor, dim: _int | None = None, keepdim: _bool = False, *, out: Tensor | None = None
) -> Tensor: ...
def argsort(
    input: Tensor,
    dim: _int = -1,
    descending: _bool = False,
    stable: _bool = False,
    *,
    out: Tensor | None = None,
) -> Tensor: ...
def argwhere(input: Tensor) -> Tensor: ...
def as_strided(
    input: Tensor, size: Sequence[_int], stride: Sequence[_int], storage_offset: _int | None = None
) -> Tensor: ...
def as_strided_(
    input: Tensor, size: Sequence[_int], stride: Sequence[_int], storage_offset: _int | None = None
) -> Tensor: ...
def as_strided_copy(
    input: Tensor,
    size: Sequence[_int],
    stride: Sequence[_int],
    storage_offset: _int | None = None,
    *,
    out: Any = None,
) -> Tensor: ...
def as_strided_scatter(
    input: Tensor,
    src: Tensor,
    size: Sequence[_int],
    stride: Sequence[_int],
    storage_offset: _int | None = None,
) -> Tensor: ...
def as_tensor(data: Any, dtype: DType | None = None, device: DeviceLike | None = None) -> Tensor: ...
def asarray(
    obj: Any,
    *,
    dtype: DType | None = None,
    device: DeviceLike | None = None,
    copy: _bool | None = None,
    requires_grad: _bool | None = None,
) -> Tensor: ...
def asin(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def asin_(input: Tensor) -> Tensor: ...
def asinh(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def asinh_(input: Tensor) -> Tensor: ...
def atan(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def atan2(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def atan_(input: Tensor) -> Tensor: ...
def atanh(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def atanh_(input: Tensor) -> Tensor: ...
@overload
def atleast_1d(tensor: Tensor, /) -> Tensor: ...
@overload
def atleast_1d(tensors: Sequence[Tensor], /) -> tuple[Tensor, ...]: ...
@overload
def atleast_1d(first: Tensor, second: Tensor, /, *tensors: Tensor) -> tuple[Tensor, ...]: ...
@overload
def atleast_2d(tensor: Tensor, /) -> Tensor: ...
@overload
def atleast_2d(tensors: Sequence[Tensor], /) -> tuple[Tensor, ...]: ...
@overload
def atleast_2d(first: Tensor, second: Tensor, /, *tensors: Tensor) -> tuple[Tensor, ...]: ...
@overload
def atleast_3d(tensor: Tensor, /) -> Tensor: ...
@overload
def atleast_3d(tensors: Sequence[Tensor], /) -> tuple[Tensor, ...]: ...
@overload
def atleast_3d(first: Tensor, second: Tensor, /, *tensors: Tensor) -> tuple[Tensor, ...]: ...
def avg_pool1d(
    input: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    padding: IntOrInts = 0,
    ceil_mode: _bool = False,
    count_include_pad: _bool = True,
) -> Tensor: ...
def baddbmm(
    input: Tensor,
    batch1: Tensor,
    batch2: Tensor,
    *,
    beta: Number = 1,
    alpha: Number = 1,
    out: Tensor | None = None,
) -> Tensor: ...
def bartlett_window(
    window_length: _int,
    periodic: _bool = True,
    *,
    dtype: DType | None = None,
    layout: Layout | None = None,
    device: DeviceLike | None = None,
    pin_memory: _bool = False,
    requires_grad: _bool = False,
) -> Tensor: ...
def batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: _bool,
    momentum: _float,
    eps: _float,
    cudnn_enabled: _bool = True,
) -> Tensor: ...
def bernoulli(
    input: Tensor, p: _float | None = None, *, generator: Generator | None = None, out: Tensor | None = None
) -> Tensor: ...
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor: ...
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    pos_weight: Tensor | None = None,
    reduction: _int = 0,
) -> Tensor: ...
def bincount(input: Tensor, weights: Tensor | None = None, minlength: _int = 0) -> Tensor: ...
def binomial(count: Tensor, prob: Tensor, generator: Generator | None = None) -> Tensor: ...
def bitwise_and(input: Tensor | Number, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def bitwise_left_shift(
    input: Tensor | Number, other: Tensor | Number, *, out: Tensor | None = None
) -> Tensor: ...
def bitwise_not(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def bitwise_or(input: Tensor | Number, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def bitwise_right_shift(
    input: Tensor | Number, other: Tensor | Number, *, out: Tensor | None = None
) -> Tensor: ...
def bitwise_xor(input: Tensor | Number, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def blackman_window(
    window_length: _int,
    periodic: _bool = True,
    *,
    dtype: DType | None = None,
    layout: Layout | None = None,
    device: DeviceLike | None = None,
    pin_memory: _bool = False,
    requires_grad: _bool = False,
) -> Tensor: ...
def block_diag(*tensors: Tensor) -> Tensor: ...
def bmm(input: Tensor, mat2: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]: ...
def broadcast_to(input: Tensor, size: Sequence[_int]) -> Tensor: ...
def btrifact(A: Tensor, *, pivot: _bool = True) -> tuple[Tensor, ...]: ...
def btrifact_with_info(A: Tensor, *, pivot: _bool = True) -> tuple[Tensor, ...]: ...
def btrisolve(input: Tensor, LU_data: Tensor, LU_pivots: Tensor) -> Tensor: ...
def btriunpack(
    LU_data: Tensor, LU_pivots: Tensor, unpack_data: _bool = True, unpack_pivots: _bool = True
) -> tuple[Any, ...]: ...
def bucketize(
    input: Tensor | Number,
    boundaries: Tensor,
    *,
    out_int32: _bool = False,
    right: _bool = False,
    out: Tensor | None = None,
) -> Tensor: ...
def cartesian_prod(*tensors: Tensor) -> Tensor: ...
def cat(tensors: Tensors, dim: _int = 0, *, out: Tensor | None = None) -> Tensor: ...
def cdist(
    x1: Tensor, x2: Tensor, p: _float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary"
) -> Tensor: ...
def ceil(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def ceil_(input: Tensor) -> Tensor: ...
def celu(input: Tensor, alpha: Number = 1.0, *, out: Tensor | None = None) -> Tensor: ...
def celu_(input: Tensor, alpha: Number = 1.0) -> Tensor: ...
def chain_matmul(*matrices: Tensor) -> Tensor: ...
def channel_shuffle(input: Tensor, groups: _int) -> Tensor: ...
def cholesky(input: Tensor, upper: _bool = False, *, out: Tensor | None = None) -> Tensor: ...
def cholesky_inverse(input: Tensor, upper: _bool = False, *, out: Tensor | None = None) -> Tensor: ...
def cholesky_solve(
    input: Tensor, input2: Tensor, upper: _bool = False, *, out: Tensor | None = None
) -> Tensor: ...
def chunk(input: Tensor, chunks: _int, dim: _int = 0) -> tuple[Tensor, ...]: ...
def clamp(
    input: Tensor,
    min: Tensor | Number | None = None,
    max: Tensor | Number | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor: ...
def clamp_(
    input: Tensor, min: Tensor | Number | None = None, max: Tensor | Number | None = None
) -> Tensor: ...
def clamp_max(input: Tensor, max: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def clamp_max_(input: Tensor, max: Tensor | Number) -> Tensor: ...
def clamp_min(input: Tensor, min: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def clamp_min_(input: Tensor, min: Tensor | Number) -> Tensor: ...
def clip(
    input: Tensor,
    min: Tensor | Number | None = None,
    max: Tensor | Number | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor: ...
def clip_(
    input: Tensor, min: Tensor | Number | None = None, max: Tensor | Number | None = None
) -> Tensor: ...
def clone(input: Tensor, *, memory_format: MemoryFormat | None = None) -> Tensor: ...
def column_stack(tensors: Tensors, *, out: Tensor | None = None) -> Tensor: ...
def combinations(input: Tensor, r: _int = 2, with_replacement: _bool = False) -> Tensor: ...
def complex(real: Tensor, imag: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def concat(tensors: Tensors, dim: _int = 0, *, out: Tensor | None = None) -> Tensor: ...
def concatenate(tensors: Tensors, dim: _int = 0, *, out: Tensor | None = None) -> Tensor: ...
def conj(input: Tensor) -> Tensor: ...
def conj_physical(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def conj_physical_(input: Tensor) -> Tensor: ...
def constant_pad_nd(
    input: Tensor, pad: Sequence[_int], value: Any = 0, *, out: Tensor | None = None
) -> Tensor: ...
def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: IntOrInts = 1,
    padding: str | IntOrInts = 0,
    dilation: IntOrInts = 1,
    groups: _int = 1,
) -> Tensor: ...
def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: IntOrInts = 1,
    padding: str | IntOrInts = 0,
    dilation: IntOrInts = 1,
    groups: _int = 1,
) -> Tensor: ...
def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: IntOrInts = 1,
    padding: str | IntOrInts = 0,
    dilation: IntOrInts = 1,
    groups: _int = 1,
) -> Tensor: ...
def conv_tbc(input: Tensor, weight: Tensor, bias: Tensor, pad: _int = 0) -> Tensor: ...
def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: IntOrInts = 1,
    padding: IntOrInts = 0,
    output_padding: IntOrInts = 0,
    groups: _int = 1,
    dilation: IntOrInts = 1,
) -> Tensor: ...
def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: IntOrInts = 1,
    padding: IntOrInts = 0,
    output_padding: IntOrInts = 0,
    groups: _int = 1,
    dilation: IntOrInts = 1,
) -> Tensor: ...
def conv_transpose3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: IntOrInts = 1,
    padding: IntOrInts = 0,
    output_padding: IntOrInts = 0,
    groups: _int = 1,
    dilation: IntOrInts = 1,
) -> Tensor: ...
def convolution(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: IntOrInts,
    padding: IntOrInts,
    dilation: IntOrInts,
    transposed: _bool,
    output_padding: IntOrInts,
    groups: _int,
    *,
    out: Tensor | None = None,
) -> Tensor: ...
def copysign(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def corrcoef(input: Tensor) -> Tensor: ...
def cos(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def cos_(input: Tensor) -> Tensor: ...
def cosh(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def cosh_(input: Tensor) -> Tensor: ...
def cosine_embedding_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: _float = 0.0, reduction: _int = 0
) -> Tensor: ...
def cosine_similarity(x1: Tensor, x2: Tensor, dim: _int = 1, eps: _float = 1e-08) -> Tensor: ...
def count_nonzero(input: Tensor, dim: Dims = None, *, out: Tensor | None = None) -> Tensor: ...
def cov(
    input: Tensor, *, correction: _int = 1, fweights: Tensor | None = None, aweights: Tensor | None = None
) -> Tensor: ...
def cross(input: Tensor, other: Tensor, dim: _int | None = None, *, out: Tensor | None = None) -> Tensor: ...
def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: _int = 0,
    reduction: _int = 0,
    zero_infinity: _bool = False,
) -> Tensor: ...
def cudnn_convolution_add_relu(
    input: Tensor,
    weight: Tensor,
    z: Tensor,
    alpha: Number | None,
    bias: Tensor | None,
    stride: IntOrInts,
    padding: IntOrInts,
    dilation: IntOrInts,
    groups: _int,
) -> Tensor: ...
def cudnn_convolution_relu(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: IntOrInts,
    padding: IntOrInts,
    dilation: IntOrInts,
    groups: _int,
) -> Tensor: ...
def cummax(input: Tensor, dim: _int, *, out: tuple[Tensor, ...] | None = None) -> Cummax: ...
def cummin(input: Tensor, dim: _int, *, out: tuple[Tensor, ...] | None = None) -> Cummin: ...
def cumprod(input: Tensor, dim: _int, *, dtype: DType | None = None, out: Tensor | None = None) -> Tensor: ...
def cumsum(input: Tensor, dim: _int, *, dtype: DType | None = None, out: Tensor | None = None) -> Tensor: ...
def cumulative_trapezoid(
    y: Tensor, x: Tensor | None = None, *, dx: Number | None = None, dim: _int = -1
) -> Tensor: ...
def deg2rad(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def deg2rad_(input: Tensor) -> Tensor: ...
def det(input: Tensor) -> Tensor: ...
def detach_copy(input: Tensor) -> Tensor: ...
def diag(input: Tensor, diagonal: _int = 0, *, out: Tensor | None = None) -> Tensor: ...
def diag_embed(input: Tensor, offset: _int = 0, dim1: _int = -2, dim2: _int = -1) -> Tensor: ...
def diagflat(input: Tensor, offset: _int = 0) -> Tensor: ...
def diagonal(input: Tensor, offset: _int = 0, dim1: _int = 0, dim2: _int = 1) -> Tensor: ...
def diagonal_copy(
    input: Tensor, offset: _int = 0, dim1: _int = 0, dim2: _int = 1, *, out: Any = None
) -> Tensor: ...
def diagonal_scatter(
    input: Tensor, src: Tensor, offset: _int = 0, dim1: _int = 0, dim2: _int = 1
) -> Tensor: ...
def diff(
    input: Tensor,
    n: _int = 1,
    dim: _int = -1,
    prepend: Tensor | None = None,
    append: Tensor | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor: ...
def digamma(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def dist(input: Tensor, other: Tensor, p: _float = 2) -> Tensor: ...
def div(
    input: Tensor | Number,
    other: Tensor | Number,
    *,
    rounding_mode: str | None = None,
    out: Tensor | None = None,
) -> Tensor: ...
def divide(
    input: Tensor | Number,
    other: Tensor | Number,
    *,
    rounding_mode: str | None = None,
    out: Tensor | None = None,
) -> Tensor: ...
def dot(input: Tensor, tensor: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def dropout(input: Tensor, p: _float, train: _bool) -> Tensor: ...
def dropout_(input: Tensor, p: _float, train: _bool) -> Tensor: ...
def dsplit(input: Tensor, indices_or_sections: IntOrInts) -> tuple[Tensor, ...]: ...
def dstack(tensors: Tensors, *, out: Tensor | None = None) -> Tensor: ...
def eig(
    input: Tensor, eigenvectors: _bool = False, *, out: tuple[Tensor, ...] | None = None
) -> tuple[Tensor, Tensor]: ...
def einsum(equation: Any, *operands: Any) -> Tensor: ...
def embedding(
    weight: Tensor,
    indices: Tensor,
    padding_idx: _int = -1,
    scale_grad_by_freq: _bool = False,
    sparse: _bool = False,
) -> Tensor: ...
def embedding_bag(
    weight: Tensor,
    indices: Tensor,
    offsets: Tensor,
    scale_grad_by_freq: _bool = False,
    mode: _int = 0,
    sparse: _bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: _bool = False,
    padding_idx: _int | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]: ...
def embedding_renorm_(input: Tensor, indices: Tensor, max_norm: _float, norm_type: _float) -> Tensor: ...
def empty(
    *sizes: _int | Sequence[_int],
    size: Sequence[_int] | None = None,
    out: Tensor | None = None,
    dtype: DType | None = None,
    layout: Layout | None = None,
    device: DeviceLike | None = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
    memory_format: MemoryFormat | None = None,
) -> Tensor: ...
def empty_like(
    input: Tensor,
    *,
    dtype: DType | None = None,
    layout: Layout | None = None,
    device: DeviceLike | None = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
    memory_format: MemoryFormat | None = None,
) -> Tensor: ...
def empty_permuted(
    size: Sequence[_int],
    physical_layout: Sequence[_int],
    *,
    dtype: DType | None = None,
    layout: Layout | None = None,
    device: DeviceLike | None = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def empty_strided(
    size: Sequence[_int],
    stride: Sequence[_int],
    *,
    dtype: DType | None = None,
    layout: Layout | None = None,
    device: DeviceLike | None = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def eq(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def equal(input: Tensor, other: Tensor) -> _bool: ...
def erf(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def erf_(input: Tensor) -> Tensor: ...
def erfc(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def erfc_(input: Tensor) -> Tensor: ...
def erfinv(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def exp(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def exp2(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def exp2_(input: Tensor) -> Tensor: ...
def exp_(input: Tensor) -> Tensor: ...
def expand_copy(
    input: Tensor,
    *sizes: _int | Sequence[_int],
    size: Sequence[_int] | None = None,
    implicit: _bool = False,
    out: Any = None,
) -> Tensor: ...
def expm1(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def expm1_(input: Tensor) -> Tensor: ...
def eye(
    n: _int,
    m: _int | None = None,
    *,
    out: Tensor | None = None,
    dtype: DType | None = None,
    layout: Layout | None = None,
    device: DeviceLike | None = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def feature_alpha_dropout(input: Tensor, p: _float, train: _bool) -> Tensor: ...
def feature_alpha_dropout_(input: Tensor, p: _float, train: _bool) -> Tensor: ...
def feature_dropout(input: Tensor, p: _float, train: _bool) -> Tensor: ...
def feature_dropout_(input: Tensor, p: _float, train: _bool) -> Tensor: ...
def fill(input: Tensor, value: Any) -> Tensor: ...
def fill_(input: Tensor, value: Tensor | Number) -> Tensor: ...
def fix(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def fix_(input: Tensor) -> Tensor: ...
def flatten(input: Tensor, start_dim: _int = 0, end_dim: _int = -1) -> Tensor: ...
def flip(input: Tensor, dims: Sequence[_int], *, out: Tensor | None = None) -> Tensor: ...
def fliplr(input: Tensor) -> Tensor: ...
def flipud(input: Tensor) -> Tensor: ...
def float_power(
    input: Tensor | Number, exponent: Tensor | Number, *, out: Tensor | None = None
) -> Tensor: ...
def floor(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def floor_(input: Tensor) -> Tensor: ...
def floor_divide(input: Tensor | Number, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def fmax(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def fmin(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def fmod(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def frac(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def frac_(input: Tensor) -> Tensor: ...
def frexp(input: Tensor, *, out: tuple[Tensor, ...] | None = None) -> tuple[Tensor, Tensor]: ...
def frobenius_norm(input: Tensor, dim: IntOrInts, keepdim: _bool = False) -> Tensor: ...
def from_numpy(ndarray: np.ndarray) -> Tensor: ...
def frombuffer(
    buffer: Any, *, dtype: DType, count: _int = -1, offset: _int = 0, requires_grad: _bool = False
) -> Tensor: ...
def full(
    size: Sequence[_int],
    fill_value: Number,
    *,
    out: Tensor | None = None,
    dtype: DType | None = None,
    layout: Layout | None = None,
    device: DeviceLike | None = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def full_like(
    input: Tensor,
    fill_value: Number,
    *,
    dtype: DType | None = None,
    layout: Layout | None = None,
    device: DeviceLike | None = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
    memory_format: MemoryFormat | None = None,
) -> Tensor: ...
def gather(
    input: Tensor, dim: _int, index: Tensor, *, sparse_grad: _bool = False, out: Tensor | None = None
) -> Tensor: ...
def gcd(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def gcd_(input: Tensor, other: Tensor) -> Tensor: ...
def ge(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def gels(input: Tensor, A: Tensor) -> tuple[Tensor, Tensor]: ...
def geqrf(input: Tensor, *, out: tuple[Tensor, ...] | None = None) -> Geqrf: ...
def ger(input: Tensor, vec2: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def gesv(input: Tensor, A: Tensor, *, out: tuple[Tensor, ...] | None = None) -> tuple[Tensor, Tensor]: ...
def gradient(
    input: Tensor, *, spacing: Any = None, dim: Dims = None, edge_order: _int = 1
) -> tuple[Tensor, ...]: ...
def greater(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def greater_equal(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def grid_sampler(
    input: Tensor,
    grid: Tensor,
    interpolation_mode: _int,
    padding_mode: _int,
    align_corners: _bool,
    *,
    out: Tensor | None = None,
) -> Tensor: ...
def grid_sampler_2d(
    input: Tensor, grid: Tensor, interpolation_mode: _int, padding_mode: _int, align_corners: _bool
) -> Tensor: ...
def grid_sampler_3d(
    input: Tensor, grid: Tensor, interpolation_mode: _int, padding_mode: _int, align_corners: _bool
) -> Tensor: ...
def group_norm(
    input: Tensor,
    num_groups: _int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: _float = 1e-05,
    cudnn_enabled: _bool = True,
) -> Tensor: ...
def gru(
    input: Tensor,
    hx: Any,
    params: Any,
    has_biases: Any,
    num_layers: Any,
    dropout: Any,
    train: Any,
    bidirectional: Any,
    batch_first: Any,
) -> tuple[Tensor, Tensor]: ...
def gru_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor: ...
def gt(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def hamming_window(
    window_length: _int,
    periodic: _bool = True,
    alpha: _float = 0.54,
    beta: _float = 0.46,
    *,
    dtype: DType | None = None,
    layout: Layout | None = None,
    device: DeviceLike | None = None,
    pin_memory: _bool = False,
    requires_grad: _bool = False,
) -> Tensor: ...
def hann_window(
    window_length: _int,
    periodic: _bool = True,
    *,
    dtype: DType | None = None,
    layout: Layout | None = None,
    device: DeviceLike | None = None,
    pin_memory: _bool = False,
    requires_grad: _bool = False,
) -> Tensor: ...
def hardshrink(input: Tensor, lambd: Number = 0.5, *, out: Tensor | None = None) -> Tensor: ...
def hash_tensor(
    input: Tensor, dim: Dims = ..., *, keepdim: _bool = False, mode: _int = 0, out: Tensor | None = None
) -> Tensor: ...
def heaviside(input: Tensor, values: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def hinge_embedding_loss(
    input: Tensor, target: Tensor, margin: _float = 1.0, reduction: _int = 0
) -> Tensor: ...
def histc(
    input: Tensor, bins: _int = 100, min: _float = 0, max: _float = 0, *, out: Tensor | None = None
) -> Tensor: ...
def histogram(
    input: Tensor,
    bins: Tensor | _int = 100,
    *,
    range: tuple[_float, _float] | None = None,
    weight: Tensor | None = None,
    density: _bool = False,
    out: tuple[Tensor, ...] | None = None,
) -> Histogram: ...
def histogramdd(
    input: Tensor,
    bins: Any,
    range: Sequence[_float] | None = None,
    weight: Tensor | None = None,
    density: _bool = False,
) -> Histogramdd: ...
def hsplit(input: Tensor, indices_or_sections: IntOrInts) -> tuple[Tensor, ...]: ...
def hstack(tensors: Tensors, *, out: Tensor | None = None) -> Tensor: ...
def hypot(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def i0(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def i0_(input: Tensor) -> Tensor: ...
def igamma(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def igammac(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def imag(input: Tensor) -> Tensor: ...
def index_add(
    input: Tensor, dim: _int, index: Tensor, source: Tensor, *, alpha: Any = 1, out: Tensor | None = None
) -> Tensor: ...
def index_copy(
    input: Tensor, dim: _int, index: Tensor, source: Tensor, *, out: Tensor | None = None
) -> Tensor: ...
def index_fill(
    input: Tensor, dim: _int, index: Tensor, value: Tensor | Number, *, out: Tensor | None = None
) -> Tensor: ...
def index_put(input: Tensor, indices: Any, values: Tensor, accumulate: _bool = False) -> Tensor: ...
def index_put_(input: Tensor, indices: Any, values: Tensor, accumulate: _bool = False) -> Tensor: ...
def index_reduce(
    input: Tensor,
    dim: _int,
    index: Tensor,
    source: Tensor,
    reduce: str,
    *,
    include_self: _bool = True,
    out: Tensor | None = None,
) -> Tensor: ...
def index_select(input: Tensor, dim: _int, index: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def inner(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def instance_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    use_input_stats: _bool,
    momentum: _float,
    eps: _float,
    cudnn_enabled: _bool,
) -> Tensor: ...
def inverse(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def isclose(
    input: Tensor, other: Tensor, rtol: _float = 1e-05, atol: _float = 1e-08, equal_nan: _bool = False
) -> Tensor: ...
def isfinite(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def isin(
    elements: Tensor | Number,
    test_elements: Tensor | Number,
    *,
    assume_unique: _bool = False,
    invert: _bool = False,
    out: Tensor | None = None,
) -> Tensor: ...
def isinf(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def isnan(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def isneginf(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def isposinf(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def isreal(input: Tensor) -> Tensor: ...
def istft(
    input: Tensor,
    n_fft: _int,
    hop_length: _int | None = None,
    win_length: _int | None = None,
    window: Tensor | None = None,
    center: _bool = True,
    normalized: _bool = False,
    onesided: _bool | None = None,
    length: _int | None = None,
    return_complex: _bool = False,
) -> Tensor: ...
def kaiser_window(
    window_length: _int,
    periodic: _bool = True,
    beta: _float = 12.0,
    *,
    dtype: DType | None = None,
    layout: Layout | None = None,
    device: DeviceLike | None = None,
    pin_memory: _bool = False,
    requires_grad: _bool = False,
) -> Tensor: ...
def kl_div(input: Tensor, target: Tensor, reduction: _int = 0, *, log_target: _bool = False) -> Tensor: ...
def kron(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def kthvalue(
    input: Tensor, k: _int, dim: _int = -1, keepdim: _bool = False, *, out: tuple[Tensor, ...] | None = None
) -> Kthvalue: ...
def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[_int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: _float = 1e-05,
    cudnn_enable: _bool = True,
) -> Tensor: ...
def lcm(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def lcm_(input: Tensor, other: Tensor) -> Tensor: ...
def ldexp(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def ldexp_(input: Tensor, other: Tensor) -> Tensor: ...
def le(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def lerp(input: Tensor, end: Tensor, weight: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def less(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def less_equal(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def lgamma(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def linspace(
    start: Tensor | Number,
    end: Tensor | Number,
    steps: _int,
    *,
    out: Tensor | None = None,
    dtype: DType | None = None,
    layout: Layout | None = None,
    device: DeviceLike | None = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def lobpcg(
    A: Tensor,
    k: _int | None = None,
    B: Tensor | None = None,
    X: Tensor | None = None,
    n: _int | None = None,
    iK: Tensor | None = None,
    niter: _int | None = None,
    tol: _float | None = None,
    largest: _bool | None = None,
    method: str | None = None,
) -> tuple[Tensor, Tensor]: ...
def log(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def log10(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def log10_(input: Tensor) -> Tensor: ...
def log1p(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def log1p_(input: Tensor) -> Tensor: ...
def log2(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def log2_(input: Tensor) -> Tensor: ...
def log_(input: Tensor) -> Tensor: ...
def log_softmax(
    input: Tensor, dim: _int, dtype: DType | None = None, *, out: Tensor | None = None
) -> Tensor: ...
def logaddexp(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def logaddexp2(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def logcumsumexp(input: Tensor, dim: _int, *, out: Tensor | None = None) -> Tensor: ...
def logdet(input: Tensor) -> Tensor: ...
def logical_and(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def logical_not(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def logical_or(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def logical_xor(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def logit(input: Tensor, eps: _float | None = None, *, out: Tensor | None = None) -> Tensor: ...
def logit_(input: Tensor, eps: _float | None = None) -> Tensor: ...
def logspace(
    start: Tensor | Number,
    end: Tensor | Number,
    steps: _int,
    base: _float = 10.0,
    *,
    out: Tensor | None = None,
    dtype: DType | None = None,
    layout: Layout | None = None,
    device: DeviceLike | None = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def logsumexp(
    input: Tensor, dim: _int | Sequence[_int], keepdim: _bool = False, *, out: Tensor | None = None
) -> Tensor: ...
def lstm(
    input: Tensor,
    hx: Any,
    params: Any,
    has_biases: Any,
    num_layers: Any,
    dropout: Any,
    train: Any,
    bidirectional: Any,
    batch_first: Any,
) -> tuple[Tensor, Tensor, Tensor]: ...
def lstm_cell(
    input: Tensor,
    hx: Tensors,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> tuple[Tensor, Tensor]: ...
def lt(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def lu(A: Tensor, pivot: _bool = True, get_infos: _bool = False, out: Any = None) -> tuple[Tensor, ...]: ...
def lu_solve(input: Tensor, LU_data: Tensor, LU_pivots: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def lu_unpack(
    LU_data: Tensor,
    LU_pivots: Tensor,
    unpack_data: _bool = True,
    unpack_pivots: _bool = True,
    *,
    out: tuple[Tensor, ...] | None = None,
) -> tuple[Tensor, Tensor, Tensor]: ...
def margin_ranking_loss(
    input1: Tensor, input2: Tensor, target: Tensor, margin: _float = 0.0, reduction: _int = 0
) -> Tensor: ...
def masked_fill(
    input: Tensor, mask: Tensor, value: Tensor | Number, *, out: Tensor | None = None
) -> Tensor: ...
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def masked_select(input: Tensor, mask: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def matmul(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def matrix_exp(input: Tensor) -> Tensor: ...
def matrix_power(input: Tensor, n: _int, *, out: Tensor | None = None) -> Tensor: ...
@overload
def max(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
@overload
def max(
    input: Tensor, dim: _int, keepdim: _bool = False, *, out: tuple[Tensor, ...] | None = None
) -> Max: ...
@overload
def max(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor: ...
@overload
def max_pool1d(
    input: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    padding: IntOrInts = 0,
    dilation: IntOrInts = 1,
    ceil_mode: _bool = False,
    return_indices: Literal[False] = False,
) -> Tensor: ...
@overload
def max_pool1d(
    input: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    padding: IntOrInts = 0,
    dilation: IntOrInts = 1,
    ceil_mode: _bool = False,
    *,
    return_indices: Literal[True],
) -> tuple[Tensor, Tensor]: ...
@overload
def max_pool1d(
    input: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None,
    padding: IntOrInts,
    dilation: IntOrInts,
    ceil_mode: _bool,
    return_indices: Literal[True],
) -> tuple[Tensor, Tensor]: ...
@overload
def max_pool1d(
    input: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    padding: IntOrInts = 0,
    dilation: IntOrInts = 1,
    ceil_mode: _bool = False,
    return_indices: _bool = False,
) -> Tensor | tuple[Tensor, Tensor]: ...
def max_pool1d_with_indices(
    input: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    padding: IntOrInts = 0,
    dilation: IntOrInts = 1,
    ceil_mode: _bool = False,
    return_indices: _bool = False,
) -> tuple[Tensor, Tensor]: ...
@overload
def max_pool2d(
    input: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    padding: IntOrInts = 0,
    dilation: IntOrInts = 1,
    ceil_mode: _bool = False,
    return_indices: Literal[False] = False,
) -> Tensor: ...
@overload
def max_pool2d(
    input: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    padding: IntOrInts = 0,
    dilation: IntOrInts = 1,
    ceil_mode: _bool = False,
    *,
    return_indices: Literal[True],
) -> tuple[Tensor, Tensor]: ...
@overload
def max_pool2d(
    input: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None,
    padding: IntOrInts,
    dilation: IntOrInts,
    ceil_mode: _bool,
    return_indices: Literal[True],
) -> tuple[Tensor, Tensor]: ...
@overload
def max_pool2d(
    input: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    padding: IntOrInts = 0,
    dilation: IntOrInts = 1,
    ceil_mode: _bool = False,
    return_indices: _bool = False,
) -> Tensor | tuple[Tensor, Tensor]: ...
@overload
def max_pool3d(
    input: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    padding: IntOrInts = 0,
    dilation: IntOrInts = 1,
    ceil_mode: _bool = False,
    return_indices: Literal[False] = False,
) -> Tensor: ...
@overload
def max_pool3d(
    input: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    padding: IntOrInts = 0,
    dilation: IntOrInts = 1,
    ceil_mode: _bool = False,
    *,
    return_indices: Literal[True],
) -> tuple[Tensor, Tensor]: ...
@overload
def max_pool3d(
    input: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None,
    padding: IntOrInts,
    dilation: IntOrInts,
    ceil_mode: _bool,
    return_indices: Literal[True],
) -> tuple[Tensor, Tensor]: ...
@overload
def max_pool3d(
    input: Tensor,
    kernel_size: IntOrInts,
    stride: IntOrInts | None = None,
    padding: IntOrInts = 0,
    dilation: IntOrInts = 1,
    ceil_mode: _bool = False,
    return_indices: _bool = False,
) -> Tensor | tuple[Tensor, Tensor]: ...
def maximum(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def mean(
    input: Tensor,
    dim: Dims = None,
    keepdim: _bool = False,
    *,
    dtype: DType | None = None,
    out: Tensor | None = None,
) -> Tensor: ...
@overload
def median(input: Tensor) -> Tensor: ...
@overload
def median(input: Tensor, dim: _int, keepdim: _bool = False) -> Median: ...
def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]: ...
@overload
def min(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
@overload
def min(
    input: Tensor, dim: _int, keepdim: _bool = False, *, out: tuple[Tensor, ...] | None = None
) -> Min: ...
@overload
def min(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def minimum(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def mm(input: Tensor, mat2: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def mode(
    input: Tensor, dim: _int = -1, keepdim: _bool = False, *, out: tuple[Tensor, ...] | None = None
) -> Mode: ...
def moveaxis(input: Tensor, source: IntOrInts, destination: IntOrInts) -> Tensor: ...
def movedim(input: Tensor, source: IntOrInts, destination: IntOrInts) -> Tensor: ...
def msort(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def mul(input: Tensor | Number, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def multigammaln(input: Tensor, p: _int, *, out: Tensor | None = None) -> Tensor: ...
def multinomial(
    input: Tensor,
    num_samples: _int,
    replacement: _bool = False,
    *,
    generator: Generator | None = None,
    out: Tensor | None = None,
) -> Tensor: ...
def multiply(input: Tensor | Number, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def mv(input: Tensor, vec: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def mvlgamma(input: Tensor, p: _int, *, out: Tensor | None = None) -> Tensor: ...
def nan_to_num(
    input: Tensor,
    nan: _float | None = None,
    posinf: _float | None = None,
    neginf: _float | None = None,
    *,
    out: Tensor | None = None,
) -> Tensor: ...
def nan_to_num_(
    input: Tensor, nan: _float | None = None, posinf: _float | None = None, neginf: _float | None = None
) -> Tensor: ...
def nanmean(
    input: Tensor,
    dim: Dims = None,
    keepdim: _bool = False,
    *,
    dtype: DType | None = None,
    out: Tensor | None = None,
) -> Tensor: ...
@overload
def nanmedian(input: Tensor) -> Tensor: ...
@overload
def nanmedian(input: Tensor, dim: _int, keepdim: _bool = False) -> Nanmedian: ...
def nanquantile(
    input: Tensor,
    q: Tensor | _float | Sequence[_float],
    dim: _int | None = None,
    keepdim: _bool = False,
    *,
    interpolation: str = "linear",
    out: Tensor | None = None,
) -> Tensor: ...
def nansum(
    input: Tensor,
    dim: Dims = None,
    keepdim: _bool = False,
    *,
    dtype: DType | None = None,
    out: Tensor | None = None,
) -> Tensor: ...
def narrow(input: Tensor, dim: _int, start: _int | Tensor, length: _int) -> Tensor: ...
def narrow_copy(
    input: Tensor, dim: _int, start: _int | Tensor, length: _int, *, out: Any = None
) -> Tensor: ...
def native_batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: _bool,
    momentum: _float,
    eps: _float,
) -> tuple[Tensor, Tensor, Tensor]: ...
def native_channel_shuffle(input: Tensor, groups: _int) -> Tensor: ...
def native_dropout(input: Tensor, p: _float, train: _bool | None) -> tuple[Tensor, Tensor]: ...
def native_group_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    N: _int,
    C: _int,
    HxW: _int,
    group: _int,
    eps: _float,
) -> tuple[Tensor, Tensor, Tensor]: ...
def native_layer_norm(
    input: Tensor, normalized_shape: IntOrInts, weight: Tensor | None, bias: Tensor | None, eps: _float
) -> tuple[Tensor, Tensor, Tensor]: ...
def ne(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def neg(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def neg_(input: Tensor) -> Tensor: ...
def negative(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def negative_(input: Tensor) -> Tensor: ...
def nextafter(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor: ...
@overload
def nonzero(input: Tensor, *, out: Tensor | None = None, as_tuple: Literal[False] = False) -> Tensor: ...
@overload
def nonzero(input: Tensor, *, out: Tensor | None = None, as_tuple: Literal[True]) -> tuple[Tensor, ...]: ...
def nonzero_static(
    input: Tensor, *, size: _int, fill_value: _int = -1, out: Tensor | None = None
) -> Tensor: ...
def norm(
    input: Tensor,
    p: Any = "fro",
    dim: Dims = None,
    keepdim: _bool = False,
    out: Tensor | None = None,
    dtype: DType | None = None,
) -> Tensor: ...
def norm_except_dim(v: Tensor, pow: _int = 2, dim: _int = 0) -> Tensor: ...
def normal(
    mean: Tensor | _float,
    std: Tensor | _float = 1.0,
    size: Sequence[_int] | None = None,
    *,
    generator: Generator | None = None,
    out: Tensor | None = None,
    dtype: DType | None = None,
    layout: Layout | None = None,
    device: DeviceLike | None = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def not_equal(input: Tensor, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def nuclear_norm(input: Tensor, dim: Dims = None, keepdim: _bool = False) -> Tensor: ...
def ones(
    *sizes: _int | Sequence[_int],
    size: Sequence[_int] | None = None,
    out: Tensor | None = None,
    dtype: DType | None = None,
    layout: Layout | None = None,
    device: DeviceLike | None = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def ones_like(
    input: Tensor,
    *,
    dtype: DType | None = None,
    layout: Layout | None = None,
    device: DeviceLike | None = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
    memory_format: MemoryFormat | None = None,
) -> Tensor: ...
def orgqr(input: Tensor, input2: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def ormqr(
    input: Tensor,
    input2: Tensor,
    input3: Tensor,
    left: _bool = True,
    transpose: _bool = False,
    *,
    out: Tensor | None = None,
) -> Tensor: ...
def outer(input: Tensor, vec2: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def pad(input: Tensor, pad: Sequence[_int], value: Any = 0, *, out: Tensor | None = None) -> Tensor: ...
def pairwise_distance(
    x1: Tensor, x2: Tensor, p: _float = 2.0, eps: _float = 1e-06, keepdim: _bool = False
) -> Tensor: ...
def pca_lowrank(
    A: Tensor, q: _int | None = None, center: _bool = True, niter: _int = 2
) -> tuple[Tensor, Tensor, Tensor]: ...
def pdist(input: Tensor, p: _float = 2.0) -> Tensor: ...
def permute(input: Tensor, dims: Sequence[_int]) -> Tensor: ...
def permute_copy(input: Tensor, dims: Sequence[_int], *, out: Any = None) -> Tensor: ...
def pinverse(input: Tensor, rcond: _float = 1e-15) -> Tensor: ...
def pixel_shuffle(input: Tensor, upscale_factor: _int) -> Tensor: ...
def pixel_unshuffle(input: Tensor, downscale_factor: _int) -> Tensor: ...
def poisson(input: Tensor, generator: Generator | None = None) -> Tensor: ...
def poisson_nll_loss(
    input: Tensor, target: Tensor, log_input: _bool, full: _bool, eps: _float, reduction: _int
) -> Tensor: ...
def polar(abs: Tensor, angle: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def polygamma(n: _int, input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def positive(input: Tensor) -> Tensor: ...
def potrf(input: Tensor, upper: _bool = True) -> Tensor: ...
def potri(input: Tensor, upper: _bool = True) -> Tensor: ...
def potrs(input: Tensor, input2: Tensor, upper: _bool = True) -> Tensor: ...
def pow(input: Tensor | Number, exponent: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def prelu(input: Tensor, weight: Tensor) -> Tensor: ...
def prod(
    input: Tensor,
    dim: _int | None = None,
    keepdim: _bool = False,
    *,
    dtype: DType | None = None,
    out: Tensor | None = None,
) -> Tensor: ...
def pstrf(
    input: Tensor, upper: _bool = True, tol: _float = -1, *, out: tuple[Tensor, ...] | None = None
) -> Pstrf: ...
def put(
    input: Tensor, index: Tensor, source: Tensor, accumulate: _bool = False, *, out: Tensor | None = None
) -> Tensor: ...
def qr(
    input: Tensor, some: _bool = True, *, out: tuple[Tensor, ...] | None = None
) -> tuple[Tensor, Tensor]: ...
def quantile(
    input: Tensor,
    q: Tensor | _float | Sequence[_float],
    dim: _int | None = None,
    keepdim: _bool = False,
    *,
    interpolation: str = "linear",
    out: Tensor | None = None,
) -> Tensor: ...
def rad2deg(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def rad2deg_(input: Tensor) -> Tensor: ...
def rand(
    *sizes: _int | Sequence[_int],
    size: Sequence[_int] | None = None,
    generator: Generator | None = None,
    out: Tensor | None = None,
    dtype: DType | None = None,
    layout: Layout | None = None,
    device: DeviceLike | None = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def rand_like(
    input: Tensor,
    *,
    dtype: DType | None = None,
    layout: Layout | None = None,
    device: DeviceLike | None = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
    memory_format: MemoryFormat | None = None,
    generator: Generator | None = None,
) -> Tensor: ...
@overload
def randint(
    high: _int,
    size: Sequence[_int],
    *,
    generator: Generator | None = None,
    out: Tensor | None = None,
    dtype: DType | None = None,
    layout: Layout | None = None,
    device: DeviceLike | None = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
@overload
def randint(
    low: _int,
    high: _int,
    size: Sequence[_int],
    *,
    generator: Generator | None = None,
    out: Tensor | None = None,
    dtype: DType | None = None,
    layout: Layout | None = None,
    device: DeviceLike | None = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def randint_like(
    input: Tensor,
    low: _int | None = None,
    high: _int | None = None,
    *,
    generator: Generator | None = None,
    dtype: DType | None = None,
    layout: Layout | None = None,
    device: DeviceLike | None = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
    memory_format: MemoryFormat | None = None,
) -> Tensor: ...
def randn(
    *sizes: _int | Sequence[_int],
    size: Sequence[_int] | None = None,
    generator: Generator | None = None,
    out: Tensor | None = None,
    dtype: DType | None = None,
    layout: Layout | None = None,
    device: DeviceLike | None = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def randn_like(
    input: Tensor,
    *,
    dtype: DType | None = None,
    layout: Layout | None = None,
    device: DeviceLike | None = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
    memory_format: MemoryFormat | None = None,
    generator: Generator | None = None,
) -> Tensor: ...
def randperm(
    n: _int,
    *,
    generator: Generator | None = None,
    out: Tensor | None = None,
    dtype: DType | None = None,
    layout: Layout | None = None,
    device: DeviceLike | None = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def range(
    start: Number | None = None,
    end: Number | None = None,
    step: Number = 1,
    *,
    out: Tensor | None = None,
    dtype: DType | None = None,
    layout: Layout | None = None,
    device: DeviceLike | None = None,
    requires_grad: _bool = False,
) -> Tensor: ...
def ravel(input: Tensor) -> Tensor: ...
def real(input: Tensor) -> Tensor: ...
def reciprocal(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def reciprocal_(input: Tensor) -> Tensor: ...
def relu(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def relu_(input: Tensor) -> Tensor: ...
def remainder(input: Tensor | Number, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def renorm(input: Tensor, p: _float, dim: _int, maxnorm: _float, *, out: Tensor | None = None) -> Tensor: ...
def repeat_interleave(
    input: Tensor | None = None,
    repeats: IntOrInts | Tensor | None = None,
    dim: _int | None = None,
    *,
    output_size: _int | None = None,
) -> Tensor: ...
def reshape(input: Tensor, shape: Sequence[_int]) -> Tensor: ...
def resolve_conj(input: Tensor) -> Tensor: ...
def resolve_neg(input: Tensor) -> Tensor: ...
def rms_norm(
    input: Tensor, normalized_shape: Sequence[_int], weight: Tensor | None = None, eps: _float | None = None
) -> Tensor: ...
def rnn_relu(
    input: Tensor,
    hx: Any,
    params: Any,
    has_biases: Any,
    num_layers: Any,
    dropout: Any,
    train: Any,
    bidirectional: Any,
    batch_first: Any,
) -> tuple[Tensor, Tensor]: ...
def rnn_relu_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor: ...
def rnn_tanh(
    input: Tensor,
    hx: Any,
    params: Any,
    has_biases: Any,
    num_layers: Any,
    dropout: Any,
    train: Any,
    bidirectional: Any,
    batch_first: Any,
) -> tuple[Tensor, Tensor]: ...
def rnn_tanh_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor: ...
def roll(input: Tensor, shifts: IntOrInts, dims: Dims = None) -> Tensor: ...
def rot90(input: Tensor, k: _int = 1, dims: Sequence[_int] = ...) -> Tensor: ...
def round(input: Tensor, *, decimals: _int = 0, out: Tensor | None = None) -> Tensor: ...
def round_(input: Tensor, *, decimals: _int = 0) -> Tensor: ...
def row_stack(tensors: Tensors, *, out: Tensor | None = None) -> Tensor: ...
def rrelu(
    input: Tensor,
    lower: Number = 0.125,
    upper: Number = 0.3333333333333333,
    training: _bool = False,
    inplace: _bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor: ...
def rrelu_(
    input: Tensor,
    lower: Number = 0.125,
    upper: Number = 0.3333333333333333,
    training: _bool = False,
    generator: Generator | None = None,
) -> Tensor: ...
def rsqrt(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def rsqrt_(input: Tensor) -> Tensor: ...
def rsub(
    input: Tensor, other: Tensor | Number, alpha: Number = 1, *, out: Tensor | None = None
) -> Tensor: ...
def scalar_tensor(
    s: Number,
    *,
    dtype: DType | None = None,
    layout: Layout | None = None,
    device: DeviceLike | None = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def scatter(
    input: Tensor,
    dim: _int,
    index: Tensor,
    src: Any = None,
    *,
    value: Any = None,
    reduce: str | None = None,
    out: Tensor | None = None,
) -> Tensor: ...
def scatter_add(
    input: Tensor, dim: _int, index: Tensor, src: Tensor, *, out: Tensor | None = None
) -> Tensor: ...
def scatter_reduce(
    input: Tensor,
    dim: _int,
    index: Tensor,
    src: Tensor,
    reduce: str,
    include_self: _bool = True,
    *,
    out: Tensor | None = None,
) -> Tensor: ...
def searchsorted(
    sorted_sequence: Tensor,
    input: Tensor | Number,
    *,
    out_int32: _bool = False,
    right: _bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
    out: Tensor | None = None,
) -> Tensor: ...
def segment_reduce(
    data: Tensor,
    reduce: str,
    *,
    lengths: Tensor | None = None,
    indices: Tensor | None = None,
    offsets: Tensor | None = None,
    axis: _int = 0,
    unsafe: _bool = False,
    initial: Number | None = None,
) -> Tensor: ...
def select(input: Tensor, dim: _int, index: _int) -> Tensor: ...
def select_copy(input: Tensor, dim: _int, index: _int, *, out: Any = None) -> Tensor: ...
def select_scatter(input: Tensor, src: Tensor, dim: _int, index: _int) -> Tensor: ...
def selu(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def selu_(input: Tensor) -> Tensor: ...
def sgn(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def sigmoid(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def sigmoid_(input: Tensor) -> Tensor: ...
def sign(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def signbit(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def sin(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def sin_(input: Tensor) -> Tensor: ...
def sinc(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def sinc_(input: Tensor) -> Tensor: ...
def sinh(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def sinh_(input: Tensor) -> Tensor: ...
def slice_copy(
    input: Tensor, dim: _int = 0, start: _int | None = None, end: _int | None = None, step: _int = 1
) -> Tensor: ...
def slice_inverse(
    input: Tensor,
    src: Tensor,
    dim: _int = 0,
    start: _int | None = None,
    end: _int | None = None,
    step: _int = 1,
) -> Tensor: ...
def slice_scatter(
    input: Tensor,
    src: Tensor,
    dim: _int = 0,
    start: _int | None = None,
    end: _int | None = None,
    step: _int = 1,
) -> Tensor: ...
def slogdet(input: Tensor, *, out: tuple[Tensor, ...] | None = None) -> tuple[Tensor, Tensor]: ...
def softmax(input: Tensor, dim: _int, dtype: DType | None = None, *, out: Tensor | None = None) -> Tensor: ...
def sort(
    input: Tensor,
    dim: _int = -1,
    descending: _bool = False,
    stable: _bool = False,
    *,
    out: tuple[Tensor, ...] | None = None,
) -> Sort: ...
def split(tensor: Tensor, split_size_or_sections: IntOrInts, dim: _int = 0) -> tuple[Tensor, ...]: ...
def split_copy(
    input: Tensor, split_size_or_sections: IntOrInts, dim: _int = 0, *, out: Any = None
) -> tuple[Tensor, ...]: ...
def split_with_sizes(input: Tensor, split_sizes: Sequence[_int], dim: _int = 0) -> tuple[Tensor, ...]: ...
def split_with_sizes_copy(
    input: Tensor, split_sizes: Sequence[_int], dim: _int = 0, *, out: Any = None
) -> tuple[Tensor, ...]: ...
def sqrt(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def sqrt_(input: Tensor) -> Tensor: ...
def square(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def square_(input: Tensor) -> Tensor: ...
def squeeze(input: Tensor, dim: Dims = None) -> Tensor: ...
def squeeze_copy(input: Tensor, dim: Dims = None, *, out: Any = None) -> Tensor: ...
def stack(tensors: Tensors, dim: _int = 0, *, out: Tensor | None = None) -> Tensor: ...
def std(
    input: Tensor,
    dim: Dims | _bool = None,
    unbiased: _bool | None = None,
    keepdim: _bool = False,
    *,
    correction: _float | None = None,
    out: Tensor | None = None,
) -> Tensor: ...
def std_mean(
    input: Tensor,
    dim: Dims | _bool = None,
    unbiased: _bool | None = None,
    keepdim: _bool = False,
    *,
    correction: _float | None = None,
) -> tuple[Tensor, Tensor]: ...
def stft(
    input: Tensor,
    n_fft: _int,
    hop_length: _int | None = None,
    win_length: _int | None = None,
    window: Tensor | None = None,
    center: _bool = True,
    pad_mode: str = "reflect",
    normalized: _bool = False,
    onesided: _bool | None = None,
    return_complex: _bool | None = None,
    align_to_window: _bool | None = None,
) -> Tensor: ...
def sub(
    input: Tensor | Number, other: Tensor | Number, *, alpha: Number = 1, out: Tensor | None = None
) -> Tensor: ...
def subtract(
    input: Tensor | Number, other: Tensor | Number, *, alpha: Number = 1, out: Tensor | None = None
) -> Tensor: ...
def sum(
    input: Tensor,
    dim: Dims = None,
    keepdim: _bool = False,
    *,
    dtype: DType | None = None,
    out: Tensor | None = None,
) -> Tensor: ...
def svd(
    input: Tensor, some: _bool = True, compute_uv: _bool = True, *, out: tuple[Tensor, ...] | None = None
) -> tuple[Tensor, Tensor, Tensor]: ...
def svd_lowrank(
    A: Tensor, q: _int | None = 6, niter: _int = 2, M: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]: ...
def swapaxes(input: Tensor, axis0: _int, axis1: _int) -> Tensor: ...
def swapdims(input: Tensor, dim0: _int, dim1: _int) -> Tensor: ...
def symeig(
    input: Tensor, eigenvectors: _bool = False, upper: _bool = True, *, out: tuple[Tensor, ...] | None = None
) -> tuple[Tensor, Tensor]: ...
def t(input: Tensor) -> Tensor: ...
def t_copy(input: Tensor, *, out: Any = None) -> Tensor: ...
def take(input: Tensor, index: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def take_along_dim(
    input: Tensor, indices: Tensor, dim: _int | None = None, *, out: Tensor | None = None
) -> Tensor: ...
def tan(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def tan_(input: Tensor) -> Tensor: ...
def tanh(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def tanh_(input: Tensor) -> Tensor: ...
def tensor(
    data: Any,
    *,
    dtype: DType | None = None,
    device: DeviceLike | None = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def tensor_split(
    input: Tensor, indices_or_sections: IntOrInts | Tensor, dim: _int = 0
) -> tuple[Tensor, ...]: ...
def tensordot(a: Tensor, b: Tensor, dims: Any = 2, out: Tensor | None = None) -> Tensor: ...
def threshold(input: Tensor, threshold: Number, value: Number, *, out: Tensor | None = None) -> Tensor: ...
def threshold_(input: Tensor, threshold: Number, value: Number) -> Tensor: ...
def tile(input: Tensor, dims: Sequence[_int]) -> Tensor: ...
def topk(
    input: Tensor,
    k: _int,
    dim: _int = -1,
    largest: _bool = True,
    sorted: _bool = True,
    *,
    out: tuple[Tensor, ...] | None = None,
) -> Topk: ...
def trace(input: Tensor) -> Tensor: ...
def transpose(input: Tensor, dim0: _int, dim1: _int) -> Tensor: ...
def transpose_copy(input: Tensor, dim0: _int, dim1: _int, *, out: Any = None) -> Tensor: ...
def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Number | None = None, dim: _int = -1) -> Tensor: ...
def trapz(y: Tensor, x: Tensor | None = None, *, dx: Number | None = None, dim: _int = -1) -> Tensor: ...
def triangular_solve(
    input: Tensor,
    A: Tensor,
    upper: _bool = True,
    transpose: _bool = False,
    unitriangular: _bool = False,
    *,
    out: tuple[Tensor, ...] | None = None,
) -> tuple[Tensor, Tensor]: ...
def tril(input: Tensor, diagonal: _int = 0, *, out: Tensor | None = None) -> Tensor: ...
def tril_indices(
    row: _int,
    col: _int,
    offset: _int = 0,
    *,
    dtype: DType | None = None,
    device: DeviceLike | None = None,
    layout: Layout | None = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: _float = 1.0,
    p: _float = 2.0,
    eps: _float = 1e-06,
    swap: _bool = False,
    reduction: _int = 0,
) -> Tensor: ...
def triu(input: Tensor, diagonal: _int = 0, *, out: Tensor | None = None) -> Tensor: ...
def triu_indices(
    row: _int,
    col: _int,
    offset: _int = 0,
    *,
    dtype: DType | None = None,
    device: DeviceLike | None = None,
    layout: Layout | None = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def trtrs(
    input: Tensor, A: Tensor, upper: _bool = True, transpose: _bool = False, unitriangular: _bool = False
) -> tuple[Tensor, Tensor]: ...
def true_divide(input: Tensor | Number, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def trunc(input: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def trunc_(input: Tensor) -> Tensor: ...
def unbind(input: Tensor, dim: _int = 0) -> tuple[Tensor, ...]: ...
def unbind_copy(input: Tensor, dim: _int = 0, *, out: Any = None) -> tuple[Tensor, ...]: ...
def unflatten(input: Tensor, dim: _int, sizes: Sequence[_int]) -> Tensor: ...
def unfold_copy(input: Tensor, dimension: _int, size: _int, step: _int, *, out: Any = None) -> Tensor: ...
@overload
def unique(
    input: Tensor,
    sorted: _bool = True,
    *,
    return_inverse: Literal[False] = False,
    return_counts: Literal[False] = False,
    dim: _int | None = None,
) -> Tensor: ...
@overload
def unique(
    input: Tensor,
    sorted: _bool = True,
    return_inverse: _bool = False,
    return_counts: _bool = False,
    dim: _int | None = None,
) -> Any: ...
@overload
def unique_consecutive(
    input: Tensor,
    *,
    return_inverse: Literal[False] = False,
    return_counts: Literal[False] = False,
    dim: _int | None = None,
) -> Tensor: ...
@overload
def unique_consecutive(
    input: Tensor, return_inverse: _bool = False, return_counts: _bool = False, dim: _int | None = None
) -> Any: ...
def unravel_index(indices: Tensor, shape: Any) -> tuple[Tensor, ...]: ...
def unsafe_chunk(input: Tensor, chunks: _int, dim: _int = 0) -> tuple[Tensor, ...]: ...
def unsafe_split(input: Tensor, split_size_or_sections: IntOrInts, dim: _int = 0) -> tuple[Tensor, ...]: ...
def unsafe_split_with_sizes(
    input: Tensor, split_sizes: Sequence[_int], dim: _int = 0
) -> tuple[Tensor, ...]: ...
def unsqueeze(input: Tensor, dim: _int) -> Tensor: ...
def unsqueeze_copy(input: Tensor, dim: _int, *, out: Any = None) -> Tensor: ...
def vander(x: Tensor, N: _int | None = None, increasing: _bool = False) -> Tensor: ...
def var(
    input: Tensor,
    dim: Dims | _bool = None,
    unbiased: _bool | None = None,
    keepdim: _bool = False,
    *,
    correction: _float | None = None,
    out: Tensor | None = None,
) -> Tensor: ...
def var_mean(
    input: Tensor,
    dim: Dims | _bool = None,
    unbiased: _bool | None = None,
    keepdim: _bool = False,
    *,
    correction: _float | None = None,
) -> tuple[Tensor, Tensor]: ...
def vdot(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor: ...
def view_as_complex(input: Tensor) -> Tensor: ...
def view_as_complex_copy(input: Tensor, *, out: Any = None) -> Tensor: ...
def view_as_real(input: Tensor) -> Tensor: ...
def view_as_real_copy(input: Tensor, *, out: Any = None) -> Tensor: ...
def view_copy(
    input: Tensor,
    *sizes: _int | Sequence[_int] | DType,
    size: Sequence[_int] | None = None,
    dtype: DType | None = None,
    out: Any = None,
) -> Tensor: ...
def vsplit(input: Tensor, indices_or_sections: IntOrInts) -> tuple[Tensor, ...]: ...
def vstack(tensors: Tensors, *, out: Tensor | None = None) -> Tensor: ...
@overload
def where(
    condition: Tensor, input: Tensor | Number, other: Tensor | Number, *, out: Tensor | None = None
) -> Tensor: ...
@overload
def where(condition: Tensor) -> tuple[Tensor, ...]: ...
def xlogy(input: Tensor | Number, other: Tensor | Number, *, out: Tensor | None = None) -> Tensor: ...
def xlogy_(input: Tensor | Number, other: Tensor | Number) -> Tensor: ...
def zero_(input: Tensor) -> Tensor: ...
def zeros(
    *sizes: _int | Sequence[_int],
    size: Sequence[_int] | None = None,
    out: Tensor | None = None,
    dtype: DType | None = None,
    layout: Layout | None = None,
    device: DeviceLike | None = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def zeros_like(
    input: Tensor,
    *,
    dtype: DType | None = None,
    layout: Layout | None = None,
    device: DeviceLike | None = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
    memory_format: MemoryFormat | None = None,
) -> Tensor: ...
