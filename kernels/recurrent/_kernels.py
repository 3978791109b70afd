"""The gates of one step of a recurrent layer, and their gradients: all that lies between two products, in one kernel.

For layers that do not fit into a multiprocessor (`_resident.py` has those that do). The formulas are in `_gates.py`: x
there is of `projected` (the input's product, all steps at once), p of `product` (the state's, of this step).

Everything is row-major. A program computes BLOCK of the n = rows * units units of a step; the gates of a unit lie
`units` apart in a row of `projected` and `product`, and n apart in what is kept. The state is read and written in
place, and what is kept of all steps is written beside it. Numbers are computed in ACC, the type of `gates`.
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


@triton.jit
def _places(n, units, GATES: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr):
    """The units of a program, their first gates, and which of them there are."""
    i = positions(BLOCK, INT64)
    return i, (i // units) * (GATES * units) + i % units, i < n


@triton.jit
def lstm_kernel(
    output, h, c, gates, cells, projected, product, n, units,
    ACC: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """A step of an LSTM; without `output` h is what is projected next."""
    n, units = wide(n, INT64), wide(units, INT64)
    i, at, inside = _places(n, units, 4, BLOCK, INT64)
    x = projected + at
    p = product + at
    gate_i = sigmoid(tl.load(x, inside).to(ACC) + tl.load(p, inside).to(ACC))
    gate_f = sigmoid(tl.load(x + units, inside).to(ACC) + tl.load(p + units, inside).to(ACC))
    gate_g = tanh(tl.load(x + 2 * units, inside).to(ACC) + tl.load(p + 2 * units, inside).to(ACC))
    gate_o = sigmoid(tl.load(x + 3 * units, inside).to(ACC) + tl.load(p + 3 * units, inside).to(ACC))
    cell, hidden = lstm_state(gate_i, gate_f, gate_g, gate_o, tl.load(c + i, inside))
    tl.store(gates + i, gate_i, inside)
    tl.store(gates + i + n, gate_f, inside)
    tl.store(gates + i + 2 * n, gate_g, inside)
    tl.store(gates + i + 3 * n, gate_o, inside)
    tl.store(cells + i, cell, inside)
    tl.store(c + i, cell, inside)
    tl.store(h + i, hidden, inside)
    if output is not None:
        tl.store(output + i, hidden, inside)


@triton.jit
def lstm_backward_kernel(
    rows, dc, dh, grad_output, gates, cells, before, n, units,
    ACC: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """The gradients of a step's gates before their activation, and of the cells before the step."""
    n, units = wide(n, INT64), wide(units, INT64)
    i, at, inside = _places(n, units, 4, BLOCK, INT64)
    d = tl.load(dh + i, inside).to(ACC)
    if grad_output is not None:
        d += tl.load(grad_output + i, inside).to(ACC)
    d_i, d_f, d_g, d_o, d_cell = lstm_gate_grads(
        d, tl.load(dc + i, inside), tl.load(gates + i, inside), tl.load(gates + i + n, inside),
        tl.load(gates + i + 2 * n, inside), tl.load(gates + i + 3 * n, inside), tl.load(cells + i, inside),
        tl.load(before + i, inside),
    )  # fmt: skip
    tl.store(rows + at, d_i, inside)
    tl.store(rows + at + units, d_f, inside)
    tl.store(rows + at + 2 * units, d_g, inside)
    tl.store(rows + at + 3 * units, d_o, inside)
    tl.store(dc + i, d_cell, inside)


@triton.jit
def gru_kernel(
    output, h, gates, projected, product, bias, n, units,
    ACC: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """A step of a GRU."""
    n, units = wide(n, INT64), wide(units, INT64)
    i, at, inside = _places(n, units, 3, BLOCK, INT64)
    p_r = tl.load(product + at, inside)
    p_z = tl.load(product + at + units, inside)
    p_n = tl.load(product + at + 2 * units, inside)
    if bias is not None:
        b = bias + i % units
        p_r += tl.load(b, inside).to(ACC)
        p_z += tl.load(b + units, inside).to(ACC)
        p_n += tl.load(b + 2 * units, inside).to(ACC)
    r, z, new, hidden = gru_gates(
        tl.load(projected + at, inside).to(ACC), tl.load(projected + at + units, inside).to(ACC),
        tl.load(projected + at + 2 * units, inside).to(ACC), p_r, p_z, p_n, tl.load(h + i, inside).to(ACC),
    )  # fmt: skip
    kept = gates + i
    tl.store(kept, r, inside)
    tl.store(kept + n, z, inside)
    tl.store(kept + 2 * n, new, inside)
    tl.store(kept + 3 * n, p_n, inside)
    tl.store(h + i, hidden, inside)
    tl.store(output + i, hidden, inside)


@triton.jit
def gru_backward_kernel(
    rows, hidden, dh, grad_output, gates, before, n, units,
    ACC: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """The gradients of both parts of a step's gates, and of the state before as far as it comes past the gates."""
    n, units = wide(n, INT64), wide(units, INT64)
    i, at, inside = _places(n, units, 3, BLOCK, INT64)
    d = tl.load(dh + i, inside)
    if grad_output is not None:
        d += tl.load(grad_output + i, inside).to(ACC)
    kept = gates + i
    r = tl.load(kept, inside)
    z = tl.load(kept + n, inside)
    new = tl.load(kept + 2 * n, inside)
    d_r, d_z, d_n = gru_gate_grads(
        d, r, z, new, tl.load(kept + 3 * n, inside), tl.load(before + i, inside).to(ACC)
    )
    tl.store(rows + at, d_r, inside)
    tl.store(rows + at + units, d_z, inside)
    tl.store(rows + at + 2 * units, d_n, inside)
    tl.store(hidden + at, d_r, inside)
    tl.store(hidden + at + units, d_z, inside)
    tl.store(hidden + at + 2 * units, d_n * r, inside)
    tl.store(dh + i, d * z, inside)


@triton.jit
def rnn_kernel(
    output, h, projected, product, n,
    RELU: tl.constexpr, ACC: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """A step of a plain layer."""
    i = positions(BLOCK, INT64)
    inside = i < n
    x = tl.load(projected + i, inside).to(ACC) + tl.load(product + i, inside)
    x = rnn_gate(x, RELU)
    tl.store(h + i, x, inside)
    tl.store(output + i, x, inside)


@triton.jit
def rnn_backward_kernel(
    rows, dh, grad_output, output, n,
    RELU: tl.constexpr, ACC: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """The gradient of what a step activates."""
    i = positions(BLOCK, INT64)
    inside = i < n
    d = tl.load(dh + i, inside)
    if grad_output is not None:
        d += tl.load(grad_output + i, inside).to(ACC)
    d = rnn_gate_grad(d, tl.load(output + i, inside).to(ACC), RELU)
    tl.store(rows + i, d, inside)


@triton.jit
def state_sum_kernel(
    out, a, b, n, ACC: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out = a + b, or a."""
    i = positions(BLOCK, INT64)
    inside = i < n
    total = tl.load(a + i, inside).to(ACC)
    if b is not None:
        total += tl.load(b + i, inside).to(ACC)
    tl.store(out + i, total, inside)
