"""The fused linear layer and cross-entropy: against the composition, its memory, its options, its module."""

from __future__ import annotations

import numpy as np
import pytest

import tritonnn as torch
import tritonnn.nn.functional as F
from tritonnn import nn
from tritonnn.nn import LinearCrossEntropyOptions as Options
from tritonnn.ops.loss._chunking import chunk_rows, ratio_rows, resolve_chunking

DEVICES = ("cpu", "cuda")
ROWS, FEATURES, CLASSES = 21, 12, 37
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5, torch.float16: 4e-3, torch.bfloat16: 3e-2}


def problem(device="cpu", dtype=torch.float64, rows=ROWS, features=FEATURES, classes=CLASSES):
    """Input, weight and bias that require grad; target with an ignored class; weights of the classes."""
    rng = np.random.default_rng(5)
    target = rng.integers(0, classes, rows)
    target[rows // 2] = -100

    def normal(*shape):
        return torch.from_numpy(rng.normal(size=shape)).to(dtype).to(device)

    leaves = [
        normal(*shape).requires_grad_() for shape in ((rows, features), (classes, features), (classes,))
    ]
    return (*leaves, torch.from_numpy(target).to(device), normal(classes).abs())


def gradients(loss, leaves, **given):
    return [g.to(torch.float64).cpu().numpy() for g in torch.autograd.grad(loss, leaves, **given)]


def composed(x, w, b, target, **given):
    """In float64 on the CPU, all scores at once."""
    wide = [t.detach().cpu().double().requires_grad_() for t in (x, w, b)]
    given = {k: v.cpu().double() if isinstance(v, torch.Tensor) else v for k, v in given.items()}
    return F.cross_entropy(F.linear(*wide), target.cpu(), **given), wide


# The policies differ in half precision only.
POLICIES = [(dtype, "auto") for dtype in TOLERANCE]
POLICIES += [(torch.float16, policy) for policy in ("accurate", "balanced", "compact")]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(("dtype", "policy"), POLICIES, ids=[f"{d.name}-{p}" for d, p in POLICIES])
@pytest.mark.parametrize("device", DEVICES)
def test_same_as_composed(device, dtype, policy, reduction):
    x, w, b, target, weight = problem(device, dtype)
    given = {"weight": weight, "label_smoothing": 0.1, "reduction": reduction}
    options = Options(batch_chunk_size=8, acc_policy=policy)
    loss = F.linear_cross_entropy(x, w, target, linear_bias=b, options=options, **given)
    wanted, leaves = composed(x, w, b, target, **given)
    assert loss.dtype is dtype and loss.device.type == device and loss.shape == wanted.shape
    share = torch.linspace(-1, 1, ROWS, dtype=torch.float64) if reduction == "none" else torch.tensor(1.5)
    grads = gradients((loss * share.to(dtype).to(device)).sum(), [x, w, b])
    expected = gradients((wanted * share.double()).sum(), leaves)
    pairs = zip(
        [loss.detach().double().cpu().numpy(), *grads], [wanted.detach().numpy(), *expected], strict=True
    )
    for a, e in pairs:
        assert np.abs(a - e).max() <= TOLERANCE[dtype] * max(1.0, np.abs(e).max())


def test_a_single_sample():
    x, w, _, target, _ = problem()
    wanted = F.cross_entropy(F.linear(x[:1], w), target[:1])
    for reduction in ("mean", "none"):
        for y in (target[0], target[:1]):
            loss = F.linear_cross_entropy(x[0], w, y, reduction=reduction)
            assert loss.shape == () and float(loss) == pytest.approx(float(wanted))
            for a, e in zip(
                gradients(loss, [x, w]), gradients(wanted, [x, w], retain_graph=True), strict=True
            ):
                np.testing.assert_allclose(a, e, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("device", DEVICES)
def test_half_precision_gradients_do_not_underflow(device):
    """Each of 4000 samples' share, times a probability, is far below what float16 can hold; their sum is not."""
    x = torch.ones(4000, 1, dtype=torch.float16, device=device)
    w = torch.zeros(64, 1, dtype=torch.float16, device=device).requires_grad_()
    target = torch.zeros(4000, dtype=torch.int64, device=device)
    loss = F.linear_cross_entropy(x, w, target, options=Options(batch_chunk_size=1000)) * 2.0**-6
    (grad,) = torch.autograd.grad(loss, [w])
    assert grad[1:].cpu().numpy() == pytest.approx(2.0**-12, rel=2e-3)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16], ids=lambda d: d.name)
