"""Jacobians by rows (jacrev) and by columns (jacfwd), and Hessians."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.autograd.directions import basis
from tritonnn.batching.vmap import vmap
from tritonnn.func.tangents import jvp
from tritonnn.func.transforms import Argnums, checked_argnums, vjp
from tritonnn.utils._pytree import tree_flatten, tree_unflatten


def _of(func: Callable, argnums: Argnums, args: tuple, kwargs: dict) -> tuple[Callable, tuple]:
    """A function of the arguments to differentiate by alone, and these."""
    chosen = checked_argnums(argnums, len(args))

    def partial(*given: Any) -> Any:
        full = list(args)
        for i, value in zip(chosen, given, strict=True):
            full[i] = value
        return func(*full, **kwargs)

    return partial, tuple([args[i] for i in chosen])


def jacrev(
    func: Callable, argnums: Argnums = 0, *, has_aux: bool = False, chunk_size: int | None = None,
    _preallocate_and_copy: bool = False,
) -> Callable:  # fmt: skip
    """A function that returns the Jacobian of `func`, a row (an element of an output) at a time in one pass backward.

    Args:
        argnums: which argument to differentiate by, or a tuple of several.
        has_aux: `func` returns (outputs, anything), and the result is (Jacobian, that).
        chunk_size: how many rows at a time; all by default.

    >>> import tritonnn as torch
    >>> torch.func.jacrev(torch.sin)(torch.zeros(2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    if not (chunk_size is None or chunk_size > 0):
        raise ValueError("jacrev: `chunk_size` should be greater than 0.")

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        partial, primals = _of(func, argnums, args, kwargs)
        result = vjp(partial, *primals, has_aux=has_aux)
        output, pull = result[0], result[1]
        outputs, spec = tree_flatten(output)
        seeds = tree_unflatten(basis(outputs), spec)
        rows = vmap(lambda given: pull(given), chunk_size=chunk_size)(seeds)
        flat = [tree_flatten(tree) for tree in rows]
        jacobians, start = [], 0
        for out in outputs:
            stop = start + out.numel()
            trees = [
                tree_unflatten(
                    [leaf[start:stop].reshape((*out.shape, *leaf.shape[1:])) for leaf in leaves], of
                )
                for leaves, of in flat
            ]
            jacobians.append(trees[0] if isinstance(argnums, int) else tuple(trees))
            start = stop
        found = tree_unflatten(jacobians, spec)
        return (found, result[2]) if has_aux else found

    return wrapper


def jacfwd(
    func: Callable, argnums: Argnums = 0, has_aux: bool = False, *, randomness: str = "error",
    chunk_size: int | None = None,
) -> Callable:  # fmt: skip
    """A function that returns the Jacobian of `func`, by columns: derivatives along every element of the inputs.

    Args:
        argnums, has_aux, chunk_size: as of `jacrev`.
        randomness: as of `vmap`.

    >>> import tritonnn as torch
    >>> torch.func.jacfwd(torch.sin)(torch.zeros(2))
    tensor([[1., 0.],
            [0., 1.]])
    """

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        partial, primals = _of(func, argnums, args, kwargs)
        leaves, spec = tree_flatten(primals)
        for leaf in leaves:
            if not isinstance(leaf, Tensor):
                raise RuntimeError(f"jacfwd: Expected primals to only contain Tensors, got {type(leaf)}")
        aux: list[Any] = []

        def push(*tangents: Any) -> Any:
            result = jvp(partial, primals, tree_unflatten(list(tangents), spec), has_aux=has_aux)
            if has_aux:
                aux[:] = [result[2]]
            return result[1]

        columns = vmap(push, out_dims=-1, randomness=randomness, chunk_size=chunk_size)(*basis(leaves))
        counts = [leaf.numel() for leaf in leaves]
        blocks, out_spec = tree_flatten(columns)
        jacobians = []
        for block in blocks:
            pieces = [
                piece.reshape((*piece.shape[:-1], *leaf.shape))
                for piece, leaf in zip(block.split(counts, -1), leaves, strict=True)
            ]
            trees = tree_unflatten(pieces, spec)
            jacobians.append(trees[0] if isinstance(argnums, int) else trees)
        found = tree_unflatten(jacobians, out_spec)
        return (found, aux[0]) if has_aux else found

    return wrapper


def hessian(func: Callable, argnums: Argnums = 0) -> Callable:
    """A function that returns the Hessian of `func`: `jacfwd` of `jacrev`.

    >>> import tritonnn as torch
    >>> torch.func.hessian(lambda x: (x ** 3).sum())(torch.tensor([1., 2.]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacfwd(jacrev(func, argnums), argnums)
