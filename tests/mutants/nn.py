"""Faults in modules, their state, hooks and first weights."""

from __future__ import annotations

from mutants import Fault

INIT = "tritonnn/nn/init.py"
LINEAR = "tritonnn/nn/modules/linear.py"
BATCH = "tritonnn/nn/modules/batchnorm.py"
NORMS = "tritonnn/nn/modules/normalization.py"
MODULE = "tritonnn/nn/module.py"
STATE = "tritonnn/nn/_state.py"
HOOKS = "tritonnn/nn/_hooks.py"
RNN = "tritonnn/nn/utils/rnn.py"
PRUNE = "tritonnn/nn/utils/prune.py"
PRUNED = "tritonnn/nn/utils/_prune_base.py"
PARAMETRIZE = "tritonnn/nn/utils/parametrize.py"
ORTHOGONAL = "tritonnn/nn/utils/_orthogonal.py"
POWER = "tritonnn/nn/utils/_power_iteration.py"
STATELESS = "tritonnn/nn/utils/stateless.py"
TRANSFORMER = "tritonnn/nn/modules/transformer.py"
COMPUTED = "tests/test_nn_parametrizations.py"
FIRST = "tests/test_nn_init.py"
LAYERS = "tests/test_nn_layers.py"
TREE = "tests/test_nn_module.py"
SAVED = "tests/test_nn_state_dict.py"
HOOKED = "tests/test_nn_hooks.py"
FLEX = "tritonnn/nn/attention/flex_attention.py"

