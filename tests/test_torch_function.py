"""`__torch_function__`: every public function, method and property lets those answer who take its calls over."""

from __future__ import annotations

import contextlib
import inspect
import threading
import warnings
from typing import Any

import pytest

import tritonnn as torch
from tritonnn import overrides
from tritonnn._tensor import Tensor


class Noted(torch.Tensor):
    """A subclass that notes what it is asked for."""

    calls: list[Any] = []

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        cls.calls.append((func, types, args, kwargs))
        return super().__torch_function__(func, types, args, kwargs or {})


class Duck:
    """No tensor; answers every call with the function."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return (cls, func)


@pytest.fixture
def noted() -> Any:
    Noted.calls.clear()
    yield torch.tensor([[1.0, 2.0], [3.0, 4.0]]).as_subclass(Noted)
    Noted.calls.clear()


FUNCTIONS = overrides._by_name()
# What is given no tensor at all, so that only modes see it.
WITHOUT_TENSORS = {name for name, op in ((n, getattr(f, "op", None)) for n, f in FUNCTIONS.items())
                   if op is not None and (not op.tensor_slots and not op.takes_tensors)}  # fmt: skip


def a_call(function: Any, value: Any) -> tuple[tuple, dict]:
    """Arguments with `value` for each that has no default, and for the first."""
    args: list[Any] = []
    kwargs = {}
    for p in inspect.signature(function).parameters.values():
        needed = p.default is p.empty or not args
        if p.kind is p.KEYWORD_ONLY and p.default is p.empty:
            kwargs[p.name] = value
        elif (needed and p.kind is p.POSITIONAL_OR_KEYWORD) or (not args and p.kind is p.VAR_POSITIONAL):
            args.append(value)
    return tuple(args), kwargs


OF_MODULES = [name for name in FUNCTIONS if not name.startswith("torch.Tensor.")]
DATA = {"torch.tensor", "torch.as_tensor", "torch.asarray"}
WITHOUT_TENSORS |= {f"torch.{name}" for name in ("empty", "zeros", "ones", "rand", "randn")}  # sizes in line


@pytest.mark.parametrize("name", [name for name in OF_MODULES if name not in DATA | WITHOUT_TENSORS])
def test_every_function_is_taken_over(name: str) -> None:
    function = FUNCTIONS[name]
    args, kwargs = a_call(function, Duck())
    assert function(*args, **kwargs) == (Duck, function)
    names = list(inspect.signature(function).parameters)
    if "input" in names:
        assert function(**dict(zip(names, args)), **kwargs) == (Duck, function)


class Answering(overrides.TorchFunctionMode):
    """A mode that answers 7 to everything, and notes what it was asked for."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen.append(func)
        return 7


@pytest.mark.parametrize("name", OF_MODULES)
def test_every_function_is_seen_by_a_mode(name: str) -> None:
    args, kwargs = a_call(FUNCTIONS[name], torch.ones(2))
    with Answering() as mode:
        assert FUNCTIONS[name](*args, **kwargs) == 7
    assert mode.seen == [FUNCTIONS[name]]


PROPERTIES = [name for name, value in vars(Tensor).items() if isinstance(value, property) and name[0] != "_"]


@pytest.mark.parametrize("name", PROPERTIES)
def test_properties_are_taken_over(name: str, noted: Any) -> None:
    with contextlib.suppress(RuntimeError, AttributeError), warnings.catch_warnings(action="ignore"):
        getattr(noted, name)
    func, types, args, kwargs = Noted.calls[0]
    assert (
        func == getattr(torch.Tensor, name).__get__
        and types == (Noted,)
        and args == (noted,)
        and kwargs == {}
    )


METHODS = [
    name for name in vars(Tensor)
    if f"torch.Tensor.{name}" in FUNCTIONS and not name.startswith("__") and name != "_version"
]  # fmt: skip


