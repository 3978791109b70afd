"""The packages that `cuda` needs, real or simulated, and what is said where they are not installed."""

from __future__ import annotations

import importlib.util
import sys
from typing import NamedTuple

INSTALL = "pip install 'tritonnn[cuda]'"


class Need(NamedTuple):
    """Who needs packages: its name, and (the module that is looked for, the package) of each."""

    who: str
    packages: tuple[tuple[str, str], ...]


_TRITON = ("triton", "triton")
SIMULATED = Need("the simulated cuda device (TRITON_INTERPRET=1)", (_TRITON,))
GPU = Need("the device 'cuda'", (_TRITON, ("cuda.bindings", "cuda-bindings")))
COMPILER = Need("the compilation of kernels", (_TRITON,))


def missing(need: Need) -> str:
    """The packages that are not installed, as a message; empty where all are. Imports none of them."""
    names = [package for module, package in need.packages if not _installed(module)]
    if not names:
        return ""
    there = INSTALL if sys.platform == "linux" else f"{INSTALL} has them on Linux"
    absent = f"{' and '.join(names)}, which {'is' if len(names) == 1 else 'are'} not installed"
    return f"{need.who} needs {absent}: {there}"


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # not even the package around it
        return False
    except ValueError:  # imported, by a loader of its own that leaves no spec
        return module in sys.modules
