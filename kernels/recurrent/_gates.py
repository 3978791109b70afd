"""What a step of a recurrent layer computes between its products, unit by unit, and the gradients of that.

Numbers are of the type to compute in. With x of the input's product and p of the state's:

    LSTM    i, f, o = sigmoid(x + p), g = tanh(x + p);  c = f c + i g;  h = o tanh(c)
    GRU     r, z = sigmoid(x + p), n = tanh(x + r p);   h = (1 - z) n + z h
    plain   h = tanh(x + p) or relu(x + p)

Source: Hochreiter, Schmidhuber, "Long Short-Term Memory" (1997); Cho et al., arXiv:1406.1078; Elman, "Finding Structure
in Time" (1990).
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.device.math import sigmoid, tanh


@triton.jit
def lstm_state(i, f, g, o, cell):
    """The cell after the step and the state, from the activated gates."""
    cell = f * cell + i * g
    return cell, o * tanh(cell)


@triton.jit
def lstm_gate_grads(d, d_cell, i, f, g, o, cell, before):
    """The gradients of the four sums, and of the cell before the step, from those of state and cell after it."""
    t = tanh(cell)
    d_cell += d * o * (1.0 - t * t)
    d_i = d_cell * g * (i * (1.0 - i))
    d_f = d_cell * before * (f * (1.0 - f))
    d_g = d_cell * i * (1.0 - g * g)
    return d_i, d_f, d_g, d * t * (o * (1.0 - o)), d_cell * f


@triton.jit
def gru_gates(x_r, x_z, x_n, p_r, p_z, p_n, h):
    """The activated gates and the state after the step."""
    r, z = sigmoid(x_r + p_r), sigmoid(x_z + p_z)
    n = tanh(x_n + r * p_n)
    return r, z, n, (1.0 - z) * n + z * h


@triton.jit
def gru_gate_grads(d, r, z, n, p_n, h):
    """The gradients of x_r, x_z, x_n; that of p_n is the last of them times r, and d z reaches h past the gates."""
    d_n = d * (1.0 - z) * (1.0 - n * n)
    return d_n * p_n * (r * (1.0 - r)), d * (h - n) * (z * (1.0 - z)), d_n


@triton.jit
def rnn_gate(x, RELU: tl.constexpr):
    """The state after the step."""
    if RELU:
        return tl.where(x < 0.0, 0.0, x)  # NaN stays
    else:
        return tanh(x)


@triton.jit
def rnn_gate_grad(d, h, RELU: tl.constexpr):
    """The gradient of the sum, from the state after the step."""
    if RELU:
        return tl.where(h <= 0.0, 0.0, d)  # the comparison is false for NaN, which passes the gradient on
    else:
        return d * (1.0 - h * h)
