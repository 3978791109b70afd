"""Copies and fills: what `copy_`, `fill_`, `to` and `clone` run."""

from __future__ import annotations

from typing import Any

from tritonnn.buffer import Buffer
from tritonnn.kernels.device.moving import copy, fill

copy_values = copy
fill_values = fill


def to_copy(out: Buffer, input: Buffer, *target: Any) -> None:
    """out = input, cast; the other arguments have made `out` what it is."""
    copy(out, input)
