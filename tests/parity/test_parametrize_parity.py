"""nn.utils.parametrize beside PyTorch's: what is registered, assigned, removed, copied, saved, and refused."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from outcomes import check, filled, sample

import tritonnn as torch


def parts(t: Any) -> Any:
    """Parametrizations of a library, by what they do."""

    class Plain(t.nn.Module):
        def __init__(self, function: Any) -> None:
            super().__init__()
            self.function = function

        def forward(self, *tensors: Any) -> Any:
            return self.function(*tensors)

    class Inverted(Plain):
        def __init__(self, function: Any, inverse: Any) -> None:
            super().__init__(function)
            self.inverse = inverse

        def right_inverse(self, value: Any) -> Any:
            return self.inverse(value)

    return lambda *functions: Plain(*functions) if len(functions) == 1 else Inverted(*functions)


def not_there(value: Any) -> Any:
    raise NotImplementedError


def linear(t: Any, *functions: Any, twice: bool = False, **options: Any) -> Any:
    """A linear layer with a parametrized weight; `twice`: on top of one that doubles it."""
    layer, part = filled(t, t.nn.Linear(3, 2)), parts(t)
    register = t.nn.utils.parametrize.register_parametrization
    if twice:
        register(layer, "weight", part(lambda x: 2 * x, lambda x: x / 2))
    return register(layer, "weight", part(*functions), **options)


def seen(t: Any, layer: Any) -> Any:
    """What can be seen of a layer: its state, repr, names, output and gradients."""
    output = layer(t.ones(3))
    output.sum().backward()
    grads = {name: p.grad for name, p in layer.named_parameters()}
    names = [name for name, _ in layer.named_modules()], [name for name, _ in layer.named_buffers()]
    own = type(layer).__name__, t.nn.utils.parametrize.type_before_parametrizations(layer).__name__
    return dict(layer.state_dict()), layer.state_dict()._metadata, repr(layer), output, grads, names, own


def assigned(t: Any, layer: Any, value: Any) -> Any:
    layer.weight = value
    return layer.weight, dict(layer.state_dict())


def identity(x: Any) -> Any:
    return x


REGISTERED: dict[str, Any] = {
    "one": ((lambda x: x * x,), {}),
    "inverse": ((lambda x: x * 3, lambda x: x / 3), {}),
    "inverse not there": ((lambda x: x * 3, not_there), {}),
    "two originals": ((lambda x, y: x * y, lambda x: (x, x * 0 + 2)), {}),
    "three originals": ((lambda *x: x[0] + x[2], lambda x: [x, x, x]), {}),
    "one in a list": ((lambda x: x * 2, lambda x: (x,)), {}),
    "unsafe dtype": ((lambda x: x.double().float() * 2,), {"unsafe": True}),
    "chained": ((lambda x: x + 1,), {"twice": True}),
    "chained inverse": ((lambda x: x + 1, lambda x: x - 1), {"twice": True}),
    "chained inverse not there": ((lambda x: x + 1, not_there), {"twice": True}),
    "no tensor": ((lambda x: 1,), {}),
    "dtype": ((lambda x: x.double(),), {}),
    "shape": ((lambda x: x[:1],), {}),
    "inverse no tensor": ((identity, lambda x: 1), {}),
    "inverse dtype": ((identity, lambda x: x.double()), {}),
    "inverse element": ((identity, lambda x: (x, 1)), {}),
    "inverse shape": ((lambda x: x[:1], lambda x: x[:1]), {}),
    "original of another dtype": ((lambda x, y: x, lambda x: (x.double(), x)), {}),
    "chained no tensor": ((lambda x: 1,), {"twice": True}),
    "chained dtype": ((lambda x: x.double(),), {"twice": True}),
    "chained shape": ((lambda x: x[:1],), {"twice": True}),
    "chained inverse no tensor": ((identity, lambda x: 1), {"twice": True}),
    "chained inverse several": ((identity, lambda x: (x, x)), {"twice": True}),
    "chained inverse dtype": ((identity, lambda x: x.double()), {"twice": True}),
    "chained inverse shape": ((identity, lambda x: x[:1]), {"twice": True}),
}


@pytest.mark.parametrize("name", REGISTERED)
def test_registered(name: str) -> None:
    functions, options = REGISTERED[name]
    check(lambda t: seen(t, linear(t, *functions, **options)))


@pytest.mark.parametrize("leave", [True, False])
@pytest.mark.parametrize("name", [name for name in REGISTERED if " no" not in name][:9])
def test_removed(name: str, leave: bool) -> None:
    functions, options = REGISTERED[name]

    def program(t: Any) -> Any:
        layer = linear(t, *functions, **options)
        first = next(iter(layer.parametrizations.weight.parameters()))
        t.nn.utils.parametrize.remove_parametrizations(layer, "weight", leave_parametrized=leave)
        return first is layer.weight, seen(t, layer), hasattr(layer, "parametrizations")

    check(program)


@pytest.mark.parametrize("name", [name for name in REGISTERED if " no" not in name][:9])
def test_assigned(name: str) -> None:
    functions, options = REGISTERED[name]
    check(lambda t: assigned(t, linear(t, *functions, **options), sample(t, 2, 3)))


def shared(t: Any) -> Any:
    layer = linear(t, lambda x: x * 2)
    with t.nn.utils.parametrize.cached():
        first, second = layer.weight, layer.weight
        with t.nn.utils.parametrize.cached():
            third = layer.weight
        fourth = layer.weight
    return first is second, first is third, first is fourth, layer.weight is layer.weight


def buffer(t: Any) -> Any:
    layer = t.nn.Linear(3, 2, bias=False)
    layer.register_buffer("scale", t.ones(2))
    parametrize = t.nn.utils.parametrize
    parametrize.register_parametrization(layer, "scale", parts(t)(lambda x: x * 2))
    before = layer.scale, [name for name, _ in layer.named_buffers()], list(layer.state_dict())
    parametrize.remove_parametrizations(layer, "scale")
    return before, layer.scale, [name for name, _ in layer.named_buffers()], list(layer.state_dict())


def two(t: Any) -> Any:
    parametrize = t.nn.utils.parametrize
    layer = linear(t, lambda x: x * 2)
    parametrize.register_parametrization(layer, "bias", parts(t)(lambda x: x + 1))
    first = seen(t, layer), parametrize.is_parametrized(layer), parametrize.is_parametrized(layer, "bias")
    parametrize.remove_parametrizations(layer, "weight")
    asked = [parametrize.is_parametrized(layer, *name) for name in ((), ("weight",), ("bias",), ("x",))]
    return first, asked, seen(t, layer)


def loaded(t: Any) -> Any:
    source, target = linear(t, lambda x: x * 2), t.nn.Linear(3, 2)
    t.nn.utils.parametrize.register_parametrization(target, "weight", parts(t)(lambda x: x * 2))
    return str(target.load_state_dict(source.state_dict())), target.weight


def moved(t: Any) -> Any:
    layer = linear(t, lambda x: x * 2, lambda x: x / 2).double()
    frozen = linear(t, lambda x, y: x + y, lambda x: (x, x)).requires_grad_(False)
    return layer.weight, frozen.weight.requires_grad, [p.requires_grad for p in frozen.parameters()]


def modes(t: Any) -> Any:
    layer = t.nn.Linear(3, 2).eval()
    t.nn.utils.parametrize.register_parametrization(layer, "weight", t.nn.Dropout(0.5))
    return (
        layer.parametrizations.weight[0].training,
        layer.weight.shape,
        layer.train().parametrizations.training,
    )


def transferred(t: Any, *names: str) -> Any:
    parametrize = t.nn.utils.parametrize
    source, target = linear(t, lambda x: x * 2, twice=True), filled(t, t.nn.Linear(3, 2), seed=4)
    result = parametrize.transfer_parametrizations_and_params(source, target, *names)
    original = result.parametrizations.weight.original is source.parametrizations.weight.original
    return seen(t, result), result is target, original


def transferred_to_less(t: Any) -> Any:
    source = linear(t, lambda x, y: x * y, lambda x: (x, x))
    result = t.nn.utils.parametrize.transfer_parametrizations_and_params(source, t.nn.Identity())
    return result.weight, list(result.state_dict())


def copied(t: Any) -> Any:
    layer = t.nn.Sequential(linear(t, lambda x: x * 2, lambda x: x / 2))
    other = copy.deepcopy(layer)
    other[0].weight = t.ones(2, 3)
    return layer[0].weight, other[0].weight, repr(other), other(t.ones(3))


def optimized(t: Any) -> Any:
    layer = filled(t, t.nn.Linear(3, 2))
    optimizer = t.optim.SGD(layer.parameters(), 0.5)
    t.nn.utils.parametrize.register_parametrization(
        layer, "weight", parts(t)(lambda x: x * 2, lambda x: x / 2)
    )
    layer(t.ones(3)).square().sum().backward()
    optimizer.step()
    return dict(layer.state_dict())


PROGRAMS: dict[str, Any] = {
    "cached": shared,
    "buffer": buffer,
    "two": two,
    "loaded": loaded,
    "moved": moved,
    "modes": modes,
    "transferred": transferred,
    "one transferred": lambda t: transferred(t, "weight"),
    "not there transferred": lambda t: transferred(t, "bias"),
    "transferred to less": transferred_to_less,
    "nothing transferred": lambda t: repr(
        t.nn.utils.parametrize.transfer_parametrizations_and_params(t.nn.Linear(3, 2), t.nn.ReLU())
    ),
    "copied": copied,
    "optimized": optimized,
    "pickled": lambda t: pickle.dumps(linear(t, lambda x: x)),
    "shallow copy": lambda t: copy.copy(linear(t, lambda x: x)),
    "no name": lambda t: t.nn.utils.parametrize.register_parametrization(t.nn.Linear(3, 2), "x", t.nn.ReLU()),
    "none": lambda t: t.nn.utils.parametrize.register_parametrization(
        t.nn.Linear(3, 2, bias=False), "bias", t.nn.ReLU()
    ),
    "no module": lambda t: t.nn.utils.parametrize.register_parametrization(t.nn.Linear(3, 2), "weight", 1),
    "not parametrized": lambda t: t.nn.utils.parametrize.remove_parametrizations(t.nn.Linear(3, 2), "bias"),
    "other not parametrized": lambda t: t.nn.utils.parametrize.remove_parametrizations(
        linear(t, t.nn.functional.relu), "bias"
    ),
    "empty list": lambda t: t.nn.utils.parametrize.ParametrizationList([], t.ones(2)),
    "list": lambda t: (
        (made := t.nn.utils.parametrize.ParametrizationList([t.nn.Tanh(), t.nn.ReLU()], t.nn.Parameter(t.ones(2))))(),
        made.state_dict(), len(made), made.is_tensor, made.ntensors, made.unsafe,
    ),
    "assign without inverse": lambda t: assigned(t, linear(t, identity), t.ones(2, 3)),
    "assign another dtype": lambda t: assigned(t, linear(t, identity, identity), t.ones(2, 3).double()),
    "assign another shape": lambda t: assigned(t, linear(t, identity, identity), t.ones(4, 3)),
    "assign a number": lambda t: assigned(t, linear(t, identity, identity), 1),
    "assign fewer": lambda t: assigned(
        t, linear(t, lambda x, y: x, lambda x: (x, x) if x.sum() != 6 else (x,)), t.ones(2, 3)
    ),
    "assign one of several": lambda t: assigned(
        t, linear(t, lambda x, y: x, lambda x: (x, x) if x.sum() != 6 else x), t.ones(2, 3)
    ),
    "assign numbers": lambda t: assigned(
        t, linear(t, lambda x, y: x, lambda x: (x, x) if x.sum() != 6 else (1, 2)), t.ones(2, 3)
    ),
    "assign several dtypes": lambda t: assigned(
        t, linear(t, lambda x, y: x, lambda x: (x, x) if x.sum() != 6 else (x, x.double())), t.ones(2, 3)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name: str) -> None:
    check(PROGRAMS[name])


def test_a_copy_keeps_what_is_removed_from_the_other() -> None:
    """In PyTorch the two share a class, and lose the attribute together."""
    layer = linear(torch, lambda x: x * 2)
    other = copy.deepcopy(layer)
    torch.nn.utils.parametrize.remove_parametrizations(layer, "weight")
    assert torch.equal(other(torch.ones(3)), layer(torch.ones(3)))
