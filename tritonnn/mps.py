"""Apple's GPUs, which tritonnn does not run on: programs that ask before they use one go on."""

from __future__ import annotations

from tritonnn._absent import device_count, is_available, members

_REFUSED = members(
    "mps",
    "Event clear_graph_cache compile_shader current_allocated_memory driver_allocated_memory empty_cache get_rng_state "
    "load_metallib manual_seed recommended_max_memory seed set_per_process_memory_fraction set_rng_state synchronize",
)
globals().update(_REFUSED)
__all__ = ["device_count", "is_available", *_REFUSED]
