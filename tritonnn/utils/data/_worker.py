"""What a worker process of a loader does."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import queue
import random
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import tritonnn
from tritonnn.utils.data import _shared, _transfer
from tritonnn.utils.data._fetch import make_fetcher
from tritonnn.utils.data.dataset import IterableDataset

#: kinds of answers
DATA, END, ERROR = "data", "end", "error"
PARENT_CHECK_SECONDS = 5.0


@dataclass(frozen=True)
class WorkerInfo:
    """Which worker this process is.

    Attributes:
        id: from 0 to ``num_workers`` - 1.
        num_workers: how many there are.
        seed: of this worker's random numbers.
        dataset: this process's copy of the dataset.
    """

    id: int
    num_workers: int
    seed: int
    dataset: Any


@dataclass
class Job:
    """All a worker is given when it starts."""

    dataset: Any
    batched: bool
    collate_fn: Callable[..., Any]
    drop_last: bool
    init_fn: Callable[[int], Any] | None
    base_seed: int
    worker_id: int
    num_workers: int


_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """Which worker of a loader this process is; None in the main process.

    Example:
        >>> from tritonnn.utils.data import get_worker_info
        >>> get_worker_info() is None
        True
    """
    return _info


def pack_error(where: str) -> tuple[type | None, str]:
    """The exception being handled: its type, where that can be pickled, and a message with the traceback."""
    kind = sys.exc_info()[0]
    assert kind is not None
    text = f"Caught {kind.__name__} {where}.\nOriginal {traceback.format_exc()}"
    try:
        pickle.dumps(kind)
    except Exception:
        return None, text
    return kind, text


class _Verbatim(str):
    """A string that is its own repr: KeyError shows the repr of its argument."""

    def __repr__(self) -> str:
        return str(self)


def raise_error(kind: type | None, text: str) -> None:
    """Raises what ``pack_error`` packed: the same type with the worker's traceback as its message."""
    if kind is KeyError:
        raise KeyError(_Verbatim(text))
    try:
        error = None if kind is None else kind(text)
    except Exception:  # a constructor with other arguments
        error = None
    if not isinstance(error, BaseException):
        raise RuntimeError(text)
    raise error


def worker_main(conn: Any, inherited: tuple[Any, ...], job: Job) -> None:
    """Answers requests ``(epoch, task, index)`` with batches until it is told to stop or its parent is gone.

    Args:
        conn: connection to the loader.
        inherited: connections that only the parent should hold: open copies would hide that it is gone.
        job: what to do.
    """
    for other in inherited:
        other.close()
    requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
    # The loader never waits for this process to take a request, so the two cannot wait for each other.
    threading.Thread(target=_listen, args=(conn, requests), daemon=True).start()
    try:
        _serve(conn, requests, job)
    except (KeyboardInterrupt, BrokenPipeError, ConnectionResetError):
        pass  # the main process reports the interrupt, or is gone


def _listen(conn: Any, requests: queue.SimpleQueue[Any]) -> None:
    # A fork server is the parent in the system's eyes, and stays when the loader's process is gone; and a process
    # that was forked later may hold the pipe open by which a loader's end is seen.
    starter, loader = os.getppid(), multiprocessing.parent_process()
    try:
        while os.getppid() == starter and (loader is None or loader.is_alive()):
            if not conn.poll(PARENT_CHECK_SECONDS):
                continue
            request = conn.recv()
            requests.put(request)
            if request is None:
                return
    except (EOFError, OSError):
        pass
    requests.put(None)


def _start(job: Job) -> None:
    global _info
    # The workers share the processors already.
    if tritonnn.get_num_threads() > 1:
        tritonnn.set_num_threads(1)
    seed = job.base_seed + job.worker_id
    random.seed(seed)
    tritonnn.manual_seed(seed)
    np.random.seed([job.worker_id, job.base_seed & 0xFFFFFFFF, job.base_seed >> 32])
    _shared.share()
    _info = WorkerInfo(job.worker_id, job.num_workers, seed, job.dataset)
    if job.init_fn is not None:
        job.init_fn(job.worker_id)


def _serve(conn: Any, requests: queue.SimpleQueue[Any], job: Job) -> None:
    where = f"in DataLoader worker process {job.worker_id}"
    failure = None
    try:
        _start(job)
    except Exception:
        failure = pack_error(where)
    fetcher, epoch = None, None
    while (request := requests.get()) is not None:
        wanted, task, index = request
        kind, parts = DATA, []
        try:
            if failure is not None:
                kind, parts = ERROR, _transfer.dumps(failure)
            else:
                if epoch != wanted:
                    fetcher, epoch = None, wanted
                if fetcher is None:
                    fetcher = make_fetcher(job.dataset, job.batched, job.collate_fn, job.drop_last)
                parts = _transfer.dumps(fetcher.fetch(index))
        except Exception as error:
            # Only a stream ends by StopIteration; one from a dataset's own code must not pass for a batch less.
            if isinstance(error, StopIteration) and isinstance(job.dataset, IterableDataset):
                kind = END
            else:
                kind, parts = ERROR, _transfer.dumps(pack_error(where))
        _transfer.send(conn, (wanted, task, kind), parts)
        # A batch kept until the next one is made would double the memory a worker needs.
        parts = []
