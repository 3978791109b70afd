"""pytorch-metric-learning: losses of embeddings with their gradients, and the pairs that miners find."""

from __future__ import annotations

import pytest
import torch
from pytorch_metric_learning import losses, miners
from weights import drawn, fill

LABELS = torch.tensor([0, 0, 1, 1, 2, 2])
OF_PAIRS = [
    "AngularLoss", "CircleLoss", "ContrastiveLoss", "FastAPLoss", "LiftedStructureLoss", "MultiSimilarityLoss",
    "NPairsLoss", "NTXentLoss", "SupConLoss", "TripletMarginLoss", "TupletMarginLoss",
]  # fmt: skip
OF_CLASSES = [
    "ArcFaceLoss",
    "CosFaceLoss",
    "NormalizedSoftmaxLoss",
    "ProxyAnchorLoss",
    "SoftTripleLoss",
    "SphereFaceLoss",
]


def _holds(expected, loss):
    embeddings = drawn("embeddings", 6, 5).requires_grad_()
    value = loss(embeddings, LABELS)
    value.backward()
    expected("loss", value)
    expected("gradient", embeddings.grad, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", OF_PAIRS)
def test_losses_of_pairs(expected, name):
    _holds(expected, getattr(losses, name)())


@pytest.mark.parametrize("name", OF_CLASSES)
def test_losses_with_weights_of_classes(expected, name, tmp_path):
    loss = fill(getattr(losses, name)(num_classes=3, embedding_size=5))
    torch.save(loss.state_dict(), tmp_path / "loss.pt")
    other = getattr(losses, name)(num_classes=3, embedding_size=5)
    other.load_state_dict(torch.load(tmp_path / "loss.pt"))
    _holds(expected, other)


@pytest.mark.parametrize("name", ["BatchHardMiner", "MultiSimilarityMiner", "TripletMarginMiner"])
def test_what_miners_find(expected, name):
    for i, found in enumerate(getattr(miners, name)()(drawn("embeddings", 6, 5), LABELS)):
        expected(str(i), found)
