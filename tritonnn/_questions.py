"""Functions of `torch` that ask about tensors and devices, and switches that are no numbers' business."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from tritonnn import _tensor
from tritonnn._overriding import overridable
from tritonnn._tensor import Tensor
from tritonnn.autograd.anomaly import _switch
from tritonnn.device import device as Device
from tritonnn.device import get_default_device
from tritonnn.memory_format import memory_format as MemoryFormat

#: what is compiled in, in the words of PyTorch's flags: NumPy has LAPACK and FFTs, and threads of its own
has_lapack, has_mkl, has_openmp, has_spectral = True, False, False, True


def _asked(op: str, input: object) -> Tensor:
    if not isinstance(input, Tensor):
        raise _tensor.wrong(op, "input", "Tensor", input)
    return input


@overridable
def is_nonzero(input: Tensor) -> bool:
    """Whether the only element is not zero.

    >>> import tritonnn as torch
    >>> torch.is_nonzero(torch.tensor([0.0])), torch.is_nonzero(torch.tensor(2))
    (False, True)
    """
    return _asked("is_nonzero", input).is_nonzero()


@overridable
def is_signed(input: Tensor) -> bool:
    """Whether the dtype has negative numbers.

    >>> import tritonnn as torch
    >>> torch.is_signed(torch.ones(1)), torch.is_signed(torch.ones(1, dtype=torch.uint8))
    (True, False)
    """
    return _asked("is_signed", input).is_signed()


@overridable
def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have one shape.

    >>> import tritonnn as torch
    >>> torch.is_same_size(torch.ones(2), torch.ones(2, 1))
    False
    """
    if not isinstance(other, Tensor):
        raise TypeError(
            f"is_same_size(): argument 'other' (position 2) must be Tensor, not {type(other).__name__}"
        )
    return _asked("is_same_size", input).is_same_size(other)


@overridable
def is_distributed(input: Tensor) -> bool:
    """False: no tensor is spread over processes.

    >>> import tritonnn as torch
    >>> torch.is_distributed(torch.ones(1))
    False
    """
    return _asked("is_distributed", input).is_distributed()


@overridable
def get_device(input: Tensor) -> int:
    """The index of a tensor's GPU, -1 on the CPU.

    >>> import tritonnn as torch
    >>> torch.get_device(torch.ones(1))
    -1
    """
    return _asked("get_device", input).get_device()


@overridable
def resize_as_(input: Tensor, the_template: Tensor, *, memory_format: MemoryFormat | None = None) -> Tensor:
    """`input.resize_as_(the_template)`: the shape of another tensor, in place.

    >>> import tritonnn as torch
    >>> torch.resize_as_(torch.zeros(6), torch.ones(2, 3)).shape
    torch.Size([2, 3])
    """
    options = {} if memory_format is None else {"memory_format": memory_format}
    return _asked("resize_as_", input).resize_as_(the_template, **options)


@overridable
def _is_all_true(input: Tensor) -> Tensor:
    """`all` of a bool tensor."""
    return _asked("_is_all_true", input).all()


@overridable
def _is_any_true(input: Tensor) -> Tensor:
    """`any` of a bool tensor."""
    return _asked("_is_any_true", input).any()


@overridable
def _assert(condition: object, message: str) -> None:
    """`assert condition, message`, also of a tensor of one element."""
    if not condition:
        raise AssertionError(message)


def typename(obj: object, /) -> str:
    """The full name of an object's type, or of a class or function itself; of a tensor such as 'torch.FloatTensor'.

    >>> import tritonnn as torch
    >>> torch.typename(torch.ones(1)), torch.typename(3)
    ('torch.FloatTensor', 'int')
    """
    if isinstance(obj, Tensor):
        return obj.type()
    named: Any = obj if hasattr(obj, "__qualname__") or hasattr(obj, "__name__") else type(obj)
    name = getattr(named, "__qualname__", None) or named.__name__
    module = getattr(named, "__module__", None) or ""
    if module == "tritonnn" or module.startswith("tritonnn."):
        module = "torch" + module.removeprefix("tritonnn")
    return name if module in ("", "builtins") else f"{module}.{name}"


def get_device_module(device: Device | str | None = None) -> ModuleType:
    """The module of a device's functions, `torch.cuda` for 'cuda'; by default of the accelerator, or else the CPU.

    >>> import tritonnn as torch
    >>> torch.get_device_module("cpu") is torch.cpu
    True
    """
    if device is None:
        from tritonnn import accelerator

        name = (accelerator.current_accelerator() or get_default_device()).type
    elif isinstance(device, (str, Device)):
        name = Device(device).type
    else:
        raise RuntimeError(f"Invalid value of device '{device}', expect torch.device, str, or None")
    if name not in ("cpu", "cuda", "mps", "mtia", "xpu"):
        raise RuntimeError(
            f"Device '{name}' does not have a corresponding module registered as 'torch.{name}'."
        )
    return importlib.import_module(f"tritonnn.{name}")


def set_anomaly_enabled(enabled: bool, check_nan: bool = True) -> None:
    """Switch anomaly mode on or off in this thread: `torch.autograd.set_detect_anomaly`.

    >>> import tritonnn as torch
    >>> torch.set_anomaly_enabled(False)
    """
    _switch(enabled, check_nan)


def set_flush_denormal(mode: bool) -> bool:
    """Whether numbers below the normal ones can be made zero: False, for neither NumPy nor a kernel switches that.

    >>> import tritonnn as torch
    >>> torch.set_flush_denormal(True)
    False
    """
    if not isinstance(mode, bool):
        raise RuntimeError(f"flush_denormal expects a bool, but got {type(mode).__name__}")
    return False


def is_vulkan_available() -> bool:
    """False.

    >>> import tritonnn as torch
    >>> torch.is_vulkan_available()
    False
    """
    return False


def compiled_with_cxx11_abi() -> bool:
    """True: nothing is compiled that would have the older one.

    >>> import tritonnn as torch
    >>> torch.compiled_with_cxx11_abi()
    True
    """
    return True
