"""Data parallelism within one process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tritonnn.nn.parallel.data_parallel import DataParallel, data_parallel
from tritonnn.nn.parallel.distributed import DistributedDataParallel
from tritonnn.nn.parallel.scatter_gather import gather, replicate, scatter

if not TYPE_CHECKING:  # it would let any name pass

    def __getattr__(name: str) -> Any:
        raise AttributeError(f"tritonnn has no torch.nn.parallel.{name}")
