"""The op table: what an entry is, and how a function, a method, tests and documentation come from it.

An entry is a decorated function. Its signature is the op's schema, its docstring the documentation, and

- of a `primitive` its body is the rule: check the arguments and return what to allocate,
- of a `pointwise` primitive there is no body: shape and dtype follow from broadcasting and promotion,
- of a `view` its body returns shape, stride and offset over the same memory,
- of a `composite` its body computes with other ops.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from tritonnn import dispatch
from tritonnn._families import OWN
from tritonnn._overriding import MODES, overloading, overridable, overridden
from tritonnn._tensor import Tensor
from tritonnn.errors import BatchedOperand, HalfComplexOperand, SparseOperand
from tritonnn.ops._frames import checked_frame, frame, own
from tritonnn.table import (
    ALL_TYPES,
    ANY,
    BOOL,
    FLOAT,
    FLOATING,
    FLOATING_AND_COMPLEX,
    MODULES,
    NAMESPACES,
    NUMERIC,
    OPS,
    PROMOTE,
    REAL,
    Bad,
    Entry,
    Make,
    Op,
    OpSignature,
    Out,
    Perf,
    Sample,
)
from tritonnn.table.entry import P, R, made
from tritonnn.table.in_place import FUNCTIONS_IN_PLACE, doc_in_place
from tritonnn.table.sparse import as_given, with_sparse

__all__ = [
    "ALL_TYPES", "ANY", "BOOL", "FLOAT", "FLOATING", "FLOATING_AND_COMPLEX", "NAMESPACES", "NUMERIC", "OPS", "PROMOTE",
    "REAL", "Bad", "Entry", "Make", "Op", "OpSignature", "Out", "Perf", "Sample", "attach", "called", "checked",
    "composite", "doc_in_place", "expose", "made", "named", "own", "pointwise", "primitive", "unary", "view", "views",
    "writing", "written",
]  # fmt: skip

# ---- decorators ---------------------------------------------------------------------------------------------


#: the in-place forms of all ops, by their names
IN_PLACE: dict[str, Callable] = {}


def primitive(**options: Any) -> Callable[[Callable[P, Any]], Entry[P, Any]]:
    """An op with two implementations by name; the decorated body is its rule.

    The body returns `Out(shape, dtype)`, or a tuple of them for several results; or `(outs, args)` where `args` are
    all arguments in schema order, normalised.

    Options:
        api: where it appears: "torch tensor functional linalg special".
        public: the name it appears under, where that is taken by another entry (F.softmax beside torch.softmax).
        grad: argument -> formula. The first parameter of a formula is the incoming gradient; the names of the others
            say what it needs and so what is saved: an argument, a result, `<argument>_shape|_dtype|_device`, `needs`.
        backward: one formula for all arguments instead; returns one gradient per argument (None for non-tensors).
        results: names of the results (a named tuple is returned where there are several).
        non_differentiable: names of the results that have no gradient (indices, saved statistics).
        nondeterministic: why its kernel may give other bits from the same inputs: refused where
            `use_deterministic_algorithms` asks for that.
        own_form: names of the results that a backend may hold in a form of its own, for its own backward.
        dtypes: what the first tensor may be. samples, errors, perf: `lambda make: [...]`
            of `Sample`, `Bad` and `Perf`.
        reference: the definition in NumPy, independent of the op, for the tests: `lambda input, dim: ...`. The names of
            its parameters say what it needs, as those of a gradient formula do; tensors arrive as ndarrays (float16
            and bfloat16 as float64), and absent arguments as their defaults. A ufunc is given the tensors in order.
        inplace: also make `name_`, a method if the op is one. alias: more names.
        aliasing: the implementation may be given its first argument as the output (in-place calls need no copy).
        unrecorded: its results never require grad, as PyTorch's do not.
        recorded: it stands in graphs alone and is never run: dispatch, or other ops, compute what it stands for.
        renewable: the gradient's formula is given None for a result that was written since, and computes it anew.
        public: what errors call it, where users know another name.
        preserved: names of what the formulas need and programs may write before backward: copied when that happens.
        keywords: other name -> argument, where it may be given by that as well (`axis` and the like always may).
        rule_only: names of arguments that only the rule reads (a dtype that the result's says already).
        alloc: sizes depend on data: the implementation gets `alloc(shape, dtype)` and returns the results.
        host: the library through which it runs on the host by declaration, for GPU tensors too; or a function of all
            arguments that names it, "" where there is a kernel for them.
        float8: whether tensors may be of float8 types: what only moves elements may, and products.
    """
    return lambda rule: _publish(Op(rule, "primitive", **options), dispatch.call, options)


def pointwise(result: Callable = PROMOTE, **options: Any) -> Callable[[Callable[P, Any]], Entry[P, Tensor]]:
    """An elementwise primitive; `result` is its dtype rule. Options as of `primitive`.

    Further options:
        exempt: names of tensor arguments that take no part in promotion (the condition of `where`).
        check: called with all arguments where one that is not a leading tensor was given (always, where there are
            only tensors); raises Invalid. It may return all arguments, normalised.
        order: of all arguments, the operands after which the result lies in memory, the decisive one first; by default
            all, as they come. None of them: row-major.
        refuse: dtype -> why a tensor of it is refused, where there is more to say than that.
        legacy: `(args, kwargs) -> args`, called with more positional arguments than the schema has; it may move
            some to kwargs, and returns args as they are where it does not know them.
    """
    options.setdefault("api", "torch tensor")
    options.setdefault("inplace", True)
    return lambda entry: _publish(
        Op(entry, "primitive", result_rule=result, **options), dispatch.pointwise, options
    )


def unary(
    name: str, doc: str, result: Callable = PROMOTE, grad: Callable | None = None, **options: Any
) -> Callable:
    """A pointwise op of one tensor, in one line: `exp = unary("exp", "e^x", FLOAT, lambda g, result: g * result)`."""

    def entry(input: Tensor) -> Any: ...

    import sys

    entry.__name__ = entry.__qualname__ = name
    entry.__module__ = sys._getframe(1).f_globals["__name__"]
    entry.__doc__ = doc
    if grad is not None:
        options["grad"] = {"input": grad}
    return pointwise(result, **options)(entry)


def view(**options: Any) -> Callable[[Callable[P, Any]], Entry[P, Tensor]]:
    """An op that only changes the geometry; the body returns (shape, stride, offset) in elements.

    A fourth value is the dtype of the elements, where the memory is seen as another one.
    """
    options.setdefault("api", "torch tensor")
    return lambda rule: _publish(Op(rule, "view", out=False, **options), dispatch.view, options)


def views(**options: Any) -> Callable[[Callable[P, Any]], Entry[P, tuple[Tensor, ...]]]:
    """A `view` of several results; the body returns a list of (shape, stride, offset).

    Its formula is given a tuple of gradients, None for results that have none.
    """
    options["several"] = True
    return lambda rule: _publish(Op(rule, "view", out=False, **options), dispatch.views, options)


def writing(**options: Any) -> Callable[[Callable[P, Any]], Entry[P, None]]:
    """A primitive that writes into tensors it is given and has no result; the body checks, and returns those."""
    return lambda rule: _publish(Op(rule, "writing", out=False, **options), dispatch.write, options)


def composite(**options: Any) -> Callable[[Callable[P, R]], Entry[P, R]]:
    """An op whose body computes with other ops; devices and gradients come free.

    Options as of `primitive`, and `out=True` where it takes `out=`, which the body knows nothing of; `data=True` where
    its first argument is data to be read, which takes no calls over.
    """

    def decorate(body: Any) -> Any:
        op = Op(body, "composite", **options)
        function = op.function = checked_frame(op, body) if op.api else body
        _dress(function, op, _shown(op))
        _register(op, function, checked_frame(op, body) if _is_both(op) else function, options)
        if op.inplace:
            in_place: Any = overridable(dispatch.inplace_composite(op, function))
            in_place.op = op
            in_place.__module__ = function.__module__
            in_place.__signature__ = OpSignature(op, out=False)
            _method(op.own_name + "_", in_place, options)
        return function

    return decorate


def named(name: str, function: Any) -> Any:
    """A method whose name the module has for something else, with the name that it is called by."""
    function.__name__ = function.__qualname__ = name
    return function


def checked(function: Any) -> Any:
    """A function that is no entry, behind the look at its arguments' classes that entries have."""
    wrapper = checked_frame(Op(function, "composite", api="tensor"), function)
    wrapper.__name__ = wrapper.__qualname__ = function.__name__
    wrapper.__doc__, wrapper.__module__ = function.__doc__, function.__module__
    return wrapper


def expose(api: str, *names: str, of: Any = None) -> Callable[[Any], Any]:
    """Put a plain function (no entry of its own) under its own and further names: `@expose("torch tensor")`.

    Args:
        of: the entry that it is a form of, such as the one in place.
    """

    def decorate(function: Any) -> Any:
        if of is not None:
            function.op = of.op
        method = function
        if isinstance(function, FunctionType) and not hasattr(function, "overridable"):
            function, method = overridable(function), overridable(function)
            method.__module__, method.__qualname__ = Tensor.__module__, f"Tensor.{function.__name__}"
        for name in (function.__name__, *names):
            for place in api.split():
                if place == "tensor":
                    setattr(Tensor, name, method)
                else:
                    NAMESPACES[place][name] = function
        return function

    return decorate


def attach(**members: Any) -> None:
    """Give Tensor methods and properties that no entry publishes: `attach(view=_view, T=property(_reversed))`."""
    for name, member in members.items():
        if isinstance(member, FunctionType) and not hasattr(member, "overridable") and _takes_others(member):
            member = overridable(member)
        setattr(Tensor, name, member)


def _takes_others(method: FunctionType) -> bool:
    """Whether a method is given further tensors."""
    first = method.__code__.co_varnames[:1]
    return any(
        [
            "Tensor" in str(note)
            for name, note in method.__annotations__.items()
            if name not in (*first, "return")
        ]
    )


def _publish(op: Op, run: Callable, options: dict[str, Any]) -> Entry:
    op.run = run
    entry = _dress(frame(op), op, _shown(op))
    entry.__signature__ = OpSignature(op)  # type: ignore[attr-defined]
    op.function = entry
    _register(op, entry, frame(op) if _is_both(op) else entry, options)
    if op.inplace:
        _publish_in_place(op, options)
    return entry


def _publish_in_place(op: Op, options: dict[str, Any]) -> None:
    bind = op.bind
    ways: dict[int, tuple] = {}

    def plainly(args: tuple) -> tuple | None:
        """The arguments completed, where their classes need no closer look."""
        way = ways.get(len(args)) or ways.setdefault(len(args), op.way(len(args), 0))
        if not way:
            return None
        for i, classes in way[1]:
            if args[i].__class__ not in classes:
                return None
        return args + way[0]

    def in_place(*args: Any, **kwargs: Any) -> Any:
        if not kwargs and not MODES and (bound := plainly(args)) is not None:
            try:
                return dispatch.inplace(op, bound)
            except SparseOperand:
                return with_sparse(op, *as_given(op, bound), suffix="_")
        if (found := overloading((*args, *kwargs.values()) if kwargs else args)) is not None:
            return overridden(in_place, found, args, kwargs)
        bound = bind(args, kwargs, "_")[0]
        try:
            return dispatch.inplace(op, bound)
        except SparseOperand:
            return with_sparse(op, *as_given(op, bound), suffix="_")

    _dress(in_place, op, op.own_name + "_")
    in_place.overridable = True  # type: ignore[attr-defined]
    in_place.__signature__ = OpSignature(op, out=False)  # type: ignore[attr-defined]
    for name in (op.own_name, *options.get("alias", ())):
        _method(name + "_", in_place, options)


def called(op: Op, args: tuple, out: Any = None) -> Any:
    """A call of a primitive by an op that has looked at the arguments, and bound them, itself."""
    try:
        return dispatch.call(op, args, out)
    except (BatchedOperand, HalfComplexOperand):
        return with_sparse(op, args, {} if out is None else {"out": out})


def written(op: Op, args: tuple) -> Any:
    """The same of a call in place."""
    try:
        return dispatch.inplace(op, args)
    except (BatchedOperand, HalfComplexOperand):
        return with_sparse(op, args, {}, "_")


def _is_both(op: Op) -> bool:
    """Whether it is published as a method and as a function, which are two to those who take calls over."""
    places = op.api.split()
    return "tensor" in places and len(places) > 1


def _dress(function: Any, op: Op, name: str) -> Entry:
    function.__name__ = function.__qualname__ = name
    function.__module__ = next((MODULES[place] for place in op.api.split() if place in MODULES), op.module)
    function.__doc__ = op.doc
    function.op = op
    return function


def _shown(op: Op) -> str:
    """The name of the function: that which errors have, but for the package of one that is not the library's."""
    return op.public_name if op.package == OWN else op.own_name


def _register(op: Op, function: Callable, method: Any, options: dict[str, Any]) -> None:
    there = OPS.get(op.name)
    if there is not None:
        if op.package == OWN or there.module != op.module:
            raise ValueError(f"the op table has two entries '{op.name}': {there.module}, {op.module}")
        remove(there)  # its module is read again
    if op.package != OWN:
        _refuse_shadows(op)
    OPS[op.name] = op
    dispatch.follow_policy(op)
    if method is not function:
        for name, value in vars(function).items():
            setattr(method, name, value)
        method.__name__, method.__doc__, method.__module__ = (
            function.__name__,
            function.__doc__,
            Tensor.__module__,
        )
        method.__qualname__ = f"Tensor.{function.__name__}"
    for place in op.api.split():
        for name in (options.get("public") or op.own_name, *options.get("alias", ())):
            if place == "tensor":
                setattr(Tensor, name, method)
            elif place != "package":  # whose module has it already
                NAMESPACES[place][name] = function


def _methods(op: Op) -> list[str]:
    """The names of the methods that an entry makes."""
    if "tensor" not in op.api.split():
        return []
    names = [op.options.get("public") or op.own_name, *op.options.get("alias", ())]
    return [*names, *([name + "_" for name in names] if op.inplace else [])]


def _refuse_shadows(op: Op) -> None:
    """A package's entry takes no method's name that is taken: by the library, or by another package's.

    Raises:
        ValueError: it would; the message names both.
    """
    for name in _methods(op):
        if hasattr(Tensor, name):
            other = getattr(getattr(Tensor, name), "op", None)
            whose = f"the entry '{other.name}' of {other.module}" if other is not None else "tritonnn itself"
            raise ValueError(
                f"the entry '{op.name}' of {op.module} would replace Tensor.{name}, which is that of {whose}: give the "
                "function another name, or leave out method=True"
            )


def remove(op: Op) -> None:
    """Take a package's entry out of the table, and its methods off Tensor."""
    OPS.pop(op.name, None)
    dispatch.follow_no_policy(op)
    for name in _methods(op):
        if getattr(vars(Tensor).get(name), "op", None) is op:
            delattr(Tensor, name)
    for name in (op.own_name, *op.options.get("alias", ())):
        IN_PLACE.pop(_key(op, name + "_"), None)


def _key(op: Op, name: str) -> str:
    return name if op.package == OWN else f"{op.package}.{name}"


def _method(name: str, function: Callable, options: dict[str, Any]) -> None:
    """Keep an in-place form, and publish it: as a method of what is one, as a function where PyTorch has it."""
    op = function.op  # type: ignore[attr-defined]
    IN_PLACE[_key(op, name)] = function
    function.__doc__ = doc_in_place(op, op.name in FUNCTIONS_IN_PLACE)
    if "tensor" in options.get("api", "").split():
        setattr(Tensor, name, function)
    if op.package == OWN and name.removesuffix("_") in FUNCTIONS_IN_PLACE:
        NAMESPACES["torch"].setdefault(name, function)
