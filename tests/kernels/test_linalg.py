"""Matrix products: layouts, batches, splits, descriptors, epilogues, and the chooser."""

from __future__ import annotations

from functools import partial

import ml_dtypes
import numpy as np
import pytest
from buffers import buffer, run, strided

from tritonnn.kernels import activation
from tritonnn.kernels.linalg import linalg
from tritonnn.kernels.linalg._plan import WORTH_COPYING, Product, plan_product
from tritonnn.kernels.tables.gemm import TABLE, Choice, Gemm, candidates, choose, processors

KINDS = [np.float32, np.float64, np.float16, ml_dtypes.bfloat16, np.int64, np.int32, np.uint8]
TOLERANCE = {np.dtype(np.float32): 1e-6, np.dtype(np.float64): 1e-14, np.dtype(np.float16): 1e-3}


def normal(rng, kind, *shape):
    values = rng.standard_normal(shape) if np.dtype(kind).kind in "fV" else rng.integers(0, 5, shape)
    return values.astype(kind)


def close(got, wanted):
    bound = TOLERANCE.get(got.dtype, 1e-2 if got.dtype.kind == "V" else 0)
    scale = max(1.0, np.abs(wanted).max()) if wanted.size else 1.0
    if got.dtype.kind in "iu":
        wanted = wanted.astype(np.int64).astype(got.dtype)
    assert np.abs(got.astype(np.float64) - wanted.astype(np.float64)).max(initial=0) <= bound * scale


def plan(out, a, b, addend=None, aligned=False, configuration=None, **options):
    """The plan of a product with an addend that is broadcast."""
    if addend is not None:
        missing = out.ndim - addend.ndim
        strides = [0 if n == 1 else s for n, s in zip(addend.shape, addend.strides, strict=True)]
        addend = addend.as_strided(out.shape, (*(0,) * missing, *strides))
    return plan_product(Product(out, a, b, addend, **options), aligned, configuration)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("left", "right"),
    [((3, 4), (4, 2)), ((2, 3, 4), (2, 4, 5)), ((2, 1, 3, 4), (5, 4, 2)), ((3, 0), (0, 2)), ((20, 70), (70, 33)),
     ((3, 20, 16), (16, 10)), ((0, 4), (4, 3))],
)  # fmt: skip
def test_products(kind, left, right):
    rng = np.random.default_rng(0)
    a, b = normal(rng, kind, *left), normal(rng, kind, *right)
    wanted = np.matmul(a.astype(np.float64), b.astype(np.float64))
    close(run(linalg.matmul_nd, np.empty(wanted.shape, kind), a, b), wanted)


@pytest.mark.parametrize("kind", [np.float32, np.int32])
@pytest.mark.parametrize("layout", [strided, np.asfortranarray])
def test_layouts(kind, layout):
    rng = np.random.default_rng(1)
    a, b = layout(normal(rng, kind, 20, 30)), layout(normal(rng, kind, 30, 10))
    close(run(linalg.matmul_nd, layout(np.empty((20, 10), kind)), a, b), a.astype(np.float64) @ b)


def test_a_large_operand_without_a_contiguous_dimension_is_copied_first():
    rng = np.random.default_rng(2)
    a, b = strided(normal(rng, np.float32, 10, 7000)), normal(rng, np.float32, 7000, 8)
    assert a.size >= WORTH_COPYING
    for _ in range(2):  # the second time by the kept plan
        close(run(linalg.matmul_nd, np.empty((10, 8), np.float32), a, b), a.astype(np.float64) @ b)


@pytest.mark.parametrize("kind", [np.float32, np.float16, np.int64])
@pytest.mark.parametrize("rows", [(5, 6), (7,), ()])
@pytest.mark.parametrize("biased", [False, True])
def test_linear(kind, rows, biased):
    rng = np.random.default_rng(3)
    x, w = normal(rng, kind, *rows, 40), normal(rng, kind, 33, 40)
    bias = normal(rng, kind, 33) if biased else None
    wanted = x.astype(np.float64) @ w.T + (bias.astype(np.float64) if biased else 0)
    close(run(linalg.linear, np.empty((*rows, 33), kind), x, w, bias), wanted)


