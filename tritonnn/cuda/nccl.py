"""NCCL, which tritonnn does not use: GPUs of one process exchange tensors through `torch.cuda.comm`."""

from __future__ import annotations

__all__ = ["is_available", "version"]


def is_available(tensors: object = None) -> bool:
    """False: tritonnn has no NCCL.

    Args:
        tensors: not looked at.

    >>> import tritonnn as torch
    >>> torch.cuda.nccl.is_available()
    False
    """
    return False


def version() -> tuple[int, ...]:
    """Which NCCL it is: none.

    Raises:
        RuntimeError: always, for tritonnn has no NCCL.

    >>> import tritonnn as torch
    >>> torch.cuda.nccl.version()
    Traceback (most recent call last):
    RuntimeError: tritonnn is built without NCCL: torch.cuda.nccl.is_available() is False
    """
    raise RuntimeError("tritonnn is built without NCCL: torch.cuda.nccl.is_available() is False")
