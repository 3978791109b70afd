"""Launches of the kernels of `_resident.py`: one for each span of steps of equal sizes, so one for a padded batch.

`tables/recurrent.py` says which layers fit.
"""

from __future__ import annotations

from typing import Any

from triton import language as tl

from tritonnn.batch_sizes import Sizes, spans
from tritonnn.buffer import Buffer
from tritonnn.dtypes import float64
from tritonnn.kernels.check.case import ARCHITECTURES, Case
from tritonnn.kernels.device.strided import contiguous, contiguous_or_none
from tritonnn.kernels.launch.launch import architecture, launch, multiprocessors, needs_int64
from tritonnn.kernels.recurrent import _resident
from tritonnn.kernels.tables.recurrent import Resident, choose_resident, padded, resident_table, weight_bytes


def fitting(gates: int, weight_hh: Buffer, weight_hr: Buffer | None, batch: int) -> Resident | None:
    """How a layer of so many gates computes all steps at once; None where it has to go step by step."""
    units, width = weight_hh.shape[0] // gates, weight_hh.shape[1]
    size = weight_hh.dtype.itemsize
    nbytes = weight_bytes(gates, units, width, weight_hr is not None, size)
    return choose_resident(architecture(), nbytes, units, size, batch, multiprocessors(weight_hh))


