"""XNNPACK, which tritonnn does not use: `enabled` is False, as in PyTorch not to be set."""

from __future__ import annotations

import types

from tritonnn.backends._switches import install

enabled: bool


class _Xnnpack(types.ModuleType):
    @property
    def enabled(self) -> bool:
        return False


install(__name__, _Xnnpack)
