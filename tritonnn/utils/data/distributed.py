"""A sampler that gives every process its part of the data."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import tritonnn
from tritonnn.utils.data.sampler import Sampler

__all__ = ["DistributedSampler"]


class DistributedSampler(Sampler[int]):
    """Every ``num_replicas``-th index from ``rank`` on, after a permutation that is the same in every
    process.

    Call ``set_epoch`` before each epoch: otherwise every epoch has the same order.

    Args:
        dataset: what has the length.
        num_replicas: number of processes; default: that of the current process group.
        rank: which of them this is; default: that of the current process group.
        shuffle: permute; otherwise in order.
        seed: of the permutation, equal in all processes.
        drop_last: leave out the last indices so that all parts are equal; otherwise some are repeated.

    Raises:
        ValueError: the rank is not in [0, num_replicas). RuntimeError: no process group to take defaults
            from.

    Example:
        >>> from tritonnn.utils.data import DistributedSampler
        >>> [list(DistributedSampler(range(5), num_replicas=2, rank=r, shuffle=False)) for r in (0, 1)]
        [[0, 2, 4], [1, 3, 0]]
    """

    def __init__(
        self,
        dataset: Any,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        if num_replicas is None:
            num_replicas = _process_group().get_world_size()
        if rank is None:
            rank = _process_group().get_rank()
        if rank >= num_replicas or rank < 0:
            raise ValueError(f"Invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]")
        self.dataset = dataset
        self.num_replicas = num_replicas
        self.rank = rank
        self.epoch = 0
        self.drop_last = drop_last
        count = len(dataset)
        self.num_samples = count // num_replicas if drop_last else math.ceil(count / num_replicas)
        self.total_size = self.num_samples * num_replicas
        self.shuffle = shuffle
        self.seed = seed

    def __iter__(self) -> Iterator[int]:
        count = len(self.dataset)
        if self.shuffle:
            generator = tritonnn.Generator()
            generator.manual_seed(self.seed + self.epoch)
            indices = tritonnn.randperm(count, generator=generator).tolist()
        else:
            indices = list(range(count))
        if indices:
            indices *= math.ceil(self.total_size / count) or 1
        return iter(indices[: self.total_size][self.rank :: self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Chooses the permutation of this epoch."""
        self.epoch = epoch


def _process_group() -> Any:
    distributed = getattr(tritonnn, "distributed", None)
    if distributed is None or not distributed.is_available():
        raise RuntimeError(
            "Requires distributed package to be available: give num_replicas and rank, or start a process "
            "group"
        )
    return distributed
