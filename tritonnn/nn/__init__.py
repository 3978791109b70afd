"""Neural networks: Module, layers, losses, initialisation, and their functional forms."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tritonnn._parameter import Buffer as Buffer
from tritonnn._parameter import Parameter as Parameter
from tritonnn._parameter import UninitializedBuffer as UninitializedBuffer
from tritonnn._parameter import UninitializedParameter as UninitializedParameter
from tritonnn.nn import functional as functional
from tritonnn.nn import init as init
from tritonnn.nn import modules as modules
from tritonnn.nn import parameter as parameter
from tritonnn.nn.modules import *
from tritonnn.nn.modules import Module as Module

# Found when first asked for: attribute -> module that has it.
_SUBMODULES = frozenset((
    "attention", "backends", "common_types", "grad", "intrinsic", "parallel", "qat", "quantizable",
    "quantized", "utils",
))  # fmt: skip
_LAZY = {"DataParallel": "tritonnn.nn.parallel"}


if TYPE_CHECKING:  # where `__getattr__` would let any name pass
    from tritonnn.nn import attention as attention
    from tritonnn.nn import backends as backends
    from tritonnn.nn import common_types as common_types
    from tritonnn.nn import grad as grad
    from tritonnn.nn import intrinsic as intrinsic
    from tritonnn.nn import parallel as parallel
    from tritonnn.nn import qat as qat
    from tritonnn.nn import quantizable as quantizable
    from tritonnn.nn import quantized as quantized
    from tritonnn.nn import utils as utils
    from tritonnn.nn.parallel import DataParallel as DataParallel
else:

    def __getattr__(name: str) -> Any:
        if name in _SUBMODULES:
            return importlib.import_module(f"tritonnn.nn.{name}")
        if name in _LAZY:
            value = getattr(importlib.import_module(_LAZY[name]), name)
            globals()[name] = value
            return value
        raise AttributeError(f"tritonnn has no torch.nn.{name}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_SUBMODULES, *_LAZY})


def factory_kwargs(kwargs: dict[str, Any] | None) -> dict[str, Any]:
    """The device, dtype and memory_format among a layer's options, given as such or as a `factory_kwargs`
    dict.

    Raises:
        TypeError: an option of another name, or one given in both ways.

    >>> import tritonnn as torch
    >>> torch.nn.factory_kwargs({"factory_kwargs": {"dtype": torch.float64}, "device": "cpu"})
    {'dtype': torch.float64, 'device': 'cpu'}
    """
    if kwargs is None:
        return {}
    simple = ("device", "dtype", "memory_format")
    unexpected = kwargs.keys() - {*simple, "factory_kwargs"}
    if unexpected:
        raise TypeError(f"unexpected kwargs {unexpected}")
    options = dict(kwargs.get("factory_kwargs", {}))
    for key in simple:
        if key in kwargs:
            if key in options:
                raise TypeError(f"{key} specified twice, in **kwargs and in factory_kwargs")
            options[key] = kwargs[key]
    return options
