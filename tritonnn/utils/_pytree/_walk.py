"""Taking trees apart, putting them together, and functions of their leaves."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tritonnn.utils._pytree._keys import KeyEntry, KeyPath
from tritonnn.utils._pytree._nodes import SUPPORTED_NODES, PyTree, node_type
from tritonnn.utils._pytree._spec import LEAF, TreeSpec, check_spec

IsLeaf = Callable[[PyTree], bool] | None
Types = Any  # a class, several in a tuple, a union of classes, or a function of an object


def tree_is_leaf(tree: PyTree, is_leaf: IsLeaf = None) -> bool:
    """Whether a tree is a leaf: its class is not registered, or `is_leaf` says so."""
    return (is_leaf is not None and is_leaf(tree)) or node_type(tree) not in SUPPORTED_NODES


def tree_iter(tree: PyTree, is_leaf: IsLeaf = None) -> Iterator[Any]:
    """The leaves of a tree, one after another."""
    if tree_is_leaf(tree, is_leaf):
        yield tree
        return
    for child in SUPPORTED_NODES[node_type(tree)].flatten_fn(tree)[0]:
        yield from tree_iter(child, is_leaf)


def tree_leaves(tree: PyTree, is_leaf: IsLeaf = None) -> list[Any]:
    """The leaves of a tree.

    >>> from tritonnn.utils import _pytree as pytree
    >>> pytree.tree_leaves({"a": 1, "b": (2, [3])})
    [1, 2, 3]
    """
    return list(tree_iter(tree, is_leaf))


def tree_flatten(tree: PyTree, is_leaf: IsLeaf = None) -> tuple[list[Any], TreeSpec]:
    """The leaves of a tree, and its structure.

    Args:
        tree: nested containers; what is of no registered class is a leaf, None among them.
        is_leaf: asked of every node whether it is to be taken as a leaf.

    >>> from tritonnn.utils import _pytree as pytree
    >>> leaves, spec = pytree.tree_flatten([1, {"a": 2}])
    >>> pytree.tree_unflatten([10, 20], spec)
    [10, {'a': 20}]
    """
    leaves: list[Any] = []
    return leaves, _flatten(tree, is_leaf, leaves)


def _flatten(tree: PyTree, is_leaf: IsLeaf, leaves: list[Any]) -> TreeSpec:
    kind = node_type(tree)
    if kind not in SUPPORTED_NODES or (is_leaf is not None and is_leaf(tree)):
        leaves.append(tree)
        return LEAF
    children, context = SUPPORTED_NODES[kind].flatten_fn(tree)
    return TreeSpec(kind, context, [_flatten(child, is_leaf, leaves) for child in children])


def tree_unflatten(leaves: Iterable[Any], treespec: TreeSpec) -> PyTree:
    """The tree of a structure with these leaves."""
    return check_spec(treespec).unflatten(leaves)


def tree_structure(tree: PyTree, is_leaf: IsLeaf = None) -> TreeSpec:
    """The structure of a tree."""
    return tree_flatten(tree, is_leaf)[1]


# ---- functions of leaves ------------------------------------------------------------------------------------


def tree_map(func: Callable[..., Any], tree: PyTree, *rests: PyTree, is_leaf: IsLeaf = None) -> PyTree:
    """The tree with `func(leaf, ...)` for each leaf; the further arguments are what the other trees have there.

    >>> from tritonnn.utils import _pytree as pytree
    >>> pytree.tree_map(lambda a, b: a + b, {"x": 1, "y": [2]}, {"x": 10, "y": [20]})
    {'x': 11, 'y': [22]}
    """
    leaves, spec = tree_flatten(tree, is_leaf)
    others = [spec.flatten_up_to(rest) for rest in rests]
    return spec.unflatten(list(map(func, leaves, *others)))


def tree_map_(func: Callable[..., Any], tree: PyTree, *rests: PyTree, is_leaf: IsLeaf = None) -> PyTree:
    """Call `func` as `tree_map` does, for what it does to the leaves; returns the tree as it was given."""
    leaves, spec = tree_flatten(tree, is_leaf)
    for values in zip(leaves, *[spec.flatten_up_to(rest) for rest in rests]):
        func(*values)
    return tree


def map_only(type_or_types_or_pred: Types, /) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """A decorator: the function is called with objects of these classes, and hands others on as they are."""
    chosen = type_or_types_or_pred
    if isinstance(chosen, (type, tuple, types.UnionType)):
        fits: Callable[[Any], bool] = lambda value: isinstance(value, chosen)
    elif callable(chosen):
        fits = chosen
    else:
        raise TypeError("Argument must be a type, a tuple of types, or a callable.")

    def decorate(func: Callable[[Any], Any]) -> Callable[[Any], Any]:
        @functools.wraps(func)
        def of_some(value: object) -> Any:
            return func(value) if fits(value) else value

        return of_some

    return decorate


def tree_map_only(
    type_or_types_or_pred: Types, /, func: Callable[[Any], Any], tree: PyTree, is_leaf: IsLeaf = None
) -> PyTree:
    """`tree_map` of the leaves of some classes; others stay.

    >>> from tritonnn.utils import _pytree as pytree
    >>> pytree.tree_map_only(int, lambda v: -v, [1, "a", (2.5, 3)])
    [-1, 'a', (2.5, -3)]
    """
    return tree_map(map_only(type_or_types_or_pred)(func), tree, is_leaf=is_leaf)


def tree_map_only_(
    type_or_types_or_pred: Types, /, func: Callable[[Any], Any], tree: PyTree, is_leaf: IsLeaf = None
) -> PyTree:
    """`tree_map_` of the leaves of some classes."""
    return tree_map_(map_only(type_or_types_or_pred)(func), tree, is_leaf=is_leaf)


def tree_all(pred: Callable[[Any], bool], tree: PyTree, is_leaf: IsLeaf = None) -> bool:
    """Whether all leaves are as `pred` says."""
    return all(map(pred, tree_iter(tree, is_leaf)))


def tree_any(pred: Callable[[Any], bool], tree: PyTree, is_leaf: IsLeaf = None) -> bool:
    """Whether a leaf is as `pred` says."""
    return any(map(pred, tree_iter(tree, is_leaf)))


def tree_all_only(
    type_or_types: Types, /, pred: Callable[[Any], bool], tree: PyTree, is_leaf: IsLeaf = None
) -> bool:
    """Whether all leaves of some classes are as `pred` says."""
    return all([pred(leaf) for leaf in tree_iter(tree, is_leaf) if isinstance(leaf, type_or_types)])


def tree_any_only(
    type_or_types: Types, /, pred: Callable[[Any], bool], tree: PyTree, is_leaf: IsLeaf = None
) -> bool:
    """Whether a leaf of some classes is as `pred` says."""
    return any([pred(leaf) for leaf in tree_iter(tree, is_leaf) if isinstance(leaf, type_or_types)])


def arg_tree_leaves(*args: PyTree, **kwargs: PyTree) -> list[Any]:
    """The leaves of all arguments."""
    return [leaf for value in (*args, *kwargs.values()) for leaf in tree_iter(value)]


# ---- with paths ---------------------------------------------------------------------------------------------


def _with_paths(tree: PyTree, is_leaf: IsLeaf, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    if tree_is_leaf(tree, is_leaf):
        yield path, tree
        return
    node = SUPPORTED_NODES[node_type(tree)]
    if node.flatten_with_keys_fn is None:
        raise ValueError(
            f"Did not find a flatten_with_keys_fn for type: {node.type}. Please pass a flatten_with_keys_fn argument "
            "to register_pytree_node."
        )
    key: KeyEntry
    for key, child in node.flatten_with_keys_fn(tree)[0]:
        yield from _with_paths(child, is_leaf, (*path, key))


def tree_leaves_with_path(tree: PyTree, is_leaf: IsLeaf = None) -> list[tuple[KeyPath, Any]]:
    """The leaves of a tree, each with the path to it."""
    return list(_with_paths(tree, is_leaf, ()))


def tree_flatten_with_path(
    tree: PyTree, is_leaf: IsLeaf = None
) -> tuple[list[tuple[KeyPath, Any]], TreeSpec]:
    """The leaves of a tree with the paths to them, and its structure.

    >>> from tritonnn.utils import _pytree as pytree
    >>> pytree.tree_flatten_with_path({"a": [1]})[0]
    [((MappingKey(key='a'), SequenceKey(idx=0)), 1)]
    """
    spec = tree_structure(tree, is_leaf)
    return tree_leaves_with_path(tree, is_leaf), spec


def tree_map_with_path(
    func: Callable[..., Any], tree: PyTree, *rests: PyTree, is_leaf: IsLeaf = None
) -> PyTree:
    """`tree_map` whose function is given the path first.

    >>> from tritonnn.utils import _pytree as pytree
    >>> pytree.tree_map_with_path(lambda path, leaf: pytree.keystr(path), [1, (2,)])
    ['[0]', ('[1][0]',)]
    """
    pairs, spec = tree_flatten_with_path(tree, is_leaf)
    others = [spec.flatten_up_to(rest) for rest in rests]
    paths, leaves = [path for path, _ in pairs], [leaf for _, leaf in pairs]
    return spec.unflatten(list(map(func, paths, leaves, *others)))


def _broadcast_to_and_flatten(tree: PyTree, treespec: TreeSpec, is_leaf: IsLeaf = None) -> list[Any] | None:
    """The leaves of a tree, each as often as the structure has leaves there; None where it has another structure."""
    if tree_is_leaf(tree, is_leaf):
        return [tree] * treespec.num_leaves
    children = None if treespec.is_leaf() else _children_as(tree, treespec)
    if children is None:
        return None
    found: list[Any] = []
    for child, spec in zip(children, treespec.children_specs, strict=True):
        leaves = _broadcast_to_and_flatten(child, spec, is_leaf)
        if leaves is None:
            return None
        found += leaves
    return found


def _children_as(tree: PyTree, treespec: TreeSpec) -> list[Any] | None:
    """The children of a tree in the order of a structure's; None where it has another root."""
    try:
        return TreeSpec(treespec.type, treespec.context, [LEAF] * treespec.num_children).flatten_up_to(tree)
    except ValueError:
        return None
