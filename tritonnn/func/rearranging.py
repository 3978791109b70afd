"""`rearrange`: dimensions in another order, split and merged, as a pattern of names says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.ops.joining.joining import stack
from tritonnn.ops.shape.shape import permute_dims, view_or_copy
from tritonnn.shape import numel

__all__ = ["rearrange"]

_REST = ["..."]  # the dimensions without a name, where they stand in no parentheses
_PARTS = re.compile(r"\.\.\.|[()]|[^\s()]+")


def rearrange(tensor: Tensor | Sequence[Tensor], pattern: str, **axes_lengths: int) -> Tensor:
    """The elements of a tensor in an order and a shape that a pattern of the dimensions' names says.

    Args:
        tensor: a tensor, or several of one shape, whose number is a dimension in front.
        pattern: 'b h w c -> b (c h) w': the names before and after. Names in parentheses are one dimension, split into
            those or merged from them; '...' is all that have no name, '1' a dimension of one element.
        axes_lengths: how long dimensions are that a parenthesis splits; one of each may be left out.

    Raises:
        ValueError: a pattern that is none, names that are not on both sides, or lengths that do not fit.

    >>> import tritonnn as torch
    >>> torch.func.rearrange(torch.arange(6), "(r c) -> c r", c=3)
    tensor([[0, 3],
            [1, 4],
            [2, 5]])
    """
    if not isinstance(tensor, Tensor):
        tensor = stack(tensor)
    left, right = _sides(pattern)
    named, others = _names(left), _names(right)
    for name in axes_lengths:
        if name not in named:
            raise ValueError(
                f"rearrange: {name!r} has a length but is no name before the arrow of {pattern!r}"
            )
    if set(named) != set(others):
        raise ValueError(
            f"rearrange: Identifiers only on one side of expression {pattern!r} (should be on both): "
            f"{sorted(set(named) ^ set(others))}"
        )
    lengths = _lengths(tensor, left, pattern, axes_lengths)
    split = view_or_copy(tensor, tuple([extent for name in named for extent in lengths[name]]))
    places, start = {}, 0
    for name in named:
        places[name] = range(start, start + len(lengths[name]))
        start += len(lengths[name])
    ordered = permute_dims(split, tuple([place for name in others for place in places[name]]))
    shape: list[int] = []
    for group in right:
        if group is _REST:
            shape += lengths["..."]
        else:
            shape.append(numel([extent for name in group for extent in lengths[name]]))
    return view_or_copy(ordered, tuple(shape))


def _sides(pattern: str) -> tuple[list[list[str]], list[list[str]]]:
    """The dimensions before and after the arrow, each a list of the names in it."""
    if not isinstance(pattern, str):
        raise TypeError(f"rearrange: expected pattern to be a str, got {type(pattern).__name__}")
    before, arrow, after = pattern.partition("->")
    if not arrow or "->" in after:
        raise ValueError(f"rearrange: expected one '->' in the pattern, got {pattern!r}")
    sides = _groups(before, pattern), _groups(after, pattern)
    if "..." in _names(sides[0]) and not _has_rest(sides[0]):
        raise ValueError(
            f"rearrange: an ellipsis in parentheses before the arrow is not allowed: {pattern!r}"
        )
    return sides


def _groups(side: str, pattern: str) -> list[list[str]]:
    groups: list[list[str]] = []
    seen = set()
    inside = False
    for part in _PARTS.findall(side):
        if part in "()":
            if inside is (part == "("):
                raise ValueError(f"rearrange: parentheses do not match, or stand in others: {pattern!r}")
            inside = part == "("
            if inside:
                groups.append([])
            continue
        if part == "1":
            groups += [] if inside else [[]]
            continue
        if part != "..." and (not part.isidentifier() or part[0] == "_" or part[-1] == "_"):
            raise ValueError(f"rearrange: {part!r} is no name of a dimension, in {pattern!r}")
        if part in seen:
            raise ValueError(f"rearrange: {part!r} stands twice on one side of {pattern!r}")
        seen.add(part)
        if inside:
            groups[-1].append(part)
        else:
            groups.append(_REST if part == "..." else [part])
    if inside:
        raise ValueError(f"rearrange: parentheses do not match, or stand in others: {pattern!r}")
    return groups


def _names(groups: list[list[str]]) -> list[str]:
    return [name for group in groups for name in group]


def _has_rest(groups: list[list[str]]) -> bool:
    return any([group is _REST for group in groups])


def _lengths(tensor: Tensor, left: list[list[str]], pattern: str, given: dict[str, int]) -> dict[str, Any]:
    """The lengths of the dimensions of each name: one, or all those of '...'."""
    shape = list(tensor.shape)
    rest = _has_rest(left)
    free = len(shape) - len(left) + 1 if rest else 0
    if free < 0 or (not rest and len(left) != len(shape)):
        raise ValueError(
            f"rearrange: Number of dimensions in pattern ({len(left)}) and in tensor ({len(shape)}) must be equal "
            f"(unless ellipsis is used): {pattern!r}, shape {shape}"
        )
    found: dict[str, Any] = {}
    for group in left:
        if group is _REST:
            found["..."], shape = shape[:free], shape[free:]
            continue
        extent = shape.pop(0)
        open_names = [name for name in group if name not in given]
        known = numel([given[name] for name in group if name in given])
        if len(open_names) > 1:
            raise ValueError(
                f"rearrange: the lengths of {open_names} cannot be inferred: all but one must be given"
            )
        fits = known > 0 and extent % known == 0 if open_names else known == extent
        if not fits:
            raise ValueError(
                f"rearrange: a dimension of {extent} elements cannot be {' x '.join(group) or '1'} with {given}"
            )
        found |= {name: [given[name] if name in given else extent // known] for name in group}
    return found
