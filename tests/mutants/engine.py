"""Faults in recording, backward, dispatch, dtypes and shapes."""

from __future__ import annotations

from mutants import Fault

ENGINE = "tritonnn/autograd/engine.py"
FUNCTION = "tritonnn/autograd/function.py"
SAVED_VALUE = "tritonnn/autograd/function_saved.py"
SAVING = "tritonnn/recording/saving.py"
GRAPH = "tritonnn/recording/graph.py"
REFUSALS = "tritonnn/recording/refusals.py"
WRITING = "tritonnn/dispatch/_writing.py"
INPLACE = "tritonnn/dispatch/_inplace.py"
OVERLAP = "tritonnn/dispatch/_overlap.py"
CHECKS = "tritonnn/dispatch/_checks.py"
POINTWISE = "tritonnn/dispatch/_pointwise.py"
DTYPES = "tritonnn/dtypes.py"
SHAPE = "tritonnn/shape.py"
GRADIENTS = "tests/test_engine_gradients.py"
ORDER = "tests/test_engine_order.py"
OUT = "tests/test_engine_out.py"

FAULTS = [
    Fault(
        "a hook keeps its gradient", "ownership", ENGINE,
        "            self._note_given(grad)  # a hook may keep it\n", "            pass\n",
        f"{GRADIENTS} -k what_a_hook_keeps",
    ),
    Fault(
        "a gradient that is given is taken over", "ownership", ENGINE,
        "            self._note_given(grad)\n            self._add(target, number, grad)",
        "            self._add(target, number, grad)",
        GRADIENTS,
    ),
    Fault(
        "node hooks keep what they are shown", "ownership", ENGINE,
        "                self._note_all([*results, *grads])\n", "",
        f"{GRADIENTS} -k what_a_hook_keeps",
    ),
    Fault(
        "a gradient lies as it came", "stride", ENGINE,
        "leaf._grad = self._own(grad, leaf)", "leaf._grad = grad",
        f"{GRADIENTS} -k lies_as_its_leaf",
    ),
    Fault(
        "strides of a leaf count for nothing", "stride", ENGINE,
        "or grad._stride != wanted", "or False",
        f"{GRADIENTS} -k lies_as_its_leaf",
    ),
    Fault(
        "part of a storage is taken over", "ownership", ENGINE,
        "or grad._storage.nbytes != grad.numel() * grad._dtype.itemsize", "or False",
        f"{GRADIENTS} -k larger_memory",
    ),
    Fault(
        "inputs= leaves no leaf out", "gradient flow", ENGINE,
        "        if self.wanted is not None and (id(leaf), 0) not in self.wanted:\n            return\n", "",
        f"{GRADIENTS} -k inputs",
    ),
    Fault(
        "create_graph adds in place", "gradient flow", ENGINE,
        "            elif self.create:\n                leaf._grad = _sum(have, grad)\n", "",
        f"{GRADIENTS} -k create_graph",
    ),
    Fault(
        "contributions are not added up", "gradient flow", ENGINE,
        "slots[number] = _sum(have, grad)", "slots[number] = have",
        "tests/test_autograd.py -k 'shared_subgraph or functions'",
    ),
    Fault(
        "backward overwrites", "gradient flow", ENGINE,
        "                leaf._grad = _added(have, grad)\n        if leaf._post",
        "                have.copy_(grad)\n        if leaf._post",
        "tests/test_autograd.py -k accumulates",
    ),
    Fault(
        "a node runs before its gradient is complete", "gradient flow", ENGINE,
        "            if not incoming[key]:\n", "            if True:\n",
        f"{ORDER} -k whole_gradient",
    ),
    Fault(
        "broadcasting is not undone", "gradient flow", ENGINE,
        "        grad = sum_to_size(grad, shape)\n", "",
        "tests/test_autograd.py -k broadcast",
    ),
    Fault(
        "a gradient of another shape passes", "shape rule", ENGINE,
        "if not is_expandable_to(shape, grad._shape):", "if False:",
        "tests/test_autograd_function.py -k another_shape",
    ),
    Fault(
        "the graph stays after backward", "graph", ENGINE,
        "            node.release()\n", "            pass\n",
        "tests/test_autograd.py -k second_backward",
    ),
    Fault(
        "a sum that was handed on is added to", "gradient flow", ENGINE,
        "        elif not self.create and (id(target), number) in self.owned:\n",
        "        elif not self.create:\n",
        "tests/test_engine_gradients.py -k several",
    ),
    Fault(
        "a leaf takes over what others wait for", "gradient flow", ENGINE,
        "and self._is_pending(grad))", "and False)",
        "tests/test_engine_gradients.py -k hook_may",
    ),
    Fault(
        "hooks of a tensor in reverse order", "hook order", ENGINE,
        "in sorted(hooks.items()):", "in reversed(sorted(hooks.items())):",
        f"{ORDER} tests/test_autograd.py -k hook",
    ),
    Fault(
        "retain_grad sees what comes before the hooks", "hook order", ENGINE,
        "        if node.tensor_hooks is not None:\n",
        "        self._keep(node, grads) if node.retained else None\n        node.retained = None\n"
        "        if node.tensor_hooks is not None:\n",
        f"{ORDER} tests/test_autograd.py -k hook",
    ),
    Fault(
        "a hook that returns nothing takes the gradient", "hook order", ENGINE,
        "replaced = hook(grad)\n            if replaced is not None:",
        "replaced = hook(grad)\n            if True:",
        "tests/test_autograd.py -k hook",
    ),
    Fault(
        "materialize_grads is off", "default", FUNCTION,
        "    materialize_grads = True", "    materialize_grads = False",
        f"{GRADIENTS} -k did_not_arrive",
    ),
    Fault(
        "custom functions do not count versions", "version check", SAVED_VALUE,
        "elif value is not None and value._storage.version != self.version:", "elif False:",
        "tests/test_autograd_function.py -k modified",
    ),
    Fault(
        "a backward may return too few gradients", "argument check", FUNCTION,
        "if len(returned) != self.input_count:", "if False:",
        "tests/test_autograd_function.py -k wrong_count",
    ),
    Fault(
        "once_differentiable can be twice", "graph", FUNCTION,
        "return tuple(_Refuse.apply(r, *grads) if isinstance(r, Tensor) else r for r in results)",
        "return results",
        "tests/test_autograd_function.py -k once",
    ),
    Fault(
        "a saved value's version is not looked at", "version check", SAVING,
        "if value._storage.version != node.versions[i]:", "if False:",
        f"{ORDER} -k 'write or version'",
    ),
    Fault(
        "every write is the first version", "version check", WRITING,
        "    block.version += 1\n", "    block.version = 1\n",
        f"{ORDER} -k later_write",
    ),
    Fault(
        "a saved result has no history", "graph", SAVING,
        "value = _with_history(value, node, self.fetch[i][0])", "pass",
        "tests/test_autograd.py -k 'double or gradcheck'",
    ),
    Fault(
        "a node holds its own result", "ownership", GRAPH,
        "value = outputs[place].detach()  # an alias", "value = outputs[place]  # an alias",
        "tests/test_autograd.py -k freed",
    ),
    Fault(
        "a view does not follow its base", "graph", GRAPH,
        "        view._view_version = version\n        regenerate_view(view)", "        view._view_version = version",
        "tests/test_autograd.py -k 'inplace_on'",
    ),
    Fault(
        "a write into a view leaves its base", "graph", GRAPH,
        "        record(_view_written, args, (base,), [edge, (node, 0)])", "        pass",
        "tests/test_autograd.py -k 'inplace_on'",
    ),
    Fault(
        "in-place ops spoil what they save", "graph", INPLACE,
        "        args = _protect(op, args, edges, target)\n", "        pass\n",
        "tests/test_ops.py -k 'test_inplace and (mul or pow)'",
    ),
    Fault(
        "a leaf is written in place", "argument check", REFUSALS,
        "    if target._rg and target._node is None:\n        raise", "    if False:\n        raise",
        "tests/test_autograd.py -k leaf_refuses",
    ),
    Fault(
        "a view made without recording is written", "argument check", REFUSALS,
        "        if target._creation is not None:\n", "        if False:\n",
        "tests/test_engine_inplace.py",
    ),
    Fault(
        "what was overwritten has no gradient", "graph", GRAPH,
        "before = edge_of(target) if target._base is None else None", "before = None",
        "tests/test_engine_inplace.py -k overwritten",
    ),
    Fault(
        "an in-place write loses what retain_grad asked for", "graph", GRAPH,
        "    elif target._retains_grad:\n        retain(target)\n", "",
        "tests/test_engine_inplace.py -k retain",
    ),
    Fault(
        "leaves are added to without a lock", "ownership", ENGINE,
        "        with lock_of(leaf):\n", "        if True:\n",
        "tests/test_engine_threads.py",
    ),
    Fault(
        "retained gradients are added to without a lock", "ownership", ENGINE,
        "            with lock_of(tensor):\n", "            if True:\n",
        "tests/test_engine_threads.py -k retained",
    ),
    Fault(
        "inference tensors are saved", "argument check", GRAPH,
        "            if version < 0:\n", "            if False:\n",
        "tests/test_engine_modes.py -k guarded",
    ),
    Fault(
        "a context refers to its node", "ownership", FUNCTION,
        "ctx._node = weakref.ref(node)", "ctx._node = lambda: node",
        "tests/test_engine_cycles.py",
    ),
    Fault(
        "a part of an operand is written by out=", "argument check", OVERLAP,
        "if _span(out) != _span(tensor) or _steps(out) != _steps(tensor):", "if False:",
        f"{OUT} -k dense_part",
    ),
    Fault(
        "an index or source may be what is written", "argument check", OVERLAP,
        "if tensor is target or _meet(target, tensor):", "if False:",
        "tests/test_indexing.py -k overlapping",
    ),
    Fault(
        "an element of several places is written", "argument check", OVERLAP,
        "stride == 0 and extent > 1 for stride", "False and extent > 1 for stride",
        "tests/test_autograd.py -k overlapping",
    ),
    Fault(
        "an in-place result of another kind is cast", "dtype rule", INPLACE,
        "if not dtypes.can_cast(dtype, target._dtype):", "if False:",
        "tests/test_engine_dtypes.py -k higher_kind",
    ),
    Fault(
        "out= is cast to a lower kind", "dtype rule", WRITING,
        "if not dtypes.can_cast(dtype, out._dtype):", "if False:",
        OUT,
    ),
    Fault(
        "out= of another device", "argument check", WRITING,
        "if device is not None and out._device is not device:", "if False:",
        f"{OUT} -k another_device",
    ),
    Fault(
        "out= that requires grad", "argument check", WRITING,
        "if recorded or (state.enabled and out.requires_grad and not (constant or call in _CONSTANT)):", "if recorded:",
        f"{OUT} -k requires_grad",
    ),
    Fault(
        "out= of what requires grad", "argument check", WRITING,
        "if recorded or (state.enabled and out.requires_grad and not (constant or call in _CONSTANT)):",
        "if state.enabled and out.requires_grad:",
        f"{OUT} -k requires_grad",
    ),
    Fault(
        "out= over its operand", "ownership", WRITING,
        "                and tensor is not out\n            ):\n                return True",
        "                and tensor is not out\n            ):\n                return False",
        f"{OUT} tests/test_indexing.py -k 'operand or overlapping'",
    ),
    Fault(
        "out= is resized without a word", "default", WRITING,
        "    if out.numel():\n        warn(", "    if False:\n        warn(",
        f"{OUT} -k resized",
    ),
    Fault(
        "nothing is recorded where one operand is a number", "graph", POINTWISE,
        "            record(op, args, (output,), [edge] if second is None else [edge, other])",
        "            record(op, args, (output,), [edge, other] if two else [edge])",
        "tests/test_autograd.py tests/test_elementwise.py",
    ),
    Fault(
        "a float beside integers takes the short way", "dtype rule", POINTWISE,
        "                if first._dtype.kind < 2:\n", "                if False:\n",
        "tests/test_tensor.py tests/test_elementwise.py",
    ),
    Fault(
        "comparisons wrap numbers", "dtype rule", POINTWISE,
        "        plan.compute = dtypes.int64  # comparing", "        pass  # comparing",
        "tests/test_elementwise.py -k out_of_range",
    ),
    Fault(
        "numbers count as much as tensors", "dtype rule", POINTWISE,
        "if value._shape else (1, value._dtype)", "if True else (1, value._dtype)",
        "tests/test_promotion.py",
    ),
    Fault(
        "mixed devices pass", "argument check", CHECKS,
        "        if tensor._device is not device:\n", "        if False:\n",
        "tests/test_tensor.py tests/test_nn_devices.py -k 'device'",
    ),
    Fault(
        "unsigned and signed bytes promote to one of them", "dtype rule", DTYPES,
        "        return int16 if other is int8 else other", "        return other",
        "tests/test_promotion.py",
    ),
    Fault(
        "half and bfloat16 promote to one of them", "dtype rule", DTYPES,
        "        return float32\n    return a if", "        return a\n    return a if",
        "tests/test_promotion.py",
    ),
    Fault(
        "complex numbers do not follow the default", "default", DTYPES,
        "    return _default.to_complex()", "    return complex64",
        "tests/test_engine_dtypes.py -k complex",
    ),
    Fault(
        "any dtype is a default", "argument check", DTYPES,
        "if not isinstance(d, dtype) or d not in FLOATING:", "if not isinstance(d, dtype):",
        "tests/test_engine_dtypes.py -k only_floating",
    ),
    Fault(
        "extents that differ broadcast", "shape rule", SHAPE,
        "                elif extent != 1:\n", "                elif False:\n",
        "tests/test_ops.py -k 'test_errors and (add or mul)'",
    ),
    Fault(
        "a dimension one beyond the last", "index", SHAPE,
        "if -limit <= dim < limit:", "if -limit <= dim <= limit:",
        "tests/test_ops.py -k 'test_errors and (sum or softmax)'",
    ),
    Fault(
        "a view where a copy is needed", "stride", SHAPE,
        "        if view_count != chunk:\n            return None",
        "        if False:\n            return None",
        "tests/test_tensor.py -k views_share",
    ),
    Fault(
        "a repeated dimension passes", "shape rule", SHAPE,
        "        if first == second:\n", "        if False:\n",
        "tests/test_ops.py -k 'test_errors and sum'",
    ),
    Fault(
        "a size that does not divide", "shape rule", SHAPE,
        "    if count % known:\n", "    if False:\n",
        "tests/test_tensor.py -k views_share",
    ),
]  # fmt: skip
