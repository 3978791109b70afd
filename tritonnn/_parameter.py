"""Parameter and Buffer: tensors that a Module registers when they are assigned to it."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, TypeGuard

from tritonnn._compressed import CompressedTensor
from tritonnn._conjugated import ConjugatedTensor, resolved
from tritonnn._overriding import TENSORS, DisableTorchFunctionSubclass, _disabled_torch_function_impl
from tritonnn._sparse import Sparse, SparseTensor
from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike
from tritonnn.dtypes import dtype as DType
from tritonnn.ops.creation.creation import empty


def of_class(tensor: Tensor, cls: Any) -> Any:
    """A tensor that nobody else refers to, as one of a subclass."""
    try:
        tensor.__class__ = cls
        return tensor
    except TypeError:  # the class has slots of its own
        made = object.__new__(cls)
        for name in _FIELDS:
            setattr(made, name, getattr(tensor, name))
        made.__dict__.update(tensor.__dict__)
        return made


# The storage comes last, as in `tritonnn/_tensor.py`.
_FIELDS = ("_buf", "_shape", "_dtype", "_device", "_rg", "_node", "_base", "_storage")


def make_subclass(cls: Any, data: Tensor, requires_grad: bool) -> Any:
    """`data`'s memory as a leaf of the given class."""
    if data.__class__ is ConjugatedTensor:
        data = resolved(data)
    if isinstance(data, Sparse):
        cls = _of_sparse(cls, data)
    elif data.is_nested:
        raise NotImplementedError(
            f"{cls.__name__}: is not implemented for nested tensors: give it a dense one"
        )
    with DisableTorchFunctionSubclass():
        return of_class(data.detach().requires_grad_(requires_grad), cls)


_SPARSE_CLASSES: dict[tuple[type, type], type] = {}


def _of_sparse(cls: Any, data: Sparse) -> Any:
    """The subclass of a class of parameters, or buffers, whose tensors are sparse as `data` is."""
    kind = SparseTensor if isinstance(data, SparseTensor) else CompressedTensor
    if issubclass(cls, kind):
        return cls
    made = _SPARSE_CLASSES.get((cls, kind))
    if made is None:
        names = {"__slots__": (), "__module__": cls.__module__, "__qualname__": cls.__qualname__}
        made = _SPARSE_CLASSES[cls, kind] = type(cls.__name__, (cls, kind), names)
        if cls in TENSORS:
            TENSORS.add(made)
    return made


# What a program may call one of its own attributes although tensors have it.
_FREE = frozenset({"name"})


def _reserved(name: object) -> bool:
    """Whether an attribute of this name would replace a tensor's own, or is a protocol that others look for."""
    return not isinstance(name, str) or name.startswith("__") or (hasattr(Tensor, name) and name not in _FREE)


def attributes(tensor: Tensor) -> dict[str, Any]:
    """What a program has given to a tensor as attributes: `x.tag = "decay"`."""
    return {name: value for name, value in vars(tensor).items() if not _reserved(name)}


def set_attributes(tensor: Tensor, state: object) -> Any:
    """Gives a tensor the attributes that a file says it had: a dict, or a pair of dicts.

    Raises:
        RuntimeError: the state is something else, or would replace what a tensor has of its own: its memory, its
            shape, its methods.
    """
    for part in state if type(state) is tuple else (state,):
        if part is not None and not isinstance(part, dict):
            raise RuntimeError(f"load: a tensor's saved state must be a dict, not a {type(part).__name__}")
        for name, value in (part or {}).items():
            if _reserved(name):
                shown = f"'{name:.80}'" if type(name) is str else f"attribute of type {type(name).__name__}"
                raise RuntimeError(f"load: a tensor's saved state would replace its own {shown}")
            tensor.__dict__[name] = value
    return tensor


class _ParameterMeta(type):
    """Tensors of other classes are parameters as well where `Parameter(tensor)` made them."""

    def __instancecheck__(cls, instance: object) -> bool:
        if type.__instancecheck__(cls, instance):
            return True
        return cls is Parameter and isinstance(instance, Tensor) and getattr(instance, "_is_param", False)


