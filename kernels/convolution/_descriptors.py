"""Which tensors tensor descriptors can describe, channels innermost, and the descriptors."""

from __future__ import annotations

from triton.tools.tensor_descriptor import TensorDescriptor

from tritonnn.buffer import Buffer
from tritonnn.kernels.tables.convolution_weight import Patch

ALIGNMENT = 16  # bytes: where the memory starts, and what strides are multiples of


def describable(x: Buffer) -> bool:
    """Whether channels lie densely in `x`, (batch, channels, spatial...), and all else as the hardware wants it."""
    size = x.dtype.itemsize
    if not x.numel or x.ptr % ALIGNMENT or (x.shape[1] > 1 and x.strides[1] != 1):
        return False
    others = [s for dim, (n, s) in enumerate(zip(x.shape, x.strides, strict=True)) if n > 1 and dim != 1]
    return all(s > 0 and s * size % ALIGNMENT == 0 for s in others)


def boxes(x: Buffer, patch: Patch, channels: int, rank: int) -> TensorDescriptor:
    """`x`, (batch, channels, depth, height, width), in boxes of a patch of positions by channels.

    Args:
        x: describable; of four dimensions, `rank`, there is no depth.
        patch: images, depth, height and width of a box.
    """
    dims = [0, 2, 3, 4] if rank == 5 else [0, 3, 4]
    # a stride that nothing is multiplied by still has to be one that the hardware takes
    strides = [x.strides[d] if x.shape[d] > 1 else ALIGNMENT for d in dims]
    block = [*(patch if rank == 5 else (patch[0], *patch[2:])), channels]
    return TensorDescriptor(x, [*[x.shape[d] for d in dims], x.shape[1]], [*strides, 1], block)
