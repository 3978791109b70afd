"""The QR decomposition."""

from __future__ import annotations

from tritonnn.buffer import Buffer
from tritonnn.dtypes import uint8
from tritonnn.kernels.device.moving import copy, fill, narrow
from tritonnn.kernels.indexing import triu
from tritonnn.kernels.launch.launch import empty
from tritonnn.kernels.libraries._loading import call, handle, options
from tritonnn.kernels.libraries.linalg import _columns as c


def _reflect(work: Buffer, tau: Buffer) -> None:
    """R and the reflections that make Q, where the matrices lie; tau is row-major."""
    rows, columns = work.shape[-2:]
    kind, codes = c.NUMBERS[work.dtype], c.codes_of(work)
    with handle("cusolverDn", work) as solver:
        for i, address in enumerate(c.addresses(work)):
            factors = tau.ptr + i * tau.shape[-1] * tau.dtype.itemsize
            given = (options(), rows, columns, kind, address, rows, kind, factors, kind)
            rooms, alive = c.workspaces("xgeqrf", solver, *given, like=work)
            call("cusolverDn", "xgeqrf", solver, *given, *rooms, codes.ptr + i * codes.dtype.itemsize)
            del alive


def _multiply(work: Buffer, tau: Buffer) -> None:
    """Q, or its first columns, from the reflections in the first columns of `work`, in their place."""
    rows, columns = work.shape[-2:]
    k = tau.shape[-1]
    name = c.LETTERS[work.dtype] + ("ungqr" if work.dtype.is_complex else "orgqr")
    codes = c.codes_of(work)
    with handle("cusolverDn", work) as solver:
        for i, address in enumerate(c.addresses(work)):
            given = (rows, columns, k, address, rows, tau.ptr + i * k * tau.dtype.itemsize)
            count = call("cusolverDn", name + "_buffer_size", solver, *given)
            room = empty((max(1, count) * work.dtype.itemsize,), uint8, like=work)
            code = codes.ptr + i * codes.dtype.itemsize
            call("cusolverDn", name, solver, *given, room.ptr, count, code)


def geqrf(a: Buffer, tau: Buffer, input: Buffer) -> None:
    """R, the vectors of the reflections below it, and their factors."""
    work, factors = c.ready(a), c.dense(tau)
    copy(work, input)
    if work.numel:
        _reflect(work, factors)
    c.done(a, work)
    c.done(tau, factors)


def qr(q: Buffer, r: Buffer, input: Buffer, mode: str) -> None:
    """input = q r with orthonormal columns of q and upper triangular r; 'reduced', 'complete' or 'r' (r alone)."""
    *batch, rows, columns = input.shape
    k = min(rows, columns)
    tau = empty((*batch, k), input.dtype, like=input)
    factored = c.copied(input)
    if factored.numel:
        _reflect(factored, tau)
    triu(r, narrow(factored, len(batch), 0, r.shape[-2]), 0)
    if mode == "r" or not q.numel:
        return
    work = c.ready(q)
    if not k:  # nothing was reflected
        fill(work, 0)
        fill(work.as_strided((*batch, rows), (*work.strides[:-2], work.strides[-2] + work.strides[-1])), 1)
    else:
        copy(narrow(work, len(batch) + 1, 0, k), narrow(factored, len(batch) + 1, 0, k))
        _multiply(work, tau)
    c.done(q, work)