class Parameter(Tensor, metaclass=_ParameterMeta):
    """A tensor that belongs to a Module's parameters: assigned as an attribute, it is registered.

    Args:
        data: the values; shared, not copied. None makes an empty tensor.
        requires_grad: whether gradients are recorded (also under `no_grad`).

    >>> import tritonnn as torch
    >>> torch.nn.Parameter(torch.zeros(2))
    Parameter containing:
    tensor([0., 0.], requires_grad=True)
    """

    __torch_function__ = _disabled_torch_function_impl  # to all functions it is as a plain tensor

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Parameter:
        if data is None:
            data = empty(0)
        if data.__class__ not in TENSORS and not issubclass(type(data), Parameter) and cls is Parameter:
            return _of_its_class(data, requires_grad)
        return make_subclass(cls, data, requires_grad)

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.data.clone(), self.requires_grad)
        return memo[id(self)]

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()

    def __reduce_ex__(self, protocol: object) -> tuple:
        plain: tuple = self.data, self.requires_grad, OrderedDict()
        state = attributes(self)
        return (_rebuild_parameter_with_state, (*plain, state)) if state else (_rebuild_parameter, plain)


def _of_its_class(data: Any, requires_grad: bool) -> Any:
    """A parameter of a program's own subclass of Tensor, which it stays."""
    if not isinstance(data, Tensor):
        raise TypeError(f"Parameter(): argument 'data' must be Tensor, not {type(data).__name__}")
    if data.is_nested:
        raise NotImplementedError("Parameter: is not implemented for nested tensors: give it a dense one")
    made = data.detach().requires_grad_(requires_grad)
    if type(made) is not type(data):
        raise RuntimeError(
            f"Creating a Parameter from an instance of type {type(data).__name__} requires that detach() returns an "
            f"instance of the same type, but return type {type(made).__name__} was found instead."
        )
    vars(made)["_is_param"] = True
    return made


def _rebuild_parameter(data: Tensor, requires_grad: bool, hooks: object) -> Parameter:
    """A Parameter over a tensor's memory."""
    return Parameter(data, requires_grad)


def _rebuild_parameter_with_state(
    data: Tensor, requires_grad: bool, hooks: object, state: object
) -> Parameter:
    """A Parameter with the attributes that its program gave it."""
    return set_attributes(Parameter(data, requires_grad), state)


class Buffer(Tensor):
    """A tensor that belongs to a Module's state but not to its parameters.

    Args:
        data: the values; shared, not copied. None makes an empty tensor.
        persistent: whether it is part of `state_dict`.

    >>> import tritonnn as torch
    >>> m = torch.nn.Module()
    >>> m.steps = torch.nn.Buffer(torch.zeros(1), persistent=False)
    >>> [name for name, _ in m.named_buffers()], list(m.state_dict())
    (['steps'], [])
    """

    persistent: bool
    __torch_function__ = _disabled_torch_function_impl

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Buffer:
        if data is None:
            data = empty(0)
        buffer = make_subclass(cls, data, data.requires_grad)
        buffer.persistent = persistent
        return buffer

    def __deepcopy__(self, memo: dict[int, Any]) -> Buffer:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.data.clone(), persistent=self.persistent)
        return memo[id(self)]

    def __reduce_ex__(self, protocol: Any) -> tuple:
        # PyTorch's buffers are tensors with two attributes, which files say.
        _, (function, _, args, state) = super().__reduce_ex__(protocol)
        return _rebuild_from_type_v2, (function, Tensor, args, {**state, "_is_buffer": True})


def _rebuild_from_type_v2(function: Any, kind: object, args: Any, state: object) -> Tensor:
    """The tensor that `function(*args)` makes, of another class or with the attributes that it had.

    Raises:
        RuntimeError: it is no tensor, or the class is none of tensors.
    """
    tensor = function(*args)
    if isinstance(tensor, Tensor) and tensor.is_nested and kind is Tensor:
        return tensor  # whose state is its parts
    if not isinstance(tensor, Tensor) or not isinstance(kind, type) or not issubclass(kind, Tensor):
        raise RuntimeError("load: a tensor is rebuilt from something else: the file is corrupted")
    if type(state) is dict and state.get("_is_buffer") is True and kind is Tensor:
        tensor = Buffer(tensor, persistent=bool(state.get("persistent", True)))
        state = {name: value for name, value in state.items() if name not in ("_is_buffer", "persistent")}
    elif kind is not type(tensor) and not (isinstance(tensor, Sparse) and kind is Tensor):
        tensor.__class__ = kind
    restore = getattr(kind, "__setstate__", None)
    return set_attributes(tensor, state) if restore is None else (restore(tensor, state), tensor)[1]


