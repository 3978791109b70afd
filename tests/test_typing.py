"""Type checkers see what users see: stubs that are never stale, mistakes that are errors, and no `Any` by habit."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from floors import ROOT, modules

import tritonnn as torch
from tritonnn.nn import functional as F
from tritonnn.ops import _stubs
from tritonnn.ops._stubs.definitions import SHORT
from tritonnn.table import NAMESPACES

# A user's program. What a line must be told stands in its comment: the code of an error, or the type that is revealed.
PROGRAM = """
import tritonnn as torch
import tritonnn.nn.functional as F
from tritonnn import Tensor, nn
from tritonnn.utils.data import DataLoader, TensorDataset

x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)

torch.addd(x, 1)                            # error: attr-defined
x.summ()                                    # error: attr-defined
x.shap                                      # error: attr-defined
F.reluu(x)                                  # error: attr-defined
nn.Lineer(2, 2)                             # error: attr-defined
torch.linalg.qrr(x)                         # error: attr-defined
torch.special.erff(x)                       # error: attr-defined
torch.cuda.is_avail()                       # error: attr-defined
torch.optim.Adamm(x)                        # error: attr-defined
F.relu(x, inplce=True)                      # error: call-arg
torch.softmax(x)                            # error: call-arg
x.sum(dimm=0)                               # error: call-arg
torch.add(x)                                # error: call-arg
torch.zeros("a")                            # error: arg-type
torch.relu(1)                               # error: arg-type
torch.sum(x, dim="0")                       # error: arg-type
x.transpose(0, "1")                         # error: arg-type
x.reshape("2")                              # error: arg-type
F.linear(x, 3)                              # error: arg-type
F.cross_entropy(x, x, reduction=1)          # error: arg-type
F.conv2d(x, x, stride=1.5)                  # error: arg-type
F.dropout(x, p="half")                      # error: arg-type
nn.Linear("a", 2)                           # error: arg-type
nn.Conv2d(3, 8, kernel_size="3")            # error: arg-type
nn.Dropout(p="0.5")                         # error: arg-type
nn.Linear(2, 2, biass=False)                # error: call-arg
nn.Linear(2, 2, dtype="float32")            # error: arg-type
torch.optim.Adam(x, lr=1e-3, betas=0.9)     # error: arg-type
torch.optim.SGD([x], learning_rate=0.1)     # error: call-arg
x + "a"                                     # error: operator
x @ 3                                       # error: operator
x.to(1.5)                                   # error: call-overload
x.max(dim="0")                              # error: call-overload
x.max(dim=0).value                          # error: attr-defined
number: int = x.sum()                       # error: assignment

