"""Parameter and Buffer: tensors that a Module registers when they are assigned to it."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, TypeGuard

from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike
from tritonnn.dtypes import dtype as DType
from tritonnn.ops.creation.creation import empty


def _subclass(cls: Any, data: Tensor, requires_grad: bool) -> Any:
    """`data`'s memory as a leaf of the given class."""
    leaf = data.detach()
    leaf.__class__ = cls
    return leaf.requires_grad_(requires_grad)


class Parameter(Tensor):
    """A tensor that belongs to a Module's parameters: assigned as an attribute, it is registered.

    Args:
        data: the values; shared, not copied. None makes an empty tensor.
        requires_grad: whether gradients are recorded (also under `no_grad`).

    >>> import tritonnn as torch
    >>> torch.nn.Parameter(torch.zeros(2))
    Parameter containing:
    tensor([0., 0.], requires_grad=True)
    """

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Parameter:
        if data is None:
            data = empty(0)
        return _subclass(cls, data, requires_grad)

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.data.clone(), self.requires_grad)
        return memo[id(self)]

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()

    def __reduce_ex__(self, protocol: Any) -> tuple:
        return _rebuild_parameter, (self.data, self.requires_grad, OrderedDict())


def _rebuild_parameter(data: Tensor, requires_grad: bool, hooks: dict) -> Parameter:
    return Parameter(data, requires_grad)


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

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Buffer:
        if data is None:
            data = empty(0)
        buffer = _subclass(cls, data, data.requires_grad)
        buffer.persistent = persistent
        return buffer

    def __deepcopy__(self, memo: dict[int, Any]) -> Buffer:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.data.clone(), persistent=self.persistent)
        return memo[id(self)]

    def __reduce_ex__(self, protocol: Any) -> tuple:
        return _rebuild_buffer, (self.data, self.persistent)


def _rebuild_buffer(data: Tensor, persistent: bool) -> Buffer:
    return Buffer(data, persistent=persistent)


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
        declared.device, declared.dtype = changed.device, changed.dtype

    @property
    def shape(self) -> Any:
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. "
            "Call `forward` once to initialize the parameters (a `load_state_dict` of an uninitialized "
            "parameter into an initialized one fails in this way, too)."
        )

    def share_memory_(self) -> Any:
        raise RuntimeError(
            "Can't share memory on an uninitialized parameter or buffer. "
            "Call `forward` to initialize the parameters before calling `module.share_memory()`."
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


def is_lazy(param: Any) -> TypeGuard[UninitializedParameter | UninitializedBuffer]:
    """Whether `param` is an uninitialized parameter or buffer."""
    return isinstance(param, UninitializedTensorMixin)


class UninitializedParameter(UninitializedTensorMixin, Parameter):  # type: ignore[override]
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
        return _subclass(cls, empty(0, device=device, dtype=dtype), requires_grad)

    def __deepcopy__(self, memo: dict[int, Any]) -> UninitializedParameter:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, self.device, self.dtype)
        return memo[id(self)]

    def __reduce_ex__(self, protocol: Any) -> tuple:
        return type(self), (self.requires_grad, self.device, self.dtype)


class UninitializedBuffer(UninitializedTensorMixin, Buffer):  # type: ignore[override]
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
        buffer = _subclass(cls, empty(0, device=device, dtype=dtype), requires_grad)
        buffer.persistent = persistent
        return buffer

    def __deepcopy__(self, memo: dict[int, Any]) -> UninitializedBuffer:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, self.device, self.dtype, self.persistent)
        return memo[id(self)]

    def __reduce_ex__(self, protocol: Any) -> tuple:
        return type(self), (self.requires_grad, self.device, self.dtype, self.persistent)
