"""The loader's side of loading with worker processes."""

from __future__ import annotations

import itertools
import os
import sys
import time
import warnings
import weakref
from collections import deque
from typing import TYPE_CHECKING, Any

from tritonnn.utils.data import _transfer
from tritonnn.utils.data._worker import END, ERROR, Job, raise_error, worker_main

if TYPE_CHECKING:
    from tritonnn.utils.data.dataloader import DataLoader

JOIN_SECONDS = 5.0


class WorkerPool:
    """The worker processes of one iterator, the tasks given to them and the answers that have come.

    Every task gets exactly one answer (data, the end of a stream, or an error). Answers of an epoch that was
    broken off are told by its number and dropped.
    """

    def __init__(self, loader: DataLoader, base_seed: int) -> None:
        self.count = loader.num_workers
        self.timeout = loader.timeout
        self.in_order = loader.in_order
        self.prefetch = (loader.prefetch_factor or 0) * self.count
        if self.prefetch <= 0:
            raise AssertionError("prefetch_factor must be greater than 0 with num_workers > 0")
        self.epoch = 0
        self.conns: list[Any] = []
        self.processes: list[Any] = []
        # Also runs when the interpreter exits; the guard on the pid is for forked children, which inherit it.
        self.close = weakref.finalize(self, _shut_down, self.conns, self.processes, os.getpid())
        try:
            for worker_id in range(self.count):
                self._start(loader, base_seed, worker_id)
        except BaseException:
            self.close()
            raise

    def _start(self, loader: DataLoader, base_seed: int, worker_id: int) -> None:
        context = loader.multiprocessing_context or default_context()
        here, there = context.Pipe(duplex=True)
        self.conns.append(here)
        job = Job(
            dataset=loader.dataset,
            batched=loader._auto_collation,
            collate_fn=loader.collate_fn,
            drop_last=loader.drop_last,
            init_fn=loader.worker_init_fn,
            base_seed=base_seed,
            worker_id=worker_id,
            num_workers=self.count,
        )
        inherited = tuple(self.conns) if context.get_start_method() == "fork" else ()
        process = context.Process(target=worker_main, args=(there, inherited, job), daemon=True)
        with warnings.catch_warnings():
            # Python 3.12 warns when a process with threads forks: the child takes none of their locks.
            warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*fork.*")
            process.start()
        there.close()
        self.processes.append(process)

    @property
    def closed(self) -> bool:
        """Whether the workers are gone."""
        return not self.close.alive

    def start_epoch(self, indices: Any) -> None:
        """Forgets the tasks of the last epoch and hands out the first ones of a new one."""
        self.epoch += 1
        self.indices = indices
        self.sent = self.due = 0
        self.answers: dict[int, tuple[str, list[Any]]] = {}
        self.arrived: deque[int] = deque()
        self.tasks: list[set[int]] = [set() for _ in range(self.count)]
        self.active = [True] * self.count
        self.cycle = itertools.cycle(range(self.count))
        while self._give_task() and self.sent < self.prefetch:
            pass

    def _give_task(self) -> bool:
        worker = self._next_worker()
        if worker is None:
            return False
        try:
            index = next(self.indices)
        except StopIteration:
            return False
        self.tasks[worker].add(self.sent)
        try:
            self.conns[worker].send((self.epoch, self.sent, index))
        except (BrokenPipeError, ConnectionResetError):
            pass  # dead: reported when its answer is due, after those it has sent before
        self.sent += 1
        return True

    def _next_worker(self) -> int | None:
        """The next worker in turn; where order does not matter, one with no more to do than the others."""
        alive = sum(self.active)
        fair = -(-sum(map(len, self.tasks)) // alive) if alive else 0
        for worker in itertools.islice(self.cycle, self.count):
            if self.active[worker] and (self.in_order or fair == 0 or len(self.tasks[worker]) < fair):
                return worker
        # All busy to the same degree: whoever is next.
        return next((w for w in itertools.islice(self.cycle, self.count) if self.active[w]), None)

    def next_batch(self) -> Any:
        """The next batch.

        Raises:
            StopIteration: the epoch is over. RuntimeError: a worker died, or none answered in time. Whatever
                a worker raised, with its traceback.
        """
        while True:
            if self.closed:
                raise StopIteration
            task = self._next_task()
            kind, parts = self.answers.pop(task)
            self._give_task()
            if kind == END:
                continue
            result = _transfer.loads(parts)
            if kind == ERROR:
                raise_error(*result)
            return result

    def _next_task(self) -> int:
        """Waits for the answer to give out next and returns the number of its task."""
        if self.in_order:
            if self.due == self.sent:
                raise StopIteration
            while self.due not in self.answers:
                self._receive()
            self.due += 1
            return self.due - 1
        while not self.arrived:
            if not any(self.tasks):
                raise StopIteration
            self._receive()
        return self.arrived.popleft()

    def _receive(self) -> None:
        """Takes at least one answer of this epoch."""
        from multiprocessing.connection import wait

        deadline = time.monotonic() + self.timeout if self.timeout else None
        # An idle worker may leave; one that owes an answer must not.
        sentinels = {p.sentinel: i for i, p in enumerate(self.processes) if self.tasks[i]}
        sources = {conn: i for i, conn in enumerate(self.conns)}
        got = False
        while not got:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            ready = wait([*sources, *sentinels], left)
            if not ready:
                raise RuntimeError(f"DataLoader timed out after {self.timeout} seconds")
            readable = [sources[source] for source in ready if source in sources]
            for worker in readable:
                got |= self._read(worker)
            if not readable:
                self._raise_death(*[sentinels[source] for source in ready])

    def _read(self, worker: int) -> bool:
        try:
            (epoch, task, kind), parts = _transfer.receive(self.conns[worker])
        except (EOFError, ConnectionResetError):
            self._raise_death(worker)
            raise  # not reached
        if epoch != self.epoch:
            return False
        self.tasks[worker].discard(task)
        if kind == END:
            self.active[worker] = False
        self.answers[task] = kind, parts
        self.arrived.append(task)
        return True

    def _raise_death(self, *workers: int) -> None:
        stories = []
        for worker in workers:
            process = self.processes[worker]
            process.join(1.0)
            stories.append(f"worker {worker} (pid {process.pid}) {_how_it_ended(process.exitcode)}")
        pids = ", ".join(str(self.processes[worker].pid) for worker in workers)
        self.close()
        raise RuntimeError(
            f"DataLoader worker (pid(s) {pids}) exited unexpectedly: {'; '.join(stories)}. A worker that is "
            "killed has often run out of memory; run with num_workers=0 to see an error where it happens."
        )


def _how_it_ended(code: int | None) -> str:
    if code is None:
        return "closed its connection"
    if code >= 0:
        return f"ended with exit code {code}"
    import signal

    try:
        return f"is killed by signal: {signal.Signals(-code).name}"
    except ValueError:
        return f"is killed by signal: {-code}"


def _shut_down(conns: list[Any], processes: list[Any], owner: int) -> None:
    """Lets every worker finish; ends those that do not in time."""
    if os.getpid() != owner:
        return
    for conn in conns:
        try:
            conn.send(None)
        except (OSError, ValueError):
            pass
        conn.close()  # ends a worker that is blocked while sending
    deadline = time.monotonic() + JOIN_SECONDS
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))
    for end in ("terminate", "kill"):
        for process in processes:
            if process.is_alive():
                getattr(process, end)()
                process.join(1.0)


def default_context() -> Any:
    """The start method the program has chosen; otherwise fork on Linux, Python's default elsewhere."""
    import multiprocessing

    method = multiprocessing.get_start_method(allow_none=True)
    if method is None and sys.platform == "linux":
        method = "fork"
    return multiprocessing.get_context(method)