@pytest.mark.parametrize("name", METHODS)
def test_methods_tell_the_function_of_the_class(name: str) -> None:
    class Silent(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return (func, types, len(args))

    x = torch.ones(2).as_subclass(Silent)
    # The method that a caller of the class sees is the one that is told.
    assert getattr(Silent, name) is getattr(torch.Tensor, name)
    func, types, count = getattr(x, name)()
    assert func is getattr(torch.Tensor, name) and types == (Silent,) and count == 1
    plain = torch.ones(2)
    with Answering() as mode:
        assert getattr(plain, name)() == 7
    assert mode.seen == [func]


def test_results_are_of_the_subclass(noted: Any) -> None:
    plain = torch.ones(2, 2)
    for result in (noted + 1, 1 - noted, plain * noted, noted @ plain, plain @ noted, noted[0], noted.T, noted.sum(),
                   torch.cat([plain, noted]), torch.nn.functional.linear(plain, noted), noted.view(4), noted.data,
                   torch.where(plain > 0, noted, plain), noted.to(torch.float64), noted.detach(), noted.clone(),
                   plain.copy_(noted).as_subclass(Noted), noted.max(), torch.exp(noted), noted.real,
                   noted.new_ones(2)):  # fmt: skip
        assert type(result) is Noted
    values = noted.max(dim=0)
    assert type(values.values) is Noted and type(values) is torch.return_types.max
    assert all(type(part) is Noted for part in noted.split(1))
    assert type(noted.shape) is torch.Size and type(noted.tolist()) is list


def test_numbers_are_those_of_plain_tensors(noted: Any) -> None:
    plain = noted.as_subclass(torch.Tensor)
    assert (
        type(plain) is torch.Tensor
        and ((noted * 2 - plain) / 3).tolist() == ((plain * 2 - plain) / 3).tolist()
    )


def test_gradients_go_through_a_subclass() -> None:
    leaf = torch.tensor([1.0, 2.0], requires_grad=True)
    x = leaf.as_subclass(Noted)
    ((x * x).exp().sum() * 2).backward()
    wanted = [2 * 2 * v * torch.tensor(v * v).exp().item() for v in (1.0, 2.0)]
    assert leaf.grad.tolist() == pytest.approx(wanted, rel=1e-5) and type(leaf.grad) is torch.Tensor
    own = torch.Tensor._make_subclass(Noted, torch.tensor([3.0]), True)
    assert own.is_leaf and own.requires_grad
    (own * own).sum().backward()
    assert type(own.grad) is torch.Tensor and own.grad.item() == 6
    (grad,) = torch.autograd.grad((own * own).sum(), own)
    assert type(grad) is Noted and grad.item() == 6


def test_backward_asks_nobody() -> None:
    w = torch.Tensor._make_subclass(Noted, torch.tensor([3.0]), True)
    loss = (w * w).as_subclass(torch.Tensor)
    Noted.calls.clear()
    loss.backward()
    assert not Noted.calls and w.__dict__["_grad"].item() == 6


def test_order_of_those_who_answer() -> None:
    asked = []

    def answering(name: str, *bases: type) -> Any:
        def answer(cls: Any, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            asked.append(cls.__name__)
            return NotImplemented

        return type(name, bases, {"__torch_function__": classmethod(answer)})

    First, Second = answering("First"), answering("Second")
    Below = answering("Below", Second)
    with pytest.raises(
        TypeError, match=r"no implementation found for 'torch.cat' on types .*: \[<class .*First"
    ):
        torch.cat([First(), Second(), Below(), First()])
    assert asked == ["First", "Below", "Second"]
    asked.clear()
    with pytest.raises(TypeError, match="unsupported operand"):
        torch.ones(1) + First()
    assert asked == ["First"]


def test_a_type_error_of_ones_own_is_not_hidden() -> None:
    class Failing(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            raise TypeError("mine")

    with pytest.raises(TypeError, match="mine"):
        torch.ones(1).as_subclass(Failing) + 1


def test_disabled(noted: Any) -> None:
    with torch._C.DisableTorchFunctionSubclass():
        assert type(noted + 1) is torch.Tensor and noted.shape == (2, 2)
    assert not Noted.calls

    class Plain(torch.Tensor):
        __torch_function__ = torch._C._disabled_torch_function_impl

    x = torch.ones(2).as_subclass(Plain)
    assert type(x + 1) is torch.Tensor and type(x) is Plain and torch.overrides.is_tensor_like(x)

    class Weight(torch.nn.Parameter):
        pass

    assert type(Weight(torch.ones(2)) + 1) is torch.Tensor


def test_modes_nest_and_see_plain_tensors() -> None:
    seen: list[str] = []

    class Mode(overrides.TorchFunctionMode):
        def __init__(self, name: str) -> None:
            self.name = name

        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            seen.append(f"{self.name} {overrides.resolve_name(func)}")
            return func(*args, **(kwargs or {}))

    x = torch.ones(2)
    with Mode("outer"), Mode("inner"):
        assert x.shape == (2,) and (x + 1).size() == (2,)
        assert len(overrides._get_current_function_mode_stack()) == 2
    names = ["torch.Tensor.shape.__get__", "torch.Tensor.add", "torch.Tensor.size"]
    assert seen == [f"{mode} {name}" for name in names for mode in ("inner", "outer")]
    seen.clear()
    assert x.shape == (2,) and not seen and overrides._get_current_function_mode() is None


def test_functions_are_the_same_while_there_is_a_mode() -> None:
    before = torch.Tensor.detach, torch.Tensor.shape.__get__, torch.Tensor.add
    with overrides.BaseTorchFunctionMode():
        assert (torch.Tensor.detach, torch.Tensor.shape.__get__, torch.Tensor.add) == before


def test_a_mode_is_of_one_thread() -> None:
    seen: list[Any] = []

    class Mode(overrides.TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            seen.append(threading.get_ident())
            return func(*args, **(kwargs or {}))

    done: list[Any] = []
    with Mode():
        worker = threading.Thread(target=lambda: done.append((torch.ones(2) + 1).shape))
        worker.start()
        worker.join()
    assert done == [(2,)] and not seen


def test_a_mode_that_raises_is_left() -> None:
    class Mode(overrides.TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"), Mode():
        torch.ones(2)
    assert torch.ones(2).shape == (2,)


# ---- torch.overrides ----------------------------------------------------------------------------------------


def test_lists() -> None:
    testing = overrides.get_testing_overrides()
    assert torch.add in testing and torch.Tensor.add in testing and testing[torch.add](1, 2) == -1
    assert inspect.signature(testing[torch.nn.functional.linear]) == inspect.signature(
        torch.nn.functional.linear
    )
    with pytest.raises(TypeError):
        testing[torch.add]()
    functions = overrides.get_overridable_functions()
    assert torch.Tensor.add in functions[torch.Tensor] and torch.special.exp2 in functions[torch.special]
    ignored = overrides.get_ignored_functions()
    assert torch.is_tensor in ignored and torch.Tensor.as_subclass in ignored and torch.add not in ignored
    assert not set(testing) & ignored


def test_names() -> None:
    assert overrides.resolve_name(torch.add) == "torch.add"
    assert overrides.resolve_name(torch.Tensor.add) == "torch.Tensor.add"
    assert overrides.resolve_name(torch.Tensor.grad.__set__) == "torch.Tensor.grad.__set__"
    assert overrides.resolve_name(print) is None and overrides.resolve_name([]) is None
    assert all(overrides.resolve_name(function) for function in FUNCTIONS.values())


def test_handling_by_hand() -> None:
    def double(x: Any) -> Any:
        if overrides.has_torch_function_variadic(x, 1):
            return overrides.handle_torch_function(double, (x, 1), x)
        return 2 * x

    assert double(3) == 6 and double(Duck()) == (Duck, double)
    assert not overrides.has_torch_function((torch.ones(1), torch.nn.Parameter(torch.ones(1)), [Duck()]))
    assert overrides.has_torch_function_unary(Duck()) and overrides.is_tensor_like(Duck())
    wrapped = overrides.wrap_torch_function(lambda x: (x,))(lambda x: x)
    assert wrapped(1) == 1 and wrapped(Duck())[0] is Duck


def test_a_plain_method_is_deprecated() -> None:
    class Old:
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            return 5

    with pytest.warns(DeprecationWarning, match="plain method"):
        assert torch.add(Old(), 1) == 5
