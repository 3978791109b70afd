"""A call with batched operands: by the op's rule, or sample by sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tritonnn._levels import DATA_DEPENDENT, Batched, batched, below
from tritonnn._tensor import Tensor
from tritonnn.batching.values import front, mapped
from tritonnn.batching.writes import unbatched
from tritonnn.errors import SparseOperand, ValueDependent, warn_once
from tritonnn.ops.joining.joining import stack
from tritonnn.ops.shape.parts import select_dim
from tritonnn.ops.shape.shape import view_or_copy
from tritonnn.shape import numel
from tritonnn.table import Op
from tritonnn.table.sparse import as_given, with_sparse


class Call(NamedTuple):
    """A call as a rule is given it.

    Attributes:
        args: all arguments in the order of the schema; batches in place of the samples.
        flags: which of them are batches; of a list of tensors, which of its items.
        size: the samples.
        given: the arguments as they were.
    """

    op: Op
    args: list[Any]
    flags: list[Any]
    size: int
    given: tuple

    @property
    def tensors(self) -> list[int]:
        """The positions of the tensors."""
        return [i for i in self.op.tensor_slots if isinstance(self.args[i], Tensor)]

    def rank(self, i: int) -> int:
        """How many dimensions a sample has."""
        return len(self.args[i]._shape) - self.flags[i]

    def any_of(self, *names: str) -> bool:
        """Whether one of the arguments is batched."""
        return any([self.flags[self.op.places[name]] for name in names])


Rule = Callable[[Call], Any]
#: name of an op -> what computes with the batches, outside of the `vmap`: results with the batch in front
RULES: dict[str, Rule] = {}
#: name of an op -> other ops that compute the same of its arguments as they are
COMPOSED: dict[str, Callable] = {}
#: name of a method that is no entry, and may be given sizes in line -> what is called instead
SIZED: dict[str, Callable] = {}
#: names of ops whose result's shape depends on values
DYNAMIC = frozenset((
    "nonzero_coordinates", "unique_flat", "unique_rows", "unique_consecutive_rows", "nonzero",
    "unique", "unique_consecutive",
))  # fmt: skip
#: public names of ops that are called with one sample at a time, for what they do depends on the values in it
LOOPED = frozenset((
    "_scaled_mm", "allclose", "argwhere", "attention_blocks", "attention_packed", "bincount", "cov",
    "equal", "histc", "histogram", "histogramdd",
    "nms", "nms_keep", "nonzero_static", "ps_roi_align", "ps_roi_align_backward", "ps_roi_pool", "ps_roi_pool_backward",
    "pstrf", "quantile", "nanquantile", "repeat_interleave", "roi_align", "roi_align_backward", "roi_pool",
    "roi_pool_backward", "segment_reduce",
))  # fmt: skip


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Make a function the rule of ops."""

    def register(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, function))
        return function

    return register


def composed(*names: str) -> Callable[[Callable], Callable]:
    """Make a function, of the same arguments, what ops are composed of where an operand is batched."""

    def register(function: Callable) -> Callable:
        COMPOSED.update(dict.fromkeys(names, function))
        return function

    return register


def again(op: Op, args: Any) -> Any:
    """The call with all arguments in the order of the schema; batched ones of an outer level come here again."""
    args = tuple(args)
    try:
        if op.kind != "composite":
            return op.run(op, args)
        positional, named = as_given(op, args)
        return op.function(*positional, **named)
    except SparseOperand:
        return with_sparse(op, args if op.kind != "composite" else as_given(op, args)[0], {})


def in_shape(c: Call, result: Any) -> Any:
    """Results in the shapes that the rule of the op has for samples, with one batch in front.

    What follows from an operand that is the same for all samples has none yet.
    """
    planned = c.op.rule(*c.given)
    if planned.__class__ is tuple and len(planned) == 2 and planned[1].__class__ is tuple:
        planned = planned[0]
    if isinstance(result, Tensor):
        return _with_batch(c, result, (planned[0] if planned.__class__ is tuple else planned).shape)
    items = [_with_batch(c, value, out.shape) for value, out in zip(result, planned, strict=True)]
    return type(result)(items) if hasattr(result, "n_fields") else tuple(items)


def _with_batch(c: Call, value: Tensor, shape: tuple[int, ...]) -> Tensor:
    wanted = (c.size, *shape)
    if tuple(value._shape) == wanted:
        return value
    return view_or_copy(value, wanted) if value.numel() == numel(wanted) else front(value, False, c.size)


