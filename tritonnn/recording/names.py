"""What users see nodes called."""

from __future__ import annotations

_NAMES = {
    "copied_over": "CopyBackwards", "expand_as_size": "ExpandBackward0", "filled_over": "FillBackward0",
    "split_by_sizes": "SplitWithSizesBackward0", "split_evenly": "SplitBackward0", "unbind_dim": "UnbindBackward0",
    "view_as_size": "ViewBackward0", "view_written": "torch::autograd::CopySlices",
}  # fmt: skip


def node_name(op: str) -> str:
    """The name PyTorch's users know: 'MulBackward0' for 'mul'."""
    if op in _NAMES:
        return _NAMES[op]
    return "".join(part[:1].upper() + part[1:] for part in op.split("_")) + "Backward0"
