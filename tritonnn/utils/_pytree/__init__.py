"""Nested containers as trees: `torch.utils._pytree`.

A tree is nested containers: lists, tuples, dicts, named tuples, deques and what programs register. Everything else is a
leaf. `tree_flatten` takes a tree apart into its leaves and a `TreeSpec`, its structure.
"""

from __future__ import annotations

from tritonnn.utils._pytree._dumps import treespec_dumps, treespec_loads, treespec_pprint
from tritonnn.utils._pytree._keys import (
    GetAttrKey,
    KeyEntry,
    KeyPath,
    MappingKey,
    SequenceKey,
    key_get,
    keystr,
)
from tritonnn.utils._pytree._nodes import (
    BY_NAME,
    SUPPORTED_NODES,
    ConstantNode,
    Context,
    DumpableContext,
    FlattenFn,
    FlattenWithKeysFn,
    FromDumpableContextFn,
    NodeDef,
    PyTree,
    ToDumpableContextFn,
    UnflattenFn,
    _deregister_pytree_node,
    _register_namedtuple,
    _register_pytree_node,
    is_constant_class,
    is_namedtuple,
    is_namedtuple_class,
    is_namedtuple_instance,
    is_structseq,
    is_structseq_class,
    is_structseq_instance,
    register_constant,
    register_dataclass,
    register_pytree_node,
)
from tritonnn.utils._pytree._nodes import node_type as _get_node_type
from tritonnn.utils._pytree._records import register_record
from tritonnn.utils._pytree._spec import (
    LeafSpec,
    PyTreeSpec,
    TreeSpec,
    treespec_dict,
    treespec_leaf,
    treespec_tuple,
)
from tritonnn.utils._pytree._walk import (
    _broadcast_to_and_flatten,
    arg_tree_leaves,
    map_only,
    tree_all,
    tree_all_only,
    tree_any,
    tree_any_only,
    tree_flatten,
    tree_flatten_with_path,
    tree_is_leaf,
    tree_iter,
    tree_leaves,
    tree_leaves_with_path,
    tree_map,
    tree_map_,
    tree_map_only,
    tree_map_only_,
    tree_map_with_path,
    tree_structure,
    tree_unflatten,
)
from tritonnn.utils._pytree._walk import tree_is_leaf as _is_leaf

SERIALIZED_TYPE_TO_PYTHON_TYPE = BY_NAME
pytree_to_str, str_to_pytree = treespec_dumps, treespec_loads
_private_register_pytree_node = register_pytree_node
_is_namedtuple_instance = is_namedtuple_instance

__all__ = [
    "Context", "DumpableContext", "FlattenFn", "FromDumpableContextFn", "LeafSpec", "PyTree", "PyTreeSpec",
    "ToDumpableContextFn", "TreeSpec", "UnflattenFn", "is_namedtuple", "is_namedtuple_class", "is_namedtuple_instance",
    "is_structseq", "is_structseq_class", "is_structseq_instance", "key_get", "keystr", "register_pytree_node",
    "tree_all", "tree_all_only", "tree_any", "tree_any_only", "tree_flatten", "tree_flatten_with_path", "tree_is_leaf",
    "tree_iter", "tree_leaves", "tree_leaves_with_path", "tree_map", "tree_map_", "tree_map_only", "tree_map_only_",
    "tree_map_with_path", "tree_structure", "tree_unflatten", "treespec_dumps", "treespec_loads", "treespec_pprint",
]  # fmt: skip
