"""torch.profiler: what it notes against calls watched, clocks that are set, and counts by hand."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import threading
from collections import Counter
from itertools import count

import pytest

import tritonnn as torch
from tritonnn import dispatch
from tritonnn.cuda import nvtx
from tritonnn.dispatch import _watch
from tritonnn.profiler import (
    ProfilerAction,
    ProfilerActivity,
    profile,
    record_function,
    schedule,
    tensorboard_trace_handler,
)
from tritonnn.profiler import _recorder as recorder
from tritonnn.recording.grad_mode import state

nn = torch.nn
CPU, CUDA = ProfilerActivity.CPU, ProfilerActivity.CUDA


def training_step(device="cpu"):
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(inplace=True), nn.Linear(3, 2)).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    def step():
        nn.functional.mse_loss(
            model(torch.ones(5, 4, device=device)), torch.zeros(5, 2, device=device)
        ).backward()
        optimizer.step()
        torch.add(model[2].bias.detach(), 1, out=torch.empty(2, device=device))

    return step


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on by a microsecond whenever it is asked."""
    ticks = count(0, 1000)
    monkeypatch.setattr(recorder.time, "perf_counter_ns", lambda: next(ticks))


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_every_table_call_is_an_event(device):
    step = training_step(device)
    step()
    watched = []
    with dispatch.watch(lambda op, args, results: watched.append(op.name)):
        step()
    with profile(activities=[CPU, CUDA] if device == "cuda" else [CPU]) as profiler:
        step()
    events = [event for event in profiler.events() if event.name.startswith("aten::")]
    assert len(events) == len(watched)
    assert [event.name for event in profiler.events() if event not in events] == ["Optimizer.step#SGD.step"]
    names = Counter(event.name for event in events)
    assert names["aten::addmm"] == 2 and names["aten::relu_"] == 1 and names["aten::threshold_backward"] == 1
    assert {event.name for event in events if event.is_backward} >= {"aten::mm", "aten::threshold_backward"}
    assert not [event for event in events if event.name == "aten::addmm" and event.is_backward]


def test_times_total_and_self(clock):
    with profile(activities=[CPU]) as profiler, record_function("outer"), record_function("inner"):
        torch.ones(1).neg()
    by_name = {event.name: event for event in profiler.events()}
    outer, inner = by_name["outer"], by_name["inner"]
    fill, neg = by_name["aten::fill_"], by_name["aten::neg"]
    # asked: by the profiler at 0, outer at 1, inner at 2, fill at 3 and again as it runs at 4, at its end 5, neg at 6
    # and 7, at its end 8, at the ends of inner and outer
    assert (outer.time_range.start, outer.time_range.end) == (1.0, 10.0)
    assert (inner.time_range.start, inner.time_range.end) == (2.0, 9.0)
    assert (fill.time_range.start, fill.time_range.end) == (4.0, 5.0)
    assert (neg.time_range.start, neg.time_range.end) == (7.0, 8.0)
    assert outer.cpu_time_total == 9.0 and outer.self_cpu_time_total == 2.0
    assert inner.cpu_time_total == 7.0 and inner.self_cpu_time_total == 5.0
    assert neg.cpu_parent is inner and inner.cpu_parent is outer and outer.cpu_parent is None
    assert [child.name for child in inner.cpu_children] == ["aten::fill_", "aten::neg"]
    assert profiler.self_cpu_time_total == 9.0 and profiler.total_average().count == 4


def test_averages_and_their_table(clock):
    with profile(activities=[CPU], record_shapes=True) as profiler:
        for n in (2, 2, 3):
            torch.ones(n).neg()
    by_name = {average.key: average for average in profiler.key_averages()}
    assert by_name["aten::neg"].count == 3 and by_name["aten::neg"].cpu_time_total == 3.0
    assert by_name["aten::neg"].cpu_time == 1.0
    shaped = profiler.key_averages(group_by_input_shape=True)
    assert {str(a.input_shapes): a.count for a in shaped if a.key == "aten::neg"} == {"[[2]]": 2, "[[3]]": 1}
    table = profiler.key_averages().table(sort_by="count", row_limit=1)
    assert "aten::fill_" in table and "aten::neg" not in table and "Self CPU time total: 6.000us" in table
    assert "aten::neg" in profiler.key_averages().table(row_limit=-1)
    lines = shaped.table(sort_by="self_cpu_time_total").splitlines()
    assert lines[1].split()[0] == "Name" and "[[2]]" in "".join(lines)
    assert max([line.find("[[3]]") for line in lines]) > max([line.find("aten::neg") for line in lines]) > 0
    with pytest.raises(AttributeError, match=r"sort_by must be one of .*cpu_time_total.*, got 'time'"):
        profiler.key_averages().table(sort_by="time")


