"""What users call: functions that look at the classes of their arguments, complete the call and hand it on.

There are two: of composites, whose body Python itself calls, and of everything else, which dispatch calls. What takes
calls over (`__torch_function__`) is found by the same look.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tritonnn import dispatch
from tritonnn._compressed import CompressedTensor
from tritonnn._overriding import MODES, modes_alone, overloading, overridden, undisturbed
from tritonnn._sparse import SparseTensor
from tritonnn._tensor import Tensor
from tritonnn.errors import LEAKS, SparseOperand, leaked
from tritonnn.shape import Size
from tritonnn.table import Op, OpSignature, verify, verify_named
from tritonnn.table.sparse import as_given, has_form, with_sparse

_BOUND: tuple = (None,)  # in place of what is looked at: such calls are bound


_INTS = frozenset((int, bool))


def _plain_sizes(args: tuple) -> bool:
    """Whether what stands in line, or in one list, are sizes in numbers, of which none takes the call over."""
    first = args[0]
    kind = first.__class__
    return kind is Size or _INTS.issuperset(map(type, first if kind is tuple or kind is list else args))


def checked_frame(op: Op, body: Callable) -> Any:
    """The body behind a look at the classes of its arguments; Python itself binds them."""
    body.__name__ = body.__qualname__ = op.public_name  # what Python calls it where arguments do not fit
    count = op.n_positional
    look = overloading
    if op.options.get("data"):
        look, op.run = modes_alone, undisturbed(body)
    ways: dict[int, Any] = {}

    def function(*args: Any, **kwargs: Any) -> Any:
        if not kwargs and not MODES:
            given = len(args)
            looks = ways.get(given)
            if looks is None:  # what does not fit is bound, and refused, the long way
                known = op.n_required <= given and (given <= count or (op.takes_any and op.legacy is None))
                looks = ways[given] = _dense_looks(op, min(given, count)) if known else _BOUND
            if looks is not _BOUND:
                if given > count and not _plain_sizes(args[count:]) and (found := look(args)) is not None:
                    return overridden(function, found, args, {})
                for i, classes in looks:
                    if args[i].__class__ not in classes:
                        if (found := look(args)) is not None:
                            return overridden(function, found, args, {})
                        args = (*verify(op, args[:count], i), *args[count:])  # what follows is a size in line
                        if has_form(op, args):
                            return with_sparse(op, args, {})
                        break
                try:
                    result = op.run(*args)
                    return (
                        result if result.__class__ is Tensor and result._base is None else own(result, args)
                    )
                except SparseOperand:
                    pass
                except LEAKS as error:  # also of the body's helpers, which do not know whom they help
                    raise leaked(op.public_name, op.names, args, error) from error.__cause__
                return with_sparse(op, args, {})
        given_tensors = (*args, *kwargs.values())  # `out` among them
        if (found := look(given_tensors)) is not None:
            return overridden(function, found, args, kwargs)
        return own(_bound(op, args, kwargs), given_tensors)

    function.overridable = True  # type: ignore[attr-defined]
    function.__wrapped__ = body  # type: ignore[attr-defined]
    if op.takes_out and "out" not in op.names:
        function.__signature__ = OpSignature(op)  # type: ignore[attr-defined]
    return function


def _dense_looks(op: Op, count: int) -> tuple[tuple[int, frozenset[type]], ...]:
    """`looks` of a composite: its body might compute with sparse tensors, and they have a form of their own."""
    return tuple([(i, classes - {SparseTensor, CompressedTensor}) for i, classes in op.looks(0, count)])


def _bound(op: Op, args: tuple, kwargs: dict[str, Any]) -> Any:
    """Call a composite's body with whatever was given."""
    count = op.n_positional
    if op.legacy is not None and len(args) > count:
        args = op.legacy(args, kwargs)
    given = len(args)
    for i, classes in op.looks(0, min(given, count)):
        if args[i].__class__ not in classes:
            if given > count and not op.takes_any:
                break  # for Python to say
            args = (*verify(op, args[:count], i), *args[count:])  # what follows is a size given in line
            break
    if kwargs:
        if not kwargs.keys() <= op.places.keys():
            op.rename(kwargs)
        verify_named(op, kwargs)
    if has_form(op, (*args, *kwargs.values())):
        return with_sparse(op, args, kwargs)
    out = kwargs.pop("out", None) if kwargs and op.takes_out and "out" not in op.names else None
    if (written := kwargs.get("out") if out is None else out) is not None:
        dispatch.check_out_arguments(op, args, kwargs, written, out)
    try:
        result = (op.run if out is None else dispatch.without_autocast(op.body))(*args, **kwargs)
        return result if out is None else dispatch.deliver(op.public_name, out, result)
    except SparseOperand:
        pass
    except LEAKS as error:
        known_names, values = (*op.names[: len(args)], *kwargs), (*args[: len(op.names)], *kwargs.values())
        raise leaked(op.public_name, known_names, values, error) from error.__cause__
    return with_sparse(op, args, kwargs if out is None else {**kwargs, "out": out})


def own(result: Any, args: tuple) -> Any:
    """Results are views of arguments or tensors of their own: what a body made on its way nobody else can write to."""
    if isinstance(result, Tensor):
        base = result._base
        if base is not None and not any(
            [arg is base or (isinstance(arg, Tensor) and arg._base is base) for arg in args]
        ):
            result._base = None
    elif isinstance(result, (tuple, list)):
        for part in result:
            own(part, args)
    return result


def frame(op: Op) -> Any:
    """What users call: it looks at the arguments' classes, completes the call and hands it on."""
    bind = op.bind
    ways: dict[int, tuple] = {}
    unchecked = _unchecked(op)

    def function(*args: Any, **kwargs: Any) -> Any:
        if not kwargs and not MODES:
            given = len(args)
            way = ways.get(given)
            if way is None:
                way = ways[given] = op.way(given, 0 if op.api else unchecked)
            if way:
                tail, looks = way
                for i, classes in looks:
                    if args[i].__class__ not in classes:
                        if (found := overloading(args)) is not None:
                            return overridden(function, found, args, {})
                        if i >= unchecked:
                            args = tuple(verify(op, args, i))
                            break
                try:
                    return op.run(op, args + tail)
                except SparseOperand:
                    pass
                except LEAKS as error:
                    raise leaked(op.public_name, op.names, args, error) from error.__cause__
                return with_sparse(op, args, {})
        if op.api and (found := overloading((*args, *kwargs.values()))) is not None:
            return overridden(function, found, args, kwargs)
        bound, out = bind(args, kwargs)
        try:
            return op.run(op, bound) if out is None else op.run(op, bound, out)
        except SparseOperand:
            pass
        except LEAKS as error:
            raise leaked(op.public_name, op.names, bound, error) from error.__cause__
        return with_sparse(op, *as_given(op, bound, out))

    function.overridable = True  # type: ignore[attr-defined]
    return function


def _unchecked(op: Op) -> int:
    """From where on classes of arguments are looked at: single tensors that come first dispatch checks itself.

    Ops that are not published are not asked.
    """
    if not op.api:
        return len(op.names)
    leading = (i for i, slot in enumerate(op.tensor_slots) if slot != i or slot in op.list_slots)
    return next(leading, len(op.tensor_slots))
