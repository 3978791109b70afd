"""Discrete Fourier transforms by NumPy's pocketfft, in the precision of the operands.

`norm` belongs to the direction: of an inverse transform `backward` divides by the length, `forward` does nothing.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from tritonnn.cpu_fallback.common.pointwise import Array

Norm = Literal["backward", "forward", "ortho"]

_OPPOSITE: dict[Norm, Norm] = {"backward": "forward", "forward": "backward", "ortho": "ortho"}


def fft_c2c(out: Array, input: Array, dims: tuple[int, ...], norm: Norm, inverse: bool) -> None:
    """out = the transform of all frequencies."""
    if out.size:
        transform = np.fft.ifftn if inverse else np.fft.fftn
        transform(input, axes=dims, norm=norm, out=out)


def fft_r2c(out: Array, input: Array, dims: tuple[int, ...], norm: Norm, inverse: bool) -> None:
    """out = the transform of real numbers: along the last of `dims` only the frequencies that are not negative."""
    if out.size:
        np.fft.rfftn(input, axes=dims, norm=_OPPOSITE[norm] if inverse else norm, out=out)
        if inverse:
            np.conjugate(out, out=out)


def fft_c2r(out: Array, input: Array, dims: tuple[int, ...], norm: Norm, inverse: bool, length: int) -> None:
    """out = the real numbers whose frequencies that are not negative are given; `length` along the last of `dims`."""
    if out.size:
        sizes = [*[input.shape[dim] for dim in dims[:-1]], length]
        given = input if inverse else np.conjugate(input)
        np.fft.irfftn(given, sizes, dims, norm if inverse else _OPPOSITE[norm], out=out)
