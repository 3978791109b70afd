"""Ranges that programs name: `record_function`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from tritonnn.profiler._recorder import Note, Recorder

F = TypeVar("F", bound=Callable[..., Any])


class record_function:
    """A context manager and decorator: a range of the program under a name, in every profiler that runs.

    Args:
        name: what it is called.
        args: shown behind the name.

    >>> import tritonnn as torch
    >>> with torch.profiler.profile() as profiler:
    ...     with torch.profiler.record_function("doubling"):
    ...         x = torch.ones(2) * 2
    >>> [event.name for event in profiler.events()]
    ['doubling', 'aten::fill_', 'aten::mul']
    >>> profiler.events()[2].cpu_parent.name
    'doubling'
    """

    def __init__(self, name: str, args: str | None = None) -> None:
        if not isinstance(name, str):
            raise TypeError(f"record_function: name must be str, not {type(name).__name__}")
        if args is not None and not isinstance(args, str):
            raise TypeError(f"record_function: args must be str or None, not {type(args).__name__}")
        self.name, self.args = name, args
        self._notes: list[tuple[Recorder, Note]] = []

    def __enter__(self) -> record_function:
        self._notes = [(r, r.begin(self.name, "user_annotation")) for r in Recorder.running]
        for _, note in self._notes if self.args is not None else ():
            note.concrete = [self.args or ""]
        return self

    def __exit__(self, *exc_info: object) -> None:
        for recorder, note in self._notes:
            recorder.end(note)
        self._notes = []

    def __call__(self, function: F) -> F:
        @wraps(function)
        def ranged(*args: Any, **kwargs: Any) -> Any:
            with record_function(self.name, self.args):
                return function(*args, **kwargs)

        return ranged  # type: ignore[return-value]
