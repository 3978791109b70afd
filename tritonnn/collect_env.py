"""`python -m tritonnn.collect_env`: what a bug report needs to know about this machine."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import sys

__all__ = ["collect", "main"]

PACKAGES = (
    "numpy", "ml_dtypes", "safetensors", "triton", "cuda-bindings", "cuda-core", "torch", "pillow", "mpi4py",
)  # fmt: skip


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _blas() -> str:
    import numpy

    try:
        info = numpy.show_config(mode="dicts")["Build Dependencies"]["blas"]
    except (KeyError, TypeError):
        return "unknown"
    core = os.environ.get("OPENBLAS_CORETYPE")
    return f"{info.get('name')} {info.get('version')}" + (f", OPENBLAS_CORETYPE={core}" if core else "")


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB"
    except (AttributeError, ValueError, OSError):
        return "unknown"


def _gpus() -> list[str]:
    """One line a GPU, or one line that says why there is none."""
    try:
        from tritonnn import cuda

        count = cuda.device_count() if cuda.is_available() else 0
        return [f"cuda:{i} {cuda.get_device_name(i)}" for i in range(count)] or ["none found"]
    except Exception as error:  # a broken driver is what such a report is for
        return [f"{type(error).__name__}: {error}"]


def collect() -> list[tuple[str, str]]:
    """Name and value of every line of the report.

    >>> dict(collect())["tritonnn"]
    '0.1.0'
    """
    from tritonnn import config
    from tritonnn.version import project

    rows = [
        ("tritonnn", project),
        ("location", os.path.dirname(os.path.abspath(__file__))),
        ("Python", f"{platform.python_version()} ({sys.executable})"),
        ("platform", platform.platform()),
        ("processor", f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {_memory()}"),
        *((name, _version(name)) for name in PACKAGES),
        ("BLAS", _blas()),
        *(("GPU", line) for line in _gpus()),
        *((row.name, str(row.value)) for row in config.table.values()),
    ]
    names = ("CUDA_VISIBLE_DEVICES", "TRITON_INTERPRET", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    rows += [(name, os.environ[name]) for name in names if name in os.environ]
    return rows


def main() -> None:
    """Print the report, one `name: value` a line."""
    for name, value in collect():
        print(f"{name + ':':<24} {value}")


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main()
