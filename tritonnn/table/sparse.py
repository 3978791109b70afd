"""What an op does where an operand is sparse, or batched: found only after dispatch was refused its memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tritonnn._compressed import CompressedTensor
from tritonnn._conjugated import holds
from tritonnn._levels import HOOKS, highest
from tritonnn._sparse import Sparse
from tritonnn._tensor import Tensor
from tritonnn.dtypes import complex32, float16
from tritonnn.errors import SparseOperand, explained, listed

if TYPE_CHECKING:
    from tritonnn.table.op import Op

#: layout -> public name of an op -> what computes it with operands of that layout; in-place forms have own names
SPARSE: dict[str, dict[str, Callable]] = {"coo": {}, "compressed": {}}


#: op, arguments, and the suffix of its form -> the answer to a call with conjugated tensors; ops put it here
_answers: list[Callable] = []


#: name of an op, `out` and a result -> `out` with the result in it; ops put it here
_writers: list[Callable] = []


def write_out(function: Callable) -> Callable:
    """Say what writes a result of sparse operands into an `out`."""
    _writers.append(function)
    return function


def answer_conjugated(function: Callable) -> Callable:
    """Say what answers calls with conjugated tensors."""
    _answers.append(function)
    return function


#: the same for calls that would compute with complex32
_half_complex: list[Callable] = []


def answer_half_complex(function: Callable) -> Callable:
    """Say what answers calls that would compute with complex32."""
    _half_complex.append(function)
    return function


def _is_half_complex(values: tuple) -> bool:
    """Whether a call that was refused memory was so for complex32 alone, or for float16 beside complex numbers."""
    parts = [part for value in values for part in (value if isinstance(value, (list, tuple)) else (value,))]
    tensors = [part for part in parts if isinstance(part, Tensor)]
    return any([t._dtype is complex32 or t._dtype is float16 for t in tensors]) and not any(
        [isinstance(t, Sparse) for t in tensors]
    )


def with_sparse(op: Op, args: tuple, kwargs: dict[str, Any], suffix: str = "") -> Any:
    """Call what an op has for sparse operands; compute with the batches that batched operands are samples of; answer
    what has conjugated ones.

    Raises:
        NotImplementedError: it has nothing.
    """
    if level := highest((*args, *kwargs.values())):
        return HOOKS["call"](op, args, kwargs, suffix, level)
    if holds((*args, *kwargs.values())):
        return _answers[0](op, args, kwargs, suffix)
    if _is_half_complex((*args, *kwargs.values())):
        return _half_complex[0](op, args, kwargs, suffix)
    name = op.public_name + suffix
    function = SPARSE[_kind((*args, *kwargs.values())) or "coo"].get(name)
    if function is None:
        raise refused(name, (*op.names[: len(args)], *kwargs), (*args, *kwargs.values())) from None
    out = kwargs.pop("out", None)
    result = function(*args, **kwargs)
    return result if out is None else _writers[0](name, out, result)


def has_form(op: Op, values: tuple) -> bool:
    """Whether a composite has something of its own for the sparse tensors among its operands."""
    kind = _kind(values)
    return kind is not None and op.public_name in SPARSE[kind]


def _kind(values: tuple) -> str | None:
    """Compressed where some operand is: what takes both layouts stands there. None of dense ones."""
    kind = None
    for value in values:
        for part in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(part, Sparse):
                if isinstance(part, CompressedTensor):
                    return "compressed"
                kind = "coo"
    return kind


def as_given(op: Op, bound: tuple, out: Any = None) -> tuple[tuple, dict[str, Any]]:
    """Bound arguments as a call gives them: by position and by name, without those that are the defaults."""
    default = [value is op.defaults.get(name, ...) for name, value in zip(op.names, bound, strict=True)]
    count = op.n_positional
    named = {op.names[i]: bound[i] for i in range(count, len(bound)) if not default[i]}
    while count and default[count - 1]:
        count -= 1
    return bound[:count], named if out is None else {**named, "out": out}


def refused(name: str, names: tuple, args: tuple) -> Exception:
    """What is said of an op that has nothing for sparse operands; of ops within ops the outermost names itself."""
    text = f"{name} is not implemented for sparse tensors. Hint: .to_dense() makes a dense one"
    return explained(SparseOperand)(text + listed(names, args))
