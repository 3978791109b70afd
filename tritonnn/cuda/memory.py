"""What GPU memory is used for: counters, a summary, and giving back what is only cached."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from tritonnn.cuda._devices import device_index
from tritonnn.device import device as Device
from tritonnn.runtime.interface import runtime
from tritonnn.runtime.pool import OutOfMemoryError, Stats, human, live_blocks

__all__ = [
    "OutOfMemoryError", "caching_allocator_enable", "empty_cache", "get_allocator_backend",
    "get_per_process_memory_fraction", "host_memory_stats", "host_memory_stats_as_nested_dict",
    "max_memory_allocated", "max_memory_cached", "max_memory_reserved", "mem_get_info", "memory_allocated",
    "memory_cached", "memory_reserved", "memory_snapshot", "memory_stats",
    "memory_stats_as_nested_dict", "memory_summary",
    "reset_accumulated_memory_stats", "reset_max_memory_allocated", "reset_max_memory_cached",
    "reset_peak_memory_stats", "set_per_process_memory_fraction",
]  # fmt: skip

P = ParamSpec("P")
R = TypeVar("R")


def _stats(device: Device | int | str | None) -> tuple[int, Stats]:
    """Index and counters of a GPU; before it is started they are all zero, and reading them does not start
    it."""
    if device is None and not runtime().is_initialized():
        return 0, Stats()
    index = runtime().check(device_index(device))
    return index, runtime().stats.get(index) or Stats()


def memory_allocated(device: Device | int | str | None = None) -> int:
    """Bytes that live tensors take on a GPU, rounded up per tensor to 512.

    Args:
        device: the GPU, by index, name or `torch.device`; the current one for None.

    >>> import tritonnn as torch
    >>> before = torch.cuda.memory_allocated()
    >>> if torch.cuda.is_available():
    ...     x = torch.ones(200, device="cuda")
    ...     assert torch.cuda.memory_allocated() == before + 1024
    """
    return _stats(device)[1].allocated


def max_memory_allocated(device: Device | int | str | None = None) -> int:
    """Peak of `memory_allocated` since the start or the last `reset_peak_memory_stats`.

    Args:
        device: the GPU, by index, name or `torch.device`; the current one for None.

    >>> import tritonnn as torch
    >>> torch.cuda.max_memory_allocated() >= torch.cuda.memory_allocated()
    True
    """
    return _stats(device)[1].allocated_peak


def memory_reserved(device: Device | int | str | None = None) -> int:
    """Bytes taken from a GPU, for live tensors and for reuse.

    Args:
        device: the GPU, by index, name or `torch.device`; the current one for None.

    >>> import tritonnn as torch
    >>> torch.cuda.memory_reserved() >= torch.cuda.memory_allocated()
    True
    """
    return runtime().reserved(_stats(device)[0])[0]


def max_memory_reserved(device: Device | int | str | None = None) -> int:
    """Peak of `memory_reserved` since the start or the last `reset_peak_memory_stats`.

    Args:
        device: the GPU, by index, name or `torch.device`; the current one for None.

    >>> import tritonnn as torch
    >>> torch.cuda.max_memory_reserved() >= torch.cuda.memory_reserved()
    True
    """
    return runtime().reserved(_stats(device)[0])[1]


def reset_peak_memory_stats(device: Device | int | str | None = None) -> None:
    """Start the peaks again from what is used now.

    Args:
        device: the GPU, by index, name or `torch.device`; the current one for None.

    >>> import tritonnn as torch
    >>> torch.cuda.reset_peak_memory_stats()
    >>> torch.cuda.max_memory_allocated() == torch.cuda.memory_allocated()
    True
    """
    runtime().reset_peak(_stats(device)[0])


def reset_accumulated_memory_stats(device: Device | int | str | None = None) -> None:
    """Set the sums over all allocations, retries and out-of-memory errors back to zero.

    Args:
        device: the GPU, by index, name or `torch.device`; the current one for None.

    >>> import tritonnn as torch
    >>> torch.cuda.reset_accumulated_memory_stats()
    >>> torch.cuda.memory_stats()["num_ooms"]
    0
    """
    _stats(device)[1].reset_totals()


def empty_cache() -> None:
    """Give cached memory that no tensor uses back to the GPU, where other programs can have it.

    >>> import tritonnn as torch
    >>> torch.cuda.empty_cache()
    >>> torch.cuda.memory_reserved() >= torch.cuda.memory_allocated()
    True
    """
    if runtime().is_initialized():
        runtime().empty_cache()


def mem_get_info(device: Device | int | str | None = None) -> tuple[int, int]:
    """Bytes free and in total on a GPU, over all programs that use it.

    Args:
        device: the GPU, by index, name or `torch.device`; the current one for None.

    Raises:
        RuntimeError: no driver or no GPU.

    >>> import tritonnn as torch
    >>> if torch.cuda.is_available():
    ...     free, total = torch.cuda.mem_get_info()
    ...     assert 0 <= free <= total
    """
    return runtime().memory_info(device_index(device))


def set_per_process_memory_fraction(fraction: float, device: Device | int | str | None = None) -> None:
    """Let this process take at most a part of a GPU's memory.

    Args:
        fraction: of the total memory, from 0 to 1. What is allocated beyond raises `OutOfMemoryError`.
        device: the GPU; the current one for None.

    Raises:
        TypeError: `fraction` is no float.
        ValueError: it is not between 0 and 1.

    >>> import tritonnn as torch
    >>> if torch.cuda.is_available():
    ...     torch.cuda.set_per_process_memory_fraction(0.5)
    ...     assert abs(torch.cuda.get_per_process_memory_fraction() - 0.5) < 1e-6
    ...     torch.cuda.set_per_process_memory_fraction(1.0)
    """
    if not isinstance(fraction, float):
        raise TypeError(f"Invalid type for fraction argument, must be `float`, got {type(fraction).__name__}")
    if not 0 <= fraction <= 1:
        raise ValueError(f"Invalid fraction value: {fraction}. Allowed range: 0~1")
    pool = runtime().pool(runtime().check(device_index(device)))
    pool.limit = None if fraction == 1 else int(fraction * pool.source.total())


def get_per_process_memory_fraction(device: Device | int | str | None = None) -> float:
    """The part of a GPU's memory that this process may take.

    Args:
        device: the GPU, by index, name or `torch.device`; the current one for None.

    >>> import tritonnn as torch
    >>> if torch.cuda.is_available():
    ...     assert torch.cuda.get_per_process_memory_fraction() == 1.0
    """
    pool = runtime().pool(runtime().check(device_index(device)))
    return 1.0 if pool.limit is None else pool.limit / pool.source.total()


def memory_stats(device: Device | int | str | None = None) -> dict[str, int]:
    """Counters of the allocator by name, as 'allocated_bytes.all.current'.

    `allocation` counts tensors, `allocated_bytes` their bytes, `reserved_bytes` what is taken from the GPU;
    `current` is now, `peak` the most, `allocated` and `freed` the sums so far.

    Args:
        device: the GPU, by index, name or `torch.device`; the current one for None.

    >>> import tritonnn as torch
    >>> stats = torch.cuda.memory_stats()
    >>> stats["allocated_bytes.all.peak"] >= stats["allocated_bytes.all.current"]
    True
    """
    index, stats = _stats(device)
    now, peak = runtime().reserved(index)
    values: dict[str, int] = {}
    rows = {
        "allocated_bytes": (stats.allocated, stats.allocated_peak, stats.requested_total, stats.freed_total),
        "active_bytes": (stats.allocated, stats.allocated_peak, stats.requested_total, stats.freed_total),
        "reserved_bytes": (now, peak, stats.reserved_total, stats.reserved_total - stats.reserved),
    }
    for name, row in rows.items():
        for kind, value in zip(("current", "peak", "allocated", "freed"), row, strict=True):
            values[f"{name}.all.{kind}"] = value
    counts = {"current": stats.blocks, "allocated": stats.taken, "freed": stats.given}
    values.update({f"allocation.all.{kind}": value for kind, value in counts.items()})
    values["num_alloc_retries"] = stats.retries
    values["num_ooms"] = stats.ooms
    values["num_device_alloc"] = stats.device_takes
    values["num_device_free"] = stats.device_gives
    return dict(sorted(values.items()))


def host_memory_stats() -> dict[str, int]:
    """Page-locked host memory: 'allocated_bytes.current' that arrays hold, 'reserved_bytes.current' with
    spare.

    >>> import tritonnn as torch
    >>> stats = torch.cuda.host_memory_stats()
    >>> stats["reserved_bytes.current"] >= stats["allocated_bytes.current"]
    True
    """
    held, spare = runtime().pinned_bytes()
    return {"allocated_bytes.current": held, "reserved_bytes.current": held + spare}


def memory_stats_as_nested_dict(device: Device | int | str | None = None) -> dict[str, Any]:
    """`memory_stats` as dicts in dicts, one for each part of its names.

    >>> import tritonnn as torch
    >>> nested = torch.cuda.memory_stats_as_nested_dict()
    >>> not nested or nested["num_ooms"] == torch.cuda.memory_stats()["num_ooms"]
    True
    """
    return _nested(memory_stats(device))


def host_memory_stats_as_nested_dict() -> dict[str, Any]:
    """`host_memory_stats` as dicts in dicts.

    >>> import tritonnn as torch
    >>> sorted(torch.cuda.host_memory_stats_as_nested_dict())
    ['allocated_bytes', 'reserved_bytes']
    """
    return _nested(host_memory_stats())


def _nested(stats: dict[str, int]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, value in stats.items():
        *path, last = name.split(".")
        place = nested
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    return nested


def get_allocator_backend() -> str:
    """'native': tritonnn's own pool.

    >>> import tritonnn as torch
    >>> torch.cuda.get_allocator_backend()
    'native'
    """
    return "native"


def caching_allocator_enable(value: bool = True) -> None:
    """Keep freed memory for reuse, which is always so.

    Raises:
        NotImplementedError: False.

    >>> import tritonnn as torch
    >>> torch.cuda.caching_allocator_enable(True)
    """
    if not value:
        raise NotImplementedError(
            "torch.cuda.caching_allocator_enable(False): tritonnn's pool cannot be left out; torch.cuda.empty_cache() "
            "gives back what it keeps"
        )


def memory_snapshot() -> list[dict[str, Any]]:
    """Every live block of every GPU, the largest first: device, address, size in bytes, and the op that made
    it.

    >>> import tritonnn as torch
    >>> sizes = [block["total_size"] for block in torch.cuda.memory_snapshot()]
    >>> sizes == sorted(sizes, reverse=True)
    True
    """
    blocks = [block for index in runtime().pools for block in live_blocks(index)]
    return [
        {"device": b.index, "address": b.ptr, "total_size": b.size, "requested_size": b.nbytes, "op": b.op}
        for b in sorted(blocks, key=lambda b: -b.size)
    ]


def memory_summary(device: Device | int | str | None = None, abbreviated: bool = False) -> str:
    """A table for reading: what is allocated and reserved, and, unless abbreviated, the ten largest live
    tensors.

    Args:
        device: the GPU, by index, name or `torch.device`; the current one for None.
        abbreviated: leave the largest tensors out.

    >>> import tritonnn as torch
    >>> text = torch.cuda.memory_summary(abbreviated=True)
    >>> "live tensors" in text and "reserved on the GPU" in text
    True
    """
    index, stats = _stats(device)
    now, peak = runtime().reserved(index)
    rule = "-" * 78
    lines = [
        rule,
        f" cuda:{index} memory".ljust(60) + f"retries: {stats.retries}  OOMs: {stats.ooms}".rjust(18),
        rule,
        f" {'':22}{'now':>13}{'peak':>13}{'total taken':>14}{'total freed':>14}",
        _row("live tensors", stats.allocated, stats.allocated_peak, stats.requested_total, stats.freed_total),
        _row("reserved on the GPU", now, peak, stats.reserved_total, stats.reserved_total - stats.reserved),
        f" {'number of tensors':22}{stats.blocks:>13}{'':13}{stats.taken:>14}{stats.given:>14}",
        rule,
    ]
    largest = [] if abbreviated else sorted(live_blocks(index), key=lambda block: -block.size)[:10]
    if largest:
        lines += [f" {human(b.nbytes):>12}  made by {b.op or 'an unnamed op'}" for b in largest]
        lines.append(rule)
    return "\n".join(lines) + "\n"


def _row(name: str, *values: int) -> str:
    first, second, third, fourth = (human(value) for value in values)
    return f" {name:22}{first:>13}{second:>13}{third:>14}{fourth:>14}"


def _renamed(old: str, function: Callable[P, R]) -> Callable[P, R]:
    """A function by the name that it had before, with a warning."""
    new = function.__name__

    @functools.wraps(function)
    def renamed(*args: P.args, **kwargs: P.kwargs) -> R:
        message = f"`torch.cuda.{old}` has been renamed to `torch.cuda.{new}`"
        warnings.warn(message, FutureWarning, stacklevel=2)
        return function(*args, **kwargs)

    renamed.__name__ = renamed.__qualname__ = old
    renamed.__doc__ = f"""Old name of `{new}`.

    Args:
        device: the GPU, by index, name or `torch.device`; the current one for None.

    >>> import tritonnn as torch
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", FutureWarning)
    ...     result = torch.cuda.{old}()
    >>> result == torch.cuda.{new}()
    True
    """
    return renamed


memory_cached = _renamed("memory_cached", memory_reserved)
max_memory_cached = _renamed("max_memory_cached", max_memory_reserved)
reset_max_memory_allocated = _renamed("reset_max_memory_allocated", reset_peak_memory_stats)
reset_max_memory_cached = _renamed("reset_max_memory_cached", reset_peak_memory_stats)


def __getattr__(name: str) -> Any:
    from tritonnn.cuda import _left_out

    refusal = _left_out.made(name)
    if refusal is None:
        raise AttributeError(f"tritonnn has no torch.cuda.memory.{name}")
    return refusal
