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


def transform(name: str, along: str) -> Callable[..., Array]:
    """The transform of a name: along one dimension, two ("2") or several ("n")."""

    def one(input: Array, n: int | None, dim: int, norm: str | None) -> Array:
        return _run(name, input, None if n is None else (n,), (dim,), norm)

    def several(input: Array, s: Sequence[int] | None, dim: Sequence[int] | None, norm: str | None) -> Array:
        if dim is None:
            dim = range(-len(s), 0) if s is not None else range(input.ndim)
        return _run(name, input, s, dim, norm)

    return several if along else one


def _padded(window: Array, n_fft: int) -> Array:
    left = (n_fft - len(window)) // 2
    return np.pad(window, (left, n_fft - len(window) - left))


def stft(
    input: Array, n_fft: int, hop_length: int | None, win_length: int | None, window: Array, center: bool,
    pad_mode: str, normalized: bool, onesided: bool | None, align_to_window: bool | None,
) -> Array:  # fmt: skip
    """Window by window: the product with a matrix of roots of unity."""
    hop = n_fft // 4 if hop_length is None else hop_length
    if center:
        around = [(0, 0)] * (input.ndim - 1) + [(n_fft // 2, n_fft // 2)]
        input = np.pad(input, around, mode="reflect" if pad_mode == "reflect" else "constant")
    if align_to_window:
        left = (n_fft - len(window)) // 2
        input = np.pad(input, [(0, 0)] * (input.ndim - 1) + [(left, n_fft - len(window) - left)])
    factors = _padded(window, n_fft)[:, None] * _matrix(n_fft, False, "ortho" if normalized else None)
    starts = range(0, input.shape[-1] - n_fft + 1, hop)
    result = np.stack([input[..., k : k + n_fft] @ factors for k in starts], -1)
    return result[..., : n_fft // 2 + 1, :] if onesided is None else result


def istft(
    input: Array, n_fft: int, hop_length: int | None, window: Array, center: bool, normalized: bool,
    onesided: bool | None, length: int | None, return_complex: bool,
) -> Array:  # fmt: skip
    """Window by window: added up where it belongs, and divided by the weights that places got."""
    hop = n_fft // 4 if hop_length is None else hop_length
    factors = _padded(window, n_fft)
    count = input.shape[-1]
    total = np.zeros((*input.shape[:-2], n_fft + hop * (count - 1)), complex)
    weights = np.zeros(total.shape[-1])
    for k in range(count):
        part = input[..., k]
        part = part if onesided is False else _mirrored(part, n_fft, part.ndim - 1)
        place = slice(k * hop, k * hop + n_fft)
        total[..., place] += factors * (part @ _matrix(n_fft, True, "ortho" if normalized else None))
        weights[place] += factors**2
    start = n_fft // 2 if center else 0
    end = start + length if length is not None else len(weights) - start
    result = total[..., start:end] / weights[start:end]
    return result if return_complex else result.real
