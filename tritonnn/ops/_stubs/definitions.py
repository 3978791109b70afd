"""How a stub defines a published function or a method, and the text of one file with such definitions."""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
import sys
from collections.abc import Iterable
from copy import deepcopy
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any

import tritonnn
from tritonnn.ops.reduction.extremes import PAIRS
from tritonnn.table import OPS
from tritonnn.table import types as argument_types

Names = dict[str, Any]
HEADER = '"""Written by `python -m tritonnn.ops stubs`, from the op table."""\n\n'

# Classes that annotations have another name for; where names come from that are none of the library.
SHORT = {"dtype": "DType", "device": "Device", "memory_format": "MemoryFormat", "layout": "Layout"}
ELSEWHERE = dict.fromkeys(
    ("Any", "Literal", "NamedTuple", "SupportsIndex", "overload"), "typing"
) | dict.fromkeys(("Callable", "Iterator", "Sequence"), "collections.abc")


def folder() -> Path:
    """Where the package stands."""
    return Path(tritonnn.__path__[0])


# ---- one published function ---------------------------------------------------------------------------------


@cache
def _overloads_file() -> ast.Module:
    return ast.parse((folder() / "ops" / "_stubs" / "overloads.pyi").read_text(encoding="utf-8"))


@cache
def overloads(inside: str) -> dict[str, list[ast.FunctionDef]]:
    """The definitions of `overloads.pyi` by name, those of one of its classes or (for '') outside them."""
    body = _overloads_file().body
    if inside:
        body = next(node.body for node in body if isinstance(node, ast.ClassDef) and node.name == inside)
    by_name: dict[str, list[ast.FunctionDef]] = {}
    for node in body:
        if isinstance(node, ast.FunctionDef):
            by_name.setdefault(node.name, []).append(node)
    return by_name


@cache
def overload_names() -> Names:
    """What the annotations of `overloads.pyi` mean, beside the named tuples."""
    names = {}
    for node in _overloads_file().body:
        if isinstance(node, ast.ImportFrom) and node.module != "tritonnn._methods":
            module = importlib.import_module(str(node.module))
            names.update({alias.asname or alias.name: getattr(module, alias.name) for alias in node.names})
    return names


@cache
def results() -> dict[str, tuple[str, ...]]:
    """The named tuples of several results: class -> fields."""
    tuples = {op.name: op.results for op in OPS.values() if op.api and len(op.results) > 1} | PAIRS
    return {_title(name): fields for name, fields in sorted(tuples.items())}


def _title(name: str) -> str:
    return name.title().replace("_", "")


def names_of(function: Any) -> Names:
    """The module that a function's annotations were written for."""
    op = getattr(function, "op", None)
    return vars(sys.modules[op.module]) if op is not None else inspect.unwrap(function).__globals__


def definitions(name: str, function: Any, place: str) -> list[ast.FunctionDef]:
    """How a stub defines a published function: several times where the result depends on the arguments."""
    spoken = overloads("Methods").get(name) if place == "tensor" else None
    spoken = spoken or (overloads("").get(name) if place != "functional" else None)
    if spoken:
        return deepcopy(spoken)
    signature = inspect.signature(function)
    op = getattr(function, "op", None)
    note = signature.return_annotation
    result = "Any" if note is signature.empty else note
    title = _title(name if op is None else op.name)
    if title in results() and (result == "Any" or (op is not None and op.results == results()[title])):
        result = title
    parameters = [_readable(p) for p in signature.parameters.values()]
    text = signature.replace(parameters=parameters, return_annotation=signature.empty)
    definition = ast.parse(f"def {name}{text} -> {result}: ...").body[0]
    assert isinstance(definition, ast.FunctionDef)
    return pooled(definition) if result == "Pooled" else [definition]


class _Bare(str):
    """A text that a signature shows without quotation marks."""

    def __repr__(self) -> str:
        return str(self)


def _readable(p: inspect.Parameter) -> inspect.Parameter:
    """A parameter as a stub has it: its default is a plain value or dots."""
    value = p.default
    if value is not p.empty:
        plain = (
            value is None or isinstance(value, (int, str)) or (isinstance(value, float) and isfinite(value))
        )
        value = _Bare(repr(value) if plain else "...")
    return p.replace(annotation=_Bare("Any" if p.annotation is p.empty else p.annotation), default=value)


