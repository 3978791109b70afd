"""Intel's GPUs, which tritonnn does not run on: programs that ask before they use one go on.

As in PyTorch without such a device, seeding them and giving back their memory is nothing.
"""

from __future__ import annotations

from tritonnn._absent import device_count, is_available, is_bf16_supported, is_initialized, members, nothing

manual_seed = manual_seed_all = seed = seed_all = empty_cache = nothing
_REFUSED = members(
    "xpu",
    "Event Stream StreamContext current_device current_stream device device_of get_device_capability get_device_name "
    "get_device_properties get_rng_state init initial_seed max_memory_allocated max_memory_reserved mem_get_info "
    "memory_allocated memory_reserved memory_stats reset_accumulated_memory_stats reset_peak_memory_stats set_device "
    "set_rng_state set_stream stream synchronize",
)
globals().update(_REFUSED)
__all__ = [
    "device_count", "empty_cache", "is_available", "is_bf16_supported", "is_initialized", "manual_seed",
    "manual_seed_all", "seed", "seed_all", *_REFUSED,
]  # fmt: skip
