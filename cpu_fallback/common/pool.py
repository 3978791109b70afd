"""A few threads that share the pieces of one op.

NumPy lets go of Python's global lock inside a ufunc, a copy or a product of matrices, so pieces of an array are worked
on side by side. Handing pieces over costs some 20 µs, and a thread that wants the lock back waits for the others: only
work of WORTH elements or more is spread, in pieces of many thousand.

What is computed does not depend on the number of threads: whoever calls `spread` cuts its work into the same pieces on
one thread as on many, and adds up what pieces give in a fixed order.
"""

from __future__ import annotations

import contextvars
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue
from typing import Any, TypeVar

from tritonnn.cpu_fallback.common import blas

T = TypeVar("T")

WORTH = 1 << 19  # elements of cheap arithmetic, some 100 µs, from which on a second thread pays

_inside = threading.local()  # `.pool`: whether this thread works on a piece
_jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
_workers = 0
_starting = threading.Lock()


def spread(work: Callable[[T], object], parts: Sequence[T], size: int) -> None:
    """`work(part)` for every part, on several threads where that is worth it; returns when all are done.

    Parts are taken in order, by whichever thread is free. They must not write what another one reads or writes.

    Args:
        work: what to do with a part. Products of matrices in it run on one thread each.
        parts: the pieces.
        size: elements of all of them; of costly arithmetic accordingly more.

    Raises:
        BaseException: the first that `work` raised; parts that had not begun are left out.
    """
    several = 1
    if size >= WORTH and not getattr(_inside, "pool", False):
        several = min(
            blas.threads(), len(parts)
        )  # one number for both: the work is spread here or in the BLAS
    if several < 2:
        for part in parts:
            work(part)
        return
    _start(several - 1)
    job = _Job(work, iter(parts))
    for _ in range(several - 1):
        # NumPy's error state belongs to the context: the pieces see the caller's
        job.expect(contextvars.copy_context())
    before = blas.threads()
    blas.set_threads(1)
    job.run()
    job.wait()
    blas.set_threads(before)
    if job.errors:
        raise job.errors[0]


class _Job:
    """The parts of one call, and who works on them."""

    def __init__(self, work: Callable[[Any], object], parts: Iterator[Any]) -> None:
        self.work, self.parts = (
            work,
            parts,
        )  # an iterator over a sequence gives every part once, to whichever thread
        self.errors: list[BaseException] = []
        self.ends: list[threading.Lock] = []

    def expect(self, context: contextvars.Context) -> None:
        """Let a worker join in."""
        end = threading.Lock()
        end.acquire()
        self.ends.append(end)

        def join() -> None:
            try:
                context.run(self.run)
            finally:
                end.release()

        _jobs.put(join)

    def run(self) -> None:
        """Work on parts until there are none left."""
        _inside.pool = True
        try:
            for part in self.parts:
                if self.errors:
                    break
                self.work(part)
        except BaseException as error:
            self.errors.append(error)
        finally:
            _inside.pool = False

    def wait(self) -> None:
        """Until the workers are done, whatever happens. One that comes late finds no part left."""
        for end in self.ends:
            while True:
                try:
                    end.acquire()
                    break
                except BaseException as error:  # Ctrl-C: what the others write to must not be let go of
                    self.errors.append(error)


def _start(count: int) -> None:
    """Have at least `count` workers."""
    global _workers
    if _workers >= count:
        return
    with _starting:
        while _workers < count:
            _workers += 1
            threading.Thread(target=_work, args=(_jobs,), name=f"tritonnn-{_workers}", daemon=True).start()


def _work(jobs: SimpleQueue[Callable[[], None]]) -> None:
    while True:
        jobs.get()()


def _forget_workers() -> None:
    """In a forked child, which has no other threads than the one that forked."""
    global _jobs, _workers, _starting
    _jobs, _workers, _starting = SimpleQueue(), 0, threading.Lock()
    _inside.pool = False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_workers)
