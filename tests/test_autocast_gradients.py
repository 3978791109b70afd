"""Autocast and autograd: casts that are kept, backward without autocast, custom functions, checkpoints."""

from __future__ import annotations

import gc
import weakref

import pytest

import tritonnn as torch
from tritonnn import dispatch, nn
from tritonnn.dispatch import _autocast
from tritonnn.nn import functional as F
from tritonnn.utils.checkpoint import checkpoint

DEVICES = ("cpu", "cuda")
BOTH = pytest.mark.parametrize("device", DEVICES)


def casts_of(run):
    """How many copies to another type a run makes."""
    count = 0

    def note(op, args, results):
        nonlocal count
        count += op.name == "to_copy"

    with dispatch.watch(note):
        run()
    return count


@BOTH
def test_a_parameter_is_cast_once_in_a_block(device):
    w = torch.ones(3, 3, device=device, requires_grad=True)
    x = torch.ones(2, 3, device=device, dtype=_autocast.DEFAULTS[device])

    def forward(**options):
        with torch.autocast(device, **options):
            F.linear(x, w)
            with torch.autocast(device, enabled=False):
                pass  # an inner block ends nothing
            F.linear(x, w)

    assert casts_of(forward) == 1
    assert casts_of(lambda: (forward(), forward())) == 2  # the outermost block ends it
    assert casts_of(lambda: forward(cache_enabled=False)) == 2
    with torch.autocast(device):
        F.linear(x, w)
        torch.clear_autocast_cache()
        assert casts_of(lambda: F.linear(x, w)) == 1


def test_what_is_not_kept():
    x = torch.ones(3, 3, dtype=torch.bfloat16)
    leaf = torch.ones(3, 3, requires_grad=True)
    for weight in (leaf.detach(), leaf * 1, leaf.view(3, 3), torch.ones(3, 3, dtype=torch.float16)):
        with torch.autocast("cpu"):
            assert casts_of(lambda: (x @ weight, x @ weight)) == 2  # noqa: B023


@BOTH
def test_gradients_through_a_kept_cast_add_up(device):
    half = _autocast.DEFAULTS[device]
    w = torch.randn(3, 3, device=device, requires_grad=True)
    x = torch.randn(4, 3, device=device)
    with torch.autocast(device):
        y = F.linear(F.linear(x, w), w)
    y.sum().backward()
    by_hand = w.detach().clone().requires_grad_()
    low = by_hand.to(half)
    F.linear(F.linear(x.to(half), low), low).sum().backward()
    assert w.grad.dtype is torch.float32 and torch.equal(w.grad, by_hand.grad)


def test_two_passes_of_backward_through_one_cast():
    w = torch.randn(3, 3, requires_grad=True)
    x = torch.randn(4, 3)
    with torch.autocast("cpu"):
        first, second = F.linear(x, w).sum(), F.linear(x, w).sum()
    first.backward()
    once = w.grad.clone()
    second.backward()
    assert torch.equal(w.grad, 2 * once)


def test_a_parameter_that_was_written_is_cast_anew():
    w, x = torch.ones(2, 2, requires_grad=True), torch.ones(1, 2)
    with torch.autocast("cpu"):
        before = F.linear(x, w)
        with torch.no_grad():
            w.mul_(3)
        assert torch.equal(F.linear(x, w), 3 * before)
        w.data = torch.zeros(2, 2)
        assert not F.linear(x, w).any()


def test_a_cast_without_a_graph_does_not_serve_where_one_is_recorded():
    w, x = torch.ones(2, 2, requires_grad=True), torch.ones(1, 2)
    with torch.autocast("cpu"):
        with torch.no_grad():
            F.linear(x, w)
        with torch.inference_mode():
            F.linear(x, w)
        F.linear(x, w).sum().backward()
        with torch.no_grad():
            assert casts_of(lambda: F.linear(x.bfloat16(), w)) == 1  # that of x: the recorded one serves
    assert w.grad is not None


def test_what_is_kept_is_freed_with_the_block():
    w = torch.ones(64, 64, requires_grad=True)
    with torch.autocast("cpu"):
        (torch.ones(1, 64) @ w).sum().backward()
        cast = weakref.ref(_autocast.autocast.casts[id(w)].result)
    gc.collect()
    assert cast() is None


# ---- backward ---------------------------------------------------------------------------------------------------


@BOTH
def test_backward_runs_without_autocast_and_in_the_types_of_forward(device):
    half = _autocast.DEFAULTS[device]
    x = torch.randn(3, 3, device=device, requires_grad=True)
    seen = []
    with torch.autocast(device):
        y = x @ x
        y.register_hook(lambda g: seen.append((g.dtype, torch.is_autocast_enabled(device))))
        z = (y.float() * 2).sum()
        z.backward()
        assert torch.is_autocast_enabled(device)
    assert seen == [(half, False)] and x.grad.dtype is torch.float32
    low = x.detach().to(half).requires_grad_()
    ((low @ low).float() * 2).sum().backward()
    assert torch.equal(x.grad, low.grad.float())


