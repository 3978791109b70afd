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
from tritonnn.ops._namespaces import OpOverload
from tritonnn.recording.grad_mode import state
from tritonnn.utils._aten import aten_call
from tritonnn.utils._aten_calls import parts_of

__all__ = [
    "BaseTorchDispatchMode", "TorchDispatchMode", "is_in_torch_dispatch_mode", "is_traceable_wrapper_subclass",
    "is_traceable_wrapper_subclass_type", "return_and_correct_aliasing", "transform_subclass",
]  # fmt: skip


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

    def __torch_dispatch__(
        self, func: Callable, types: object, args: tuple = (), kwargs: object = None
    ) -> Any:
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
        parts = parts_of(call.op, call.args) if call.run.__name__ == "call" and call.out is None else None
        if parts is not None:
            with dispatch.around(self._answer):
                return parts(*call.args)
        return self._ask(call, *aten_call(call))

    def _ask(self, call: dispatch.TableCall, func: OpOverload, args: tuple, kwargs: dict[str, Any]) -> Any:
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

    def __torch_dispatch__(self, func: Callable, types: object, args: tuple = (), kwargs: Any = None) -> Any:
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


def _len_torch_dispatch_stack() -> int:
    """How many modes this thread is within."""
    return len(_get_current_dispatch_mode_stack())


def is_in_torch_dispatch_mode(include_infra_modes: bool = True) -> bool:
    """Whether this thread is within a mode; none of them is one of the library's own."""
    return bool(_get_current_dispatch_mode_stack())


def _push_mode(mode: TorchDispatchMode) -> None:
    """Enter a mode."""
    dispatch.enter(mode._answer)


def _pop_mode(k: object = None) -> TorchDispatchMode:
    """Leave the innermost mode, which is returned."""
    mode = _get_current_dispatch_mode()
    if mode is None:
        raise AssertionError("_pop_mode: this thread is within no mode")
    dispatch.leave(mode._answer)
    return mode


@contextmanager
def _pop_mode_temporarily(k: object = None) -> Iterator[TorchDispatchMode]:
    """A block outside the innermost mode."""
    mode = _pop_mode(k)
    try:
        yield mode
    finally:
        _push_mode(mode)


# ---- subclasses whose `__torch_dispatch__` answers -----------------------------------------------------------


def is_traceable_wrapper_subclass(t: object) -> bool:
    """Whether a tensor is of a subclass that says what tensors it is made of, by `__tensor_flatten__`."""
    return isinstance(t, Tensor) and is_traceable_wrapper_subclass_type(type(t))


def is_traceable_wrapper_subclass_type(t: type) -> bool:
    """The same of a class."""
    made_of = hasattr(t, "__tensor_flatten__") and hasattr(t, "__tensor_unflatten__")
    return issubclass(t, Tensor) and t is not Tensor and made_of


def transform_subclass(
    t: Any, callback: Callable[[str, Tensor], Tensor], outer_size: Any = None, outer_stride: Any = None
) -> Any:
    """The same wrapper around other parts.

    Args:
        t: a tensor of a class with `__tensor_flatten__` and `__tensor_unflatten__`.
        callback: given the name of an attribute and the tensor that it holds, the one that takes its place.
        outer_size, outer_stride: of the result; None: those of `t`.
    """
    outer_size = t.size() if outer_size is None else outer_size
    outer_stride = t.stride() if outer_stride is None else outer_stride
    names, context = t.__tensor_flatten__()
    parts = {name: callback(name, getattr(t, name)) for name in names}
    made = type(t).__tensor_unflatten__(parts, context, outer_size, outer_stride)
    if tuple(made.shape) != tuple(outer_size) or tuple(made.stride()) != tuple(outer_stride):
        raise AssertionError(
            f"transform_subclass: {type(t).__name__}.__tensor_unflatten__ made a tensor of shape {tuple(made.shape)} "
            f"and strides {tuple(made.stride())}; expected {tuple(outer_size)} and {tuple(outer_stride)}"
        )
    return made


def return_and_correct_aliasing(func: Any, args: tuple, kwargs: dict[str, Any] | None, out: Any) -> Any:
    """What a `__torch_dispatch__` of a wrapper returns: what was written where `func` writes, else `out`.

    Views of a wrapper share its version whatever is returned.
    """
    written = (kwargs or {}).get("out")
    if written is not None:
        return written
    return args[0] if func.overloadpacket.__name__.endswith("_") else out
