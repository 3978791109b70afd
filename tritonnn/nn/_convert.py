"""Conversion of a module's tensors: dtype, device, shared memory; in place, so that optimizers keep
theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tritonnn._parameter import Parameter, is_lazy
from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike
from tritonnn.device import device as Device
from tritonnn.dtypes import OF_PYTHON, bfloat16, float16, float32, float64
from tritonnn.dtypes import dtype as DType
from tritonnn.nn import _conversion
from tritonnn.ops.creation.creation import empty_like
from tritonnn.recording.grad_mode import no_grad

if TYPE_CHECKING:
    from typing_extensions import Self


def _converted(param: Parameter, fn: Callable[[Tensor], Tensor]) -> Parameter:
    """The Parameter that a conversion gives, and its gradient, as `torch.__future__` says: itself, or a new one."""
    grad, param.grad = param.grad, None
    made = Parameter(fn(param).detach(), param.requires_grad)
    if _conversion.swap:
        from tritonnn.utils._swapping import swap_tensors

        swap_tensors(param, made)
        made = param
    if grad is not None:
        made.grad = fn(grad).requires_grad_(grad.requires_grad)
    return made


class ConvertMixin:
    """The part of Module that changes dtype and device of parameters and buffers; every method returns
    self.
    """

    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    children: Any
    parameters: Any
    buffers: Any

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Replace every tensor's data by `fn(tensor)`; parameters and their gradients keep their identity."""
        if recurse:
            for child in self.children():
                child._apply(fn)
        for name, param in self._parameters.items():
            if param is None:
                continue
            with no_grad():
                if is_lazy(param):
                    param.redeclare(fn)
                    continue
                if _conversion.swap or _conversion.overwrite:
                    self._parameters[name] = _converted(param, fn)
                    continue
                grad = param.grad
                param.grad = None  # it must fit the data at every moment
                param.data = fn(param)
                if grad is not None:
                    grad.data = fn(grad)
                    param.grad = grad
        for name, buffer in self._buffers.items():
            if buffer is None:
                continue
            if is_lazy(buffer):
                buffer.redeclare(fn)
            else:
                self._buffers[name] = fn(buffer)
        return self

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move and cast parameters and buffers: `to(device)`, `to(dtype)`, `to(device, dtype)`, `to(tensor)`.

        Args:
            device: where to move.
            dtype: floating or complex; integer tensors are moved only.
            tensor: one whose dtype and device are taken.
            non_blocking: let copies from pinned memory run in the background.
            memory_format: for tensors of 4 or 5 dimensions (keyword only).

        Raises:
            TypeError: for an integer dtype or arguments that are none of these.

        >>> import tritonnn as torch
        >>> torch.nn.Linear(2, 2).to(torch.float64).weight.dtype
        torch.float64
        """
        device, dtype, non_blocking, memory_format = _parse_to(*args, **kwargs)
        if dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
            raise TypeError(
                f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={dtype}"
            )

        def convert(tensor: Tensor) -> Tensor:
            if tensor.is_meta and device is not None and device.type != "meta":
                raise NotImplementedError(
                    "Cannot copy out of meta tensor; no data! Please use torch.nn.Module.to_empty() instead "
                    "of torch.nn.Module.to() when moving module from meta to a different device."
                )
            cast = dtype if tensor.is_floating_point() or tensor.is_complex() else None
            options: dict[str, Any] = {"device": device, "dtype": cast, "non_blocking": non_blocking}
            if memory_format is not None and tensor.ndim in (4, 5):
                options["memory_format"] = memory_format
            return tensor.to(**options)

        return self._apply(convert)

    def type(self, dst_type: DType | str) -> Self:
        """Cast all parameters and buffers, integer ones too, to a dtype or a name such as
        'torch.FloatTensor'.
        """
        return self._apply(lambda tensor: tensor.type(dst_type))

    def _cast(self, dtype: DType) -> Self:
        return self._apply(lambda t: t.to(dtype) if t.is_floating_point() else t)

    def float(self) -> Self:
        """Cast floating-point parameters and buffers to float32."""
        return self._cast(float32)

    def double(self) -> Self:
        """Cast floating-point parameters and buffers to float64."""
        return self._cast(float64)

    def half(self) -> Self:
        """Cast floating-point parameters and buffers to float16."""
        return self._cast(float16)

    def bfloat16(self) -> Self:
        """Cast floating-point parameters and buffers to bfloat16."""
        return self._cast(bfloat16)

    def cuda(self, device: DeviceLike | None = None, *, device_id: int | None = None) -> Self:
        """Move parameters and buffers to a GPU (the current one by default); `device_id` is the older
        name.
        """
        target = device_id if device is None else device
        return self._apply(lambda tensor: tensor.cuda(target))

    def cpu(self) -> Self:
        """Move parameters and buffers to the CPU."""
        return self._apply(lambda tensor: tensor.cpu())

    def to_empty(self, *, device: DeviceLike | None, recurse: bool = True) -> Self:
        """Give parameters and buffers uninitialised memory on `device` (for modules made on 'meta')."""
        return self._apply(lambda tensor: empty_like(tensor, device=device), recurse=recurse)

    def share_memory(self) -> Self:
        """Move parameters and buffers to memory that other processes can map."""

        def share(tensor: Tensor) -> Tensor:
            return tensor.share_memory_()

        for tensor in (*self.parameters(), *self.buffers()):
            if is_lazy(tensor):
                share(tensor)  # refuses
        return self._apply(share)

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Has PyTorch's compiler take the module's calls over; here they stay eager, which is said once.

        Args:
            args, kwargs: of `torch.compile`.
        """
        from tritonnn._dynamo.eval_frame import compile

        compile(self.to, *args, **kwargs)  # any function of the module: its calls are not touched


