"""gpytorch and linear_operator: Gaussian processes, exact and with inducing points, trained and asked."""

from __future__ import annotations

import gpytorch
import linear_operator
import pytest
import torch
from weights import drawn


class Exact(gpytorch.models.ExactGP):
    def __init__(self, x, y, likelihood, kernel):
        super().__init__(x, y, likelihood)
        self.mean_module = gpytorch.means.ConstantMean()
        self.covar_module = gpytorch.kernels.ScaleKernel(kernel)

    def forward(self, x):
        return gpytorch.distributions.MultivariateNormal(self.mean_module(x), self.covar_module(x))


KERNELS = {
    "rbf": lambda: gpytorch.kernels.RBFKernel(),
    "ard": lambda: gpytorch.kernels.RBFKernel(ard_num_dims=2),
    "matern": lambda: gpytorch.kernels.MaternKernel(nu=1.5),
    "periodic": lambda: gpytorch.kernels.PeriodicKernel() + gpytorch.kernels.LinearKernel(),
    "product": lambda: gpytorch.kernels.RQKernel() * gpytorch.kernels.RBFKernel(),
}


def _data():
    x = drawn("x", 30, 2)
    return x, torch.sin(2 * x[:, 0]) + 0.5 * x[:, 1] + 0.05 * drawn("noise", 30)


@pytest.mark.parametrize("kernel", KERNELS)
def test_exact_regression(expected, kernel):
    x, y = _data()
    likelihood = gpytorch.likelihoods.GaussianLikelihood()
    model = Exact(x, y, likelihood, KERNELS[kernel]())
    model.train()
    objective = gpytorch.mlls.ExactMarginalLogLikelihood(likelihood, model)
    optimizer, losses = torch.optim.Adam(model.parameters(), lr=0.1), []
    for _ in range(8):
        optimizer.zero_grad()
        loss = -objective(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    expected("losses", losses, rtol=1e-4)
    expected("noise", likelihood.noise, rtol=1e-3)
    model.eval(), likelihood.eval()
    with torch.no_grad(), gpytorch.settings.fast_pred_var():
        predicted = likelihood(model(drawn("asked", 6, 2)))
    expected("mean", predicted.mean, rtol=2e-3, atol=1e-4)
    expected("variance", predicted.variance, rtol=2e-3, atol=1e-4)
    low, high = predicted.confidence_region()
    assert (low < high).all()
    assert predicted.rsample(torch.Size([4])).shape == (4, 6)
    state = model.state_dict()
    again = Exact(x, y, gpytorch.likelihoods.GaussianLikelihood(), KERNELS[kernel]())
    again.load_state_dict(state)


class Inducing(gpytorch.models.ApproximateGP):
    def __init__(self, points):
        variational = gpytorch.variational.CholeskyVariationalDistribution(points.shape[0])
        super().__init__(gpytorch.variational.VariationalStrategy(self, points, variational))
        self.mean_module = gpytorch.means.ZeroMean()
        self.covar_module = gpytorch.kernels.ScaleKernel(gpytorch.kernels.MaternKernel(nu=2.5))

    def forward(self, x):
        return gpytorch.distributions.MultivariateNormal(self.mean_module(x), self.covar_module(x))


@pytest.mark.parametrize("classes", [False, True])
def test_with_inducing_points(expected, classes):
    x, y = _data()
    model = Inducing(drawn("points", 8, 2))
    likelihood = (
        gpytorch.likelihoods.BernoulliLikelihood() if classes else gpytorch.likelihoods.GaussianLikelihood()
    )
    y = (y > 0).float() if classes else y
    objective = gpytorch.mlls.VariationalELBO(likelihood, model, 30)
    with torch.no_grad():  # it begins at random
        model.variational_strategy._variational_distribution.mean_init_std = 0.0
    optimizer, losses = torch.optim.Adam([*model.parameters(), *likelihood.parameters()], lr=0.05), []
    for _ in range(6):
        optimizer.zero_grad()
        loss = -objective(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    expected("losses", losses, rtol=1e-4)
    model.eval()
    expected("mean", likelihood(model(drawn("asked", 6, 2))).mean, rtol=2e-3, atol=1e-4)


def test_several_outputs(expected):
    x, y = _data()
    y = torch.stack([y, y.cos()], -1)
    likelihood = gpytorch.likelihoods.MultitaskGaussianLikelihood(num_tasks=2)

    class Tasks(gpytorch.models.ExactGP):
        def __init__(self):
            super().__init__(x, y, likelihood)
            self.mean_module = gpytorch.means.MultitaskMean(gpytorch.means.ConstantMean(), num_tasks=2)
            self.covar_module = gpytorch.kernels.MultitaskKernel(
                gpytorch.kernels.RBFKernel(), num_tasks=2, rank=1
            )
            with torch.no_grad():  # drawn by the constructor
                self.covar_module.task_covar_module.covar_factor.copy_(torch.tensor([[0.7], [-0.4]]))
                self.covar_module.task_covar_module.raw_var.copy_(torch.tensor([0.2, 0.3]))

        def forward(self, x):
            return gpytorch.distributions.MultitaskMultivariateNormal(
                self.mean_module(x), self.covar_module(x)
            )

    model = Tasks()
    model.train()
    objective = gpytorch.mlls.ExactMarginalLogLikelihood(likelihood, model)
    loss = -objective(model(x), y)
    loss.backward()
    expected("loss", loss)
    expected("grad", model.covar_module.task_covar_module.covar_factor.grad, rtol=1e-3)


def test_linear_operators(expected):
    a, v = drawn("a", 12, 12), drawn("v", 12, 3)
    matrix = a @ a.mT + 12 * torch.eye(12)
    dense = linear_operator.to_linear_operator(matrix.requires_grad_())
    solved = dense.solve(v)
    solved.sum().backward()
    expected("solved", solved)
    expected("grad", matrix.grad, rtol=1e-3, atol=1e-5)
    expected("logdet", dense.logdet())
    expected("root", dense.cholesky().to_dense())
    diagonal = linear_operator.operators.DiagLinearOperator(drawn("d", 12).abs() + 1)
    expected("sum", (dense.detach() + diagonal).solve(v))
    toeplitz = linear_operator.operators.ToeplitzLinearOperator(torch.tensor([4.0, 1.0, 0.5, 0.1]))
    expected("toeplitz", toeplitz @ drawn("t", 4, 2))
    kronecker = linear_operator.operators.KroneckerProductLinearOperator(
        linear_operator.to_linear_operator(torch.eye(2) * 2 + 0.5),
        linear_operator.to_linear_operator(matrix.detach()),
    )
    expected("kronecker", kronecker.solve(drawn("k", 24)))
    with linear_operator.settings.max_cholesky_size(1), linear_operator.settings.cg_tolerance(1e-6):
        iterated = linear_operator.to_linear_operator(matrix.detach()).solve(v)
    assert torch.allclose(iterated, solved, rtol=1e-3, atol=1e-4)
