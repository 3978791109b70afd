"""The opt_einsum package, which tritonnn does not use: `einsum` contracts from left to right.

`enabled` is False and `strategy` None, as in PyTorch where the package is not installed.
"""

from __future__ import annotations

import types
from typing import Any

from tritonnn.backends._switches import boolean, install, switch

enabled: bool
strategy: str | None


def is_available() -> bool:
    """False: tritonnn does not use opt_einsum."""
    return False


def get_opt_einsum() -> Any:
    """None: tritonnn does not use opt_einsum."""
    return None


def _never(value: Any) -> bool:
    if boolean(value):
        raise ValueError("opt_einsum is not available, so setting `enabled` to True would change nothing")
    return False


def _none(value: Any) -> None:
    if value is not None:
        raise ValueError(
            f"opt_einsum is not available, so setting `strategy` to {value!r} would change nothing"
        )


class _OptEinsum(types.ModuleType):
    enabled = switch("enabled", False, _never)
    strategy = switch("strategy", None, _none)


install(__name__, _OptEinsum)
