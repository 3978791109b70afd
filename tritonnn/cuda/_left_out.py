"""Names of torch.cuda that are refused, by what they belong to."""

from __future__ import annotations

from typing import Any

from tritonnn._refusals import refusing, refusing_class

_ALLOCATOR = "memory comes from tritonnn's own pool, which cannot be exchanged or left out"
_HISTORY = "tritonnn keeps no history of allocations; torch.cuda.memory_snapshot() shows the live blocks and their ops"

FUNCTIONS = {
    "caching_allocator_alloc": _ALLOCATOR, "caching_allocator_delete": _ALLOCATOR,
    "caching_allocator_disabled": _ALLOCATOR, "change_current_allocator": _ALLOCATOR, "use_mem_pool": _ALLOCATOR,
    "reset_peak_host_memory_stats": "tritonnn keeps no peaks of page-locked host memory",
    "reset_accumulated_host_memory_stats": "tritonnn keeps no sums of page-locked host memory",
}  # fmt: skip
CLASSES = {
    "CUDAPluggableAllocator": _ALLOCATOR, "MemPool": _ALLOCATOR,
    "GreenContext": "tritonnn does not divide a GPU's multiprocessors between contexts",
}  # fmt: skip
#: of torch.cuda.memory alone
MEMORY = {
    "_record_memory_history": _HISTORY, "_dump_snapshot": _HISTORY, "_snapshot": _HISTORY,
    "_save_memory_usage": _HISTORY, "_save_segment_usage": _HISTORY, "_set_allocator_settings": _ALLOCATOR,
}  # fmt: skip


def made(name: str) -> Any:
    """The function or class that refuses; None where the name is not one of these."""
    if name in CLASSES:
        return refusing_class(f"torch.cuda.{name}", CLASSES[name])
    if name in MEMORY:
        return refusing(f"torch.cuda.memory.{name}", MEMORY[name])
    return refusing(f"torch.cuda.{name}", FUNCTIONS[name]) if name in FUNCTIONS else None
