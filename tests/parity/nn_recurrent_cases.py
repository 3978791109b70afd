"""Recurrent layers and cells to compare with PyTorch, as the cases of `nn_cases.py`."""

from __future__ import annotations

from typing import Any

import numpy as np
from nn_inputs import Case, x


def Packed(nn: Any, layer: Any, lengths: list[int], **options: Any) -> Any:
    """A module that packs a padded batch, runs the layer on it and hands on data and states."""

    class OnPacked(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, x, *states):
            packed = nn.utils.rnn.pack_padded_sequence(x, lengths, **options)
            output, ends = self.layer(packed, *([states if len(states) > 1 else states[0]] if states else []))
            padded, sizes = nn.utils.rnn.pad_packed_sequence(output)
            assert sizes.tolist() == lengths
            return padded, ends

    return OnPacked()


def Pair(nn: Any, layer: Any) -> Any:
    """A module that takes the two states of an LSTM as two arguments."""

    class WithStates(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, x, h, c):
            return self.layer(x, (h, c))

    return WithStates()


def _layers() -> list[Case]:
    cases = []
    kinds: list[tuple[str, Any]] = [
        ("RNN", lambda nn, *a, **k: nn.RNN(*a, **k)),
        ("RNN_relu", lambda nn, *a, **k: nn.RNN(*a, nonlinearity="relu", **k)),
        ("LSTM", lambda nn, *a, **k: nn.LSTM(*a, **k)),
        ("LSTM_proj", lambda nn, *a, **k: nn.LSTM(*a, proj_size=2, **k)),
        ("GRU", lambda nn, *a, **k: nn.GRU(*a, **k)),
    ]
    for name, build in kinds:

        def case(label, inputs, *args, name=name, build=build, wrap=None, **options):
            def make(nn):
                layer = build(nn, *args, **options)
                return layer if wrap is None else wrap(nn, layer)

            return Case(f"{name}_{label}", make, inputs)

        width = 2 if name == "LSTM_proj" else 4
        states = [x(4, 3, width)] + ([x(4, 3, 4)] if "LSTM" in name else [])
        with_states = Pair if "LSTM" in name else None
        cases += [
            case("plain", (x(5, 2, 3),), 3, 4),
            case("one_step", (x(1, 2, 3),), 3, 4),
            case("unbatched", (x(5, 3),), 3, 4, bias=False),
            case("unbatched_first", (x(5, 3),), 3, 4, num_layers=2, batch_first=True),
            case("first", (x(2, 5, 3),), 3, 4, batch_first=True, bidirectional=True),
            case("deep", (x(5, 2, 3),), 3, 4, 3),
            case("both", (x(5, 3, 3), *states), 3, 4, 2, wrap=with_states, bidirectional=True),
            case("both_nobias", (x(2, 1, 3),), 3, 4, 2, bias=False, bidirectional=True),
            case("no_batch", (x(5, 0, 3),), 3, 4),
            case(
                "packed", (x(5, 3, 3),), 3, 4, 2, bidirectional=True,
                wrap=lambda nn, layer: Packed(nn, layer, [5, 3, 1]),
            ),
            case(
                "packed_unsorted", (x(5, 4, 3),), 3, 4, bidirectional=True,
                wrap=lambda nn, layer: Packed(nn, layer, [2, 5, 1, 2], enforce_sorted=False),
            ),
            case(
                "packed_states", (x(5, 3, 3), *states), 3, 4, 2, bidirectional=True,
                wrap=lambda nn, layer: Packed(nn, layer, [2, 5, 4], enforce_sorted=False),
            ),
        ]  # fmt: skip
    return cases


def _cells() -> list[Case]:
    cases = []
    for name in ("RNNCell", "GRUCell"):
        cases += [
            Case(name, lambda nn, name=name: getattr(nn, name)(3, 4), (x(2, 3),)),
            Case(
                f"{name}_state", lambda nn, name=name: getattr(nn, name)(3, 4, bias=False), (x(2, 3), x(2, 4))
            ),
            Case(f"{name}_unbatched", lambda nn, name=name: getattr(nn, name)(3, 4), (x(3), x(4))),
        ]
    return [
        *cases,
        Case("RNNCell_relu", lambda nn: nn.RNNCell(3, 4, nonlinearity="relu"), (x(2, 3), x(2, 4))),
        Case("LSTMCell", lambda nn: nn.LSTMCell(3, 4), (x(2, 3),)),
        Case(
            "LSTMCell_state", lambda nn: Pair(nn, nn.LSTMCell(3, 4, bias=False)), (x(2, 3), x(2, 4), x(2, 4))
        ),
        Case("LSTMCell_unbatched", lambda nn: Pair(nn, nn.LSTMCell(3, 4)), (x(3), x(4), x(4))),
        Case("GRUCell_empty", lambda nn: nn.GRUCell(3, 4), (np.zeros((0, 3), np.float32),)),
    ]


RECURRENT = [*_layers(), *_cells()]
