"""What is said of writes and saved values that the graph cannot follow."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tritonnn.recording.grad_mode import state

if TYPE_CHECKING:
    from tritonnn._tensor import Tensor

INFERENCE_SAVED = (
    "Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode in "
    "computation tracked by autograd. To work around this, you can make a clone to get a normal tensor and "
    "use it in autograd, or use `torch.no_grad()` instead of `torch.inference_mode()`."
)
INFERENCE_WRITTEN = (
    "Inplace update to inference tensor outside InferenceMode is not allowed.You can make a clone to get a normal "
    "tensor before doing inplace update.See https://github.com/pytorch/rfcs/pull/17 for more details."
)
#: how a view came to be that has no place in its base's graph -> what is said of writing into it
_MODES = {
    "no_grad": (
        "no_grad mode", "with grad mode enabled",
        "both inside the no_grad block (if you don't want the inplace to be tracked)",
    ),
    "inference": (
        "inference mode", "in normal mode",
        "both inside the inference_mode block (if you don't want the inplace to be tracked)",
    ),
}  # fmt: skip
_SOURCES = {
    "several": "This view is the output of a function that returns multiple views. Such functions do not allow the "
    "output views to be modified inplace. You should replace the inplace operation by an out-of-place one.",
    "function": "This view was created inside a custom Function (or because an input was returned as-is) and the "
    "autograd logic to handle view+inplace would override the custom backward associated with the custom Function, "
    "leading to incorrect gradients. This behavior is forbidden. You can fix this by cloning the output of the custom "
    "Function.",
}


def untraceable(view: Tensor, who: str) -> str:
    """Why a view's memory must not be written while recording."""
    creation, node = view._creation, view._node
    assert creation is not None
    name = "" if node is None else re.sub(r"Backward\d*$", "", node.name())
    if creation in _MODES:
        mode, now, both = _MODES[creation]
        what = (
            "A view was" if node is None else f"Output {view._out_nr} of {name} is a view of a view which was"
        )
        return (
            f"{what} created in {mode} and {who} modified inplace {now}. Given that this use case is ambiguous and "
            "error-prone, it is forbidden. You can clarify your code by moving both the view and the inplace either "
            f"{both} or both outside (if you want the inplace to be tracked)."
        )
    what = (
        f"A view was created in no_grad mode and {who} modified inplace with grad mode enabled."
        if node is None
        else f"Output {view._out_nr} of {name} is a view and {who} modified inplace."
    )
    return f"{what} {_SOURCES[creation]}"


def is_of_leaf(tensor: Tensor) -> bool:
    """Whether a tensor is a leaf that requires grad, or looks into one."""
    leaf = tensor if tensor._base is None else tensor._base
    return leaf._node is None and leaf._rg


def check_recorded_write(target: Tensor) -> None:
    """Refuse an in-place write that would lose a gradient; to be called where it is recorded."""
    base = target._base
    if base is not None:
        if target._creation is not None:
            raise RuntimeError(untraceable(target, "is being"))
        if base._node is None and (target._rg or base._rg):
            raise RuntimeError(
                "a view of a leaf Variable that requires grad is being used in an in-place operation."
            )
    if target._rg and target._node is None:
        raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")


def version_to_save(tensor: Tensor) -> int:
    """The version at which a tensor is saved.

    Raises:
        RuntimeError: it was made in inference mode, and no transform of functions runs, which may save it.
    """
    version = tensor._storage.version
    if version < 0 and not state.saves_inference:
        raise RuntimeError(INFERENCE_SAVED)
    return version
