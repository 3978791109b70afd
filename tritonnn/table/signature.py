"""The signature that `inspect.signature` and `help` show of a published function, made when it is asked for."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tritonnn.table.op import Op

_EMPTY = inspect.Parameter.empty


class OpSignature(inspect.Signature):
    """The schema of an entry; for tensors to write into there is `out` where the op takes it."""

    __slots__ = ("_last", "_op", "_out")

    def __init__(self, op: Op, out: bool = True, *last: inspect.Parameter) -> None:
        self._op = op
        self._out = out and op.takes_out
        self._last = last

    def __getattr__(self, name: str) -> Any:  # the base class's two fields, until they are first read
        if name not in ("_parameters", "_return_annotation"):
            raise AttributeError(name)
        super().__init__([*parameters(self._op, self._out), *self._last], return_annotation=returns(self._op))
        return getattr(self, name)

    def replace(self, **changes: Any) -> inspect.Signature:  # type: ignore[override]
        """A plain signature with other parameters or another return annotation."""
        made = inspect.Signature(list(self.parameters.values()), return_annotation=self.return_annotation)
        return made.replace(**changes)


def parameters(op: Op, out: bool) -> list[inspect.Parameter]:
    """The arguments of a call, in order."""
    made = [
        inspect.Parameter(
            name,
            inspect.Parameter.POSITIONAL_OR_KEYWORD
            if i < op.n_positional
            else inspect.Parameter.KEYWORD_ONLY,
            default=op.defaults.get(name, _EMPTY),
            annotation=op.annotations.get(name, _EMPTY),
        )
        for i, name in enumerate(op.names)
    ]
    if op.takes_any:  # the body's own says it better
        made = list(inspect.signature(op.rule).parameters.values())
    if out and "out" not in op.places:
        note = "Tensor | None" if returns(op) == "Tensor" else "tuple[Tensor, ...] | None"
        made.append(inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=note))
    return made


def returns(op: Op) -> str:
    """The type of the result: a tensor, or a named tuple of tensors; a composite says it."""
    if op.kind == "composite":
        return op.annotations.get("return", "Any")
    return "Tensor" if len(op.results) == 1 else "tuple[" + ", ".join(["Tensor"] * len(op.results)) + "]"
