"""Numbers that a dtype cannot hold, beside tensors of it: refused, or wrapped, as PyTorch has it."""

from __future__ import annotations

from typing import Any

import pytest
from programs import hold

LINES = """
torch.where(x > 1, x, 1e300)
torch.where(x > 1, 1e300, x)
torch.where(h > 1, h, 1e10)
torch.where(u > 1, u, 300)
torch.where(u > 1, u, -1)
torch.where(u > 1, 300, u)
torch.where(i8 > 1, i8, 200)
torch.where(i64 > 1, i64, 2**63)
torch.where(i64 > 1, i64, 2**64)
torch.where(x > 1, x, 2**200)
torch.where(i64 > 1, i64, 1.5)
x.where(x > 1, 1e300)
u.where(u > 1, 300)
u.clamp(-1, 300)
u.clamp(max=300)
u.clamp(-1, 100)
i8.clamp(-300, 3)
torch.clamp(i8, min=200)
torch.clamp_max(u, 256)
x.clamp(max=1e300)
h.clamp(max=1e6)
i64.clamp(max=1e300)
x.clamp(max=inf)
i8.clamp_(max=10**6)
u ** 300
i8.pow(10**6)
h.pow(10**6)
x ** 1e300
torch.pow(300, u)
i64 + 2**63
i64 + 2**64
i64 * (-2**63 - 1)
i64 == 2**64
i64 < 2**70
x + 2**64
h * 2**64
x == 2**64
torch.pow(10**20, x)
u.add(1, alpha=300)
u.add(u, alpha=-1)
u.add(u, alpha=255)
u.sub(u, alpha=300)
u.sub(u, alpha=-3)
i8.add_(i8, alpha=10**6)
x.add(x, alpha=1e300)
h.add(h, alpha=1e6)
h.sub(1, alpha=-10**6)
F.threshold(u, 1, 300)
F.threshold(u, 1, -1)
F.threshold(h, 1, 1e300)
F.leaky_relu(x, 1e300)
F.elu(h, 1e300)
F.softplus(x, 1e300)
F.hardshrink(x, 1e300)
torch.addcmul(h, h, h, value=10**6)
torch.remainder(torch.tensor([-0.0, 0.0, -4.0, 4.0, -2.0]), torch.tensor([2.0, -2.0, 2.0, -2.0, inf]))
torch.floor_divide(torch.tensor([-0.0, 0.0, -4.0, 4.0, -2.0, inf]), torch.tensor([2.0, -2.0, 2.0, -2.0, inf, inf]))
torch.remainder(torch.tensor([-0.0, 0.0, -4.0, 4.0]), -2)
torch.repeat_interleave(x, torch.tensor([1, -1, 2]))
torch.repeat_interleave(torch.tensor([1, -1]))
x.repeat_interleave(torch.tensor([-1]))
x.repeat_interleave(-1)
x.repeat_interleave(2, output_size=5)
x.repeat_interleave(torch.tensor([1.0, 2.0, 1.0]))
F.conv1d(torch.zeros(2, 0, 5), torch.zeros(3, 0, 2))
F.conv1d(torch.zeros(0, 5), torch.zeros(3, 0, 2), torch.ones(3))
F.conv2d(torch.zeros(2, 0, 5, 5), torch.zeros(3, 0, 2, 2), torch.ones(3))
F.conv1d(torch.zeros(0, 3, 5), torch.zeros(4, 3, 2))
"""


def names(torch: Any) -> dict[str, Any]:
    return {
        "x": torch.tensor([1.0, 2.0, 3.0]), "h": torch.tensor([1.0, 2.0]).half(),
        "u": torch.tensor([1, 2, 200], dtype=torch.uint8), "i8": torch.tensor([1, 2, -3], dtype=torch.int8),
        "i64": torch.tensor([1, 2, -3]),
    }  # fmt: skip


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("line", LINES.strip().splitlines())
def test_numbers(line: str, device: str) -> None:
    hold(line, names, device)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("shape", [(2, 0, 5), (0, 5), (0, 0, 5)])
def test_gradients_of_no_channels(shape: tuple, device: str) -> None:
    hold(
        f"(lambda x, w, b: torch.autograd.grad(F.conv1d(x, w, b).sum(), (x, w)))(torch.zeros({shape})"
        ".requires_grad_(), torch.zeros(3, 0, 2).requires_grad_(), torch.ones(3).requires_grad_())",
        lambda library: {},
        device,
    )
