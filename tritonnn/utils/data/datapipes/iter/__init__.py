"""Data pipes that are iterated over."""

from __future__ import annotations

from tritonnn.utils.data.datapipes.iter.combinatorics import ShufflerIterDataPipe

__all__ = ["Shuffler"]

Shuffler = ShufflerIterDataPipe