def call(op: Op, args: tuple, kwargs: dict[str, Any], suffix: str, level: int) -> Any:
    """A call one of whose operands is batched, `level` being the innermost."""
    if kwargs.get("out") is not None:
        raise RuntimeError(
            f"vmap: {op.public_name}(): out= is not supported inside vmap. Call it without out=."
        )
    if op.name in DYNAMIC or (op.name == "public_where" and len(args) == 1 and not kwargs):
        raise dynamic(op)
    if suffix:
        return in_place(op, args, kwargs, level)
    if (sized := SIZED.get(op.name)) is not None:
        return sized(op, args, kwargs, level)
    bound = _bound(op, args, kwargs)
    if bound is not None:
        if (function := COMPOSED.get(op.name)) is not None:
            return function(*bound)
        chosen = RULES.get(op.name) or op.options.get("vmap")
        if chosen is None and op.result_rule is not None:
            chosen = RULES["pointwise"]
        if chosen is not None:
            taken = taken_apart(op, bound, level)
            with below(level):
                result = chosen(taken)
            return mapped(result, lambda value: batched(value, level))
    return one_by_one(op.public_name, op.function, args, kwargs, level)


def dynamic(op: Op) -> ValueDependent:
    """What is said of an op whose result's shape differs by sample."""
    return ValueDependent(
        "vmap: We do not support batching operators that can output dynamic shape. Attempted to vmap over "
        f"aten::{op.public_name}."
    )


def _bound(op: Op, args: tuple, kwargs: dict[str, Any]) -> tuple | None:
    """All arguments in the order of the schema; None where they cannot be told, such as sizes in line."""
    if len(args) == len(op.names) and not kwargs:
        return args
    return None if op.takes_any else op.bind(args, dict(kwargs))[0]


def taken_apart(op: Op, given: tuple, level: int) -> Call:
    """The batches of a level in place of their samples."""
    args: list[Any] = []
    flags: list[Any] = []
    size = 0
    for value in given:
        if value.__class__ in (list, tuple) and any([isinstance(item, Tensor) for item in value]):
            flags.append([_is_of(item, level) for item in value])
            args.append([item.value if is_of else item for item, is_of in zip(value, flags[-1], strict=True)])
            size = next((item.value._shape[0] for item in value if _is_of(item, level)), size)
        elif _is_of(value, level):
            flags.append(True)
            args.append(value.value)
            size = value.value._shape[0]
        else:
            flags.append(False)
            args.append(value)
    return Call(op, args, flags, size, given)


def _is_of(value: Any, level: int) -> bool:
    return value.__class__ is Batched and value.level == level


# ---- in place -----------------------------------------------------------------------------------------------


def in_place(op: Op, args: tuple, kwargs: dict[str, Any], level: int) -> Tensor:
    """Compute out of place, and write that into the batch that is written to."""
    target = args[0]
    check_target(op.public_name, target, level)
    result = op.function(*args, **kwargs)
    return write(op.public_name, target, result)


def check_target(name: str, target: Any, level: int) -> None:
    """Refuse a write of samples that differ into a tensor that is one for all of them."""
    if not _is_of(target, level):
        raise unbatched(f"aten::{name}_")


def write(name: str, target: Any, result: Tensor) -> Tensor:
    """Copy samples into the batch of a tensor."""
    if result._shape != target._shape:
        raise RuntimeError(
            f"{name}_: output with shape {list(target._shape)} doesn't match the broadcast shape {list(result._shape)}"
        )
    source = result.value if _is_of(result, target.level) else result  # type: ignore[attr-defined]
    with below(target.level):
        target.value.copy_(source)
    return target


# ---- sample by sample ---------------------------------------------------------------------------------------


def one_by_one(
    name: str, function: Callable, args: tuple, kwargs: dict[str, Any], level: int, space: str = "aten::"
) -> Any:  # fmt: skip
    """The results of the samples, stacked."""
    warn_once(
        f"vmap.{name}",
        "There is a performance drop because we have not yet implemented the batching rule for "
        f"{space}{name}: it is called once for each sample.",
    )
    size = _size((*args, *kwargs.values()), level)
    with below(level):
        results = []
        for i in range(size):
            named = {key: _row(value, level, i) for key, value in kwargs.items()}
            results.append(function(*[_row(value, level, i) for value in args], **named))
        if not results:
            raise RuntimeError(f"vmap: {name}: a batch of no samples has no result without a batching rule")
        return _stacked(results, level)


def _row(value: Any, level: int, i: int) -> Any:
    return mapped(value, lambda tensor: select_dim(tensor.value, 0, i) if _is_of(tensor, level) else tensor)


def _stacked(results: list[Any], level: int) -> Any:
    first = results[0]
    if first is None:
        return None
    if isinstance(first, Tensor):
        if any([result._shape != first._shape for result in results]):
            raise ValueDependent(DATA_DEPENDENT)
        return batched(stack(results, 0), level)
    if isinstance(first, (tuple, list)):
        items = [_stacked(list(column), level) for column in zip(*results, strict=True)]
        return type(first)(*items) if hasattr(first, "_fields") else type(first)(items)
    if isinstance(first, bool) or any([result != first for result in results]):
        raise ValueDependent(DATA_DEPENDENT)
    return first


def _size(values: tuple, level: int) -> int:
    for value in values:
        if _is_of(value, level):
            return value.value._shape[0]
        if value.__class__ in (tuple, list) and (size := _size(tuple(value), level)):
            return size
    return 0
