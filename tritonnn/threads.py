"""How many threads a CPU op may use."""

from __future__ import annotations

__all__ = ["get_num_interop_threads", "get_num_threads", "set_num_interop_threads", "set_num_threads"]


def set_num_threads(num: int) -> None:
    """Lets matrix products on the CPU use up to `num` threads; other CPU ops run on one.

    On a machine that is busy with other work one thread is often many times faster than several, which wait for
    each other.

    Raises:
        RuntimeError: not an int, not positive, or NumPy stands on another BLAS than OpenBLAS.

    Example:
        >>> import tritonnn as torch
        >>> before = torch.get_num_threads()
        >>> torch.set_num_threads(1)
        >>> torch.get_num_threads()
        1
        >>> torch.set_num_threads(before)
    """
    from tritonnn.cpu_fallback.common import blas as _blas

    if not isinstance(num, int) or isinstance(num, bool):
        raise RuntimeError(f"set_num_threads expects an int, but got {type(num).__name__}")
    if num >= 1 << 31:
        raise ValueError(f"Overflow when unpacking long: set_num_threads expects a C int, but got {num}")
    if num < 1:
        raise RuntimeError(f"set_num_threads expects a positive integer, but got {num}")
    _blas.set_threads(num)


def get_num_threads() -> int:
    """How many threads a matrix product on the CPU may use.

    >>> import tritonnn as torch
    >>> torch.get_num_threads() >= 1
    True
    """
    from tritonnn.cpu_fallback.common import blas as _blas

    return _blas.threads()


def get_num_interop_threads() -> int:
    """How many CPU ops run at the same time: one after another, so 1.

    >>> import tritonnn as torch
    >>> torch.get_num_interop_threads()
    1
    """
    return 1


def set_num_interop_threads(num: int) -> None:
    """Accepts 1 only: ops do not run side by side here.

    Raises:
        RuntimeError: another number.

    >>> import tritonnn as torch
    >>> torch.set_num_interop_threads(1)
    """
    if num != 1:
        raise RuntimeError(
            f"set_num_interop_threads: CPU ops run one after another here, so only 1, not {num}"
        )
