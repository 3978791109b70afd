"""Every op. Importing this package fills the op table and attaches the methods of Tensor."""

from __future__ import annotations

from tritonnn.ops import (  # noqa: F401
    activation,
    activation_backward,
    arithmetic,
    attention,
    batch_norm,
    comparison,
    conv_transpose,
    conversion,
    convolution,
    creation,
    cross_entropy,
    derived,
    dropout,
    elementwise,
    embedding,
    fold,
    joining,
    linalg,
    loss,
    normalization,
    operators,
    padding,
    random,
    reduction,
    scan,
    shape,
    softmax,
    sorting,
)
