"""torch.fx: graphs, code, names and refusals of the same programs in both libraries."""

from __future__ import annotations

import inspect
import math
import operator
import re
import types
import warnings

import fx_programs
import pytest
import torch as reference
import torch.fx as reference_fx

import tritonnn as torch
import tritonnn.fx as fx
from tritonnn.fx._naming import lookup, qualified_name, snake_case

BOTH = ((torch, fx), (reference, reference_fx))


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("program", fx_programs.PROGRAMS, ids=lambda program: program.__name__)
@pytest.mark.parametrize("text", ["graph", "code", "str"])
def test_a_program_reads_alike(program, text):
    mine, theirs = (lib_fx.symbolic_trace(program(lib)) for lib, lib_fx in BOTH)
    told = {"graph": lambda m: str(m.graph), "code": lambda m: m.code, "str": str}[text]
    assert told(mine) == told(theirs)


@pytest.mark.parametrize(
    "program", [fx_programs.block, fx_programs.nested], ids=lambda program: program.__name__
)
def test_all_layers_may_be_followed(program):
    found = []
    for lib, lib_fx in BOTH:
        tracer = type("T", (lib_fx.Tracer,), {"is_leaf_module": lambda self, m, name: False})()
        model = program(lib)
        graph = tracer.trace(model)
        scopes = {
            name: (path, kind and kind.__name__) for name, (path, kind) in tracer.node_name_to_scope.items()
        }
        stacks = [list(n.meta.get("nn_module_stack", {}).items()) for n in graph.nodes]
        stacks = [[(key, path, kind.__name__) for key, (path, kind) in stack] for stack in stacks]
        found.append((str(graph), lib_fx.GraphModule(model, graph).code, scopes, stacks))
    assert found[0] == found[1]


CONCRETE = [
    {"b": True},
    {"b": 1, "y": {"a": "PH"}},
    {"b": None},
    {"b": "s"},
    {"b": 2.5},
    {"b": 0, "y": {"a": "PH"}},
]


@pytest.mark.parametrize("given", CONCRETE, ids=str)
def test_arguments_that_are_always_the_same(given):
    def f(x, y, b):
        return x + y["a"] if b else {"out": (x - y["a"], x)}

    found = []
    for lib, lib_fx in BOTH:
        concrete = {k: {"a": lib_fx.PH} if isinstance(v, dict) else v for k, v in given.items()}
        module = lib_fx.symbolic_trace(f, concrete_args=concrete)
        args = (lib.ones(2), {"a": lib.ones(2)}, given["b"])
        found.append(
            (str(module.graph), module.code, str(module(*args)), str(lib_fx.Interpreter(module).run(*args)))
        )
    assert found[0] == found[1]


@pytest.mark.parametrize("number", range(len(fx_programs.refused(torch))))
def test_refusals(number):
    raised = []
    for lib, lib_fx in BOTH:
        with pytest.raises(Exception) as caught:
            lib_fx.symbolic_trace(fx_programs.refused(lib)[number])
        text = str(caught.value).partition(" See the torch.fx docs")[0].partition(" Hint:")[0]
        raised.append((type(caught.value).__name__, text))
    assert raised[0] == raised[1]


def graph_of(lib, lib_fx):
    graph = lib_fx.Graph()
    x = graph.placeholder("x")
    relu = graph.call_function(lib.relu, (x,))
    graph.output(graph.call_function(operator.add, (relu, relu)))
    return graph


