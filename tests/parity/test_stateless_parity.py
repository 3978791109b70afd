"""optim.swap_in_optimizer_params_and_state as PyTorch: what a step inside changes, what stays, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch as reference

import tritonnn as torch

BOTH = (torch, reference)


def prepared(library: Any, name: str = "Adam", **options: Any) -> tuple[Any, Any, Any, Any]:
    """An optimizer that has made a step, other parameters with gradients, and another state."""
    params, others = (
        [library.full((2,), float(i + k), requires_grad=True) for i in range(3)] for k in (1, 5)
    )
    optimizer = getattr(library.optim, name)(
        [{"params": params[:2]}, {"params": params[2:], "lr": 0.5}], lr=0.25, **options
    )
    for p in (*params, *others):
        p.grad = p.detach() * 0.5
    optimizer.step()
    state = optimizer.state_dict()
    state = {
        "state": {
            k: {n: v * 2 if n != "step" else v + 3 for n, v in kept.items()}
            for k, kept in state["state"].items()
        },
        "param_groups": [{**group, "lr": group["lr"] * 2} for group in state["param_groups"]],
    }
    return optimizer, params, {f"p{i}": p for i, p in enumerate(others)}, state


@pytest.mark.parametrize(("name", "options"), [("SGD", {"momentum": 0.5}), ("Adam", {}), ("RMSprop", {})])
def test_a_step_inside(name: str, options: dict[str, Any]) -> None:
    def run(library: Any) -> list[Any]:
        optimizer, params, others, state = prepared(library, name, **options)
        own, groups = optimizer.state, [group["params"] for group in optimizer.param_groups]
        seen = []
        with library.optim.swap_in_optimizer_params_and_state(optimizer, others, state):
            optimizer.step()
            optimizer.state[others["p0"]]["mine"] = 3
            optimizer.param_groups[0]["lr"] = 100.0
            seen.append([group["lr"] for group in optimizer.param_groups])
        assert optimizer.state is own
        assert all(a["params"] is b for a, b in zip(optimizer.param_groups, groups, strict=True))
        assert "mine" not in state["state"][0]
        seen.append([group["lr"] for group in optimizer.param_groups])
        seen.append([p.tolist() for p in (*params, *others.values())])
        return [
            *seen,
            *[v.tolist() for kept in (*state["state"].values(), *own.values()) for v in kept.values()],
        ]

    for got, wanted in zip(*map(run, BOTH), strict=True):
        np.testing.assert_allclose(np.array(got), np.array(wanted), rtol=1e-5)


REFUSED = """
swap(library.optim.Adam(params), others, state)
swap(optimizer, others, [state])
swap(optimizer, others, {**state, "state": None})
swap(optimizer, others, {**state, "state": {params[0]: {}}})
swap(optimizer, others, {**state, "state": {0: 3}})
swap(optimizer, others, {**state, "state": {7: {}}})
swap(optimizer, others, {**state, "param_groups": None})
swap(optimizer, others, {**state, "param_groups": groups[:1]})
swap(optimizer, others, {**state, "param_groups": [3, groups[1]]})
swap(optimizer, others, {**state, "param_groups": [{**groups[0], "params": params[:2]}, groups[1]]})
swap(optimizer, others, {**state, "param_groups": [{**groups[0], "params": [0]}, groups[1]]})
swap(optimizer, others, {**state, "param_groups": [{**groups[0], "mine": 0}, groups[1]]})
swap(optimizer, others, {**state, "param_groups": [{"params": [0, 1]}, groups[1]]})
swap(optimizer, {"p": params[0]}, state)
swap(optimizer, [], state)
"""


@pytest.mark.parametrize("call", REFUSED.strip().splitlines())
def test_what_is_refused(call: str) -> None:
    raised = []
    for library in BOTH:
        optimizer, params, others, state = prepared(library)
        names = {
            "library": library,
            "optimizer": optimizer,
            "params": params,
            "others": others,
            "state": state,
        }
        swap = library.optim.swap_in_optimizer_params_and_state
        before = optimizer.state_dict()
        with (
            pytest.raises(Exception) as error,
            eval(call, {**names, "groups": state["param_groups"], "swap": swap}),
        ):
            pass
        raised.append(error.type)
        assert str(optimizer.state_dict()) == str(before)
    assert raised[0] is raised[1]