def test_nothing_counted(device, dtype):
    """A mean over nothing is nan, with gradients of 0; so it is for no rows."""
    x, w, b, target, _ = problem(device, dtype)
    for rows in (ROWS, 0):
        some = target[:rows].fill_(-100)
        loss = F.linear_cross_entropy(x[:rows], w, some, linear_bias=b)
        assert bool(loss.isnan())
        for grad in torch.autograd.grad(loss, [x, w, b]):
            assert float(grad.abs().sum()) == 0
    assert float(F.linear_cross_entropy(x[:0], w, target[:0], reduction="sum")) == 0
    assert F.linear_cross_entropy(x[:0], w, target[:0], reduction="none").shape == (0,)


def test_only_the_wanted_gradients():
    x, w, b, target, _ = problem()
    for wanted in ([x], [w], [b], [x, b]):
        loss = F.linear_cross_entropy(x, w, target, linear_bias=b, options=Options(batch_chunk_size=8))
        for a, e in zip(
            gradients(loss, wanted),
            gradients(F.cross_entropy(F.linear(x, w, b), target), wanted),
            strict=True,
        ):
            np.testing.assert_allclose(a, e, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_second_derivatives(reduction):
    x, w, b, target, weight = problem(rows=5, features=3, classes=4)
    options = Options(batch_chunk_size=2, allow_retain_graph=True)

    def loss(x, w, b):
        return F.linear_cross_entropy(
            x,
            w,
            target,
            linear_bias=b,
            weight=weight,
            label_smoothing=0.2,
            reduction=reduction,
            options=options,
        )

    assert torch.autograd.gradcheck(loss, (x, w, b))
    assert torch.autograd.gradgradcheck(loss, (x, w, b))


def test_backward_runs_again_where_the_options_allow_it():
    x, w, _, target, _ = problem()
    for options in (None, Options(allow_retain_graph=True)):
        loss = F.linear_cross_entropy(x, w, target, options=options)
        first = gradients(loss, [x, w], retain_graph=True)
        for a, e in zip(gradients(loss, [x, w]), first, strict=True):
            np.testing.assert_array_equal(a, e)
    loss = F.linear_cross_entropy(x, w, target, options=Options())
    gradients(loss, [x, w], retain_graph=True)
    with pytest.raises(RuntimeError, match="backward called twice"):
        gradients(loss, [x, w])


def test_options_without_effect_warn():
    x, w, _, _, _ = problem()
    probabilities = torch.full((ROWS, CLASSES), 1 / CLASSES, dtype=torch.float64)
    with pytest.warns(UserWarning, match="options have no effect"):
        F.linear_cross_entropy(x, w, probabilities, options=Options())


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16], ids=lambda d: d.name)
def test_only_the_last_backward_uses_up_what_forward_computed(device, dtype):
    """The scaled gradients may lie where the computed ones did, but not while the graph is kept."""
    x, w, b, target, _ = problem(device, dtype)
    loss = F.linear_cross_entropy(x, w, target, linear_bias=b) * 0.5
    passes = [gradients(loss, [x, w, b], retain_graph=keep) for keep in (True, True, False)]
    for again in passes[1:]:
        for a, e in zip(again, passes[0], strict=True):
            np.testing.assert_array_equal(a, e)
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        gradients(loss, [x, w, b])


def test_kept_gradients_are_not_overwritten():
    """Of two losses that share leaves, each has gradients of its own."""
    x, w, _, target, _ = problem()
    first, second = (F.linear_cross_entropy(x, w, target) for _ in range(2))
    (3 * first).backward()
    kept = w.grad
    before = kept.clone()
    (5 * second).backward()
    assert w.grad is kept
    np.testing.assert_allclose(w.grad.numpy(), before.numpy() * 8 / 3, rtol=1e-12)


def test_without_recording_no_gradient_is_computed():
    x, w, b, target, _ = problem()
    with torch.no_grad():
        loss = F.linear_cross_entropy(x, w, target, linear_bias=b)
    assert not loss.requires_grad
    assert float(loss) == float(F.linear_cross_entropy(x, w, target, linear_bias=b).detach())


@pytest.mark.parametrize("device", DEVICES)
def test_same_bits_every_time(device):
    x, w, b, target, _ = problem(device, torch.float32)
    runs = []
    for _ in range(2):
        loss = F.linear_cross_entropy(x, w, target, linear_bias=b, options=Options(batch_chunk_size=4))
        runs.append([float(loss), *gradients(loss, [x, w, b])])
    for a, e in zip(*runs, strict=True):
        np.testing.assert_array_equal(a, e)


