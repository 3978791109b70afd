"""How what is computed with nested tensors gets its place: behind the functions of its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from tritonnn._overridable import OPERATORS
from tritonnn._tensor import Tensor
from tritonnn.nested._layouts import JaggedTensor, StridedNestedTensor
from tritonnn.nested._tensor import NestedTensor

F = TypeVar("F", bound=Callable)

#: class -> name of a function -> what computes it: it is given the function, and the arguments of the call
RULES: dict[type, dict[str, Callable]] = {JaggedTensor: {}, StridedNestedTensor: {}}
BOTH = (JaggedTensor, StridedNestedTensor)

#: elementwise functions beside the table's pointwise ops, whose dense operands broadcast
ELEMENTWISE = frozenset((
    "clamp_min", "clamp_max", "clip", "deg2rad", "rad2deg", "div", "div_", "positive", "real", "imag", "angle", "conj",
    "float_power",
    "isclose", "isreal", "ldexp", "masked_fill", "masked_fill_", "nan_to_num", "sigmoid", "softsign", "true_divide",
    "where", "xlog1py", "entr", "ndtr", "log_ndtr", "__invert__", "__neg__", "__pos__", "__abs__",
))  # fmt: skip
#: functions that leave the components' shapes, but for dimensions after all others, as they are
OF_VALUES = frozenset((
    "dropout", "dropout_", "alpha_dropout", "rrelu", "embedding", "one_hot", "bernoulli_", "normal_", "uniform_",
    "fill_", "zero_", "zeros_like", "ones_like", "empty_like", "full_like", "rand_like", "randn_like", "randint_like",
    "result_type",
))  # fmt: skip
#: pointwise ops of the table whose operands have dimensions of a meaning
NOT_ELEMENTWISE = frozenset(("prelu",))


def rule(*names: str, of: tuple[type, ...]) -> Callable[[F], F]:
    """Put a function behind the names."""

    def decorate(function: F) -> F:
        for kind in of:
            for name in names:
                RULES[kind][name] = function
        return function

    return decorate


def is_elementwise(func: Any, name: str) -> bool:
    """Whether every element of the result comes from the elements at its place alone."""
    op = getattr(func, "op", None)
    if name in NOT_ELEMENTWISE or name.rstrip("_") in NOT_ELEMENTWISE:
        return False
    return name in ELEMENTWISE or name in OPERATORS or (op is not None and op.result_rule is not None)


def is_in_place(name: str) -> bool:
    """Whether a function of this name writes into its first argument."""
    return name.endswith("_") and not name.endswith("__")


def nested_among(values: Any) -> Iterator[NestedTensor]:
    """The nested tensors among values, and among the items of lists and tuples."""
    for value in values:
        if isinstance(value, NestedTensor):
            yield value
        elif type(value) in (list, tuple):
            yield from nested_among(value)


def replaced(value: Any, change: Callable[[Any], Any]) -> Any:
    """A value in which tensors, those in lists and tuples too, are changed by a function."""
    if isinstance(value, Tensor):
        return change(value)
    if type(value) in (list, tuple) or hasattr(value, "_fields") or hasattr(value, "n_fields"):
        parts = [replaced(item, change) for item in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value


def on_values(
    func: Callable, args: tuple, kwargs: dict[str, Any], aligned: Callable[[Tensor, Any], Any]
) -> Any:
    """Call a function with the values of nested tensors; its results fall into the components of the first.

    Args:
        aligned: (operand, first nested tensor) -> what the function is given for it.
    """
    name = func.__name__
    first = next(nested_among((*args, *kwargs.values())))
    given = [replaced(arg, lambda t: aligned(t, first)) for arg in args]
    named = {key: replaced(value, lambda t: aligned(t, first)) for key, value in kwargs.items()}
    if is_in_place(name):
        if not isinstance(args[0], NestedTensor):
            raise RuntimeError(f"{name}: a nested tensor cannot be written into a dense tensor")
        if getattr(args[0], "_copied", False):
            raise RuntimeError(
                f"{name}: this nested tensor of layout torch.strided is a copy where PyTorch's is a view, and must not "
                "be written into. Hint: .clone() comes before"
            )
        func(*given, **named)
        return args[0]
    return replaced(func(*given, **named), first._with)
