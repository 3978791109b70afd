"""The switches of cuDNN, which tritonnn does not use: convolutions are Triton kernels.

- `deterministic`: whether only deterministic algorithms may run. All of tritonnn's are, whatever it says.
- `benchmark`: whether algorithms may be chosen by timing them. Configurations come from tables, and tuning is
  asked for explicitly, so nothing is timed behind a program's back, whatever it says.
- `enabled`: kept for programs that set it.
- `allow_tf32`: whether float32 convolutions may round their operands to tf32 on the GPU.

>>> import tritonnn as torch
>>> torch.backends.cudnn.deterministic = True
>>> torch.backends.cudnn.is_available()
False
"""

from __future__ import annotations

import sys
import types
from contextlib import AbstractContextManager

from tritonnn import precision
from tritonnn.backends._switches import boolean, install, switch, temporarily

deterministic: bool
benchmark: bool
enabled: bool
allow_tf32: bool
benchmark_limit: int | None


def is_available() -> bool:
    """False: there is no cuDNN."""
    return False


def version() -> int | None:
    """None: there is no cuDNN."""
    return None


def is_acceptable(tensor: object) -> bool:
    """False: cuDNN takes no tensor."""
    return False


def flags(
    enabled: bool | None = None,
    benchmark: bool | None = None,
    benchmark_limit: int | None = None,
    deterministic: bool | None = None,
    allow_tf32: bool | None = None,
) -> AbstractContextManager[None]:
    """Context manager that sets switches for its block; those that are None stay as they are."""
    return temporarily(
        sys.modules[__name__], enabled=enabled, benchmark=benchmark, benchmark_limit=benchmark_limit,
        deterministic=deterministic, allow_tf32=allow_tf32,
    )  # fmt: skip


class _Cudnn(types.ModuleType):
    deterministic = switch("deterministic", False, boolean)
    benchmark = switch("benchmark", False, boolean)
    enabled = switch("enabled", True, boolean)
    benchmark_limit = switch("benchmark_limit", 10, int)

    @property
    def allow_tf32(self) -> bool:
        return precision.convolution_tf32

    @allow_tf32.setter
    def allow_tf32(self, value: bool) -> None:
        precision.convolution_tf32 = boolean(value)


install(__name__, _Cudnn)
