"""Names, refusals and files of the profiler beside PyTorch's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch as reference

import tritonnn
from tritonnn.autograd import profiler as older
from tritonnn.autograd import profiler_util

BOTH = pytest.mark.parametrize("library", [tritonnn, reference], ids=["tritonnn", "torch"])


def run(library: Any, program: Any, **options: Any) -> Any:
    with library.profiler.profile(activities=[library.profiler.ProfilerActivity.CPU], **options) as profiler:
        program()
    return profiler


@BOTH
def test_steps_of_optimizers_are_ranges(library: Any) -> None:
    parameter = library.nn.Parameter(library.ones(3))
    parameter.grad = library.ones(3)
    optimizer = library.optim.SGD([parameter], lr=0.1)
    events = run(library, optimizer.step).events()
    step = next(event for event in events if event.name == "Optimizer.step#SGD.step")
    assert step.cpu_children


@BOTH
def test_ranges_nest_and_metadata_is_in_the_trace(library: Any, tmp_path: Path) -> None:
    def program() -> None:
        with library.profiler.record_function("outer"), library.profiler.record_function("inner", "told"):
            library.ones(2) @ library.ones(2)

    profiler = run(library, program)
    profiler.add_metadata_json("more", "[1]")
    inner = next(event for event in profiler.events() if event.name == "inner")
    assert inner.cpu_parent.name == "outer"
    path = tmp_path / "trace.json"
    profiler.export_chrome_trace(str(path))
    assert {"outer", "inner"} <= {event.get("name") for event in json.loads(path.read_text())["traceEvents"]}


@BOTH
def test_stacks_have_to_be_asked_for(library: Any, tmp_path: Path) -> None:
    profiler = run(library, lambda: library.ones(2))
    with pytest.raises(AssertionError, match="export_stacks"):
        profiler.export_stacks(str(tmp_path / "stacks"))


def test_what_is_not_there_says_so() -> None:
    profiler = run(tritonnn, lambda: tritonnn.ones(2), profile_memory=True)
    for refused, text in (
        (lambda: profiler.export_memory_timeline("timeline.html"), "not noted.*profile_memory=True"),
        (lambda: profiler.toggle_collection_dynamic(False, []), "schedule="),
        (tritonnn.profiler.ExecutionTraceObserver, "Kineto"),
        (older.emit_itt, "emit_nvtx"),
    ):
        with pytest.raises(NotImplementedError, match=text):
            refused()
    with older.emit_itt(enabled=False):
        assert not tritonnn.profiler.kineto_available()
    profiler.preset_metadata_json("key", "{}")
    assert profiler_util.FunctionEvent is type(profiler.events()[0]) and profiler.events()[0].scope == 0
