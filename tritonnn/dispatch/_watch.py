"""Watching the calls of the op table: a training step is one list of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tritonnn.table import Op

# Asked for its truth at the end of each call, which costs nothing that can be measured while it is empty.
watchers: list[Callable[[Op, tuple, tuple], None]] = []


@contextmanager
def watch(callback: Callable[[Op, tuple, tuple], None]) -> Iterator[None]:
    """Within the block, call `callback(op, args, results)` after each call of a table entry, in every thread.

    `args` are all arguments in schema order; `results` are the tensors that were made or written: an in-place call
    has its first argument there, `out=` and the ops that only write have what they wrote. Composites do not appear,
    the calls that they are made of do. Aliases (`detach`, `.data`) and transfers between devices are no table calls.

    >>> import tritonnn as torch
    >>> from tritonnn import dispatch
    >>> names = []
    >>> with dispatch.watch(lambda op, args, results: names.append(op.name)):
    ...     _ = torch.ones(2).add_(1)
    >>> names
    ['fill_values', 'add']
    """
    watchers.append(callback)
    try:
        yield
    finally:
        watchers.remove(callback)


def seen(op: Op, args: tuple, results: Any) -> None:
    """Tell those who watch."""
    outputs = results if isinstance(results, tuple) else (results,)
    for callback in tuple(watchers):
        callback(op, args, outputs)
