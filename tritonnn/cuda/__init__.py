"""The GPU: devices, streams, events, memory, random state and graphs.

Importing this touches no GPU; the first GPU tensor, or the first call that needs it, starts it. Under
TRITON_INTERPRET=1 `cuda` is the simulated device: host memory, kernels in Triton's interpreter.

>>> import tritonnn as torch
>>> device = 'cuda' if torch.cuda.is_available() else 'cpu'
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tritonnn.cuda import _devices, _driver, _left_out, _nvml, graphs, memory, random, streams
from tritonnn.cuda._devices import *
from tritonnn.cuda._driver import *
from tritonnn.cuda._nvml import *
from tritonnn.cuda.graphs import *
from tritonnn.cuda.memory import *
from tritonnn.cuda.random import *
from tritonnn.cuda.streams import *
from tritonnn.runtime.driver import AcceleratorError

__all__ = ["AcceleratorError", "amp", "comm", "make_graphed_callables", "nccl", "nvtx"]
__all__ += _devices.__all__
__all__ += _driver.__all__
__all__ += _nvml.__all__
__all__ += graphs.__all__
__all__ += memory.__all__
__all__ += random.__all__
__all__ += streams.__all__

_LAZY = {"make_graphed_callables": "tritonnn.cuda._graphed"}
_SUBMODULES = frozenset((
    "amp", "comm", "gds", "green_contexts", "jiterator", "nccl", "nvtx", "profiler", "sparse", "tunable",
))  # fmt: skip
_lazy_init = _devices.init


if TYPE_CHECKING:  # where `__getattr__` would let any name pass
    from tritonnn import (
        BFloat16Tensor,
        BoolTensor,
        ByteTensor,
        CharTensor,
        DoubleTensor,
        FloatTensor,
        HalfTensor,
        IntTensor,
        LongTensor,
        ShortTensor,
    )
    from tritonnn.cuda import (
        amp,
        comm,
        gds,
        green_contexts,
        jiterator,
        nccl,
        nvtx,
        profiler,
        sparse,
        tunable,
    )
    from tritonnn.cuda._graphed import make_graphed_callables
else:

    def __getattr__(name: str) -> Any:
        if name in _SUBMODULES:
            return importlib.import_module(f"{__name__}.{name}")
        if name in _LAZY:
            return getattr(importlib.import_module(_LAZY[name]), name)
        if name == "default_generators":
            return _driver.generators()
        if name in _left_out.FUNCTIONS or name in _left_out.CLASSES:
            made = globals()[name] = _left_out.made(name)
            return made
        if name.endswith("Tensor"):
            from tritonnn.legacy_types import TYPES

            tensor_type = TYPES.get((name.removesuffix("Tensor"), "cuda"))
            if tensor_type is not None:
                return tensor_type
        if name.endswith("Storage"):
            from tritonnn.storage.kinds import KIND_CLASSES

            storage_type = KIND_CLASSES.get((name.removesuffix("Storage"), "cuda"))
            if storage_type is not None:
                return storage_type
        raise AttributeError(f"tritonnn has no torch.cuda.{name}")


def _is_compiled() -> bool:
    """True: tritonnn runs on GPUs where there are some."""
    return True


def _is_in_bad_fork() -> bool:
    """Whether this process was forked from one that uses the GPU, and so cannot use it."""
    return bool(getattr(_devices.runtime(), "_forked", False))
