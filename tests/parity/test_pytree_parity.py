"""torch.utils._pytree beside PyTorch's: leaves, structures, paths, texts, and what is refused."""

from __future__ import annotations

import importlib
from collections import OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass
from typing import Any

import pytest
import torch as reference
from outcomes import check

import tritonnn as torch

Pair = namedtuple("Pair", "a b")


def imported(t: Any) -> Any:
    return importlib.import_module(f"{t.__name__}.utils._pytree")


TREES: dict[str, Any] = {
    "leaf": 3,
    "None": None,
    "text": "abc",
    "empty": ({}, [], ()),
    "nested": {"b": 1, "a": [2, (3, None)], "c": Pair(4, deque([5], maxlen=3))},
    "dicts": [OrderedDict(x=6, y=[7]), defaultdict(list, z=8), {1: 2, "a": 3}],
    "slice": [slice(1, 2), {1, 2}, range(3)],
    "subclass": [type("Mine", (list,), {})([1]), deque()],
}


@pytest.mark.parametrize("name", TREES)
def test_trees(name: str) -> None:
    def program(t: Any) -> Any:
        p, tree = imported(t), TREES[name]
        leaves, spec = p.tree_flatten(tree)
        paths, _ = p.tree_flatten_with_path(tree)
        numbers = [spec.num_leaves, spec.num_nodes, spec.num_children, spec.is_leaf()]
        again = p.tree_unflatten(list(range(len(leaves))), spec)
        shown = [repr(spec), repr(paths), [p.keystr(path) for path, _ in paths], p.treespec_pprint(spec)]
        same = [spec == p.tree_structure(tree), hash(spec) == hash(p.tree_structure(tree)), spec != 3]
        found = [p.key_get(tree, path) is leaf for path, leaf in paths]
        return repr(leaves), numbers, repr(again), shown, same, found, repr(spec.children())

    check(program)


