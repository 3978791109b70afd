"""XNNPACK, which tritonnn does not use: `enabled` is False, as in PyTorch not to be set."""

from __future__ import annotations

import types

from tritonnn.backends._switches import install

enabled: bool


class _Xnnpack(types.ModuleType):
    @property
    def enabled(self) -> bool:
        return False

    @enabled.setter
    def enabled(self, value: bool) -> None:
        raise RuntimeError(f"xnnpack.enabled cannot be set (to {value!r}): tritonnn does not use XNNPACK")


install(__name__, _Xnnpack)
