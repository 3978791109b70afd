"""Watching the calls of the op table: a training step is one list of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tritonnn.recording.grad_mode import state

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


# ---- around each call -----------------------------------------------------------------------------------------

# What any thread has around its calls: asked for its truth at the beginning of each, as `watchers` is at the end.
entered: list[Callable[[TableCall], Any]] = []
ON: Any = object()  # in place of an answer: nothing is around the call, which goes on
# What answers calls that no hook of their thread is around: those with tensors whose class has `__torch_dispatch__`. It
# is there once a program has such a class.
below: list[Callable[[TableCall], Any]] = []


def answer_below(function: Callable[[TableCall], Any]) -> None:
    """Have a function see all calls, of every thread, that no hook is around; it returns ON for what is to go on."""
    if not below:
        below.append(function)
        entered.append(function)


class TableCall:
    """A call of a table entry that has not run yet. Calling it runs it, and gives what the caller is given.

    Attributes:
        run: the function of dispatch that runs it, whose name says its kind: "call", "pointwise", "view", "views",
            "inplace", "write", "run_into" (a result that exists already is written).
        op: the entry.
        args: all arguments in schema order.
        out: the tensor, or tensors, to write into, where the call has them.
    """

    __slots__ = ("args", "op", "out", "run")

    def __init__(self, run: Callable, op: Op, given: tuple) -> None:
        self.run, self.op = run, op
        if run.__name__ == "run_into":
            self.out, self.args = given
        else:
            self.args, self.out = given if len(given) == 2 else (given[0], None)

    def __call__(self) -> Any:
        if self.run.__name__ == "run_into":
            return self.run(self.op, self.out, self.args)
        return self.run(self.op, self.args) if self.out is None else self.run(self.op, self.args, self.out)


@contextmanager
def around(hook: Callable[[TableCall], Any]) -> Iterator[None]:
    """Within the block, answer each table call of this thread by `hook(call)`; `call()` runs it.

    Backward, calls in place and those with `out=` are among them. Calls that the hook makes, and what a call is made
    of, go to the hooks further out.

    >>> import tritonnn as torch
    >>> from tritonnn import dispatch
    >>> def tell(call):
    ...     print("before", call.op.name)
    ...     return call()
    >>> with dispatch.around(tell):
    ...     x = torch.ones(2) + 1
    before fill_values
    before add
    """
    enter(hook)
    try:
        yield
    finally:
        leave(hook)


def enter(hook: Callable[[TableCall], Any]) -> None:
    """Begin a block of `around`."""
    entered.append(hook)
    state.around = (*state.around, hook)


def leave(hook: Callable[[TableCall], Any]) -> None:
    """End a block of `around`."""
    entered.remove(hook)
    hooks = list(state.around)
    for place in reversed(range(len(hooks))):
        if hooks[place] == hook:  # a bound method is another object each time
            del hooks[place]
            break
    state.around = tuple(hooks)


def surrounded(run: Callable, op: Op, *given: Any) -> Any:
    """Let the innermost hook answer a call; those further out see what the hook calls."""
    hooks = state.around
    if not hooks:
        return below[0](TableCall(run, op, given)) if below and state.dispatches else ON
    state.around = hooks[:-1]
    try:
        return hooks[-1](TableCall(run, op, given))
    finally:
        state.around = hooks
