"""torch.profiler: what it notes against calls watched, clocks that are set, and counts by hand."""

from __future__ import annotations

import gzip
import json
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
    events = profiler.events()
    assert len(events) == len(watched)
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


def test_shapes_types_and_memory():
    x = torch.ones(2, 3)
    with (
        profile(activities=[CPU], record_shapes=True, profile_memory=True) as profiler,
        record_function("both"),
    ):
        torch.cat([x, x]).t()
        x.add_(1)
    both, cat, transposed, added = profiler.events()
    assert cat.input_shapes == [[[2, 3], [2, 3]], []] and cat.input_dtypes == ["TensorList", "Scalar"]
    assert transposed.input_shapes[0] == [4, 3] and added.input_shapes[:2] == [[2, 3], []]
    assert added.concrete_inputs[1] == "1" and added.input_dtypes[0] == "float32"
    assert (cat.cpu_memory_usage, transposed.cpu_memory_usage, added.cpu_memory_usage) == (48, 0, 0)
    assert both.cpu_memory_usage == 48 and both.self_cpu_memory_usage == 0
    assert "48 B" in profiler.key_averages().table()


def test_stacks_modules_and_flops(tmp_path):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(4, 3)

        def forward(self, x):
            return self.inner(x)

    net = Net()
    with profile(activities=[CPU], with_stack=True, with_modules=True, with_flops=True) as profiler:
        net(torch.ones(2, 4))
    event = next(event for event in profiler.events() if event.name == "aten::addmm")
    assert event.flops == 2 * 2 * 4 * 3 and event.module_hierarchy == "Net.Linear"
    assert event.stack[0].startswith(__file__) and event.stack[0].endswith(": forward")
    assert event.stack[1].endswith(": test_stacks_modules_and_flops")
    assert "tritonnn/nn/module.py" not in "".join(event.stack)
    innermost = profiler.key_averages(group_by_stack_n=1)
    assert [a.stack for a in innermost if a.key == "aten::addmm"] == [[event.stack[0]]]
    path = tmp_path / "stacks"
    profiler.export_stacks(str(path))
    line = next(line for line in path.read_text().splitlines() if "aten::addmm" in line)
    stack, _, figure = line.rpartition(" ")
    assert stack.split(";")[-2].endswith("forward") and int(figure) == int(event.self_cpu_time_total)
    with pytest.raises(ValueError, match="metric must be self_cpu_time_total"):
        profiler.export_stacks(str(path), "cpu_time")
    with profile(activities=[CPU]) as without:
        net(torch.ones(2, 4))
    with pytest.raises(ValueError, match="with_stack=True"):
        without.export_stacks(str(path))


def check_trace(trace):
    """That it has the form of Chrome's traces: complete events, each within the one around it."""
    rows = trace["traceEvents"]
    assert isinstance(trace["schemaVersion"], int) and trace["displayTimeUnit"] == "ms"
    for row in rows:
        assert row["ph"] in "XM" and isinstance(row["name"], str) and isinstance(row["args"], dict)
        assert {"pid", "tid", "ts"} <= row.keys()
    complete = [row for row in rows if row["ph"] == "X"]
    assert all(row["dur"] >= 0 and row["cat"] in ("cpu_op", "user_annotation", "kernel") for row in complete)
    host = [row for row in complete if row["cat"] != "kernel"]
    for a in host:
        for b in host:
            begin, end = a["ts"], a["ts"] + a["dur"]
            inside = begin <= b["ts"] and b["ts"] + b["dur"] <= end + 1e-3
            assert a is b or a["tid"] != b["tid"] or inside or b["ts"] >= end - 1e-3 or b["ts"] <= begin
    return complete


@pytest.mark.parametrize("name", ["trace.json", "trace.json.gz"])
def test_chrome_trace(tmp_path, name):
    with (
        profile(activities=[CPU], record_shapes=True, with_stack=True) as profiler,
        record_function("step", "number 3"),
    ):
        training_step()()
    profiler.add_metadata("run", "first")
    profiler.add_metadata_json("sizes", "[1, 2]")
    profiler.export_chrome_trace(str(tmp_path / name))
    content = (tmp_path / name).read_bytes()
    trace = json.loads(gzip.decompress(content) if name.endswith("gz") else content)
    complete = check_trace(trace)
    assert trace["run"] == "first" and trace["sizes"] == [1, 2] and trace["record_shapes"] == 1
    assert [row["name"] for row in complete] == [event.name for event in profiler.events()]
    product = next(row for row in complete if row["name"] == "aten::addmm")
    assert product["args"]["Input Dims"] == [[5, 4], [3, 4], [3]]
    assert product["args"]["Input Strides"] == [[4, 1], [4, 1], [1]]


def test_a_gpu_is_timed_by_its_events(tmp_path):
    x = torch.ones(3, device="cuda")
    with profile(profile_memory=True) as profiler, record_function("range"):
        y = (x + 1).view(3, 1)
        torch.ones(2)
    events = {event.name: event for event in profiler.events()}
    added = events["aten::add"]
    assert added.device_time_total > 0 and len(added.kernels) == 1 and added.kernels[0].device == 0
    assert not events["aten::view"].kernels and not events["aten::fill_"].kernels
    assert events["range"].device_time_total == added.device_time_total
    assert events["range"].self_device_time_total == 0
    assert added.device_memory_usage == 12 and added.cpu_memory_usage == 0
    assert "Self CUDA" in profiler.key_averages().table(sort_by="cuda_time_total")
    profiler.export_chrome_trace(str(tmp_path / "trace.json"))
    trace = json.loads((tmp_path / "trace.json").read_text())
    kernels = [row for row in check_trace(trace) if row["cat"] == "kernel"]
    assert [row["name"] for row in kernels] == ["aten::add"] and kernels[0]["pid"] == "GPU 0"
    assert kernels[0]["ts"] > 0 and trace["deviceClock"] in ("host", "device")
    assert y.shape == (3, 1)
    with profile(activities=[CUDA]) as gpu_alone:
        torch.ones(2)
        x.neg()
    assert [event.name for event in gpu_alone.events()] == ["aten::neg"]


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
    check_trace(json.loads(gzip.decompress(file.read_bytes())))


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
    assert not _watch.entered and not recorder.Recorder.running
    assert all([event.time_range.end >= event.time_range.start for event in profiler.events()])
    before = len(profiler.events())
    torch.ones(2)
    assert len(profiler.events()) == before


def test_calls_ask_for_hooks_only_while_there_are_some(monkeypatch):
    def never(*_):
        raise AssertionError("looked for hooks")

    for name in ("_call", "_pointwise", "_inplace", "_writing"):
        monkeypatch.setattr(f"tritonnn.dispatch.{name}.surrounded", never)
    training_step()()


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
