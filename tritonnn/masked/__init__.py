"""torch.masked: reductions and normalisations of the elements that a mask names.

The functions take tensors and `mask=`; a MaskedTensor carries its mask.
"""

from __future__ import annotations

from tritonnn.masked._maskedtensor import MaskedTensor, as_masked_tensor, is_masked_tensor, masked_tensor
from tritonnn.masked._normalizations import log_softmax, normalize, softmax, softmin
from tritonnn.masked._reductions import (
    amax,
    amin,
    argmax,
    argmin,
    cumprod,
    cumsum,
    logaddexp,
    logsumexp,
    mean,
    median,
    norm,
    prod,
    std,
    sum,
    var,
)

__all__ = [
    "MaskedTensor", "amax", "amin", "argmax", "argmin", "as_masked_tensor", "cumprod", "cumsum", "is_masked_tensor",
    "log_softmax", "logaddexp", "logsumexp", "masked_tensor", "mean", "median", "norm", "normalize", "prod", "softmax",
    "softmin", "std", "sum", "var",
]  # fmt: skip
