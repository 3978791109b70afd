"""Gamma, Dirichlet and binomial variates: one stream on every device, moments, and how variates move."""

from __future__ import annotations

import math

import numpy as np
import pytest
from support import array

import tritonnn as torch

DEVICES = ("cpu", "cuda")
FLOATS = (torch.float32, torch.float64, torch.float16, torch.bfloat16)


@pytest.mark.parametrize("dtype", FLOATS, ids=lambda d: d.name)
@pytest.mark.parametrize("wide", [False, True])
def test_gamma_agrees_on_devices(dtype, wide, monkeypatch, forget_launches):
    from tritonnn.kernels.variates import gamma

    monkeypatch.setattr(gamma, "needs_int64", lambda *_: wide)
    shapes = torch.tensor([0.05, 0.7, 1.0, 2.5, 30.0, 1000.0]).repeat(20).reshape(12, 10).t().to(dtype)
    drawn = []
    for device in DEVICES:
        torch.manual_seed(1)
        drawn.append(array(torch._standard_gamma(shapes.to(device)).cpu()).astype(np.float64))
    # accepted on both or on none: only the last steps round differently
    np.testing.assert_allclose(*drawn, rtol=4 * float(torch.finfo(dtype).eps))


@pytest.mark.parametrize("dtype", FLOATS, ids=lambda d: d.name)
def test_binomial_agrees_on_devices(dtype):
    count = torch.tensor([0.0, 1.0, 5.0, 40.0, 100.0, 250.0], dtype=dtype).repeat(20)
    prob = torch.tensor([0.0, 0.1, 0.3, 0.5, 0.8, 0.999, 1.0], dtype=dtype).unsqueeze(1)
    drawn = []
    for device in DEVICES:
        torch.manual_seed(1)
        drawn.append(torch.binomial(count.to(device), prob.to(device)).cpu())
    assert torch.equal(*drawn)
    assert torch.equal(drawn[0][0], count * 0) and torch.equal(drawn[0][-1], count)


@pytest.mark.parametrize("device", DEVICES)
def test_parameters_at_the_edges(device):
    nan, inf = float("nan"), float("inf")
    values = torch._standard_gamma(torch.tensor([0.0, inf, nan, -1.0], device=device)).tolist()
    assert values[0] == torch.finfo(torch.float32).tiny and values[1] == inf
    assert math.isnan(values[2]) and math.isnan(values[3])
    counts = torch.binomial(torch.tensor([nan, 3.0], device=device), torch.tensor([0.5, nan], device=device))
    assert bool(counts.isnan().all())
    assert torch._standard_gamma(torch.ones(0, 3, device=device)).shape == (0, 3)


@pytest.mark.parametrize("shape", [0.05, 0.5, 1.0, 3.0, 80.0])
def test_gamma_moments(shape):
    n = 200_000
    x = array(torch._standard_gamma(torch.full((n,), shape, dtype=torch.float64)))
    assert x.mean() == pytest.approx(shape, abs=5 * math.sqrt(shape / n))
    assert x.var() == pytest.approx(shape, rel=0.06)
    # E log x is the digamma function, which small values decide
    assert np.log(x).mean() == pytest.approx(
        float(torch.digamma(torch.tensor(shape))), abs=0.02 / min(shape, 1) ** 0.9
    )


@pytest.mark.parametrize(
    ("n", "p"), [(1, 0.3), (12, 0.7), (40, 0.25), (41, 0.25), (500, 0.5), (10_000, 0.97)]
)
def test_binomial_probabilities(n, p):
    size = 100_000
    x = array(torch.binomial(torch.full((size,), float(n)), torch.full((size,), p))).astype(int)
    p = float(np.float32(p))
    k = np.arange(n + 1)
    logs = np.array([math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) for i in k])
    mass = np.exp(logs + k * math.log(p) + (n - k) * math.log1p(-p))
    seen = np.bincount(x, minlength=n + 1) / size
    # Kolmogorov and Smirnov: 1.95 / sqrt(size) is the 0.1 % point
    assert np.abs(np.cumsum(seen) - np.cumsum(mass)).max() < 1.95 / math.sqrt(size)