FAULTS = [
    Fault(
        "linear: first weights of another bound", "initialisation", LINEAR,
        "init.kaiming_uniform_(self.weight, a=math.sqrt(5))", "init.kaiming_uniform_(self.weight)",
        f"{LAYERS} -k weights_start",
    ),
    Fault(
        "linear: first bias of another bound", "initialisation", LINEAR,
        "bound = 1 / math.sqrt(self.in_features) if self.in_features > 0 else 0",
        "bound = 1 / math.sqrt(self.out_features) if self.in_features > 0 else 0",
        f"{LAYERS} -k weights_start",
    ),
    Fault(
        "init: gain of leaky_relu", "initialisation", INIT,
        "return math.sqrt(2.0 / (1 + slope**2))", "return math.sqrt(2.0 / (1 + slope))",
        f"{FIRST} -k gain",
    ),
    Fault(
        "init: gain of selu", "initialisation", INIT,
        "return 3.0 / 4", "return 1.0",
        f"{FIRST} -k gain",
    ),
    Fault(
        "init: uniform numbers of a normal bound", "initialisation", INIT,
        "bound = gain * math.sqrt(6.0 /", "bound = gain * math.sqrt(2.0 /",
        f"{FIRST} -k uniform",
    ),
    Fault(
        "init: fan_in and fan_out", "initialisation", INIT,
        'return _calculate_fan_in_and_fan_out(tensor)[mode == "fan_out"]',
        'return _calculate_fan_in_and_fan_out(tensor)[mode == "fan_in"]',
        f"{FIRST} -k 'uniform or normal'",
    ),
    Fault(
        "init: fans without the kernel", "initialisation", INIT,
        "field = math.prod(tensor.shape[2:])", "field = 1",
        f"{FIRST} -k 'uniform or normal'",
    ),
    Fault(
        "init: a normal that is cut by clamping", "initialisation", INIT,
        "target.uniform_(2 * below(a) - 1, 2 * below(b) - 1, generator=generator)",
        "target.uniform_(-1, 1, generator=generator)",
        f"{FIRST} -k truncated",
    ),
    Fault(
        "init: the generator is not asked", "initialisation", INIT,
        "return tensor.normal_(mean, std, generator=generator)", "return tensor.normal_(mean, std)",
        f"{FIRST} -k generators",
    ),
    Fault(
        "init: orthogonal without its gain", "initialisation", "tritonnn/nn/_matrix_init.py",
        "target.copy_(q.reshape(tensor.shape)).mul_(gain)", "target.copy_(q.reshape(tensor.shape))",
        f"{FIRST} -k orthogonal",
    ),
    Fault(
        "init: parameters record their filling", "graph", INIT,
        "    with no_grad():\n        return filled(tensor, val, \"constant_\")",
        "    if True:\n        return filled(tensor, val, \"constant_\")",
        f"{FIRST} -k 'fills or leaves'",
    ),
    Fault(
        "batch norm: momentum's default", "default", BATCH,
        "        num_features: int,\n        eps: float = 1e-5,\n        momentum: float | None = 0.1,\n"
        "        affine: bool = True,\n        track_running_stats: bool = True,\n        device",
        "        num_features: int,\n        eps: float = 1e-5,\n        momentum: float | None = 0.01,\n"
        "        affine: bool = True,\n        track_running_stats: bool = True,\n        device",
        "tests/test_nn_defaults.py",
    ),
    Fault(
        "batch norm: batches are not counted", "normalisation", BATCH,
        "                counter.add_(1)\n", "                pass\n",
        f"{LAYERS} -k batch_norm",
    ),
    Fault(
        "batch norm: a mean of all batches", "normalisation", BATCH,
        "factor = 1.0 / float(counter)", "factor = 0.1",
        f"{LAYERS} -k averages_all",
    ),
    Fault(
        "batch norm: evaluation by the batch", "normalisation", BATCH,
        "batch_statistics = self.training or (mean is None and var is None)", "batch_statistics = True",
        f"{LAYERS} -k 'batch_norm'",
    ),
    Fault(
        "batch norm: unbiased where it normalises",
        "normalisation",
        "cpu_fallback/normalization/batch_norm.py",
        "var * (count / (count - 1) if count > 1 else np.nan)", "var",
        f"{LAYERS} tests/test_normalization.py -k 'batch_norm or running'",
    ),
    Fault(
        "layer norm: eps's default", "default", NORMS,
        "        normalized_shape: IntOrInts,\n        eps: float = 1e-5,\n",
        "        normalized_shape: IntOrInts,\n        eps: float = 1e-3,\n",
        "tests/test_nn_defaults.py",
    ),
    Fault(
        "layer norm: the weight starts at zero", "initialisation", NORMS,
        "        if self.weight is not None:\n            init.ones_(self.weight)\n        if self.bias",
        "        if self.weight is not None:\n            init.zeros_(self.weight)\n        if self.bias",
        f"{LAYERS} -k 'normalisation'",
    ),
    Fault(
        "dropout in evaluation", "dropout", "tritonnn/nn/modules/dropout.py",
        "        return F.dropout(input, self.p, self.training, self.inplace)",
        "        return F.dropout(input, self.p, True, self.inplace)",
        f"{LAYERS} -k dropout",
    ),
    Fault(
        "children first", "module", MODULE,
        "        for module in self.children():\n            module.apply(fn)\n        fn(self)\n",
        "        fn(self)\n        for module in self.children():\n            module.apply(fn)\n",
        f"{TREE} -k apply",
    ),
    Fault(
        "training mode does not reach children", "module", MODULE,
        "            module.train(mode)\n", "            pass\n",
        f"{TREE} -k modes",
    ),
    Fault(
        "zero_grad leaves the gradient", "module", MODULE,
        "                param.grad = None\n", "                pass\n",
        f"{TREE} -k zero_grad",
    ),
    Fault(
        "a parameter that is no leaf", "argument check", MODULE,
        "            if param.grad_fn is not None:\n", "            if False:\n",
        f"{TREE} -k history",
    ),
    Fault(
        "a name with a dot", "argument check", MODULE,
        '    if "." in name:\n', "    if False:\n",
        f"{TREE} -k misuse",
    ),
    Fault(
        "a module takes the place of a parameter", "module", MODULE,
        '            self._forget(name, "_modules")\n', "",
        f"{TREE} -k 'another_kind or taken'",
    ),
    Fault(
        "a buffer that is assigned becomes persistent", "state", MODULE,
        "else name not in self._non_persistent_buffers_set", "else True",
        f"{TREE} -k buffer",
    ),
    Fault(
        "buffers that do not persist are saved", "state", STATE,
        "if buffer is not None and name not in self._non_persistent_buffers_set:", "if buffer is not None:",
        f"{SAVED} -k keys",
    ),
    Fault(
        "what is saved has a history", "state", STATE,
        "tensor if keep_vars or is_lazy(tensor) else tensor.detach()", "tensor",
        f"{SAVED} -k detached",
    ),
    Fault(
        "another shape is loaded", "refusal", STATE,
        "            if given.shape != tensor.shape:\n", "            if False:\n",
        f"{SAVED} -k report",
    ),
    Fault(
        "missing keys are not reported", "refusal", STATE,
        "        if strict and self.missing:\n", "        if False:\n",
        f"{SAVED} -k report",
    ),
    Fault(
        "unexpected keys are not reported", "refusal", STATE,
        "        if strict and self.unexpected:\n", "        if False:\n",
        f"{SAVED} -k report",
    ),
    Fault(
        "assigned state requires grad", "state", STATE,
        "return Parameter(given, requires_grad=tensor.requires_grad)", "return Parameter(given)",
        f"{SAVED} -k assign",
    ),
    Fault(
        "loading records", "graph", STATE,
        "            with no_grad():\n                if assign:",
        "            if True:\n                if assign:",
        f"{SAVED} -k loading",
    ),
    Fault(
        "forward hooks cannot replace the result", "hook order", HOOKS,
        "        if changed is not None:\n            self.result = changed\n", "",
        f"{HOOKED} -k replace",
    ),
    Fault(
        "a module's own hooks come before the global ones", "hook order", HOOKS,
        "        for key, hook in (*_global_forward_hooks.items(), *self.module._forward_hooks.items()):\n"
        "            self.done.add(key)",
        "        for key, hook in (*self.module._forward_hooks.items(), *_global_forward_hooks.items()):\n"
        "            self.done.add(key)",
        f"{HOOKED} -k global_hooks",
    ),
    Fault(
        "hooks run twice after an error", "hook order", HOOKS,
        "if key in always and key not in self.done:", "if key in always:",
        f"{HOOKED} -k always",
    ),
    Fault(
        "a backward pre hook changes nothing", "hook order", HOOKS,
        "            grad_output = changed\n        if self.places",
        "            pass\n        if self.places",
        f"{HOOKED} -k pre_hook",
    ),
    Fault(
        "packing forgets to sort back", "index", RNN,
        "        return padded.index_select(0 if batch_first else 1, order), counts[order.cpu()]\n",
        "        return padded, counts\n",
        "tests/test_nn_utils.py -k pack",
    ),
    Fault(
        "packing takes lengths that do not decrease", "argument check", RNN,
        "    if sizes != sorted(sizes, reverse=True):\n", "    if False:\n",
        "tests/test_nn_utils.py -k 'lengths or pack'",
    ),
    Fault(
        "packed steps by sequence", "index", RNN,
        "for step, count in enumerate(batch_sizes) for i in range(count)]",
        "for i in range(batch) for step, count in enumerate(batch_sizes) if i < count]",
        "tests/test_nn_utils.py -k pack",
    ),
    Fault(
        "prune: the largest elements go", "index", PRUNE,
        "topk(number, largest=False)", "topk(number)", f"{COMPUTED} -k pruning",
    ),
    Fault(
        "prune: what is pruned already counts again", "mask", PRUNED,
        "return mask == 1", "return mask >= 0", f"{COMPUTED} -k pruning",
    ),
    Fault(
        "parametrize: a cached tensor outlives the block", "state", PARAMETRIZE,
        "            _cache.clear()", "            pass", f"{COMPUTED} -k cached",
    ),
    Fault(
        "parametrize: copies share their class", "ownership", PARAMETRIZE,
        "    replica.__class__ = _parametrized_class(cls.__bases__[0], own)\n", "", f"{COMPUTED} -k copies",
    ),
    Fault(
        "orthogonal: reflections with the whole diagonal", "formula", ORTHOGONAL,
        "0.5 * products.triu().tril()", "0.0 * products.triu().tril()", f"{COMPUTED} -k test_orthogonal",
    ),
    Fault(
        "orthogonal: no squaring", "formula", ORTHOGONAL,
        "        result = result @ result\n", "        pass\n", f"{COMPUTED} -k exponential",
    ),
    Fault(
        "spectral norm: vectors are not brought nearer", "formula", POWER,
        "for _ in range(steps):", "for _ in range(0):", f"{COMPUTED} -k spectral",
    ),
    Fault(
        "functional_call: the module keeps the tensors", "state", STATELESS,
        "                registry[name] = tensor\n        tensors", "                pass\n        tensors",
        f"{COMPUTED} -k functional",
    ),
    Fault(
        "transformer: padded positions are computed", "mask", TRANSFORMER,
        "output = output.masked_fill(left_out.unsqueeze(-1), 0)", "pass", f"{COMPUTED} -k padding",
    ),
    Fault(
        "flex_attention: a row that sees nothing", "special value", FLEX,
        "weights = scores.softmax(-1).masked_fill(blind, 0.0)", "weights = scores.softmax(-1)",
        "tests/test_flex_attention.py -k 'beside and returned'",
    ),
    Fault(
        "flex_attention: full blocks ask the function", "formula", FLEX,
        "seen if full is None else seen | elements(full)", "seen", "tests/test_flex_attention.py -k 'blocks and cpu'",
    ),
    Fault(
        "flex_attention: blocks that are not listed", "mask", FLEX,
        "return elements(dense) & (", "return (", "tests/test_flex_attention.py -k 'blocks and cpu'",
    ),
    Fault(
        "flex_attention: single positions are not compared", "refusal", "tritonnn/nn/attention/_positions.py",
        "    _compare(name, function, score, result, sizes)\n", "", "tests/test_flex_attention.py -k one_by_one",
    ),
    Fault(
        "bias: lower right as upper left", "formula", "tritonnn/nn/attention/bias.py",
        "diagonal = 0 if variant is CausalVariant.UPPER_LEFT else keys - queries", "diagonal = 0",
        "tests/test_flex_attention.py -k 'biases and cpu'",
    ),
]  # fmt: skip
