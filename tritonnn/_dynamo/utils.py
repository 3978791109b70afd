"""What programs ask of the compiler."""

from __future__ import annotations

__all__ = ["is_compile_supported"]


def is_compile_supported(device_type: str) -> bool:
    """Whether a program for a kind of device may be given to `torch.compile`, which runs it eagerly.

    >>> from tritonnn._dynamo.utils import is_compile_supported
    >>> is_compile_supported("cpu")
    True
    """
    return device_type in ("cpu", "cuda")