def _of_python(value: Any) -> bool:
    return isinstance(value, type) and value in OF_PYTHON


def _parse_to(*args: Any, **kwargs: Any) -> tuple[Device | None, DType | None, bool, Any]:
    """The meaning of `to(...)`'s arguments: device, dtype, non_blocking, memory_format."""
    memory_format = kwargs.pop("memory_format", None)
    if (args and isinstance(args[0], Tensor)) or "tensor" in kwargs:
        names: tuple[str, ...] = ("tensor", "non_blocking")
    elif args and (isinstance(args[0], DType) or _of_python(args[0])):
        names = ("dtype", "non_blocking")
    else:
        names = ("device", "dtype", "non_blocking")
    given = dict(zip(names, args))
    if len(args) > len(names) or given.keys() & kwargs.keys() or kwargs.keys() - {*names}:
        raise _bad_to(args, kwargs)
    given |= kwargs
    if "tensor" in given:
        given["device"], given["dtype"] = given["tensor"].device, given["tensor"].dtype
    device, dtype = given.get("device"), given.get("dtype")
    if _of_python(dtype):
        dtype = OF_PYTHON[dtype]
    if dtype is not None and not isinstance(dtype, DType):
        raise _bad_to(args, kwargs)
    if device is not None and not isinstance(device, Device):
        if not isinstance(device, (str, int)):
            raise _bad_to(args, kwargs)
        device = Device(device) if isinstance(device, str) else Device("cuda", device)
    return device, dtype, bool(given.get("non_blocking", False)), memory_format


def _bad_to(args: tuple, kwargs: dict) -> TypeError:
    got = ", ".join([type(a).__name__ for a in args] + [f"{k}={type(v).__name__}" for k, v in kwargs.items()])
    return TypeError(
        f"to() received an invalid combination of arguments - got ({got}), but expected one of:\n"
        " * (torch.device device = None, torch.dtype dtype = None, bool non_blocking = False, *, "
        "memory_format)\n"
        " * (torch.dtype dtype, bool non_blocking = False, *, memory_format)\n"
        " * (Tensor tensor, bool non_blocking = False, *, memory_format)\n"
    )
