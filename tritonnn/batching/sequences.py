"""Recurrent layers, and paths through sequences: the sequences of all samples are those of one batch."""

from __future__ import annotations

from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.batch_sizes import Sizes, spans, steps
from tritonnn.batching.calls import Call, again, rule
from tritonnn.batching.values import front
from tritonnn.ops._fused import raised
from tritonnn.ops.creation.ranges import arange
from tritonnn.ops.joining.joining import cat, stack
from tritonnn.ops.linalg.linalg import matmul_nd
from tritonnn.ops.shape.parts import narrow
from tritonnn.ops.shape.shape import transpose, unsqueeze, view_as_size, view_or_copy

# ---- recurrent layers, whose rows are packed step by step -----------------------------------------------------


def _together(value: Tensor) -> Tensor:
    """(samples, rows, width) as rows: all samples of the first sequence, then those of the next."""
    return view_or_copy(transpose(value, 0, 1), (value._shape[0] * value._shape[1], value._shape[2]))


def _apart(value: Tensor, size: int) -> Tensor:
    """The inverse."""
    return transpose(view_as_size(value, (value._shape[0] // max(size, 1), size, value._shape[1])), 0, 1)


def _gates_apart(gates: Tensor, sizes: Sizes, size: int) -> Tensor:
    """The same of a vector of gates, which lie step by step, and in a step gate by gate."""
    units = gates._shape[0] // max(4 * sum(sizes) * size, 1)
    parts = []
    for low, count, length in spans(sizes, False):
        part = narrow(gates, 0, 4 * low * size * units, 4 * count * length * size * units)
        part = view_as_size(part, (length * 4, count, size, units)).permute(2, 0, 1, 3)
        parts.append(view_or_copy(part, (size, 4 * count * length * units)))
    return cat(parts, 1) if len(parts) > 1 else parts[0]


@rule("lstm_layer", "gru_layer", "rnn_layer")
def recurrent(c: Call) -> Any:
    """One layer: where weights are samples' own its recurrence by products of batches, else one of more sequences."""
    name, count = c.op.name, c.op.places["weight_hh"]
    given = [front(value, flag, c.size) for value, flag in zip(c.args[:count], c.flags[:count], strict=True)]
    end = c.op.places["sizes"]
    sizes, *rest = c.args[end:]
    weights = c.args[count:end]
    if any(c.flags[count:end]):
        lined = [_of_samples(w, flag) for w, flag in zip(weights, c.flags[count:end], strict=True)]
        return _STEPS[name](given, lined, sizes, *rest)
    more = tuple([n * c.size for n in sizes])
    results = again(c.op, (*[_together(value) for value in given], *weights, more, *rest))
    apart = [_apart(r, c.size) if len(r._shape) == 2 else _gates_apart(r, sizes, c.size) for r in results]
    return tuple(apart)


def _of_samples(weight: Tensor | None, flag: bool) -> Tensor | None:
    """A weight of each sample's own, or of all, that multiplies rows of samples."""
    return weight if weight is None or flag else unsqueeze(weight, 0)


def _times(rows: Tensor, weight: Tensor) -> Tensor:
    return matmul_nd(rows, transpose(weight, -2, -1))


class _Run:
    """A recurrence over (samples, rows, width): what it has given, and kept, by the first row of the step."""

    def __init__(self, states: list[Tensor], kind: Any) -> None:
        self.states, self.kind = states, kind
        self.outputs: dict[int, Tensor] = {}
        self.kept: dict[int, tuple[Tensor, ...]] = {}

    def before(self, count: int) -> list[Tensor]:
        """The states that the sequences of a step come with."""
        return [narrow(state, 1, 0, count) for state in self.states]

    def after(self, low: int, count: int, states: tuple[Tensor, ...], *kept: Tensor) -> None:
        """What a step gave."""
        self.outputs[low], self.kept[low] = states[0], kept
        self.states = [
            cat([new, narrow(old, 1, count, old._shape[1] - count)], 1) if count < old._shape[1] else new
            for new, old in zip(states, self.states, strict=True)
        ]

    def results(self) -> list[Tensor]:
        """The outputs of all steps, and the last states."""
        output = cat([part for _, part in sorted(self.outputs.items())], 1)
        return [output.to(self.kind), *[state.to(self.kind) for state in self.states]]

    def gates(self) -> Tensor:
        """The vectors of four gates, which are no results to differentiate."""
        flat = []
        for _, kept in sorted(self.kept.items()):
            gates = stack(kept[:4], 1)
            flat.append(view_or_copy(gates, (gates._shape[0], gates[0].numel())))
        return cat(flat, 1).detach()


def _lstm(given: list, weights: list, sizes: Sizes, reverse: bool) -> tuple[Tensor, ...]:
    kind = given[0].dtype
    projected, h, c, weight, projection = raised(*given, *weights)
    run = _Run([h, c], kind)
    for low, count in steps(sizes, reverse):
        h, c = run.before(count)
        i, f, n, o = (narrow(projected, 1, low, count) + _times(h, weight)).chunk(4, -1)
        i, f, n, o = i.sigmoid(), f.sigmoid(), n.tanh(), o.sigmoid()
        c = f * c + i * n
        h = o * c.tanh()
        h = h if projection is None else _times(h, projection)
        run.after(low, count, (h, c), i, f, n, o, c)
    cells = cat([kept[4] for _, kept in sorted(run.kept.items())], 1)
    return (*run.results(), run.gates(), cells.detach())


def _gru(given: list, weights: list, sizes: Sizes, reverse: bool) -> tuple[Tensor, ...]:
    kind = given[0].dtype
    projected, h, weight, bias = raised(*given, *weights)
    bias = None if bias is None else unsqueeze(bias, 1)
    run = _Run([h], kind)
    for low, count in steps(sizes, reverse):
        (h,) = run.before(count)
        x_r, x_z, x_n = narrow(projected, 1, low, count).chunk(3, -1)
        product = _times(h, weight)
        h_r, h_z, h_n = (product if bias is None else product + bias).chunk(3, -1)
        r, z = (x_r + h_r).sigmoid(), (x_z + h_z).sigmoid()
        n = (x_n + r * h_n).tanh()
        run.after(low, count, ((1 - z) * n + z * h,), r, z, n, h_n)
    return (*run.results(), run.gates())


def _rnn(given: list, weights: list, sizes: Sizes, reverse: bool, relu: bool) -> tuple[Tensor, ...]:
    kind = given[0].dtype
    projected, h, weight = raised(*given, *weights)
    run = _Run([h], kind)
    for low, count in steps(sizes, reverse):
        total = narrow(projected, 1, low, count) + _times(run.before(count)[0], weight)
        run.after(low, count, (total.relu() if relu else total.tanh(),))
    return tuple(run.results())


_STEPS: dict[str, Any] = {"lstm_layer": _lstm, "gru_layer": _gru, "rnn_layer": _rnn}

# ---- connectionist temporal classification ----------------------------------------------------------------------


@rule("ctc_paths")
def paths(c: Call) -> Any:
    """Targets of all samples lie one behind another."""
    scores, targets, lengths, *rest = c.args
    scores, targets = front(scores, c.flags[0], c.size), front(targets, c.flags[1], c.size)
    lengths = front(lengths, c.flags[2], c.size)
    _, length, batch, classes = scores._shape
    scores = view_or_copy(transpose(scores, 0, 1), (length, c.size * batch, classes))
    numbers = view_as_size(arange(c.size, device=lengths.device), (c.size, 1, 1))
    starts = narrow(lengths, 1, 2, 1) + numbers * targets._shape[1]
    lengths = transpose(cat([narrow(lengths, 1, 0, 2), starts], 1), 0, 1)
    flat = view_or_copy(targets, (c.size * targets._shape[1],))
    results = again(c.op, (scores, flat, view_or_copy(lengths, (3, c.size * batch)), *rest))
    return tuple([view_as_size(r, (c.size, batch, *r._shape[1:])) for r in results])
