"""How the library was built and what it runs on, as text."""

from __future__ import annotations

import os

__all__ = ["parallel_info", "show"]


def show() -> str:
    """The versions and settings of `python -m tritonnn.collect_env`, one a line.

    >>> import tritonnn as torch
    >>> "numpy" in torch.__config__.show()
    True
    """
    from tritonnn.collect_env import collect

    return "\n".join(["tritonnn built with:", *[f"  - {name}: {value}" for name, value in collect()], ""])


def parallel_info() -> str:
    """The numbers of threads.

    >>> import tritonnn as torch
    >>> "threads" in torch.__config__.parallel_info()
    True
    """
    from tritonnn.threads import get_num_interop_threads, get_num_threads

    rows = [
        f"get_num_threads() : {get_num_threads()}",
        f"get_num_interop_threads() : {get_num_interop_threads()}",
    ]
    rows.append(f"cores : {os.cpu_count()}")
    rows += [
        f"{name} : {os.environ.get(name, '[not set]')}"
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    ]
    return "\n".join([*rows, ""])


def _cxx_flags() -> str:
    """Empty: no code of C++ is compiled."""
    return ""
