"""Faults in networks for pictures: their layers, their weights, and how these are asked for."""

from __future__ import annotations

from mutants import Fault

MODELS = "tritonnn/vision/models"
NETWORKS = "tests/parity/test_vision_models_parity.py"
ASKED = "tests/parity/test_vision_weights_parity.py"
SAVED = "tests/parity/test_vision_files_parity.py"
LAYERS = "tests/parity/test_vision_layers_parity.py"
OWN = "tests/vision/test_models.py"

FAULTS = [
    Fault(
        "resnet: the stride is in the first convolution, as in the paper", "formula", f"{MODELS}/resnet.py",
        "self.conv2 = conv3x3(width, width, stride, groups, dilation)",
        "self.conv2 = conv3x3(width, width, 1, groups, dilation)", f"{NETWORKS} -k layers_and_keys",
    ),
    Fault(
        "resnet: a dilated stage starts with the dilation before it", "formula", f"{MODELS}/resnet.py",
        "*width, before, norm)", "*width, self.dilation, norm)", f"{NETWORKS} -k variants",
    ),
    Fault(
        "resnet: branches start as zero", "default", f"{MODELS}/resnet.py",
        "last = module.bn3 if isinstance(module, Bottleneck) else module.bn2", "last = module.bn1",
        f"{OWN} -k identity",
    ),
    Fault(
        "densenet: half a layer is computed again", "graph", f"{MODELS}/densenet.py",
        "if self.memory_efficient and self.any_requires_grad(features):", "if False:", f"{OWN} -k memory_efficient",
    ),
    Fault(
        "densenet: keys of older files", "state", f"{MODELS}/densenet.py",
        r'_OLD_KEY.sub(r"\1\2", key)', r'_OLD_KEY.sub(r"\1.\2", key)', f"{SAVED} -k keys_of",
    ),
    Fault(
        "shufflenet: groups are transposed", "index", f"{MODELS}/shufflenetv2.py",
        "torch.transpose(x, 1, 2).contiguous()", "x", f"{OWN} -k shuffle",
    ),
    Fault(
        "inception: pictures of other statistics", "formula", f"{MODELS}/_inception_parts.py",
        "(mean - 0.5) / 0.5", "(mean - 0.5)", f"{OWN} -k statistics",
    ),
    Fault(
        "googlenet: which head is which", "index", f"{MODELS}/googlenet.py",
        "return GoogLeNetOutputs(x, aux2, aux1)", "return GoogLeNetOutputs(x, aux1, aux2)", f"{NETWORKS} -k heads_of",
    ),
    Fault(
        "googlenet: heads that were not trained are left out", "default", f"{MODELS}/googlenet.py",
        'kwargs.get("aux_logits", False)', 'kwargs.get("aux_logits", True)', f"{SAVED} -k heads_that",
    ),
    Fault(
        "mobilenet: numbers of channels lose at most a tenth", "formula", f"{MODELS}/_utils.py",
        "rounded + divisor if rounded < 0.9 * v else rounded", "rounded", f"{ASKED} -k multiples",
    ),
    Fault(
        "mobilenet v3: what starts from which distribution", "default", f"{MODELS}/mobilenetv3.py",
        "linear=partial(nn.init.normal_, std=0.01)", "linear=partial(nn.init.normal_, std=0.02)",
        f"{NETWORKS} -k initial",
    ),
    Fault(
        "mnasnet: files of version 1", "state", f"{MODELS}/mnasnet.py",
        "[*_stem(32, 16), _stack(16, depth,", "[*_stem(32, 16), _stack(16, 2 * depth,", f"{SAVED} -k version",
    ),
    Fault(
        "weights: of another network", "argument check", f"{MODELS}/_weights.py",
        "if obj is None or isinstance(obj, cls):", "if obj is None or isinstance(obj, WeightsEnum):",
        f"{OWN} -k errors_say",
    ),
    Fault(
        "weights: as many classes as they have", "argument check", f"{MODELS}/_utils.py",
        "if kwargs.setdefault(param, new_value) != new_value:", "kwargs.setdefault(param, new_value)\n    if False:",
        f"{OWN} -k errors_say",
    ),
    Fault(
        "weights: a download is checked", "refusal", f"{MODELS}/_utils.py",
        "check_hash=True", "check_hash=False", f"{OWN} -k changed_file",
    ),
    Fault(
        "weights: False in the older way means none", "default", f"{MODELS}/_utils.py",
        "if wanted else None\n    if wanted and", "\n    if wanted and", f"{ASKED} -k asking",
    ),
    Fault(
        "layers: the size stays with a dilation", "shape rule", "tritonnn/vision/ops/misc.py",
        "(size - 1) // 2 * step for", "(size - 1) // 2 for", f"{LAYERS} -k every_layer",
    ),
    Fault(
        "frozen norm: eps inside of the root", "eps", "tritonnn/vision/ops/misc.py",
        "(self.running_var + self.eps).rsqrt()", "self.running_var.rsqrt()", f"{LAYERS} -k every_layer",
    ),
    Fault(
        "stochastic depth: the mean stays", "rescale", "tritonnn/vision/ops/stochastic_depth.py",
        "kept.div_(1.0 - p) if p < 1.0 else kept", "kept", f"{LAYERS} -k test_rows",
    ),
    Fault(
        "DropBlock: the share that is dropped", "formula", "tritonnn/vision/ops/drop_block.py",
        "(block**rank * math.prod(centres))", "(block**rank * math.prod(sizes))", f"{LAYERS} -k test_blocks",
    ),
    Fault(
        "presets: videos are resized without antialiasing", "default", "tritonnn/vision/transforms/_presets.py",
        "interpolation=self.interpolation, antialias=False", "interpolation=self.interpolation, antialias=True",
        "tests/parity/test_vision_presets_parity.py -k video",
    ),
]  # fmt: skip
