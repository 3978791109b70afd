"""Datasets: by index (`Dataset`), as a stream (`IterableDataset`), and made of others."""

from __future__ import annotations

import itertools
import math
import warnings
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import tritonnn
from tritonnn._tensor import Tensor
from tritonnn.random import Generator

__all__ = [
    "ChainDataset",
    "ConcatDataset",
    "Dataset",
    "IterableDataset",
    "StackDataset",
    "Subset",
    "TensorDataset",
    "random_split",
]

T_co = TypeVar("T_co", covariant=True)


class Dataset(Generic[T_co]):
    """A map from an index to a sample; a subclass defines ``__getitem__`` and usually ``__len__``.

    A subclass may define ``__getitems__(indices)``, which returns the samples of a whole batch as a list.

    Example:
        >>> from tritonnn.utils.data import DataLoader, Dataset
        >>> class Squares(Dataset):
        ...     def __len__(self):
        ...         return 4
        ...     def __getitem__(self, i):
        ...         return i * i
        >>> [batch.tolist() for batch in DataLoader(Squares(), batch_size=3)]
        [[0, 1, 4], [9]]
    """

    def __getitem__(self, index: Any) -> T_co:
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__")

    def __add__(self, other: Dataset[T_co]) -> ConcatDataset[T_co]:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T_co]):
    """A stream of samples; a subclass defines ``__iter__``.

    With several workers every one of them iterates over its own copy: divide the work by
        ``get_worker_info()``.

    Example:
        >>> from tritonnn.utils.data import DataLoader, IterableDataset
        >>> class Count(IterableDataset):
        ...     def __iter__(self):
        ...         return iter(range(3))
        >>> [batch.tolist() for batch in DataLoader(Count(), batch_size=2)]
        [[0, 1], [2]]
    """

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"{type(self).__name__} must define __iter__")

    def __add__(self, other: Dataset[T_co]) -> ChainDataset:  # type: ignore[override]
        return ChainDataset([self, other])


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Sample i is the tuple of the i-th rows of the tensors.

    Args:
        tensors: tensors with the same size of dimension 0.
        data_tensor, target_tensor: the older way to give two of them.

    Raises:
        AssertionError: the sizes of dimension 0 differ.

    Example:
        >>> import tritonnn as torch
        >>> data = torch.utils.data.TensorDataset(torch.tensor([1.0, 2.0]), torch.tensor([3, 4]))
        >>> data[1]
        (tensor(2.), tensor(4))
    """

    tensors: tuple[Tensor, ...]

    def __init__(
        self, *tensors: Tensor, data_tensor: Tensor | None = None, target_tensor: Tensor | None = None
    ) -> None:
        named = [t for t in (data_tensor, target_tensor) if t is not None]
        if named and (tensors or len(named) != 2):
            raise TypeError(
                "TensorDataset takes its tensors by position, or both data_tensor and target_tensor"
            )
        tensors = tensors or tuple(named)
        if not tensors:
            raise TypeError("TensorDataset needs at least one tensor")
        sizes = [tensor.size(0) for tensor in tensors]
        if len(set(sizes)) != 1:
            raise AssertionError(f"Size mismatch between tensors: dimension 0 has sizes {sizes}")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self) -> int:
        return self.tensors[0].size(0)


class StackDataset(Dataset[Any]):
    """Sample i is the tuple, or the dict, of the samples i of the datasets.

    Args:
        args: datasets of one length, for tuples.
        kwargs: named datasets of one length, for dicts; not both.

    Raises:
        ValueError: both ways at once, no dataset, or different lengths.

    Example:
        >>> from tritonnn.utils.data import StackDataset
        >>> StackDataset(image=[10, 20], text=["a", "b"])[1]
        {'image': 20, 'text': 'b'}
    """

    datasets: tuple[Any, ...] | dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args and kwargs:
            raise ValueError(
                "Supported either ``tuple``- (via ``args``) or ``dict``- (via ``kwargs``) like input/output, "
                "but both types are given."
            )
        if not args and not kwargs:
            raise ValueError("At least one dataset should be passed")
        self.datasets = args or kwargs
        lengths = [len(dataset) for dataset in self._members()]
        if len(set(lengths)) != 1:
            raise ValueError(f"Size mismatch between datasets: lengths {lengths}")
        self._length = lengths[0]

    def _members(self) -> list[Any]:
        return list(self.datasets.values() if isinstance(self.datasets, dict) else self.datasets)

    def _sample(self, values: Iterable[Any]) -> Any:
        if isinstance(self.datasets, dict):
            return dict(zip(self.datasets, values, strict=True))
        return tuple(values)

    def __getitem__(self, index: int) -> Any:
        return self._sample(dataset[index] for dataset in self._members())

    def __getitems__(self, indices: list[int]) -> list[Any]:
        columns = [_many(dataset, indices) for dataset in self._members()]
        return [self._sample(row) for row in zip(*columns, strict=True)]

    def __len__(self) -> int:
        return self._length


class ConcatDataset(Dataset[T_co]):
    """Datasets one after another, by index.

    Args:
        datasets: at least one, none of them a stream.

    Raises:
        AssertionError: no dataset, or an IterableDataset among them.

    Example:
        >>> from tritonnn.utils.data import ConcatDataset
        >>> joined = ConcatDataset([[1, 2], [3]])
        >>> len(joined), joined[2], joined[-3]
        (3, 3, 1)
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise AssertionError("datasets should not be an empty iterable")
        if any(isinstance(dataset, IterableDataset) for dataset in self.datasets):
            raise AssertionError("ConcatDataset does not support IterableDataset")
        self.cumulative_sizes = self.cumsum(self.datasets)

    @staticmethod
    def cumsum(sequence: Iterable[Any]) -> list[int]:
        """Lengths added up from the front."""
        return list(itertools.accumulate(len(element) for element in sequence))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, idx: int) -> T_co:
        if idx < 0:
            if -idx > len(self):
                raise ValueError("absolute value of index should not exceed dataset length")
            idx += len(self)
        place = bisect_right(self.cumulative_sizes, idx)
        start = self.cumulative_sizes[place - 1] if place else 0
        return self.datasets[place][idx - start]

    @property
    def cummulative_sizes(self) -> list[int]:
        """The older, misspelt name of ``cumulative_sizes``."""
        warnings.warn(
            "`cummulative_sizes` attribute is renamed to `cumulative_sizes`", FutureWarning, stacklevel=2
        )
        return self.cumulative_sizes


