"""Recurrent layers in one direction: a product with the state, then the gates in place, step after step.

The state of all sequences stands in one array, of which a step takes the first rows (`tritonnn/batch_sizes.py`). Gates
are kept step by step, and in a step gate by gate: NumPy is slow on parts of rows, and fast on whole arrays. Half
precision is computed in float32; the state is rounded at every step, as it is where it is handed on.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn.batch_sizes import Sizes, before, steps

Array = np.ndarray[Any, Any]


def _wide(kind: np.dtype[Any], *arrays: Array | None) -> list[Any]:
    """The operands in the type to compute in, row-major."""
    return [None if a is None else np.ascontiguousarray(a, kind) for a in arrays]


def _sigmoid(x: Array) -> None:
    """x = 1 / (1 + exp(-x)); where exp overflows, 1 / inf is the right limit."""
    np.negative(x, out=x)
    np.exp(x, out=x)
    np.add(x, 1, out=x)
    np.reciprocal(x, out=x)


class _Product:
    """weight @ h.T of the states of a step: BLAS is fastest where the many rows of the weight come first."""

    def __init__(self, weight: Array, batch: int) -> None:
        self.weight = weight
        self.memory = np.empty(len(weight) * batch, weight.dtype)

    def __call__(self, h: Array) -> Array:
        """(rows of h, rows of the weight), transposed in memory."""
        count = len(self.weight)
        out = self.memory[: count * len(h)].reshape(count, len(h))
        return np.matmul(self.weight, h.T, out=out).T


def _by_gate(rows: Array, gates: int) -> Array:
    """Rows of all gates as (gates, rows, units), a view."""
    return rows.reshape(len(rows), gates, rows.shape[1] // gates).swapaxes(0, 1)


def _of_step(gates: Array, low: int, count: int, units: int) -> Array:
    """The four gates of a step, (4, count, units)."""
    return gates[4 * units * low : 4 * units * (low + count)].reshape(4, count, units)


def _hand_on(output: Array, h: Array) -> None:
    """output = h; what was rounded is the state from here on."""
    np.copyto(output, h, casting="unsafe")
    if output.dtype != h.dtype:
        np.copyto(h, output)


def _start(grad: Array | None, shape: tuple[int, ...], kind: np.dtype[Any]) -> Array:
    """The gradient of a last state, in memory of its own."""
    return np.zeros(shape, kind) if grad is None else grad.astype(kind, order="C")


def _before(record: Array, initial: Array, sizes: Sizes, reverse: bool) -> Array:
    """The state before each row."""
    made, at = np.empty((len(record), record.shape[1]), record.dtype), 0
    for run in before(sizes, reverse):
        source = record if run.recorded else initial
        np.copyto(made[at : at + run.rows], source[run.start : run.start + run.rows], casting="unsafe")
        at += run.rows
    return made


# ---- LSTM -------------------------------------------------------------------------------------------------


def lstm_layer(
    output: Array, h_n: Array, c_n: Array, gates: Array, cells: Array, projected: Array, hx: Array, cx: Array,
    weight_hh: Array, weight_hr: Array | None, sizes: Sizes, reverse: bool,
) -> None:  # fmt: skip
    """States of all steps and the last ones, activated gates and cells."""
    kind, units = gates.dtype, cx.shape[1]
    rows, weight, weight_hr = _wide(kind, projected, weight_hh, weight_hr)
    h, c = hx.astype(kind, order="C"), cx.astype(kind, order="C")
    product = _Product(weight, len(h))
    for low, count in steps(sizes, reverse):
        span, cell = slice(low, low + count), c[:count]
        gate = _of_step(gates, low, count, units)
        np.add(_by_gate(product(h[:count]), 4), _by_gate(rows[span], 4), out=gate)
        i, f, n, o = gate
        _sigmoid(gate[:2])
        np.tanh(n, out=n)
        _sigmoid(o)
        np.multiply(f, cell, out=cell)
        raw = np.multiply(i, n)
        np.add(cell, raw, out=cell)
        cells[span] = cell
        np.tanh(cell, out=raw)
        np.multiply(raw, o, out=raw)
        if weight_hr is None:
            h[:count] = raw
        else:
            np.matmul(raw, weight_hr.T, out=h[:count])
        _hand_on(output[span], h[:count])
    np.copyto(h_n, h, casting="unsafe")
    np.copyto(c_n, c, casting="unsafe")


def lstm_layer_backward(
    grad_projected: Array, grad_hx: Array, grad_cx: Array, grad_hidden: Array, grad_output: Array | None,
    grad_h: Array | None, grad_c: Array | None, gates: Array, cells: Array, cx: Array, weight_hh: Array,
    weight_hr: Array | None, sizes: Sizes, reverse: bool,
) -> None:  # fmt: skip
    """Gradients of the rows, the initial states, and the states before the projection's."""
    kind, units = gates.dtype, cells.shape[1]
    weight, weight_hr, g_output = _wide(kind, weight_hh, weight_hr, grad_output)
    dh, dc = _start(grad_h, grad_hx.shape, kind), _start(grad_c, grad_cx.shape, kind)
    old = _before(cells, cx, sizes, reverse)
    product = _Product(weight.T, len(dh))
    d_rows = grad_projected if grad_projected.dtype == kind else np.empty(grad_projected.shape, kind)
    for low, count in reversed(steps(sizes, reverse)):
        span, d = slice(low, low + count), dh[:count]
        if g_output is not None:
            np.add(d, g_output[span], out=d)
        if weight_hr is not None:
            grad_hidden[span] = d
            d = d @ weight_hr
        gate = _of_step(gates, low, count, units)
        row = _lstm_gate_grads(d, dc[:count], gate, cells[span], old[span])
        np.copyto(_by_gate(d_rows[span], 4), row)
        dh[:count] = product(d_rows[span])
    if d_rows is not grad_projected:
        np.copyto(grad_projected, d_rows, casting="unsafe")
    np.copyto(grad_hx, dh, casting="unsafe")
    np.copyto(grad_cx, dc, casting="unsafe")