def test_top_level_events_and_header():
    with profile(activities=[CPU]) as profiler, record_function("outer"):
        torch.ones(2)
    text = profiler.events().table(top_level_events_only=True, header="a heading")
    assert "outer" in text and "aten::fill_" not in text and "a heading" in text
    long = profiler.events().table(max_name_column_width=5)
    assert "ou..." not in long and "at..." in long


def test_schedule_and_handlers(tmp_path):
    ready = []

    def keep(profiler):
        ready.append((profiler.step_num, [event.name for event in profiler.events()]))

    plan = schedule(skip_first=1, wait=1, warmup=1, active=2, repeat=2)
    with profile(activities=[CPU], schedule=plan, on_trace_ready=keep) as profiler:
        for _ in range(12):
            torch.ones(1)
            profiler.step()
    assert ready == [
        (5, ["ProfilerStep#3", "aten::fill_", "ProfilerStep#4", "aten::fill_"]),
        (9, ["ProfilerStep#7", "aten::fill_", "ProfilerStep#8", "aten::fill_"]),
    ]
    write = tensorboard_trace_handler(str(tmp_path / "log"), "me", use_gzip=True)
    with profile(activities=[CPU], on_trace_ready=write):
        torch.ones(1)
    (file,) = (tmp_path / "log").iterdir()
    assert file.name.startswith("me.") and file.name.endswith(".pt.trace.json.gz")
    trace = json.loads(gzip.decompress(file.read_bytes()))
    assert "aten::fill_" in [row["name"] for row in trace["traceEvents"]]


@pytest.mark.filterwarnings("ignore:Profiler won't be using warmup")
def test_stretches_are_kept_where_asked():
    plan = schedule(wait=0, warmup=0, active=1)
    for kept, expected in ((False, 2), (True, 4)):
        with profile(activities=[CPU], schedule=plan, acc_events=kept) as profiler:
            torch.ones(1)
            profiler.step()
            torch.ones(1)
        assert len(profiler.events()) == expected


def test_a_schedule_without_warmup_warns():
    with pytest.warns(UserWarning, match="Profiler won't be using warmup, this can skew profiler results"):
        schedule(wait=1, warmup=0, active=1)


def test_a_schedule_that_stops_recording_warns():
    actions = [ProfilerAction.RECORD, ProfilerAction.NONE]
    with (
        pytest.warns(UserWarning, match="RECORD followed by NONE"),
        profile(activities=[CPU], schedule=lambda step: actions[min(step, 1)]) as profiler,
    ):
        torch.ones(1)
        profiler.step()
        torch.zeros(1)
    assert len(profiler.events()) == 2


def test_only_the_thread_that_profiles():
    with profile(activities=[CPU]) as profiler:
        thread = threading.Thread(target=lambda: torch.ones(2).neg())
        thread.start()
        thread.join()
        torch.ones(2)
    assert [event.name for event in profiler.events()] == ["aten::fill_"]


def test_backward_on_fresh_stacks_is_seen():
    """Backward within backward goes on in other threads from the twentieth level on."""

    class Deeper(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, depth):
            ctx.depth = depth
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            if ctx.depth:
                with torch.enable_grad():
                    Deeper.apply(torch.ones(1, requires_grad=True), ctx.depth - 1).backward()
            return g.neg(), None

    x = Deeper.apply(torch.ones(1, requires_grad=True), 25)
    with profile(activities=[CPU]) as profiler:
        x.backward()
    assert sum([event.name == "aten::neg" for event in profiler.events()]) == 26


def test_a_call_that_fails_ends_and_nothing_stays():
    with pytest.raises(RuntimeError), profile(activities=[CPU]) as profiler:
        torch.ones(2) @ torch.ones(3, 4)
    assert not {*_watch.entered} - {*_watch.below} and not state.around and not recorder.Recorder.running
    assert all([event.time_range.end >= event.time_range.start for event in profiler.events()])
    before = len(profiler.events())
    torch.ones(2)
    assert len(profiler.events()) == before


