"""Checking derivatives of functions that take and return sparse tensors."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from tritonnn.autograd.sparse_inputs import of_dense

__all__ = ["as_sparse_gradcheck"]


def as_sparse_gradcheck(gradcheck: Callable[..., bool]) -> Callable[..., bool]:
    """`gradcheck`, or `gradgradcheck`, of functions that also return sparse tensors.

    The values of sparse inputs are what is moved: with `masked=True` those that are there, else every element.

    >>> import tritonnn as torch
    >>> check = torch.sparse.as_sparse_gradcheck(torch.autograd.gradcheck)
    >>> x = torch.eye(2, dtype=torch.float64).to_sparse_csr().requires_grad_()
    >>> check(lambda x: x * 2, (x,), masked=True)
    True
    """

    @wraps(gradcheck)
    def check(func: Callable, inputs: Any, **kwargs: Any) -> bool:
        given = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
        dense_func, dense = of_dense(func, given, bool(kwargs.get("masked")), True)
        return gradcheck(dense_func, dense, **kwargs)

    return check
