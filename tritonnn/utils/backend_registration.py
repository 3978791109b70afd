"""Devices that programs bring themselves, which tritonnn does not know."""

from __future__ import annotations

from typing import NoReturn

__all__ = ["generate_methods_for_privateuse1_backend", "rename_privateuse1_backend"]


def rename_privateuse1_backend(backend_name: str) -> NoReturn:
    """Refused: a backend of tritonnn is a folder of functions, `kernels` or `cpu_fallback`."""
    raise NotImplementedError(
        f"rename_privateuse1_backend: tritonnn takes no device of a program's own, such as {backend_name!r}; "
        "there are cpu and cuda"
    )


def generate_methods_for_privateuse1_backend(*args: object, **kwargs: object) -> NoReturn:
    """Refused, as `rename_privateuse1_backend`."""
    raise NotImplementedError(
        "generate_methods_for_privateuse1_backend: tritonnn takes no device of a program's own; there are cpu and cuda"
    )
