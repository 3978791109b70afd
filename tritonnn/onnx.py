"""torch.onnx: whether a model is being exported, which is never so, as tritonnn writes no ONNX files."""

from __future__ import annotations

from typing import Any, NoReturn

__all__ = ["OnnxExporterError", "export", "is_in_onnx_export"]


class OnnxExporterError(RuntimeError):
    """What a failed export raises."""


def is_in_onnx_export() -> bool:
    """False."""
    return False


def export(model: Any, args: Any = (), f: Any = None, **kwargs: Any) -> NoReturn:
    """Refused: there is no exporter.

    Raises:
        OnnxExporterError: always.
    """
    raise OnnxExporterError(
        f"torch.onnx.export: tritonnn writes no ONNX files, so {type(model).__name__} is not exported. Hint: save its "
        "state_dict() with torch.save, load that with PyTorch, and export it there"
    )


def __getattr__(name: str) -> object:
    raise AttributeError(f"tritonnn has no torch.onnx.{name}: it writes no ONNX files")
