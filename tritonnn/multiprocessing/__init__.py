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


_STRATEGIES = {"file_descriptor", "file_system"}
_strategy = "file_descriptor"


def get_all_sharing_strategies() -> set[str]:
    """The names that `set_sharing_strategy` takes.

    >>> import tritonnn as torch
    >>> sorted(torch.multiprocessing.get_all_sharing_strategies())
    ['file_descriptor', 'file_system']
    """
    return set(_STRATEGIES)


def get_sharing_strategy() -> str:
    """The strategy that was chosen last; "file_descriptor" before."""
    return _strategy


def set_sharing_strategy(new_strategy: str) -> None:
    """Choose how memory is shared.

    Programs choose "file_system" where PyTorch would run out of file descriptors. Here neither strategy does: forked
    processes inherit the mappings, and a DataLoader copies what comes after its first 256 batches that are kept. So
    both are the same way.

    Raises:
        AssertionError: there is no such strategy.

    >>> import tritonnn as torch
    >>> torch.multiprocessing.set_sharing_strategy("file_descriptor")
    """
    global _strategy
    if new_strategy not in _STRATEGIES:
        raise AssertionError(
            f"set_sharing_strategy: expected new_strategy one of {sorted(_STRATEGIES)}, got {new_strategy!r}"
        )
    _strategy = new_strategy