TENSORS.update((Parameter, Buffer))


class UninitializedTensorMixin:
    """What parameters and buffers of a lazy layer are until the first forward gives them a shape."""

    cls_to_become: type[Tensor]

    def materialize(self, shape: Any, device: DeviceLike | None = None, dtype: DType | None = None) -> None:
        """Give the tensor a shape; device and dtype default to those it was declared with."""
        declared: Any = self
        tensor = empty(shape, device=device or declared.device, dtype=dtype or declared.dtype)
        self.__class__ = self.cls_to_become  # type: ignore[assignment]
        declared.data = tensor

    def redeclare(self, fn: Any) -> None:
        """Take on the device and dtype that `fn` gives to a tensor like this one."""
        declared: Any = self
        changed = fn(empty(0, device=declared.device, dtype=declared.dtype))
        declared._buf, declared._storage = changed._buf, changed._storage
        declared._device, declared._dtype = changed.device, changed.dtype

    @property
    def shape(self) -> Any:
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. "
            "Call `forward` once to initialize the parameters (a `load_state_dict` of an uninitialized "
            "parameter into an initialized one fails in this way, too)."
        )

    _shape = shape  # what dispatch reads

    def share_memory_(self) -> Any:
        raise RuntimeError(
            "Can't share memory on an uninitialized parameter or buffer. "
            "Call `forward` to initialize the parameters before calling `module.share_memory()`."
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


def is_lazy(param: object) -> TypeGuard[UninitializedParameter | UninitializedBuffer]:
    """Whether `param` is an uninitialized parameter or buffer."""
    return isinstance(param, UninitializedTensorMixin)


class UninitializedParameter(UninitializedTensorMixin, Parameter):
    """A parameter whose shape is not known yet; `materialize(shape)` turns it into a Parameter.

    >>> import tritonnn as torch
    >>> weight = torch.nn.UninitializedParameter()
    >>> weight.materialize((2, 3))
    >>> weight.shape
    torch.Size([2, 3])
    """

    cls_to_become = Parameter

    def __new__(
        cls, requires_grad: bool = True, device: DeviceLike | None = None, dtype: DType | None = None
    ) -> UninitializedParameter:
        return make_subclass(cls, empty(0, device=device, dtype=dtype), requires_grad)

    def __deepcopy__(self, memo: dict[int, Any]) -> UninitializedParameter:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, self.device, self.dtype)
        return memo[id(self)]

    def __reduce_ex__(self, protocol: object) -> tuple:
        return type(self), (self.requires_grad, self.device, self.dtype)


class UninitializedBuffer(UninitializedTensorMixin, Buffer):
    """A buffer whose shape is not known yet; `materialize(shape)` turns it into a Buffer.

    >>> import tritonnn as torch
    >>> buffer = torch.nn.UninitializedBuffer()
    >>> buffer.materialize((2,))
    >>> buffer.shape
    torch.Size([2])
    """

    cls_to_become = Buffer

    def __new__(
        cls,
        requires_grad: bool = False,
        device: DeviceLike | None = None,
        dtype: DType | None = None,
        persistent: bool = True,
    ) -> UninitializedBuffer:
        buffer = make_subclass(cls, empty(0, device=device, dtype=dtype), requires_grad)
        buffer.persistent = persistent
        return buffer

    def __deepcopy__(self, memo: dict[int, Any]) -> UninitializedBuffer:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, self.device, self.dtype, self.persistent)
        return memo[id(self)]

    def __reduce_ex__(self, protocol: object) -> tuple:
        return type(self), (self.requires_grad, self.device, self.dtype, self.persistent)
