"""Data pipes, which PyTorch no longer develops: classes that `isinstance` names, of which there are no objects here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if not TYPE_CHECKING:  # it would let any name pass

    def __getattr__(name: str) -> object:
        raise AttributeError(f"tritonnn has no torch.utils.data.datapipes.{name}")
