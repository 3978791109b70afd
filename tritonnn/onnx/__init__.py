"""`torch.onnx`, for programs that also export elsewhere: there is no exporter here, and `export` says so.

What programs register for one is kept, so that packages which do so while they are imported can be imported.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, NoReturn

__all__ = [
    "OperatorExportTypes", "TrainingMode", "export", "is_in_onnx_export", "register_custom_op_symbolic",
    "unregister_custom_op_symbolic",
]  # fmt: skip

#: (operator, version) -> what would write it, as registered
SYMBOLIC: dict[tuple[str, int], Callable[..., Any]] = {}


class TrainingMode(Enum):
    """In which mode a model is exported."""

    EVAL = 0
    PRESERVE = 1
    TRAINING = 2


class OperatorExportTypes(Enum):
    """As what operators are exported."""

    ONNX = 0
    ONNX_ATEN = 1
    ONNX_ATEN_FALLBACK = 2
    ONNX_FALLTHROUGH = 3


def export(*args: object, **kwargs: object) -> NoReturn:
    """Refused: there is no exporter.

    Raises:
        NotImplementedError: always.
    """
    raise NotImplementedError(
        "torch.onnx.export: tritonnn does not write ONNX files. Hint: save the model's state_dict() with torch.save, "
        "and export it with PyTorch"
    )


def is_in_onnx_export() -> bool:
    """Whether a model is being exported: no.

    >>> import tritonnn as torch
    >>> torch.onnx.is_in_onnx_export()
    False
    """
    return False


def register_custom_op_symbolic(
    symbolic_name: str, symbolic_fn: Callable[..., Any], opset_version: int
) -> None:
    """Keep what an exporter would write for an operator.

    Args:
        symbolic_name: 'namespace::name'.
        symbolic_fn: writes it.
        opset_version: from which version on.

    Raises:
        ValueError: no such name.
    """
    if "::" not in symbolic_name:
        raise ValueError(f"an operator is named 'namespace::name', not {symbolic_name!r}")
    SYMBOLIC[symbolic_name.removeprefix("::"), opset_version] = symbolic_fn


def unregister_custom_op_symbolic(symbolic_name: str, opset_version: int) -> None:
    """Forget what `register_custom_op_symbolic` was told."""
    SYMBOLIC.pop((symbolic_name.removeprefix("::"), opset_version), None)
