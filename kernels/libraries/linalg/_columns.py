"""Matrices as the libraries take them: columns that lie one after another, matrices likewise."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from tritonnn.buffer import Buffer
from tritonnn.dtypes import complex64, complex128, float32, float64, int32, int64, uint8
from tritonnn.errors import Invalid, LinAlgError
from tritonnn.kernels.complex_functions import conj_physical
from tritonnn.kernels.creation import arange_fill
from tritonnn.kernels.device.complex_pointwise import complex_pointwise
from tritonnn.kernels.device.moving import copy
from tritonnn.kernels.device.pointwise import pointwise
from tritonnn.kernels.device.strided import contiguous, expand, parts, permute, read, reshaped
from tritonnn.kernels.elementwise import mul
from tritonnn.kernels.launch.launch import empty
from tritonnn.kernels.libraries._loading import call
from tritonnn.kernels.reduction import sum as sum_of

# Of the libraries' enumerations: which triangle, whether a matrix is turned, its side, ones in the diagonal, vectors.
LOWER, UPPER = 0, 1
AS_IT_IS, TURNED = 0, 1
LEFT, RIGHT = 0, 1
GIVEN_DIAGONAL, ONES = 0, 1
VALUES_ONLY, VECTORS = 0, 1
# cudaDataType, and the letter that functions of one type begin with
NUMBERS = {float32: 0, float64: 1, complex64: 4, complex128: 5}
LETTERS = {float32: "s", float64: "d", complex64: "c", complex128: "z"}
# Rows up to which several matrices are factored by one call; larger ones keep a GPU busy one by one.
BATCHED = 512

_conjugate, _times = complex_pointwise(conj_physical), pointwise(mul)


def several(count: int, rows: int) -> bool:
    """Whether one call should factor all matrices."""
    return count > 1 and rows <= BATCHED


def count_of(X: Buffer) -> int:
    """How many matrices there are."""
    return prod(X.shape[:-2])


def turned(X: Buffer) -> Buffer:
    """The transposed matrices, in place."""
    return permute(X, [*range(X.ndim - 2), X.ndim - 1, X.ndim - 2])


def by_columns(X: Buffer) -> bool:
    """Whether matrices lie as the libraries take them."""
    return turned(X).is_contiguous()


def matrices(shape: Sequence[int], dtype: Any, like: Buffer) -> Buffer:
    """Uninitialised matrices."""
    *batch, rows, columns = shape
    return turned(empty((*batch, columns, rows), dtype, like=like))


def ready(X: Buffer) -> Buffer:
    """X itself to write into, or matrices of its shape that are copied to X when they are done."""
    return X if by_columns(X) else matrices(X.shape, X.dtype, like=X)


def copied(A: Buffer) -> Buffer:
    """A copy that the libraries may write into."""
    result = matrices(A.shape, A.dtype, like=A)
    copy(result, A)
    return result


def dense(X: Buffer) -> Buffer:
    """X itself, or a row-major buffer of its shape that is copied to X when it is done."""
    return X if X.is_contiguous() else empty(X.shape, X.dtype, like=X)


def done(X: Buffer, result: Buffer) -> None:
    """Copy what was not written in place."""
    if result is not X:
        copy(X, result)


def adjoint(out: Buffer, X: Buffer) -> None:
    """out = X^H."""
    if X.dtype.is_complex:
        _conjugate(out, turned(X), compute=X.dtype)
    else:
        copy(out, turned(X))


def leading(X: Buffer) -> int:
    """The distance of columns."""
    return max(1, X.shape[-2])


def addresses(X: Buffer) -> list[int]:
    """Where each matrix begins."""
    step = X.shape[-2] * X.shape[-1] * X.dtype.itemsize
    return [X.ptr + i * step for i in range(count_of(X))]


def pointers(X: Buffer, batch: tuple[int, ...]) -> Buffer:
    """Where each matrix begins, in device memory, repeated over the leading dimensions `batch`."""
    count = count_of(X)
    result = empty((count,), int64, like=X)
    arange_fill(result, X.ptr, X.shape[-2] * X.shape[-1] * X.dtype.itemsize, count, int64, X.device)
    return contiguous(expand(reshaped(result, X.shape[:-2]), batch))


def places(own: tuple[int, ...], batch: tuple[int, ...]) -> list[int]:
    """Which of the matrices with leading dimensions `own` each of `batch` is."""
    return np.broadcast_to(np.arange(prod(own)).reshape(own), batch).reshape(-1).tolist()


def workspaces(name: str, handle: int, *args: Any, like: Buffer) -> tuple[tuple[Any, ...], list[Any]]:
    """The arguments for workspaces on device and host that a function of cuSOLVER's 64-bit interface takes.

    Returns:
        (address and bytes of both, what must stay alive until the call has returned).
    """
    on_device, on_host = call("cusolverDn", name + "_buffer_size", handle, *args)
    block = empty((max(1, on_device),), uint8, like=like)
    array = np.empty(max(1, on_host), np.uint8)
    return (block.ptr, on_device, array.ctypes.data, on_host), [block, array]


def refuse_non_finite(A: Buffer) -> None:
    """Refuse matrices with NaN or infinity, of which no method comes to an end. Waits for the device."""
    count, numbers = count_of(A), parts(A)
    marks = empty(numbers.shape, numbers.dtype, like=A)
    _times(marks, numbers, 0.0, compute=marks.dtype)  # NaN of NaN and of infinity, else 0
    sums = empty((count,), numbers.dtype, like=A)
    sum_of(sums, reshaped(marks, (count, marks.numel // count)), (1,), False, None)
    _refuse(A, np.isnan(read(sums)), "contained non-finite values.")


def refuse_failed(A: Buffer, codes: Buffer) -> None:
    """Refuse matrices whose decomposition did not converge. Waits for the device."""
    found = read(codes)
    code = found[np.argmax(found > 0)]
    _refuse(A, found > 0, f"is ill-conditioned (error code: {code}).")


def _refuse(A: Buffer, wrong: np.ndarray[Any, Any], why: str) -> None:
    if wrong.any():
        batch = f"(Batch element {int(np.argmax(wrong))}): " if A.ndim > 2 else ""
        text = f"{batch}The algorithm failed to converge because the input matrix {why}"
        raise Invalid(text, kind=LinAlgError)


def codes_of(A: Buffer) -> Buffer:
    """Room for what a library says of each matrix."""
    return empty((count_of(A),), int32, like=A)
