"""Faults in nested tensors."""

from __future__ import annotations

from mutants import Fault

JAGGED = "tritonnn/nested/_jagged.py"
REDUCED = "tritonnn/nested/_jagged_reduced.py"
FORMS = "tritonnn/nested/_forms.py"
TENSOR = "tritonnn/nested/_tensor.py"
STRUCTURE = "tritonnn/nested/_structure.py"
MAKING = "tritonnn/nested/_making.py"
TESTS = "tests/test_nested.py"
LIMITS = "tests/test_nested_limits.py"
PARITY = "tests/parity/test_nested_parity.py"

FAULTS = [
    Fault(
        "nested: operands of other offsets are taken",
        "argument check",
        JAGGED,
        "if not same or operand.dim()",
        "if operand.dim()",
        f"{TESTS} -k extents_follow_offsets",
    ),
    Fault(
        "nested: offsets are read once for all",
        "version check",
        STRUCTURE,
        "if self._read is None or self._read[0] != versions:",
        "if self._read is None:",
        f"{TESTS} -k read_again",
    ),
    Fault(
        "nested: an unsqueezed dimension does not move the ragged one",
        "index",
        JAGGED,
        "input._ragged_idx + (dim <= input._ragged_idx)",
        "input._ragged_idx",
        f"{PARITY} -k unsqueeze",
    ),
    Fault(
        "nested: a mean along the ragged dimension counts the padding",
        "reduction",
        REDUCED,
        "counts = indices(nested._ragged.bounds()[1], total)",
        "counts = indices([nested._max_seqlen] * nested._batch(), total)",
        f"{PARITY} -k mean",
    ),
    Fault(
        "nested: a maximum is taken of the padding, too",
        "padding value",
        REDUCED,
        'return float("-inf") if low else float("inf")',
        "return 0.0",
        f"{PARITY} -k amax",
    ),
    Fault(
        "nested: holes are summed up",
        "formula",
        REDUCED,
        "if not is_tight(nested):",
        "if False:",
        f"{TESTS} -k holes",
    ),
    Fault(
        "nested: a copy in place of a view is written into",
        "ownership",
        FORMS,
        'if getattr(args[0], "_copied", False):',
        "if False:",
        f"{TESTS} -k not_written_into",
    ),
    Fault(
        "nested: overriding that is switched off ends in memory that is not there",
        "taken over",
        TENSOR,
        "_always_overrides = True",
        "_always_overrides = False",
        f"{LIMITS} -k switches",
    ),
    Fault(
        "nested: a padded tensor is cut at the wrong places",
        "index",
        MAKING,
        "b * length + np.arange(n) for b, n",
        "b * length + length - n + np.arange(n) for b, n",
        f"{PARITY} -k padded",
    ),
    Fault(
        "nested: a gradient of other components is taken",
        "argument check",
        TENSOR,
        "if not isinstance(gradient, NestedTensor) or not self.is_same_size(gradient):",
        "if not isinstance(gradient, NestedTensor):",
        f"{TESTS} -k functional_gradients",
    ),
    Fault(
        "nested: a damaged file's offsets reach beyond the values",
        "refusal",
        "tritonnn/nested/_saving.py",
        "if (starts + counts > values.shape[dim - 1]).any():",
        "if False:",
        f"{LIMITS} -k damaged",
    ),
]
