"""The data pipe that shuffles, by name."""

from __future__ import annotations

from typing import NoReturn

from tritonnn.utils.data.dataset import IterableDataset

__all__ = ["ShufflerIterDataPipe"]


class ShufflerIterDataPipe(IterableDataset):
    """A pipe that gives the elements of another one in random order; refused, as there are no data pipes."""

    def __new__(cls, *args: object, **kwargs: object) -> NoReturn:
        raise NotImplementedError(
            f"{cls.__name__}: tritonnn has no data pipes; write an IterableDataset, or give DataLoader shuffle=True"
        )
