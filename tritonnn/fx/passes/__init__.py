"""Programs that read or change graphs."""

from __future__ import annotations

from tritonnn.fx.passes import graph_drawer, operator_support, shape_prop, split_module
from tritonnn.fx.passes.infra import pass_base
from tritonnn.fx.passes.utils import matcher_utils

__all__ = ["graph_drawer", "matcher_utils", "operator_support", "pass_base", "shape_prop", "split_module"]
