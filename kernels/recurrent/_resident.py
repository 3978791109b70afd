"""All steps of a recurrent layer in one launch, where its weights and state fit into a multiprocessor.

A sequence's state depends on no other sequence. So a program takes ROWS sequences and stays with them: it reads the
weights of the state once, keeps them in registers or shared memory with the state beside them, and walks all steps.
Programs never wait for each other, and nothing but the input's product is read at a step:

    h of (ROWS, width) and W of (units, width) a gate, both in the multiprocessor
    for each step t:    gates = projected[t] + h W^T;   h = as in `_gates.py`;   output[t] = h

Backward walks the other way. It takes the state's gradient d from step to step, which the gates' gradients make:

    for each step t:    d = d + grad_output[t];   rows[t] = as in `_gates.py`;   d = rows[t] W

The weights' own gradient is no part of it: one product over the rows of all steps (`tritonnn/ops/recurrent/layers.py`).

A step takes time that nothing hides, for the next one waits for it: what is read for a step is of a known place and can
be read while the step before is computed (STAGES of `tl.range`).

Products: 16-bit numbers are multiplied by matrix instructions, whose smallest tile has 16 rows. Single and double
precision have ROWS = 1: W then lies spread over the registers of all threads, each multiplies its part of it, and the
sum goes through shuffles; a tile of more rows would hold each element of W in several threads.

Rows are packed step by step. A launch is for `steps` steps of `count` sequences each, whose first row is number `low`;
`tritonnn/batch_sizes.py:spans` cuts a packed batch into such. Sizes are padded to powers of 2, UNITS and WIDTH: weights
beyond are 0, and so are states and their gradients, since an infinity or NaN times 0 would not be.

Everything is row-major as in `_kernels.py`; states that are carried are read and written in place.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.device.math import sigmoid, tanh
from tritonnn.kernels.device.strided import positions, wide
from tritonnn.kernels.recurrent._gates import (
    gru_gate_grads,
    gru_gates,
    lstm_gate_grads,
    lstm_state,
    rnn_gate,
    rnn_gate_grad,
)  # fmt: skip

VARYING = ("low", "steps", "count")


@triton.jit
def _product(x, w):
    """x (ROWS, K) times w (K, N), summed in float32 at least."""
    if w.dtype.primitive_bitwidth < 32:
        return tl.dot(x.to(w.dtype), w)
    else:
        return tl.sum(x[:, :, None] * w[None], 1)


@triton.jit
def _weight(w, rows, columns, row_step, column_step, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """A matrix, padded with zeros."""
    i = tl.arange(0, ROWS)[:, None]
    j = tl.arange(0, COLUMNS)[None, :]
    return tl.load(w + i * row_step + j * column_step, (i < rows) & (j < columns), other=0.0)


@triton.jit
def _columns(row, count, extent, SIZE: tl.constexpr):
    """The columns of a tile of the program's rows, its elements' places in a step, and which of them there are."""
    column = tl.arange(0, SIZE)[None, :]
    return column, row * extent + column, (row < count) & (column < extent)


@triton.jit
def _step(k, steps, low, count, REVERSE: tl.constexpr, INT64: tl.constexpr):
    """The first row of the step that is the k-th to be computed."""
    t = wide(k, INT64)
    if REVERSE:
        t = steps - 1 - t
    return low + t * count


@triton.jit(do_not_specialize=VARYING)
def lstm_steps_kernel(
    output, h, c, gates, cells, projected, weight, weight_hr, low, steps, count, units, width,
    REVERSE: tl.constexpr, ACC: tl.constexpr, ROWS: tl.constexpr, UNITS: tl.constexpr, WIDTH: tl.constexpr,
    STAGES: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """An LSTM; with `weight_hr` (width, units) a state is the product of it and what the gates make."""
    low, count, units, width = wide(low, INT64), wide(count, INT64), wide(units, INT64), wide(width, INT64)
    row = positions(ROWS, INT64)[:, None]
    unit, at, inside = _columns(row, count, units, UNITS)
    _, state_at, state_inside = _columns(row, count, width, WIDTH)
    state = tl.load(h + state_at, state_inside, other=0.0)
    cell = tl.load(c + at, inside, other=0.0)
    gate = units * width
    w_i = _weight(weight, width, units, 1, width, WIDTH, UNITS)
    w_f = _weight(weight + gate, width, units, 1, width, WIDTH, UNITS)
    w_g = _weight(weight + 2 * gate, width, units, 1, width, WIDTH, UNITS)
    w_o = _weight(weight + 3 * gate, width, units, 1, width, WIDTH, UNITS)
    if weight_hr is not None:
        w_r = _weight(weight_hr, units, width, 1, units, UNITS, WIDTH)
    n = count * units
    for k in tl.range(0, steps, num_stages=STAGES):
        first = _step(k, steps, low, count, REVERSE, INT64)
        x = projected + (first + row) * (4 * units) + unit
        x_i = tl.load(x, inside, other=0.0).to(ACC)
        x_f = tl.load(x + units, inside, other=0.0).to(ACC)
        x_g = tl.load(x + 2 * units, inside, other=0.0).to(ACC)
        x_o = tl.load(x + 3 * units, inside, other=0.0).to(ACC)
        i = sigmoid(x_i + _product(state, w_i))
        f = sigmoid(x_f + _product(state, w_f))
        g = tanh(x_g + _product(state, w_g))
        o = sigmoid(x_o + _product(state, w_o))
        cell, hidden = lstm_state(i, f, g, o, cell)
        if weight_hr is not None:
            hidden = _product(tl.where(inside, hidden, 0.0), w_r)
        state = tl.where(state_inside, hidden, 0.0).to(h.dtype.element_ty)
        kept = gates + first * (4 * units) + at
        tl.store(kept, i, inside)
        tl.store(kept + n, f, inside)
        tl.store(kept + 2 * n, g, inside)
        tl.store(kept + 3 * n, o, inside)
        tl.store(cells + first * units + at, cell, inside)
        tl.store(output + first * width + state_at, state, state_inside)
    tl.store(h + state_at, state, state_inside)
    tl.store(c + at, cell, inside)


@triton.jit(do_not_specialize=VARYING)
def lstm_steps_backward_kernel(
    rows, hidden, dh, dc, grad_output, gates, cells, before, weight, weight_hr, low, steps, count, units, width,
    REVERSE: tl.constexpr, ACC: tl.constexpr, ROWS: tl.constexpr, UNITS: tl.constexpr, WIDTH: tl.constexpr,
    STAGES: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """The gradients of the gates' sums, of the initial states, and with `weight_hr` of the states (`hidden`)."""
    low, count, units, width = wide(low, INT64), wide(count, INT64), wide(units, INT64), wide(width, INT64)
    row = positions(ROWS, INT64)[:, None]
    unit, at, inside = _columns(row, count, units, UNITS)
    _, state_at, state_inside = _columns(row, count, width, WIDTH)
    d = tl.load(dh + state_at, state_inside, other=0.0)
    d_cell = tl.load(dc + at, inside, other=0.0)
    gate = units * width
    w_i = _weight(weight, units, width, width, 1, UNITS, WIDTH)
    w_f = _weight(weight + gate, units, width, width, 1, UNITS, WIDTH)
    w_g = _weight(weight + 2 * gate, units, width, width, 1, UNITS, WIDTH)
    w_o = _weight(weight + 3 * gate, units, width, width, 1, UNITS, WIDTH)
    if weight_hr is not None:
        w_r = _weight(weight_hr, width, units, units, 1, WIDTH, UNITS)
    n = count * units
    for k in tl.range(0, steps, num_stages=STAGES):
        first = _step(k, steps, low, count, REVERSE, INT64)
        if grad_output is not None:
            d += tl.load(grad_output + first * width + state_at, state_inside, other=0.0).to(ACC)
        reached = d
        if weight_hr is not None:
            summed = d.to(hidden.dtype.element_ty)
            tl.store(hidden + first * width + state_at, summed, state_inside)
            reached = tl.where(inside, _product(summed, w_r), 0.0)
        kept = gates + first * (4 * units) + at
        i = tl.load(kept, inside, other=0.0)
        f = tl.load(kept + n, inside, other=0.0)
        g = tl.load(kept + 2 * n, inside, other=0.0)
        o = tl.load(kept + 3 * n, inside, other=0.0)
        cell = tl.load(cells + first * units + at, inside, other=0.0)
        old = tl.load(before + first * units + at, inside, other=0.0)
        d_i, d_f, d_g, d_o, d_cell = lstm_gate_grads(reached, d_cell, i, f, g, o, cell, old)
        x = rows + (first + row) * (4 * units) + unit
        tl.store(x, d_i, inside)
        tl.store(x + units, d_f, inside)
        tl.store(x + 2 * units, d_g, inside)
        tl.store(x + 3 * units, d_o, inside)
        d = _product(d_i, w_i) + _product(d_f, w_f) + _product(d_g, w_g) + _product(d_o, w_o)
        d = tl.where(state_inside, d, 0.0)
    tl.store(dh + state_at, d, state_inside)
    tl.store(dc + at, d_cell, inside)


