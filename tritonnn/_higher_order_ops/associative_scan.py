"""Running results of an associative function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.batching.vmap import vmap
from tritonnn.ops.joining.joining import cat
from tritonnn.utils._pytree import tree_flatten, tree_unflatten

__all__ = ["associative_scan"]


def associative_scan(
    combine_fn: Callable, xs: Any, dim: int, reverse: bool = False, combine_mode: str = "pointwise"
) -> Any:
    """Along a dimension the combination of all elements up to each: of sums what `cumsum` gives.

    It takes as many rounds as the length has binary digits, each over all elements at once; gradients flow.

    Args:
        combine_fn: (earlier, later) -> both combined; of trees where `xs` is one, and associative. It sees tensors
            without the dimension.
        xs: a tensor, or a tree of tensors that have the same length in the dimension.
        dim: the dimension.
        reverse: begin at the end.
        combine_mode: 'generic', or 'pointwise' for functions that are elementwise, of GPU tensors.

    >>> import tritonnn as torch
    >>> from tritonnn._higher_order_ops import associative_scan
    >>> associative_scan(lambda a, b: a * b, torch.tensor([1., 2., 3., 4.]), 0, combine_mode="generic")
    tensor([ 1.,  2.,  6., 24.])
    """
    leaves, structure = tree_flatten(xs)
    dim = _checked(combine_fn, leaves, dim, reverse, combine_mode)
    count = len(leaves)

    def combine(*both: Tensor) -> tuple[Tensor, ...]:
        one, other = tree_unflatten(both[:count], structure), tree_unflatten(both[count:], structure)
        joined, found = tree_flatten(combine_fn(one, other))
        if found != structure:
            raise RuntimeError(
                f"associative_scan: combine_fn must return the structure of xs, {structure}, but got {found}"
            )
        return tuple(joined)

    over_all = vmap(combine, 0, 0)
    held = [leaf.movedim(dim, 0) for leaf in leaves]
    held = [leaf.flip(0) for leaf in held] if reverse else held
    length, step = held[0].shape[0], 1
    while step < length:
        joined = over_all(*[leaf[:-step] for leaf in held], *[leaf[step:] for leaf in held])
        held = [cat([leaf[:step], new]) for leaf, new in zip(held, joined)]
        step *= 2
    held = [leaf.flip(0) for leaf in held] if reverse else held
    return tree_unflatten([leaf.movedim(0, dim) for leaf in held], structure)


def _checked(combine_fn: Callable, leaves: list[Any], dim: int, reverse: bool, combine_mode: str) -> int:
    """The dimension, counted from the front."""
    if not callable(combine_fn):
        raise ValueError(f"associative_scan: combine_fn must be callable, but got {combine_fn!r}")
    if not isinstance(dim, int):
        raise ValueError(f"associative_scan: dim must be an int, but got {type(dim).__name__}")
    if not isinstance(reverse, bool):
        raise RuntimeError(f"associative_scan: reverse must be a bool, but got {type(reverse).__name__}")
    if combine_mode not in ("pointwise", "generic"):
        raise ValueError(
            f"associative_scan: combine_mode must be 'pointwise' or 'generic', but got {combine_mode!r}"
        )
    if not leaves or not all(isinstance(leaf, Tensor) and not leaf.is_sparse for leaf in leaves):
        raise ValueError("associative_scan: xs must hold at least one tensor, and dense tensors alone")
    if combine_mode == "pointwise" and not all(leaf.is_cuda for leaf in leaves):
        raise ValueError("associative_scan: combine_mode='pointwise' takes GPU tensors; 'generic' takes any")
    ndim = leaves[0].ndim
    if not -ndim <= dim < ndim:
        raise IndexError(f"associative_scan: dim {dim} is out of range for {ndim} dimensions")
    dim %= ndim
    lengths = {leaf.shape[dim] if leaf.ndim > dim else 0 for leaf in leaves}
    if len(lengths) > 1 or 0 in lengths:
        raise ValueError(
            f"associative_scan: all of xs must have one length above 0 in dim {dim}, but got {lengths}"
        )
    return dim
