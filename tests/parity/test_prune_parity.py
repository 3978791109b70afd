"""nn.utils.prune beside PyTorch's: masks, names, values, hooks, what is combined and what is refused."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from outcomes import check, filled, sample

import tritonnn as torch


def layer(t: Any, kind: str = "linear") -> Any:
    built = t.nn.Linear(5, 4) if kind == "linear" else t.nn.Conv2d(3, 4, 2)
    return filled(t, built)


def seen(t: Any, module: Any, name: str = "weight") -> Any:
    """The state, values, kinds of names, hooks and gradients of a layer."""
    x = t.ones(5) if isinstance(module, t.nn.Linear) else t.ones(1, 3, 3, 3)
    output = module(x)
    output.sum().backward()
    grads = {name: p.grad for name, p in module.named_parameters()}
    hooks = [type(hook).__name__ for hook in module._forward_pre_hooks.values()]
    buffers = [name for name, _ in module.named_buffers()]
    return dict(module.state_dict()), getattr(module, name), output, grads, hooks, buffers


def pruned(method: str, *args: Any, kind: str = "linear", before: Any = (), **kwargs: Any) -> Any:
    """A program that applies functions of the module one after another."""

    def program(t: Any) -> Any:
        prune = imported(t)
        module = layer(t, kind)
        for name, *more in before:
            getattr(prune, name)(module, *more)
        options = {key: value(t) if callable(value) else value for key, value in kwargs.items()}
        given = [arg(t) if callable(arg) else arg for arg in args]
        result = getattr(prune, method)(module, *given, **options)
        assert result is module
        return seen(t, result, args[0]), prune.is_pruned(result)

    return program


def imported(t: Any) -> Any:
    import importlib

    return importlib.import_module(f"{t.__name__}.nn.utils.prune")


AMOUNTS = [0, 1, 2, 4, 20, 21, -1, 0.0, 0.3, 0.125, 1.0, 1.5, -0.5, "a", None]
CASES: dict[str, Any] = {}
for amount in AMOUNTS:
    CASES[f"l1 {amount}"] = pruned("l1_unstructured", "weight", amount)
    CASES[f"ln {amount}"] = pruned("ln_structured", "weight", amount, 2, 0)
    CASES[f"ln conv {amount}"] = pruned("ln_structured", "weight", amount, 1, -1, kind="conv")
for n in (1, 2, 3, float("inf"), float("-inf"), 0.5):
    CASES[f"norm {n}"] = pruned("ln_structured", "weight", 2, n, 1)
    CASES[f"norm conv {n}"] = pruned("ln_structured", "weight", 1, n, 1, kind="conv")
l1, ln = ("l1_unstructured", "weight", 6), ("ln_structured", "weight", 1, 2, 0)
CASES.update(
    {
        "identity": pruned("identity", "bias"),
        "bias": pruned("l1_unstructured", "bias", 0.5),
        "l1 on l1": pruned("l1_unstructured", "weight", 5, before=[l1]),
        "l1 share on l1": pruned("l1_unstructured", "weight", 0.5, before=[l1]),
        "l1 on ln": pruned("l1_unstructured", "weight", 0.5, before=[ln]),
        "ln on l1": pruned("ln_structured", "weight", 2, 1, -1, before=[l1]),
        "ln on ln": pruned("ln_structured", "weight", 1, 2, 0, before=[ln]),
        "ln on ln across": pruned("ln_structured", "weight", 1, 2, 1, before=[ln]),
        "three": pruned("l1_unstructured", "weight", 3, before=[ln, l1]),
        "too much on ln": pruned("ln_structured", "weight", 5, 2, 0, before=[ln]),
        "too much on l1": pruned("l1_unstructured", "weight", 15, before=[l1]),
        "mask": pruned("custom_from_mask", "weight", lambda t: t.tensor([[0, 1, 1, 1, 0]] * 4)),
        "bool mask": pruned("custom_from_mask", "bias", lambda t: t.tensor([True, False, True, True])),
        "mask on l1": pruned("custom_from_mask", "weight", lambda t: sample(t, 4, 5) > 0, before=[l1]),
        "mask of another shape": pruned("custom_from_mask", "weight", lambda t: t.ones(2)),
        "importance": pruned(
            "l1_unstructured", "weight", 7, importance_scores=lambda t: sample(t, 4, 5, seed=9)
        ),
        "importance of slices": pruned(
            "ln_structured", "weight", 2, 2, 1, importance_scores=lambda t: sample(t, 4, 5, seed=9)
        ),
        "importance of another shape": pruned(
            "l1_unstructured", "weight", 7, importance_scores=lambda t: t.ones(2)
        ),
        "dim": pruned("ln_structured", "weight", 1, 2, 2),
        "dim of a vector": pruned("ln_structured", "bias", 1, 2, 0),
        "random dim": pruned("random_structured", "weight", 1, 2),
        "random of a vector": pruned("random_structured", "bias", 1, 0),
        "no name": pruned("l1_unstructured", "x", 1),
        "remove": pruned("remove", "weight", before=[l1, ln]),
        "remove nothing": pruned("remove", "weight"),
        "remove another": pruned("remove", "bias", before=[l1]),
        "pruned after removal": pruned("l1_unstructured", "weight", 8, before=[l1, ("remove", "weight")]),
    }
)


@pytest.mark.parametrize("name", CASES)
def test_pruned(name: str) -> None:
    check(CASES[name])


@pytest.mark.parametrize("amount", [0, 2, 4, 0.5, 1.0])
def test_random_masks_have_as_many_zeros(amount: float) -> None:
    def program(t: Any) -> Any:
        prune = imported(t)
        one = prune.random_unstructured(layer(t), "weight", amount)
        other = prune.random_structured(layer(t), "weight", amount, 1)
        slices = other.weight_mask.sum(0)
        return int(one.weight_mask.sum()), sorted(slices.tolist()), sorted(one.state_dict())

    check(program)


def test_random_masks_are_drawn_anew() -> None:
    prune = imported(torch)
    masks = {
        str(prune.random_unstructured(layer(torch), "weight", 0.5).weight_mask.tolist()) for _ in range(4)
    }
    slices = {
        str(prune.random_structured(layer(torch), "weight", 2, 1).weight_mask.tolist()) for _ in range(9)
    }
    assert len(masks) == 4 and len(slices) > 1


def globally(t: Any, method: str = "L1Unstructured", **kwargs: Any) -> Any:
    prune, a, b = imported(t), layer(t), layer(t, "conv")
    prune.l1_unstructured(a, "weight", 2)
    scores = kwargs.pop("scores", None)
    given = {(a, "weight"): sample(t, 4, 5)} if scores else scores
    places = ((a, "weight"), (b, "weight"), (b, "bias"))
    prune.global_unstructured(places, getattr(prune, method), importance_scores=given, **kwargs)
    return seen(t, a), seen(t, b)


def container(t: Any) -> Any:
    prune, module = imported(t), layer(t)
    prune.l1_unstructured(module, "weight", 3)
    prune.ln_structured(module, "weight", 1, 2, 0)
    (hook,) = module._forward_pre_hooks.values()
    kinds = [type(method).__name__ for method in hook]
    return len(hook), kinds, hook[0].amount, hook[1].PRUNING_TYPE, hasattr(hook, "PRUNING_TYPE")


def added(t: Any, what: Any, *names: str) -> Any:
    prune = imported(t)
    made = prune.PruningContainer()
    made._tensor_name = "weight"
    method = what(prune)
    if names:
        method._tensor_name = names[0]
    try:
        made.add_pruning_method(method)
    except (TypeError, ValueError) as error:
        return type(error).__name__, str(error)[:60]
    return len(made)


def own(t: Any, kind: str | None, before: bool = True, fails: bool = False, **attributes: Any) -> Any:
    """A method of the user's own, on a tensor that is pruned already or not."""
    prune = imported(t)

    class Own(prune.BasePruningMethod):
        def compute_mask(self, t: Any, default_mask: Any) -> Any:
            if fails:
                raise KeyError("refused")
            mask = default_mask.clone()
            mask[..., ::2] = 0
            return mask

    if kind is not None:
        Own.PRUNING_TYPE = kind
    for name, value in attributes.items():
        setattr(Own, name, value)
    module = layer(t)
    if before:
        prune.ln_structured(module, "weight", 1, 2, 0)
    try:
        Own.apply(module, "weight")
    except Exception as error:
        return type(error).__name__, str(error), list(module.state_dict()), len(module._forward_pre_hooks)
    return seen(t, module)


