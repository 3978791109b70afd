"""Hooks around the step of optimizers."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from itertools import chain
from typing import Any, TypeAlias

from tritonnn.recording.grad_mode import state
from tritonnn.utils.hooks import RemovableHandle

Hooks: TypeAlias = "OrderedDict[int, Callable[..., Any]]"

_global_pre_hooks: Hooks = OrderedDict()
_global_post_hooks: Hooks = OrderedDict()


def register(hooks: Hooks, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
    """Adds a hook, at the end or in front of the others."""
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


def register_optimizer_step_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Registers ``hook(optimizer, args, kwargs)`` to run before the ``step`` of every optimizer.

    The hook returns None or a new ``(args, kwargs)``, where ``args[0]`` is the optimizer.

    Example:
        >>> import tritonnn as torch
        >>> from tritonnn.optim.optimizer import register_optimizer_step_pre_hook
        >>> handle = register_optimizer_step_pre_hook(lambda opt, args, kwargs: print("step"))
        >>> torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.1).step()
        step
        >>> handle.remove()
    """
    return register(_global_pre_hooks, hook)


def register_optimizer_step_post_hook(hook: Callable[..., None]) -> RemovableHandle:
    """Registers ``hook(optimizer, args, kwargs)`` to run after the ``step`` of every optimizer.

    Example:
        >>> import tritonnn as torch
        >>> from tritonnn.optim.optimizer import register_optimizer_step_post_hook
        >>> handle = register_optimizer_step_post_hook(lambda opt, args, kwargs: print("stepped"))
        >>> torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.1).step()
        stepped
        >>> handle.remove()
    """
    return register(_global_post_hooks, hook)


_nothing = nullcontext()


def ranged(optimizer: Any, what: str) -> AbstractContextManager[Any]:
    """A range of profilers, where one may run, for a method of an optimizer."""
    if not state.around:
        return _nothing
    from tritonnn.profiler import record_function

    return record_function(f"Optimizer.{what}#{type(optimizer).__name__}.{what}")


def with_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    """The `step` method of an optimizer with the global and its own hooks around it."""

    @functools.wraps(step)
    def hooked(*args: Any, **kwargs: Any) -> Any:
        with ranged(args[0], "step"):
            return stepped(*args, **kwargs)

    def stepped(*args: Any, **kwargs: Any) -> Any:
        self = args[0]
        for hook in chain(_global_pre_hooks.values(), self._optimizer_step_pre_hooks.values()):
            changed = hook(self, args, kwargs)
            if changed is None:
                continue
            if not (isinstance(changed, tuple) and len(changed) == 2):
                raise RuntimeError(
                    f"a step pre-hook of {type(self).__name__} must return None or a tuple of "
                    f"(new_args, new_kwargs), but got {changed}."
                )
            args, kwargs = changed
        result = step(*args, **kwargs)
        self._opt_called = True
        for hook in chain(self._optimizer_step_post_hooks.values(), _global_post_hooks.values()):
            hook(self, args, kwargs)
        return result

    hooked.hooked = True  # type: ignore[attr-defined]
    return hooked
