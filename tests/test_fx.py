"""torch.fx: what recorded modules compute, keep and are saved as; refusals that are this library's own."""

from __future__ import annotations

import copy
import importlib
import io
import math
import operator
import pickle
import subprocess
import sys

import numpy as np
import pytest

import tritonnn as torch
from tritonnn import fx, nn
from tritonnn.fx.experimental.optimization import fuse
from tritonnn.fx.experimental.proxy_tensor import make_fx
from tritonnn.fx.passes.operator_support import OperatorSupport
from tritonnn.fx.passes.shape_prop import ShapeProp
from tritonnn.fx.passes.split_module import split_module


def helper(x, by=2):
    return x * by if x.sum() > 0 else x


fx.wrap("helper")


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.bn = nn.BatchNorm2d(2)
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(8, 3))
        self.scale = nn.Parameter(torch.tensor(2.0))
        self.register_buffer("shift", torch.tensor(0.5))

    def forward(self, x):
        return self.head(torch.relu(self.bn(self.conv(x)))) * self.scale + self.shift


def image():
    return torch.randn(2, 1, 4, 4)


def test_a_recorded_module_computes_and_learns_the_same():
    model = Net()
    recorded, x = fx.symbolic_trace(model), image()
    assert torch.equal(recorded(x), model(x))
    assert {name: id(p) for name, p in recorded.named_parameters()} == {
        n: id(p) for n, p in model.named_parameters()
    }
    assert sorted(recorded.state_dict()) == sorted(model.state_dict())
    recorded(x).sum().backward()
    assert model.scale.grad is not None
    seen = []
    recorded.register_forward_hook(lambda module, args, result: seen.append(result.shape))
    recorded(x)
    assert seen == [(2, 3)]
    recorded.eval()
    assert not recorded.bn.training and not recorded.training


def test_a_wrapped_function_is_one_node_and_runs_as_it_is():
    recorded = fx.symbolic_trace(lambda x: helper(x, by=3) + math.sqrt(4))
    assert [n.name for n in recorded.graph.nodes] == ["x", "helper", "add", "output"]
    assert recorded(torch.ones(1)).item() == 5 and recorded(-torch.ones(1)).item() == 1
    assert "def helper" not in recorded.code and fx.symbolic_trace(recorded).code == recorded.code


def test_changed_graphs():
    model = Net()
    recorded = fx.symbolic_trace(model)
    for node in recorded.graph.find_nodes(op="call_function", target=torch.relu):
        with recorded.graph.inserting_after(node):
            new = recorded.graph.call_function(torch.tanh, node.args)
        node.replace_all_uses_with(new)
        recorded.graph.erase_node(node)
    recorded.graph.lint()
    recorded.recompile()
    x = image()
    wanted = model.head(torch.tanh(model.bn(model.conv(x)))) * model.scale + model.shift
    assert torch.equal(recorded(x), wanted)


def test_copies_share_nothing():
    recorded = fx.symbolic_trace(Net())
    recorded.note = {"a": [1]}
    recorded.meta["b"] = 2
    other = copy.deepcopy(recorded)
    x = image()
    assert torch.equal(other(x), recorded(x)) and other.code == recorded.code
    assert other.scale is not recorded.scale and other.graph is not recorded.graph
    assert other.note == {"a": [1]} and other.note is not recorded.note and other.meta == {"b": 2}
    other.graph.erase_node(other.graph.output_node())
    assert recorded.graph.output_node()


@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
def test_pickled_modules(protocol):
    recorded, x = fx.symbolic_trace(Net()), image()
    loaded = pickle.loads(pickle.dumps(recorded, protocol))
    assert torch.equal(loaded(x), recorded(x)) and str(loaded.graph) == str(recorded.graph)
    assert list(loaded.state_dict()) == list(recorded.state_dict())


def test_pickled_modules_that_take_structures_apart():
    recorded = fx.symbolic_trace(
        lambda a: {"s": a["x"] + a["y"]}, concrete_args={"a": {"x": fx.PH, "y": fx.PH}}
    )
    given = {"x": torch.ones(2), "y": torch.ones(2)}
    for module in (recorded, pickle.loads(pickle.dumps(recorded)), copy.deepcopy(recorded)):
        assert module(given)["s"].tolist() == [2, 2]
    assert fx.Interpreter(recorded).run(given)["s"].tolist() == [2, 2]


