"""Functions, modules and attributes of torch beside the ops: what they answer is what PyTorch answers on a CPU."""

from __future__ import annotations

import importlib
import itertools
import types
import warnings

import pytest
import torch as reference

import tritonnn as torch

# Names of torch.* that tritonnn leaves out, by what they belong to.
LEFT_OUT = {
    "TorchScript and its types": """
        AVG AggregationType AliasDb AnyType Argument ArgumentSpec AwaitType BenchmarkConfig BenchmarkExecutionStats
        Block BoolType BufferDict CallStack Capsule ClassType Code CompleteArgumentSpec ComplexType
        ConcreteModuleType ConcreteModuleTypeBuilder DeepCopyMemoTable DeserializationStorageContext DeviceObjType
        DictType DispatchKey DispatchKeySet EnumType ErrorReport ExcludeDispatchKeyGuard ExecutionPlan FatalError
        FileCheck FloatType FunctionSchema FutureType Gradient Graph GraphExecutorState IODescriptor InferredType
        IntType InterfaceType ListType LiteScriptModule LockingLogger LoggerBase ModuleDict Node NoneType NoopLogger
        NumberType OperatorInfo OptionalType ParameterDict PyObjectType PyTorchFileWriter RRefType SUM ScriptClass
        ScriptClassFunction ScriptDict ScriptDictIterator ScriptDictKeyIterator ScriptList ScriptListIterator
        ScriptMethod ScriptModuleSerializer ScriptObject ScriptObjectProperty SerializationStorageContext
        StaticModule StorageBase StreamObjType StringType SymBoolType SymIntType Tag ThroughputBenchmark
        TracingState TupleType Type UnionType Use Value import_ir_module import_ir_module_from_buffer
        merge_type_from_type_comment parse_ir parse_schema parse_type_comment unify_type_list
    """,
    "compiling, exporting, other machines": """
        get_file_path prepare_multiprocessing_environment init_num_threads
        profiler_allow_cudagraph_cupti_lazy_reinit_cuda12 get_autocast_ipu_dtype get_autocast_xla_dtype
        is_autocast_ipu_enabled is_autocast_xla_enabled set_autocast_ipu_dtype set_autocast_ipu_enabled
        set_autocast_xla_dtype set_autocast_xla_enabled PRIVATE_OPS USE_GLOBAL_DEPS USE_RTLD_GLOBAL_WITH_LIBTORCH
    """,
    "quantised numbers": """
        QInt32Storage QInt8Storage QUInt2x4Storage QUInt4x2Storage QUInt8Storage choose_qparams_optimized dequantize
        empty_quantized fused_moving_avg_obs_fake_quant int_repr per_channel_affine per_channel_affine_float_qparams
        per_channel_symmetric per_tensor_affine per_tensor_symmetric q_per_channel_axis q_per_channel_scales
        q_per_channel_zero_points q_scale q_zero_point qint32 qint8 qscheme quantize_per_channel quantize_per_tensor
        quantize_per_tensor_dynamic quantized_batch_norm quantized_gru quantized_gru_cell quantized_lstm
        quantized_lstm_cell quantized_max_pool1d quantized_max_pool2d quantized_max_pool3d quantized_rnn_relu_cell
        quantized_rnn_tanh_cell quint2x4 quint4x2 quint8 fbgemm_linear_fp16_weight
        fbgemm_linear_fp16_weight_fp32_activation fbgemm_linear_int8_weight
        fbgemm_linear_int8_weight_fp32_activation fbgemm_linear_quantize_weight fbgemm_pack_gemm_matrix_fp16
        fbgemm_pack_quantized_matrix
    """,
    "libraries that PyTorch calls": """
        cudnn_affine_grid_generator cudnn_batch_norm cudnn_convolution cudnn_convolution_transpose
        cudnn_grid_sampler cudnn_is_acceptable miopen_batch_norm
        miopen_convolution miopen_convolution_add_relu miopen_convolution_relu miopen_convolution_transpose
        miopen_ctc_loss miopen_depthwise_convolution miopen_rnn mkldnn_adaptive_avg_pool2d mkldnn_convolution
        mkldnn_linear_backward_weights mkldnn_max_pool2d mkldnn_max_pool3d mkldnn_rnn_layer native_norm
        batch_norm_backward_elemt batch_norm_backward_reduce batch_norm_elemt batch_norm_gather_stats
        batch_norm_gather_stats_with_counts batch_norm_stats batch_norm_update_stats
    """,
    "sparse, nested and complex tensors, in the making": """
        ccol_indices_copy col_indices_copy crow_indices_copy hsmm indices_copy resize_as_sparse_ row_indices_copy
        saddmm values_copy
    """,
}


