"""jaxtyping: shapes and dtypes in annotations, checked when a function is called."""

# ruff: noqa: F722, F821, UP037 - the strings are shapes
from __future__ import annotations

import pytest
import torch
from beartype import beartype
from jaxtyping import Bool, Complex64, Float, Float32, Int, Int64, Num, Shaped, TypeCheckError, jaxtyped
from torch import Tensor


@jaxtyped(typechecker=beartype)
def product(
    a: Float[Tensor, "batch rows inner"], b: Float[Tensor, "inner columns"]
) -> Float[Tensor, "batch rows columns"]:
    return a @ b


@jaxtyped(typechecker=beartype)
def wrong(a: Float[Tensor, "n"]) -> Float[Tensor, "n+1"]:
    return a


def test_functions_are_checked():
    assert product(torch.ones(2, 3, 4), torch.ones(4, 5)).shape == (2, 3, 5)
    for a, b in [
        (torch.ones(2, 3, 4), torch.ones(5, 5)), (torch.ones(2, 3), torch.ones(3, 4)),
        (torch.ones(2, 3, 4).long(), torch.ones(4, 5)), ([1.0], torch.ones(4, 5)),
    ]:  # fmt: skip
        with pytest.raises(TypeCheckError):
            product(a, b)
    with pytest.raises(TypeCheckError):
        wrong(torch.ones(3))


@pytest.mark.parametrize(
    "kind, dtype, fits",
    [
        (Float, torch.float64, True), (Float, torch.bfloat16, True), (Float, torch.int32, False),
        (Float32, torch.float32, True), (Float32, torch.float16, False), (Int, torch.int8, True),
        (Int64, torch.int64, True), (Int64, torch.int32, False), (Bool, torch.bool, True), (Bool, torch.uint8, False),
        (Complex64, torch.complex64, True), (Num, torch.bool, False), (Shaped, torch.bool, True),
    ],
)  # fmt: skip
def test_dtypes(kind, dtype, fits):
    assert isinstance(torch.zeros(2, 3, dtype=dtype), kind[Tensor, "2 3"]) == fits


def test_shapes_and_classes():
    x = torch.zeros(2, 3, 4)
    assert isinstance(x, Float[Tensor, "... 4"]) and not isinstance(x, Float[Tensor, "... 5"])
    assert isinstance(x, Float[Tensor, "a *rest"]) and not isinstance(x, Float[Tensor, "a b"])
    assert isinstance(torch.nn.Parameter(x), Float[torch.nn.Parameter, "_ _ _"])
    assert not isinstance(x, Float[torch.nn.Parameter, "_ _ _"])
