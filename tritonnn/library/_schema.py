"""Schemas of operators: what arguments an operator takes and what it returns, from a signature or from text."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.device import device as Device
from tritonnn.dtypes import dtype as DType

_NAMES: dict[Any, str] = {
    Tensor: "Tensor", int: "SymInt", float: "float", bool: "bool", str: "str", DType: "ScalarType", Device: "Device",
    int | float | bool: "Scalar", int | float | bool | complex: "Scalar", complex: "Scalar",
}  # fmt: skip
_LISTS = (list, Sequence, typing.Sequence, typing.List)  # noqa: UP006  # both spellings


@dataclass(frozen=True)
class Argument:
    """One argument: its name, type, default (None where there is none: see `required`)."""

    name: str
    type: str
    default: str | None = None
    kwarg_only: bool = False
    mutated: bool = False
    value: Any = None  # of the default

    @property
    def required(self) -> bool:
        """Whether it has no default."""
        return self.default is None

    def written(self) -> str:
        """As it was written."""
        return f"{self.type} {self.name}" + ("" if self.default is None else f"={self.default}")

    def __str__(self) -> str:
        """As PyTorch prints it, its default by value: a float as `2.`."""
        shown = self.default
        if isinstance(self.value, (int, float, list, tuple, str)):
            shown = _printed(self.value, self.type.startswith("float"))
        return f"{self.type} {self.name}" + ("" if shown is None else f"={shown}")


@dataclass(frozen=True, repr=False)
class Schema:
    """Arguments and results of an operator."""

    name: str
    arguments: tuple[Argument, ...]
    returns: tuple[str, ...]

    def text(self, shown: Callable[[Argument], str] = Argument.written) -> str:
        """Arguments and results without the name, the arguments as they were written."""
        parts: list[str] = []
        for argument in self.arguments:
            if argument.kwarg_only and "*" not in parts:
                parts.append("*")
            parts.append(shown(argument))
        results = self.returns[0] if len(self.returns) == 1 else f"({', '.join(self.returns)})"
        return f"({', '.join(parts)}) -> {results}"

    def __str__(self) -> str:
        return self.name + self.text(str)

    __repr__ = __str__

    @property
    def mutated(self) -> tuple[str, ...]:
        """The names of the arguments that are written to."""
        return tuple(argument.name for argument in self.arguments if argument.mutated)


def infer_schema(
    prototype_function: Callable, /, *, mutates_args: str | Iterable[str], op_name: str | None = None
) -> str:
    """The schema of an operator, as text, from the annotations of a function.

    Args:
        mutates_args: the names of the arguments that it writes to; "unknown" means all tensors.
        op_name: is put before it.

    Raises:
        ValueError: an annotation is missing, or of a type that operators do not take.

    >>> import tritonnn as torch
    >>> def scale(x: torch.Tensor, by: float = 2.0) -> torch.Tensor: ...
    >>> torch.library.infer_schema(scale, mutates_args=())
    '(Tensor x, float by=2.0) -> Tensor'
    """
    return (op_name or "") + of_function(prototype_function, mutates_args).text()


def of_function(function: Callable, mutates_args: str | Iterable[str], name: str = "") -> Schema:
    """The schema that a function's annotations say."""
    signature = inspect.signature(function)

    def wrong(what: str) -> ValueError:
        return ValueError(f"infer_schema(func): {what} Got func with signature {signature})")

    if isinstance(mutates_args, str) and mutates_args != "unknown":
        raise ValueError(
            "mutates_args must either be a sequence of the names of the arguments that are mutated or the string "
            "'unknown'. "
        )
    hints = typing.get_type_hints(function)
    arguments: list[Argument] = []
    for p in signature.parameters.values():
        if p.kind not in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY):
            raise wrong("We do not support positional-only args, varargs, or varkwargs.")
        if p.name not in hints:
            raise wrong(f"Parameter {p.name} must have a type annotation.")
        kind = type_name(hints[p.name])
        if kind is None:
            raise wrong(f"Parameter {p.name} has unsupported type {hints[p.name]}. The valid types are tensors, "
                        "numbers, str, torch.dtype, torch.device, lists of them, and those or None.")  # fmt: skip
        is_written = kind.startswith("Tensor") and (mutates_args == "unknown" or p.name in mutates_args)
        if not is_written and mutates_args != "unknown" and p.name in mutates_args:
            raise wrong(
                f"Parameter {p.name} is in mutable_args but only Tensors or collections of Tensors can be mutated"
            )
        default = None if p.default is p.empty else _shown(p.default)
        if default is None and p.default is not p.empty:
            raise wrong(f"Parameter {p.name} has an unsupported default value type {type(p.default)}.")
        kind = kind.replace("Tensor", f"Tensor(a{len(arguments)}!)", 1) if is_written else kind
        keyword = p.kind is p.KEYWORD_ONLY
        value = None if p.default is p.empty else p.default
        arguments.append(Argument(p.name, kind, default, keyword, is_written, value))
    unknown = set() if isinstance(mutates_args, str) else set(mutates_args) - {a.name for a in arguments}
    if unknown:
        raise wrong(f"{unknown} in mutates_args were not found in the custom op's signature.")
    if signature.return_annotation is signature.empty:
        raise wrong("No return type annotation was provided. Please add one.")
    returns = _returned(hints.get("return", type(None)))
    if returns is None:
        raise wrong(f"Return has unsupported type {signature.return_annotation}.")
    return Schema(name, tuple(arguments), returns)


