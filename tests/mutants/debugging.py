"""Faults in what helps to find faults: verify mode, determinism, anomaly mode, comparisons of tensors."""

from __future__ import annotations

from mutants import Fault

VERIFY = "tritonnn/_verify/call.py"
SITE = "tritonnn/_call_site.py"
BETWEEN = "tritonnn/table/between.py"
DETERMINISM = "tritonnn/determinism.py"
AUTOTUNE = "kernels/launch/autotune.py"
CONVERSION = "tritonnn/ops/conversion/conversion.py"
ANOMALY = "tritonnn/autograd/anomaly.py"
TRACING = "tritonnn/recording/tracing.py"
CLOSE = "tritonnn/testing/_comparison.py"
SORT = "kernels/device/sort.py"
TWIN_SORT = "cpu_fallback/sorting/sorting.py"
ERRORS = "tritonnn/errors.py"
BEYOND = "tritonnn/dispatch/_checks.py"

FAULTS = [
    Fault(
        "verify mode: the twin's inputs are those after the kernel", "ownership", VERIFY,
        "        args = [mapped(value, copied) for value in self.before[self.outs :]]",
        "        args = [mapped(mapped(value, lambda b: fetched(b, {})), copied) for value in self.given[self.outs :]]",
        "tests/test_verify.py -k 'in_place or optimizer_step'",
    ),
    Fault(
        "verify mode: terms that cancel are an alarm", "precision", VERIFY,
        "                allowed = allowed + MOVED_TOLERANCE * self.own_error(name, b)\n", "",
        "tests/test_verify.py -k cancel",
    ),
    Fault(
        "verify mode: comparisons may differ where inputs are nearly equal", "precision", VERIFY,
        "expected.dtype.name in TOLERANCES and self.op.name not in EXACT:", "True:",
        "tests/test_verify_exact.py",
    ),
    Fault(
        "verify mode: 0-d inputs that are moved are no arrays", "special value", VERIFY,
        "            return np.asarray(moved, array.dtype)", "            return moved.astype(array.dtype)",
        "tests/test_verify_exact.py -k without_dimensions",
    ),
    Fault(
        "verify mode: what was NaN before is reported", "special value", VERIFY,
        "settings.non_finite and all(finite(value) for value in flat(inputs))", "settings.non_finite",
        "tests/test_verify.py -k first_nan",
    ),
    Fault(
        "verify mode: the module is the outermost", "index", SITE,
        "inner, root = self.modules[0], self.modules[-1]", "inner, root = self.modules[-1], self.modules[-1]",
        "tests/test_verify.py -k module_path",
    ),
    Fault(
        "verify mode: stays in the way", "state", BETWEEN,
        "        op.cpu = op.gpu = None", "        pass",
        "tests/test_verify.py -k off_again",
    ),
    Fault(
        "determinism: memory is filled whatever the switch says", "default", DETERMINISM,
        "return enabled and fill_uninitialized_memory", "return enabled",
        "tests/test_deterministic.py -k uninitialised",
    ),
    Fault(
        "determinism: what was measured is taken", "lookup", AUTOTUNE,
        "if determinism.enabled or (not _tuning and not _table()):", "if not _tuning and not _table():",
        "tests/test_deterministic.py -k measured",
    ),
    Fault(
        "determinism: what was there is filled as well", "index", CONVERSION,
        "    first = held // input.dtype.itemsize\n", "    first = 0\n",
        "tests/test_deterministic.py -k larger_storage",
    ),
    Fault(
        "a tensor beyond its storage keeps its buffer", "refusal", "tritonnn/_tensor.py",
        "        return Missing(str(invalid))\n", "        return None\n",
        "tests/test_resized_storage.py -k beyond",
    ),
    Fault(
        "only one storage of a block gets the new one", "ownership", "tritonnn/_tensor.py",
        "if type(s) is Storage and s.block is old]", "if s is storage]",
        "tests/test_resized_storage.py -k growing",
    ),
    Fault(
        "properties of a tensor are assigned", "refusal", "tritonnn/_tensor_methods.py",
        "member.fset or refuse, member.fdel or refuse,", "member.fset or (lambda *_: None), member.fdel or refuse,",
        "tests/test_assigned_geometry.py -k read_only",
    ),
    Fault(
        "a block is replaced without a lock", "ownership", "tritonnn/memory.py",
        "resizing = threading.RLock()", "resizing = threading.Semaphore(1 << 20)",
        "tests/test_resized_storage.py -k two_threads",
    ),
    Fault(
        "a view shows itself before it is whole", "ownership", "tritonnn/_tensor.py",
        "    tensor._stride = stride\n    tensor._offset = offset\n    tensor._buf = buf\n",
        "    tensor._storage, tensor._shape, tensor._dtype = storage, shape, dtype\n    tensor._stride = stride\n"
        "    tensor._offset = offset\n    tensor._buf = buf\n",
        "tests/test_resized_storage.py -k another_thread",
    ),
    Fault(
        "set_ from another device", "refusal", CONVERSION,
        "    if source.device is not self.device:\n", "    if False:\n",
        "tests/parity/test_geometry_parity.py -k 'refused and meta'",
    ),
    Fault(
        "resize_ of what requires grad without recording", "graph", CONVERSION,
        "    if self.requires_grad:\n        raise RuntimeError(\"cannot resize", "    if state.enabled and "
        "self.requires_grad:\n        raise RuntimeError(\"cannot resize",
        "tests/parity/test_geometry_parity.py -k 'refused and no_grad'",
    ),
    Fault(
        "a slice of nothing starts where its base does", "file offset", "tritonnn/ops/shape/parts.py",
        "    offset = input._offset + start * stride[dim]\n    size[dim]",
        "    offset = input._offset + (start * stride[dim] if length else 0)\n    size[dim]",
        "tests/parity/test_geometry_parity.py -k geometry",
    ),
    Fault(
        "verify: inputs are not looked at", "lookup", "tritonnn/_verify/call.py",
        "if self.on_gpu and self.outs and self.changed(returned):", "if False:",
        "tests/test_verify.py -k changes_what_it_reads",
    ),
    Fault(
        "verify: only large changes of inputs count", "precision", "tritonnn/_verify/values.py",
        "    return (sides[0] != sides[1]).any(-1)\n", "    return change(a, b) > 1e-3\n",
        "tests/test_verify.py -k changes_what_it_reads",
    ),
    Fault(
        "verify: what the twin writes besides is taken for untouched", "lookup", "tritonnn/_verify/call.py",
        "                if unlike(after, old).any():\n", "                if False:\n",
        "tests/test_verify.py -k 'clean or false_alarm'",
    ),
    Fault(
        "set_ is no write", "version check", CONVERSION,
        '    dispatch.wrote(input, "set_")\n', "",
        "tests/test_resized_storage.py -k set",
    ),
    Fault(
        "anomaly mode: the imaginary part is not looked at", "special value", ANOMALY,
        "parts = (grad.real, grad.imag) if grad.dtype.is_complex else (grad,)", "parts = (grad.real,)",
        "tests/test_anomaly.py -k imaginary",
    ),
    Fault(
        "anomaly mode: what induced a calculation is not kept", "graph", TRACING,
        "Trace(traceback.format_stack(frame), state.running)", "Trace(traceback.format_stack(frame), None)",
        "tests/test_anomaly.py -k induced",
    ),
    Fault(
        "assert_close: a number that overflows is close", "special value", CLOSE,
        "if cmath.isfinite(difference) and difference <=", "if difference <=",
        "tests/parity/test_testing_parity.py -k assert_close",
    ),
    Fault(
        "assert_close: the smaller tolerance of two dtypes", "precision", CLOSE,
        "    return max(r for r, _ in known), max(a for _, a in known)\n\n\ndef _same",
        "    return min(r for r, _ in known), min(a for _, a in known)\n\n\ndef _same",
        "tests/parity/test_testing_parity.py -k 'assert_close and unchecked'",
    ),
    Fault(
        "assert_close: elements that match take part", "mask", CLOSE,
        "values = torch.where(matches, torch.zeros_like(values), values).flatten()", "values = values.flatten()",
        "tests/parity/test_testing_parity.py -k assert_close",
    ),
    Fault(
        "uint32: the upper half of the range comes first", "index", SORT,
        "        return (x ^ 0x80000000).to(tl.int32, bitcast=True)", "        return x.to(tl.int32, bitcast=True)",
        "tests/test_unsigned.py -k 'order and uint32'",
    ),
    Fault(
        "uint32: the upper half comes first on the CPU", "index", TWIN_SORT,
        "key = (rows ^ np.uint32(0x80000000)).view(np.int32)", "key = rows.view(np.int32)",
        "tests/test_unsigned.py -k 'order and uint32'",
    ),
    Fault(
        "unsigned types are computed with by every op", "argument check", BEYOND,
        "        if not takes_unsigned(op):\n", "        if False:\n",
        "tests/parity/test_unsigned_parity.py -k 'test_operation and uint16'",
    ),
    Fault(
        "an integer beyond int64 is Python's affair", "argument check", ERRORS,
        "LEAKS = (OverflowError, MemoryError, Invalid)", "LEAKS = (MemoryError, Invalid)",
        "tests/test_odd_arguments.py",
    ),
    Fault(
        "a dimension of a 0-d tensor is Python's affair", "argument check", "tritonnn/ops/joining/repeating.py",
        '        dim = dimension("roll", input, dim)\n', "        dim = wrap_dim(dim, len(input.shape))\n",
        "tests/test_odd_arguments.py -k 'leaks and roll'",
    ),
]  # fmt: skip
