"""What the generated tests share: making inputs, walking arguments, comparing results."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Any

import ml_dtypes
import numpy as np

import tritonnn as torch
from tritonnn._tensor import Tensor, host_array
from tritonnn.ops._table import OPS, Op, Sample

# Every dtype that files hold, by name; safetensors has no complex128.
STORED = (
    "float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "int64", "int32", "int16", "int8",
    "uint8", "bool", "complex64", "complex128",
)  # fmt: skip


class Make:
    """Builds the tensors of a sample: deterministic per op, of the dtype and device under test."""

    def __init__(self, op: str, device: str, dtype: Any) -> None:
        self.rng = np.random.default_rng(zlib.crc32(op.encode()))
        self.device = device
        self.dtype = dtype

    def __call__(
        self, *shape: Any, low: float = -2, high: float = 2, dtype: Any = None, positive: bool = False
    ) -> Tensor:
        if len(shape) == 1 and isinstance(shape[0], tuple):
            shape = shape[0]
        dtype = dtype or self.dtype
        low = 0.2 if positive and low <= 0 else low
        values = self.rng.uniform(low, high, shape)
        if dtype.is_complex:
            values = values + 1j * self.rng.uniform(low, high, shape)
        elif dtype is torch.bool:
            values = values > (low + high) / 2
        elif not dtype.is_floating_point:
            first = int(np.ceil(low)) if dtype.is_signed else max(int(np.ceil(low)), 0)
            values = self.rng.integers(first, max(int(high), first) + 1, shape)
        return torch.from_numpy(np.asarray(values).astype(dtype.np)).to(self.device)

    def int(self, *shape: Any, low: int = 0, high: int = 4, dtype: Any = None) -> Tensor:
        """int64 numbers with low <= x < high."""
        if len(shape) == 1 and isinstance(shape[0], tuple):
            shape = shape[0]
        return torch.from_numpy(np.asarray(self.rng.integers(low, high, shape))).to(
            self.device, dtype or torch.int64
        )

    def bool(self, *shape: Any) -> Tensor:
        """Truth values."""
        if len(shape) == 1 and isinstance(shape[0], tuple):
            shape = shape[0]
        return torch.from_numpy(np.asarray(self.rng.uniform(size=shape) > 0.5)).to(self.device)


def samples(op: Op, device: str, dtype: Any) -> list[Sample]:
    """The op's samples, made for a device and dtype."""
    return list(op.samples(Make(op.name, device, dtype))) if op.samples else []


def call(op: Op, sample: Sample, **extra: Any) -> Any:
    """Run the op on a sample."""
    return op.function(*sample.args, **sample.kwargs, **extra)


def mapped(sample: Sample, change: Callable[[Tensor], Any]) -> Sample:
    """The sample with every tensor replaced."""

    def walk(value: Any) -> Any:
        if isinstance(value, Tensor):
            return change(value)
        if isinstance(value, list):
            return [walk(item) for item in value]
        if isinstance(value, tuple) and any(isinstance(item, Tensor) for item in value):
            return tuple(walk(item) for item in value)
        return value

    return Sample(
        *[walk(arg) for arg in sample.args], **{key: walk(value) for key, value in sample.kwargs.items()}
    ).constant(*sample.constants)


def leaves_of(op: Op, sample: Sample) -> Sample:
    """The sample with leaves that require grad wherever the op can differentiate."""
    given = {**dict(zip(op.names, sample.args, strict=False)), **sample.kwargs}
    held = {id(given.get(name)) for name in sample.constants}
    return mapped(
        sample, lambda t: t.detach().clone().requires_grad_(t.dtype.is_floating_point and id(t) not in held)
    )


def tensors(value: Any) -> Iterator[Tensor]:
    """Every tensor in nested tuples, lists and samples."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Sample):
        yield from tensors((*value.args, *value.kwargs.values()))
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors(item)


def floating(value: Any) -> list[Tensor]:
    """The floating tensors among them."""
    return [t for t in tensors(value) if t.dtype.is_floating_point]


def array(tensor: Tensor) -> np.ndarray:
    """The values on the host; half precision as float32."""
    values = host_array(tensor.detach())
    return values.astype(np.float32) if values.dtype.kind == "V" or values.dtype == np.float16 else values


def strided(tensor: Tensor) -> Tensor:
    """The same values seen with gaps and in another order of dimensions, so that no stride is what it was."""
    if not tensor.shape:
        return tensor
    wide = torch.empty((*tensor.shape[::-1], 2), dtype=tensor.dtype, device=tensor.device)
    view = wide.select(-1, 0).permute(*range(len(tensor.shape))[::-1])
    with torch.no_grad():
        view.copy_(tensor)
    return view.detach()


def permuted(tensor: Tensor) -> Tensor:
    """The same values lying densely in another order: channels last for images and volumes, else reversed."""
    rank = len(tensor.shape)
    if rank < 2:
        return tensor
    order = [0, *range(2, rank), 1] if rank >= 4 else list(range(rank))[::-1]
    dense = tensor.detach().permute(*order).contiguous()
    return dense.permute(*[order.index(d) for d in range(rank)]).detach().requires_grad_(tensor.requires_grad)


def assert_close(got: Any, wanted: Any, dtype: Any, factor: float = 32, what: str = "") -> None:
    """Same shapes, same NaN and infinities, and elements within `factor` roundings of the largest magnitude."""
    gots, wanteds = list(tensors(got)), list(tensors(wanted))
    assert len(gots) == len(wanteds), f"{what}: {len(gots)} results, expected {len(wanteds)}"
    eps = float(ml_dtypes.finfo(dtype.np).eps) if dtype.is_floating_point else 1e-7
    for result, reference in zip(gots, wanteds, strict=True):
        assert result.shape == reference.shape, f"{what}: shape {result.shape}, expected {reference.shape}"
        a, b = array(result), array(reference)
        if a.dtype.kind in "biu" and b.dtype.kind in "biu":
            np.testing.assert_array_equal(a, b, err_msg=what)
            continue
        kind = np.complex128 if a.dtype.kind == "c" else np.float64
        a, b = a.astype(kind), b.astype(kind)
        finite = np.isfinite(b)
        limit = float(ml_dtypes.finfo(dtype.np).max) if dtype.is_floating_point else np.inf
        finite &= np.abs(np.where(finite, b, 0)) < limit  # what overflows the dtype may be infinite
        np.testing.assert_array_equal(np.isnan(a), np.isnan(b), err_msg=f"{what}: NaN in other places")
        if finite.any():
            scale = max(1.0, float(np.abs(b[finite]).max()))
            error = float(np.abs(a[finite] - b[finite]).max())
            assert error <= factor * eps * scale, (
                f"{what}: off by {error:.3g}, allowed {factor * eps * scale:.3g}"
            )


def ops(kind: str | None = None) -> list[Op]:
    """The entries that have samples, in a fixed order."""
    return [op for _, op in sorted(OPS.items()) if op.samples and (kind is None or op.kind == kind)]


def leaf(*values: float, dtype: Any = None) -> torch.Tensor:
    """A vector that requires grad, float64 by default."""
    return torch.tensor(list(values), dtype=dtype or torch.float64, requires_grad=True)
