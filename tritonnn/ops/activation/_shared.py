"""What the entries of activation functions share: samples, checks, and the form with `inplace`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from tritonnn._overriding import MODES, TENSORS, overloading, overridden
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid
from tritonnn.ops._numbers import as_number
from tritonnn.ops._table import IN_PLACE, NAMESPACES, Bad, Sample, doc_in_place
from tritonnn.table import Make, OpSignature
from tritonnn.table.arguments import is_float, plain_number


def samples(*options: Any, low: float = -4, high: float = 4) -> Callable[[Any], list[Sample]]:
    """A matrix and a 0-d tensor; the matrix again for each further set of arguments."""

    def build(make: Make) -> list[Sample]:
        x = make(3, 5, low=low, high=high)
        return [Sample(x), Sample(make((), low=low, high=high)), *[Sample(x, *option) for option in options]]

    return build


def numbers(name: str) -> Callable[..., list]:
    """A check that every argument beside the tensor is a number; NumPy's and tensors of none become Python's."""

    def check(input: Any, *values: Any) -> list:
        args = [input]
        for value in values:
            if not is_float(value):
                raise Invalid(f"{name} must be Number, not {type(value).__name__}", kind=TypeError)
            value = plain_number(value)
            whole = isinstance(value, int) and value < 0  # wrapped where the type has no sign
            if isinstance(input, Tensor) and input.dtype.kind and (whole or not -128 < value < 128):
                value = as_number(input.dtype, value)
            args.append(value)
        return args

    return check


def bad_number(make: Make) -> list[Bad]:
    return [Bad(make(2), "a", error=TypeError, match="must be Number, not str")]


def with_inplace(function: Any, named: bool = True) -> tuple[Any, Any]:
    """Put an op into `nn.functional` with a last parameter `inplace`, and, `named`, its in-place form beside it."""
    count = len(function.op.names)
    name = function.__name__
    in_place = IN_PLACE[name + "_"]

    def functional(*args: Any, inplace: bool = False, **kwargs: Any) -> Tensor:
        if MODES or not args or args[0].__class__ not in TENSORS:
            found = overloading((*args, *kwargs.values()))
            if found is not None:
                return overridden(functional, found, args, {"inplace": inplace, **kwargs})
        if len(args) > count:
            *args, inplace = args  # type: ignore[assignment]
        return (in_place if inplace else function)(*args, **kwargs)

    functional.overridable = True  # type: ignore[attr-defined]
    functional.__name__ = functional.__qualname__ = name
    functional.__doc__ = function.__doc__
    functional.op = function.op  # type: ignore[attr-defined]
    functional.__module__ = "tritonnn.nn.functional"
    last = inspect.Parameter(
        "inplace", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=False, annotation="bool"
    )
    functional.__signature__ = OpSignature(function.op, False, last)  # type: ignore[attr-defined]
    NAMESPACES["functional"][name] = functional
    if named:
        in_place.__doc__ = doc_in_place(function.op, True)
        NAMESPACES["functional"][name + "_"] = in_place
    return functional, in_place
