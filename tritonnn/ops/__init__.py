"""Every op. Importing this package fills the op table and attaches the methods of Tensor."""

from __future__ import annotations

from tritonnn.ops import (  # noqa: F401
    conversion,
    creation,
    joining,
    linalg,
    padding,
    reduction,
    shape,
)
