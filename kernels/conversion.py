"""Filling."""

from __future__ import annotations

from typing import Any

from tritonnn.buffer import Buffer
from tritonnn.kernels.device.moving import fill as _fill


def fill(out: Buffer, input: Buffer, value: Any, compute: Any) -> None:
    """out = value in the shape of input."""
    _fill(out, value)
