"""Definitions in NumPy of what joins, splits, moves and repeats elements; `reference=` of their entries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tritonnn.table.types import Dims

Array = Any


def _sizes(size: tuple) -> tuple[int, ...]:
    """`3, 4` as `(3, 4)`."""
    return tuple(size[0]) if len(size) == 1 and not isinstance(size[0], int) else size


# ---- joining and splitting --------------------------------------------------------------------------------


def cat(tensors: list[Array], dim: int) -> Array:
    """NumPy's concatenate; vectors without elements are left out."""
    kept = [t for t in tensors if t.shape != (0,)]
    return np.concatenate(kept or tensors, dim)


def split(tensor: Array, split_size_or_sections: Any, dim: int) -> tuple[Array, ...]:
    """Cut every so many elements, or behind the listed lengths."""
    sections = split_size_or_sections
    cuts = (
        np.arange(sections, tensor.shape[dim], sections)
        if isinstance(sections, int)
        else np.cumsum(sections)[:-1]
    )
    return tuple(np.split(tensor, cuts, dim))


def split_with_sizes(input: Array, split_sizes: Any, dim: int) -> tuple[Array, ...]:
    """As `split`."""
    return split(input, list(split_sizes), dim)


def chunk(input: Array, chunks: int, dim: int) -> tuple[Array, ...]:
    """Cut every ⌈n / chunks⌉ elements."""
    return split(input, int(np.ceil(input.shape[dim] / chunks)), dim)


def tensor_split(input: Array, indices_or_sections: Any, dim: int) -> tuple[Array, ...]:
    """NumPy's array_split."""
    return tuple(np.array_split(input, indices_or_sections, dim))


def unbind(input: Array, dim: int) -> tuple[Array, ...]:
    """One slice after another."""
    return tuple(np.moveaxis(input, dim, 0))


def meshgrid(*tensors: Array, indexing: Any = "ij") -> tuple[Array, ...]:
    """NumPy's meshgrid."""
    return tuple(np.meshgrid(*tensors, indexing=indexing))


# ---- views ------------------------------------------------------------------------------------------------


def expand(input: Array, *size: int | Sequence[int]) -> Array:
    """NumPy's broadcast_to; -1 keeps an extent."""
    wanted = _sizes(size)
    have = (1,) * (len(wanted) - input.ndim) + input.shape
    return np.broadcast_to(input, [n if w == -1 else w for w, n in zip(wanted, have, strict=True)])


def transpose(input: Array, dim0: int, dim1: int) -> Array:
    """NumPy's swapaxes."""
    return np.swapaxes(input, dim0, dim1) if input.ndim else input


def squeeze(input: Array, dim: Dims) -> Array:
    """NumPy's squeeze, of those dimensions that have one element."""
    dims = range(input.ndim) if dim is None else (dim,) if isinstance(dim, int) else dim
    return np.squeeze(input, tuple(d for d in dims if input.shape[d] == 1))


def sum_to_size(input: Array, *size: int | Sequence[int]) -> Array:
    """The sum of the elements that broadcasting would make of one."""
    wanted = _sizes(size)
    lead = input.ndim - len(wanted)
    total = input.sum(tuple(range(lead)))
    return total.sum(tuple(d for d, n in enumerate(wanted) if n == 1), keepdims=True)


def flatten(input: Array, start_dim: int, end_dim: int) -> Array:
    """One dimension for several."""
    if not input.ndim:
        return input.reshape(1)
    start, end = start_dim % input.ndim, end_dim % input.ndim
    return input.reshape(*input.shape[:start], np.prod(input.shape[start : end + 1], dtype=int),
                         *input.shape[end + 1 :])  # fmt: skip


def unflatten(input: Array, dim: int, sizes: Any) -> Array:
    """Several dimensions for one."""
    dim %= input.ndim
    return input.reshape(*input.shape[:dim], *sizes, *input.shape[dim + 1 :])


