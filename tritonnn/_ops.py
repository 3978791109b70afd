"""What operators are, by the name of the module that packages import it from."""

from __future__ import annotations

from tritonnn._refusals import refusing_class
from tritonnn.ops._namespaces import OPERATORS as ops
from tritonnn.ops._namespaces import Operators as _Ops
from tritonnn.ops._namespaces import OpNamespace as _OpNamespace
from tritonnn.ops._namespaces import OpOverload, OpOverloadPacket

__all__ = ["HigherOrderOperator", "OpOverload", "OpOverloadPacket", "_OpNamespace", "_Ops", "ops"]

HigherOrderOperator = refusing_class(
    "torch._ops.HigherOrderOperator", "tritonnn traces no graphs that such an operator would stand in"
)
