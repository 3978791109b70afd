"""CUDA graphs: record what a piece of a program puts on the GPU once, then replay it without Python in
between."""

from __future__ import annotations

import gc
from typing import Any

from tritonnn.cuda import random
from tritonnn.cuda.streams import Stream, StreamContext, current_stream
from tritonnn.random import Generator
from tritonnn.runtime.interface import runtime
from tritonnn.runtime.pool import Pool

__all__ = ["CUDAGraph", "graph", "graph_pool_handle", "is_current_stream_capturing"]


class MemPoolHandle:
    """The memory of one graph, or of several that never run at the same time and so share it.

    >>> import tritonnn as torch
    >>> torch.cuda.graph_pool_handle().graphs
    0
    """

    def __init__(self) -> None:
        self._pools: dict[int, Pool] = {}
        self.graphs = 0

    def pool(self, index: int) -> Pool:
        """The memory on one GPU."""
        pool = self._pools.get(index)
        if pool is None:
            pool = self._pools[index] = runtime().private_pool(index)
        return pool

    def drop(self) -> None:
        """One graph less; the memory of the last goes back, that of its live tensors when they go."""
        self.graphs -= 1
        if self.graphs == 0:
            for pool in self._pools.values():
                pool.retire()
            self._pools.clear()


def graph_pool_handle() -> MemPoolHandle:
    """A pool to give to several captures: graphs that never run at the same time may share their memory.

    >>> import tritonnn as torch
    >>> pool = torch.cuda.graph_pool_handle()
    >>> if torch.cuda.is_available():
    ...     x, graphs = torch.ones(2, device="cuda"), [torch.cuda.CUDAGraph(), torch.cuda.CUDAGraph()]
    ...     y = x + 1  # compiled before the capture
    ...     for g in graphs:
    ...         with torch.cuda.graph(g, pool=pool):
    ...             y = x + 1
    """
    return MemPoolHandle()


def is_current_stream_capturing() -> bool:
    """Whether this thread is recording a graph.

    >>> import tritonnn as torch
    >>> torch.cuda.is_current_stream_capturing()
    False
    """
    return runtime().is_capturing()


