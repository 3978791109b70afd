"""`torch.classes`: classes that C++ libraries register with PyTorch, of which there are none.

>>> import tritonnn as torch
>>> torch.classes.loaded_libraries
set()
"""

from __future__ import annotations

from types import ModuleType
from typing import NoReturn

loaded_libraries: set[str] = set()


class _ClassNamespace(ModuleType):
    """The classes of one library."""

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise RuntimeError(
            f"Tried to instantiate class '{self.__name__}.{name}', but it does not exist! tritonnn loads no libraries "
            "that were compiled for PyTorch"
        )


def load_library(path: str) -> NoReturn:
    """Refused: a library that was compiled for PyTorch cannot work without it.

    Raises:
        OSError: always.
    """
    raise OSError(
        f"Could not load this library: {path}. It holds classes that were compiled against PyTorch, which "
        "tritonnn is not"
    )


def __getattr__(name: str) -> _ClassNamespace:
    if name.startswith("__"):
        raise AttributeError(f"tritonnn has no torch.classes.{name}")
    return _ClassNamespace(name)
