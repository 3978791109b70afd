"""Recurrent layers in one direction.

Where weights and state fit into a multiprocessor, all steps are one launch (`_whole.py`, `_resident.py`); else each
step is a matrix product and one kernel of gates (`_kernels.py`).

The state of all sequences stands in one buffer, of which a step takes the first rows (`tritonnn/batch_sizes.py`).
Nothing waits for the device, so that a layer can be captured in a graph.
"""

from __future__ import annotations

from typing import Any

from triton import language as tl

from tritonnn.batch_sizes import Sizes, before, steps
from tritonnn.buffer import Buffer
from tritonnn.dtypes import float32, float64
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device.moving import copy, fill, narrow
from tritonnn.kernels.device.strided import contiguous, contiguous_or_none
from tritonnn.kernels.launch.launch import empty, launch, multiprocessors, needs_int64
from tritonnn.kernels.launch.replay import replayed
from tritonnn.kernels.linalg.linalg import addmm, linear, matmul_nd
from tritonnn.kernels.recurrent import _kernels, _whole
from tritonnn.kernels.tables.recurrent import STEPS, choose_step


def _kept(buffer: Buffer) -> Any:
    """The type to compute in."""
    return float64 if buffer.dtype is float64 else float32


def _rows(buffer: Buffer | None, low: int, count: int) -> Any:
    return None if buffer is None else narrow(buffer, 0, low, count)


