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
        out: whether the function takes `out`; its in-place form does not.
        inplace: the function has a last parameter of this name.
        without: a parameter that the function fixes, and the type of its result then.
    """

    __slots__ = ("_inplace", "_op", "_out", "_without")

    def __init__(
        self, op: Op, out: bool = True, inplace: bool = False, without: tuple[str, str] | None = None
    ) -> None:
        self._op, self._out, self._inplace, self._without = op, out, inplace, without

    def __getattr__(self, name: str) -> Any:  # the base class's two fields, until they are first read
        if name not in ("_parameters", "_return_annotation"):
            raise AttributeError(name)
        made = parameters(self._op, self._out)
        if self._inplace:
            made.append(inspect.Parameter("inplace", _POSITIONAL, default=False, annotation="bool"))
        result = returns(self._op)
        if self._without is not None:
            made = [p for p in made if p.name != self._without[0]]
            result = self._without[1]
        super().__init__(made, return_annotation=result)
        return getattr(self, name)

    def replace(self, **changes: Any) -> inspect.Signature:  # type: ignore[override]
        """A plain signature with other parameters or another return annotation."""
        made = inspect.Signature(list(self.parameters.values()), return_annotation=self.return_annotation)
        return made.replace(**changes)


def parameters(op: Op, out: bool) -> list[inspect.Parameter]:
    """The arguments of a call, in order."""
    if op.takes_any:  # the body's own says it better
        own = list(inspect.signature(op.rule).parameters.values())
        return [p for p in own if out or p.name != "out"]
    made = [
        inspect.Parameter(
            name,
            _POSITIONAL if i < op.n_positional else _KEYWORD,
            default=op.defaults.get(name, _EMPTY),
            annotation=op.annotations.get(name, _EMPTY),
        )
        for i, name in enumerate(op.names)
        if out or name != "out"  # a composite's own
    ]
    if out and op.takes_out:
        note = "Tensor | None" if len(op.results) == 1 else "tuple[Tensor, ...] | None"
        made.append(inspect.Parameter("out", _KEYWORD, default=None, annotation=note))
    return made


def returns(op: Op) -> str:
    """The type of the result: a tensor or a named tuple of tensors; a composite says it itself."""
    if op.kind == "composite":
        return op.annotations.get("return", "Any")
    return "Tensor" if len(op.results) == 1 else "tuple[" + ", ".join(["Tensor"] * len(op.results)) + "]"
