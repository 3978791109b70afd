"""The signature that `inspect.signature` and `help` show of a published function, made when it is asked for."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tritonnn.table.op import Op

_EMPTY = inspect.Parameter.empty
_POSITIONAL, _KEYWORD = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY


class OpSignature(inspect.Signature):
    """The schema of an entry; for tensors to write into there is `out` where the op takes it.

    Args:
        out: whether the function takes `out`, where the op does; its in-place form does not.
        last: further parameters.
        result: the type of the result, where it is not the op's.
    """

    __slots__ = ("_last", "_op", "_out", "_result")

    def __init__(self, op: Op, out: bool = True, *last: inspect.Parameter, result: str | None = None) -> None:
        self._op, self._last, self._result = op, last, result
        self._out = out and op.takes_out

    def __getattr__(self, name: str) -> Any:  # the base class's two fields, until they are first read
        if name not in ("_parameters", "_return_annotation"):
            raise AttributeError(name)
        arguments = [*parameters(self._op, self._out), *self._last]
        super().__init__(arguments, return_annotation=self._result or returns(self._op))
        return getattr(self, name)

    def replace(self, **changes: Any) -> inspect.Signature:  # type: ignore[override]
        """A plain signature with other parameters or another return annotation."""
        signature = inspect.Signature(
            list(self.parameters.values()), return_annotation=self.return_annotation
        )
        return signature.replace(**changes)


def parameters(op: Op, out: bool) -> list[inspect.Parameter]:
    """The arguments of a call, in order."""
    if op.takes_any:  # the body's own says it better
        own = list(inspect.signature(op.rule).parameters.values())
        arguments = [p for p in own if out or p.name != "out"]
    else:
        arguments = [
            inspect.Parameter(
                name,
                _POSITIONAL if i < op.n_positional else _KEYWORD,
                default=op.defaults.get(name, _EMPTY),
                annotation=op.annotations.get(name, _EMPTY),
            )
            for i, name in enumerate(op.names)
            if out or name != "out"  # a composite's own
        ]
    if out and "out" not in op.places:
        note = "Tensor | None" if returns(op) == "Tensor" else "tuple[Tensor, ...] | None"
        arguments.append(inspect.Parameter("out", _KEYWORD, default=None, annotation=note))
    return arguments


def returns(op: Op) -> str:
    """The type of the result: a tensor or a named tuple of tensors; a composite says it itself."""
    if op.kind == "composite":
        return op.annotations.get("return", "Any")
    return "Tensor" if len(op.results) == 1 else "tuple[" + ", ".join(["Tensor"] * len(op.results)) + "]"
