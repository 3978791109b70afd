"""The runtime on a real GPU: primary contexts, streams, events, copies and graphs of the CUDA driver."""

from __future__ import annotations

import atexit
import ctypes
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tritonnn.runtime import needed
from tritonnn.runtime.driver import FORKED, Driver, count_without_starting, driver_version
from tritonnn.runtime.gpu_device import (
    STREAM_NON_BLOCKING,
    Device,
    DriverSource,
    GraphSource,
    read_properties,
)
from tritonnn.runtime.interface import Runtime, _PerThread
from tritonnn.runtime.pinned import PinnedMemory
from tritonnn.runtime.pool import Block, Pool, Stats
from tritonnn.runtime.properties import DeviceProperties

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

_EVENT_BLOCKING, _EVENT_NO_TIMING, _EVENT_INTERPROCESS = 1, 2, 4
_HOST_PORTABLE = 1
_IPC_HANDLE_BYTES = 64


class DriverRuntime(Runtime):
    """`cuda` on GPUs. The driver starts at the first call that needs it, never at import."""

    simulated = False

    def __init__(self) -> None:
        super().__init__()
        self.driver: Any = None
        self.pinned = PinnedMemory(self)
        self._devices: dict[int, Device] = {}
        self._properties: dict[int, DeviceProperties] = {}
        self._forked = False
        self._missing = needed.missing(needed.GPU)
        self._count: int | None = 0 if self._missing else None
        if hasattr(os, "register_at_fork"):  # Windows does not fork
            os.register_at_fork(after_in_child=self._after_fork)

    def _after_fork(self) -> None:
        """A child has its parent's memory but not its contexts: refuse, and free nothing of the parent's."""
        self._setup = threading.RLock()
        if self.driver is None:
            return
        self._forked = True
        self.thread = _PerThread()
        self.gate.shut = True

    def _at_exit(self) -> None:
        """The driver goes down with the process: what is collected from now on must not call it."""
        self.gate.shut = True

    # -- devices

    def device_count(self) -> int:
        if self._count is None:
            if self.driver is None:
                return 0 if self._forked else count_without_starting()
            self._count = int(self.driver.cuDeviceGetCount())
        return self._count

    def cuda_version(self) -> str | None:
        return driver_version() if self.device_count() else None

    def start(self) -> None:
        if self._missing:
            raise RuntimeError(self._missing)
        if self._forked:
            raise RuntimeError(FORKED)
        if self.driver is None:
            with self._setup:
                if self.driver is None:
                    self.driver = Driver()
                    atexit.register(self._at_exit)

    def device(self, index: int) -> Device:
        """The GPU's context and pool, made at first use."""
        device = self._devices.get(index)
        if device is None:
            with self._setup:
                device = self._devices.get(index)
                if device is None:
                    device = self._devices[index] = Device(self.driver, index)
        return device

    def bind(self, index: int) -> None:
        thread = self.thread
        if thread.bound and thread.device == index:
            return
        self.start()
        self.driver.cuCtxSetCurrent(self.device(index).context)
        self._selected(index)

    def properties(self, index: int) -> DeviceProperties:
        properties = self._properties.get(index)
        if properties is None:
            self.start()
            handle = self.driver.cuDeviceGet(self.check(index))
            properties = self._properties[index] = read_properties(self.driver, handle)
        return properties

    # -- memory

    def _new_pool(self, index: int) -> Pool:
        with self._setup:
            if index not in self.pools:
                self.bind(self.check(index))
                self.stats[index] = Stats()
                self.pools[index] = Pool(DriverSource(self, index), index, self.stats[index], self.gate)
            return self.pools[index]

    def private_pool(self, index: int) -> Pool:
        self.pool(index)
        return Pool(GraphSource(self, index), index, self.stats[index], self.gate, private=True)

    def memory_info(self, index: int) -> tuple[int, int]:
        with self.on(self.check(index)):
            self.bind(index)
            free, total = self.driver.cuMemGetInfo()
        return int(free), int(total)

    def reserved(self, index: int) -> tuple[int, int]:
        if index not in self.pools:
            return 0, 0
        pool, kinds = self.device(index).memory, self.driver.CUmemPool_attribute
        read = self.driver.cuMemPoolGetAttribute
        return (
            int(read(pool, kinds.CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT)),
            int(read(pool, kinds.CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH)),
        )

    def reset_peak(self, index: int) -> None:
        super().reset_peak(index)
        if index in self.pools:
            kind = self.driver.CUmemPool_attribute.CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH
            self.driver.cuMemPoolSetAttribute(self.device(index).memory, kind, self.driver.cuuint64_t(0))

    def upload(
        self, ptr: int, array: np.ndarray, index: int | None = None, non_blocking: bool | None = None
    ) -> None:
        if not array.nbytes:
            return
        with self.on(self.current_device() if index is None else index):
            self.bind(self.thread.device)
            stream, host = self.current_stream(self.thread.device), array.ctypes.data
            self.driver.cuMemcpyHtoDAsync(ptr, host, array.nbytes, stream)
            # Pageable memory is staged before the call returns; page-locked memory is read later.
            base = self.pinned.base(host)
            if base and (self.thread.non_blocking if non_blocking is None else non_blocking):
                self.pinned.used_on(base, self.thread.device, stream)
            elif base:
                self.driver.cuStreamSynchronize(stream)

    def download(
        self, array: np.ndarray, ptr: int, index: int | None = None, non_blocking: bool | None = None
    ) -> None:
        if not array.nbytes:
            return
        with self.on(self.current_device() if index is None else index):
            self.bind(self.thread.device)
            stream, host = self.current_stream(self.thread.device), array.ctypes.data
            self.driver.cuMemcpyDtoHAsync(host, ptr, array.nbytes, stream)
            queued = self.thread.non_blocking if non_blocking is None else non_blocking
            base = self.pinned.base(host) if queued else 0
            if base:
                self.pinned.used_on(base, self.thread.device, stream)
            else:
                self.driver.cuStreamSynchronize(stream)

    def copy_device(self, dst: int, src: int, nbytes: int, dst_index: int, src_index: int) -> None:
        if not nbytes:
            return
        with self.on(src_index):
            self.bind(src_index)
            stream = self.current_stream(src_index)
            if dst_index == src_index:
                self.driver.cuMemcpyDtoDAsync(dst, src, nbytes, stream)
                return
            # Neither side may run ahead: the source must be written, and the target no longer read.
            self.wait_device(src_index, dst_index)
            contexts = self.device(dst_index).context, self.device(src_index).context
            self.driver.cuMemcpyPeerAsync(dst, contexts[0], src, contexts[1], nbytes, stream)
            self.wait_device(dst_index, src_index)

    def _fill(self, ptr: int, byte: int, nbytes: int, stream: int) -> None:
        self.driver.cuMemsetD8Async(ptr, byte, nbytes, stream)

    def pinned_empty(self, nbytes: int) -> np.ndarray:
        return self.pinned.empty(nbytes)

    def pinned_take(self, nbytes: int) -> int:
        """Lock host memory for good; `PinnedMemory` lends it out."""
        self.bind(self.current_device())
        return int(self.driver.cuMemHostAlloc(nbytes, _HOST_PORTABLE))

    def is_pinned(self, array: np.ndarray) -> bool:
        return bool(self.pinned.base(array.ctypes.data))

    def pinned_bytes(self) -> tuple[int, int]:
        return self.pinned.held()

    def can_access_peer(self, index: int, peer: int) -> bool:
        self.start()
        handles = self.driver.cuDeviceGet(index), self.driver.cuDeviceGet(peer)
        return index != peer and bool(self.driver.cuDeviceCanAccessPeer(*handles))

    # -- streams and events

    def mark(self, index: int, stream: int) -> int:
        """An event behind what is queued on a stream; 0 in a process that no longer has the GPU."""
        if self.gate.shut:
            return 0
        with self.on(index):
            self.bind(index)
            event = self.event_create(False, False, False)
            self.event_record(event, stream)
        return event

    def wait_stream(self, stream: int, other: int) -> None:
        """Let `stream` run on only after what is queued on `other`, both of this thread's device."""
        event = self.event_create(False, False, False)
        self.event_record(event, other)
        self.stream_wait_event(stream, event)
        self.event_destroy(event)  # the driver keeps it until it has been reached

    def wait_device(self, index: int, other: int) -> None:
        """Let the current stream of a device run on only after that of another."""
        event = self.mark(other, self.current_stream(other))
        with self.on(index):
            self.bind(index)
            self.stream_wait_event(self.current_stream(index), event)
        self.event_destroy(event)

    def synchronize(self, index: int | None = None) -> None:
        with self.on(self.current_device() if index is None else self.check(index)):
            self.bind(self.thread.device)
            self.driver.cuCtxSynchronize()

    def stream_create(self, index: int, priority: int) -> int:
        with self.on(self.check(index)):
            self.bind(index)
            return int(self.driver.cuStreamCreateWithPriority(STREAM_NON_BLOCKING, priority))

    def stream_query(self, handle: int) -> bool:
        return self._reached(self.driver.api.cuStreamQuery(handle)[0], "cuStreamQuery")

    def stream_synchronize(self, handle: int) -> None:
        self.driver.cuStreamSynchronize(handle)

    def stream_wait_event(self, handle: int, event: int) -> None:
        self.driver.cuStreamWaitEvent(handle, event, 0)

    def event_create(self, timing: bool, blocking: bool, interprocess: bool) -> int:
        flags = (0 if timing else _EVENT_NO_TIMING) | (_EVENT_BLOCKING if blocking else 0)
        return int(self.driver.cuEventCreate(flags | (_EVENT_INTERPROCESS if interprocess else 0)))

    def event_destroy(self, event: int) -> None:
        if not self.gate.shut:
            self.driver.cuEventDestroy(event)

    def event_record(self, event: int, stream: int) -> None:
        self.driver.cuEventRecord(event, stream)

    def event_query(self, event: int) -> bool:
        return self._reached(self.driver.api.cuEventQuery(event)[0], "cuEventQuery")

    def event_synchronize(self, event: int) -> None:
        self.driver.cuEventSynchronize(event)

    def event_elapsed(self, start: int, end: int) -> float:
        return float(self.driver.cuEventElapsedTime(start, end))

    def event_ipc_handle(self, event: int) -> bytes:
        return ctypes.string_at(self.driver.cuIpcGetEventHandle(event).getPtr(), _IPC_HANDLE_BYTES)

    def event_from_ipc(self, handle: bytes) -> int:
        self.bind(self.current_device())
        ipc_handle = self.driver.CUipcEventHandle()
        ctypes.memmove(ipc_handle.getPtr(), handle, _IPC_HANDLE_BYTES)
        return int(self.driver.cuIpcOpenEventHandle(ipc_handle))

    def _reached(self, status: Any, call: str) -> bool:
        if status and status != self.driver.CUresult.CUDA_ERROR_NOT_READY:
            raise self.driver.error(status, call)
        return not status

    # -- graphs

    def capture_begin(self, stream: int, index: int, pool: Pool, mode: str) -> None:
        if stream == 0:
            raise RuntimeError("CUDA graphs must be captured on a non-default stream")
        modes = self.driver.CUstreamCaptureMode
        chosen = getattr(modes, f"CU_STREAM_CAPTURE_MODE_{mode.upper()}", None)
        if chosen is None:
            raise ValueError(
                f"capture_error_mode must be 'global', 'thread_local' or 'relaxed', got {mode!r}"
            )
        self.gate.hold()
        try:
            self.driver.cuStreamBeginCapture(stream, chosen)
        except RuntimeError:
            self.gate.open()
            raise
        self.thread.capture = pool

    def constant(self, array: np.ndarray, pool: Pool) -> Block:
        side = self.device(pool.index).side_stream
        with self.on(pool.index):
            self.bind(pool.index)
            block = pool.allocate(array.nbytes, side, fresh=True)
            with self.relaxed():
                self.driver.cuMemcpyHtoDAsync(block.ptr, array.ctypes.data, array.nbytes, side)
                self.driver.cuStreamSynchronize(side)
        return block

    @contextmanager
    def relaxed(self) -> Iterator[None]:
        mode = self.driver.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_RELAXED
        before = self.driver.cuThreadExchangeStreamCaptureMode(mode)
        try:
            yield
        finally:
            self.driver.cuThreadExchangeStreamCaptureMode(before)

    def capture_end(self, stream: int, index: int) -> Any:
        self.thread.capture = None
        try:
            graph = self.driver.cuStreamEndCapture(stream)
        finally:
            self.gate.open()
        if not int(graph):
            raise RuntimeError("the capture recorded nothing: no kernel was launched on the captured stream")
        return graph

    def graph_instantiate(self, graph: Any) -> int:
        return int(self.driver.cuGraphInstantiate(graph, 0))

    def graph_launch(self, executable: int, stream: int) -> None:
        self.driver.cuGraphLaunch(executable, stream)

    def graph_dump(self, graph: Any, path: str) -> None:
        self.driver.cuGraphDebugDotPrint(graph, os.fsencode(path), 1)

    def graph_destroy(self, graph: Any, executable: int | None) -> None:
        if not self.gate.shut:
            if executable is not None:
                self.driver.cuGraphExecDestroy(executable)
            self.driver.cuGraphDestroy(graph)
