"""Futures and Sobol sequences give what PyTorch's give."""

from __future__ import annotations

import numpy as np
import pytest
import torch as reference
from test_names_parity import both

import tritonnn as torch


class TestFutures:
    """The same futures in both libraries."""

    @pytest.mark.parametrize(
        "run",
        [
            lambda f: f.value(), lambda f: (f.set_result(3), f.set_result(4)),
            lambda f: (f.set_result(3), f.wait(), f.value()),
            lambda f: (f.set_exception(ValueError("x")), f.wait()), lambda f: f.set_exception(3),
            lambda f: (f.set_result(3), f.then(lambda g: g.value() + 1).wait()),
            lambda f: (f.set_result(3), f.then(lambda g: 1 / 0).wait()), lambda f: f.then(3), lambda f: f.done(),
        ],
    )  # fmt: skip
    def test_outcomes(self, run):
        got, wanted = both(lambda t: run(t.futures.Future()))
        assert got == wanted

    def test_callbacks_and_all(self):
        def run(t):
            order: list = []
            first, second = t.futures.Future(), t.futures.Future()
            first.add_done_callback(lambda f: order.append(("first", f.value())))
            together = t.futures.collect_all([first, second])
            chained = second.then(lambda f: f.value() * 2)
            first.set_result(1)
            order.append(together.done())
            second.set_result(2)
            first.add_done_callback(lambda f: order.append("late"))
            return (
                order,
                together.done(),
                [f.value() for f in together.wait()],
                chained.wait(),
                t.futures.wait_all([first]),
            )

        got, wanted = both(run)
        assert got == wanted and not isinstance(got, type)

    def test_a_thread_waits(self):
        import threading

        future = torch.futures.Future()
        threading.Timer(0.05, future.set_result, (5,)).start()
        assert future.wait() == 5 and torch.wait(torch.fork(lambda a, b=1: a + b, 2, b=3)) == 5

    def test_devices(self):
        for library in (torch, reference):
            with pytest.raises(ValueError, match="Expected devices to have indices"):
                library.futures.Future(devices=["cpu"])


class TestSobol:
    """Points of the Sobol sequence."""

    def test_all_direction_numbers(self):
        mine, theirs = torch.quasirandom.SobolEngine(21201), reference.quasirandom.SobolEngine(21201)
        np.testing.assert_array_equal(mine.sobolstate.numpy(), theirs.sobolstate.numpy())
        np.testing.assert_array_equal(mine.draw(20).numpy(), theirs.draw(20).numpy())

    @pytest.mark.parametrize("dimension", [1, 2, 3, 10, 40, 200])
    def test_points(self, dimension):
        mine, theirs = (t.quasirandom.SobolEngine(dimension) for t in (torch, reference))
        for name, *args in (
            ("draw", 1), ("draw", 3), ("fast_forward", 5), ("draw", 700), ("reset",), ("fast_forward", 1), ("draw", 2),
            ("reset",), ("draw_base2", 3), ("draw_base2", 3), ("draw_base2", 3),
        ):  # fmt: skip
            outcomes = []
            for engine in (mine, theirs):
                try:
                    outcomes.append(getattr(engine, name)(*args))
                except ValueError as error:
                    outcomes.append(type(error))
            if name.startswith("draw") and not isinstance(outcomes[1], type):
                np.testing.assert_array_equal(outcomes[0].numpy(), outcomes[1].numpy())
            elif isinstance(outcomes[1], type):
                assert outcomes[0] is outcomes[1]
            assert mine.num_generated == theirs.num_generated
            np.testing.assert_array_equal(mine.quasi.numpy(), theirs.quasi.numpy())
        assert repr(mine) == repr(theirs)

    def test_dtypes_and_out(self):
        for kind in ("float64", "float32"):
            drawn = [t.quasirandom.SobolEngine(2).draw(5, dtype=getattr(t, kind)) for t in (torch, reference)]
            np.testing.assert_array_equal(drawn[0].numpy(), drawn[1].numpy())
        out = torch.empty(0)
        assert torch.quasirandom.SobolEngine(2).draw(3, out=out) is out and out.shape == (3, 2)

    @pytest.mark.parametrize("dimension", [0, 21202, 1.5])
    def test_refuses(self, dimension):
        got, wanted = both(lambda t: t.quasirandom.SobolEngine(dimension))
        assert got is wanted

    def test_scrambled_points_lie_as_evenly(self):
        """Of the first 2^k points each interval of length 2^-k has one; two seeds give two sequences of mean 1/2."""
        drawn = [
            torch.quasirandom.SobolEngine(5, scramble=True, seed=seed).draw(256).double().numpy()
            for seed in range(40)
        ]
        for points in drawn:
            np.testing.assert_array_equal(
                np.sort(np.floor(points * 256), 0), np.arange(256)[:, None].repeat(5, 1)
            )
        again = torch.quasirandom.SobolEngine(5, scramble=True, seed=3).draw(256).double().numpy()
        np.testing.assert_array_equal(again, drawn[3])
        assert not np.array_equal(drawn[0], drawn[1])
        firsts = np.array([points[0] for points in drawn])
        assert abs(firsts.mean() - 0.5) < 4 * np.sqrt(1 / 12 / firsts.size)
        assert abs(firsts.var() - 1 / 12) < 0.02
