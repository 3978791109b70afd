"""`torch._subclasses`: what programs ask of tensors that stand for others."""

from __future__ import annotations

from tritonnn._subclasses.fake_tensor import FakeTensor

__all__ = ["FakeTensor"]
