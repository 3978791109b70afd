"""Random numbers inside CUDA graphs: kernels read their place from memory that a replay sets."""

from __future__ import annotations

import numpy as np

from tritonnn.buffer import Buffer
from tritonnn.device import device as Device
from tritonnn.dtypes import int64
from tritonnn.random import Generator
from tritonnn.runtime.interface import runtime


class CapturedSeed(int):
    """A seed that a graph may be replayed with another instead of.

    Attributes:
        state: device memory with the seed of the replay, and the counters drawn between capture and replay.
    """

    state: Buffer


class GraphRandom:
    """One generator's part in a graph.

    Args:
        generator: where the graph's random numbers come from.
        index: the device whose kernels read the state.
    """

    def __init__(self, generator: Generator, index: int) -> None:
        self.generator = generator
        self._index = index
        block = runtime().allocate(16, index)
        block.op = "random state of a graph"
        self._state = Buffer(block.ptr, (2,), (1,), int64, Device("cuda", index), block)
        self._began = 0
        self._words = 0

    def begin(self) -> None:
        """A capture starts: what the generator hands out refers to the state."""
        from tritonnn import random

        if self.generator._graph is not None:
            raise RuntimeError("a generator can be captured by one graph at a time")
        self._began = self.generator.get_offset()
        self.generator._graph = self
        random.captures += 1

    def end(self) -> None:
        """The capture is over; it has drawn nothing yet."""
        from tritonnn import random

        self._words = self.generator.get_offset() - self._began
        self.generator.set_offset(self._began)
        self.generator._graph = None
        random.captures -= 1

    def seed(self, number: int) -> CapturedSeed:
        """The seed as kernels are given it."""
        captured = CapturedSeed(number)
        captured.state = self._state
        return captured

    def advance(self) -> None:
        """Before a replay: tell the kernels where the generator stands, and move it past what they draw."""
        if not self._words:
            return
        offset = self.generator.get_offset()
        seed = np.array([self.generator.initial_seed()], np.uint64).view(np.int64)[0]
        place = np.array([seed, (offset - self._began) >> 2], np.int64)
        runtime().upload(self._state.ptr, place, self._index)
        self.generator.set_offset(offset + self._words)
