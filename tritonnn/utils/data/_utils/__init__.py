"""What packages take from `torch.utils.data._utils`: how samples become batches, and which worker this is."""

from __future__ import annotations

from tritonnn.utils.data._utils import collate, pin_memory, worker

__all__ = ["collate", "pin_memory", "worker"]
