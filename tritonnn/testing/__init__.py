"""Comparing results in tests, and making tensors for them."""

from __future__ import annotations

from tritonnn.testing._comparison import assert_allclose, assert_close
from tritonnn.testing._creation import make_tensor

__all__ = ["assert_allclose", "assert_close", "make_tensor"]