def test_second_derivatives():
    x = torch.randn(3, 3, dtype=torch.float32, requires_grad=True)
    with torch.autocast("cpu"):
        y = (x @ x @ x).float().sum()
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    (g * g).sum().backward()
    low = x.detach().clone().requires_grad_()
    half = low.bfloat16()
    (h,) = torch.autograd.grad((half @ half @ half).float().sum(), low, create_graph=True)
    (h * h).sum().backward()
    assert torch.allclose(x.grad, low.grad, rtol=0.05, atol=0.05 * low.grad.abs().max().item())


def square(device, cast_inputs, seen):
    class Square(torch.autograd.Function):
        @staticmethod
        @torch.amp.custom_fwd(device_type=device, cast_inputs=cast_inputs)
        def forward(ctx, x, *, rest=()):
            ctx.save_for_backward(x)
            seen.append((x.dtype, torch.is_autocast_enabled(device), [t.dtype for t in rest]))
            return x @ x

        @staticmethod
        @torch.amp.custom_bwd(device_type=device)
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            seen.append((grad.dtype, torch.is_autocast_enabled(device), (x.float() @ x.float()).dtype))
            return grad.to(x.dtype) @ x.mT + x.mT @ grad.to(x.dtype)

    return Square


@BOTH
def test_custom_functions(device):
    half, full, seen = _autocast.DEFAULTS[device], torch.float32, []
    x = torch.eye(2, device=device, requires_grad=True)
    with torch.autocast(device):
        y = square(device, None, seen).apply(x)
    y.sum().backward()
    assert seen == [(full, True, []), (half, True, half)] and y.dtype is half and x.grad is not None
    seen.clear()
    with torch.autocast(device):
        low = x.detach().to(half).requires_grad_()
        y = square(device, full, seen).apply(low, rest=(low.detach(), low.detach().double()))
    y.sum().backward()
    assert seen == [(full, False, [full, torch.float64]), (full, False, full)]
    assert y.dtype is full and low.grad.dtype is half
    seen.clear()
    y = square(device, full, seen).apply(low)  # without autocast nothing is cast
    y.sum().backward()
    assert seen == [(half, False, []), (half, False, full)] and y.dtype is half


@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.parametrize("inside", [False, True])
def test_checkpoints_compute_again_under_the_autocast_of_forward(reentrant, inside):
    def gradients(run):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4))
        x = torch.randn(3, 4, requires_grad=True)
        with torch.autocast("cpu", dtype=torch.float16):
            loss = run(model, x).float().square().sum()
            if inside:
                loss.backward()
        if not inside:
            loss.backward()
        return [x.grad, *[p.grad for p in model.parameters()]]

    plain = gradients(lambda model, x: model(x))
    again = gradients(lambda model, x: checkpoint(model, x, use_reentrant=reentrant))
    assert all(torch.equal(a, b) for a, b in zip(plain, again, strict=True))
    assert not torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") is torch.bfloat16


# ---- what is made of ops ------------------------------------------------------------------------------------------


@BOTH
def test_layers(device):
    half = _autocast.DEFAULTS[device]
    x = torch.randn(2, 4, 8, device=device)
    norm = torch.float32 if device == "cuda" else half
    with torch.autocast(device):
        assert nn.Linear(8, 3, device=device)(x).dtype is half
        assert nn.Conv1d(4, 2, 3, device=device)(x).dtype is half
        assert nn.LayerNorm(8, device=device)(x.to(half)).dtype is norm
        assert nn.ReLU()(x).dtype is torch.float32
        y, _ = nn.MultiheadAttention(8, 2, device=device, batch_first=True)(x, x, x)
        assert y.dtype is half
        assert nn.CrossEntropyLoss()(
            x[:, 0].to(half), torch.zeros(2, dtype=torch.int64, device=device)
        ).dtype is (torch.float32)


@BOTH
def test_linear_cross_entropy_has_a_loss_of_float32(device):
    half = _autocast.DEFAULTS[device]
    x = torch.randn(6, 3, device=device, requires_grad=True)
    w = torch.randn(5, 3, device=device, requires_grad=True)
    y = torch.tensor([0, 1, 2, 3, 4, 0], device=device)
    with torch.autocast(device):
        loss = F.linear_cross_entropy(x, w, y)
        parts = F.linear_cross_entropy(x, w, y, reduction="none")
    loss.backward()
    low = [t.detach().to(half).requires_grad_() for t in (x, w)]
    wanted = F.cross_entropy(F.linear(*low).float(), y)
    wanted.backward()
    assert loss.dtype is parts.dtype is torch.float32
    assert torch.allclose(loss, wanted, rtol=2e-3) and torch.allclose(parts.mean(), wanted, rtol=2e-3)
    assert x.grad.dtype is w.grad.dtype is torch.float32
    assert all(
        torch.allclose(a.grad, b.grad.float(), rtol=0.02, atol=0.02) for a, b in zip((x, w), low, strict=True)
    )
