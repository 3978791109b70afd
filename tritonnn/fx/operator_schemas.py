"""Arguments of calls by the names in the signature of what is called."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from tritonnn.fx._graph_checks import follow
from tritonnn.fx._naming import is_operator, qualified_name
from tritonnn.fx._operators import INPLACE_METHODS
from tritonnn.nn.module import Module

__all__ = [
    "ArgsKwargsPair", "check_for_mutable_operation", "create_type_hint", "get_signature_for_torch_op",
    "normalize_function", "normalize_module", "type_matches",
]  # fmt: skip


class ArgsKwargsPair(NamedTuple):
    """Positional and keyword arguments."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def get_signature_for_torch_op(op: Callable[..., Any], return_schemas: bool = False) -> Any:
    """The signatures of a function of the library; there is one of each here. None where there is none.

    Raises:
        NotImplementedError: `return_schemas` is given: there are no TorchScript schemas.
    """
    if return_schemas:
        raise NotImplementedError("get_signature_for_torch_op: tritonnn has no TorchScript schemas")
    try:
        return [inspect.signature(op)]
    except (TypeError, ValueError):
        return None


def check_for_mutable_operation(target: Callable[..., Any], args: object, kwargs: dict[str, Any]) -> None:
    """Refuse a call that writes into an argument.

    Raises:
        RuntimeError: it does.
    """
    name = getattr(target, "__name__", "")
    writes = (is_operator(target) and name in INPLACE_METHODS) or (
        name.endswith("_") and not name.endswith("__") and not is_operator(target)
    )
    if writes or kwargs.get("out") is not None or kwargs.get("inplace") is True:
        raise RuntimeError(
            f"Tried to trace mutable operation {qualified_name(target)}. FX only supports functional code, so "
            "operations that mutate operands in-place (e.g. via `out` arguments) are not supported"
        )


def normalize_function(
    target: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any] | None = None,
    arg_types: tuple[Any] | None = None,
    kwarg_types: dict[str, Any] | None = None,
    normalize_to_only_use_kwargs: bool = False,
) -> ArgsKwargsPair | None:
    """The arguments of a call, with the defaults; None where they do not fit, or there is no signature.

    Args:
        target: what is called.
        args, kwargs: what with.
        arg_types, kwarg_types: kept for programs that pass them; here each function has one signature.
        normalize_to_only_use_kwargs: name the required ones too.

    >>> import tritonnn as torch
    >>> from tritonnn.fx.operator_schemas import normalize_function
    >>> normalize_function(torch.nn.functional.relu, (1,), {}, normalize_to_only_use_kwargs=True).kwargs
    {'input': 1, 'inplace': False}
    """
    try:
        signature = inspect.signature(target)
    except (TypeError, ValueError):
        return None
    return _by_name(signature, args, kwargs or {}, normalize_to_only_use_kwargs)


def normalize_module(
    root: Module,
    target: str,
    args: tuple[Any],
    kwargs: dict[str, Any] | None = None,
    normalize_to_only_use_kwargs: bool = False,
) -> ArgsKwargsPair | None:
    """As `normalize_function`, of the call of a submodule of `root`."""
    try:
        module = follow(root, target)
    except AttributeError:
        raise RuntimeError(
            f"Tried to access module {target} of {type(root).__name__}, which has none"
        ) from None
    signature = inspect.signature(module.forward)
    return _by_name(signature, args, kwargs or {}, normalize_to_only_use_kwargs)


def _by_name(
    signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any], only_kwargs: bool
) -> ArgsKwargsPair | None:
    parameters = signature.parameters.values()
    if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters):
        return None
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError:
        return None
    given = len(args)
    bound.apply_defaults()
    positional, named = [], {}
    for place, parameter in enumerate(parameters):
        value = bound.arguments[parameter.name]
        line = parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        if not only_kwargs and line and place < given:
            positional.append(value)
        else:
            named[parameter.name] = value
    return ArgsKwargsPair(tuple(positional), named)


def create_type_hint(x: Any) -> Any:
    """The type of a list or tuple of values of one class, else the values."""
    if isinstance(x, (list, tuple)):
        kind: Any = list if isinstance(x, list) else tuple
        if not x:
            return kind[Any] if kind is list else tuple[Any, ...]
        first = x[0] if isinstance(x[0], type) else type(x[0])
        same = all((item if isinstance(item, type) else type(item)) is first for item in x)
        inner = first if same else Any
        return list[inner] if kind is list else tuple[inner, ...]  # type: ignore[valid-type]
    return x


def type_matches(signature_type: Any, argument_type: Any) -> bool:
    """Whether an argument of a type may be given where a signature has another.

    >>> from tritonnn.fx.operator_schemas import type_matches
    >>> type_matches(int | None, int), type_matches(int, str)
    (True, False)
    """
    import typing

    if signature_type == argument_type or signature_type is Any:
        return True
    arguments = typing.get_args(signature_type)
    if type(None) in arguments or typing.get_origin(signature_type) is typing.Union:
        return any(type_matches(kind, argument_type) for kind in arguments)
    if isinstance(signature_type, type) and isinstance(argument_type, type):
        return issubclass(argument_type, signature_type)
    return False
