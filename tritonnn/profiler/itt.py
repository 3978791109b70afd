"""Ranges in Intel's VTune, refused; `torch.profiler.record_function` names ranges."""

from __future__ import annotations

from tritonnn._refusals import refused

_REFUSED = refused(
    "torch.profiler.itt", "tritonnn sends nothing to VTune; torch.profiler.record_function names ranges",
    "mark range range_pop range_push",
)  # fmt: skip
globals().update(_REFUSED)
__all__ = ["is_available", *_REFUSED]


def is_available() -> bool:
    """False."""
    return False