def narrow(input: Array, dim: int, start: Any, length: int) -> Array:
    """A run of elements."""
    first = int(start) % input.shape[dim] if input.shape[dim] else 0
    return np.take(input, np.arange(first, first + length), dim)


def unfold(input: Array, dimension: int, size: int, step: int) -> Array:
    """NumPy's sliding windows, every `step`-th of them."""
    if not input.ndim:
        return input.reshape(1)[:size]
    windows = sliding_window_view(input, size, dimension)
    return np.take(windows, np.arange(0, windows.shape[dimension], step), dimension % input.ndim)


def _strided_places(size: Sequence[int], stride: Sequence[int], offset: int) -> Array:
    """offset + Σ i_d stride_d of every element."""
    places = [offset + sum(i * s for i, s in zip(place, stride, strict=True)) for place in np.ndindex(*size)]
    return np.array(places, int).reshape(size)


def as_strided(input: Array, size: Sequence[int], stride: Sequence[int], storage_offset: int | None) -> Array:
    """Of a row-major input."""
    return input.ravel()[_strided_places(size, stride, storage_offset or 0)]


def as_strided_scatter(
    input: Array, src: Array, size: Sequence[int], stride: Sequence[int], storage_offset: int | None
) -> Array:
    """Of a row-major input."""
    out = input.copy()
    out.reshape(-1)[_strided_places(size, stride, storage_offset or 0)] = src
    return out


# ---- repeating and rearranging ----------------------------------------------------------------------------


def repeat_interleave(input: Array, repeats: Any, dim: int | None) -> Array:
    """NumPy's repeat."""
    return np.repeat(input, repeats, dim)


def tile(input: Array, dims: Any) -> Array:
    """NumPy's tile."""
    return np.tile(input, dims)


def pixel_shuffle(input: Array, upscale_factor: int) -> Array:
    """out[c, h r + i, w r + j] = in[c r² + i r + j, h, w]."""
    r = upscale_factor
    *batch, channels, height, width = input.shape
    out = np.empty((*batch, channels // r**2, height * r, width * r), input.dtype)
    for i in range(r):
        for j in range(r):
            out[..., i::r, j::r] = input[..., i * r + j :: r * r, :, :]
    return out


def pixel_unshuffle(input: Array, downscale_factor: int) -> Array:
    """out[c r² + i r + j, h, w] = in[c, h r + i, w r + j]."""
    r = downscale_factor
    *batch, channels, height, width = input.shape
    out = np.empty((*batch, channels * r**2, height // r, width // r), input.dtype)
    for i in range(r):
        for j in range(r):
            out[..., i * r + j :: r * r, :, :] = input[..., i::r, j::r]
    return out


def channel_shuffle(input: Array, groups: int) -> Array:
    """out[:, i g + k] = in[:, k C/g + i]."""
    each = input.shape[1] // groups
    return input[:, [k * each + i for i in range(each) for k in range(groups)]]


# ---- padding ----------------------------------------------------------------------------------------------

_MODES: dict[str, Any] = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def pad(input: Array, pad: Any, mode: str = "constant", value: Any = None) -> Array:
    """NumPy's pad, after cutting off what is negative."""
    margins = [(0, 0)] * (input.ndim - len(pad) // 2)
    margins += [(pad[i], pad[i + 1]) for i in range(len(pad) - 2, -1, -2)]
    kept = tuple(slice(max(-b, 0), n - max(-a, 0)) for n, (b, a) in zip(input.shape, margins, strict=True))
    added = [(max(b, 0), max(a, 0)) for b, a in margins]
    if mode == "constant":
        return np.pad(input[kept], added, constant_values=value or 0)
    return np.pad(input[kept], added, _MODES[mode])


def constant_pad_nd(input: Array, pad: Any, value: Any) -> Array:
    """As `pad`, whose parameter has the function's name."""
    return globals()["pad"](input, pad, "constant", value)
