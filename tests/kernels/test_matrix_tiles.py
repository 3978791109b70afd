"""The kernels of small matrices on buffers: strides, both widths of offsets, and how many share a program."""

from __future__ import annotations

import numpy as np
import pytest
from buffers import buffer, run, strided

from tritonnn.kernels.linalg import equations
from tritonnn.kernels.tables.linalg import HELD, LARGEST, choose_matrices
from tritonnn.ops.linalg import _matrices


def matrices(*shape):
    return np.random.default_rng(0).standard_normal(shape) + 4 * np.eye(shape[-1])


def everything(lay):
    """Each kernel on operands and results that `lay` gives strides."""
    A, B = matrices(3, 2, 5, 5), matrices(3, 2, 5, 5)[..., :3]
    S = A @ A.swapaxes(-1, -2)
    results = {}
    info = lay(np.full((3, 2), 9, np.int32))
    for upper in (False, True):
        results["cholesky", upper] = run(
            equations.linalg_cholesky_ex, lay(np.empty_like(S)), info, lay(S), upper
        )
        triangle = lay(np.empty_like(B))
        results["triangular", upper] = run(
            equations.solve_triangular, triangle, lay(A), lay(B), upper, True, False
        )
    results["solve"] = run(equations.linalg_solve_ex, lay(np.empty_like(B)), info, lay(A), lay(B), True)
    results["inverse"] = run(equations.linalg_inv_ex, lay(np.empty_like(A)), info, lay(A))
    results["det"] = run(equations.linalg_det, lay(np.empty((3, 2))), lay(A))
    results["sign"] = run(equations.linalg_slogdet, lay(np.empty((3, 2))), lay(np.empty((3, 2))), lay(A))
    assert not info.any()
    return results


@pytest.fixture(scope="module")
def wanted():
    A, B = matrices(3, 2, 5, 5), matrices(3, 2, 5, 5)[..., :3]
    S = A @ A.swapaxes(-1, -2)
    L = np.linalg.cholesky(S)
    return {
        ("cholesky", False): L, ("cholesky", True): L.swapaxes(-1, -2),
        ("triangular", False): np.linalg.solve(np.tril(A), B), ("triangular", True): np.linalg.solve(np.triu(A), B),
        "solve": np.linalg.solve(A, B), "inverse": np.linalg.inv(A), "det": np.linalg.det(A),
        "sign": np.sign(np.linalg.det(A)),
    }  # fmt: skip


@pytest.mark.parametrize("lay", [np.ascontiguousarray, strided])
@pytest.mark.parametrize("wide", [False, True])
def test_strides_and_offsets_of_both_widths(offsets_of_width, wanted, wide, lay):
    got = offsets_of_width(equations, wide, lambda: everything(lay))
    assert got.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_allclose(got[name], value, rtol=1e-12, atol=1e-12, err_msg=str(name))


def test_a_column_for_each_program_beyond_the_first():
    """Right-hand sides in several programs, of which one tells of failures."""
    A, B = matrices(2, 3, 3), np.random.default_rng(1).standard_normal((2, 3, 13))
    info = np.full(2, 9, np.int32)
    X = run(equations.linalg_solve_ex, np.empty_like(B), info, A, B, True)
    np.testing.assert_allclose(X, np.linalg.solve(A, B), rtol=1e-12)
    assert not info.any()


def test_nan_is_passed_over():
    """Every element of the inverse depends on it, and no other row is taken for a singular one."""
    A = np.array([[1.0, 2.0], [np.nan, 4.0]])
    info = np.full((), 9, np.int32)
    assert np.isnan(run(equations.linalg_inv_ex, np.empty_like(A), info, A)).all()
    assert info == 0


def test_tiles_fit_into_registers():
    for n in range(LARGEST + 1):
        for itemsize in (4, 8):
            for count, columns in ((1, 0), (5, 3), (1 << 20, 1000)):
                tile = choose_matrices(count, n, columns, itemsize)
                assert max(1, n) <= tile.size <= max(1, 2 * n)
                assert tile.columns <= tile.size
                held = tile.matrices * tile.size * (tile.size + (columns > 0) * tile.columns) * itemsize
                assert held < 2 * 32 * tile.warps * HELD
                assert tile.matrices == 1 or (tile.warps == 1 and tile.matrices < 2 * count)
    assert choose_matrices(1 << 20, 4, 0, 4).matrices == 32
    assert choose_matrices(1 << 20, 32, 0, 8).warps == 4
    assert choose_matrices(1 << 20, 32, 32, 4).warps == 4


def test_the_table_and_the_entries_agree_on_what_is_small():
    assert LARGEST == _matrices.LARGEST
    assert buffer(np.empty((LARGEST, LARGEST))).shape == (32, 32)
