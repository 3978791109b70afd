"""Memory is freed by counting references: nothing that the library makes waits for the cycle collector."""

from __future__ import annotations

import gc
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest
from support import call, floating, leaf, leaves_of, ops, samples

import tritonnn as torch
from tritonnn.autograd import Function

sys.path.append(str(Path(__file__).parent / "parity"))
from nn_cases import LAYERS
from nn_loss_cases import LOSSES

nn = torch.nn


@pytest.fixture(autouse=True, scope="module")
def small_collections():
    gc.collect()
    gc.freeze()  # what there is already takes no part in collections, so that each is quick
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def counting_only():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


class Square(Function):
    @staticmethod
    def forward(ctx, x):
        y = x * x
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx, g):
        x, _ = ctx.saved_tensors
        return 2 * x * g


class OldSquare(Function):
    def forward(self, x):
        y = x * x
        self.save_for_backward(x, y)
        return y

    def backward(self, g):
        return 2 * self.saved_tensors[0] * g


class InPlace(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x.mul_(2)

    @staticmethod
    def backward(ctx, g):
        return 2 * g


class Constant(Function):
    @staticmethod
    def forward(ctx, x):
        y = x > 0
        ctx.mark_non_differentiable(y)
        return x * 1, y

    @staticmethod
    def backward(ctx, g, h):
        return g


class Returned(Function):
    @staticmethod
    def forward(ctx, x):
        return x

    @staticmethod
    def backward(ctx, g):
        return g


def hooked(register):
    layer = nn.Linear(2, 2)
    getattr(layer, register)(lambda *args: None)
    return layer


def retained(x):
    y = x * 2
    y.retain_grad()
    y.register_hook(lambda g: None)
    y.mul_(3)
    return y


CASES = {
    "function": Square.apply,
    "function of a view": lambda x: Square.apply(x[:1]),
    "old function": lambda x: OldSquare()(x),
    "dirty": InPlace.apply,
    "dirty view": lambda x: InPlace.apply(x[:1]),
    "non-differentiable": lambda x: Constant.apply(x)[0],
    "returned input": Returned.apply,
    "retain_grad": retained,
    "in place": lambda x: x.mul_(2).add_(x).exp_(),
    "write into a view": lambda x: [x, x[:1].mul_(2)][0],
    "overwritten": lambda x: x.zero_(),
    "unbind": lambda x: x.unbind()[0],
    "checkpoint": lambda x: torch.utils.checkpoint.checkpoint(
        lambda y: (y * y).exp(), x, use_reentrant=False
    ),
    "reentrant checkpoint": lambda x: torch.utils.checkpoint.checkpoint(
        lambda y: (y * y).exp(), x, use_reentrant=True
    ),
    "saved_tensors_hooks": lambda x: packed(x),
    "full backward hook": lambda x: hooked("register_full_backward_hook")(x),
    "full backward pre-hook": lambda x: hooked("register_full_backward_pre_hook")(x),
    "backward hook": lambda x: hooked("register_backward_hook")(x),
    "forward hook": lambda x: hooked("register_forward_hook")(x),
    "once_differentiable": lambda x: Once.apply(x),
}


class Once(Square):
    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, g):
        return g


def packed(x):
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t):
        return (x * x).exp()


@pytest.mark.filterwarnings("ignore:.*backward hook")
@pytest.mark.parametrize(
    ("case", "backward"),
    [
        (case, backward)
        for case in CASES
        for backward in ("never", "once", "kept", "create_graph")
        if (case, backward) != ("reentrant checkpoint", "create_graph")  # refused, as in PyTorch
    ],
)
def test_functions_and_hooks_leave_nothing(case, backward):
    def run():
        source = leaf(1, 2)
        x = source.float() if "hook" in case else source * 1
        y = CASES[case](x)
        known = [weakref.ref(t) for t in (source, x, y, y.grad_fn)]
        if backward == "once":
            y.sum().backward()
        elif backward == "kept":
            y.sum().backward(retain_graph=True)
        elif backward == "create_graph":
            torch.autograd.grad(y.sum(), x, create_graph=True, allow_unused=True)
        return known

    run()  # what is made once per process is made now
    gc.collect()
    assert [reference() for reference in run()] == [None] * 4
    assert gc.collect() == 0, "objects that only the collector frees"


def given(value):
    if not isinstance(value, np.ndarray):
        return value
    tensor = torch.tensor(value)
    return tensor.requires_grad_() if tensor.is_floating_point() else tensor


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("hooks", [False, True], ids=["plain", "hooked"])
@pytest.mark.parametrize("case", [*LAYERS, *LOSSES], ids=lambda case: case.name)
def test_layers_leave_nothing(case, hooks):
    """Inputs, outputs and the layer die with their last reference, after forward and after backward."""

    classes = []  # kept: a class is a cycle by itself, and some cases define their own

    def run(backward):
        layer = case.build(nn)
        classes.append(type(layer))
        if hooks:
            layer.register_full_backward_hook(lambda module, before, after: None)
            layer.register_forward_hook(lambda module, args, output: None)
        inputs = [given(value) for value in case.inputs]
        gc.collect()
        outs = floating(layer(*inputs))
        if backward:
            recorded = [out.sum() for out in outs if out.requires_grad]
            if recorded:
                torch.autograd.backward(recorded)
            del recorded
        known = [weakref.ref(value) for value in (layer, *outs, *floating(inputs))]
        del layer, outs, inputs
        assert [reference for reference in known if reference() is not None] == []
        return gc.collect()

    for backward in (False, True):
        run(backward)
        assert not run(backward), "objects that only the collector frees"


def one_sample(op):
    for sample in samples(op, "cpu", torch.float64):
        if floating(sample):
            return leaves_of(op, sample)
    return None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("op", [op for op in ops() if torch.float64 in op.dtypes], ids=lambda op: op.name)
def test_ops_leave_nothing(op):
    """Inputs and outputs die with their last reference, with the graph unused and after backward."""
    if one_sample(op) is None:
        pytest.skip("no floating input")

    def run(backward):
        sample = one_sample(op)
        gc.collect()
        outs = floating(call(op, sample))
        known = [weakref.ref(t) for t in outs]
        recorded = [out for out in outs if out.requires_grad]
        if backward and recorded and op.has_derivative:
            try:
                sum((out.sum() for out in recorded), start=torch.zeros(())).backward()
            except (RuntimeError, NotImplementedError):
                return []  # a derivative that is not there is said so elsewhere
        known += [weakref.ref(t) for t in floating(sample)]
        del outs, recorded, sample
        assert [reference for reference in known if reference() is not None] == []
        return gc.collect()

    for backward in (False, True):
        run(backward)  # what is kept per process is kept now
        assert not run(backward), "objects that only the collector frees"
