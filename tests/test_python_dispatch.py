"""TorchDispatchMode over the op table, ModuleTracker and FlopCounterMode against counts by hand."""

from __future__ import annotations

import pytest

import tritonnn as torch
from tritonnn import dispatch
from tritonnn.utils._python_dispatch import (
    BaseTorchDispatchMode,
    TorchDispatchMode,
    _disable_current_modes,
    _get_current_dispatch_mode,
)
from tritonnn.utils.flop_counter import FlopCounterMode, flop_registry, register_flop_formula
from tritonnn.utils.module_tracker import ModuleTracker

nn = torch.nn
F = nn.functional
aten = torch.ops.aten


class Log(TorchDispatchMode):
    def __init__(self):
        self.calls = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.calls.append((func, types, args, kwargs))
        return func(*args, **kwargs)

    def names(self):
        return [str(func) for func, *_ in self.calls]


def step(model, x):
    loss = F.cross_entropy(model(x), torch.tensor([1, 0]))
    loss.backward()
    with torch.no_grad():
        for p in model.parameters():
            p.sub_(p.grad, alpha=0.1)
            p.grad.zero_()
    torch.sum(x, dim=(1, 2, 3), out=torch.empty(2))
    return loss.item()


def model():
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(True), nn.Flatten(), nn.Linear(18, 2))


def test_a_mode_sees_what_is_watched_and_changes_nothing():
    x = torch.rand(2, 1, 5, 5)
    plain, seen = model(), model()
    alone, watched = [], []
    with dispatch.watch(lambda op, args, results: alone.append(op.name)):
        expected = step(plain, x)
    with Log() as log, dispatch.watch(lambda op, args, results: watched.append(op.name)):
        assert step(seen, x) == expected
    assert len(log.calls) == len(watched)
    assert {*alone} - {*watched} == {"linear"} and {*watched} - {*alone} == {"addmm"}  # as ATen has it
    for a, b in zip(plain.parameters(), seen.parameters()):
        assert torch.equal(a, b)
    funcs = [func for func, *_ in log.calls]
    assert {aten.relu_.default, aten.mm.default, aten.sub_.Tensor, aten.sum.default} <= {*funcs}
    assert funcs[0] is aten.convolution.default
    subtracted = next(call for call in log.calls if call[0] is aten.sub_.Tensor)
    assert subtracted[3] == {"alpha": 0.1} and len(subtracted[2]) == 2
    summed = log.calls[-1]
    assert summed[0] is aten.sum.default and summed[3]["out"].shape == (2,) and summed[2][1] == (1, 2, 3)