reveal_type(torch.tensor([1.0]).sum())      # Tensor
reveal_type(torch.zeros(2, 3))              # Tensor
reveal_type(torch.zeros((2, 3), dtype=torch.float32, device="cpu"))  # Tensor
reveal_type(torch.add(x, 1, alpha=2))       # Tensor
reveal_type(torch.arange(3))                # Tensor
reveal_type(torch.arange(0, 3.0, x))        # Tensor
reveal_type(x + 1)                          # Tensor
reveal_type(2 * x)                          # Tensor
reveal_type(1 - x / 2 ** x)                 # Tensor
reveal_type(x @ x)                          # Tensor
reveal_type(-x)                             # Tensor
reveal_type(x == x)                         # Tensor
reveal_type(x < 0)                          # Tensor
reveal_type(x[0])                           # Tensor
reveal_type(x[:, None, ..., torch.tensor([0])])  # Tensor
reveal_type(x.mT)                           # Tensor
reveal_type(x.float().long().bool())        # Tensor
reveal_type(x.view(-1).reshape(2, 2).permute(1, 0).expand(2, -1))  # Tensor
reveal_type(x.to("cpu").to(torch.float64).to(x).to("cpu", torch.int8))  # Tensor
reveal_type(x.add_(1).clamp_(min=0))        # Tensor
reveal_type(x.shape)                        # Size
reveal_type(x.shape[0])                     # int
reveal_type(x.size())                       # Size
reveal_type(x.size(0))                      # int
reveal_type(x.dtype)                        # dtype
reveal_type(x.device)                       # device
reveal_type(x.requires_grad)                # bool
reveal_type(x.grad)                         # Tensor | None
reveal_type(x.numel())                      # int
reveal_type(x.max())                        # Tensor
reveal_type(x.max(dim=0).values)            # Tensor
reveal_type(torch.max(x, x))                # Tensor
reveal_type(x.sort().indices)               # Tensor
reveal_type(torch.topk(x, 1)[0])            # Tensor
reveal_type(torch.linalg.qr(x).Q)           # Tensor
reveal_type(x.unique())                     # Tensor
reveal_type(x.nonzero(as_tuple=True))       # tuple[Tensor, ...]
reveal_type(torch.where(x > 0, x, 0.0))     # Tensor
reveal_type(torch.where(x > 0))             # tuple[Tensor, ...]
reveal_type(x.split(1))                     # tuple[Tensor, ...]
reveal_type(x.chunk(2)[0])                  # Tensor
reveal_type(torch.cat([x, x], dim=0))       # Tensor
reveal_type(torch.allclose(x, x))           # bool
reveal_type(torch.is_tensor(x))             # bool
reveal_type(torch.float32)                  # dtype
reveal_type(torch.float)                    # dtype
reveal_type(torch.pi)                       # float
reveal_type(torch.device("cpu"))            # device
reveal_type(torch.cuda.is_available())      # bool
reveal_type(torch.Generator())              # Generator
reveal_type(torch.special.expit(x))         # Tensor
reveal_type(F.linear(x, x, None))           # Tensor
reveal_type(F.relu(x, inplace=True))        # Tensor
reveal_type(F.max_pool2d(x, 2))             # Tensor
reveal_type(F.max_pool2d(x, 2, return_indices=True))  # tuple[Tensor, Tensor]
reveal_type(torch.nn.functional.softmax(x, dim=-1))   # Tensor
reveal_type(F.embedding(x.long(), x))       # Tensor
reveal_type(nn.Linear(2, 2).weight)         # Tensor
reveal_type(nn.Linear(2, 2)(x))             # Any
reveal_type(nn.Sequential(nn.Linear(2, 2), nn.ReLU()).eval())  # Sequential

for rows in DataLoader(TensorDataset(x), batch_size=2, shuffle=True):
    print(rows)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(2, 4)

    def forward(self, x: Tensor) -> Tensor:
        return F.gelu(self.first(x)).mean(dim=-1, keepdim=True)


net = Net().to("cpu")
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, betas=(0.9, 0.99))
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2)
with torch.no_grad():
    net(x)
loss = F.mse_loss(net(x), x)
loss.backward()
optimizer.zero_grad()
optimizer.step()
scheduler.step()
reveal_type(loss.item())                    # Any
torch.save(net.state_dict(), "net.pt")
net.load_state_dict(torch.load("net.pt"))


class Square(torch.autograd.Function):
    pass
"""


TRAINING, VISION = (
    (ROOT / "tests" / "typing_programs" / f"{name}.py").read_text(encoding="utf-8")
    for name in ("training", "vision")
)
WITH_PILLOW = pytest.mark.skipif(importlib.util.find_spec("PIL") is None, reason="Pillow is not installed")
PROGRAMS = pytest.mark.parametrize(
    "source",
    [
        pytest.param(PROGRAM, id="calls"),
        pytest.param(TRAINING, id="training"),
        pytest.param(VISION, id="vision", marks=WITH_PILLOW),  # what is no picture, its types tell
    ],
)


def expectations(source: str) -> dict[int, str]:
    """By line of a program: what its comment says that it must be told."""
    lines = enumerate(source.split("\n"), 1)
    told = {number: line.rpartition("  # ")[2] for number, line in lines if "  # " in line}
    return {number: text for number, text in told.items() if text.startswith("error: ") or source is PROGRAM}


def said_by_mypy(program: Path, settings: str = "") -> dict[int, list[str]]:
    """By line of the program: the codes of mypy's errors, and the types that it reveals."""
    folder = program.parent
    (folder / "mypy.ini").write_text(
        "[mypy]\npython_version = 3.12\nignore_missing_imports = true\n" + settings
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(folder / "mypy.ini"), "--show-error-codes",
         "--follow-imports", "silent", "--cache-dir", str(folder / "cache"), str(program)],
        cwd=ROOT, capture_output=True, text=True, check=False, env={"MYPYPATH": str(ROOT), "PATH": ""},
    )  # fmt: skip
    assert done.returncode == 1, done.stderr or done.stdout
    said: dict[int, list[str]] = {}
    for line in done.stdout.splitlines():
        match = re.match(
            r".*program\.py:(\d+): (?:error: .*\[([a-z-]+)\]$|note: Revealed type is \"(.*)\")", line
        )
        if match is None:
            assert ": note: " in line or line.startswith("Found "), line
            continue
        number, code, revealed = match.groups()
        said.setdefault(int(number), []).append(
            f"error: {code}" if code else re.sub(r"(\w+\.)+", "", revealed)
        )
    return said


