"""torchdiffeq: solutions of differential equations and their gradients, also by the adjoint equation."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torchdiffeq import odeint, odeint_adjoint, odeint_event
from weights import drawn, fill


class Field(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))
        self.calls = 0

    def forward(self, t, y):
        self.calls += 1
        return self.net(y**3) + 0.1 * t


METHODS = [
    "dopri8", "dopri5", "bosh3", "fehlberg2", "adaptive_heun", "euler", "midpoint", "heun2", "heun3", "rk4",
    "explicit_adams", "implicit_adams",
]  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_solutions_and_gradients(expected, method):
    field, start = fill(Field()).double(), drawn("start", 3, 2).double().requires_grad_()
    times = torch.linspace(0, 1, 6, dtype=torch.float64)
    solution = odeint(field, start, times, method=method, rtol=1e-5, atol=1e-6)
    (solution * drawn("grad", *solution.shape)).sum().backward()
    expected("solution", solution, rtol=1e-6)
    expected("start", start.grad, rtol=1e-5)
    expected("weight", field.net[0].weight.grad, rtol=1e-5)


@pytest.mark.parametrize("method", ["dopri5", "rk4"])
def test_the_adjoint_equation(expected, method):
    field, start = fill(Field()).double(), drawn("start", 3, 2).double().requires_grad_()
    times = torch.linspace(0, 1, 4, dtype=torch.float64).requires_grad_()
    solution = odeint_adjoint(field, start, times, method=method, rtol=1e-6, atol=1e-7)
    (solution * drawn("grad", *solution.shape)).sum().backward()
    expected("solution", solution, rtol=1e-6)
    expected("start", start.grad, rtol=1e-5)
    expected("times", times.grad, rtol=1e-5)
    expected("weight", field.net[0].weight.grad, rtol=1e-5)


def test_a_ball_falls_until_it_meets_the_ground(expected):
    def falls(t, state):
        speed = state[1]
        return speed, -9.81 * torch.ones_like(speed)

    start = torch.tensor([10.0], dtype=torch.float64), torch.tensor([0.0], dtype=torch.float64)
    time, states = odeint_event(
        falls, start, torch.tensor(0.0, dtype=torch.float64), event_fn=lambda t, state: state[0][0],
        atol=1e-10, rtol=1e-10,
    )  # fmt: skip
    assert abs(float(time) - (2 * 10 / 9.81) ** 0.5) < 1e-6
    expected("speed", states[1][-1])


def test_a_field_is_learned(expected):
    torch.manual_seed(0)
    field, start, times = fill(Field()), drawn("start", 4, 2), torch.linspace(0, 1, 5)
    target = torch.stack([start * torch.exp(-t) for t in times])
    optimizer, losses = torch.optim.Adam(field.parameters(), 1e-2), []
    for _ in range(5):
        optimizer.zero_grad()
        loss = (odeint(field, start, times, method="rk4") - target).abs().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    expected("losses", losses, rtol=1e-5)
    assert losses[-1] < losses[0]