# Older names than this PyTorch's.
REMOVED = {
    "btrifact", "btrifact_with_info", "btrisolve", "btriunpack", "gels", "gesv", "potrf", "potri", "potrs", "pstrf",
    "trtrs",
}  # fmt: skip


def test_names_that_are_missing_are_those_left_out():
    """What comes later need not leave the list at once; a name that is lost is found."""
    left_out = {name for names in LEFT_OUT.values() for name in names.split()}
    names = {n for n in dir(reference) if not n.startswith("_")}
    names = {
        n for n in names if not isinstance(getattr(reference, n), types.ModuleType) and n != "TYPE_CHECKING"
    }
    missing = {n for n in names if not hasattr(torch, n)}
    assert not missing - left_out
    assert not left_out - names, "PyTorch has no such name"


def test_what_is_missing_says_so():
    with pytest.raises(AttributeError, match=r"tritonnn has no torch\.quantize_per_tensor"):
        torch.quantize_per_tensor  # noqa: B018


def test_star_import():
    """All that PyTorch gives to `from torch import *` and tritonnn has; and nothing that is none of users' business."""
    names = set(torch.__all__)
    modules = {n for n in reference.__all__ if isinstance(getattr(reference, n), types.ModuleType)}
    assert {n for n in reference.__all__ if hasattr(torch, n)} - modules <= names
    own = {"VerificationError", "autotune", "multigammaln", "pad", "serve", "verify"}
    assert {n for n in names if not hasattr(reference, n)} <= own | REMOVED
    taken: dict = {}
    exec("from tritonnn import *", taken)
    assert set(taken) - {"__builtins__"} == names
    assert not [n for n in names if isinstance(taken[n], types.ModuleType)]


def both(run):
    """What a call gives in both libraries: a value, or the class of the exception."""
    outcomes = []
    for library in (torch, reference):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                outcomes.append(run(library))
            except Exception as error:
                outcomes.append(type(error))
    return outcomes


