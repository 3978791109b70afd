"""A grid by its older name, numbers with the end among them, and a number that stands for a tensor's bits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tritonnn import dispatch, dtypes
from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike, resolve
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import Invalid, fail, warn
from tritonnn.memory_format import layout as Layout
from tritonnn.ops._definitions import sampling
from tritonnn.ops._table import FLOATING, NUMERIC, Bad, Sample, composite, expose
from tritonnn.ops.creation._outputs import agreed, counted_into, same_into
from tritonnn.ops.creation.creation import _finish
from tritonnn.ops.creation.ranges import arange_fill
from tritonnn.ops.resampling.grid_sample import affine_grid
from tritonnn.shape import wrap_dims
from tritonnn.table.types import Count, Dims, Ints, Number


@composite(
    api="torch", dtypes=FLOATING, reference=sampling.affine_grid,
    samples=lambda make: [
        Sample(make(2, 2, 3), (2, 3, 4, 5), False), Sample(make(1, 3, 4), (1, 2, 2, 3, 4), True),
    ],
    errors=lambda make: [Bad(make(2, 2, 3), (2, 3, 4), False, match="needs 4d .* or 5d")],
)  # fmt: skip
def affine_grid_generator(theta: Tensor, size: Ints, align_corners: bool) -> Tensor:
    """`torch.nn.functional.affine_grid` by the name of ATen.

    >>> import tritonnn as torch
    >>> torch.affine_grid_generator(torch.tensor([[[1.0, 0, 0], [0, 1, 0]]]), (1, 1, 1, 2), False)
    tensor([[[[-0.5000,  0.0000],
              [ 0.5000,  0.0000]]]])
    """
    if len(size) not in (4, 5):
        raise fail(
            "affine_grid_generator",
            f"needs 4d (spatial) or 5d (volumetric) sizes, got {tuple(size)}",
            theta=theta,
        )
    return affine_grid(theta, size, align_corners)


@expose("torch")
def range(
    start: Number | None = None, end: Number | None = None, step: Number = 1, *, out: Tensor | None = None,
    dtype: DType | None = None, layout: Layout | None = None, device: DeviceLike | None = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """Deprecated: start, start + step, ... up to and including `end`; of the default dtype whatever the numbers are.

    >>> import warnings
    >>> import tritonnn as torch
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     torch.range(1, 2, 0.5)
    tensor([1.0000, 1.5000, 2.0000])
    """
    if start is None or end is None:
        names = '"start", "end"' if start is None and end is None else '"end"' if end is None else '"start"'
        raise TypeError(f"range() missing required arguments: {names}")
    warn(
        "torch.range is deprecated and will be removed in a future release because its behavior is inconsistent with "
        "Python's range builtin. Instead, use torch.arange, which produces values in [start, end)."
    )
    agreed("range", out, dtype)
    kind = dtype or (out.dtype if out is not None else dtypes.get_default_dtype())
    if kind not in NUMERIC:
        raise fail("range", f"not implemented for {kind.name}", kind=NotImplementedError)
    if not (math.isfinite(start) and math.isfinite(end)):  # type: ignore[arg-type]
        raise fail("range", f"unsupported range: {start} -> {end}")
    if kind.kind == 1:  # counted in the type itself
        start, end, step = int(start), int(end), int(step)  # type: ignore[arg-type]
    if not step:
        raise fail("range", f"step must be nonzero, got {step}")
    if (end - start) * step < 0:  # type: ignore[operator]
        bounds = f"{start} to {end} by {step}"
        raise fail("range", f"upper bound and lower bound inconsistent with step sign: {bounds}")
    count = math.floor((end - start) / step) + 1  # type: ignore[arg-type]
    where = out.device if out is not None else resolve(device)
    values = dispatch.call(arange_fill.op, (start, step, count, kind, where))
    return _finish(counted_into(out, values), requires_grad, False, layout)


_XOR: Any = np.bitwise_xor


def _bits(input: np.ndarray, dim: Any = (), keepdim: bool = False, mode: int = 0) -> Any:
    dims = (dim,) if isinstance(dim, int) else tuple(dim) or tuple(np.arange(input.ndim))
    whole: Any = (
        input.astype(np.float64).view(np.int64) if input.dtype.kind in "fV" else input.astype(np.int64)
    )
    return _XOR.reduce(whole, dims, keepdims=keepdim).astype(np.int64).view(np.uint64)


@composite(
    api="torch tensor", dtypes=(dtypes.bool_, *NUMERIC), no_derivative=True, reference=_bits,
    samples=lambda make: [
        Sample(make(3, 4)), Sample(make(3, 4), 1), Sample(make(2, 3, 5), (0, 2), keepdim=True), Sample(make(())),
        Sample(make(0, 3), 1),
    ],
    errors=lambda make: [
        Bad(make(3), mode=1, match="Unknown hash_tensor mode: 1"),
        Bad(make(0), match="Expected reduction dim to be specified"),
        Bad(make(0, 3), 0, error=IndexError, match="reduction dim 0 to have non-zero size"),
        Bad(make(3), 2, error=IndexError, match="Dimension out of range"),
    ],
)  # fmt: skip
def hash_tensor(
    input: Tensor, dim: Dims = (), *, keepdim: bool = False, mode: Count = 0, out: Tensor | None = None
) -> Tensor:
    """The exclusive or of the elements' bits, those of float64 or int64, as a uint64: equal for equal tensors.

    Args:
        dim: along which dimensions; all for ().
        keepdim: keep them with extent 1.
        mode: 0, the exclusive or: there is no other.

    >>> import tritonnn as torch
    >>> int(torch.hash_tensor(torch.tensor([1, 2, 4])))
    7
    """
    if mode != 0:
        raise fail("hash_tensor", f"Unknown hash_tensor mode: {mode}", input=input)
    empty = dim is None or (not isinstance(dim, int) and not len(dim))
    if empty and not input.numel():
        raise fail(
            "hash_tensor", "Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim "
            "with the 'dim' argument.", input=input,
        )  # fmt: skip
    try:
        dims = wrap_dims(None if empty else dim, len(input.shape))
    except Invalid as invalid:
        raise fail("hash_tensor", str(invalid), kind=invalid.kind, input=input) from None
    for d in dims:
        if input.shape and not input.shape[d]:
            raise fail(
                "hash_tensor",
                f"Expected reduction dim {d} to have non-zero size.",
                kind=IndexError,
                input=input,
            )
    input = input.detach()
    whole = (
        input.to(dtypes.float64).contiguous().view(dtypes.int64) if input.dtype.kind == 2 else input.long()
    )
    for d in dims:
        whole = _folded(whole, d)
    result = (whole if keepdim else whole.squeeze(tuple(dims))).contiguous().view(dtypes.uint64)
    return same_into("hash_tensor", out, result)


def _folded(whole: Tensor, dim: int) -> Tensor:
    """The exclusive or along a dimension, halved until one is left."""
    if not whole.shape:
        return whole
    while (extent := whole.shape[dim]) > 1:
        half = extent // 2
        paired = whole.narrow(dim, 0, half) ^ whole.narrow(dim, half, half)
        if extent % 2:
            first = paired.narrow(dim, 0, 1) ^ whole.narrow(dim, extent - 1, 1)
            paired.narrow(dim, 0, 1).copy_(first)
        whole = paired
    return whole