def test_dirichlet():
    concentration = torch.tensor([0.3, 2.0, 5.0], dtype=torch.float64)
    x = torch._sample_dirichlet(concentration.expand(100_000, 3))
    np.testing.assert_allclose(array(x.sum(-1)), 1, rtol=1e-12)
    share = array(concentration / concentration.sum())
    np.testing.assert_allclose(array(x.mean(0)), share, atol=0.004)
    np.testing.assert_allclose(array(x.var(0)), share * (1 - share) / 8.3, rtol=0.05)
    small = torch._sample_dirichlet(torch.full((200, 3), 1e-3))  # where gamma variates would all be 0
    assert bool(small.isfinite().all()) and bool(((small.sum(-1) - 1).abs() < 1e-6).all())


def test_a_variate_does_not_depend_on_its_neighbours():
    torch.manual_seed(3)
    whole = torch._standard_gamma(torch.tensor([0.5, 7.0, 2.0]))
    torch.manual_seed(3)
    assert torch.equal(torch._standard_gamma(torch.tensor([0.5])), whole[:1])
    mixed = torch.Generator().manual_seed(3)
    assert torch.equal(torch._standard_gamma(torch.tensor([9.0, 7.0, 0.1]), generator=mixed)[1], whole[1])


# ---- derivatives -----------------------------------------------------------------------------------------


def quantile_slope(quantile, a, q, step=1e-4):
    """How the quantile moves with the parameter, which is how a variate made by inversion does."""
    h = a * step
    ends = [quantile(a + k * h, q) for k in (-2, -1, 1, 2)]
    return (ends[0] - 8 * ends[1] + 8 * ends[2] - ends[3]) / (12 * h)


def bisected(cdf, low, high, q):
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if cdf(middle) < q else (low, middle)
    return (low + high) / 2


def gamma_cdf(a, x):
    """DLMF 8.7.1."""
    term = total = 1 / a
    n = a
    while term > total * 1e-17:
        n += 1
        term *= x / n
        total += term
    return total * math.exp(a * math.log(x) - x - math.lgamma(a)) if x > 0 else 0.0


@pytest.mark.parametrize("device", DEVICES)
def test_gamma_moves_as_its_quantiles(device):
    cases = [(a, q) for a in (0.3, 0.9, 2.5, 40.0, 300.0) for q in (0.05, 0.5, 0.97)]
    shapes, values, slopes = [], [], []
    for a, q in cases:
        quantile = lambda a, q: bisected(lambda x: gamma_cdf(a, x), 0.0, 10 * a + 30, q)
        shapes.append(a)
        values.append(quantile(a, q))
        slopes.append(quantile_slope(quantile, a, q))
    made = torch._standard_gamma_grad(
        *(torch.tensor(x, dtype=torch.float64, device=device) for x in (shapes, values))
    )
    np.testing.assert_allclose(array(made.cpu()), slopes, rtol=3e-7)


@pytest.mark.parametrize("device", DEVICES)
def test_beta_moves_as_its_quantiles(device):
    """Of Beta(a, 1), x = u^(1/a), and of Beta(a, 2), whose distribution function is (a + 1) x^a - a x^(a + 1)."""
    xs, alphas, totals, slopes = [], [], [], []
    for a in (0.01, 0.4, 3.0, 50.0):
        for q in (0.02, 0.5, 0.95):
            x = q ** (1 / a)
            if x > 1e-30:
                xs.append(x)
                slopes.append(-x * math.log(q) / a**2 / (1 - x))
                alphas.append(a)
                totals.append(a + 1)
            quantile = lambda a, q: math.exp(
                bisected(lambda s: (a + 1) * math.exp(a * s) - a * math.exp((a + 1) * s), -900 / a, 0, q)
            )
            x = quantile(a, q)
            if x > 1e-30:
                xs.append(x)
                slopes.append(quantile_slope(quantile, a, q) / (1 - x))
                alphas.append(a)
                totals.append(a + 2)
    made = torch._dirichlet_grad(
        *(torch.tensor(v, dtype=torch.float64, device=device) for v in (xs, alphas, totals))
    )
    np.testing.assert_allclose(array(made.cpu()), slopes, rtol=1e-6)


