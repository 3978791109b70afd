"""Modules called with other tensors, stacked states, folded normalisations and memory formats beside PyTorch's."""

from __future__ import annotations

from typing import Any

import pytest
from outcomes import check, filled, sample


def call(t: Any, *args: Any, **kwargs: Any) -> Any:
    import importlib

    return importlib.import_module(f"{t.__name__}.func").functional_call(*args, **kwargs)


def linear(t: Any) -> Any:
    return filled(t, t.nn.Linear(3, 2))


def tied(t: Any) -> Any:
    class Tied(t.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = t.nn.Parameter(t.ones(1))
            self.b = self.a
            self.inner = t.nn.Module()
            self.inner.c = self.a
            self.register_buffer("count", t.ones(1))

        def forward(self, x: Any) -> Any:
            self.count = self.count + 1
            return self.a * 100 + self.b * 10 + self.inner.c + x

    return Tied()


def one(t: Any, value: float) -> Any:
    return t.full((1,), value, requires_grad=True)


def with_gradient(t: Any) -> Any:
    module, weight = linear(t), sample(t, 2, 3).requires_grad_()
    output = call(t, module, {"weight": weight}, sample(t, 3))
    output.square().sum().backward()
    return output, weight.grad, module.weight.grad, module.bias.grad, dict(module.state_dict())


def batch_norm(t: Any) -> Any:
    module, state = t.nn.BatchNorm1d(2), {"running_mean": t.zeros(2), "num_batches_tracked": t.tensor(7)}
    output = call(
        t, t.nn.Sequential(module), {f"0.{name}": value for name, value in state.items()}, sample(t, 4, 2)
    )
    return output, state, dict(module.state_dict())


def exchanged(t: Any) -> Any:
    module, state = tied(t), {"count": t.full((1,), 5.0)}
    return call(t, module, state, t.zeros(1)), state, module.count


def after_an_error(t: Any) -> Any:
    module = linear(t)
    try:
        call(t, module, {"weight": t.ones(2, 3), "bias": t.ones(2)}, t.ones(7))
    except RuntimeError:
        return dict(module.state_dict())


def parametrized(t: Any) -> Any:
    module = t.nn.utils.parametrizations.weight_norm(linear(t))
    state = {"parametrizations.weight.original0": t.full((2, 1), 2.0)}
    return call(t, module, state, t.ones(3)), module(t.ones(3))


W: dict[str, Any] = {"weight": lambda t: t.ones(2, 3)}
CALLS: dict[str, Any] = {
    "gradient": with_gradient,
    "batch norm": batch_norm,
    "exchanged": exchanged,
    "after an error": after_an_error,
    "parametrized": parametrized,
    "several": lambda t: call(t, linear(t), ({"weight": t.ones(2, 3)}, {"bias": t.ones(2)}), (t.ones(3),)),
    "list": lambda t: call(t, linear(t), [{"weight": t.ones(2, 3)}], t.ones(3)),
    "keywords": lambda t: call(t, linear(t), {"weight": t.ones(2, 3)}, None, {"input": t.ones(3)}),
    "nothing": lambda t: call(t, linear(t), {}, t.ones(3)),
    "strict": lambda t: call(t, linear(t), {"weight": t.ones(2, 3), "bias": t.ones(2)}, t.ones(3), strict=True),
    "missing": lambda t: call(t, linear(t), {"weight": t.ones(2, 3)}, t.ones(3), strict=True),
    "unexpected": lambda t: call(
        t, linear(t), {"z": t.ones(2), "y": t.ones(1), **linear(t).state_dict()}, t.ones(3), strict=True
    ),
    "both": lambda t: call(t, linear(t), {"z": t.ones(2)}, t.ones(3), strict=True),
    "not there": lambda t: call(t, linear(t), {"z": t.ones(2)}, t.ones(3)),
    "no module": lambda t: call(t, linear(t), {"z.x": t.ones(2)}, t.ones(3)),
    "no name": lambda t: call(t, linear(t), {"": t.ones(2)}, t.ones(3)),
    "number": lambda t: call(t, linear(t), {"weight": 1}, t.ones(3)),
    "no dict": lambda t: call(t, linear(t), 1, t.ones(3)),
    "no dicts": lambda t: call(t, linear(t), ({}, 1), t.ones(3)),
    "repeated": lambda t: call(t, linear(t), ({"weight": t.ones(2, 3)}, {"weight": t.ones(2, 3)}), t.ones(3)),
    "tied": lambda t: call(t, tied(t), {"a": one(t, 3.0)}, t.zeros(1)),
    "tied by another name": lambda t: call(t, tied(t), {"inner.c": one(t, 3.0)}, t.zeros(1)),
    "untied": lambda t: call(t, tied(t), {"b": one(t, 3.0)}, t.zeros(1), tie_weights=False),
    "two of the tied": lambda t: call(
        t, tied(t), {"a": one(t, 3.0), "b": one(t, 4.0), "inner.c": one(t, 4.0)}, t.zeros(1)
    ),
    "two untied": lambda t: call(t, tied(t), {"a": one(t, 3.0), "b": one(t, 4.0)}, t.zeros(1), tie_weights=False),
    "tied, strict": lambda t: call(t, tied(t), {"a": one(t, 3.0), "count": one(t, 1.0)}, t.zeros(1), strict=True),
    "older name": lambda t: t.nn.utils.stateless.functional_call(linear(t), {"weight": t.ones(2, 3)}, t.ones(3)),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_functional_call(name: str) -> None:
    check(CALLS[name])


def stacked(*build: Any) -> Any:
    def program(t: Any) -> Any:
        import importlib

        function = importlib.import_module(f"{t.__name__}.func").stack_module_state
        params, buffers = function([filled(t, make(t), i) for i, make in enumerate(build)])
        leaves = [(p.requires_grad, p.is_leaf) for p in (*params.values(), *buffers.values())]
        return params, buffers, leaves

    return program


STACKS: dict[str, Any] = {
    "two": stacked(linear, linear),
    "norms": stacked(*[lambda t: t.nn.Sequential(t.nn.BatchNorm1d(2), t.nn.Linear(2, 2))] * 3),
    "none": stacked(),
    "modes": stacked(linear, lambda t: linear(t).eval()),
    "classes": stacked(linear, lambda t: t.nn.ReLU()),
    "frozen": stacked(*[lambda t: linear(t).requires_grad_(False)] * 2),
    "one frozen": stacked(linear, lambda t: linear(t).requires_grad_(False)),
    "shapes": stacked(linear, lambda t: t.nn.Linear(3, 3)),
}


@pytest.mark.parametrize("name", STACKS)
def test_stack_module_state(name: str) -> None:
    check(STACKS[name], same_words=name != "shapes")


def norm(t: Any, features: int = 4, kind: str = "BatchNorm2d", **options: Any) -> Any:
    module = filled(t, getattr(t.nn, kind)(features, **options), seed=3)
    if module.running_var is not None:
        module.running_var.abs_().add_(0.5)
    return module.eval()


def fused(build: Any, *shape: int, transpose: bool = False, **options: Any) -> Any:
    """Folding gives what the two layers give, and leaves them as they are."""

    def program(t: Any) -> Any:
        layer, after = filled(t, build(t)).eval(), norm(t, **options)
        x = sample(t, *shape)
        linear = isinstance(layer, t.nn.Linear)
        fuse = t.nn.utils.fuse_linear_bn_eval if linear else t.nn.utils.fuse_conv_bn_eval
        result = fuse(layer, after, *([transpose] if transpose else []))
        assert t.allclose(result(x), after(layer(x)), atol=1e-4)
        grads = [p.requires_grad for p in result.parameters()], type(result.weight).__name__
        return result(x), dict(result.state_dict()), dict(layer.state_dict()), grads, repr(result)

    return program


FUSED: dict[str, Any] = {
    "conv": fused(lambda t: t.nn.Conv2d(2, 4, 3), 1, 2, 5, 5),
    "no bias": fused(lambda t: t.nn.Conv2d(2, 4, 3, bias=False), 1, 2, 5, 5),
    "not affine": fused(lambda t: t.nn.Conv2d(2, 4, 3), 1, 2, 5, 5, affine=False),
    "1d": fused(lambda t: t.nn.Conv1d(2, 4, 3), 1, 2, 5, kind="BatchNorm1d"),
    "3d": fused(lambda t: t.nn.Conv3d(2, 4, 2), 1, 2, 3, 3, 3, kind="BatchNorm3d"),
    "grouped": fused(lambda t: t.nn.Conv2d(4, 4, 3, groups=2), 1, 4, 5, 5),
    "transposed": fused(lambda t: t.nn.ConvTranspose2d(2, 4, 3), 1, 2, 5, 5, transpose=True),
    "frozen": fused(lambda t: t.nn.Conv2d(2, 4, 3).requires_grad_(False), 1, 2, 5, 5),
    "linear": fused(lambda t: t.nn.Linear(3, 4), 2, 3, kind="BatchNorm1d"),
    "linear, no bias": fused(lambda t: t.nn.Linear(3, 4, bias=False), 2, 3, kind="BatchNorm1d"),
    "training": lambda t: t.nn.utils.fuse_conv_bn_eval(t.nn.Conv2d(2, 4, 3), norm(t)),
    "norm in training": lambda t: t.nn.utils.fuse_conv_bn_eval(t.nn.Conv2d(2, 4, 3).eval(), norm(t).train()),
    "no statistics": lambda t: t.nn.utils.fuse_conv_bn_eval(
        t.nn.Conv2d(2, 4, 3).eval(), norm(t, track_running_stats=False)
    ),
    "linear, no statistics": lambda t: t.nn.utils.fuse_linear_bn_eval(
        t.nn.Linear(2, 4).eval(), norm(t, track_running_stats=False)
    ),
    "linear in training": lambda t: t.nn.utils.fuse_linear_bn_eval(t.nn.Linear(2, 4), norm(t)),
    "other features": lambda t: t.nn.utils.fuse_linear_bn_eval(t.nn.Linear(2, 3).eval(), norm(t)),
    "one feature": lambda t: t.nn.utils.fuse_linear_bn_eval(t.nn.Linear(2, 3).eval(), norm(t, 1)).weight.shape,
}  # fmt: skip


@pytest.mark.parametrize("name", FUSED)
def test_fused(name: str) -> None:
    check(FUSED[name])


def strides(dims: int) -> Any:
    def program(t: Any) -> Any:
        layers = (t.nn.Conv1d, t.nn.Conv2d, t.nn.ConvTranspose2d, t.nn.Conv3d, t.nn.ConvTranspose3d)
        net = t.nn.Sequential(*[layer(4, 3, 2) for layer in layers], t.nn.Linear(2, 2))
        convert = getattr(t.nn.utils, f"convert_conv{dims}d_weight_memory_format")
        before = [id(p) for p in net.parameters()]
        result = convert(net, t.channels_last if dims == 2 else t.channels_last_3d)
        assert result is net and before == [id(p) for p in net.parameters()]
        return [layer.weight.stride() for layer in net]

    return program


@pytest.mark.parametrize("dims", [2, 3])
def test_weights_in_another_memory_format(dims: int) -> None:
    check(strides(dims))
