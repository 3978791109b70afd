"""nn.init: bounds, moments, structure, refusals, older names."""

from __future__ import annotations

import math

import pytest

import tritonnn as torch

init = torch.nn.init


def moments(tensor):
    return tensor.mean().item(), tensor.std().item(), tensor.abs().max().item()


@pytest.mark.parametrize(
    ("name", "param", "wanted"),
    [
        ("linear", None, 1),
        ("conv2d", None, 1),
        ("conv_transpose3d", None, 1),
        ("sigmoid", None, 1),
        ("tanh", None, 5 / 3),
        ("relu", None, math.sqrt(2)),
        ("leaky_relu", None, math.sqrt(2 / 1.0001)),
        ("leaky_relu", 0.5, math.sqrt(1.6)),
        ("leaky_relu", 2, math.sqrt(0.4)),
        ("selu", None, 0.75),
    ],
)
def test_gain(name, param, wanted):
    assert init.calculate_gain(name, param) == pytest.approx(wanted)
    assert init.gain(name, param) == pytest.approx(wanted)


@pytest.mark.parametrize(("name", "param"), [("swish", None), ("leaky_relu", "a"), ("leaky_relu", True)])
def test_gain_refuses(name, param):
    with pytest.raises(ValueError, match=r"Unsupported nonlinearity|not a valid number"):
        init.calculate_gain(name, param)


# fan_in 6 * 9 = 54, fan_out 40 * 9 = 360
WEIGHT = (40, 6, 3, 3)
UNIFORM = {
    "uniform": (lambda w: init.uniform_(w, -0.5, 0.5), 0.5),
    "xavier_uniform": (lambda w: init.xavier_uniform_(w, gain=2), 2 * math.sqrt(6 / 414)),
    "kaiming_uniform": (lambda w: init.kaiming_uniform_(w), math.sqrt(2) * math.sqrt(3 / 54)),
    "kaiming_uniform_slope": (lambda w: init.kaiming_uniform_(w, a=math.sqrt(5)), 1 / math.sqrt(54)),
    "kaiming_uniform_out": (
        lambda w: init.kaiming_uniform_(w, mode="fan_out", nonlinearity="relu"),
        math.sqrt(2) * math.sqrt(3 / 360),
    ),
}
NORMAL = {
    "normal": (lambda w: init.normal_(w, 0, 0.3), 0.3),
    "xavier_normal": (lambda w: init.xavier_normal_(w), math.sqrt(2 / 414)),
    "kaiming_normal": (lambda w: init.kaiming_normal_(w, nonlinearity="linear"), 1 / math.sqrt(54)),
    "kaiming_normal_out": (lambda w: init.kaiming_normal_(w, mode="fan_out"), math.sqrt(2 / 360)),
}


@pytest.mark.parametrize("name", UNIFORM)
def test_uniform_distributions(name):
    fill, bound = UNIFORM[name]
    w = torch.empty(WEIGHT)
    assert fill(w) is w
    mean, std, largest = moments(w)
    assert 0.98 * bound < largest <= bound and abs(mean) < 0.05 * bound
    assert std == pytest.approx(bound / math.sqrt(3), rel=0.05)


@pytest.mark.parametrize("name", NORMAL)
def test_normal_distributions(name):
    fill, wanted = NORMAL[name]
    w = torch.empty(WEIGHT)
    assert fill(w) is w
    mean, std, largest = moments(w)
    assert std == pytest.approx(wanted, rel=0.06) and abs(mean) < 0.1 * wanted and largest > 2.5 * wanted


def test_truncated_normal():
    w = init.trunc_normal_(torch.empty(20000), mean=1.0, std=2.0, a=0.0, b=2.0)
    assert 0 <= w.min().item() < 0.01 and 1.99 < w.max().item() <= 2
    assert w.mean().item() == pytest.approx(1, abs=0.02)
    # Between ±0.5 standard deviations, the density at the ends is e^-0.125 of that in the middle.
    middle = ((w > 0.9) & (w < 1.1)).float().mean().item()
    ends = ((w < 0.1) | (w > 1.9)).float().mean().item()
    assert ends / middle == pytest.approx(math.exp(-0.11), rel=0.1)
    with pytest.warns(UserWarning, match="mean is more than 2 std from"):
        init.trunc_normal_(torch.empty(3), mean=10.0)