class ChainDataset(IterableDataset[Any]):
    """Streams one after another.

    Args:
        datasets: iterable datasets.

    Example:
        >>> from tritonnn.utils.data import ChainDataset, IterableDataset
        >>> class Count(IterableDataset):
        ...     def __iter__(self):
        ...         return iter(range(2))
        >>> list(ChainDataset([Count(), Count()]))
        [0, 1, 0, 1]
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = datasets

    def _checked(self) -> Iterator[Any]:
        for dataset in self.datasets:
            if not isinstance(dataset, IterableDataset):
                raise AssertionError("ChainDataset only supports IterableDataset")
            yield dataset

    def __iter__(self) -> Iterator[Any]:
        for dataset in self._checked():
            yield from dataset

    def __len__(self) -> int:
        return sum(len(dataset) for dataset in self._checked())


class Subset(Dataset[T_co]):
    """A selection of a dataset's samples.

    Args:
        dataset: where they come from.
        indices: which of them, in order.

    Example:
        >>> from tritonnn.utils.data import Subset
        >>> list(Subset("abcd", [3, 0]))
        ['d', 'a']
    """

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        cls = type(self)
        if cls.__getitem__ is not Subset.__getitem__ and cls.__getitems__ is Subset.__getitems__:
            raise NotImplementedError(
                f"{cls.__name__} overrides __getitem__ but not __getitems__, which the DataLoader would use: "
                "define def __getitems__(self, indices): return [self[i] for i in indices] as well"
            )
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, idx: Any) -> T_co:
        if isinstance(idx, list):
            return self.dataset[[self.indices[i] for i in idx]]
        return self.dataset[self.indices[idx]]

    def __getitems__(self, indices: list[int]) -> list[T_co]:
        return _many(self.dataset, [self.indices[i] for i in indices])

    def __len__(self) -> int:
        return len(self.indices)


def _many(dataset: Any, indices: list[int]) -> list[Any]:
    """The samples of several indices, at once where the dataset can do that."""
    several = getattr(dataset, "__getitems__", None)
    if not callable(several):
        return [dataset[i] for i in indices]
    items = several(indices)
    if len(items) != len(indices):
        raise ValueError(
            f"Nested dataset's output size mismatch. Expected {len(indices)}, got {len(items)} "
            f"from {type(dataset).__name__}.__getitems__"
        )
    return items


def random_split(
    dataset: Any, lengths: Sequence[int | float], generator: Generator | None = None
) -> list[Subset[Any]]:
    """Divides a dataset at random into parts that do not overlap.

    Args:
        dataset: what to divide.
        lengths: sizes that add up to ``len(dataset)``, or fractions that add up to 1: sizes are rounded down
            and the rest is dealt out from the first part on.
        generator: random generator; default: the global one.

    Raises:
        ValueError: the sizes do not add up, or a fraction is not between 0 and 1.

    Example:
        >>> import tritonnn as torch
        >>> parts = torch.utils.data.random_split(range(10), [0.75, 0.25])
        >>> [len(part) for part in parts], sorted([*parts[0], *parts[1]]) == list(range(10))
        ([8, 2], True)
    """
    count = len(dataset)
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1:
        lengths = _sizes(count, lengths)
    if sum(lengths) != count:
        raise ValueError(
            "Sum of input lengths does not equal the length of the input dataset! "
            f"They add up to {sum(lengths)}, the dataset has {count} samples"
        )
    order = tritonnn.randperm(count, generator=generator).tolist()
    ends = itertools.accumulate(int(length) for length in lengths)
    return [Subset(dataset, order[end - int(size) : end]) for end, size in zip(ends, lengths, strict=True)]


def _sizes(count: int, fractions: Sequence[float]) -> list[int]:
    for i, fraction in enumerate(fractions):
        if fraction < 0 or fraction > 1:
            raise ValueError(f"Fraction at index {i} is not between 0 and 1")
    sizes = [math.floor(count * fraction) for fraction in fractions]
    for i in range(count - sum(sizes)):
        sizes[i % len(sizes)] += 1
    for i, size in enumerate(sizes):
        if size == 0:
            warnings.warn(
                f"Length of split at index {i} is 0. This might result in an empty dataset.", stacklevel=3
            )
    return sizes
