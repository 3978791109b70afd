"""The backends in a source tree, where they stand beside the package: installed, they are inside it."""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parent
BACKENDS = ("tritonnn.kernels", "tritonnn.cpu_fallback")


class Beside(MetaPathFinder):
    """Finds `kernels` and `cpu_fallback` beside the package.

    The folder around must not be in `tritonnn.__path__`: all that lies in it, setup.py and the package itself,
    would be modules of tritonnn.
    """

    @staticmethod
    def find_spec(fullname: str, path: object = None, target: Any = None) -> ModuleSpec | None:
        if fullname not in BACKENDS or (PACKAGE / fullname.rpartition(".")[2]).is_dir():
            return None
        return PathFinder.find_spec(fullname, [str(PACKAGE.parent)])


def find() -> None:
    """From now on the backends are found, before those of an installation elsewhere."""
    if not (PACKAGE / "kernels").is_dir():
        sys.meta_path.insert(0, Beside())