def type_name(hint: object) -> str | None:
    """What schemas call a type of Python; None for one that operators do not take."""
    if hint in _NAMES:
        return _NAMES[hint]
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        rest = [part for part in parts if part is not type(None)]
        if len(rest) == len(parts):
            return None
        inner = type_name(rest[0] if len(rest) == 1 else typing.Union[tuple(rest)])  # noqa: UP007
        return None if inner is None else f"{inner}?"
    if origin in _LISTS and len(parts) == 1:
        inner = type_name(parts[0])
        return None if inner is None else f"{inner}[]"
    return None


def _returned(hint: object) -> tuple[str, ...] | None:
    if hint is None or hint is type(None):
        return ()
    if typing.get_origin(hint) is tuple:
        names = [type_name(part) for part in typing.get_args(hint)]
        return None if None in names or Ellipsis in typing.get_args(hint) else tuple(names)  # type: ignore[arg-type]
    name = type_name(hint)
    return None if name is None else (name,)


def _shown(value: object) -> str | None:
    if isinstance(value, str):
        return f'"{value}"'
    if value is None or isinstance(value, (bool, int, float)):
        return str(value)
    if isinstance(value, DType):
        return value.name
    return f'"{value}"' if isinstance(value, Device) else None


def _printed(value: Any, of_float: bool) -> str:
    """A default as PyTorch prints it."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_printed(item, of_float) for item in value)}]"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, bool) or not (of_float or isinstance(value, float)):
        return str(value)
    digits = f"{value:.17g}"
    return f"{digits}." if digits.lstrip("-").isdigit() else digits


_ARGUMENT = re.compile(
    r"(?P<type>[A-Za-z]\w*(?P<alias>\([^)]*\))?(?:\[\d*\]|\?)*)\s+(?P<name>\w+)\s*(?:=\s*(?P<default>.+))?$"
)
_WHOLE = re.compile(r"\s*(?P<name>[\w:.]*)\s*\((?P<arguments>.*)\)\s*->\s*(?P<returns>.+?)\s*$", re.DOTALL)


def parse(text: str) -> Schema:
    """The schema that a text such as 'scale(Tensor x, float by=2.0) -> Tensor' says.

    Raises:
        RuntimeError: it says none.
    """
    whole = _WHOLE.match(text)
    if whole is None:
        raise RuntimeError(f"a schema is 'name(Tensor x, int n=1) -> Tensor', not {text!r}")
    arguments: list[Argument] = []
    keyword = False
    for part in _split(whole["arguments"]):
        if part == "*":
            keyword = True
            continue
        found = _ARGUMENT.match(part)
        if found is None:
            raise RuntimeError(
                f"an argument of a schema is 'Tensor x' or 'int n=1', not {part!r} (in {text!r})"
            )
        default = found["default"]
        value = None if default is None else _value(default)
        is_written = "!" in (found["alias"] or "")
        arguments.append(Argument(found["name"], found["type"], default, keyword, is_written, value))
    returned = whole["returns"]
    returns = _split(returned[1:-1]) if returned.startswith("(") else [returned]
    return Schema(whole["name"], tuple(arguments), tuple(part.split()[0] for part in returns))


def _split(text: str) -> list[str]:
    """Parts between commas that stand in no brackets and no quotes."""
    parts, depth, start, quote = [], 0, 0, ""
    for place, letter in enumerate(text):
        if letter in "\"'" and quote in ("", letter):
            quote = "" if quote else letter
        depth += 0 if quote else (letter in "([") - (letter in ")]")
        if letter == "," and not depth and not quote:
            parts.append(text[start:place].strip())
            start = place + 1
    return [part for part in [*parts, text[start:].strip()] if part]


def _value(text: str) -> Any:
    import ast

    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        raise RuntimeError(
            f"the default {text!r} of a schema is no number, text, list, True, False or None"
        ) from None