def test_generators_decide_the_numbers():
    def draw(seed):
        return init.kaiming_normal_(torch.empty(3, 4), generator=torch.Generator().manual_seed(seed)).tolist()

    assert draw(1) == draw(1) != draw(2)


def test_fills():
    assert init.constant_(torch.empty(2), 3).tolist() == [3, 3]
    assert init.ones_(torch.empty(2)).tolist() == [1, 1] and init.zeros_(torch.ones(2)).tolist() == [0, 0]
    assert init.eye_(torch.empty(2, 3)).tolist() == [[1, 0, 0], [0, 1, 0]]


def test_dirac_passes_channels_through():
    conv = torch.nn.Conv2d(4, 4, 3, padding=1, bias=False)
    init.dirac_(conv.weight)
    x = torch.randn(1, 4, 5, 5)
    assert conv(x).tolist() == x.tolist()
    grouped = torch.nn.Conv1d(4, 4, 3, padding=1, bias=False, groups=2)
    init.dirac_(grouped.weight, groups=2)
    x = torch.randn(1, 4, 5)
    assert grouped(x).tolist() == x.tolist()


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (40, 40), (4, 2, 3, 3)])
def test_orthogonal(shape):
    w = init.orthogonal_(torch.empty(shape), gain=2).flatten(1)
    product = w @ w.t() if w.shape[0] <= w.shape[1] else w.t() @ w
    assert float((product - 4 * torch.eye(product.shape[0])).abs().max()) < 1e-5


def test_sparse():
    w = init.sparse_(torch.empty(10, 30), 0.25)
    assert (w == 0).sum(0).tolist() == [3] * 30
    assert w[w != 0].std().item() == pytest.approx(0.01, rel=0.25)


@pytest.mark.parametrize(
    ("action", "text"),
    [
        (lambda: init.xavier_uniform_(torch.empty(3)), "Fan in and fan out can not be computed"),
        (lambda: init.kaiming_normal_(torch.empty(3, 3), mode="fan_avg"), "Mode fan_avg not supported"),
        (lambda: init.eye_(torch.empty(3)), "Only tensors with 2 dimensions"),
        (lambda: init.sparse_(torch.empty(3), 0.1), "Only tensors with 2 dimensions"),
        (lambda: init.dirac_(torch.empty(3, 3)), "Only tensors with 3, 4, or 5 dimensions"),
        (lambda: init.dirac_(torch.empty(3, 3, 3), groups=2), "must be divisible by groups"),
        (lambda: init.orthogonal_(torch.empty(3)), "2 or more dimensions"),
    ],
)
def test_refusals(action, text):
    with pytest.raises(ValueError, match=text):
        action()


def test_empty_tensors():
    for fill in (init.kaiming_uniform_, init.kaiming_normal_):
        with pytest.warns(UserWarning, match="Initializing zero-element tensors is a no-op"):
            fill(torch.empty(0, 3))
    assert init.orthogonal_(torch.empty(0, 3)).shape == (0, 3)


def test_parameters_stay_leaves():
    p = torch.nn.Parameter(torch.empty(3, 3))
    for fill in (
        init.uniform_,
        init.normal_,
        init.trunc_normal_,
        init.xavier_normal_,
        init.orthogonal_,
        init.eye_,
        init.ones_,
        init.zeros_,
        lambda p: init.constant_(p, 2.0),
        lambda p: init.sparse_(p, 0.5),
        init.kaiming_uniform_,
    ):
        assert fill(p) is p and p.is_leaf and p.requires_grad and p.grad_fn is None


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("uniform", ()), ("normal", ()), ("constant", (3,)), ("eye", ()), ("xavier_uniform", ()), ("xavier_normal", ()),
        ("kaiming_uniform", ()), ("kaiming_normal", ()), ("orthogonal", ()), ("sparse", (0.5,)),
    ],
)  # fmt: skip
def test_older_names_warn_and_work(name, arguments):
    w = torch.empty(3, 3)
    with pytest.warns(
        FutureWarning, match=f"`nn.init.{name}` is now deprecated in favor of `nn.init.{name}_`"
    ):
        assert getattr(init, name)(w, *arguments) is w
