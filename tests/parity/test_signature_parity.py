"""Public names take PyTorch's arguments: their names, order, kinds and defaults."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Hashable, Iterator
from typing import Any

import pytest
import torch as reference

import tritonnn as torch

# Walked one after another: everything public that both libraries have there. "Tensor" is the class.
NAMESPACES = [
    "nn", "nn.init", "nn.utils", "nn.utils.rnn", "optim", "optim.lr_scheduler", "utils.data",
    "nn.parameter", "nn.parallel", "nn.grad", "nn.attention", "nn.attention.bias", "nn.attention.flex_attention",
    "nn.attention.varlen", "nn.utils.parametrize", "nn.utils.parametrizations", "nn.utils.prune", "nn.utils.stateless",
    "nn.modules.module", "optim.optimizer", "optim.swa_utils", "amp", "cuda.amp", "cpu.amp",
    # Functions whose signatures are not those of their entries yet: "", "nn.functional", "Tensor",
]  # fmt: skip
# Of a class, beside its constructor and its public methods.
METHODS = ("__call__", "__getitem__", "__iter__", "__len__")
# What every tensor has is compared once, in "Tensor".
BASES = set(dir(reference.Tensor))

EXCEPTIONS = {
    "nn.KLDivLoss": "weight stood in older signatures: only None is taken, and anything else told about",
    "optim.lr_scheduler.ReduceLROnPlateau": "verbose, which PyTorch had until 2.6, still works",
    "nn.LazyBatchNorm1d.initialize_parameters": "further arguments of forward may come along, as for convolutions",
    "nn.LazyLinear.initialize_parameters": "as LazyBatchNorm1d",
    **dict.fromkeys(
        ("nn.parallel.DistributedDataParallel", "nn.parallel.DistributedDataParallel.forward"),
        "it refuses whatever it is given, as there is one process",
    ),
    "nn.attention.bias.CausalBias": "what it takes is checked in __new__",
    "utils.data.Sampler": "data_source, which PyTorch had until 2.6, where it takes any arguments now",
    "utils.data.TensorDataset": "data_tensor and target_tensor, as in the oldest scripts, still work",
    "utils.data.random_split": "None stands for the default generator, which PyTorch's default is as an object",
}


# For PyTorch's builtins: functions of the same arguments.
OVERRIDES = reference.overrides.get_testing_overrides()


def namespace(library: Any, name: str) -> Any:
    """A module of the library, imported, or a class."""
    if not name:
        return library
    if name == "Tensor":
        return library.Tensor
    return importlib.import_module(f"{library.__name__}.{name}")


def described(default: Any) -> str:
    """A default as text that is the same for both libraries' dtypes, functions and classes."""
    if isinstance(default, (tuple, list)):
        return f"{type(default).__name__}({', '.join(map(described, default))})"
    if callable(default):
        return default.__qualname__
    return str(default).replace("tritonnn", "torch")


def signature(function: Callable) -> list[str] | None:
    """Each argument as text; None for a builtin that says nothing about its own."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:
        overridden = OVERRIDES.get(function) if isinstance(function, Hashable) else None
        if overridden is None:
            return None
        parameters = inspect.signature(overridden).parameters.values()
    return [
        f"{p.kind.description} {p.name}" + ("" if p.default is p.empty else f" = {described(p.default)}")
        for p in parameters
    ]


def members(name: str) -> Iterator[tuple[str, Any, Any]]:
    """What both libraries have there: functions, and constructors and methods of classes, those of a base once."""
    seen: set[tuple[Any, Any]] = set()
    mine, theirs = namespace(torch, name), namespace(reference, name)
    for member in dir(theirs):
        a, b = getattr(mine, member, None), getattr(theirs, member)
        path = f"{name}.{member}".removeprefix(".")
        home = getattr(b, "__module__", None) or "torch"
        if member.startswith("_") or a is None or inspect.ismodule(b) or not home.startswith("torch"):
            continue
        if inspect.isclass(a) and inspect.isclass(b):
            yield path, a.__init__, b.__init__
            for method in dir(b):
                if (method.startswith("_") and method not in METHODS) or method in BASES:
                    continue
                both = getattr(a, method, None), getattr(b, method, None)
                if all(map(callable, both)) and both not in seen:
                    seen.add(both)
                    yield f"{path}.{method}", *both
        elif callable(a) and callable(b):
            yield path, a, b


PAIRS = {path: (a, b) for name in NAMESPACES for path, a, b in members(name) if signature(b) is not None}


def test_there_is_something_to_compare():
    assert len(PAIRS) > 400


@pytest.mark.parametrize("path", PAIRS)
def test_signature(path):
    mine, theirs = (signature(function) for function in PAIRS[path])
    if path in EXCEPTIONS:
        assert mine != theirs, f"{path} is no exception any more"
    else:
        assert mine == theirs


def test_every_exception_exists():
    assert set(EXCEPTIONS) <= set(PAIRS)


@pytest.mark.parametrize("name", ["Tensor", "", "nn.functional", "nn.init", "linalg", "special", "fft"])
def test_what_works_in_place_does_so_in_pytorch(name):
    mine, theirs = (
        {n for n in dir(namespace(library, name)) if n.endswith("_") and not n.startswith("_")}
        for library in (torch, reference)
    )
    assert mine - theirs == ({"masked_copy_"} if name == "Tensor" else set())  # a name of PyTorch 0.1
