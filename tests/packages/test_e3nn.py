"""e3nn: spherical harmonics, rotations, and layers whose code is made by torch.fx, that turn with their inputs."""

from __future__ import annotations

import pytest
import torch
from e3nn import nn as enn
from e3nn import o3
from weights import drawn, fill

INPUTS, EDGES, OUTPUTS = "4x0e+2x1o", "1x0e+1x1o", "3x0e+2x1o"


def test_harmonics_and_rotations(expected):
    x = drawn("x", 5, 3).requires_grad_()
    harmonics = o3.spherical_harmonics([0, 1, 2, 3], x, True, normalization="component")
    (harmonics * drawn("grad", *harmonics.shape)).sum().backward()
    expected("harmonics", harmonics)
    expected("grad", x.grad, rtol=1e-3, atol=1e-5)
    expected("wigner", o3.wigner_3j(1, 1, 2), rtol=1e-4, atol=1e-6)
    expected("turned", o3.Irreps("1e+2o").D_from_angles(*[torch.tensor(0.3)] * 3), rtol=1e-4, atol=1e-6)
    assert o3.Irreps("2x0e+1x1o").dim == 5


def test_layers_compute_and_are_differentiated(expected):
    product = fill(o3.FullyConnectedTensorProduct(INPUTS, EDGES, OUTPUTS))
    x, edges = drawn("x", 4, 10).requires_grad_(), drawn("edges", 4, 4)
    out = product(x, edges)
    (out * drawn("grad", *out.shape)).sum().backward()
    expected("out", out, rtol=1e-4, atol=1e-5)
    expected("grad", x.grad, rtol=1e-4, atol=1e-5)
    expected("weight", product.weight.grad[::7], rtol=1e-4, atol=1e-5)
    expected("linear", fill(o3.Linear(INPUTS, OUTPUTS))(x), rtol=1e-4, atol=1e-5)
    expected("norm", enn.BatchNorm(INPUTS)(x), rtol=1e-4, atol=1e-5)
    gate = enn.Gate("2x0e", [torch.tanh], "1x0e", [torch.sigmoid], "1x1o")
    assert gate(drawn("gated", 4, 6)).shape == (4, 5)


@pytest.mark.parametrize("layer", ["product", "linear"])
def test_layers_turn_with_their_inputs(layer):
    inputs, edges, outputs = o3.Irreps(INPUTS), o3.Irreps(EDGES), o3.Irreps(OUTPUTS)
    turn = o3.matrix_x(torch.tensor(0.7)) @ o3.matrix_y(torch.tensor(-0.4))
    of_inputs, of_edges, of_outputs = (each.D_from_matrix(turn) for each in (inputs, edges, outputs))
    x, other = drawn("x", 4, 10), drawn("edges", 4, 4)
    if layer == "product":
        module = fill(o3.FullyConnectedTensorProduct(inputs, edges, outputs))
        before, after = module(x, other), module(x @ of_inputs.T, other @ of_edges.T)
    else:
        module = fill(o3.Linear(inputs, outputs))
        before, after = module(x), module(x @ of_inputs.T)
    assert torch.allclose(before @ of_outputs.T, after, atol=1e-4)