@pytest.mark.parametrize("device", DEVICES)
def test_gradient_of_gamma(device):
    a = torch.tensor([0.4, 3.0, 20.0], dtype=torch.float64, device=device, requires_grad=True)
    x = torch._standard_gamma(a)
    (x * 2).sum().backward()
    assert torch.equal(a.grad, 2 * torch._standard_gamma_grad(a.detach(), x.detach()))


@pytest.mark.parametrize("device", DEVICES)
def test_incomplete_gamma_functions(device):
    """For whole and half a, Q is a sum of elementary functions and erfc (DLMF 8.4.10, 8.4.15); both where small."""
    a = [k / 2 for k in range(1, 80)]
    xs = (1e-12, 1e-3, 0.4, 1.0, 1.5, 8.0, 19.5, 45.0)
    wanted = []
    for shape in a:
        row = []
        for x in xs:
            half = shape % 1
            total = math.erfc(math.sqrt(x)) if half else 0.0
            for k in range(int(shape)):
                total += math.exp((k + half) * math.log(x) - x - math.lgamma(k + half + 1))
            row.append(total)
        wanted.append(row)
    args = (
        torch.tensor(a, dtype=torch.float64, device=device).unsqueeze(1),
        torch.tensor(xs, dtype=torch.float64, device=device),
    )
    upper, lower = array(torch.special.gammaincc(*args).cpu()), array(torch.special.gammainc(*args).cpu())
    np.testing.assert_allclose(upper, wanted, rtol=1e-12)
    np.testing.assert_allclose(upper + lower, 1, rtol=1e-14)
    small = args[0].cpu().numpy(), 1e-12
    np.testing.assert_allclose(
        lower[:, 0], np.exp([s * math.log(small[1]) - math.lgamma(s + 1) for s in a]), rtol=1e-11
    )


@pytest.mark.parametrize("device", DEVICES)
def test_incomplete_gamma_at_the_edges(device):
    a = torch.tensor([1e-300, 1e-20, 1e30, 1e30], dtype=torch.float64, device=device)
    x = torch.tensor([0.5, 0.5, 1e30, 1e30 * (1 + 1e-14)], dtype=torch.float64, device=device)
    e1 = 0.5597735947761607  # the exponential integral of 1/2, to which Q / a tends
    np.testing.assert_allclose(array(torch.igammac(a, x).cpu())[:2], [1e-300 * e1, 1e-20 * e1], rtol=1e-12)
    assert array(torch.igamma(a, x).cpu())[2:].tolist() == [pytest.approx(0.5), 1.0]


@pytest.mark.parametrize("device", DEVICES)
def test_gamma_moves_far_below_its_mean(device):
    """By the power series of the distribution function, whose terms have one sign there: nothing may cancel."""
    cases = [(20.0, 2.0), (50.0, 12.0), (300.0, 100.0)]
    wanted = []
    for a, x in cases:
        term, psi, total = x / a, float(torch.digamma(torch.tensor(a + 1, dtype=torch.float64))), 0.0
        for n in range(1, 200):
            total += term * (psi - math.log(x))
            term *= x / (a + n)
            psi += 1 / (a + n)
        wanted.append(total)
    made = torch._standard_gamma_grad(
        *(torch.tensor(v, dtype=torch.float64, device=device) for v in zip(*cases))
    )
    np.testing.assert_allclose(array(made.cpu()), wanted, rtol=1e-11)
