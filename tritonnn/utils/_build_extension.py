"""Extensions of C and C++ in a `setup.py`: setuptools' own, after a look at whether they can work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from setuptools import Extension  # type: ignore[import-untyped]
from setuptools.command.build_ext import build_ext  # type: ignore[import-untyped]

from tritonnn.utils.cpp_extension import _read

__all__ = ["BuildExtension", "CppExtension"]


def CppExtension(name: str, sources: Sequence[str], *args: Any, **kwargs: Any) -> Extension:
    """An extension module of Python's in C++.

    Raises:
        NotImplementedError: its sources are written against PyTorch's C++ library, or CUDA.
    """
    for path in sources:
        _read(name, path)
    kwargs.setdefault("language", "c++")
    return Extension(name, [str(path) for path in sources], *args, **kwargs)


class BuildExtension(build_ext):
    """setuptools' command; `no_python_abi_suffix=True` names files without Python's version.

    Args:
        use_ninja: of PyTorch's; setuptools builds.
    """

    def __init__(
        self, *args: Any, no_python_abi_suffix: bool = False, use_ninja: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.no_python_abi_suffix = no_python_abi_suffix

    @classmethod
    def with_options(cls, **options: Any) -> type[BuildExtension]:
        """The command with options set."""

        class WithOptions(cls):  # type: ignore[misc,valid-type]
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **{**kwargs, **options})

        return WithOptions

    def get_ext_filename(self, fullname: str) -> str:
        """The file that a module is built to."""
        name = super().get_ext_filename(fullname)
        if not self.no_python_abi_suffix:
            return name
        *front, _, last = name.split(".")
        return ".".join([*front, last])
