"""The pointwise kernel: geometry, walks, types, numbers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from buffers import buffer, run, strided
from triton import language as tl

from tritonnn import dtypes
from tritonnn.buffer import Buffer
from tritonnn.device import device
from tritonnn.kernels import implementation
from tritonnn.kernels.device import pointwise as pointwise_file
from tritonnn.kernels.device.math import identity
from tritonnn.kernels.device.moving import copy, fill, narrow, reverse
from tritonnn.kernels.tables.pointwise import FLAT, LINEAR, TILE, Geometry, choose_walk, collapse, reach
from tritonnn.shape import contiguous_strides

add = implementation("elementwise", "add")
where = implementation("elementwise", "where")


def added(out, x, y, alpha=1.0):
    kind = dtypes.from_numpy_dtype(np.result_type(x, y))
    return run(add, out, x, y, alpha, compute=kind)


@pytest.mark.parametrize(
    ("shape", "strides", "wanted"),
    [
        ((4, 5, 6), [(30, 6, 1)], ((120,), ((1,),))),
        ((4, 5, 6), [(30, 6, 1), (0, 6, 1)], ((4, 30), ((30, 1), (0, 1)))),
        ((4, 5, 6), [(1, 4, 20)], ((120,), ((1,),))),
        ((4, 1, 6), [(6, 99, 1), (6, 77, 1)], ((24,), ((1,), (1,)))),
        ((), [()], ((1,), ((1,),))),
        ((4, 6), [(6, 1), (-6, 1)], ((4, 6), ((6, 1), (-6, 1)))),
        ((4, 6), [(6, 1), (-6, -1)], ((24,), ((1,), (-1,)))),
    ],
)
def test_collapse_merges_what_all_operands_allow(shape, strides, wanted):
    assert collapse(shape, strides) == wanted


@pytest.mark.parametrize(
    ("shape", "strides", "mode"),
    [
        ((1 << 20,), ((1,), (1,)), FLAT),
        ((1 << 20,), ((1,), (0,)), FLAT),
        ((1 << 20,), ((1,), (2,)), LINEAR),
        ((512, 1024), ((1024, 1), (0, 1)), TILE),
        ((512, 1024), ((1024, 1), (1, 512)), TILE),
        ((64, 3, 5), ((15, 5, 1), (5, 1, 320)), LINEAR),
        ((4096, 3), ((3, 1), (0, 1)), LINEAR),
    ],
)
def test_the_walk_suits_the_geometry(shape, strides, mode):
    geometry, walk = choose_walk(Geometry(shape, strides), 4)
    assert walk.mode == mode
    covered = walk.grid * walk.block_m * walk.block_n
    assert covered >= np.prod(geometry.shape)


def test_a_transposing_copy_tiles_the_two_contiguous_dimensions():
    geometry, walk = choose_walk(Geometry((128, 7, 256), ((1792, 256, 1), (1, 32768, 128))), 4)
    assert geometry.shape == (7, 128, 256)
    assert (walk.mode, walk.block_m, walk.block_n) == (TILE, 64, 64)


@pytest.mark.parametrize("kind", ["f4", "f2", "u1"])
@pytest.mark.parametrize("shape", [(200, 130), (3, 65, 190), (100, 3, 129)])
def test_transposing_copies_end_in_ragged_tiles(shape, kind):
    x = np.random.default_rng(0).integers(0, 200, shape).astype(kind)
    for axes in itertools.permutations(range(len(shape))):
        source = np.ascontiguousarray(x.transpose(axes)).transpose(np.argsort(axes))
        strides = tuple(s // x.itemsize for s in source.strides)
        inner = contiguous_strides(shape)
        _, walk = choose_walk(collapse(shape, (inner, strides)), x.itemsize)
        if axes[-1] != len(shape) - 1 and min(shape[-1], shape[axes[-1]]) >= 64:
            assert (walk.mode, walk.block_m, walk.block_n) == (TILE, 64, 64)
        np.testing.assert_array_equal(run(copy, np.empty(shape, kind), source), x)


def test_large_offsets_ask_for_64_bits():
    small = Geometry((1 << 20,), ((1,), (1,)))
    large = Geometry((1 << 20,), ((1,), (1 << 12,)))
    for geometry, wide in ((small, False), (large, True), (Geometry((1 << 31,), ((1,),)), True)):
        chosen, walk = choose_walk(geometry, 4)
        assert (reach(chosen, walk) >= 2**31) is wide


@pytest.mark.parametrize(("step", "wide"), [(1 << 10, False), (1 << 31, True)])
def test_a_launch_over_large_offsets_computes_in_64_bits(step, wide, monkeypatch):
    widths = []
    monkeypatch.setattr(pointwise_file, "Plan", lambda *args, **constants: widths.append(constants["INT64"]))
    rows = Buffer(16, (2, 100), (step, 1), dtypes.float32, device("cuda", 0), None)
    pointwise_file._plan(identity, rows, (rows,), tl.float32)
    assert widths == [wide]


SHAPES = [
    ((3000,), (3000,)), ((40, 50), (50,)), ((40, 50), (40, 1)), ((5, 1, 7), (1, 6, 7)), ((1,), (1,)), ((), (3,)),
    ((2, 3, 4, 5, 2), (3, 1, 5, 1)), ((33, 65), (33, 65)), ((4096,), ()),
]  # fmt: skip


@pytest.mark.parametrize(("left", "right"), SHAPES)
@pytest.mark.parametrize("layout", ["dense", "strided", "transposed"])
def test_broadcasting_and_strides(left, right, layout):
    rng = np.random.default_rng(0)
    arrange = {"dense": np.array, "strided": strided, "transposed": np.asfortranarray}[layout]
    x = arrange(rng.integers(-9, 9, left).astype(np.float32))
    y = rng.integers(-9, 9, right).astype(np.float32)
    wanted = x + 2 * y
    np.testing.assert_array_equal(added(np.empty(wanted.shape, np.float32), x, y, 2.0), wanted)
    np.testing.assert_array_equal(added(strided(np.empty(wanted.shape, np.float32)), x, y, 2.0), wanted)


@pytest.mark.parametrize(
    "kind", ["uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64", "bool"]
)
def test_types(kind):
    rng = np.random.default_rng(1)
    x, y = (rng.integers(0, 100, 500).astype(kind) for _ in range(2))
    np.testing.assert_array_equal(added(np.empty(500, kind), x, y, 1), x + y)


def test_operands_and_result_of_different_types():
    x, y = np.arange(-3, 3, dtype=np.int8), np.linspace(0, 1, 6, dtype=np.float16)
    wanted = x.astype(np.float32) + y.astype(np.float32)
    got = run(add, np.empty(6, np.float64), x, y, 1.0, compute=dtypes.float32)
    np.testing.assert_array_equal(got, wanted.astype(np.float64))


def test_numbers_keep_their_digits():
    x = np.zeros(3)
    np.testing.assert_array_equal(added(np.empty(3), x, np.full(3, 1.0), 0.1), np.full(3, 0.1))
    y = np.zeros(3, np.int64)
    got = run(add, np.empty(3, np.int64), y, 2**60 + 1, 1, compute=dtypes.int64)
    np.testing.assert_array_equal(got, y + 2**60 + 1)
    np.testing.assert_array_equal(run(add, np.empty(3), x, 1e300, 1.0, compute=dtypes.float64), x + 1e300)


def test_a_cached_plan_takes_new_numbers_and_memory():
    x = np.arange(100, dtype=np.float32)
    for number in (1.5, 2.0, -7.25):
        got = run(add, np.empty(100, np.float32), x.copy(), number, 1.0, compute=dtypes.float32)
        np.testing.assert_array_equal(got, x + np.float32(number))


def test_in_place_and_empty():
    x = np.arange(2000, dtype=np.float32)
    add(buffer(x), buffer(x), buffer(x), 1.0, compute=dtypes.float32)
    np.testing.assert_array_equal(x, 2 * np.arange(2000, dtype=np.float32))
    add(buffer(np.empty((0, 3))), buffer(np.empty((0, 3))), 1.0, 1.0, compute=dtypes.float64)


def test_a_condition_of_another_type():
    x = np.arange(6, dtype=np.float32)
    got = run(
        where, np.empty((2, 6), np.float32), np.array([[True], [False]]), x, -1.0, compute=dtypes.float32
    )
    np.testing.assert_array_equal(got, [x, np.full(6, -1)])


def test_functions_of_real_numbers_alone_refuse_complex_ones_by_name():
    x = np.zeros(3, np.complex64)
    with pytest.raises(
        NotImplementedError, match=r"maximum has no GPU kernel for complex64: .*kernels/device/pointwise\.py"
    ):
        run(
            implementation("elementwise", "maximum"),
            np.empty(3, np.complex64),
            x,
            x,
            compute=dtypes.complex64,
        )


@pytest.mark.parametrize(
    "kind", ["bool", "uint8", "int16", "float16", "float32", "int64", "float64", "complex128"]
)
def test_copies_of_one_type_keep_every_bit(kind):
    raw = np.random.default_rng(2).integers(0, 2 if kind == "bool" else 256, 24 * np.dtype(kind).itemsize)
    x = raw.astype(np.uint8).view(kind).reshape(2, 3, 4)
    for view in (x, strided(x), x.transpose(2, 0, 1)):
        got = run(copy, np.empty(view.shape, kind), view)
        np.testing.assert_array_equal(got.view(np.uint8), np.ascontiguousarray(view).view(np.uint8))


@pytest.mark.parametrize(
    ("source", "target"),
    [("float32", "int8"), ("float32", "uint8"), ("float64", "float16"), ("int64", "float16"), ("float32", "bool"),
     ("bool", "float32"), ("complex64", "float32"), ("float32", "complex64"), ("complex64", "complex128")],
)  # fmt: skip
def test_copies_cast(source, target):
    x = np.array([0, 0.25, -1.75, 100.5, 3], np.float64).astype(source)
    with np.errstate(all="ignore"):
        wanted = (x if target.startswith("c") else x.real).astype(target)
    if (source, target) == ("float32", "uint8"):
        wanted = x.astype(np.int64).astype(np.uint8)  # as PyTorch: by way of int64
    np.testing.assert_array_equal(run(copy, np.empty(5, target), x), wanted)


def test_views_of_buffers():
    x = np.arange(24, dtype=np.float32).reshape(4, 6)
    np.testing.assert_array_equal(
        run(lambda o, b: copy(o, reverse(b, (0, 1))), np.empty_like(x), x), x[::-1, ::-1]
    )
    got = run(lambda o, b: copy(o, narrow(b, 1, 1, 2, 3)), np.empty((4, 2), np.float32), x)
    np.testing.assert_array_equal(got, x[:, 1::3])
    for kind, value in (("int64", 2**61 + 1), ("bool", 3), ("float32", 0.1), ("complex64", 1 + 2j)):
        got = np.zeros((3, 5), kind)
        fill(buffer(got), value)
        np.testing.assert_array_equal(got, np.full((3, 5), value, kind))
