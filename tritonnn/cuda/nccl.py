"""NCCL, which tritonnn does not use: GPUs of one process exchange tensors through `torch.cuda.comm`."""

from __future__ import annotations

from typing import Any

__all__ = ["is_available", "version"]


def is_available(tensors: Any = None) -> bool:
    """False: tritonnn has no NCCL."""
    return False


def version() -> tuple[int, ...]:
    """Raises RuntimeError: tritonnn has no NCCL whose version it could tell."""
    raise RuntimeError("tritonnn is built without NCCL: torch.cuda.nccl.is_available() is False")