class CUDAGraph:
    """A recorded piece of GPU work.

    Everything it reads and writes keeps its address: give it new input by copying into the tensors it was
    captured with, and read its results from the tensors it made. Its tensors live in a pool of their own.
    Random numbers advance at every replay.

    Args:
        keep_graph: leave instantiating to `instantiate()` or the first replay.

    >>> import tritonnn as torch
    >>> if torch.cuda.is_available():
    ...     x, g = torch.ones(2, device="cuda"), torch.cuda.CUDAGraph()
    ...     y = x * 2  # compiled before the capture
    ...     with torch.cuda.graph(g):
    ...         y = x * 2
    ...     _ = x.fill_(3)
    ...     g.replay()
    ...     assert y.tolist() == [6, 6]
    """

    def __init__(self, keep_graph: bool = False) -> None:
        self._keep = keep_graph
        self._graph: Any = None
        self._executable: int | None = None
        self._pool: MemPoolHandle | None = None
        self._stream: Stream | None = None
        self._random: list[Any] = []

    def register_generator_state(self, generator: Generator) -> None:
        """Let the graph draw from a generator of its own; the GPU's default generator needs no registration.

        Raises:
            RuntimeError: the graph has been captured already.
        """
        from tritonnn.cuda._graph_random import GraphRandom

        if self._graph is not None or self._stream is not None:
            raise RuntimeError("register_generator_state: generators must be registered before the capture")
        if all(known.generator is not generator for known in self._random):
            self._random.append(GraphRandom(generator, runtime().current_device()))

    def capture_begin(self, pool: MemPoolHandle | None = None, capture_error_mode: str = "global") -> None:
        """Record what is put on the current stream, which may not be the default one, until `capture_end`.

        Args:
            pool: memory to share with another graph, from `graph_pool_handle()` or its `pool()`.
            capture_error_mode: 'global', 'thread_local' or 'relaxed': whose calls may break the recording.

        Raises:
            RuntimeError: on the default stream, or when this graph has been captured already.
        """
        if self._graph is not None or self._stream is not None:
            raise RuntimeError("This CUDAGraph instance already owns a captured graph. Call reset() first.")
        stream = current_stream()
        index = stream.device_index
        handle = pool if pool is not None else MemPoolHandle()
        self.register_generator_state(random.generator(index))
        runtime().synchronize(index)
        runtime().capture_begin(stream.cuda_stream, index, handle.pool(index), capture_error_mode)
        handle.graphs += 1
        self._pool, self._stream = handle, stream
        for state in self._random:
            state.begin()

    def capture_end(self) -> None:
        """Stop recording and, unless `keep_graph` was set, make the graph ready.

        Raises:
            RuntimeError: nothing is being captured, or something in between could not be recorded.
        """
        stream, self._stream = self._stream, None
        if stream is None:
            raise RuntimeError("capture_end: no capture is under way; call capture_begin first")
        for state in self._random:
            state.end()
        try:
            self._graph = runtime().capture_end(stream.cuda_stream, stream.device_index)
        except Exception:
            self._drop_pool()
            raise
        if not self._keep:
            self.instantiate()

    def instantiate(self) -> None:
        """Make the captured graph ready to replay."""
        if self._graph is None:
            raise RuntimeError("instantiate: nothing has been captured")
        if self._executable is None:
            self._executable = runtime().graph_instantiate(self._graph)

    def replay(self) -> None:
        """Put the recorded work on the current stream.

        Raises:
            RuntimeError: nothing has been captured.
        """
        if self._graph is None:
            raise RuntimeError("Called CUDAGraph::replay without a preceding successful capture.")
        if self._executable is None:
            self.instantiate()
        for state in self._random:
            state.advance()
        device = runtime()
        device.graph_launch(self._executable or 0, device.current_stream(device.current_device()))

    def reset(self) -> None:
        """Forget the graph; its memory goes back once no tensor made by it is left."""
        if self._graph is not None:
            runtime().graph_destroy(self._graph, self._executable)
        self._graph = self._executable = None
        self._random = []
        self._drop_pool()

    def _drop_pool(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.drop()

    def pool(self) -> MemPoolHandle:
        """The graph's memory, to share with another capture."""
        if self._pool is None:
            raise RuntimeError("pool: the graph has no memory before it is captured")
        return self._pool

    def debug_dump(self, debug_path: str) -> None:
        """Write the graph as a Graphviz file; needs `keep_graph=True` on a GPU.

        Raises:
            RuntimeError: nothing has been captured.
        """
        if self._graph is None:
            raise RuntimeError("debug_dump: nothing has been captured")
        runtime().graph_dump(self._graph, debug_path)

    def enable_debug_mode(self) -> None:
        """Nothing to switch on: `debug_dump` always works."""

    def __del__(self) -> None:
        if getattr(self, "_pool", None) is not None:
            self.reset()


class graph:
    """Context manager that captures what its block puts on the GPU into a `CUDAGraph`.

    Args:
        cuda_graph: where to record.
        pool: memory to share with another graph.
        stream: the stream to record on; one kept for this purpose for None.
        capture_error_mode: as in `CUDAGraph.capture_begin`.

    >>> import tritonnn as torch
    >>> if torch.cuda.is_available():
    ...     x, g = torch.ones(2, device="cuda"), torch.cuda.CUDAGraph()
    ...     y = x * 2  # compiled before the capture
    ...     with torch.cuda.graph(g):
    ...         y = x * 2
    ...     _ = x.fill_(3)
    ...     g.replay()
    ...     assert y.tolist() == [6, 6]
    """

    default_capture_stream: Stream | None = None

    def __init__(
        self,
        cuda_graph: CUDAGraph,
        pool: MemPoolHandle | None = None,
        stream: Stream | None = None,
        capture_error_mode: str = "global",
    ) -> None:
        if stream is None:
            cls = type(self)
            if cls.default_capture_stream is None or (
                cls.default_capture_stream.device_index != runtime().current_device()
            ):
                cls.default_capture_stream = Stream()
            stream = cls.default_capture_stream
        self.cuda_graph = cuda_graph
        self.capture_stream = stream
        self.stream_ctx = StreamContext(stream)
        self.pool = pool
        self.capture_error_mode = capture_error_mode

    def __enter__(self) -> None:
        runtime().synchronize()
        gc.collect()  # a tensor freed by the collector during the capture could not be returned
        runtime().empty_cache()
        self.stream_ctx.__enter__()
        try:
            self.cuda_graph.capture_begin(self.pool, self.capture_error_mode)
        except Exception:
            self.stream_ctx.__exit__()
            raise

    def __exit__(self, *exc_info: object) -> None:
        try:
            self.cuda_graph.capture_end()
        finally:
            self.stream_ctx.__exit__()
