"""Results that are not there yet: waiting for them, and what is to happen when they are."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

__all__ = ["Future", "collect_all", "wait_all"]

T = TypeVar("T")
S = TypeVar("S")


class Future(Generic[T]):
    """A value that some thread sets once, and that others wait for.

    Args:
        devices: the GPUs that the value's tensors may lie on.

    >>> import tritonnn as torch
    >>> future = torch.futures.Future()
    >>> doubled = future.then(lambda f: 2 * f.value())
    >>> future.set_result(3)
    >>> doubled.wait()
    6
    """

    def __init__(self, *, devices: list[Any] | None = None) -> None:
        from tritonnn.device import device as Device

        for each in devices or ():
            if not isinstance(each, int) and Device(each).index is None:
                raise ValueError(f"Future: Expected devices to have indices, got {each}")
        self._ready = threading.Condition()
        self._done = False
        self._value: Any = None
        self._error: BaseException | None = None
        self._callbacks: list[Callable[[Future[T]], Any]] = []

    def done(self) -> bool:
        """Whether it has a value or an exception."""
        return self._done

    def wait(self) -> T:
        """The value, waited for; an exception that was set is raised."""
        with self._ready:
            self._ready.wait_for(self.done)
        return self.value()

    def value(self) -> T:
        """The value that is there already; an exception that was set is raised.

        Raises:
            RuntimeError: it is not there yet.
        """
        if not self._done:
            raise RuntimeError("Future.value(): it has none yet: wait() waits for it")
        if self._error is not None:
            raise self._error
        return self._value

    def then(self, callback: Callable[[Future[T]], S]) -> Future[S]:
        """Another Future, of what `callback(self)` returns once this one is done."""
        if not callable(callback):
            raise TypeError(f"then(): callback must be callable, not {type(callback).__name__}")
        after: Future[S] = Future()

        def run(future: Future[T]) -> None:
            try:
                after.set_result(callback(future))
            except Exception as error:
                words = f"{type(error).__name__}: {error}"
                wrapped = RuntimeError(f"Got the following error when running the callback: {words}")
                wrapped.__cause__ = error
                after._complete(None, wrapped)

        self.add_done_callback(run)
        return after

    def add_done_callback(self, callback: Callable[[Future[T]], Any]) -> None:
        """Call `callback(self)` once this is done: at once where it is."""
        with self._ready:
            if not self._done:
                self._callbacks.append(callback)
                return
        callback(self)

    def set_result(self, result: T) -> None:
        """Set the value.

        Raises:
            RuntimeError: it is done already.
        """
        self._complete(result, None)

    def set_exception(self, result: BaseException) -> None:
        """Set an exception, which `wait` and `value` raise."""
        if not isinstance(result, Exception):
            raise AssertionError(f"{result} is of type {type(result)}, not an Exception.")
        self._complete(None, result)

    def _complete(self, value: Any, error: BaseException | None) -> None:
        with self._ready:
            if self._done:
                raise RuntimeError(
                    "Attempting to mark a completed Future as complete again. Note that a Future can only be marked "
                    "completed once."
                )
            self._value, self._error, self._done = value, error, True
            waiting, self._callbacks = self._callbacks, []
            self._ready.notify_all()
        for callback in waiting:
            callback(self)


def collect_all(futures: list[Future]) -> Future[list[Future]]:
    """A Future of the same Futures, done when all of them are.

    >>> import tritonnn as torch
    >>> futures = [torch.futures.Future(), torch.futures.Future()]
    >>> together = torch.futures.collect_all(futures)
    >>> futures[0].set_result(1); futures[1].set_result(2)
    >>> [f.value() for f in together.wait()]
    [1, 2]
    """
    together: Future[list[Future]] = Future()
    left, lock = [len(futures)], threading.Lock()

    def one_less(_: Future) -> None:
        with lock:
            left[0] -= 1
            last = not left[0]
        if last:
            together.set_result(list(futures))

    if not futures:
        together.set_result([])
    for future in futures:
        future.add_done_callback(one_less)
    return together


def wait_all(futures: list[Future]) -> list[Any]:
    """The values of all, waited for; the first exception among them is raised.

    >>> import tritonnn as torch
    >>> future = torch.futures.Future()
    >>> future.set_result(1)
    >>> torch.futures.wait_all([future])
    [1]
    """
    return [future.value() for future in collect_all(futures).wait()]


def fork(func: Callable[..., Any], *args: Any, **kwargs: Any) -> Future[Any]:
    """A Future of `func(*args, **kwargs)`, which is called at once, as PyTorch does outside TorchScript.

    >>> import tritonnn as torch
    >>> torch.wait(torch.fork(pow, 2, 3))
    8
    """
    future: Future[Any] = Future()
    future.set_result(func(*args, **kwargs))
    return future


def wait(future: Future[T]) -> T:
    """The value of a Future.

    >>> import tritonnn as torch
    >>> torch.wait(torch.fork(max, 2, 3))
    3
    """
    if not isinstance(future, Future):
        raise TypeError(f"wait(): argument 'future' must be Future, not {type(future).__name__}")
    return future.wait()
