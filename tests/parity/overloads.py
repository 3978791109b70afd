"""Every way in which Python may call a function of PyTorch: names, order, kinds and defaults of its arguments.

Functions written in Python say so themselves. The others are read off the stubs that PyTorch ships, which are made of
the signatures that its argument parser reads, and where those have none (linalg, special, nn.functional) off the
schemas of the operators.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import torch as reference

P = inspect.Parameter
# For functions that take anything and pass it on: functions of the same arguments.
OVERRIDES = reference.overrides.get_testing_overrides()
# The operators behind a namespace's functions start with this.
PREFIX = {"linalg": "linalg_", "special": "special_", "fft": "fft_"}
UNKNOWN = "?"  # a default that the stub leaves out
# Overloads with these are of features of their own: dimensions with names.
OTHERS = {"names"}


def overloads(place: str, name: str, function: Callable) -> list[inspect.Signature]:
    """The signatures of `place.name`; none where PyTorch says nothing about it."""
    signatures = _overloads(place, name, function)
    return [signature for signature in signatures if not OTHERS & set(signature.parameters)]


def _overloads(place: str, name: str, function: Callable) -> list[inspect.Signature]:
    own = _of_python(function)
    if own is not None:
        return [own]
    if place == "Tensor" and name in _stub("__init__", "TensorBase"):
        return _stub("__init__", "TensorBase")[name]
    inner = getattr(function, "__name__", name)
    if place in ("", "nn.functional") and inner in _stub("_VariableFunctions"):
        return _stub("_VariableFunctions")[inner]
    prefix = PREFIX.get(place, "")
    return list(_schemas(prefix + inner.removeprefix(prefix), place))


def _of_python(function: Callable) -> inspect.Signature | None:
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError):
        return None
    if [p.kind for p in signature.parameters.values()] != [P.VAR_POSITIONAL, P.VAR_KEYWORD]:
        return signature
    # One of two functions, by whether indices are wanted as well: both take the same.
    dispatched = getattr(reference.nn.functional, f"_{function.__name__}", None)
    other = OVERRIDES.get(function) if dispatched is None else dispatched
    return None if other is None else inspect.signature(other)


@cache
def _stub(file: str, of: str = "") -> dict[str, list[inspect.Signature]]:
    """Name -> overloads, of the functions in a stub or the methods of one of its classes."""
    body: list[ast.stmt] = ast.parse(
        (Path(reference.__file__).parent / "_C" / f"{file}.pyi").read_text()
    ).body
    if of:
        body = next(node for node in body if isinstance(node, ast.ClassDef) and node.name == of).body
    signatures: dict[str, list[inspect.Signature]] = {}
    for node in body:
        if isinstance(node, ast.FunctionDef):
            if not of and "self" in [argument.arg for argument in node.args.args]:
                continue  # an order of arguments that is deprecated, such as add(self, alpha, other)
            signatures.setdefault(node.name, []).append(_signature(node.args))
    return signatures


def _signature(args: ast.arguments) -> inspect.Signature:
    parameters = []
    positional = [*args.posonlyargs, *args.args]
    defaults = [None] * (len(positional) - len(args.defaults)) + list(args.defaults)
    for argument, default in zip(positional, defaults, strict=True):
        kind = P.POSITIONAL_ONLY if argument in args.posonlyargs else P.POSITIONAL_OR_KEYWORD
        parameters.append(P(argument.arg, kind, default=_value(default)))
    if args.vararg:
        parameters.append(P(args.vararg.arg, P.VAR_POSITIONAL))
    for argument, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        parameters.append(P(argument.arg, P.KEYWORD_ONLY, default=_value(default)))
    return inspect.Signature(parameters)


def _value(node: ast.expr | None) -> Any:
    if node is None:
        return P.empty
    if isinstance(node, ast.Constant) and node.value is ...:
        return UNKNOWN
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ast.unparse(node)  # such as torch.contiguous_format


def _schemas(name: str, place: str) -> Iterator[inspect.Signature]:
    for schema in reference._C._jit_get_schemas_for_operator(f"aten::{name}"):
        types = [str(argument.type) for argument in schema.arguments]
        if not any("Tensor" in kind for kind in types):
            continue  # of TorchScript alone
        parameters = [
            P(
                "input" if argument.name == "self" else argument.name,
                P.KEYWORD_ONLY if argument.kwarg_only else P.POSITIONAL_OR_KEYWORD,
                default=argument.default_value if argument.has_default_value() else P.empty,
            )
            for argument in schema.arguments
            if not argument.is_out
        ]
        outs = [argument for argument in schema.arguments if argument.is_out]
        yield inspect.Signature(parameters + [P("out", P.KEYWORD_ONLY, default=None)] * bool(outs))
