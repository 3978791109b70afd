"""TreeSpec: the structure of a tree without its leaves."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterable, Mapping
from typing import Any

from tritonnn.utils._pytree._nodes import SUPPORTED_NODES, node_type

_DICTS = frozenset((dict, OrderedDict, defaultdict))


class TreeSpec:
    """The structure of a tree: a class, what it needs beside its children, and their structures.

    Attributes:
        type: what the root is registered as; None for a leaf.
        num_nodes, num_leaves, num_children: how many there are.

    >>> from tritonnn.utils import _pytree as pytree
    >>> leaves, spec = pytree.tree_flatten({"a": 1, "b": [2, 3]})
    >>> leaves, spec.num_leaves
    ([1, 2, 3], 3)
    >>> spec.unflatten("xyz")
    {'a': 'x', 'b': ['y', 'z']}
    """

    __slots__ = ("_children", "_context", "num_children", "num_leaves", "num_nodes", "type")

    def __init__(self, type: Any, context: Any, children_specs: Iterable[TreeSpec] = ()) -> None:
        self.type = type
        self._context = context
        self._children = list(children_specs)
        self.num_children = len(self._children)
        self.num_nodes = 1 + sum([child.num_nodes for child in self._children])
        self.num_leaves = 1 if type is None else sum([child.num_leaves for child in self._children])

    @property
    def context(self) -> Any:
        """What the root needs beside its children: the keys of a dict."""
        return self._context

    @property
    def children_specs(self) -> list[TreeSpec]:
        """The structures of the children."""
        return self._children

    def is_leaf(self) -> bool:
        """Whether it is the structure of a single leaf."""
        return self.type is None

    def children(self) -> list[TreeSpec]:
        """The structures of the children, in a list of their own."""
        return list(self._children)

    def child(self, index: int) -> TreeSpec:
        """The structure of one child."""
        return self._children[index]

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, TreeSpec):
            return NotImplemented
        return (
            self.type is other.type
            and self._context == other._context
            and self.num_nodes == other.num_nodes
            and self._children == other._children
        )

    def __hash__(self) -> int:
        keys: Any = self._context
        if self.type in _DICTS:
            keys = tuple(keys[1]) if self.type is defaultdict else tuple(keys)
        try:
            return hash((self.type, keys, tuple(self._children)))
        except TypeError:  # equal specs have equal classes and children, whatever their context is
            return hash((self.type, tuple(self._children)))

    def __repr__(self, indent: int = 0) -> str:
        if self.type is None:
            return "*"
        indent += 2
        children = f",\n{' ' * indent}".join([child.__repr__(indent) for child in self._children])
        return f"TreeSpec({self.type.__name__}, {self._context}, [{children}])"

    def unflatten(self, leaves: Iterable[Any]) -> Any:
        """The tree of this structure with these leaves."""
        leaves = leaves if isinstance(leaves, (list, tuple)) else list(leaves)
        if len(leaves) != self.num_leaves:
            raise ValueError(
                f"treespec.unflatten(leaves): `leaves` has length {len(leaves)} but the spec refers to a pytree that "
                f"holds {self.num_leaves} items ({self})."
            )
        return _build(self, iter(leaves))

    def flatten_up_to(self, tree: Any) -> list[Any]:
        """What a tree has where this structure has leaves.

        Raises:
            ValueError: the tree does not begin as this structure does.
        """
        found: list[Any] = []
        _descend(self, tree, found)
        return found


class _LeafMeta(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, TreeSpec) and instance.is_leaf()


class LeafSpec(TreeSpec, metaclass=_LeafMeta):
    """The structure of a single leaf."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(None, None)


PyTreeSpec = TreeSpec
LEAF = LeafSpec()


def treespec_leaf() -> TreeSpec:
    """The structure of a single leaf."""
    return LEAF


def treespec_tuple(iterable: Iterable[TreeSpec] = (), /) -> TreeSpec:
    """The structure of a tuple of such children."""
    return TreeSpec(tuple, None, _specs(iterable))


def treespec_dict(
    mapping: Mapping[Any, TreeSpec] | Iterable[tuple[Any, TreeSpec]] = (), /, **kwargs: TreeSpec
) -> TreeSpec:
    """The structure of a dict of such children."""
    children = dict(mapping, **kwargs)
    return TreeSpec(dict, list(children), _specs(children.values()))


def _specs(values: Iterable[Any]) -> list[TreeSpec]:
    specs = list(values)
    for spec in specs:
        if not isinstance(spec, TreeSpec):
            raise ValueError(f"All children PyTreeSpecs must be TreeSpec instance, got: {specs!r}.")
    return specs


def check_spec(treespec: object) -> TreeSpec:
    """Refuse what is no structure."""
    if not isinstance(treespec, TreeSpec):
        raise TypeError(
            f"Expected `treespec` to be an instance of PyTreeSpec but got item of type {type(treespec)}."
        )
    return treespec


def _build(spec: TreeSpec, leaves: Any) -> Any:
    if spec.type is None:
        return next(leaves)
    children = [_build(child, leaves) for child in spec._children]
    return SUPPORTED_NODES[spec.type].unflatten_fn(children, spec._context)


def _keys(spec: TreeSpec) -> list[Any]:
    return spec._context[1] if spec.type is defaultdict else spec._context


def _descend(spec: TreeSpec, tree: Any, found: list[Any]) -> None:
    if spec.type is None:
        found.append(tree)
        return
    kind = node_type(tree)
    dicts = spec.type in _DICTS and kind in _DICTS
    if kind is not spec.type and not dicts:
        raise ValueError(f"Node type mismatch; expected {spec.type!r}, but got {type(tree)!r}.")
    children, context = SUPPORTED_NODES[kind].flatten_fn(tree)
    if len(children) != spec.num_children:
        raise ValueError(f"Node arity mismatch; expected {spec.num_children}, but got {len(children)}.")
    if dicts:
        wanted = _keys(spec)
        missing, extra = set(wanted) - set(tree), set(tree) - set(wanted)
        if missing or extra:
            parts = [f"missing key(s): {missing}"] * bool(missing) + [f"extra key(s): {extra}"] * bool(extra)
            raise ValueError(f"Node keys mismatch; {'; '.join(parts)}.")
        children = [tree[key] for key in wanted]
    elif spec.type is not deque and context != spec._context:  # how long a deque may become is no structure
        raise ValueError(f"Node context mismatch for custom node type {spec.type!r}.")
    for child, subtree in zip(spec._children, children, strict=True):
        _descend(child, subtree, found)
