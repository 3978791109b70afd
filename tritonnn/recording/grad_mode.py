"""Whether operations are recorded: `no_grad`, `enable_grad`, `set_grad_enabled`, `inference_mode`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, overload
from weakref import WeakSet

from tritonnn.errors import warn
from tritonnn.memory import set_inference

if TYPE_CHECKING:
    from typing_extensions import Self

#: nodes of forward mode alone
HIDDEN: Any = WeakSet()
F = TypeVar("F", bound=Callable[..., Any])


class _State(threading.local):
    enabled = True
    inference = False
    saves_inference = False  # whether tensors of inference mode may be saved: within a transform of functions
    anomaly = False
    check_nan = True
    running: Any = None  # in anomaly mode: the node whose backward runs
    saved_hooks: tuple = ()
    hooks_refused: str | None = None  # why `saved_tensors_hooks` must not be entered
    mutating = False  # within `allow_mutation_on_saved_tensors`
    current: Any = None  # the pass of backward that runs
    depth = 0  # how many passes of backward this thread is within
    forward = False  # whether a pass of backward is the first half of a derivative along directions
    tangents = 0  # how many blocks of forward mode this thread is within
    hidden = False  # whether what is recorded is for forward mode alone: in `no_grad` within such a block
    unveiled = False  # whether the pass of backward that runs is for forward mode, and sees what is hidden
    dispatches = True  # whether classes with `__torch_dispatch__` are asked
    around: tuple = ()  # what this thread has around each table call, innermost last
    keeps_graph = True  # whether the pass of backward that runs leaves the graph for another one


state = _State()


class _Switch:
    """A context manager and decorator that sets the recording flag and restores it."""

    _enable = True

    def __enter__(self) -> None:
        self._before = state.enabled, state.hidden
        state.enabled, state.hidden = self._enable and not state.inference, False

    def __exit__(self, *exc_info: object) -> None:
        state.enabled, state.hidden = self._before

    def __call__(self, function: F) -> F:
        return _decorate(self, function)

    def clone(self) -> Any:
        """A fresh manager of the same setting, so that a decorated function may recurse."""
        return type(self)()


def _decorate(switch: Any, function: Any) -> Any:
    import functools
    import inspect

    if isinstance(function, type):
        warn(
            "Decorating classes is deprecated and will be disabled in future versions. You should only decorate "
            f"functions or methods: {function.__name__}.__init__ alone runs in the mode that is meant here.",
            FutureWarning,
        )

    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def generator(*args: Any, **kwargs: Any) -> Any:
            # The flag holds while the generator runs and is restored while its consumer does. Whatever the consumer
            # does, sending, throwing or closing, reaches the generator under the flag.
            steps = function(*args, **kwargs)
            resume: Any = steps.send
            given: tuple[Any, ...] = (None,)
            try:
                while True:
                    with switch.clone():
                        value = resume(*given)
                    try:
                        resume, given = steps.send, ((yield value),)
                    except GeneratorExit:
                        with switch.clone():
                            steps.close()
                        raise
                    except BaseException as error:
                        resume, given = steps.throw, (error,)
            except StopIteration as stop:
                return stop.value

        return generator

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with switch.clone():
            return function(*args, **kwargs)

    return wrapper


class no_grad(_Switch):
    """Record nothing inside: results do not require grad.

    >>> import tritonnn as torch
    >>> x = torch.ones(2, requires_grad=True)
    >>> with torch.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    _enable = False

    @overload
    def __new__(cls, function: None = None) -> Self: ...
    @overload
    def __new__(cls, function: F) -> F: ...  # type: ignore[misc]
    def __new__(cls, function: Any = None) -> Any:
        instance = object.__new__(cls)
        return instance if function is None else _decorate(instance, function)


def switch(enabled: bool) -> None:
    """Record or not; within forward mode, which `no_grad` does not end, record what the other mode does not see."""
    wanted = (enabled or state.tangents > 0) and not state.inference
    state.enabled, state.hidden = wanted, wanted and not enabled


class enable_grad(_Switch):
    """Record inside, also within `no_grad`.

    >>> import tritonnn as torch
    >>> x = torch.ones(1, requires_grad=True)
    >>> with torch.no_grad(), torch.enable_grad():
    ...     y = x * 2
    >>> y.requires_grad
    True
    """

    @overload
    def __new__(cls, function: None = None) -> Self: ...
    @overload
    def __new__(cls, function: F) -> F: ...  # type: ignore[misc]
    def __new__(cls, function: Any = None) -> Any:
        instance = object.__new__(cls)
        return instance if function is None else _decorate(instance, function)


