"""torch.autograd.functional: values, strict mode, and what is refused."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import pytest
import torch as reference

import tritonnn

FUNCTIONS = {
    "square": lambda lib: lambda a: a**2,
    "constant": lambda lib: lambda a: lib.ones(2),
    "linear": lambda lib: lambda a: a * 2,
    "detached": lambda lib: lambda a: (a.detach() ** 2).requires_grad_(),
    "cubes": lambda lib: lambda a: (a**3).sum(),
    "one": lambda lib: lambda a: lib.ones(()),
    "sum": lambda lib: lambda a: a.sum(),
    "first": lambda lib: lambda a: (a**2)[:1],
    "tuple": lambda lib: lambda a: (a.sum(),),
    "list": lambda lib: lambda a: [a * 1, a * 2],
    "number": lambda lib: lambda a: 3,
    "whole": lambda lib: lambda a: (a > 0).long(),
}
NAMES = ("vjp", "jvp", "jacobian", "hessian", "hvp", "vhp")


def plain(value: Any) -> Any:
    if isinstance(value, (tritonnn.Tensor, reference.Tensor)):
        return value.tolist(), value.requires_grad
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def outcome(run: Any, lib: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return plain(run(lib))
        except Exception as error:
            return type(error).__name__, str(error).split("Hint")[0].split("\n")[0].strip().lower()


def same(run: Any) -> None:
    assert outcome(run, tritonnn) == outcome(run, reference)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("name", NAMES)
def test_of_one_tensor(name, function):
    for strict, create, recorded in itertools.product((False, True), repeat=3):

        def run(lib, strict=strict, create=create, recorded=recorded):
            x = lib.tensor([1.0, 2.0], requires_grad=recorded)
            vector = () if name in ("jacobian", "hessian") else (lib.ones_like(FUNCTIONS[function](lib)(x))
                                                                 if name == "vjp" else lib.ones(2),)  # fmt: skip
            return getattr(lib.autograd.functional, name)(
                FUNCTIONS[function](lib), x, *vector, create_graph=create, strict=strict
            )

        same(run)


def two(a: Any, b: Any) -> Any:
    return a * b, a.sum()


def of_one(a: Any, b: Any) -> Any:
    return (a**2).sum()


def of_both(a: Any, b: Any) -> Any:
    return (a**3 * b**2).sum() * a.sum()


def pair(lib: Any) -> Any:
    return lib.tensor([1.0, 2.0]), lib.tensor([3.0, 4.0])


CASES = {
    "jacobians": lambda lib, f: f.jacobian(two, pair(lib)),
    "vectorized": lambda lib, f: f.jacobian(two, pair(lib), vectorize=True),
    "forward": lambda lib, f: f.jacobian(two, pair(lib), vectorize=True, strategy="forward-mode"),
    "forward, strict": lambda lib, f: f.jacobian(two, pair(lib), strict=True, strategy="forward-mode"),
    "hessian, vectorized": lambda lib, f: f.hessian(of_both, pair(lib), vectorize=True),
    "hessian, forward, strict": lambda lib, f: f.hessian(
        of_both, pair(lib), strict=True, outer_jacobian_strategy="forward-mode"),
    "vectorized, recorded": lambda lib, f: f.jacobian(two, pair(lib), vectorize=True, create_graph=True),
    "vectorized, constant": lambda lib, f: f.jacobian(lambda a: lib.ones(3), lib.ones(2), vectorize=True),
    "an unknown strategy of a jacobian": lambda lib, f: f.jacobian(two, pair(lib), strategy="both"),
    "strict and vectorized": lambda lib, f: f.jacobian(two, pair(lib), vectorize=True, strict=True),
    "a list of inputs": lambda lib, f: f.jacobian(two, list(pair(lib))),
    "a number as input": lambda lib, f: f.jacobian(two, 3),
    "a number among inputs": lambda lib, f: f.jacobian(two, (pair(lib)[0], 3)),
    "an unknown strategy": lambda lib, f: f.hessian(of_one, pair(lib), outer_jacobian_strategy="both"),
    "hessians": lambda lib, f: f.hessian(of_one, pair(lib)),
    "hessians, strict": lambda lib, f: f.hessian(of_one, pair(lib), strict=True),
    "hvp of two": lambda lib, f: f.hvp(of_one, pair(lib), pair(lib)),
    "hvp of two, strict": lambda lib, f: f.hvp(of_one, pair(lib), pair(lib), strict=True),
    "vhp of two, strict": lambda lib, f: f.vhp(of_one, pair(lib), pair(lib), strict=True),
    "jvp of two": lambda lib, f: f.jvp(two, pair(lib), pair(lib)),
    "vjp of two": lambda lib, f: f.vjp(two, pair(lib), (lib.ones(2), lib.ones(()))),
    "too few vectors": lambda lib, f: f.vjp(two, pair(lib), (lib.ones(2),)),
    "a vector of another size": lambda lib, f: f.vjp(two, pair(lib), (lib.ones(3), lib.ones(()))),
    "one vector of another size": lambda lib, f: f.vjp(lambda a: a**2, lib.ones(2), lib.ones(3)),
    "a number as vector": lambda lib, f: f.jvp(lambda a: a**2, lib.ones(2), 3),
    "no vector": lambda lib, f: f.vjp(lambda a: a**2, lib.ones(2)),
    "no vector for inputs": lambda lib, f: f.jvp(lambda a: a**2, lib.ones(2)),
    "no vector needed": lambda lib, f: [f.vjp(lambda a: a**2, lib.ones(1)), f.jvp(lambda a: a**2, lib.ones(1)),
                                        f.hvp(lambda a: a**3, lib.ones(1)), f.vhp(lambda a: a**3, lib.ones(1))],
    "within no_grad": lambda lib, f: lib.no_grad()(lambda: [
        f.jacobian(lambda a: a**2, lib.ones(2)), f.vjp(lambda a: a**2, lib.ones(2), lib.ones(2)),
        f.hessian(lambda a: (a**3).sum(), lib.ones(2))])(),
    "no dimension": lambda lib, f: f.jacobian(lambda a: a**2, lib.tensor(3.0)),
    "complex": lambda lib, f: f.jacobian(lambda a: a**2, lib.tensor([1 + 1j])),
    "two types": lambda lib, f: f.jacobian(lambda a: (a.double(), a * 2), lib.ones(2)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_calls(name):
    same(lambda lib: CASES[name](lib, lib.autograd.functional))


def test_forward_hessian():
    """PyTorch's has the graph of its passes though none was asked for."""
    got, wanted = [
        lib.autograd.functional.hessian(
            of_both, pair(lib), vectorize=True, outer_jacobian_strategy="forward-mode"
        )
        for lib in (tritonnn, reference)
    ]
    for row, other in zip(got, wanted, strict=True):
        for a, b in zip(row, other, strict=True):
            assert not a.requires_grad
            assert a.tolist() == b.tolist()
    for call in (
        lambda lib: lib.autograd.functional.jacobian(two, pair(lib), strategy="forward-mode"),
        lambda lib: lib.autograd.functional.hessian(
            of_one, pair(lib), outer_jacobian_strategy="forward-mode"
        ),
    ):
        for lib in (tritonnn, reference):
            with pytest.raises(NotImplementedError, match="only implemented for `vectorize=True`"):
                call(lib)
