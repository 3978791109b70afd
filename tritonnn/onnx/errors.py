"""The exceptions of torch.onnx, which programs catch."""

from __future__ import annotations

from tritonnn.onnx import OnnxExporterError

__all__ = ["OnnxExporterError", "SymbolicValueError", "UnsupportedOperatorError"]


class UnsupportedOperatorError(OnnxExporterError):
    """An operator that ONNX does not have; never raised here."""


class SymbolicValueError(OnnxExporterError):
    """A value that ONNX cannot express; never raised here."""
