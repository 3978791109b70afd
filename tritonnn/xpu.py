"""Intel's GPUs, which tritonnn does not run on: programs that ask before they use one go on.

As in PyTorch without such a device, seeding them and giving back their memory is nothing.
"""

from __future__ import annotations

from tritonnn._absent import device_count, is_available, is_bf16_supported, is_initialized, members, nothing

manual_seed = manual_seed_all = seed = seed_all = empty_cache = nothing
_REFUSED = members(
    "xpu",
    "MemPool XPUGraph XPUPluggableAllocator can_device_access_peer change_current_allocator clock_rate "
    "device_memory_used get_per_process_memory_fraction get_stream_from_external graph graph_pool_handle "
    "is_current_stream_capturing make_graphed_callables memory_snapshot memory_stats_as_nested_dict memory_usage "
    "power_draw set_per_process_memory_fraction set_rng_state_all temperature use_mem_pool utilization "
    "Event Stream StreamContext current_device current_stream device device_of get_device_capability get_device_name "
    "get_device_properties get_rng_state init initial_seed max_memory_allocated max_memory_reserved mem_get_info "
    "memory_allocated memory_reserved memory_stats reset_accumulated_memory_stats reset_peak_memory_stats set_device "
    "set_rng_state set_stream stream synchronize",
)
globals().update(_REFUSED)
default_generators: tuple = ()


def get_rng_state_all() -> list:
    """The states of all such devices: none."""
    return []


def get_arch_list() -> list[str]:
    """The kinds of such devices that there are kernels for: none."""
    return []


def get_gencode_flags() -> str:
    """What a compiler is told of them: nothing."""
    return ""


def is_tf32_supported() -> bool:
    """False: there is no such device."""
    return False


def _is_compiled() -> bool:
    """False: tritonnn has no backend for it."""
    return False


def _is_in_bad_fork() -> bool:
    """False."""
    return False


__all__ = [
    "get_arch_list", "get_gencode_flags", "get_rng_state_all", "is_tf32_supported",
    "device_count", "empty_cache", "is_available", "is_bf16_supported", "is_initialized", "manual_seed",
    "manual_seed_all", "seed", "seed_all", *_REFUSED,
]  # fmt: skip
