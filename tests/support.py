"""What the tests share: that of the generated tests, and more that only the library's own need."""

from __future__ import annotations

from typing import Any

import tritonnn as torch
from tritonnn.testing.generated.inputs import (
    HERMITIAN,
    Make,
    along,
    array,
    assert_close,
    call,
    entries,
    floating,
    leaves_of,
    mapped,
    moved,
    ops,
    permuted,
    samples,
    strided,
    tensors,
)

__all__ = [
    "ANY_PHASE", "HERMITIAN", "STORED", "Make", "along", "array", "assert_close", "call", "entries", "floating", "leaf",
    "leaves_of", "mapped", "moved", "ops", "permuted", "samples", "strided", "tensors",
]  # fmt: skip

# Every dtype that files hold, by name; safetensors has no complex128.
STORED = (
    "float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "int64", "int32", "int16", "int8",
    "uint8", "bool", "complex64", "complex128",
)  # fmt: skip


def leaf(*values: float, dtype: Any = None) -> torch.Tensor:
    """A vector that requires grad, float64 by default."""
    return torch.tensor(list(values), dtype=dtype or torch.float64, requires_grad=True)


# Ops whose results may be multiplied by any complex number of size 1, on which no loss may depend.
ANY_PHASE = {
    "linalg_eigh",
    "eigh",
    "linalg_eig",
    "eig",
    "linalg_svd",
    "svd",
    "torch_svd",
    "symeig",
    "svd_lowrank",
    "pca_lowrank",
}
