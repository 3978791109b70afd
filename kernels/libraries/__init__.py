"""NVIDIA's libraries for what has no kernel: cuFFT, cuSOLVER and cuBLAS, where the package nvmath-python is installed.

An op that an entry declares to run on the host (`host=`) runs through the function of its name in `fft.py` or in
`linalg/` instead, on a GPU whose libraries can be loaded. Signatures are those of kernels: outputs first, then the
arguments of the schema; tensors arrive as Buffers of any strides. The libraries work on the current stream, in
workspaces from the memory pool.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from tritonnn._families import find
from tritonnn.kernels.libraries import _loading
from tritonnn.runtime.interface import runtime

# What `torch.backends.cuda.preferred_linalg_library` was set to: with 'cusolver' small matrices go there too.
preferred = "default"
_functions: dict[tuple[str, str], Callable[..., None] | None] = {}


def implementation(family: str, name: str) -> Callable[..., None] | None:
    """The function that runs an op through a library; None where there is none, or no library."""
    if _loading.bindings() is None:
        return None
    key = family, name
    if key not in _functions:
        found = find(__name__, family, name)
        _functions[key] = None if found is None else _on_device(found)
    return _functions[key]


def hint(family: str, name: str) -> str:
    """What would have to be installed for an op to stay on the GPU, as the end of a sentence; often nothing."""
    missing = _loading.missing()
    return f" ({missing})" if missing and find(__name__, family, name) is not None else ""


def prefer(name: str) -> None:
    """Set `preferred`.

    Raises:
        RuntimeError: cuSOLVER is preferred and not there.
    """
    global preferred
    if name == "cusolver" and _loading.bindings() is None:
        why = _loading.missing() or "there is no GPU"
        raise RuntimeError(f"Cannot set preferred backend to cuSOLVER: {why}")
    preferred = name


def _on_device(function: Callable[..., None]) -> Callable[..., None]:
    """The function with the device of its first argument as the current one, for the libraries too."""

    @wraps(function)
    def run(*args: Any) -> None:
        device, index = runtime(), args[0].device.index
        with device.on(index):
            device.bind(index)
            function(*args)

    return run
