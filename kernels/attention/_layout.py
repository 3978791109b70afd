"""Which operands of attention the copy engine can fetch, and the descriptors of their tiles."""

from __future__ import annotations

from triton.tools.tensor_descriptor import TensorDescriptor

from tritonnn.buffer import Buffer

# Architectures whose copy engine (TMA) reads tiles through descriptors; the interpreter simulates it.
_WITH_DESCRIPTORS = ("sm_90", "sm_100", "sm_103", "sm_120", "interpreter")
_LONGEST = 2**31  # coordinates are 32 bits
WIDEST_DESCRIBED = 256  # features of a tile


def describes(architecture: str) -> bool:
    """Whether it has a copy engine for tiles."""
    return architecture in _WITH_DESCRIPTORS


def describable(architecture: str, *operands: Buffer) -> bool:
    """Whether all of (batch, head, position, feature) can be fetched as tiles.

    Elements of 16 bits, which are what the matrix units of these architectures read from shared memory; features side
    by side; everything else at multiples of 16 bytes and nowhere twice at one place (an expanded dimension).
    """
    return describes(architecture) and all(map(_describable, operands))


def _describable(x: Buffer) -> bool:
    if x.dtype.itemsize != 2 or x.ptr % 16 or 0 in x.shape:
        return False
    if x.shape[-1] > 1 and x.strides[-1] != 1:
        return False
    return all(
        size == 1 or (stride > 0 and stride * 2 % 16 == 0 and size < _LONGEST)
        for size, stride in zip(x.shape[:-1], x.strides[:-1], strict=True)
    )


def tiles(x: Buffer, rows: int, width: int) -> TensorDescriptor:
    """A descriptor of `x` in tiles of (1, 1, rows, width); features beyond the last read 0."""
    # the stride of a dimension of one element is never used, but has to be a multiple of 16 bytes as well
    strides = [8 if size == 1 else stride for size, stride in zip(x.shape[:-1], x.strides[:-1], strict=True)]
    return TensorDescriptor(x, list(x.shape), [*strides, 1], [1, 1, rows, width])
