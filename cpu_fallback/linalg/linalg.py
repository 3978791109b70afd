"""Matrix products through BLAS.

NumPy hands a product to BLAS only where one of the last two strides is one element; other operands are copied
first. Half precision is multiplied in float32 and rounded once.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tritonnn.cpu_fallback.activation import gelu
from tritonnn.cpu_fallback.shape import copy

SMALL = 512  # elements below which looking at the layout costs more than it saves


def ready(array: np.ndarray) -> np.ndarray:
    """The operand in a type and layout that BLAS takes."""
    if array.dtype.itemsize == 2 and array.dtype.kind in "fV":
        return array.astype(np.float32)
    size = array.itemsize
    rows, columns = array.strides[-2:]
    fits = (columns == size and rows >= array.shape[-1] * size) or (
        rows == size and columns >= array.shape[-2] * size
    )
    # NumPy's own loop, for layouts BLAS does not take, is slower than a copy from some 64 elements on
    return array if fits or array.size <= 64 else np.ascontiguousarray(array)


def product(out: np.ndarray, a: np.ndarray, b: np.ndarray) -> None:
    """out = a @ b, batched over leading dimensions."""
    if a.size + b.size <= SMALL and a.dtype == out.dtype and a.itemsize > 2:
        np.matmul(a, b, out=out)
        return
    a, b = ready(a), ready(b)
    if out.dtype == a.dtype and out.flags.c_contiguous:
        np.matmul(a, b, out=out)
    else:
        np.copyto(out, np.matmul(a, b), casting="unsafe")


def matmul_nd(out: np.ndarray, input: np.ndarray, other: np.ndarray) -> None:
    """out[..., i, j] = sum over k of input[..., i, k] other[..., k, j]; leading dimensions broadcast."""
    if input.shape[-1] == 0:
        out.fill(0)
    else:
        product(out, input, other)


def linear(out: np.ndarray, input: np.ndarray, weight: np.ndarray, bias: np.ndarray | None) -> None:
    """out = input @ weight.T + bias over the last dimension, as one product of all rows."""
    if weight.ndim == 1:  # one output, without a dimension of its own
        weight, out = weight[None], out[..., None]
    if input.ndim == 2 and out.dtype.itemsize > 2 and out.flags.c_contiguous and input.size:
        product(out, input, weight.T)
        if bias is not None:
            np.add(out, bias, out=out)
        return
    count = math.prod(input.shape[:-1])  # not -1: an extent of 0 would leave it open
    rows = input.reshape(count, input.shape[-1])
    shape = (count, out.shape[-1])
    flat = out.reshape(shape) if out.flags.c_contiguous else np.empty(shape, out.dtype)
    half = out.dtype.itemsize == 2 and out.dtype.kind in "fV"
    total = np.empty(flat.shape, np.float32) if half else flat
    if input.shape[-1] == 0:
        total.fill(0)
    else:
        product(total, rows, weight.T)
    if bias is not None:
        np.add(total, bias, out=total)
    if half:
        np.copyto(flat, total, casting="unsafe")
    if not out.flags.c_contiguous:
        np.copyto(out, flat.reshape(out.shape))


def addmm(
    out: np.ndarray, input: np.ndarray, mat1: np.ndarray, mat2: np.ndarray, beta: Any, alpha: Any
) -> None:
    """out = beta input + alpha mat1 @ mat2, batched; a factor of 0 ignores what it multiplies."""
    copy(out, _affine(input, mat1, mat2, beta, alpha))


baddbmm = addmm


def addmm_activation(
    out: np.ndarray,
    input: np.ndarray,
    mat1: np.ndarray,
    mat2: np.ndarray,
    beta: Any,
    alpha: Any,
    use_gelu: bool,
) -> None:
    """out = relu or gelu of beta input + alpha mat1 @ mat2."""
    total = _affine(input, mat1, mat2, beta, alpha)
    if use_gelu:
        gelu(total, total, "none")
    else:
        np.maximum(total, 0, out=total)
    copy(out, total)


def _affine(input: np.ndarray, a: np.ndarray, b: np.ndarray, beta: Any, alpha: Any) -> np.ndarray:
    """The sum in memory of its own: the result may be written over the input."""
    kind = np.dtype(np.float32) if input.itemsize == 2 and input.dtype.kind in "fV" else input.dtype
    # zeros stay where there is no inner dimension to sum over
    total = np.zeros((*a.shape[:-1], b.shape[-1]), kind)
    if a.shape[-1] and alpha != 0:
        product(total, a, b)
        if alpha != 1:
            total *= kind.type(alpha)
    if beta == 1:
        total += input
    elif beta != 0:
        total += input * kind.type(beta)
    return total


def scaled_product(
    out: np.ndarray, input: np.ndarray, mat2: np.ndarray, scale_a: np.ndarray, scale_b: np.ndarray,
    bias: np.ndarray | None, scale_result: np.ndarray | None, out_dtype: Any, fast: bool,
) -> None:  # fmt: skip
    """out = (scale_a (input @ mat2) scale_b + bias) / scale_result, of float8; float32 holds all of their products."""
    # the scales come after the sum: a factor for a row and for a column, not for every product
    total = input.astype(np.float32) @ mat2.astype(np.float32)
    total *= scale_a.reshape(-1, 1)
    total *= scale_b.reshape(1, -1)
    if bias is not None:
        total += bias.astype(np.float32)
    if scale_result is not None:
        total *= 1 / scale_result.reshape(())
    copy(out, total)
