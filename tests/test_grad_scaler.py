"""GradScaler: the scale over a run, against a computation by hand, and what it refuses; its two ops."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import tritonnn as torch
from tritonnn import dispatch
from tritonnn.amp import GradScaler

BOTH = pytest.mark.parametrize("device", ("cpu", "cuda"))
unscale, update = torch._amp_foreach_non_finite_check_and_unscale_, torch._amp_update_scale_


def setup(device="cpu", **options):
    w = torch.tensor([1.0, -2.0], device=device, requires_grad=True)
    return w, torch.optim.SGD([w], lr=0.5), GradScaler(device, **options)


@BOTH
def test_a_run_by_hand(device):
    """Some gradients are infinite: those steps are left out, and the scale follows the rule."""
    w, optimizer, scaler = setup(
        device, init_scale=8.0, growth_factor=4.0, backoff_factor=0.25, growth_interval=2
    )
    scale, good, expected = 8.0, 0, np.array([1.0, -2.0])
    for factor in (1.0, 1.0, np.inf, 1.0, np.nan, -np.inf, 2.0, 3.0, 1.0):
        optimizer.zero_grad()
        loss = (w * torch.tensor([1.0, factor], device=device)).sum()
        scaled = scaler.scale(loss)
        assert scaler.get_scale() == scale
        if np.isfinite(factor):
            assert scaled.item() == pytest.approx(loss.item() * scale)
        scaled.backward()
        scaler.step(optimizer)
        scaler.update()
        if np.isfinite(factor):
            expected = expected - 0.5 * np.array([1.0, factor])
            good += 1
            if good == 2:
                scale, good = scale * 4, 0
        else:
            scale, good = scale * 0.25, 0
        assert w.tolist() == expected.tolist()
        assert scaler.state_dict() == {
            "scale": scale, "growth_factor": 4.0, "backoff_factor": 0.25, "growth_interval": 2, "_growth_tracker": good,
        }  # fmt: skip


@BOTH
def test_unscaled_gradients_can_be_clipped(device):
    w, optimizer, scaler = setup(device)
    scaler.scale((w * 6).sum()).backward()
    scaler.unscale_(optimizer)
    assert w.grad.tolist() == [6.0, 6.0]
    torch.nn.utils.clip_grad_value_([w], 1.0)
    scaler.step(optimizer)  # does not unscale again
    assert w.tolist() == [0.5, -2.5]


def test_what_is_called_out_of_order():
    w, optimizer, scaler = setup()
    for name, run in (("step", scaler.step), ("unscale_", scaler.unscale_)):
        with pytest.raises(AssertionError, match=f"Attempted {name} but _scale is None"):
            run(optimizer)
    with pytest.raises(AssertionError, match="Attempted update but _scale is None"):
        scaler.update()
    scaler.scale(w.sum()).backward()
    with pytest.raises(AssertionError, match="No inf checks were recorded prior to update"):
        scaler.update()
    scaler.unscale_(optimizer)
    with pytest.raises(
        RuntimeError, match=r"unscale_\(\) has already been called on this optimizer since the last upd"
    ):
        scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match="Closure use is not currently supported"):
        scaler.step(optimizer, closure=lambda: 0)
    scaler.step(optimizer)
    with pytest.raises(RuntimeError, match=r"step\(\) has already been called since the last update"):
        scaler.step(optimizer)
    with pytest.raises(RuntimeError, match=r"unscale_\(\) is being called after step"):
        scaler.unscale_(optimizer)
    scaler.update()
    scaler.unscale_(optimizer)


def test_gradients_of_half_precision_are_refused():
    w = torch.ones(2, dtype=torch.float16, requires_grad=True)
    optimizer, scaler = torch.optim.SGD([w], lr=0.5), GradScaler("cpu", init_scale=2.0)
    scaler.scale(w.sum()).backward()
    with pytest.raises(ValueError, match="Attempting to unscale FP16 gradients"):
        scaler.step(optimizer)


def test_no_gradient_at_all():
    w, optimizer, scaler = setup()
    scaler.scale(w.sum())
    with pytest.raises(AssertionError, match="No inf checks were recorded for this optimizer"):
        scaler.step(optimizer)


@pytest.mark.parametrize("factors", [(2.0, float("inf")), (float("inf"), 2.0)])
def test_several_optimizers_and_losses(factors):
    """An infinity for one leaves its step out alone; the scale shrinks for both."""
    a, b = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    optimizers, scaler = [torch.optim.SGD([t], lr=0.5) for t in (a, b)], GradScaler("cpu", init_scale=4.0)
    first, second = scaler.scale(((a * factors[0]).sum(), [(b * factors[1]).sum()]))
    first.backward()
    second[0].backward()
    for optimizer in optimizers:
        scaler.step(optimizer)
    scaler.update()
    assert [a.item(), b.item()] == [0.0 if factor == 2.0 else 1.0 for factor in factors]
    assert scaler.get_scale() == 2.0


def test_what_can_be_scaled():
    scaler = GradScaler("cpu", init_scale=4.0)
    x = torch.ones(2)
    assert scaler.scale(x).tolist() == [4.0, 4.0]
    listed = scaler.scale([x, (x, x)])
    assert type(listed) is list and type(listed[1]) is tuple and listed[1][1].tolist() == [4.0, 4.0]
    assert [t.tolist() for t in scaler.scale(iter([x]))] == [[4.0, 4.0]]
    assert scaler.scale(x.half()).dtype is torch.float16
    for value in (3, "loss", [1.0]):
        with pytest.raises(ValueError, match="outputs must be a Tensor or an iterable of Tensors"):
            scaler.scale(value)


@BOTH
def test_a_new_scale_may_be_set(device):
    scaler = GradScaler(device)
    scaler.scale(torch.ones(1, device=device))
    for value in (4.0, torch.tensor(8.0, device=device), torch.tensor([16.0], device=device), 32):
        scaler.update(value)
        assert scaler.get_scale() == float(value)
    other = "cpu" if device == "cuda" else "cuda"
    wrong = [torch.ones(2, device=device), torch.ones(1, device=device, requires_grad=True), "x", True]
    for value in [*wrong, torch.ones(1, device=other)]:
        with pytest.raises(AssertionError, match="new_scale should be a float or a 1-element"):
            scaler.update(value)


def test_disabled_it_does_nothing():
    w, optimizer, _ = setup()
    scaler = GradScaler("cpu", enabled=False)
    loss = w.sum()
    assert scaler.scale(loss) is loss and not scaler.is_enabled()
    loss.backward()
    scaler.unscale_(optimizer)
    assert scaler.step(optimizer, lambda: 7) == 7
    scaler.update()
    assert (scaler.get_scale(), scaler.state_dict(), scaler._get_growth_tracker()) == (1.0, {}, 0)
    scaler.load_state_dict({"scale": 3.0})
    assert not pickle.loads(pickle.dumps(scaler)).is_enabled()


def test_no_gpu_disables_it_with_a_warning(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.warns(UserWarning, match="GradScaler is enabled, but CUDA is not available"):
        assert not GradScaler().is_enabled()


def test_factors_are_checked():
    with pytest.raises(AssertionError, match=r"growth factor must be > 1\.0"):
        GradScaler("cpu", growth_factor=1.0)
    with pytest.raises(AssertionError, match=r"backoff factor must be < 1\.0"):
        GradScaler("cpu", backoff_factor=1.0)


def test_getters_and_setters():
    scaler = GradScaler("cpu", growth_factor=3.0, backoff_factor=0.1, growth_interval=7)
    assert (scaler.get_growth_factor(), scaler.get_backoff_factor(), scaler.get_growth_interval()) == (
        3.0,
        0.1,
        7,
    )
    scaler.set_growth_factor(5.0)
    scaler.set_backoff_factor(0.5)
    scaler.set_growth_interval(1)
    w, optimizer, _ = setup()
    scaler.scale(w.sum()).backward()
    scaler.step(optimizer)
    scaler.update()
    assert scaler.get_scale() == 5 * 65536.0 and scaler.get_backoff_factor() == 0.5


@BOTH
def test_state_goes_over(device):
    w, optimizer, scaler = setup(device, init_scale=16.0, growth_interval=3)
    scaler.scale(w.sum()).backward()
    scaler.unscale_(optimizer)
    with pytest.raises(AssertionError, match="may only be pickled at the beginning of an iteration"):
        pickle.dumps(scaler)
    scaler.step(optimizer)
    scaler.update()
    saved = scaler.state_dict()
    assert saved["_growth_tracker"] == 1
    for other in (GradScaler(device), copy.deepcopy(scaler), pickle.loads(pickle.dumps(scaler))):
        other.load_state_dict(saved)
        assert other.state_dict() == saved
        other.scale(torch.ones(1, device=device))
        assert other.state_dict() == saved
    scaler.update(2.0)
    scaler.load_state_dict(saved)  # where the tensors are there already
    assert scaler.state_dict() == saved
    with pytest.raises(RuntimeError, match="The source state dict is empty"):
        scaler.load_state_dict({})


def test_an_optimizer_that_unscales_by_itself():
    seen = []

    class Own(torch.optim.SGD):
        _step_supports_amp_scaling = True

        def step(self, closure=None):
            seen.append((self.grad_scale, self.found_inf.item()))

    w = torch.ones(2, requires_grad=True)
    optimizer, scaler = Own([w], lr=1.0), GradScaler("cpu", init_scale=4.0)
    for factor in (1.0, float("inf")):
        scaler.scale((w * factor).sum()).backward()
        scaler.step(optimizer)
        scaler.update()
    assert seen[0][0] is scaler._scale
    assert [found for _, found in seen] == [0.0, 1.0] and not hasattr(optimizer, "found_inf")
    assert scaler.get_scale() == 2.0
    w.grad = None
    scaler.scale(w.sum()).backward()
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    assert seen[-1] == (None, 0.0)


class OldStyle(torch.optim.SGD):
    _step_supports_amp_scaling = True

    def step(self, closure=None, *, grad_scaler=None):
        self.given = grad_scaler


def test_an_optimizer_that_takes_the_scaler():
    w = torch.ones(2, requires_grad=True)
    optimizer, scaler = OldStyle([w], lr=1.0), GradScaler("cpu")
    scaler.scale(w.sum()).backward()
    with pytest.warns(FutureWarning, match="stop passing itself as a keyword argument"):
        scaler.step(optimizer)
    assert optimizer.given is scaler


def test_only_the_step_waits_for_the_device(monkeypatch):
    w, optimizer, scaler = setup("cuda")
    waits = []
    item = torch.Tensor.item
    monkeypatch.setattr(torch.Tensor, "item", lambda self: waits.append(1) or item(self))
    scaler.scale(w.sum()).backward()
    scaler.unscale_(optimizer)
    assert not waits
    scaler.step(optimizer)
    assert len(waits) == 1
    scaler.update()
    assert len(waits) == 1


def test_gradients_on_two_devices():
    a, b = torch.ones(1, requires_grad=True), torch.ones(1, device="cuda", requires_grad=True)
    optimizer, scaler = torch.optim.SGD([a, b], lr=1.0), GradScaler("cpu", init_scale=4.0)
    for t, factor in ((a, 1.0), (b, float("inf"))):
        scaler.scale((t * factor).sum()).backward()
    scaler.step(optimizer)
    scaler.update()
    assert (a.item(), b.item(), scaler.get_scale()) == (1.0, 1.0, 2.0)


# ---- the ops ------------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("bad", [None, 0, 16384, 16384 + 2100, 19999])
def test_lists_are_unscaled_and_looked_at(device, dtype, bad):
    """Of one tensor and of several; the first is longer than what a program takes."""
    for sizes in ((20000,), (20000, 5, 1, 0)):
        arrays = [np.arange(n) % 7 - 3.0 for n in sizes]
        if bad is not None:
            arrays[0][bad] = (np.inf, -np.inf, np.nan)[bad % 3]
        grads = [torch.from_numpy(a.copy()).to(device, dtype) for a in arrays]
        found = torch.zeros(1, device=device)
        assert unscale(grads, found, torch.tensor([0.25], device=device)) is None
        for grad, a in zip(grads, arrays, strict=True):
            np.testing.assert_array_equal(grad.cpu().double().numpy(), a * 0.25)
        assert found.item() == (bad is not None)


@BOTH
def test_types_may_differ_and_what_was_found_stays(device):
    grads = [torch.ones(3, device=device, dtype=t) for t in (torch.float32, torch.float16, torch.float32)]
    found = torch.ones((), device=device)
    unscale(grads, found, torch.tensor(0.5, device=device))
    assert [g.tolist() for g in grads] == [[0.5] * 3] * 3 and found.item() == 1.0
    unscale([], found, torch.tensor(0.5, device=device))


@BOTH
def test_tensors_with_gaps_and_twice(device):
    whole = torch.arange(24.0, device=device).reshape(4, 6)
    gaps, turned = whole[:, ::2], torch.arange(6.0, device=device).reshape(2, 3).t()
    found = torch.zeros(1, device=device)
    unscale([gaps, turned, turned], found, torch.tensor([2.0], device=device))
    assert whole[0].tolist() == [0.0, 1.0, 4.0, 3.0, 8.0, 5.0] and turned.tolist() == [
        [0, 12],
        [4, 16],
        [8, 20],
    ]
    assert found.item() == 0


@BOTH
@pytest.mark.parametrize(
    ("scale", "good", "found", "wanted"),
    [
        (4.0, 0, 0.0, (4.0, 1)), (4.0, 1, 0.0, (8.0, 0)), (4.0, 1, 1.0, (2.0, 0)), (4.0, 0, 2.0, (2.0, 0)),
        (2.0**127, 1, 0.0, (2.0**127, 0)), (4.0, 5, 0.0, (4.0, 6)),
    ],
)  # fmt: skip
def test_the_next_scale(device, scale, good, found, wanted):
    for shape in ((), (1,)):
        x = torch.full(shape, scale, device=device)
        tracker = torch.full(shape, good, dtype=torch.int32, device=device)
        assert update(x, tracker, torch.full(shape, found, device=device), 2.0, 0.5, 2) is x
        assert (x.item(), tracker.item()) == wanted


@pytest.mark.parametrize(
    ("run", "error", "match"),
    [
        (lambda g, one, n: unscale(g, one, one), TypeError, r"'self' \(position 1\) must be tuple of Tensors"),
        (lambda g, one, n: unscale([g, 1], one, one), TypeError, "expected Tensor as element 1 of self, not int"),
        (lambda g, one, n: unscale([g], 0.0, one), TypeError, r"'found_inf' \(position 2\) must be Tensor, not float"),
        (lambda g, one, n: unscale([g], one, 0.5), TypeError, r"'inv_scale' \(position 3\) must be Tensor, not float"),
        (lambda g, one, n: unscale([g], g, one), RuntimeError, "found_inf must be a 1-element tensor"),
        (lambda g, one, n: unscale([g], one, n), RuntimeError, "inv_scale must be a float tensor"),
        (lambda g, one, n: unscale([g.int()], one, one), NotImplementedError, "floating type, got int32"),
        (lambda g, one, n: unscale([g[:1].expand(2)], one, one), RuntimeError, "more than one element of the written"),
        (lambda g, one, n: update(1.0, n, one, 2.0, 0.5, 2), TypeError, r"'self' \(position 1\) must be Tensor"),
        (lambda g, one, n: update(g, n, one, 2.0, 0.5, 2), RuntimeError, "current_scale must be a 1-element tensor"),
        (lambda g, one, n: update(one, n.long(), one, 2.0, 0.5, 2), RuntimeError, "growth_tracker must be an int"),
        (lambda g, one, n: update(one, n, g, 2.0, 0.5, 2), RuntimeError, "found_inf must be a 1-element tensor"),
    ],
)  # fmt: skip
def test_refused(run, error, match):
    with pytest.raises(error, match=match):
        run(torch.ones(2), torch.ones(1), torch.ones(1, dtype=torch.int32))


def test_tensors_of_one_type_share_a_launch():
    grads = [torch.ones(n) for n in (3, 4, 5)] + [torch.ones(2, dtype=torch.bfloat16)]
    calls = []
    found, inverse = torch.zeros(1), torch.ones(1)
    with dispatch.watch(lambda op, args, results: calls.append((op.name, len(args[0])))):
        unscale(grads, found, inverse)
    assert calls == [("amp_unscale", 3), ("amp_unscale", 1)]
