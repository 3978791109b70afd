"""The place in the graph of views that are conjugated, or negated, when they are read."""

from __future__ import annotations

from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.recording.graph import Edge, Node, reading, record
from tritonnn.table import Op

_formulas: dict[str, Op] = {}
_classes: dict[str, type[Node]] = {
    how: type(name, (Node,), {"__slots__": (), "kind": name})
    for how, name in (("conj", "ConjBackward0"), ("neg", "NegViewBackward0"))
}


def register_readings(conjugate: Op, negative: Op) -> None:
    """Say whose formulas are theirs."""
    _formulas.update(conj=conjugate, neg=negative)
    reading.append(_regenerated)


def record_reading(how: str, source: Tensor, view: Tensor, edge: Edge) -> None:
    """Record that `view` is `source` conjugated ('conj') or negated ('neg') when it is read."""
    record(_formulas[how], (source,), (view,), [edge]).__class__ = _classes[how]


def _regenerated(plain: Tensor, view: Any) -> None:
    """Record a view as what lies in its memory, which is recorded, read in its way."""
    if plain._node is None:
        return
    record_reading("conj" if view._conjugated else "neg", plain, view, (plain._node, 0))
    if view._conjugated and view._negated:
        record_reading("neg", plain, view, (view._node, 0))
