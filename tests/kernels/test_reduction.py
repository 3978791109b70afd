"""Reductions: every kind of tiling, splitting, NaN, ties, empty input."""

from __future__ import annotations

import numpy as np
import pytest
from buffers import buffer, run, strided

from tritonnn.kernels import reduction
from tritonnn.kernels.tables.reduction import choose_reduction, choose_rows

# (shape, reduced dims): rows, columns, one long row (split), split columns, several dims, nothing
PROBLEMS = [
    ((3, 40), (1,)), ((40, 3), (0,)), ((20000,), (0,)), ((7, 9000, 2), (1,)), ((5, 6, 7), (0, 2)), ((4, 5), (0, 1)),
    ((3, 1, 5), (1,)), ((), ()),
]  # fmt: skip


def results(shape, dims):
    return tuple(n for d, n in enumerate(shape) if d not in dims)


@pytest.mark.parametrize(("shape", "dims"), PROBLEMS)
@pytest.mark.parametrize("layout", [np.array, strided, lambda x: x.copy(order="F")])
def test_against_float64(shape, dims, layout):
    x = layout(np.asarray(np.random.default_rng(0).standard_normal(shape), np.float32))
    wide, out = x.astype(np.float64), lambda kind=np.float32: np.empty(results(shape, dims), kind)
    close = {"rtol": 1e-5, "atol": 1e-4}
    np.testing.assert_allclose(run(reduction.sum, out(), x, dims, False, None), wide.sum(dims), **close)
    np.testing.assert_allclose(run(reduction.mean, out(), x, dims, False, None), wide.mean(dims), **close)
    np.testing.assert_array_equal(run(reduction.amax, out(), x, dims, False), x.max(dims))
    np.testing.assert_array_equal(run(reduction.amin, out(), x, dims, False), x.min(dims))
    np.testing.assert_array_equal(run(reduction.any, out(bool), x > 2, dims, False), (x > 2).any(dims))
    np.testing.assert_array_equal(run(reduction.all, out(bool), x > -2, dims, False), (x > -2).all(dims))
    got = run(reduction.count_nonzero, out(np.int64), x > 0, dims)
    np.testing.assert_array_equal(got, np.count_nonzero(x > 0, dims))
    if x.size > out().size:
        got = run(reduction.var_dims, out(), x, dims, 1, False)
        np.testing.assert_allclose(got, wide.var(dims, ddof=1), **close)
    top = wide.max(dims, keepdims=True)
    wanted = np.log(np.exp(wide - top).sum(dims)) + top.reshape(results(shape, dims))
    np.testing.assert_allclose(run(reduction.logsumexp, out(), x, dims), wanted, **close)


@pytest.mark.parametrize(
    ("shape", "dim"), [((3, 40), 1), ((40, 3), 0), ((5, 6, 7), 1), ((2, 20000), 1), ((20000, 2), 0)]
)
def test_extremes_and_where_they_are(shape, dim):
    x = np.random.default_rng(1).integers(-50, 50, shape).astype(np.float32)  # many ties: the first one wins
    values, indices = np.empty(results(shape, (dim,)), np.float32), np.empty(results(shape, (dim,)), np.int64)
    for function, find, best in (
        (reduction.max_dim, np.argmax, np.max),
        (reduction.min_dim, np.argmin, np.min),
    ):
        function(buffer(values), buffer(indices), buffer(x), dim, False)
        np.testing.assert_array_equal(values, best(x, dim))
        np.testing.assert_array_equal(indices, find(x, dim))
    np.testing.assert_array_equal(
        run(reduction.argmax, np.empty((), np.int64), strided(x), None, False), x.argmax()
    )


def test_strided_values_and_indices_of_different_layouts():
    x = np.random.default_rng(2).standard_normal((4, 5, 6)).astype(np.float32)
    values, indices = strided(np.empty((4, 6), np.float32)), np.asfortranarray(np.empty((4, 6), np.int64))
    reduction.max_dim(buffer(values), buffer(indices), buffer(x), 1, False)
    np.testing.assert_array_equal(values, x.max(1))
    np.testing.assert_array_equal(indices, x.argmax(1))


def test_nan_wins_and_infinities_are_numbers():
    nan, inf = np.nan, np.inf
    x = np.array([[1, nan, 3, nan], [-inf, -inf, -inf, -inf], [inf, 1, 2, 3]], np.float32)
    np.testing.assert_array_equal(
        run(reduction.amax, np.empty(3, np.float32), x, (1,), False), [nan, -inf, inf]
    )
    np.testing.assert_array_equal(
        run(reduction.amin, np.empty(3, np.float32), x, (1,), False), [nan, -inf, 1]
    )
    np.testing.assert_array_equal(run(reduction.argmax, np.empty(3, np.int64), x, 1, False), [1, 0, 0])
    np.testing.assert_array_equal(run(reduction.argmin, np.empty(3, np.int64), x, 1, False), [1, 0, 1])
    np.testing.assert_array_equal(
        run(reduction.logsumexp, np.empty(3, np.float32), x, (1,)), [nan, -inf, inf]
    )


