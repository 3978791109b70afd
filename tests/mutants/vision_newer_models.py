"""Faults in the newer networks for pictures, videos and flow, and in feature extraction."""

from __future__ import annotations

from mutants import Fault

MODELS = "tritonnn/vision/models"
NETWORKS = "tests/parity/test_vision_newer_models_parity.py"
REFUSED = "tests/parity/test_vision_model_refusals_parity.py"
FLOW = "tests/parity/test_vision_flow_parity.py"
QUANTIZABLE = "tests/parity/test_vision_quantization_parity.py"
OWN = "tests/vision/test_newer_models.py"
STEPS = "tests/vision/test_feature_extraction.py"

FAULTS = [
    Fault(
        "windows: a mask keeps what wraps around apart", "formula", f"{MODELS}/_windows.py",
        "bias = bias + neighbours(x, padded, window, shift).unsqueeze(1)", "bias = bias.unsqueeze(1)",
        f"{OWN} -k token_by_token",
    ),
    Fault(
        "windows: they are shifted back", "index", f"{MODELS}/_windows.py",
        "torch.roll(grid, list(shift), axes)", "torch.roll(grid, [-step for step in shift], axes)",
        f"{OWN} -k token_by_token",
    ),
    Fault(
        "windows: keys of cosine attention have no bias", "formula", f"{MODELS}/_windows.py",
        "if logit_scale is not None and qkv_bias is not None:", "if False:", f"{OWN} -k token_by_token",
    ),
    Fault(
        "windows: the scale of cosines is bounded", "formula", f"{MODELS}/_windows.py",
        "torch.clamp(logit_scale, max=math.log(100.0)).exp()", "logit_scale.exp()", f"{OWN} -k token_by_token",
    ),
    Fault(
        "patch merging: the order of the four tokens", "index", f"{MODELS}/_patch_merging.py",
        "x.transpose(-4, -3).transpose(-3, -2).flatten(-3)", "x.transpose(-4, -3).flatten(-3)", f"{OWN} -k merged",
    ),
    Fault(
        "swin: a window as large as the picture is not shifted", "formula", f"{MODELS}/swin_transformer.py",
        "0 if inner >= size else step", "step", f"{NETWORKS} -k 'outputs_and_gradients and swin'",
    ),
    Fault(
        "vit: older names of layers", "state", f"{MODELS}/vision_transformer.py",
        "if version is None or version < 2:", "if False:", f"{REFUSED} -k older",
    ),
    Fault(
        "vit: the class token keeps its position", "state", f"{MODELS}/vision_transformer.py",
        "torch.cat([token, grid], dim=1)", "torch.cat([grid, token], dim=1)", f"{REFUSED} -k interpolated",
    ),
    Fault(
        "efficientnet: blocks are left out more often later on", "formula", f"{MODELS}/efficientnet.py",
        "stochastic_depth_prob * built / blocks", "stochastic_depth_prob", f"{NETWORKS} -k 'keys and efficientnet_b0'",
    ),
    Fault(
        "regnet: widths hold whole groups", "formula", f"{MODELS}/_regnet_params.py",
        "inner = [_make_divisible(width, group) for", "inner = [width for", f"{OWN} -k published",
    ),
    Fault(
        "convnext: an unknown argument", "argument check", f"{MODELS}/convnext.py", "if kwargs:", "if False:",
        f"{OWN} -k convnext_refuses",
    ),
    Fault(
        "mvit: the first token has no distance", "index", f"{MODELS}/video/_mvit_attention.py",
        "_prod(k_thw)), (1, 0, 1, 0))", "_prod(k_thw)), (0, 1, 0, 1))",
        f"{NETWORKS} -k 'outputs_and_gradients and mvit'",
    ),
    Fault(
        "mvit: distances in the finer grid", "formula", f"{MODELS}/video/_mvit_attention.py",
        "max(keys / queries, 1.0)", "1.0", f"{OWN} -k relative_positions",
    ),
    Fault(
        "raft: an update learns from its own change only", "gradient flow", f"{MODELS}/optical_flow/raft.py",
        "coords = coords.detach()", "coords = coords + 0", f"{FLOW} -k gradients",
    ),
    Fault(
        "raft: places are halved at each level", "index", f"{MODELS}/optical_flow/raft.py",
        "centres = centres / 2", "centres = centres / 1", f"{OWN} -k whole_pixels",
    ),
    Fault(
        "quantization: quantised networks are refused", "argument check", f"{MODELS}/quantization/utils.py",
        "if quantize:", "if False:", f"{QUANTIZABLE} -k refused",
    ),
    Fault(
        "feature extraction: modes of modules stay", "state", f"{MODELS}/feature_extraction.py",
        "module.training = mode", "pass", f"{STEPS} -k modes_stay",
    ),
    Fault(
        "feature extraction: a step may have two names", "formula", f"{MODELS}/feature_extraction.py",
        "steps = sorted(wanted,", "steps = sorted({found[query]: query for query in wanted}.values(),",
        f"{STEPS} -k values",
    ),
    Fault(
        "feature extraction: a copy runs its own graph", "state", f"{MODELS}/feature_extraction.py",
        "new.graph = new.train_graph if new.training else new.eval_graph", "pass", f"{STEPS} -k copies",
    ),
]  # fmt: skip
