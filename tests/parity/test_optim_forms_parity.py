"""Optimizers as functions over lists do what PyTorch's functions do, step after step."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import numpy as np
import pytest
import torch as reference

import tritonnn as torch

#: where lists do not start from zeros, or have no shape
STARTS = {"mu_products": 1.0, "mus": 1.0, "etas": 0.1, "step_sizes": 0.1}
SCALARS = ("state_steps", "mu_products", "mus", "etas")
BETAS = {"lr": 0.1, "beta1": 0.5, "beta2": 0.7, "eps": 0.1, "weight_decay": 0.2}
SGD = {"momentum": 0.9, "dampening": 0.0, "weight_decay": 0.1, "lr": 0.1, "nesterov": True, "maximize": False}
RMS = {"lr": 0.1, "alpha": 0.7, "eps": 0.1, "weight_decay": 0.2, "momentum": 0.5, "centered": True}
CASES: list[tuple[str, dict[str, Any]]] = [
    ("sgd", SGD), ("sgd", {**SGD, "momentum": 0.0, "nesterov": False, "maximize": True}),
    ("sgd", {**SGD, "nesterov": False, "dampening": 0.5, "foreach": True, "has_sparse_grad": False}),
    ("adam", {**BETAS, "amsgrad": False, "maximize": False}),
    ("adam", {**BETAS, "amsgrad": True, "maximize": True, "decoupled_weight_decay": True}),
    ("adamw", {**BETAS, "amsgrad": True, "maximize": False, "has_complex": False}),
    ("adagrad", {"lr": 0.1, "weight_decay": 0.1, "lr_decay": 0.1, "eps": 0.1, "maximize": False}),
    ("adadelta", {"lr": 0.5, "rho": 0.7, "eps": 0.1, "weight_decay": 0.1, "maximize": True}),
    ("adamax", BETAS), ("radam", BETAS), ("nadam", {**BETAS, "momentum_decay": 0.01, "decoupled_weight_decay": True}),
    ("asgd", {"lambd": 0.1, "lr": 0.1, "t0": 1.0, "alpha": 0.5, "weight_decay": 0.1}),
    ("rmsprop", RMS), ("rmsprop", {**RMS, "momentum": 0.0, "centered": False}),
    ("rprop", {"step_size_min": 0.01, "step_size_max": 0.3, "etaminus": 0.5, "etaplus": 1.2}),
]  # fmt: skip


def form(library: Any, name: str) -> Any:
    return getattr(importlib.import_module(f"{library.__name__}.optim.{name}"), name)


def run(library: Any, name: str, options: dict[str, Any], device: str) -> list[np.ndarray]:
    function, rng = form(library, name), np.random.default_rng(0)
    empty = inspect.Parameter.empty
    names = [
        key
        for key, p in inspect.signature(form(reference, name)).parameters.items()
        if p.default is empty and p.kind is not p.KEYWORD_ONLY
    ]

    def make(array: Any, where: str = device) -> Any:
        return library.tensor(np.asarray(array, "float64"), device=where)

    lists = {}
    for key in names:
        start = STARTS.get(key, 0.0)
        lists[key] = [
            make(start, "cpu") if key in SCALARS else make(np.full((2, 3), start)) for _ in range(2)
        ]
    if name == "sgd":
        lists[names[2]] = [None, None]
    for p in lists["params"]:
        p.copy_(make(rng.normal(size=(2, 3))))
        p.grad = make(np.ones((2, 3)))
    for _ in range(3):
        lists[names[1]] = [make(rng.normal(size=(2, 3))) for _ in range(2)]
        function(*lists.values(), **options)
    assert all((p.grad == 1).all() for p in lists["params"])  # what it has stays its own
    return [
        t.cpu().numpy() for key, list_ in lists.items() if key != names[1] for t in list_ if t is not None
    ]


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize(("name", "options"), CASES)
def test_steps(name: str, options: dict[str, Any], device: str) -> None:
    got, wanted = run(torch, name, options, device), run(reference, name, options, "cpu")
    assert len(got) == len(wanted)
    for own, theirs in zip(got, wanted, strict=True):
        np.testing.assert_allclose(own, theirs, rtol=1e-7, atol=1e-9)  # ASGD has its eta in float32


@pytest.mark.parametrize("name", sorted({name for name, _ in CASES}))
def test_signatures(name: str) -> None:
    def shape(library: Any) -> list[tuple]:
        return [
            (p.name, p.kind, p.default) for p in inspect.signature(form(library, name)).parameters.values()
        ]

    assert shape(torch) == shape(reference)
    assert getattr(importlib.import_module("tritonnn.optim._functional"), name) is form(torch, name)


def test_a_recorded_step() -> None:
    found = []
    for library in (reference, torch):
        start = library.ones(2, dtype=library.float64, requires_grad=True)
        p, steps = start * 2, [library.ones(())]
        kept = [[library.ones(2, dtype=library.float64)] for _ in range(2)]
        options = {**BETAS, "amsgrad": False, "maximize": False, "differentiable": True}
        form(library, "adam")([p], [start * start], *kept, [], steps, **options)
        p.sum().backward()
        found.append((p.detach().numpy(), start.grad.numpy()))
    np.testing.assert_allclose(*found)


def test_bad_calls() -> None:
    for library in (reference, torch):
        one = [library.ones(2)]
        with pytest.raises(TypeError):
            form(library, "sgd")(one, one, [None], lr=0.1)
        with pytest.raises(RuntimeError, match="state_steps"):
            form(library, "adam")(one, one, one, one, [], [1.0], **BETAS, amsgrad=False, maximize=False)
        form(library, "sgd")([], [], [], **SGD)
