"""`torch.fx`: programs as graphs that can be read, changed, and turned back into Python.

`symbolic_trace` records what a module does with values that are not there yet (proxies). The result is a `GraphModule`:
a module with a `Graph` of `Node`s, and a `forward` generated from it. What takes the recorded calls over is
`__torch_function__`, as everywhere.

>>> import tritonnn as torch
>>> print(torch.fx.symbolic_trace(lambda x: x.neg()).graph)
graph():
    %x : [num_users=1] = placeholder[target=x]
    %neg : [num_users=1] = call_method[target=neg](args = (%x,), kwargs = {})
    return neg
"""

from __future__ import annotations

import importlib
import sys

from tritonnn.fx import _naming, _pytree, graph, graph_module, immutable_collections, node, proxy, traceback
from tritonnn.fx._symbolic_trace import PH, ProxyableClassMeta, Tracer, symbolic_trace, wrap
from tritonnn.fx.graph import CodeGen, Graph
from tritonnn.fx.graph_module import GraphModule
from tritonnn.fx.interpreter import Interpreter, Transformer
from tritonnn.fx.node import Node, has_side_effect, map_arg
from tritonnn.fx.proxy import Proxy
from tritonnn.fx.subgraph_rewriter import replace_pattern

__all__ = [
    "PH", "CodeGen", "Graph", "GraphModule", "Interpreter", "Node", "Proxy", "ProxyableClassMeta", "Tracer",
    "Transformer", "has_side_effect", "map_arg", "replace_pattern", "symbolic_trace", "wrap",
]  # fmt: skip

_naming.register_builtins(sys.modules["tritonnn"], importlib.import_module("tritonnn.utils._pytree"), _pytree)
node.register_functions(sys.modules["tritonnn"])
