"""The loader with worker processes: order, errors, seeds, memory between processes, and clean ends."""

from __future__ import annotations

import gc
import os
import random
import signal
import sys
import time

import numpy as np
import pytest

import tritonnn as torch
from tritonnn.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, get_worker_info
from tritonnn.utils.data._worker import raise_error

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")


class Numbers(Dataset):
    """i -> f(i)."""

    def __init__(self, n, f=lambda i: i):
        self.n, self.f = n, f

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        return self.f(i)


class Shared(IterableDataset):
    """0, 1, ..., n - 1, divided among the workers."""

    def __init__(self, n):
        self.n = n

    def __iter__(self):
        info = get_worker_info()
        return iter(range(self.n) if info is None else range(info.id, self.n, info.num_workers))


def lists(loader):
    return [batch.tolist() for batch in loader]


def processes(iterator):
    return list(iterator._pool.processes)


def dies(action, at=5):
    def f(i):
        if i == at:
            action()
        return i

    return f


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("drop_last", [False, True])
def test_batches_come_in_order(workers, drop_last):
    slow_first = Numbers(9, lambda i: time.sleep(0.05 * (i < 2)) or i)
    wanted = lists(DataLoader(range(9), 2, drop_last=drop_last))
    assert lists(DataLoader(slow_first, 2, drop_last=drop_last, num_workers=workers)) == wanted


def test_batches_as_they_get_ready():
    slow_first = Numbers(8, lambda i: time.sleep(0.3 * (i == 0)) or i)
    batches = [b.item() for b in DataLoader(slow_first, num_workers=2, in_order=False)]
    assert sorted(batches) == list(range(8)) and batches[0] != 0


def test_streams_are_divided():
    assert sorted(DataLoader(Shared(7), None, num_workers=2)) == list(range(7))
    assert lists(DataLoader(Shared(7), 2, num_workers=2)) == [[0, 2], [1, 3], [4, 6], [5]]
    assert lists(DataLoader(Shared(7), 2, num_workers=2, drop_last=True)) == [[0, 2], [1, 3], [4, 6]]


def test_workers_know_who_they_are():
    loader = DataLoader(
        Numbers(4, lambda i: (get_worker_info().id, get_worker_info().num_workers, os.getpid())),
        None,
        num_workers=2,
    )
    rows = list(loader)
    assert [row[:2] for row in rows] == [[0, 2], [1, 2]] * 2
    assert get_worker_info() is None and len({row[2] for row in rows} - {os.getpid()}) == 2


def test_seeds_differ_between_workers_and_follow_the_generator():
    def draw(i):
        return random.random(), torch.rand(()).item(), np.random.rand(), get_worker_info().seed

    def run(seed):
        generator = torch.Generator().manual_seed(seed)
        return list(DataLoader(Numbers(4, draw), None, num_workers=2, generator=generator))

    first = run(1)
    assert first == run(1) != run(2)
    assert all(a != b for a, b in zip(first[0], first[1], strict=True)) and first[1][3] == first[0][3] + 1


def test_worker_init_fn():
    def init(worker_id):
        random.seed(worker_id)

    numbers = list(
        DataLoader(Numbers(2, lambda i: random.random()), None, num_workers=2, worker_init_fn=init)
    )
    assert numbers == [random.Random(i).random() for i in range(2)]
    bad = DataLoader(Numbers(2), num_workers=1, worker_init_fn=lambda i: 1 / 0)
    with pytest.raises(ZeroDivisionError, match="Caught ZeroDivisionError in DataLoader worker process 0"):
        next(iter(bad))


# ---- memory ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [3, 1000, 300_000], ids=["inline", "copied", "mapped"])
def test_tensors_cross_over_and_can_be_written(size):
    def make(i):
        return torch.full((size,), float(i)), np.full(size, i, np.int32), "x" * i

    for i, (x, array, text) in enumerate(DataLoader(Numbers(3, make), 1, num_workers=1)):
        x += 1
        array *= 2
        assert x.shape == (1, size) and x[0, -1].item() == i + 1
        assert array[0, 0].item() == 2 * i and text == ("x" * i,)


