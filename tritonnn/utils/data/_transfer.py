"""Objects from one process to another: tensors and arrays through anonymous shared memory, the rest pickled.

The memory is a file without a name (memfd) whose descriptor travels over the socket: the receiver maps it,
nothing is left behind when a process dies, and no mount such as /dev/shm limits its size. What lies in such memory
already (`_shared.py`) is not copied. Where there is no memfd the bytes go over the socket.
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
from tritonnn.utils.data import _shared

#: less than this is cheaper to send than to copy into memory
INLINE_BYTES = 4096
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
        # dimensions by how far apart their elements lie: what is dense, channels last or transposed, arrives as it is
        order = sorted(range(obj.ndim), key=lambda dim: -obj.stride(dim))
        dense = obj.detach().permute(order)
        if not dense.is_contiguous():
            dense, order = obj.detach().contiguous(), list(range(obj.ndim))
        data = pickle.PickleBuffer(dense.numpy().reshape(-1).view(np.uint8))
        return _rebuild, (data, obj.dtype.name, tuple(dense.shape), order, obj.requires_grad)


def _rebuild(
    data: Any, dtype_name: str, shape: tuple[int, ...], order: list[int], requires_grad: bool
) -> Tensor:
    dtype = getattr(tritonnn, dtype_name)
    array = np.frombuffer(data, np.uint8).view(dtype.np).reshape(shape).transpose(np.argsort(order))
    return from_array(array, dtype).requires_grad_(requires_grad)


def dumps(obj: Any) -> list[Any]:
    """The pickle of ``obj``, followed by the large buffers it refers to."""
    buffers: list[pickle.PickleBuffer] = []
    file = io.BytesIO()
    _Pickler(file, protocol=5, buffer_callback=buffers.append).dump(obj)
    return [file.getbuffer(), *[buffer.raw() for buffer in buffers]]


def send(conn: Any, head: Any, parts: list[Any]) -> None:
    """Sends ``head``, a small picklable object, with the parts that ``dumps`` made.

    What follows the head says of each part where it is: bytes are the part itself, a positive number is its size in
    the memory that small parts have in common, a negative one the size of a block that is the part.
    """
    blocks = {i: block for i, part in enumerate(parts) if (block := _shared.block_of(part)) is not None}
    common = [part for i, part in enumerate(parts) if i not in blocks]
    total = sum(_aligned(part.nbytes) for part in common)
    inline = total <= INLINE_BYTES or not hasattr(os, "memfd_create")
    places = [
        -part.nbytes if i in blocks else bytes(part) if inline else part.nbytes
        for i, part in enumerate(parts)
    ]
    conn.send((head, places))
    if not inline:
        _send_common(conn, common, total)
    for block in blocks.values():
        _send_descriptor(conn, block.descriptor)


def _send_descriptor(conn: Any, descriptor: int) -> None:
    from multiprocessing import reduction

    reduction.send_handle(conn, descriptor, os.getppid())


def _send_common(conn: Any, parts: list[Any], total: int) -> None:
    fd = os.memfd_create("tritonnn")
    try:
        os.ftruncate(fd, total)
        start = 0
        for part in parts:
            _write(fd, part, start)
            start += _aligned(part.nbytes)
        _send_descriptor(conn, fd)
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
    head, places = conn.recv()
    common = [_aligned(size) for size in places if not isinstance(size, bytes) and size > 0]
    memory = _receive_memory(conn, sum(common)) if common else None
    start, parts = 0, list[Any]()
    for i, place in enumerate(places):
        if isinstance(place, bytes):
            # The pickle; else a copy that can be written to: the tensors will live in it.
            parts.append(bytearray(place) if i else place)
        elif place < 0:
            parts.append(_receive_memory(conn, -place))
        else:
            assert memory is not None
            parts.append(memory[start : start + place])
            start += _aligned(place)
    return head, parts


def _receive_memory(conn: Any, total: int) -> memoryview:
    """The memory behind the descriptor that comes next: mapped, or copied where mapping would be dear."""
    from multiprocessing import reduction

    fd = reduction.recv_handle(conn)
    try:
        # A map holds a descriptor until its last tensor is gone, and a program may keep all its batches.
        if total >= _shared.LEAST_BYTES and len(_maps) < MOST_MAPS:
            mapped = mmap.mmap(fd, total, flags=_shared.POPULATED)
            _maps.add(mapped)
            return memoryview(mapped)
        memory = memoryview(np.empty(total, np.uint8))
        done = 0
        while done < total:
            done += os.preadv(fd, [memory[done:]], done)
        return memory
    finally:
        os.close(fd)


def loads(parts: list[Any]) -> Any:
    """The object; its tensors and arrays lie in the memory that was received."""
    return pickle.loads(parts[0], buffers=parts[1:])
