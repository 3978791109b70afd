"""What generated tests share: making inputs, walking arguments, comparing results."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Any

import ml_dtypes
import numpy as np

import tritonnn as torch
from tritonnn._tensor import Tensor, host_array
from tritonnn.ops._table import OPS, Op, Sample
from tritonnn.testing import generated
from tritonnn.testing.generated.tolerance import (
    ALLOWED,
    first_beyond,
    own_error,
    parts,
    real,
    sizes,
    spacing,
)


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
        values: Any = self.rng.uniform(low, high, shape)
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


def moved(sample: Sample, device: str) -> Sample:
    """The sample on a device: its tensors, and what is to be made there."""
    there = mapped(sample, lambda t: t.to(device))
    if "device" in there.kwargs:
        there.kwargs["device"] = device
    return there


def leaves_of(op: Op, sample: Sample, complex: bool = False) -> Sample:
    """The sample with leaves that require grad wherever the op can differentiate; with `complex` of those types too."""
    given = {**dict(zip(op.names, sample.args, strict=False)), **sample.kwargs}
    held = {id(given.get(name)) for name in sample.constants}

    def leaf(t: Tensor) -> Tensor:
        wanted = t.dtype.is_floating_point or (complex and t.dtype.is_complex)
        return t.detach().clone().requires_grad_(wanted and id(t) not in held)

    return mapped(sample, leaf)


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


def assert_close(
    got: Any, wanted: Any, dtype: Any = None, factor: float = ALLOWED, what: str = "", errors: Any = None
) -> None:
    """Same shapes, NaN and infinities, and each element within `factor` times its own error of the exact one.

    Args:
        got, wanted: results, nested at will; whole numbers have to be equal.
        dtype: what was computed in, where that is less precise than the dtype of the results.
        factor: see above.
        what: said in the message.
        errors: of each floating result its exact values and own error, from `own_errors`. Otherwise `wanted` is
            taken for exact, and the own error is one rounding of the element and of the result's root mean square.
    """
    known = iter(errors or ())
    gots, wanteds = list(tensors(got)), list(tensors(wanted))
    assert len(gots) == len(wanteds), f"{what}: {len(gots)} results, expected {len(wanteds)}"
    for i, (result, reference) in enumerate(zip(gots, wanteds, strict=True)):
        assert result.shape == reference.shape, f"{what}: shape {result.shape}, expected {reference.shape}"
        a, b = array(result), array(reference)
        if a.dtype.kind in "biu" and b.dtype.kind in "biu":
            np.testing.assert_array_equal(a, b, err_msg=what)
            continue
        kind = dtype if dtype is not None and dtype.is_floating_point else reference.dtype
        if errors is None or not reference.dtype.is_floating_point:
            own = own_error(parts(b), [], [], kind.np, sizes(b))
            with np.errstate(invalid="ignore", over="ignore"):
                level = np.where(np.isfinite(b), np.abs(b), 0).astype(float) ** 2
            own = own + spacing(np.sqrt(np.mean(level)), kind.np) if b.size else own
            exact = parts(b)
        else:
            exact, own = next(known)
        a, b = parts(a), parts(b)
        limit = float(ml_dtypes.finfo(real(kind.np)).max)
        with np.errstate(invalid="ignore"):
            close = np.abs(exact) < limit  # what overflows the dtype may be infinite
            np.testing.assert_array_equal(np.isnan(a), np.isnan(b), err_msg=f"{what}: NaN in other places")
            unlike = close & np.isfinite(b) & ~np.isfinite(a)
        assert not unlike.any(), f"{what}: not finite where {b[unlike][:1]} is expected"
        np.testing.assert_array_equal(
            a[np.isinf(b) & np.isinf(exact)], b[np.isinf(b) & np.isinf(exact)], err_msg=what
        )
        words = first_beyond(np.where(close, a, np.nan), exact, own, factor)
        assert not words, f"result {i}: {words}\n{what}"


def entries() -> list[Op]:
    """The entries of the package under test, in a fixed order."""
    return [op for _, op in sorted(OPS.items()) if f"{op.package}.".startswith(f"{generated.package}.")]


def ops(kind: str | None = None) -> list[Op]:
    """Those of them that have samples."""
    return [op for op in entries() if op.samples and (kind is None or op.kind == kind)]


# Ops that read one triangle of a Hermitian matrix; their gradient is that among Hermitian matrices.
HERMITIAN = {
    "linalg_cholesky_ex", "linalg_cholesky", "cholesky_ex", "cholesky", "linalg_eigh", "eigh", "eigvalsh",
    "symeig", "potrf",
}  # fmt: skip


def along(op: Op, sample: Sample, steps: list[Tensor]) -> list[Tensor]:
    """Directions to differentiate along: of ops that take a Hermitian matrix, Hermitian ones."""
    if op.name in HERMITIAN or sample.kwargs.get("hermitian"):
        return [(step + step.mH) / 2 for step in steps]
    return steps
