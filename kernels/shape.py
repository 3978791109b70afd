"""The gradient of a slice."""

from __future__ import annotations

from tritonnn.buffer import Buffer
from tritonnn.kernels.device.moving import copy, fill, narrow


def slice_backward(
    out: Buffer, grad: Buffer, input_shape: tuple, dim: int, start: int, length: int, step: int
) -> None:
    """Zeros with `grad` written into `length` elements of `dim` from `start`, every `step`-th."""
    fill(out, 0)
    copy(narrow(out, dim, start, length, step), narrow(grad, dim, 0, length, 1))
