"""Batches that workers put together in memory which the loader maps: nothing is copied on the way."""

from __future__ import annotations

import gc
import multiprocessing
import os

import numpy as np
import pytest

import tritonnn as torch
from tritonnn.utils.data import DataLoader, Dataset, _shared, _transfer, default_collate

pytestmark = pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="there is no memory without a name")


@pytest.fixture
def sharing(monkeypatch):
    monkeypatch.setattr(_shared, "_sharing", True)


@pytest.fixture
def written(monkeypatch):
    """The sizes of what is copied into memory for others."""
    sizes, write = [], _transfer._write
    monkeypatch.setattr(
        _transfer, "_write", lambda fd, part, start: sizes.append(part.nbytes) or write(fd, part, start)
    )
    return sizes


def sent(thing):
    """A thing as it arrives at the other end of a connection, here in one process."""
    here, there = multiprocessing.Pipe()
    with here, there:
        _transfer.send(here, "head", _transfer.dumps(thing))
        head, parts = _transfer.receive(there)
    assert head == "head"
    return _transfer.loads(parts)


def descriptors():
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def batch_of(count=4, shape=(3, 200, 200), dtype=torch.float32):
    return [torch.full(shape, i).to(dtype) for i in range(count)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.uint8, torch.bool])
def test_a_stacked_batch_is_not_copied(sharing, written, dtype):
    samples = [(x, i) for i, x in enumerate(batch_of(dtype=dtype))]
    images, labels = default_collate(samples)
    assert images.dtype is dtype and torch.equal(images, torch.stack([x for x, _ in samples]))
    got, numbers = sent([images, labels])
    assert (
        written == [] and got.dtype is dtype and torch.equal(got, images) and numbers.tolist() == [0, 1, 2, 3]
    )
    got[0] = 1
    assert torch.equal(images[0], got[0])  # one memory
    assert got.requires_grad is False and got.is_contiguous()


def test_parts_of_several_kinds(sharing, written):
    block = default_collate(batch_of())
    large = torch.arange(100_000.0)
    thing = {
        "a": block,
        "b": large,
        "c": torch.ones(3),
        "d": default_collate(batch_of(2)),
        "e": torch.zeros(0),
    }
    got = sent(thing)
    assert [size for size in written if size > 1000] == [large.numel() * 4]
    assert all(torch.equal(got[key], thing[key]) for key in thing)


def test_what_is_a_part_of_a_block_is_copied(sharing, written):
    block = default_collate(batch_of())
    got = sent([block[1:], block[:, ::2]])
    assert len([size for size in written if size > 1000]) == 2
    assert torch.equal(got[0], block[1:]) and torch.equal(got[1], block[:, ::2])
    assert got[1].is_contiguous()


def test_a_turned_block_is_not_copied(sharing, written):
    block = default_collate(batch_of())
    turned = block.transpose(0, -1)
    got = sent(turned)
    assert not [size for size in written if size > 1000]
    assert torch.equal(got, turned) and got.stride() == turned.stride()
    got[0] = 1
    assert torch.equal(got, turned)  # one memory


def test_descriptors_and_maps_go_with_their_tensors(sharing):
    before = descriptors()
    block = default_collate(batch_of())
    got = sent(block)
    assert descriptors() > before
    del block, got
    assert descriptors() == before


def test_what_is_stacked_as_ever(sharing, monkeypatch):
    assert _shared.room_for(batch_of()) is not None
    for batch in (
        batch_of(2, (10, 10)), [torch.ones(300, 300, requires_grad=True)] * 2, [torch.ones(300, 300), torch.ones(300)],
        [torch.ones(300, 300), torch.ones(300, 300, dtype=torch.float64)],
        [torch.nn.Parameter(torch.ones(300, 300), requires_grad=False)] * 2,
    ):  # fmt: skip
        assert _shared.room_for(batch) is None
    monkeypatch.setattr(_shared, "MOST_BLOCKS", 1)
    kept = _shared.room_for(batch_of())
    assert _shared.room_for(batch_of()) is None
    del kept
    assert _shared.room_for(batch_of()) is not None
    monkeypatch.setattr(_shared, "_sharing", False)
    assert _shared.room_for(batch_of()) is None
    with pytest.raises(RuntimeError, match="stack"):
        default_collate([torch.ones(300, 300), torch.ones(300, 301)])


class Pictures(Dataset):
    def __len__(self):
        return 6

    def __getitem__(self, index):
        return np.full((3, 200, 200), index, np.float32), {"number": index, "same": torch.ones(300, 300)}


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_through_a_loader(method):
    before = descriptors()
    loader = DataLoader(Pictures(), 2, num_workers=1, multiprocessing_context=method)
    batches = list(loader)
    for i, (images, rest) in enumerate(batches):
        assert images[:, 0, 0, 0].tolist() == [2 * i, 2 * i + 1] == rest["number"].tolist()
        assert rest["same"].shape == (2, 300, 300) and rest["same"].eq(1).all()
        images.add_(1)  # it is the program's own
    assert batches[0][0][0].eq(1).all() and not _shared._sharing
    del batches, images, rest, loader
    assert descriptors() - before <= (method == "spawn")  # which has a process that it keeps
