"""The switches of a profiler outside of the program, such as Nsight Systems."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tritonnn.cuda._driver import check_error, cudart

__all__ = ["profile", "start", "stop"]


def start() -> None:
    """Let the profiler record from now on.

    Raises:
        RuntimeError: no driver or no GPU. NotImplementedError: the simulated device.
    """
    check_error(cudart().cudaProfilerStart())


def stop() -> None:
    """Let it record no more; raises as `start`."""
    check_error(cudart().cudaProfilerStop())


@contextmanager
def profile() -> Iterator[None]:
    """A block that the profiler records."""
    start()
    try:
        yield
    finally:
        stop()
