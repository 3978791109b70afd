"""Data loading, checkpointing and other helpers; submodules are imported when first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_SUBMODULES = frozenset((
    "_foreach_utils", "_import_utils", "_python_dispatch", "_pytree", "backend_registration", "benchmark", "checkpoint",
    "collect_env", "data", "deterministic", "dlpack", "flop_counter", "hooks", "module_tracker", "safetensors",
    "_contextlib", "_device", "_mode_utils", "_stats", "bundled_inputs", "cpp_backtrace", "cpp_extension", "ffi",
    "file_baton", "mkldnn", "mobile_optimizer", "model_zoo", "tensorboard", "throughput_benchmark", "weak",
))  # fmt: skip
_FUNCTIONS = {
    "summary": "_summary", "swap_tensors": "_swapping", "rename_privateuse1_backend": "backend_registration",
    "generate_methods_for_privateuse1_backend": "backend_registration", "set_module": "_import_utils",
    "get_cpp_backtrace": "_import_utils",
}  # fmt: skip


if TYPE_CHECKING:  # where `__getattr__` would let any name pass
    from tritonnn.utils import _contextlib as _contextlib
    from tritonnn.utils import _device as _device
    from tritonnn.utils import _foreach_utils as _foreach_utils
    from tritonnn.utils import _import_utils as _import_utils
    from tritonnn.utils import _mode_utils as _mode_utils
    from tritonnn.utils import _python_dispatch as _python_dispatch
    from tritonnn.utils import _pytree as _pytree
    from tritonnn.utils import _stats as _stats
    from tritonnn.utils import backend_registration as backend_registration
    from tritonnn.utils import benchmark as benchmark
    from tritonnn.utils import bundled_inputs as bundled_inputs
    from tritonnn.utils import checkpoint as checkpoint
    from tritonnn.utils import collect_env as collect_env
    from tritonnn.utils import cpp_backtrace as cpp_backtrace
    from tritonnn.utils import cpp_extension as cpp_extension
    from tritonnn.utils import data as data
    from tritonnn.utils import deterministic as deterministic
    from tritonnn.utils import dlpack as dlpack
    from tritonnn.utils import ffi as ffi
    from tritonnn.utils import file_baton as file_baton
    from tritonnn.utils import flop_counter as flop_counter
    from tritonnn.utils import hooks as hooks
    from tritonnn.utils import mkldnn as mkldnn
    from tritonnn.utils import mobile_optimizer as mobile_optimizer
    from tritonnn.utils import model_zoo as model_zoo
    from tritonnn.utils import module_tracker as module_tracker
    from tritonnn.utils import safetensors as safetensors
    from tritonnn.utils import tensorboard as tensorboard
    from tritonnn.utils import throughput_benchmark as throughput_benchmark
    from tritonnn.utils import weak as weak
    from tritonnn.utils._import_utils import get_cpp_backtrace as get_cpp_backtrace
    from tritonnn.utils._import_utils import set_module as set_module
    from tritonnn.utils._summary import summary as summary
    from tritonnn.utils._swapping import swap_tensors as swap_tensors
    from tritonnn.utils.backend_registration import (
        generate_methods_for_privateuse1_backend as generate_methods_for_privateuse1_backend,
    )
    from tritonnn.utils.backend_registration import rename_privateuse1_backend as rename_privateuse1_backend
else:

    def __getattr__(name: str) -> Any:
        if name in _SUBMODULES:
            return importlib.import_module(f"{__name__}.{name}")
        if name in _FUNCTIONS:
            return getattr(importlib.import_module(f"{__name__}.{_FUNCTIONS[name]}"), name)
        raise AttributeError(f"tritonnn has no torch.utils.{name}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_SUBMODULES, *_FUNCTIONS})
