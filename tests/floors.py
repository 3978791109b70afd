"""The floors of the library, lowest first: every file stands on one, and imports only from its own floor and below.

A row names modules (below `tritonnn`) with everything inside them; the longest name that fits a file decides. The
picture is in docs/architecture.md; `python tests/floors.py` draws it.
"""

from __future__ import annotations

import ast
import textwrap
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("tritonnn", "kernels", "cpu_fallback")

FLOORS: tuple[tuple[str, str], ...] = (
    (
        "base",
        "version config errors dtypes device shape precision memory_format buffer coefficients _families utils.hooks "
        "_call_site determinism batch_sizes utils._pytree bessel_coefficients gamma_coefficients torch_version "
        "_streams _symbolic _absent _refusals _left_out quasirandom._directions nn._conversion _return_types _limits",
    ),
    (
        "a tensor as data",
        "memory _tensor _conjugated _sparse _compressed _methods _overriding _overridable _levels",
    ),
    ("device runtime", "runtime"),
    ("what kernels are launched with", "kernels.check.case kernels.tables kernels.launch"),
    ("what kernels call", "kernels.device"),
    ("backends", "kernels cpu_fallback"),
    ("the check of the kernels", "kernels.check"),
    ("the op table as data", "table"),
    ("recording", "recording random"),
    ("dispatch", "dispatch"),
    ("how entries are written", "ops._table ops._frames"),
    ("ops", "ops"),
    ("batches of samples", "batching"),
    ("autograd", "autograd"),
    ("nested tensors", "nested"),
    (
        "tensors of modules, older names, sharing, printing",
        "_parameter legacy_types multiprocessing storage _printing threads _tensor_aspects",
    ),
    ("files", "serialization"),
    (
        "what users see",
        "tritonnn _tensor_methods _subclass_dispatch nn func optim amp linalg special fft signal masked distributions "
        "sparse cpu cuda "
        "backends utils ops.__main__ ops._stubs ops._coverage collect_env _run _shim __main__ _verify testing "
        "overrides _C _identity library accelerator functional futures mps mtia quasirandom types xpu __config__ "
        "__future__ _questions jit compiler _dynamo _inductor _subclasses distributed profiler autograd.profiler "
        "autograd.profiler_util return_types _removed _control_flow _fake_quantize ao export hub monitor onnx package "
        "quantization _VF classes _checks_of_tensors _classes _compile _higher_order_ops _jit_internal _linalg_utils "
        "_lowrank _ops _prims_common _streambase _tensor_str _utils fx "
        "_compressed_indices _custom_ops _command _tuning",
    ),
    ("pictures", "vision"),
)


class Import(NamedTuple):
    """`module`, a file of the library or another library, is imported by the file of `name` at `line`."""

    name: str
    line: int
    module: str
    taken: str
    top: bool  # happens when the file is imported

    def __str__(self) -> str:
        return f"{self.name}:{self.line} imports {self.taken} of {self.module}"


@cache
def modules() -> dict[str, Path]:
    """Every file of the library by the dotted name it is imported by."""
    paths = {}
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            parts = parts if parts[0] == "tritonnn" else ("tritonnn", *parts)
            paths[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    # Only type checkers see it: a base of Tensor that says what higher floors attach.
    paths["tritonnn._methods"] = ROOT / "tritonnn" / "_methods.pyi"
    return paths


def floor(module: str) -> int | None:
    """The number of a module's floor; None where no row has it."""
    short = module.removeprefix("tritonnn").removeprefix(".") or "tritonnn"
    best, height = 0, None
    for number, (_, names) in enumerate(FLOORS):
        for prefix in names.split():
            if (short == prefix or short.startswith(prefix + ".")) and len(prefix) > best:
                best, height = len(prefix), number
    return height


def statements(tree: ast.AST, package: str) -> list[tuple[int, str, bool]]:
    """(line, dotted name, at import) of every import below a node: in functions and under TYPE_CHECKING too."""
    imports: list[tuple[int, str, bool]] = []

    def walk(node: ast.AST, top: bool) -> None:
        for child in ast.iter_child_nodes(node):
            imports.extend((child.lineno, name, top) for name in _targets(child, package))  # type: ignore[attr-defined]
            later = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) or (
                isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
            )
            walk(child, top and not later)

    walk(tree, True)
    return imports


def _targets(node: ast.AST, package: str) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in (
        "import_module",
        "__import__",
    ):
        return [text for text in map(_beginning, node.args[:1]) if "." in text]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = node.module or ""
    if node.level:
        parents = package.split(".")
        base = ".".join([*parents[: len(parents) - node.level + 1], *([node.module] if node.module else [])])
    return [f"{base}.{alias.name}" for alias in node.names]


def _beginning(node: ast.AST) -> str:
    """The text that an argument such as f"tritonnn.ops.{name}" begins with."""
    if isinstance(node, ast.JoinedStr):
        return _beginning(node.values[0]) if node.values else ""
    return node.value.rstrip(".") if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


@cache
def imports() -> tuple[Import, ...]:
    """Every import of every file of the library."""
    known, result = modules(), []
    for name, path in known.items():
        if path.suffix == ".pyi":
            continue
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        for line, full, top in statements(ast.parse(path.read_text(encoding="utf-8")), package):
            module = full
            while module and module not in known:  # the file that a name is taken from
                module = module.rpartition(".")[0]
            taken = full.rpartition(".")[2]
            if module != name:
                result.append(Import(name, line, module or full, taken, top))
    return tuple(result)


def circles(arrows: set[tuple[str, str]]) -> list[list[str]]:
    """Groups of files that import each other, directly or through others (Tarjan 1972)."""
    out: dict[str, list[str]] = {}
    for a, b in sorted(arrows):
        out.setdefault(a, []).append(b)
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    groups = []
    for root in list(out):
        work = [(root, iter(out[root]))] if root not in index else []
        while work:
            node, rest = work[-1]
            if node not in index:
                index[node] = low[node] = len(index)
                stack.append(node)
            for other in rest:
                if other not in index:
                    work.append((other, iter(out.get(other, []))))
                    break
                if other in stack:
                    low[node] = min(low[node], low[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    at = stack.index(node)
                    if len(stack) - at > 1:
                        groups.append(sorted(stack[at:]))
                    del stack[at:]
    return groups


def picture(width: int = 116, title_width: int = 34) -> str:
    """The floors as boxes on one another, the highest on top; beside each title the modules that stand there."""
    names_width = width - title_width - 4
    edge = "─" * (width - 2)
    boxes = []
    for title, names in reversed(FLOORS):
        titles, modules = textwrap.wrap(title, title_width - 2), textwrap.wrap(names, names_width)
        height = max(len(titles), len(modules))
        rows = zip(titles + [""] * (height - len(titles)), modules + [""] * (height - len(modules)))
        boxes.append("\n".join(f"│ {a:{title_width}}{b:{names_width}} │" for a, b in rows))
    return f"┌{edge}┐\n" + f"\n├{edge}┤\n".join(boxes) + f"\n└{edge}┘"


if __name__ == "__main__":
    print(picture())
