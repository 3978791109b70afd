"""What an exporter writes by version 11 of ONNX's operators: nothing here, as there is no exporter."""

from __future__ import annotations
