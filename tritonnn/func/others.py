"""Looking at the tensors of transforms, and programs without writes."""

from __future__ import annotations

from collections.abc import Callable

from tritonnn._levels import Batched
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
    while tensor.__class__ is Batched:
        tensor = tensor.value  # type: ignore[attr-defined]
        if not recurse:
            break
    return tensor


def functionalize(func: Callable, *, remove: str = "mutations") -> Callable:
    """Refused: there is no tracer here that would take a program's writes out of it.

    Raises:
        RuntimeError: `remove` is neither 'mutations' nor 'mutations_and_views'. NotImplementedError: it is.
    """
    if remove not in _REMOVE:
        raise RuntimeError(
            f"functionalize(f, remove='mutations'): received invalid argument for remove={remove}. Valid options are: "
            "remove='mutations', remove='mutations_and_views'."
        )
    raise NotImplementedError(
        "functionalize is for tracing programs (make_fx), which there is not here. Transforms take functions that "
        "write in place as they are: call func itself."
    )
