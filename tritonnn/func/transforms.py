"""Reverse-mode transforms: grad, grad_and_value, vjp."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from tritonnn import batching  # noqa: F401
from tritonnn._levels import within
from tritonnn._tensor import Tensor
from tritonnn.autograd.tracked import (
    Result,
    Tracked,
    cut,
    gradients,
    is_recording,
    let_inputs,
    reaches_others,
    zeros_as,
)
from tritonnn.ops.creation.creation import ones_like
from tritonnn.recording.grad_mode import transforming
from tritonnn.utils._pytree import PyTree, tree_flatten, tree_map, tree_unflatten, treespec_pprint

Argnums = int | tuple[int, ...]


def grad(func: Callable, argnums: Argnums = 0, has_aux: bool = False) -> Callable:
    """A function that returns the gradient of `func`, which returns one number.

    Args:
        argnums: which argument to differentiate by, or a tuple of several.
        has_aux: `func` returns (number, anything), and the result is (gradient, that).

    Raises:
        RuntimeError: `func` returns no tensor, or one with dimensions.

    >>> import tritonnn as torch
    >>> torch.func.grad(torch.func.grad(torch.sin))(torch.tensor(0.)).item() == 0
    True
    """

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        slopes, value = _grad_and_value(func, argnums, has_aux, args, kwargs)
        return (slopes, value[1]) if has_aux else slopes

    return wrapper


def grad_and_value(func: Callable, argnums: Argnums = 0, has_aux: bool = False) -> Callable:
    """As `grad`, but the function returns (gradient, value).

    >>> import tritonnn as torch
    >>> torch.func.grad_and_value(lambda x: x * x)(torch.tensor(3.))
    (tensor(6.), tensor(9.))
    """

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return _grad_and_value(func, argnums, has_aux, args, kwargs)

    return wrapper


def _grad_and_value(func: Callable, argnums: Argnums, has_aux: bool, args: tuple, kwargs: dict) -> Any:
    recorded = is_recording()
    with transforming(True), within():
        args, tracked, chosen = with_tracked(args, argnums)
        output = func(*args, **kwargs)
        aux = None
        if has_aux:
            if not (isinstance(output, tuple) and len(output) == 2):
                raise RuntimeError(
                    "grad_and_value(f)(*args): output of function f should be a tuple: (output, aux) if has_aux is True"
                )
            output, aux = output
        if not isinstance(output, Tensor):
            raise RuntimeError(
                f"grad_and_value(f)(*args): Expected f(*args) to return a Tensor, got {type(output)}"
            )
        if output.dim() != 0:
            raise RuntimeError(
                "grad_and_value(f)(*args): Expected f(*args) to return a scalar Tensor, got tensor with "
                f"{output.dim()} dims. Maybe you wanted to use the vjp or jacrev APIs instead?"
            )
        if output.dtype.is_complex:
            raise RuntimeError(
                f"grad can be implicitly created only for real scalar outputs but got {output.dtype}"
            )
        slopes = slopes_of([output], [ones_like(output.detach())], tracked, recorded, False)
    own = [item.place for item in tracked if item.fresh]
    leave = lambda value: cut(value, own, recorded) if isinstance(value, Tensor) else value
    result = chosen([leave(value) for value in slopes])
    value = leave(output)
    return result, (value, left_aux(aux, leave)) if has_aux else value


def left_aux(aux: Any, leave: Callable) -> Any:
    """What a function returns besides, as it leaves a transform."""

    def one(value: Any) -> Any:
        if not isinstance(value, Tensor):
            raise RuntimeError(f"Expected tensors, got unsupported type {type(value)}")
        return leave(value)

    return tree_map(one, aux)


def slopes_of(
    outputs: Sequence[Tensor], seeds: Sequence[Tensor], tracked: Sequence[Tracked], recorded: bool, keep: bool
) -> list[Tensor]:
    """The gradients of inputs, zeros of those that nothing depends on; recorded where somebody outside may ask."""
    own = [item.place for item in tracked if item.fresh]
    create = recorded and reaches_others([*outputs, *seeds], own)
    found = gradients([Result(output) for output in outputs], seeds, tracked, keep, create)
    return [
        zeros_as(item.sample) if value is None else value for value, item in zip(found, tracked, strict=True)
    ]


# ---- arguments ----------------------------------------------------------------------------------------------


def with_tracked(args: tuple, argnums: Argnums) -> tuple[tuple, list[Tracked], Callable[[list], Any]]:
    """The arguments with those to differentiate by tracked, these, and what puts gradients into their structure."""
    chosen = checked_argnums(argnums, len(args))
    trees = [args[i] for i in chosen]
    specs, counts, tracked = [], [], []
    fresh = list(args)
    for i, tree in zip(chosen, trees, strict=True):
        leaves, spec = tree_flatten(tree)
        items = [_track(leaf) for leaf in leaves]
        fresh[i] = tree_unflatten([item.sample for item in items], spec)
        tracked += items
        specs.append(spec)
        counts.append(len(items))

    let_inputs(tracked)

    def restored(values: list) -> Any:
        results, start = [], 0
        for spec, count in zip(specs, counts, strict=True):
            results.append(tree_unflatten(values[start : start + count], spec))
            start += count
        return results[0] if isinstance(argnums, int) else tuple(results)

    return tuple(fresh), tracked, restored


def _track(leaf: Any) -> Tracked:
    if not isinstance(leaf, Tensor):
        raise ValueError(f"Thing passed to transform API must be Tensor, got {type(leaf)}")
    return Tracked(leaf)


def checked_argnums(argnums: Any, count: int) -> list[int]:
    """The numbers of arguments, counted from the first."""
    if not isinstance(argnums, (int, tuple)):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    numbers = argnums if isinstance(argnums, tuple) else (argnums,)
    if not numbers:
        raise RuntimeError("argnums must be non-empty")
    found = []
    for number in numbers:
        if not isinstance(number, int):
            raise RuntimeError(f"argnum must be int, got: {type(number)}")
        if not -count <= number < count:
            raise RuntimeError(f"Got argnum={number}, but only {count} positional inputs")
        found.append(number % count)
    if len(set(found)) != len(found):
        raise RuntimeError(f"argnums elements must be unique, got {argnums}")
    return found


# ---- vjp ----------------------------------------------------------------------------------------------------


def vjp(func: Callable, *primals: Any, has_aux: bool = False) -> Any:
    """(func(*primals), a function of cotangents that returns the vector-Jacobian products).

    Args:
        has_aux: `func` returns (outputs, anything), which comes third.

    Raises:
        RuntimeError: no tensor comes or goes, or cotangents of another structure or shape than the outputs.

    >>> import tritonnn as torch
    >>> value, pull = torch.func.vjp(torch.sin, torch.tensor([0.]))
    >>> pull(torch.ones(1))
    (tensor([1.]),)
    """
    recorded = is_recording()
    with transforming(True), within():
        trees, tracked, chosen = (
            with_tracked(primals, tuple(range(len(primals)))) if primals else ((), [], tuple)
        )
        output = func(*trees)
        aux = None
        if has_aux:
            if not (isinstance(output, tuple) and len(output) == 2):
                raise RuntimeError(
                    "vjp(f, *primals): output of function f should be a tuple: (output, aux) if has_aux is True"
                )
            output, aux = output
        leaves, spec = tree_flatten(output)
        check_outputs("vjp(f, *primals)", output, leaves)
        for leaf in leaves:
            if not (leaf.dtype.is_floating_point or leaf.dtype.is_complex):
                raise RuntimeError(
                    "vjp(f, ...): All outputs of f must be floating-point or complex Tensors, got Tensor with dtype "
                    f"{leaf.dtype}"
                )
    own = [item.place for item in tracked if item.fresh]
    leave = lambda value: cut(value, own, recorded) if isinstance(value, Tensor) else value
    pull = _puller(leaves, spec, tracked, chosen, own)
    result = tree_unflatten([leave(leaf) for leaf in leaves], spec)
    return (result, pull, left_aux(aux, leave)) if has_aux else (result, pull)


def _puller(
    outputs: list[Tensor], spec: Any, tracked: list[Tracked], chosen: Callable[[list], Any], own: list[Tensor]
) -> Callable:
    def pull(cotangents: PyTree, retain_graph: bool = True, create_graph: bool | None = None) -> Any:
        seeds, given_spec = tree_flatten(cotangents)
        if given_spec != spec:
            raise RuntimeError(
                "Expected pytree structure of cotangents to be the same as pytree structure of outputs to the "
                f"function. cotangents: {treespec_pprint(given_spec)}, primal output: {treespec_pprint(spec)}"
            )
        for i, (seed, output) in enumerate(zip(seeds, outputs, strict=True)):
            if not isinstance(seed, Tensor):
                raise RuntimeError(f"vjp: Expected cotangents to only contain Tensors, got {type(seed)}")
            if seed.shape != output.shape:
                raise RuntimeError(
                    f"Mismatch in shape: grad_output[{i}] has a shape of {seed.shape} and output[{i}] has a shape of "
                    f"{output.shape}."
                )
        recorded = is_recording() if create_graph is None else create_graph
        with transforming(False):
            slopes = slopes_of(outputs, seeds, tracked, recorded, retain_graph)
            return chosen([cut(value, own, recorded) for value in slopes])

    return pull


def check_outputs(call: str, output: Any, leaves: list[Any]) -> None:
    """Refuse what is no structure of tensors."""
    if not leaves:
        raise RuntimeError(
            f"{call}: Expected f to be a function that has non-empty output (got output = {output})"
        )
    for leaf in leaves:
        if not isinstance(leaf, Tensor):
            raise RuntimeError(
                f"{call}: expected f(*primals) to return only tensors, got unsupported type {type(leaf)}"
            )
