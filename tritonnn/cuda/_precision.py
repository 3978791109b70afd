"""How float32 products may be rounded on the GPU's matrix units: what matrix and convolution kernels ask."""

from __future__ import annotations

import warnings

MATMUL = ("highest", "high", "medium")
# The `input_precision` of Triton's `tl.dot`: full float32, three tf32 products that recover most of it, one.
DOT = {"highest": "ieee", "high": "tf32x3", "medium": "tf32"}


class Precision:
    """The process-wide settings.

    Attributes:
        matmul: 'highest', 'high' or 'medium', as `set_float32_matmul_precision` takes.
        convolution_tf32: whether convolutions round float32 operands to tf32.
    """

    matmul = "highest"
    convolution_tf32 = True


settings = Precision()


def matmul_dot() -> str:
    """The `input_precision` that float32 matrix products are to use."""
    return DOT[settings.matmul]


def convolution_dot() -> str:
    """The `input_precision` that float32 convolutions are to use."""
    return "tf32" if settings.convolution_tf32 else "ieee"


def set_float32_matmul_precision(precision: str) -> None:
    """Choose how float32 matrix products are computed on the GPU.

    Args:
        precision: 'highest' (float32 throughout, the default), 'high' (three tf32 products, nearly float32)
            or 'medium' (one tf32 product). On the CPU products are always float32.

    >>> import tritonnn as torch
    >>> torch.set_float32_matmul_precision('high')
    >>> torch.backends.cuda.matmul.allow_tf32
    True
    >>> torch.set_float32_matmul_precision('highest')
    """
    if precision not in MATMUL:
        warnings.warn(
            f"{precision!r} is not one of 'highest', 'high', 'medium'; the precision is left as it is",
            stacklevel=2,
        )
        return
    settings.matmul = precision


def get_float32_matmul_precision() -> str:
    """How float32 matrix products are computed on the GPU: 'highest', 'high' or 'medium'."""
    return settings.matmul
