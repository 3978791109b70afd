"""The libraries as nvmath-python binds them: whether they are there, handles, calls and what their errors become."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from tritonnn.buffer import Buffer
from tritonnn.runtime.interface import runtime

TITLES = {"cufft": "cuFFT", "cusolverDn": "cuSOLVER", "cublas": "cuBLAS"}
EXTRA = "pip install 'tritonnn[cu12]' or 'tritonnn[cu13]' has NVIDIA's libraries do it on the GPU"

_lock = threading.Lock()
_looked = False
_bindings: Any = None
_why = ""  # what stands in the way on a GPU
_idle: dict[tuple[str, int, int], list[int]] = {}
_options: int | None = None


def bindings() -> Any:
    """cufft, cusolverDn and cublas of nvmath.bindings, and the exceptions that they raise; None without them."""
    if not _looked:
        _look()
    return _bindings


def missing() -> str:
    """What stands in the way of using the libraries on a GPU; empty where nothing does, or there is no GPU."""
    bindings()
    return _why


def _look() -> None:
    global _looked, _bindings, _why
    with _lock:
        if _looked:
            return
        if not runtime().simulated:
            try:
                _bindings = _load()
            except ImportError:
                _why = EXTRA
            except (
                Exception
            ) as error:  # of the package itself: a driver too old, a library that is not installed
                first = f"{error}".strip().partition("\n")[0]
                _why = f"{EXTRA}; as it is installed nvmath-python cannot: {first}"
        _looked = True


def _load() -> Any:
    from nvmath.bindings import cublas, cufft, cusolver, cusolverDn

    cufft.get_version()
    cusolver.get_version()
    cublas.get_cudart_version()
    errors = cufft.cuFFTError, cusolver.cuSOLVERError, cublas.cuBLASError
    return SimpleNamespace(cufft=cufft, cusolverDn=cusolverDn, cublas=cublas, errors=errors)


def call(library: str, name: str, *args: Any) -> Any:
    """Call a function of a library.

    Raises:
        RuntimeError: it returned another status than success.
    """
    found = bindings()
    try:
        return getattr(getattr(found, library), name)(*args)
    except found.errors as error:
        raise RuntimeError(f"{TITLES[library]} error: {error}, when calling `{name}`") from error


def options() -> int:
    """What cuSOLVER's 64-bit functions take for settings: none are made, so one object serves all calls."""
    global _options
    with _lock:
        if _options is None:
            _options = int(call("cusolverDn", "create_params"))
        return _options


@contextmanager
def handle(library: str, like: Buffer) -> Iterator[int]:
    """A handle of cuSOLVER or cuBLAS whose calls are queued on the current stream of a buffer's device.

    A handle serves one thread at a time and keeps its stream, because it has memory of its own that calls on two
    streams would use at once. Handles are kept for the next call.
    """
    index = like.device.index
    stream = runtime().current_stream(index)
    key = library, index, stream
    with _lock:
        idle = _idle.setdefault(key, [])
        taken = idle.pop() if idle else None
    if taken is None:
        taken = call(library, "create")
        call(library, "set_stream", taken, stream)
    try:
        yield taken
    finally:
        with _lock:
            idle.append(taken)
