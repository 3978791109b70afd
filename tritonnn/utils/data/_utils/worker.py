"""PyTorch's name for `_worker.py`."""

from __future__ import annotations

from tritonnn.utils.data._worker import WorkerInfo, get_worker_info

__all__ = ["WorkerInfo", "get_worker_info"]