CALLS = [
    *[lambda t, v=v: t.is_nonzero(t.tensor(v)) for v in (0.0, 2, [0], [3j], [1, 2], [])],
    lambda t: t.is_nonzero(1),
    lambda t: t.tensor([2]).is_nonzero(),
    *[lambda t, d=d: t.is_signed(t.ones(1, dtype=getattr(t, d))) for d in ("uint8", "int8", "bool", "float16")],
    lambda t: t.is_signed(1),
    lambda t: t.is_same_size(t.ones(2), t.ones(2, 1)),
    lambda t: t.is_same_size(t.ones(2), t.zeros(2)),
    lambda t: t.is_same_size(t.ones(2), 2),
    lambda t: (t.is_distributed(t.ones(1)), t.ones(1).is_distributed()),
    lambda t: t.get_device(t.ones(1)),
    lambda t: t.get_device("cpu"),
    lambda t: t.resize_as_(t.arange(6), t.ones(2, 3)).tolist(),
    *[lambda t, v=v: t._assert(t.tensor(v), "text") for v in (True, False)],
    *[lambda t, n=n: getattr(t.tensor([True, False]), n)().item() for n in ("_is_all_true", "_is_any_true")],
    *[lambda t, n=n: getattr(t, n)(t.tensor([True, False])).item() for n in ("_is_all_true", "_is_any_true")],
    *[
        lambda t, f=f: f(t.sym_int, t.sym_float, t.sym_not, t.sym_sqrt)
        for f in (
            lambda i, f, n, s: (i(3.7), i(-3.7), i(2)), lambda i, f, n, s: (f(3), f(True)),
            lambda i, f, n, s: (n(True), n(2), n(0)), lambda i, f, n, s: (s(4), s(2.25)),
        )
    ],
    *[
        lambda t, a=a, b=b: [(type(v), v) for v in (t.sym_max(a, b), t.sym_min(a, b))]
        for a, b in itertools.product((1, 2.0, True, 0), repeat=2)
    ],
    *[lambda t, v=v: t.sym_sum(v) for v in ([1, 2, 3], (1.5, 2), [])],
    lambda t: t.sym_ite(True, 1, 2),
    lambda t: t.sym_ite(1, 1, 2),
    lambda t: t.sym_ite(True, 1, 2.0),
    lambda t: t.sym_fresh_size(3),
    *[lambda t, v=v: t.sym_constrain_range(v, min=0, max=5) for v in (3, 7, -1)],
    *[lambda t, v=v: t.sym_constrain_range_for_size(v) for v in (3, -1)],
    *[
        lambda t, n=n, v=v: getattr(t, n)(v)
        for n in ("_check", "_check_index", "_check_value", "_check_type", "_check_not_implemented")
        for v in (True, False, 3)
    ],
    lambda t: t._check(False, lambda: "text"),
    lambda t: t._check(False, "text"),
    *[lambda t, v=v: t._check_is_size(v) for v in (0, -1)],
    lambda t: t._check_with(KeyError, False, lambda: "text"),
    *[lambda t, v=v: t.get_device_module(v).__name__.rpartition(".")[2] for v in ("cpu", "cuda", "mps", "xpu", "mtia")],
    *[lambda t, v=v: t.get_device_module(v) for v in ("meta", "foo", 3)],
    lambda t: t.get_device_module(t.device("cpu")).__name__.rpartition(".")[2],
    lambda t: t.set_flush_denormal(1),
    lambda t: t.set_anomaly_enabled(1),
    lambda t: (t.set_anomaly_enabled(True, False), t.is_anomaly_enabled(), t.is_anomaly_check_nan_enabled()),
    lambda t: (t.set_anomaly_enabled(False), t.is_anomaly_enabled(), t.is_anomaly_check_nan_enabled()),
    lambda t: (t.thread_safe_generator(), t.random.thread_safe_generator()),
    lambda t: (t.is_vulkan_available(), t.compiled_with_cxx11_abi(), t.has_lapack, t.has_spectral),
    lambda t: [isinstance(1, kind) for kind in (t.SymInt, t.SymFloat, t.SymBool)],
    *[lambda t, n=n: getattr(t.ones(1), n) for n in ("is_ipu", "is_maia", "is_mtia", "is_vulkan", "is_xla")],
    *[lambda t, n=n: getattr(t.ones(1), n) for n in ("volatile", "_has_symbolic_sizes_strides", "_python_dispatch")],
    lambda t: t.ones(1).reinforce(1),
    lambda t: t.ones(1).const_data_ptr() == 0,
    lambda t: t.ones(2, 3).resize(3, 2).tolist(),
    lambda t: t.ones(2, 3).resize_as(t.ones(3, 2)).tolist(),
    lambda t: t.ones(2, 3).resize(3),
    lambda t: t.ones(2, 3)._typed_storage().size(),
    *[lambda t, n=n: getattr(t.ones(1), n)() for n in ("_is_zerotensor",)],
    lambda t: t.zeros(2).module_load(t.ones(2)).tolist(),
    lambda t: t.zeros(2).module_load(t.ones(3), assign=True).tolist(),
    *[lambda t, m=m: (getattr(t, m).is_available(), getattr(t, m).device_count()) for m in ("mps", "xpu", "mtia")],
    lambda t: (t.xpu.manual_seed(1), t.xpu.manual_seed_all(1), t.xpu.empty_cache(), t.xpu.is_initialized()),
    *[lambda t, m=m: getattr(t, m).synchronize() for m in ("mps",)],
    lambda t: (t.backends.cusparselt.is_available(), t.backends.cusparselt.version()),
    lambda t: (t.backends.kleidiai.is_available(), t.backends.miopen.immediate, t.backends.mha.get_fastpath_enabled()),
    lambda t: setattr(importlib.import_module(f"{t.__name__}.backends.xnnpack"), "enabled", True),
    lambda t: t.backends.nnpack.set_flags(True) and None,
    lambda t: t.__future__.get_overwrite_module_params_on_conversion(),
    lambda t: sorted(t.functional.__all__),
    lambda t: (t.version.debug, t.version.xpu, t.version.rocm, t.version.cuda),
    lambda t: t.utils.set_module(3, 3),
]  # fmt: skip


