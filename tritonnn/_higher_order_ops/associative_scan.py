"""Prefixes under any associative function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tritonnn
from tritonnn._tensor import Tensor
from tritonnn.utils import _pytree

__all__ = ["associative_scan"]


def associative_scan(
    combine_fn: Callable[[Any, Any], Any],
    xs: Any,
    dim: int,
    reverse: bool = False,
    combine_mode: str = "pointwise",
) -> Any:
    """At every place along a dimension what combines all up to it: log2(n) calls with ever longer steps.

    Args:
        combine_fn: an associative function of two nests of tensors, elementwise along `dim`.
        xs: a tensor, or a nest of tensors of one extent along `dim`.
        dim: the dimension.
        reverse: combine from the end.
        combine_mode: 'pointwise' or 'generic'; both are computed alike.

    Raises:
        ValueError: another mode, or no tensors. RuntimeError: extents that differ.

    >>> import tritonnn as torch
    >>> from tritonnn._higher_order_ops import associative_scan
    >>> associative_scan(torch.mul, torch.tensor([1, 2, 3, 4]), 0)
    tensor([ 1,  2,  6, 24])
    """
    if combine_mode not in ("pointwise", "generic"):
        raise ValueError(f"Combine_mode must either 'pointwise' or 'generic', but got {combine_mode}")
    leaves, spec = _pytree.tree_flatten(xs)
    if not leaves or not all(isinstance(leaf, Tensor) for leaf in leaves):
        raise ValueError("associative_scan: expected a tensor, or a nest of tensors, to scan")
    extents = {leaf.shape[dim] for leaf in leaves}
    if len(extents) != 1:
        raise RuntimeError(
            f"associative_scan: expected one extent along dimension {dim}, but got {sorted(extents)}"
        )
    length, step = extents.pop(), 1
    if reverse:
        leaves = [leaf.flip(dim) for leaf in leaves]
    while step < length:
        earlier = _pytree.tree_unflatten([leaf.narrow(dim, 0, length - step) for leaf in leaves], spec)
        later = _pytree.tree_unflatten([leaf.narrow(dim, step, length - step) for leaf in leaves], spec)
        combined = _pytree.tree_flatten(combine_fn(earlier, later))[0]
        leaves = [
            tritonnn.cat([leaf.narrow(dim, 0, step), rest], dim) for leaf, rest in zip(leaves, combined)
        ]
        step *= 2
    if reverse:
        leaves = [leaf.flip(dim) for leaf in leaves]
    return _pytree.tree_unflatten(leaves, spec)
