"""The package opt_einsum: the order in which `einsum` contracts three or more operands, where it is installed.

Without it `einsum` goes from left to right, `enabled` is False and `strategy` None.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tritonnn.backends._switches import boolean, install
from tritonnn.ops.linalg._contraction_order import OPTIONS, opt_einsum

enabled: bool
strategy: str | None


def is_available() -> bool:
    """Whether opt_einsum is installed."""
    return opt_einsum() is not None


def get_opt_einsum() -> Any:
    """The package opt_einsum, or None."""
    return opt_einsum()


@contextmanager
def flags(enabled: bool | None = None, strategy: str | None = None) -> Iterator[None]:
    """Set both for a block; None leaves one as it is."""
    before = OPTIONS.enabled, OPTIONS.strategy
    try:
        if enabled is not None:
            OPTIONS.enabled = _allowed(enabled)
        if strategy is not None:
            OPTIONS.strategy = _known(strategy)
        yield
    finally:
        OPTIONS.enabled, OPTIONS.strategy = before


def _allowed(value: Any) -> bool:
    if boolean(value) and not is_available():
        raise ValueError("opt_einsum is not available, so setting `enabled` to True would change nothing")
    return value


def _known(value: Any) -> str:
    package = opt_einsum()
    if package is None:
        raise ValueError(
            f"opt_einsum is not available, so setting `strategy` to {value!r} would change nothing"
        )
    if not OPTIONS.enabled:
        raise ValueError(
            f"opt_einsum is not enabled, so setting `strategy` to {value!r} would change nothing"
        )
    try:
        package.paths.get_path_fn(value)
    except (KeyError, TypeError):
        raise ValueError(
            f"`strategy` must be one that opt_einsum knows, such as auto, but is {value}"
        ) from None
    return value


class _OptEinsum(types.ModuleType):
    enabled = property(
        lambda self: is_available() and OPTIONS.enabled,
        lambda self, value: setattr(OPTIONS, "enabled", _allowed(value)),
    )
    strategy = property(
        lambda self: OPTIONS.strategy if is_available() else None,
        lambda self, value: setattr(OPTIONS, "strategy", _known(value)),
    )


install(__name__, _OptEinsum)
