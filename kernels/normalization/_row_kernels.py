"""The kernels of layer and RMS normalisation; `normalization.py` launches them.

Forward: a program holds whole rows in registers (several of them where they are short) and reads and writes
every element once; longer rows are walked three times. Backward: a persistent grid, about as many programs
as the device keeps busy; each walks over many rows and keeps its sums for weight and bias in registers, which
a second launch adds up in a fixed order: no atomics. Rows too long for that get their gradient from one
kernel and the sums from another.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.device import math as _math
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.reduce import tile_columns, tile_rows
from tritonnn.kernels.device.strided import wide
from tritonnn.kernels.launch.launch import fp64


@triton.jit
def _scaled(y, weight, bias, j, mask):
    """y * weight + bias, each of them if it is there."""
    if weight is not None:
        y = y * convert(tl.load(weight + j, mask=mask, other=0.0), y.dtype)
    if bias is not None:
        y = y + convert(tl.load(bias + j, mask=mask, other=0.0), y.dtype)
    return y


@triton.jit
def row_norm_kernel(
    out, mean, rstd, inp, weight, bias, row_step, rows, length, eps: fp64,
    ACC: tl.constexpr, ONCE: tl.constexpr, BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out[i, :] = (x - mean) / std * weight + bias; without `mean` x / root mean square * weight.

    Args:
        mean, rstd: pointers to what is saved of each row; no mean: RMS normalisation.
        row_step: distance of the input's rows; those of the output are `length` apart.
        ONCE: a row fits into the tile. ACC: the type computed in.
    """
    i = tile_rows(BLOCK_K, INT64)
    present = i < rows
    source = inp + i[:, None] * row_step
    target = out + i[:, None] * length
    count = tl.full((BLOCK_K,), length, ACC)
    j = tile_columns(0, BLOCK_R, INT64)[None, :]
    if ONCE:
        mask = present[:, None] & (j < length)
        x = convert(tl.load(source + j, mask=mask, other=0.0), ACC)
        if mean is not None:
            centre = tl.sum(x, axis=1) / count
            tl.store(mean + i, centre, mask=present)
            x = tl.where(mask, x - centre[:, None], 0.0)
        scale = 1.0 / _math.sqrt(tl.sum(x * x, axis=1) / count + eps.to(ACC))
        tl.store(rstd + i, scale, mask=present)
        y = _scaled(x * scale[:, None], weight, bias, j, j < length)
        tl.store(target + j, convert(y, out.dtype.element_ty), mask=mask)
    else:
        centre = tl.zeros((BLOCK_K,), ACC)
        if mean is not None:
            total = tl.zeros((BLOCK_K, BLOCK_R), ACC)
            for start in range(0, length, BLOCK_R):
                mask = present[:, None] & (start + j < length)
                total += convert(tl.load(source + start + j, mask=mask, other=0.0), ACC)
            centre = tl.sum(total, axis=1) / count
            tl.store(mean + i, centre, mask=present)
        squares = tl.zeros((BLOCK_K, BLOCK_R), ACC)
        for start in range(0, length, BLOCK_R):
            mask = present[:, None] & (start + j < length)
            x = convert(tl.load(source + start + j, mask=mask, other=0.0), ACC)
            x = tl.where(mask, x - centre[:, None], 0.0)
            squares += x * x
        scale = 1.0 / _math.sqrt(tl.sum(squares, axis=1) / count + eps.to(ACC))
        tl.store(rstd + i, scale, mask=present)
        for start in range(0, length, BLOCK_R):
            mask = present[:, None] & (start + j < length)
            x = convert(tl.load(source + start + j, mask=mask, other=0.0), ACC)
            y = _scaled((x - centre[:, None]) * scale[:, None], weight, bias, start + j, start + j < length)
            tl.store(target + start + j, convert(y, out.dtype.element_ty), mask=mask)


