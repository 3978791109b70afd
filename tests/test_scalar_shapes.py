"""What expands or permutes to no dimensions inside the library: numbers as tensors through losses and products."""

from __future__ import annotations

import math

import pytest

import tritonnn as torch
from tritonnn.nn import functional as F

DEVICES = ("cpu", "cuda")


@pytest.mark.parametrize("device", DEVICES)
def test_tensors_without_dimensions(device):
    a, b, c = (torch.tensor(value, device=device) for value in (0.25, 0.75, 2.0))
    entropy = -(0.75 * math.log(0.25) + 0.25 * math.log(0.75))
    assert F.binary_cross_entropy(a, b, c).item() == pytest.approx(2 * entropy, rel=1e-6)
    score = math.log(0.25 / 0.75)
    scores = torch.tensor(score, device=device)
    assert F.binary_cross_entropy_with_logits(scores, b, c).item() == pytest.approx(2 * entropy, rel=1e-6)
    assert torch.tensordot(a, b, 0).item() == 0.1875
    assert torch.einsum(",->", a, c).item() == 0.5
    assert F.mse_loss(a, b).item() == 0.25


def test_gradient_of_a_product_without_dimensions():
    x = torch.tensor(3.0, requires_grad=True)
    x.prod().backward()
    assert x.grad.item() == 1.0
    with pytest.raises(IndexError, match="Dimension out of range"):
        F.cosine_similarity(torch.tensor(1.0), torch.tensor(2.0))
