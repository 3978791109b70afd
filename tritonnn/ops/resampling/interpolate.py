"""Resizing of images and other grids: interpolate and its older names.

Every mode works one dimension at a time: an output element is a weighted sum of a few input elements of its
line.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn._tensor import Tensor, from_array
from tritonnn.errors import explained, fail, warn
from tritonnn.memory_format import format_of
from tritonnn.ops._definitions import pooling as define
from tritonnn.ops._table import FLOATING, Bad, Sample, composite
from tritonnn.ops.creation.from_data import tensor as make_tensor
from tritonnn.ops.joining.joining import cat
from tritonnn.ops.linalg.linalg import matmul_nd
from tritonnn.ops.pooling.avg_pool import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d
from tritonnn.ops.resampling._places import (
    ANTIALIAS_FILTERS,
    antialias_matrix,
    copies,
    cubic_taps,
    linear_taps,
    nearest,
)
from tritonnn.ops.shape.parts import slice_dim
from tritonnn.recording.grad_mode import state
from tritonnn.table import Make
from tritonnn.table.types import IntOrInts

_LINEAR = {"linear": 3, "bilinear": 4, "trilinear": 5}  # mode -> dimensions of its input
_ADAPTIVE_AVG_POOL = {1: adaptive_avg_pool1d, 2: adaptive_avg_pool2d, 3: adaptive_avg_pool3d}
_LARGEST = 2**31 - 1  # of the sizes that PyTorch computes with
_CORNER_MODES = (*_LINEAR, "bicubic", "lanczos")
_MODES = ("nearest", "nearest-exact", "area", *_CORNER_MODES)


# ---- one dimension ----------------------------------------------------------------------------------------


def _pick(x: Tensor, dim: int, places: list[int]) -> Any:
    size, out = x.shape[dim], len(places)
    if places == list(range(size)):
        return x
    if size and out % size == 0 and places == [i // (out // size) for i in range(out)]:
        # A whole number of copies of each element: broadcasting instead of an index.
        shape = list(x.shape)
        grown = x.unsqueeze(dim + 1).expand(*shape[: dim + 1], out // size, *shape[dim + 1 :])
        return grown.reshape(*shape[:dim], out, *shape[dim + 1 :])
    return x.index_select(dim, make_tensor(places, dtype=dtypes.int64, device=x.device))


def _blend(x: Tensor, dim: int, taps: list[tuple[list[int], list[float]]]) -> Any:
    shape = [1] * x.ndim
    shape[dim] = len(taps[0][0])
    total = None
    for places, weights in taps:
        if not any(weights):
            continue
        part = _pick(x, dim, places)
        if weights != [1.0] * len(weights):
            part = part * make_tensor(weights, dtype=x.dtype, device=x.device).reshape(*shape)
        total = part if total is None else total + part
    return total


_TOGETHER = 48  # outputs of one product on the CPU: so few have most of their weights in the same inputs


def _blend_antialiased(x: Tensor, dim: int, matrix: np.ndarray) -> Any:
    """The product with the weights along one of the last two dimensions.

    On the CPU it is one for each band of the matrix, outside of which it is 0; but what is recorded is a single one:
    the gradient of each part of an input would be as large as the input.
    """
    if x.device.type != "cpu" or (state.enabled and x.requires_grad) or len(matrix) <= _TOGETHER:
        weights: Any = make_tensor(matrix, dtype=x.dtype, device=x.device)
        return x.matmul(weights.transpose(0, 1)) if dim == x.ndim - 1 else weights.matmul(x)
    inner = dim == x.ndim - 1
    lines: Any = x.reshape(-1, x.shape[-1]) if inner else x
    parts = []
    for first in range(0, len(matrix), _TOGETHER):
        band = matrix[first : first + _TOGETHER]
        used = np.flatnonzero(band.any(0))
        low, high = (int(used[0]), int(used[-1]) + 1) if used.size else (0, band.shape[1])
        part = slice_dim(lines, lines.ndim - 1 if inner else dim, low, high - low, 1)
        band = band[:, low:high].T if inner else band[:, low:high]
        weights = from_array(np.array(band, x.dtype.np, order="C"), x.dtype)
        parts.append(matmul_nd(part, weights) if inner else matmul_nd(weights, part))
    return cat(parts, -1 if inner else dim).reshape(*x.shape[:dim], len(matrix), *x.shape[dim + 1 :])


# ---- the function -----------------------------------------------------------------------------------------


def _sizes(
    input: Tensor, size: Any, scale_factor: Any, recompute: bool | None
) -> tuple[list[int], list[float | None]]:
    """Extents of the output, and the factors to compute coordinates with (None: the ratio of extents)."""
    dims = len(input.shape) - 2
    space = [int(extent) for extent in input.shape[2:]]
    if size is not None and scale_factor is not None:
        raise ValueError("only one of size or scale_factor should be defined")
    if size is None and scale_factor is None:
        raise ValueError("either size or scale_factor should be defined")
    what = size if size is not None else scale_factor
    given = list(what) if isinstance(what, (list, tuple)) else [what] * dims
    if isinstance(what, (list, tuple)) and len(given) != dims:
        raise ValueError(
            "Input and output must have the same number of spatial dimensions, but got input with spatial "
            f"dimensions of {space} and {'output size' if size is not None else 'scale_factor'} of {what}. "
            "Please provide input tensor in (N, C, d1, d2, ...,dK) format and one number per dimension."
        )
    if size is not None:
        if recompute:
            raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
        return [int(extent) for extent in given], [None] * dims
    products = [float(extent) * float(factor) for extent, factor in zip(space, given)]
    if not all(map(math.isfinite, products)):
        raise fail("interpolate", f"scale_factor must be finite, got {scale_factor}", input=input)
    out = [math.floor(product) for product in products]
    return out, [None if recompute else float(factor) for factor in given]


def _check(input: Tensor, mode: str, align_corners: bool | None, antialias: bool) -> None:
    ndim = len(input.shape)
    if mode in ("nearest", "nearest-exact", "area") and align_corners is not None:
        raise ValueError(
            "align_corners option can only be set with the interpolating modes: linear | bilinear | "
            "bicubic | trilinear"
        )
    if antialias and not (mode in ANTIALIAS_FILTERS and ndim == 4):
        raise ValueError(
            "Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires a 4-D tensor as "
            f"input, got mode {mode} and {ndim} dimensions"
        )
    if mode == "lanczos" and ndim == 4 and not antialias:
        raise ValueError("Lanczos mode requires antialias=True")
    if mode == "lanczos" and align_corners:
        raise ValueError("Lanczos mode does not support align_corners=True")
    if mode not in _MODES or ndim not in (3, 4, 5):
        raise explained(NotImplementedError)(
            f"interpolate: Input Error: Only 3D, 4D and 5D input Tensors supported (got {ndim}D) for the modes: "
            f"{' | '.join(_MODES)} (got {mode})"
        )
    needed = _LINEAR.get(mode, 4 if mode in ("bicubic", "lanczos") else ndim)
    if needed != ndim:
        raise explained(NotImplementedError)(f"Got {ndim}D input, but {mode} mode needs {needed}D input")


def _interpolate_samples(make: Make) -> list[Sample]:
    return [
        Sample(make(1, 2, 3), scale_factor=2), Sample(make(1, 2, 5), 3), Sample(make(1, 2, 3, 4), (5, 2)),
        Sample(make(1, 2, 3, 4), (5, 2), mode="nearest-exact"),
        Sample(make(1, 2, 5), scale_factor=1.7, mode="linear"),
        Sample(make(1, 2, 3, 4), (5, 7), mode="bilinear"),
        Sample(make(1, 1, 3, 4), None, 2.5, "bilinear", True),
        Sample(make(1, 1, 3, 4), (5, 2), mode="bicubic"),
        Sample(make(1, 1, 2, 3, 2), scale_factor=2, mode="trilinear"),
        Sample(make(1, 1, 4, 6), (2, 3), mode="area"),
        Sample(make(1, 1, 7, 6), (3, 2), mode="bilinear", antialias=True),
        Sample(make(1, 1, 7, 6), (3, 9), mode="bicubic", antialias=True),
        Sample(make(1, 1, 9, 6), (4, 8), mode="lanczos", antialias=True),
        Sample(make(1, 1, 5), scale_factor=1.5, mode="linear", recompute_scale_factor=True),
    ]  # fmt: skip


@composite(
    api="functional", dtypes=FLOATING, samples=_interpolate_samples,
    errors=lambda make: [
        Bad(make(1, 2, 3), error=ValueError, match="either size or scale_factor"),
        Bad(make(1, 2, 3), 2, 2.0, error=ValueError, match="only one of size or scale_factor"),
        Bad(make(1, 2, 3), (2, 2), error=ValueError, match="same number of spatial dimensions"),
        Bad(make(1, 2, 3), 2, mode="bilinear", error=NotImplementedError, match="needs 4D input"),
        Bad(make(1, 2, 3), 2, mode="cubic", error=NotImplementedError, match=r"got cubic"),
        Bad(make(1, 2, 3), 2, align_corners=True, error=ValueError, match="align_corners option"),
        Bad(make(1, 2, 3), 2, antialias=True, error=ValueError, match="Anti-alias option"),
        Bad(make(1, 2, 3, 4), 2, mode="lanczos", error=ValueError, match="requires antialias"),
        Bad(make(1, 2, 3, 4), 2, None, "lanczos", True, None, True, error=ValueError, match="not support align"),
        Bad(make(1, 2, 3), 0, match="should be greater than 0"),
    ],
    reference=define.interpolate,
)  # fmt: skip
def interpolate(
    input: Tensor,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """Resize (N, C, L), (N, C, H, W) or (N, C, D, H, W) in its spatial dimensions.

    Args:
        input: the grid.
        size: extents of the output, or
        scale_factor: their ratio to the input's; a number, or one per dimension.
        mode: 'nearest', 'nearest-exact', 'area', 'linear' (3-D input), 'bilinear', 'bicubic' or 'lanczos'
            (4-D), 'trilinear' (5-D).
        align_corners: whether the corner elements of input and output coincide, for the interpolating modes.
        recompute_scale_factor: compute coordinates with the ratio of the extents instead of scale_factor.
        antialias: widen the filter when shrinking ('bilinear' and 'bicubic'; 'lanczos' always does).

    Raises:
        ValueError: sizes or options that do not fit together. NotImplementedError: a mode for other
            dimensions.

    >>> import tritonnn as torch
    >>> torch.nn.functional.interpolate(torch.tensor([[[1., 2.]]]), scale_factor=2, mode="linear")
    tensor([[[1.0000, 1.2500, 1.7500, 2.0000]]])
    """
    out, scales = _sizes(input, size, scale_factor, recompute_scale_factor)
    _check(input, mode, align_corners, antialias)
    if min(out) <= 0 or 0 in input.shape[1:]:
        raise fail(
            "interpolate",
            f"Input and output sizes should be greater than 0, but got input {tuple(input.shape[2:])} "
            f"and output {tuple(out)}",
            input=input,
        )
    if max(out) > _LARGEST:
        raise fail("interpolate", f"output sizes {tuple(out)} are beyond {_LARGEST}", input=input)
    if input.is_meta:
        shape = (*input.shape[:2], *out)
        return input.new_empty(shape).contiguous(memory_format=format_of(input))
    x: Any = input
    if mode == "area":
        return _ADAPTIVE_AVG_POOL[len(out)](x, tuple(out))
    blended = mode not in ("nearest", "nearest-exact")
    whole = x.dtype.kind < 2
    if whole and blended and x.dtype is not dtypes.uint8:
        raise fail(
            "interpolate", f"not implemented for {x.dtype.name}", kind=NotImplementedError, input=input
        )
    half = blended and x.dtype.itemsize <= 2
    x = x.to(dtypes.float32) if half else x
    # The last dimension first: its elements lie together, and shrinking it makes the rest cheaper.
    for dim in reversed(range(2, x.ndim)):
        x = _along(x, dim, out[dim - 2], scales[dim - 2], mode, bool(align_corners), antialias)
        if whole and half:  # bytes after each dimension, as PyTorch has them between its passes
            x = (x + 0.5).floor().clamp(0, 255)
    return (x.to(input.dtype) if half else x).contiguous(format_of(input))


def _along(
    x: Tensor, dim: int, out: int, scale: float | None, mode: str, align: bool, antialias: bool
) -> Any:
    size = x.shape[dim]
    if size == out and (antialias or copies(mode, x.ndim, align or scale is None or scale == 1)):
        return x
    if mode in ("nearest", "nearest-exact"):
        doubled = mode == "nearest" and x.ndim == 4 and out == 2 * size
        return _pick(x, dim, nearest(size, out, 2.0 if doubled else scale, mode == "nearest-exact"))
    if antialias:
        return _blend_antialiased(x, dim, antialias_matrix(size, out, scale, align, mode))
    taps = cubic_taps if mode == "bicubic" else linear_taps
    return _blend(x, dim, taps(size, out, scale, align))


# ---- older names ------------------------------------------------------------------------------------------


def _deprecated(old: str) -> None:
    warn(f"`nn.functional.{old}` is deprecated. Use `nn.functional.interpolate` instead.")


def _older_errors(make: Make) -> list[Bad]:
    return [
        Bad(make(1, 2, 3), error=ValueError, match="either size or scale_factor"),
        Bad(make(1, 2, 3), 2, 2.0, error=ValueError, match="only one of size or scale_factor"),
    ]


@composite(
    api="functional", dtypes=FLOATING, errors=_older_errors, reference=define.upsample,
    samples=lambda make: [Sample(make(1, 2, 3), 5), Sample(make(1, 2, 3, 4), None, 2, "bilinear", True)],
)  # fmt: skip
def upsample(
    input: Tensor,
    size: IntOrInts | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """Older name of `interpolate`.

    >>> import tritonnn as torch
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     torch.nn.functional.upsample(torch.tensor([[[1., 2.]]]), scale_factor=2)
    tensor([[[1., 1., 2., 2.]]])
    """
    _deprecated("upsample")
    return interpolate(input, size, scale_factor, mode, align_corners)


@composite(
    api="functional", dtypes=FLOATING, errors=_older_errors, reference=define.upsample_nearest,
    samples=lambda make: [Sample(make(1, 2, 3), 5), Sample(make(1, 2, 3, 4), scale_factor=2)],
)  # fmt: skip
def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """Older form of `interpolate(mode='nearest')`.

    >>> import tritonnn as torch
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     torch.nn.functional.upsample_nearest(torch.tensor([[[1., 2.]]]), size=4)
    tensor([[[1., 1., 2., 2.]]])
    """
    _deprecated("upsample_nearest")
    return interpolate(input, size, scale_factor, mode="nearest")


@composite(
    api="functional", dtypes=FLOATING, reference=define.upsample_bilinear,
    errors=lambda make: [
        Bad(make(1, 2, 3, 4), error=ValueError, match="either size or scale_factor"),
        Bad(make(1, 2, 3), 2, error=NotImplementedError, match="needs 4D input"),
    ],
    samples=lambda make: [Sample(make(1, 2, 3, 4), 5), Sample(make(1, 2, 3, 4), None, 2)],
)  # fmt: skip
def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """Older form of `interpolate(mode='bilinear', align_corners=True)`.

    >>> import tritonnn as torch
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     torch.nn.functional.upsample_bilinear(torch.ones(1, 1, 2, 2), scale_factor=2).shape
    torch.Size([1, 1, 4, 4])
    """
    _deprecated("upsample_bilinear")
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)


__all__ = ["interpolate", "upsample", "upsample_bilinear", "upsample_nearest"]
