"""Explicit autotuning: measured configurations instead of the chooser's, kept on disk.

Kernels choose their configuration by a pure function. Inside `autotune(step)` the same places measure all
candidates instead, on the very tensors of the call, and keep the fastest under the hash of the kernel's
sources, the device, Triton's version and the class of the shape; from then on, and in later processes, it is
taken without measuring. Nothing is ever measured outside `autotune`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import triton

from tritonnn import determinism
from tritonnn.config import CACHE_DIR
from tritonnn.kernels.launch.launch import architecture, forget_plans
from tritonnn.kernels.launch.replay import unrepeatable
from tritonnn.runtime.interface import runtime

T = TypeVar("T")

FILE = Path(CACHE_DIR) / "autotune.json"
WARMUP, ROUNDS = 3, 5
ENOUGH_MS = 2.0  # what a round should take, so that a launch's own time does not matter

determinism.on_change.append(forget_plans)  # they hold the choices made so far

_tuning = False
_kept: dict[str, Any] | None = None


@contextmanager
def tuning() -> Iterator[None]:
    """Measure instead of choose, for the length of a block."""
    global _tuning
    if runtime().is_capturing():
        raise RuntimeError(
            "autotune cannot run while a CUDA graph is being captured: tune before the capture"
        )
    # kept plans hold the choices made so far
    forget_plans()
    before, _tuning = _tuning, True
    try:
        yield
    finally:
        _tuning = before
        # what measured could not be noted, and would not be from now on
        forget_plans()


def pick(
    kernel: Any,
    problem: Sequence[Any],
    default: T,
    candidates: Sequence[T],
    build: Callable[[T], Callable[[], None]],
) -> T:
    """The configuration for a problem: the measured one where there is one, else `default`.

    Args:
        kernel: the `@triton.jit` function, whose sources are part of the key.
        problem: what else the choice depends on; numbers are put into classes (see `size_class`).
        default: what the chooser says.
        candidates: what to measure under `autotune`; tuples of plain values, `default` among them or not.
        build: makes, for a candidate, a call that launches the kernel on the tensors at hand. It may
            overwrite the output and nothing else.
    """
    if determinism.enabled or (not _tuning and not _table()):
        return default  # what was measured may differ from run to run, and with it the order of a sum
    if _tuning:
        unrepeatable()
    key = _key(kernel, problem)
    entry = _table().get(key)
    # the file holds configurations as text: what is no candidate any more is measured anew
    by_text = {repr(c): c for c in (default, *candidates)}
    if entry is not None and entry["configuration"] in by_text:
        return by_text[entry["configuration"]]
    if not _tuning or len(by_text) == 1:
        return default
    if runtime().is_capturing():
        raise RuntimeError(
            "autotune cannot run while a CUDA graph is being captured: tune before the capture"
        )
    times = {text: _time_or_none(build, candidate) for text, candidate in by_text.items()}
    measured = {text: ms for text, ms in times.items() if ms is not None}
    if not measured:
        return default
    best = min(measured, key=measured.__getitem__)
    _keep(
        key,
        {
            "problem": list(problem),
            "configuration": best,
            "milliseconds": measured[best],
            "of": len(measured),
        },
    )
    return by_text[best]


def size_class(size: int) -> int:
    """A size rounded up to three binary digits: neighbours behave alike.

    >>> [size_class(n) for n in (7, 16, 17, 1000, 1024, 1025)]
    [7, 16, 20, 1024, 1024, 1280]
    """
    step = 1 << max(0, (size - 1).bit_length() - 3)
    return -(-size // step) * step if size > 16 else size


def measure(call: Callable[[], None]) -> float:
    """Milliseconds of a launch: the median of rounds long enough to hide the launch itself."""
    device = runtime()
    stream = device.current_stream(device.current_device())
    start, end = (device.event_create(True, False, False) for _ in range(2))

    def span(count: int) -> float:
        device.event_record(start, stream)
        for _ in range(count):
            call()
        device.event_record(end, stream)
        device.event_synchronize(end)
        return device.event_elapsed(start, end) / count

    try:
        # the first call compiles; the last of these tells how many fill a round
        for _ in range(WARMUP):
            once = span(1)
        count = max(1, min(1000, int(ENOUGH_MS / max(once, 1e-3))))
        # the median: a round that others disturbed counts no more than any
        return sorted(span(count) for _ in range(ROUNDS))[ROUNDS // 2]
    finally:
        device.event_destroy(start)
        device.event_destroy(end)


def _time_or_none(build: Callable[[T], Callable[[], None]], candidate: T) -> float | None:
    """The time of a candidate; None where this device cannot run it."""
    try:
        return measure(build(candidate))
    except triton.runtime.errors.OutOfResources:
        return None


def _key(kernel: Any, problem: Sequence[Any]) -> str:
    source = getattr(kernel, "cache_key", None) or kernel.__name__  # interpreted functions have no hash
    device = runtime()
    name = device.properties(device.current_device()).name
    classes = [size_class(p) if type(p) is int else p for p in problem]
    text = repr((source, name, architecture(), triton.__version__, classes))
    return hashlib.sha256(text.encode()).hexdigest()


def _table() -> dict[str, Any]:
    global _kept
    if _kept is None:
        try:
            _kept = json.loads(FILE.read_text())
        except (OSError, ValueError):
            _kept = {}
    return _kept


def _keep(key: str, entry: dict[str, Any]) -> None:
    table = _table()
    table[key] = entry
    FILE.parent.mkdir(parents=True, exist_ok=True)
    # written beside and renamed, so that other processes never read half a file
    partial = FILE.with_suffix(f".{os.getpid()}")
    partial.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n")
    partial.replace(FILE)