class set_grad_enabled(_Switch):
    """Switch recording on or off, at once when called and until the end of the block when used with `with`.

    >>> import tritonnn as torch
    >>> with torch.set_grad_enabled(False):
    ...     torch.is_grad_enabled()
    False
    """

    def __init__(self, mode: bool) -> None:
        if mode.__class__ is not bool:
            raise TypeError(
                f"set_grad_enabled(): argument 'enabled' (position 1) must be bool, not {type(mode).__name__}"
            )
        self._enable = mode
        self._before = state.enabled, state.hidden
        switch(mode)

    def __enter__(self) -> None:
        switch(self._enable)

    def __exit__(self, *exc_info: object) -> None:
        state.enabled, state.hidden = self._before

    def __call__(self, function: F) -> F:
        state.enabled, state.hidden = self._before
        return _decorate(self, function)

    def clone(self) -> Any:
        return set_grad_enabled(self._enable)


class inference_mode:
    """Like `no_grad`, and what is made inside cannot be used in recorded computation afterwards.

    Args:
        mode: whether to enter it; False leaves it, and records.

    >>> import tritonnn as torch
    >>> x = torch.ones(1, requires_grad=True)
    >>> with torch.inference_mode():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    @overload
    def __new__(cls, mode: bool = True) -> Self: ...
    @overload
    def __new__(cls, mode: F) -> F: ...  # type: ignore[misc]
    def __new__(cls, mode: Any = True) -> Any:
        instance = object.__new__(cls)
        if callable(mode):
            instance.mode = True
            return _decorate(instance, mode)
        instance.mode = mode
        return instance

    mode: bool

    def __enter__(self) -> None:
        self._before = state.enabled, state.hidden, state.inference
        state.enabled, state.hidden, state.inference = not self.mode, False, bool(self.mode)
        set_inference(state.inference, 1)

    def __exit__(self, *exc_info: object) -> None:
        state.enabled, state.hidden, state.inference = self._before
        set_inference(state.inference, -1)

    def __call__(self, function: F) -> F:
        return _decorate(self, function)

    def clone(self) -> Any:
        return inference_mode(self.mode)


class transforming:
    """A block of a transform of functions: outside of inference mode, whose tensors it may save as any other.

    Args:
        record: record inside; otherwise no more than around it.
    """

    def __init__(self, record: bool) -> None:
        self.record = record

    def __enter__(self) -> None:
        self._before = state.enabled, state.hidden, state.inference, state.saves_inference
        state.inference, state.saves_inference = False, True
        if self.record:
            state.enabled, state.hidden = True, False
        set_inference(False, 1)

    def __exit__(self, *exc_info: object) -> None:
        state.enabled, state.hidden, state.inference, state.saves_inference = self._before
        set_inference(state.inference, -1)


class forward_mode:
    """A block of forward mode."""

    def __enter__(self) -> None:
        state.tangents += 1

    def __exit__(self, *exc_info: object) -> None:
        state.tangents -= 1


def apply_hidden(node: Any, grads: list) -> list:
    """What a node of forward mode gives: nothing to other passes, and hidden as it is what it computes."""
    if not state.unveiled:
        return [None] * len(node.edges)
    before, state.hidden = state.hidden, True
    try:
        return node.apply(grads)
    finally:
        state.hidden = before


class set_multithreading_enabled(_Switch):
    """Taken for programs that say it: here a pass of backward runs in the thread that asks for it in either case.

    >>> import tritonnn as torch
    >>> with torch.autograd.set_multithreading_enabled(False):
    ...     torch.ones(1, requires_grad=True).sum().backward()
    """

    def __init__(self, mode: bool) -> None:
        if not isinstance(mode, bool):
            raise TypeError(
                f"set_multithreading_enabled(): argument 'mode' must be bool, not {type(mode).__name__}"
            )
        self.mode = mode

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc_info: object) -> None:
        pass

    def clone(self) -> Any:
        """Another one."""
        return set_multithreading_enabled(self.mode)


def is_grad_enabled() -> bool:
    """Whether operations are recorded in this thread.

    >>> import tritonnn as torch
    >>> torch.is_grad_enabled()
    True
    """
    return state.enabled and not state.hidden


def is_inference_mode_enabled() -> bool:
    """Whether this thread is inside `inference_mode`.

    >>> import tritonnn as torch
    >>> with torch.inference_mode():
    ...     torch.is_inference_mode_enabled()
    True
    """
    return state.inference
