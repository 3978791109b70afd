"""The pages of docs/contributing are true: what each shows is added to a copy of the tree, and works there.

The first line of a block of Python says where it goes: `# FILE` is a new file, `# FILE, at the end` adds to one, and
`# FILE, after: LINE` puts the block below that line. A block `sh` has commands, each of which must succeed.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted((ROOT / "docs" / "contributing").glob("*.md"))
COPIED = ("tritonnn", "kernels", "cpu_fallback", "tests", "perf")
#: what `python -m tritonnn.ops stubs` writes
WRITTEN = re.compile(r"tritonnn/(.*\.pyi|nn/functional\.py)")


class Block(NamedTuple):
    """Text that a page adds to a file: in a new one, at the end (`after` is empty), or below a line."""

    file: str
    after: str | None
    text: str


def parse(page: str) -> tuple[list[Block], list[str]]:
    """The blocks of a page, and its commands."""
    blocks, commands = [], []
    for kind, text in re.findall(r"^```(\w+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        if kind == "sh":
            commands += text.splitlines()
            continue
        head, body = text.split("\n", 1)
        match = re.fullmatch(r"# (\S+?)(?:, (at the end)|, after: (.*))?", head)
        assert kind == "python" and match, f"a block begins with {head!r} instead of its file"
        blocks.append(Block(match[1], "" if match[2] else match[3], body))
    return blocks, commands


def add(root: Path, block: Block) -> None:
    """What a reader does with a block."""
    path = root / block.file
    if block.after is None:
        assert not path.exists(), f"{block.file} is there already"
        path.write_text(block.text, encoding="utf-8")
        return
    old = path.read_text(encoding="utf-8")
    if not block.after:
        path.write_text(f"{old}\n\n{block.text}", encoding="utf-8")
        return
    lines = old.split("\n")
    assert lines.count(block.after) == 1, f"{block.file} has not one line {block.after!r}"
    at = lines.index(block.after) + 1
    path.write_text("\n".join([*lines[:at], block.text.rstrip("\n"), *lines[at:]]), encoding="utf-8")


def copied(root: Path) -> Path:
    """A copy of the source tree, with a folder of commands that run there.

    What is compiled goes along, as compiling all of it for every command takes longer than the commands.
    """
    for folder in COPIED:
        shutil.copytree(ROOT / folder, root / folder)
    shutil.copy(ROOT / "pyproject.toml", root)
    programs = root / ".bin"
    programs.mkdir()
    for name, call in (("python", '"$@"'), ("pytest", '-m pytest -q -p no:cacheprovider "$@"')):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {call}\n')
        (programs / name).chmod(0o755)
    return root


def run(root: Path, command: str) -> str:
    """The output of a command in the copy."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")} | {
        "PYTHONPATH": str(root),
        "PATH": f"{root / '.bin'}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(command, shell=True, cwd=root, env=env, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout[-6000:]}{done.stderr[-3000:]}"
    return done.stdout


def state(root: Path) -> dict[str, str]:
    """The files of the copy, by their contents."""
    files = [p for folder in COPIED for p in (root / folder).rglob("*") if p.is_file() and p.suffix != ".pyc"]
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_there_is_a_page_for_each_kind() -> None:
    kinds = {"elementwise", "composite", "primitive", "layer", "optimizer", "dataset", "report_row"}
    assert {page.stem for page in PAGES} == kinds
    contents = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert not [kind for kind in kinds if f"(docs/contributing/{kind}.md)" not in contents]


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_is_all_it_takes(page: Path, tmp_path: Path) -> None:
    """What a page says shows that it works; the files that it names are all that changes."""
    blocks, commands = parse(page.read_text(encoding="utf-8"))
    assert blocks and commands
    root = copied(tmp_path)
    before, named = state(root), {block.file for block in blocks}
    for block in blocks:
        add(root, block)
    for command in commands:
        told = run(root, command)
        if command.startswith("pytest") or " pytest " in command:
            assert re.search(r"\d+ passed", told) and "failed" not in told, told
        if "ops where" in command:
            code = {name for name in named if not name.startswith("tests/")}
            assert all(name in told for name in code), told
        if "kernels.check" in command:
            assert re.search(r"[1-9]\d* binaries of \d+ cases .*: 0 failures", told), told
    after = state(root)
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    assert named <= changed
    assert not [name for name in changed - named if not WRITTEN.fullmatch(name)]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_all_pages_together_keep_the_rules(tmp_path: Path) -> None:
    """The examples are written as the rest is: formatted, on a floor, no file too long, entries complete."""
    root = copied(tmp_path)
    blocks = [block for page in PAGES for block in parse(page.read_text(encoding="utf-8"))[0]]
    for block in blocks:
        add(root, block)
    files = " ".join(sorted({block.file for block in blocks}))
    if shutil.which("ruff", path=str(Path(sys.executable).parent)):
        run(
            root,
            f"python -m ruff check --no-cache {files} && python -m ruff format --no-cache --check {files}",
        )
    run(root, "python -m tritonnn.ops stubs && python -m tritonnn.ops stubs --check")
    run(
        root,
        "pytest tests/test_dependencies.py tests/test_size.py tests/test_definitions.py -k 'not test_def'",
    )
