"""Implementations whose launches are noted once and repeated."""

from __future__ import annotations

import numpy as np
import pytest
from buffers import buffer

from tritonnn.kernels import elementwise
from tritonnn.kernels.device.pointwise import pointwise
from tritonnn.kernels.device.strided import fill, read
from tritonnn.kernels.launch import replay as _replay
from tritonnn.kernels.launch.launch import empty
from tritonnn.kernels.launch.replay import Unrepeatable, replayed

exp, add = pointwise(elementwise.exp), pointwise(elementwise.add)


def doubled_exp(calls):
    @replayed
    def run(out, input, times):
        calls.append(times)
        part = empty(input.shape, input.dtype, input)
        exp(part, input, compute=input.dtype)
        for _ in range(times):
            add(out, part, part, 1, compute=input.dtype)

    return run


def test_one_run_for_every_combination():
    calls: list[int] = []
    run = doubled_exp(calls)
    for shape in ((5,), (5,), (2, 3), (5,)):
        for _ in range(2):
            x = np.random.default_rng(len(calls)).standard_normal(shape).astype(np.float32)
            out = buffer(np.empty(shape, np.float32))
            run(out, buffer(x), 1)
            np.testing.assert_allclose(out.owner, 2 * np.exp(x), rtol=1e-6)
    assert len(calls) == 2
    run(out, buffer(x), 2)
    run(out, buffer(x), True)  # equal to 1, but another parameter
    assert calls == [1, 1, 2, True]


def test_strides_and_offsets_are_of_the_call_at_hand():
    run = doubled_exp([])
    wide = np.arange(24, dtype=np.float32).reshape(4, 6) / 24
    for view in (wide, wide.T, wide[1:3, ::2], wide[::-1][:0]):
        out = buffer(np.empty(view.shape, np.float32))
        run(out, buffer(view), 1)
        np.testing.assert_allclose(out.owner, 2 * np.exp(view), rtol=1e-6)


def test_in_place_is_another_combination():
    seen: list[bool] = []

    @replayed
    def run(out, input):
        seen.append(out.ptr == input.ptr)
        exp(out, input, compute=input.dtype)

    x, out = buffer(np.zeros(3, np.float32)), buffer(np.empty(3, np.float32))
    run(out, x)
    run(x, x)
    run(out, x)
    assert seen == [False, True]
    np.testing.assert_allclose(out.owner, np.full(3, np.e, np.float32), rtol=1e-6)


def test_lists_of_buffers():
    @replayed
    def run(out, parts):
        exp(out, parts[-1], compute=out.dtype)

    for count in (1, 2, 3):
        parts = [buffer(np.full(2, k, np.float32)) for k in range(count)]
        out = buffer(np.empty(2, np.float32))
        run(out, parts)
        np.testing.assert_allclose(out.owner, np.exp(np.full(2, count - 1, np.float32)), rtol=1e-6)


def test_what_reads_back_simply_runs():
    runs: list[float] = []

    @replayed
    def run(out, input):
        exp(out, input, compute=input.dtype)
        runs.append(float(read(out)[0]))

    for value in (0.0, 1.0):
        run(buffer(np.empty(1, np.float32)), buffer(np.full(1, value, np.float32)))
    np.testing.assert_allclose(runs, [1, np.e], rtol=1e-6)


def test_filling_with_a_byte_is_repeated():
    runs: list[int] = []

    @replayed
    def run(out, input):
        runs.append(1)
        part = fill(empty((2, *input.shape), input.dtype, input), 0)
        add(out, input, part.as_strided(input.shape, input.strides, input.numel), 1, compute=input.dtype)

    for value in (1.0, 2.0, 3.0):
        out = buffer(np.empty(3, np.float32))
        run(out, buffer(np.full(3, value, np.float32)))
        np.testing.assert_array_equal(out.owner, value)
    assert len(runs) == 1


def test_an_error_while_noting_leaves_nothing_behind():
    @replayed
    def run(out):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        run(buffer(np.empty(1, np.float32)))
    assert _replay.thread.notes is None


def test_memory_from_elsewhere_is_not_noted():
    table = buffer(np.full(2, 3.0, np.float32))

    @replayed
    def run(out):
        exp(out, table, compute=out.dtype)

    for value in (3.0, 4.0):
        table.owner[:] = value
        out = buffer(np.empty(2, np.float32))
        run(out)
        np.testing.assert_allclose(out.owner, np.exp(np.full(2, value, np.float32)), rtol=1e-6)
    with pytest.raises(Unrepeatable):
        _replay._Launch(None, (table,))


def test_workspaces_are_given_back_where_the_implementation_did():
    @replayed
    def run(out, input):
        for _ in range(3):
            part = empty((1 << 16,), input.dtype, input)
            exp(part.as_strided(input.shape, input.strides), input, compute=input.dtype)
            del part
        add(out, input, input, 1, compute=input.dtype)

    from tritonnn import cuda

    x, out = buffer(np.zeros(3, np.float32)), buffer(np.empty(3, np.float32))
    for _ in range(2):
        cuda.reset_peak_memory_stats()
        before = cuda.memory_allocated()
        run(out, x)
        assert cuda.max_memory_allocated() - before == 4 << 16
        assert cuda.memory_allocated() == before
