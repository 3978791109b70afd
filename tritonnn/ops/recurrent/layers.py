"""One layer of a recurrent network in one direction, over all steps of a batch of sequences.

The products of weights and inputs, of all steps at once, are made before: a layer is given those. What is left is the
recurrence: a product with the state and the gates, step after step. Activated gates are kept for the gradient, as a
vector: step by step, and in a step gate by gate.

Rows are packed step by step (`tritonnn/batch_sizes.py`); `sizes` are the numbers of rows of the steps.
"""

from __future__ import annotations

from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.batch_sizes import Sizes, before, steps
from tritonnn.ops._fused import Grads, statistics_dtype
from tritonnn.ops._table import FLOATING, Out, Sample, primitive
from tritonnn.ops.joining.joining import cat
from tritonnn.ops.recurrent import _formulas
from tritonnn.ops.shape.parts import narrow
from tritonnn.recording.grad_mode import state
from tritonnn.table import Make


def states_before(record: Tensor, initial: Tensor, sizes: Sizes, reverse: bool) -> Tensor:
    """The state before each row: of the step taken before, or the initial one."""
    initial = initial.to(record.dtype)
    parts = [
        narrow(record if run.recorded else initial, 0, run.start, run.rows) for run in before(sizes, reverse)
    ]
    if len(parts) > 1:
        return cat(parts, 0)
    return parts[0] if parts else record  # an empty batch has no rows


def _gate(gates: Tensor, which: int, sizes: Sizes, units: int) -> Tensor:
    """One of the four gates of all steps, (rows, units)."""
    if sizes.count(sizes[0]) == len(sizes):
        return gates.view(len(sizes), 4, sizes[0], units)[:, which].reshape(-1, units)
    parts = [
        narrow(gates, 0, (4 * low + which * count) * units, count * units).view(count, units)
        for low, count in steps(sizes, False)
    ]
    return cat(parts, 0)


def _weight_grad(grads: Tensor, inputs: Tensor) -> Tensor:
    """Of a weight that every row was multiplied by: one product over all of them."""
    return grads.transpose(0, 1) @ inputs.to(grads.dtype)


def _rows(make: Make, sizes: Sizes, width: int) -> Tensor:
    return make(sum(sizes), width)


# ---- LSTM -------------------------------------------------------------------------------------------------


def _lstm_grads(
    g: _formulas.Given, projected: Tensor, hx: Tensor, cx: Tensor, weight_hh: Tensor, weight_hr: Tensor | None,
    sizes: Sizes, reverse: bool, output: Tensor, gates: Tensor, cells: Tensor, needs: tuple[bool, ...],
) -> Grads:  # fmt: skip
    if state.enabled:
        inputs = (projected, hx, cx, weight_hh, weight_hr)
        return *_formulas.lstm_grads(g[:3], *inputs, sizes, reverse), None, None
    rows, h, c, hidden = lstm_layer_backward(
        g[0], g[1], g[2], gates, cells, cx, weight_hh, weight_hr, sizes, reverse
    )
    weight = _weight_grad(rows, states_before(output, hx, sizes, reverse)) if needs[3] else None
    projection = None
    if needs[4]:
        projection = _weight_grad(hidden, _gate(gates, 3, sizes, cells.shape[1]) * cells.tanh())
    return rows, h, c, weight, projection, None, None


def _lstm_samples(make: Make) -> list[Sample]:
    def call(sizes: Sizes, units: int, reverse: bool = False, width: int | None = None) -> Sample:
        outputs = units if width is None else width
        projection = None if width is None else make(width, units)
        h, c = make(sizes[0], outputs), make(sizes[0], units)
        return Sample(
            _rows(make, sizes, 4 * units), h, c, make(4 * units, outputs), projection, sizes, reverse
        )

    return [
        call((2, 2, 2), 3), call((3, 2, 2, 1), 4, True), call((3, 1), 4, False, 2), call((2, 2), 5, True, 3),
        call((2, 1), 20), call((0, 0), 3),
    ]  # fmt: skip


