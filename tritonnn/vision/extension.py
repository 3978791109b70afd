"""torchvision's native library: its operators are kernels of tritonnn here, and always there."""

from __future__ import annotations

__all__: list[str] = []


def _has_ops() -> bool:
    """Whether nms, roi_align and the other operators can be called."""
    return True


def _assert_has_ops() -> None:
    """Packages call it before they use an operator; there is nothing that could be missing."""


def _check_cuda_version() -> int:
    """-1: there is no native library that was compiled for a CUDA version."""
    return -1
