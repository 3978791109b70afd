"""Python's multiprocessing, and tensors whose memory forked processes share.

`share_memory_()` moves a CPU tensor into an anonymous shared mapping: processes forked afterwards read and write
the same memory. A tensor sent through a queue or pipe is pickled, that is, copied.
"""

from __future__ import annotations

import mmap
from multiprocessing import *
from multiprocessing import get_context as get_context
from typing import Any

import numpy as np

from tritonnn._tensor import replace_block
from tritonnn.memory import Storage, resizing
from tritonnn.multiprocessing.spawn import (
    ProcessContext,
    ProcessExitedException,
    ProcessRaisedException,
    SpawnContext,
    spawn,
    start_processes,
)


class SharedArray(np.ndarray):
    """Bytes in a mapping that forked processes share."""

    shared_name = "anonymous"
    resizable = False


def share(storage: Storage) -> None:
    """Move a CPU storage, and with it all tensors that look into it, into a shared mapping."""
    with resizing:
        nbytes = storage.nbytes
        flat = np.frombuffer(mmap.mmap(-1, max(nbytes, 1)), np.uint8, nbytes).view(SharedArray)
        flat[:] = storage.bytes()
        replace_block(storage, flat)


def get_all_sharing_strategies() -> set[str]:
    """The ways memory can be shared: by mappings that forked processes inherit.

    >>> import tritonnn as torch
    >>> torch.multiprocessing.get_all_sharing_strategies()
    {'file_descriptor'}
    """
    return {"file_descriptor"}


def get_sharing_strategy() -> str:
    """The way memory is shared."""
    return "file_descriptor"


def set_sharing_strategy(new_strategy: str) -> None:
    """Choose the way memory is shared; there is one."""
    if new_strategy != "file_descriptor":
        raise ValueError(
            f"sharing strategy must be one of {get_all_sharing_strategies()}, got {new_strategy!r}"
        )
