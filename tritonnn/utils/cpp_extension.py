"""torch.utils.cpp_extension: functions in C and C++ that work on numbers and buffers, compiled and called with tensors.

PyTorch's extensions are written against its C++ library. tritonnn has none, so code that includes `torch/extension.h`
is refused, and CUDA code too: kernels are written in Triton. What is left are plain functions:

    module = torch.utils.cpp_extension.load_inline("sums", '''
        extern "C" double total(const float *x, long n) { double s = 0; while (n--) s += *x++; return s; }
    ''')
    module.total(tensor, tensor.numel())

An address takes a contiguous CPU tensor, or a NumPy array, of the type it points to, and `None`. It needs a compiler:
`$CXX` or `c++`, and `$CC` or `cc` for files in C.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from tritonnn._refusals import refused
from tritonnn.utils._c_functions import bind
from tritonnn.utils._c_functions import functions as find_functions

__all__ = [
    "BuildExtension", "CUDAExtension", "CppExtension", "SyclExtension", "get_cxx_compiler", "get_default_build_root",
    "include_paths", "is_ninja_available", "library_paths", "load", "load_inline", "verify_ninja_availability",
]  # fmt: skip

_WHY = "tritonnn has no C++ library to compile against"
_CUDA = (
    "tritonnn compiles no CUDA or SYCL; write the kernel in Triton, as in examples of torch.library.triton_op"
)
globals().update(refused(__name__.replace("tritonnn", "torch"), _WHY, "include_paths library_paths"))
globals().update(refused(__name__.replace("tritonnn", "torch"), _CUDA, "CUDAExtension SyclExtension"))


def _cuda_home() -> str | None:
    named = os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH")
    compiler = shutil.which("nvcc")
    return named or (os.path.dirname(os.path.dirname(compiler)) if compiler else None)


#: where CUDA's compiler is installed; None where it is not
CUDA_HOME, ROCM_HOME, IS_HIP_EXTENSION = _cuda_home(), None, False
_OF_TORCH = re.compile(
    r"#\s*include\s*[<\"](?:torch|ATen|c10|caffe2|TH|THC|THCUNN|THNN)[/.]|#\s*include\s*[<\"]cuda|\b(?:torch|at|c10)::"
)
_PREFIX = "tritonnn_calls_"
_OF_CUDA = (".cu", ".cuh", ".sycl")


def _check(name: str, where: str, text: str) -> None:
    found = _OF_TORCH.search(text)
    if found is not None:
        raise NotImplementedError(
            f"cpp_extension: {where} of {name!r} is written against PyTorch's C++ library ({found[0].strip()!r}), "
            "which tritonnn does not have. Hint: functions in plain C or C++ on numbers and buffers can be compiled, "
            "and kernels written in Triton"
        )


def _read(name: str, path: str | os.PathLike[str]) -> str:
    path = os.fspath(path)
    if path.endswith(_OF_CUDA):
        raise NotImplementedError(f"cpp_extension: {path!r} of {name!r}: {_CUDA}")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    _check(name, repr(path), text)
    return text


def get_cxx_compiler() -> str:
    """The command of the C++ compiler."""
    return os.environ.get("CXX", "c++")


def get_default_build_root() -> str:
    """The folder that libraries are built in: `$TORCH_EXTENSIONS_DIR`, or one in the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache"))
    return os.environ.get("TORCH_EXTENSIONS_DIR") or os.path.join(cache, "tritonnn_extensions")


def is_ninja_available() -> bool:
    """Whether the build tool is installed; it is not needed."""
    return shutil.which("ninja") is not None


def verify_ninja_availability() -> None:
    """Raise where the build tool is not installed.

    Raises:
        RuntimeError: it is not.
    """
    if not is_ninja_available():
        raise RuntimeError(
            "Ninja is required by this call and not installed; building extensions does not need it"
        )


def _run(command: Sequence[str], verbose: bool) -> str:
    if verbose:
        print(shlex.join(command))
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise RuntimeError(
            f"cpp_extension: the compiler {command[0]!r} could not be started: {error}"
        ) from error
    if verbose and done.stderr:
        print(done.stderr, file=sys.stderr)
    if done.returncode:
        raise RuntimeError(f"Error building extension: {shlex.join(command)}\n{done.stderr}")
    return done.stdout


