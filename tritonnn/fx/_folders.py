"""What a GraphModule is written as: imports for its pickle, a package for `to_folder`."""

from __future__ import annotations

import inspect
import re
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tritonnn.fx._naming import CUSTOM_BUILTINS
from tritonnn.nn.module import Module

if TYPE_CHECKING:
    from tritonnn.fx.graph_module import GraphModule


def _library() -> str:
    """What `import torch` has to be written as, so that it is this library."""
    served = sys.modules.get("torch") is CUSTOM_BUILTINS["torch"][1]
    return "torch" if served else "tritonnn"


def import_block(names: dict[str, Any]) -> str:
    """The import statements that give names of generated code their meaning."""
    return "\n".join(sorted([_statement(name, value) for name, value in names.items()]))


def _statement(name: str, value: Any) -> str:
    if name in CUSTOM_BUILTINS:
        return CUSTOM_BUILTINS[name][0]
    module = getattr(value, "__module__", None)
    own = getattr(value, "__qualname__", getattr(value, "__name__", None))
    if inspect.ismodule(value):
        return f"import {value.__name__} as {name}"
    if module is None or own is None:
        raise RuntimeError(f"torch.fx: cannot write an import for {name}, which is {value!r}")
    head, _, rest = own.partition(".")
    if "<" in own:
        raise RuntimeError(
            f"torch.fx: cannot write an import for {name}: {own} is local to a function of {module}"
        )
    start = f"from {module} import {head} as {name}"
    return f"{start}\n{name} = {name}.{rest}" if rest else start


def own_imports(block: str) -> str:
    """The imports of a pickle, of which those of torch are this library's."""
    library = _library()
    if library == "torch":
        return block
    block = re.sub(r"^import torch$", f"import {library} as torch", block, flags=re.M)
    return re.sub(r"^(import|from) torch\b(?!$)", rf"\1 {library}", block, flags=re.M)


def write(module: GraphModule, folder: Path, name: str) -> None:
    """A package with the class `name`, the values of its parameters, and modules that are no line of Python."""
    import tritonnn

    folder.mkdir(parents=True, exist_ok=True)
    tritonnn.save(module.state_dict(), folder / "state_dict.pt")
    block = own_imports(import_block(module.graph.python_code("self").globals))
    lines = [block, "", f"from {_library()}.nn import *", "", f"class {name}(torch.nn.Module):"]
    lines += ["    def __init__(self):", "        super().__init__()"]
    pickled = []
    for child_name, child in module.named_children():
        text, whole = _child(child_name, child, folder)
        what = "" if whole else f"  # {repr(child).splitlines()[0]}"
        lines.append(f"        setattr(self, {child_name!r}, {text}){what}")
        pickled += [] if whole else [child_name]
    for kind, entries in (("buffer", module._buffers), ("parameter", module._parameters)):
        for entry, tensor in entries.items():
            if tensor is not None:
                empty = f"torch.empty({list(tensor.shape)}, dtype={tensor.dtype})"
                if kind == "parameter":
                    empty = f"torch.nn.Parameter({empty}, requires_grad={tensor.requires_grad})"
                lines.append(f"        self.register_{kind}({entry!r}, {empty})")
    for attribute in ("_in_spec", "_out_spec"):
        if attribute in module.__dict__:
            tritonnn.save(module.__dict__[attribute], folder / f"{attribute}.pt")
            file = str(folder / f"{attribute}.pt")
            lines.append(f"        self.{attribute} = torch.load({file!r}, weights_only=False)")
    lines.append(f"        self.load_state_dict(torch.load({str(folder / 'state_dict.pt')!r}))")
    code = "\n".join([f"    {line}" if line.strip() else "" for line in module.code.strip("\n").split("\n")])
    (folder / "module.py").write_text("\n".join(lines) + "\n\n" + code.rstrip() + "\n", encoding="utf-8")
    (folder / "__init__.py").write_text("from .module import *\n", encoding="utf-8")
    if pickled:
        warnings.warn(
            "Was not able to save the following children modules as reprs -saved as pickled files instead: "
            f"{pickled}",
            stacklevel=3,
        )


_WRITTEN_AS_REPR = (
    "Linear", "Conv1d", "Conv2d", "Conv3d", "BatchNorm1d", "BatchNorm2d", "BatchNorm3d",
)  # fmt: skip


def _child(name: str, child: Module, folder: Path) -> tuple[str, bool]:
    """The expression that makes a child, and whether it is one of its own rather than a file."""
    import tritonnn

    if type(child).__name__ in _WRITTEN_AS_REPR and type(child) is getattr(tritonnn.nn, type(child).__name__):
        return repr(child), True
    file = folder / f"{name}.pt"
    tritonnn.save(child, file)
    return f"torch.load({str(file)!r}, weights_only=False)", False
