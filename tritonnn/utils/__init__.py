"""Data loading, checkpointing and other helpers; submodules are imported when first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_SUBMODULES = frozenset((
    "_foreach_utils", "_import_utils", "_python_dispatch", "_pytree", "backend_registration", "benchmark", "checkpoint",
    "collect_env", "data", "deterministic", "dlpack", "flop_counter", "hooks", "module_tracker", "safetensors",
    "tensorboard", "weak",
))  # fmt: skip
_FUNCTIONS = {
    "summary": "_summary", "swap_tensors": "_swapping", "rename_privateuse1_backend": "backend_registration",
    "generate_methods_for_privateuse1_backend": "backend_registration", "set_module": "_import_utils",
    "get_cpp_backtrace": "_import_utils",
}  # fmt: skip


if TYPE_CHECKING:  # where `__getattr__` would let any name pass
    from tritonnn.utils import _foreach_utils as _foreach_utils
    from tritonnn.utils import _import_utils as _import_utils
    from tritonnn.utils import _python_dispatch as _python_dispatch
    from tritonnn.utils import _pytree as _pytree
    from tritonnn.utils import backend_registration as backend_registration
    from tritonnn.utils import checkpoint as checkpoint
    from tritonnn.utils import collect_env as collect_env
    from tritonnn.utils import data as data
    from tritonnn.utils import deterministic as deterministic
    from tritonnn.utils import dlpack as dlpack
    from tritonnn.utils import flop_counter as flop_counter
    from tritonnn.utils import hooks as hooks
    from tritonnn.utils import module_tracker as module_tracker
    from tritonnn.utils import safetensors as safetensors
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
