"""Faults in changes of whole samples: what goes with what, what is drawn for whom, what a tensor still says."""

from __future__ import annotations

from mutants import Fault

V2 = "tritonnn/vision/transforms/v2"
FUNCTIONAL = f"{V2}/functional"
TVT = "tritonnn/vision/tv_tensors"
BOXES, CLAMPING, FORMATS = (
    f"{FUNCTIONAL}/{name}.py" for name in ("_geometry_boxes", "_clamping", "_box_formats")
)
TESTS = "tests/vision/test_v2.py"
CLASSES = "tests/parity/test_vision_v2_classes_parity.py"

FAULTS = [
    Fault(
        "the second plain tensor is a picture too", "index", f"{V2}/_transform.py",
        "needed, explicit = not explicit, True", "needed = not explicit", f"{TESTS} -k plain_tensor",
    ),
    Fault(
        "what does not happen happens", "formula", f"{V2}/_transform.py",
        "        return bool(torch.rand(1) < self.p)", "        return bool(torch.rand(1) >= self.p)",
        f"{TESTS} -k plain_tensor",
    ),
    Fault(
        "wrapped results lose their new canvas", "ownership", f"{FUNCTIONAL}/_utils.py",
        "tv_tensors.wrap(output, like=like, canvas_size=canvas_size)", "tv_tensors.wrap(output, like=like)",
        f"{TESTS} -k go_with",
    ),
    Fault(
        "kernels of pictures take tensors of users' classes", "special value", f"{FUNCTIONAL}/_utils.py",
        "if cls is tv_tensors.TVTensor:  # what", "if cls is None:  # what",
        "tests/parity/test_vision_v2_boxes_parity.py -k registered",
    ),
    Fault(
        "results of ops keep their class", "dtype rule", f"{TVT}/_tv_tensor.py",
        "output.as_subclass(torch.Tensor) if isinstance(output, cls) else output", "output",
        "tests/parity/test_vision_tv_tensors_parity.py -k results",
    ),
    Fault(
        "a plain tensor sent to where an image is becomes one", "dtype rule", f"{TVT}/_tv_tensor.py",
        "(func in _KEEPING and isinstance(args[0], cls))", "func in _KEEPING",
        "tests/parity/test_vision_tv_tensors_parity.py -k results",
    ),
    Fault(
        "a deep copy is recorded", "graph", f"{TVT}/_tv_tensor.py",
        "return self.detach().clone().requires_grad_(self.requires_grad)", "return self.clone()",
        f"{TESTS} -k survive",
    ),
    Fault(
        "metadata of results is the class's default", "ownership", f"{TVT}/_tv_tensor.py",
        "                setattr(result, name, getattr(like, name))", "                setattr(result, name, None)",
        f"{TESTS} -k subclass_keeps",
    ),
    Fault(
        "a mirrored box has its corners exchanged", "formula", BOXES,
        "extent - numbers[axis + 2], extent - numbers[axis]", "extent - numbers[axis], extent - numbers[axis + 2]",
        f"{TESTS} -k 'go_with and flip'",
    ),
    Fault(
        "a mirrored angle", "formula", BOXES,
        "(180 if axis else 0) - numbers[4]", "numbers[4]", f"{TESTS} -k stays_rotated",
    ),
    Fault(
        "the box around moved corners sees three of them", "index", BOXES,
        "corners[:, [0, 1, 2, 1, 2, 3, 0, 3]]", "corners[:, [0, 1, 2, 1, 2, 3, 0, 1]]", f"{TESTS} -k 'go_with and rot'",
    ),
    Fault(
        "a rectangle's side is that of the parallelogram", "formula", BOXES,
        "side * between.sin(), side + other * cos", "side, side + other * cos",
        "tests/parity/test_vision_v2_boxes_parity.py -k geometry",
    ),
    Fault(
        "points of a mirrored picture are one off", "index", f"{FUNCTIONAL}/_geometry_keypoints.py",
        "canvas_size[1] - 1 - keypoints[..., 0]", "canvas_size[1] - keypoints[..., 0]",
        f"{TESTS} -k 'points_go and flip'",
    ),
    Fault(
        "a canvas that grows is seen from its corner", "formula", f"{FUNCTIONAL}/_points.py",
        "[about[0] - width * 0.5, about[1] - height * 0.5]", "about", f"{TESTS} -k canvases_grow",
    ),
    Fault(
        "a map is taken for its inverse", "formula", f"{FUNCTIONAL}/_points.py",
        "[f * g - d, a - c * g, c * d - a * f]", "[f * g - d, a + c * g, c * d - a * f]",
        f"{TESTS} -k seen_from_aside",
    ),
    Fault(
        "half of an odd number", "precision", FORMATS,
        'rounding_mode=None if numbers.is_floating_point() else "floor"', "rounding_mode=None",
        "tests/parity/test_vision_v2_boxes_parity.py -k convert",
    ),
    Fault(
        "a clamped rotated box is turned the wrong way", "formula", CLAMPING,
        "width - corners[..., 0]], dim=-1)", "width + corners[..., 0]], dim=-1)", f"{TESTS} -k clamped_rotated",
    ),
    Fault(
        "hard clamping keeps a corner outside", "formula", CLAMPING,
        "        b1 = b4 = (b1 + b4) / 2", "        b1 = b4 = b1",
        "tests/parity/test_vision_v2_boxes_parity.py -k clamp",
    ),
    Fault(
        "a rotated box's height is measured elsewhere", "formula", f"{FUNCTIONAL}/_misc.py",
        "(corners[:, 2] - corners[:, 1]).T", "(corners[:, 3] - corners[:, 2]).T", f"{TESTS} -k upright",
    ),
    Fault(
        "labels are left where their boxes are not", "ownership", f"{V2}/_sanitize.py",
        "if _is_label(inpt, params):\n            return inpt[valid]",
        "if _is_label(inpt, params):\n            return inpt",
        f"{CLASSES} -k Sanitize",
    ),
    Fault(
        "mixed labels are those of another sample", "index", f"{V2}/_augment.py",
        "batch.roll(1, 0).mul_(1.0 - lam)", "batch.roll(-1, 0).mul_(1.0 - lam)", f"{TESTS} -k batches_are_mixed",
    ),
    Fault(
        "a pasted rectangle counts as what was drawn", "formula", f"{V2}/_augment.py",
        "1.0 - (x2 - x1) * (y2 - y1) / (width * height)", "lam", f"{TESTS} -k batches_are_mixed",
    ),
    Fault(
        "padding is not in the place that is drawn", "index", f"{V2}/_crops.py",
        "height, width = height + top + bottom, width + left + right", "height, width = height + top, width + left",
        f"{CLASSES} -k 'samples and RandomCrop'",
    ),
    Fault(
        "an adjustment after the permutation", "formula", f"{V2}/_color.py",
        '1 if params["contrast_before"] else 3', '3 if params["contrast_before"] else 1',
        f"{CLASSES} -k 'samples and Photometric'",
    ),
]  # fmt: skip