def test_calls_ask_for_hooks_only_while_there_are_some(monkeypatch):
    def never(*_):
        raise AssertionError("looked for hooks")

    for name in ("_call", "_pointwise", "_inplace", "_writing"):
        monkeypatch.setattr(f"tritonnn.dispatch.{name}.surrounded", never)
    for name in (
        "_call",
        "_pointwise",
        "_inplace",
        "_writing",
    ):  # other tests have classes that are to be asked
        monkeypatch.setattr(f"tritonnn.dispatch.{name}.entered", [])
    training_step()()


def test_without_a_class_that_is_to_be_asked_the_list_is_empty():
    code = "import tritonnn as t, tritonnn.masked; t.nn.Linear(1, 1); assert not t.dispatch._watch.entered"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_sparse_operands_are_events_of_what_computes_them():
    x = torch.sparse_coo_tensor([[0, 1]], [1.0, 2.0], (3,))
    with profile(activities=[CPU]) as profiler:
        (x * 2).to_dense()
    assert profiler.events() and all([event.time_range.elapsed_us() >= 0 for event in profiler.events()])


def test_record_function_decorates():
    @record_function("named")
    def double(x):
        return x * 2

    with profile(activities=[CPU]) as profiler:
        double(torch.ones(1))
    assert [event.name for event in profiler.events()] == ["aten::fill_", "named", "aten::mul"]
    assert double.__name__ == "double"
    with record_function("outside"):
        assert double(torch.ones(1)).item() == 2


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda: profile(activities=[]), AssertionError, "No valid profiler activities found"),
        (lambda: profile(activities=["cpu"]), TypeError, "activities must be ProfilerActivity, got 'cpu'"),
        (lambda: profile(experimental_config=1), NotImplementedError, "experimental_config is Kineto's"),
        (lambda: profile(activities=[CPU]).events(), AssertionError, "Profiler didn't finish running"),
        (lambda: record_function(3), TypeError, "name must be str, not int"),
        (lambda: schedule(wait=-1, warmup=0, active=1), AssertionError, "wait must not be negative, got -1"),
        (lambda: schedule(wait=0, warmup=1, active=0), AssertionError, "active must be at least 1, got 0"),
        (lambda: torch.autograd.profiler.profile(use_device="xpu"), ValueError, "None or 'cuda', got 'xpu'"),
        (lambda: torch.autograd.profiler.profile(use_cpu=False), AssertionError, "need use_device='cuda'"),
    ],
)
def test_refusals(call, kind, text):
    with pytest.raises(kind, match=text):
        call()


def test_the_older_profiler():
    with torch.autograd.profiler.profile(record_shapes=True) as profiler:
        torch.ones(2).neg()
    assert [event.name for event in profiler.function_events] == ["aten::fill_", "aten::neg"]
    assert "aten::neg" in profiler.table(sort_by="cpu_time_total") and "aten::neg" in str(profiler)
    with torch.autograd.profiler.profile(enabled=False) as off:
        torch.ones(2)
    assert off is None
    with pytest.raises(RuntimeError, match="not reentrant"):
        profiler.__enter__()


def test_emit_nvtx(monkeypatch):
    said = []

    class Fake:
        push_range = staticmethod(said.append)
        pop_range = staticmethod(lambda: said.append("end"))

    monkeypatch.setattr(nvtx, "_library", Fake)
    x = torch.ones(2, 3)
    with torch.autograd.profiler.emit_nvtx(record_shapes=True):
        x.neg()
    assert said == ["aten::neg, sizes = [[2, 3]]", "end"]
    assert nvtx.range_pop() == -2


def test_step_counts_of_several():
    tracker = torch.autograd.profiler.KinetoStepTracker
    start = tracker.current_step()
    tracker.init_step_count("a")
    tracker.init_step_count("b")
    assert tracker.increment_step("a") == start + 1
    assert tracker.increment_step("b") == start + 1 and tracker.increment_step("b") == start + 2
    assert tracker.current_step() == start + 2
    assert (
        tracker.erase_step_count("a") and tracker.erase_step_count("b") and not tracker.erase_step_count("b")
    )
