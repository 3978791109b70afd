"""The packages that `cuda` needs, real or simulated, and what is said where they are not installed."""

from __future__ import annotations

import importlib.util
import sys

INSTALL = "pip install 'tritonnn[cuda]'"
# The module that is looked for, and the name of its package.
SIMULATED = {"triton": "triton"}
GPU = {"triton": "triton", "cuda.bindings": "cuda-bindings"}


def missing(packages: dict[str, str]) -> str:
    """The packages that are not installed, as a message; empty where all are. Imports none of them."""
    names = [package for module, package in packages.items() if not _installed(module)]
    if not names:
        return ""
    device = (
        "the simulated cuda device (TRITON_INTERPRET=1)" if packages is SIMULATED else "the device 'cuda'"
    )
    there = f"{INSTALL}" if sys.platform == "linux" else f"{INSTALL} has them on Linux"
    absent = f"{' and '.join(names)}, which {'is' if len(names) == 1 else 'are'} not installed"
    return f"{device} needs {absent}: {there}"


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # not even the package around it
        return False
    except ValueError:  # imported, by a loader of its own that leaves no spec
        return module in sys.modules
