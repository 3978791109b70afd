"""The simulated device finds what streams do to the same memory without waiting for each other."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import numpy as np
import pytest

import tritonnn as torch
from tritonnn.runtime.interface import runtime
from tritonnn.runtime.races import WRITE, Races, Use
from tritonnn.runtime.simulated_memory import HostSource

cuda = torch.cuda
pytestmark = pytest.mark.skipif(not runtime().simulated, reason="a GPU does not look for races")


@pytest.fixture(autouse=True)
def _nothing_under_way():
    cuda.synchronize()
    yield
    cuda.synchronize()


def race(text):
    return pytest.raises(RuntimeError, match=f"data race: .*{text}.*without waiting for it")


def side_stream(*, after_all=True):
    """A stream that waits for nothing, or only for what is queued now."""
    side = cuda.Stream()
    if after_all:
        side.wait_stream(cuda.current_stream())
    return side


def test_a_reader_must_wait_for_the_writer():
    side, x = cuda.Stream(), torch.ones(4, device="cuda")
    with cuda.stream(side), race(rf"on stream {side.cuda_stream} reads .* on stream 0 wrote as"):
        torch.exp(x)
    side.wait_stream(cuda.current_stream())
    with cuda.stream(side):
        y = torch.exp(x)
    with race(rf"on stream 0 reads memory, which \w+ on stream {side.cuda_stream} wrote as out"):
        y.tolist()
    cuda.current_stream().wait_stream(side)
    assert y.tolist() == pytest.approx([2.718281828] * 4)


def test_a_writer_must_wait_for_readers_and_readers_for_nobody():
    x = torch.ones(4, device="cuda")
    side = side_stream()
    with cuda.stream(side):
        y = torch.exp(x)
    torch.exp(x)
    with race("writes"):
        x.add_(1)
    event = side.record_event()
    event.synchronize()
    x.add_(1)
    assert y.shape == (4,)


@pytest.mark.parametrize("wait", ["stream", "event", "device", "query", "event query"])
def test_what_the_host_waited_for_is_over(wait):
    side = side_stream()
    with cuda.stream(side):
        x = torch.ones(4, device="cuda")
        event = side.record_event()
    act = {
        "stream": side.synchronize, "event": event.synchronize, "device": cuda.synchronize,
        "query": side.query, "event query": event.query,
    }[wait]  # fmt: skip
    act()
    assert x.tolist() == [1, 1, 1, 1]


def test_an_event_stands_for_what_was_queued_before_it():
    x, side = torch.zeros(4, device="cuda"), side_stream()
    with cuda.stream(side):
        before = side.record_event()
        x.add_(1)
    cuda.current_stream().wait_event(before)
    with race("reads"):
        x.tolist()


def test_memory_of_a_tensor_that_another_stream_uses_is_not_reused():
    for recorded in (True, False):
        x = torch.ones(77777, device="cuda")
        side = side_stream()
        with cuda.stream(side):
            x + 1
        if recorded:
            x.record_stream(side)
        del x
        if recorded:
            torch.ones(77777, device="cuda")
        else:
            with race(rf"writes memory, which \w+ on stream {side.cuda_stream} read as"):
                torch.ones(77777, device="cuda")


def test_parts_of_one_tensor_are_apart():
    x = torch.zeros(8, 8, device="cuda")
    side = side_stream()
    with cuda.stream(side):
        x[:4].add_(1)
        x[4:6, :4].add_(1)
    x[4:6, 4:].add_(2)
    x[6:].add_(1)
    with race("writes"):
        x[:2].add_(1)
    cuda.synchronize()
    assert x.sum().item() == 48 + 8 + 16 + 16  # what raced was done all the same


def test_memory_that_went_back_has_no_past():
    races, use = Races(), Use(64, 128, None, WRITE, "a", "x")
    races.work(1, [(64, use)])
    with race("a on stream 2 writes x, which a on stream 1 wrote as x"):
        races.work(2, [(64, use)])
    HostSource(races).give(64, 0)
    races.work(2, [(64, use)])


def test_a_graph_runs_on_the_stream_that_replays_it():
    x = torch.ones(4, device="cuda")
    torch.exp(x)
    graph, side = cuda.CUDAGraph(), side_stream()
    with cuda.graph(graph):
        y = torch.exp(x)
    cuda.synchronize()
    with cuda.stream(side):
        graph.replay()
    with race(rf"which \w+ on stream {side.cuda_stream} wrote as out"):
        y.tolist()


@pytest.mark.parametrize("queued", [True, False])
@pytest.mark.parametrize("act", ["download", "upload"])
def test_a_copy_that_is_only_queued_is_not_over(act, queued):
    host, side = runtime().pinned_empty(16), side_stream()
    with cuda.stream(side):
        x = torch.ones(4, device="cuda")
        if act == "download":
            runtime().download(host, x.data_ptr(), 0, queued)
        else:
            runtime().upload(x.data_ptr(), host, 0, queued)
    if queued:
        with race(r"writes out, which \w+"):
            x.zero_()
    else:
        x.zero_()


def test_pageable_memory_is_copied_in_the_order_of_the_stream():
    x, side = torch.ones(2, device="cuda"), side_stream(after_all=False)
    cuda.synchronize()
    runtime().upload(x.data_ptr(), np.ones(2, np.float32))
    with cuda.stream(side), race("copy to the device on stream 0 wrote as memory"):
        torch.exp(x)


TWO_DEVICES = """
import tritonnn as torch
x = torch.ones(4, device="cuda:0")
side = torch.cuda.Stream(1)
with torch.cuda.stream(side):
    y = x.to("cuda:1")  # waits on both sides
    z = y + 1
try:
    z.tolist()
except RuntimeError as error:
    print("data race" in str(error))
with torch.cuda.stream(side):
    print(z.tolist())
x.zero_()
with torch.cuda.stream(side):
    print(y.tolist())
"""


def test_copies_between_devices_wait_on_both_sides():
    env = {**os.environ, "TRITONNN_SIMULATED_DEVICES": "2", "TRITON_INTERPRET": "1"}
    done = subprocess.run([sys.executable, "-c", TWO_DEVICES], capture_output=True, text=True, env=env)
    assert done.stdout.split("\n") == ["True", "[2.0, 2.0, 2.0, 2.0]", "[1.0, 1.0, 1.0, 1.0]", ""], (
        done.stderr
    )


def test_the_words_of_a_race():
    x, side = torch.ones(4, device="cuda"), cuda.Stream()
    text = (
        f"pointwise_kernel on stream {side.cuda_stream} writes out, which pointwise_kernel on stream 0 wrote "
        "as out, without waiting for it (Stream.wait_stream, Event.wait; Tensor.record_stream where the memory "
        "was another tensor's)"
    )
    with cuda.stream(side), pytest.raises(RuntimeError, match=re.escape(text)):
        x.fill_(2)
