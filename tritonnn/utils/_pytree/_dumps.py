"""Structures of trees as text, and back."""

from __future__ import annotations

import json
from typing import Any

from tritonnn.utils._pytree._nodes import BY_NAME, DUMPING
from tritonnn.utils._pytree._spec import LEAF, TreeSpec, check_spec

PROTOCOL = 1


def treespec_dumps(treespec: TreeSpec, protocol: int | None = None) -> str:
    """A structure as JSON.

    Raises:
        NotImplementedError: it has nodes of a class that was registered without a name.

    >>> from tritonnn.utils import _pytree as pytree
    >>> text = pytree.treespec_dumps(pytree.tree_structure({"a": [1, 2]}))
    >>> pytree.treespec_loads(text).unflatten([3, 4])
    {'a': [3, 4]}
    """
    spec = check_spec(treespec)
    _check_protocol(PROTOCOL if protocol is None else protocol)
    return json.dumps((PROTOCOL, _dump(spec)))


def treespec_loads(serialized: str) -> TreeSpec:
    """The structure that `treespec_dumps` wrote."""
    protocol, schema = json.loads(serialized)
    _check_protocol(protocol)
    return _load(schema)


def _check_protocol(protocol: object) -> None:
    if protocol != PROTOCOL:
        raise ValueError(f"Unknown protocol {protocol}. Available protocols: [{PROTOCOL}]")


def _dump(spec: TreeSpec) -> dict[str, Any]:
    if spec.is_leaf():
        return {"type": None, "context": None, "children_spec": []}
    known = DUMPING.get(spec.type)
    if known is None or known.name is None:
        raise NotImplementedError(
            f"No registered serialization name for {spec.type} found. Please update your _register_pytree_node call "
            "with a `serialized_type_name` kwarg."
        )
    if known.to_dumpable is None:
        try:
            context: Any = json.dumps(spec.context)
        except TypeError as error:
            raise TypeError(
                "Unable to serialize context. Please make the context json dump-able, or register a custom serializer "
                "using _register_pytree_node."
            ) from error
    else:
        context = known.to_dumpable(spec.context)
    return {"type": known.name, "context": context, "children_spec": [_dump(c) for c in spec.children_specs]}


def _load(schema: Any) -> TreeSpec:
    name = schema["type"]
    if name is None:
        return LEAF
    if name not in BY_NAME:
        raise NotImplementedError(f"Deserializing {name} in pytree is not registered.")
    kind = BY_NAME[name]
    load = DUMPING[kind].from_dumpable
    context = json.loads(schema["context"]) if load is None else load(schema["context"])
    return TreeSpec(kind, context, [_load(child) for child in schema["children_spec"]])


def treespec_pprint(treespec: TreeSpec) -> str:
    """A structure as the tree that it is of, with stars for leaves.

    >>> from tritonnn.utils import _pytree as pytree
    >>> pytree.treespec_pprint(pytree.tree_structure({"a": (1, [2])}))
    "{'a': (*, [*])}"
    """
    return repr(check_spec(treespec).unflatten([_Star()] * treespec.num_leaves))


class _Star:
    def __repr__(self) -> str:
        return "*"
