"""Launching: what specialises a binary, plans, implementations by name, the interpreter's corrections."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
import triton
from buffers import buffer, run, strided
from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.kernels import has, implementation
from tritonnn.kernels.device.moving import copy
from tritonnn.kernels.launch import compiled as _compiled
from tritonnn.kernels.launch import launch as _launch
from tritonnn.kernels.launch.launch import Plan, Slot, extent, fp64, i64, launch, needs_int64, planned


def key_of(*args):
    key, flat = [], []
    _compiled._specialise(args, key, flat)
    return key, flat


def test_what_the_key_of_a_launch_tells_apart():
    x, y = buffer(np.zeros(64, np.float32)), buffer(np.zeros(64, np.float16))
    aligned = Buffer(1 << 20, (64,), (1,), x.dtype, x.device, None)
    odd = Buffer((1 << 20) + 4, (64,), (1,), x.dtype, x.device, None)
    half = Buffer(1 << 20, (64,), (1,), y.dtype, x.device, None)
    different = [
        (aligned,), (odd,), (half,), (1,), (16,), (17,), (1 << 31,), ((1 << 31) + 1,), (1.0,), (True,), (None,), ((),),
        ((1,),), ((16,),), ((16, 1),), ((1, 16),), ((aligned,),), ((odd,),),
    ]  # fmt: skip
    keys = [tuple(key_of(*args)[0]) for args in different]
    assert len(set(keys)) == len(keys)
    for same in [((17,), (19,)), ((32,), (48,)), ((0,), (16,)), ((2.0,), (3.0,)), ((True,), (False,))]:
        assert key_of(*same[0])[0] == key_of(*same[1])[0]
    assert key_of(aligned, (odd, 3), 5)[1] == [1 << 20, ((1 << 20) + 4, 3), 5]


def test_arguments_of_unknown_type_are_refused():
    with pytest.raises(TypeError, match="must be a Buffer or a Python number, not int64"):
        key_of(np.int64(3))


@triton.jit
def shifted_kernel(out, ins, n, wide: i64, exact: fp64, rounded, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    total = (
        tl.full((BLOCK,), exact, tl.float64) + tl.full((BLOCK,), rounded, tl.float64) + wide.to(tl.float64)
    )
    for k in tl.static_range(len(ins)):
        total += tl.load(ins[k] + i, mask=i < n, other=0.0)
    tl.store(out + i, total, mask=i < n)


def test_numbers_arrive_as_annotated():
    out, x = np.zeros(5), np.arange(5.0)
    launch(shifted_kernel, (1,), buffer(out), (buffer(x), buffer(x)), 5, 1 << 40, 0.1, 0.1, BLOCK=8)
    np.testing.assert_array_equal(out, np.float64(0.1) + np.float64(np.float32(0.1)) + 2**40 + x + x)


def test_a_plan_fills_its_slots():
    x, y, out = np.arange(5.0), np.full(5, 10.0), np.zeros(5)
    plan = Plan(shifted_kernel, (1,), Slot(0), (Slot(1), Slot(2)), 5, 0, 0.0, 0.0, BLOCK=8)
    plan(buffer(out), buffer(x), buffer(y))
    np.testing.assert_array_equal(out, x + y)
    plan(buffer(out), buffer(y), buffer(y))
    np.testing.assert_array_equal(out, y + y)


def test_a_grid_with_a_zero_launches_nothing():
    out = np.full(5, 7.0)
    launch(shifted_kernel, (0,), buffer(out), (), 5, 0, 0.0, 0.0, BLOCK=8)
    Plan(shifted_kernel, (3, 0), Slot(0), (), 5, 0, 0.0, 0.0, BLOCK=8)(buffer(out))
    np.testing.assert_array_equal(out, np.full(5, 7.0))


def test_plans_are_kept_by_geometry_and_parameters():
    planned_for = []

    @planned
    def implementation_(out, input, factor):
        planned_for.append((out.shape, factor))
        return lambda out, input: None

    a, b = buffer(np.zeros((2, 3))), buffer(np.zeros((2, 3)))
    implementation_(a, b, 1)
    implementation_(b, a, 1)
    assert len(planned_for) == 1
    implementation_(a, b, 2)
    implementation_(a, buffer(strided(np.zeros((2, 3)))), 1)
    assert len(planned_for) == 3
    implementation_(a, buffer(np.zeros((2, 3), np.int64)), 1)  # another type of the same size
    assert len(planned_for) == 4
    _launch.forget_plans()
    implementation_(a, b, 1)
    assert len(planned_for) == 5


def test_plans_take_the_numbers_of_a_call():
    flags, seen = [], []

    @planned(numbers=2)
    def implementation_(out, input, flag, low, high):
        flags.append(flag)
        return lambda *given: seen.append(given)

    a, b = buffer(np.zeros(3)), buffer(np.zeros(3))
    for numbers in ((1, 2.5), (7, -1.0)):
        implementation_(a, b, True, *numbers)
        assert seen[-1] == (a, b, *numbers)
    assert flags == [True]


def test_extent_and_width_of_offsets():
    device = buffer(np.zeros(1)).device
    kind = buffer(np.zeros(1)).dtype
    make = lambda shape, strides: Buffer(0, shape, strides, kind, device, None)
    assert extent(make((3, 4), (4, 1))) == 12
    assert extent(make((3, 4), (-8, 0))) == 17
    assert extent(make((0, 4), (4, 1))) == 0
    assert extent(make((), ())) == 1
    assert not needs_int64(make((1 << 31,), (1,)).as_strided((1 << 30,), (1,)), None)
    assert needs_int64(make((3, 1 << 30), (1 << 30, 1)))


def test_implementations_are_found_by_name():
    assert implementation("elementwise", "exp") is implementation("elementwise", "exp")
    assert has("reduction", "sum") and not has("reduction", "no_such_op") and not has("no_such_family", "sum")
    with pytest.raises(
        NotImplementedError, match=r"frob has no GPU kernel: add frob to kernels/activation\.py"
    ):
        implementation("activation", "frob")
    with pytest.raises(
        NotImplementedError, match=r"frob has no GPU kernel: add frob to kernels/no_such_family\.py"
    ):
        implementation("no_such_family", "frob")
    with pytest.raises(NotImplementedError):
        implementation("elementwise", "_power")  # private helpers are no implementations


@pytest.mark.parametrize(
    "kind", [ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2, np.float16]
)
@pytest.mark.parametrize("wide", [np.float32, np.float64])
def test_short_floats_round_to_nearest_even_in_the_interpreter(kind, wide):
    x = np.concatenate([np.random.default_rng(0).standard_normal(2000), [0, -0.0, np.inf, 1e-3, 448]]).astype(
        wide
    )
    largest = 448 if kind is ml_dtypes.float8_e4m3fn else np.inf  # without infinities, conversion saturates
    with np.errstate(all="ignore"):
        wanted = x.clip(-largest, largest).astype(np.float32).astype(kind)
    got = run(copy, np.empty(x.shape, kind), x)
    np.testing.assert_array_equal(got.view(np.uint8), wanted.view(np.uint8))
    back = run(copy, np.empty(x.shape, wide), wanted)
    np.testing.assert_array_equal(back, wanted.astype(wide))


def test_a_plan_takes_no_number_that_chooses_the_binary():
    out = buffer(np.zeros(5))
    for at, name in ((2, "n"), (3, "wide"), (5, "rounded")):
        args = [Slot(0), (), 5, 1, 0.0, 0.0]
        args[at] = Slot(1)
        with pytest.raises(TypeError, match=f"shifted_kernel: {name} is given by a slot"):
            Plan(shifted_kernel, (1,), *args, BLOCK=8)(out, 3)
    with pytest.raises(TypeError, match="ins is given by a slot"):
        Plan(shifted_kernel, (1,), Slot(0), (Slot(0), Slot(1)), 5, 1, 0.0, 0.0, BLOCK=8)(out, 3)
    Plan(shifted_kernel, (1,), Slot(0), (Slot(0),), 5, 1, Slot(1), 0.0, BLOCK=8)(out, 3.0)
