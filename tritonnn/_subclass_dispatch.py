"""Subclasses of Tensor whose `__torch_dispatch__` answers the calls of the op table, and tensors without memory.

Such a class stands below recording: what it is asked for is one operator of `torch.ops.aten`, what it returns becomes
part of the graph with the call (`dispatch/_answered.py`). Until a program defines one, no call looks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tritonnn import _overridable, dispatch
from tritonnn._overriding import DisableTorchFunctionSubclass, _disabled_torch_function_impl, torch_function
from tritonnn._parameter import make_subclass
from tritonnn._tensor import Tensor
from tritonnn.buffer import Missing
from tritonnn.device import device as Device
from tritonnn.device import get_default_device
from tritonnn.dtypes import dtype as DType
from tritonnn.dtypes import get_default_dtype
from tritonnn.memory import MetaBlock, Storage
from tritonnn.memory_format import strided
from tritonnn.recording.grad_mode import state
from tritonnn.shape import Size, contiguous_strides, numel
from tritonnn.table import OPS


class DisableTorchDispatch:
    """A block in which no class and no mode is asked by `__torch_dispatch__`."""

    def __enter__(self) -> None:
        self.before = state.dispatches, state.around
        state.dispatches, state.around = False, ()

    def __exit__(self, *exc_info: object) -> None:
        state.dispatches, state.around = self.before


def _disabled_torch_dispatch_impl(
    func: Callable, types: Iterable[type], args: tuple = (), kwargs: dict[str, Any] | None = None
) -> Any:
    """The `__torch_dispatch__` of Tensor: the call, of which no class is asked."""
    before, state.dispatches = state.dispatches, False
    try:
        return func(*args, **(kwargs or {}))
    finally:
        state.dispatches = before


def _undispatched(
    cls: type, func: Callable, types: Iterable[type], args: tuple = (), kwargs: dict[str, Any] | None = None
) -> Any:
    """The same as a method of the class, for `super().__torch_dispatch__(...)`."""
    return _disabled_torch_dispatch_impl(func, types, args, kwargs)


# ---- making them -------------------------------------------------------------------------------------------


def _make_subclass(cls: type, data: Tensor, require_grad: bool = False, **more: Any) -> Any:
    """The memory of `data` as a leaf of a subclass."""
    if more:
        raise NotImplementedError(
            f"_make_subclass: only data and require_grad are known, not {', '.join(more)}: shape, strides, dtype and "
            "device of a tensor are those that it is made with"
        )
    return make_subclass(cls, data, require_grad)


def _make_wrapper_subclass(
    cls: Any,
    size: Any,
    strides: Any = None,
    storage_offset: int | None = None,
    memory_format: Any = None,
    dtype: DType | None = None,
    layout: Any = strided,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    dispatch_sizes_strides_policy: str | None = None,
    dispatch_device: bool = False,
    dispatch_layout: bool = False,
    **more: Any,
) -> Any:
    """A tensor without memory of its own, whose calls its class answers by `__torch_dispatch__`.

    Args:
        size, strides, storage_offset, dtype, device: what it says of itself.
        requires_grad: whether gradients of it are recorded.
    """
    asked = {
        "memory_format": memory_format, "pin_memory": pin_memory, "layout": layout is not strided,
        "dispatch_sizes_strides_policy": dispatch_sizes_strides_policy, "dispatch_device": dispatch_device,
        "dispatch_layout": dispatch_layout, **more,
    }  # fmt: skip
    if refused := [name for name, value in asked.items() if value]:
        raise NotImplementedError(
            f"_make_wrapper_subclass: {', '.join(refused)}: shape, strides, layout and device of a tensor are those "
            "that it is made with"
        )
    if not isinstance(cls, type) or not issubclass(cls, Tensor):
        raise TypeError(f"_make_wrapper_subclass(): argument 'cls' must be a subclass of Tensor, not {cls!r}")
    if not is_dispatching(cls):
        raise TypeError(
            f"_make_wrapper_subclass: {cls.__name__} has no __torch_dispatch__: a tensor without memory has its calls "
            "answered by it"
        )
    kind, where = dtype or get_default_dtype(), Device(device) if device is not None else get_default_device()
    text = (
        f"{cls.__name__}: this tensor has no memory of its own: its class answers calls by __torch_dispatch__"
    )
    made = without_memory(cls, size, strides, storage_offset or 0, kind, where, text)
    return Tensor.requires_grad_(made) if requires_grad else made


def without_memory(
    cls: Any, size: Any, strides: Any, offset: int, dtype: DType, device: Device, text: str
) -> Any:
    """A tensor of a class that has a geometry and no memory; who asks for its elements is told the text."""
    made = object.__new__(cls)
    shape = made._shape = Size(size)
    made._dtype, made._device = dtype, device
    if strides is not None and tuple(strides) != contiguous_strides(shape):
        made._stride = tuple(strides)
    if offset:
        made._offset = offset
    made._buf = Missing(text)
    made._rg, made._node, made._base = False, None, None
    made._storage = Storage(MetaBlock(numel(shape) * dtype.itemsize), device)
    return made


# ---- asking them -------------------------------------------------------------------------------------------


class Dispatched(Tensor):
    """Never instantiated: a base of the subclasses that answer calls by `__torch_dispatch__`."""

    __slots__ = ()

    def _alias(self, storage: Storage) -> Any:
        if not state.dispatches:
            return (
                Tensor._alias(self, storage) if self._buf.__class__ is not Missing else dispatch.alias(self)
            )
        result = dispatch.alias(_told(type(self), "detach", (self,)))
        if result._buf.__class__ is Missing:
            result._storage = storage
        return result

    def data_ptr(self) -> int:
        """Address of the first element; 0 without memory."""
        return 0 if self._buf.__class__ is Missing else Tensor.data_ptr(self)

    def item(self) -> Any:
        """The value of a one-element tensor as a Python number."""
        if not state.dispatches:
            return Tensor.item(self)
        return _told(type(self), "_local_scalar_dense", (self,))

    def __repr__(self, *, tensor_contents: object = None) -> str:
        if self._buf.__class__ is not Missing:
            with DisableTorchDispatch(), DisableTorchFunctionSubclass():
                return Tensor.__repr__(self, tensor_contents=tensor_contents)  # type: ignore[call-arg]
        grad = ", requires_grad=True" if self.requires_grad else ""
        return f"{type(self).__name__}(size={tuple(self._shape)}, dtype={self._dtype}, device={self._device}{grad})"

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if self._buf.__class__ is not Missing or not self.is_leaf:
            return Tensor.__deepcopy__(self, memo)
        if id(self) not in memo:
            made = self.detach().clone()
            if type(made) is not type(self):
                raise RuntimeError(
                    f"The default implementation of __deepcopy__() for wrapper subclasses only works for subclass "
                    f"types that properly implement clone() or detach(), but clone() of {type(self).__name__} gave "
                    f"{type(made).__name__}"
                )
            memo[id(self)] = Tensor.requires_grad_(made.detach(), self.requires_grad)
            if self._grad is not None:
                memo[id(self)]._grad = self._grad.clone()
        return memo[id(self)]

    def __reduce_ex__(self, protocol: Any) -> Any:
        if self._buf.__class__ is not Missing:
            return Tensor.__reduce_ex__(self, protocol)
        from tritonnn._parameter import _rebuild_from_type_v2, attributes

        made = (
            type(self), self._dtype, tuple(self._shape), self.stride(), self._offset, strided, self._device,
            self.requires_grad,
        )  # fmt: skip
        return _rebuild_from_type_v2, (_rebuild_wrapper_subclass, type(self), made, attributes(self))


def _rebuild_wrapper_subclass(
    cls: Any, dtype: Any, size: Any, stride: Any, offset: int, layout: Any, device: Any, requires_grad: bool
) -> Any:
    """A tensor without memory as a file says it was."""
    return _make_wrapper_subclass(
        cls, size, strides=stride, storage_offset=offset, layout=layout, device=device, dtype=dtype,
        requires_grad=requires_grad,
    )  # fmt: skip


_known: dict[type, bool] = {}


def is_dispatching(cls: Any) -> bool:
    """Whether a class answers calls by a `__torch_dispatch__` of its own."""
    found = _known.get(cls)
    if found is None:
        own = [vars(kind)["__torch_dispatch__"] for kind in cls.__mro__ if "__torch_dispatch__" in vars(kind)]
        first = own[0] if own else None
        first = getattr(first, "__func__", first)
        found = _known[cls] = issubclass(cls, Tensor) and first not in (
            None,
            _disabled_torch_dispatch_impl,
            _undispatched,
        )
    return found


def _subclassed(cls: Any) -> None:
    """Have a new class that has `__torch_dispatch__` asked."""
    if cls is Dispatched or Dispatched in cls.__mro__ or not is_dispatching(cls):
        return
    if getattr(cls.__torch_function__, "__func__", None) is torch_function:  # a class answers in one way
        cls.__torch_function__ = _disabled_torch_function_impl
    bases = list(cls.__bases__)
    place = next((i for i, base in enumerate(bases) if issubclass(base, Tensor)), len(bases))
    bases.insert(place if bases[place] is Tensor else place + 1, Dispatched)
    cls.__bases__ = tuple(bases)
    if not _armed:
        _armed.append(_answer)
        dispatch.answer_below(_answer)
        for name in _LIKE:
            OPS[name].run = _asking(name, OPS[name].run)


# What is no call of the table with the tensor among its arguments.
_LIKE = ("zeros_like", "ones_like", "full_like", "empty_like", "rand_like", "randn_like", "randint_like")
_NEW = ("new_zeros", "new_ones", "new_full", "new_empty", "new_empty_strided")
_armed: list[Any] = []


def _asking(name: str, run: Callable) -> Callable:
    """The function, whose calls with a tensor of a class that answers calls are answered."""

    def asking(*args: Any, **kwargs: Any) -> Any:
        input = args[0] if args else kwargs.get("input")
        if state.dispatches and isinstance(input, Dispatched):
            wanted = kwargs.pop("requires_grad", False)
            given = (*args, *[kwargs.pop(key) for key in ("input",) if key in kwargs])
            result = _told(type(input), name, given, kwargs)
            return result.requires_grad_() if wanted else result
        return run(*args, **kwargs)

    return asking


def _new(name: str) -> Callable:
    """A method that makes a tensor like another."""
    plain = getattr(Tensor, name)

    def method(self: Any, *size: Any, **kwargs: Any) -> Any:
        if not state.dispatches:
            return plain(self, *size, **kwargs)
        args = size if name in ("new_full", "new_empty_strided") or _is_size(size) else (size,)
        wanted = kwargs.pop("requires_grad", False)
        result = _told(type(self), name, (self, *args), kwargs)
        return result.requires_grad_() if wanted else result

    method.__name__ = method.__qualname__ = name
    method.__doc__ = plain.__doc__
    return method


def _is_size(size: tuple) -> bool:
    return len(size) == 1 and isinstance(size[0], (tuple, list))


def _told(cls: Any, operator: str, args: tuple, kwargs: dict[str, Any] | None = None) -> Any:
    """What a class answers for an operator of ATen that is no call of the table."""
    from tritonnn.ops._namespaces import namespace

    func = getattr(namespace("aten"), operator).default
    before, state.enabled = state.enabled, False
    try:
        return cls.__torch_dispatch__(func, (cls,), args, kwargs or {})
    finally:
        state.enabled = before


def _holders(values: Iterable[Any], found: list[Any]) -> list[Any]:
    """The classes among the values, and the items of lists among them, that answer calls; subclasses first."""
    for value in values:
        if isinstance(value, Tensor):
            kind = type(value)
            if kind not in found and is_dispatching(kind):
                place = next((i for i, other in enumerate(found) if issubclass(kind, other)), len(found))
                found.insert(place, kind)
        elif value.__class__ in (list, tuple):
            _holders(value, found)
    return found


def _answer(call: dispatch.TableCall) -> Any:
    """Let a class among the arguments answer a call."""
    out = call.out if isinstance(call.out, (list, tuple)) else (call.out,)
    found = _holders((*call.args, *out), [])
    if not found:
        return dispatch.ON
    from tritonnn.utils._aten import aten_call, written_form
    from tritonnn.utils._aten_calls import parts_of

    parts = parts_of(call.op, call.args) if call.run.__name__ == "call" and call.out is None else None
    if parts is not None:
        return parts(*call.args)
    func, args, kwargs = written_form(call) or aten_call(call)

    def ask() -> Any:
        for kind in found:
            result = kind.__torch_dispatch__(func, tuple(found), args, kwargs)
            if result is not NotImplemented:
                return result
        raise TypeError(
            f"Multiple dispatch failed for '{func}'; all __torch_dispatch__ handlers returned NotImplemented: "
            f"{', '.join(f'tensor subclass {kind}' for kind in found)}"
        )

    return dispatch.answered(call, ask)


def attach() -> None:
    """Give Tensor what subclasses are made with. To be called once all methods are there."""
    _overridable.TOLD.append(_subclassed)
    for name in _NEW:
        setattr(Dispatched, name, _new(name))
    for maker in (_make_subclass, _make_wrapper_subclass):
        setattr(Tensor, maker.__name__, staticmethod(maker))
    Tensor.__torch_dispatch__ = classmethod(_undispatched)  # type: ignore[attr-defined]