@primitive(
    public="lstm", dtypes=FLOATING, results=("output", "h_n", "c_n", "gates", "cells"),
    non_differentiable=("gates", "cells"), samples=_lstm_samples,
    backward=lambda g, projected, hx, cx, weight_hh, weight_hr, sizes, reverse, output, gates, cells, needs:
        _lstm_grads(g, projected, hx, cx, weight_hh, weight_hr, sizes, reverse, output, gates, cells, needs),
)  # fmt: skip
def lstm_layer(
    projected: Tensor, hx: Tensor, cx: Tensor, weight_hh: Tensor, weight_hr: Tensor | None, sizes: Any, reverse: bool
) -> Any:  # fmt: skip
    """i, f, g, o = projected + W h; c' = σ(f) c + σ(i) tanh(g), h' = V σ(o) tanh(c') (no V: without a projection).

    Besides the states of all steps and the last ones, the activated gates and the cells of all steps are kept.

    Source: S. Hochreiter, J. Schmidhuber, 1997; F. Gers et al., 2000 (forget gate); H. Sak et al., arXiv:1402.1128
    (projection).
    """
    rows, (batch, units) = projected.shape[0], cx.shape
    kept, kind = statistics_dtype(projected.dtype), projected.dtype
    return (
        Out((rows, hx.shape[1]), kind), Out((batch, hx.shape[1]), kind), Out((batch, units), kind),
        Out((rows * 4 * units,), kept), Out((rows, units), kept),
    )  # fmt: skip


@primitive(results=("grad_projected", "grad_hx", "grad_cx", "grad_hidden"))
def lstm_layer_backward(
    grad_output: Tensor | None, grad_h: Tensor | None, grad_c: Tensor | None, gates: Tensor, cells: Tensor,
    cx: Tensor, weight_hh: Tensor, weight_hr: Tensor | None, sizes: Any, reverse: bool,
) -> Any:  # fmt: skip
    """The gradients of what the gates are computed of, of the initial states, and of the states of all steps, which
    that of a projection is made of.
    """
    (rows, units), batch = cells.shape, sizes[0]
    kind, width = weight_hh.dtype, weight_hh.shape[1]
    hidden = (0, 0) if weight_hr is None else (rows, width)
    shapes = ((rows, 4 * units), (batch, width), (batch, units), hidden)
    return tuple([Out(shape, kind) for shape in shapes])


# ---- GRU --------------------------------------------------------------------------------------------------


def _gru_grads(
    g: _formulas.Given, projected: Tensor, hx: Tensor, weight_hh: Tensor, bias_hh: Tensor | None, sizes: Sizes,
    reverse: bool, output: Tensor, gates: Tensor, needs: tuple[bool, ...],
) -> Grads:  # fmt: skip
    if state.enabled:
        return *_formulas.gru_grads(g[:2], projected, hx, weight_hh, bias_hh, sizes, reverse), None, None
    h_before = states_before(output, hx, sizes, reverse)
    rows, h, hidden = gru_layer_backward(g[0], g[1], gates, h_before, weight_hh, sizes, reverse)
    weight = _weight_grad(hidden, h_before) if needs[2] else None
    return rows, h, weight, hidden.sum(0) if needs[3] else None, None, None


def _gru_samples(make: Make) -> list[Sample]:
    def call(sizes: Sizes, units: int, reverse: bool = False, bias: bool = True) -> Sample:
        shift = make(3 * units) if bias else None
        h = make(sizes[0], units)
        return Sample(_rows(make, sizes, 3 * units), h, make(3 * units, units), shift, sizes, reverse)

    return [call((2, 2, 2), 3), call((3, 2, 2, 1), 4, True, False), call((3, 1), 20), call((0, 0), 3)]