def _lstm_gate_grads(d: Array, d_cell: Array, gate: Array, cell: Array, old: Array) -> Array:
    """The gradients of a step's gates before their activation; d_cell becomes that of the cells before the step."""
    i, f, n, o = gate
    row = np.subtract(1, gate)
    np.multiply(row, gate, out=row)  # σ' of all; that of tanh is written over it below
    d_i, d_f, d_n, d_o = row
    t = np.tanh(cell)
    s = np.multiply(d, t)
    np.multiply(d_o, s, out=d_o)
    # d o (1 - t²), what reaches the cell through the state
    np.multiply(t, t, out=t)
    np.subtract(1, t, out=t)
    np.multiply(t, o, out=t)
    np.multiply(t, d, out=t)
    np.add(d_cell, t, out=d_cell)
    np.multiply(d_cell, n, out=s)
    np.multiply(d_i, s, out=d_i)
    np.multiply(d_cell, old, out=s)
    np.multiply(d_f, s, out=d_f)
    np.multiply(n, n, out=s)
    np.subtract(1, s, out=s)
    np.multiply(s, i, out=s)
    np.multiply(s, d_cell, out=d_n)
    np.multiply(d_cell, f, out=d_cell)
    return row


# ---- GRU --------------------------------------------------------------------------------------------------


def gru_layer(
    output: Array, h_n: Array, gates: Array, projected: Array, hx: Array, weight_hh: Array, bias_hh: Array | None,
    sizes: Sizes, reverse: bool,
) -> None:  # fmt: skip
    """States of all steps and the last ones; r, z, n and the state's part of n before r."""
    kind, units = gates.dtype, hx.shape[1]
    rows, weight, bias = _wide(kind, projected, weight_hh, bias_hh)
    h = hx.astype(kind, order="C")
    product = _Product(weight, len(h))
    for low, count in steps(sizes, reverse):
        span, old = slice(low, low + count), h[:count]
        gate, state, row = (
            _of_step(gates, low, count, units),
            _by_gate(product(old), 3),
            _by_gate(rows[span], 3),
        )
        r, z, n, part = gate
        if bias is not None:
            state = np.add(state, bias.reshape(3, 1, units))
        np.copyto(part, state[2])
        np.add(state[:2], row[:2], out=gate[:2])
        _sigmoid(gate[:2])
        np.multiply(r, part, out=n)
        np.add(n, row[2], out=n)
        np.tanh(n, out=n)
        # not n + z (h - n), which makes NaN of two infinities
        kept = np.multiply(z, old)
        np.subtract(1, z, out=old)
        np.multiply(old, n, out=old)
        np.add(old, kept, out=old)
        _hand_on(output[span], old)
    np.copyto(h_n, h, casting="unsafe")


