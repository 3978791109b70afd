"""torch.onnx: nothing is written in ONNX; programs that ask whether they are being exported hear that they are not."""

from __future__ import annotations

import enum
import os
from collections.abc import Callable
from typing import Any, NoReturn

from tritonnn._refusals import GRAPH, refused, refusing

__all__ = [
    "ExportableModule", "InputObserver", "ONNXProgram", "OnnxExporterError", "OperatorExportTypes", "TrainingMode",
    "errors", "export", "is_in_onnx_export", "register_custom_op_symbolic", "select_model_mode_for_export",
    "unregister_custom_op_symbolic",
]  # fmt: skip

producer_name, producer_version = "tritonnn", ""


class TrainingMode(enum.IntEnum):
    """The mode that a model would be exported in."""

    EVAL = 0
    PRESERVE = 1
    TRAINING = 2


class OperatorExportTypes(enum.IntEnum):
    """Which operators an exported model would be made of."""

    ONNX = 0
    ONNX_ATEN = 1
    ONNX_ATEN_FALLBACK = 2
    ONNX_FALLTHROUGH = 3


class OnnxExporterError(RuntimeError):
    """What exporting raises in PyTorch."""


def is_in_onnx_export() -> bool:
    """False: nothing is exported.

    >>> import tritonnn as torch
    >>> torch.onnx.is_in_onnx_export()
    False
    """
    return False


def export(
    model: object, args: object = (), f: str | os.PathLike[str] | None = None, **options: object
) -> NoReturn:
    """Refused: there is no graph of a model to write.

    Raises:
        OnnxExporterError: always; no file is made.
    """
    raise OnnxExporterError(
        f"torch.onnx.export: {GRAPH}. Hint: save state_dict() with torch.save, load it into the same Python class "
        "under PyTorch, and export there"
    )


#: (operator, version) -> what would write it, as packages register it while they are imported
SYMBOLIC: dict[tuple[str, int], Callable[..., Any]] = {}


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


_NAMES = "select_model_mode_for_export dynamo_export"
globals().update(
    refused("torch.onnx", GRAPH, _NAMES, "ExportableModule InputObserver ONNXProgram ExportOptions")
)


def __getattr__(name: str) -> Callable:
    if name == "_export":  # what older programs called
        return refusing("torch.onnx._export", GRAPH)
    raise AttributeError(f"tritonnn has no torch.onnx.{name}: {GRAPH}")
