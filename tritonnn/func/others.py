"""Looking at the tensors of transforms, and programs that write."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from tritonnn._levels import Batched, state
from tritonnn._tensor import Tensor

_REMOVE = ("mutations", "mutations_and_views")


def debug_unwrap(tensor: Tensor, *, recurse: bool = True) -> Tensor:
    """The batch that a tensor inside `vmap` is a sample of; to look at, for results made from it are not tracked.

    Args:
        recurse: take the batch of all `vmap`s around, not of the innermost alone.

    >>> import tritonnn as torch
    >>> def look(x):
    ...     print(torch.func.debug_unwrap(x))
    ...     return x
    >>> torch.vmap(look)(torch.tensor([1., 2.]))
    tensor([1., 2.])
    tensor([1., 2.])
    """
    if not isinstance(tensor, Tensor):
        raise TypeError(
            f"debug_unwrap(): argument 'tensor' (position 1) must be Tensor, not {type(tensor).__name__}"
        )
    levels = state.stack if recurse else state.stack[-1:]
    if any([level.size is None for level in levels]):  # within a transform that differentiates
        tensor = tensor.detach()
        if not recurse:
            return tensor
    while tensor.__class__ is Batched:
        tensor = tensor.value
        if not recurse:
            break
    return tensor


def functionalize(func: Callable, *, remove: str = "mutations") -> Callable:
    """`func` itself: writes in place are differentiated and batched as they are, so nothing is taken out of it.

    What it computes, and what it writes into its arguments, is what PyTorch's functionalized program does.

    Args:
        remove: 'mutations' or 'mutations_and_views': what a trace of the program would be free of.

    Raises:
        RuntimeError: another `remove`.
    """
    if remove not in _REMOVE:
        raise RuntimeError(
            f"functionalize(f, remove='mutations'): received invalid argument for remove={remove}. Valid options are: "
            "remove='mutations', remove='mutations_and_views'."
        )

    @functools.wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return func(*args, **kwargs)

    return wrapped
