"""Refusing what kernels have no form for, before Triton does so in words of its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tritonnn.buffer import Buffer
from tritonnn.dtypes import dtype as DType


def refuse_complex(kernel: Any, args: Iterable[Any]) -> None:
    """Kernels take complex numbers as pairs of real ones, and those that do not take them not at all.

    Raises:
        NotImplementedError: one of the arguments (buffers, or dtypes of buffers) is complex.
    """
    for arg in args:
        dtype = arg.dtype if isinstance(arg, Buffer) else arg
        if isinstance(dtype, DType) and dtype.is_complex:
            raise NotImplementedError(
                f"{kernel.__name__} has no form for {dtype.name}: move the tensor with .cpu()"
            )
        if isinstance(arg, tuple):
            refuse_complex(kernel, arg)
