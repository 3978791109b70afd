"""What packages take from `torch._jit_internal`: marks of TorchScript, which leave a function as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Dict, Final, List, Optional, Tuple, TypeVar, Union  # noqa: F401, UP035  # packages take them here

from tritonnn.futures import Future as Future
from tritonnn.jit import export as export
from tritonnn.jit import ignore as ignore
from tritonnn.jit import is_scripting as is_scripting
from tritonnn.jit import unused as unused

F = TypeVar("F", bound=Callable)


class BroadcastingListCls:
    """`BroadcastingList2[int]`: a list of a length, or a number in its place; an annotation."""

    def __getitem__(self, types: object) -> None:
        return None


BroadcastingList1 = BroadcastingList2 = BroadcastingList3 = BroadcastingListCls()
BroadcastingList4 = BroadcastingList5 = BroadcastingList6 = BroadcastingListCls()


def boolean_dispatch(
    arg_name: str,
    arg_index: int,
    default: bool,
    if_true: Callable,
    if_false: Callable,
    module_name: str,
    func_name: str,
) -> Callable:
    """A function that calls one of two with its arguments, as one of them says.

    >>> from tritonnn._jit_internal import boolean_dispatch
    >>> call = boolean_dispatch("both", 1, False, lambda x, both: (x, x), lambda x, both=False: x, "m", "call")
    >>> call(3), call(3, True), call(3, both=True)
    (3, (3, 3), (3, 3))
    """

    def call(*args: Any, **kwargs: Any) -> Any:
        chosen = kwargs.get(arg_name, args[arg_index] if arg_index < len(args) else default)
        return (if_true if chosen else if_false)(*args, **kwargs)

    call.__doc__ = if_false.__doc__ or if_true.__doc__
    call.__name__, call.__module__ = func_name or call.__name__, module_name or call.__module__
    return call


def _overload(func: F) -> F:
    """The function: TorchScript would take its types for one of several."""
    return func


_overload_method = _overload
_copy_to_script_wrapper = _overload
_drop = _overload
