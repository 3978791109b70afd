"""Recurrent networks of several layers and directions, as functions: lstm, gru, rnn_tanh, rnn_relu.

Each is called in two ways, as PyTorch has them: with a padded batch, or with packed rows and the numbers of rows of the
steps in front of the states.
"""

from __future__ import annotations

from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.batch_sizes import Sizes
from tritonnn.errors import fail
from tritonnn.ops._definitions import recurrent as definitions
from tritonnn.ops._table import FLOATING, Bad, Sample, composite
from tritonnn.ops.recurrent.network import GRU, LSTM, RNN, Network, check_states, network
from tritonnn.table import Make


def _packed_sizes(name: str, data: Tensor, sizes: Tensor) -> Sizes:
    if sizes.device.type != "cpu" or len(sizes.shape) != 1 or sizes.dtype.kind != 1:
        raise fail(name, "batch_sizes must be a vector of integers on the CPU", batch_sizes=sizes)
    counts = tuple(sizes.tolist())
    if not counts:
        raise fail(name, "Expected sequence length to be larger than 0 in RNN", batch_sizes=sizes)
    if list(counts) != sorted(counts, reverse=True) or counts[-1] <= 0:
        raise fail(
            name, f"batch_sizes must be positive and not increase, got {list(counts)}", batch_sizes=sizes
        )
    if sum(counts) != data.shape[0]:
        raise fail(name, f"batch_sizes has {sum(counts)} rows but data {data.shape[0]}", data=data)
    return counts


def _check_flags(name: str, **flags: Any) -> None:
    for flag, value in flags.items():
        if not isinstance(value, bool):
            raise TypeError(f"{name}(): argument '{flag}' must be bool, not {type(value).__name__}")


def _run(net: Network, *args: Any) -> tuple[Tensor, ...]:
    """Either form of a call."""
    if isinstance(args[1], Tensor) and isinstance(args[3], (tuple, list)):
        data, batch_sizes, hx, params, biases, layers, dropout, train, bidirectional = args
        _check_flags(net.name, has_biases=biases, train=train, bidirectional=bidirectional)
        if len(data.shape) != 2:
            raise fail(net.name, f"packed data must be a matrix, got {len(data.shape)}D", data=data)
        sizes = _packed_sizes(net.name, data, batch_sizes)
        states = check_states(net, hx)
        output, ends = network(
            net, data, sizes, states, params, biases, layers, dropout, train, bidirectional
        )
        return output, *ends
    input, hx, params, biases, layers, dropout, train, bidirectional, batch_first = args
    if not isinstance(params, (tuple, list)) or not all(isinstance(p, Tensor) for p in params):
        raise TypeError(
            f"{net.name}(): argument 'params' must be tuple of Tensors, not {type(params).__name__}"
        )
    states = check_states(net, hx)
    _check_flags(
        net.name, has_biases=biases, train=train, bidirectional=bidirectional, batch_first=batch_first
    )
    steps = input.transpose(0, 1) if batch_first else input
    if len(input.shape) != 3:
        raise fail(net.name, f"input must have 3 dimensions, got {len(input.shape)}", input=input)
    length, batch, width = steps.shape
    if length == 0:
        raise fail(net.name, "Expected sequence length to be larger than 0 in RNN", input=input)
    rows = steps.reshape(length * batch, width)
    sizes = (batch,) * length
    output, ends = network(net, rows, sizes, states, params, biases, layers, dropout, train, bidirectional)
    output = output.view(length, batch, output.shape[1])
    return output.transpose(0, 1) if batch_first else output, *ends


# ---- what users call --------------------------------------------------------------------------------------


def _weights(
    make: Make, gates: int, inputs: int, units: int, biases: bool = True, width: int = 0
) -> list[Tensor]:
    shifts = [make(gates * units), make(gates * units)] if biases else []
    projection = [make(width, units)] if width else []
    return [make(gates * units, inputs), make(gates * units, width or units), *shifts, *projection]


def _samples(gates: int, states: int) -> Any:
    def samples(make: Make) -> list[Sample]:
        def initial(count: int, batch: int, units: int, width: int = 0) -> Any:
            h = make(count, batch, width or units)
            return (h, make(count, batch, units)) if states == 2 else h

        def weights(inputs: int, units: int, biases: bool = True, width: int = 0) -> list[Tensor]:
            return _weights(make, gates, inputs, units, biases, width)

        two = [*weights(3, 4), *weights(3, 4), *weights(8, 4), *weights(8, 4)]
        calls = [
            Sample(make(3, 2, 3), initial(1, 2, 4), weights(3, 4), True, 1, 0.0, False, False, False),
            Sample(make(2, 3, 3), initial(4, 2, 4), two, True, 2, 0.0, True, True, True),
            Sample(make(2, 1, 3), initial(1, 1, 2), weights(3, 2, False), False, 1, 0.0, False, False, False),
        ]
        if states == 2:
            four = [*weights(3, 4, True, 2), *weights(3, 4, True, 2)]
            calls.append(Sample(make(3, 2, 3), initial(2, 2, 4, 2), four, True, 1, 0.0, False, True, False))
        return calls

    return samples