def _run(
    kernel: Any, resident: Resident, sizes: Sizes, reverse: bool, buffers: tuple[Buffer | None, ...], units: int,
    *width: int, **constants: Any,
) -> None:  # fmt: skip
    """A kernel over all steps; buffers as it takes them, the first one a result."""
    assert buffers[0] is not None
    if width:
        constants["WIDTH"] = padded(width[0])
    acc = tl.float64 if buffers[0].dtype is float64 else tl.float32
    for low, count, length in spans(sizes, reverse):
        launch(
            kernel, (-(-count // resident.rows),), *buffers, low, length, count, units, *width, REVERSE=reverse,
            ACC=acc, ROWS=resident.rows, UNITS=padded(units), STAGES=resident.stages, INT64=needs_int64(*buffers),
            num_warps=resident.warps, num_stages=resident.stages, **constants,
        )  # fmt: skip


def lstm_steps(
    resident: Resident, output: Buffer, h: Buffer, c: Buffer, gates: Buffer, cells: Buffer, projected: Buffer,
    weight_hh: Buffer, weight_hr: Buffer | None, sizes: Sizes, reverse: bool,
) -> None:  # fmt: skip
    """States h and cells c become the last ones."""
    weights = contiguous(weight_hh), contiguous_or_none(weight_hr)
    buffers = (output, h, c, gates, cells, projected, *weights)
    _run(_resident.lstm_steps_kernel, resident, sizes, reverse, buffers, c.shape[1], h.shape[1])


def lstm_steps_backward(
    resident: Resident, rows: Buffer, hidden: Buffer, dh: Buffer, dc: Buffer, grad_output: Buffer | None,
    gates: Buffer, cells: Buffer, before: Buffer, weight_hh: Buffer, weight_hr: Buffer | None, sizes: Sizes,
    reverse: bool,
) -> None:  # fmt: skip
    """The gradients dh and dc of the last states become those of the initial ones."""
    weights = contiguous(weight_hh), contiguous_or_none(weight_hr)
    buffers = (
        rows,
        hidden if weight_hr is not None else None,
        dh,
        dc,
        grad_output,
        gates,
        cells,
        before,
        *weights,
    )
    _run(
        _resident.lstm_steps_backward_kernel, resident, sizes, not reverse, buffers, dc.shape[1], dh.shape[1]
    )


def gru_steps(
    resident: Resident, output: Buffer, h: Buffer, gates: Buffer, projected: Buffer, weight_hh: Buffer,
    bias: Buffer | None, sizes: Sizes, reverse: bool,
) -> None:  # fmt: skip
    """As `lstm_steps`."""
    buffers = output, h, gates, projected, contiguous(weight_hh), bias
    _run(_resident.gru_steps_kernel, resident, sizes, reverse, buffers, h.shape[1])


def gru_steps_backward(
    resident: Resident, rows: Buffer, hidden: Buffer, dh: Buffer, grad_output: Buffer | None, gates: Buffer,
    before: Buffer, weight_hh: Buffer, sizes: Sizes, reverse: bool,
) -> None:  # fmt: skip
    """As `lstm_steps_backward`."""
    buffers = rows, hidden, dh, grad_output, gates, before, contiguous(weight_hh)
    _run(_resident.gru_steps_backward_kernel, resident, sizes, not reverse, buffers, dh.shape[1])


def rnn_steps(
    resident: Resident, output: Buffer, h: Buffer, projected: Buffer, weight_hh: Buffer, sizes: Sizes, reverse: bool,
    relu: bool,
) -> None:  # fmt: skip
    """As `lstm_steps`."""
    buffers = output, h, projected, contiguous(weight_hh)
    _run(_resident.rnn_steps_kernel, resident, sizes, reverse, buffers, h.shape[1], RELU=relu)


def rnn_steps_backward(
    resident: Resident, rows: Buffer, dh: Buffer, grad_output: Buffer | None, output: Buffer, weight_hh: Buffer,
    sizes: Sizes, reverse: bool, relu: bool,
) -> None:  # fmt: skip
    """As `lstm_steps_backward`."""
    buffers = rows, dh, grad_output, output, contiguous(weight_hh)
    _run(_resident.rnn_steps_backward_kernel, resident, sizes, not reverse, buffers, dh.shape[1], RELU=relu)


# ---- what the compile check compiles ----------------------------------------------------------------------

# sm_80 keeps less than what it is given: two numbers of the state are put aside between two steps
_SPILLS = {("lstm_steps_kernel", "bf16", 128): 16}


def _extents(resident: Resident, gates: int, itemsize: int, projected: bool) -> tuple[int, int]:
    """The most units that fit, and with a projection the widest states below them."""
    powers = [1 << k for k in range(4, 9)]
    fitting = [
        (units, width)
        for units in powers
        for width in powers
        if (width < units if projected else width == units)
        and units <= resident.units
        and weight_bytes(gates, units, width, projected, itemsize) <= resident.most
    ]
    return max(fitting)


def _signature(kernel: Any, kind: str, projected: bool) -> str:
    t, a, size = f"*{kind}", "*fp64" if kind == "fp64" else "*fp32", "i32 i32 i32 i32:16"
    also = t if projected else "None"
    return {
        _resident.lstm_steps_kernel: f"{t} {t} {a} {a} {a} {t} {t} {also} {size} i32:16",
        _resident.lstm_steps_backward_kernel: f"{t} {also} {a} {a} {t} {a} {a} {a} {t} {also} {size} i32:16",
        _resident.gru_steps_kernel: f"{t} {t} {a} {t} {t} {t} {size}",
        _resident.gru_steps_backward_kernel: f"{t} {t} {a} {t} {a} {t} {t} {size}",
        _resident.rnn_steps_kernel: f"{t} {t} {t} {t} {size}",
        _resident.rnn_steps_backward_kernel: f"{t} {a} {t} {t} {t} {size}",
    }[kernel]


def _case(
    kernel: Any, kind: str, resident: Resident, gates: int, projected: bool, archs: tuple[str, ...]
) -> Case:
    itemsize = {"bf16": 2, "fp32": 4, "fp64": 8}[kind]
    units, width = _extents(resident, gates, itemsize, projected)
    constants: dict[str, Any] = {
        "REVERSE": False, "ACC": tl.float64 if kind == "fp64" else tl.float32, "ROWS": resident.rows, "UNITS": units,
        "STAGES": resident.stages, "INT64": False,
    }  # fmt: skip
    constants |= {"WIDTH": width} if gates == 4 else {}
    constants |= {"RELU": False} if gates == 1 else {}
    name = kernel.__name__
    return Case(
        kernel, _signature(kernel, kind, projected), constants, label=f"{kind},{units},{width},{resident.warps}",
        num_warps=resident.warps, num_stages=resident.stages, matrix="warp" if itemsize == 2 else False,
        spills=_SPILLS.get((name, kind, width), 0), archs=archs,
    )  # fmt: skip


def COMPILE() -> list[Case]:
    """Every kernel with the largest layers of every configuration."""
    nvidia = tuple([arch for arch in ARCHITECTURES if arch.startswith("sm")])
    tables = [
        ("bf16", resident_table("sm_90", "half"), nvidia),
        ("bf16", resident_table("gfx942", "half"), ("gfx942",)),
        ("fp32", resident_table("sm_90", "single"), ARCHITECTURES),
        ("fp64", resident_table("sm_90", "double")[-1:], ARCHITECTURES),
    ]
    layers = [
        (_resident.lstm_steps_kernel, _resident.lstm_steps_backward_kernel, 4, False),
        (_resident.lstm_steps_kernel, _resident.lstm_steps_backward_kernel, 4, True),
        (_resident.gru_steps_kernel, _resident.gru_steps_backward_kernel, 3, False),
        (_resident.rnn_steps_kernel, _resident.rnn_steps_backward_kernel, 1, False),
    ]
    return [
        _case(kernel, kind, resident, gates, projected, archs)
        for kind, table, archs in tables
        for resident in table
        for *both, gates, projected in layers
        for kernel in both
    ]
