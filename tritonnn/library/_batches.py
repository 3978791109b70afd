"""Operators that programs define inside of `vmap`: by their rule for batches, else one sample at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tritonnn._levels import highest
from tritonnn.autograd.transformed import by_rule
from tritonnn.batching.calls import one_by_one

if TYPE_CHECKING:
    from tritonnn.library._operator import Operator


def batched_call(operator: Operator, values: list[Any]) -> Any:
    """A call with batched tensors among the arguments, which are in the order of the schema."""
    level = highest(values)
    count = sum([not argument.kwarg_only for argument in operator.schema.arguments])
    names = [argument.name for argument in operator.schema.arguments[count:]]
    given, named = tuple(values[:count]), dict(zip(names, values[count:], strict=True))
    if operator.batches is None:
        return one_by_one(operator.name, operator, given, named, level, "")
    if highest(named.values()):
        raise NotImplementedError(
            f"Run vmap over kwargs is not supported: {operator.name} was given batched tensors by keyword alone"
        )
    return by_rule(operator.batches, level, given, named)
