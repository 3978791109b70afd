"""Layers and directions of recurrent networks put together, over packed rows; what is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tritonnn._tensor import Tensor
from tritonnn.batch_sizes import Sizes
from tritonnn.errors import fail
from tritonnn.ops.joining.joining import cat, stack
from tritonnn.ops.linalg.linalg import linear
from tritonnn.ops.random.dropout import dropout as drop
from tritonnn.ops.recurrent.layers import gru_layer, lstm_layer, rnn_layer

States = tuple[Tensor, ...]  # h, and of an LSTM c


class Weights(NamedTuple):
    """What one layer has in one direction."""

    ih: Tensor
    hh: Tensor
    bias_ih: Tensor | None
    bias_hh: Tensor | None
    hr: Tensor | None


Layer = Callable[[Tensor, States, Weights, Sizes, bool], tuple[Tensor, States]]


def both_biases(weights: Weights) -> Tensor | None:
    """The sum of both, where they are only ever used together."""
    if weights.bias_ih is None or weights.bias_hh is None:
        return None
    return weights.bias_ih + weights.bias_hh


def lstm_direction(
    rows: Tensor, states: States, weights: Weights, sizes: Sizes, reverse: bool
) -> tuple[Tensor, States]:
    """A layer in one direction: all outputs, and the last states."""
    projected = linear(rows, weights.ih, both_biases(weights))
    output, h, c, *_ = lstm_layer(projected, states[0], states[1], weights.hh, weights.hr, sizes, reverse)
    return output, (h, c)


def gru_direction(
    rows: Tensor, states: States, weights: Weights, sizes: Sizes, reverse: bool
) -> tuple[Tensor, States]:
    """As `lstm_direction`."""
    projected = linear(rows, weights.ih, weights.bias_ih)
    bias = weights.bias_hh
    if bias is not None and bias.requires_grad:
        bias = bias.clone()  # it is saved: a copy, so that the weights may be written before backward
    output, h, _ = gru_layer(projected, states[0], weights.hh, bias, sizes, reverse)
    return output, (h,)


def rnn_direction(relu: bool) -> Layer:
    """As `lstm_direction`, with relu or tanh."""

    def run(
        rows: Tensor, states: States, weights: Weights, sizes: Sizes, reverse: bool
    ) -> tuple[Tensor, States]:
        projected = linear(rows, weights.ih, both_biases(weights))
        output, h = rnn_layer(projected, states[0], weights.hh, sizes, reverse, relu)
        return output, (h,)

    return run


class Network(NamedTuple):
    """How a call is named and its layers run."""

    name: str
    layer: Layer
    gates: int
    states: int = 1


LSTM = Network("lstm", lstm_direction, 4, 2)
GRU = Network("gru", gru_direction, 3)
RNN = {relu: Network(f"rnn_{'relu' if relu else 'tanh'}", rnn_direction(relu), 1) for relu in (False, True)}


def _grouped(
    net: Network, params: Sequence[Tensor], biases: bool, projection: bool, count: int
) -> list[Weights]:
    """The weights of each layer and direction."""
    size = (4 if biases else 2) + projection
    if len(params) != size * count:
        raise fail(
            net.name, f"expected {size * count} weights for {count} layers and directions, got {len(params)}"
        )
    groups = []
    for k in range(0, len(params), size):
        ih, hh, *rest = params[k : k + size]
        hr = rest.pop() if projection else None
        bias_ih, bias_hh = rest or (None, None)
        groups.append(Weights(ih, hh, bias_ih, bias_hh, hr))
    return groups


def check_states(net: Network, states: Any) -> States:
    """The initial states as a tuple."""
    if net.states == 1:
        if not isinstance(states, Tensor):
            raise TypeError(f"{net.name}(): argument 'hx' must be Tensor, not {type(states).__name__}")
        return (states,)
    if not isinstance(states, (tuple, list)) or not all(isinstance(s, Tensor) for s in states):
        raise TypeError(f"{net.name}(): argument 'hx' must be tuple of Tensors, not {type(states).__name__}")
    if len(states) != 2:
        raise fail(net.name, "lstm expects two hidden states")
    return tuple(states)


def check_weights(name: str, gates: int, units: int, weights: Weights) -> None:
    """Refuse weights of one layer that do not fit together."""
    rows = gates * units
    for what, weight in (("weight_ih", weights.ih), ("weight_hh", weights.hh)):
        if len(weight.shape) != 2:
            raise fail(
                name, f"{what} must be a matrix, got {len(weight.shape)}D", w_ih=weights.ih, w_hh=weights.hh
            )
        if weight.shape[0] != rows:
            message = f"{what} first dim must be {gates} * hidden_size = {rows}, but got {weight.shape[0]}"
            raise fail(name, message, w_ih=weights.ih, w_hh=weights.hh)
    for what, shift in (("bias_ih", weights.bias_ih), ("bias_hh", weights.bias_hh)):
        if shift is not None and tuple(shift.shape) != (rows,):
            raise fail(name, f"{what} has {shift.numel()} elements but weight_ih has {rows} rows", bias=shift)


def check_dtypes(name: str, input: Tensor, states: States) -> None:
    """Refuse states of another type than the input."""
    for x in states:
        if x.dtype is not input.dtype:
            message = (
                f"mat1 and mat2 must have the same dtype, but input has {input.dtype.name}, hx {x.dtype.name}"
            )
            raise fail(name, message, input=input, hx=x)


def _check(
    net: Network, rows: Tensor, states: States, groups: list[Weights], batch: int, directions: int
) -> None:
    """Refuse an input, states or weights that do not fit."""
    if any(len(x.shape) != 3 for x in states):
        raise fail(net.name, "hx must have 3 dimensions (layers * directions, batch, units)", hx=states[0])
    width, units = states[0].shape[2], states[-1].shape[2]
    inputs = groups[0].ih.shape[-1] if groups[0].ih.shape else 0
    if rows.shape[1] != inputs:
        message = f"input.size(-1) must be equal to input_size. Expected {inputs}, got {rows.shape[1]}"
        raise fail(net.name, message, input=rows)
    for k, x in enumerate(states):
        wanted = (len(groups), batch, units if k else width)
        if tuple(x.shape) != wanted:
            which = f"hidden[{k}]" if net.states == 2 else "hidden"
            raise fail(net.name, f"Expected {which} size {wanted}, got {list(x.shape)}", hx=x)
    for k, weights in enumerate(groups):
        check_weights(net.name, net.gates, units, weights)
        inputs = rows.shape[1] if k < directions else directions * width
        hr = weights.hr
        found = weights.ih.shape[1], weights.hh.shape[1], None if hr is None else tuple(hr.shape)
        if found != (inputs, width, None if hr is None else (width, units)):
            message = (
                f"the weights of layer {k // directions} are for {found[0]} inputs and states of {found[1]}, but there "
                f"are {inputs} and {width}" + ("" if hr is None else f"; weight_hr is {found[2]}")
            )
            raise fail(net.name, message, w_ih=weights.ih, w_hh=weights.hh)
    check_dtypes(net.name, rows, states)


def network(
    net: Network, rows: Tensor, sizes: Sizes, states: States, params: Sequence[Tensor], biases: bool, layers: int,
    dropout: float, train: bool, bidirectional: bool,
) -> tuple[Tensor, States]:  # fmt: skip
    """All layers over packed rows: the outputs of the last, and the last states of all."""
    if isinstance(layers, bool) or not isinstance(layers, int):
        raise TypeError(f"{net.name}(): argument 'num_layers' must be int, not {type(layers).__name__}")
    if not isinstance(dropout, (int, float)):
        raise TypeError(f"{net.name}(): argument 'dropout' must be float, not {type(dropout).__name__}")
    if layers < 1:
        raise fail(net.name, f"num_layers must be positive, got {layers}")
    directions = 2 if bidirectional else 1
    projection = net.states == 2 and states[0].shape[-1:] != states[1].shape[-1:]
    groups = _grouped(net, params, biases, projection, layers * directions)
    _check(net, rows, states, groups, sizes[0], directions)
    ends: list[States] = []
    for layer in range(layers):
        outputs = []
        for direction in range(directions):
            k = layer * directions + direction
            starts = tuple([x[k] for x in states])
            output, end = net.layer(rows, starts, groups[k], sizes, direction == 1)
            outputs.append(output)
            ends.append(end)
        rows = outputs[0] if directions == 1 else cat(outputs, 1)
        if dropout and train and layer < layers - 1:
            rows = drop(rows, dropout, True)
    if directions == 1 and rows.requires_grad:
        rows = rows.clone()  # what is saved for backward must not change where the outputs are written to
    return rows, tuple([stack(same) for same in zip(*ends, strict=True)])
