"""Names of older programs whose functions PyTorch has removed: calling them says what to call instead."""

from __future__ import annotations

from typing import Any, NoReturn

from tritonnn._tensor import Tensor
from tritonnn.memory_format import contiguous_format

legacy_contiguous_format = contiguous_format
_GONE = "This function was deprecated since version 1.9 and is now removed."


def lstsq(input: Tensor, A: Tensor, *, out: object = None) -> NoReturn:
    """Removed: `torch.linalg.lstsq(A, B)`, whose arguments are in the other order."""
    raise RuntimeError(
        f"{_GONE} `torch.lstsq` is deprecated in favor of `torch.linalg.lstsq`, whose arguments are reversed: "
        "torch.lstsq(B, A) is torch.linalg.lstsq(A, B); its QR decomposition is that of torch.linalg.qr"
    )


def solve(input: Tensor, A: Tensor, *, out: object = None) -> NoReturn:
    """Removed: `torch.linalg.solve(A, B)`, whose arguments are in the other order."""
    raise RuntimeError(
        f"{_GONE} `torch.solve` is deprecated in favor of `torch.linalg.solve`, whose arguments are reversed: "
        "torch.solve(B, A).solution is torch.linalg.solve(A, B); its LU factorization is that of torch.lu"
    )


def matrix_rank(
    input: Tensor, tol: object = None, symmetric: bool = False, *, out: object = None
) -> NoReturn:
    """Removed: `torch.linalg.matrix_rank`."""
    raise RuntimeError(
        f"{_GONE} Please use the `torch.linalg.matrix_rank` function instead, where 'symmetric' is 'hermitian'."
    )


class classproperty:
    """A property of a class: what the function gives of it.

    >>> import tritonnn as torch
    >>> class Unit:
    ...     @torch.classproperty
    ...     def label(cls): return cls.__name__.lower()
    >>> Unit.label
    'unit'
    """

    def __init__(self, function: Any) -> None:
        self.function = (
            function if isinstance(function, (classmethod, staticmethod)) else classmethod(function)
        )

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self.function.__get__(instance, type(instance) if owner is None else owner)()
