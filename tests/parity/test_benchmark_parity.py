"""Measurements, and tables of them, read as PyTorch's; what is timed is run as often as asked for."""

from __future__ import annotations

import math
import pickle

import pytest
import torch.utils.benchmark as theirs

import tritonnn.utils.benchmark as mine

BOTH = pytest.mark.parametrize("library", [mine, theirs], ids=["tritonnn", "torch"])

TIMES = {
    "steady": ([1.0e-6, 1.01e-6, 1.02e-6, 0.99e-6, 1e-6], 10),
    "same": ([2.0e-6] * 5, 10),
    "noisy": ([3.0e-3, 3.3e-3, 4e-3, 5e-3, 2.5e-3], 10),
    "slightly noisy": ([1.0, 1.1, 1.2, 1.3, 1.15, 1.05], 1),
    "four": ([8e-3, 8.1e-3, 8.05e-3, 8e-3], 100),
    "two": ([1e-4, 1.01e-4], 1),
    "one": ([12.3456e-6], 1),
    "seconds": ([1.5], 1),
    "nanoseconds": ([3e-9, 3.1e-9, 3e-9], 1000),
}
SPECS = {
    "plain": {},
    "named": {"label": "add", "sub_label": "small", "description": "mine"},
    "lines": {"stmt": "f(x)\ng(y)", "setup": "import torch\nx=3", "num_threads": 3},
    "set up": {"setup": "x = 1", "env": "there", "label": "add"},
    "described": {"description": "what", "num_threads": 2},
}


def _measured(library, times, **spec):
    seconds, number = TIMES[times]
    task = library.TaskSpec(**{"stmt": "x + 1", "setup": "pass", **spec})
    return library.Measurement(number, [t * number for t in seconds], task)


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("times", TIMES)
def test_a_measurement_reads_alike(times, spec):
    a, b = (_measured(library, times, **SPECS[spec]) for library in (mine, theirs))
    assert repr(a).split("\n", 1)[1] == repr(b).split("\n", 1)[1]
    for name in ("median", "mean", "iqr"):
        assert math.isclose(getattr(a, name), getattr(b, name), rel_tol=1e-9, abs_tol=1e-18)
    for name in (
        "significant_figures",
        "has_warnings",
        "title",
        "as_row_name",
        "env",
        "label",
        "num_threads",
    ):
        assert getattr(a, name) == getattr(b, name), name
    assert a.task_spec.summarize() == b.task_spec.summarize()
    assert a.task_spec.setup_str() == b.task_spec.setup_str()
    assert a.meets_confidence(0.01) == b.meets_confidence(0.01)
    assert pickle.loads(pickle.dumps(a)) == a


def _table(library, kind):
    def of(times, sub_label, description, **more):
        return _measured(library, times, label="add", sub_label=sub_label, description=description, **more)

    if kind == "places":
        return library.Compare([of("same", "s", "d", env="one"), of("one", "s", "d", env="two")])
    table = library.Compare([of("steady", "small", "mine"), of("same", "small", "theirs")])
    if kind == "one":
        return library.Compare([of("steady", "small", "mine")])
    table.extend_results([of("noisy", "large one", "mine"), of("four", "large one", "theirs", num_threads=2)])
    table.extend_results([of("steady", "small", "mine"), of("seconds", "huge", "a long description")])
    if "trimmed" in kind:
        table.trim_significant_figures()
    if "warned" in kind:
        table.highlight_warnings()
    if "colored" in kind:
        table.colorize(rowwise="rows" in kind)
    return table


KINDS = ["one", "plain", "trimmed", "warned", "colored", "colored rows", "trimmed warned colored", "places"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_reads_alike(kind, capsys):
    assert str(_table(mine, kind)) == str(_table(theirs, kind))
    _table(mine, kind).print()
    assert capsys.readouterr().out == str(_table(theirs, kind)) + "\n"


def test_measurements_of_one_task_are_merged():
    for library in (mine, theirs):
        merged = library.Measurement.merge([_measured(library, "four"), _measured(library, "four")])
        assert [len(each.times) for each in merged] == [8]
        mixed = [_measured(library, "four"), _measured(library, "one")]
        assert [each.number_per_run for each in library.Measurement.merge(mixed)] == [1]


@BOTH
def test_what_is_timed_is_run(library):
    ran = []
    timed = library.Timer("ran.append(n)", "n = 3", globals={"ran": ran}, label="L", num_threads=1)
    found = timed.timeit(200)
    assert ran == [3] * 202 and found.number_per_run == 200 and found.label == "L"
    seen = []
    found = timed.blocked_autorange(lambda number, seconds: seen.append((number, seconds)), min_run_time=0.01)
    assert sum(found.raw_times) >= 0.01
    assert [seconds for _, seconds in seen] == found.raw_times
    assert {number for number, _ in seen} == {found.number_per_run}
    assert timed.adaptive_autorange(min_run_time=0.001, max_run_time=0.05).median > 0
    assert library.Timer("  x = 1\n  y = x").timeit(2).stmt == "x = 1\ny = x"
    ticks = iter(range(100))
    assert library.Timer("1", timer=lambda: float(next(ticks))).timeit(4).times == [0.25]


@BOTH
@pytest.mark.parametrize(
    "make, error",
    [
        (lambda library: library.Timer(3), ValueError),
        (lambda library: library.Timer("1", language="french"), ValueError),
        (lambda library: library.Timer("1", global_setup="int x;"), ValueError),
        (lambda library: library.Timer("1 / 0").timeit(1), ZeroDivisionError),
        (lambda library: library.Timer("def").timeit(1), SyntaxError),
        (lambda library: library.Timer("1").repeat(), NotImplementedError),
        (lambda library: library.Timer("1").autorange(), NotImplementedError),
        (lambda library: library.Timer("1", num_threads=0).timeit(1), RuntimeError),
        (lambda library: library.Compare([3]), ValueError),
        (lambda library: library.unit_to_english("q"), KeyError),
    ],
)
def test_bad_input(library, make, error):
    with pytest.raises(error):
        make(library)


def test_numbers_and_units():
    for seconds in (2e-9, 3e-7, 1e-6, 0.02, 1.0, 5000.0):
        assert mine.select_unit(seconds) == theirs.select_unit(seconds)
    for value, figures in ((123.456, 2), (0.00123456, 3), (9.99, 1)):
        assert math.isclose(
            mine.trim_sigfig(value, figures), theirs.trim_sigfig(value, figures), rel_tol=1e-6
        )
    assert mine.ordered_unique([3, 1, 3]) == [3, 1]
    with pytest.raises(NotImplementedError, match="Valgrind"):
        mine.Timer("1").collect_callgrind()
    with pytest.raises(ValueError, match="Python"):
        mine.Timer("1", language="c++")
    with pytest.raises(AttributeError, match="Fuzzer"):
        mine.Fuzzer  # noqa: B018