SAME = [
    (1, 2), ([1], [2]), ([1], (1,)), ({"a": 1}, {"b": 1}), ({"a": 1, "b": 2}, {"b": 1, "a": 2}), (Pair(1, 2), (1, 2)),
    (deque([1]), deque([1], maxlen=2)), (OrderedDict(a=1), {"a": 1}), ([1, [2]], [1, 2]), (None, [None]),
    ([1], [1, 2]), (defaultdict(list, a=1), defaultdict(int, a=2)), (1, [1, 2]), ([1, 2], [[1, 2], 3]),
    ({"a": [1]}, {"a": {"b": 1}}), (deque([1, 2]), deque([1])), ([1], 3), (3, [1]), (None, 3),
    (OrderedDict(a=1, b=2), {"b": 1, "a": 5}), ({"a": 1}, [1]), ({"a": 1}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("a", "b"), SAME)
def test_two_trees(a: Any, b: Any) -> None:
    def compare(t: Any) -> Any:
        p = imported(t)
        spec = p.tree_structure(b)
        equal = p.tree_structure(a) == spec
        # Of dicts whose keys come in another order PyTorch gives the leaves in the tree's order, we in the structure's.
        reordered = isinstance(a, dict) and list(a) != list(b) and set(a) == set(b)
        return equal, None if reordered else p._broadcast_to_and_flatten(a, spec)

    check(compare)
    check(lambda t: repr(imported(t).tree_map(lambda x, y: (x, y), a, b)))
    check(lambda t: repr(imported(t).tree_map_with_path(lambda k, x, y: (str(k[-1:]), x, y), a, b)))


CONTAINERS = {
    "tuple": (1, [2]), "list": [1, 2], "dict": {"b": 1, "a": 2}, "namedtuple": Pair(1, 2),
    "ordereddict": OrderedDict(x=1, w=2), "defaultdict": defaultdict(list, z=1), "deque": deque([1, 2], maxlen=3),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTAINERS)
def test_how_a_container_goes(name: str) -> None:
    """Programs register classes of their own with these."""

    def program(t: Any) -> Any:
        flatten, unflatten, keys = (
            getattr(imported(t), f"_{name}_{what}") for what in ("flatten", "unflatten", "flatten_with_keys")
        )
        children, context = flatten(CONTAINERS[name])
        return (
            repr(children),
            repr(context),
            repr(unflatten([7, 8][: len(children)], context)),
            repr(keys(CONTAINERS[name])),
        )

    check(program)


@dataclass
class Data:
    x: Any
    y: Any = 3


@dataclass(frozen=True)
class Constant:
    size: int


class Point:
    def __init__(self, x: Any, tag: Any) -> None:
        self.x, self.tag = x, tag


@pytest.fixture
def registered() -> Any:
    for t in (torch, reference):
        p = imported(t)
        p.register_dataclass(Data, serialized_type_name="tests.Data")
        p.register_constant(Constant)
        p.register_pytree_node(
            Point, lambda v: ([v.x], v.tag), lambda x, tag: Point(*x, tag), serialized_type_name="tests.Point"
        )
    yield
    for t in (torch, reference):
        for kind in (Data, Constant, Point):
            imported(t)._deregister_pytree_node(kind)


PROGRAMS: dict[str, Any] = {
    "only": lambda p: p.tree_map_only(int, lambda v: v + 1, [1, "a", 2.0, True]),
    "only some": lambda p: p.tree_map_only((int, str), lambda v: v * 2, [1, "a", 2.0]),
    "only union": lambda p: p.tree_map_only(int | str, lambda v: v * 2, [1, "a", 2.0]),
    "only by function": lambda p: p.tree_map_only(lambda v: v != 1, lambda v: v * 2, [1, "a", 2.0]),
    "only nothing": lambda p: p.tree_map_only(3, lambda v: v, [1]),
    "all and any": lambda p: [
        p.tree_all(bool, [1, (0,)]), p.tree_any(bool, [1, (0,)]), p.tree_all_only(int, bool, [1, "", (2,)]),
        p.tree_any_only(int, bool, ["a", 0]), p.tree_all(bool, []), p.tree_any(bool, []),
    ],
    "is_leaf": lambda p: [
        p.tree_leaves([[1], 2], is_leaf=lambda v: isinstance(v, list) and len(v) == 1), p.tree_is_leaf([1]),
        p.tree_is_leaf(1), p.tree_is_leaf([1], is_leaf=lambda v: True), list(p.tree_iter({"a": (1, 2)})),
        repr(p.tree_flatten({"x": None}, is_leaf=lambda v: v is None)),
    ],
    "in place": lambda p: p.tree_map_(lambda v: v.append(1), {"a": deque()}, is_leaf=lambda v: isinstance(v, deque)),
    "only in place": lambda p: p.tree_map_only_(int, lambda v: v, [1, "a"]),
    "arguments": lambda p: p.arg_tree_leaves(1, [2], a=(3,)),
    "too few": lambda p: p.tree_unflatten([1], p.tree_structure([1, 2])),
    "too many": lambda p: p.tree_structure([1]).unflatten([1, 2]),
    "no leaves": lambda p: p.tree_unflatten(3, p.tree_structure([1, 2])),
    "no spec": lambda p: p.tree_unflatten([1], 4),
    "an iterator": lambda p: p.tree_unflatten(iter([1, 2]), p.tree_structure([1, 2])),
    "known class": lambda p: p.register_pytree_node(list, None, None),
    "half a way": lambda p: p._register_pytree_node(
        Pair, lambda v: ([], None), lambda v, c: v, serialized_type_name="x", to_dumpable_context=lambda c: c
    ),
    "specs by hand": lambda p: repr([
        p.treespec_leaf(), p.treespec_tuple([p.treespec_leaf()]), p.treespec_dict(a=p.treespec_leaf()),
        p.tree_structure([1, (2,)]).child(1), p.tree_structure([3]).context, p.tree_structure({"a": 1}).type.__name__,
    ]),
    "dumps": lambda p: [
        p.treespec_dumps(p.tree_structure(tree)) for tree in (1, [1, ()], TREES["dicts"], deque(maxlen=2))
    ],
    "dumps of unnamed": lambda p: p.treespec_dumps(p.tree_structure(Pair(1, 2))),
    "dumps of no spec": lambda p: p.treespec_dumps(3),
    "dumps of a later protocol": lambda p: p.treespec_dumps(p.tree_structure(1), 4),
    "loads": lambda p: repr([
        p.treespec_loads(p.treespec_dumps(p.tree_structure(tree))) for tree in (1, [1, ()], TREES["dicts"])
    ]),
    "loads of a later protocol": lambda p: p.treespec_loads("[7, {}]"),
    "loads of the unknown": lambda p: p.treespec_loads('[1, {"type": "x.Y", "context": "null", "children_spec": []}]'),
    "keys": lambda p: [str(k) for k in (p.SequenceKey(1), p.MappingKey("a"), p.MappingKey(2), p.GetAttrKey("x"))],
    "named tuples": lambda p: [
        [f(v) for v in (Pair, Pair(1, 2), (1,), tuple, 3)]
        for f in (p.is_namedtuple, p.is_namedtuple_class, p.is_namedtuple_instance)
    ],
    "structseq": lambda p: [p.is_structseq(type(__import__("time").gmtime())), p.is_structseq(Pair)],
    "data": lambda p: repr([p.tree_flatten_with_path(Data(1, [2])), p.tree_map(lambda v: v + 1, Data(1, None))]),
    "data as text": lambda p: p.treespec_dumps(p.tree_structure(Data(1, 2))),
    "no data": lambda p: p.register_dataclass(int),
    "constant": lambda p: repr([p.tree_flatten([Constant(1), 2]), p.is_constant_class(Constant)]),
    "equal constants": lambda p: [p.tree_structure(Constant(1)) == p.tree_structure(Constant(n)) for n in (1, 2)],
    "no constant": lambda p: p.register_constant(Point),
    "own": lambda p: [p.tree_leaves([Point(1, 2)]), p.treespec_dumps(p.tree_structure(Point(1, 2)))],
    "own with other context": lambda p: p.tree_map(lambda a, b: a, Point(1, 2), Point(1, 3)),
    "own without keys": lambda p: p.tree_flatten_with_path(Point(1, 2)),
    "own as text": lambda p: repr(p.treespec_loads(p.treespec_dumps(p.tree_structure([Point(1, 2)])))),
    "own that is no text": lambda p: p.treespec_dumps(p.tree_structure(Point(1, {1}))),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name: str, registered: Any) -> None:
    check(lambda t: PROGRAMS[name](imported(t)))


def test_names() -> None:
    theirs, own = imported(reference), imported(torch)
    assert not [name for name in theirs.__all__ if not hasattr(own, name)]
    assert set(own.__all__) == set(theirs.__all__)