@triton.jit(do_not_specialize=VARYING)
def gru_steps_kernel(
    output, h, gates, projected, weight, bias, low, steps, count, units,
    REVERSE: tl.constexpr, ACC: tl.constexpr, ROWS: tl.constexpr, UNITS: tl.constexpr, STAGES: tl.constexpr,
    INT64: tl.constexpr,
):  # fmt: skip
    """A GRU."""
    low, count, units = wide(low, INT64), wide(count, INT64), wide(units, INT64)
    row = positions(ROWS, INT64)[:, None]
    unit, at, inside = _columns(row, count, units, UNITS)
    state = tl.load(h + at, inside, other=0.0)
    gate = units * units
    w_r = _weight(weight, units, units, 1, units, UNITS, UNITS)
    w_z = _weight(weight + gate, units, units, 1, units, UNITS, UNITS)
    w_n = _weight(weight + 2 * gate, units, units, 1, units, UNITS, UNITS)
    if bias is not None:
        b_r = tl.load(bias + unit, unit < units, other=0.0).to(ACC)
        b_z = tl.load(bias + units + unit, unit < units, other=0.0).to(ACC)
        b_n = tl.load(bias + 2 * units + unit, unit < units, other=0.0).to(ACC)
    n = count * units
    for k in tl.range(0, steps, num_stages=STAGES):
        first = _step(k, steps, low, count, REVERSE, INT64)
        x = projected + (first + row) * (3 * units) + unit
        x_r = tl.load(x, inside, other=0.0).to(ACC)
        x_z = tl.load(x + units, inside, other=0.0).to(ACC)
        x_n = tl.load(x + 2 * units, inside, other=0.0).to(ACC)
        p_r, p_z, p_n = _product(state, w_r), _product(state, w_z), _product(state, w_n)
        if bias is not None:
            p_r += b_r
            p_z += b_z
            p_n += b_n
        r, z, new, hidden = gru_gates(x_r, x_z, x_n, p_r, p_z, p_n, state.to(ACC))
        state = tl.where(inside, hidden, 0.0).to(h.dtype.element_ty)
        kept = gates + first * (4 * units) + at
        tl.store(kept, r, inside)
        tl.store(kept + n, z, inside)
        tl.store(kept + 2 * n, new, inside)
        tl.store(kept + 3 * n, p_n, inside)
        tl.store(output + first * units + at, state, inside)
    tl.store(h + at, state, inside)