@primitive(
    public="gru", dtypes=FLOATING, results=("output", "h_n", "gates"), non_differentiable=("gates",),
    samples=_gru_samples,
    backward=lambda g, projected, hx, weight_hh, bias_hh, sizes, reverse, output, gates, needs:
        _gru_grads(g, projected, hx, weight_hh, bias_hh, sizes, reverse, output, gates, needs),
)  # fmt: skip
def gru_layer(
    projected: Tensor, hx: Tensor, weight_hh: Tensor, bias_hh: Tensor | None, sizes: Any, reverse: bool
) -> Any:
    """r, z, n = projected and r', z', n' = W h + b; n = tanh(n + σ(r + r') n'), h' = (1 - σ(z + z')) n + σ(z + z') h.

    Kept are the activated gates of all steps, and n'.

    Source: K. Cho et al., arXiv:1406.1078, with the reset gate after the product, as J. Chung et al., arXiv:1412.3555.
    """
    rows, (batch, units) = projected.shape[0], hx.shape
    kind = projected.dtype
    return (
        Out((rows, units), kind),
        Out((batch, units), kind),
        Out((rows * 4 * units,), statistics_dtype(kind)),
    )


@primitive(results=("grad_projected", "grad_hx", "grad_hidden"))
def gru_layer_backward(
    grad_output: Tensor | None, grad_h: Tensor | None, gates: Tensor, h_before: Tensor, weight_hh: Tensor, sizes: Any,
    reverse: bool,
) -> Any:  # fmt: skip
    """The gradients of what the gates are computed of, the input's part and the state's, and of the initial state."""
    rows, units = h_before.shape
    kind = weight_hh.dtype
    return Out((rows, 3 * units), kind), Out((sizes[0], units), kind), Out((rows, 3 * units), kind)


# ---- the plain one ----------------------------------------------------------------------------------------


def _rnn_grads(
    g: tuple[Tensor | None, ...], projected: Tensor, hx: Tensor, weight_hh: Tensor, sizes: Sizes, reverse: bool,
    relu: bool, output: Tensor, needs: tuple[bool, ...],
) -> Grads:  # fmt: skip
    if state.enabled:
        return *_formulas.rnn_grads(g, projected, hx, weight_hh, sizes, reverse, relu), None, None, None
    rows, h = rnn_layer_backward(g[0], g[1], output, weight_hh, sizes, reverse, relu)
    weight = _weight_grad(rows, states_before(output, hx, sizes, reverse)) if needs[2] else None
    return rows, h, weight, None, None, None


def _rnn_samples(make: Make) -> list[Sample]:
    def call(sizes: Sizes, units: int, reverse: bool = False, relu: bool = False) -> Sample:
        return Sample(
            _rows(make, sizes, units), make(sizes[0], units), make(units, units), sizes, reverse, relu
        )

    return [call((2, 2, 2), 3), call((3, 2, 2, 1), 4, True, True), call((3, 1), 20), call((0, 0), 3)]


@primitive(
    public="rnn", dtypes=FLOATING, results=("output", "h_n"), samples=_rnn_samples,
    backward=lambda g, projected, hx, weight_hh, sizes, reverse, relu, output, needs:
        _rnn_grads(g, projected, hx, weight_hh, sizes, reverse, relu, output, needs),
)  # fmt: skip
def rnn_layer(projected: Tensor, hx: Tensor, weight_hh: Tensor, sizes: Any, reverse: bool, relu: bool) -> Any:
    """h' = tanh(projected + W h), or relu. Source: J. Elman, "Finding structure in time", 1990."""
    rows, (batch, units) = projected.shape[0], hx.shape
    return Out((rows, units), projected.dtype), Out((batch, units), projected.dtype)


@primitive(results=("grad_projected", "grad_hx"))
def rnn_layer_backward(
    grad_output: Tensor | None, grad_h: Tensor | None, output: Tensor, weight_hh: Tensor, sizes: Any, reverse: bool,
    relu: bool,
) -> Any:  # fmt: skip
    """The gradients of what the states are computed of, and of the initial one."""
    return Out(output.shape, output.dtype), Out((sizes[0], output.shape[1]), output.dtype)