def _gates(kernel: Any, units: Buffer, *buffers: Any, **constants: Any) -> None:
    """A kernel over the units of a step, a matrix; buffers and numbers as it takes them."""
    n = units.numel
    step = choose_step(n, multiprocessors(units))
    wide = needs_int64(*[b for b in buffers if isinstance(b, Buffer)])
    acc = tl.float64 if _kept(units) is float64 else tl.float32
    launch(
        kernel, (-(-n // step.block),), *buffers, ACC=acc, BLOCK=step.block, INT64=wide, num_warps=step.warps,
        **constants,
    )  # fmt: skip


def _of_step(gates: Buffer, low: int, count: int, units: int) -> Buffer:
    """The four gates of a step."""
    return narrow(gates, 0, 4 * units * low, 4 * units * count)


def _before(record: Buffer, initial: Buffer, sizes: Sizes, reverse: bool) -> Buffer:
    """The state before each row."""
    made, at = empty(record.shape, record.dtype, record), 0
    for run in before(sizes, reverse):
        copy(
            narrow(made, 0, at, run.rows),
            narrow(record if run.recorded else initial, 0, run.start, run.rows),
        )
        at += run.rows
    return made


def _state(buffer: Buffer | None, like: Buffer) -> Buffer:
    """A state, or its gradient, in memory of its own and the type to compute in; zeros where there is none."""
    state = empty(like.shape, _kept(like), like)
    if buffer is None:
        fill(state, 0.0)
    else:
        copy(state, buffer)
    return state


# ---- LSTM -------------------------------------------------------------------------------------------------


@replayed
def lstm_layer(
    output: Buffer, h_n: Buffer, c_n: Buffer, gates: Buffer, cells: Buffer, projected: Buffer, hx: Buffer, cx: Buffer,
    weight_hh: Buffer, weight_hr: Buffer | None, sizes: Sizes, reverse: bool,
) -> None:  # fmt: skip
    """States of all steps and the last ones, activated gates and cells."""
    projected, units = contiguous(projected), c_n.shape[1]
    copy(h_n, hx)
    c = _state(cx, c_n)
    fit = _whole.fitting(4, weight_hh, weight_hr, c_n.shape[0])
    if fit is not None:
        _whole.lstm_steps(fit, output, h_n, c, gates, cells, projected, weight_hh, weight_hr, sizes, reverse)
        return copy(c_n, c)
    product = empty((c_n.shape[0], 4 * units), gates.dtype, gates)
    hidden = None if weight_hr is None else empty(c_n.shape, output.dtype, output)
    for low, count in steps(sizes, reverse):
        h, p, made = _rows(h_n, 0, count), _rows(product, 0, count), _rows(output, low, count)
        linear(p, h, weight_hh, None)
        kept = _of_step(gates, low, count, units), _rows(cells, low, count), _rows(projected, low, count)
        n, cell, raw = count * units, _rows(c, 0, count), _rows(hidden, 0, count)
        if raw is None or weight_hr is None:
            _gates(_kernels.lstm_kernel, cell, made, h, cell, *kept, p, n, units)
        else:
            _gates(_kernels.lstm_kernel, cell, None, raw, cell, *kept, p, n, units)
            linear(made, raw, weight_hr, None)
            copy(h, made)
    copy(c_n, c)


@replayed
def lstm_layer_backward(
    grad_projected: Buffer, grad_hx: Buffer, grad_cx: Buffer, grad_hidden: Buffer, grad_output: Buffer | None,
    grad_h: Buffer | None, grad_c: Buffer | None, gates: Buffer, cells: Buffer, cx: Buffer, weight_hh: Buffer,
    weight_hr: Buffer | None, sizes: Sizes, reverse: bool,
) -> None:  # fmt: skip
    """Gradients of the rows, the initial states, and the states before the projection's."""
    gates, cells, old = contiguous(gates), contiguous(cells), _before(cells, cx, sizes, reverse)
    grad_output = contiguous_or_none(grad_output)
    dh, dc = _state(grad_h, grad_hx), _state(grad_c, grad_cx)
    fit = _whole.fitting(4, weight_hh, weight_hr, cx.shape[0])
    if fit is not None:
        saved = grad_output, gates, cells, old
        _whole.lstm_steps_backward(
            fit, grad_projected, grad_hidden, dh, dc, *saved, weight_hh, weight_hr, sizes, reverse
        )
    else:
        rest = grad_output, gates, cells, old, weight_hh, weight_hr, sizes, reverse
        _lstm_step_by_step_backward(grad_projected, grad_hidden, dh, dc, *rest)
    copy(grad_hx, dh)
    copy(grad_cx, dc)


def _lstm_step_by_step_backward(
    grad_projected: Buffer, grad_hidden: Buffer, dh: Buffer, dc: Buffer, grad_output: Buffer | None, gates: Buffer,
    cells: Buffer, old: Buffer, weight_hh: Buffer, weight_hr: Buffer | None, sizes: Sizes, reverse: bool,
) -> None:  # fmt: skip
    units = cells.shape[1]
    work = None if weight_hr is None else empty(dc.shape, dc.dtype, dc)
    for low, count in reversed(steps(sizes, reverse)):
        d, given = _rows(dh, 0, count), _rows(grad_output, low, count)
        row, cell = _rows(grad_projected, low, count), _rows(dc, 0, count)
        kept = _of_step(gates, low, count, units), _rows(cells, low, count), _rows(old, low, count)
        if work is not None and weight_hr is not None:
            summed = _rows(grad_hidden, low, count)
            _gates(_kernels.state_sum_kernel, d, summed, d, given, d.numel)
            reached = _rows(work, 0, count)
            matmul_nd(reached, summed, weight_hr)
            _gates(_kernels.lstm_backward_kernel, cell, row, cell, reached, None, *kept, count * units, units)
        else:
            _gates(_kernels.lstm_backward_kernel, cell, row, cell, d, given, *kept, count * units, units)
        matmul_nd(d, row, weight_hh)


# ---- GRU --------------------------------------------------------------------------------------------------


@replayed
def gru_layer(
    output: Buffer, h_n: Buffer, gates: Buffer, projected: Buffer, hx: Buffer, weight_hh: Buffer,
    bias_hh: Buffer | None, sizes: Sizes, reverse: bool,
) -> None:  # fmt: skip
    """States of all steps and the last ones; r, z, n and the state's part of n before r."""
    projected, bias, units = contiguous(projected), contiguous_or_none(bias_hh), h_n.shape[1]
    copy(h_n, hx)
    fit = _whole.fitting(3, weight_hh, None, h_n.shape[0])
    if fit is not None:
        return _whole.gru_steps(fit, output, h_n, gates, projected, weight_hh, bias, sizes, reverse)
    product = empty((h_n.shape[0], 3 * units), gates.dtype, gates)
    for low, count in steps(sizes, reverse):
        h, p, made = _rows(h_n, 0, count), _rows(product, 0, count), _rows(output, low, count)
        linear(p, h, weight_hh, None)
        kept, row = _of_step(gates, low, count, units), _rows(projected, low, count)
        _gates(_kernels.gru_kernel, h, made, h, kept, row, p, bias, count * units, units)


@replayed
def gru_layer_backward(
    grad_projected: Buffer, grad_hx: Buffer, grad_hidden: Buffer, grad_output: Buffer | None, grad_h: Buffer | None,
    gates: Buffer, h_before: Buffer, weight_hh: Buffer, sizes: Sizes, reverse: bool,
) -> None:  # fmt: skip
    """Gradients of the input's part of the gates, the initial state and the state's part."""
    gates, h_before = contiguous(gates), contiguous(h_before)
    grad_output, units = contiguous_or_none(grad_output), grad_hx.shape[1]
    dh = _state(grad_h, grad_hx)
    fit = _whole.fitting(3, weight_hh, None, dh.shape[0])
    if fit is not None:
        saved = grad_output, gates, h_before
        _whole.gru_steps_backward(fit, grad_projected, grad_hidden, dh, *saved, weight_hh, sizes, reverse)
        return copy(grad_hx, dh)
    for low, count in reversed(steps(sizes, reverse)):
        d, given = _rows(dh, 0, count), _rows(grad_output, low, count)
        row, hidden = _rows(grad_projected, low, count), _rows(grad_hidden, low, count)
        kept, old = _of_step(gates, low, count, units), _rows(h_before, low, count)
        _gates(_kernels.gru_backward_kernel, d, row, hidden, d, given, kept, old, count * units, units)
        addmm(d, d, hidden, weight_hh, 1, 1)
    copy(grad_hx, dh)


# ---- the plain one ----------------------------------------------------------------------------------------


@replayed
def rnn_layer(
    output: Buffer, h_n: Buffer, projected: Buffer, hx: Buffer, weight_hh: Buffer, sizes: Sizes, reverse: bool,
    relu: bool,
) -> None:  # fmt: skip
    """States of all steps and the last ones."""
    projected = contiguous(projected)
    copy(h_n, hx)
    fit = _whole.fitting(1, weight_hh, None, h_n.shape[0])
    if fit is not None:
        return _whole.rnn_steps(fit, output, h_n, projected, weight_hh, sizes, reverse, relu)
    product = empty(h_n.shape, _kept(h_n), h_n)
    for low, count in steps(sizes, reverse):
        h, p = _rows(h_n, 0, count), _rows(product, 0, count)
        linear(p, h, weight_hh, None)
        made, row = _rows(output, low, count), _rows(projected, low, count)
        _gates(_kernels.rnn_kernel, h, made, h, row, p, h.numel, RELU=relu)


@replayed
def rnn_layer_backward(
    grad_projected: Buffer, grad_hx: Buffer, grad_output: Buffer | None, grad_h: Buffer | None, output: Buffer,
    weight_hh: Buffer, sizes: Sizes, reverse: bool, relu: bool,
) -> None:  # fmt: skip
    """Gradients of the rows and of the initial state."""
    output, grad_output = contiguous(output), contiguous_or_none(grad_output)
    dh = _state(grad_h, grad_hx)
    fit = _whole.fitting(1, weight_hh, None, dh.shape[0])
    if fit is not None:
        _whole.rnn_steps_backward(
            fit, grad_projected, dh, grad_output, output, weight_hh, sizes, reverse, relu
        )
        return copy(grad_hx, dh)
    for low, count in reversed(steps(sizes, reverse)):
        d, given = _rows(dh, 0, count), _rows(grad_output, low, count)
        row, made = _rows(grad_projected, low, count), _rows(output, low, count)
        _gates(_kernels.rnn_backward_kernel, d, row, d, given, made, d.numel, RELU=relu)
        matmul_nd(d, row, weight_hh)
    copy(grad_hx, dh)


def COMPILE() -> list[Case]:
    """Every kernel in single, double and half precision, in every configuration."""
    cases = []
    for kind, step in [("fp32", s) for s in STEPS] + [("bf16", STEPS[0]), ("fp64", STEPS[0])]:
        t, a = f"*{kind}", "*fp64" if kind == "fp64" else "*fp32"
        size = "i32:16"
        signatures = {
            _kernels.lstm_kernel: f"{t} {t} {a} {a} {a} {t} {a} {size} {size}",
            _kernels.lstm_backward_kernel: f"{t} {a} {a} {t} {a} {a} {a} {size} {size}",
            _kernels.gru_kernel: f"{t} {t} {a} {t} {a} {t} {size} {size}",
            _kernels.gru_backward_kernel: f"{t} {t} {a} {t} {a} {t} {size} {size}",
            _kernels.rnn_kernel: f"{t} {t} {t} {a} {size}",
            _kernels.rnn_backward_kernel: f"{t} {a} {t} {t} {size}",
            _kernels.state_sum_kernel: f"{t} {a} {t} {size}",
        }
        for kernel, signature in signatures.items():
            acc = tl.float64 if kind == "fp64" else tl.float32
            constants: dict[str, Any] = {"ACC": acc, "BLOCK": step.block, "INT64": False}
            if kernel in (_kernels.rnn_kernel, _kernels.rnn_backward_kernel):
                constants["RELU"] = False
            label = f"{kind},{step.block}"
            cases.append(Case(kernel, signature, constants, label=label, num_warps=step.warps))
    return cases