def test_loading_runs_no_code_unless_told_to():
    """The source in the file is run when it is unpickled, so the default of torch.load refuses it."""
    recorded, buffer = fx.symbolic_trace(Net()), io.BytesIO()
    torch.save(recorded, buffer)
    buffer.seek(0)
    with pytest.raises(pickle.UnpicklingError, match="reduce_graph_module"):
        torch.load(buffer)
    buffer.seek(0)
    x = image()
    assert torch.equal(torch.load(buffer, weights_only=False)(x), recorded(x))


def test_a_folder_is_a_package(tmp_path, monkeypatch):
    recorded, x = fx.symbolic_trace(Net()), image()
    with pytest.warns(UserWarning, match="saved as pickled files"):
        recorded.to_folder(tmp_path / "written_net", "Written")
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("written_net").Written()
    assert torch.equal(module(x), recorded(x))
    assert sorted(module.state_dict()) == sorted(recorded.state_dict())


def test_an_error_shows_the_line_of_the_code(capsys):
    recorded = fx.symbolic_trace(lambda x, y: torch.relu(x) @ y)
    with pytest.raises(RuntimeError, match="matmul"):
        recorded(torch.ones(2, 3), torch.ones(2, 3))
    told = capsys.readouterr().err
    assert "line 6 of the traced Module's generated forward function" in told and "matmul = relu @ y" in told
    with pytest.raises(RuntimeError, match=r"While executing %matmul : \[num_users=1\]"):
        fx.Interpreter(recorded).run(torch.ones(2, 3), torch.ones(2, 3))


def test_an_interpreter_lets_go_of_values():
    recorded = fx.symbolic_trace(lambda x: torch.relu(x + 1) * 2)
    seen = []

    class Watching(fx.Interpreter):
        def run_node(self, n):
            seen.append(sorted(node.name for node in self.env))
            return super().run_node(n)

    inputs = [torch.ones(1)]
    assert Watching(recorded).boxed_run(inputs).item() == 4 and not inputs
    assert seen == [["x"], ["add"], ["relu"], ["mul"]]
    known = {next(iter(recorded.graph.nodes)): torch.zeros(1)}
    assert fx.Interpreter(recorded).run(initial_env=known).item() == 2


def test_fused_convolutions():
    model, x = Net(), image()
    for _ in range(3):
        model(x)
    model.eval()
    fused = fuse(model)
    assert not [m for m in fused.modules() if isinstance(m, nn.BatchNorm2d)]
    np.testing.assert_allclose(fused(x).detach().numpy(), model(x).detach().numpy(), rtol=1e-5, atol=1e-6)
    assert isinstance(model.bn, nn.BatchNorm2d)


