"""Meta's accelerators, which tritonnn does not run on: programs that ask before they use one go on.

As in PyTorch without such a device, seeding them is nothing.
"""

from __future__ import annotations

from tritonnn._absent import device_count, is_available, is_bf16_supported, is_initialized, members, nothing

manual_seed = manual_seed_all = seed = seed_all = nothing
_REFUSED = members(
    "mtia",
    "MTIAGraph StreamContext attach_out_of_memory_observer get_rng_state_all graph graph_pool_handle "
    "record_memory_history set_rng_state_all snapshot current_device current_stream default_stream device "
    "empty_cache get_device_capability get_device_properties get_rng_state init initial_seed max_memory_allocated "
    "memory_allocated memory_stats reset_peak_memory_stats set_device set_rng_state set_stream stream synchronize",
)
globals().update(_REFUSED)
__all__ = [
    "device_count", "is_available", "is_bf16_supported", "is_initialized", "manual_seed", "manual_seed_all", "seed",
    "seed_all", *_REFUSED,
]  # fmt: skip
