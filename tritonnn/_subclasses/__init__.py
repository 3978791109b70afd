"""Tensors of PyTorch's tracers, under the names that packages compare classes with."""

from __future__ import annotations

from tritonnn._subclasses import fake_tensor
from tritonnn._subclasses.fake_tensor import FakeTensor, FakeTensorMode

__all__ = ["FakeTensor", "FakeTensorMode", "fake_tensor"]
