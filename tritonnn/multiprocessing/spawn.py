"""Processes that run one function, and what went wrong in them."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import pickle
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from typing import Any

__all__ = [
    "ProcessContext", "ProcessException", "ProcessExitedException", "ProcessRaisedException", "SpawnContext", "spawn",
    "start_processes",
]  # fmt: skip


class ProcessException(Exception):
    """A process that ended with an error: which one, and its number in the system."""

    def __init__(self, msg: str, error_index: int, error_pid: int) -> None:
        super().__init__(msg)
        self.msg, self.error_index, self.error_pid = msg, error_index, error_pid

    def __reduce__(self) -> tuple:
        return type(self), (self.msg, self.error_index, self.error_pid)


class ProcessRaisedException(ProcessException):
    """A process whose function raised; the text is its traceback."""


class ProcessExitedException(ProcessException):
    """A process that was killed, or that left with a code other than 0."""

    def __init__(
        self, msg: str, error_index: int, error_pid: int, exit_code: int, signal_name: str | None = None
    ) -> None:
        super().__init__(msg, error_index, error_pid)
        self.exit_code, self.signal_name = exit_code, signal_name

    def __reduce__(self) -> tuple:
        return type(self), (self.msg, self.error_index, self.error_pid, self.exit_code, self.signal_name)


def _run(fn: Callable, index: int, args: tuple, path: str) -> None:
    """The function in its process; a file says what it raised."""
    try:
        fn(index, *args)
    except KeyboardInterrupt:
        pass  # the process that started this one tells of it
    except Exception:
        with open(path, "wb") as file:
            pickle.dump(traceback.format_exc(), file)
        sys.exit(1)


class ProcessContext:
    """Processes that were started together.

    Attributes:
        processes: the processes, in order.
    """

    def __init__(self, processes: list[Any], error_files: list[str]) -> None:
        self.processes, self.error_files = processes, error_files
        self.sentinels = {process.sentinel: index for index, process in enumerate(processes)}

    def pids(self) -> list[int]:
        """Their numbers in the system."""
        return [int(process.pid) for process in self.processes]

    def join(self, timeout: float | None = None, grace_period: float | None = None) -> bool:
        """Wait until one or more have ended; where one has failed, end the others.

        Args:
            timeout: seconds to wait at most; None waits until one ends.
            grace_period: seconds that the others have to end by themselves, and again before they are killed.

        Returns:
            Whether all have ended.

        Raises:
            ProcessRaisedException, ProcessExitedException: one has failed.
        """
        if not self.sentinels:
            return True
        failed = None
        for sentinel in multiprocessing.connection.wait(list(self.sentinels), timeout):
            index = self.sentinels.pop(sentinel)
            self.processes[index].join()
            if self.processes[index].exitcode != 0:
                failed = index
                break
        if failed is None:
            return not self.sentinels
        self._end(grace_period)
        raise self._error(failed)

    def _end(self, grace_period: float | None) -> None:
        until = time.monotonic() + (grace_period or 0)
        for process in self.processes:
            process.join(max(0, until - time.monotonic()) if grace_period else 0)
            if process.is_alive():
                process.terminate()
        until = time.monotonic() + (30 if grace_period is None else grace_period)
        for process in self.processes:
            process.join(max(0, until - time.monotonic()))
            if process.is_alive():
                process.kill()
            process.join()

    def _error(self, index: int) -> ProcessException:
        process, path = self.processes[index], self.error_files[index]
        pid, code = int(process.pid), process.exitcode
        if os.path.exists(path) and os.path.getsize(path):
            with open(path, "rb") as file:
                text = pickle.load(file)
            return ProcessRaisedException(
                f"\n\n-- Process {index} terminated with the following error:\n{text}", index, pid
            )
        if code < 0:
            name = (
                signal.Signals(-code).name if -code in iter(signal.Signals) else f"<Unknown signal {-code}>"
            )
            return ProcessExitedException(
                f"process {index} terminated with signal {name}", index, pid, code, name
            )
        return ProcessExitedException(f"process {index} terminated with exit code {code}", index, pid, code)

    def __del__(self) -> None:
        for path in self.error_files:
            with contextlib.suppress(OSError):
                os.remove(path)


SpawnContext = ProcessContext


def start_processes(
    fn: Callable,
    args: tuple = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> ProcessContext | None:
    """Run `fn(i, *args)` in `nprocs` processes.

    Args:
        fn: a function that can be pickled, where processes are spawned.
        join: wait for them and raise if one failed; else return what is to be joined.
        daemon: end them with this process.
        start_method: 'spawn', 'fork' or 'forkserver'.

    Raises:
        ProcessRaisedException, ProcessExitedException: a process has failed.
    """
    context: Any = multiprocessing.get_context(start_method)
    processes, files = [], []
    for index in range(nprocs):
        handle, path = tempfile.mkstemp(prefix="tritonnn-process-")
        os.close(handle)
        processes.append(context.Process(target=_run, args=(fn, index, args, path), daemon=daemon))
        files.append(path)
        processes[-1].start()
    started = ProcessContext(processes, files)
    if not join:
        return started
    while not started.join():
        pass
    return None


def spawn(
    fn: Callable,
    args: tuple = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> ProcessContext | None:
    """`start_processes`, as most programs call it."""
    return start_processes(fn, args, nprocs, join, daemon, start_method)
