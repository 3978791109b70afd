"""Faults in operators on boxes and regions: their rules, kernels, NumPy functions and gradients."""

from __future__ import annotations

from mutants import Fault

OWN = "tests/vision/test_boxes_and_regions.py -k"
NATIVE = "tests/vision/test_native_ops.py -k"
OPS = "tests/test_ops.py -k"
PARITY = "tests/parity/test_vision_ops_parity.py -k"
ENTRIES, CPU, GPU = "tritonnn/ops/vision", "cpu_fallback/vision", "kernels/vision"

FAULTS = [
    Fault(
        "nms: a threshold that float32 has not is rounded to the nearest", "precision", f"{ENTRIES}/nms.py",
        "if float(near) > number else near)", "if False else near)", f"{NATIVE} nms",
    ),
    Fault(
        "nms: scores that are equal come in any order", "special value", f"{ENTRIES}/nms.py",
        "argsort(scores.detach(), 0, True, True)", "argsort(scores.flip(0).detach(), 0, True, True)",
        f"{OWN} any_number",
    ),
    Fault(
        "nms kernel: the rows of a block that are kept are not all heard", "mask", f"{GPU}/nms.py",
        "for part in range(0, BITS, AHEAD):", "for part in range(0, BITS - AHEAD, AHEAD):", f"{OWN} any_number",
    ),
    Fault(
        "nms kernel: groups count only for the first box", "index", f"{GPU}/nms.py",
        "over &= mine == tl.load(groups + j * group_step, mask=j < n, other=0)",
        "over &= mine == tl.load(groups + i * group_step, mask=i < n, other=0)", f"{OWN} classes",
    ),
    Fault(
        "nms on the CPU: a removed box removes others", "formula", f"{CPU}/nms.py",
        "        if kept[i]:\n", "        if True:\n", f"{OWN} any_number",
    ),
    Fault(
        "roi_align kernel: a gradient reaches what has no weight", "special value", f"{GPU}/roi_align.py",
        "total += tl.where(weight != 0.0, divide(g, samples) * weight, 0.0)\n    mask",
        "total += divide(g, samples) * weight\n    mask", f"{OWN} not_finite",
    ),
    Fault(
        "roi_align: regions of no extent have a size although they are aligned", "formula", f"{CPU}/roi_align.py",
        "(0.5, 0.0) if aligned", "(0.5, 1.0) if aligned", f"{NATIVE} align",
    ),
    Fault(
        "roi_align: outside an image there is nothing at once", "mask", f"{CPU}/_bins.py",
        "inside = (at >= -1) & (at <= size)", "inside = (at >= 0) & (at <= size)", f"{NATIVE} align",
    ),
    Fault(
        "roi_pool: the last element of a region is left out", "index", f"{CPU}/roi_pool.py",
        "bins, (height, width), 1)", "bins, (height, width), 0)", f"{NATIVE} roi_pool",
    ),
    Fault(
        "roi_pool kernel: of equal ones the last is the maximum", "special value", f"{GPU}/roi_pool.py",
        "better = here & (value > best)", "better = here & (value >= best)", "tests/test_special_ops.py -k roi_pool",
    ),
    Fault(
        "deform_conv2d: the gradient of a place has the sign of its first element", "derivative",
        f"{ENTRIES}/_deform_formula.py", "(low, 1 - share, -1.0)", "(low, 1 - share, 1.0)", f"{OWN} moved_taps",
    ),
    Fault(
        "deform_conv2d kernel: all channels move with the first group", "index", f"{GPU}/deform_conv.py",
        "group, tap = one // taps, one % taps",
        "group, tap = one // taps * 0, one % taps", f"{OPS} deform_columns_cuda",
    ),
    Fault(
        "rotated boxes turn the other way", "formula", f"{ENTRIES}/rotated.py",
        "across = stack([cos(angle) * w, -sin(angle) * w], -1) / 2",
        "across = stack([cos(angle) * w, sin(angle) * w], -1) / 2", f"{NATIVE} rotated",
    ),
    Fault(
        "autocast: what operators on regions give stays float32", "dtype rule", "tritonnn/dispatch/_autocast.py",
        "if policy != FLOAT32_BACK or not _eligible(first, device):", "if True:", f"{OWN} autocast",
    ),
    Fault(
        "poolers: a box is taken from the map above its own", "index", "tritonnn/vision/ops/poolers.py",
        "levels.clamp(min=self.k_min", "(levels + 1).clamp(min=self.k_min", f"{PARITY} levels",
    ),
]  # fmt: skip
