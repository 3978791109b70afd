"""Definitions of the Fourier transforms in NumPy: products with matrices of roots of unity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def _matrix(length: int, inverse: bool, norm: str | None) -> Array:
    """What a signal of this length is multiplied with."""
    turns = np.outer(np.arange(length), np.arange(length)) % length / length
    factor = {"ortho": length**-0.5, "forward": 1.0 if inverse else 1 / length}.get(
        norm or "backward", 1 / length if inverse else 1.0
    )
    return np.exp((2j if inverse else -2j) * np.pi * turns) * factor


def _fitted(x: Array, length: int, dim: int) -> Array:
    """Cut, or continued with zeros."""
    x = np.moveaxis(x, dim, -1)
    result = np.zeros((*x.shape[:-1], length), x.dtype)
    count = min(length, x.shape[-1])
    result[..., :count] = x[..., :count]
    return np.moveaxis(result, -1, dim)


def _mirrored(x: Array, length: int, dim: int) -> Array:
    """All frequencies, of those that are not negative."""
    x = np.moveaxis(_fitted(x, length // 2 + 1, dim), dim, -1)
    full = np.zeros((*x.shape[:-1], length), complex)
    full[..., : x.shape[-1]] = x
    for k in range(x.shape[-1], length):
        full[..., k] = x[..., length - k].conj()
    full[..., 0] = x[..., 0].real
    if length % 2 == 0:
        full[..., length // 2] = x[..., -1].real
    return np.moveaxis(full, -1, dim)


def _transformed(x: Array, dim: int, inverse: bool, norm: str | None) -> Array:
    return np.moveaxis(np.moveaxis(x, dim, -1) @ _matrix(x.shape[dim], inverse, norm), -1, dim)


def _run(name: str, x: Array, s: Sequence[int] | None, dims: Sequence[int], norm: str | None) -> Array:
    inverse, real = name in ("ifft", "irfft", "ihfft"), name in ("irfft", "hfft")
    dims = [d % x.ndim for d in dims]
    sizes = [-1] * len(dims) if s is None else [*s]
    for i, (size, dim) in enumerate(zip(sizes, dims)):
        last = i == len(dims) - 1
        if real and last:
            x = _mirrored(x, 2 * (x.shape[dim] - 1) if size == -1 else size, dim)
        else:
            x = _fitted(x, x.shape[dim] if size == -1 else size, dim)
        x = _transformed(x, dim, inverse, norm)
    if name in ("rfft", "ihfft"):
        x = np.moveaxis(np.moveaxis(x, dims[-1], -1)[..., : x.shape[dims[-1]] // 2 + 1], -1, dims[-1])
    return x.real if real else x


def _definition(name: str, along: str) -> Callable[..., Array]:
    def one(input: Array, n: int | None, dim: int, norm: str | None) -> Array:
        return _run(name, input, None if n is None else (n,), (dim,), norm)

    def several(input: Array, s: Sequence[int] | None, dim: Sequence[int] | None, norm: str | None) -> Array:
        if dim is None:
            dim = range(-len(s), 0) if s is not None else range(input.ndim)
        return _run(name, input, s, dim, norm)

    return several if along else one


DEFINITIONS = {
    name + along: _definition(name, along)
    for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
    for along in ("", "2", "n")
}
