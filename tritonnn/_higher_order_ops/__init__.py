"""Control flow as functions; `associative_scan` combines prefixes in a logarithmic number of steps."""

from __future__ import annotations

from tritonnn._control_flow import cond, while_loop
from tritonnn._higher_order_ops.associative_scan import associative_scan

__all__ = ["associative_scan", "cond", "while_loop"]
