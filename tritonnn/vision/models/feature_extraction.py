"""What a network computes on the way to its output, under names: a module that returns chosen steps.

A step is named by the module that it is in and what it does: 'layer1.0.add', or the module alone where that is one
step, as layers of `torch.nn` and `torchvision.ops` are ('layer1.0.conv1'). What comes again has a number behind it,
from 1: 'layer1.0.relu_1'. A network may take other steps in training, so it is traced twice.
"""

from __future__ import annotations

import inspect
import math
import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from tritonnn import fx, nn
from tritonnn.fx.graph_module import _copy_attr
from tritonnn.vision import ops

__all__ = ["create_feature_extractor", "get_graph_node_names"]

#: names of steps, or step -> its name in the output
Nodes: TypeAlias = list[str] | dict[str, str]


class LeafModuleAwareTracer(fx.Tracer):
    """A tracer that does not look into modules of the classes `leaf_modules`; other arguments are `fx.Tracer`'s."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.leaf_modules: Iterable[type] = kwargs.pop("leaf_modules", ())
        super().__init__(*args, **kwargs)

    def is_leaf_module(self, m: nn.Module, module_qualname: str) -> bool:
        """Whether a module becomes one node."""
        return isinstance(m, tuple(self.leaf_modules)) or super().is_leaf_module(m, module_qualname)


class NodePathTracer(LeafModuleAwareTracer):
    """A tracer that names nodes by where they come from: `node_to_qualname`, in the order of execution."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.current_module_qualname = ""
        self.node_to_qualname: dict[fx.Node, str] = {}
        self._numbers: dict[str, int] = {}

    def call_module(
        self, m: nn.Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """What the call of a module gives; nodes that are made meanwhile are named after it."""
        caller = self.current_module_qualname
        try:
            self.current_module_qualname = path = self.path_of_module(m)
            if self.is_leaf_module(m, path):
                return self.create_proxy("call_module", path, args, kwargs)
            return forward(*args, **kwargs)
        finally:
            self.current_module_qualname = caller

    def create_proxy(
        self,
        kind: str,
        target: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *options: Any,
        **named: Any,
    ) -> Any:
        """A node, which gets its name."""
        proxy = super().create_proxy(kind, target, args, kwargs, *options, **named)
        self.node_to_qualname[proxy.node] = self._get_node_qualname(self.current_module_qualname, proxy.node)
        return proxy

    def _get_node_qualname(self, module_qualname: str, node: fx.Node) -> str:
        name = module_qualname
        if node.op != "call_module":
            name = f"{name}.{node}" if name else str(node)
        # the number that the graph gave is of the whole network; here it counts within the module
        numbered = _NUMBERED.match(name)
        name = numbered[1] if numbered else name
        if name in self._numbers:
            name = f"{name}_{self._numbers[name] + 1}"
        self._numbers[name] = 0
        if numbered := _NUMBERED.match(name):
            self._numbers[numbered[1]] = int(numbered[2])
        return name


_NUMBERED = re.compile(r"(.+)_([0-9]+)$")


def _is_subseq(x: Iterable[str], y: Iterable[str]) -> bool:
    """Whether y is x with some elements left out."""
    rest = iter(x)
    return all(element in rest for element in y)


def _warn_graph_differences(train_tracer: NodePathTracer, eval_tracer: NodePathTracer) -> None:
    train, evaluation = (list(tracer.node_to_qualname.values()) for tracer in (train_tracer, eval_tracer))
    if train == evaluation:
        return
    obtained = "obtained by tracing the model in"
    if _is_subseq(train, evaluation):
        what = f"NOTE: The nodes {obtained} eval mode are a subsequence of those obtained in train mode."
    elif _is_subseq(evaluation, train):
        what = f"NOTE: The nodes {obtained} train mode are a subsequence of those obtained in eval mode."
    else:
        what = f"The nodes {obtained} train mode are different to those obtained in eval mode."
    warnings.warn(
        f"{what} When choosing nodes for feature extraction, you may need to specify output nodes for train and eval "
        f"mode separately."
    )


def _get_leaf_modules_for_ops() -> list[type]:
    members = [getattr(ops, name) for name in dir(ops)]  # all of them are imported now
    return [member for member in members if inspect.isclass(member) and issubclass(member, nn.Module)]


def _set_default_tracer_kwargs(original_tr_kwargs: dict[str, Any] | None) -> dict[str, Any]:
    """With the functions of `math` and `torchvision.ops` as one node each, and the latter's modules."""
    kwargs = dict(original_tr_kwargs or {})
    for name, default in (("leaf_modules", _get_leaf_modules_for_ops()), ("autowrap_modules", [math, ops])):
        kwargs[name] = tuple(dict.fromkeys([*kwargs.get(name, ()), *default]))
    return kwargs


@contextmanager
def _modes_kept(model: nn.Module) -> Iterator[None]:
    """A block at whose end each module is in training, or not, as it was."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def _traced(
    model: nn.Module, training: bool, tracer_kwargs: dict[str, Any], concrete_args: dict[str, Any] | None
) -> tuple[NodePathTracer, fx.Graph]:
    model.train(training)
    tracer = NodePathTracer(**tracer_kwargs)
    return tracer, tracer.trace(model, concrete_args=concrete_args)


def get_graph_node_names(
    model: nn.Module,
    tracer_kwargs: dict[str, Any] | None = None,
    suppress_diff_warning: bool = False,
    concrete_args: dict[str, Any] | None = None,
) -> tuple[list[str], list[str]]:
    """The names of a network's steps in the order of execution, in training and in evaluation.

    Args:
        model: the network.
        tracer_kwargs: of `NodePathTracer`: `leaf_modules`, and those of `fx.Tracer`. Functions of `math` and
            `torchvision.ops`, and modules of the latter, are always one step.
        suppress_diff_warning: no warning where the two lists differ.
        concrete_args: parameter of `forward` -> a value that it always has.

    >>> import tritonnn as torch
    >>> from tritonnn.vision.models.feature_extraction import get_graph_node_names
    >>> model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Sequential(torch.nn.ReLU()))
    >>> get_graph_node_names(model)[1]
    ['input', '0', '1.0']
    """
    kwargs = _set_default_tracer_kwargs(tracer_kwargs)
    with _modes_kept(model):
        train, evaluation = (_traced(model, training, kwargs, concrete_args)[0] for training in (True, False))
    if not suppress_diff_warning:
        _warn_graph_differences(train, evaluation)
    return list(train.node_to_qualname.values()), list(evaluation.node_to_qualname.values())


class DualGraphModule(fx.GraphModule):
    """A module that computes one graph in training, and another in evaluation.

    Args:
        root: the module that has what the graphs refer to.
        train_graph: computed in training.
        eval_graph: computed in evaluation.
        class_name: what its class is called.
    """

    def __init__(
        self, root: nn.Module, train_graph: fx.Graph, eval_graph: fx.Graph, class_name: str = "GraphModule"
    ) -> None:
        if train_graph._tracer_cls != eval_graph._tracer_cls:
            raise TypeError(
                f"Train mode and eval mode should use the same tracer class. Instead got {eval_graph._tracer_cls} for "
                f"eval vs {train_graph._tracer_cls} for train"
            )
        super().__init__(root, train_graph, class_name)
        for node in eval_graph.nodes:
            if node.op in ("get_attr", "call_module"):
                _copy_attr(root, self, node.target)
        self.training = True
        self.train_graph = train_graph
        self.eval_graph = eval_graph

    def train(self, mode: bool = True) -> DualGraphModule:
        """Compute the graph of training, or of evaluation."""
        if mode != self.training:
            self.graph = self.train_graph if mode else self.eval_graph
        return super().train(mode)

    def __deepcopy__(self, memo: dict[int, Any]) -> DualGraphModule:
        new: Any = super().__deepcopy__(memo)
        new.graph = new.train_graph if new.training else new.eval_graph
        return new

    def __reduce__(self) -> tuple[Any, ...]:
        parts = [fx.GraphModule(self, graph) for graph in (self.train_graph, self.eval_graph)]
        return _unpickled, (*parts, self.training, type(self).__name__)


def _unpickled(
    train: fx.GraphModule, evaluation: fx.GraphModule, training: bool, class_name: str
) -> DualGraphModule:
    """Of two modules with one graph each, which share what they have in common."""
    for node in evaluation.graph.nodes:
        if node.op in ("get_attr", "call_module"):
            _copy_attr(evaluation, train, node.target)
    with _modes_kept(train):
        return DualGraphModule(train, train.graph, evaluation.graph, class_name).train(training)


def _as_names(nodes: Nodes) -> dict[str, str]:
    """Step -> its name in the output."""
    pairs = nodes.items() if isinstance(nodes, dict) else zip(nodes, nodes)
    return {str(key): str(value) for key, value in pairs}


def _chosen(
    return_nodes: Nodes | None,
    train_return_nodes: Nodes | None,
    eval_return_nodes: Nodes | None,
) -> tuple[dict[str, str], dict[str, str]]:
    """What to return in training, and in evaluation."""
    if train_return_nodes is not None and eval_return_nodes is not None:
        if return_nodes is not None:
            raise ValueError(
                "Either `return_nodes` or `train_return_nodes` and `eval_return_nodes` can be specified, "
                "not all of them"
            )
        return _as_names(train_return_nodes), _as_names(eval_return_nodes)
    if train_return_nodes is not None or eval_return_nodes is not None:
        raise ValueError(
            "If any of `train_return_nodes` and `eval_return_nodes` are specified, then both should be specified"
        )
    if return_nodes is None:
        raise ValueError(
            "Either `return_nodes` or `train_return_nodes` and `eval_return_nodes` together, should be specified"
        )
    return _as_names(return_nodes), _as_names(return_nodes)


def _return_steps(tracer: NodePathTracer, graph: fx.Graph, wanted: dict[str, str]) -> None:
    """Let a graph return the last step of each of the places `wanted`, and compute no more than that takes."""
    names = tracer.node_to_qualname
    found: dict[str, fx.Node] = {}
    for node in graph.nodes:
        parts = names[node].split(".") if node in names else []
        found.update({".".join(parts[:end]): node for end in range(1, len(parts) + 1)})
    missing = next((query for query in wanted if query not in found), None)
    if missing is not None:
        raise ValueError(
            f"node: '{missing}' is not present in model. Hint: use `get_graph_node_names` to make sure the "
            "`return_nodes` you specified are present. It may even be that you need to specify `train_return_nodes` "
            "and `eval_return_nodes` separately."
        )
    for node in reversed(list(graph.nodes)):
        if node.op == "output":
            graph.erase_node(node)
    order = {node: place for place, node in enumerate(graph.nodes)}
    steps = sorted(wanted, key=lambda query: order[found[query]])
    graph.output({wanted[query]: found[query] for query in steps})
    graph.owning_module = tracer.root  # whose modules say whether a step may be left out
    graph.eliminate_dead_code()


def create_feature_extractor(
    model: nn.Module,
    return_nodes: Nodes | None = None,
    train_return_nodes: Nodes | None = None,
    eval_return_nodes: Nodes | None = None,
    tracer_kwargs: dict[str, Any] | None = None,
    suppress_diff_warning: bool = False,
    concrete_args: dict[str, Any] | None = None,
) -> fx.GraphModule:
    """A module that returns steps of a network by name, and computes no more than they take. It shares its parameters.

    Args:
        model: the network.
        return_nodes: names of steps (`get_graph_node_names` lists them), or a dictionary of them -> names in the
            output. The name of a module, or of one around it, means its last step.
        train_return_nodes: the same for training, where that differs; then `eval_return_nodes` is needed too.
        eval_return_nodes: the same for evaluation.
        tracer_kwargs: of `NodePathTracer`: `leaf_modules`, and those of `fx.Tracer`. Functions of `math` and
            `torchvision.ops`, and modules of the latter, are always one step.
        suppress_diff_warning: no warning where the steps of training and evaluation differ.
        concrete_args: parameter of `forward` -> a value that it always has.

    >>> import tritonnn as torch
    >>> from tritonnn.vision.models.feature_extraction import create_feature_extractor
    >>> model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))
    >>> features = create_feature_extractor(model, {"1": "hidden"})(torch.ones(4, 2))
    >>> features["hidden"].shape
    torch.Size([4, 3])

    Raises ValueError for a name that no step has, and for a contradictory choice of arguments.
    """
    kwargs = _set_default_tracer_kwargs(tracer_kwargs)
    chosen = _chosen(return_nodes, train_return_nodes, eval_return_nodes)
    with _modes_kept(model):
        tracers: list[NodePathTracer] = []
        graphs: list[fx.Graph] = []
        for training, wanted in zip((True, False), chosen):
            tracer, graph = _traced(model, training, kwargs, concrete_args)
            _return_steps(tracer, graph, wanted)
            tracers.append(tracer)
            graphs.append(graph)
    if not suppress_diff_warning:
        _warn_graph_differences(*tracers)
    with _modes_kept(model):
        extractor = DualGraphModule(model, graphs[0], graphs[1], class_name=type(model).__name__)
        return extractor.train(model.training)
