"""Conjugates and negatives that are views: `conj`, what resolves them, and how every other op takes them.

An op that is given one (`ConjugatedTensor`) is called again: a view with the memory, whose result is read in the same
way; any other with the elements in memory of their own, which is written back where the op wrote into it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tritonnn._conjugated import ConjugatedTensor, bare, flagged, memory, register_resolve, resolved
from tritonnn._tensor import Tensor
from tritonnn.dtypes import dtype as DType
from tritonnn.ops._table import ANY, IN_PLACE, Op, Sample, attach, composite, named
from tritonnn.ops.elementwise import elementwise as ew
from tritonnn.ops.elementwise.derived import PARTS, no_tensor, view_as_real
from tritonnn.recording.grad_mode import state
from tritonnn.recording.graph import edge_of, record
from tritonnn.recording.readings import record_reading, register_readings
from tritonnn.table import OPS
from tritonnn.table.sparse import answer_conjugated

_ANY: Any = dict(
    api="torch tensor",
    dtypes=ANY,
    samples=lambda make: [Sample(make(3, 4)), Sample(make(()))],
    errors=no_tensor,
)


def _compute(tensor: Tensor, conjugated: bool, negated: bool) -> Tensor:
    if conjugated:
        tensor = ew.conj_physical(tensor)
    return ew.neg(tensor) if negated else tensor


@register_resolve
def _resolved(tensor: ConjugatedTensor) -> Tensor:
    values = _compute(bare(tensor), tensor._conjugated, tensor._negated)
    edge = edge_of(tensor) if state.enabled else None
    if edge is not None:  # the same numbers: their gradient is the tensor's
        values._node, values._out_nr = edge
        values._rg = True
    return values


register_readings(OPS["conj_physical"], OPS["neg"])


def conjugate_view(input: Tensor) -> Tensor:
    """The conjugate over the same memory."""
    return _read(input, "conj")


def negative_view(input: Tensor) -> Tensor:
    """The negative over the same memory, likewise."""
    return _read(input, "neg")


def _read(input: Tensor, how: str) -> Tensor:
    """A view of the same memory that is read in another way."""
    if input.__class__ is ConjugatedTensor:
        flips = input._conjugated is not (how == "conj"), input._negated is not (how == "neg")
        result = flagged(_placed(bare(input), input), *flips)
    else:
        _ = input._buf  # those without one say so
        result = flagged(_placed(input.detach(), input), how == "conj", how == "neg")
    edge = edge_of(input) if state.enabled else None
    if edge is not None:
        record_reading(how, input, result, edge)
    return result


def _placed(view: Tensor, source: Tensor) -> Tensor:
    """A tensor over a source's memory as a view of the source's base."""
    version = source._storage.version
    if version < 0:  # nothing follows the views of what was made in inference mode
        return view
    view._base = source if source._base is None else source._base
    view._view_version = version
    creation = source._creation or view._creation
    if creation is None and not state.enabled:
        creation = "inference" if state.inference else "no_grad"
    if creation is not None:
        view._creation = creation
    return view


@composite(**_ANY, reference=np.conjugate)
def conj(input: Tensor) -> Tensor:
    """The complex conjugate, as a view that is conjugated when it is read; a real tensor as it is.

    >>> import tritonnn as torch
    >>> z = torch.tensor([1 + 2j])
    >>> torch.conj(z), torch.conj(z).is_conj()
    (tensor([1.-2.j]), True)
    >>> z.conj().imag.fill_(5)
    tensor([5.])
    >>> z
    tensor([1.-5.j])
    """
    return conjugate_view(input) if input.dtype.is_complex else input


@composite(**_ANY, reference=lambda input: input)
def resolve_conj(input: Tensor) -> Tensor:
    """The same numbers in memory of their own where `is_conj()`; else the tensor itself.

    >>> import tritonnn as torch
    >>> torch.tensor([1 + 2j]).conj().resolve_conj().is_conj()
    False
    """
    return resolved(input) if input.__class__ is ConjugatedTensor and input._conjugated else input


@composite(**_ANY, reference=lambda input: input)
def resolve_neg(input: Tensor) -> Tensor:
    """The same numbers in memory of their own where `is_neg()`; else the tensor itself.

    >>> import tritonnn as torch
    >>> torch.tensor([1 + 2j]).conj().imag.resolve_neg().is_neg()
    False
    """
    return resolved(input) if input.__class__ is ConjugatedTensor and input._negated else input


# ---- how ops take them ---------------------------------------------------------------------------------


@answer_conjugated
def _answer(op: Op, args: tuple, kwargs: dict[str, Any], suffix: str) -> Any:
    """The answer of an op that was given such tensors."""
    if op.kind == "view" and not suffix:
        return _viewed(op, args, kwargs)
    own: dict[int, Tensor] = {}

    def plain(value: object) -> Any:
        if value.__class__ is ConjugatedTensor:
            if id(value) not in own:
                own[id(value)] = resolved(value)
                given.append(value)
            return own[id(value)]
        if value.__class__ in (tuple, list):
            return type(value)([plain(item) for item in value])
        return value

    given: list[Any] = []
    function = IN_PLACE[op.name + suffix] if suffix else op.function
    before = [plain(arg) for arg in args], {name: plain(value) for name, value in kwargs.items()}
    versions = {key: value._storage.version for key, value in own.items()}
    result = function(*before[0], **before[1])
    back = {}
    for tensor in given:
        values = own[id(tensor)]
        if values._storage.version != versions[id(tensor)]:  # it was written into
            back[id(values)] = tensor
            memory(tensor).copy_(_compute(values, tensor._conjugated, tensor._negated))
    return _with_own(result, back)


def _with_own(result: object, back: dict[int, Tensor]) -> Any:
    """The result, in which what was given stands for what was computed with in its place."""
    if isinstance(result, Tensor):
        return back.get(id(result), result)
    if result.__class__ in (tuple, list):
        return type(result)([_with_own(item, back) for item in result])
    return result


def _viewed(op: Op, args: tuple, kwargs: dict[str, Any]) -> Any:
    """A view of what lies in the memory, read in the same way."""
    if args:
        source, args = args[0], args[1:]
    else:
        source, kwargs = kwargs["input"], {**kwargs}
        del kwargs["input"]
    if op.name == "view_as_real" and source._conjugated:
        raise RuntimeError(
            "view_as_real doesn't work on unresolved conjugated tensors.  To resolve the conjugate tensor so you can "
            "view it as real, use self.resolve_conj(); however, be warned that the resulting tensor will NOT alias "
            "the original."
        )
    plain = bare(source)
    result = op.function(plain, *args, **kwargs)
    several = isinstance(result, tuple)
    parts = [_placed(view, source) for view in (result if several else (result,))]
    views = tuple([flagged(view, source._conjugated, source._negated) for view in parts])
    edge = edge_of(source) if state.enabled else None
    if edge is not None:
        record(op, op.bind((source, *args), kwargs)[0], views, [edge])
    return views if several else views[0]


def part_view(input: ConjugatedTensor, imaginary: bool) -> Tensor:
    """The real or imaginary parts as a view; the imaginary parts of what is conjugated are negated when read."""
    pairs = view_as_real(bare(input))
    plain = _placed(pairs.select(-1, int(imaginary)), input)
    result = flagged(plain, False, input._negated is not (imaginary and input._conjugated))
    edge = edge_of(input) if state.enabled else None
    if edge is not None:
        record(view_as_real.op, (input,), (pairs,), [edge])
        select = OPS["select_dim"]
        record(select, (pairs, pairs.ndim - 1, int(imaginary)), (result,), [edge_of(pairs)])
    return result


PARTS.append(part_view)


# ---- methods that write, or change the geometry, without an op that asks for the elements ------------------

_IN_PLACE_VIEWS = (
    "as_strided_", "squeeze_", "unsqueeze_", "t_", "transpose_", "swapaxes_", "swapdims_", "resize_", "resize_as_",
)  # fmt: skip
_KEPT = ("requires_grad_", "detach_", "share_memory_", "set_")


def _written(name: str) -> Callable:
    """A method of Tensor that writes into it, of conjugated tensors: what lies in the memory is written anew."""

    def method(self: ConjugatedTensor, *args: Any, **kwargs: Any) -> Any:
        values = resolved(self)
        result = getattr(values, name)(*args, **kwargs)
        memory(self).copy_(_compute(values, self._conjugated, self._negated))
        return self if result is values else result

    return method


def _turned(name: str) -> Callable:
    """A method of Tensor that changes its geometry, of conjugated tensors."""

    def method(self: ConjugatedTensor, *args: Any, **kwargs: Any) -> Tensor:
        plain = bare(self)
        getattr(plain, name)(*args, **kwargs)
        self._adopt(plain)
        if self.requires_grad:
            self._view_version = -1  # its history is that of another geometry
        return self

    return method


def attach_forms() -> None:
    """Give conjugated tensors their forms of such methods. To be called once all methods are there."""
    for name, member in list(vars(Tensor).items()):
        if name == "__setitem__" or (name.endswith("_") and not name.startswith("_") and name not in _KEPT):
            form = (_turned if name in _IN_PLACE_VIEWS else _written)(name)
            form.__name__, form.__doc__ = name, member.__doc__
            setattr(ConjugatedTensor, name, form)
    view = Tensor.view

    def viewed(self: ConjugatedTensor, *size: Any, **named: Any) -> Tensor:
        kind = size[0] if size else named.get("dtype")
        if isinstance(kind, DType):
            what = "conjugate view tensors" if self._conjugated else "tensors with negative bit set"
            raise RuntimeError(
                f"torch.Tensor.view is not supported for {what} when converting to a different dtype."
            )
        return view(self, *size, **named)

    viewed.__name__, viewed.__doc__ = "view", view.__doc__
    ConjugatedTensor.view = viewed  # type: ignore[assignment]
    negate = named("_neg_view", lambda self: negative_view(self))
    negate.__qualname__ = "Tensor._neg_view"
    attach(_neg_view=negate)
