"""Datasets, samplers, collating, and the loader in one process."""

from __future__ import annotations

import collections

import numpy as np
import pytest

import tritonnn as torch
from tritonnn.utils import data
from tritonnn.utils.data import DataLoader


class Squares(data.Dataset):
    """i -> i * i."""

    def __init__(self, n: int = 5) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: int) -> int:
        if not 0 <= i < self.n:
            raise IndexError(i)
        return i * i


class Count(data.IterableDataset):
    """0, 1, ..., n - 1, optionally with a length that may be wrong."""

    def __init__(self, n: int = 5, length: int | None = None) -> None:
        self.n, self.length = n, length

    def __iter__(self):
        return iter(range(self.n))

    def __len__(self) -> int:
        if self.length is None:
            raise TypeError("no length")
        return self.length


def lists(loader) -> list:
    return [batch.tolist() for batch in loader]


# ---- datasets --------------------------------------------------------------------------------------------------


def test_tensor_dataset():
    ds = data.TensorDataset(torch.arange(4), torch.arange(8).reshape(4, 2))
    assert len(ds) == 4 and [t.tolist() for t in ds[1]] == [1, [2, 3]]
    assert [t.tolist() for t in ds[-1]] == [3, [6, 7]]
    old = data.TensorDataset(data_tensor=torch.zeros(2, 3), target_tensor=torch.ones(2))
    assert len(old) == 2 and old[0][1].item() == 1
    with pytest.raises(AssertionError, match=r"Size mismatch between tensors.*\[4, 3\]"):
        data.TensorDataset(torch.zeros(4), torch.zeros(3))
    with pytest.raises(TypeError, match="at least one tensor"):
        data.TensorDataset()
    with pytest.raises(TypeError, match="both data_tensor and target_tensor"):
        data.TensorDataset(data_tensor=torch.zeros(2))


def test_concat_and_chain():
    joined = Squares(2) + Squares(3)
    assert isinstance(joined, data.ConcatDataset) and [joined[i] for i in range(5)] == [0, 1, 0, 1, 4]
    assert joined[-1] == 4 and joined.cumulative_sizes == [2, 5]
    with pytest.raises(ValueError, match="should not exceed dataset length"):
        joined[-6]
    with pytest.warns(FutureWarning, match="cumulative_sizes"):
        assert joined.cummulative_sizes == [2, 5]
    with pytest.raises(AssertionError, match="empty iterable"):
        data.ConcatDataset([])
    with pytest.raises(AssertionError, match="does not support IterableDataset"):
        data.ConcatDataset([Count()])
    chained = Count(2) + Count(1)
    assert isinstance(chained, data.ChainDataset) and list(chained) == [0, 1, 0]
    assert len(data.ChainDataset([Count(2, 2), Count(1, 1)])) == 3
    with pytest.raises(AssertionError, match="only supports IterableDataset"):
        list(data.ChainDataset([Squares()]))


def test_stack_dataset():
    pairs = data.StackDataset(Squares(3), "abc")
    assert len(pairs) == 3 and pairs[2] == (4, "c") and pairs.__getitems__([0, 1]) == [(0, "a"), (1, "b")]
    named = data.StackDataset(x=Squares(3), y=[7, 8, 9])
    assert named[0] == {"x": 0, "y": 7}
    for bad in (
        lambda: data.StackDataset(),
        lambda: data.StackDataset([1], y=[1]),
        lambda: data.StackDataset([1], []),
    ):
        with pytest.raises(ValueError):
            bad()


def test_subset_and_random_split():
    part = data.Subset(Squares(5), [4, 1])
    assert list(part) == [16, 1] and part.__getitems__([1, 0]) == [1, 16] and len(part) == 2

    class Wrong(data.Subset):
        def __getitem__(self, i):
            return -1

    with pytest.raises(NotImplementedError, match="but not __getitems__"):
        Wrong(Squares(), [0])
    a, b = data.random_split(Squares(10), [7, 3], generator=torch.Generator().manual_seed(1))
    assert sorted([*a, *b]) == [i * i for i in range(10)]
    again, _ = data.random_split(Squares(10), [7, 3], generator=torch.Generator().manual_seed(1))
    assert list(a) == list(again)
    assert [len(p) for p in data.random_split(Squares(10), [0.5, 0.25, 0.25])] == [6, 2, 2]
    with pytest.raises(ValueError, match="does not equal the length"):
        data.random_split(Squares(10), [5, 4])
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        data.random_split(Squares(1), [0.9, 0.1])