@pytest.mark.parametrize("run", CALLS, ids=range(len(CALLS)))
def test_calls(run):
    got, wanted = both(run)
    if isinstance(got, type) and isinstance(wanted, type) and issubclass(got, wanted):
        return  # an error that explains itself is one of PyTorch's class
    assert got == wanted


@pytest.mark.parametrize(
    "shape", [(), (3,), (2, 3), (1, 3), (2, 3, 4, 5), (1, 1, 1, 1), (0, 3), (2, 1, 3, 3)]
)
def test_dim_order(shape):
    for order in itertools.permutations(range(len(shape))):
        results = both(lambda t, o=order: t.ones(shape).permute(o).dim_order())
        assert results[0] == results[1], order
        # Where a dimension is single PyTorch refuses also what the one format that is given settles.
        formats = [["contiguous_format"]] if 1 not in shape else []
        for check in (True, *formats, ["channels_last", "contiguous_format"], 3):
            results = both(
                lambda t, o=order, c=check: t.ones(shape).permute(o).dim_order(
                    ambiguity_check=[getattr(t, f) for f in c] if isinstance(c, list) else c
                )
            )  # fmt: skip
            got, wanted = results
            assert got == wanted or (isinstance(got, type) and issubclass(got, wanted)), (order, check)


def test_typename():
    for make in (
        lambda t: t.ones(1), lambda t: t.nn.Parameter(t.ones(1, dtype=t.float64)), lambda t: 3, lambda t: "text",
        lambda t: t.nn.Linear(1, 1), lambda t: t.nn.Linear, lambda t: t.float32, lambda t: t.arange(2), lambda t: int,
    ):  # fmt: skip
        got, wanted = (library.typename(make(library)) for library in (torch, reference))
        assert got.rpartition(".")[2] == wanted.rpartition(".")[2]
        assert got.partition(".")[0] == wanted.partition(".")[0]


@pytest.mark.parametrize("kind", ["float64", "float16", None])
def test_grad_dtype(kind):
    def run(t):
        x = t.ones(2, requires_grad=True)
        before = str(x.grad_dtype)
        x.grad_dtype = kind and getattr(t, kind)
        (x * 3).sum().backward()
        (x * 2).sum().backward()
        return before, str(x.grad_dtype), str(x.grad.dtype), x.grad.tolist()

    got, wanted = both(run)
    assert got == wanted and not isinstance(got, type)


@pytest.mark.parametrize("wrong", ["number", "late", "other", "inner", "read"])
def test_grad_dtype_refuses(wrong):
    def run(t):
        x = t.ones(2, requires_grad=True)
        if wrong == "number":
            x.grad_dtype = 3
        elif wrong == "late":
            x.grad = t.ones(2)
            x.grad_dtype = t.float64
        elif wrong == "other":
            x.grad_dtype = t.float64
            x.grad = t.ones(2)
        elif wrong == "inner":
            (x * 2).grad_dtype = t.float64
        else:
            return (x * 2).grad_dtype

    got, wanted = both(run)
    assert got is wanted is RuntimeError


VERSIONS = [
    "1.10.0",
    "1.9",
    "2.0.0a0",
    "2.0.0",
    "2.0",
    "2.0.0.dev20230101",
    "2.0.1+cu118",
    "2.0.0rc1",
    "2.0.0.post1",
    "10",
]


def test_versions_compare_as_versions():
    theirs = importlib.import_module("torch.torch_version").TorchVersion
    mine = importlib.import_module("tritonnn.torch_version").TorchVersion
    for a, b in itertools.product(VERSIONS, repeat=2):
        for name in ("__lt__", "__le__", "__gt__", "__ge__", "__eq__"):
            assert getattr(mine(a), name)(b) == getattr(theirs(a), name)(b), (a, name, b)
    for other in ((1, 10), (2, 0, 1), [3], (1, 9, 0)):
        assert (mine("1.10.0") > other) == (theirs("1.10.0") > other)
        assert (mine("1.10.0") == other) == (theirs("1.10.0") == other)
    assert isinstance(torch.__version__, str) and torch.__version__ < "100"
    assert mine("2.0.0") == "2.0" and hash(mine("2.0")) == hash("2.0")
    with pytest.raises((TypeError, ValueError)):
        mine("2.0") > 2.0  # noqa: B015