@triton.jit(do_not_specialize=VARYING)
def gru_steps_backward_kernel(
    rows, hidden, dh, grad_output, gates, before, weight, low, steps, count, units,
    REVERSE: tl.constexpr, ACC: tl.constexpr, ROWS: tl.constexpr, UNITS: tl.constexpr, STAGES: tl.constexpr,
    INT64: tl.constexpr,
):  # fmt: skip
    """The gradients of both parts of the gates (the input's `rows`, the state's `hidden`), and of the initial state."""
    low, count, units = wide(low, INT64), wide(count, INT64), wide(units, INT64)
    row = positions(ROWS, INT64)[:, None]
    unit, at, inside = _columns(row, count, units, UNITS)
    d = tl.load(dh + at, inside, other=0.0)
    gate = units * units
    w_r = _weight(weight, units, units, units, 1, UNITS, UNITS)
    w_z = _weight(weight + gate, units, units, units, 1, UNITS, UNITS)
    w_n = _weight(weight + 2 * gate, units, units, units, 1, UNITS, UNITS)
    n = count * units
    for k in tl.range(0, steps, num_stages=STAGES):
        first = _step(k, steps, low, count, REVERSE, INT64)
        if grad_output is not None:
            d += tl.load(grad_output + first * units + at, inside, other=0.0).to(ACC)
        kept = gates + first * (4 * units) + at
        r = tl.load(kept, inside, other=0.0)
        z = tl.load(kept + n, inside, other=0.0)
        new = tl.load(kept + 2 * n, inside, other=0.0)
        part = tl.load(kept + 3 * n, inside, other=0.0)
        old = tl.load(before + first * units + at, inside, other=0.0).to(ACC)
        d_r, d_z, d_n = gru_gate_grads(d, r, z, new, part, old)
        d_p = d_n * r
        x = (first + row) * (3 * units) + unit
        tl.store(rows + x, d_r, inside)
        tl.store(rows + x + units, d_z, inside)
        tl.store(rows + x + 2 * units, d_n, inside)
        tl.store(hidden + x, d_r, inside)
        tl.store(hidden + x + units, d_z, inside)
        tl.store(hidden + x + 2 * units, d_p, inside)
        d = d * z + (_product(d_r, w_r) + _product(d_z, w_z) + _product(d_p, w_n))
        d = tl.where(inside, d, 0.0)
    tl.store(dh + at, d, inside)