# ---- samplers ----------------------------------------------------------------------------------------------------


def test_random_sampler():
    assert sorted(data.RandomSampler(range(6))) == list(range(6))
    g = torch.Generator().manual_seed(3)
    first = list(data.RandomSampler(range(50), generator=g))
    assert first != list(range(50)) and first == list(
        data.RandomSampler(range(50), generator=torch.Generator().manual_seed(3))
    )
    more = list(data.RandomSampler(range(3), num_samples=7))
    assert len(more) == 7 and sorted(more[:3]) == sorted(more[3:6]) == [0, 1, 2]
    drawn = list(data.RandomSampler(range(3), replacement=True, num_samples=100))
    assert len(drawn) == 100 and set(drawn) == {0, 1, 2}
    torch.manual_seed(5)
    a = list(data.RandomSampler(range(20)))
    torch.manual_seed(5)
    assert a == list(data.RandomSampler(range(20)))
    with pytest.raises(TypeError, match="boolean"):
        data.RandomSampler(range(3), replacement=1)
    for bad in (0, -1, 1.5):
        with pytest.raises(ValueError, match="positive integer"):
            data.RandomSampler(range(3), num_samples=bad)
    with pytest.raises(ValueError, match="positive integer"):
        data.RandomSampler([])


def test_other_samplers():
    assert list(data.SequentialSampler("abc")) == [0, 1, 2]
    assert sorted(data.SubsetRandomSampler([4, 7])) == [4, 7]
    weighted = data.WeightedRandomSampler([0.0, 1.0, 0.0], 5)
    assert list(weighted) == [1] * 5 and len(weighted) == 5
    assert sorted(data.WeightedRandomSampler([0.1, 0.9, 5.0], 3, replacement=False)) == [0, 1, 2]
    with pytest.raises(ValueError, match="1d sequence"):
        data.WeightedRandomSampler([[1.0]], 1)
    with pytest.raises(ValueError, match="boolean"):
        data.WeightedRandomSampler([1.0], 1, replacement=0)
    for drop, wanted in ((False, [[0, 1], [2, 3], [4]]), (True, [[0, 1], [2, 3]])):
        batches = data.BatchSampler(range(5), 2, drop)
        assert list(batches) == wanted and len(batches) == len(wanted)
    for bad in (0, True, 1.5):
        with pytest.raises(ValueError, match="positive integer"):
            data.BatchSampler(range(5), bad, False)
    with pytest.raises(ValueError, match="boolean"):
        data.BatchSampler(range(5), 1, 0)


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("count", [1, 6, 7])
def test_distributed_sampler_covers_everything(count, drop_last):
    parts = []
    for rank in range(3):
        sampler = data.DistributedSampler(range(count), 3, rank, seed=4, drop_last=drop_last)
        sampler.set_epoch(2)
        parts.append(list(sampler))
        assert len(parts[-1]) == len(sampler)
    assert len({len(part) for part in parts}) == 1
    everything = sorted(i for part in parts for i in part)
    if drop_last:
        assert len(set(everything)) == len(everything) == count - count % 3
    else:
        assert set(everything) == set(range(count))


def test_distributed_sampler_options():
    assert list(data.DistributedSampler(range(5), 2, 1, shuffle=False)) == [1, 3, 0]
    sampler = data.DistributedSampler(range(30), 1, 0)
    first = list(sampler)
    sampler.set_epoch(1)
    assert first != list(sampler) and sorted(first) == list(range(30))
    with pytest.raises(ValueError, match=r"Invalid rank 2, rank should be in the interval \[0, 1\]"):
        data.DistributedSampler(range(5), 2, 2)
    assert list(data.DistributedSampler([], 2, 0)) == []


