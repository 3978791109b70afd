"""torch.utils.cpp_extension: extensions in C++ and CUDA are written against PyTorch's own library, which is not here.

Programs that have another way take it where building raises, as they do where there is no compiler.
"""

from __future__ import annotations

import os
import shutil
from typing import Any, NoReturn

__all__ = [
    "BuildExtension", "CUDAExtension", "CUDA_HOME", "CppExtension", "include_paths", "is_ninja_available",
    "library_paths", "load", "load_inline", "verify_ninja_availability",
]  # fmt: skip


def _cuda_home() -> str | None:
    named = os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH")
    compiler = shutil.which("nvcc")
    return named or (os.path.dirname(os.path.dirname(compiler)) if compiler else None)


#: where CUDA's compiler is installed; None where it is not
CUDA_HOME = _cuda_home()


def _refuse(name: str) -> NoReturn:
    raise RuntimeError(
        f"torch.utils.cpp_extension.{name}: tritonnn has no C++ library that an extension could be built against"
    )


def load(name: str, sources: Any, **options: Any) -> NoReturn:
    """Refused: it would build an extension and import it."""
    _refuse("load")


def load_inline(name: str, cpp_sources: Any, **options: Any) -> NoReturn:
    """Refused: it would build an extension and import it."""
    _refuse("load_inline")


def CppExtension(name: str, sources: Any, **options: Any) -> NoReturn:
    """Refused: it would describe an extension to setuptools."""
    _refuse("CppExtension")


def CUDAExtension(name: str, sources: Any, **options: Any) -> NoReturn:
    """Refused: it would describe an extension to setuptools."""
    _refuse("CUDAExtension")


class BuildExtension:
    """The command of setuptools that builds extensions; refused."""

    def __new__(cls, *args: Any, **options: Any) -> NoReturn:
        _refuse("BuildExtension")

    @classmethod
    def with_options(cls, **options: Any) -> NoReturn:
        """Refused."""
        _refuse("BuildExtension")


def include_paths(device_type: str = "cpu", torch_include_dirs: bool = True) -> NoReturn:
    """Refused: there are no headers."""
    _refuse("include_paths")


def library_paths(device_type: str = "cpu", torch_include_dirs: bool = True) -> NoReturn:
    """Refused: there are no libraries to link."""
    _refuse("library_paths")


def is_ninja_available() -> bool:
    """Whether the program ninja is there."""
    return shutil.which("ninja") is not None


def verify_ninja_availability() -> None:
    """Nothing where the program ninja is there.

    Raises:
        RuntimeError: it is not.
    """
    if not is_ninja_available():
        raise RuntimeError("Ninja is required to load C++ extensions (pip install ninja to get it)")
