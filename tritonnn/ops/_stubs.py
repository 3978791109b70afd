"""`python -m tritonnn.ops stubs`: writes the type stubs of what the op table publishes.

Type checkers cannot see functions that are put into a module, or onto Tensor, while it is imported. The stubs say
what is there: `tritonnn/__init__.pyi`, `linalg.pyi`, `special.pyi` and `nn/functional.pyi`, and `_methods.pyi` with the
class that is a base of Tensor where types are checked. The names that `nn/functional.py` imports are written here too.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
import subprocess
import sys
from collections.abc import Iterable
from copy import deepcopy
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any

import tritonnn
from tritonnn import _tensor, dtypes, legacy_types
from tritonnn.ops.reduction.extremes import PAIRS
from tritonnn.table import NAMESPACES, OPS
from tritonnn.table import types as argument_types

Names = dict[str, Any]
HEADER = '"""Written by `python -m tritonnn.ops stubs`, from the op table."""\n\n'
MARK = "# ---- written by `python -m tritonnn.ops stubs` "

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
    return ast.parse((folder() / "ops" / "_overloads.pyi").read_text(encoding="utf-8"))


@cache
def overloads(inside: str) -> dict[str, list[ast.FunctionDef]]:
    """The definitions of `_overloads.pyi` by name, those of one of its classes or (for '') outside them."""
    body = _overloads_file().body
    if inside:
        body = next(node.body for node in body if isinstance(node, ast.ClassDef) and node.name == inside)
    found: dict[str, list[ast.FunctionDef]] = {}
    for node in body:
        if isinstance(node, ast.FunctionDef):
            found.setdefault(node.name, []).append(node)
    return found


@cache
def overload_names() -> Names:
    """What the annotations of `_overloads.pyi` mean, beside the named tuples."""
    found = {}
    for node in _overloads_file().body:
        if isinstance(node, ast.ImportFrom) and node.module != "tritonnn._methods":
            module = importlib.import_module(str(node.module))
            found.update({alias.asname or alias.name: getattr(module, alias.name) for alias in node.names})
    return found


@cache
def results() -> dict[str, tuple[str, ...]]:
    """The named tuples of several results: class -> fields."""
    found = {op.name: op.results for op in OPS.values() if op.api and len(op.results) > 1} | PAIRS
    return {_title(name): fields for name, fields in sorted(found.items())}


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
    made = ast.parse(f"def {name}{text} -> {result}: ...").body[0]
    assert isinstance(made, ast.FunctionDef)
    return pooled(made) if result == "Pooled" else [made]


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
        made = deepcopy(node)
        given = made.args
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
        made.returns = ast.parse(result, mode="eval").body
        made.decorator_list = [ast.Name("overload")]
        return made

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


def plain(place: str) -> str:
    """The stub of a module that holds entries of the table."""
    stub = Stub(NAMESPACES[place])
    for name, function in NAMESPACES[place].items():
        if isinstance(function, type):
            stub.imports.add(f"from {function.__module__} import {name} as {name}")
        else:
            stub.function(name, function, place)
    if place == "functional":
        stub.imports |= {
            f"from {module} import {name} as {name}" for name, module in functional_lazy().items()
        }
    return stub.text()


def functional_lazy() -> dict[str, str]:
    """What nn/functional.py imports when it is asked for, read off its text: it need not be right to be rewritten."""
    for node in ast.parse((folder() / "nn" / "functional.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and _targets(node)[0].id == "_LAZY":
            return ast.literal_eval(node.value)
    return {}


def torch() -> str:
    """The stub of the package itself: entries, re-exports, data types, and what is imported when asked for."""
    source = ast.parse((folder() / "__init__.py").read_text(encoding="utf-8"))
    public = NAMESPACES["torch"]
    stub = Stub({*public, *dtypes.ALIASES})
    for node in source.body:
        if isinstance(node, ast.ImportFrom) and node.module not in ("tritonnn", "tritonnn.table", "typing"):
            for alias in node.names:
                if alias.name not in ("annotations", "ALIASES"):
                    stub.imports.add(f"from {node.module} import {alias.name} as {alias.name}")
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            stub.function(node.name, getattr(tritonnn, node.name), "torch")
    for name in vars(tritonnn)["_SUBMODULES"]:
        stub.imports.add(f"from tritonnn import {name} as {name}")
    for name, module in vars(tritonnn)["_LAZY"].items():
        stub.imports.add(f"from tritonnn.{module} import {name} as {name}")
    for name, value in {
        **{n: getattr(tritonnn, n) for n in ("inf", "nan", "pi", "e")},
        "newaxis": None,
    }.items():
        stub.body.append(f"{name}: {stub.name(type(value).__name__, {}) if value is not None else None}")
    for name in dtypes.ALIASES:
        stub.body.append(f"{name}: {stub.name('DType', {'DType': tritonnn.dtype})}")
    for name in sorted(vars(legacy_types)):
        base = name.removesuffix("Tensor").removesuffix("Storage")
        if base in legacy_types.KINDS:
            stub.body.append(f"class {name}({'Tensor' if name.endswith('Tensor') else 'TypedStorage'}): ...")
    for name, function in public.items():
        stub.function(name, function, "torch")
    return stub.text()


def methods() -> str:
    """The stub of the class with everything that is attached to Tensor, and of the named tuples."""
    source = ast.parse(Path(_tensor.__file__).read_text(encoding="utf-8"))
    own = next(node for node in source.body if isinstance(node, ast.ClassDef) and node.name == "Tensor")
    said = {node.name for node in own.body if isinstance(node, ast.FunctionDef)}
    said |= {t.id for node in own.body for t in _targets(node)}
    # `Tensor(2, 3)` is for type checkers an __init__: what the subclasses' __new__ returns is none of their business.
    attached = {
        "__init__" if name == "__new__" else name: value
        for name, value in sorted(vars(_tensor.Tensor).items())
        if name not in said and name not in _OF_EVERY_CLASS
    }
    stub = Stub({*attached, *results()})
    for name, value in attached.items():
        if isinstance(value, property):
            _property(stub, name, value)
        else:
            stub.function(name, getattr(value, "__func__", value), "tensor")
    members = "\n".join(stub.body).replace("\n", "\n    ")
    stub.body = []
    for name, fields in results().items():
        lines = "".join(f"    {field}: Tensor\n" for field in fields)
        stub.body.append(f"class {name}({stub.name('NamedTuple', {})}):\n{lines}")
    stub.body.append(f'class Methods:\n    """What is attached to Tensor."""\n\n    {members}')
    return stub.text()


_OF_EVERY_CLASS = (
    "__module__",
    "__doc__",
    "__dict__",
    "__weakref__",
    "__annotations__",
    "__slots__",
    "__repr__",
)


def _targets(node: ast.stmt) -> list[ast.Name]:
    targets = (
        node.targets
        if isinstance(node, ast.Assign)
        else [node.target]
        if isinstance(node, ast.AnnAssign)
        else []
    )
    return [target for target in targets if isinstance(target, ast.Name)]


def _property(stub: Stub, name: str, value: property) -> None:
    assert value.fget is not None
    stub.body.append("@property")
    stub.function(name, value.fget, "tensor")
    stub.body[-1] = stub.body[-1].replace(f"def {value.fget.__name__}(", f"def {name}(")
    if value.fset is not None:
        stub.body.append(f"@{name}.setter")
        stub.function(name, value.fset, "tensor")


# ---- the names of nn/functional.py --------------------------------------------------------------------------


def defined_in(function: Any) -> tuple[str, str]:
    """(module, name) that a published function has in the file that defines it."""
    op = getattr(function, "op", None)
    first = op.module if op is not None else function.__module__
    for module in [first, *sorted(m for m in sys.modules if m.startswith("tritonnn.ops."))]:
        for name, value in vars(sys.modules.get(module, ast)).items():
            if value is function:
                return module, name
    raise LookupError(f"{function.__name__} has no name in a file of tritonnn/ops")


def functional() -> str:
    """The source of nn/functional.py with the imports that the table asks for."""
    before, _, rest = (folder() / "nn" / "functional.py").read_text(encoding="utf-8").partition(MARK)
    after = rest.partition(MARK)[2].partition("\n")[2]
    names = NAMESPACES["functional"]
    lines = []
    for name, function in names.items():
        module, real = defined_in(function)
        lines.append(f"from {module} import {real}" + f" as {name}" * (name != real))
    listed = ", ".join(f'"{name}"' for name in sorted([*names, *functional_lazy()]))
    block = "\n".join(sorted(lines)) + f"\n\n__all__ = [\n    {listed},\n]\n"
    line = MARK + "-" * 20
    return f"{before}{line}\n\n{block}\n{line}\n{after}"


# ---- all of them --------------------------------------------------------------------------------------------


def files() -> dict[str, str]:
    """Path below the package -> text, not yet formatted."""
    return {
        "__init__.pyi": torch(), "_methods.pyi": methods(), "linalg.pyi": plain("linalg"),
        "special.pyi": plain("special"), "nn/functional.pyi": plain("functional"),
        "nn/functional.py": functional(),
    }  # fmt: skip


def formatted(text: str, path: str) -> str:
    """The text with sorted imports and in the formatter's layout, where the formatter is installed."""
    for step in (["check", "--select", "I", "--fix", "--quiet"], ["format"]):
        command = [sys.executable, "-m", "ruff", *step, "--stdin-filename", path, "-"]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            return text
        text = done.stdout
    return text


def stale() -> list[str]:
    """The files that say something else than the table does, whatever their layout."""
    return [path for path, text in files().items() if _meaning(folder() / path) != _tree(text)]


def _meaning(path: Path) -> list[str]:
    return _tree(path.read_text(encoding="utf-8")) if path.exists() else []


def _tree(text: str) -> list[str]:
    """The statements; imports one name each and in no order, as sorting them changes no meaning."""
    imports, rest = set(), []
    for node in ast.parse(text).body:
        if isinstance(node, ast.ImportFrom):
            imports |= {f"{node.module} {alias.name} {alias.asname}" for alias in node.names}
        else:
            rest.append(ast.dump(node))
    return [*sorted(imports), *rest]


def main(arguments: list[str]) -> int:
    """Write the files, or with `--check` name those that are not as they would be written."""
    if arguments == ["--check"]:
        wrong = stale()
        print("\n".join(f"{path} is stale: python -m tritonnn.ops stubs" for path in wrong) or "up to date")
        return 1 if wrong else 0
    for path, text in files().items():
        (folder() / path).write_text(formatted(text, str(folder() / path)), encoding="utf-8")
    return 0