def test_a_mode_answers():
    class Tenfold(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            result = func(*args, **(kwargs or {}))
            return result * 10 if func is aten.neg.default else result

    x = torch.ones(2, requires_grad=True)
    with Tenfold():
        y = x.neg()
    assert y.tolist() == [-10, -10]
    y.sum().backward()
    assert x.grad.tolist() == [-10, -10]  # what a mode computes is recorded


def test_modes_within_modes():
    with Log() as outer, Log() as inner:
        assert _get_current_dispatch_mode() is inner
        torch.ones(1).neg()
        with _disable_current_modes() as off:
            torch.ones(1)
    assert off == [outer, inner] and _get_current_dispatch_mode() is None
    assert outer.names() == inner.names() == ["aten.fill_.default", "aten.neg.default"]


def test_a_mode_that_does_not_answer():
    class Silent(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            return NotImplemented

    with (
        pytest.raises(TypeError, match=r"Multiple dispatch failed for 'aten\.neg\.default'.*mode Silent"),
        Silent(),
    ):
        torch.tensor(1.0).neg()
    with (
        pytest.raises(NotImplementedError, match="TorchDispatchMode has no __torch_dispatch__"),
        TorchDispatchMode(),
    ):
        torch.ones(1)
    with BaseTorchDispatchMode():
        assert torch.ones(1).neg().item() == -1


def test_classes_that_are_no_plain_tensors():
    class Own(torch.Tensor):
        pass

    x = torch.ones(2).as_subclass(Own)
    with Log() as log:
        x.neg()
    assert log.calls[0][0] is aten.neg.default and log.calls[0][1] == (Own,)


def test_module_tracker():
    seen = []

    class Inner(nn.Module):
        def forward(self, x):
            seen.append((tracker.is_bw, sorted(tracker.parents)))
            y = x * 2
            y.register_hook(lambda g: seen.append((tracker.is_bw, sorted(tracker.parents))))
            return y * 2

    outer = nn.Sequential(nn.Identity(), nn.Sequential(Inner()))
    with ModuleTracker() as tracker:
        x = torch.ones(1, requires_grad=True) * 1
        y = outer(x)
        assert tracker.parents == {"Global"}
        y.sum().backward()
        assert tracker.parents == {
            "Global"
        }  # though Identity, whose input is its output, was entered once more
    inside = ["Global", "Sequential", "Sequential.1", "Sequential.1.0"]
    assert seen == [(False, inside), (True, inside)] and not tracker.is_bw
    outer(torch.ones(1, requires_grad=True) * 1)
    assert seen[-1] == (False, ["Global"])  # after the block nothing is tracked


def test_flops_by_hand():
    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.linear = nn.Conv2d(2, 4, 3), nn.Linear(4 * 9, 5)

        def forward(self, x):
            return self.linear(self.conv(x).relu().flatten(1))

    both = Both()
    with FlopCounterMode(display=False) as counter:
        both(torch.ones(3, 2, 5, 5)).sum().backward()
    conv, linear = 2 * 3 * 4 * 9 * (2 * 9), 2 * 3 * 36 * 5
    counts = {m: {str(op): n for op, n in row.items()} for m, row in counter.get_flop_counts().items()}
    assert counts["Both.conv"] == {
        "aten.convolution": conv,
        "aten.convolution_backward": conv,
    }  # the input needs none
    assert counts["Both.linear"] == {"aten.addmm": linear, "aten.mm": 2 * linear}
    assert counter.get_total_flops() == 2 * conv + 3 * linear
    assert counter.get_flop_counts()["Global"][aten.mm] == 2 * linear


def test_flops_of_attention_and_batches():
    q, k, v = (torch.ones(2, 3, n, d, requires_grad=True) for n, d in ((5, 8), (7, 8), (7, 6)))
    with FlopCounterMode(display=False) as forward:
        y = F.scaled_dot_product_attention(q, k, v)
    pairs = 2 * 3 * 5 * 7
    assert forward.get_total_flops() == 2 * pairs * (8 + 6)
    with FlopCounterMode(display=False) as backward:
        y.sum().backward()
    assert backward.get_total_flops() == 2 * pairs * (8 + 6 + 6 + 8 + 8)
    with FlopCounterMode(display=False) as products:
        torch.ones(4, 1, 2, 3) @ torch.ones(5, 3, 6)  # twenty products
        torch.baddbmm(torch.ones(1), torch.ones(2, 3, 4), torch.ones(2, 4, 5))
    assert products.get_total_flops() == 20 * 2 * 2 * 3 * 6 + 2 * 2 * 3 * 4 * 5


def test_own_formulas_and_the_table(capsys):
    @register_flop_formula(aten.exp)
    def exp_flop(shape, *args, out_shape=None, **kwargs):
        assert out_shape == shape
        return 7 * shape.numel()

    try:
        with pytest.raises(RuntimeError, match=r"duplicate registrations for aten\.exp"):
            register_flop_formula(aten.exp)(exp_flop)
        with FlopCounterMode(custom_mapping={aten.neg: lambda shape, out_shape=None: 1000}) as counter:
            torch.ones(2, 3).exp().neg()
    finally:
        del flop_registry[aten.exp]
    assert counter.get_total_flops() == 1042
    assert capsys.readouterr().out.splitlines() == [
        "Module       FLOP  % Total",
        "-----------  ----  -------",
        "Global       1042  100.00%",
        " - aten.exp    42    4.03%",
        " - aten.neg  1000   95.97%",
    ]
    with pytest.raises(ValueError, match="expected each target to be OpOverloadPacket"):
        register_flop_formula("exp")(exp_flop)


def test_operators_of_programs_are_what_they_are_made_of():
    @torch.library.custom_op("flops_test::double_mm", mutates_args=())
    def double_mm(x: torch.Tensor) -> torch.Tensor:
        return x @ x + x @ x

    with FlopCounterMode(display=False) as counter:
        double_mm(torch.ones(3, 3))
    assert counter.get_total_flops() == 2 * 2 * 27
    packet = torch.ops.flops_test.double_mm
    for refused in (
        lambda: register_flop_formula(packet)(len),
        lambda: FlopCounterMode(custom_mapping={packet: len}),
    ):
        with pytest.raises(
            NotImplementedError, match=r"flops_test\.double_mm: .* by the calls that they are made of"
        ):
            refused()


def test_the_depth_of_the_table():
    deep = nn.Sequential(nn.Sequential(nn.Linear(2, 2)))
    with FlopCounterMode(display=False, depth=2) as counter:
        deep(torch.ones(1, 2))
    assert "Sequential.0" in counter.get_table() and "Sequential.0.0" not in counter.get_table()
    assert "Sequential.0.0" in counter.get_table(3) and "Global" not in counter.get_table()
    with FlopCounterMode(display=False) as nothing:
        torch.ones(1)
    assert nothing.get_table().splitlines()[-1].split() == ["Global", "0", "0%"]