def test_nothing_to_reduce():
    x = np.empty((3, 0), np.float32)
    out = lambda: np.empty(3, np.float32)
    np.testing.assert_array_equal(run(reduction.sum, out(), x, (1,), False, None), [0, 0, 0])
    np.testing.assert_array_equal(run(reduction.prod_dims, out(), x, (1,), False, None), [1, 1, 1])
    assert np.isnan(run(reduction.mean, out(), x, (1,), False, None)).all()
    assert np.isnan(run(reduction.var_dims, out(), x, (1,), 1, False)).all()
    np.testing.assert_array_equal(run(reduction.logsumexp, out(), x, (1,)), [-np.inf] * 3)


@pytest.mark.parametrize("kind", ["bool", "uint8", "int8", "int16", "int32", "int64"])
def test_integers(kind):
    x = np.random.default_rng(3).integers(0, 100, (5, 300)).astype(kind)
    got = run(reduction.sum, np.empty(5, np.int64), x, (1,), False, None)
    np.testing.assert_array_equal(got, x.sum(1, dtype=np.int64))
    np.testing.assert_array_equal(run(reduction.amax, np.empty(5, kind), x, (1,), False), x.max(1))
    np.testing.assert_array_equal(run(reduction.argmin, np.empty(5, np.int64), x, 1, False), x.argmin(1))


def test_types_of_sums():
    x = np.random.default_rng(4).standard_normal((2, 3000)).astype(np.float16)
    exact = x.astype(np.float64).sum(1)
    got = run(reduction.sum, np.empty(2, np.float16), x, (1,), False, None)
    np.testing.assert_allclose(got, exact, rtol=1e-3)  # added up in float32, rounded once
    whole = run(
        reduction.sum, np.empty(2, np.int64), np.array([[1.9, 2.9], [-1.9, 3]], np.float32), (1,), False, None
    )
    np.testing.assert_array_equal(whole, [3, 2])  # each element converted first
    z = (x[:, :10] + 1j * x[:, 10:20]).astype(np.complex64)
    np.testing.assert_allclose(
        run(reduction.sum, np.empty(2, np.complex64), z, (1,), False, None), z.sum(1), rtol=1e-5
    )


@pytest.mark.parametrize("length", [8, 20000])
def test_whole_numbers_add_up_in_64_bits(length):
    x = np.full((2, length), 2**30, np.int32)
    got = run(reduction.sum, np.empty(2, np.int64), x, (1,), False, None)
    np.testing.assert_array_equal(got, [2**30 * length] * 2)


@pytest.mark.parametrize("value", [0.0, np.nan, -np.inf, np.inf])
def test_the_first_of_equals_in_rows_longer_than_a_tile(value):
    x = np.full((2, 40000), value, np.float32)
    for find in (reduction.argmax, reduction.argmin):
        np.testing.assert_array_equal(run(find, np.empty(2, np.int64), x, 1, False), [0, 0])


def test_variance_of_numbers_far_from_zero():
    x = (np.random.default_rng(5).standard_normal((3, 9000)) + 10000).astype(np.float32)
    got = run(reduction.var_dims, np.empty(3, np.float32), x, (1,), 0, False)
    np.testing.assert_allclose(got, x.astype(np.float64).var(1), rtol=1e-4)


def test_long_float32_sums_stay_accurate():
    x = np.full(1 << 18, 0.1, np.float32)
    got = run(reduction.sum, np.empty((), np.float32), x, (0,), False, None)
    np.testing.assert_allclose(got, x.astype(np.float64).sum(), rtol=2e-7)


def test_tilings_cover_the_problem_and_split_only_what_is_long():
    cases = [(1, 10**8, True), (64, 10**6, True), (4096, 1024, True), (7, 9000, False), (1, 0, True)]
    for kept, reduced, along in cases:
        how = choose_reduction(kept, reduced, along, 132)
        assert how.splits * how.chunk >= reduced
        assert how.kept * how.reduced <= 4096
        assert how.chunk % how.reduced == 0
    assert choose_reduction(1, 10**8, True, 132).splits > 132
    assert choose_reduction(4096, 1024, True, 132).splits == 1
    assert choose_rows(8192, 1000) == (2, 1024, 4)
    assert choose_rows(8192, 32768) == (1, 32768, 16)


@pytest.mark.parametrize("p", [0.0, 0.5, 1.0, 2.0, 3.0])
@pytest.mark.parametrize("dims", [(0,), (1,), (0, 1)])
def test_norms_of_half_precision_do_not_overflow(p, dims):
    x = (np.random.default_rng(7).standard_normal((40, 300)) * 300).astype(np.float16)
    x[::3] = 0
    kept = np.abs(x.astype(np.float64))
    wanted = np.count_nonzero(x, dims).astype(np.float64) if p == 0 else np.sum(kept**p, axis=dims) ** (1 / p)
    got = run(reduction.p_norm, np.empty(wanted.shape, np.float32), x, p, dims, False)
    np.testing.assert_allclose(got, wanted, rtol=1e-6)


def test_norm_of_one_long_row_shared_by_programs():
    x = np.random.default_rng(8).standard_normal((1, 1 << 18)).astype(np.float32)
    for p in (1.0, 2.0, 3.0):
        got = run(reduction.p_norm, np.empty((1,), np.float32), x, p, (1,), False)
        wanted = np.sum(np.abs(x.astype(np.float64)) ** p) ** (1 / p)
        np.testing.assert_allclose(got, wanted, rtol=1e-6)
