"""mypy over the library as it installs, with kernels/ and cpu_fallback/ inside: `python tests/type_check.py`.

mypy finds a module by its path, and in the source tree the two folders stand beside tritonnn/. A tree of links
puts them inside. Arguments are passed on to mypy.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from mypy import api

ROOT = Path(__file__).resolve().parent.parent
BACKENDS = ("kernels", "cpu_fallback")
TREE = ROOT / "build" / "typing"


def link(tree: Path) -> None:
    """Make the tree, or bring it up to date."""
    package = tree.resolve() / "tritonnn"
    package.mkdir(parents=True, exist_ok=True)
    sources = [path for path in (ROOT / "tritonnn").iterdir() if path.name != "__pycache__"]
    wanted = {path.name: path for path in (*sources, *(ROOT / name for name in BACKENDS))}
    for entry in package.iterdir():
        if entry.name not in wanted:
            entry.unlink()
    for name, path in wanted.items():
        if not (package / name).is_symlink():
            (package / name).symlink_to(os.path.relpath(path, package))


def check(options: list[str]) -> int:
    """mypy's exit status; its messages name the files as they stand in the source tree."""
    link(TREE)
    os.chdir(TREE)  # mypy takes a package from where it runs before anywhere else
    config = ["--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(ROOT / ".mypy_cache")]
    messages, failure, status = api.run([*config, *options])
    inside = re.compile(rf"^tritonnn/(?=(?:{'|'.join(BACKENDS)})/)", re.MULTILINE)
    sys.stdout.write(inside.sub("", messages))
    sys.stderr.write(failure)
    return status


if __name__ == "__main__":
    sys.exit(check(sys.argv[1:]))
