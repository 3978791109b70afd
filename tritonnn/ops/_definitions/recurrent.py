"""Recurrent networks one sequence and one step at a time, from their formulas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Weights = list[Array]  # weight_ih, weight_hh, bias_ih, bias_hh and perhaps weight_hr
Step = Callable[[Array, list[Array], Weights], list[Array]]


def _sigmoid(x: Array) -> Array:
    return np.exp(-np.logaddexp(0, -x))


def _lstm_step(x: Array, states: list[Array], w: Weights) -> list[Array]:
    h, c = states
    total = w[0] @ x + w[2] + w[1] @ h + w[3]
    i, f, g, o = np.split(total, 4)
    c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
    h = _sigmoid(o) * np.tanh(c)
    return [w[4] @ h if len(w) > 4 else h, c]


def _gru_step(x: Array, states: list[Array], w: Weights) -> list[Array]:
    (h,) = states
    xr, xz, xn = np.split(w[0] @ x + w[2], 3)
    hr, hz, hn = np.split(w[1] @ h + w[3], 3)
    z = _sigmoid(xz + hz)
    n = np.tanh(xn + _sigmoid(xr + hr) * hn)
    return [n + z * (h - n)]


def _rnn_step(activation: Callable[[Array], Array]) -> Step:
    return lambda x, states, w: [activation(w[0] @ x + w[2] + w[1] @ states[0] + w[3])]


def _relu(x: Array) -> Array:
    return np.maximum(x, 0)


def _sequence(
    step: Step, xs: list[Array], states: list[Array], w: Weights
) -> tuple[list[Array], list[Array]]:
    outputs = []
    for x in xs:
        states = step(x, states, w)
        outputs.append(states[0])
    return outputs, states


def _weights(params: list[Array], biases: bool, size: int) -> list[Weights]:
    groups = []
    for k in range(0, len(params), size):
        group = list(params[k : k + size])
        if not biases:
            zeros = np.zeros(len(group[0]))
            group[2:2] = [zeros, zeros]
        groups.append(group)
    return groups


def _network(step: Step, states: int) -> Callable[..., tuple[Array, ...]]:
    def run(
        input: Any, hx: Any, params: Any, has_biases: Any, num_layers: Any, dropout: Any, train: Any,
        bidirectional: Any, batch_first: Any,
    ) -> tuple[Array, ...]:  # fmt: skip
        packed = not isinstance(params, list)
        sizes = hx
        if packed:
            hx, params, has_biases, num_layers, dropout, train, bidirectional = (
                params, has_biases, num_layers, dropout, train, bidirectional, batch_first
            )  # fmt: skip
            batch_first = False
        starts = list(hx) if states == 2 else [hx]
        x = input.swapaxes(0, 1) if batch_first else input
        if packed:
            lengths = [int((sizes > b).sum()) for b in range(sizes[0])]
            offsets = np.concatenate([[0], np.cumsum(sizes)])
            sequences = [[x[offsets[t] + b] for t in range(n)] for b, n in enumerate(lengths)]
        else:
            sequences = [[row[b] for row in x] for b in range(x.shape[1])]
        directions = 2 if bidirectional else 1
        count = num_layers * directions
        ends: list[list[list[Array]]] = [[[] for _ in range(count)] for _ in range(states)]
        groups = _weights(params, has_biases, len(params) // count)
        outputs = []
        for b, sequence in enumerate(sequences):
            for layer in range(num_layers):
                parts = []
                for d in range(directions):
                    k = layer * directions + d
                    made, last = _sequence(
                        step, sequence[::-1] if d else sequence, [s[k, b] for s in starts], groups[k]
                    )
                    parts.append(made[::-1] if d else made)
                    for s in range(states):
                        ends[s][k].append(last[s])
                sequence = [np.concatenate(rows) for rows in zip(*parts, strict=True)]
            outputs.append(sequence)
        if packed:
            result = np.stack([outputs[b][t] for t, n in enumerate(sizes) for b in range(n)])
        else:
            result = np.stack(outputs, 0 if batch_first else 1)
        return result, *[np.array(end) for end in ends]

    return run


def _cell(step: Step, states: int) -> Callable[..., Any]:
    def run(input: Any, hx: Any, w_ih: Any, w_hh: Any, b_ih: Any, b_hh: Any) -> Any:
        starts = list(hx) if states == 2 else [hx]
        zeros = np.zeros(len(w_ih))
        w = [w_ih, w_hh, zeros if b_ih is None else b_ih, zeros if b_hh is None else b_hh]
        rows = [step(x, [s[b] for s in starts], w) for b, x in enumerate(input)]
        made = [np.array([row[s] for row in rows]).reshape(starts[s].shape) for s in range(states)]
        return tuple(made) if states == 2 else made[0]

    return run


lstm, lstm_cell = _network(_lstm_step, 2), _cell(_lstm_step, 2)
gru, gru_cell = _network(_gru_step, 1), _cell(_gru_step, 1)
rnn_tanh, rnn_tanh_cell = _network(_rnn_step(np.tanh), 1), _cell(_rnn_step(np.tanh), 1)
rnn_relu, rnn_relu_cell = _network(_rnn_step(_relu), 1), _cell(_rnn_step(_relu), 1)
