"""What is allocated, cached and given back; running out of it; and the pool by itself."""

from __future__ import annotations

import gc
import threading

import pytest

import tritonnn as torch
from tritonnn.runtime.interface import runtime
from tritonnn.runtime.pool import Gate, OutOfMemoryError, Pool, Stats, human

cuda = torch.cuda
gpu = pytest.mark.skipif(not cuda.is_available(), reason="needs a GPU or the simulated one")
MEGABYTE = 1 << 20


@pytest.fixture
def clean():
    """Counters that start from nothing but what earlier tests left alive."""
    gc.collect()
    cuda.synchronize()
    cuda.empty_cache()
    cuda.reset_peak_memory_stats()
    cuda.reset_accumulated_memory_stats()
    return cuda.memory_allocated()


@gpu
def test_counters_follow_tensors(clean: int) -> None:
    x = torch.empty(1000, device="cuda")
    assert cuda.memory_allocated() == clean + 4096
    view = x[10:].reshape(-1)
    del x
    assert cuda.memory_allocated() == clean + 4096  # the view holds the memory
    del view
    assert cuda.memory_allocated() == clean
    assert cuda.max_memory_allocated() == clean + 4096
    assert cuda.memory_reserved() >= cuda.memory_allocated()
    stats = cuda.memory_stats()
    assert stats["allocated_bytes.all.allocated"] - stats["allocated_bytes.all.freed"] == clean
    assert stats["allocated_bytes.all.peak"] == clean + 4096 and stats["num_ooms"] == 0
    cuda.reset_peak_memory_stats()
    assert cuda.max_memory_allocated() == clean


@gpu
def test_freed_memory_is_reused_then_given_back(clean: int) -> None:
    x = torch.empty(1000, device="cuda")
    address = x.data_ptr()
    del x
    y = torch.empty(990, device="cuda")
    assert y.data_ptr() == address
    reserved = cuda.memory_reserved()
    del y
    assert cuda.memory_reserved() == reserved
    cuda.empty_cache()
    assert cuda.memory_reserved() < reserved or cuda.memory_reserved() == cuda.memory_allocated()


@gpu
def test_empty_tensors_take_nothing(clean: int) -> None:
    x = torch.empty(0, 5, device="cuda")
    assert cuda.memory_allocated() == clean and x.clone().shape == (0, 5)


@gpu
def test_summary_and_snapshot_name_the_ops(clean: int) -> None:
    x = torch.ones(300_000, device="cuda")
    y = torch.exp(x)
    text = cuda.memory_summary()
    assert "live tensors" in text and "exp" in text and "cuda:0 memory" in text
    assert "exp" not in cuda.memory_summary(abbreviated=True)
    snapshot = cuda.memory_snapshot()
    assert [b["total_size"] for b in snapshot] == sorted((b["total_size"] for b in snapshot), reverse=True)
    assert any(b["op"] == "exp" and b["requested_size"] == 1_200_000 for b in snapshot)
    del y


@gpu
def test_out_of_memory_says_who_has_it(clean: int) -> None:
    total = runtime().pool(0).source.total()
    x = torch.ones(MEGABYTE, device="cuda")
    y = torch.exp(x)
    room = runtime().stats[0].reserved + 2 * MEGABYTE
    cuda.set_per_process_memory_fraction(room / total)
    try:
        assert cuda.get_per_process_memory_fraction() == pytest.approx(room / total)
        with pytest.raises(
            torch.OutOfMemoryError, match=r"CUDA out of memory\. Tried.* 64\.00 MiB"
        ) as caught:
            torch.empty(16 * MEGABYTE, device="cuda")
        message = str(caught.value)
        assert "made by exp" in message and "largest live tensors" in message and "may use" in message
        assert cuda.memory_stats()["num_ooms"] == 1 and cuda.memory_stats()["num_alloc_retries"] == 1
        assert torch.empty(1000, device="cuda").shape == (1000,)  # what fits still works
    finally:
        cuda.set_per_process_memory_fraction(1.0)
    assert cuda.get_per_process_memory_fraction() == 1.0
    assert torch.empty(16 * MEGABYTE, device="cuda").numel() == 16 * MEGABYTE
    del y


@gpu
def test_record_stream_is_for_gpu_tensors() -> None:
    torch.ones(3, device="cuda").record_stream(cuda.Stream())
    with pytest.raises(RuntimeError, match="expected a tensor on a GPU, got one on cpu"):
        torch.ones(3).record_stream(cuda.Stream())


@gpu
def test_fraction_is_checked() -> None:
    with pytest.raises(ValueError, match="Allowed range"):
        cuda.set_per_process_memory_fraction(1.5)
    with pytest.raises(TypeError, match="must be `float`"):
        cuda.set_per_process_memory_fraction(1)