def _compiler(path: str, cflags: Sequence[str]) -> list[str]:
    """The command for a file, without what to do with it."""
    plain = path.endswith(".c")
    flags = [flag for flag in cflags if not (plain and flag.startswith("-std=c++"))]
    return [*shlex.split(os.environ.get("CC", "cc") if plain else get_cxx_compiler()), "-O2", "-fPIC", *flags]


def _build(
    name: str, paths: Sequence[str], cflags: Sequence[str], ldflags: Sequence[str], folder: str, verbose: bool
) -> str:
    """The path of the shared library of source files; it is built where they, their headers or the flags are new."""
    os.makedirs(folder, exist_ok=True)
    read = [_run([*_compiler(path, cflags), "-E", "-P", path], False) for path in paths]
    commands = [_compiler(path, cflags) for path in paths]
    key = hashlib.sha256(repr((read, commands, list(ldflags))).encode()).hexdigest()[:16]
    target = os.path.join(folder, f"{name}_{key}{sysconfig.get_config_var('EXT_SUFFIX') or '.so'}")
    if os.path.exists(target):
        return target
    with tempfile.TemporaryDirectory(dir=folder) as work:
        objects = [os.path.join(work, f"{number}.o") for number in range(len(paths))]
        for path, command, made in zip(paths, commands, objects):
            _run([*command, "-c", path, "-o", made], verbose)
        built = os.path.join(work, "built.so")
        _run([*shlex.split(get_cxx_compiler()), "-shared", *objects, *ldflags, "-o", built], verbose)
        os.replace(built, target)
    return target


def _python_flags() -> list[str]:
    found = importlib.util.find_spec("pybind11")
    flags = [f"-I{sysconfig.get_paths()['include']}"]
    if found is not None and found.submodule_search_locations:
        flags.append(f"-I{os.path.join(found.submodule_search_locations[0], 'include')}")
    return flags


def _imported(name: str, path: str) -> ModuleType:
    """A library that is an extension module of Python itself."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _module(
    name: str, path: str, texts: Sequence[str], wanted: Sequence[str] | None, prefix: str = ""
) -> ModuleType:
    """The functions of a library as a module's."""
    library = ctypes.CDLL(path)
    found = {function.name: function for text in texts for function in find_functions(text)}
    missing = [function for function in wanted or () if function not in found]
    if missing:
        raise RuntimeError(
            f"cpp_extension: {name!r} has no function {missing[0]!r} of numbers and buffers; it has {sorted(found)}"
        )
    module = ModuleType(name)
    for function in found.values():
        symbol = prefix + function.name
        if (wanted is None or function.name in wanted) and hasattr(library, symbol):
            setattr(module, function.name, bind(library, function, symbol))
    module.__file__ = path
    return module


def _refuse_cuda(name: str, *asked: object) -> None:
    if any(asked):
        raise NotImplementedError(f"cpp_extension: {name!r}: {_CUDA}")


def _list(given: str | os.PathLike[str] | Sequence[Any] | None) -> list[Any]:
    return [] if given is None else [given] if isinstance(given, (str, os.PathLike)) else list(given)


def load(
    name: str,
    sources: str | Sequence[str],
    extra_cflags: Sequence[str] | None = None,
    extra_cuda_cflags: Sequence[str] | None = None,
    extra_sycl_cflags: Sequence[str] | None = None,
    extra_ldflags: Sequence[str] | None = None,
    extra_include_paths: Sequence[str] | None = None,
    build_directory: str | None = None,
    verbose: bool = False,
    with_cuda: bool | None = None,
    with_sycl: bool | None = None,
    is_python_module: bool = True,
    is_standalone: bool = False,
    keep_intermediates: bool = True,
) -> Any:
    """Compile source files, and give their functions as a module's.

    Files in C: all functions that are not static. Files in C++: those that are `extern "C"`. A source that is an
    extension module of Python's (`PyInit_...`, `PYBIND11_MODULE`) is imported as that.

    Args:
        name, sources: of the module, and the paths of its files.
        extra_cflags, extra_ldflags, extra_include_paths: for the compiler, and for linking.
        build_directory: where the library is kept; a folder in `get_default_build_root()` for None.
        verbose: print the commands.
        with_cuda, with_sycl, extra_cuda_cflags, extra_sycl_cflags, is_standalone: refused.
        is_python_module: False loads the library for its own sake, and gives its path.
        keep_intermediates: False removes the library's file after it has been loaded.

    Raises:
        NotImplementedError: code against PyTorch's C++ library, CUDA. RuntimeError: the compiler's complaint.
    """
    _refuse_cuda(name, with_cuda, with_sycl, extra_cuda_cflags, extra_sycl_cflags)
    if is_standalone:
        raise NotImplementedError(f"cpp_extension: {name!r}: is_standalone=True: no programs are built")
    paths = [os.fspath(path) for path in _list(sources)]
    texts = [_read(name, path) for path in paths]
    flags = [*_list(extra_cflags), *(f"-I{path}" for path in _list(extra_include_paths))]
    folder = build_directory or os.path.join(get_default_build_root(), name)
    return _files(
        name, paths, texts, flags, _list(extra_ldflags), folder, verbose, is_python_module, keep_intermediates
    )