@pytest.mark.parametrize("split", [1, 3, 8])
def test_split_inner_dimension_with_bias_and_activation(split):
    rng = np.random.default_rng(4)
    a, b, bias = (normal(rng, np.float32, *shape) for shape in ((33, 900), (900, 20), (20,)))
    choice = Choice(Gemm(16, 16, 32, 4, 2, 1.0), split)
    out = np.empty((33, 20), np.float32)
    buffers = [buffer(x) for x in (out, a, b, bias)]
    plan(*buffers, epilogue=activation.relu, configuration=choice)(*buffers)
    close(out, np.maximum(a.astype(np.float64) @ b + bias, 0))


@pytest.mark.parametrize("a_order", "CF")
@pytest.mark.parametrize("b_order", "CF")
@pytest.mark.parametrize("specialize", [False, True])
def test_persistent_kernel_with_descriptors(a_order, b_order, specialize):
    rng = np.random.default_rng(5)
    a = np.asarray(normal(rng, np.float16, 72, 48), order=a_order)
    b = np.asarray(normal(rng, np.float16, 48, 40), order=b_order)
    bias, out = normal(rng, np.float16, 40), np.empty((72, 40), np.float16)
    choice = Choice(Gemm(32, 32, 16, 4, 2, 1.0, persistent=True, specialize=specialize), 1)
    buffers = [buffer(x) for x in (out, a, b, bias)]
    plan(*buffers, aligned=True, configuration=choice)(*buffers)
    close(out, a.astype(np.float64) @ b.astype(np.float64) + bias.astype(np.float64))


@pytest.mark.parametrize("kind", [np.complex64, np.complex128])
@pytest.mark.parametrize("orders", ["CC", "FF", "CF"])
def test_complex_products_with_factors(kind, orders):
    rng = np.random.default_rng(6)

    def some(*shape):
        return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(kind)

    a, b = (np.asarray(some(*s), order=o) for s, o in zip(((5, 7), (7, 6)), orders, strict=True))
    addend, alpha, beta = some(6), 0.5 - 2j, 1.5j
    close = partial(np.testing.assert_allclose, rtol=2e-5 if kind is np.complex64 else 1e-13)
    out = np.asarray(np.empty((5, 6), kind), order=orders[0])
    close(run(linalg.matmul_nd, out, a, b), a @ b)
    close(run(linalg.addmm, out, addend, a, b, beta, alpha), beta * addend + alpha * (a @ b))
    close(run(linalg.addmm, out, addend, a, b, 0, 2), 2 * (a @ b))
    close(run(linalg.addmm, out, addend, a, b, 1, 0), np.broadcast_to(addend, (5, 6)))
    batch = some(3, 7, 6)
    close(run(linalg.matmul_nd, np.empty((3, 5, 6), kind), a, batch), a @ batch)
    close(run(linalg.linear, np.empty(5, kind), b[:, 0], a, addend[:5]), a @ b[:, 0] + addend[:5])
    np.testing.assert_array_equal(run(linalg.matmul_nd, out, a[:, :0], b[:0]), np.zeros((5, 6)))


SHAPES = [(8192, 8192, 8192), (4096, 4096, 4096), (512, 512, 512), (256, 256, 8192), (1, 4096, 4096), (8192, 4096, 64),
          (64, 10, 500), (3, 5, 7)]  # fmt: skip


@pytest.mark.parametrize("arch", sorted(TABLE))
@pytest.mark.parametrize("kind", ["half", "tf32", "ieee", "fp64"])
def test_every_problem_has_a_configuration(arch, kind):
    for shape in SHAPES:
        config, split = choose(arch, kind, *shape)
        assert config in TABLE[arch][kind] and not config.persistent
        assert 1 <= split <= 16
        assert Choice(config, split) == candidates(arch, kind, *shape)[0]


def test_descriptors_only_where_the_layout_allows_them_and_not_in_batches():
    assert choose("sm_90", "half", 4096, 4096, 4096, descriptors=True).config.persistent
    assert not choose("sm_90", "half", 4096, 4096, 4096, descriptors=False).config.persistent
    assert not choose("sm_90", "half", 4096, 4096, 4096, batch=8, descriptors=True).config.persistent
    assert not choose("sm_80", "half", 4096, 4096, 4096, descriptors=True).config.persistent


