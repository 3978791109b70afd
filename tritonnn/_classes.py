"""`torch.classes`: classes that C++ libraries register with PyTorch, of which there are none."""

from __future__ import annotations

from types import ModuleType
from typing import NoReturn


class _Namespace(ModuleType):
    """The classes of one library."""

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise RuntimeError(
            f"Tried to instantiate class '{self.__name__}.{name}', but it does not exist! tritonnn loads no libraries "
            "that were compiled for PyTorch"
        )


class _Classes(ModuleType):
    """Namespaces as attributes.

    >>> import tritonnn as torch
    >>> torch.classes.loaded_libraries
    set()
    """

    def __init__(self) -> None:
        super().__init__("torch.classes")
        self.loaded_libraries: set[str] = set()

    def __getattr__(self, name: str) -> _Namespace:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Namespace(name)

    def load_library(self, path: str) -> NoReturn:
        """Refused: a library that was compiled for PyTorch cannot work without it.

        Raises:
            OSError: always.
        """
        raise OSError(
            f"Could not load this library: {path}. It holds classes that were compiled against PyTorch, which "
            "tritonnn is not"
        )


classes = _Classes()
