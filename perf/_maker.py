"""Random inputs for the rows of the report."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

RANDOM_ELEMENTS = 1 << 22


class Maker:
    """Random tensors of a library on a device.

    Large ones repeat a block of 4 M random numbers: drawing gigabytes would take longer than measuring them.
    `cap`, if not 0, limits every extent and every range of whole numbers: a rehearsal where there is nothing
    to measure. `compiler` is what makes a compiled program of a function, where one is measured.
    """

    def __init__(
        self, lib: Any, device: str, dtype: str, cap: int = 0, compiler: Callable | None = None
    ) -> None:
        import numpy as np

        self.lib, self.device, self.dtype, self.cap = lib, device, getattr(lib, dtype), cap
        self._numpy, self._random, self._compiler = np, np.random.default_rng(0), compiler

    def __call__(
        self,
        *shape: Any,
        dtype: Any = None,
        low: float = -2.0,
        high: float = 2.0,
        requires_grad: bool = False,
    ) -> Any:
        """A tensor with uniform values between `low` and `high`; `dtype` by name."""
        tensor = self._uniform(self._shape(shape), dtype, low, high)
        return tensor.requires_grad_() if requires_grad else tensor

    def like(self, tensor: Any) -> Any:
        """Random values in a tensor's shape and dtype, such as an incoming gradient."""
        return self._uniform(tuple(tensor.shape), tensor.dtype, -1.0, 1.0)

    def int(self, *shape: Any, low: int = 0, high: int = 4, dtype: str = "int64") -> Any:
        """Whole numbers with low <= x < high."""
        high = min(high, low + self.cap) if self.cap else high
        shape = self._shape(shape)
        return self._place(self._random.integers(low, high, self._block(shape)), shape, dtype)

    def bool(self, *shape: Any) -> Any:
        """Truth values."""
        shape = self._shape(shape)
        return self._place(self._random.random(self._block(shape)) < 0.5, shape, "bool")

    def program(self, function: Callable) -> Callable:
        """The function, compiled where compiled programs are what is measured."""
        return self._compiler(function) if self._compiler else function

    def _uniform(self, shape: tuple, dtype: Any, low: float, high: float) -> Any:
        values = self._random.random(self._block(shape), dtype=self._numpy.float32) * (high - low) + low
        return self._place(values.astype(self._numpy.float32), shape, dtype)

    @staticmethod
    def _block(shape: tuple) -> Any:
        return min(math.prod(shape), RANDOM_ELEMENTS)

    def _shape(self, shape: tuple) -> tuple:
        shape = tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else tuple(shape)
        return tuple(min(extent, self.cap) for extent in shape) if self.cap else shape

    def _place(self, block: Any, shape: tuple, dtype: Any) -> Any:
        """The block, repeated into a shape: on the device, since the way there is slow."""
        wanted = (
            self.dtype if dtype is None else getattr(self.lib, dtype) if isinstance(dtype, str) else dtype
        )
        count = math.prod(shape)
        if self.device == "cpu":
            return self.lib.from_numpy(self._numpy.resize(block, shape)).to(wanted)
        tensor = self.lib.from_numpy(block).to(self.device).to(wanted)
        if count > RANDOM_ELEMENTS:
            times = -(-count // RANDOM_ELEMENTS)
            tensor = tensor.expand(times, RANDOM_ELEMENTS).reshape(-1)[:count]
        return tensor.reshape(shape)
