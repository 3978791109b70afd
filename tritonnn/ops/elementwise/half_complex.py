"""How ops compute with complex32: they are called again with complex64, and what they give is rounded."""

from __future__ import annotations

from typing import Any

from tritonnn import dispatch
from tritonnn._tensor import Tensor
from tritonnn.dtypes import complex32, complex64, dtype, float16, float32
from tritonnn.ops._table import IN_PLACE, Op
from tritonnn.table.arguments import is_number
from tritonnn.table.sparse import answer_half_complex

_ROUNDED = {complex64: complex32, float32: float16}


@answer_half_complex
def _answer(op: Op, args: tuple, kwargs: dict[str, Any], suffix: str) -> Any:
    """The answer of an op that would compute with complex32."""
    given = _flat((*args, *kwargs.values()))
    # numbers of float16 beside a complex one are the other reason why it would
    source = complex32 if any(t.dtype is complex32 for t in given if isinstance(t, Tensor)) else float16
    widened: dict[int, Tensor] = {}

    def plain(value: object) -> Any:
        if isinstance(value, Tensor) and value.dtype is source:
            return widened.setdefault(id(value), value.to(complex64))
        if value.__class__ in (tuple, list):
            return type(value)([plain(item) for item in value])
        return value

    function = IN_PLACE[op.name + suffix] if suffix else op.function
    out = kwargs.get("out")
    wide = [plain(arg) for arg in args]
    named = {name: value if name == "out" else plain(value) for name, value in kwargs.items()}
    versions = {key: tensor._storage.version for key, tensor in widened.items()}
    result = function(*wide, **named)
    if out is not None:
        return result
    back = {}
    for tensor in given:
        values = widened.get(id(tensor))
        if values is not None and values._storage.version != versions[id(tensor)]:  # it was written into
            tensor.copy_(values)
            back[id(values)] = tensor
    return _rounded(result, back, _rounds(given))


def _flat(values: tuple) -> list:
    return [part for value in values for part in (value if isinstance(value, (list, tuple)) else (value,))]


def _rounds(given: list) -> bool:
    """Whether the result is of complex32's precision: no operand is wider, and no dtype is asked for."""
    if any(value.__class__ is dtype for value in given):
        return False
    operands = [
        value for value in given if isinstance(value, Tensor) or (is_number(value) and value is not True)
    ]
    return dispatch.result_type(*operands) is complex32


def _rounded(result: Any, back: dict[int, Tensor], rounds: bool) -> Any:
    """The result in the precision of complex32; what was written stands for itself."""
    if isinstance(result, Tensor):
        if id(result) in back:
            return back[id(result)]
        return result.to(_ROUNDED[result.dtype]) if rounds and result.dtype in _ROUNDED else result
    if result.__class__ in (tuple, list):
        return type(result)([_rounded(part, back, rounds) for part in result])
    if hasattr(result, "n_fields"):
        return type(result)([_rounded(part, back, rounds) for part in result])
    return result
