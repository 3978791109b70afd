"""The options of `torch.compile` that PyTorch's code generator knows: a name that it does not know is refused."""

from __future__ import annotations

import difflib
import functools
import json
from pathlib import Path
from typing import Any

__all__ = ["check", "list_mode_options", "list_options"]

_MODES: dict[str, dict[str, Any]] = {
    "default": {},
    "lite": {
        "fallback_by_default": True, "selective_decompose": True, "reorder_for_peak_memory": False,
        "reorder_for_compute_comm_overlap": False, "triton.reorder_for_reducing_graph_partitions": False,
        "use_pre_grad_passes": False, "use_joint_graph_passes": False, "use_post_grad_passes": False,
        "use_dce": False, "allow_buffer_reuse": False,
    },
    "reduce-overhead": {"triton.cudagraphs": True},
    "max-autotune-no-cudagraphs": {"max_autotune": True, "coordinate_descent_tuning": True},
    "max-autotune": {"max_autotune": True, "triton.cudagraphs": True, "coordinate_descent_tuning": True},
}  # fmt: skip
_TYPES = {"bool": bool, "int": int, "float": float, "str": str}


@functools.cache
def _known() -> dict[str, str]:
    """Name -> type; an empty one where several are taken."""
    return json.loads((Path(__file__).parent / "options.json").read_text(encoding="utf-8"))


def list_mode_options(mode: str | None = None, dynamic: bool | None = None) -> dict[str, Any]:
    """What a mode of `torch.compile` sets; without one, of each mode.

    >>> import tritonnn as torch
    >>> torch._inductor.list_mode_options("reduce-overhead")
    {'triton.cudagraphs': True}
    """
    modes = {name: dict(options) for name, options in _MODES.items()}
    if mode is None:
        return modes
    if mode not in modes:
        raise RuntimeError(f"Unrecognized mode={mode}, should be one of: {', '.join(modes)}")
    return modes[mode]


def list_options() -> list[str]:
    """The names that `options` of `torch.compile` takes."""
    return list(_known())


def check(options: dict[str, Any]) -> None:
    """Refuse options that PyTorch does not know, or whose values are of another type.

    Raises:
        RuntimeError: there is one.
    """
    known = _known()
    for given, value in options.items():
        name = given.replace("-", "_")
        if name not in known:
            near = difflib.get_close_matches(name, known, 3)
            hint = f"did you mean {' or '.join(near)}? " if near else ""
            raise RuntimeError(
                f"Unexpected optimization option {given}: {hint}torch._inductor.list_options() names those known"
            )
        expected = known[name]
        if expected and not isinstance(value, _TYPES[expected]):
            raise RuntimeError(
                f"Unexpected type of attr {given}, got {type(value).__name__} should be {expected}"
            )
