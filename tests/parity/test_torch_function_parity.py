"""`__torch_function__` beside PyTorch's: what is asked with what, by whom, and what comes of it."""

from __future__ import annotations

import copy
import operator
from typing import Any

import pytest
import torch as reference
from outcomes import check

import tritonnn as torch

LOGS: dict[Any, list[Any]] = {torch: [], reference: []}


def logging(t: Any) -> Any:
    class Logging(t.Tensor):
        @classmethod
        def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            LOGS[t].append([t.overrides.resolve_name(func), [type(a).__name__ for a in args]])
            return super().__torch_function__(func, types, args, kwargs or {})

    return Logging


def parts(result: Any) -> Any:
    """Class and value of a result, and of those in it."""
    if isinstance(result, (tuple, list)) and type(result).__name__ != "Size":
        return [parts(part) for part in result]
    is_tensor = isinstance(result, (torch.Tensor, reference.Tensor))
    value = (
        result.as_subclass(kind(result)).tolist() if is_tensor else str(result).replace("tritonnn", "torch")
    )
    return [type(result).__name__, value]


def kind(tensor: Any) -> Any:
    return torch.Tensor if isinstance(tensor, torch.Tensor) else reference.Tensor


# x is of the subclass, p a plain tensor, i a subclass's of integers.
CALLS: dict[str, Any] = {
    **{f"{name} {order}": (lambda t, x, p, i, f=getattr(operator, name), o=order:
                           f(*((x, p) if o == "xp" else (p, x) if o == "px" else (x, 2) if o == "x2" else (2, x))))
       for name in ("add", "sub", "mul", "truediv", "mod", "eq", "lt", "ge") for order in ("xp", "px", "x2", "2x")
       if (name, order) not in (("truediv", "2x"),)},
    **{f"{name} integers": (lambda t, x, p, i, f=getattr(operator, name): [f(i, 1), f(1, i)])
       for name in ("and_", "or_", "xor", "lshift", "rshift")},
    **{f"{name} in place": (lambda t, x, p, i, f=getattr(operator, name): [f(x.clone(), 2), f(p.clone(), x)])
       for name in ("iadd", "isub", "imul", "itruediv", "imod", "ifloordiv")},
    **{name: (lambda t, x, p, i, f=getattr(operator, name): f(i)) for name in ("neg", "pos", "abs", "invert")},
    **{name: (lambda t, x, p, i, n=name: getattr(x, n)) for name in (
        "shape", "dtype", "device", "real", "data", "grad", "requires_grad", "is_leaf", "ndim", "is_cuda", "layout",
        "itemsize", "nbytes", "output_nr", "_version", "is_sparse")},
    "matmul": lambda t, x, p, i: [x @ p, p @ x], "subscripts": lambda t, x, p, i: [x[0], x[p > 0], p[i > 0], x[None]],
    "assignment": lambda t, x, p, i: [x.__setitem__(0, 1.0), x.tolist()],
    "numbers": lambda t, x, p, i: [bool(x[0]), float(x[0]), int(x[0]), len(x), x[0].item(), 1.0 in x],
    "sizes": lambda t, x, p, i: [x.size(), x.stride(), x.dim(), x.numel(), x.is_contiguous(), x.element_size()],
    "detach": lambda t, x, p, i: x.detach(), "to": lambda t, x, p, i: x.to(t.float64),
    "max": lambda t, x, p, i: [x.max(0), t.max(x, 0)], "cat": lambda t, x, p, i: [t.cat([p, x]), t.stack((x, p))],
    "functional": lambda t, x, p, i: t.nn.functional.linear(p, x[None]),
    "functions": lambda t, x, p, i: [t.add(p, x), t.add(p, other=x), t.exp(x), t.where(p > 1, x, p), t.softmax(x, 0)],
    "made like it": lambda t, x, p, i: [t.zeros_like(x), x.new_zeros(2), x.new_ones(1)],
    "questions": lambda t, x, p, i: [t.numel(x), t.is_floating_point(x), t.result_type(x, p), t.is_tensor(x)],
    "comparisons": lambda t, x, p, i: [t.allclose(x, p), t.equal(x, p), x.eq(p)],
    "other of a method": lambda t, x, p, i: [p.type_as(x), p.expand_as(x), p.copy_(x), p.add(x)],
    "sum": lambda t, x, p, i: [x.sum(), t.sum(x), x.mean(), x.mean(0)],
    "as_subclass": lambda t, x, p, i: x.as_subclass(t.Tensor), "split": lambda t, x, p, i: list(x.unbind(0)),
    "pickled": lambda t, x, p, i: copy.copy(x), "set": lambda t, x, p, i: setattr(x, "requires_grad", True),
    "in place": lambda t, x, p, i: [x.add_(1), x.mul_(p), x.zero_(), x.fill_(2.0)],
    "out": lambda t, x, p, i: t.add(p, p, out=x), "views": lambda t, x, p, i: [x.view(2, 1), x.reshape(2), x.T, x.t()],
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_calls_that_are_taken_over(name: str) -> None:
    import warnings

    def program(t: Any) -> Any:
        Logging = logging(t)
        x, p = t.tensor([1.0, 2.0]).as_subclass(Logging), t.tensor([3.0, 4.0])
        i = t.tensor([1, 2]).as_subclass(Logging)
        LOGS[t].clear()
        with warnings.catch_warnings(action="ignore"):
            result = CALLS[name](t, x, p, i)
            told = [list(entry) for entry in LOGS[t]]
            return told, parts(result)

    check(program)


# ---- programs -----------------------------------------------------------------------------------------------


def metadata(t: Any) -> Any:
    """Two parts: a tensor and what is known of it; no tensor itself."""

    class Metadata:
        def __init__(self, data: Any, note: Any = None) -> None:
            self._t, self._note = t.as_tensor(data), note

        @classmethod
        def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            notes = tuple(a._note for a in args if isinstance(a, cls))
            plain = [a._t if isinstance(a, cls) else a for a in args]
            return cls(func(*plain, **(kwargs or {})), note=notes[0])

    a, b = Metadata([1.0, 2.0], "left"), Metadata([3.0, 4.0], "right")
    results = [t.add(a, b), t.mul(b, t.tensor([2.0])), t.exp(a), t.nn.functional.relu(b)]
    return [[r._t.tolist(), r._note] for r in results]


def scalar(t: Any) -> Any:
    """A diagonal matrix that is one number."""
    handled: dict[Any, Any] = {}

    class Scalar:
        def __init__(self, n: int, value: float) -> None:
            self.n, self.value = n, value

        @classmethod
        def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            known = all(issubclass(kind, (t.Tensor, cls)) for kind in types)
            if func not in handled or not known:
                return NotImplemented
            return handled[func](*args, **(kwargs or {}))

    handled[t.mean] = lambda x: x.value / x.n
    handled[t.add] = lambda a, b: (getattr(a, "value", a), getattr(b, "value", b))
    found = [t.mean(Scalar(5, 2.0)), t.add(Scalar(5, 2.0), Scalar(2, 1.0))]
    try:
        t.mul(Scalar(5, 2.0), t.ones(1))
    except TypeError as error:
        found.append(type(error).__name__)
    return found


def units(t: Any) -> Any:
    """A tensor whose attribute follows from those of the operands."""

    class Units(t.Tensor):
        unit = ""

        @classmethod
        def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = super().__torch_function__(func, types, args, kwargs or {})
            if isinstance(result, cls) and func in (t.Tensor.mul, t.mul):
                result.unit = "*".join(sorted(a.unit for a in args if isinstance(a, cls)))
            return result

    a, b = t.tensor([2.0]).as_subclass(Units), t.tensor([3.0]).as_subclass(Units)
    a.unit, b.unit = "m", "s"
    return [(a * b).unit, t.mul(a, b).tolist(), (a + b).unit, type(a + b).__name__]


def orders(t: Any) -> Any:
    """Who is asked first."""
    asked: list[str] = []

    def asking(name: str, *bases: Any) -> Any:
        def answer(cls: Any, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            asked.append(f"{cls.__name__} of {[kind.__name__ for kind in types]}")
            return NotImplemented

        return type(name, bases, {"__torch_function__": classmethod(answer)})

    A, B = asking("A"), asking("B")
    C = asking("C", A)
    for values in ([A(), B(), C()], [B(), A()], [A(), C(), A()]):
        try:
            t.cat(values)
        except TypeError:
            asked.append("TypeError")
    for call in (lambda: t.ones(1) + A(), lambda: t.ones(1).add(B()), lambda: t.ones(2)[C()]):
        try:
            call()
        except TypeError:
            asked.append("TypeError")
    return asked


def modes(t: Any) -> Any:
    """Modes in modes, with plain tensors and a subclass."""
    seen: list[str] = []
    Logging = logging(t)

    class Mode(t.overrides.TorchFunctionMode):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            seen.append(f"{self.name} {t.overrides.resolve_name(func)}")
            if func is t.sub:
                return "replaced"
            return func(*args, **(kwargs or {}))

    x, s = t.ones(2), t.ones(2).as_subclass(Logging)
    LOGS[t].clear()
    with Mode("outer"):
        results = [type(x + 1).__name__, x.size(0)]
        with Mode("inner"):
            results += [t.sub(x, x), x.detach().tolist(), t.zeros(2).tolist(), tuple(x.shape)]
            results += [type(s * 2).__name__, t.arange(3).sum().item()]
        results.append(x.numel())
    return results, seen, LOGS[t]


def gradients(t: Any) -> Any:
    """Gradients through a subclass, and of leaves that are of one."""
    Logging = logging(t)
    leaf = t.tensor([1.0, 2.0], requires_grad=True)
    (leaf.as_subclass(Logging) ** 2).sum().backward()
    own = t.tensor([3.0]).as_subclass(Logging).requires_grad_()
    loss = (own * own).sum()
    loss.backward()
    return [leaf.grad.tolist(), type(leaf.grad).__name__, own.grad.tolist(), type(own.grad).__name__,
            type(loss).__name__, loss.grad_fn.name(), t.autograd.grad((own * 2).sum(), own)[0].tolist()]  # fmt: skip


def subclasses(t: Any) -> Any:
    """Constructors, attributes and classes that stay."""

    class Tagged(t.Tensor):
        @staticmethod
        def __new__(cls, data: Any, tag: str, **kwargs: Any) -> Any:
            return super().__new__(cls, data, **kwargs)

        def __init__(self, data: Any, tag: str) -> None:
            self.tag = tag

    class Made(t.Tensor):
        def __new__(cls, data: Any) -> Any:
            return t.Tensor._make_subclass(cls, data)

    class Weight(t.nn.Parameter):
        pass

    x = Tagged([1.0, 2.0], "a")
    made = Made(t.ones(2))
    weight = Weight(t.ones(2))
    shown = [repr(made), repr(x), str(made * 2)]
    return [shown, type(x).__name__, x.tag, x.tolist(), hasattr(x + 1, "tag"),
            type(made).__name__, made.requires_grad, type(made * 2).__name__, type(weight).__name__,
            type(weight * 2).__name__, isinstance(weight, t.nn.Parameter)]  # fmt: skip


def disabled(t: Any) -> Any:
    """Blocks and classes in which nothing is taken over."""
    Logging = logging(t)

    class Plain(t.Tensor):
        __torch_function__ = t._C._disabled_torch_function_impl

    x = t.ones(2).as_subclass(Logging)
    LOGS[t].clear()
    with t._C.DisableTorchFunctionSubclass():
        inside = type(x + 1).__name__
    plain = t.ones(2).as_subclass(Plain)
    likes = [t.overrides.is_tensor_like(v) for v in (x, plain, 1, [x], object())]
    has = [t.overrides.has_torch_function(v) for v in ((x,), (plain,), (1,), (t.ones(1), x))]
    return inside, LOGS[t], type(plain * 2).__name__, type(plain).__name__, likes, has


def siblings(t: Any) -> Any:
    """Two subclasses that do not know of each other."""
    A = type("A", (t.Tensor,), {})
    B = type("B", (t.Tensor,), {})
    C = type("C", (A,), {})
    a, b, c = (t.ones(2).as_subclass(kind) for kind in (A, B, C))
    try:
        mixed = type(a + b).__name__
    except TypeError as error:
        mixed = type(error).__name__
    return mixed, type(a + c).__name__, type(c + a).__name__


PROGRAMS = [metadata, scalar, units, orders, modes, gradients, subclasses, disabled, siblings]


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs(program: Any) -> None:
    check(program)


def test_names() -> None:
    missing = {n for n in reference.overrides.__all__ if not hasattr(torch.overrides, n)}
    assert missing <= {"enable_reentrant_dispatch", "redispatch_function"}
