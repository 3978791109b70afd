"""torch.utils.throughput_benchmark, refused: it calls models from threads of C++."""

from __future__ import annotations

from tritonnn._refusals import refused

_REFUSED = refused(
    "torch.utils.throughput_benchmark",
    "tritonnn has no threads that call a model without Python; torch.utils.benchmark measures calls",
    classes="ExecutionStats ThroughputBenchmark",
)
globals().update(_REFUSED)
__all__ = ["format_time", *_REFUSED]


def format_time(
    time_us: float | None = None, time_ms: float | None = None, time_s: float | None = None
) -> str:
    """A time with a unit that suits it; one of the three is given.

    >>> from tritonnn.utils.throughput_benchmark import format_time
    >>> format_time(time_ms=1.5)
    '1.500ms'
    """
    given = [(time_us, 1.0), (time_ms, 1e3), (time_s, 1e6)]
    if sum(value is not None for value, _ in given) != 1:
        raise AssertionError("format_time: expected exactly one of time_us, time_ms and time_s")
    us = next(value * factor for value, factor in given if value is not None)
    for unit, size in (("s", 1e6), ("ms", 1e3)):
        if us >= size:
            return f"{us / size:.3f}{unit}"
    return f"{us:.3f}us"
