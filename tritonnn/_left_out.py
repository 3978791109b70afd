"""Names of `torch` itself that are left out, by what they belong to: what asking for one says."""

from __future__ import annotations

from tritonnn._refusals import QUANTIZED, SCRIPT, VENDOR

_DEVICES = "it concerns a kind of device that tritonnn has no backend for; there are cpu and cuda"
_INNARDS = "it belongs to how PyTorch itself is built, and programs have no use for it"
_SPARSE = "tritonnn has no such form for sparse tensors; torch.sparse has those that there are"

LEFT_OUT: dict[str, str] = {
    SCRIPT: """
        AliasDb AnyType Argument ArgumentSpec AwaitType BenchmarkConfig BenchmarkExecutionStats Block BoolType
        BufferDict CallStack Capsule ClassType Code CompleteArgumentSpec ComplexType ConcreteModuleType
        ConcreteModuleTypeBuilder DeepCopyMemoTable DeserializationStorageContext DeviceObjType DictType EnumType
        ErrorReport ExecutionPlan FileCheck FloatType FunctionSchema FutureType Gradient Graph GraphExecutorState
        IODescriptor InferredType IntType InterfaceType ListType LiteScriptModule ModuleDict Node NoneType NumberType
        OperatorInfo OptionalType ParameterDict PyObjectType RRefType ScriptClass ScriptClassFunction ScriptDict
        ScriptDictIterator ScriptDictKeyIterator ScriptList ScriptListIterator ScriptMethod ScriptModuleSerializer
        ScriptObject ScriptObjectProperty SerializationStorageContext StaticModule StreamObjType StringType
        SymBoolType SymIntType ThroughputBenchmark TracingState TupleType Type UnionType Use Value
        import_ir_module import_ir_module_from_buffer merge_type_from_type_comment parse_ir parse_schema
        parse_type_comment unify_type_list
    """,
    QUANTIZED: """
        QInt32Storage QInt8Storage QUInt2x4Storage QUInt4x2Storage QUInt8Storage choose_qparams_optimized dequantize
        empty_quantized fused_moving_avg_obs_fake_quant int_repr per_channel_affine
        per_channel_affine_float_qparams per_channel_symmetric per_tensor_affine per_tensor_symmetric
        q_per_channel_axis q_per_channel_scales q_per_channel_zero_points q_scale q_zero_point qint32 qint8 qscheme
        quantize_per_channel quantize_per_tensor quantize_per_tensor_dynamic quantized_batch_norm quantized_gru
        quantized_gru_cell quantized_lstm quantized_lstm_cell quantized_max_pool1d quantized_max_pool2d
        quantized_max_pool3d quantized_rnn_relu_cell quantized_rnn_tanh_cell quint2x4 quint4x2 quint8
        fbgemm_linear_fp16_weight fbgemm_linear_fp16_weight_fp32_activation fbgemm_linear_int8_weight
        fbgemm_linear_int8_weight_fp32_activation fbgemm_linear_quantize_weight fbgemm_pack_gemm_matrix_fp16
        fbgemm_pack_quantized_matrix
    """,
    VENDOR: """
        cudnn_affine_grid_generator cudnn_batch_norm cudnn_convolution cudnn_convolution_transpose
        cudnn_grid_sampler cudnn_is_acceptable miopen_batch_norm
        miopen_convolution miopen_convolution_add_relu miopen_convolution_relu miopen_convolution_transpose
        miopen_ctc_loss miopen_depthwise_convolution miopen_rnn mkldnn_adaptive_avg_pool2d mkldnn_convolution
        mkldnn_linear_backward_weights mkldnn_max_pool2d mkldnn_max_pool3d mkldnn_rnn_layer native_norm
        batch_norm_backward_elemt batch_norm_backward_reduce batch_norm_elemt batch_norm_gather_stats
        batch_norm_gather_stats_with_counts batch_norm_stats batch_norm_update_stats
    """,
    _DEVICES: """
        get_autocast_ipu_dtype get_autocast_xla_dtype is_autocast_ipu_enabled is_autocast_xla_enabled
        set_autocast_ipu_dtype set_autocast_ipu_enabled set_autocast_xla_dtype set_autocast_xla_enabled npu hpu xla
        musa mlu sdaa supa tpu neuron
    """,
    _SPARSE: """
        ccol_indices_copy col_indices_copy crow_indices_copy indices_copy resize_as_sparse_ row_indices_copy
        values_copy
    """,
    _INNARDS: """
        AVG AggregationType DispatchKey DispatchKeySet ExcludeDispatchKeyGuard FatalError LockingLogger LoggerBase
        NoopLogger PRIVATE_OPS SUM StorageBase Tag USE_GLOBAL_DEPS USE_RTLD_GLOBAL_WITH_LIBTORCH get_file_path
        init_num_threads prepare_multiprocessing_environment profiler_allow_cudagraph_cupti_lazy_reinit_cuda12
        PyTorchFileWriter
    """,
}
_REASONS = {name: why for why, names in LEFT_OUT.items() for name in names.split()}


def reason(name: str) -> str:
    """What to say after `tritonnn has no torch.NAME`: the reason, or nothing."""
    why = _REASONS.get(name)
    return f": {why}" if why else ""
