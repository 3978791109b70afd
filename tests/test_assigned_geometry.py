"""A program that assigns what a tensor is: no kernel runs on it, so that none reaches memory of others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import tritonnn as torch

CALLS: dict[str, Callable[[Any], Any]] = {
    "elementwise": lambda x: x + 1, "of two": lambda x: x * x, "a reduction": lambda x: x.sum(0),
    "a product": lambda x: x @ x, "joined": lambda x: torch.cat([x, x]), "copied": lambda x: x.clone(),
    "written": lambda x: x.add_(1), "overwritten": lambda x: x.fill_(1), "into": lambda x: torch.exp(x, out=x),
    "selected": lambda x: x[x > 0], "copied over": lambda x: x.copy_(torch.ones(64, 64, device="cuda")),
    "to the host": lambda x: x.cpu(), "numbers": lambda x: x.tolist(), "printed": lambda x: repr(x),
    "a view": lambda x: x.view(-1).sum(), "an element": lambda x: x[-1, -1].item(), "softmax": lambda x: x.softmax(0),
    "a step": lambda x: torch._foreach_mul_([x], 2.0),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("change", ("shape", "dtype"))
def test_assigned_geometry_reaches_no_kernel(name: str, change: str) -> None:
    x = torch.ones(2, 2, device="cuda")
    if change == "shape":
        x.shape = torch.Size([64, 64])
    else:
        x.dtype = torch.float64
    with pytest.raises((RuntimeError, TypeError)):
        CALLS[name](x)
