"""Functions of sparse tensors as functions of dense ones, which `gradcheck` can move element by element."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tritonnn._sparse import Sparse, SparseTensor, with_values
from tritonnn._tensor import Tensor
from tritonnn.ops.creation.creation import ones_like
from tritonnn.ops.sparse.leaves import of_whole
from tritonnn.ops.sparse.masking import taken_at

Rebuild = Callable[[Tensor], Sparse]


def of_dense(
    func: Callable, inputs: Sequence[Any], masked: bool, values_of_results: bool
) -> tuple[Callable, tuple[Any, ...]]:
    """A function of dense tensors, and these, in place of one of sparse tensors that require grad.

    Args:
        masked: whether the places of the sparse tensors are all there is to move; else every element is.
        values_of_results: whether sparse results stand for their values; else they are as they are.
    """
    pairs = [_dense(value, masked) if _moves(value) else (value, None) for value in inputs]
    rebuild = [pair[1] for pair in pairs]

    def dense_func(*args: Any) -> Any:
        # What follows the inputs is no business of the function's.
        made = [arg if r is None else r(arg) for arg, r in zip(args, rebuild, strict=True)]
        result = func(*made)
        if not values_of_results:
            return result
        if isinstance(result, (tuple, list)):
            return tuple([_values(part) for part in result])
        return _values(result)

    return dense_func, tuple([pair[0] for pair in pairs])


def _moves(value: object) -> bool:
    return isinstance(value, Sparse) and value.requires_grad


def _values(value: Any) -> Any:
    return value._entries if isinstance(value, Sparse) else value


def _dense(value: Sparse, masked: bool) -> tuple[Tensor, Rebuild]:
    """What is moved, and what makes the sparse tensor of it."""
    if masked:
        values = value._entries.detach().clone().requires_grad_()
        return values, lambda moved: with_values(value, moved)
    dense = value.detach().to_dense()
    everywhere: Any = of_whole(value, ones_like(dense))
    if isinstance(everywhere, SparseTensor) and not value._shape:
        return dense.requires_grad_(), lambda moved: with_values(everywhere, moved.reshape(1))
    return dense.requires_grad_(), lambda moved: with_values(everywhere, taken_at(moved, everywhere))