def pooled(node: ast.FunctionDef) -> list[ast.FunctionDef]:
    """Indices beside the values where `return_indices` says so, which is given by name or in its place, or is not."""

    def variant(literal: str, result: str, after: str = "") -> ast.FunctionDef:
        definition = deepcopy(node)
        given = definition.args
        place = next(i for i, arg in enumerate(given.args) if arg.arg == "return_indices")
        if literal:
            given.args[place].annotation = ast.parse(f"Literal[{literal}]", mode="eval").body
        rest = len(given.args) - place
        defaults = given.defaults[len(given.defaults) - rest + 1 :]
        if after == "name":
            given.kwonlyargs, given.kw_defaults = given.args[place:], [None, *defaults]
            given.args, given.defaults = given.args[:place], given.defaults[: len(given.defaults) - rest]
        elif after == "place":
            given.defaults = defaults
        definition.returns = ast.parse(result, mode="eval").body
        definition.decorator_list = [ast.Name("overload")]
        return definition

    both = "tuple[Tensor, Tensor]"
    return [variant("False", "Tensor"), variant("True", both, "name"), variant("True", both, "place"),
            variant("", f"Tensor | {both}")]  # fmt: skip


# ---- one file -----------------------------------------------------------------------------------------------


class Stub:
    """The text of one file, and the imports that its annotations need.

    Args:
        defined: names that stand in the file; a builtin of such a name gets an underscore in annotations.
    """

    def __init__(self, defined: Iterable[str] = ()) -> None:
        self.defined = set(defined)
        self.imports: set[str] = set()
        self.body: list[str] = []

    def name(self, name: str, names: Names) -> str:
        """A name in an annotation as this file has it; `names` are those of the module that it was written for."""
        if hasattr(builtins, name):
            if name not in self.defined:
                return name
            self.imports.add(f"from builtins import {name} as _{name}")
            return f"_{name}"
        if name in self.defined and name in results():
            return name
        if name == "np":
            self.imports.add("import numpy as np")
            return name
        value = names.get(name)
        builtin = getattr(value, "__name__", "")
        if isinstance(value, type) and vars(builtins).get(builtin) is value:  # an alias of one, such as Count
            return self.name(builtin, names)
        if name in ELSEWHERE:
            module, real = ELSEWHERE[name], name
        elif name in results():
            module, real = "tritonnn._methods", name
        elif isinstance(value, type):
            module, real = value.__module__, value.__name__
        else:  # an alias of several types, from the file that gives it its name
            module, real = "tritonnn.device" if name == "DeviceLike" else argument_types.__name__, name
        short = SHORT.get(real, real)
        self.imports.add(f"from {module} import {real}" + f" as {short}" * (short != real))
        return short

    def note(self, node: Any, names: Names) -> Any:
        """An annotation (or None) with its names as this file has them."""
        for part in ast.walk(node) if node is not None else ():
            if isinstance(part, ast.Name):
                part.id = self.name(part.id, names)
        return node

    def function(self, name: str, function: Any, place: str) -> None:
        """Add a published function; with place 'tensor' a method."""
        names = names_of(function) | overload_names()
        for node in definitions(name, function, place):
            given = node.args
            every = [*given.posonlyargs, *given.args]
            if place == "tensor":
                if every:
                    every[0].arg, every[0].annotation = "self", None
                    given.defaults = given.defaults[-len(every) + 1 :] if len(every) > 1 else []
                else:
                    given.args.insert(0, ast.arg("self"))
            for arg in [*every, given.vararg, *given.kwonlyargs, given.kwarg]:
                if arg is not None:
                    self.note(arg.annotation, names)
            self.note(node.returns, names)
            for decorator in node.decorator_list:
                self.note(decorator, names)
            text = ast.unparse(node)
            if name in ("__eq__", "__ne__"):  # of every other object they are a bool
                text = text.replace(":\n    ...", ": ...  # type: ignore[override]")
            self.body.append(text)

    def text(self) -> str:
        """The whole file."""
        # What is imported to be found here, `from m import x as x`, serves annotations too.
        wanted = {line for line in self.imports if f"{line} as {line.rpartition(' ')[2]}" not in self.imports}
        return HEADER + "\n".join(sorted(wanted)) + "\n\n" + "\n".join(self.body) + "\n"
