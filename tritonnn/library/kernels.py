"""What the kernels of a package of its own are written with: launches, offsets, the check by compiling.

What each does says its docstring; `docs/extending.md` has an example.
"""

from __future__ import annotations

from tritonnn.buffer import Buffer
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device.pointwise_cases import case as pointwise_case
from tritonnn.kernels.device.strided import contiguous, expand, last, merged, offset_of, positions, wide
from tritonnn.kernels.launch.launch import architecture, empty, launch, needs_int64
from tritonnn.kernels.launch.replay import replayed
from tritonnn.kernels.tables.pointwise import flat_block

__all__ = [
    "Buffer", "Case", "architecture", "contiguous", "empty", "expand", "flat_block", "last", "launch", "merged",
    "needs_int64", "offset_of", "pointwise_case", "positions", "replayed", "wide",
]  # fmt: skip