def test_all_kinds_of_tensors_cross_over():
    sent = [
        torch.tensor(3),
        torch.zeros(0, 2),
        torch.ones(2, dtype=torch.bfloat16),
        torch.tensor([1 + 2j]),
        torch.arange(6).reshape(2, 3).t(),
        torch.ones(2, requires_grad=True),
        torch.nn.Parameter(torch.ones(2)),
        torch.tensor([True, False]),
    ]
    (got,) = DataLoader(Numbers(1, lambda i: sent), None, num_workers=1, collate_fn=lambda b: b)
    for a, b in zip(sent, got, strict=True):
        assert a.tolist() == b.tolist() and a.dtype is b.dtype and a.shape == b.shape
        assert a.requires_grad == b.requires_grad and type(a) is type(b)


def test_strides_of_what_is_dense_cross_over():
    images = torch.arange(120.0).reshape(2, 3, 4, 5)
    made = [
        images.to(memory_format=torch.channels_last),
        images.transpose(0, 3),
        images.permute(1, 0, 2, 3),
        images[0],
    ]
    made += [images[..., ::2], images.expand(2, 3, 4, 5), images[:1].expand(3, 3, 4, 5)]
    got = list(DataLoader(made, batch_size=None, num_workers=1))
    assert [x.stride() for x in got[:4]] == [x.stride() for x in made[:4]]
    assert all(torch.equal(x, y) for x, y in zip(made, got, strict=True))
    for x in got:
        x.add_(1)
    assert all(torch.equal(x + 1, y) for x, y in zip(made, got, strict=True))


def test_sharing_strategies():
    assert torch.multiprocessing.get_sharing_strategy() == "file_descriptor"
    try:
        torch.multiprocessing.set_sharing_strategy("file_system")
        assert torch.multiprocessing.get_sharing_strategy() == "file_system"
        assert [int(x) for x in DataLoader(range(3), num_workers=1)] == [0, 1, 2]
    finally:
        torch.multiprocessing.set_sharing_strategy("file_descriptor")
    with pytest.raises(AssertionError, match=r"file_system.*got 'x'"):
        torch.multiprocessing.set_sharing_strategy("x")


def test_history_cannot_cross_over():
    x = torch.ones(2, requires_grad=True)
    loader = DataLoader(Numbers(1, lambda i: x * 2), None, num_workers=1, collate_fn=lambda b: b)
    with pytest.raises(RuntimeError, match="non-leaf tensor which requires_grad"):
        next(iter(loader))


def test_batches_outlive_their_loader():
    kept = list(DataLoader(Numbers(300, lambda i: torch.full((70_000,), float(i))), None, num_workers=2))
    gc.collect()
    assert [x[-1].item() for x in kept] == list(range(300))


def test_large_requests_and_answers_do_not_block_each_other():
    loader = DataLoader(
        Numbers(200_000), 50_000, num_workers=2, prefetch_factor=4, collate_fn=lambda b: [str(i) for i in b]
    )
    assert sum(len(batch) for batch in loader) == 200_000


# ---- errors ------------------------------------------------------------------------------------------------------


def fails(i):
    if i == 3:
        raise KeyError("three")
    return i


def test_errors_carry_the_traceback_of_the_worker_and_the_rest_still_comes():
    iterator = iter(DataLoader(Numbers(6, fails), 2, num_workers=2))
    assert next(iterator).tolist() == [0, 1]
    with pytest.raises(KeyError) as caught:
        next(iterator)
    text = str(caught.value)
    assert "in DataLoader worker process 1" in text and "in fails" in text and "KeyError: 'three'" in text
    assert next(iterator).tolist() == [4, 5]
    with pytest.raises(StopIteration):
        next(iterator)


def stops(i):
    if i == 2:
        raise StopIteration
    return i


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_stop_iteration_in_a_dataset_does_not_drop_a_sample(workers):
    """It ends the loop, as it does without workers: what comes after it must not close up."""
    assert [int(v) for v in DataLoader(Numbers(5, stops), num_workers=workers)] == [0, 1]


class Picky(Exception):
    def __init__(self, a, b):
        super().__init__(a, b)


def raise_picky():
    raise Picky(1, 2)


