"""Sobol sequences: points that fill the unit cube more evenly than random ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn._tensor import Tensor, from_array
from tritonnn.dtypes import dtype as DType
from tritonnn.quasirandom._directions import BITS, DIMENSIONS, direction_numbers

__all__ = ["SobolEngine"]


class SobolEngine:
    """A Sobol sequence in [0, 1)^dimension, with the direction numbers of Joe and Kuo (2008).

    Args:
        dimension: from 1 to 21201.
        scramble: whether digits are scrambled by random matrices and shifts (Matoušek 1998), which keeps how evenly
            the points lie and makes their means unbiased.
        seed: of the scrambling; by default it draws from the default generator.

    >>> import tritonnn as torch
    >>> torch.quasirandom.SobolEngine(2).draw(3)
    tensor([[0.0000, 0.0000],
            [0.5000, 0.5000],
            [0.7500, 0.2500]])
    """

    MAXBIT = BITS
    MAXDIM = DIMENSIONS

    def __init__(self, dimension: int, scramble: bool = False, seed: int | None = None) -> None:
        if not hasattr(dimension, "__index__"):
            raise TypeError(f"SobolEngine: dimension must be int, not {type(dimension).__name__}")
        if not 1 <= dimension <= DIMENSIONS:
            raise ValueError(
                f"Supported range of dimensionality for SobolEngine is [1, {DIMENSIONS}], got {dimension}"
            )
        self.seed, self.scramble, self.dimension = seed, scramble, int(dimension)
        directions = direction_numbers(self.dimension)
        shift = np.zeros(self.dimension, np.int64)
        if scramble:
            directions, shift = _scrambled(directions, seed)
        self.sobolstate = from_array(directions, dtypes.int64)
        self.shift = from_array(shift, dtypes.int64)
        self.reset()

    def draw(self, n: int = 1, out: Tensor | None = None, dtype: DType | None = None) -> Tensor:
        """The next `n` points, (n, dimension).

        Args:
            out: a tensor to write them to.
            dtype: a floating one; default: the default dtype.

        Raises:
            ValueError: a negative number, or more points than the 2**30 that there are.
        """
        if n < 0:
            raise ValueError(f"SobolEngine.draw: n must not be negative, got {n}")
        if self.num_generated + n > 1 << BITS:
            raise ValueError(f"SobolEngine.draw: the sequence ends after 2**{BITS} points")
        dtype = dtype or dtypes.get_default_dtype()
        numbers = np.arange(self.num_generated, self.num_generated + n)
        values = self._points(numbers) / float(1 << BITS)
        self._move_to(self.num_generated + n)
        points = from_array(np.ascontiguousarray(values), dtypes.float64).to(dtype)
        return points if out is None else out.resize_(points.shape).copy_(points)

    def draw_base2(self, m: int, out: Tensor | None = None, dtype: DType | None = None) -> Tensor:
        """The next 2**m points, where they and those before are again a power of two.

        Raises:
            ValueError: they are not: the points would not lie evenly.
        """
        n = 2**m
        total = self.num_generated + n
        if total & (total - 1):
            raise ValueError(
                "The balance properties of Sobol' points require n to be a power of 2. "
                f"{self.num_generated} points have been previously generated, then: n={self.num_generated}+2**{m}="
                f"{total}. If you still want to do this, the method 'SobolEngine.draw()' can be used."
            )
        return self.draw(n=n, out=out, dtype=dtype)

    def reset(self) -> SobolEngine:
        """Begin again; returns itself."""
        self._move_to(0)
        return self

    def fast_forward(self, n: int) -> SobolEngine:
        """Leave out `n` points; returns itself."""
        if n < 0:
            raise ValueError(f"SobolEngine.fast_forward: n must not be negative, got {n}")
        self._move_to(self.num_generated + n)
        return self

    def _move_to(self, number: int) -> None:
        self.num_generated = number
        self.quasi = from_array(self._points(np.array([max(number - 1, 0)]))[0].copy(), dtypes.int64)

    def _points(self, numbers: np.ndarray) -> np.ndarray:
        """The points of these numbers as integers below 2**30: the directions of the bits of the Gray code together."""
        directions: Any = self.sobolstate.numpy()
        gray = numbers ^ (numbers >> 1)
        points = np.tile(self.shift.numpy(), (len(numbers), 1))
        for bit in range(int(gray.max(initial=0)).bit_length()):
            points[(gray >> bit) & 1 == 1] ^= directions[:, bit]
        return points

    def __repr__(self) -> str:
        parts = [f"dimension={self.dimension}"]
        parts += ["scramble=True"] if self.scramble else []
        parts += [f"seed={self.seed}"] if self.seed is not None else []
        return f"{type(self).__name__}({', '.join(parts)})"


def _scrambled(directions: np.ndarray, seed: int | None) -> tuple[np.ndarray, np.ndarray]:
    """Each dimension's digits times a random lower triangular matrix of ones on the diagonal; and random shifts."""
    from tritonnn.ops.random.random import randint
    from tritonnn.random import Generator

    generator = None if seed is None else Generator().manual_seed(seed)
    count = len(directions)
    weights = 1 << np.arange(BITS)
    shift = randint(2, (count, BITS), generator=generator).numpy() @ weights
    matrices = np.tril(randint(2, (count, BITS, BITS), generator=generator).numpy(), -1) + np.eye(
        BITS, dtype=np.int64
    )
    digits = (directions[:, None, :] >> np.arange(BITS - 1, -1, -1)[None, :, None]) & 1  # first digit first
    mixed = (matrices @ digits) & 1
    return np.ascontiguousarray(np.moveaxis(mixed, 1, 2) @ weights[::-1]), shift