def _files(
    name: str, paths: list[str], texts: list[str], flags: list[str], ldflags: list[str], folder: str, verbose: bool,
    is_module: bool, keep: bool,
) -> Any:  # fmt: skip
    is_extension = any(re.search(r"\bPyInit_\w+|\bPYBIND11_MODULE\b", text) for text in texts)
    if is_extension:
        flags = [*flags, *_python_flags(), f"-DTORCH_EXTENSION_NAME={name}"]
    path = _build(name, paths, flags, ldflags, folder, verbose)
    try:
        if not is_module:
            ctypes.CDLL(path)
            return path
        return _imported(name, path) if is_extension else _module(name, path, texts, None)
    finally:
        if not keep:
            os.remove(path)


def load_inline(
    name: str,
    cpp_sources: str | Sequence[str],
    cuda_sources: str | Sequence[str] | None = None,
    sycl_sources: str | Sequence[str] | None = None,
    functions: str | Sequence[str] | None = None,
    extra_cflags: Sequence[str] | None = None,
    extra_cuda_cflags: Sequence[str] | None = None,
    extra_sycl_cflags: Sequence[str] | None = None,
    extra_ldflags: Sequence[str] | None = None,
    extra_include_paths: Sequence[str] | None = None,
    build_directory: str | None = None,
    verbose: bool = False,
    with_cuda: bool | None = None,
    with_sycl: bool | None = None,
    is_python_module: bool = True,
    with_pytorch_error_handling: bool = True,
    keep_intermediates: bool = True,
    use_pch: bool = False,
    no_implicit_headers: bool = False,
) -> Any:
    """Compile source text in C++, and give its functions as a module's.

    Args:
        name, cpp_sources: of the module, and its text, or several that are joined.
        functions: names of those that are wanted; for None all that are `extern "C"`.
        with_pytorch_error_handling, use_pch, no_implicit_headers: concern PyTorch's headers, of which there are none.
        cuda_sources, sycl_sources, with_cuda, with_sycl: refused; all others are as of `load`.

    Raises:
        NotImplementedError: code against PyTorch's C++ library, CUDA. RuntimeError: the compiler's complaint.
    """
    _refuse_cuda(name, cuda_sources, sycl_sources, with_cuda, with_sycl, extra_cuda_cflags, extra_sycl_cflags)
    text = "\n".join(_list(cpp_sources)) + "\n"
    _check(name, "the source", text)
    wanted = None if functions is None else [*functions] if isinstance(functions, dict) else _list(functions)
    flags = [*_list(extra_cflags), *(f"-I{path}" for path in _list(extra_include_paths))]
    folder = build_directory or os.path.join(get_default_build_root(), name)
    path = _build_text(name, text, wanted, flags, _list(extra_ldflags), folder, verbose)
    try:
        if not is_python_module:
            ctypes.CDLL(path)
            return path
        return _module(name, path, [text], wanted, "" if wanted is None else _PREFIX)
    finally:
        if not keep_intermediates:
            os.remove(path)


def _build_text(
    name: str,
    text: str,
    wanted: list[str] | None,
    flags: list[str],
    ldflags: list[str],
    folder: str,
    verbose: bool,
) -> str:
    exported = [f.exported(_PREFIX + f.name) for f in find_functions(text) if f.name in (wanted or ())]
    os.makedirs(folder, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as work:
        source = os.path.join(work, "main.cpp")
        with open(source, "w", encoding="utf-8") as file:
            file.write(text + "".join(dict.fromkeys(exported)))
        return _build(name, [source], flags, ldflags, folder, verbose)


def __getattr__(name: str) -> Any:
    if name in ("BuildExtension", "CppExtension"):  # which need setuptools
        return getattr(importlib.import_module("tritonnn.utils._build_extension"), name)
    raise AttributeError(f"tritonnn has no torch.utils.cpp_extension.{name}")