def test_large_products_take_large_tiles_and_few_tiles_are_split():
    assert choose("sm_90", "half", 8192, 8192, 8192).config[:2] == (128, 256)
    assert choose("sm_90", "half", 8192, 8192, 8192).split == 1
    few = choose("sm_90", "half", 256, 256, 8192)
    assert few.split > 1 and few.config.m * few.config.n <= 128 * 128
    assert choose("sm_80", "half", 16, 4096, 4096).config.m == 16


def test_unknown_architectures_use_their_nearest_relative():
    assert choose("sm_89", "half", 512, 512, 512).config in TABLE["sm_80"]["half"]
    assert choose("sm_103", "half", 512, 512, 512).config in TABLE["sm_100"]["half"]
    assert choose("gfx1100", "half", 512, 512, 512).config in TABLE["gfx942"]["half"]
    assert processors("sm_77") > 0


@pytest.mark.parametrize(
    ("arch", "kind", "shape", "wanted"),
    [("sm_90", "half", (4096, 4096, 4096), "persistent"), ("sm_90", "fp8", (4096, 4096, 4096), "persistent"),
     ("sm_100", "half", (8192, 8192, 8192), "persistent"), ("sm_80", "half", (4096, 4096, 4096), "tiles"),
     ("sm_90", "half", (64, 64, 8192), "split"), ("sm_80", "ieee", (64, 64, 8192), "split"),
     ("sm_90", "fp64", (64, 64, 8192), "split"), *[("sm_90", "half", (m, 4096, 4096), "short") for m in (1, 8, 16)],
     *[("sm_80", "half", (m, 4096, 4096), "short") for m in (1, 16)]],
)  # fmt: skip
def test_the_kind_of_configuration_for_a_problem(arch, kind, shape, wanted):
    choice = choose(arch, kind, *shape, descriptors=True)
    assert choice == choose(arch, kind, *shape, descriptors=True)
    config = choice.config
    kinds = {"persistent": config.persistent, "split": choice.split > 1 and not config.persistent,
             "short": config.m == 16, "tiles": not config.persistent and choice.split == 1}  # fmt: skip
    assert kinds[wanted], choice


def test_what_is_done_with_the_sums_leaves_registers():
    config = choose("sm_90", "half", 4096, 4096, 4096, descriptors=True, lean=True).config
    assert config.persistent and config.m * config.n <= 128 * 128


def test_a_split_inner_dimension_gives_the_same_bits_every_time():
    rng = np.random.default_rng(6)
    a, b = normal(rng, np.float32, 20, 3000), normal(rng, np.float32, 3000, 17)
    results = []
    for _ in range(2):
        out = np.full((20, 17), np.nan, np.float32)
        buffers = [buffer(x) for x in (out, a, b)]
        plan(*buffers, configuration=Choice(Gemm(16, 16, 32, 4, 2, 1.0), 8))(*buffers)
        results.append(out)
    np.testing.assert_array_equal(*results)
    close(results[0], a.astype(np.float64) @ b)


FLOAT8 = [ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2]


@pytest.mark.parametrize("left", FLOAT8)
@pytest.mark.parametrize("right", FLOAT8)
@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("result", [np.float32, ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn])
def test_float8_with_and_without_instructions(monkeypatch, forget_launches, left, right, native, result):
    from tritonnn.kernels.device import moving as shape
    from tritonnn.kernels.linalg import _plan as _gemm_plan

    for module in (_gemm_plan, shape):
        monkeypatch.setattr(module, "instructions", lambda arch: native)
    rng = np.random.default_rng(7)
    a, b = normal(rng, np.float32, 20, 50).astype(left), normal(rng, np.float32, 33, 50).astype(right).T
    scale_a, scale_b = (rng.uniform(0.5, 2, n).astype(np.float32) for n in (20, 33))
    bias = normal(rng, np.float32, 33)
    wanted = (a.astype(np.float64) * scale_a[:, None]) @ (b.astype(np.float64) * scale_b) + bias
    got = run(
        linalg.scaled_product, np.empty((20, 33), result), a, b, scale_a, scale_b, bias, None, None, False
    )
    bound = {np.float32: 1e-5, ml_dtypes.bfloat16: 4e-3}.get(result, 0.0626)
    assert (
        np.abs(got.astype(np.float64) - wanted) <= bound * np.abs(wanted) + 1e-2 * (bound > 1e-3) + 1e-4
    ).all()
