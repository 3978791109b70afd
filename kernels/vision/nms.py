"""Non-maximum suppression: which boxes overlap, as bits, and then who is kept.

The first kernel computes all pairs: bit t of word (i, w) says that box i overlaps box 32 w + t, which comes after it.
The second one is a single program that goes through the boxes in order, 32 at a time. Which boxes are removed by those
before is a vector of words in registers; a block's own word decides, with the 32 words of its boxes among themselves,
who of it is kept, and the rows of those join the vector. So nothing is read back, and the order of the boxes alone
decides.

Overlaps are rounded as on the CPU, without fused products and by division that rounds correctly: one that equals the
threshold must do so on every device.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn import dtypes
from tritonnn.buffer import Buffer
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device.math import divide
from tritonnn.kernels.device.pointwise import COMPUTE, convert
from tritonnn.kernels.device.strided import wide
from tritonnn.kernels.launch.launch import empty, fp64, launch
from tritonnn.kernels.launch.replay import replayed
from tritonnn.kernels.tables.reduction import power_of_2
from tritonnn.kernels.tables.vision import overlap_rows, scan_warps

BITS = tl.constexpr(32)
AHEAD = tl.constexpr(8)  # rows that are on their way at once: more would not fit in registers


@triton.jit
def _corners(boxes, i, n, step, side, COMPUTE: tl.constexpr):
    """x1, y1, x2, y2 and the area of boxes."""
    boxes += i * step
    inside = i < n
    x1 = convert(tl.load(boxes, mask=inside, other=0), COMPUTE)
    y1 = convert(tl.load(boxes + side, mask=inside, other=0), COMPUTE)
    x2 = convert(tl.load(boxes + 2 * side, mask=inside, other=0), COMPUTE)
    y2 = convert(tl.load(boxes + 3 * side, mask=inside, other=0), COMPUTE)
    return x1, y1, x2, y2, (x2 - x1) * (y2 - y1)


@triton.jit(do_not_specialize=["threshold"])
def overlaps_kernel(
    bits, boxes, groups, n, words, box_step, box_side, group_step, threshold: fp64,
    COMPUTE: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """bits[i, w], bit t = box 32 w + t comes after box i, is of its group and overlaps it beyond the threshold."""
    first, w = tl.program_id(1).to(tl.int64) * ROWS, tl.program_id(0).to(tl.int64)
    if first < (w + 1) * BITS:  # else all of these columns come before all of these rows, and nobody asks
        i = first + tl.arange(0, ROWS)[:, None]
        j = w * BITS + tl.arange(0, BITS)[None, :]
        ax1, ay1, ax2, ay2, a = _corners(boxes, i, n, box_step, box_side, COMPUTE)
        bx1, by1, bx2, by2, b = _corners(boxes, j, n, box_step, box_side, COMPUTE)
        width = tl.minimum(ax2, bx2) - tl.maximum(ax1, bx1)
        height = tl.minimum(ay2, by2) - tl.maximum(ay1, by1)
        shared = tl.maximum(width, 0.0) * tl.maximum(height, 0.0)
        over = divide(shared, a + b - shared) > threshold.to(COMPUTE)
        over &= (j > i) & (j < n)
        if groups is not None:
            mine = tl.load(groups + i * group_step, mask=i < n, other=0)
            over &= mine == tl.load(groups + j * group_step, mask=j < n, other=0)
        word = tl.sum(over.to(tl.int32) << (tl.arange(0, BITS)[None, :]), 1)
        row = first + tl.arange(0, ROWS)
        tl.store(bits + row * words + w, word, mask=row < n)


@triton.jit
def scan_kernel(keep, bits, n, words, step, WORDS: tl.constexpr, INT64: tl.constexpr):
    """keep[i] = no kept box before i has its bit for i set. One program."""
    w = tl.arange(0, WORDS)
    t = tl.arange(0, BITS)
    removed = tl.zeros((WORDS,), tl.int32)
    for block in range(words):
        first = wide(block, INT64) * BITS
        dead = tl.sum(tl.where(w == block, removed, 0), 0)
        for k in tl.static_range(BITS):
            own = tl.load(bits + (first + k) * words + block, mask=first + k < n, other=0)
            dead |= tl.where((dead >> k) & 1 == 0, own, 0)
        for part in range(0, BITS, AHEAD):
            for k in tl.static_range(AHEAD):
                i = first + part + k + w * 0
                alive = (((dead + w * 0) >> (part + k)) & 1 == 0) & (i < n)
                removed |= tl.load(bits + i * words + w, mask=alive & (w > block) & (w < words), other=0)
        tl.store(keep + (first + t) * step, (dead >> t) & 1 == 0, mask=first + t < n)


@replayed
def nms_keep(out: Buffer, boxes: Buffer, groups: Buffer | None, iou_threshold: float) -> None:
    """Of each box whether no box before it, which is kept and of its group, overlaps it by more than the threshold."""
    n = out.shape[0]
    if not n:
        return
    words, rows = -(-n // BITS.value), overlap_rows(boxes.dtype.itemsize)
    bits = empty((n, words), dtypes.int32, out)
    launch(
        overlaps_kernel, (words, -(-n // rows)), bits, boxes, groups, n, words, *boxes.strides,
        0 if groups is None else groups.strides[0], iou_threshold,
        COMPUTE=COMPUTE[boxes.dtype], ROWS=rows, enable_fp_fusion=False,
    )  # fmt: skip
    block = power_of_2(words)
    launch(
        scan_kernel, (1,), out, bits, n, words, out.strides[0], WORDS=block, INT64=n * words >= 2**31,
        num_warps=scan_warps(block),
    )  # fmt: skip


COMPILE = [
    *[
        Case(
            overlaps_kernel, f"*i32 *{kind} {groups} i32 i32 i32 i32=1 i32 fp64",
            {"COMPUTE": compute, "ROWS": overlap_rows(size)}, label=f"{kind}{label}", fusion=False,
        )
        for kind, compute, size in (("fp32", tl.float32, 4), ("bf16", tl.float32, 2), ("fp64", tl.float64, 8))
        for groups, label in (("None", ""), ("*i64", ",groups"))
    ],
    *[
        Case(
            scan_kernel, "*i1 *i32 i32 i32 i32=1", {"WORDS": words, "INT64": False}, num_warps=scan_warps(words),
        )
        for words in (1, 32, 128, 256, 512, 1024, 2048, 4096)
    ],
]  # fmt: skip