# ---- collating ---------------------------------------------------------------------------------------------------

Point = collections.namedtuple("Point", "x y")


def test_default_collate():
    collate = data.default_collate
    assert collate([torch.tensor([1, 2]), torch.tensor([3, 4])]).tolist() == [[1, 2], [3, 4]]
    floats, ints, bools = collate([1.5, 2]), collate([1, 2]), collate([True, False])
    assert floats.dtype is torch.float64 and ints.dtype is torch.int64 and bools.dtype is torch.bool
    assert collate([np.float32(1), np.float32(2)]).dtype is torch.float32
    assert collate([np.ones(2, np.int16), np.zeros(2, np.int16)]).dtype is torch.int16
    assert collate(["a", "b"]) == ["a", "b"]
    nested = collate([{"p": Point(1, [2.0]), "s": "u"}, {"p": Point(3, [4.0]), "s": "v"}])
    assert (
        nested["p"].x.tolist() == [1, 3] and nested["p"].y[0].tolist() == [2, 4] and nested["s"] == ["u", "v"]
    )
    assert [t.tolist() for t in collate([(1, 2), (3, 4)])] == [[1, 3], [2, 4]]
    ordered = collate([collections.OrderedDict(b=1, a=2)] * 2)
    assert type(ordered) is collections.OrderedDict and list(ordered) == ["b", "a"]
    keeps_factory = collections.defaultdict(int, a=1)
    assert collate([keeps_factory] * 2)["missing"] == 0


def test_default_collate_refuses_what_it_cannot_stack():
    with pytest.raises(RuntimeError, match="should be of equal size"):
        data.default_collate([[1], [1, 2]])
    with pytest.raises(RuntimeError, match="stack"):
        data.default_collate([torch.ones(2), torch.ones(3)])
    with pytest.raises(TypeError, match=r"batch must contain tensors.*found <class 'object'>"):
        data.default_collate([object()])
    with pytest.raises(TypeError, match="batch must contain tensors"):
        data.default_collate([np.array(["a"])])


def test_default_convert():
    converted = data.default_convert({"x": np.ones(2), "y": (np.float32(3), "s"), "z": [1]})
    assert converted["x"].dtype is torch.float64 and converted["y"][0].item() == 3 and converted["z"] == [1]
    assert data.default_convert(np.array(["a"])).tolist() == ["a"]


# ---- the loader ----------------------------------------------------------------------------------------------------


def test_batches_of_a_map():
    assert lists(DataLoader(Squares(5), 2)) == [[0, 1], [4, 9], [16]]
    assert lists(DataLoader(Squares(5), 2, drop_last=True)) == [[0, 1], [4, 9]]
    assert list(DataLoader(Squares(3), batch_size=None)) == [0, 1, 4]
    assert list(DataLoader(Squares(4), 2, collate_fn=sum)) == [1, 13]
    assert lists(DataLoader(Squares(5), batch_sampler=[[4, 0], [1]])) == [[16, 0], [1]]
    assert [len(DataLoader(Squares(5), 2, drop_last=d)) for d in (False, True)] == [3, 2]
    assert lists(DataLoader(Squares(5), 2, sampler=[3, 1, 0])) == [[9, 1], [0]]


def test_shuffling_follows_the_seed():
    def order(seed):
        return [
            b[0].item()
            for b in DataLoader(range(40), shuffle=True, generator=torch.Generator().manual_seed(seed))
        ]

    assert order(1) == order(1) != order(2) and sorted(order(1)) == list(range(40))
    loader = DataLoader(range(40), shuffle=True)
    torch.manual_seed(0)
    first, second = lists(loader), lists(loader)
    torch.manual_seed(0)
    assert first == lists(loader) != second


def test_batches_at_once_where_the_dataset_can():
    class Many(Squares):
        def __getitems__(self, indices):
            return [-i for i in indices]

    assert lists(DataLoader(Many(3), 2)) == [[0, -1], [-2]]