def edits(lib, lib_fx):
    """What happens, or what is raised, at each step."""
    graph = graph_of(lib, lib_fx)
    x, relu, add, output = graph.nodes
    other = lib_fx.Graph()
    stranger = other.placeholder("x")
    steps = [
        lambda: graph.erase_node(relu),
        lambda: graph.create_node("call_method", "add", [x], {}),
        lambda: relu.args.append(1),
        lambda: graph.call_function(lib.cat, ([x],)).args[0].append(1),
        lambda: graph.call_function("x"),
        lambda: other.erase_node(x),
        lambda: x.append(stranger),
        lambda: other.inserting_before(x).__enter__(),
        lambda: lib_fx.GraphModule({}, _calling(lib_fx)),
        lambda: lib_fx.GraphModule(3, graph),
        lambda: add.replace_all_uses_with(x),
        lambda: graph.eliminate_dead_code(),
        lambda: str(graph),
        lambda: relu in list(graph.nodes),
        lambda: [n.name for n in reversed(graph.nodes)],
        lambda: (x < output, output < x, x.next is output, output.prev is x),
        lambda: graph.find_nodes(op="placeholder"),
        lambda: graph.find_nodes(op="call_function"),
        lambda: (graph.output_node(), len(graph.nodes), dict(x.users), output.all_input_nodes),
        lambda: lib_fx.wrap(3),
        lambda: lib_fx.wrap("f"),
        lambda: lib_fx.Tracer().trace(lib.nn.LSTM(2, 2)) if False else None,
    ]
    for step in steps:
        try:
            yield str(step())
        except Exception as error:
            yield f"{type(error).__name__}: {_beginning(str(error))}"


def _calling(lib_fx):
    graph = lib_fx.Graph()
    graph.output(graph.call_module("m"))
    return graph


def _beginning(text):
    """What a message begins with: names are PyTorch's, hints are not."""
    return re.split(r"[.(:\n]| but a ", text)[0][:60]


def test_edits():
    assert list(edits(torch, fx)) == list(edits(reference, reference_fx))


def test_names():
    mine, theirs = fx.graph._Namespace(), reference_fx.graph._Namespace()
    names = "x x x_1 x_1 x y_5 y y 3a a.b a-b if if len len sum inf torch device nan NoneType x_ x_ __add__ _ 1 y_5_2"
    names += " y_5 y_05 getattr fx_pytree pytree self forward z_0 z z z_0 a_b_1 é 0_1"
    for name in names.split():
        assert mine.create_name(name, None) == theirs.create_name(name, None), name
    texts = [
        "BatchNorm",
        "MyClass",
        "relu6",
        "ReLU",
        "Conv2d",
        "LSTMCell",
        "aB",
        "A",
        "HTTPServer",
        "x1Y",
        "get_Item",
        "_X",
    ]
    assert [snake_case(t) for t in texts] == [reference_fx.graph._snake_case(t) for t in texts]


# PyTorch has private names for what these are built from, or calls other functions at once.
NAMED_OTHERWISE = {"sigmoid", "tanh", "threshold", "upsample", "upsample_bilinear", "upsample_nearest"}


def handed_on(name):
    """How PyTorch hands the arguments of a function of `nn.functional` on, called with as few as it takes."""
    function = getattr(reference.nn.functional, name)
    for count in range(1, 7):
        graph = reference_fx.Graph()
        tracer = reference_fx.proxy.GraphAppendingTracer(graph)
        proxies = [reference_fx.Proxy(graph.placeholder(f"v{i}"), tracer) for i in range(count)]
        try:
            function(*proxies)
        except Exception:
            continue
        return count, [n for n in graph.nodes if n.op == "call_function"]
    return 0, []


FUNCTIONS = [
    name
    for name, value in sorted(vars(reference.nn.functional).items())
    if isinstance(value, types.FunctionType) and not name.startswith("_") and name not in NAMED_OTHERWISE
]


@pytest.mark.parametrize("name", [n for n in FUNCTIONS if lookup(f"torch.nn.functional.{n}") is not None])
def test_functions_hand_on_what_pytorch_hands_on(name):
    count, theirs = handed_on(name)
    if len(theirs) != 1:
        pytest.skip("PyTorch calls several functions")
    graph = fx.Graph()
    tracer = fx.proxy.GraphAppendingTracer(graph)
    getattr(torch.nn.functional, name)(*[fx.Proxy(graph.placeholder(f"v{i}"), tracer) for i in range(count)])
    mine = [n for n in graph.nodes if n.op == "call_function"]
    assert [n.format_node() for n in mine] == [n.format_node() for n in theirs]