@triton.jit(do_not_specialize=VARYING)
def rnn_steps_kernel(
    output, h, projected, weight, low, steps, count, units,
    RELU: tl.constexpr, REVERSE: tl.constexpr, ACC: tl.constexpr, ROWS: tl.constexpr, UNITS: tl.constexpr,
    STAGES: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """A plain layer."""
    low, count, units = wide(low, INT64), wide(count, INT64), wide(units, INT64)
    row = positions(ROWS, INT64)[:, None]
    _, at, inside = _columns(row, count, units, UNITS)
    state = tl.load(h + at, inside, other=0.0)
    w = _weight(weight, units, units, 1, units, UNITS, UNITS)
    for k in tl.range(0, steps, num_stages=STAGES):
        here = _step(k, steps, low, count, REVERSE, INT64) * units + at
        x = tl.load(projected + here, inside, other=0.0).to(ACC)
        x = rnn_gate(x + _product(state, w), RELU)
        state = tl.where(inside, x, 0.0).to(h.dtype.element_ty)
        tl.store(output + here, state, inside)
    tl.store(h + at, state, inside)


@triton.jit(do_not_specialize=VARYING)
def rnn_steps_backward_kernel(
    rows, dh, grad_output, output, weight, low, steps, count, units,
    RELU: tl.constexpr, REVERSE: tl.constexpr, ACC: tl.constexpr, ROWS: tl.constexpr, UNITS: tl.constexpr,
    STAGES: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """The gradients of what the steps activate, and of the initial state."""
    low, count, units = wide(low, INT64), wide(count, INT64), wide(units, INT64)
    row = positions(ROWS, INT64)[:, None]
    _, at, inside = _columns(row, count, units, UNITS)
    d = tl.load(dh + at, inside, other=0.0)
    w = _weight(weight, units, units, units, 1, UNITS, UNITS)
    for k in tl.range(0, steps, num_stages=STAGES):
        here = _step(k, steps, low, count, REVERSE, INT64) * units + at
        if grad_output is not None:
            d += tl.load(grad_output + here, inside, other=0.0).to(ACC)
        d = rnn_gate_grad(d, tl.load(output + here, inside, other=0.0).to(ACC), RELU)
        tl.store(rows + here, d, inside)
        d = tl.where(inside, _product(d, w), 0.0)
    tl.store(dh + at, d, inside)
