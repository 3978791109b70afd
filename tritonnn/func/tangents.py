"""Forward-mode transforms: jvp, linearize."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tritonnn import batching  # noqa: F401
from tritonnn._levels import within
from tritonnn._tensor import Tensor
from tritonnn.autograd.directions import Pushing
from tritonnn.autograd.tracked import Tracked, apart, cut, is_recording, let_inputs, zeros_as
from tritonnn.batching.values import levels_of
from tritonnn.func.transforms import check_outputs, left_aux
from tritonnn.recording.grad_mode import forward_mode, transforming
from tritonnn.utils._pytree import tree_flatten, tree_unflatten


def jvp(func: Callable, primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False) -> Any:
    """(func(*primals), its derivative along the tangents).

    Args:
        primals, tangents: tuples of the same structure and shapes.
        strict: raise where an output does not depend on the inputs, instead of giving zeros.
        has_aux: `func` returns (outputs, anything), which comes third.

    Raises:
        RuntimeError: the structures differ, no tensors come or go; with `strict`, an output that is constant.

    >>> import tritonnn as torch
    >>> torch.func.jvp(torch.sin, (torch.tensor(0.),), (torch.tensor(2.),))
    (tensor(0.), tensor(2.))
    """
    text = "jvp(f, primals, tangents)"
    recorded = is_recording()
    leaves, directions, primals_spec = _checked(text, primals, tangents)
    directions = [apart(direction, leaves) for direction in directions]
    with transforming(True), forward_mode(), within():
        pushing, spec, aux = _pushed(text, func, primals, leaves, primals_spec, has_aux)
        found = pushing.along(directions, recorded)
    if strict and any([value is None for value in found]):
        raise RuntimeError(
            "jvp(f, primals, tangents, strict=True): The output of f is independent of the inputs. This is not allowed "
            "with strict=True."
        )
    own = pushing.own
    leave = lambda value: cut(value, own, recorded) if isinstance(value, Tensor) else value
    outputs = tree_unflatten([leave(output) for output in pushing.outputs], spec)
    moved_on = [
        zeros_as(output) if value is None else leave(value)
        for value, output in zip(found, pushing.outputs, strict=True)
    ]
    result = tree_unflatten(moved_on, spec)
    return (outputs, result, left_aux(aux, leave)) if has_aux else (outputs, result)


def _checked(text: str, primals: Any, tangents: Any) -> tuple[list[Tensor], list[Tensor], Any]:
    if not isinstance(primals, tuple):
        raise RuntimeError(
            f"{text}: Expected primals to be a tuple. E.g. it should be valid to call f(*primals)."
        )
    leaves, spec = tree_flatten(primals)
    directions, tangents_spec = tree_flatten(tangents)
    if spec != tangents_spec:
        raise RuntimeError(
            f"{text}: Expected primals and tangents to have the same python structure. For example, if primals is a "
            f"tuple of 3 tensors, tangents also must be. Got primals with structure {spec} and tangents with structure "
            f"{tangents_spec}"
        )
    for name, values in (("primals", leaves), ("tangents", directions)):
        if not values:
            raise RuntimeError(f"{text}: Expected {name} to contain at least one Tensor.")
        for value in values:
            if not isinstance(value, Tensor):
                raise RuntimeError(f"{text}: Expected {name} to only contain Tensors, got {type(value)}")
    for name, values in (("primal", leaves), ("tangent", directions)):
        for value in values:
            if value.dtype.kind < 2:
                raise ValueError(f"Expected {name} to be floating point or complex, but got: {value.dtype}")
    for leaf, direction in zip(leaves, directions, strict=True):
        if leaf.shape != direction.shape:
            raise RuntimeError(
                f"{text}: Expected tangents to have the shapes of the primals, got {list(direction.shape)} for "
                f"{list(leaf.shape)}"
            )
    return leaves, directions, spec


def _pushed(
    text: str, func: Callable, primals: tuple, leaves: list[Tensor], spec: Any, has_aux: bool
) -> tuple[Pushing, Any, Any]:
    """Run a function on tracked inputs, each with the levels that it has."""
    tracked = [Tracked(leaf, levels_of(leaf)[0], writable=True) for leaf in leaves]
    let_inputs(tracked)
    output = func(*tree_unflatten([item.sample for item in tracked], spec))
    aux = None
    if has_aux:
        if not (isinstance(output, tuple) and len(output) == 2):
            raise RuntimeError(
                f"{text}: output of function f should be a tuple: (output, aux) if has_aux is True"
            )
        output, aux = output
    outputs, out_spec = tree_flatten(output)
    check_outputs(text, output, outputs)
    return Pushing(outputs, tracked), out_spec, aux


def linearize(func: Callable, *primals: Any) -> tuple[Any, Callable]:
    """(func(*primals), a function of tangents that returns the derivative there along them).

    `func` runs once, however often the second is called.

    >>> import tritonnn as torch
    >>> value, push = torch.func.linearize(torch.sin, torch.tensor(0.))
    >>> push(torch.tensor(2.)), push(torch.tensor(3.))
    (tensor(2.), tensor(3.))
    """
    recorded = is_recording()
    leaves, spec = tree_flatten(primals)
    for leaf in leaves:
        if not isinstance(leaf, Tensor):
            raise RuntimeError(
                f"linearize(f, *primals): Expected primals to only contain Tensors, got {type(leaf)}"
            )
    with transforming(True), forward_mode(), within():
        pushing, out_spec, _ = _pushed("linearize(f, *primals)", func, primals, leaves, spec, False)
    own = pushing.own

    def push(*tangents: Any) -> Any:
        directions, given_spec = tree_flatten(tangents)
        if given_spec != spec:
            raise RuntimeError(
                f"Expected the tangents {given_spec} to have the same argspec as the primals {spec}"
            )
        for leaf, direction in zip(leaves, directions, strict=True):
            if leaf.shape != direction.shape or leaf.dtype is not direction.dtype:
                raise RuntimeError(
                    f"linearize: a tangent of shape {list(direction.shape)} and dtype {direction.dtype} for a primal "
                    f"of shape {list(leaf.shape)} and dtype {leaf.dtype}"
                )
        keep = is_recording()
        with transforming(False):
            found = pushing.along(directions, keep)
            values = [
                zeros_as(output) if value is None else cut(value, own, keep)
                for value, output in zip(found, pushing.outputs, strict=True)
            ]
        return tree_unflatten(values, out_spec)

    return tree_unflatten([cut(output, own, recorded) for output in pushing.outputs], out_spec), push
