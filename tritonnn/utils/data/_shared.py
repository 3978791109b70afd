"""Memory of a worker process that the main process can map: batches are put together in it, and never copied."""

from __future__ import annotations

import mmap
import os
import weakref
from typing import Any

import numpy as np

from tritonnn._tensor import Tensor, from_array

#: less than this is cheaper to copy than to map
LEAST_BYTES = 1 << 18
#: each holds a descriptor, and a dataset may keep what it collates
MOST_BLOCKS = 64
POPULATED = mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0) if hasattr(mmap, "MAP_SHARED") else 0

_sharing = False
_blocks: weakref.WeakSet[Block] = weakref.WeakSet()


class Block(mmap.mmap):
    """A file without a name, mapped; `descriptor` is what another process maps it by."""

    descriptor: int


def share() -> None:
    """From now on batches of this process are put together in memory that others can map; a worker calls it."""
    global _sharing
    _sharing = hasattr(os, "memfd_create")


def new_block(nbytes: int) -> Block:
    """A block of so many bytes."""
    descriptor = os.memfd_create("tritonnn")
    try:
        os.ftruncate(descriptor, nbytes)
        block = Block(descriptor, nbytes, flags=POPULATED)
    except BaseException:
        os.close(descriptor)
        raise
    block.descriptor = descriptor
    weakref.finalize(block, os.close, descriptor)
    _blocks.add(block)
    return block


def room_for(batch: list[Tensor]) -> Tensor | None:
    """A tensor in a block of its own for the stack of a batch; None where it is stacked in memory as any other."""
    first = batch[0]
    nbytes = len(batch) * first.numel() * first.dtype.itemsize
    if not _sharing or nbytes < LEAST_BYTES or len(_blocks) >= MOST_BLOCKS:
        return None
    for tensor in batch:
        plain = type(tensor) is Tensor and tensor.device.type == "cpu" and not tensor.requires_grad
        if not plain or tensor.shape != first.shape or tensor.dtype is not first.dtype:
            return None
    array = np.frombuffer(new_block(nbytes), np.uint8).view(first.dtype.np).reshape(len(batch), *first.shape)
    return from_array(array, first.dtype)


def block_of(part: memoryview) -> Block | None:
    """The block that a part of a message is the whole of."""
    owner: Any = part.obj
    while isinstance(owner, (np.ndarray, memoryview)):
        owner = owner.base if isinstance(owner, np.ndarray) else owner.obj
    return owner if isinstance(owner, Block) and len(owner) == part.nbytes else None
