"""Convolutions whose windows are single positions, every one of them: matrix products."""

from __future__ import annotations

from tritonnn.buffer import Buffer
from tritonnn.kernels.convolution._geometry import Finish, Window, precision
from tritonnn.kernels.device.strided import merged, permute
from tritonnn.kernels.linalg._plan import Product, plan_product, with_batch


def product_of(out: Buffer, x: Buffer, weight: Buffer, window: Window, finish: Finish) -> Product | None:
    """The product that a convolution is; None where it is none.

    Channels innermost: out (positions, channels) = x @ weight^T, one matrix where the images follow one another.
    Positions innermost: out (channels, positions) = weight @ x for every image. Neither copies anything.

    Args:
        out, x: (batch, channels, three spatial dimensions). weight: (channels out, channels in, taps).
    """
    single = numel_of(weight) == 1 and window.stride == (1, 1, 1) and window.start == (0, 0, 0)
    if not single or out.shape[2:] != x.shape[2:] or finish.residual is not None:
        return None
    positions = merged(out.shape[2:], out.strides[2:], x.strides[2:])
    if len(positions[0]) > 1:
        return None  # rows with gaps between them
    rows = positions[0][0]
    # (batch, positions, channels)
    sides = [
        b.as_strided((b.shape[0], rows, b.shape[1]), (b.strides[0], step[0], b.strides[1]))
        for b, step in zip((out, x), positions[1:], strict=True)
    ]
    bias = finish.bias
    addend = None if bias is None else bias.as_strided(sides[0].shape, (0, 0, bias.strides[0]))
    matrix = weight.as_strided(weight.shape[1::-1], weight.strides[1::-1])  # (channels in, channels out)
    how = {"epilogue": finish.epilogue, "precise": precision(x)}
    batch = out.shape[:1]
    if sides[0].strides[2] == 1 or rows == 1 or sides[0].strides[1] != 1:
        return Product(*sides, with_batch(matrix, batch), addend, **how)
    across = (0, 2, 1)
    result, operand = (permute(side, across) for side in sides)
    return Product(
        result, with_batch(permute(matrix, (1, 0)), batch), operand,
        None if addend is None else permute(addend, across), **how,
    )  # fmt: skip


def numel_of(weight: Buffer) -> int:
    """Taps of a weight (channels out, channels in, taps)."""
    d, h, w = weight.shape[2:]
    return d * h * w


def run_product(product: Product) -> None:
    """Launch it."""
    out, a, b = product[:3]
    plan_product(product, not (out.ptr | a.ptr | b.ptr) & 15)(out, a, b, *product.extras)
