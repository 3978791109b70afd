"""Which nodes a backend can run."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from typing import Any

from tritonnn.fx._naming import qualified_name
from tritonnn.fx.node import Node
from tritonnn.nn.module import Module

__all__ = ["OpSupports", "OperatorSupport", "OperatorSupportBase", "any_chain", "chain", "create_op_support"]

SupportDict = Mapping[str, Any]


class OperatorSupportBase(abc.ABC):
    """Says whether a node is supported."""

    @abc.abstractmethod
    def is_node_supported(self, submodules: Mapping[str, Module], node: Node) -> bool:
        """Whether it is; `submodules` has the modules by path."""


class OperatorSupport(OperatorSupportBase):
    """Says it by a table: name of what is called -> None, or (dtypes by position, dtypes by keyword).

    Args:
        support_dict: the table; a subclass may have it as `_support_dict`.
    """

    _support_dict: SupportDict

    def __init__(self, support_dict: SupportDict | None = None) -> None:
        self._support_dict = support_dict or {}

    def is_node_supported(self, submodules: Mapping[str, Module], node: Node) -> bool:
        if node.op not in ("call_module", "call_function", "call_method"):
            return True
        target = _called(submodules, node)
        if target not in self._support_dict:
            return False
        wanted = self._support_dict[target]
        if wanted is None:
            return True
        positional, named = wanted
        for place, dtypes in enumerate(positional):
            if place < len(node.all_input_nodes) and _dtype(node.all_input_nodes[place]) not in dtypes:
                return False
        return all(
            _dtype(node.kwargs[name]) in dtypes
            for name, dtypes in named.items()
            if isinstance(node.kwargs.get(name), Node)
        )


def _called(submodules: Mapping[str, Module], node: Node) -> str:
    if node.op == "call_module":
        kind = type(submodules[node.target])
        return qualified_name(kind)
    if node.op == "call_function":
        return qualified_name(node.target)
    return node.target


def _dtype(node: Node) -> Any:
    meta = node.meta.get("tensor_meta")
    return getattr(meta, "dtype", None)


def create_op_support(is_node_supported: Callable[[Mapping[str, Module], Node], bool]) -> OperatorSupportBase:
    """A function as an object that says whether a node is supported."""

    class Functional(OperatorSupportBase):
        def is_node_supported(self, submodules: Mapping[str, Module], node: Node) -> bool:
            return is_node_supported(submodules, node)

    return Functional()


def chain(*op_support: OperatorSupportBase) -> OperatorSupportBase:
    """Supported where all say so."""
    return create_op_support(lambda mods, node: all(s.is_node_supported(mods, node) for s in op_support))


def any_chain(*op_support: OperatorSupportBase) -> OperatorSupportBase:
    """Supported where one says so."""
    return create_op_support(lambda mods, node: any(s.is_node_supported(mods, node) for s in op_support))


class OpSupports:
    """Rules that many backends have."""

    @classmethod
    def decline_if_input_dtype(cls, dtype: Any) -> OperatorSupportBase:
        """Not supported where an input has this dtype."""
        return create_op_support(lambda mods, node: all(_dtype(n) != dtype for n in node.all_input_nodes))

    @classmethod
    def decline_if_node_in_names(cls, disallow_set: set[str]) -> OperatorSupportBase:
        """Not supported where the node has one of these names."""
        return create_op_support(lambda mods, node: node.name not in disallow_set)