def alone(t: Any, amount: Any, *args: Any, **kwargs: Any) -> Any:
    values = t.tensor([3.0, -1.0, 2.0, 5.0])
    return imported(t).L1Unstructured(amount).prune(values, *map(t.tensor, args), **kwargs)


def half(t: Any) -> Any:
    module = imported(t).l1_unstructured(layer(t).half(), "weight", 2)
    return module.weight_mask, module.weight


def copied(t: Any) -> Any:
    module = imported(t).l1_unstructured(layer(t), "weight", 4)
    other = copy.deepcopy(imported(t).remove(module, "weight"))
    return seen(t, other)


def loaded(t: Any) -> Any:
    source, target = imported(t).l1_unstructured(layer(t), "weight", 4), t.nn.Linear(5, 4)
    imported(t).identity(target, "weight")
    target.load_state_dict(source.state_dict())
    return seen(t, target)


PROGRAMS: dict[str, Any] = {
    "global": lambda t: globally(t, amount=20),
    "global share": lambda t: globally(t, amount=0.3),
    "global importance": lambda t: globally(t, amount=9, scores=True),
    "global too much": lambda t: globally(t, amount=900),
    "global structured": lambda t: globally(t, "LnStructured", amount=2, n=1),
    "global mask": lambda t: globally(t, "CustomFromMask", mask=t.ones(72)),
    "global scores of a kind": lambda t: imported(t).global_unstructured([], None, importance_scores=1),
    "global of a number": lambda t: imported(t).global_unstructured(1, None),
    "global of nothing": lambda t: imported(t).global_unstructured([], imported(t).L1Unstructured, amount=1),
    "container": container,
    "empty container": lambda t: len(imported(t).PruningContainer()),
    "container of a number": lambda t: imported(t).PruningContainer(1),
    "added number": lambda t: added(t, lambda prune: 1),
    "added none": lambda t: added(t, lambda prune: None),
    "added other": lambda t: added(t, lambda prune: prune.Identity(), "bias"),
    "added same": lambda t: added(t, lambda prune: prune.Identity(), "weight"),
    "abstract": lambda t: imported(t).BasePruningMethod(),
    "own structured": lambda t: own(t, "structured", dim=-1),
    "own structured, dim out of range": lambda t: own(t, "structured", dim=-3),
    "own structured without dim": lambda t: own(t, "structured"),
    "own global": lambda t: own(t, "global"),
    "own unstructured": lambda t: own(t, "unstructured"),
    "own of another type": lambda t: own(t, "odd"),
    "own without type": lambda t: own(t, None),
    "own first": lambda t: own(t, "odd", before=False),
    "own refuses": lambda t: own(t, "global", before=False, fails=True),
    "own refuses later": lambda t: own(t, "global", fails=True),
    "alone": lambda t: alone(t, 2),
    "alone, default mask": lambda t: alone(t, 2, [1.0, 1.0, 0.0, 0.0]),
    "alone, importance": lambda t: alone(t, 1, importance_scores=t.tensor([4.0, 3.0, 2.0, 1.0])),
    "alone, other importance": lambda t: alone(t, 1, importance_scores=t.tensor([4.0])),
    "not applied": lambda t: imported(t).Identity().apply_mask(layer(t)),
    "not applied, removed": lambda t: imported(t).Identity().remove(layer(t)),
    "half": half,
    "copied": copied,
    "loaded": loaded,
    "deep": lambda t: imported(t).is_pruned(t.nn.Sequential(imported(t).identity(layer(t), "bias"))),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name: str) -> None:
    check(PROGRAMS[name], same_words=name not in ("global of nothing", "abstract", "container of a number"))
