"""torch.nn.grad beside PyTorch's: the gradients of convolutions as functions, and their own gradients."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from outcomes import check, sample

OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "strided": {"stride": 2, "padding": 1},
    "dilated": {"dilation": 2},
    "grouped": {"groups": 2},
}


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("options", OPTIONS)
def test_gradients(options: str, dims: int) -> None:
    def program(t: Any) -> Any:
        own, given = importlib.import_module(f"{t.__name__}.nn.grad"), OPTIONS[options]
        x = sample(t, 2, 4, *[5] * dims)
        weight = sample(t, 6, 4 // given.get("groups", 1), *[2] * dims, seed=2).requires_grad_()
        output = getattr(t.nn.functional, f"conv{dims}d")(x, weight, **given)
        upstream = sample(t, *output.shape, seed=3)
        of_input = getattr(own, f"conv{dims}d_input")(x.shape, weight, upstream, **given)
        of_weight = getattr(own, f"conv{dims}d_weight")(x, weight.shape, upstream, **given)
        of_input.square().sum().backward()
        with t.no_grad():
            silent = getattr(own, f"conv{dims}d_weight")(x, weight.shape, upstream, **given).requires_grad
        return of_input, of_weight, weight.grad, silent

    check(program)


def test_shapes_that_do_not_fit() -> None:
    check(
        lambda t: importlib.import_module(f"{t.__name__}.nn.grad").conv1d_input(
            (1, 1, 9), t.ones(1, 1, 2), t.ones(1, 1, 2)
        ),
        same_words=False,
    )
