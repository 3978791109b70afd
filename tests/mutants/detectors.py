"""Faults in detectors: what each anchor and proposal learns, and what becomes of predictions."""

from __future__ import annotations

from mutants import Fault

FOLDER = "tritonnn/vision/models/detection"
WHOLE = "tests/vision/test_detection.py"
PARTS = "tests/vision/test_detection_parts.py"

FAULTS = [
    Fault(
        "detectors: a true box keeps one of its equally good predictions", "special value", f"{FOLDER}/_matching.py",
        "(match_quality_matrix == best_of_each).any(dim=0)", "(match_quality_matrix > best_of_each).any(dim=0)",
        f"{PARTS} -k matcher",
    ),
    Fault(
        "detectors: what lies between the thresholds is background", "formula", f"{FOLDER}/_matching.py",
        "self.high_threshold, self.BETWEEN_THRESHOLDS)", "self.high_threshold, self.BELOW_LOW_THRESHOLD)",
        f"{PARTS} -k matcher",
    ),
    Fault(
        "detectors: negatives do not fill up for missing positives", "formula", f"{FOLDER}/_matching.py",
        "self.batch_size_per_image - positives)", "self.batch_size_per_image // 2)",
        f"{PARTS} -k sampler",
    ),
    Fault(
        "detectors: sizes are decoded without a limit", "special value", f"{FOLDER}/_box_coders.py",
        "logarithms.clamp(max=self.bbox_xform_clip)", "logarithms.clamp(max=88.0)",
        f"{PARTS} -k limit",
    ),
    Fault(
        "detectors: anchors run down first", "index", f"{FOLDER}/anchor_utils.py",
        "torch.stack((x, y, x, y), dim=1)[:, None]", "torch.stack((y, x, y, x), dim=1)[:, None]",
        f"{PARTS} -k every_point",
    ),
    Fault(
        "detectors: a key point on the far edge is outside", "index", f"{FOLDER}/_keypoints.py",
        "points == lower_right, heatmap_size - 1, cells", "points == lower_right, heatmap_size, cells",
        f"{PARTS} -k do_not_count",
    ),
    Fault(
        "detectors: a mask begins a pixel too far left", "index", f"{FOLDER}/_masks.py",
        "resized[top - y0 : bottom - y0, left - x0 : right - x0]",
        "resized[top - y0 : bottom - y0, : right - left]",
        f"{PARTS} -k begins_outside",
    ),
    Fault(
        "detectors: a box without width is accepted", "shape rule", f"{FOLDER}/_detector.py",
        "~(boxes[:, 2:] > boxes[:, :2]).all(dim=1)", "~(boxes[:, 2:] >= boxes[:, :2]).all(dim=1)",
        f"{WHOLE} -k without_area",
    ),
    Fault(
        "detectors: an unknown option is dropped", "default", f"{FOLDER}/transform.py",
        "        if kwargs:\n            raise TypeError", "        if False:\n            raise TypeError",
        f"{WHOLE} -k nothing_takes",
    ),
    Fault(
        "detectors: the longer side may become more than max_size", "formula", f"{FOLDER}/transform.py",
        "scale = min(self_min_size / min(height, width), self_max_size / max(height, width))",
        "scale = self_min_size / min(height, width)",
        f"{WHOLE} -k sizes_of",
    ),
    Fault(
        "detectors: true boxes are no proposals", "formula", f"{FOLDER}/roi_heads.py",
        "[torch.cat(pair) for pair in zip(proposals, gt_boxes)]", "list(proposals)",
        f"{WHOLE} -k true_boxes",
    ),
    Fault(
        "detectors: all stages of a trained backbone are trained", "gradient flow", f"{FOLDER}/backbone_utils.py",
        "if not name.startswith(trained)", 'if name.startswith("fc")',
        f"{WHOLE} -k last_stages",
    ),
]  # fmt: skip
