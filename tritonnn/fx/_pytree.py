"""Taking arguments apart as a known structure has it: what generated code calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tritonnn.utils._pytree import PyTree, TreeSpec

__all__ = ["register_pytree_flatten_spec", "tree_flatten_spec"]

#: class -> how its objects are taken apart as another of them was
SUPPORTED_NODES: dict[type, Callable[[Any, TreeSpec], list[Any]]] = {}


def register_pytree_flatten_spec(
    cls: type,
    flatten_fn_spec: Callable[[Any, TreeSpec], list[Any]],
    flatten_fn_exact_match_spec: Callable[[Any, TreeSpec], bool] | None = None,
) -> None:
    """Say how objects of a class are taken apart as another of them was.

    Args:
        cls: the class.
        flatten_fn_spec: (object, structure) -> its parts.
        flatten_fn_exact_match_spec: kept for programs that pass it; structures are always compared.
    """
    SUPPORTED_NODES[cls] = flatten_fn_spec


def tree_flatten_spec(pytree: PyTree, spec: TreeSpec) -> list[Any]:
    """The leaves of values that have the structure `spec`.

    Raises:
        ValueError: they have another.

    >>> from tritonnn.fx._pytree import tree_flatten_spec
    >>> from tritonnn.utils._pytree import tree_structure
    >>> tree_flatten_spec(({"a": 1}, 2), tree_structure(({"a": 0}, 0)))
    [1, 2]
    """
    if spec.is_leaf():
        return [pytree]
    if spec.type in SUPPORTED_NODES:
        parts = SUPPORTED_NODES[spec.type](pytree, spec)
        return [
            leaf
            for part, inner in zip(parts, spec.children(), strict=True)
            for leaf in tree_flatten_spec(part, inner)
        ]
    if spec.type is tuple and isinstance(pytree, list):
        pytree = tuple(pytree)
    return spec.flatten_up_to(pytree)


SUPPORTED_NODES[tuple] = lambda value, spec: list(value)[: len(spec.children())]
SUPPORTED_NODES[list] = SUPPORTED_NODES[tuple]
SUPPORTED_NODES[dict] = lambda value, spec: [value[key] for key in spec.context]
