"""Random numbers: one stream on every device, generators, distributions."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from support import array

import tritonnn as torch

DEVICES = ("cpu", "cuda")
FILLS = {
    "uniform_": lambda x: x.uniform_(-2, 3),
    "normal_": lambda x: x.normal_(1, 2),
    "log_normal_": lambda x: x.log_normal_(0, 0.5),
    "exponential_": lambda x: x.exponential_(2),
    "cauchy_": lambda x: x.cauchy_(1, 0.5),
    "geometric_": lambda x: x.geometric_(0.3),
    "random_": lambda x: x.random_(0, 50),
    "bernoulli_": lambda x: x.bernoulli_(0.3),
}
FLOATS = (torch.float32, torch.float64, torch.float16, torch.bfloat16)


def filled(name: str, shape: tuple[int, ...], dtype: torch.dtype, device: str, seed: int = 3) -> torch.Tensor:
    torch.manual_seed(seed)
    return FILLS[name](torch.empty(shape, dtype=dtype, device=device))


@pytest.mark.parametrize("dtype", FLOATS, ids=lambda d: d.name)
@pytest.mark.parametrize("name", FILLS)
def test_one_stream_on_every_device(name, dtype):
    here, there = (array(filled(name, (5, 67), dtype, device)).astype(np.float64) for device in DEVICES)
    if name in ("uniform_", "random_", "bernoulli_"):
        np.testing.assert_array_equal(here, there)
    else:  # logarithms and sines round differently
        np.testing.assert_allclose(here, there, rtol=4 * float(torch.finfo(dtype).eps), atol=1e-6)


@pytest.mark.parametrize("name", ["philox_uniform", "philox_normal"])
def test_stream_is_that_of_triton(name):
    """Values 0, 4, 8, ... are tl.rand (tl.randn) of the counter, the others what tl.rand4x gives beside it."""
    import triton
    from triton import language as tl

    from tritonnn.kernels.launch.launch import launch

    @triton.jit
    def draw(out, seed, NORMAL: tl.constexpr, BLOCK: tl.constexpr):
        i = tl.arange(0, BLOCK)
        if NORMAL:
            a, b, c, d = tl.randn4x(seed, i)
        else:
            a, b, c, d = tl.rand4x(seed, i)
        tl.store(out + 4 * i, a)
        tl.store(out + 4 * i + 1, b)
        tl.store(out + 4 * i + 2, c)
        tl.store(out + 4 * i + 3, d)

    draw.fn.__globals__["tl"] = tl
    wanted = torch.empty(256, device="cuda")
    launch(draw, (1,), wanted._buf, 1234, NORMAL=name == "philox_normal", BLOCK=64)
    torch.manual_seed(1234)
    got = torch.randn(256) if name == "philox_normal" else torch.rand(256)
    np.testing.assert_allclose(
        got.numpy(), wanted.cpu().numpy(), rtol=0 if name == "philox_uniform" else 1e-6
    )


def test_block_size_does_not_matter(monkeypatch, forget_launches):
    from tritonnn.cpu_fallback import random as twins
    from tritonnn.kernels.random import random as kernels

    wanted = [array(filled("uniform_", (999,), torch.float32, device)) for device in DEVICES]
    monkeypatch.setattr(twins, "BLOCK", 64)
    monkeypatch.setattr(kernels, "BLOCK", 32)
    forget_launches()
    for device, before in zip(DEVICES, wanted, strict=True):
        np.testing.assert_array_equal(array(filled("uniform_", (999,), torch.float32, device)), before)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", FILLS)
def test_strides_do_not_matter(name, device):
    """Element i, counted row by row, gets number i of the stream wherever it lies."""
    dense = filled(name, (6, 5), torch.float32, device)
    torch.manual_seed(3)
    wide = torch.zeros(5, 12, device=device)
    FILLS[name](wide.t()[::2])
    np.testing.assert_array_equal(wide.t()[::2].cpu().numpy(), dense.cpu().numpy())
    assert float(wide.t()[1::2].abs().sum()) == 0


def test_each_fill_moves_on():
    torch.manual_seed(5)
    whole = torch.rand(24)
    torch.manual_seed(5)
    parts = torch.cat([torch.rand(8), torch.rand(16)])
    assert torch.equal(whole, parts)
    torch.manual_seed(5)
    torch.rand(5)  # a fill takes whole counters of four numbers
    assert torch.equal(torch.rand(4), whole[8:12])


def test_seeds():
    assert torch.manual_seed(11).initial_seed() == 11
    a = torch.rand(3)
    assert torch.equal(a, torch.rand(3, generator=torch.Generator().manual_seed(11)))
    assert not torch.equal(a, torch.rand(3, generator=torch.Generator().manual_seed(12)))
    torch.manual_seed(-1)
    assert torch.initial_seed() == 2**64 - 1
    chosen = torch.seed()
    assert torch.initial_seed() == chosen != torch.seed()
    with pytest.raises(ValueError, match="Overflow"):
        torch.manual_seed(2**64)


def test_large_seed_and_offset():
    """The high halves of seed and counter take part, on both devices alike."""
    draws = {}
    for device in DEVICES:
        for seed, offset in ((7, 0), (7 + 2**32, 0), (7, 2**34)):
            g = torch.Generator(device).manual_seed(seed)
            g.set_offset(offset)
            draws[device, seed, offset] = torch.rand(4, device=device, generator=g).tolist()
    assert len({tuple(v) for v in draws.values()}) == 3
    for (device, *place), values in draws.items():
        assert values == draws["cpu", place[0], place[1]], device


@pytest.mark.parametrize("device", DEVICES)
def test_state_is_saved_and_restored(device):
    g = torch.Generator(device).manual_seed(1)
    torch.rand(7, device=device, generator=g)
    state = g.get_state()
    assert state.dtype is torch.uint8 and state.device.type == "cpu"
    wanted = torch.rand(3, device=device, generator=g)
    assert torch.equal(torch.rand(3, device=device, generator=g.set_state(state)), wanted)
    copied = pickle.loads(pickle.dumps(torch.Generator().set_state(state)))
    assert torch.equal(torch.rand(3, generator=copied), wanted.cpu())
    with pytest.raises(RuntimeError, match="wrong size"):
        g.set_state(torch.zeros(3, dtype=torch.uint8))
    with pytest.raises(RuntimeError, match="multiple of 4"):
        g.set_offset(3)


def test_default_generators():
    torch.manual_seed(2)
    state = torch.get_rng_state()
    a = torch.rand(3)
    torch.set_rng_state(state)
    assert torch.equal(torch.rand(3), a)
    with torch.random.fork_rng():
        torch.manual_seed(9)
        torch.rand(5)
    b = torch.rand(3)
    torch.manual_seed(2)
    torch.rand(3)
    assert torch.equal(torch.rand(3), b)
    torch.manual_seed(2)
    assert torch.equal(torch.rand(3, device="cuda").cpu(), a)


def test_a_device_that_is_used_later_starts_from_the_last_seed(monkeypatch):
    from tritonnn import random

    cpu = random.default_generator
    monkeypatch.setattr(random, "_generators", {cpu.device: cpu})
    torch.manual_seed(2)
    a = torch.rand(3)
    assert torch.equal(torch.rand(3, device="cuda").cpu(), a)


@pytest.mark.parametrize("dtype", FLOATS, ids=lambda d: d.name)
def test_uniform_stays_below_one(dtype):
    values = array(torch.rand(200_000, dtype=dtype)).astype(np.float64)
    assert values.min() >= 0 and values.max() < 1
    assert abs(values.mean() - 0.5) < 0.005 and abs(values.var() - 1 / 12) < 0.002


def moments(x: torch.Tensor) -> tuple[float, float]:
    values = array(x).astype(np.float64)
    return float(values.mean()), float(values.var())


@pytest.mark.parametrize(
    ("make", "mean", "variance"),
    [
        (lambda n: torch.randn(n), 0, 1),
        (lambda n: torch.randn(n, dtype=torch.float64), 0, 1),
        (lambda n: torch.empty(n).normal_(3, 2), 3, 4),
        (lambda n: torch.empty(n).exponential_(0.5), 2, 4),
        (lambda n: torch.empty(n).log_normal_(0, 0.5), math.exp(0.125), (math.exp(0.25) - 1) * math.exp(0.25)),
        (lambda n: torch.empty(n).geometric_(0.25), 4, 12),
        (lambda n: torch.randint(-3, 6, (n,)), 1, 80 / 12),
        (lambda n: torch.randint(0, 2**40, (n,)).double() / 2**40, 0.5, 1 / 12),
        (lambda n: torch.bernoulli(torch.full((n,), 0.3)), 0.3, 0.21),
        (lambda n: torch.poisson(torch.full((n,), 0.7)), 0.7, 0.7),
        (lambda n: torch.poisson(torch.full((n,), 40.0)), 40, 40),
        (lambda n: torch.normal(torch.full((n,), 2.0), torch.full((n,), 3.0)), 2, 9),
        (lambda n: torch.randn(n, dtype=torch.complex64).abs().square(), 1, 1),
    ],
)  # fmt: skip
def test_moments(make, mean, variance):
    got_mean, got_variance = moments(make(100_000))
    assert got_mean == pytest.approx(mean, abs=5 * math.sqrt(variance / 100_000) + 1e-9)
    assert got_variance == pytest.approx(variance, rel=0.05)


def test_normal_has_tails_and_symmetry():
    x = array(torch.randn(400_000)).astype(np.float64)
    assert abs((x**3).mean()) < 0.03 and (x**4).mean() == pytest.approx(3, rel=0.03)
    assert (np.abs(x) > 3).mean() == pytest.approx(0.0027, rel=0.15)
    neighbours = np.corrcoef(x[0::2], x[1::2])[0, 1]
    assert abs(neighbours) < 0.01


def test_cauchy_quartiles():
    x = np.sort(array(torch.empty(100_000).cauchy_(1, 2)))
    assert x[50_000] == pytest.approx(1, abs=0.05) and x[75_000] == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize("device", DEVICES)
def test_poisson_agrees_on_devices(device):
    rates = torch.tensor([0.0, 0.1, 3.0, 9.9, 10.0, 25.0, 400.0]).repeat(20)
    torch.manual_seed(1)
    wanted = torch.poisson(rates)
    torch.manual_seed(1)
    assert torch.equal(torch.poisson(rates.to(device)).cpu(), wanted)
    assert float(wanted[::7].sum()) == 0


@pytest.mark.parametrize("device", DEVICES)
def test_randperm(device):
    torch.manual_seed(4)
    order = torch.randperm(100, device=device)
    assert order.dtype is torch.int64
    assert sorted(order.tolist()) == list(range(100)) != order.tolist()
    torch.manual_seed(4)
    assert torch.randperm(100).tolist() == order.tolist()
    assert torch.randperm(0, device=device).shape == (0,)
    assert torch.randperm(5, dtype=torch.int32, device=device).dtype is torch.int32
    with pytest.raises(RuntimeError, match="non-negative"):
        torch.randperm(-1)


def test_randperm_is_uniform():
    counts = np.zeros((4, 4))
    for _ in range(600):
        counts[np.arange(4), torch.randperm(4).numpy()] += 1
    assert np.abs(counts / 600 - 0.25).max() < 0.08


@pytest.mark.parametrize("device", DEVICES)
def test_multinomial(device):
    weights = torch.tensor([[0.0, 1.0, 3.0], [2.0, 0.0, 2.0]], device=device)
    drawn = torch.multinomial(weights, 400, replacement=True).cpu().numpy()
    assert drawn.shape == (2, 400)
    assert (drawn[0] == 0).sum() == 0 == (drawn[1] == 1).sum()
    assert (drawn[0] == 2).mean() == pytest.approx(0.75, abs=0.1)
    without = torch.multinomial(torch.ones(20, device=device), 20).tolist()
    assert sorted(without) == list(range(20))
    assert torch.multinomial(weights[0], 2).tolist() in ([1, 2], [2, 1])


def test_multinomial_without_replacement_favours_weight():
    weights = torch.tensor([8.0, 1.0, 1.0])
    first = [int(torch.multinomial(weights, 1)) for _ in range(300)]
    assert first.count(0) / 300 == pytest.approx(0.8, abs=0.08)


def test_shapes_and_options():
    assert torch.rand(2, 3).shape == torch.rand((2, 3)).shape == torch.rand([2, 3]).shape == (2, 3)
    assert torch.randn(2, requires_grad=True).requires_grad
    assert torch.rand_like(torch.zeros(2, 3, dtype=torch.float64)).dtype is torch.float64
    assert torch.randint(low=1, high=5, size=(3, 4), dtype=torch.long).shape == (3, 4)
    assert torch.randint(5, (2,)).dtype is torch.int64
    assert torch.randint_like(torch.zeros(3), 2, 4).dtype is torch.float32
    assert torch.normal(0.0, 1.0, size=(2, 2)).shape == (2, 2)
    out = torch.empty(4)
    assert torch.rand(4, out=out) is out and out._version == 1
    assert torch.rand(0, 3).shape == (0, 3)
    assert torch.randint(0, 2, (50,), dtype=torch.bool).dtype is torch.bool
    assert torch.normal(
        torch.zeros(2, requires_grad=True), 1.0
    ).requires_grad  # with gradients of 0, as PyTorch has it


def test_random_default_ranges():
    assert int(torch.empty(1000, dtype=torch.uint8).random_().max()) > 200
    assert int(torch.empty(1000, dtype=torch.int64).random_().max()) > 2**61
    assert float(torch.empty(1000).random_().max()) <= 2**24
    assert set(torch.empty(100, dtype=torch.bool).random_().tolist()) == {True, False}
    assert set(torch.empty(100, dtype=torch.int32).random_(3).tolist()) == {0, 1, 2}


def test_fill_bumps_version_and_cuts_history():
    x = torch.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        x.normal_()
    y = x * 2
    y.uniform_()
    (y * 3).sum().backward()
    assert x.grad is None or torch.equal(x.grad, torch.zeros(3))


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: torch.rand(3, dtype=torch.int64), NotImplementedError, "int64"),
        (lambda: torch.rand(-3), RuntimeError, "negative dimension"),
        (lambda: torch.ones(3).uniform_(2, 1), RuntimeError, "from=2 > to=1"),
        (lambda: torch.ones(3).uniform_(lo=1), TypeError, "unexpected keyword argument 'lo'"),
        (lambda: torch.ones(3).normal_(0, -1), RuntimeError, "std >= 0.0, but found std -1"),
        (lambda: torch.ones(3).exponential_(0), RuntimeError, "lambda > 0.0, but found lambda=0"),
        (lambda: torch.ones(3).geometric_(1.0), RuntimeError, r"p to be in \(0, 1\)"),
        (lambda: torch.ones(3).cauchy_(0, 0), RuntimeError, "sigma > 0.0"),
        (lambda: torch.ones(3).log_normal_(0, 0), RuntimeError, "std > 0.0"),
        (lambda: torch.arange(3).normal_(), NotImplementedError, "normal_: expected a floating tensor, got int64"),
        (lambda: torch.ones(3).bernoulli_(2.0), RuntimeError, r"p to be in \[0, 1\], but got p=2"),
        (lambda: torch.bernoulli(torch.tensor([2.0])), RuntimeError, "Expected p_in >= 0 && p_in <= 1"),
        (lambda: torch.ones(3).random_(3, 3), RuntimeError, "'from' to be less than 'to'"),
        (lambda: torch.randint(0, 300, (2,), dtype=torch.uint8), RuntimeError, "to - 1 is out of bounds for uint8"),
        (lambda: torch.poisson(-torch.ones(3)), RuntimeError, "rate to be non-negative"),
        (lambda: torch.normal(torch.zeros(3), -torch.ones(3)), RuntimeError, "std >= 0.0"),
        (lambda: torch.multinomial(torch.zeros(3), 2), RuntimeError, "sum of probabilities <= 0"),
        (lambda: torch.multinomial(-torch.ones(3), 1), RuntimeError, "element < 0"),
        (lambda: torch.multinomial(torch.ones(3), 4), RuntimeError, "cannot sample n_sample > prob_dist.size"),
        (lambda: torch.multinomial(torch.ones(3), 0), RuntimeError, "n_sample <= 0"),
        (lambda: torch.multinomial(torch.ones(2, 2, 2), 1), RuntimeError, "must be 1 or 2 dim"),
        (lambda: torch.rand(2, generator=5), TypeError, "must be torch.Generator"),
    ],
)  # fmt: skip
def test_errors(call, error, match):
    with pytest.raises(error, match=match):
        call()


def test_numbers_drawn_one_by_one():
    """Each draw begins at a counter of its own: it is the first of four words of one large draw."""
    many, other = 4 * 600, torch.Generator().manual_seed(1)
    expected = torch.rand(many, generator=torch.Generator().manual_seed(7))[::4].tolist()
    whole = torch.randint(-5, 1000, (many,), generator=torch.Generator().manual_seed(7))[::4].tolist()
    double = torch.rand(many, generator=torch.Generator().manual_seed(7), dtype=torch.float64)[::2].tolist()
    draws = torch.Generator().manual_seed(7)
    assert [torch.rand(1, generator=draws).item() for _ in expected] == expected
    draws.manual_seed(7)
    for i, number in enumerate(whole):
        if i % 37 == 36:
            torch.rand(3, generator=other)  # another stream in between
        assert torch.randint(-5, 1000, (1,), generator=draws).item() == number
    draws.manual_seed(7)
    assert [torch.rand((), generator=draws, dtype=torch.float64).item() for _ in expected] == double[:600]
    for place in (40, 8, 300, 4, 2396):  # back and forth
        draws.set_offset(place)
        assert torch.rand(1, generator=draws).item() == expected[place // 4]
