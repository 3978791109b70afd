"""Context managers that are decorators too, by the name that packages extend."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any


def _of_generator(make: Callable[[], Any], function: Callable) -> Callable:
    @functools.wraps(function)
    def stepping(*args: Any, **kwargs: Any) -> Any:
        generator, value = function(*args, **kwargs), None
        try:
            while True:
                with make():
                    item = generator.send(value)
                try:
                    value = yield item
                except GeneratorExit:
                    with make():
                        generator.close()
                    raise
                except BaseException as error:
                    with make():
                        item = generator.throw(error)
                    value = yield item
        except StopIteration as end:
            return end.value

    return stepping


def context_decorator(ctx: Any, func: Callable) -> Callable:
    """A function that runs in a block; a generator enters it for each step.

    Args:
        ctx: what makes the context manager, or one that is entered anew by each call.
        func: the function.
    """
    make = ctx if callable(ctx) and not hasattr(ctx, "__enter__") else lambda: ctx
    if inspect.isclass(func):
        raise RuntimeError(
            "Cannot decorate classes; it is ambiguous whether or not only the constructor or all methods should have "
            "the context manager applied"
        )
    if inspect.isgeneratorfunction(func):
        return _of_generator(make, func)

    @functools.wraps(func)
    def called(*args: Any, **kwargs: Any) -> Any:
        with make():
            return func(*args, **kwargs)

    return called


class _DecoratorContextManager:
    """A context manager whose objects decorate functions: each call is a block of a `clone()`.

    >>> from tritonnn.utils._contextlib import _DecoratorContextManager
    >>> class Loud(_DecoratorContextManager):
    ...     def __enter__(self): print("in")
    ...     def __exit__(self, *exc_info): print("out")
    >>> @Loud()
    ... def f(): print("f")
    >>> f()
    in
    f
    out
    """

    def __call__(self, orig_func: Callable) -> Callable:
        return context_decorator(self.clone, orig_func)

    def __enter__(self) -> Any:
        raise NotImplementedError

    def __exit__(self, exc_type: object, exc_value: object, traceback: object) -> Any:
        raise NotImplementedError

    def clone(self) -> Any:
        """Another one with the same arguments."""
        return self.__class__()


class _NoParamDecoratorContextManager(_DecoratorContextManager):
    """One that may decorate without being called: `@block` as well as `@block()`."""

    def __new__(cls, orig_func: Callable | None = None) -> Any:
        return super().__new__(cls) if orig_func is None else cls()(orig_func)
