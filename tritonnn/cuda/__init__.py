"""The GPU: devices, streams, events, memory, random state and graphs.

Importing this touches no GPU; the first GPU tensor, or the first call that needs it, starts it. Under
TRITON_INTERPRET=1 `cuda` is the simulated device: host memory, kernels in Triton's interpreter.

>>> import tritonnn as torch
>>> device = 'cuda' if torch.cuda.is_available() else 'cpu'
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tritonnn.cuda._devices import (
    can_device_access_peer, current_blas_handle, current_device, device, device_count, device_of, get_arch_list,
    get_device_capability, get_device_name, get_device_properties, init, ipc_collect, is_available,
    is_bf16_supported, is_initialized, is_tf32_supported, set_device, synchronize,
)  # fmt: skip
from tritonnn.cuda._driver import AcceleratorError
from tritonnn.cuda.graphs import CUDAGraph, graph, graph_pool_handle, is_current_stream_capturing
from tritonnn.cuda.memory import (
    OutOfMemoryError, empty_cache, get_per_process_memory_fraction, host_memory_stats, max_memory_allocated,
    max_memory_cached, max_memory_reserved, mem_get_info, memory_allocated, memory_cached, memory_reserved,
    memory_snapshot, memory_stats, memory_summary, reset_accumulated_memory_stats, reset_max_memory_allocated,
    reset_max_memory_cached, reset_peak_memory_stats, set_per_process_memory_fraction,
)  # fmt: skip
from tritonnn.cuda.random import (
    get_rng_state, get_rng_state_all, initial_seed, manual_seed, manual_seed_all, seed, seed_all, set_rng_state,
    set_rng_state_all,
)  # fmt: skip
from tritonnn.cuda.streams import (
    Event, ExternalStream, Stream, StreamContext, current_stream, default_stream, set_stream, stream,
)  # fmt: skip

if TYPE_CHECKING:
    from tritonnn.cuda import amp, comm, nccl, nvtx
    from tritonnn.cuda._graphed import make_graphed_callables

__all__ = [
    "AcceleratorError", "CUDAGraph", "Event", "ExternalStream", "OutOfMemoryError", "Stream", "StreamContext",
    "amp", "can_device_access_peer", "comm", "current_blas_handle", "current_device", "current_stream",
    "default_stream", "device", "device_count", "device_of", "empty_cache", "get_arch_list",
    "get_device_capability", "get_device_name", "get_device_properties", "get_per_process_memory_fraction",
    "get_rng_state", "get_rng_state_all", "graph", "graph_pool_handle", "host_memory_stats", "init", "initial_seed",
    "ipc_collect", "is_available", "is_bf16_supported", "is_current_stream_capturing", "is_initialized",
    "is_tf32_supported", "make_graphed_callables", "manual_seed", "manual_seed_all", "max_memory_allocated",
    "max_memory_cached", "max_memory_reserved", "mem_get_info", "memory_allocated", "memory_cached",
    "memory_reserved", "memory_snapshot", "memory_stats", "memory_summary", "nccl", "nvtx",
    "reset_accumulated_memory_stats", "reset_max_memory_allocated", "reset_max_memory_cached",
    "reset_peak_memory_stats", "seed", "seed_all", "set_device", "set_per_process_memory_fraction",
    "set_rng_state", "set_rng_state_all", "set_stream", "stream", "synchronize",
]  # fmt: skip

_LAZY = {"make_graphed_callables": "tritonnn.cuda._graphed"}
_SUBMODULES = frozenset(("amp", "comm", "graphs", "memory", "nccl", "nvtx", "random", "streams"))


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
