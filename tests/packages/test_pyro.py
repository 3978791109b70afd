"""Pyro: inference with a guide, discrete variables summed out, Hamiltonian Monte Carlo, parameters on disk."""

from __future__ import annotations

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import MCMC, NUTS, SVI, Trace_ELBO, TraceEnum_ELBO, config_enumerate
from pyro.infer.autoguide import AutoNormal
from pyro.nn import PyroModule, PyroSample
from torch import nn
from weights import drawn

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def _empty():
    pyro.clear_param_store()
    pyro.set_rng_seed(0)


def _model(data):
    mean, scale = pyro.sample("mean", dist.Normal(0.0, 10.0)), pyro.sample("scale", dist.LogNormal(0.0, 1.0))
    with pyro.plate("data", len(data)):
        pyro.sample("seen", dist.Normal(mean, scale), obs=data)


def test_variational_inference_and_the_parameters_on_disk(tmp_path):
    data, guide = drawn("data", 50) * 0.5 + 2, AutoNormal(_model)
    inference = SVI(_model, guide, pyro.optim.Adam({"lr": 0.05}), Trace_ELBO())
    first = inference.step(data)
    for _ in range(250):
        last = inference.step(data)
    found = guide.median()
    assert last < first and abs(found["mean"] - data.mean()) < 0.2 and abs(found["scale"] - data.std()) < 0.2
    kept = {name: value.detach().clone() for name, value in pyro.get_param_store().items()}
    pyro.get_param_store().save(tmp_path / "parameters.pt")
    pyro.clear_param_store()
    pyro.get_param_store().load(tmp_path / "parameters.pt")
    assert {name: value.tolist() for name, value in pyro.get_param_store().items()} == {
        name: value.tolist() for name, value in kept.items()
    }


def test_discrete_variables_are_summed_out(expected):
    data = drawn("data", 10)

    @config_enumerate
    def mixture(data):
        weights = pyro.param("weights", torch.ones(2) / 2, constraint=dist.constraints.simplex)
        places = pyro.param("places", torch.tensor([-1.0, 1.0]))
        with pyro.plate("data", len(data)):
            kind = pyro.sample("kind", dist.Categorical(weights))
            pyro.sample("seen", dist.Normal(places[kind], 1.0), obs=data)

    loss = TraceEnum_ELBO(max_plate_nesting=1)
    inference = SVI(mixture, lambda data: None, pyro.optim.Adam({"lr": 0.1}), loss)
    expected("losses", [inference.step(data) for _ in range(5)])
    expected("weights", pyro.param("weights"))
    expected("places", pyro.param("places"))


def test_hamiltonian_monte_carlo():
    data = drawn("data", 50) * 0.5 + 2
    chain = MCMC(NUTS(_model), num_samples=30, warmup_steps=30, disable_progbar=True)
    chain.run(data)
    assert abs(chain.get_samples()["mean"].mean() - data.mean()) < 0.3


def test_a_layer_with_random_weights(expected):
    layer = PyroModule[nn.Linear](3, 1)
    layer.weight = PyroSample(dist.Normal(0.0, 1.0).expand([1, 3]).to_event(2))
    layer.bias = PyroSample(dist.Normal(0.0, 1.0).expand([1]).to_event(1))
    weight, x = drawn("weight", 1, 3), drawn("x", 4, 3)
    given = pyro.condition(layer, {"weight": weight, "bias": torch.ones(1)})
    trace = pyro.poutine.trace(given).get_trace(x)
    expected("output", trace.nodes["_RETURN"]["value"])
    expected("log_prob", trace.log_prob_sum())
