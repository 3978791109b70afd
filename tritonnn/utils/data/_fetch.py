"""From indices to a collated batch."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import tritonnn
from tritonnn.utils.data._collate import default_collate
from tritonnn.utils.data.dataset import IterableDataset, Subset, TensorDataset


class MapFetcher:
    """Samples by index; ``batched`` where an index is a list of them."""

    def __init__(self, dataset: Any, batched: bool, collate_fn: Callable[..., Any], drop_last: bool) -> None:
        self.dataset = dataset
        self.batched = batched
        self.collate_fn = collate_fn

    def fetch(self, index: Any) -> Any:
        """The batch, or the sample, of ``index``."""
        if not self.batched:
            return self.collate_fn(self.dataset[index])
        if self.collate_fn is default_collate and (batch := _rows(self.dataset, index)) is not None:
            return batch
        several = getattr(self.dataset, "__getitems__", None)
        samples = several(index) if callable(several) else [self.dataset[i] for i in index]
        return self.collate_fn(samples)


def _rows(dataset: Any, index: list[int]) -> list[Any] | None:
    """What collating the samples of a TensorDataset, or of a part of one, gives: one op per tensor makes it.

    None for other datasets and for subclasses, which may do something else with a sample.
    """
    while type(dataset) is Subset:
        index = [dataset.indices[i] for i in index]
        dataset = dataset.dataset
    if type(dataset) is not TensorDataset:
        return None
    count = len(dataset)
    rows = tritonnn.as_tensor([i + count if i < 0 else i for i in index], dtype=tritonnn.int64)
    return [tensor.index_select(0, rows.to(tensor.device)) for tensor in dataset.tensors]


class IterableFetcher:
    """Samples of a stream; an index only says how many."""

    def __init__(self, dataset: Any, batched: bool, collate_fn: Callable[..., Any], drop_last: bool) -> None:
        self.samples = iter(dataset)
        self.batched = batched
        self.collate_fn = collate_fn
        self.drop_last = drop_last
        self.ended = False

    def fetch(self, index: Any) -> Any:
        """The next batch, or sample.

        Raises:
            StopIteration: the stream is over.
        """
        if self.ended:
            raise StopIteration
        if not self.batched:
            return self.collate_fn(next(self.samples))
        batch = list(itertools.islice(self.samples, len(index)))
        self.ended = len(batch) < len(index)
        if not batch or (self.ended and self.drop_last):
            raise StopIteration
        return self.collate_fn(batch)


def make_fetcher(dataset: Any, batched: bool, collate_fn: Callable[..., Any], drop_last: bool) -> Any:
    """The fetcher for the kind of ``dataset``; starts to iterate over a stream."""
    kind = IterableFetcher if isinstance(dataset, IterableDataset) else MapFetcher
    return kind(dataset, batched, collate_fn, drop_last)
