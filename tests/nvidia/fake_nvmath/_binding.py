"""What the doubles share: signatures that are held to, memory of the simulated device, handles, LAPACK's own steps."""

from __future__ import annotations

import ctypes
import functools
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from tritonnn.runtime.interface import runtime
from tritonnn.runtime.simulated import simulated

TYPES = {"s": np.float32, "d": np.float64, "c": np.complex64, "z": np.complex128}
NUMBERS = {0: "s", 1: "d", 4: "c", 5: "z"}  # cudaDataType
RANGES = {
    "int": 31, "int64_t": 63, "long long": 63, "size_t": 64, "intptr_t": 63, "signed char": 7,
}  # fmt: skip
numbers = itertools.count(0x5000)
calls: list[str] = []  # names of all that was called
handles: dict[tuple[str, int], int | None] = {}  # (library, handle) -> stream


class LibraryError(Exception):
    """A status that is not success."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


def binding(library: str, signature: str) -> Callable[[Callable], Callable]:
    """A function of a library, with the C types and names of its parameters."""
    parameters = [part.strip().rpartition(" ") for part in signature.split(",")] if signature else []

    def bind(function: Callable) -> Callable:
        @functools.wraps(function)
        def run(*args: Any) -> Any:
            assert len(args) == len(parameters), (function.__name__, args)
            for (kind, _, name), value in zip(parameters, args):
                check(function.__name__, kind, name, value)
            if parameters and parameters[0][2] == "handle":
                stream = handles.get((library, args[0]))
                if function.__name__ not in ("set_stream", "destroy"):
                    current = runtime().current_stream(runtime().thread.device)
                    assert stream == current, (
                        f"{function.__name__} on stream {stream}, the current one is {current}"
                    )
            calls.append(function.__name__)
            return function(*args)

        run.signature = signature  # type: ignore[attr-defined]
        return run

    return bind


def check(function: str, kind: str, name: str, value: Any) -> None:
    """Hold an argument to its C type; without one it is an address, or a sequence of whole numbers."""
    if not kind and isinstance(value, (list, tuple)):
        assert all(type(v) is int and 0 < v < 2**31 for v in value), (function, name, value)
        return
    assert isinstance(value, int) and not isinstance(value, bool), (function, kind, name, value)
    bits = RANGES[kind or "intptr_t"]
    assert -(2**bits) <= value < 2**bits and (kind != "size_t" or value >= 0), (function, kind, name, value)


def variants(
    module: dict[str, Any], library: str, name: str, signature: str, letters: str = "sdcz"
) -> Callable:
    """One function for each type; the first argument of what is decorated is the type's letter."""

    def register(function: Callable) -> Callable:
        for letter in letters:

            def run(*args: Any, letter: str = letter) -> Any:
                return function(letter, *args)

            run.__name__ = letter + name
            module[letter + name] = binding(library, signature)(run)
        return function

    return register


def fails(status: str, when: bool) -> None:
    if when:
        raise LibraryError(status)


def queue(work: Callable[[], object]) -> None:
    """Do device work now, or when the graph that is being captured is replayed."""
    simulated().queue(work)


# ---- memory --------------------------------------------------------------------------------------------------


def device(ptr: int, count: int, dtype: Any) -> np.ndarray:
    """So many elements of device memory."""
    nbytes = count * np.dtype(dtype).itemsize
    if not count:
        return np.empty(0, dtype)
    if runtime().thread.replaying is None:  # a graph keeps memory that was freed while it was captured
        live = simulated().live
        assert live.block_at(ptr), f"0x{ptr:x} is no device memory"
        live.check(ptr, nbytes, "a library's access")
    assert ptr % np.dtype(dtype).itemsize == 0, f"0x{ptr:x} is not aligned"
    return host(ptr, count, dtype)


def host(ptr: int, count: int, dtype: Any) -> np.ndarray:
    raw = (ctypes.c_char * (count * np.dtype(dtype).itemsize)).from_address(ptr)
    return np.frombuffer(raw, dtype)


def matrix(ptr: int, rows: int, columns: int, ld: int, letter: str) -> np.ndarray:
    """A matrix whose columns begin `ld` elements apart."""
    dtype = np.dtype(TYPES[letter])
    flat = device(ptr, (columns - 1) * ld + rows, dtype)
    return np.lib.stride_tricks.as_strided(flat, (rows, columns), (dtype.itemsize, ld * dtype.itemsize))


def pointed(ptr: int, count: int) -> list[int]:
    """Addresses that lie in device memory."""
    return device(ptr, count, np.int64).tolist()


def ruin(ptr: int, nbytes: int) -> None:
    """Write over a workspace."""
    device(ptr, nbytes, np.uint8)[...] = 0xFF


# ---- LAPACK's steps ------------------------------------------------------------------------------------------


def hermitian(A: np.ndarray, uplo: int) -> np.ndarray:
    """The matrix of which one triangle is given."""
    T = np.triu(A, 1) if uplo else np.tril(A, -1)
    return T + T.conj().T + np.diag(A.diagonal().real)


def potrf(A: np.ndarray, uplo: int) -> int:
    """The factor in one triangle, the other one as it was; the order of the first minor that is not positive."""
    whole = hermitian(A, uplo)
    for k in range(1, len(A) + 1):
        try:
            np.linalg.cholesky(whole[:k, :k])
        except np.linalg.LinAlgError:
            return k
        if not np.isfinite(whole[:k, :k]).all():
            return k
    L = np.linalg.cholesky(whole)
    place = np.triu_indices(len(A)) if uplo else np.tril_indices(len(A))
    A[place] = (L.conj().T if uplo else L)[place]
    return 0


def getrf(A: np.ndarray, pivots: np.ndarray) -> int:
    """L and U in the place of A, exchanges from 1; the place of the first zero in the diagonal of U, from 1."""
    info = 0
    for j in range(min(A.shape)):
        size = np.abs(A[j:, j].real) + np.abs(A[j:, j].imag)
        p = j + int(np.argmax(size))
        pivots[j] = p + 1
        if A[p, j] == 0:
            info = info or j + 1
            continue
        A[[j, p]] = A[[p, j]]
        A[j + 1 :, j] /= A[j, j]
        A[j + 1 :, j + 1 :] -= np.outer(A[j + 1 :, j], A[j, j + 1 :])
    return info


def getrs(LU: np.ndarray, pivots: np.ndarray, B: np.ndarray) -> None:
    """The solution in the place of B."""
    for i, p in enumerate(pivots):
        B[[i, p - 1]] = B[[p - 1, i]]
    n = len(LU)
    B[...] = np.linalg.solve(np.tril(LU, -1) + np.eye(n, dtype=LU.dtype), B)
    U = np.triu(LU)
    B[...] = np.linalg.solve(U, B) if U.diagonal().all() else np.inf
