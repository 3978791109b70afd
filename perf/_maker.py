"""Random inputs for the rows of the report."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

RANDOM_ELEMENTS = 1 << 22


class Maker:
    """Random tensors of a library on a device.

    Large ones repeat a block of 4 M random numbers: drawing gigabytes would take longer than measuring them.
    All numbers come from NumPy's generator with one seed, so every library that runs a row is given the same inputs.
    Those of a row in 16 bits are rounded to what bfloat16 and float16 both hold: the same numbers in any wider type.

    Args:
        lib: the library.
        device: 'cpu' or 'cuda'.
        dtype: the row's element type, by name.
        cap: limits every extent and every range of whole numbers if not 0: a rehearsal where there is nothing to
            measure.
        compiler: makes a compiled program of a function, where one is measured.
        wider: a wider type, by name, that the row's inputs are given in instead, for a reference to compare with.
    """

    def __init__(
        self,
        lib: Any,
        device: str,
        dtype: str,
        cap: int = 0,
        compiler: Callable | None = None,
        wider: str = "",
    ) -> None:
        import numpy as np

        self.lib, self.device, self.cap = lib, device, cap
        self.dtype, self.wider = getattr(lib, wider or dtype), wider
        self._narrow, self._coarse = getattr(lib, dtype), dtype in ("bfloat16", "float16")
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

    def distinct(self, m: int, n: int) -> Any:
        """Whole numbers, (m, n): in each row every one from 0 to n - 1 once, at random."""
        m, n = self._shape((m, n))
        order = self._place(self._random.permutation(n), (1, n), "int64")
        return (order + self.int(m, 1, low=0, high=n)).remainder(n)

    def fill(self, module: Any, dtype: str | None = None) -> Any:
        """The module on the row's device, in its type or another one, with parameters that do not come from the
        library's generator: matrices and filters uniform by what they sum over, biases 0, and scales 1."""
        wanted = self.dtype if dtype is None or self.wider else getattr(self.lib, dtype)
        module = module.to(device=self.device, dtype=wanted)
        with self.lib.no_grad():
            for name, p in module.named_parameters():
                if p.dim() < 2:
                    p.fill_(0.0 if "bias" in name else 1.0)
                else:
                    bound = math.sqrt(3 / math.prod(p.shape[1:]))
                    p.copy_(self._uniform(tuple(p.shape), None, -bound, bound))
        return module

    def program(self, function: Callable) -> Callable:
        """The function, compiled where compiled programs are what is measured."""
        return self._compiler(function) if self._compiler else function

    def _uniform(self, shape: tuple, dtype: Any, low: float, high: float) -> Any:
        np = self._numpy
        values = self._random.random(self._block(shape), dtype=np.float32) * (high - low) + low
        values = values.astype(np.float32)
        if self._coarse:
            values = values.astype(np.float16).astype(np.float32)
            values.view(np.uint32)[...] &= np.uint32(0xFFFF0000)
        return self._place(values, shape, dtype)

    @staticmethod
    def _block(shape: tuple) -> Any:
        return min(math.prod(shape), RANDOM_ELEMENTS)

    def _shape(self, shape: tuple) -> tuple:
        shape = tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else tuple(shape)
        return tuple(min(extent, self.cap) for extent in shape) if self.cap else shape

    def _place(self, block: Any, shape: tuple, dtype: Any) -> Any:
        """The block, repeated into a shape: on the device, since the way there is slow."""
        narrow = (
            self._narrow if dtype is None else getattr(self.lib, dtype) if isinstance(dtype, str) else dtype
        )
        wanted = self.dtype if self.wider and self._widened(dtype) else narrow
        count = math.prod(shape)
        if self.device == "cpu":
            return self.lib.from_numpy(self._numpy.resize(block, shape)).to(narrow).to(wanted)
        tensor = self.lib.from_numpy(block).to(self.device).to(narrow).to(wanted)
        if count > RANDOM_ELEMENTS:
            times = -(-count // RANDOM_ELEMENTS)
            tensor = tensor.expand(times, RANDOM_ELEMENTS).reshape(-1)[:count]
        return tensor.reshape(shape)

    @staticmethod
    def _widened(dtype: Any) -> bool:
        """Whether a type asked for is given wider in a reference: what a tensor of the row has is so already."""
        return dtype is None or (isinstance(dtype, str) and "float" in dtype)
