"""What torch.profiler notes of calls, and the files it writes: against counts by hand and the form of the formats."""

from __future__ import annotations

import gzip
import json

import pytest

import tritonnn as torch
from tritonnn.profiler import ProfilerActivity, profile, record_function

nn = torch.nn
CPU, CUDA = ProfilerActivity.CPU, ProfilerActivity.CUDA


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
    with pytest.raises(AssertionError, match="with_stack=True"):
        without.export_stacks(str(path))


def check_trace(trace):
    """That it has the form of Chrome's traces: complete events, each within the one around it."""
    rows = trace["traceEvents"]
    assert isinstance(trace["schemaVersion"], int) and trace["displayTimeUnit"] == "ms"
    for row in rows:
        assert row["ph"] in "XM" and isinstance(row["name"], str) and isinstance(row["args"], dict)
        assert isinstance(row["ts"], (int, float)) and row["ts"] >= 0
        assert isinstance(row["pid"], (int, str)) and isinstance(row["tid"], (int, str))
        assert row["ph"] == "X" or (row["name"].endswith(("_name", "_labels", "_sort_index")) and row["args"])
    complete = [row for row in rows if row["ph"] == "X"]
    assert all(isinstance(row["dur"], (int, float)) for row in complete)
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
        nn.Linear(4, 3)(torch.ones(5, 4)).relu_().sum().backward()
    profiler.add_metadata("run", "first")
    profiler.add_metadata_json("sizes", "[1, 2]")
    profiler.export_chrome_trace(str(tmp_path / name))
    content = (tmp_path / name).read_bytes()
    text = gzip.decompress(content) if name.endswith("gz") else content
    trace = json.loads(text, parse_constant=pytest.fail)  # NaN and Infinity are no JSON
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