def test_values_of_a_wrapped_function():
    for lib, lib_fx in BOTH:
        module = lib_fx.symbolic_trace(lambda x: math.floor(x) + 1)
        assert module(2.5) == 3 and 'wrap("math_floor")' in module.code, lib


def rewritten(lib, lib_fx):
    def f(x, y):
        return lib.relu(x + y) + lib.relu(x + 1) + lib.relu(y)

    module = lib_fx.symbolic_trace(f)
    places = lib_fx.replace_pattern(module, lambda a, b: lib.relu(a + b), lambda a, b: lib.sigmoid(a * b))
    yield str(places), module.code
    chain = lib_fx.symbolic_trace(lambda x: lib.neg(lib.neg(lib.neg(x))))
    places = lib_fx.replace_pattern(chain, lambda a: lib.neg(lib.neg(a)), lambda a: lib.abs(a))
    yield str(places), chain.code
    shared = lib_fx.symbolic_trace(
        lambda x: [(y + x) * y for y in [lib.relu(x)]] + [lib.relu(x - 1) + (x - 1)]
    )
    # what the pattern has within is used outside
    yield str(lib_fx.replace_pattern(shared, lambda a: lib.relu(a) + a, lambda a: a * 2)), shared.code


def test_patterns():
    assert list(rewritten(torch, fx)) == list(rewritten(reference, reference_fx))


def parts(lib, lib_fx):
    import importlib

    split = importlib.import_module(f"{lib_fx.__name__}.passes.split_module").split_module
    model = fx_programs.block(lib)
    module = lib_fx.symbolic_trace(model)
    order = {n.name: place for place, n in enumerate(module.graph.nodes)}
    names = {}
    cut = split(module, module, lambda node: order[node.name] // 8, names)
    yield (
        cut.code,
        [(name, child.code) for name, child in cut.named_children() if name.startswith("submod")],
        names,
    )
    prop = importlib.import_module(f"{lib_fx.__name__}.passes.shape_prop").ShapeProp(module)
    prop.propagate(lib.ones(3, 3))
    yield [str(n.meta.get("tensor_meta")) for n in module.graph.nodes if n.op != "output"]


def test_passes():
    assert list(parts(torch, fx)) == list(parts(reference, reference_fx))


def test_make_fx():
    def told(lib):
        import importlib

        make = importlib.import_module(f"{lib.__name__}.fx.experimental.proxy_tensor").make_fx
        return make(lambda x, y: (lib.sin(x).sum() + 1) * y.exp())(lib.ones(2), lib.ones(2)).code

    assert told(torch) == told(reference)


PARTS = ["", ".node", ".graph", ".proxy", ".interpreter", ".graph_module", ".immutable_collections"]
# Of sizes that are symbols; here they are numbers.
SYMBOLS = {
    f"Graph.{name}"
    for name in (
        "create_size_node", "create_stride_node", "create_storage_offset_node", "materialize_symint",
        "materialize_symints",
    )
}  # fmt: skip


@pytest.mark.parametrize("name", PARTS)
def test_public_methods_are_there(name):
    import importlib

    mine, theirs = (importlib.import_module(f"{lib}.fx{name}") for lib in ("tritonnn", "torch"))
    wrong = []
    for attribute in getattr(theirs, "__all__", dir(theirs)):
        own, other = getattr(mine, attribute, None), getattr(theirs, attribute)
        if inspect.isclass(own) and inspect.isclass(other):
            for method in vars(other):
                if (
                    not method.startswith("_")
                    and callable(getattr(other, method))
                    and not hasattr(own, method)
                ):
                    wrong.append(f"{attribute}.{method}")
    assert not set(wrong) - SYMBOLS


def test_functions_are_called_what_pytorch_calls_them():
    get = reference_fx.node._get_qualified_name
    names = "add relu sin cat stack conv2d einsum norm split where flatten bmm matmul clamp softmax"
    for name in names.split():
        assert qualified_name(getattr(torch, name)) == get(getattr(reference, name))
