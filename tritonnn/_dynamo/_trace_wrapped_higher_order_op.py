"""How programs index with the numbers of one sample while functions are mapped over samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.ops.indexing.indexing import index_at
from tritonnn.overrides import TorchFunctionMode

INDICES = (dtypes.int8, dtypes.int16, dtypes.int32, dtypes.int64)  # the others are masks, or refused

__all__ = ["TransformGetItemToIndex"]


class TransformGetItemToIndex(TorchFunctionMode):
    """Within the block a subscript of tensors alone gathers: a tensor of one number is not read in Python.

    >>> import tritonnn as torch
    >>> from tritonnn._dynamo._trace_wrapped_higher_order_op import TransformGetItemToIndex
    >>> x = torch.tensor([1., 2., 3.])
    >>> with TransformGetItemToIndex():
    ...     chosen = x[torch.tensor(1)]
    >>> chosen, chosen._is_view()
    (tensor(2.), False)
    """

    def __torch_function__(
        self, func: Callable, types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is Tensor.__getitem__:
            source, key = args
            parts = key if isinstance(key, tuple) else (key,)
            if 0 < len(parts) <= source.ndim and all(map(_counts, parts)):
                return index_at(source, [part.long() for part in parts], tuple(range(len(parts))))
        return func(*args, **(kwargs or {}))


def _counts(part: object) -> bool:
    return isinstance(part, Tensor) and part.dtype in INDICES
