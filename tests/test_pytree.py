"""utils._pytree: what a tree is comes back from its leaves and its structure."""

from __future__ import annotations

import random
import warnings
from collections import OrderedDict, defaultdict, deque, namedtuple
from typing import Any

import pytest

import tritonnn as torch
from tritonnn.utils import _pytree as pytree

Pair = namedtuple("Pair", "a b")


def a_tree(draw: random.Random, depth: int) -> tuple[Any, list[Any]]:
    """A random tree, and its leaves as the one who made it knows them."""
    if not depth or draw.random() < 0.2:
        leaf = draw.choice([None, 1, "x", 2.5, torch.ones(1)])
        return leaf, [leaf]
    count = draw.randrange(4)
    parts = [a_tree(draw, depth - 1) for _ in range(count)]
    children, leaves = [part for part, _ in parts], [leaf for _, below in parts for leaf in below]
    kind = draw.choice([list, tuple, dict, OrderedDict, defaultdict, deque, Pair])
    if kind is Pair:
        left, right = a_tree(draw, depth - 1), a_tree(draw, depth - 1)
        return Pair(left[0], right[0]), left[1] + right[1]
    if kind in (dict, OrderedDict):
        return kind(zip("dcba", children, strict=False)), leaves
    if kind is defaultdict:
        return defaultdict(list, zip("dcba", children, strict=False)), leaves
    return kind(children), leaves


@pytest.mark.parametrize("seed", range(40))
def test_a_tree_comes_back(seed: int) -> None:
    tree, wanted = a_tree(random.Random(seed), 4)
    leaves, spec = pytree.tree_flatten(tree)
    assert len(leaves) == len(wanted) == spec.num_leaves
    assert all(a is b for a, b in zip(leaves, wanted, strict=True))
    back = pytree.tree_unflatten(leaves, spec)
    assert type(back) is type(tree) and str(back) == str(tree)
    assert pytree.tree_structure(back) == spec and hash(pytree.tree_structure(back)) == hash(spec)
    for path, leaf in pytree.tree_leaves_with_path(tree):
        assert pytree.key_get(tree, path) is leaf


def test_tensors_are_leaves_and_results_of_ops_are_nodes() -> None:
    values = torch.tensor([1.0, 3.0]).max(dim=0)
    doubled = pytree.tree_map(lambda x: x * 2, {"m": values})
    assert type(doubled["m"]) is type(values) and doubled["m"].values.item() == 6


def test_threads_can_register() -> None:
    from concurrent.futures import ThreadPoolExecutor

    kinds = [type(f"Kind{i}", (), {}) for i in range(20)]
    with ThreadPoolExecutor(4) as pool:
        list(
            pool.map(lambda k: pytree.register_pytree_node(k, lambda v: ([], None), lambda v, c: k()), kinds)
        )
    assert all(pytree.tree_leaves(kind()) == [] for kind in kinds)
    for kind in kinds:
        pytree._deregister_pytree_node(kind)
        assert len(pytree.tree_leaves(kind())) == 1


def test_older_arguments_warn() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pytree._register_pytree_node(Pair, lambda v: ([], 0), lambda v, c: Pair(0, 0), to_str_fn=str)
    assert [w.category for w in caught] == [FutureWarning] * 2 and "to_dumpable_context" in str(
        caught[1].message
    )
    pytree._deregister_pytree_node(Pair)


def test_leaves_that_are_handed_out_come_in_the_order_of_the_structure() -> None:
    spec = pytree.tree_structure({"b": [1, 2], "a": 3})
    assert pytree._broadcast_to_and_flatten({"a": "x", "b": "y"}, spec) == ["y", "y", "x"]
