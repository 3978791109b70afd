"""The op table: what an entry is, and how a function, a method, tests and documentation come from it.

An entry is a decorated function. Its signature is the op's schema, its docstring the documentation, and

- of a `primitive` its body is the rule: check the arguments and return what to allocate,
- of a `pointwise` primitive there is no body: shape and dtype follow from broadcasting and promotion,
- of a `view` its body returns shape, stride and offset over the same memory,
- of a `composite` its body computes with other ops.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tritonnn import dispatch
from tritonnn._tensor import Tensor
from tritonnn.table import (
    ALL_TYPES,
    ANY,
    BOOL,
    FLOAT,
    FLOATING,
    FLOATING_AND_COMPLEX,
    NAMESPACES,
    NUMERIC,
    OPS,
    PROMOTE,
    REAL,
    Bad,
    Entry,
    Op,
    Out,
    Perf,
    Sample,
)

__all__ = [
    "ALL_TYPES", "ANY", "BOOL", "FLOAT", "FLOATING", "FLOATING_AND_COMPLEX", "NAMESPACES", "NUMERIC", "OPS", "PROMOTE",
    "REAL", "Bad", "Entry", "Op", "Out", "Perf", "Sample", "composite", "expose", "pointwise", "primitive", "unary",
    "view", "writing",
]  # fmt: skip

# ---- decorators ---------------------------------------------------------------------------------------------


def primitive(**options: Any) -> Callable[[Callable], Entry]:
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
        dtypes: what the first tensor may be. samples, errors, perf: `lambda make: [...]`
            of `Sample`, `Bad` and `Perf`.
        reference: the definition in NumPy, independent of the op, for the tests: `lambda input, dim: ...`. The names of
            its parameters say what it needs, as those of a gradient formula do; tensors arrive as ndarrays (float16
            and bfloat16 as float64), and absent arguments as their defaults. A ufunc is given the tensors in order.
        inplace: also make the method `name_`. alias: more names.
        aliasing: the implementation may be given its first argument as the output (in-place calls need no copy).
        public: what errors call it, where users know another name.
        rule_only: names of arguments that only the rule reads (a dtype that the result's says already).
        alloc: sizes depend on data: the implementation gets `alloc(shape, dtype)` and returns the results.
        host: runs through the host by declaration.
        float8: whether tensors may be of float8 types: what only moves elements may, and products.
    """
    return lambda rule: _publish(Op(rule, "primitive", **options), dispatch.call, options)


def pointwise(result: Callable = PROMOTE, **options: Any) -> Callable[[Callable], Entry]:
    """An elementwise primitive; `result` is its dtype rule. Options as of `primitive`.

    Further options:
        exempt: names of tensor arguments that take no part in promotion (the condition of `where`).
        check: called with all arguments where one that is not a leading tensor was given (always, where there are
            only tensors); raises Invalid.
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


def view(**options: Any) -> Callable[[Callable], Entry]:
    """An op that only changes the geometry; the body returns (shape, stride, offset) in elements.

    A fourth value is the dtype of the elements, where the memory is seen as another one.
    """
    options.setdefault("api", "torch tensor")
    return lambda rule: _publish(Op(rule, "view", out=False, **options), dispatch.view, options)


def writing(**options: Any) -> Callable[[Callable], Entry]:
    """A primitive that writes into tensors it is given and has no result; the body checks, and returns those."""
    return lambda rule: _publish(Op(rule, "writing", out=False, **options), dispatch.write, options)


def composite(**options: Any) -> Callable[[Callable], Entry]:
    """An op whose body computes with other ops; devices and gradients come free."""

    def decorate(body: Any) -> Entry:
        op = Op(body, "composite", **options)
        op.function = body
        body.op = op
        _register(op, body, options)
        if op.inplace:
            _method(op.name + "_", dispatch.inplace_composite(body), options)
        return body

    return decorate


def expose(api: str, *names: str) -> Callable[[Callable], Callable]:
    """Put a plain function (no entry of its own) under its own and further names: `@expose("torch tensor")`."""

    def decorate(function: Callable) -> Callable:
        for name in (function.__name__, *names):
            for place in api.split():
                if place == "tensor":
                    setattr(Tensor, name, function)
                else:
                    NAMESPACES[place][name] = function
        return function

    return decorate


def _publish(op: Op, run: Callable, options: dict[str, Any]) -> Entry:
    tails, bind = op.tails, op.bind

    def function(*args: Any, **kwargs: Any) -> Any:
        if not kwargs:
            tail = tails.get(len(args))
            if tail is not None:
                return run(op, args + tail)
        bound, out = bind(args, kwargs)
        return run(op, bound) if out is None else run(op, bound, out)

    entry = _dress(function, op, op.name)
    op.function = entry
    _register(op, entry, options)
    if op.inplace:

        def in_place(*args: Any, **kwargs: Any) -> Any:
            return dispatch.inplace(op, bind(args, kwargs)[0])

        _dress(in_place, op, op.name + "_")
        in_place.__doc__ = f"In-place version of `{op.name}`."
        _method(op.name + "_", in_place, options)
        for alias in options.get("alias", ()):
            _method(alias + "_", in_place, options)
    return entry


def _dress(function: Any, op: Op, name: str) -> Entry:
    function.__name__ = function.__qualname__ = name
    function.__module__ = op.module
    function.__doc__ = op.doc
    function.op = op
    return function


def _register(op: Op, function: Callable, options: dict[str, Any]) -> None:
    if op.name in OPS:
        raise ValueError(f"the op table has two entries '{op.name}': {OPS[op.name].module}, {op.module}")
    OPS[op.name] = op
    for place in op.api.split():
        for name in (options.get("public") or op.name, *options.get("alias", ())):
            if place == "tensor":
                setattr(Tensor, name, function)
            else:
                NAMESPACES[place][name] = function


def _method(name: str, function: Callable, options: dict[str, Any]) -> None:
    setattr(Tensor, name, function)
    if "torch" in options.get("api", "").split():
        NAMESPACES["torch"].setdefault(name, function)
