"""BoTorch: a Gaussian process is fitted, and says where the next points are best taken."""

from __future__ import annotations

import pytest
import torch
from botorch.acquisition import LogExpectedImprovement, UpperConfidenceBound, qLogExpectedImprovement
from botorch.fit import fit_gpytorch_mll
from botorch.models import SingleTaskGP
from botorch.optim import optimize_acqf
from gpytorch.mlls import ExactMarginalLogLikelihood

pytestmark = pytest.mark.filterwarnings("ignore")
X = torch.linspace(0, 1, 8, dtype=torch.double)[:, None]
Y = -10 * (X - 0.3) ** 2
BOUNDS = torch.tensor([[0.0], [1.0]], dtype=torch.double)


@pytest.fixture
def fitted():
    model = SingleTaskGP(X, Y)
    fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    return model


def test_predictions_of_a_fitted_process(expected, fitted):
    x = torch.linspace(0.05, 0.95, 5, dtype=torch.double)[:, None]
    expected("mean", fitted.posterior(x).mean, rtol=1e-2, atol=2e-3)
    expected("bound", UpperConfidenceBound(fitted, 0.1)(x[:, None]), rtol=1e-2, atol=2e-3)


def test_the_next_points(fitted):
    best = Y.max()
    one, _ = optimize_acqf(LogExpectedImprovement(fitted, best), BOUNDS, q=1, num_restarts=3, raw_samples=16)
    assert one.shape == (1, 1) and abs(one.item() - 0.3) < 0.05
    many, _ = optimize_acqf(qLogExpectedImprovement(fitted, best), BOUNDS, q=2, num_restarts=2, raw_samples=8)
    assert many.shape == (2, 1) and (many - 0.3).abs().min() < 0.05


def test_save_and_load(fitted, tmp_path):
    torch.save(fitted.state_dict(), tmp_path / "model.pt")
    other = SingleTaskGP(X, Y)
    other.load_state_dict(torch.load(tmp_path / "model.pt"))
    x = torch.full((1, 1), 0.4, dtype=torch.double)
    assert torch.equal(other.posterior(x).mean, fitted.posterior(x).mean)
