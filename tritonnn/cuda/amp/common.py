"""Whether mixed precision on the GPU is out of the question."""

from __future__ import annotations

from tritonnn.cuda import is_available

__all__ = ["amp_definitely_not_available"]


def amp_definitely_not_available() -> bool:
    """Whether there is no GPU.

    >>> import tritonnn as torch
    >>> torch.cuda.amp.common.amp_definitely_not_available() is not torch.cuda.is_available()
    True
    """
    return not is_available()
