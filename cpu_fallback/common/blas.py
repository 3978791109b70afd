"""The threads of the BLAS behind NumPy's matrix products."""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

# OpenBLAS under the names that NumPy's wheels, SciPy's and Linux distributions give it.
_NAMES = ("scipy_openblas_{}64_", "scipy_openblas_{}", "openblas_{}64_", "openblas_{}")


def set_threads(count: int) -> None:
    """Let products use up to `count` threads.

    Raises:
        RuntimeError: NumPy stands on another BLAS than OpenBLAS.
    """
    function = _function("set_num_threads")
    if function is None:
        raise RuntimeError(
            "the number of threads can only be set for NumPy's OpenBLAS; for another BLAS set its environment "
            "variable (MKL_NUM_THREADS, VECLIB_MAXIMUM_THREADS) before the program starts"
        )
    function(count)


def threads() -> int:
    """How many threads products use; 1 where that cannot be asked."""
    function = _function("get_num_threads")
    return 1 if function is None else int(function())


@cache
def _function(name: str) -> Any:
    for path in _libraries():
        try:
            library = ctypes.CDLL(path)
        except OSError:
            continue
        for pattern in _NAMES:
            routine = getattr(library, pattern.format(name), None)
            if routine is not None:
                return routine
    return None


def _libraries() -> list[str]:
    """The OpenBLAS libraries of this process: those loaded, and those that came with NumPy."""
    paths = []
    maps = Path("/proc/self/maps")
    if maps.exists():
        lines = maps.read_text(encoding="utf-8", errors="replace").splitlines()
        paths = [line.split(maxsplit=5)[-1] for line in lines if "openblas" in line]
    home = Path(np.__file__).parent
    for folder in (home.with_name("numpy.libs"), home / ".dylibs"):
        paths += [str(path) for path in folder.glob("*openblas*")]
    return list(dict.fromkeys(paths))
