"""Activation layers against their formulas in Python floats."""

from __future__ import annotations

import math

import pytest

import tritonnn as torch

nn = torch.nn
POINTS = [-7.0, -3.0, -1.0, -0.3, 0.0, 0.2, 0.7, 2.0, 3.0, 7.0]
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


def sigmoid(v):
    return 1 / (1 + math.exp(-v))


def softplus(v):
    return math.log1p(math.exp(v))


def phi(v):
    return 0.5 * (1 + math.erf(v / math.sqrt(2)))


FORMULAS = {
    "ReLU": (nn.ReLU(), lambda v: max(0, v)),
    "ReLU6": (nn.ReLU6(), lambda v: min(6, max(0, v))),
    "Threshold": (nn.Threshold(0.2, 20), lambda v: v if v > 0.2000001 else 20),
    "RReLU": (nn.RReLU(0.1, 0.3).eval(), lambda v: v if v >= 0 else 0.2 * v),
    "LeakyReLU": (nn.LeakyReLU(0.1), lambda v: v if v > 0 else 0.1 * v),
    "PReLU": (nn.PReLU(), lambda v: v if v > 0 else 0.25 * v),
    "Hardtanh": (nn.Hardtanh(-2, 2.5), lambda v: max(-2, min(2.5, v))),
    "Hardtanh_old": (nn.Hardtanh(min_value=-2, max_value=2.5), lambda v: max(-2, min(2.5, v))),
    "Sigmoid": (nn.Sigmoid(), sigmoid),
    "Tanh": (nn.Tanh(), math.tanh),
    "LogSigmoid": (nn.LogSigmoid(), lambda v: math.log(sigmoid(v))),
    "Hardsigmoid": (nn.Hardsigmoid(), lambda v: min(1, max(0, v / 6 + 0.5))),
    "Hardswish": (nn.Hardswish(), lambda v: v * min(1, max(0, v / 6 + 0.5))),
    "SiLU": (nn.SiLU(), lambda v: v * sigmoid(v)),
    "Mish": (nn.Mish(), lambda v: v * math.tanh(softplus(v))),
    "ELU": (nn.ELU(0.5), lambda v: v if v > 0 else 0.5 * math.expm1(v)),
    "CELU": (nn.CELU(2.0), lambda v: max(0, v) + min(0, 2 * math.expm1(v / 2))),
    "SELU": (nn.SELU(), lambda v: SELU_SCALE * (v if v > 0 else SELU_ALPHA * math.expm1(v))),
    "GELU": (nn.GELU(), lambda v: v * phi(v)),
    "GELU_tanh": (
        nn.GELU("tanh"),
        lambda v: 0.5 * v * (1 + math.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v**3))),
    ),
    "Hardshrink": (nn.Hardshrink(), lambda v: v if abs(v) > 0.5 else 0),
    "Softshrink": (nn.Softshrink(), lambda v: math.copysign(max(abs(v) - 0.5, 0), v)),
    "Tanhshrink": (nn.Tanhshrink(), lambda v: v - math.tanh(v)),
    "Softsign": (nn.Softsign(), lambda v: v / (1 + abs(v))),
    "Softplus": (nn.Softplus(2.0, 3.0), lambda v: v if 2 * v > 3 else softplus(2 * v) / 2),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_formula(name):
    layer, formula = FORMULAS[name]
    got = layer(torch.tensor(POINTS)).tolist()
    assert got == pytest.approx([formula(v) for v in POINTS], rel=2e-5, abs=1e-6)


@pytest.mark.parametrize(
    "layer",
    [
        nn.ReLU(True), nn.ReLU6(True), nn.LeakyReLU(0.1, True), nn.ELU(1.0, True), nn.SELU(True), nn.CELU(1.0, True),
        nn.Hardtanh(inplace=True), nn.Hardsigmoid(True), nn.Hardswish(True), nn.SiLU(True), nn.Mish(True),
        nn.Threshold(0.1, 2.0, True), nn.RReLU(inplace=True),
    ],
    ids=lambda layer: type(layer).__name__,
)  # fmt: skip
def test_in_place(layer):
    x = torch.tensor(POINTS)
    wanted = type(layer)(0.1, 2.0)(x) if isinstance(layer, nn.Threshold) else None
    y = layer(x)
    assert y.data_ptr() == x.data_ptr() and x.tolist() == y.tolist() and x.tolist() != POINTS
    assert wanted is None or wanted.tolist() == y.tolist()


def test_softmax_family():
    x = torch.tensor([[0.0, math.log(2), math.log(5)]])
    assert nn.Softmax(1)(x).tolist()[0] == pytest.approx([0.125, 0.25, 0.625])
    assert nn.Softmin(1)(-x).tolist()[0] == pytest.approx([0.125, 0.25, 0.625])
    assert nn.LogSoftmax(-1)(x).exp().tolist()[0] == pytest.approx([0.125, 0.25, 0.625])
    y = nn.Softmax2d()(torch.randn(3, 4, 5))
    assert y.sum(0).flatten().tolist() == pytest.approx([1.0] * 20, rel=1e-5)


@pytest.mark.parametrize(("shape", "dim"), [((3,), 0), ((2, 3), 1), ((2, 3, 4), 0), ((1, 2, 3, 4), 1)])
def test_implicit_dimension_warns(shape, dim):
    with pytest.warns(UserWarning, match="Implicit dimension choice for softmax"):
        y = nn.Softmax()(torch.randn(shape))
    assert float((y.sum(dim) - 1).abs().max()) < 1e-5


def test_glu_halves_its_dimension():
    y = nn.GLU(0)(torch.tensor([[2.0], [0.0]]))
    assert y.tolist() == [[1.0]]


def test_prelu_learns_a_slope_per_channel():
    layer = nn.PReLU(2, init=0.5)
    x = torch.tensor([[[-1.0, 2.0], [-4.0, -8.0]]])
    assert layer(x).tolist() == [[[-0.5, 2.0], [-2.0, -4.0]]]
    layer(x).sum().backward()
    assert layer.weight.grad.tolist() == [-1.0, -12.0]


def test_rrelu_draws_slopes_in_training():
    y = nn.RReLU(0.1, 0.3)(torch.full((500,), -1.0))
    assert -0.3 <= y.min().item() < -0.25 and -0.15 < y.max().item() <= -0.1
