"""Weights from URLs by their older name; `torch.hub` is the newer one."""

from __future__ import annotations

from typing import Any

from tritonnn.hub import load_state_dict_from_url as load_url
from tritonnn.hub._files import progress_bar

__all__ = ["load_url"]


def __getattr__(name: str) -> Any:
    """`tqdm`, which older programs take from here, is imported when it is asked for."""
    if name == "tqdm":
        return progress_bar()
    raise AttributeError(f"tritonnn has no torch.utils.model_zoo.{name}")
