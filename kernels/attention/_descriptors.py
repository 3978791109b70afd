"""Which operands of attention tensor descriptors can read, and their descriptors."""

from __future__ import annotations

from triton.tools.tensor_descriptor import TensorDescriptor

from tritonnn.buffer import Buffer

ALIGNED = 16  # bytes, of the start and of every stride


def describable(x: Buffer) -> bool:
    """Whether the hardware can fetch tiles of (batch, head, position, feature): contiguous rows, 16-byte-aligned."""
    size = x.dtype.itemsize
    if 0 in x.shape or x.ptr % ALIGNED or (x.strides[-1] != 1 and x.shape[-1] != 1):
        return False
    return all(
        extent == 1 or (stride > 0 and stride * size % ALIGNED == 0)
        for extent, stride in zip(x.shape[:-1], x.strides[:-1], strict=True)
    )


def steps(x: Buffer) -> tuple[int, ...]:
    """Strides that descriptors take: those of extents of 1 are never stepped over and may be anything."""
    smallest = max(
        ALIGNED // x.dtype.itemsize,
        -(-x.shape[-1] * x.dtype.itemsize // ALIGNED) * ALIGNED // x.dtype.itemsize,
    )
    return (*[smallest if n == 1 else s for n, s in zip(x.shape[:-1], x.strides[:-1], strict=True)], 1)


def tiles(x: Buffer, rows: int, width: int) -> TensorDescriptor:
    """The descriptor of tiles of `rows` positions of one head, with features filled up to `width` with zeros."""
    return TensorDescriptor(x, list(x.shape), list(steps(x)), [1, 1, rows, width])


def shared_head(key: Buffer, value: Buffer) -> tuple[Buffer, Buffer]:
    """Keys and values expanded over heads, as one head that all query heads share."""
    if key.shape[1] == 1 or key.strides[1] or value.strides[1]:
        return key, value
    return tuple(x.as_strided((x.shape[0], 1, *x.shape[2:]), x.strides) for x in (key, value))  # type: ignore[return-value]