class Shelf:
    """A source with a limited number of bytes, which notes what it is asked."""

    def __init__(self, room: int) -> None:
        self.room, self.log, self.next, self.sizes = room, [], 512, {}

    def take(self, nbytes: int, stream: int) -> tuple[int, object]:
        self.log.append(("take", nbytes, stream))
        if nbytes > self.room:
            return 0, None
        self.room -= nbytes
        self.next += nbytes
        self.sizes[self.next] = nbytes
        return self.next, None

    def give(self, ptr: int, stream: int) -> None:
        self.log.append(("give", self.sizes[ptr], stream))
        self.room += self.sizes.pop(ptr)

    def trim(self) -> None:
        self.log.append(("trim",))

    def total(self) -> int:
        return 10 * MEGABYTE

    def join(self, stream: int, other: int) -> None:
        self.log.append(("join", stream, other))


def pool(room: int = 10 * MEGABYTE, **options) -> tuple[Pool, Shelf]:
    """A pool over a shelf."""
    shelf = Shelf(room)
    return Pool(shelf, 0, Stats(), Gate(), **options), shelf


def test_pool_keeps_streams_and_sizes_apart() -> None:
    p, shelf = pool()
    a = p.allocate(600, 1)
    ptr = a.ptr
    del a
    assert p.allocate(600, 2).ptr != ptr
    assert p.allocate(2000, 1).ptr != ptr
    assert p.allocate(1024, 1).ptr == ptr
    assert [entry[0] for entry in shelf.log] == ["take"] * 3


def test_pool_returns_large_blocks_at_once() -> None:
    p, shelf = pool(largest_cached=1024)
    for nbytes in (1024, 1025):
        p.allocate(nbytes, 0)
    assert shelf.log == [("take", 1024, 0), ("take", 1536, 0), ("give", 1536, 0)]
    assert p.stats.reserved == 1024 and p.stats.allocated == 0


def test_pool_gives_the_cache_back_before_giving_up() -> None:
    p, shelf = pool(room=4096)
    spare = [p.allocate(512, 0) for _ in range(8)]
    del spare
    shelf.log.clear()
    assert p.allocate(4096, 0).ptr
    assert [entry[0] for entry in shelf.log[:10]] == ["take", *["give"] * 8, "trim"]
    with pytest.raises(OutOfMemoryError, match=r"Tried to allocate 4.00 KiB.*capacity of 10.00 MiB"):
        held = [p.allocate(2048, 0), p.allocate(4096, 0)]
        del held
    assert (p.stats.retries, p.stats.ooms) == (3, 1)


def test_pool_waits_for_other_streams_that_used_a_block() -> None:
    p, shelf = pool()
    a = p.allocate(512, 1)
    a.record_stream(1)
    a.record_stream(2)
    shelf.log.clear()
    del a
    assert shelf.log == [("join", 1, 2)]


def test_gate_holds_frees_back() -> None:
    p, shelf = pool(largest_cached=0)
    a = p.allocate(512, 0)
    p.gate.hold()
    del a
    assert shelf.log[-1][0] == "take" and p.stats.reserved == 512
    p.gate.open()
    assert shelf.log[-1] == ("give", 512, 0) and p.stats.reserved == 0


def test_shut_gate_frees_nothing() -> None:
    p, shelf = pool(largest_cached=0)
    a = p.allocate(512, 0)
    p.gate.shut = True
    del a
    assert shelf.log == [("take", 512, 0)]


def test_retired_pool_keeps_nothing() -> None:
    p, shelf = pool(private=True)
    a, b = p.allocate(512, 0), p.allocate(1024, 0)
    del a
    p.retire()
    assert ("give", 512, 0) in shelf.log and ("give", 1024, 0) not in shelf.log
    del b
    assert ("give", 1024, 0) in shelf.log and p.stats.reserved == 0


def test_pool_is_safe_under_threads() -> None:
    p, _ = pool(room=1 << 40)

    def work(seed: int) -> None:
        held = []
        for i in range(2000):
            held.append(p.allocate(512 * (1 + (i * seed) % 7), seed % 3))
            if len(held) > 10:
                del held[:8]

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert p.stats.allocated == 0 and p.stats.blocks == 0 and p.stats.taken == 8000


def test_sizes_for_reading() -> None:
    assert [human(n) for n in (0, 512, 1536, 5 << 20, 3 << 30)] == [
        "0 bytes", "512 bytes", "1.50 KiB", "5.00 MiB", "3.00 GiB",
    ]  # fmt: skip
