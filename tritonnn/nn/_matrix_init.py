"""Initialisation of whole matrices: orthogonal ones, and ones with zeros in each column."""

from __future__ import annotations

import math
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.dtypes import float64
from tritonnn.ops.random.random import randperm
from tritonnn.random import Generator
from tritonnn.recording.grad_mode import no_grad


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """Fill with a (semi-)orthogonal matrix times `gain`; trailing dimensions count as columns.

    A normal matrix is orthonormalised, which gives every orthogonal matrix the same chance (Saxe et al. 2013,
    arXiv:1312.6120).

    >>> import tritonnn as torch
    >>> w = torch.nn.init.orthogonal_(torch.empty(3, 5))
    >>> bool((w @ w.t() - torch.eye(3)).abs().max() < 1e-5)
    True
    """
    if tensor.ndim < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if 0 in tensor.shape:
        return tensor
    rows = tensor.shape[0]
    columns = tensor.numel() // rows
    target: Any = tensor
    with no_grad():
        flat = target.new_empty((rows, columns), dtype=float64).normal_(0, 1, generator=generator)
        q = _orthonormal_rows(flat) if rows <= columns else _orthonormal_rows(flat.t()).t()
        return target.copy_(q.reshape(tensor.shape)).mul_(gain)


_BLOCK = 32


def _orthonormal_rows(a: Tensor) -> Any:
    """Gram-Schmidt in blocks of rows: most of the work is matrix products. Each projection runs twice, which leaves
    no more than rounding errors of the directions taken out.
    """
    q = a.clone()
    for start in range(0, a.shape[0], _BLOCK):
        stop = min(start + _BLOCK, a.shape[0])
        for _ in range(2 if start else 0):
            q[start:stop] -= (q[start:stop] @ q[:start].t()) @ q[:start]
        for i in range(start, stop):
            for _ in range(2 if i > start else 0):
                q[i] -= (q[start:i] @ q[i]) @ q[start:i]
            q[i] /= q[i].norm()
    return q


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> Tensor:
    """Draw a matrix from N(0, std²) and zero ceil(sparsity·rows) elements of each column (Martens 2010).

    Args:
        tensor: (rows, columns).
        sparsity: the share of zeros in each column.
        std: of the other elements.
        generator: source of random numbers; default: the device's.

    Raises:
        ValueError: another number of dimensions.

    >>> import tritonnn as torch
    >>> w = torch.nn.init.sparse_(torch.empty(10, 4), sparsity=0.3)
    >>> (w == 0).sum(0)
    tensor([3, 3, 3, 3])
    """
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    rows, columns = tensor.shape
    zeros = math.ceil(sparsity * rows)
    target: Any = tensor
    with no_grad():
        target.normal_(0, std, generator=generator)
        for column in range(columns):
            target[randperm(rows, device=tensor.device)[:zeros], column] = 0
    return tensor
