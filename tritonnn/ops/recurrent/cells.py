"""One step of a recurrent network: lstm_cell, gru_cell, rnn_tanh_cell, rnn_relu_cell."""

from __future__ import annotations

from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.ops._definitions import recurrent as definitions
from tritonnn.ops._table import FLOATING, Bad, Sample, composite
from tritonnn.ops.recurrent.network import (
    GRU,
    LSTM,
    RNN,
    Network,
    States,
    Weights,
    check_dtypes,
    check_weights,
)
from tritonnn.table import Make
from tritonnn.table.types import Tensors


def _check(name: str, gates: int, input: Tensor, states: States, weights: Weights) -> None:
    """Refuse what does not fit, in PyTorch's order."""
    tensors: dict[str, Any] = {"input": input, "hx": states[0], "w_ih": weights.ih, "w_hh": weights.hh}
    flat = [what for what, x in tensors.items() if len(x.shape) < 2 and what != "hx"]
    flat += ["hx" for x in states if not x.shape or (len(x.shape) == 1 and x.shape[0] == input.shape[0])]
    if flat:
        message = f"Dimension out of range: {flat[0]} must be a matrix"
        raise fail(name, message, kind=IndexError, **tensors)
    message = ""
    batch, inputs, units = input.shape[0], weights.ih.shape[1], weights.hh.shape[1]
    if input.shape[1] != inputs:
        message = f"input has inconsistent input_size: got {input.shape[1]} expected {inputs}"
    for k, x in enumerate(states):
        if message:
            break
        if x.shape[0] != batch:
            message = f"Input batch size {batch} doesn't match hidden{k} batch size {x.shape[0]}"
        elif x.shape[1] != units:
            message = f"hidden{k} has inconsistent hidden_size: got {x.shape[1]}, expected {units}"
    if not message and any(len(x.shape) != 2 for x in (input, *states)):
        message = "input and hx must be matrices"
    if message:
        raise fail(name, message, **tensors)
    check_weights(name, gates, units, weights)
    check_dtypes(name, input, states)


def _step(
    net: Network,
    input: Tensor,
    states: States,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None,
    b_hh: Tensor | None,
) -> States:
    _check(f"{net.name}_cell", net.gates, input, states, Weights(w_ih, w_hh, b_ih, b_hh, None))
    if (b_ih is None) != (b_hh is None):  # one alone: of the other nothing is added
        given = b_hh if b_ih is None else b_ih
        assert given is not None
        zeros = given.new_zeros(given.shape)
        b_ih, b_hh = (zeros, b_hh) if b_ih is None else (b_ih, zeros)
    return net.layer(input, states, Weights(w_ih, w_hh, b_ih, b_hh, None), (input.shape[0],), False)[1]


def _samples(gates: int, states: int) -> Any:
    def samples(make: Make) -> list[Sample]:
        def call(batch: int, inputs: int, units: int, biases: bool = True) -> Sample:
            h = make(batch, units)
            shifts = (make(gates * units), make(gates * units)) if biases else ()
            weights = (make(gates * units, inputs), make(gates * units, units))
            return Sample(
                make(batch, inputs), [h, make(batch, units)] if states == 2 else h, *weights, *shifts
            )

        return [call(2, 3, 4), call(3, 2, 5, False), call(0, 2, 3)]

    return samples


def _errors(gates: int, states: int) -> Any:
    def errors(make: Make) -> list[Bad]:
        def start(*shape: int) -> Any:
            return [make(shape), make(shape)] if states == 2 else make(shape)

        weights = (make(gates * 4, 3), make(gates * 4, 4))
        return [
            Bad(make(2, 5), start(2, 4), *weights, match="inconsistent input_size: got 5 expected 3"),
            Bad(
                make(2, 3),
                start(3, 4),
                *weights,
                match="Input batch size 2 doesn't match hidden0 batch size 3",
            ),
            Bad(
                make(2, 3),
                start(2, 5),
                *weights,
                match="hidden0 has inconsistent hidden_size: got 5, expected 4",
            ),
            Bad(make(3), start(2, 4), *weights, error=IndexError, match="must be a matrix"),
            Bad(
                make(2, 3),
                start(2, 4),
                make(7, 3),
                weights[1],
                match="weight_ih first dim must be",
            ),
            Bad(make(2, 3), start(2, 4), *weights, make(7), match="bias_ih has 7 elements"),
        ]

    return errors


@composite(
    api="torch", dtypes=FLOATING, samples=_samples(4, 2), errors=_errors(4, 2), reference=definitions.lstm_cell,
)  # fmt: skip
def lstm_cell(
    input: Tensor, hx: Tensors, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """One step of an LSTM: the next (h, c), each (batch, units).

    Args:
        input: (batch, inputs).
        hx: (h, c).
        w_ih: (4 units, inputs); gates in the order input, forget, cell, output.
        w_hh: (4 units, units).
        b_ih: (4 units,).
        b_hh: (4 units,).

    Raises:
        RuntimeError: extents that do not fit.

    >>> import tritonnn as torch
    >>> h = c = torch.zeros(2, 4)
    >>> torch.lstm_cell(torch.ones(2, 3), (h, c), torch.ones(16, 3), torch.ones(16, 4))[0].shape
    torch.Size([2, 4])
    """
    states = tuple(hx)
    if not all(isinstance(x, Tensor) for x in states):
        raise TypeError("lstm_cell(): argument 'hx' (position 2) must be tuple of Tensors")
    if len(states) != 2:
        raise fail("lstm_cell", "lstm_cell expects two hidden states")
    h, c = _step(LSTM, input, states, w_ih, w_hh, b_ih, b_hh)
    return h, c


@composite(
    api="torch", dtypes=FLOATING, samples=_samples(3, 1), errors=_errors(3, 1), reference=definitions.gru_cell,
)  # fmt: skip
def gru_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:  # fmt: skip
    """One step of a GRU: the next h. Arguments as of `lstm_cell`, with 3 gates: reset, update, new.

    >>> import tritonnn as torch
    >>> torch.gru_cell(torch.ones(2, 3), torch.zeros(2, 4), torch.ones(12, 3), torch.ones(12, 4)).shape
    torch.Size([2, 4])
    """
    return _step(GRU, input, (hx,), w_ih, w_hh, b_ih, b_hh)[0]


@composite(
    api="torch", dtypes=FLOATING, samples=_samples(1, 1), errors=_errors(1, 1), reference=definitions.rnn_tanh_cell,
)  # fmt: skip
def rnn_tanh_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:  # fmt: skip
    """One step of a plain network: tanh(w_ih x + b_ih + w_hh h + b_hh).

    >>> import tritonnn as torch
    >>> torch.rnn_tanh_cell(torch.ones(1, 3), torch.zeros(1, 2), torch.ones(2, 3), torch.ones(2, 2))
    tensor([[0.9951, 0.9951]])
    """
    return _step(RNN[False], input, (hx,), w_ih, w_hh, b_ih, b_hh)[0]


@composite(
    api="torch", dtypes=FLOATING, samples=_samples(1, 1), errors=_errors(1, 1), reference=definitions.rnn_relu_cell,
)  # fmt: skip
def rnn_relu_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:  # fmt: skip
    """`rnn_tanh_cell` with relu in place of tanh.

    >>> import tritonnn as torch
    >>> torch.rnn_relu_cell(torch.ones(1, 3), torch.zeros(1, 2), torch.ones(2, 3), torch.ones(2, 2))
    tensor([[3., 3.]])
    """
    return _step(RNN[True], input, (hx,), w_ih, w_hh, b_ih, b_hh)[0]
