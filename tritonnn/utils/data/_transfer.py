"""Objects from one process to another: tensors and arrays through anonymous shared memory, the rest pickled.

The memory is a file without a name (memfd) whose descriptor travels over the socket: the receiver maps it,
nothing is left behind when a process dies, and no mount such as /dev/shm limits its size. Where there is no
memfd the bytes go over the socket.
"""

from __future__ import annotations

import io
import mmap
import os
import pickle
import weakref
from typing import Any

import numpy as np

import tritonnn
from tritonnn._tensor import Tensor, from_array

#: less than this is cheaper to copy than to map
INLINE_BYTES = 4096
MAP_BYTES = 1 << 18
MOST_MAPS = 256
_ALIGN = 64
_maps: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()


def _aligned(size: int) -> int:
    return -(-size // _ALIGN) * _ALIGN


class _Pickler(pickle.Pickler):
    def reducer_override(self, obj: Any) -> Any:
        if type(obj) is not Tensor or obj.device.type != "cpu":
            return NotImplemented
        if obj.requires_grad and not obj.is_leaf:
            raise RuntimeError(
                "Cowardly refusing to serialize non-leaf tensor which requires_grad, since autograd "
                "does not cross process boundaries. If you just want to transfer the data, call "
                "detach() on the tensor."
            )
        array = np.ascontiguousarray(obj.detach().numpy()).reshape(-1).view(np.uint8)
        return _rebuild, (pickle.PickleBuffer(array), obj.dtype.name, tuple(obj.shape), obj.requires_grad)


def _rebuild(data: Any, dtype_name: str, shape: tuple[int, ...], requires_grad: bool) -> Tensor:
    dtype = getattr(tritonnn, dtype_name)
    array = np.frombuffer(data, np.uint8).view(dtype.np).reshape(shape)
    return from_array(array, dtype).requires_grad_(requires_grad)


def dumps(obj: Any) -> list[Any]:
    """The pickle of ``obj``, followed by the large buffers it refers to."""
    buffers: list[pickle.PickleBuffer] = []
    file = io.BytesIO()
    _Pickler(file, protocol=5, buffer_callback=buffers.append).dump(obj)
    return [file.getbuffer(), *[buffer.raw() for buffer in buffers]]


def send(conn: Any, head: Any, parts: list[Any]) -> None:
    """Sends ``head``, a small picklable object, with the parts that ``dumps`` made."""
    sizes = [part.nbytes for part in parts]
    total = sum(_aligned(size) for size in sizes)
    if total <= INLINE_BYTES or not hasattr(os, "memfd_create"):
        conn.send((head, [bytes(part) for part in parts]))
        return
    from multiprocessing import reduction

    fd = os.memfd_create("tritonnn")
    try:
        os.ftruncate(fd, total)
        start = 0
        for part, size in zip(parts, sizes, strict=True):
            _write(fd, part, start)
            start += _aligned(size)
        conn.send((head, sizes))
        reduction.send_handle(conn, fd, os.getppid())
    finally:
        os.close(fd)


def _write(fd: int, part: memoryview, start: int) -> None:
    done = 0
    while done < part.nbytes:
        done += os.pwrite(fd, part[done:], start + done)


def receive(conn: Any) -> tuple[Any, list[Any]]:
    """What ``send`` sent: the head and the parts, for ``loads``.

    Raises:
        EOFError: the other side is gone.
    """
    head, parts = conn.recv()
    if not parts or isinstance(parts[0], bytes):
        # A copy that can be written to: the tensors will live in it.
        return head, [parts[0], *map(bytearray, parts[1:])] if parts else []
    from multiprocessing import reduction

    fd = reduction.recv_handle(conn)
    try:
        memory = _open(fd, sum(_aligned(size) for size in parts))
    finally:
        os.close(fd)
    views, start = [], 0
    for size in parts:
        views.append(memory[start : start + size])
        start += _aligned(size)
    return head, views


def _open(fd: int, total: int) -> memoryview:
    """The memory behind a descriptor: mapped, or copied where mapping would be dear."""
    # A map holds a descriptor until its last tensor is gone, and a program may keep all its batches.
    if total >= MAP_BYTES and len(_maps) < MOST_MAPS:
        mapped = mmap.mmap(fd, total, flags=mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0))
        _maps.add(mapped)
        return memoryview(mapped)
    memory = memoryview(np.empty(total, np.uint8))
    done = 0
    while done < total:
        done += os.preadv(fd, [memory[done:]], done)
    return memory


def loads(parts: list[Any]) -> Any:
    """The object; its tensors and arrays lie in the memory that was received."""
    return pickle.loads(parts[0], buffers=parts[1:])
