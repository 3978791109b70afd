"""The stubs, file by file, and the part of nn/functional.py that is written from the table."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from types import FunctionType
from typing import Any

import tritonnn
from tritonnn import _tensor, dtypes, legacy_types
from tritonnn.ops._stubs.definitions import Stub, folder, results
from tritonnn.storage import kinds as storage_kinds
from tritonnn.table import NAMESPACES

MARK = "# ---- written by `python -m tritonnn.ops stubs` "


def plain(place: str) -> str:
    """The stub of a module that holds entries of the table."""
    stub = Stub(NAMESPACES[place])
    for name, function in sorted(NAMESPACES[place].items()):  # whatever order they were imported in
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
    public = dict(sorted(NAMESPACES["torch"].items()))
    stub = Stub({*public, *dtypes.ALIASES})
    for node in source.body:
        if isinstance(node, ast.ImportFrom) and node.module not in ("tritonnn", "tritonnn.table", "typing"):
            for alias in node.names:
                if alias.asname == "ops":
                    stub.imports.add("from tritonnn.ops._namespaces import Operators as _Operators")
                    stub.body.append("ops: _Operators")
                elif alias.name not in ("annotations", "ALIASES", "SHELLS", "whole"):
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
    imported = {text.rpartition(" ")[2] for text in stub.imports}
    for name in (
        n for n, value in vars(tritonnn).items() if isinstance(value, tritonnn.dtype) and n not in imported
    ):
        stub.body.append(f"{name}: {stub.name('DType', {'DType': tritonnn.dtype})}")
    for name in sorted({*vars(legacy_types), *vars(storage_kinds)}):
        base = name.removesuffix("Tensor").removesuffix("Storage")
        if base in legacy_types.KINDS:
            stub.body.append(f"class {name}({'Tensor' if name.endswith('Tensor') else 'TypedStorage'}): ...")
    stub.body.append("Storage = FloatStorage")
    for name, function in public.items():
        stub.function(name, function, "torch")
    return stub.text()


def methods() -> str:
    """The stub of the class with everything that is attached to Tensor, and of the named tuples."""
    source = ast.parse(Path(_tensor.__file__).read_text(encoding="utf-8"))
    own = next(node for node in source.body if isinstance(node, ast.ClassDef) and node.name == "Tensor")
    body = [part for node in own.body for part in (node.body if isinstance(node, ast.If) else [node])]
    said = {node.name for node in body if isinstance(node, ast.FunctionDef)}
    said |= {t.id for node in body for t in _targets(node)}
    # `Tensor(2, 3)` is for type checkers an __init__: what the subclasses' __new__ returns is none of their business.
    attached = {
        "__init__" if name == "__new__" else name: value
        for name, value in sorted(vars(_tensor.Tensor).items())
        if isinstance(value, (FunctionType, staticmethod, property)) and name not in said | _OF_EVERY_CLASS
    }
    stub = Stub({*attached, *results()})
    for name, value in attached.items():
        if isinstance(value, property):
            _property(stub, name, value)
        else:
            if isinstance(value, staticmethod) and name != "__init__":
                stub.body.append("@staticmethod")
            stub.function(name, getattr(value, "__func__", value), "tensor")
    members = "\n".join(stub.body).replace("\n", "\n    ")
    stub.body = []
    for name, fields in results().items():
        lines = "".join(f"    {field}: Tensor\n" for field in fields)
        stub.body.append(f"class {name}({stub.name('NamedTuple', {})}):\n{lines}")
    stub.body.append(f'class Methods:\n    """What is attached to Tensor."""\n\n    {members}')
    return stub.text()


_OF_EVERY_CLASS = {"__repr__", "__annotate__", "__annotate_func__"}  # said of object, or made by Python


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
    if value.fset is not value.fdel:  # where both refuse, they are one function
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
