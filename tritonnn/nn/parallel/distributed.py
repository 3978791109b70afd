"""The class that `isinstance` names for models of several processes, of which there is no object here."""

from __future__ import annotations

from tritonnn.distributed.absent import Unavailable
from tritonnn.nn.module import Module

__all__ = ["DistributedDataParallel"]


class DistributedDataParallel(Unavailable, Module):
    """A module in each of several processes, whose gradients are averaged; refused, as there is one process."""
