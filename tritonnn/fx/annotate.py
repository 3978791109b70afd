"""Types that a program gives to recorded values."""

from __future__ import annotations

from typing import Any

from tritonnn.fx.proxy import Proxy

__all__ = ["annotate"]


def annotate(val: Any, type: Any) -> Any:
    """The value; a recorded one gets the type.

    Raises:
        RuntimeError: it has one already.
    """
    if isinstance(val, Proxy):
        if val.node.type:
            raise RuntimeError(
                f"Tried to annotate a value that already had a type on it! Existing type is {val.node.type} and new "
                f"type is {type}."
            )
        val.node.type = type
    return val
