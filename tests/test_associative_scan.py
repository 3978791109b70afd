"""Running results of associative functions, against loops."""

from __future__ import annotations

import pytest
from support import assert_close

import tritonnn as torch
from tritonnn._higher_order_ops import associative_scan


def loop(combine, leaves, dim, reverse):
    places = list(range(leaves[0].shape[dim]))[:: -1 if reverse else 1]
    held = [tuple(leaf.select(dim, places[0]) for leaf in leaves)]
    for place in places[1:]:
        held.append(combine(held[-1], tuple(leaf.select(dim, place) for leaf in leaves)))
    return [torch.stack(list(part)[:: -1 if reverse else 1], dim) for part in zip(*held)]


def recurrence(left, right):
    return left[0] * right[0], right[0] * left[1] + right[1]


def product(left, right):
    return (left[0] @ right[0],)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("length", [1, 2, 5, 8])
@pytest.mark.parametrize(("combine", "count"), [(recurrence, 2), (product, 1)], ids=["recurrence", "product"])
def test_values_and_gradients(combine, count, length, reverse, device):
    leaves = [
        torch.randn(3, length, 3, dtype=torch.float64, device=device).requires_grad_() for _ in range(count)
    ]
    if combine is product:
        leaves = [leaf[:, :, None] * torch.eye(3, device=device) + 0.1 for leaf in leaves]
    found = associative_scan(combine, tuple(leaves), 1, reverse, combine_mode="generic")
    wanted = loop(combine, leaves, 1, reverse)
    for one, other in zip(found, wanted):
        assert_close(one, other)
    gradients = [
        torch.autograd.grad(sum((r**2).sum() for r in results), leaves) for results in (found, wanted)
    ]
    for one, other in zip(*gradients):
        assert_close(one, other)


def test_trees_and_dimensions():
    x = {"a": torch.arange(6.0).view(2, 3), "b": [torch.ones(2, 3)]}
    found = associative_scan(
        lambda p, q: {"a": p["a"] + q["a"], "b": [p["b"][0] * 2 * q["b"][0]]}, x, -1, combine_mode="generic"
    )
    assert torch.equal(found["a"], x["a"].cumsum(-1)) and found["b"][0].tolist() == [[1.0, 2.0, 4.0]] * 2


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"combine_fn": 3}, ValueError, "combine_fn"), ({"dim": 1.0}, ValueError, "dim must be an int"),
        ({"dim": 2}, IndexError, "dim 2"), ({"reverse": 1}, RuntimeError, "reverse"),
        ({"combine_mode": "fast"}, ValueError, "combine_mode"), ({"combine_mode": "pointwise"}, ValueError, "GPU"),
        ({"xs": []}, ValueError, "at least one"), ({"xs": [1.0]}, ValueError, "tensors alone"),
        ({"xs": torch.ones(2, 0)}, ValueError, "one length"),
        ({"xs": [torch.ones(2, 3), torch.ones(2, 4)]}, ValueError, "one length"),
        ({"combine_fn": lambda a, b: [a]}, RuntimeError, "structure of xs"),
    ],
)  # fmt: skip
def test_bad_calls(change, error, match):
    options = {"combine_fn": lambda a, b: a, "xs": torch.ones(2, 3), "dim": 1, "combine_mode": "generic"}
    with pytest.raises(error, match=match):
        associative_scan(**{**options, **change})
