"""torch.compile, torch.compiler and torch.jit: what they are given runs eagerly, and that is said."""

from __future__ import annotations

import copy
import re
import warnings

import pytest

import tritonnn as torch
import tritonnn.distributed.nn
import tritonnn.distributed.tensor
from tritonnn import errors, nn
from tritonnn._subclasses import fake_tensor


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setattr(errors, "_warned", set(), raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def test_a_compiled_module_is_the_module_inside():
    model = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
    compiled = torch.compile(model, mode="max-autotune")
    x = torch.randn(4, 3)
    assert isinstance(compiled, torch._dynamo.eval_frame.OptimizedModule) and compiled._orig_mod is model
    assert torch.equal(compiled(x), model(x))
    assert list(compiled.state_dict()) == ["_orig_mod.0.weight", "_orig_mod.0.bias"]
    assert compiled[0] is model[0] and len(compiled) == 2
    compiled.scale = 3
    assert model.scale == 3 and compiled.scale == 3
    compiled.eval()
    assert not model.training and not model[0].training
    del compiled.scale
    assert not hasattr(model, "scale")
    other = copy.deepcopy(compiled)
    assert torch.equal(other(x), compiled(x)) and other._orig_mod is not model
    compiled(x).sum().backward()
    assert model[0].weight.grad is not None


def test_a_compiled_function_is_called():
    calls = []

    @torch.compile(fullgraph=True, dynamic=True)
    def double(x, *, by=2):
        calls.append(x)
        return x * by

    assert double(torch.ones(1), by=3).item() == 3 and len(calls) == 1
    assert double.__name__ == "double" and callable(double._torchdynamo_orig_callable)
    assert torch.compile(double, disable=True) is double


def test_it_is_said_once():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.set_warn_always(True)
        try:
            torch.compile(nn.ReLU())
            nn.ReLU().compile()
        finally:
            torch.set_warn_always(False)
    assert [str(each.message).partition(":")[0] for each in caught] == ["torch.compile"] * 2
    assert "runs eagerly" in str(caught[0].message)


@pytest.mark.parametrize(
    "options, error, text",
    [
        ({"mode": "fast"}, RuntimeError, "Unrecognized mode=fast"),
        ({"mode": "default", "options": {}}, RuntimeError, "Either mode or options"),
        ({"backend": "none"}, torch._dynamo.exc.InvalidBackend, "Invalid backend: 'none'"),
        ({"backend": lambda graph, inputs: graph}, NotImplementedError, "no graph compiler"),
    ],
)
def test_refused(options, error, text):
    for compile in (lambda **o: torch.compile(nn.ReLU(), **o), nn.ReLU().compile):
        with pytest.raises(error, match=text):
            compile(**options)
    with pytest.raises(AssertionError, match="callable"):
        torch.compile(3)
    with pytest.raises(RuntimeError, match="stance"):
        torch.compiler.set_stance("fast")
    with pytest.raises(NotImplementedError, match="makes no graph"):
        torch._dynamo.explain(nn.ReLU())


def test_compiler_names():
    with torch.compiler.set_stance("force_eager"):
        assert not torch.compiler.is_compiling()
    assert torch.compiler.disable(max) is max and torch.compiler.disable()(max) is max
    assert "inductor" in torch.compiler.list_backends() and "eager" not in torch.compiler.list_backends()
    torch._dynamo.config.suppress_errors = True
    torch._inductor.config.triton.cudagraphs = False
    torch._dynamo.config.suppress_errors = False


def test_script_and_trace_give_what_they_are_given():
    calls = []

    class Net(nn.Module):
        def forward(self, x, by=1):
            calls.append(by)
            return x * by

        @torch.jit.export
        def twice(self, x):
            return x + x

        @torch.jit.ignore
        def ignored(self):
            return 1

        @torch.jit.unused
        def unused(self):
            return 2

        @torch.jit.ignore(drop=True)
        def dropped(self):
            return 3

    net = Net()
    assert torch.jit.script(net) is net and not calls
    assert torch.jit.trace(net, torch.ones(1)) is net and calls == [1]
    assert torch.jit.trace(net, example_kwarg_inputs={"x": torch.ones(1), "by": 4}) is net and calls == [1, 4]
    traced = torch.jit.trace_module(net, {"forward": (torch.ones(1), 5), "twice": torch.ones(1)})
    assert traced is net and calls == [1, 4, 5]
    assert (net.ignored(), net.unused(), net.dropped()) == (1, 2, 3)
    with pytest.raises(RuntimeError, match="eval mode"):
        torch.jit.freeze(net)
    assert torch.jit.freeze(net.eval()) is net
    assert not torch.jit.is_scripting() and not torch.jit.is_tracing()
    assert not isinstance(net, torch.jit.ScriptModule)


def test_torchscript_files_are_refused(tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        torch.jit.load(tmp_path / "model.pt")
    (tmp_path / "model.pt").write_bytes(b"PK")
    with pytest.raises(RuntimeError, match="state_dict"):
        torch.jit.load(tmp_path / "model.pt")
    with pytest.raises(RuntimeError, match="state_dict"):
        torch.jit.save(nn.ReLU(), tmp_path / "other.pt")
    assert not (tmp_path / "other.pt").exists()
    with pytest.raises(TypeError, match="function, class or module"):
        torch.jit.script(3)
    with pytest.raises(RuntimeError, match="example_inputs"):
        torch.jit.trace(nn.ReLU())


def test_one_process():
    assert not torch.distributed.is_available() and not torch.distributed.is_initialized()
    assert (torch.distributed.get_rank(), torch.distributed.get_world_size()) == (0, 1)
    assert not hasattr(torch.distributed, "TCPStore")
    with pytest.raises(AttributeError, match="one process"):
        torch.distributed.TCPStore  # noqa: B018


@pytest.mark.parametrize(
    "function",
    [
        torch.distributed.all_reduce,
        torch.distributed.init_process_group,
        torch.distributed.nn.all_reduce,
    ],
)
def test_what_needs_several_processes_imports_and_refuses_calls(function):
    name = f"{function.__module__.replace('tritonnn', 'torch')}.{function.__name__}"
    with pytest.raises(RuntimeError, match=rf"^{re.escape(name)}: .* one process"):
        function(torch.ones(1))
    assert torch.distributed.ReduceOp.SUM in torch.distributed.ReduceOp


def test_no_tensor_is_fake():
    assert not fake_tensor.is_fake(torch.ones(1)) and not fake_tensor.is_fake(torch.empty(1, device="meta"))
    for cls in (fake_tensor.FakeTensor, torch._subclasses.FakeTensorMode):
        with pytest.raises(NotImplementedError, match="have the device 'meta'"):
            cls()


@pytest.mark.parametrize(
    "cls",
    [
        torch.distributed.ProcessGroup,
        torch.distributed.GroupName,
        torch.distributed.device_mesh.DeviceMesh,
        torch.distributed.tensor.DTensor,
        nn.parallel.DistributedDataParallel,
    ],
)
def test_classes_of_several_processes_have_no_objects(cls):
    with pytest.raises(RuntimeError, match=f"^{cls.__name__}: .* one process"):
        cls(nn.ReLU())
    assert not isinstance(torch.ones(1), cls) and not isinstance(nn.ReLU(), cls)


def test_there_is_no_mesh_of_devices():
    assert issubclass(torch.distributed.tensor.DTensor, torch.Tensor)
    with pytest.raises(RuntimeError, match=r"init_device_mesh: .* one process"):
        torch.distributed.init_device_mesh("cpu", (1,))
    with pytest.raises(AttributeError, match=r"torch\.distributed\.tensor\.Shard.* one process"):
        torch.distributed.tensor.Shard  # noqa: B018
