"""Faults in what runs through NVIDIA's libraries."""

from __future__ import annotations

from mutants import Fault

FFT, PLANS = "kernels/libraries/fft.py", "kernels/libraries/_plans.py"
FACTORS, SPECTRAL = "kernels/libraries/linalg/factors.py", "kernels/libraries/linalg/spectral.py"
COLUMNS, LOADING = "kernels/libraries/linalg/_columns.py", "kernels/libraries/_loading.py"
TRANSFORMS = "tests/nvidia/test_nvidia_transforms.py -k"
EQUATIONS = "tests/nvidia/test_nvidia_factors.py -k"
SPECTRA = "tests/nvidia/test_nvidia_spectra.py -k"

FAULTS = [
    Fault(
        "libraries: a half of frequencies without its conjugate", "formula", FFT,
        "        _negate(imaginary, imaginary, compute=imaginary.dtype)\n", "        pass\n",
        f"{TRANSFORMS} 'real_numbers and float64'",
    ),
    Fault(
        "libraries: the factor of the other direction", "formula", FFT,
        "elif (norm == \"backward\") == inverse:", "elif (norm == \"backward\") != inverse:",
        f"{TRANSFORMS} 'all_frequencies and float64'",
    ),
    Fault(
        "libraries: rows that do not fit are planned", "index", FFT,
        "        if left or extent < shape[i]:\n", "        if extent < shape[i]:\n",
        f"{TRANSFORMS} any_strides",
    ),
    Fault(
        "libraries: real numbers that do not begin with a pair", "index", FFT,
        "    if buffer.ptr % pair:", "    if buffer.ptr % buffer.dtype.itemsize:",
        f"{TRANSFORMS} any_strides",
    ),
    Fault(
        "libraries: the plan used last goes first", "lookup", PLANS,
        "self._kept.popitem(last=False)", "self._kept.popitem(last=True)",
        f"{TRANSFORMS} kept_plans",
    ),
    Fault(
        "libraries: a graph's plan is destroyed", "lookup", PLANS,
        "        if plan not in self._captured:\n", "        if plan:\n",
        f"{TRANSFORMS} graphs",
    ),
    Fault(
        "libraries: handles know no stream", "race check", LOADING,
        "    key = library, index, stream\n", "    key = library, index, 0\n",
        f"{TRANSFORMS} graphs",
    ),
    Fault(
        "libraries: both triangles of a Cholesky factor", "formula", FACTORS,
        "    (triu if upper else tril)(L, work, 0)\n", "    copy(L, work)\n",
        f"{EQUATIONS} 'test_cholesky and float64'",
    ),
    Fault(
        "libraries: a turned triangle is still the same one", "formula", FACTORS,
        "A, turn, upper = c.turned(A), c.TURNED, not upper", "A, turn, upper = c.turned(A), c.TURNED, upper",
        f"{EQUATIONS} 'triangles and float64'",
    ),
    Fault(
        "libraries: the first matrix for all", "index", COLUMNS,
        "    return contiguous(expand(reshaped(result, X.shape[:-2]), batch))\n",
        "    return contiguous(expand(result.as_strided((1,), (1,)), batch))\n",
        f"{EQUATIONS} 'test_solve and float64'",
    ),
    Fault(
        "libraries: the sign of exchanges", "formula", FACTORS,
        "tl.where(pivot == place, 1, -1)", "tl.where(pivot == place, 1, 1)",
        f"{EQUATIONS} 'determinant and float64'",
    ),
    Fault(
        "libraries: NaN is decomposed", "special value", COLUMNS,
        "    _refuse(A, np.isnan(read(sums)), ", "    _refuse(A, np.isinf(read(sums)), ",
        f"{SPECTRA} does_not_converge",
    ),
    Fault(
        "libraries: V without its conjugate", "formula", COLUMNS,
        "        _conjugate(out, turned(X), compute=X.dtype)\n", "        copy(out, turned(X))\n",
        f"{SPECTRA} 'singular_values and complex128'",
    ),
    Fault(
        "libraries: wide matrices as they are", "refusal", SPECTRAL,
        "        elif rows >= columns:\n", "        elif True:\n",
        f"{SPECTRA} 'singular_values and float64'",
    ),
]  # fmt: skip