def test_rows_of_tensors_are_taken_at_once_with_the_same_result():
    ds = data.TensorDataset(torch.arange(6), torch.arange(12.0).reshape(6, 2))
    part = data.Subset(data.Subset(ds, [5, 3, -4, 0]), [3, 1, 0, 2])

    class Slow(data.TensorDataset):
        pass

    slow = data.Subset(data.Subset(Slow(*ds.tensors), [5, 3, -4, 0]), [3, 1, 0, 2])
    for quick, plain in ((ds, Slow(*ds.tensors)), (part, slow)):
        for a, b in zip(DataLoader(quick, 3), DataLoader(plain, 3), strict=True):
            assert type(a) is type(b) is list and [t.tolist() for t in a] == [t.tolist() for t in b]
    with pytest.raises(IndexError):
        list(DataLoader(ds, sampler=[6]))


def test_streams():
    assert lists(DataLoader(Count(5), 2)) == [[0, 1], [2, 3], [4]]
    assert lists(DataLoader(Count(5), 2, drop_last=True)) == [[0, 1], [2, 3]]
    assert list(DataLoader(Count(3), batch_size=None)) == [0, 1, 2]
    assert len(DataLoader(Count(5, 5), 2)) == 3 and len(DataLoader(Count(5, 5), 2, drop_last=True)) == 2
    with pytest.raises(TypeError, match="no length"):
        len(DataLoader(Count(5), 2))
    loader = DataLoader(Count(3, 2), 1)
    assert len(loader) == 2
    with pytest.warns(UserWarning, match=r"was reported to be 2.*but 3 samples have been fetched"):
        list(loader)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"num_workers": -1}, "num_workers option should be non-negative"),
        ({"timeout": -1}, "timeout option should be non-negative"),
        ({"prefetch_factor": 2}, "let num_workers > 0"),
        ({"num_workers": 1, "prefetch_factor": -1}, "prefetch_factor option should be non-negative"),
        ({"persistent_workers": True}, "persistent_workers option needs num_workers > 0"),
        ({"sampler": [0], "shuffle": True}, "mutually exclusive with shuffle"),
        ({"batch_sampler": [[0]], "batch_size": 2}, "mutually exclusive with batch_size"),
        ({"batch_size": None, "drop_last": True}, "disables auto-batching"),
        ({"multiprocessing_context": "fork"}, "only be used with multi-process loading"),
        ({"num_workers": 1, "multiprocessing_context": "thread"}, "valid start method"),
    ],
)
def test_options_that_exclude_each_other(options, match):
    with pytest.raises(ValueError, match=match):
        DataLoader(Squares(), **options)


def test_more_checks():
    for option in ({"shuffle": True}, {"sampler": [0]}, {"batch_sampler": [[0]]}):
        with pytest.raises(ValueError, match=f"expected unspecified {next(iter(option))} option"):
            DataLoader(Count(), **option)
    with pytest.raises(TypeError, match="valid context object"):
        DataLoader(Squares(), num_workers=1, multiprocessing_context=3)
    with pytest.raises(AssertionError, match="timeout needs num_workers > 0"):
        iter(DataLoader(Squares(), timeout=1))
    loader = DataLoader(Squares())
    with pytest.raises(ValueError, match="batch_size attribute should not be set"):
        loader.batch_size = 3
    loader.num_workers = 0
    with pytest.warns(UserWarning, match="excessive worker creation"):
        DataLoader(Squares(), num_workers=1000)


@pytest.mark.kernels
def test_pin_memory(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.warns(UserWarning, match="no accelerator is found"):
        assert lists(DataLoader(Squares(2), 2, pin_memory=True)) == [[0, 1]]
    monkeypatch.undo()
    ds = data.TensorDataset(torch.arange(4), torch.ones(4))
    for batch in DataLoader(ds, 2, pin_memory=True):
        assert all(t.is_pinned() for t in batch)
    with pytest.warns(UserWarning, match="pin_memory_device is deprecated"):
        next(iter(DataLoader(ds, pin_memory=True, pin_memory_device="cuda")))
