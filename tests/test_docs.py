"""What the documents name is there: files, functions in them, dotted names, make targets; and the picture of floors."""

from __future__ import annotations

import importlib
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
from floors import FLOORS, ROOT, picture

import tritonnn
import tritonnn.recording.graph

DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
#: names that stand for what a user or another library has, or for any
OTHERS = {"acme", "cuda", "importlib", "loss", "make", "optimizer", "package", "self", "sys", "tl", "x", "y"}
#: what PyTorch has and tritonnn has not, as the README says
ABSENT = {"torch.compile"}
#: the word that a dotted name begins with -> what it is
STARTS: dict[str, Any] = {
    "tritonnn": tritonnn, "torch": tritonnn, "F": tritonnn.nn.functional, "Tensor": tritonnn.Tensor,
    "pickle": pickle, "Op": tritonnn.table.Op, "Node": tritonnn.recording.graph.Node,
}  # fmt: skip
#: what a run writes, and files that only a machine has
MADE = {
    "regressions.json", "perf/results/DEVICE-DATE.json", "counters.json", "report.html", "train.py", "out.json",
    "out.html",
}  # fmt: skip

documents = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def code(document: Path) -> list[str]:
    """What stands between backticks; the example files of the worked examples are for `test_contributing.py`."""
    text = re.sub(r"^```.*?^```$", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"`([^`\n]+)`", text)


def added(document: Path) -> set[str]:
    """The new files that a page of docs/contributing shows."""
    return set(re.findall(r"^# (\S+)$", document.read_text(encoding="utf-8"), re.MULTILINE))


@documents
def test_paths_exist(document: Path) -> None:
    """`path/file.py`, `folder/`, and `path/file.py:name`, from the root of the repository."""
    missing = []
    for word in (w for text in code(document) for w in text.split()):
        match = re.fullmatch(
            r"((?:[\w.*-]+/)*[\w.*-]+\.(?:py|md|json|toml|c)|(?:[\w.-]+/)+)(?::(\w+))?", word
        )
        if not match or match[1] in MADE or match[1] in added(document) or match[1].startswith("runs/"):
            continue
        place, name = match[1], match[2]
        files = [path for path in ROOT.glob(place.rstrip("/")) if path.is_dir() or not place.endswith("/")]
        defines = rf"^(?:def|class) {name}\b|^{name}\b.* = "
        if not files or (name and not re.search(defines, files[0].read_text(encoding="utf-8"), re.MULTILINE)):
            missing.append(word)
    assert not missing


@documents
def test_links_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        if path.startswith("http"):
            continue
        file = (document.parent / path).resolve() if path else document
        headings = (
            re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE) if file.exists() else []
        )
        known = {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}
        if not file.exists() or (anchor and anchor not in known):
            broken.append(target)
    assert not broken


def resolve(dotted: str) -> bool:
    """Whether a name such as 'tritonnn.kernels.check' or 'torch.cuda.graph' or 'dispatch.watch' is there."""
    first, *rest = dotted.split(".")
    if first in STARTS:
        value = STARTS[first]
    else:
        try:
            value = importlib.import_module(f"tritonnn.{first}")
        except ModuleNotFoundError:
            return False
    for name in rest:
        if not hasattr(value, name):
            try:
                value = importlib.import_module(f"{value.__name__}.{name}")
            except (AttributeError, ModuleNotFoundError):
                return False
        else:
            value = getattr(value, name)
    return True


@documents
def test_names_exist(document: Path) -> None:
    """`module.name`, with `torch.` or `tritonnn.` in front or not, called or not."""
    missing = []
    for text in code(document):
        match = re.match(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+)(?:\(|$)", text)
        if not match or re.search(r"\.(?:py|md|json|jsonl|toml|c|html)$", match[1]):
            continue
        dotted = match[1]
        if dotted.split(".")[0] not in OTHERS and dotted not in ABSENT and not resolve(dotted):
            missing.append(dotted)
    assert not missing


@documents
def test_commands_exist(document: Path) -> None:
    """`make TARGET` and `python -m MODULE`."""
    text = document.read_text(encoding="utf-8")
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    named = re.findall(r"^ +make ([a-z ]+?)(?: *#.*)?$", text, re.MULTILINE) + re.findall(
        r"`make ([a-z ]+)`", text
    )
    assert not [target for line in named for target in line.split() if target not in targets]
    modules = re.findall(r"python -m (tritonnn[\w.]*)", text)
    assert not [m for m in modules if not resolve(m)]


def test_the_floors_are_drawn() -> None:
    """If the list has changed: `python tests/floors.py` draws it anew."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    drawn = re.search(r"^```\n(┌.*?┘)\n```$", text, re.MULTILINE | re.DOTALL)
    assert drawn and drawn[1] == picture()
    boxes = [line for line in drawn[1].splitlines() if line.startswith("├")]
    assert len(boxes) == len(FLOORS) - 1


@pytest.mark.parametrize("module", [tritonnn, tritonnn.nn], ids=["torch", "nn"])
def test_every_lazy_name_is_found(module: Any) -> None:
    assert not [
        name for name in {**module._LAZY, **dict.fromkeys(module._SUBMODULES)} if not hasattr(module, name)
    ]
