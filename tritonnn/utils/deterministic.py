"""A switch of `use_deterministic_algorithms`.

`fill_uninitialized_memory`: whether `torch.empty` and the like are filled while deterministic algorithms are asked for,
with NaN, or the largest value of integers, so that reading what was never written gives the same every time.

>>> import tritonnn as torch
>>> torch.utils.deterministic.fill_uninitialized_memory
True
"""

from __future__ import annotations

import sys
import types

from tritonnn import determinism

fill_uninitialized_memory: bool


class _Deterministic(types.ModuleType):
    @property
    def fill_uninitialized_memory(self) -> bool:
        return determinism.fill_uninitialized_memory

    @fill_uninitialized_memory.setter
    def fill_uninitialized_memory(self, value: bool) -> None:
        if not isinstance(value, bool):
            raise RuntimeError(f"expected a bool, but got {type(value).__name__}")
        determinism.fill_uninitialized_memory = value


sys.modules[__name__].__class__ = _Deterministic