@PROGRAMS
@pytest.mark.timeout(300)
def test_a_users_program(source: str, tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    (tmp_path / "program.py").write_text(source, encoding="utf-8")
    said, expected = said_by_mypy(tmp_path / "program.py"), expectations(source)
    assert len(expected) >= 40
    wrong = []
    for number, line in enumerate(source.split("\n"), 1):
        if said.get(number, []) != ([expected[number]] if number in expected else []):
            wrong.append(f"{number}: {line.strip()}: said {said.get(number)}")
    assert not wrong, "\n".join(wrong)


PUBLIC = (
    "nn nn.functional nn.init nn.utils nn.utils.rnn optim optim.lr_scheduler utils utils.data autograd func linalg fft "
    "special distributions cuda amp profiler return_types backends sparse nested masked testing library vision "
    "vision.datasets vision.io vision.models vision.models.detection vision.models.feature_extraction "
    "vision.models.optical_flow vision.models.quantization vision.models.segmentation vision.models.video vision.ops "
    "vision.transforms vision.transforms.functional vision.transforms.v2 vision.transforms.v2.functional "
    "vision.tv_tensors vision.utils"
)
OF_FILES = {"Any", "TYPE_CHECKING", "annotations", "NAMESPACES"}  # what a file is made of, not what it is for


@pytest.mark.timeout(300)
def test_public_names_are_handed_on(tmp_path: Path) -> None:
    """A package with py.typed hands on what it imports `as` the same name, or lists in `__all__`; no other name."""
    pytest.importorskip("mypy")
    lines = ["import tritonnn"]
    for path in ("", *PUBLIC.split()):
        module = importlib.import_module(f"tritonnn.{path}".rstrip("."))
        names = getattr(module, "__all__", None) or [n for n in dir(module) if not n.startswith("_")]
        of_public = [n for n in names if not inspect.ismodule(getattr(module, n)) and n not in OF_FILES]
        of_public += [*vars(module).get("_LAZY", ()), *vars(module).get("_SUBMODULES", ())]
        lines += [f"import {module.__name__}", *[f"{module.__name__}.{name}" for name in of_public]]
    lines = [line for line in dict.fromkeys(lines) if "._" not in line]
    assert len(lines) > 1500 and "tritonnn.nn.Parameter" in lines
    (tmp_path / "program.py").write_text("\n".join([*lines, "tritonnn.nn.no_such"]), encoding="utf-8")
    said = said_by_mypy(tmp_path / "program.py", "implicit_reexport = false\n")
    assert {n: lines[n - 1 : n] for n in said} == {len(lines) + 1: []}


PYRIGHT = next((name for name in ("basedpyright", "pyright") if importlib.util.find_spec(name)), None)


@PROGRAMS
@pytest.mark.timeout(300)
@pytest.mark.skipif(PYRIGHT is None, reason="neither basedpyright nor pyright is installed")
def test_pyright_agrees(source: str, tmp_path: Path) -> None:
    """It finds the same mistakes, though it has other names for them, and reveals the same types."""
    (tmp_path / "program.py").write_text(source, encoding="utf-8")
    settings = {"typeCheckingMode": "standard", "extraPaths": [str(ROOT)], "pythonVersion": "3.12"}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", str(PYRIGHT), "--outputjson", "program.py",
               "--pythonpath", sys.executable]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    said: dict[int, set[str]] = {}
    for entry in json.loads(done.stdout)["generalDiagnostics"]:
        revealed = re.search(r'^Type of ".*" is "(.*)"$', entry["message"], re.DOTALL)
        if entry["severity"] == "error" or revealed:
            text = re.sub(r"(\w+\.)+", "", revealed[1]) if revealed else "error"
            said.setdefault(entry["range"]["start"]["line"] + 1, set()).add(text)
    expected = {number: {text.partition(":")[0]} for number, text in expectations(source).items()}
    lines = source.split("\n")
    assert [
        (n, lines[n - 1], said.get(n)) for n in {*said, *expected} if said.get(n) != expected.get(n)
    ] == []