def test_parts_run_one_after_another():
    recorded, x = fx.symbolic_trace(Net()), image()
    place = {node: number for number, node in enumerate(recorded.graph.nodes)}
    names = {}
    parts = split_module(recorded, recorded, lambda node: place[node] // 3, names, keep_original_order=True)
    assert len([n for n, _ in parts.named_children() if n.startswith("submod")]) > 2
    assert torch.equal(parts(x), recorded(x)) and names["submod_0.conv"] == "conv"
    turn = iter("abab")
    with pytest.raises(RuntimeError, match="cycle exists between partitions"):
        chain = fx.symbolic_trace(lambda x: ((x + 1) * 2 - 3) / 4)
        split_module(chain, chain, lambda node: next(turn))


def test_shapes_are_noted():
    recorded = fx.symbolic_trace(Net())
    ShapeProp(recorded).propagate(image())
    noted = {n.name: n.meta["tensor_meta"] for n in recorded.graph.nodes if "tensor_meta" in n.meta}
    assert noted["conv"].shape == (2, 2, 2, 2) and noted["add"].dtype is torch.float32
    assert noted["conv"].memory_format is torch.contiguous_format
    with pytest.raises(NotImplementedError, match="fake"):
        ShapeProp(recorded, fake_mode=object())


def test_what_a_backend_supports():
    recorded = fx.symbolic_trace(Net())
    support = OperatorSupport(
        {"torch.nn.modules.conv.Conv2d": None, "torch.relu": None, "_operator.mul": None}
    )
    modules = dict(recorded.named_modules())
    names = [n.name for n in recorded.graph.nodes if support.is_node_supported(modules, n) and "call" in n.op]
    assert names == ["conv", "relu", "mul"]


def test_make_fx_follows_gradients():
    def f(x):
        return torch.autograd.grad((x * x).sum(), x)

    x = torch.tensor([1.0, 2.0], requires_grad=True)
    recorded = make_fx(f)(x)
    assert recorded(torch.tensor([3.0, 4.0]))[0].tolist() == [6, 8]
    with pytest.raises(NotImplementedError, match="tracing_mode='symbolic'"):
        make_fx(f, tracing_mode="symbolic")


def test_asserts_are_recorded_when_asked_for():
    names = {}  # compiled here, as pytest puts other code in the place of asserts
    exec("def f(x):\n    assert x.sum() > 0, 'positive'\n    return x", names)

    class Asserting(fx.Tracer):
        trace_asserts = True

    recorded = fx.GraphModule(nn.Module(), Asserting().trace(names["f"]))
    assert recorded(torch.ones(1)).item() == 1
    with pytest.raises(AssertionError, match="positive"):
        recorded(-torch.ones(1))


def test_writing_may_be_refused():
    class Pure(fx.Tracer):
        check_mutable_operations = True

    for writes in (
        lambda x: torch.relu_(x),
        lambda x: torch.add(x, 1, out=x),
        lambda x: operator.iadd(x, 1) and x,
    ):
        with pytest.raises((RuntimeError, fx.proxy.TraceError), match=r"mutable operation|control flow"):
            Pure().trace(writes)


def test_shapes_of_parameters_may_be_numbers():
    class Sized(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.ones(2, 3))

        def forward(self, x):
            return x @ self.w if self.w.shape[0] == 2 and self.w.numel() == 6 else x

    model = Sized()
    graph = fx.Tracer(param_shapes_constant=True).trace(model)
    assert fx.GraphModule(model, graph)(torch.ones(1, 2)).shape == (1, 3)
    with pytest.raises(fx.proxy.TraceError, match="control flow"):
        fx.Tracer().trace(model)


def test_all_is_as_before_after_a_refusal():
    call, read, root = nn.Module.__call__, nn.Module.__getattr__, math.sqrt
    with pytest.raises(fx.proxy.TraceError):
        fx.symbolic_trace(lambda x: math.sqrt(x) if x else x)
    assert nn.Module.__call__ is call and nn.Module.__getattr__ is read and math.sqrt is root
    assert math.sqrt(4) == 2 and not fx._symbolic_trace.is_fx_tracing()


def test_lines_of_the_body_may_be_changed():
    recorded = fx.symbolic_trace(lambda x: x + 1)
    with recorded.graph.on_generate_code(lambda before: lambda body: ["print('begins')\n", *body]):
        recorded.recompile()
        assert "print('begins')" in recorded.code
    recorded.recompile()
    assert "print" not in recorded.code


def test_a_codegen_of_ones_own():
    class ListIn(fx.CodeGen):
        def gen_fn_def(self, free_vars, maybe_return_annotation):
            return f"def forward(self, args){maybe_return_annotation}:\n    {', '.join(free_vars)} = args"

        def process_inputs(self, *inputs):
            return tuple(inputs[0])

    recorded = fx.symbolic_trace(lambda x, y: x - y)
    recorded.graph.set_codegen(ListIn())
    recorded.recompile()
    args = [torch.tensor(3), torch.tensor(1)]
    assert recorded(args).item() == 2 and fx.Interpreter(recorded).run(args).item() == 2
    assert copy.deepcopy(recorded)(args).item() == 2


def test_missing_packages_are_named(monkeypatch):
    recorded = fx.symbolic_trace(lambda x: x)
    for module in ("tabulate", "pydot"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match="tabulate"):
        recorded.graph.print_tabular()
    with pytest.raises(RuntimeError, match="pydot"):
        importlib.import_module("tritonnn.fx.passes.graph_drawer").FxGraphDrawer(recorded, "name")


SERVED = """
import pickle, sys, torch, torch.fx as fx, torch.nn as nn
model = fx.symbolic_trace(nn.Sequential(nn.Linear(2, 2), nn.ReLU()))
assert type(model).__module__ == "torch.fx.graph_module" and fx.Node.__module__ == "torch.fx.node"
x = torch.ones(1, 2)
assert torch.equal(pickle.loads(pickle.dumps(model))(x), model(x))
model.to_folder(sys.argv[1], "Net")
assert "import torch" in open(sys.argv[1] + "/module.py").read()
assert "tritonnn" not in open(sys.argv[1] + "/module.py").read()
print(fx.symbolic_trace(lambda x: torch.nn.functional.linear(x, x)).code.split()[5])
"""


def test_served_as_torch(tmp_path):
    (tmp_path / "script.py").write_text(SERVED)
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "tritonnn",
        "run",
        str(tmp_path / "script.py"),
        str(tmp_path / "out"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "torch._C._nn.linear(x,"


def test_the_type_of_tensors_is_an_annotation():
    def forward(x: torch.TensorType) -> torch.TensorType:
        return x

    assert forward.__name__ == "forward"
    with pytest.raises(NotImplementedError, match="TensorType"):
        torch.TensorType()
