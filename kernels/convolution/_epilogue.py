"""What is done with a tile of sums before it is stored: bias, a residual, an activation."""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.device.pointwise import convert


@triton.jit
def with_bias(acc, bias_ptr, first_n, channels, stride_bias, COLUMNS: tl.constexpr):
    """The sums and the bias of their columns; `bias_ptr` may be None."""
    if bias_ptr is not None:
        offs_n = first_n + tl.arange(0, COLUMNS)
        bias = tl.load(bias_ptr + offs_n * stride_bias, mask=offs_n < channels, other=0)
        # in the accumulator's type: the result is rounded once
        acc += bias.to(acc.dtype)[None, :]
    return acc


@triton.jit
def store_sums(
    out_ptr, residual_ptr, bias_ptr, acc, offset, residual_offset, first_n, channels, stride_bias, stride_c,
    residual_stride_c, alpha, mask_m,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, OUT_LAST: tl.constexpr, EPILOGUE: tl.constexpr,
):  # fmt: skip
    """out = EPILOGUE(acc + bias + alpha residual), positions by channels, by addresses.

    Columns go a part after the other: the addresses of all elements would not fit into registers.

    Args:
        offset, residual_offset: of the rows in memory. stride_c, residual_stride_c: distances of channels.
        first_n: channel of the first column. channels: the number of them.
        mask_m: rows that exist.
        OUT_LAST: channels are neighbours in memory; else positions are.
    """
    if (32 if OUT_LAST else 16) < COLUMNS:
        left, right = acc.reshape(ROWS, 2, COLUMNS // 2).permute(0, 2, 1).split()
        store_sums(
            out_ptr, residual_ptr, bias_ptr, left, offset, residual_offset, first_n, channels, stride_bias,
            stride_c, residual_stride_c, alpha, mask_m, ROWS, COLUMNS // 2, OUT_LAST, EPILOGUE,
        )  # fmt: skip
        store_sums(
            out_ptr, residual_ptr, bias_ptr, right, offset, residual_offset, first_n + COLUMNS // 2, channels,
            stride_bias, stride_c, residual_stride_c, alpha, mask_m, ROWS, COLUMNS // 2, OUT_LAST, EPILOGUE,
        )  # fmt: skip
    else:
        offs_n = first_n + tl.arange(0, COLUMNS)
        mask_n = offs_n < channels
        acc = with_bias(acc, bias_ptr, first_n, channels, stride_bias, COLUMNS)
        # a warp's accesses go along the dimension that is contiguous in memory
        if OUT_LAST:
            out_ptrs = out_ptr + offset[:, None] + (offs_n * stride_c)[None, :]
            mask = mask_m[:, None] & mask_n[None, :]
        else:
            acc = acc.trans()
            out_ptrs = out_ptr + offset[None, :] + (offs_n * stride_c)[:, None]
            mask = mask_m[None, :] & mask_n[:, None]
        if residual_ptr is not None:
            if OUT_LAST:
                ptrs = residual_ptr + residual_offset[:, None] + (offs_n * residual_stride_c)[None, :]
            else:
                ptrs = residual_ptr + residual_offset[None, :] + (offs_n * residual_stride_c)[:, None]
            acc += alpha.to(acc.dtype) * tl.load(ptrs, mask=mask, other=0).to(acc.dtype)
        if EPILOGUE is not None:
            acc = EPILOGUE(acc)
        tl.store(out_ptrs, convert(acc, out_ptr.dtype.element_ty), mask=mask)
