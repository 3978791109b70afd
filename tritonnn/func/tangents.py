"""Forward-mode transforms: jvp, linearize.

The derivative along a direction is that of a vector-Jacobian product in the vector, along which it is linear: of
v(u) = uᵀJ the product with a tangent t is uᵀ(Jt), whose gradient in u is Jt.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tritonnn import batching  # noqa: F401
from tritonnn._levels import Level, within
from tritonnn._tensor import Tensor
from tritonnn.batching.values import levels_of, materialized, moved, parts
from tritonnn.func.tracked import Result, Tracked, cut, is_recording, run, zeros_as
from tritonnn.func.transforms import check_outputs
from tritonnn.ops.creation.creation import zeros
from tritonnn.ops.shape.parts import diagonal
from tritonnn.recording.grad_mode import enable_grad, state
from tritonnn.recording.graph import edge_of
from tritonnn.utils._pytree import tree_flatten, tree_map, tree_unflatten


class Pushing:
    """Outputs whose derivatives along directions of the inputs can be asked for, any number of times.

    Args:
        outputs: computed from the samples of `tracked`.
    """

    def __init__(self, outputs: Sequence[Tensor], tracked: Sequence[Tracked]) -> None:
        self.outputs, self.tracked = outputs, tracked
        self.results = [Result(output) for output in outputs]
        self.vectors = []
        for result in self.results:
            place = result.place
            self.vectors.append(zeros(place.shape, dtype=place.dtype, device=place.device).requires_grad_())
        roots = [(edge_of(result.place), v) for result, v in zip(self.results, self.vectors, strict=True)]
        roots = [(edge, v) for edge, v in roots if edge is not None]
        before, state.forward = state.forward, True
        try:
            wanted = [edge_of(item.place) for item in tracked]
            self.products = run([edge for edge, _ in roots], [v for _, v in roots], wanted, True, True)
        finally:
            state.forward = before

    def along(self, tangents: Sequence[Tensor], create: bool) -> list[Tensor | None]:
        """The derivatives of the outputs; None of one that depends on no input."""
        roots, seeds = [], []
        for product, item, tangent in zip(self.products, self.tracked, tangents, strict=True):
            edge = None if product is None else edge_of(product)
            if edge is not None:
                roots.append(edge)
                seeds.append(_aligned(tangent, item.levels))
        found = run(roots, seeds, [edge_of(v) for v in self.vectors], True, create)
        return [
            None if value is None else _own_samples(value, result.levels)
            for value, result in zip(found, self.results, strict=True)
        ]


def _aligned(tangent: Tensor, levels: tuple[Level, ...]) -> Tensor:
    for level in reversed(levels):
        assert level.size is not None
        tangent = materialized(tangent, level.number, level.size)
    return tangent


def _own_samples(value: Tensor, levels: tuple[Level, ...]) -> Tensor:
    """A derivative of a batch as of samples; of one along a direction of each sample, that of the sample alone."""
    mine = {level.number for level in levels}
    crossed = [level for level in levels_of(value)[0] if level.number in mine]
    for level in crossed:
        place = [known.number for known in levels].index(level.number)
        assert level.size is not None
        both = materialized(value, level.number, level.size)
        value = moved(diagonal(both, 0, 0, place + 1), -1 % (both.dim() - 1), place)
    return parts(value, levels)


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
    with enable_grad(), within():
        pushing, spec, aux, tracked = _pushed(text, func, primals, leaves, primals_spec, has_aux)
        found = pushing.along(directions, recorded)
    if strict and any([value is None for value in found]):
        raise RuntimeError(
            "jvp(f, primals, tangents, strict=True): The output of f is independent of the inputs. This is not allowed "
            "with strict=True."
        )
    own = [item.place for item in tracked if item.fresh] + pushing.vectors
    leave = lambda value: cut(value, own, recorded) if isinstance(value, Tensor) else value
    outputs = tree_unflatten([leave(output) for output in pushing.outputs], spec)
    moved_on = [
        zeros_as(output) if value is None else leave(value)
        for value, output in zip(found, pushing.outputs, strict=True)
    ]
    result = tree_unflatten(moved_on, spec)
    return (outputs, result, tree_map(leave, aux)) if has_aux else (outputs, result)


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
    for leaf, direction in zip(leaves, directions, strict=True):
        if leaf.shape != direction.shape:
            raise RuntimeError(
                f"{text}: Expected tangents to have the shapes of the primals, got {list(direction.shape)} for "
                f"{list(leaf.shape)}"
            )
    return leaves, directions, spec


def _pushed(
    text: str, func: Callable, primals: tuple, leaves: list[Tensor], spec: Any, has_aux: bool
) -> tuple[Pushing, Any, Any, list[Tracked]]:
    """Run a function on tracked inputs, each with the levels that it has."""
    tracked = [Tracked(leaf, levels_of(leaf)[0]) for leaf in leaves]
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
    return Pushing(outputs, tracked), out_spec, aux, tracked


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
    with enable_grad(), within():
        pushing, out_spec, _, tracked = _pushed("linearize(f, *primals)", func, primals, leaves, spec, False)
    own = [item.place for item in tracked if item.fresh] + pushing.vectors

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
        found = pushing.along(directions, keep)
        values = [
            zeros_as(output) if value is None else cut(value, own, keep)
            for value, output in zip(found, pushing.outputs, strict=True)
        ]
        return tree_unflatten(values, out_spec)

    return tree_unflatten([cut(output, own, recorded) for output in pushing.outputs], out_spec), push
