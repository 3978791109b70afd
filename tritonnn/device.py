"""Where a tensor's memory lies."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from typing import Any

TYPES = ("cpu", "cuda", "meta")
# Devices that programs name and ask for, and that are never there.
ABSENT = ("hpu", "ipu", "maia", "mps", "mtia", "privateuseone", "vulkan", "xla", "xpu")
_default = threading.local()


class device:
    """A device, as 'cpu', 'cuda' (the current GPU), 'cuda:1', `device('cuda', 1)` or `device(1)`.

    Objects are interned, so `is` compares devices. As a context manager it sets the device of new tensors.

    >>> import tritonnn as torch
    >>> torch.device('cuda', 1)
    device(type='cuda', index=1)
    >>> torch.device('cpu').type
    'cpu'
    """

    __slots__ = ("_text", "index", "type")
    _interned: dict[tuple[str, int | None], device] = {}

    type: str
    index: int | None
    _text: str

    def __new__(cls, type: str | int | device = "cpu", index: int | None = None) -> device:
        if isinstance(type, device):
            return type
        if isinstance(type, int) and not isinstance(type, bool):
            if type < 0:
                raise RuntimeError(f"Device index must not be negative, got {type}")
            index = type
            type = "cuda"
        if not isinstance(type, str):
            raise TypeError(
                f"device(): argument 'type' must be str, int or device, not {type.__class__.__name__}"
            )
        interned = cls._interned.get((type, index))
        return interned if interned is not None else cls._parse(type, index)

    @classmethod
    def _parse(cls, text: str, index: int | None) -> device:
        kind, colon, number = text.partition(":")
        if colon:
            if index is not None:
                raise RuntimeError(
                    f"type (string) must not include an index because index was passed explicitly: {text}"
                )
            if not number.isdigit() or (len(number) > 1 and number[0] == "0"):
                raise RuntimeError(f"Invalid device string: '{text}'")
            index = int(number)
        if kind not in TYPES and kind not in ABSENT:
            raise RuntimeError(
                f"Expected one of {', '.join(TYPES)} device type at start of device string: {text or repr(text)}"
            )
        if index is not None and index < 0:
            raise RuntimeError(f"Device index must not be negative, got {index}")
        if index is not None and index >> 63:
            raise ValueError(f"Overflow when unpacking long long: device index {index}")
        instance = cls._interned.get((kind, index))
        if instance is None:
            instance = object.__new__(cls)
            instance.type, instance.index = kind, index
            instance._text = kind if index is None else f"{kind}:{index}"
            cls._interned[kind, index] = instance
        return instance

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"device(type='{self.type}'" + (")" if self.index is None else f", index={self.index})")

    def __reduce__(self) -> tuple:
        return device, (self.type, self.index)

    def __copy__(self) -> device:
        return self

    def __deepcopy__(self, memo: dict) -> device:
        return self

    def __enter__(self) -> device:
        _stack().append(self)
        return self

    def __exit__(self, *exc_info: object) -> None:
        _stack().pop()


DeviceLike = device | str | int  # what stands for a device in arguments
CPU = device("cpu")
META = device("meta")


_Device = device  # for functions with an argument of that name


def _stack() -> list[device]:
    try:
        return _default.stack
    except AttributeError:
        _default.stack = [CPU]
        return _default.stack


def set_default_device(device: DeviceLike | None) -> None:
    """Make new tensors on `device` where none is given; None goes back to the CPU.

    Args:
        device: a device, its name, or None.

    >>> import tritonnn as torch
    >>> torch.set_default_device("meta")
    >>> torch.ones(2).device
    device(type='meta')
    >>> torch.set_default_device(None)
    """
    _stack()[0] = CPU if device is None else _Device(device)


def get_default_device() -> device:
    """The device of new tensors where none is given.

    >>> import tritonnn as torch
    >>> torch.get_default_device()
    device(type='cpu')
    """
    return _stack()[-1]


_load: Callable[[], Any] | None = None
_load_face: Callable[[], Any] | None = None


def register_runtime(load: Callable[[], Any], face: Callable[[], Any]) -> None:
    """Say what gives the device runtime, called when a GPU is first used, and what gives the module `torch.cuda`."""
    global _load, _load_face
    _load, _load_face = load, face


@cache
def runtime() -> Any:
    """The device runtime, which starts with its first use."""
    assert _load is not None
    return _load()


def face() -> Any:
    """The module that users know as `torch.cuda`, for libraries that ask for a device's interface."""
    assert _load_face is not None
    return _load_face()


def resolve(d: str | int | device | None) -> device:
    """The concrete device a tensor is made on: the default for None, the current GPU for a bare 'cuda'."""
    if d is None:
        d = _stack()[-1]
        if d is CPU:
            return d
    target = device(d)
    if target.type == "cuda" and target.index is None:
        return device("cuda", runtime().current_device())
    if target.type == "cpu" and target.index is not None:
        return CPU
    if target.type == "meta":
        return META
    if target.type in ABSENT:
        raise NotImplementedError(
            f"There is no backend for the device {target}; there is one for {', '.join(TYPES)}"
        )
    return target
