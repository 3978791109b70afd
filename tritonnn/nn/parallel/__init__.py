"""Data parallelism within one process."""

from __future__ import annotations

from tritonnn.nn.parallel.data_parallel import DataParallel, data_parallel
from tritonnn.nn.parallel.scatter_gather import gather, replicate, scatter
