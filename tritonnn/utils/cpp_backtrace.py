"""`torch.utils.get_cpp_backtrace` by the name of its module."""

from __future__ import annotations

from tritonnn.utils._import_utils import get_cpp_backtrace

__all__ = ["get_cpp_backtrace"]