# ---- chunks and options -----------------------------------------------------------------------------------


def test_chunks_are_even_and_bounded():
    assert chunk_rows(8192, 131072, 2) == 768
    assert chunk_rows(10, 1000, 4) == 10
    assert chunk_rows(100, 1 << 30, 4) == 1
    # Beside a large sum that is read and written for every chunk there are fewer chunks.
    assert chunk_rows(8192, 131072, 2, 131072 * 4096 * 4) == 2048
    assert chunk_rows(8192, 32000, 2, 32000 * 4096 * 4) == 2048
    assert chunk_rows(8192, 131072, 2, 131072 * 64 * 4) == 768
    for rows, classes in ((4096, 32000), (5000, 50257), (100_000, 128)):
        chunk = chunk_rows(rows, classes, 2)
        assert chunk <= rows and chunk * classes * 2 <= max(rows * classes * 2 // 10 * 1.01, 32 << 20)


def test_what_options_mean():
    def resolved(kind=torch.float16, device="cuda", rows=1000, **given):
        return resolve_chunking(Options(**given), rows, 64, 512, kind, device)

    assert resolved(batch_chunk_size=7).rows == 7
    assert resolved(chunking_method=None).rows == 1000
    assert resolved(chunking_method="aspect_ratio").rows == 128 == ratio_rows(1000, 64, 512, 1)
    assert resolved(chunking_method="aspect_ratio:2").rows == 64
    assert resolved(acc_policy="accurate")[1:3] == (torch.float32, torch.float32)
    assert resolved()[1:3] == (torch.float16, torch.float32)
    assert resolved(device="cpu")[1:3] == (torch.float32, torch.float32)
    assert resolved(acc_policy="compact")[1:3] == (torch.float16, torch.float16)
    big = (8192, 4096, 131072, torch.bfloat16, "cuda")
    assert [resolve_chunking(None, *big, trains).rows for trains in (False, True)] == [768, 2048]
    with pytest.raises(ValueError, match="give different chunk sizes"):
        resolved(chunking_method="aspect_ratio", batch_chunk_size=7)
    with pytest.raises(RuntimeError, match="supports float32 acc_dtype"):
        resolved(acc_dtype=torch.float64)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"acc_policy": "x"}, "invalid acc_policy: 'x'"),
        ({"chunking_method": "aspect_ratio:0"}, "invalid chunking_method: 'aspect_ratio:0'"),
        ({"batch_chunk_size": 0}, "batch_chunk_size must be positive int or None, got 0"),
        ({"acc_dtype": torch.int32}, "acc_dtype must be one of"),
    ],
)
def test_options_refuse(given, words):
    with pytest.raises(ValueError, match=words):
        Options(**given)


# ---- module -----------------------------------------------------------------------------------------------


def test_module_is_linear_and_cross_entropy():
    torch.manual_seed(0)
    loss = nn.LinearCrossEntropyLoss(4, 6, out_features=(2,), bias=True, weight=torch.ones(6), ignore_index=3)
    assert list(loss.state_dict()) == ["weight", "linear.weight", "linear.bias"]
    assert loss.linear.weight.shape == (12, 4)
    x, target = torch.randn(3, 4), torch.tensor([[0, 1], [3, 5], [2, 3]])
    wanted = F.cross_entropy(loss.linear(x).reshape(3, 6, 2), target, ignore_index=3)
    assert float(loss(x, target)) == pytest.approx(float(wanted), rel=1e-6)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"weight": torch.ones(3)}, r"expected weight shape to be \(6,\), got \(3,\)"),
        ({"label_smoothing": 3}, r"expected label_smoothing to be in range \[0, 1\], got 3"),
    ],
)
def test_module_refuses(given, words):
    with pytest.raises(RuntimeError, match=words):
        nn.LinearCrossEntropyLoss(4, 6, **given)


def test_module_trains():
    torch.manual_seed(0)
    loss = nn.LinearCrossEntropyLoss(8, 5, options=Options(batch_chunk_size=4))
    optimizer = torch.optim.SGD(loss.parameters(), lr=1.0)
    x, target = torch.randn(10, 8), torch.arange(10) % 5
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        value = loss(x, target)
        value.backward()
        optimizer.step()
        losses.append(float(value))
    assert losses[-1] < 0.5 * losses[0]