def _errors(gates: int, states: int) -> Any:
    def errors(make: Make) -> list[Bad]:
        h = make(1, 2, 4)
        start = (h, h) if states == 2 else h
        other = (make(1, 3, 4), h) if states == 2 else make(1, 3, 4)
        weights = _weights(make, gates, 3, 4)
        rest = (True, 1, 0.0, False, False, False)
        return [
            Bad(make(5, 2, 7), start, weights, *rest, match=r"input_size. Expected 3, got 7"),
            Bad(
                make(5, 2, 3),
                other,
                weights,
                *rest,
                match=r"Expected hidden.* size \(1, 2, 4\), got \[1, 3, 4\]",
            ),
            Bad(make(0, 2, 3), start, weights, *rest, match="sequence length to be larger than 0"),
            Bad(make(5, 3), start, weights, *rest, match="3 dimensions"),
            Bad(make(5, 2, 3), start, weights[:3], *rest, match="expected 4 weights .* got 3"),
            Bad(make(5, 2, 3), start, [make(7, 3), *weights[1:]], *rest, match="weight_ih first dim must be"),
            Bad(
                make(5, 2, 3),
                start,
                [weights[0], make(gates * 4, 5), *weights[2:]],
                *rest,
                match="states of 5, but",
            ),
            Bad(make(5, 2, 3), start, [*weights[:3], make(7)], *rest, match="bias_hh has 7 elements"),
            Bad(make(5, 2, 3), start, weights, True, 0, *rest[2:], match="num_layers must be positive"),
            Bad(
                make(5, 2, 3),
                start,
                weights,
                True,
                "a",
                *rest[2:],
                error=TypeError,
                match="'num_layers' must be int",
            ),
            Bad(make(5, 2, 3), 1, weights, *rest, error=TypeError, match="'hx' .*must be .*, not int"),
        ]

    return errors


@composite(
    api="torch", dtypes=FLOATING, samples=_samples(4, 2), errors=_errors(4, 2), reference=definitions.lstm,
)  # fmt: skip
def lstm(
    input: Tensor, hx: Any, params: Any, has_biases: Any, num_layers: Any, dropout: Any, train: Any, bidirectional: Any,
    batch_first: Any,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """What `nn.LSTM` computes, from its weights; the packed form is (data, batch_sizes, hx, params, ...).

    Args:
        input: (T, B, inputs), or (B, T, inputs) with `batch_first`.
        hx: (h, c), each (layers * directions, B, units); h is narrower with a projection.
        params: of each layer and direction weight_ih, weight_hh, bias_ih, bias_hh (both with `has_biases`) and
            weight_hr (with a projection).
        has_biases: whether there are biases.
        num_layers: number of layers.
        dropout: probability to drop an output between two layers, where `train`.
        train: whether anything is dropped.
        bidirectional: whether each layer has a second direction.
        batch_first: which layout input and output have.

    Returns:
        outputs of the last layer, the last h and the last c.

    Raises:
        RuntimeError: extents that do not fit, or no steps.

    >>> import tritonnn as torch
    >>> layer, h = torch.nn.LSTM(3, 4), torch.zeros(1, 2, 4)
    >>> outputs = torch.lstm(torch.ones(5, 2, 3), (h, h), layer.all_weights[0], True, 1, 0., False, False, False)
    >>> [x.shape for x in outputs]
    [torch.Size([5, 2, 4]), torch.Size([1, 2, 4]), torch.Size([1, 2, 4])]
    """
    return _run(  # type: ignore[return-value]
        LSTM, input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first
    )


@composite(
    api="torch", dtypes=FLOATING, samples=_samples(3, 1), errors=_errors(3, 1), reference=definitions.gru,
)  # fmt: skip
def gru(
    input: Tensor, hx: Any, params: Any, has_biases: Any, num_layers: Any, dropout: Any, train: Any, bidirectional: Any,
    batch_first: Any,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """What `nn.GRU` computes, from its weights. Arguments as of `lstm`, with one state; returns outputs and last h.

    >>> import tritonnn as torch
    >>> layer, h = torch.nn.GRU(3, 4), torch.zeros(1, 2, 4)
    >>> torch.gru(torch.ones(5, 2, 3), h, layer.all_weights[0], True, 1, 0., False, False, False)[0].shape
    torch.Size([5, 2, 4])
    """
    return _run(  # type: ignore[return-value]
        GRU, input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first
    )


@composite(
    api="torch", dtypes=FLOATING, samples=_samples(1, 1), errors=_errors(1, 1), reference=definitions.rnn_tanh,
)  # fmt: skip
def rnn_tanh(
    input: Tensor, hx: Any, params: Any, has_biases: Any, num_layers: Any, dropout: Any, train: Any, bidirectional: Any,
    batch_first: Any,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """What `nn.RNN` computes, from its weights. Arguments as of `lstm`, with one state; returns outputs and last h.

    >>> import tritonnn as torch
    >>> layer, h = torch.nn.RNN(3, 4), torch.zeros(1, 2, 4)
    >>> torch.rnn_tanh(torch.ones(5, 2, 3), h, layer.all_weights[0], True, 1, 0., False, False, False)[0].shape
    torch.Size([5, 2, 4])
    """
    return _run(  # type: ignore[return-value]
        RNN[False], input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first
    )


@composite(
    api="torch", dtypes=FLOATING, samples=_samples(1, 1), errors=_errors(1, 1), reference=definitions.rnn_relu,
)  # fmt: skip
def rnn_relu(
    input: Tensor, hx: Any, params: Any, has_biases: Any, num_layers: Any, dropout: Any, train: Any, bidirectional: Any,
    batch_first: Any,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """`rnn_tanh` with relu in place of tanh.

    >>> import tritonnn as torch
    >>> layer, h = torch.nn.RNN(3, 4, nonlinearity="relu"), torch.zeros(1, 2, 4)
    >>> torch.rnn_relu(torch.ones(5, 2, 3), h, layer.all_weights[0], True, 1, 0., False, False, False)[0].shape
    torch.Size([5, 2, 4])
    """
    return _run(  # type: ignore[return-value]
        RNN[True], input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first
    )