@triton.jit
def _load_normal(grads, source, centre, scale, j, mask, ACC: tl.constexpr, CENTRED: tl.constexpr):
    """The incoming gradient and the normalised input."""
    g = convert(tl.load(grads + j, mask=mask, other=0.0), ACC)
    x = convert(tl.load(source + j, mask=mask, other=0.0), ACC)
    if CENTRED:
        x = x - centre[:, None]
    return g, tl.where(mask, x * scale[:, None], 0.0)


@triton.jit
def row_norm_backward_kernel(
    grad_input, parts, grad, inp, mean, rstd, weight, grad_step, row_step, rows, length,
    WANT_INPUT: tl.constexpr, WANT_WEIGHT: tl.constexpr, WANT_BIAS: tl.constexpr, ACC: tl.constexpr,
    BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """Gradients of rows that fit into the tile, and this program's sums for weight and bias.

    With n the normalised input and h = g * weight: gx = rstd (h - mean(h) - n mean(h n)); no mean(h) for RMS.

    Args:
        parts: (program, 2, length): sums of g n and of g.
        grad_step, row_step: distances of the rows of grad and input. Others as of `row_norm_kernel`.
    """
    pid = tl.program_id(0)
    programs = tl.num_programs(0)
    CENTRED: tl.constexpr = mean is not None
    j = tile_columns(0, BLOCK_R, INT64)[None, :]
    inside = j < length
    if weight is not None:
        w = convert(tl.load(weight + j, mask=inside, other=0.0), ACC)
    for_weight = tl.zeros((BLOCK_K, BLOCK_R), ACC)
    for_bias = tl.zeros((BLOCK_K, BLOCK_R), ACC)
    count = tl.full((BLOCK_K,), length, ACC)
    for block in range(pid, tl.cdiv(rows, BLOCK_K), programs):
        i = block * BLOCK_K + tl.arange(0, BLOCK_K)
        if INT64:
            i = i.to(tl.int64)
        present = i < rows
        mask = present[:, None] & inside
        centre = tl.zeros((BLOCK_K,), ACC)
        if CENTRED:
            centre = tl.load(mean + i, mask=present, other=0.0)
        scale = tl.load(rstd + i, mask=present, other=0.0)
        g, normal = _load_normal(
            grad + i[:, None] * grad_step, inp + i[:, None] * row_step, centre, scale, j, mask, ACC, CENTRED
        )
        if WANT_WEIGHT:
            for_weight += g * normal
        if WANT_BIAS:
            for_bias += g
        if WANT_INPUT:
            if weight is not None:
                g = g * w
            gx = g - normal * (tl.sum(g * normal, axis=1) / count)[:, None]
            if CENTRED:
                gx = gx - (tl.sum(g, axis=1) / count)[:, None]
            gx = convert(gx * scale[:, None], grad_input.dtype.element_ty)
            tl.store(grad_input + i[:, None] * length + j, gx, mask=mask)
    target = parts + pid.to(tl.int64) * 2 * length + tl.arange(0, BLOCK_R)
    edge = tl.arange(0, BLOCK_R) < length
    if WANT_WEIGHT:
        tl.store(target, tl.sum(for_weight, axis=0), mask=edge)
    if WANT_BIAS:
        tl.store(target + length, tl.sum(for_bias, axis=0), mask=edge)


@triton.jit
def long_row_backward_kernel(
    grad_input, grad, inp, mean, rstd, weight, grad_step, row_step, length,
    ACC: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """The gradient of one row that does not fit into registers. Arguments as above."""
    i = tl.program_id(0) + tl.zeros((1,), tl.int32)
    if INT64:
        i = i.to(tl.int64)
    CENTRED: tl.constexpr = mean is not None
    centre = tl.zeros((1,), ACC)
    if CENTRED:
        centre = tl.load(mean + i)
    scale = tl.load(rstd + i)
    grads = grad + i[:, None] * grad_step
    source = inp + i[:, None] * row_step
    j = tile_columns(0, BLOCK_R, INT64)[None, :]
    products = tl.zeros((1, BLOCK_R), ACC)
    total = tl.zeros((1, BLOCK_R), ACC)
    for start in range(0, length, BLOCK_R):
        g, normal = _load_normal(grads, source, centre, scale, start + j, start + j < length, ACC, CENTRED)
        g = _scaled(g, weight, None, start + j, start + j < length)
        products += g * normal
        total += g
    count = tl.full((1,), length, ACC)
    slope = (tl.sum(products, axis=1) / count)[:, None]
    level = (tl.sum(total, axis=1) / count)[:, None]
    for start in range(0, length, BLOCK_R):
        mask = start + j < length
        g, normal = _load_normal(grads, source, centre, scale, start + j, mask, ACC, CENTRED)
        gx = _scaled(g, weight, None, start + j, mask) - normal * slope
        if CENTRED:
            gx = gx - level
        gx = convert(gx * scale[:, None], grad_input.dtype.element_ty)
        tl.store(grad_input + i[:, None] * length + start + j, gx, mask=mask)


@triton.jit
def column_sums_kernel(
    parts, grad, inp, mean, rstd, grad_step, row_step, rows, length, chunk,
    ACC: tl.constexpr, BLOCK_K: tl.constexpr, BLOCK_C: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """parts[chunk of rows, 2, column] = sums of g n and of g. Arguments as above; `chunk` rows a program."""
    CENTRED: tl.constexpr = mean is not None
    j = tl.program_id(0) * BLOCK_C + tl.arange(0, BLOCK_C)
    if INT64:
        j = j.to(tl.int64)
    first = wide(tl.program_id(1), INT64) * chunk
    products = tl.zeros((BLOCK_K, BLOCK_C), ACC)
    total = tl.zeros((BLOCK_K, BLOCK_C), ACC)
    for start in range(first, tl.minimum(first + chunk, rows), BLOCK_K):
        i = start + tl.arange(0, BLOCK_K)
        if INT64:
            i = i.to(tl.int64)
        present = (i < rows) & (i < first + chunk)
        mask = present[:, None] & (j < length)[None, :]
        centre = tl.zeros((BLOCK_K,), ACC)
        if CENTRED:
            centre = tl.load(mean + i, mask=present, other=0.0)
        scale = tl.load(rstd + i, mask=present, other=0.0)
        g, normal = _load_normal(
            grad + i[:, None] * grad_step,
            inp + i[:, None] * row_step,
            centre,
            scale,
            j[None, :],
            mask,
            ACC,
            CENTRED,
        )
        products += g * normal
        total += g
    target = parts + tl.program_id(1).to(tl.int64) * 2 * length + j
    tl.store(target, tl.sum(products, axis=0), mask=j < length)
    tl.store(target + length, tl.sum(total, axis=0), mask=j < length)


@triton.jit
def add_parts_kernel(
    grad_weight, grad_bias, parts, count, length,
    WANT_WEIGHT: tl.constexpr, WANT_BIAS: tl.constexpr, ACC: tl.constexpr,
    BLOCK_P: tl.constexpr, BLOCK_C: tl.constexpr,
):  # fmt: skip
    """Add up the programs' sums (count, 2, length)."""
    j = tl.program_id(0) * BLOCK_C + tl.arange(0, BLOCK_C)
    products = tl.zeros((BLOCK_P, BLOCK_C), ACC)
    total = tl.zeros((BLOCK_P, BLOCK_C), ACC)
    for start in range(0, count, BLOCK_P):
        p = start + tl.arange(0, BLOCK_P)
        mask = (p < count)[:, None] & (j < length)[None, :]
        source = parts + p.to(tl.int64)[:, None] * 2 * length + j[None, :]
        if WANT_WEIGHT:
            products += tl.load(source, mask=mask, other=0.0)
        if WANT_BIAS:
            total += tl.load(source + length, mask=mask, other=0.0)
    if WANT_WEIGHT:
        value = convert(tl.sum(products, axis=0), grad_weight.dtype.element_ty)
        tl.store(grad_weight + j, value, mask=j < length)
    if WANT_BIAS:
        tl.store(grad_bias + j, convert(tl.sum(total, axis=0), grad_bias.dtype.element_ty), mask=j < length)
