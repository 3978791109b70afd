"""Every op. Importing this package fills the op table and attaches the methods of Tensor."""

from __future__ import annotations

from tritonnn.ops import (  # noqa: F401
    activation,
    activation_backward,
    arithmetic,
    comparison,
    conversion,
    convolution,
    creation,
    derived,
    elementwise,
    fold,
    joining,
    linalg,
    operators,
    padding,
    reduction,
    shape,
)