def gru_layer_backward(
    grad_projected: Array, grad_hx: Array, grad_hidden: Array, grad_output: Array | None, grad_h: Array | None,
    gates: Array, h_before: Array, weight_hh: Array, sizes: Sizes, reverse: bool,
) -> None:  # fmt: skip
    """Gradients of the input's part of the gates, the initial state and the state's part."""
    kind, units = gates.dtype, grad_hx.shape[1]
    weight, g_output, old = _wide(kind, weight_hh, grad_output, h_before)
    dh = _start(grad_h, grad_hx.shape, kind)
    product = _Product(weight.T, len(dh))
    half = grad_projected.dtype != kind
    d_rows, d_hidden = (np.empty(a.shape, kind) if half else a for a in (grad_projected, grad_hidden))
    for low, count in reversed(steps(sizes, reverse)):
        span, d = slice(low, low + count), dh[:count]
        if g_output is not None:
            np.add(d, g_output[span], out=d)
        gate = _of_step(gates, low, count, units)
        row = _gru_gate_grads(d, gate, old[span])
        np.copyto(_by_gate(d_rows[span], 3), row)
        np.multiply(row[2], gate[0], out=row[2])
        np.copyto(_by_gate(d_hidden[span], 3), row)
        np.multiply(d, gate[1], out=d)
        np.add(d, product(d_hidden[span]), out=d)
    if half:
        np.copyto(grad_projected, d_rows, casting="unsafe")
        np.copyto(grad_hidden, d_hidden, casting="unsafe")
    np.copyto(grad_hx, dh, casting="unsafe")


def _gru_gate_grads(d: Array, gate: Array, old: Array) -> Array:
    """The gradients of the input's part of a step's gates before their activation."""
    n, part = gate[2:]
    row = np.subtract(1, gate[:3])
    d_r, d_z, d_n = row
    # d (1 - z) (1 - n²)
    np.multiply(n, n, out=d_n)
    np.subtract(1, d_n, out=d_n)
    np.multiply(d_n, d_z, out=d_n)
    np.multiply(d_n, d, out=d_n)
    np.multiply(row[:2], gate[:2], out=row[:2])
    np.multiply(d_r, d_n, out=d_r)
    np.multiply(d_r, part, out=d_r)
    change = np.subtract(old, n)
    np.multiply(change, d, out=change)
    np.multiply(d_z, change, out=d_z)
    return row


# ---- the plain one ----------------------------------------------------------------------------------------


def rnn_layer(
    output: Array, h_n: Array, projected: Array, hx: Array, weight_hh: Array, sizes: Sizes, reverse: bool, relu: bool
) -> None:  # fmt: skip
    """States of all steps and the last ones."""
    kind = np.dtype(np.float32) if output.itemsize < 4 else output.dtype
    rows, weight = _wide(kind, projected, weight_hh)
    h = hx.astype(kind, order="C")
    product = _Product(weight, len(h))
    for low, count in steps(sizes, reverse):
        span = slice(low, low + count)
        now = h[:count]
        np.add(product(now), rows[span], out=now)
        if relu:
            np.maximum(now, 0, out=now)
        else:
            np.tanh(now, out=now)
        _hand_on(output[span], now)
    np.copyto(h_n, h, casting="unsafe")


def rnn_layer_backward(
    grad_projected: Array, grad_hx: Array, grad_output: Array | None, grad_h: Array | None, output: Array,
    weight_hh: Array, sizes: Sizes, reverse: bool, relu: bool,
) -> None:  # fmt: skip
    """Gradients of the rows and of the initial state."""
    kind = np.dtype(np.float32) if output.itemsize < 4 else output.dtype
    weight, g_output, states = _wide(kind, weight_hh, grad_output, output)
    product = _Product(weight.T, len(grad_hx))
    dh = _start(grad_h, grad_hx.shape, kind)
    d_rows = grad_projected if grad_projected.dtype == kind else np.empty(grad_projected.shape, kind)
    for low, count in reversed(steps(sizes, reverse)):
        span = slice(low, low + count)
        d, row, state = dh[:count], d_rows[span], states[span]
        if g_output is not None:
            np.add(d, g_output[span], out=d)
        if relu:
            np.copyto(row, d)
            row[state <= 0] = 0  # the comparison is false for NaN, which passes the gradient on
        else:
            np.multiply(state, state, out=row)
            np.subtract(1, row, out=row)
            np.multiply(row, d, out=row)
        np.copyto(d, product(row))
    if d_rows is not grad_projected:
        np.copyto(grad_projected, d_rows, casting="unsafe")
    np.copyto(grad_hx, dh, casting="unsafe")
