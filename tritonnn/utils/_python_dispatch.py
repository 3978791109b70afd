"""Modes that answer calls of the op table: `TorchDispatchMode`.

What stands below PyTorch's autograd is here one: a call and its recording. What `func` returns is part of the graph
where the call's arguments are, and what a mode computes with it is recorded as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tritonnn import dispatch
from tritonnn._overriding import TENSORS
from tritonnn._tensor import Tensor
from tritonnn.recording.grad_mode import state
from tritonnn.utils._aten import given_to, overload_of

__all__ = ["BaseTorchDispatchMode", "TorchDispatchMode", "is_traceable_wrapper_subclass"]


class TorchDispatchMode:
    """Within the block, `__torch_dispatch__` answers every call of the op table that this thread makes.

    That is forward and backward, in place and with `out=`, optimizers' steps, and the calls that other functions are
    made of. `func` is the operator of `torch.ops.aten` where there is one with these arguments; else it is one of its
    own, with ATen's name where that is known, and calls the entry of the table. Modes further out see what a mode
    calls; it does not see that itself.

    >>> import tritonnn as torch
    >>> from tritonnn.utils._python_dispatch import TorchDispatchMode
    >>> class Names(TorchDispatchMode):
    ...     def __torch_dispatch__(self, func, types, args=(), kwargs=None):
    ...         print(func)
    ...         return func(*args, **(kwargs or {}))
    >>> x = torch.ones(2)
    >>> with Names():
    ...     x = (x * 2).add_(1)
    aten.mul.Tensor
    aten.add_.Tensor
    """

    def __torch_dispatch__(self, func: Callable, types: Any, args: tuple = (), kwargs: Any = None) -> Any:
        """Answer a call.

        Args:
            func: the operator.
            types: classes of the arguments that are no plain tensors.
            args, kwargs: of the call, without defaults at the end.
        """
        raise NotImplementedError(f"{type(self).__name__} has no __torch_dispatch__")

    def __enter__(self) -> TorchDispatchMode:
        dispatch.enter(self._answer)
        return self

    def __exit__(self, *exc_info: object) -> None:
        dispatch.leave(self._answer)

    def _answer(self, call: dispatch.TableCall) -> Any:
        func = overload_of(call)
        args, kwargs = given_to(call)
        types = {type(value) for value in args if isinstance(value, Tensor)} - TENSORS
        result = self.__torch_dispatch__(func, tuple(types), args, kwargs)
        if result is NotImplemented:
            raise TypeError(
                f"Multiple dispatch failed for '{func}'; all __torch_dispatch__ handlers returned NotImplemented: "
                f"mode {type(self).__name__}"
            )
        return result


class BaseTorchDispatchMode(TorchDispatchMode):
    """A mode that calls what it is asked for."""

    def __torch_dispatch__(self, func: Callable, types: Any, args: tuple = (), kwargs: Any = None) -> Any:
        """Call it."""
        return func(*args, **(kwargs or {}))


def _get_current_dispatch_mode_stack() -> list[TorchDispatchMode]:
    """The modes of this thread, innermost last."""
    owners = [getattr(hook, "__self__", None) for hook in state.around]
    return [mode for mode in owners if isinstance(mode, TorchDispatchMode)]


def _get_current_dispatch_mode() -> TorchDispatchMode | None:
    """The innermost mode of this thread."""
    modes = _get_current_dispatch_mode_stack()
    return modes[-1] if modes else None


@contextmanager
def _disable_current_modes() -> Iterator[list[TorchDispatchMode]]:
    """A block that the modes of this thread do not see."""
    before, modes = state.around, _get_current_dispatch_mode_stack()
    state.around = tuple(
        [hook for hook in before if not isinstance(getattr(hook, "__self__", None), TorchDispatchMode)]
    )
    try:
        yield modes
    finally:
        state.around = before


def is_traceable_wrapper_subclass(t: object) -> bool:
    """Whether a tensor's class is made of tensors by `__tensor_flatten__`; such classes are not dispatched to."""
    return isinstance(t, Tensor) and hasattr(t, "__tensor_flatten__") and hasattr(t, "__tensor_unflatten__")
