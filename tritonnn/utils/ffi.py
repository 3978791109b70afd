"""torch.utils.ffi of older programs: functions of C as a package. `cpp_extension` is the newer one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NoReturn

from tritonnn.utils import cpp_extension

__all__ = ["create_extension"]

_PACKAGE = """from tritonnn.utils.cpp_extension import load as _load

_module = _load({name!r}, {sources!r}, extra_cflags={cflags!r}, extra_ldflags={ldflags!r},
                extra_include_paths={include_dirs!r}, build_directory={folder!r})
globals().update({{name: value for name, value in vars(_module).items() if not name.startswith("__")}})
"""


class _Extension:
    """What `create_extension` gives; `build` makes the package."""

    def __init__(self, folder: str, options: dict[str, Any]) -> None:
        self.folder, self.options = folder, options

    def build(self) -> None:
        """Compile the sources, and write the package that loads them.

        Raises:
            NotImplementedError: code against PyTorch's C library. RuntimeError: the compiler's complaint.
        """
        os.makedirs(self.folder, exist_ok=True)
        given = self.options
        cpp_extension.load(
            given["name"], given["sources"], given["cflags"], extra_ldflags=given["ldflags"],
            extra_include_paths=given["include_dirs"], build_directory=self.folder,
        )  # fmt: skip
        with open(os.path.join(self.folder, "__init__.py"), "w", encoding="utf-8") as file:
            file.write(_PACKAGE.format(folder=self.folder, **given))


def create_extension(
    name: str,
    headers: str | Sequence[str] = (),
    sources: str | Sequence[str] = (),
    verbose: bool = True,
    with_cuda: bool = False,
    package: bool = False,
    relative_to: str = ".",
    include_dirs: Sequence[str] = (),
    extra_compile_args: Sequence[str] = (),
    extra_link_args: Sequence[str] = (),
    **kwargs: object,
) -> _Extension:
    """A package of functions in C that work on numbers and buffers; `build()` makes it.

    Args:
        name: of the package, with dots for the folders it lies in.
        headers: of the sources, which are compiled beside them.
        sources: files in C, relative to the folder of `relative_to`.
        relative_to: a file beside them.
        include_dirs, extra_compile_args, extra_link_args: for the compiler.
        with_cuda: refused where True.
    """
    if with_cuda:
        _refuse(name, "CUDA")
    base = os.path.dirname(os.path.abspath(relative_to))
    paths = [os.path.join(base, path) for path in cpp_extension._list(sources)]
    for header in cpp_extension._list(headers):
        cpp_extension._read(name, os.path.join(base, header))
    options = {
        "name": name.rpartition(".")[2], "sources": paths, "cflags": list(extra_compile_args),
        "ldflags": list(extra_link_args), "include_dirs": [base, *include_dirs],
    }  # fmt: skip
    return _Extension(os.path.join(base, *name.split(".")), options)


def _refuse(name: str, what: str) -> NoReturn:
    raise NotImplementedError(
        f"torch.utils.ffi.create_extension: {name!r} asks for {what}, which tritonnn does not compile"
    )