def test_errors_that_cannot_be_made_again():
    loader = DataLoader(Numbers(1, dies(raise_picky, 0)), num_workers=1)
    with pytest.raises(RuntimeError, match="Caught Picky in DataLoader worker"):
        next(iter(loader))

    def local():
        class Local(Exception):
            pass

        raise Local("here")

    with pytest.raises(RuntimeError, match="Caught Local in DataLoader worker"):
        next(iter(DataLoader(Numbers(1, dies(local, 0)), num_workers=1)))
    with pytest.raises(OSError, match="text"):
        raise_error(OSError, "text")


def test_what_cannot_be_pickled():
    loader = DataLoader(Numbers(1, lambda i: lambda: i), None, num_workers=1, collate_fn=lambda b: b)
    with pytest.raises(
        (AttributeError, TypeError, RuntimeError), match=r"(?s)DataLoader worker process 0.*[Pp]ickle"
    ):
        next(iter(loader))


@pytest.mark.parametrize(
    ("action", "match"),
    [
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "killed by signal: SIGKILL"),
        (lambda: sys.exit(3), "exit code 3"),
        (lambda: os._exit(4), "exit code 4"),
    ],
    ids=["killed", "exit", "_exit"],
)
def test_a_worker_that_dies_is_reported(action, match):
    iterator = iter(DataLoader(Numbers(10, dies(action)), 2, num_workers=2))
    children = processes(iterator)
    start = time.monotonic()
    with pytest.raises(
        RuntimeError, match=rf"(?s)DataLoader worker \(pid\(s\) \d+\) exited unexpectedly.*{match}"
    ):
        list(iterator)
    assert time.monotonic() - start < 20 and not any(child.is_alive() for child in children)
    with pytest.raises(StopIteration):
        next(iterator)


def test_timeout():
    loader = DataLoader(Numbers(4, dies(lambda: time.sleep(60), 2)), 1, num_workers=1, timeout=0.5)
    with pytest.raises(RuntimeError, match=r"timed out after 0\.5 seconds"):
        list(loader)


# ---- beginning and end ---------------------------------------------------------------------------------------------


def test_workers_end_with_their_iterator():
    iterator = iter(DataLoader(range(100), num_workers=2))
    next(iterator)
    children = processes(iterator)
    del iterator
    gc.collect()
    assert not any(child.is_alive() for child in children)
    finished = iter(DataLoader(range(3), num_workers=2))
    children = processes(finished)
    assert len(list(finished)) == 3 and not any(child.is_alive() for child in children)


def test_persistent_workers_stay():
    loader = DataLoader(Numbers(6, lambda i: (i, os.getpid())), None, num_workers=2, persistent_workers=True)
    first, second = list(loader), list(loader)
    assert [row[0] for row in second] == list(range(6)) and first == second
    iterator = iter(loader)
    next(iterator)
    assert iter(loader) is iterator and list(iterator) == first
    stream = DataLoader(Shared(5), None, num_workers=2, persistent_workers=True)
    assert sorted(stream) == sorted(stream) == list(range(5))


def test_answers_of_an_epoch_that_was_broken_off_are_dropped():
    loader = DataLoader(Numbers(40), None, shuffle=True, num_workers=2, persistent_workers=True)
    for _ in range(3):
        next(iter(loader))
        assert sorted(loader) == list(range(40))


def test_persistent_workers_are_replaced_when_one_died():
    path_taken = []
    loader = DataLoader(
        Numbers(4, dies(lambda: os._exit(1), 2)), None, num_workers=1, persistent_workers=True
    )
    for _ in range(2):
        with pytest.raises(RuntimeError, match="exited unexpectedly"):
            for x in loader:
                path_taken.append(x)
    assert path_taken == [0, 1] * 2


def double(x):
    return x * 2


@pytest.mark.slow
@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_workers_that_are_not_forked(method):
    loader = DataLoader(
        TensorDataset(torch.arange(4)), 2, num_workers=1, multiprocessing_context=method, collate_fn=_first
    )
    assert list(loader) == [[0, 1], [2, 3]]


def _first(samples):
    return [double(x).item() // 2 for (x,) in samples]
