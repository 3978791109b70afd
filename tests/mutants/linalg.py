"""Faults in factorizations and equations: the kernels of small matrices, what launches them, and the host's way."""

from __future__ import annotations

from mutants import Fault

KERNELS = "kernels/linalg/_small.py"
HOST = "kernels/linalg/equations.py"
TWIN = "cpu_fallback/linalg/equations.py"
SMALL = "tests/test_small_matrices.py -k"

FAULTS = [
    Fault(
        "small: the pivot is sought above the diagonal", "index", KERNELS,
        "size = tl.where((rows >= k) & (rows < n), size, -1.0)", "size = tl.where(rows < n, size, -1.0)",
        f"{SMALL} 'test_equations and random'",
    ),
    Fault(
        "small: no exchange of rows", "precision", KERNELS,
        "    largest = tl.max(size, 1, keep_dims=True)\n",
        "    size = tl.where(rows == k, INF, size)\n    largest = tl.max(size, 1, keep_dims=True)\n",
        f"{SMALL} 'equations and graded or exchanged'",
    ),
    Fault(
        "small: NaN is compared with", "special value", KERNELS,
        "size = tl.where(column == column, tl.abs(column), tl.where(rows == k, INF, 0.0))", "size = tl.abs(column)",
        "tests/kernels/test_matrix_tiles.py -k nan_is_passed_over",
    ),
    Fault(
        "small: the sign of an exchange", "formula", KERNELS,
        "det *= tl.where(where == k, pivot, 0.0 - pivot)", "det *= pivot",
        f"{SMALL} 'determinants and 3'",
    ),
    Fault(
        "small: the last failure instead of the first", "refusal", KERNELS,
        "info = tl.where((info == 0) & (pivot == 0.0), k + 1, info)",
        "info = tl.where(pivot == 0.0, k + 1, info)",
        f"{SMALL} 'first_of_two'",
    ),
    Fault(
        "small: a size that is NaN passes", "special value", KERNELS,
        "positive = size > 0.0", "positive = (size <= 0.0) == 0",
        f"{SMALL} matrix_by_matrix",
    ),
    Fault(
        "small: columns after a failure", "special value", KERNELS,
        "    L = tl.where(failed, A, L)\n", "",
        f"{SMALL} matrix_by_matrix",
    ),
    Fault(
        "small: matrices beyond the last", "mask", KERNELS,
        "tl.store(info_ptr + offset_of(matrix, shape, info_strides), info, mask=matrix < count)\n\n\n@triton.jit\n"
        "def triangular_kernel",
        "tl.store(info_ptr + offset_of(matrix, shape, info_strides), info)\n\n\n@triton.jit\ndef triangular_kernel",
        f"{SMALL} 'matrix_by_matrix'",
    ),
    Fault(
        "small: the diagonal of ones is divided by", "formula", KERNELS,
        "        if not UNIT:\n", "        if True:\n",
        f"{SMALL} 'triangular_equations and True'",
    ),
    Fault(
        "small: X A = B keeps its triangle", "argument check", HOST,
        "out, input, B, upper = _turned(out), _turned(input), _turned(B), not upper",
        "out, input, B = _turned(out), _turned(input), _turned(B)",
        f"{SMALL} 'triangular_equations and False'",
    ),
    Fault(
        "small: upper reads the lower triangle", "index", HOST,
        "        L, A = _turned(L), _turned(A)\n", "        L = _turned(L)\n",
        f"{SMALL} triangle_of_the_result",
    ),
    Fault(
        "small: nothing to solve, nothing looked at", "refusal", HOST,
        "        X = B = A.as_strided((*A.shape[:-1], 0), A.strides)\n", "        return\n",
        f"{SMALL} nothing_to_solve",
    ),
    Fault(
        "small: 33 rows on the device", "lookup", "tritonnn/ops/linalg/_matrices.py",
        "if A.shape[-1] > LARGEST or", "if A.shape[-1] > 64 or",
        f"{SMALL} goes_to_the_host",
    ),
    Fault(
        "host: the declaration is not asked", "lookup", "tritonnn/dispatch/_call.py",
        "        if library:\n", "        if op.host:\n",
        f"{SMALL} goes_to_the_host",
    ),
    Fault(
        "host: NaN has a Cholesky factor", "special value", TWIN,
        "failed = np.asarray(~(np.diagonal(L, 0, -2, -1).real > 0).all(-1))", "failed = np.zeros(A.shape[:-2], bool)",
        f"{SMALL} matrix_by_matrix",
    ),
    Fault(
        "host: the rows of a singular system", "index", TWIN,
        "        X[[i, other]] = X[[other, i]]\n", "        pass\n",
        f"{SMALL} matrix_by_matrix",
    ),
    Fault(
        "host: the sign of NaN", "special value", "cpu_fallback/linalg/spectral.py",
        "        sign[np.isnan(logabsdet)] = 0  # NaN has no sign\n", "        pass\n",
        f"{SMALL} what_has_none",
    ),
]  # fmt: skip