def test_stubs_are_what_the_table_says() -> None:
    """Asked in a process of its own: tests may have entries of their own."""
    command = [sys.executable, "-m", "tritonnn.ops", "stubs", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout == "up to date\n", done.stdout + done.stderr


def test_a_stale_stub_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    before = _stubs.stale()
    monkeypatch.setitem(NAMESPACES["linalg"], "vecdot", torch.vdot)
    assert {*_stubs.stale()} - {*before} == {"linalg.pyi"}


def test_a_new_entry_says_what_to_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    """An entry of nn.functional is imported there by a file that a command writes."""
    monkeypatch.setitem(NAMESPACES["functional"], "brand_new", torch.nn.functional.relu)
    with pytest.raises(AttributeError, match="brand_new has an entry but no import here: run `make format`"):
        torch.nn.functional.brand_new  # noqa: B018
    with pytest.raises(AttributeError, match=r"tritonnn has no torch\.nn\.functional\.no_such"):
        torch.nn.functional.no_such  # noqa: B018
    assert _stubs.main(["--check"]) == 1
    assert "is stale: run `make format`, or `python -m tritonnn.ops stubs`" in capsys.readouterr().out


def test_functional_names_its_functions() -> None:
    assert {*F.__all__} == {*NAMESPACES["functional"], *F._LAZY}
    assert all(getattr(F, name) is function for name, function in NAMESPACES["functional"].items())
    source = ast.parse(inspect.getsource(F))
    taken = {alias.asname or alias.name: node.module for node in source.body if isinstance(node, ast.ImportFrom)
             for alias in node.names}  # fmt: skip
    assert taken["linear"] == "tritonnn.ops.linalg.linalg" and taken["softmax"] == "tritonnn.ops.softmax"


def test_every_public_name_is_in_the_stub() -> None:
    tree = ast.parse((ROOT / "tritonnn" / "__init__.pyi").read_text(encoding="utf-8"))
    names = {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    names |= {node.target.id for node in tree.body if isinstance(node, ast.AnnAssign)}  # type: ignore[union-attr]
    names |= {
        alias.asname
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }
    own = {
        name
        for name in dir(torch)
        if not name.startswith("_") and getattr(torch, name).__class__.__name__ != "module"
    }
    assert not own - names - {"ALIASES", "NAMESPACES", "Any", "annotations"}
    assert not {name for name in names if not hasattr(torch, name)} - set(SHORT.values()) - {
        "_bool", "_int", "_float", "_complex", "_Operators", "np"}  # fmt: skip


def is_kernel(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether Triton compiles a function, so that its arguments have the types that each launch gives them."""
    return any("triton.jit" in ast.unparse(decorator) for decorator in node.decorator_list)


def arguments(folder: str) -> tuple[int, int, int]:
    """Arguments of the functions in a folder: all, the annotated ones, and those that are `Any`.

    *args and **kwargs count; `self`, `cls` and kernels do not.
    """
    total = annotated = anything = 0
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or is_kernel(node):
                continue
            given = node.args
            for arg in [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]:
                if arg is None or arg.arg in ("self", "cls"):
                    continue
                total += 1
                annotated += arg.annotation is not None
                anything += arg.annotation is not None and ast.unparse(arg.annotation) == "Any"
    return total, annotated, anything


@pytest.mark.parametrize(
    ("folder", "most"),
    [
        ("tritonnn", 0.107),
        ("tritonnn/nn", 0.073),
        ("tritonnn/ops", 0.093),
        ("kernels", 0.11),
        ("cpu_fallback", 0.021),
    ],
)
def test_any_is_meant(folder: str, most: float) -> None:
    total, annotated, anything = arguments(folder)
    assert annotated >= 0.95 * total
    assert anything <= most * annotated, f"{anything} of {annotated} arguments are Any"


def test_make_lint_checks_every_file(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    from type_check import link

    link(tmp_path)
    package = tmp_path / "tritonnn"
    (package / "removed.py").symlink_to(ROOT / "tritonnn" / "removed.py")
    link(tmp_path)
    checked_files = {
        path.resolve()
        for entry in package.iterdir()
        for path in (entry.rglob("*.py") if entry.is_dir() else [entry])
    }
    assert checked_files >= {*modules().values()}
    assert not (package / "removed.py").is_symlink()
