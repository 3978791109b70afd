"""Passes over a loader: here, or with worker processes."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import tritonnn
from tritonnn.utils.data._fetch import make_fetcher
from tritonnn.utils.data._pin import pin_memory as pin
from tritonnn.utils.data.sampler import draw_seed

if TYPE_CHECKING:
    from tritonnn.utils.data.dataloader import DataLoader


class _BaseDataLoaderIter:
    """One pass over a loader; a persistent one is restarted for the next.

    A subclass defines `_start`, which begins an epoch, and `_next_data`.
    """

    broken = False
    _hint = ""

    def __init__(self, loader: DataLoader[Any]) -> None:
        self._pin_memory = _pins(loader)
        self._persistent_workers = loader.persistent_workers
        self._num_workers = loader.num_workers
        self._timeout = loader.timeout
        self._collate_fn = loader.collate_fn
        self._drop_last = loader.drop_last
        self._auto_collation = loader._auto_collation
        self._index_sampler = loader._index_sampler
        self._base_seed = draw_seed(loader.generator)

    def _reset(self, loader: DataLoader[Any]) -> None:
        """Begins a new epoch."""
        self._loader_length = loader._IterableDataset_len_called
        self._dataset = loader.dataset
        self._num_yielded = 0
        self._sampler_iter = iter(self._index_sampler)
        self._start(loader)

    def _start(self, loader: DataLoader[Any]) -> None:
        raise NotImplementedError

    def _next_data(self) -> Any:
        raise NotImplementedError

    def __iter__(self) -> _BaseDataLoaderIter:
        return self

    def __len__(self) -> int:
        return len(self._index_sampler)

    def __next__(self) -> Any:
        batch = self._next_data()
        if self._pin_memory:
            batch = pin(batch)
        self._num_yielded += 1
        if self._loader_length is not None and self._num_yielded > self._loader_length:
            self._warn_too_long()
        return batch

    def _warn_too_long(self) -> None:
        warnings.warn(
            f"Length of IterableDataset {self._dataset} was reported to be {self._loader_length} (when "
            f"accessing len(dataloader)), but {self._num_yielded} samples have been fetched. {self._hint}",
            stacklevel=3,
        )

    def __getstate__(self) -> None:
        raise NotImplementedError(f"{type(self).__name__} cannot be pickled")


class _SingleProcessDataLoaderIter(_BaseDataLoaderIter):
    """The batches are made here."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        super().__init__(loader)
        if loader.timeout != 0:
            raise AssertionError("timeout needs num_workers > 0: without workers nothing is waited for")
        self._reset(loader)

    def _start(self, loader: DataLoader[Any]) -> None:
        self._fetcher = make_fetcher(self._dataset, self._auto_collation, self._collate_fn, self._drop_last)

    def _next_data(self) -> Any:
        return self._fetcher.fetch(next(self._sampler_iter))


class _MultiProcessingDataLoaderIter(_BaseDataLoaderIter):
    """Worker processes make the batches."""

    _hint = (
        "For multiprocessing data-loading, this could be caused by not properly configuring the "
        "IterableDataset replica at each worker: see torch.utils.data.get_worker_info."
    )

    def __init__(self, loader: DataLoader[Any]) -> None:
        from tritonnn.utils.data._multiprocess import WorkerPool

        super().__init__(loader)
        self._pool = WorkerPool(loader, self._base_seed)
        self._reset(loader)

    @property
    def broken(self) -> bool:  # type: ignore[override]
        """Whether its workers are gone, so that it cannot be restarted."""
        return self._pool.closed

    @property
    def _workers(self) -> list[Any]:
        return self._pool.processes

    def _start(self, loader: DataLoader[Any]) -> None:
        self._pool.start_epoch(self._sampler_iter)

    def _next_data(self) -> Any:
        try:
            return self._pool.next_batch()
        except StopIteration:
            if not self._persistent_workers:
                self._shutdown_workers()
            raise

    def _shutdown_workers(self) -> None:
        """End the workers; the pass gives nothing more."""
        self._pool.close()


def _pins(loader: DataLoader[Any]) -> bool:
    if not loader.pin_memory:
        return False
    if loader.pin_memory_device:
        warnings.warn(
            "pin_memory_device is deprecated, the current accelerator will be used as the device, "
            f"ignore pin_memory_device='{loader.pin_memory_device}'.",
            stacklevel=6,
        )
    if not tritonnn.cuda.is_available():
        warnings.warn(
            "'pin_memory' argument is set as true but no accelerator is found, then device pinned memory "
            "won't be used.",
            stacklevel=6,
        )
        return False
    return True
