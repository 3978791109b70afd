"""`torch._C._functorch`: what a tensor within `torch.func`'s transforms is."""

from __future__ import annotations

from typing import Any

from tritonnn._levels import Batched

__all__ = ["is_batchedtensor", "is_functorch_wrapped_tensor"]


def is_batchedtensor(tensor: Any) -> bool:
    """Whether it stands for one sample of a batch, within `vmap`.

    >>> import tritonnn as torch
    >>> torch._C._functorch.is_batchedtensor(torch.ones(2))
    False
    """
    return isinstance(tensor, Batched)


def is_functorch_wrapped_tensor(tensor: Any) -> bool:
    """The same: gradients within `torch.func` need no tensors of their own."""
    return isinstance(tensor, Batched)
